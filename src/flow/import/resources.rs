//! The cluster resources of an import.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::Catalog;
use crate::check::references;
use crate::emit::{self, Emitted, EmittedCatalog};
use crate::finding::Finding;
use crate::flow::import::Import;
use crate::flow::import::catalog::Served;
use crate::flow::import::judge::Case;
use crate::merge::Share;
use crate::plan::PlannedPackage;
use crate::reference::{ImageRef, RepositoryRef};
use crate::site::Receipt;

impl Import<'_> {
    pub(super) fn emit(
        &self,
        case: &Case<'_>,
        served: &[Served<'_>],
        receipt: &Receipt,
        findings: &[Finding],
    ) -> Emitted {
        let Case { contents, mapping, releases, .. } = case;
        // A second catalog that offered nothing and offers nothing is none for a cluster.
        let was_empty = |served: &Served<'_>| {
            served.catalog.packages.is_empty()
                && served.place.share == Share::Second
                && served.previous.is_none_or(|previous| previous == served.image.digest)
        };
        let catalogs: Vec<EmittedCatalog> =
            served.iter().filter(|served| !was_empty(served)).map(emitted).collect();
        let at = |repository| self.site.in_production(repository);
        // Everything that any catalog of production names has its place, not only what came with this archive.
        let mut mirrors: BTreeMap<RepositoryRef, RepositoryRef> = contents
            .images
            .iter()
            .map(|placed| (placed.image.source.clone(), at(placed.delivery.repository.clone())))
            .collect();
        if !receipt.site.releases.is_empty() {
            // Releases of former imports are there still, and nodes go on asking for them.
            let releases = mapping.releases().unwrap_or_default().into_iter();
            mirrors.extend(releases.map(|(source, mirror)| (source, at(mirror))));
        }
        for image in served.iter().flat_map(|served| references(&served.catalog)) {
            if let Ok(repository) = mapping.mirror(&image.repository) {
                mirrors.entry(image.repository).or_insert_with(|| at(repository));
            }
        }
        let tag_images: BTreeSet<ImageRef> = contents
            .images
            .iter()
            .filter(|placed| placed.image.kind.is_pulled_by_tag())
            .filter_map(|placed| Some(placed.image.source.tag(placed.image.tag.clone()?)))
            .collect();
        emit::emit(&emit::Input {
            site: self.site,
            catalogs: &catalogs,
            mirrors: &mirrors,
            tag_images: &tag_images,
            releases: releases.resources(&contents.plan, self.legacy_icsp),
            cluster: self.cluster,
            former: None,
            back: None,
            receipt,
            findings,
        })
    }
}

fn emitted(served: &Served<'_>) -> EmittedCatalog {
    let Served { planned, place, .. } = served;
    let packages = planned.packages.iter().filter(|package| serves(served, package));
    EmittedCatalog {
        name: place.mirror.name.clone(),
        source: planned.source.clone(),
        beside: place.beside.as_ref().map(|beside| beside.name.clone()),
        spec: place.mirror.catalog_source.clone(),
        image: served.image.clone(),
        previous: served.previous.map(|digest| served.image.repository.pin(digest)),
        packages: packages.cloned().collect(),
        evidence: planned.evidence.clone(),
        texts: texts(&served.catalog),
    }
}

/// Whether a catalog offers what a package was delivered for; a decision may have kept production's instead.
fn serves(served: &Served<'_>, package: &PlannedPackage) -> bool {
    let offered = served.catalog.packages.get(&package.name);
    offered.is_some_and(|offered| package.bundles.iter().all(|bundle| offered.bundles.contains_key(bundle)))
}

/// A catalog as text, by package.
pub(in crate::flow) fn texts(catalog: &Catalog) -> BTreeMap<String, Vec<u8>> {
    crate::catalog::write::files(catalog)
        .into_iter()
        .filter_map(|(path, bytes)| Some((path.strip_suffix("/catalog.json")?.to_owned(), bytes)))
        .collect()
}
