//! One catalog of production on its way forward: read, merged, checked, and put in its place by one request.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::Catalog;
use crate::check::{self, needs, unresolved};
use crate::digest::Digest;
use crate::event::{Event, Phase};
use crate::fault::AnyFault;
use crate::finding::{Finding, Severity};
use crate::flow::catalog_image::CatalogImage;
use crate::flow::import::catalog::minors::minors;
use crate::flow::import::catalog::place::{Neighbour, neighbour, read, sound};
use crate::flow::import::catalog::{CatalogError, Place};
use crate::flow::record::{History, Log, Record};
use crate::flow::standing::Onlooker;
use crate::merge::{Division, MergeOptions, MergeOutcome, MergeRefused, MergedCatalog, Pair, Share, merge};
use crate::oci::RawManifest;
use crate::plan::PlannedCatalog;
use crate::promote::{CatalogTag, Commit, Lease, PromoteError, Promoted, pointed_to};
use crate::reference::{PinnedRef, Tag};
use crate::registry::Target;
use crate::transfer::Holdings;

/// How often a catalog is merged anew when somebody else changes it meanwhile.
const TRIES: u32 = 3;

/// A catalog that is in force.
#[derive(Debug, Clone)]
pub struct Served<'a> {
    /// What the archive changes.
    pub planned: &'a PlannedCatalog,
    /// Where it is.
    pub place: &'a Place,
    /// What production serves.
    pub image: PinnedRef,
    /// What it served before this generation.
    pub previous: Option<Digest>,
    /// Whether this run moved it there.
    pub moved: bool,
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
    pub place: &'a Place,
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
    before: Before,
    /// What the other place had.
    beside: Option<Digest>,
    merged: MergedCatalog,
    /// Whether its turn comes before that of the other place.
    goes_first: bool,
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
    pub fn changes_nothing(&self) -> bool {
        self.before == Before::Served
            && self.base.files().into_iter().eq(crate::catalog::write::files(self.merged.catalog()))
    }

    /// What production serves; nothing before the first catalog.
    pub fn served(&self) -> Option<Digest> {
        (self.before == Before::Served).then(|| self.base.root.digest())
    }
}

/// Generations whose catalogs were taken back.
#[derive(Debug, Clone, Copy)]
struct Undone {
    first: u64,
    last: u64,
}

impl Undone {
    fn finding(self, tag: &CatalogTag) -> Finding {
        let Self { first, last } = self;
        let brought = if first == last {
            format!("generation {first}")
        } else {
            format!("generations {first} to {last}")
        };
        let message = format!(
            "it is what it was before generation {first}: what {brought} brought is not in it, and does not come with this archive"
        );
        Finding::warning("WENT_BACK", tag.reference(), message).hint(format!(
            "to have that too, lead it to generation {last} first: `ombundle rollback --to {last}`, or, where that was the last one, its \
             archive imported once more"
        ))
    }
}

/// A merged catalog whose image is in production, whole, and to which nothing refers.
#[derive(Debug)]
pub struct Prepared {
    old: Option<RawManifest>,
    root: RawManifest,
    catalog: Catalog,
    goes_first: bool,
    findings: Vec<Finding>,
    present: Holdings,
}

impl Prepared {
    /// Whether a tag is about to move.
    pub fn moves(&self) -> bool {
        self.old.as_ref().map(RawManifest::digest) != Some(self.root.digest())
    }

    /// Whether its turn comes before that of the other place: what a package moves to has it before it is gone from where it was.
    pub fn goes_first(&self) -> bool {
        self.goes_first
    }
}

impl<'a> Forward<'a> {
    /// Merges with what production serves now, without writing anything: a conflict that stands there already is told before
    /// the first byte moves. Nothing where production has no catalog yet, and the archive brings the base for one.
    pub fn outlook(&self) -> Result<Option<Outlook>, AnyFault> {
        match self.ground()? {
            Some((root, before)) => Ok(Some(self.merge(root, before)?)),
            None if self.planned.base.is_some() => Ok(None),
            None => Err(self.no_base().into()),
        }
    }

    /// What would be served, for who wants to know without doing it. Of an image that is still to be built the digest is that of what it
    /// will be built on.
    pub fn preview(&self, outlook: Option<&Outlook>) -> Option<Served<'a>> {
        let repository = self.tag().repository;
        let (planned, place, nothing) = (self.planned, self.place, Catalog::default());
        Some(match outlook {
            Some(outlook) => Served {
                planned,
                place,
                image: repository.pin(outlook.base.root.digest()),
                previous: outlook.served(),
                moved: false,
                catalog: outlook.merged.catalog().clone(),
                findings: outlook.findings.clone(),
                present: Holdings::new(),
            },
            None => Served {
                planned,
                place,
                image: repository.pin(self.planned.base?),
                previous: None,
                moved: false,
                catalog: self.joined(&nothing, &nothing, self.merge).ok()?.1.catalog?.into_catalog(),
                findings: Vec::new(),
                present: Holdings::new(),
            },
        })
    }

    /// Looks once more, when all else is done, whether what was brought is still offered: who writes without a lease may have put
    /// the tag back. Somebody who merged with it and went on is no harm.
    pub fn confirm(&self, served: &Served<'_>) -> Result<(), AnyFault> {
        let tag = self.tag();
        let found = tag.current(self.onlooker.client)?;
        let now = found.as_ref().map(RawManifest::digest);
        if now == Some(served.image.digest) {
            return Ok(());
        }
        let now_offered = found.map(|found| self.merge(found, Before::Served)).transpose()?;
        if now_offered.is_some_and(|offered| offered.changes_nothing()) {
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
    ) -> Result<Served<'a>, AnyFault> {
        let tag = self.tag();
        let inventory = self.archive.inventory;
        for _ in 0..TRIES {
            let Prepared { old, root, .. } = &prepared;
            let (old_digest, new) = (old.as_ref().map(RawManifest::digest), root.digest());
            let (mut moved, findings) = (false, prepared.findings.clone());
            let previous = if old_digest == Some(new) {
                // Nothing is about to move: a finished import that runs again records nothing.
                self.before(&new, log)?
            } else {
                let tag_name = tag.reference();
                log.note(&Record::Prepared { inventory, tag: tag_name, old: old_digest, new, findings })?;
                let generation = self.archive.generation;
                match tag.commit(old.as_ref(), root, generation, lease, self.onlooker.client)? {
                    Commit::Moved => {
                        log.note(&Record::Switched { inventory, tag: tag.reference(), new })?;
                        moved = true;
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
            let (planned, place, image) = (self.planned, self.place, tag.repository.pin(new));
            let Prepared { catalog, mut findings, present, .. } = prepared;
            if !moved && let Some(told) = log.history().told_of(&inventory, &tag.reference(), &new) {
                findings = told.to_vec();
            }
            return Ok(Served { planned, place, image, previous, moved, catalog, findings, present });
        }
        Err(PromoteError::Unsteady { tag: tag.reference().to_string(), tries: TRIES }.into())
    }

    /// Whether its turn came before that of the other place, where this archive switched both.
    pub fn went_first(&self, history: History<'_>) -> Option<bool> {
        let beside = CatalogTag::of(self.onlooker.site, self.place.beside.as_ref()?).reference();
        history.switched_before(&self.archive.inventory, &self.tag().reference(), &beside)
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
        CatalogTag::of(self.onlooker.site, &self.place.mirror)
    }

    /// The image that a merge builds on: what production serves, and for the first catalog at the second place what it serves at
    /// the first. Nothing where the archive must bring it.
    fn ground(&self) -> Result<Option<(RawManifest, Before)>, AnyFault> {
        let client = self.onlooker.client;
        if let Some(root) = self.tag().current(client)? {
            return Ok(Some((root, Before::Served)));
        }
        let first = self.place.beside.as_ref().filter(|_| self.place.share == Share::Second);
        let first =
            first.map(|first| CatalogTag::of(self.onlooker.site, first).current(client)).transpose()?;
        Ok(first.flatten().map(|root| (root, Before::Nothing)))
    }

    fn ready(&self, outlook: Option<Outlook>) -> Result<Prepared, AnyFault> {
        self.onlooker.events.emit(&Event::Begin { phase: Phase::Merge, items: 1, bytes: 0 });
        let (root, before) = match self.ground()? {
            Some(ground) => ground,
            None => (self.carried_base()?, Before::Nothing),
        };
        let old = (before == Before::Served).then(|| root.clone());
        let outlook = match outlook {
            Some(outlook) if self.still_holds(&outlook, &root, before)? => outlook,
            _ => self.merge(root.clone(), before)?,
        };
        // An archive with nothing new does not make another image of the same catalog: no cluster has anything to switch to.
        let changes_nothing = outlook.changes_nothing();
        let Outlook { base, merged, goes_first, mut findings, .. } = outlook;
        let root = if changes_nothing {
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
        Ok(Prepared { old, root, catalog: merged.into_catalog(), goes_first, findings, present })
    }

    /// Whether production is as it was looked at, at both places.
    fn still_holds(&self, outlook: &Outlook, root: &RawManifest, before: Before) -> Result<bool, AnyFault> {
        let Onlooker { site, client, .. } = self.onlooker;
        let beside = self.place.beside.as_ref().map(|beside| CatalogTag::of(site, beside).digest(client));
        Ok(outlook.base.root.digest() == root.digest()
            && outlook.before == before
            && outlook.beside == beside.transpose()?.flatten())
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
        let base = read(&self.onlooker, &tag, root)?;
        if base.images.is_empty() || base.images.iter().any(|image| !image.has_opm) {
            return Err(CatalogError::NoOpm { tag: tag.reference().to_string() }.into());
        }
        // A carried base may hold upstream's whole catalog in a layer that it cannot do without. Production never offered that.
        let own = match before {
            Before::Served => sound(base.catalog(self.onlooker.limits), &tag)?,
            Before::Nothing => Catalog::default(),
        };
        let Neighbour { digest: beside, catalog: other } = neighbour(&self.onlooker, self.place)?;
        let minors = minors(&base, &tag.tag, &self.planned.source);
        let options = MergeOptions { minors, ..self.merge.clone() };
        let (goes_first, outcome) = self.joined(&own, &other, &options)?;
        let (merged, report) = match outcome.merged() {
            Ok(merged) => merged,
            Err(refused) => return Err(self.unmerged(refused, base.root.digest())?),
        };
        let mut findings = report.findings;
        findings.extend(self.undone(base.root.digest())?.map(|undone| undone.finding(&tag)));
        Ok(Outlook { base, before, beside, merged, goes_first, findings })
    }

    /// Why there is no merged catalog: the one in production may be from before generations that the archive builds on.
    fn unmerged(&self, refused: Box<MergeRefused>, root: Digest) -> Result<AnyFault, AnyFault> {
        Ok(match self.undone(root)? {
            Some(Undone { first, last }) => {
                let tag = self.tag().reference().to_string();
                CatalogError::WentBack { tag, undone: first, base: last, source: refused }.into()
            }
            None => refused.into(),
        })
    }

    /// The generations before the archive's that are not in this catalog any more, since production went back to what one of them
    /// replaced.
    fn undone(&self, root: Digest) -> Result<Option<Undone>, AnyFault> {
        let (client, tag) = (self.onlooker.client, self.tag());
        let kept = tag.kept(&client.tags(&tag.repository)?);
        let earlier = kept.into_iter().filter_map(|(by, name)| Some((by?, name)));
        let earlier: BTreeMap<u64, Tag> = earlier.filter(|(by, _)| *by < self.archive.generation).collect();
        for (first, name) in &earlier {
            if pointed_to(client, &tag.repository, &Target::Tag(name.clone()))? == Some(root) {
                return Ok(earlier.last_key_value().map(|(last, _)| Undone { first: *first, last: *last }));
            }
        }
        Ok(None)
    }

    /// What arrives for this place, merged with what is there, and whether it is its turn before the other place's.
    fn joined(
        &self,
        own: &Catalog,
        other: &Catalog,
        options: &MergeOptions,
    ) -> Result<(bool, MergeOutcome), AnyFault> {
        let delta = Catalog::from_values(&self.planned.delta);
        if let Some(first) = delta.findings.iter().find(|finding| finding.severity == Severity::Error) {
            return Err(CatalogError::Delta { why: format!("{}: {}", first.subject, first.message) }.into());
        }
        let (delta, evidence, share) = (&delta.catalog, &self.planned.evidence, self.place.share);
        if self.place.beside.is_none() {
            return Ok((true, merge(own, delta, evidence, options)));
        }
        let pair = match share {
            Share::First => Pair { first: own, second: other, delta },
            Share::Second => Pair { first: other, second: own, delta },
        };
        let division = Division::of(pair, options);
        Ok((division.goes_first(share), division.part(share, pair, options).merge(evidence)))
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
