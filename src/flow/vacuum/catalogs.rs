//! What the catalogs of production need, and what the served ones can do without.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::catalog::image::build::Provenance;
use crate::catalog::{Catalog, Loaded};
use crate::digest::Digest;
use crate::fault::{AnyFault, Exit};
use crate::finding::{Finding, Severity, has_errors};
use crate::flow::built::{BuiltImages, Foundation, Recipe};
use crate::flow::catalog_image::{CatalogImage, RegistryImages};
use crate::flow::vacuum::Vacuum;
use crate::flow::vacuum::demand::demand;
use crate::flow::vacuum::plan::Cut;
use crate::oci::RawManifest;
use crate::promote::CatalogTag;
use crate::reference::{Repository, RepositoryRef, Tag};
use crate::registry::{RegistryError, Target};
use crate::retain::{
    CatalogChange, CatalogTagKind, Demand, Keep, Listing, Reason, Removals, Rule, Seen, SeenRepository,
    TagKind, catalog_tag, prune, tag_kind, ways_back,
};
use crate::site::CatalogMirror;

/// What was learned of the catalogs.
#[derive(Default)]
pub(super) struct Catalogs {
    /// Served catalogs that get smaller.
    pub(super) changes: Vec<CatalogChange>,
    /// Their images, which are not there yet.
    pub(super) coming: BTreeMap<Digest, Seen>,
    /// Who needs what by catalogs that stay for good.
    pub(super) needed: Vec<Needed>,
    /// The same by those that stay for now: ways back, and what a cluster still serves.
    pub(super) for_now: Vec<Needed>,
    /// What only bundles need that are cut.
    pub(super) former: Vec<Needed>,
    /// What a person should know.
    pub(super) findings: Vec<Finding>,
    /// Why nothing may be let go.
    pub(super) obstacles: Vec<Finding>,
}

/// Something that is needed, and why.
pub(super) type Needed = (Digest, Reason);

/// A catalog image that is in production, and why it stays.
pub(super) struct Standing<'l> {
    pub(super) repository: &'l Repository,
    pub(super) digest: Digest,
    /// A tag or an object of the cluster.
    pub(super) by: String,
    pub(super) rule: Rule,
}

impl Vacuum<'_> {
    /// Reads every catalog that stays, and plans what the served ones can do without.
    pub(super) fn catalogs(
        &self,
        listing: &Listing,
        keep: &mut Keep,
        cut: Cut,
    ) -> Result<Catalogs, AnyFault> {
        let mut found = Catalogs::default();
        let mirrors: Vec<CatalogMirror> =
            self.site.spec.catalogs.iter().flat_map(CatalogMirror::both).collect();
        let names: BTreeSet<&Repository> = mirrors.iter().map(|mirror| &mirror.mirror.repository).collect();
        keep.catalogs.extend(names.iter().map(|name| (*name).clone()));
        for name in names {
            let Some((name, seen)) = listing.repositories.get_key_value(name) else { continue };
            let mut standing = self.standing(name, seen);
            // What is read for its own sake says all that the images in it say.
            let mut whole: BTreeSet<Digest> = standing.iter().map(|it| it.digest).collect();
            whole.extend(seen.tags.iter().filter(|(tag, _)| is_served(tag)).map(|(_, digest)| *digest));
            let is_part = |it: &Standing<'_>| {
                it.rule == Rule::InUse && whole.iter().any(|index| seen.lists(index, &it.digest))
            };
            let built = seen.tags.iter().filter(|(tag, _)| catalog_tag(tag).0 != CatalogTagKind::Served);
            found.former.extend(built.map(|(tag, digest)| (*digest, Reason::new(Rule::Outdated, tag))));
            for mirror in mirrors.iter().filter(|mirror| mirror.mirror.repository == *name) {
                let Some(digest) = seen.tags.get(&mirror.mirror.tag).copied() else { continue };
                self.served(listing, mirror, digest, &mut standing, cut, &mut found)?;
            }
            for it in standing.iter().filter(|it| !is_part(it)) {
                self.stays(it, &mut found)?;
            }
        }
        self.graph_data(listing, keep)?;
        for it in self.strays(listing, keep)? {
            self.stays(&it, &mut found)?;
        }
        Ok(found)
    }

    /// The catalogs of a repository that stay, other than what the site's tags lead to: tags that the site file does not know, ways
    /// back, and what a cluster names.
    fn standing<'l>(&self, repository: &'l Repository, seen: &'l SeenRepository) -> Vec<Standing<'l>> {
        let mut standing: BTreeMap<Digest, Standing<'l>> = BTreeMap::new();
        let mut add = |digest: Digest, by: String, rule: Rule| {
            standing.entry(digest).or_insert(Standing { repository, digest, by, rule });
        };
        for digest in seen.manifests.keys() {
            if let Some(object) = self.named.digests.get(digest) {
                add(*digest, object.clone(), Rule::InUse);
            }
        }
        for (tag, digest) in seen.tags.iter().filter(|(tag, _)| is_served(tag)) {
            if !self.is_of_site(repository, tag) {
                add(*digest, tag.to_string(), Rule::Catalog);
            }
            for (way, digest) in ways_back(&seen.tags, tag, self.site.spec.keep_generations) {
                add(digest, way.to_string(), Rule::WayBack);
            }
        }
        standing.into_values().collect()
    }

    fn is_of_site(&self, repository: &Repository, tag: &Tag) -> bool {
        let mut mirrors = self.site.spec.catalogs.iter().flat_map(CatalogMirror::both);
        mirrors.any(|mirror| mirror.mirror.repository == *repository && mirror.mirror.tag == *tag)
    }

    /// What is served now: as it is, or smaller.
    fn served<'l>(
        &self,
        listing: &'l Listing,
        mirror: &CatalogMirror,
        digest: Digest,
        standing: &mut Vec<Standing<'l>>,
        cut: Cut,
        found: &mut Catalogs,
    ) -> Result<(), AnyFault> {
        let tag = CatalogTag::of(self.site, mirror);
        let repository = &tag.repository.repository;
        let Some((repository, seen)) = listing.repositories.get_key_value(repository) else { return Ok(()) };
        let Some((image, catalog)) = self.read(repository, digest, tag.tag.as_str(), found)? else {
            return Ok(());
        };
        // It is read once, whatever else speaks for it.
        let others = standing.iter().any(|it| it.digest == digest || seen.lists(&digest, &it.digest));
        standing.retain(|it| it.digest != digest);
        let by = tag.tag.as_str();
        let itself = |by: &str| (digest, Reason::new(Rule::Catalog, by));
        let wanted = Demand { drop_unused: self.drop_unused, ..demand(self.clusters, &catalog) };
        let pruned = prune(&catalog, &wanted);
        found.findings.extend(pruned.findings);
        if cut == Cut::Nothing || pruned.removed.is_empty() {
            found.needed.push(itself(by));
            found.needed.extend(offered(&catalog, by, Rule::Offered));
            return Ok(());
        }
        let generation = generation_of(seen, &tag.tag);
        let built = self.build_smaller(&image, &pruned.catalog, generation)?;
        found.needed.extend(offered(&pruned.catalog, by, Rule::Offered));
        found.former.extend(offered(&only(&catalog, &pruned.removed), by, Rule::Pruned));
        // Where another registry takes over, clusters are told to serve the smaller one before this one goes.
        if others && cut == Cut::Beside || self.site.spec.keep_generations > 0 {
            let by = format!("{by} as it was");
            found.for_now.push(itself(&by));
            found.for_now.extend(offered(&catalog, &by, Rule::WayBack));
        }
        let images: BTreeMap<Digest, &RawManifest> =
            built.manifests().chain([&built.root]).map(|raw| (raw.digest(), raw)).collect();
        for (digest, raw) in &images {
            found.coming.insert(*digest, Seen::of(raw, self.limits)?);
        }
        found.changes.push(CatalogChange {
            tag: tag.reference(),
            name: mirror.name.clone(),
            generation,
            before: digest,
            after: built.root.digest(),
            manifests: images.into_keys().collect(),
            removed: pruned.removed,
        });
        Ok(())
    }

    /// The image of a smaller catalog, built on the one that is served: the same inputs give the same digests.
    pub(super) fn build_smaller(
        &self,
        base: &CatalogImage,
        catalog: &Catalog,
        generation: u64,
    ) -> Result<BuiltImages, AnyFault> {
        let config: Value = base
            .images
            .first()
            .and_then(|image| serde_json::from_slice(&image.config).ok())
            .unwrap_or_default();
        let created = config.get("created").and_then(Value::as_str).unwrap_or("1970-01-01T00:00:00Z");
        let provenance = Provenance {
            created: created.to_owned(),
            created_by: format!("ombundle vacuum of generation {generation}"),
            labels: BTreeMap::from([(
                "dev.ombundle.catalog.cut-from".to_owned(),
                base.root.digest().to_string(),
            )]),
        };
        let files = crate::catalog::write::files(catalog);
        Recipe { files: &files, cache: None, provenance, foundation: Foundation::Whole }
            .build(base, self.limits)
    }

    /// A catalog that stays keeps all that it offers: a cluster may be told to serve it.
    fn stays(&self, it: &Standing<'_>, found: &mut Catalogs) -> Result<(), AnyFault> {
        let Some((_, catalog)) = self.read(it.repository, it.digest, &it.by, found)? else { return Ok(()) };
        let to = if it.rule == Rule::Catalog { &mut found.needed } else { &mut found.for_now };
        let rule = if it.rule == Rule::WayBack { Rule::WayBack } else { Rule::Offered };
        to.push((it.digest, Reason::new(Rule::Catalog, &it.by)));
        to.extend(offered(&catalog, &it.by, rule));
        Ok(())
    }

    /// Reads a catalog image. One that is none, or is broken, is an obstacle: what it offers is not known.
    fn read(
        &self,
        repository: &Repository,
        digest: Digest,
        by: &str,
        found: &mut Catalogs,
    ) -> Result<Option<(CatalogImage, Catalog)>, AnyFault> {
        let place = self.site.in_production(repository.clone());
        let mut refuse = |why: String| {
            let message = format!("what it offers cannot be read, so nothing is let go: {why}");
            found.obstacles.push(Finding::error("CATALOG_UNREADABLE", place.pin(digest), message).hint(
                format!("it stays because of `{by}`: mend that, or delete the tag if nobody needs it"),
            ));
        };
        let image = match self.image(&place, digest) {
            Ok(image) => image,
            Err(fault) if matches!(fault.exit(), Exit::Registry | Exit::Interrupted) => return Err(fault),
            Err(fault) => {
                refuse(fault.to_string());
                return Ok(None);
            }
        };
        let Loaded { catalog, findings, .. } = image.catalog(self.limits);
        if has_errors(&findings) || image.images.is_empty() {
            let first = findings.iter().find(|finding| finding.severity == Severity::Error);
            refuse(first.map_or_else(
                || "it has no image".to_owned(),
                |it| format!("{}: {}", it.subject, it.message),
            ));
            return Ok(None);
        }
        Ok(Some((image, catalog)))
    }

    /// A catalog image of production.
    pub(super) fn image(&self, repository: &RepositoryRef, digest: Digest) -> Result<CatalogImage, AnyFault> {
        let source = RegistryImages { repository, client: self.client };
        let root = self.client.manifest(repository, &Target::Digest(digest))?;
        let gone = || RegistryError::NotFound { request: format!("GET {}", repository.pin(digest)) };
        CatalogImage::read(
            &source,
            root.ok_or_else(gone)?,
            &self.site.spec.platforms,
            self.events,
            self.limits,
        )
    }

    /// The image with an update service's data has generations as catalogs have.
    fn graph_data(&self, listing: &Listing, keep: &mut Keep) -> Result<(), AnyFault> {
        let place = self.graph_place()?;
        let Some(seen) = listing.repositories.get(&place.repository) else { return Ok(()) };
        keep.catalogs.insert(place.repository.clone());
        for (tag, digest) in seen.tags.iter().filter(|(tag, _)| is_served(tag)) {
            keep.add(*digest, Reason::new(Rule::Tagged, tag));
            for (way, digest) in ways_back(&seen.tags, tag, self.site.spec.keep_generations) {
                keep.add(digest, Reason::new(Rule::WayBack, way));
            }
        }
        Ok(())
    }
}

/// What a catalog needs besides itself: every digest that a bundle names. What is named by a tag alone stays for its tag.
fn offered(catalog: &Catalog, by: &str, rule: Rule) -> Vec<Needed> {
    let mut needed = BTreeSet::new();
    for bundle in catalog.packages.values().flat_map(|package| package.bundles.values()) {
        let images = bundle.related_images.iter().map(|related| &related.image).chain([&bundle.image]);
        // The digest counts even where the rest is no reference that could be pulled.
        let digests = images.filter_map(|image| image.rsplit_once('@')?.1.parse::<Digest>().ok());
        needed.extend(digests.map(|digest| (digest, Reason::new(rule, format!("{} of {by}", bundle.name)))));
    }
    needed.into_iter().collect()
}

/// Whether a tag in the repository of a catalog is one that clusters may be told to serve.
fn is_served(tag: &Tag) -> bool {
    tag_kind(tag) == TagKind::Person && catalog_tag(tag).0 == CatalogTagKind::Served
}

/// The highest generation that left a tag for this one; 0 where none did.
fn generation_of(seen: &SeenRepository, served: &Tag) -> u64 {
    let generation = |tag: &Tag| match catalog_tag(tag) {
        (CatalogTagKind::Generation(it) | CatalogTagKind::Previous(it), of) if of == served.as_str() => {
            Some(it)
        }
        _ => None,
    };
    seen.tags.keys().filter_map(generation).max().unwrap_or_default()
}

/// The bundles that are cut, and nothing else.
fn only(catalog: &Catalog, removed: &Removals) -> Catalog {
    let mut cut = catalog.clone();
    cut.packages.retain(|name, _| removed.contains_key(name));
    for (name, package) in &mut cut.packages {
        let removal = removed.get(name);
        package.bundles.retain(|name, _| removal.is_some_and(|it| it.whole || it.bundles.contains(name)));
    }
    cut
}
