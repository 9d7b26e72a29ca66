//! What can be known before the first write: are both registries there, is everything that the archive builds on, and may this
//! account write wherever it will have to?

use std::collections::BTreeSet;

use crate::event::{Event, Events};
use crate::fault::{AnyFault, Exit, Fault};
use crate::plan::{Plan, Prerequisite};
use crate::reference::{Repository, RepositoryRef};
use crate::registry::{Client, RegistryError, Target};
use crate::site::Site;
use crate::workers;

/// Production lacks what the archive leaves out.
#[derive(Debug, thiserror::Error)]
#[error(
    "production lacks {count} of {all} manifests and blobs that this archive builds on; the first: {first}"
)]
pub(super) struct Unmet {
    /// How many.
    pub count: usize,
    /// Of how many.
    pub all: usize,
    /// The first, with the repository where it was looked for.
    pub first: String,
}

impl Fault for Unmet {
    fn exit(&self) -> Exit {
        Exit::Prerequisite
    }

    fn hint(&self) -> Option<String> {
        Some(
            "let an archive bring what is missing: here `ombundle site report --site site.yaml -o site.json`, and outside \
             `ombundle pack -c imageset.yaml --site site.yaml --report site.json --key signer.key -o complement.ombundle`; or pack \
             without `--report` for a full archive"
                .to_owned(),
        )
    }
}

/// A registry takes no upload where one will be needed.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{repository}` takes no upload, and {count} of {all} repositories that this import writes to do not; nothing was written"
)]
pub(super) struct NotWritable {
    /// The first of them.
    repository: RepositoryRef,
    /// How many there are.
    count: usize,
    /// How many were tried.
    all: usize,
    /// What the registry said.
    #[source]
    source: RegistryError,
}

impl Fault for NotWritable {
    fn exit(&self) -> Exit {
        self.source.exit()
    }

    fn hint(&self) -> Option<String> {
        let repository = &self.repository.repository;
        let (project, host) =
            (repository.as_str().split('/').next().unwrap_or_default(), &self.repository.host);
        let general = format!(
            "give this account the right to push to `{repository}` on {host}; where projects or organizations are made by hand \
             (Harbor, Quay), `{project}` must be there first; if the path is wrong, mend `repositories` or `mirror` in the site file"
        );
        Some(match &self.source {
            RegistryError::Unauthorized { had, .. } if had.starts_with("no credentials") => {
                self.source.hint().unwrap_or(general)
            }
            RegistryError::Status { .. }
            | RegistryError::Unauthorized { .. }
            | RegistryError::Denied { .. }
            | RegistryError::NotFound { .. } => general,
            other => other.hint().unwrap_or(general),
        })
    }
}

/// Asks both registries who they are, and production for every prerequisite.
pub(super) fn prerequisites(
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
        let repository = site.in_production(place(needed)?);
        let there = if needed.manifest {
            client.head_manifest(&repository, &Target::Digest(needed.digest))?.is_some()
        } else {
            client.blob_size(&repository, needed.digest)? == Some(needed.size)
        };
        Ok((!there).then(|| format!("{} in `{repository}`", needed.digest)))
    })?;
    let missing: Vec<String> = missing.into_iter().flatten().collect();
    for one in &missing {
        events
            .emit(&Event::Warning { text: &format!("production lacks {one}, which this archive builds on") });
    }
    match missing.first() {
        None => Ok(()),
        Some(first) => {
            let (count, all) = (missing.len(), plan.prerequisites.len());
            Err(Unmet { count, all, first: first.clone() }.into())
        }
    }
}

/// Opens an upload in each repository and gives it up again: a right that is missing shows before the first byte moves.
pub(in crate::flow) fn writes(
    repositories: &BTreeSet<RepositoryRef>,
    client: &Client,
    jobs: usize,
    events: &dyn Events,
) -> Result<(), AnyFault> {
    let all: Vec<&RepositoryRef> = repositories.iter().collect();
    let refused = workers::map(&all, jobs, events, |repository| match client.try_upload(repository) {
        Ok(()) => Ok(None),
        Err(RegistryError::Interrupted) => Err(RegistryError::Interrupted.into()),
        Err(source) => Ok(Some(((*repository).clone(), source))),
    })?;
    let mut refused: Vec<_> = refused.into_iter().flatten().collect();
    let count = refused.len();
    if refused.is_empty() {
        return Ok(());
    }
    let (repository, source) = refused.swap_remove(0);
    Err(NotWritable { repository, count, all: all.len(), source }.into())
}
