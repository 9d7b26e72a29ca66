//! What goes to which registry, and what production is asked for instead.

use std::collections::BTreeSet;

use crate::fault::AnyFault;
use crate::flow::import::Import;
use crate::flow::import::contents::{ArchiveSource, Contents, Placed};
use crate::mapping::Mapping;
use crate::merge::{Alias, MergeOptions};
use crate::plan::Prerequisite;
use crate::reference::{RegistryHost, Repository};
use crate::site::Site;
use crate::transfer::{Delivery, Proof, Transfer};

impl Import<'_> {
    /// What production gets. A base is delivered only where it has no catalog to build on.
    pub(super) fn for_production(&self, contents: &Contents<'_>) -> Result<Vec<Delivery>, AnyFault> {
        let graph = contents.graph.iter().map(|(base, _)| base);
        let mut all: Vec<Delivery> =
            contents.images.iter().chain(graph).filter_map(|placed| carried(placed, contents)).collect();
        for (planned, mirror) in &contents.catalogs {
            let repository = self.site.in_production(mirror.mirror.repository.clone());
            let tag = mirror.mirror.tag.clone().into();
            if self.client.head_manifest(&repository, &tag)?.is_none() {
                let base = contents.bases.iter().filter(|base| {
                    Some(base.image.root.digest) == planned.base
                        && base.delivery.repository == mirror.mirror.repository
                });
                all.extend(base.filter_map(|placed| carried(placed, contents)));
            }
        }
        Ok(all)
    }

    pub(super) fn transfer<'t>(
        &'t self,
        host: &'t RegistryHost,
        source: &'t ArchiveSource<'_>,
        proof: &'t Proof,
    ) -> Transfer<'t> {
        Transfer {
            host,
            client: self.client,
            source,
            proof,
            jobs: self.jobs,
            events: self.events,
            limits: self.limits,
        }
    }

    pub(super) fn merge_options(&self, contents: &Contents<'_>) -> MergeOptions {
        let mut options = self.merge.clone();
        let packages = contents.catalogs.iter().flat_map(|(catalog, _)| &catalog.packages);
        options.upstream_defaults = packages
            .filter_map(|package| Some((package.name.clone(), package.default_channel.clone()?)))
            .collect();
        if let Some(cluster) = self.cluster {
            options.installed.extend(cluster.installed());
        } else {
            // Without a dump, what the plan was made for is what is known to run.
            options.installed.extend(contents.catalogs.iter().flat_map(|(catalog, _)| {
                catalog.packages.iter().filter_map(|package| {
                    Some(crate::site::InstalledOperator {
                        name: package.installed.clone()?,
                        version: None,
                        package: Some(package.name.clone()),
                        channel: None,
                        namespace: None,
                    })
                })
            }));
        }
        for host in [&self.site.spec.production.registry, &self.site.spec.staging.registry] {
            options.aliases.extend(self.site.spec.repositories.iter().map(|rule| Alias {
                mirror: format!("{host}/{}", rule.mirror),
                source: rule.source.clone(),
            }));
        }
        options
    }
}

/// What staging gets: images and bases.
pub(in crate::flow) fn for_staging(contents: &Contents<'_>) -> Vec<Delivery> {
    let graph = contents.graph.iter().map(|(base, _)| base);
    let placed = contents.images.iter().chain(&contents.bases).chain(graph);
    placed.filter_map(|placed| carried(placed, contents)).collect()
}

/// How an image is delivered; nothing for one of which production has every part already.
///
/// What else the archive leaves out of an image is asked for where it goes, and taken from production where it is not there.
fn carried(placed: &Placed, contents: &Contents<'_>) -> Option<Delivery> {
    let needed: BTreeSet<_> = contents.plan.prerequisites.iter().map(|needed| needed.digest).collect();
    let mut parts = placed.image.manifests.iter().chain(&placed.image.blobs);
    let there = parts.all(|part| needed.contains(&part.digest));
    (!there).then(|| placed.delivery.clone())
}

/// Where production has a prerequisite: where an image that needs it goes.
pub(in crate::flow) fn place(
    contents: &Contents<'_>,
    mapping: &Mapping,
    needed: &Prerequisite,
) -> Result<Repository, AnyFault> {
    let asked = contents.images.iter().find(|placed| {
        placed.image.source == needed.source
            && placed
                .image
                .manifests
                .iter()
                .chain(&placed.image.blobs)
                .any(|part| part.digest == needed.digest)
    });
    match asked {
        Some(placed) => Ok(placed.delivery.repository.clone()),
        None => Ok(mapping.mirror(&needed.source)?),
    }
}

/// The images that an archive brings or builds on, as references to production: by digest, and by tag where they are asked for so.
pub(super) fn carried_images(contents: &Contents<'_>, site: &Site) -> BTreeSet<String> {
    let names = |placed: &Placed| {
        let repository = site.in_production(placed.delivery.repository.clone());
        let tagged = placed.image.tag.clone().map(|tag| repository.tag(tag).to_string());
        [Some(repository.pin(placed.image.root.digest).to_string()), tagged]
    };
    contents.images.iter().flat_map(names).flatten().collect()
}
