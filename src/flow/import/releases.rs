//! What an archive brings of OpenShift: judged before the first write, and found whole in production before anything is emitted.

use std::collections::BTreeSet;

use crate::emit::{EmittedRelease, Releases, UpdateServiceSource};
use crate::fault::{AnyFault, Exit, Fault};
use crate::flow::import::Import;
use crate::flow::import::contents::{ArchiveSource, Contents};
use crate::flow::import::graph_data::GraphData;
use crate::flow::release_image::serves;
use crate::flow::release_proof::prove;
use crate::flow::standing::Onlooker;
use crate::mapping::Mapping;
use crate::oci::{ManifestView, Platform};
use crate::plan::{Plan, PlannedRelease};
use crate::reference::RepositoryRef;
use crate::release::Architecture;
use crate::site::ReleaseState;
use crate::text::Safe;
use crate::transfer::read_manifest;
use crate::version::Version;

/// Why the releases of an archive do not come in.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReleaseRefused {
    /// They are older than what runs.
    #[error(
        "the newest release of the archive is {newest}, and the cluster runs {runs}: OpenShift does not go back"
    )]
    Older {
        /// The newest that it brings.
        newest: Version,
        /// What runs.
        runs: Version,
    },
    /// They are for other machines.
    #[error("the release {release} is not for the machines of this site, which are {platforms}")]
    Architecture {
        /// Version and architecture.
        release: String,
        /// The site's platforms.
        platforms: String,
    },
    /// Something that they need is not in production.
    #[error("{count} images of OpenShift releases do not resolve in production; the first: {first}")]
    Incomplete {
        /// How many.
        count: usize,
        /// The first of them.
        first: String,
    },
}

impl Fault for ReleaseRefused {
    fn exit(&self) -> Exit {
        match self {
            Self::Older { .. } => Exit::Conflict,
            Self::Architecture { .. } => Exit::Usage,
            Self::Incomplete { .. } => Exit::Prerequisite,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Older { .. } => {
                "plan anew with a dump of this cluster or its last receipt; if the dump is of another cluster, give the right one"
                    .to_owned()
            }
            Self::Architecture { .. } => {
                "plan with the architecture of the site's nodes, or correct `spec.platforms` of the site file".to_owned()
            }
            Self::Incomplete { .. } => {
                "a clean-up task may run on the registry: stop it, and run the same import again; else pack again with `--full`"
                    .to_owned()
            }
        })
    }
}

/// The releases of an archive, believed.
#[derive(Debug, Default)]
pub(super) struct ReleaseCase {
    /// In the order of the plan.
    pub(super) emitted: Vec<EmittedRelease>,
    /// The image that the update service is fed with.
    pub(super) graph: Option<GraphData>,
    /// What the update service serves.
    pub(super) update_service: Option<UpdateServiceSource>,
}

impl ReleaseCase {
    /// What is emitted of it.
    pub(super) fn resources<'c>(&'c self, plan: &'c Plan, legacy_icsp: bool) -> Releases<'c> {
        Releases {
            releases: &self.emitted,
            path: plan.release_path.as_ref(),
            order: &plan.order,
            installed_gates: &plan.installed_gates,
            update_service: self.update_service.as_ref(),
            legacy_icsp,
        }
    }
}

impl Import<'_> {
    /// Verifies the vendor's signatures once more, with the keys of this site, and holds the releases to what the site is.
    pub(super) fn release_case(
        &self,
        contents: &Contents<'_>,
        mapping: &Mapping,
        source: &ArchiveSource<'_>,
    ) -> Result<ReleaseCase, AnyFault> {
        let plan = &contents.plan;
        if plan.releases.is_empty() && plan.graph_data.is_none() {
            return Ok(ReleaseCase::default());
        }
        let proven = prove(plan, self.release_keys, self.policy.now, self.limits)?;
        self.not_older(&plan.releases)?;
        fitting(&plan.releases, &self.site.spec.platforms)?;
        self.serving(contents, source)?;
        let emitted = plan.releases.iter().zip(proven).map(|(release, verified)| EmittedRelease {
            version: release.version.clone(),
            architecture: release.architecture,
            image: release.image.clone(),
            verified,
            gates: release.gates.clone(),
            sigstore: release.has_sigstore(&plan.images),
        });
        let emitted: Vec<_> = emitted.collect();
        let graph = self.graph_data(contents, source)?;
        let update_service = match (&graph, plan.releases.first()) {
            (Some(graph), Some(release)) => Some(UpdateServiceSource {
                releases: self.at_production(mapping, &release.image.repository)?,
                graph_data: graph.reference(),
            }),
            _ => None,
        };
        Ok(ReleaseCase { emitted, graph, update_service })
    }

    /// Of a release for several architectures something comes for each node.
    fn serving(&self, contents: &Contents<'_>, source: &ArchiveSource<'_>) -> Result<(), AnyFault> {
        let releases = contents.plan.releases.iter().filter(|one| one.architecture == Architecture::Multi);
        for release in releases {
            let mut images = contents.images.iter().map(|placed| &placed.image);
            let Some(image) = images.find(|image| image.root.digest == release.image.digest) else {
                continue;
            };
            let root = read_manifest(source, &image.root, self.limits)?;
            let ManifestView::Index(mut index) = root.view(self.limits)? else { continue };
            index.manifests.retain(|entry| image.manifests.iter().any(|comes| comes.digest == entry.digest));
            serves(&index.manifests, &release.image, &self.site.spec.platforms)?;
        }
        Ok(())
    }

    fn at_production(&self, mapping: &Mapping, source: &RepositoryRef) -> Result<RepositoryRef, AnyFault> {
        Ok(self.site.in_production(mapping.mirror(source)?))
    }

    /// What runs may be newer than all that comes, when an old archive is found in a drawer.
    fn not_older(&self, releases: &[PlannedRelease]) -> Result<(), AnyFault> {
        let newest = releases.iter().map(|release| &release.version).max_by(|a, b| a.precedence(b));
        if let (Some(newest), Some(runs)) = (newest, self.runs()?)
            && newest.precedence(&runs).is_lt()
        {
            return Err(ReleaseRefused::Older { newest: newest.clone(), runs }.into());
        }
        Ok(())
    }

    /// Looks for every component that the release images in production name, where nodes will look for it.
    pub(super) fn releases_are_whole(
        &self,
        contents: &Contents<'_>,
        onlooker: &Onlooker<'_>,
    ) -> Result<Vec<ReleaseState>, AnyFault> {
        let mut missing = Vec::new();
        let mut states = Vec::new();
        for release in &contents.plan.releases {
            let repository = self.at_production(onlooker.mapping, &release.image.repository)?;
            let left_out: BTreeSet<String> = release.left_out.iter().cloned().collect();
            let image = repository.pin(release.image.digest);
            let standing = onlooker.look_at_release(&image, &release.version, &left_out)?;
            missing.extend(standing.missing);
            states.push(ReleaseState {
                version: release.version.clone(),
                architecture: release.architecture,
                image: release.image.clone(),
                mirror: repository.tag(release.tag.clone()),
                left_out: release.left_out.clone(),
            });
        }
        match missing.first() {
            None => Ok(states),
            Some(first) => {
                let first = format!("{}: {}", Safe(&first.image), Safe(&first.why));
                Err(ReleaseRefused::Incomplete { count: missing.len(), first }.into())
            }
        }
    }
}

/// A release for one architecture needs nodes of it.
fn fitting(releases: &[PlannedRelease], platforms: &[Platform]) -> Result<(), ReleaseRefused> {
    let fits = |release: &&PlannedRelease| {
        release.architecture == Architecture::Multi
            || platforms.iter().any(|platform| platform.architecture() == release.architecture.as_str())
    };
    match releases.iter().find(|release| !fits(release)) {
        None => Ok(()),
        Some(release) => {
            let platforms: Vec<_> = platforms.iter().map(ToString::to_string).collect();
            Err(ReleaseRefused::Architecture { release: release.label(), platforms: platforms.join(", ") })
        }
    }
}
