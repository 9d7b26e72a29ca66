//! What a vacuum leaves in its journal: which plan was carried out, when, and what that changed.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::reference::{ImageRef, RegistryHost, Repository};
use crate::store::files::StoreError;
use crate::store::journal::Journal;

/// Where the journal is inside the state folder.
pub fn path(state: &Path) -> PathBuf {
    state.join("vacuum.jsonl")
}

/// One step that is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Record {
    /// A plan is about to be carried out, or gone on with.
    Begin {
        /// Its digest.
        plan: Digest,
        /// When, RFC 3339.
        at: String,
    },
    /// A smaller catalog is in force.
    Switched {
        /// The plan.
        plan: Digest,
        /// The catalog's tag.
        tag: ImageRef,
        /// What it led to.
        old: Digest,
        /// What it leads to.
        new: Digest,
    },
    /// All that the plan lets go of a repository is gone.
    Deleted {
        /// The plan.
        plan: Digest,
        /// The repository.
        repository: Repository,
        /// How many manifests this run deleted there.
        manifests: u64,
    },
    /// What stays was copied to another registry, where all catalogs are in force now.
    Moved {
        /// The plan.
        plan: Digest,
        /// The registry.
        to: RegistryHost,
    },
    /// The plan was carried out to its end.
    Done {
        /// The plan.
        plan: Digest,
        /// How many manifests this run deleted.
        deleted: u64,
    },
}

/// A move that got to its end; no later one did.
pub(super) struct LastMove {
    /// Its plan.
    pub(super) plan: Digest,
    /// The registry that took over.
    pub(super) to: RegistryHost,
    /// When it was carried out last, RFC 3339.
    pub(super) at: String,
}

impl LastMove {
    /// The last one of a site.
    pub(super) fn of(state: &Path) -> Result<Option<Self>, StoreError> {
        let records: Vec<Record> = Journal::read(&path(state))?;
        let (mut begun, mut last) = (String::new(), None);
        for record in records {
            match record {
                Record::Begin { at, .. } => begun = at,
                Record::Moved { plan, to } => last = Some(Self { plan, to, at: begun.clone() }),
                Record::Switched { .. } | Record::Deleted { .. } | Record::Done { .. } => {}
            }
        }
        Ok(last)
    }
}

impl Record {
    /// The journal of a site's vacuums.
    pub(super) fn log(state: &Path) -> Result<Journal<Self>, StoreError> {
        Journal::open(&path(state))
    }
}
