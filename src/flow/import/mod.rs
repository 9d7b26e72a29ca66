//! `import`: a verified archive into production, in an order that can be broken off anywhere and gone on with.
//!
//! What a cluster can see changes at one request for each catalog ([`catalog`]); before it everything is as it was, after it
//! everything is as it will be. Each step is a record in the journal; a step that is done again changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use crate::archive::ReadAt;
use crate::digest::Digest;
use crate::emit::{self, Emitted, EmittedCatalog};
use crate::event::{Event, Events, Phase};
use crate::fault::{AnyFault, Fault};
use crate::finding::Finding;
use crate::flow::import::catalog::{ArchiveFacts, Forward, Served};
use crate::flow::import::contents::{ArchiveSource, Contents, Placed};
use crate::flow::record::{Log, Record};
use crate::flow::verify::verify;
use crate::limits::Limits;
use crate::mapping::Mapping;
use crate::merge::{Alias, MergeOptions};
use crate::plan::{ImageKind, PlannedCatalog, PlannedPackage, Prerequisite};
use crate::promote::{Claimant, Promoted, pointed_to, promote};
use crate::reference::{ImageRef, RegistryHost, Repository, RepositoryRef};
use crate::registry::{Client, Target};
use crate::site::cluster::ClusterDump;
use crate::site::{CatalogMirror, CatalogState, Receipt, ReceiptStep, Site, SiteReport};
use crate::stage::{Staged, stage};
use crate::store::files;
use crate::store::lock::{Lock, identity};
use crate::transfer::{Delivery, Transfer, add_holdings, read_manifest};
use crate::trust::TrustSet;
use crate::verify::{Floor, Policy, VerifiedArchive, open};

pub mod catalog;
pub mod contents;
mod generation;
mod preflight;

/// The file by which a folder is known to be of an import.
const MARKER: &str = "receipt.json";

/// How far an import goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Until {
    /// Everything is in the staging registry.
    Stage,
    /// Everything is in production, and its catalogs offer it.
    Promote,
    /// The cluster resources are written.
    Emit,
}

/// What an import works with.
pub struct Import<'a> {
    /// The site.
    pub site: &'a Site,
    /// The folder of its journal.
    pub state: &'a Path,
    /// Whose signatures count.
    pub trust: &'a TrustSet,
    /// What is demanded of an archive; the floor is found here.
    pub policy: Policy,
    /// File name of the archive, for the receipt.
    pub name: &'a str,
    /// What the cluster said of itself, if anybody asked it.
    pub cluster: Option<&'a ClusterDump>,
    /// Decisions for the merge; what is known of the site is added here.
    pub merge: MergeOptions,
    /// Asks both registries.
    pub client: &'a Client,
    /// Transfers at once.
    pub jobs: usize,
    /// How far to go.
    pub until: Until,
    /// Told what happens.
    pub events: &'a dyn Events,
    /// Ceilings.
    pub limits: &'a Limits,
}

/// What an import came to.
#[derive(Debug)]
pub struct Imported {
    /// Its generation.
    pub generation: u64,
    /// How far it went.
    pub reached: Until,
    /// Blobs and manifests that were written to registries.
    pub written: u64,
    /// What a person should know.
    pub findings: Vec<Finding>,
}

impl Import<'_> {
    /// Imports an archive and writes the cluster resources into the folder `out`.
    pub fn run(mut self, source: Arc<dyn ReadAt>, out: &Path) -> Result<Imported, AnyFault> {
        // 1 One import at a time on this machine.
        files::create_private_folder(self.state)?;
        let lock = Lock::take(&self.state.join("lock"))?;
        let name = identity(&self.state.join("name"))?;
        let claimant = Claimant {
            name: &name,
            holder: lock.holder(),
            patience: Claimant::PATIENCE,
            client: self.client,
            events: self.events,
        };
        let mut log = Log::open(self.state)?;
        // 2 Open once; believe nothing that is not signed, nothing that is older than what is in force. The journal is asked
        // first: what is damaged or foreign is told without a registry.
        self.policy.floor = log.last_committed().map(|(sequence, inventory)| Floor { sequence, inventory });
        let archive = verify(Arc::clone(&source), self.trust, &self.policy, self.events, self.limits)?;
        let mut findings = archive.notes().to_vec();
        if let Some(floor) = self.higher_floor(&log)? {
            self.policy.floor = Some(floor);
            findings = open(source, self.trust, &self.policy, self.limits)?.notes().to_vec();
        }
        files::check_folder(out, MARKER)?;
        if let Some(cluster) = self.cluster {
            findings.extend(emit::preflight(self.site, cluster));
        }
        // 3 Whatever can fail fails before the first write.
        let mapping = Mapping::new(&self.site.spec.repositories)?;
        let contents = Contents::read(&archive, self.site, &mapping, self.limits)?;
        let place = |needed: &Prerequisite| place(&contents, &mapping, needed);
        preflight::preflight(self.site, &contents.plan, place, self.client, self.jobs, self.events)?;
        let merge = self.merge_options(&contents);
        let facts = ArchiveFacts {
            inventory: archive.inventory().digest(),
            generation: archive.inventory().sequence,
            created: &contents.plan.created,
        };
        let carried = carried_images(&contents, &self.site.spec.production.registry);
        let forwards = self.forwards(&contents, &mapping, &merge, facts, &carried, &claimant);
        let outlooks = forwards.iter().map(Forward::outlook).collect::<Result<Vec<_>, _>>()?;
        // 4
        let (generation, inventory) = (archive.inventory().sequence, archive.inventory().digest());
        if log.committed(&inventory).is_none() {
            let reason = self.policy.accept_time.as_ref().map(ToString::to_string);
            log.note(&Record::Begin { generation, inventory, at: self.policy.now.to_string(), reason })?;
        }
        // 5, 6, 7 Blobs, then manifests into staging; then the proof that all of it is there.
        let source = ArchiveSource::new(&archive, &contents, &mapping, self.site, self.client)?;
        let staged = self.stage(&archive, &contents, &source)?;
        if log.committed(&inventory).is_none() {
            log.note(&Record::Staged { inventory })?;
        }
        if self.until == Until::Stage {
            return Ok(self.imported(generation, findings));
        }
        // 8, 9 The same into production, where nothing refers to it yet.
        let promoted = self.promote(&staged, &contents, &source)?;
        if log.committed(&inventory).is_none() {
            log.note(&Record::Promoted { inventory })?;
        }
        // What the catalogs ask for by tag must be there before they are in force; tags that exist move afterwards.
        self.tags(&contents, &source, inventory, Tags::New, &mut log)?;
        // 10 to 16 Each catalog: merge, push, check, and the one request that puts it in force.
        let mut served = Vec::new();
        for (forward, outlook) in forwards.iter().zip(outlooks) {
            let result = forward.run(&promoted, outlook, &mut log)?;
            findings.extend(result.findings.iter().cloned());
            served.push(result);
        }
        // 17 Tags that people use, and the copy of the floor that production keeps.
        let mut steps = switches(&contents, &served, &self.site.spec.production.registry);
        steps.extend(self.tags(&contents, &source, inventory, Tags::All, &mut log)?);
        if let Err(fault) = generation::keep(&self.site.spec.production.registry, &archive, self.client) {
            // The catalogs are in force; a registry that refuses one more repository must not stop what follows.
            findings.push(state_not_kept(&*fault));
        }
        for (forward, served) in forwards.iter().zip(&served) {
            forward.confirm(served)?;
        }
        // 18
        if log.committed(&inventory).is_none() {
            let at = self.policy.now.to_string();
            log.note(&Record::Committed { generation, inventory, at, steps, findings: findings.clone() })?;
        } else if let Some(Record::Committed { findings: told, .. }) = log.committed(&inventory) {
            // Merging a catalog with itself has nothing to tell: what was told when it came into force still holds.
            findings.clone_from(told);
        }
        if self.until == Until::Promote {
            return Ok(self.imported(generation, findings));
        }
        // 19
        let receipt = self.receipt(&archive, &contents, &mapping, &promoted, &served, &log);
        let emitted = self.emit(&contents, &served, &mapping, &receipt, &findings);
        self.events.emit(&Event::Begin { phase: Phase::Emit, items: emitted.files.len() as u64, bytes: 0 });
        files::replace_folder(out, &emitted.files, MARKER)?;
        self.events.emit(&Event::End { phase: Phase::Emit });
        findings.extend(emitted.findings);
        Ok(self.imported(generation, findings))
    }

    /// What came of it, when it went as far as it was asked to.
    fn imported(&self, generation: u64, findings: Vec<Finding>) -> Imported {
        Imported { generation, reached: self.until, written: self.client.written(), findings }
    }

    fn forwards<'f>(
        &'f self,
        contents: &'f Contents<'_>,
        mapping: &'f Mapping,
        merge: &'f MergeOptions,
        archive: ArchiveFacts<'f>,
        carried: &'f BTreeSet<String>,
        claimant: &'f Claimant<'f>,
    ) -> Vec<Forward<'f>> {
        let forward = |(planned, mirror): &'f (PlannedCatalog, &CatalogMirror)| Forward {
            site: self.site,
            mapping,
            planned,
            mirror,
            archive,
            carried,
            merge,
            claimant,
            client: self.client,
            jobs: self.jobs,
            events: self.events,
            limits: self.limits,
        };
        contents.catalogs.iter().map(forward).collect()
    }

    /// Production's own floor, where it is higher than the journal's.
    fn higher_floor(&self, log: &Log) -> Result<Option<Floor>, AnyFault> {
        let local = log.last_committed().map(|(sequence, inventory)| Floor { sequence, inventory });
        let production = &self.site.spec.production.registry;
        let kept = generation::latest(production, self.trust, self.client, self.events, self.limits)?;
        let text = match (local, kept) {
            (None, Some(kept)) => format!(
                "the journal is new; production says that generation {} was imported last, and that holds",
                kept.sequence
            ),
            (Some(local), Some(kept)) if kept.sequence > local.sequence => format!(
                "the journal ends with generation {}; production says that generation {} was imported last, and that holds",
                local.sequence, kept.sequence
            ),
            (Some(local), Some(kept))
                if kept.sequence == local.sequence && kept.inventory != local.inventory =>
            {
                format!(
                    "the journal and production know generation {} as different archives; the journal holds",
                    local.sequence
                )
            }
            _ => return Ok(None),
        };
        self.events.emit(&Event::Warning { text: &text });
        Ok(kept.filter(|kept| local.is_none_or(|local| kept.sequence > local.sequence)))
    }

    fn stage(
        &self,
        archive: &VerifiedArchive,
        contents: &Contents<'_>,
        source: &ArchiveSource<'_>,
    ) -> Result<Staged, AnyFault> {
        let all: Vec<Delivery> = contents
            .images
            .iter()
            .chain(&contents.bases)
            .filter_map(|placed| carried(placed, contents))
            .collect();
        stage(
            archive,
            &all,
            &self.site.spec.platforms,
            &self.transfer(&self.site.spec.staging.registry, source),
        )
    }

    /// A base is delivered only where production has no catalog to build on.
    fn promote(
        &self,
        staged: &Staged,
        contents: &Contents<'_>,
        source: &ArchiveSource<'_>,
    ) -> Result<Promoted, AnyFault> {
        let production = &self.site.spec.production.registry;
        let mut all: Vec<Delivery> =
            contents.images.iter().filter_map(|placed| carried(placed, contents)).collect();
        for (planned, mirror) in &contents.catalogs {
            let repository =
                RepositoryRef { host: production.clone(), repository: mirror.mirror.repository.clone() };
            let tag = mirror.mirror.tag.clone().into();
            if self.client.head_manifest(&repository, &tag)?.is_none() {
                let base = contents.bases.iter().filter(|base| {
                    Some(base.image.root.digest) == planned.base
                        && base.delivery.repository == mirror.mirror.repository
                });
                all.extend(base.filter_map(|placed| carried(placed, contents)));
            }
        }
        promote(staged, &all, &self.site.spec.platforms, &self.transfer(production, source))
    }

    fn transfer<'t>(&'t self, host: &'t RegistryHost, source: &'t ArchiveSource<'_>) -> Transfer<'t> {
        Transfer {
            host,
            client: self.client,
            source,
            jobs: self.jobs,
            events: self.events,
            limits: self.limits,
        }
    }

    fn merge_options(&self, contents: &Contents<'_>) -> MergeOptions {
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

    /// Points tags that images were asked for by, in production. Where they pointed before is noted first, so that a run that
    /// goes on with the work of another one can still tell.
    fn tags(
        &self,
        contents: &Contents<'_>,
        source: &ArchiveSource<'_>,
        inventory: Digest,
        which: Tags,
        log: &mut Log,
    ) -> Result<Vec<ReceiptStep>, AnyFault> {
        let mut steps = Vec::new();
        for placed in &contents.images {
            let Some(tag) = &placed.image.tag else { continue };
            let repository = RepositoryRef {
                host: self.site.spec.production.registry.clone(),
                repository: placed.delivery.repository.clone(),
            };
            let (root, asked) = (&placed.image.root, placed.image.kind != ImageKind::Attachment);
            let (name, target) = (repository.tag(tag.clone()), Target::Tag(tag.clone()));
            let old = pointed_to(self.client, &repository, &target)?;
            if old != Some(root.digest) && (which == Tags::All || old.is_none()) {
                if asked {
                    let (tag, new) = (name.clone(), root.digest);
                    log.note(&Record::Prepared { inventory, tag, old, new })?;
                }
                let manifest = match self.client.manifest(&repository, &root.digest.into())? {
                    Some(manifest) => manifest,
                    None => read_manifest(source, root, self.limits)?,
                };
                self.client.push_manifest(&repository, &target, &manifest)?;
            }
            if asked && let Some(before) = log.old_of(&inventory, &name, &root.digest) {
                steps.push(ReceiptStep { subject: name.to_string(), before, after: root.digest });
            }
        }
        Ok(steps)
    }

    fn receipt(
        &self,
        archive: &VerifiedArchive,
        contents: &Contents<'_>,
        mapping: &Mapping,
        promoted: &Promoted,
        served: &[Served],
        log: &Log,
    ) -> Receipt {
        let inventory = archive.inventory();
        let (finished, steps) = match log.committed(&inventory.digest()) {
            Some(Record::Committed { at, steps, .. }) => (at.clone(), steps.clone()),
            _ => (self.policy.now.to_string(), Vec::new()),
        };
        let catalogs = contents
            .catalogs
            .iter()
            .zip(served)
            .map(|((planned, mirror), served)| CatalogState {
                source: planned.source.clone(),
                mirror: served.image.repository.tag(mirror.mirror.tag.clone()),
                digest: served.image.digest,
                repository: served.image.repository.clone(),
            })
            .collect();
        let mut repositories = promoted.present().clone();
        // What the archive left out was found there before the first write.
        for needed in &contents.plan.prerequisites {
            if let Ok(repository) = place(contents, mapping, needed) {
                repositories.entry(repository).or_default().insert(needed.digest);
            }
        }
        for served in served {
            add_holdings(&mut repositories, served.present.clone());
        }
        // Each image of the archive is there as it travelled: pushed, or found as a prerequisite. That may be more than the site's
        // platforms need, where an index travels whole.
        for placed in &contents.images {
            let objects =
                placed.image.manifests.iter().chain(&placed.image.blobs).map(|object| object.digest);
            repositories.entry(placed.delivery.repository.clone()).or_default().extend(objects);
        }
        let digests = repositories.values().flatten().copied().collect();
        Receipt {
            format: "ombundle.receipt/v1".to_owned(),
            tool: concat!("ombundle ", env!("CARGO_PKG_VERSION")).to_owned(),
            finished,
            archive: self.name.to_owned(),
            inventory: inventory.digest(),
            generation: inventory.sequence,
            signers: archive.signers().iter().map(ToString::to_string).collect(),
            steps,
            site: SiteReport {
                format: "ombundle.site-report/v1".to_owned(),
                site: self.site.name().to_owned(),
                generation: inventory.sequence,
                inventory: Some(inventory.digest()),
                catalogs,
                installed: self.cluster.into_iter().flat_map(ClusterDump::installed).collect(),
                digests,
                repositories,
            },
        }
    }

    fn emit(
        &self,
        contents: &Contents<'_>,
        served: &[Served],
        mapping: &Mapping,
        receipt: &Receipt,
        findings: &[Finding],
    ) -> Emitted {
        let catalogs: Vec<EmittedCatalog> = contents
            .catalogs
            .iter()
            .zip(served)
            .map(|((planned, mirror), served)| EmittedCatalog {
                name: mirror.name.clone(),
                source: planned.source.clone(),
                image: served.image.clone(),
                previous: served.previous.map(|digest| served.image.repository.pin(digest)),
                packages: planned
                    .packages
                    .iter()
                    .filter(|package| serves(served, package))
                    .cloned()
                    .collect(),
                evidence: planned.evidence.clone(),
                texts: texts(served),
            })
            .collect();
        let production = &self.site.spec.production.registry;
        let at = |repository: Repository| RepositoryRef { host: production.clone(), repository };
        // Everything that any catalog of production names has its place, not only what came with this archive.
        let mut mirrors: BTreeMap<RepositoryRef, RepositoryRef> = contents
            .images
            .iter()
            .map(|placed| (placed.image.source.clone(), at(placed.delivery.repository.clone())))
            .collect();
        for image in served.iter().flat_map(references) {
            if let Ok(repository) = mapping.mirror(&image.repository) {
                mirrors.entry(image.repository).or_insert_with(|| at(repository));
            }
        }
        let tag_images: BTreeSet<ImageRef> = contents
            .images
            .iter()
            .filter(|placed| placed.image.kind != ImageKind::Attachment)
            .filter_map(|placed| Some(placed.image.source.tag(placed.image.tag.clone()?)))
            .collect();
        emit::emit(&emit::Input {
            site: self.site,
            catalogs: &catalogs,
            mirrors: &mirrors,
            tag_images: &tag_images,
            releases: emit::Releases::default(),
            cluster: self.cluster,
            receipt,
            findings,
        })
    }
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
pub(super) fn place(
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

fn switches(contents: &Contents<'_>, served: &[Served], production: &RegistryHost) -> Vec<ReceiptStep> {
    let tags = contents.catalogs.iter().map(|(_, mirror)| format!("{production}/{}", mirror.mirror));
    tags.zip(served)
        .map(|(subject, served)| ReceiptStep { subject, before: served.previous, after: served.image.digest })
        .collect()
}

/// Whether a catalog offers what a package was delivered for; a decision may have kept production's instead.
fn serves(served: &Served, package: &PlannedPackage) -> bool {
    let offered = served.catalog.packages.get(&package.name);
    offered.is_some_and(|offered| package.bundles.iter().all(|bundle| offered.bundles.contains_key(bundle)))
}

/// The images that an archive brings or builds on, as references to production: by digest, and by tag where they are asked for so.
fn carried_images(contents: &Contents<'_>, production: &RegistryHost) -> BTreeSet<String> {
    let names = |placed: &Placed| {
        let repository =
            RepositoryRef { host: production.clone(), repository: placed.delivery.repository.clone() };
        let tagged = placed.image.tag.clone().map(|tag| repository.tag(tag).to_string());
        [Some(repository.pin(placed.image.root.digest).to_string()), tagged]
    };
    contents.images.iter().flat_map(names).flatten().collect()
}

/// Which tags are pointed to what arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tags {
    /// Those that do not exist.
    New,
    /// All of them.
    All,
}

/// Production does not keep the signed inventory: the floor rests on the local journal alone.
fn state_not_kept(fault: &dyn Fault) -> Finding {
    let message = format!("production does not keep the inventory of this generation: {fault}");
    Finding::warning("STATE_NOT_KEPT", "ombundle/state", message)
        .hint("let this user write the repository `ombundle/state`, then run the same import again")
}

/// The merged catalog as text, by package.
fn texts(served: &Served) -> BTreeMap<String, Vec<u8>> {
    crate::catalog::write::files(&served.catalog)
        .into_iter()
        .filter_map(|(path, bytes)| Some((path.strip_suffix("/catalog.json")?.to_owned(), bytes)))
        .collect()
}

/// Every image that a catalog names.
fn references(served: &Served) -> Vec<ImageRef> {
    served
        .catalog
        .packages
        .values()
        .flat_map(|package| package.bundles.values())
        .flat_map(|bundle| bundle.related_images.iter().map(|related| &related.image).chain([&bundle.image]))
        .filter_map(|text| text.parse().ok())
        .collect()
}
