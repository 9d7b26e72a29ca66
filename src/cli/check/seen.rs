//! What `check` saw, catalog by catalog and release by release.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::check::{Unresolved, heads, sources, ways};
use crate::cli::failure::Failure;
use crate::digest::Digest;
use crate::emit::fit;
use crate::finding::Finding;
use crate::flow::by_cluster::Source;
use crate::flow::standing::{OfferedRelease, Onlooker};
use crate::promote::CatalogTag;
use crate::reference::{ImageRef, PinnedRef, Tag};
use crate::site::cluster::ClusterDump;
use crate::site::{CatalogMirror, SiteReport};
use crate::text::counted;
use crate::version::Version;

/// What was seen of one catalog or release.
#[derive(Debug, Serialize)]
pub(super) struct Facts {
    digest: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    packages: Option<usize>,
    images: usize,
    missing: usize,
    /// Subscriptions that were followed, and those of them with no way; nothing where no dump was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    subscriptions: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stranded: Option<usize>,
}

impl Facts {
    pub(super) fn line(&self, name: &str) -> String {
        let packages = self.packages.map(|count| counted(count, "package"));
        let ways = self.subscriptions.zip(self.stranded);
        let ways =
            ways.map(|(all, stranded)| format!("{}, {stranded} without a way", counted(all, "Subscription")));
        let images = [counted(self.images, "image"), format!("{} missing", self.missing)];
        let parts: Vec<String> = packages.into_iter().chain(images).chain(ways).collect();
        format!("{name}: {}\n", parts.join(", "))
    }
}

/// All that was seen.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) findings: Vec<Finding>,
    pub(super) catalogs: BTreeMap<String, Facts>,
    pub(super) releases: BTreeMap<String, Facts>,
    /// What the catalogs offer, as references to production.
    pub(super) offered: BTreeSet<PinnedRef>,
    /// What all of it asks for, by the original names; only where there is a cluster that asks.
    pub(super) sources: Vec<Source>,
}

impl Seen {
    /// Looks at every catalog of the site.
    pub(super) fn catalogs(
        &mut self,
        onlooker: &Onlooker<'_>,
        cluster: Option<&ClusterDump>,
        expected: Option<&SiteReport>,
    ) -> Result<(), Failure> {
        let site = onlooker.site;
        let all = || site.spec.catalogs.iter().flat_map(CatalogMirror::both);
        let ours: BTreeSet<String> = all().map(|mirror| fit(&mirror.name)).collect();
        let mut apart = BTreeSet::new();
        for mirror in all() {
            let is_first = site.spec.catalogs.contains(&mirror);
            let tag = CatalogTag::of(site, &mirror).reference();
            let Some(standing) = onlooker.look(&mirror)? else {
                // Nothing was split off, or nothing is there at all.
                self.findings.extend(is_first.then(|| no_catalog(&tag)));
                continue;
            };
            let ways = cluster.map(|cluster| ways(&standing.catalog, &mirror.name, &ours, cluster));
            self.catalogs.insert(
                tag.to_string(),
                Facts {
                    digest: standing.digest,
                    packages: Some(standing.catalog.packages.len()),
                    images: standing.images,
                    missing: standing.missing.len(),
                    subscriptions: ways.as_ref().map(|ways| ways.subscriptions),
                    stranded: ways.as_ref().map(|ways| ways.findings.len()),
                },
            );
            self.findings.extend(standing.findings);
            self.findings.extend(ways.into_iter().flat_map(|ways| ways.findings));
            let then = expected.and_then(|report| report.catalogs.iter().find(|then| then.mirror == tag));
            self.findings.extend(then.into_iter().flat_map(|then| heads(&standing.catalog, then)));
            if cluster.is_some() {
                self.sources.extend(sources(&standing.catalog));
            }
            self.offered.extend(standing.pinned);
            let names = standing.catalog.packages.into_keys();
            if is_first {
                let twice = names.filter(|name| apart.contains(name));
                self.findings.extend(twice.map(|name| offered_twice(&tag, &name)));
                apart.clear();
            } else {
                apart.extend(names);
            }
            self.findings.extend(standing.missing.iter().map(Unresolved::finding));
        }
        Ok(())
    }

    /// Looks at every release that production offers.
    pub(super) fn releases(
        &mut self,
        onlooker: &Onlooker<'_>,
        left_out: &BTreeMap<Tag, BTreeSet<String>>,
    ) -> Result<(), Failure> {
        for OfferedRelease { version, tag, digest, standing } in onlooker.look_at_releases(left_out)? {
            let (images, missing) = (standing.images, standing.missing.len());
            let facts =
                Facts { digest, packages: None, images, missing, subscriptions: None, stranded: None };
            self.releases.insert(tag.to_string(), facts);
            self.findings.extend(standing.findings);
            self.findings.extend(standing.missing.iter().map(|missing| unresolved(missing, &version)));
            self.sources.extend(standing.sources);
        }
        Ok(())
    }
}

fn no_catalog(tag: &ImageRef) -> Finding {
    Finding::error("NO_CATALOG", tag, "production has no such catalog")
        .hint("import an archive that carries it, or correct `mirror` in the site file")
}

/// An import that moves a package to the second catalog was broken off before the first one let it go.
fn offered_twice(first: &ImageRef, package: &str) -> Finding {
    let message =
        format!("`{package}` was split off, and this catalog offers it too: OLM chooses between the two");
    Finding::warning("OFFERED_TWICE", first, message).hint("run the import that was broken off again")
}

/// An image of a release that is not there.
fn unresolved(missing: &Unresolved, version: &Version) -> Finding {
    let user = missing.users.first().map_or_else(|| format!("OpenShift {version}"), |(_, user)| user.clone());
    let message = format!("{}; a cluster that is updated to it stops without {user}", missing.why);
    Finding::error("UNRESOLVED", &missing.image, message)
        .hint("carry the release in again: plan it with `--full`, pack and import")
}
