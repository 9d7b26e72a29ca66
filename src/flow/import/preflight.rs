//! What can be known before the first write: are both registries there, is everything that the archive builds on, and may this
//! account write wherever it will have to?

use std::collections::BTreeSet;

use crate::event::{Event, Events};
use crate::fault::{AnyFault, Exit, Fault};
use crate::flow::import::{Import, generation};
use crate::flow::record::History;
use crate::plan::{Assumed, Plan, Prerequisite};
use crate::reference::{PinnedRef, Repository, RepositoryRef};
use crate::registry::{Client, Left, RegistryError, Target};
use crate::site::Site;
use crate::workers;

/// Production lacks what the archive leaves out.
#[derive(Debug, thiserror::Error)]
#[error(
    "production lacks {count} of {all} manifests and blobs that this archive builds on; the first: {first}{}",
    told(.skipped)
)]
pub(in crate::flow) struct Unmet {
    /// How many.
    pub count: usize,
    /// Of how many.
    pub all: usize,
    /// The first, with the repository where it was looked for.
    pub first: String,
    /// Archives that this one takes for imported, and that were not.
    pub skipped: Vec<Assumed>,
}

/// Names archives that were packed for the site and never came into force there.
fn told(skipped: &[Assumed]) -> String {
    if skipped.is_empty() {
        return String::new();
    }
    let named: Vec<String> = skipped
        .iter()
        .map(|archive| format!("generation {} ({})", archive.generation, archive.inventory))
        .collect();
    format!("; it counts on {}, which never came into force here", named.join(" and "))
}

impl Fault for Unmet {
    fn exit(&self) -> Exit {
        Exit::Prerequisite
    }

    fn hint(&self) -> Option<String> {
        Some(complement(&self.skipped))
    }
}

/// How what is missing gets here.
pub(in crate::flow) fn complement(skipped: &[Assumed]) -> String {
    let pack = "let an archive bring what is missing: here `ombundle site report --site site.yaml -o site.json`, and outside \
                `ombundle pack -c imageset.yaml --site site.yaml --report site.json --key signer.key -o complement.ombundle`; or pack \
                with `--full`";
    match skipped.first() {
        None => pack.to_owned(),
        Some(first) => format!(
            "import the archive of generation {} first, or again where its import was broken off; where it is lost, {pack}",
            first.generation
        ),
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
        Some(remedy(&self.repository, &self.source))
    }
}

/// What to do about a repository that takes no upload.
pub(in crate::flow) fn remedy(repository: &RepositoryRef, source: &RegistryError) -> String {
    let (path, host) = (&repository.repository, &repository.host);
    let project = path.as_str().split('/').next().unwrap_or_default();
    let general = format!(
        "give this account the right to push to `{path}` on {host}; where projects or organizations are made by hand \
         (Harbor, Quay), `{project}` must be there first; if the path is wrong, mend `repositories` or `mirror` in the site file"
    );
    match source {
        RegistryError::Unauthorized { had, .. } if had.starts_with("no credentials") => {
            source.hint().unwrap_or(general)
        }
        RegistryError::Status { .. }
        | RegistryError::Unauthorized { .. }
        | RegistryError::Denied { .. }
        | RegistryError::NotFound { .. } => general,
        other => other.hint().unwrap_or(general),
    }
}

/// What of the prerequisites production lacks, each with the repository where it was looked for.
pub(in crate::flow) fn lacking(
    site: &Site,
    plan: &Plan,
    place: impl Fn(&Prerequisite) -> Result<Repository, AnyFault> + Sync,
    client: &Client,
    jobs: usize,
    events: &dyn Events,
) -> Result<Vec<PinnedRef>, AnyFault> {
    let missing = workers::map(&plan.prerequisites, jobs, events, |needed| {
        let repository = site.in_production(place(needed)?);
        let there = if needed.manifest {
            client.head_manifest(&repository, &Target::Digest(needed.digest))?.is_some()
        } else {
            client.blob_size(&repository, needed.digest)? == Some(needed.size)
        };
        Ok((!there).then(|| repository.pin(needed.digest)))
    })?;
    Ok(missing.into_iter().flatten().collect())
}

/// The archives that this one takes for imported, and that never came into force as far as journal and production know.
pub(in crate::flow) fn skipped(
    site: &Site,
    plan: &Plan,
    history: History<'_>,
    client: &Client,
) -> Result<Vec<Assumed>, AnyFault> {
    if plan.assumes.is_empty() {
        return Ok(Vec::new());
    }
    let mut known = generation::known(&site.spec.production.registry, site.name(), client)?;
    known.extend(history.generations());
    Ok(plan.assumes.iter().filter(|archive| !known.contains(&archive.generation)).cloned().collect())
}

/// That something is missing, where it is; `skipped` are archives that should have brought it.
pub(in crate::flow) fn unmet(missing: &[PinnedRef], plan: &Plan, skipped: Vec<Assumed>) -> Option<Unmet> {
    let first = missing.first()?.to_string();
    Some(Unmet { count: missing.len(), all: plan.prerequisites.len(), first, skipped })
}

impl Import<'_> {
    /// Asks both registries who they are, and production for every prerequisite.
    pub(super) fn prerequisites(
        &self,
        plan: &Plan,
        place: impl Fn(&Prerequisite) -> Result<Repository, AnyFault> + Sync,
        history: History<'_>,
    ) -> Result<(), AnyFault> {
        let Self { site, client, jobs, events, .. } = *self;
        client.ping(&site.spec.staging.registry)?;
        client.ping(&site.spec.production.registry)?;
        let missing = lacking(site, plan, place, client, jobs, events)?;
        for one in &missing {
            events.emit(&Event::Warning {
                text: &format!("production lacks {one}, which this archive builds on"),
            });
        }
        if missing.is_empty() {
            return Ok(());
        }
        let skipped = skipped(site, plan, history, client)?;
        unmet(&missing, plan, skipped).map_or(Ok(()), |unmet| Err(unmet.into()))
    }
}

/// Opens an upload in each repository and gives it up again: a right that is missing shows before the first byte moves.
pub(in crate::flow) fn writes(
    repositories: &BTreeSet<RepositoryRef>,
    client: &Client,
    jobs: usize,
    events: &dyn Events,
) -> Result<(), AnyFault> {
    let mut refused = Vec::new();
    for Tried { repository, result } in tried(repositories, client, jobs, events)? {
        refused.extend(result.err().map(|source| (repository, source)));
    }
    let count = refused.len();
    if refused.is_empty() {
        return Ok(());
    }
    let (repository, source) = refused.swap_remove(0);
    Err(NotWritable { repository, count, all: repositories.len(), source }.into())
}

/// A repository where an upload was opened and given up.
pub(in crate::flow) struct Tried {
    /// The repository.
    pub(in crate::flow) repository: RepositoryRef,
    /// What was left of it, or why there was none.
    pub(in crate::flow) result: Result<Left, RegistryError>,
}

/// What each repository says to an upload that is opened and given up again.
pub(in crate::flow) fn tried(
    repositories: &BTreeSet<RepositoryRef>,
    client: &Client,
    jobs: usize,
    events: &dyn Events,
) -> Result<Vec<Tried>, AnyFault> {
    let all: Vec<&RepositoryRef> = repositories.iter().collect();
    workers::map(&all, jobs, events, |repository| match client.try_upload(repository) {
        Err(RegistryError::Interrupted) => Err(RegistryError::Interrupted.into()),
        result => Ok(Tried { repository: (*repository).clone(), result }),
    })
}
