//! One catalog of production on its way forward: read, merged, checked, and put in its place by one request.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, Loaded};
use crate::check::{self, needs, unresolved};
use crate::digest::Digest;
use crate::event::{Event, Phase};
use crate::fault::AnyFault;
use crate::finding::{Finding, Severity, has_errors};
use crate::flow::catalog_image::{CatalogImage, RegistryImages};
use crate::flow::import::catalog::CatalogError;
use crate::flow::import::catalog::minors::minors;
use crate::flow::record::{Log, Record};
use crate::flow::standing::Onlooker;
use crate::merge::{MergeOptions, MergedCatalog, merge};
use crate::oci::RawManifest;
use crate::plan::PlannedCatalog;
use crate::promote::{CatalogTag, Commit, Lease, PromoteError, Promoted};
use crate::reference::PinnedRef;
use crate::registry::Target;
use crate::site::CatalogMirror;
use crate::transfer::Holdings;

/// How often a catalog is merged anew when somebody else changes it meanwhile.
const TRIES: u32 = 3;

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
    /// The site, and who asks its production.
    pub onlooker: Onlooker<'a>,
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

impl Outlook {
    /// Whether production offers, text for text, what came of merging with it.
    pub fn adds_nothing(&self) -> bool {
        self.base.files().into_iter().eq(crate::catalog::write::files(self.merged.catalog()))
    }

    /// What production serves.
    pub fn served(&self) -> Digest {
        self.base.root.digest()
    }
}

/// A merged catalog whose image is in production, whole, and to which nothing refers.
#[derive(Debug)]
pub struct Prepared {
    old: Option<RawManifest>,
    root: RawManifest,
    catalog: Catalog,
    findings: Vec<Finding>,
    present: Holdings,
}

impl Forward<'_> {
    /// Merges with what production serves now, without writing anything: a conflict that stands there already is told before
    /// the first byte moves. Nothing where production has no catalog yet, and the archive brings the base for one.
    pub fn outlook(&self) -> Result<Option<Outlook>, AnyFault> {
        match self.tag().current(self.onlooker.client)? {
            Some(root) => Ok(Some(self.merge(root, Before::Served)?)),
            None if self.planned.base.is_some() => Ok(None),
            None => Err(self.no_base().into()),
        }
    }

    /// What would be served, for who wants to know without doing it. Of an image that is still to be built the digest is that of what it
    /// will be built on.
    pub fn preview(&self, outlook: Option<&Outlook>) -> Option<Served> {
        let repository = self.tag().repository;
        Some(match outlook {
            Some(outlook) => Served {
                image: repository.pin(outlook.served()),
                previous: Some(outlook.served()),
                catalog: outlook.merged.catalog().clone(),
                findings: outlook.findings.clone(),
                present: Holdings::new(),
            },
            None => Served {
                image: repository.pin(self.planned.base?),
                previous: None,
                catalog: Catalog::from_values(&self.planned.delta).catalog,
                findings: Vec::new(),
                present: Holdings::new(),
            },
        })
    }

    /// Looks once more, when all else is done, whether what was brought is still offered: who writes without a lease may have put
    /// the tag back. Somebody who merged with it and went on is no harm.
    pub fn confirm(&self, served: &Served) -> Result<(), AnyFault> {
        let tag = self.tag();
        let found = tag.current(self.onlooker.client)?;
        let now = found.as_ref().map(RawManifest::digest);
        if now == Some(served.image.digest) {
            return Ok(());
        }
        let now_offered = found.map(|found| self.merge(found, Before::Served)).transpose()?;
        if now_offered.is_some_and(|offered| offered.adds_nothing()) {
            return Ok(());
        }
        Err(PromoteError::Overtaken {
            tag: tag.reference().to_string(),
            wanted: served.image.digest,
            found: now.map_or_else(|| "nothing".to_owned(), |found| found.to_string()),
        }
        .into())
    }

    /// Everything short of the commit: merged with what production serves now, built, pushed beside it, and checked. What was
    /// promoted is there already; of `outlook` use is made as long as production serves what it did then.
    pub fn prepare(&self, _promoted: &Promoted, outlook: Option<Outlook>) -> Result<Prepared, AnyFault> {
        self.ready(outlook)
    }

    /// Moves the tag to what was prepared; merges anew with what somebody else put there meanwhile.
    pub fn commit(
        &self,
        mut prepared: Prepared,
        lease: &Lease<'_>,
        log: &mut Log,
    ) -> Result<Served, AnyFault> {
        let tag = self.tag();
        let inventory = self.archive.inventory;
        for _ in 0..TRIES {
            let Prepared { old, root, .. } = &prepared;
            let (old_digest, new) = (old.as_ref().map(RawManifest::digest), root.digest());
            let previous = if old_digest == Some(new) {
                // Nothing is about to move: a finished import that runs again records nothing.
                self.before(&new, log)?
            } else {
                log.note(&Record::Prepared { inventory, tag: tag.reference(), old: old_digest, new })?;
                let generation = self.archive.generation;
                match tag.commit(old.as_ref(), root, generation, lease, self.onlooker.client)? {
                    Commit::Moved => {
                        log.note(&Record::Switched { inventory, tag: tag.reference(), new })?;
                        old_digest
                    }
                    Commit::AlreadyThere => self.before(&new, log)?,
                    Commit::Changed { found } => {
                        let found = found.map_or_else(|| "nothing".to_owned(), |found| found.to_string());
                        prepared = self.again(&format!("was changed meanwhile, to {found}"))?;
                        continue;
                    }
                    Commit::Late => {
                        prepared = self.again("was not moved: the registry took too long")?;
                        continue;
                    }
                }
            };
            let Prepared { catalog, findings, present, .. } = prepared;
            return Ok(Served { image: tag.repository.pin(new), previous, catalog, findings, present });
        }
        Err(PromoteError::Unsteady { tag: tag.reference().to_string(), tries: TRIES }.into())
    }

    fn again(&self, why: &str) -> Result<Prepared, AnyFault> {
        let text = format!("`{}` {why}: merging again", self.tag().reference());
        self.onlooker.events.emit(&Event::Warning { text: &text });
        self.ready(None)
    }

    /// What an earlier run found when it moved the tag: the journal says it, and where that was lost, production does. Where
    /// this archive moved nothing, what is served was served before.
    fn before(&self, new: &Digest, log: &Log) -> Result<Option<Digest>, AnyFault> {
        let tag = self.tag();
        if let Some(noted) = log.history().old_of(&self.archive.inventory, &tag.reference(), new) {
            return Ok(noted);
        }
        let generation = self.archive.generation;
        let kept = tag.before_generation(generation)?.into();
        if let Some(found) = self.onlooker.client.head_manifest(&tag.repository, &kept)? {
            return Ok(Some(found.digest));
        }
        let built = tag.of_generation(generation, new)?.into();
        let was_first = self.onlooker.client.head_manifest(&tag.repository, &built)?.is_some();
        Ok((!was_first).then_some(*new))
    }

    /// Its tag in production.
    pub fn tag(&self) -> CatalogTag {
        CatalogTag::of(self.onlooker.site, self.mirror)
    }

    fn ready(&self, outlook: Option<Outlook>) -> Result<Prepared, AnyFault> {
        let old = self.tag().current(self.onlooker.client)?;
        self.onlooker.events.emit(&Event::Begin { phase: Phase::Merge, items: 1, bytes: 0 });
        let root = match &old {
            Some(old) => old.clone(),
            None => self.carried_base()?,
        };
        let outlook = match outlook {
            Some(outlook) if outlook.served() == root.digest() => outlook,
            _ => {
                let before = if old.is_some() { Before::Served } else { Before::Nothing };
                self.merge(root.clone(), before)?
            }
        };
        // An archive with nothing new does not make another image of the same catalog: no cluster has anything to switch to.
        let adds_nothing = outlook.adds_nothing();
        let Outlook { base, merged, mut findings } = outlook;
        let root = if old.is_some() && adds_nothing {
            root
        } else {
            let files = crate::catalog::write::files(merged.catalog());
            let built = self.build(&base, &files)?;
            self.push(&built)?;
            built.root
        };
        self.onlooker.events.emit(&Event::End { phase: Phase::Merge });
        let (found, present) = self.check(merged.catalog(), &root)?;
        findings.extend(found);
        Ok(Prepared { old, root, catalog: merged.into_catalog(), findings, present })
    }

    /// The base that the archive brought; it was promoted with the images.
    fn carried_base(&self) -> Result<RawManifest, AnyFault> {
        let digest = self.planned.base.ok_or_else(|| self.no_base())?;
        let found = self.onlooker.client.manifest(&self.tag().repository, &Target::Digest(digest))?;
        Ok(found.ok_or_else(|| self.no_base())?)
    }

    fn no_base(&self) -> CatalogError {
        CatalogError::NoBase { tag: self.tag().reference().to_string() }
    }

    fn merge(&self, root: RawManifest, before: Before) -> Result<Outlook, AnyFault> {
        let tag = self.tag();
        let name = || tag.reference().to_string();
        let source = RegistryImages { repository: &tag.repository, client: self.onlooker.client };
        let base = CatalogImage::read(
            &source,
            root,
            &self.onlooker.site.spec.platforms,
            self.onlooker.events,
            self.onlooker.limits,
        )?;
        if base.images.is_empty() || base.images.iter().any(|image| !image.has_opm) {
            return Err(CatalogError::NoOpm { tag: name() }.into());
        }
        // A carried base may hold upstream's whole catalog in a layer that it cannot do without. Production never offered that.
        let loaded = match before {
            Before::Served => base.catalog(self.onlooker.limits),
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
        let minors = minors(&base, &tag.tag, &self.planned.source);
        let options = MergeOptions { minors, ..self.merge.clone() };
        let outcome = merge(&loaded.catalog, &delta.catalog, &self.planned.evidence, &options);
        let (merged, report) = outcome.merged()?;
        Ok(Outlook { base, merged, findings: report.findings })
    }

    /// Everything that the merged catalog offers must resolve. What was broken before this archive is told, not held against it.
    fn check(&self, merged: &Catalog, root: &RawManifest) -> Result<(Vec<Finding>, Holdings), AnyFault> {
        let (platforms, production) =
            (&self.onlooker.site.spec.platforms, &self.onlooker.site.spec.production.registry);
        let mut needs = needs(merged, self.onlooker.mapping, production);
        let itself = ("the catalog".to_owned(), self.planned.source.to_string());
        needs.pinned.entry(self.tag().repository.pin(root.digest())).or_default().insert(itself.clone());
        let root_image = self.tag().repository.pin(root.digest()).to_string();
        let (found, present) = unresolved(
            &needs,
            platforms,
            self.onlooker.proof,
            self.onlooker.client,
            self.onlooker.jobs,
            self.onlooker.events,
            self.onlooker.limits,
        )?;
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
