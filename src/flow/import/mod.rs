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
use crate::fault::AnyFault;
use crate::finding::Finding;
use crate::flow::import::catalog::{ArchiveFacts, Forward, Served};
use crate::flow::import::contents::{ArchiveSource, Contents, Placed};
use crate::flow::record::{Log, Record};
use crate::flow::verify::verify;
use crate::limits::Limits;
use crate::mapping::Mapping;
use crate::merge::{Alias, MergeOptions};
use crate::plan::{ImageKind, PlannedCatalog, Prerequisite};
use crate::promote::{Promoted, promote};
use crate::reference::{ImageRef, RegistryHost, Repository, RepositoryRef};
use crate::registry::{Client, Target};
use crate::site::cluster::ClusterDump;
use crate::site::{CatalogMirror, CatalogState, Receipt, ReceiptStep, Site, SiteReport};
use crate::stage::{Staged, stage};
use crate::store::files;
use crate::store::lock::Lock;
use crate::transfer::{Delivery, Transfer, add_holdings, read_manifest};
use crate::trust::TrustSet;
use crate::verify::{Floor, Policy, VerifiedArchive};

pub mod catalog;
pub mod contents;
mod generation;
mod preflight;

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
        let _lock = Lock::take(&self.state.join("lock"))?;
        let mut log = Log::open(self.state)?;
        // 2 Open once; believe nothing that is not signed, nothing that is older than what is in force.
        self.policy.floor = self.floor(&log)?;
        let archive = verify(source, self.trust, &self.policy, self.events, self.limits)?;
        let mut findings = archive.notes().to_vec();
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
        let forwards = self.forwards(&contents, &mapping, &merge, facts);
        let outlooks = forwards.iter().map(Forward::outlook).collect::<Result<Vec<_>, _>>()?;
        // 4
        let (generation, inventory) = (archive.inventory().sequence, archive.inventory().digest());
        if log.committed(&inventory).is_none() {
            log.note(&Record::Begin { generation, inventory, at: self.policy.now.to_string() })?;
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
        // 10 to 16 Each catalog: merge, push, check, and the one request that puts it in force.
        let mut served = Vec::new();
        for (forward, outlook) in forwards.iter().zip(outlooks) {
            let result = forward.run(&promoted, outlook, &mut log)?;
            findings.extend(result.findings.iter().cloned());
            served.push(result);
        }
        // 17 Tags that people use, and the copy of the floor that production keeps.
        let mut steps = steps(&contents, &served, &self.site.spec.production.registry);
        steps.extend(self.tags(&contents, &source, inventory, &mut log)?);
        generation::keep(&self.site.spec.production.registry, &archive, self.client)?;
        // 18
        if log.committed(&inventory).is_none() {
            let at = self.policy.now.to_string();
            log.note(&Record::Committed { generation, inventory, at, steps })?;
        }
        if self.until == Until::Promote {
            return Ok(self.imported(generation, findings));
        }
        // 19
        let receipt = self.receipt(&archive, &contents, &mapping, &promoted, &served, &log);
        let emitted = self.emit(&contents, &served, &mapping, &receipt, &findings);
        self.events.emit(&Event::Begin { phase: Phase::Emit, items: emitted.files.len() as u64, bytes: 0 });
        files::replace_folder(out, &emitted.files, "receipt.json")?;
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
    ) -> Vec<Forward<'f>> {
        let forward = |(planned, mirror): &'f (PlannedCatalog, &CatalogMirror)| Forward {
            site: self.site,
            mapping,
            planned,
            mirror,
            archive,
            merge,
            client: self.client,
            jobs: self.jobs,
            events: self.events,
            limits: self.limits,
        };
        contents.catalogs.iter().map(forward).collect()
    }

    /// The higher of the two floors: the local journal's and production's own.
    fn floor(&self, log: &Log) -> Result<Option<Floor>, AnyFault> {
        let local = log.last_committed().map(|(sequence, inventory)| Floor { sequence, inventory });
        let production = &self.site.spec.production.registry;
        let kept = generation::latest(production, self.trust, self.client, self.events, self.limits)?;
        if let (None, Some(kept)) = (local, kept) {
            let text = format!(
                "the journal is new; production says that generation {} was imported last, and that holds",
                kept.sequence
            );
            self.events.emit(&Event::Warning { text: &text });
        }
        Ok(local.into_iter().chain(kept).max_by_key(|floor| floor.sequence))
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
            let old = self.client.head_manifest(&repository, &target)?.map(|found| found.digest);
            if old != Some(root.digest) {
                if asked {
                    log.note(&Record::Prepared { inventory, tag: name.clone(), old, new: root.digest })?;
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
                packages: planned.packages.clone(),
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
            cluster: self.cluster,
            receipt,
            findings,
        })
    }
}

/// How an image is delivered; nothing for one that production has already, root and all.
///
/// What else the archive leaves out of an image is asked for where it goes, and taken from production where it is not there.
fn carried(placed: &Placed, contents: &Contents<'_>) -> Option<Delivery> {
    let root = &placed.image.root.digest;
    let there = contents.plan.prerequisites.iter().any(|needed| needed.manifest && needed.digest == *root);
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

fn steps(contents: &Contents<'_>, served: &[Served], production: &RegistryHost) -> Vec<ReceiptStep> {
    let tags = contents.catalogs.iter().map(|(_, mirror)| format!("{production}/{}", mirror.mirror));
    tags.zip(served)
        .map(|(subject, served)| ReceiptStep { subject, before: served.previous, after: served.image.digest })
        .collect()
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
