//! A set of images pushed, and the proof that it arrived whole.

use crate::event::{Event, Phase};
use crate::fault::{AnyFault, Exit, Fault};
use crate::oci::Platform;
use crate::reference::{PinnedRef, RepositoryRef};
use crate::transfer::{Absence, Closure, Delivery, Holdings, Tally, Transfer, closure};

/// A registry holds every image of a set whole. Only [`deliver`] makes one.
#[derive(Debug)]
pub struct Delivered {
    tally: Tally,
    present: Holdings,
}

impl Delivered {
    /// What the registry was found to hold.
    pub fn present(&self) -> &Holdings {
        &self.present
    }

    /// What was written and what was there.
    pub fn tally(&self) -> Tally {
        self.tally
    }
}

/// What was pushed is not there.
#[derive(Debug, thiserror::Error)]
#[error("`{registry}` does not hold what was pushed to it: {} ({} in all)", describe(.absences), .absences.len())]
pub struct NotWhole {
    /// The registry.
    pub registry: String,
    /// What is missing.
    pub absences: Vec<Absence>,
}

fn describe(absences: &[Absence]) -> String {
    absences.first().map_or_else(String::new, |first| {
        format!("{} of `{}`: {}", first.digest, first.image.repository, first.why)
    })
}

impl Fault for NotWhole {
    fn exit(&self) -> Exit {
        if self.absences.iter().any(|absence| absence.damaged) { Exit::Integrity } else { Exit::Registry }
    }

    fn hint(&self) -> Option<String> {
        if self.absences.iter().any(|absence| absence.damaged) {
            let mended = "the registry's storage is damaged, and pushing again does not mend it: its administrator must delete \
                          that blob; then run the same command again";
            return Some(mended.to_owned());
        }
        Some("a clean-up task may run on the registry: stop it, and run the same command again".to_owned())
    }
}

/// Pushes blobs, then manifests, then walks every image in the registry to see that it is whole.
pub fn deliver(
    deliveries: &[Delivery],
    platforms: &[Platform],
    phase: Phase,
    transfer: &Transfer<'_>,
) -> Result<Delivered, AnyFault> {
    let (items, bytes) = Transfer::size(deliveries);
    transfer.events.emit(&Event::Begin { phase, items, bytes });
    let blobs = transfer.blobs(deliveries)?;
    let manifests = transfer.manifests(deliveries)?;
    transfer.events.emit(&Event::End { phase });
    // Not only the roots: of an index they would lead to the site's own platforms, and all that was pushed must be there.
    let images: Vec<PinnedRef> = deliveries
        .iter()
        .flat_map(|delivery| {
            let repository =
                RepositoryRef { host: transfer.host.clone(), repository: delivery.repository.clone() };
            delivery.manifests.iter().map(move |manifest| repository.pin(manifest.digest))
        })
        .collect();
    let Closure { absences, present, .. } = closure(
        &images,
        platforms,
        transfer.proof,
        transfer.client,
        transfer.jobs,
        transfer.events,
        transfer.limits,
    )?;
    if absences.is_empty() {
        Ok(Delivered { tally: blobs.plus(manifests), present })
    } else {
        Err(NotWhole { registry: transfer.host.to_string(), absences }.into())
    }
}
