//! What can be known before the first write: are both registries there, and is everything that the archive builds on?

use crate::event::Events;
use crate::fault::{AnyFault, Exit, Fault};
use crate::plan::{Plan, Prerequisite};
use crate::reference::{Repository, RepositoryRef};
use crate::registry::{Client, Target};
use crate::site::Site;
use crate::workers;

/// Production lacks what the archive leaves out.
#[derive(Debug, thiserror::Error)]
#[error("production lacks {count} blobs that this archive builds on; the first: {first}")]
pub(super) struct Unmet {
    /// How many.
    pub count: usize,
    /// The first, with the repository where it was looked for.
    pub first: String,
}

impl Fault for Unmet {
    fn exit(&self) -> Exit {
        Exit::Prerequisite
    }

    fn hint(&self) -> Option<String> {
        Some(
            "pack again with `--report` and the last receipt.json of this site, or without a report for a full archive"
                .to_owned(),
        )
    }
}

/// Asks both registries who they are, and production for every prerequisite.
pub(super) fn preflight(
    site: &Site,
    plan: &Plan,
    place: impl Fn(&Prerequisite) -> Result<Repository, AnyFault> + Sync,
    client: &Client,
    jobs: usize,
    events: &dyn Events,
) -> Result<(), AnyFault> {
    client.ping(&site.spec.staging.registry)?;
    client.ping(&site.spec.production.registry)?;
    let missing = workers::map(&plan.prerequisites, jobs, events, |needed| {
        let repository =
            RepositoryRef { host: site.spec.production.registry.clone(), repository: place(needed)? };
        let there = if needed.manifest {
            client.head_manifest(&repository, &Target::Digest(needed.digest))?.is_some()
        } else {
            client.blob_size(&repository, needed.digest)? == Some(needed.size)
        };
        Ok((!there).then(|| format!("{} in `{repository}`", needed.digest)))
    })?;
    let missing: Vec<String> = missing.into_iter().flatten().collect();
    match missing.first() {
        None => Ok(()),
        Some(first) => Err(Unmet { count: missing.len(), first: first.clone() }.into()),
    }
}
