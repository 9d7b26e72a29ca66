//! What an import writes into its journal, and what the next one reads there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::archive::Moment;
use crate::digest::Digest;
use crate::fault::AnyFault;
use crate::finding::Finding;
use crate::reference::ImageRef;
use crate::site::ReceiptStep;
use crate::store::journal::Journal;

/// One step of an import that is done, or about to be irrevocable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Record {
    /// An archive was verified, and registries are about to be written to.
    Begin {
        /// Its generation.
        generation: u64,
        /// Its inventory.
        inventory: Digest,
        /// When, RFC 3339.
        at: String,
        /// Why it was taken although the clock spoke against it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// Where it comes from; records of before do not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        origin: Option<Origin>,
    },
    /// Staging holds it whole.
    Staged {
        /// Its inventory.
        inventory: Digest,
    },
    /// Production holds its images whole; no catalog offers them.
    Promoted {
        /// Its inventory.
        inventory: Digest,
    },
    /// What a tag will point to is in production, a merged catalog above all, and the tag is about to move.
    Prepared {
        /// Its inventory.
        inventory: Digest,
        /// The tag.
        tag: ImageRef,
        /// What it points to.
        old: Option<Digest>,
        /// What it will point to.
        new: Digest,
        /// What merging brought to light: a run that goes on after the move merges with what came of it, and has nothing to tell.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        findings: Vec<Finding>,
    },
    /// The tag was moved.
    Switched {
        /// Its inventory.
        inventory: Digest,
        /// The tag.
        tag: ImageRef,
        /// What it points to now.
        new: Digest,
    },
    /// All tags were moved: the generation is in force.
    Committed {
        /// The generation.
        generation: u64,
        /// Its inventory.
        inventory: Digest,
        /// When, RFC 3339.
        at: String,
        /// What changed, in order.
        steps: Vec<ReceiptStep>,
        /// What was told about it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        findings: Vec<Finding>,
    },
    /// A catalog is about to go back to what it was after an earlier generation.
    Return {
        /// The generation in force.
        from: u64,
        /// The one that it goes back to; 0 for what was there before the first.
        to: u64,
        /// The tag.
        tag: ImageRef,
        /// What it points to.
        old: Digest,
        /// What it will point to.
        new: Digest,
    },
    /// All catalogs went back.
    Returned {
        /// The generation in force.
        from: u64,
        /// The one that they went back to.
        to: u64,
        /// When, RFC 3339.
        at: String,
        /// What changed, in order.
        steps: Vec<ReceiptStep>,
    },
}

impl Record {
    /// The archive that it is about; nothing for a way back.
    pub fn inventory(&self) -> Option<Digest> {
        match self {
            Self::Begin { inventory, .. }
            | Self::Staged { inventory }
            | Self::Promoted { inventory }
            | Self::Prepared { inventory, .. }
            | Self::Switched { inventory, .. }
            | Self::Committed { inventory, .. } => Some(*inventory),
            Self::Return { .. } | Self::Returned { .. } => None,
        }
    }

    /// The time that the clock showed, where it was noted.
    pub fn at(&self) -> Option<Moment> {
        match self {
            Self::Begin { at, .. } | Self::Committed { at, .. } | Self::Returned { at, .. } => {
                at.parse().ok()
            }
            Self::Staged { .. }
            | Self::Promoted { .. }
            | Self::Prepared { .. }
            | Self::Switched { .. }
            | Self::Return { .. } => None,
        }
    }
}

/// Where an archive comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// Digest of the plan that it was packed from.
    pub plan: Digest,
    /// Ids of the keys that signed it.
    pub signers: Vec<String>,
    /// The archive before it, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predecessor: Option<Digest>,
}

/// A site's journal on this machine.
#[derive(Debug)]
pub struct Log {
    journal: Journal<Record>,
}

/// What a journal says, for who only looks.
#[derive(Debug, Clone, Copy)]
pub struct History<'r>(pub &'r [Record]);

impl Log {
    /// Where it is inside the state folder.
    pub fn path(state: &Path) -> PathBuf {
        state.join("journal.jsonl")
    }

    /// Opens it, or begins it.
    pub fn open(state: &Path) -> Result<Self, AnyFault> {
        Ok(Self { journal: Journal::open(&Self::path(state))? })
    }

    /// What was recorded, oldest first.
    pub fn records(&self) -> &[Record] {
        self.journal.records()
    }

    /// The same, to be asked.
    pub fn history(&self) -> History<'_> {
        History(self.records())
    }

    /// Adds a record unless the last one says the same: a step that is done again is not done anew.
    pub fn note(&mut self, record: &Record) -> Result<(), AnyFault> {
        if self.journal.records().last() != Some(record) {
            self.journal.append(record)?;
        }
        Ok(())
    }
}

impl<'r> History<'r> {
    /// What a tag pointed to before this archive moved it to `new`, as far as it was noted.
    pub fn old_of(self, archive: &Digest, tag: &ImageRef, new: &Digest) -> Option<Option<Digest>> {
        self.0.iter().find_map(|record| match record {
            Record::Prepared { inventory, tag: found, old, new: to, .. }
                if inventory == archive && found == tag && to == new && old.as_ref() != Some(new) =>
            {
                Some(*old)
            }
            _ => None,
        })
    }

    /// Whether this archive switched one tag before the other; nothing where it did not switch both.
    pub fn switched_before(self, archive: &Digest, one: &ImageRef, other: &ImageRef) -> Option<bool> {
        let last = |wanted: &ImageRef| {
            self.0.iter().rposition(|record| {
                matches!(record, Record::Switched { inventory, tag, .. } if inventory == archive && tag == wanted)
            })
        };
        Some(last(one)? < last(other)?)
    }

    /// What was told when this archive moved a tag to `new`.
    pub fn told_of(self, archive: &Digest, tag: &ImageRef, new: &Digest) -> Option<&'r [Finding]> {
        self.0.iter().rev().find_map(|record| match record {
            Record::Prepared { inventory, tag: found, new: to, findings, .. }
                if inventory == archive && found == tag && to == new =>
            {
                Some(findings.as_slice())
            }
            _ => None,
        })
    }

    /// The record that put this archive in force, if it is: the last one, where another decision put it in force once more.
    pub fn committed(self, archive: &Digest) -> Option<&'r Record> {
        self.0
            .iter()
            .rfind(|record| matches!(record, Record::Committed { inventory, .. } if inventory == archive))
    }

    /// Whether this archive was about to move a tag, or moved one, after it was put in force last: a run with another decision did not
    /// get to its end.
    pub fn is_unsettled(self, archive: &Digest) -> bool {
        let last = self.0.iter().rev().find(|record| record.inventory() == Some(*archive));
        matches!(last, Some(Record::Prepared { .. } | Record::Switched { .. }))
    }

    /// Why an archive was taken although the clock spoke against it, if it did.
    pub fn reason(self, archive: &Digest) -> Option<&'r str> {
        self.0.iter().rev().find_map(|record| match record {
            Record::Begin { inventory, reason: Some(reason), .. } if inventory == archive => {
                Some(reason.as_str())
            }
            _ => None,
        })
    }

    /// Every tag that an import moved.
    pub fn switched(self) -> impl Iterator<Item = &'r ImageRef> {
        self.0.iter().filter_map(|record| match record {
            Record::Switched { tag, .. } => Some(tag),
            _ => None,
        })
    }

    /// The highest generation that came into force, be it in a part, and its inventory: once a catalog was switched clusters may
    /// have seen it, whether the import got to its end or not.
    pub fn in_force(self) -> Option<(u64, Digest)> {
        let in_force = self.0.iter().filter_map(|record| match record {
            Record::Committed { generation, inventory, .. } => Some((*generation, *inventory)),
            Record::Switched { inventory, .. } => Some((self.generation_of(inventory)?, *inventory)),
            _ => None,
        });
        in_force.max_by_key(|(generation, _)| *generation)
    }

    /// Tags that an import was about to move when it ended: whether they moved is known to the registry alone.
    pub fn undecided(self) -> Vec<Undecided<'r>> {
        let decided = |archive: &Digest| {
            self.0.iter().any(|record| match record {
                Record::Switched { inventory, .. } | Record::Committed { inventory, .. } => {
                    inventory == archive
                }
                _ => false,
            })
        };
        let prepared = self.0.iter().filter_map(|record| match record {
            Record::Prepared { inventory, tag, new, .. } if !decided(inventory) => Some(Undecided {
                generation: self.generation_of(inventory)?,
                inventory: *inventory,
                tag,
                new: *new,
            }),
            _ => None,
        });
        prepared.collect()
    }

    /// The generations that came into force, be it in a part.
    pub fn generations(self) -> BTreeSet<u64> {
        let in_force = self.0.iter().filter_map(|record| match record {
            Record::Committed { generation, .. } => Some(*generation),
            Record::Switched { inventory, .. } => self.generation_of(inventory),
            _ => None,
        });
        in_force.collect()
    }

    /// What a tag pointed to before the first archive of this generation moved it, where that was noted.
    pub fn before(self, generation: u64, tag: &ImageRef) -> Option<Digest> {
        self.0.iter().find_map(|record| match record {
            Record::Prepared { inventory, tag: found, old, .. }
                if found == tag && self.generation_of(inventory) == Some(generation) =>
            {
                *old
            }
            _ => None,
        })
    }

    /// The last generation between these two that moved a tag, as far as it was noted.
    pub fn moved_between(self, after: u64, before: u64, tag: &ImageRef) -> Option<u64> {
        let is_done = |archive: &Digest| {
            let switched = |record: &Record| matches!(record, Record::Switched { inventory, tag: found, .. } if inventory == archive && found == tag);
            self.committed(archive).is_some() || self.0.iter().any(switched)
        };
        let moved = self.0.iter().filter_map(|record| match record {
            Record::Prepared { inventory, tag: found, old, new, .. }
                if found == tag && old.as_ref() != Some(new) && is_done(inventory) =>
            {
                self.generation_of(inventory)
            }
            _ => None,
        });
        moved.filter(|it| after < *it && *it < before).max()
    }

    /// What the generations after this one changed, in order.
    pub fn moved_after(self, generation: u64) -> Vec<ReceiptStep> {
        let steps = self.0.iter().filter_map(|record| match record {
            Record::Committed { generation: found, steps, .. } if *found > generation => Some(steps),
            _ => None,
        });
        steps.flatten().cloned().collect()
    }

    /// The moves of a way back that did not get to its end, or of the last one that did, in order.
    pub fn returned(self, from: u64, to: u64) -> Vec<ReceiptStep> {
        let elsewhere = |record: &Record| match record {
            Record::Committed { .. } | Record::Switched { .. } => true,
            Record::Returned { from: left, to: target, .. } => (*left, *target) != (from, to),
            _ => false,
        };
        let since = self.0.iter().rposition(elsewhere).map_or(0, |at| at + 1);
        let mut steps: Vec<ReceiptStep> = Vec::new();
        for record in self.0.iter().skip(since) {
            if let Record::Return { from: left, to: target, tag, old, new } = record
                && (*left, *target) == (from, to)
                && !steps.iter().any(|step| step.subject == tag.to_string())
            {
                steps.push(ReceiptStep { subject: tag.to_string(), before: Some(*old), after: *new });
            }
        }
        steps
    }

    /// The generation of the import that was begun last, if it did not get to its end: what it brought is in production, and no
    /// catalog offers it yet.
    pub fn unfinished(self) -> Option<u64> {
        let begun = self.0.iter().rev().find_map(|record| match record {
            Record::Begin { generation, inventory, .. } => Some((*generation, inventory)),
            _ => None,
        });
        begun.filter(|(_, inventory)| self.committed(inventory).is_none()).map(|(generation, _)| generation)
    }

    /// The generation of an archive, as its import noted it when it began.
    fn generation_of(self, archive: &Digest) -> Option<u64> {
        self.0.iter().find_map(|record| match record {
            Record::Begin { generation, inventory, .. } if inventory == archive => Some(*generation),
            _ => None,
        })
    }
}

/// A tag that may have moved.
#[derive(Debug, Clone, Copy)]
pub struct Undecided<'r> {
    /// The generation of the archive.
    pub generation: u64,
    /// Its inventory.
    pub inventory: Digest,
    /// The tag.
    pub tag: &'r ImageRef,
    /// What it points to if it moved.
    pub new: Digest,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The steps of one import: prepared from `old` to `new`, and committed if it got so far.
    fn import(generation: u64, old: &str, new: &str, committed: bool) -> Vec<Record> {
        let digest = |name: &str| Digest::of(name.as_bytes());
        let (inventory, at) = (digest(&format!("inventory {generation}")), "2026-01-01T00:00:00Z".to_owned());
        let old = (!old.is_empty()).then(|| digest(old));
        let begin = Record::Begin { generation, inventory, at: at.clone(), reason: None, origin: None };
        let prepared =
            Record::Prepared { inventory, tag: tag(), old, new: digest(new), findings: Vec::new() };
        let last = Record::Committed { generation, inventory, at, steps: Vec::new(), findings: Vec::new() };
        [begin, prepared].into_iter().chain(committed.then_some(last)).collect()
    }

    fn switched(generation: u64, tag: &ImageRef) -> Record {
        let inventory = Digest::of(format!("inventory {generation}").as_bytes());
        Record::Switched { inventory, tag: tag.clone(), new: Digest::of(b"new") }
    }

    fn tag() -> ImageRef {
        "prod.example/index:v1".parse().unwrap()
    }

    #[test]
    fn what_moved_a_tag_between_two_generations_is_known() {
        let other = "prod.example/other:v1".parse().unwrap();
        let records: Vec<Record> = [
            import(1, "", "a", true),
            import(2, "a", "b", true),
            // Nothing moved, and nothing came of it.
            import(3, "b", "b", true),
            import(4, "b", "c", false),
            vec![switched(4, &other)],
            import(5, "b", "d", false),
            vec![switched(5, &tag())],
        ]
        .concat();
        let moved = |after, before| History(&records).moved_between(after, before, &tag());
        for (after, before, expected) in
            [(0, 2, Some(1)), (0, 5, Some(2)), (1, 5, Some(2)), (2, 5, None), (1, 2, None), (0, 9, Some(5))]
        {
            assert_eq!(moved(after, before), expected, "{after}..{before}");
        }
        assert_eq!(History(&records).moved_between(0, 9, &other), None);
    }
}
