//! What an import writes into its journal, and what the next one reads there.

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
}

impl Record {
    /// The time that the clock showed, where it was noted.
    pub fn at(&self) -> Option<Moment> {
        match self {
            Self::Begin { at, .. } | Self::Committed { at, .. } => at.parse().ok(),
            Self::Staged { .. } | Self::Promoted { .. } | Self::Prepared { .. } | Self::Switched { .. } => {
                None
            }
        }
    }
}

/// A site's journal on this machine.
#[derive(Debug)]
pub struct Log {
    journal: Journal<Record>,
}

impl Log {
    /// Where it is inside the state folder.
    pub fn path(state: &Path) -> PathBuf {
        state.join("journal.jsonl")
    }

    /// Opens it, or begins it.
    pub fn open(state: &Path) -> Result<Self, AnyFault> {
        Ok(Self { journal: Journal::open(&Self::path(state))? })
    }

    /// Adds a record unless the last one says the same: a step that is done again is not done anew.
    pub fn note(&mut self, record: &Record) -> Result<(), AnyFault> {
        if self.journal.records().last() != Some(record) {
            self.journal.append(record)?;
        }
        Ok(())
    }

    /// What a tag pointed to before this archive moved it to `new`, as far as it was noted.
    pub fn old_of(&self, archive: &Digest, tag: &ImageRef, new: &Digest) -> Option<Option<Digest>> {
        self.journal.records().iter().find_map(|record| match record {
            Record::Prepared { inventory, tag: found, old, new: to }
                if inventory == archive && found == tag && to == new && old.as_ref() != Some(new) =>
            {
                Some(*old)
            }
            _ => None,
        })
    }

    /// The last generation in force and its inventory.
    pub fn last_committed(&self) -> Option<(u64, Digest)> {
        last_committed(self.journal.records())
    }

    /// The record that put this archive in force, if it is.
    pub fn committed(&self, archive: &Digest) -> Option<&Record> {
        self.journal
            .records()
            .iter()
            .find(|record| matches!(record, Record::Committed { inventory, .. } if inventory == archive))
    }
}

/// The last generation in force and its inventory.
pub fn last_committed(records: &[Record]) -> Option<(u64, Digest)> {
    records.iter().rev().find_map(|record| match record {
        Record::Committed { generation, inventory, .. } => Some((*generation, *inventory)),
        _ => None,
    })
}
