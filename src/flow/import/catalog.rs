//! One catalog of production: read, merged, built, pushed beside the old one, checked, and put in its place by one request.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::catalog::image::build::{self, BuiltImage, Provenance};
use crate::catalog::{Catalog, Loaded};
use crate::check::{self, needs, unresolved};
use crate::digest::Digest;
use crate::event::{Event, Events, Phase};
use crate::fault::{AnyFault, Exit, Fault};
use crate::finding::{Finding, Severity, has_errors};
use crate::flow::catalog_image::{CatalogImage, PlatformImage, RegistryImages, pull};
use crate::flow::import::generation::push;
use crate::flow::record::{Log, Record};
use crate::limits::Limits;
use crate::mapping::Mapping;
use crate::merge::{MergeOptions, MergedCatalog, merge};
use crate::oci::{ManifestView, RawManifest};
use crate::plan::PlannedCatalog;
use crate::promote::{CatalogTag, Claimant, Commit, PromoteError, Promoted, put_tag};
use crate::reference::{PinnedRef, RepositoryRef};
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
    /// What the archive brings is no sound catalog.
    #[error("the catalog that the archive brings is broken: {why}")]
    Delta {
        /// What is wrong.
        why: String,
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
            Self::Delta { .. } => Exit::Integrity,
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
            Self::Delta { .. } => "pack again with the version of ombundle that imports".to_owned(),
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
    /// The images that the archive brings or builds on, as references to production.
    pub carried: &'a BTreeSet<String>,
    /// Decisions and knowledge for the merge.
    pub merge: &'a MergeOptions,
    /// Keeps other imports out while a tag moves.
    pub claimant: &'a Claimant<'a>,
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

/// What production serves, and what it would serve with the archive merged into it.
#[derive(Debug)]
pub struct Outlook {
    base: CatalogImage,
    merged: MergedCatalog,
    findings: Vec<Finding>,
}

/// What production offered until now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// What the image holds.
    Served,
    /// Nothing: the image is only the base of a first catalog.
    Nothing,
}

/// Whether an image offers, text for text, what came of merging with it.
fn adds_nothing(base: &CatalogImage, merged: &MergedCatalog) -> bool {
    base.files().into_iter().eq(crate::catalog::write::files(merged.catalog()))
}

/// A merged catalog whose image is in production, whole, and to which nothing refers.
struct Ready {
    root: RawManifest,
    catalog: Catalog,
    findings: Vec<Finding>,
    present: Holdings,
}

impl Forward<'_> {
    /// Merges with what production serves now, without writing anything: a conflict that stands there already is told before
    /// the first byte moves. Nothing where production has no catalog yet, and the archive brings the base for one.
    pub fn outlook(&self) -> Result<Option<Outlook>, AnyFault> {
        match self.tag().current(self.client)? {
            Some(root) => Ok(Some(self.merge(root, Before::Served)?)),
            None if self.planned.base.is_some() => Ok(None),
            None => Err(self.no_base().into()),
        }
    }

    /// Looks once more, when all else is done, whether what was brought is still offered: who writes without a lease may have put
    /// the tag back. Somebody who merged with it and went on is no harm.
    pub fn confirm(&self, served: &Served) -> Result<(), AnyFault> {
        let tag = self.tag();
        let found = tag.current(self.client)?;
        let now = found.as_ref().map(RawManifest::digest);
        if now == Some(served.image.digest) {
            return Ok(());
        }
        if let Some(Outlook { base, merged, .. }) =
            found.map(|found| self.merge(found, Before::Served)).transpose()?
            && adds_nothing(&base, &merged)
        {
            return Ok(());
        }
        Err(PromoteError::Overtaken {
            tag: tag.reference().to_string(),
            wanted: served.image.digest,
            found: now.map_or_else(|| "nothing".to_owned(), |found| found.to_string()),
        }
        .into())
    }

    /// Merges until nobody else interferes, then moves the tag. What was promoted is there already; of `outlook` use is made
    /// as long as production serves what it did then.
    pub fn run(
        &self,
        _promoted: &Promoted,
        mut outlook: Option<Outlook>,
        log: &mut Log,
    ) -> Result<Served, AnyFault> {
        let tag = self.tag();
        let inventory = self.archive.inventory;
        for _ in 0..TRIES {
            let old = tag.current(self.client)?;
            let Ready { root, catalog, findings, present } = self.prepare(old.as_ref(), outlook.take())?;
            let (old_digest, new) = (old.as_ref().map(RawManifest::digest), root.digest());
            let previous = if old_digest == Some(new) {
                // Nothing is about to move: a finished import that runs again records nothing.
                self.before(&new, log)?
            } else {
                log.note(&Record::Prepared { inventory, tag: tag.reference(), old: old_digest, new })?;
                let lease = self.claimant.take(&tag.repository)?;
                let generation = self.archive.generation;
                match tag.commit(old.as_ref(), &root, generation, &lease, self.client)? {
                    Commit::Moved => {
                        log.note(&Record::Switched { inventory, tag: tag.reference(), new })?;
                        old_digest
                    }
                    Commit::AlreadyThere => self.before(&new, log)?,
                    Commit::Changed { found } => {
                        let found = found.map_or_else(|| "nothing".to_owned(), |found| found.to_string());
                        self.again(&format!("was changed meanwhile, to {found}"));
                        continue;
                    }
                    Commit::Late => {
                        self.again("was not moved: the registry took too long");
                        continue;
                    }
                }
            };
            return Ok(Served { image: tag.repository.pin(new), previous, catalog, findings, present });
        }
        Err(PromoteError::Unsteady { tag: tag.reference().to_string(), tries: TRIES }.into())
    }

    fn again(&self, why: &str) {
        let text = format!("`{}` {why}: merging again", self.tag().reference());
        self.events.emit(&Event::Warning { text: &text });
    }

    /// What an earlier run found when it moved the tag: the journal says it, and where that was lost, production does. Where
    /// this archive moved nothing, what is served was served before.
    fn before(&self, new: &Digest, log: &Log) -> Result<Option<Digest>, AnyFault> {
        let tag = self.tag();
        if let Some(noted) = log.old_of(&self.archive.inventory, &tag.reference(), new) {
            return Ok(noted);
        }
        let generation = self.archive.generation;
        let kept = tag.before_generation(generation)?.into();
        if let Some(found) = self.client.head_manifest(&tag.repository, &kept)? {
            return Ok(Some(found.digest));
        }
        let built = tag.of_generation(generation, new)?.into();
        let was_first = self.client.head_manifest(&tag.repository, &built)?.is_some();
        Ok((!was_first).then_some(*new))
    }

    fn tag(&self) -> CatalogTag {
        let registry = self.site.spec.production.registry.clone();
        let repository = self.mirror.mirror.repository.clone();
        CatalogTag {
            repository: RepositoryRef { host: registry, repository },
            tag: self.mirror.mirror.tag.clone(),
        }
    }

    /// Everything short of the commit.
    fn prepare(&self, old: Option<&RawManifest>, outlook: Option<Outlook>) -> Result<Ready, AnyFault> {
        self.events.emit(&Event::Begin { phase: Phase::Merge, items: 1, bytes: 0 });
        let root = match old {
            Some(old) => old.clone(),
            None => self.carried_base()?,
        };
        let Outlook { base, merged, mut findings } = match outlook {
            Some(outlook) if outlook.base.root.digest() == root.digest() => outlook,
            _ => {
                let before = if old.is_some() { Before::Served } else { Before::Nothing };
                self.merge(root.clone(), before)?
            }
        };
        let files = crate::catalog::write::files(merged.catalog());
        // An archive with nothing new does not make another image of the same catalog: no cluster has anything to switch to.
        let root = if old.is_some() && adds_nothing(&base, &merged) {
            root
        } else {
            let (root, built) = self.build(&base, &files)?;
            self.push(&root, &built)?;
            root
        };
        self.events.emit(&Event::End { phase: Phase::Merge });
        let (found, present) = self.check(merged.catalog(), &root)?;
        findings.extend(found);
        Ok(Ready { root, catalog: merged.into_catalog(), findings, present })
    }

    /// The base that the archive brought; it was promoted with the images.
    fn carried_base(&self) -> Result<RawManifest, AnyFault> {
        let digest = self.planned.base.ok_or_else(|| self.no_base())?;
        let found = self.client.manifest(&self.tag().repository, &Target::Digest(digest))?;
        Ok(found.ok_or_else(|| self.no_base())?)
    }

    fn no_base(&self) -> CatalogError {
        CatalogError::NoBase { tag: self.tag().reference().to_string() }
    }

    fn merge(&self, root: RawManifest, before: Before) -> Result<Outlook, AnyFault> {
        let tag = self.tag();
        let name = || tag.reference().to_string();
        let source = RegistryImages { repository: &tag.repository, client: self.client };
        let base = CatalogImage::read(&source, root, &self.site.spec.platforms, self.events, self.limits)?;
        if base.images.is_empty() || base.images.iter().any(|image| !image.has_opm) {
            return Err(CatalogError::NoOpm { tag: name() }.into());
        }
        // A carried base may hold upstream's whole catalog in a layer that it cannot do without. Production never offered that.
        let loaded = match before {
            Before::Served => base.catalog(self.limits),
            Before::Nothing => Loaded::default(),
        };
        if has_errors(&loaded.findings) {
            let mut errors = loaded.findings.iter().filter(|finding| finding.severity == Severity::Error);
            let count = errors.clone().count();
            let first = errors.next().map(|first| format!("{}: {}", first.subject, first.message));
            return Err(CatalogError::Broken { tag: name(), count, first: first.unwrap_or_default() }.into());
        }
        let delta = Catalog::from_values(&self.planned.delta);
        if let Some(first) = delta.findings.iter().find(|finding| finding.severity == Severity::Error) {
            return Err(CatalogError::Delta { why: format!("{}: {}", first.subject, first.message) }.into());
        }
        let outcome = merge(&loaded.catalog, &delta.catalog, &self.planned.evidence, self.merge);
        let (merged, report) = outcome.merged()?;
        Ok(Outlook { base, merged, findings: report.findings })
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
        self.pull_back(&repository, built)
    }

    /// What is about to be served is read from production and hashed: a registry keeps a damaged blob of a former push.
    fn pull_back(&self, repository: &RepositoryRef, built: &Built) -> Result<(), AnyFault> {
        let source = RegistryImages { repository, client: self.client };
        for image in built.values() {
            let ManifestView::Image(view) = image.manifest.view(self.limits)? else { continue };
            pull(&source, &view.config, self.limits.config_bytes)?;
            for layer in view.layers.iter().filter(|layer| layer.digest == image.layer.digest) {
                pull(&source, layer, self.limits.catalog_bytes)?;
            }
        }
        Ok(())
    }

    /// Everything that the merged catalog offers must resolve. What was broken before this archive is told, not held against it.
    fn check(&self, merged: &Catalog, root: &RawManifest) -> Result<(Vec<Finding>, Holdings), AnyFault> {
        let (platforms, production) = (&self.site.spec.platforms, &self.site.spec.production.registry);
        let mut needs = needs(merged, self.mapping, production);
        let itself = ("the catalog".to_owned(), self.planned.source.to_string());
        needs.pinned.entry(self.tag().repository.pin(root.digest())).or_default().insert(itself.clone());
        let root_image = self.tag().repository.pin(root.digest()).to_string();
        let (found, present) =
            unresolved(&needs, platforms, self.client, self.jobs, self.events, self.limits)?;
        let ours = |unresolved: &check::Unresolved| {
            // What did not travel although it is listed was blocked by the request, and the plan said so.
            let carried = unresolved.image == root_image || self.carried.contains(&unresolved.image);
            carried
                && unresolved.users.iter().any(|user| {
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
            finding.message.push_str(" (it was so before this import, or it was blocked by the request)");
            finding
        }));
        Ok((findings, present))
    }
}
