//! All files of one import, by path.

use std::collections::BTreeSet;

use crate::emit::course::{Course, courses};
use crate::emit::input::{Emitted, EmittedCatalog, Input};
use crate::emit::mirrors::{self, DigestSet, Mirrors, NodeEffect, Scopes};
use crate::emit::names::{Kind, collision, file_name, fit};
use crate::emit::patches;
use crate::emit::releases::{self, Releases};
use crate::emit::resources::{self, Filed, Object};
use crate::emit::runbook;
use crate::finding::Finding;
use crate::site::cluster::{ClusterDump, MirrorKind};
use crate::site::{CatalogMirror, Site};
use crate::text::plain_json;

/// What the files are made from: worked out once, for the resources and the runbooks alike.
pub(super) struct Work<'a> {
    pub(super) input: Input<'a>,
    /// To apply, in order.
    pub(super) cluster: Vec<Filed>,
    /// To apply on the way back, in order.
    pub(super) back: Vec<Filed>,
    /// To apply once nothing needs the former production any more: mirror sets that do not name it.
    pub(super) leave: Vec<Filed>,
    /// Whether nodes look at the new production alone already.
    pub(super) left: bool,
    pub(super) effect: NodeEffect,
    pub(super) digest_scopes: Scopes,
    pub(super) courses: Vec<Course<'a>>,
    /// From merging and checking, and from here.
    pub(super) findings: Vec<Finding>,
}

/// Names of the site's that somebody else has in this cluster: what can be known before anything is pushed.
pub fn preflight<'a>(
    site: &'a Site,
    changed: impl Iterator<Item = &'a CatalogMirror>,
    releases: &Releases<'_>,
    cluster: &ClusterDump,
) -> Vec<Finding> {
    let names: BTreeSet<String> =
        site.spec.catalogs.iter().chain(changed).map(|catalog| fit(&catalog.name)).collect();
    let catalogs = names.into_iter();
    let catalogs =
        catalogs.flat_map(|name| [(Kind::CatalogSource, name.clone()), (Kind::ClusterCatalog, name)]);
    let set = DigestSet::of(releases);
    let digests = (set.kind(), set.name(site));
    let tags = (set == DigestSet::Current).then(|| (Kind::ImageTagMirrorSet, mirrors::tag_set_name(site)));
    let releases = releases::objects(releases).into_iter().map(|object| (object.kind, object.name));
    let sets = std::iter::once(digests).chain(tags);
    sets.chain(releases).chain(catalogs).filter_map(|(kind, name)| collision(cluster, kind, &name)).collect()
}

/// Writes all files of one import.
///
/// An object whose name somebody else has is left out, and is a finding of severity error.
pub fn emit(input: &Input<'_>) -> Emitted {
    let work = Work::new(*input);
    let mut files = resources::contents(&work.cluster);
    files.extend(resources::contents(&work.back));
    files.extend(resources::contents(&work.leave));
    files.extend(patches::files(&work));
    for catalog in input.catalogs {
        for (package, text) in &catalog.texts {
            let path = format!("catalogs/{}/{}.json", file_name(&catalog.name), file_name(package));
            // Text that is not UTF-8 is no JSON either; then it is not ours to mend.
            let text =
                std::str::from_utf8(text).map_or_else(|_| text.clone(), |text| plain_json(text).into_bytes());
            files.insert(path, text);
        }
    }
    files.extend(runbook::write(&work));
    files.insert("receipt.json".to_owned(), pretty(input.receipt));
    let nodes = work.effect;
    Emitted {
        files,
        nodes,
        findings: work.findings.into_iter().filter(|found| !input.findings.contains(found)).collect(),
    }
}

impl<'a> Work<'a> {
    fn new(input: Input<'a>) -> Self {
        let site = input.site;
        let digest_scopes = mirrors::digest_scopes(&input);
        let tag_scopes = mirrors::tag_scopes(&input);
        let set = DigestSet::of(&input.releases);
        let (digest_name, tag_name) = (set.name(site), mirrors::tag_set_name(site));
        let mut findings = input.findings.to_vec();
        findings.extend(mirrors::tags_without_mirrors(&input));
        // A set that stands as it would be written has nothing to tell: who sees it in the folder prepares for a drain.
        let tells = |kind, name: &str, mirrors: &Mirrors| {
            !mirrors.is_empty() && !mirrors::stands(input.cluster, kind, name, mirrors)
        };
        // Nodes that have left the former port are not led back to it by a move that is told once more.
        let alone = |scopes| mirrors::mirrors(scopes, site, None);
        let behind = |kind, name: &str, scopes| {
            input.former.filter(|_| !mirrors::stands(input.cluster, kind, name, &alone(scopes)))
        };
        let (behind_digests, behind_tags) = (
            behind(set.mirror_kind(), &digest_name, &digest_scopes),
            behind(MirrorKind::Tag, &tag_name, &tag_scopes),
        );
        let digests = mirrors::mirrors(&digest_scopes, site, behind_digests);
        let tags = mirrors::mirrors(&tag_scopes, site, behind_tags);
        let left =
            input.former.is_some() && behind_digests.is_none() && (tags.is_empty() || behind_tags.is_none());
        let sets =
            |digests: &Mirrors, tags: &Mirrors, wanted: &dyn Fn(MirrorKind, &str, &Mirrors) -> bool| {
                let mut sets = Vec::new();
                if wanted(set.mirror_kind(), &digest_name, digests) {
                    sets.push(match set {
                        DigestSet::Older => releases::content_source_policy(digest_name.clone(), digests),
                        DigestSet::Current => resources::mirror_set(set.kind(), digest_name.clone(), digests),
                    });
                }
                if wanted(MirrorKind::Tag, &tag_name, tags) {
                    sets.push(resources::mirror_set(Kind::ImageTagMirrorSet, tag_name.clone(), tags));
                }
                sets
            };
        let mut objects = sets(&digests, &tags, &tells);
        let mut leave = match input.former {
            Some(_) => sets(&alone(&digest_scopes), &alone(&tag_scopes), &tells),
            None => Vec::new(),
        };
        objects.extend(releases::objects(&input.releases));
        let with_v1 =
            || input.catalogs.iter().filter(|catalog| resources::has_cluster_catalogs(&input, catalog));
        findings.extend(input.catalogs.iter().filter(|catalog| catalog.is_empty()).map(emptied));
        let offering = |catalog: &&EmittedCatalog| !catalog.is_empty();
        objects.extend(
            input
                .catalogs
                .iter()
                .filter(offering)
                .map(|catalog| resources::catalog_source(site, catalog, &catalog.image)),
        );
        objects.extend(
            with_v1().filter(offering).map(|catalog| resources::cluster_catalog(catalog, &catalog.image)),
        );
        let mut back: Vec<Object> = Vec::new();
        if let Some(former) = input.former {
            // Nodes may have left the former port by then, and what did not move is there alone.
            let both = |scopes| mirrors::mirrors(scopes, site, Some(former));
            back.extend(sets(&both(&digest_scopes), &both(&tag_scopes), &|_, _, mirrors| {
                !mirrors.is_empty()
            }));
            let service = input.releases.update_service;
            back.extend(service.map(|service| releases::update_service(&service.at(former))));
        }
        for catalog in input.catalogs {
            back.extend(catalog.previous.iter().map(|image| resources::catalog_source(site, catalog, image)));
        }
        for catalog in with_v1() {
            back.extend(catalog.previous.iter().map(|image| resources::cluster_catalog(catalog, image)));
        }
        if let Some(cluster) = input.cluster {
            let clashes: Vec<_> =
                objects.iter().filter_map(|object| collision(cluster, object.kind, &object.name)).collect();
            objects.retain(|object| collision(cluster, object.kind, &object.name).is_none());
            back.retain(|object| collision(cluster, object.kind, &object.name).is_none());
            leave.retain(|object| collision(cluster, object.kind, &object.name).is_none());
            findings.extend(clashes);
            let ours =
                [(set.kind(), digest_name, &digest_scopes), (Kind::ImageTagMirrorSet, tag_name, &tag_scopes)];
            findings.extend(mirrors::policy_conflicts(cluster, &ours));
        }
        let effect = mirrors::node_effect(&input, &digests, &tags);
        let (courses, off) = courses(&input);
        findings.extend(off);
        Self {
            input,
            cluster: resources::file("cluster", objects),
            back: resources::file("back", back),
            leave: resources::file("leave", leave),
            left,
            effect,
            digest_scopes,
            courses,
            findings,
        }
    }
}

/// A catalog that every package has left: nothing would come of applying it.
fn emptied(catalog: &EmittedCatalog) -> Finding {
    let name = fit(&catalog.name);
    let message = "it offers nothing any more, and no file here names it";
    Finding::warning("CATALOG_EMPTY", format!("CatalogSource {name}"), message).hint(format!(
        "when no Subscription names it any longer: `oc -n {} delete {} {name}`, and its {} if there is one",
        crate::emit::names::MARKETPLACE,
        Kind::CatalogSource.full_resource(),
        Kind::ClusterCatalog.as_str()
    ))
}

/// JSON for people.
pub(super) fn pretty(value: &impl serde::Serialize) -> Vec<u8> {
    // Neither a receipt nor a patch holds what JSON cannot say: keys are texts.
    let json = serde_json::to_string_pretty(value).unwrap_or_default();
    format!("{}\n", plain_json(&json)).into_bytes()
}
