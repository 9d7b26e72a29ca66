//! The generation below which nothing is taken, from both places that know it: the journal here, and production itself.

use crate::event::Event;
use crate::fault::{AnyFault, Exit, Fault};
use crate::flow::import::{Import, generation};
use crate::flow::record::{History, Undecided};
use crate::promote::pointed_to;
use crate::registry::Target;
use crate::verify::{Floor, VerifiedArchive};

/// The journal and production contradict each other about the generation of this very archive.
#[derive(Debug, thiserror::Error)]
#[error(
    "this machine imported generation {sequence} from the archive {here}, and production has it from the archive {there}"
)]
pub(super) struct Disputed {
    /// The generation.
    sequence: u64,
    /// The inventory in the journal.
    here: String,
    /// The inventory in production.
    there: String,
}

impl Fault for Disputed {
    fn exit(&self) -> Exit {
        Exit::Trust
    }

    fn hint(&self) -> Option<String> {
        let next = self.sequence.saturating_add(1);
        Some(format!(
            "two archives were packed with one number. Find out which of them production should have, and pack it again \
             with `--sequence {next}`: what is newer than both ends the dispute"
        ))
    }
}

/// Somebody else's import came first, with something newer.
#[derive(Debug, thiserror::Error)]
#[error("generation {sequence} came too late: meanwhile generation {by} was imported")]
pub(super) struct Outrun {
    /// What was to be imported.
    sequence: u64,
    /// What is in force.
    by: u64,
}

impl Fault for Outrun {
    fn exit(&self) -> Exit {
        Exit::Trust
    }

    fn hint(&self) -> Option<String> {
        Some("what it should have brought must be packed again, with a number above that".to_owned())
    }
}

impl Import<'_> {
    /// The floor by the journal alone.
    pub(super) fn local_floor(history: History<'_>) -> Option<Floor> {
        history.in_force().map(|(sequence, inventory)| Floor { sequence, inventory })
    }

    /// The floor when production was asked too, where that is higher than the journal's. The archive has passed the journal's.
    pub(super) fn higher_floor(
        &self,
        history: History<'_>,
        archive: &VerifiedArchive,
    ) -> Result<Option<Floor>, AnyFault> {
        let journal = Self::local_floor(history);
        let mut local = journal;
        for Undecided { generation: sequence, inventory, tag, new } in history.undecided() {
            let higher = local.is_none_or(|local| local.sequence < sequence);
            let moved = |target| pointed_to(self.client, &tag.repository, &target);
            if higher && Target::of(tag).map(moved).transpose()?.flatten() == Some(new) {
                local = Some(Floor { sequence, inventory });
            }
        }
        let production = &self.site.spec.production.registry;
        let site = self.site.name();
        let kept = generation::latest(production, site, self.trust, self.client, self.events, self.limits)?;
        let text = match (local, kept) {
            (None, Some(kept)) => format!(
                "the journal is new; production says that generation {} was imported last, and that holds",
                kept.sequence
            ),
            (Some(local), Some(kept)) if kept.sequence > local.sequence => format!(
                "the journal ends with generation {}; production says that generation {} was imported last, and that holds",
                local.sequence, kept.sequence
            ),
            (Some(local), Some(kept))
                if kept.sequence == local.sequence && kept.inventory != local.inventory =>
            {
                let sequence = local.sequence;
                if archive.inventory().sequence <= sequence {
                    let (here, there) = (local.inventory.to_string(), kept.inventory.to_string());
                    return Err(Disputed { sequence, here, there }.into());
                }
                format!(
                    "the journal and production know generation {sequence} as different archives; this one comes after both"
                )
            }
            _ => return Ok(local.filter(|_| local != journal)),
        };
        self.events.emit(&Event::Warning { text: &text });
        Ok(kept.filter(|kept| local.is_none_or(|local| kept.sequence > local.sequence)).or(local))
    }

    /// Asks production once more for its floor, when nobody else can raise it any longer.
    pub(super) fn still_newest(
        &self,
        history: History<'_>,
        archive: &VerifiedArchive,
    ) -> Result<(), AnyFault> {
        let (sequence, inventory) = (archive.inventory().sequence, archive.inventory().digest());
        match self.higher_floor(history, archive)? {
            Some(floor)
                if floor.sequence > sequence
                    || floor.sequence == sequence && floor.inventory != inventory =>
            {
                Err(Outrun { sequence, by: floor.sequence }.into())
            }
            _ => Ok(()),
        }
    }
}
