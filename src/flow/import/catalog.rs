//! One catalog of production: read, merged, built, pushed beside the old one, checked, and put in its place by one request.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::catalog::image::build::{self, BuiltImage, Provenance};
use crate::catalog::model::Catalog;
use crate::check::{self, needs, unresolved};
use crate::digest::Digest;
use crate::event::{Event, Events, Phase};
use crate::fault::{AnyFault, Exit, Fault};
use crate::finding::{Finding, Severity, has_errors};
use crate::flow::catalog_image::{CatalogImage, PlatformImage, RegistryImages};
use crate::flow::import::generation::push;
use crate::flow::record::{Log, Record};
use crate::limits::Limits;
use crate::mapping::Mapping;
use crate::merge::{MergeOptions, MergedCatalog, merge};
use crate::oci::RawManifest;
use crate::plan::PlannedCatalog;
use crate::promote::{CatalogTag, Commit, PromoteError, Promoted, put_tag};
use crate::reference::PinnedRef;
use crate::registry::{Client, Target};
use crate::site::{CatalogMirror, Site};
use crate::transfer::Holdings;

/// How often a catalog is merged anew when somebody else changes it meanwhile.
const TRIES: u32 = 3;

/// Why a catalog cannot be brought forward.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// There is nothing to build on.
    #[error("production has no catalog `{tag}`, and the archive carries no base for one")]
    NoBase {
        /// Where the catalog should be.
        tag: String,
    },
    /// What production serves cannot be read.
    #[error("the catalog `{tag}` that production serves is broken: {first} ({count} errors in all)")]
    Broken {
        /// Where it is.
        tag: String,
        /// How many errors it has.
        count: usize,
        /// The first of them.
        first: String,
    },
    /// There is no program in the image that would serve the catalog.
    #[error(
        "the image `{tag}` that production serves has no `/bin/opm`, so nothing would serve a catalog built on it"
    )]
    NoOpm {
        /// Where it is.
        tag: String,
    },
    /// Something that the delivered packages need is not in production.
    #[error("{count} images of delivered operators do not resolve in production; the first: {first}")]
    Unresolved {
        /// How many.
        count: usize,
        /// The first of them.
        first: String,
    },
    /// What was built is not what was meant.
    #[error("the catalog image that was built is not right: {why}")]
    Built {
        /// What is wrong.
        why: String,
    },
}

impl Fault for CatalogError {
    fn exit(&self) -> Exit {
        match self {
            Self::NoBase { .. } | Self::Unresolved { .. } => Exit::Prerequisite,
            Self::Broken { .. } | Self::NoOpm { .. } => Exit::Conflict,
            Self::Built { .. } => Exit::Unexpected,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoBase { .. } => {
                "pack again without `--report`, so that the base is carried; or correct `mirror` in the site file".to_owned()
            }
            Self::Broken { tag, .. } => format!("run `ombundle catalog validate {tag}` to see all errors"),
            Self::NoOpm { .. } => {
                "a catalog made for extractContent has no server: mirror the upstream index image once, and point the site file to it"
                    .to_owned()
            }
            Self::Unresolved { .. } => "run the same import again; if it stays, pack again without `--report`".to_owned(),
            Self::Built { .. } => "this is a defect of ombundle: please report it".to_owned(),
        })
    }
}

/// A catalog that is in force.
#[derive(Debug, Clone)]
pub struct Served {
    /// What production serves.
    pub image: PinnedRef,
    /// What it served before this generation.
    pub previous: Option<Digest>,
    /// The catalog.
    pub catalog: Catalog,
    /// What merging and checking brought to light.
    pub findings: Vec<Finding>,
    /// What production was found to hold of all that the catalog offers.
    pub present: Holdings,
}

/// What bringing a catalog forward needs.
pub struct Forward<'a> {
    /// The site.
    pub site: &'a Site,
    /// Where its repositories are.
    pub mapping: &'a Mapping,
    /// What the archive changes.
    pub planned: &'a PlannedCatalog,
    /// Where the site serves it.
    pub mirror: &'a CatalogMirror,
    /// The archive's inventory, generation and time.
    pub archive: ArchiveFacts<'a>,
    /// Decisions and knowledge for the merge.
    pub merge: &'a MergeOptions,
    /// Asks production.
    pub client: &'a Client,
    /// Requests at once.
    pub jobs: usize,
    /// Told what happens.
    pub events: &'a dyn Events,
    /// Ceilings.
    pub limits: &'a Limits,
}

/// What a built image says of the archive that it came from.
#[derive(Debug, Clone, Copy)]
pub struct ArchiveFacts<'a> {
    /// Its inventory.
    pub inventory: Digest,
    /// Its number.
    pub generation: u64,
    /// When its plan was made, RFC 3339.
    pub created: &'a str,
}

/// An image that was built for one platform, with the config and layer that are ours.
type Built = BTreeMap<Digest, BuiltImage>;

impl Forward<'_> {
    /// Merges until nobody else interferes, then moves the tag. What was promoted is there already.
    pub fn run(&self, _promoted: &Promoted, log: &mut Log) -> Result<Served, AnyFault> {
        let tag = self.tag();
        for _ in 0..TRIES {
            let old = tag.current(self.client)?;
            let (root, catalog, findings, present) = self.prepare(old.as_ref())?;
            let inventory = self.archive.inventory;
            let (old_digest, new) = (old.as_ref().map(RawManifest::digest), root.digest());
            // A tag that is there already is not about to move: a finished import that runs again records nothing.
            if old_digest != Some(new) {
                log.note(&Record::Prepared { inventory, tag: tag.reference(), old: old_digest, new })?;
            }
            match tag.commit(old.as_ref(), &root, self.archive.generation, self.client)? {
                Commit::Changed { found } => {
                    let found = found.map_or_else(|| "nothing".to_owned(), |found| found.to_string());
                    let text =
                        format!("`{}` was changed meanwhile, to {found}: merging again", tag.reference());
                    self.events.emit(&Event::Warning { text: &text });
                }
                commit => {
                    if commit == Commit::Moved {
                        log.note(&Record::Switched { inventory, tag: tag.reference(), new })?;
                    }
                    let previous = match commit {
                        // An earlier run moved it; what it found there is in the journal.
                        Commit::AlreadyThere => log.old_of(&inventory, &tag.reference(), &new).flatten(),
                        _ => old_digest,
                    };
                    let image = tag.repository.pin(new);
                    return Ok(Served { image, previous, catalog, findings, present });
                }
            }
        }
        Err(PromoteError::Unsteady { tag: tag.reference().to_string(), tries: TRIES }.into())
    }

    fn tag(&self) -> CatalogTag {
        let registry = self.site.spec.production.registry.clone();
        let repository = self.mirror.mirror.repository.clone();
        CatalogTag {
            repository: crate::reference::RepositoryRef { host: registry, repository },
            tag: self.mirror.mirror.tag.clone(),
        }
    }

    /// Everything short of the commit: the new image is in production, whole, and nothing refers to it.
    fn prepare(
        &self,
        old: Option<&RawManifest>,
    ) -> Result<(RawManifest, Catalog, Vec<Finding>, Holdings), AnyFault> {
        self.events.emit(&Event::Begin { phase: Phase::Merge, items: 1, bytes: 0 });
        let base = self.base(old)?;
        let (merged, mut findings) = self.merge(&base)?;
        let files = crate::catalog::write::files(merged.catalog());
        let (root, built) = self.build(&base, &files)?;
        self.push(&root, &built)?;
        self.events.emit(&Event::End { phase: Phase::Merge });
        let (found, present) = self.check(merged.catalog(), &root)?;
        findings.extend(found);
        Ok((root, merged.into_catalog(), findings, present))
    }

    /// What production serves, or the base that the archive brought.
    fn base(&self, old: Option<&RawManifest>) -> Result<CatalogImage, AnyFault> {
        let tag = self.tag();
        let no_base = || CatalogError::NoBase { tag: tag.reference().to_string() };
        let root = match old {
            Some(old) => old.clone(),
            None => {
                let digest = self.planned.base.ok_or_else(no_base)?;
                self.client.manifest(&tag.repository, &Target::Digest(digest))?.ok_or_else(no_base)?
            }
        };
        let platforms = &self.site.spec.platforms;
        let source = RegistryImages { repository: &tag.repository, client: self.client };
        let image = CatalogImage::read(&source, root, platforms, self.events, self.limits)?;
        if image.images.is_empty() || image.images.iter().any(|image| !image.has_opm) {
            return Err(CatalogError::NoOpm { tag: tag.reference().to_string() }.into());
        }
        Ok(image)
    }

    fn merge(&self, base: &CatalogImage) -> Result<(MergedCatalog, Vec<Finding>), AnyFault> {
        let loaded = base.catalog(self.limits);
        if has_errors(&loaded.findings) {
            let mut errors = loaded.findings.iter().filter(|finding| finding.severity == Severity::Error);
            let count = errors.clone().count();
            let first = errors.next().map(|first| format!("{}: {}", first.subject, first.message));
            let tag = self.tag().reference().to_string();
            return Err(CatalogError::Broken { tag, count, first: first.unwrap_or_default() }.into());
        }
        let delta = Catalog::from_values(&self.planned.delta);
        let outcome = merge(&loaded.catalog, &delta.catalog, &self.planned.evidence, self.merge);
        let (merged, report) = outcome.merged()?;
        Ok((merged, report.findings))
    }

    /// One new layer on each image of the base; the same inputs give the same digests.
    fn build(
        &self,
        base: &CatalogImage,
        files: &BTreeMap<String, Vec<u8>>,
    ) -> Result<(RawManifest, Built), AnyFault> {
        let ArchiveFacts { inventory, generation, created } = self.archive;
        let provenance = Provenance {
            created: created.to_owned(),
            created_by: format!("ombundle import of generation {generation}"),
            labels: BTreeMap::from([
                ("dev.ombundle.generation".to_owned(), generation.to_string()),
                ("dev.ombundle.inventory".to_owned(), inventory.to_string()),
                ("dev.ombundle.catalog.source".to_owned(), self.planned.source.to_string()),
                ("dev.ombundle.catalog.delta-base".to_owned(), self.planned.digest.to_string()),
            ]),
        };
        let mut built = Built::new();
        for image in &base.images {
            let layer = build::catalog_layer(files, image.cache_whiteout())?;
            let new = build::catalog_image(&image.manifest, &image.config, &layer, &provenance)?;
            self.read_back(image, &new, files)?;
            built.insert(image.manifest.digest(), new);
        }
        let root = if base.is_index {
            let manifests = built.iter().map(|(base, new)| (*base, &new.manifest)).collect();
            build::catalog_index(&base.root, &manifests)?
        } else {
            let only = built.values().next().map(|image| image.manifest.clone());
            only.ok_or_else(|| CatalogError::Built { why: "it has no image".to_owned() })?
        };
        Ok((root, built))
    }

    /// Applies the new layer on the base's and looks whether `/configs` is exactly what was merged.
    fn read_back(
        &self,
        base: &PlatformImage,
        built: &BuiltImage,
        files: &BTreeMap<String, Vec<u8>>,
    ) -> Result<(), AnyFault> {
        match base.with_layer(&built.layer, self.limits, files)? {
            None => Ok(()),
            Some(why) => Err(CatalogError::Built { why }.into()),
        }
    }

    /// Layers and configs, then the manifests by digest, then the tag that keeps this generation.
    fn push(&self, root: &RawManifest, built: &Built) -> Result<(), AnyFault> {
        let CatalogTag { repository, .. } = self.tag();
        for image in built.values() {
            push(&repository, &image.layer.bytes, self.client)?;
            push(&repository, &Arc::from(image.config.as_slice()), self.client)?;
            let tag = crate::reference::Tag::of_digest(&image.manifest.digest());
            put_tag(self.client, &repository, tag, &image.manifest)?;
        }
        put_tag(self.client, &repository, crate::reference::Tag::of_digest(&root.digest()), root)?;
        let generation = self.tag().of_generation(self.archive.generation, &root.digest())?;
        put_tag(self.client, &repository, generation, root)?;
        Ok(())
    }

    /// Everything that the merged catalog offers must resolve. What was broken before this archive is told, not held against it.
    fn check(&self, merged: &Catalog, root: &RawManifest) -> Result<(Vec<Finding>, Holdings), AnyFault> {
        let (platforms, production) = (&self.site.spec.platforms, &self.site.spec.production.registry);
        let mut needs = needs(merged, self.mapping, production);
        let itself = ("the catalog".to_owned(), self.planned.source.to_string());
        needs.pinned.entry(self.tag().repository.pin(root.digest())).or_default().insert(itself.clone());
        let (found, present) =
            unresolved(&needs, platforms, self.client, self.jobs, self.events, self.limits)?;
        let ours = |unresolved: &check::Unresolved| {
            unresolved.users.iter().any(|user| {
                *user == itself
                    || self
                        .planned
                        .packages
                        .iter()
                        .any(|package| package.name == user.0 && package.bundles.contains(&user.1))
            })
        };
        let (blocking, older): (Vec<_>, Vec<_>) = found.iter().partition(|unresolved| ours(unresolved));
        if let Some(first) = blocking.first() {
            let first = format!("{}: {}", first.image, first.why);
            return Err(CatalogError::Unresolved { count: blocking.len(), first }.into());
        }
        let mut findings = needs.findings;
        findings.extend(older.into_iter().map(|unresolved| {
            let mut finding = unresolved.finding();
            finding.severity = Severity::Warning;
            finding.message.push_str(" (it was so before this import)");
            finding
        }));
        Ok((findings, present))
    }
}
