//! A verified archive into the staging registry.

use crate::event::Phase;
use crate::fault::AnyFault;
use crate::oci::Platform;
use crate::transfer::{Delivered, Delivery, Tally, Transfer, deliver};
use crate::verify::VerifiedArchive;

/// The staging registry holds every image of a verified archive whole. Only [`stage`] makes one.
#[derive(Debug)]
pub struct Staged {
    delivered: Delivered,
}

impl Staged {
    /// What was written and what was there.
    pub fn tally(&self) -> Tally {
        self.delivered.tally()
    }
}

/// Pushes all that `archive` holds to the staging registry, which `transfer` names, and proves that it is there.
pub fn stage(
    _archive: &VerifiedArchive,
    deliveries: &[Delivery],
    platforms: &[Platform],
    transfer: &Transfer<'_>,
) -> Result<Staged, AnyFault> {
    let delivered = deliver(deliveries, platforms, Phase::Stage, transfer)?;
    Ok(Staged { delivered })
}
