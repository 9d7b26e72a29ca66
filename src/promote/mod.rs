//! What was staged into production, and the one commit of each catalog.

mod commit;
mod lease;

pub use commit::{CatalogTag, Commit, PromoteError, pointed_to, put_tag};
pub use lease::{Claimant, Lease, is_lease};

use crate::event::Phase;
use crate::fault::AnyFault;
use crate::oci::Platform;
use crate::stage::Staged;
use crate::transfer::{Delivered, Delivery, Holdings, Tally, Transfer, deliver};

/// The production registry holds every image of a staged archive whole; no catalog offers them yet. Only [`promote`] makes one.
#[derive(Debug)]
pub struct Promoted {
    delivered: Delivered,
}

impl Promoted {
    /// What production was found to hold of it.
    pub fn present(&self) -> &Holdings {
        self.delivered.present()
    }

    /// What was written and what was there.
    pub fn tally(&self) -> Tally {
        self.delivered.tally()
    }
}

/// Pushes what was staged to the production registry, which `transfer` names, and proves that it is there.
///
/// The bytes come from the archive again, not from staging: a registry may serve a flipped byte under a right digest, and two
/// ports share nothing that a mount could use.
pub fn promote(
    _staged: &Staged,
    deliveries: &[Delivery],
    platforms: &[Platform],
    transfer: &Transfer<'_>,
) -> Result<Promoted, AnyFault> {
    let delivered = deliver(deliveries, platforms, Phase::Promote, transfer)?;
    Ok(Promoted { delivered })
}
