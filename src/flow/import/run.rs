//! The order of an import.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use crate::archive::ReadAt;
use crate::emit::{self};
use crate::event::{Event, Events, Phase};
use crate::fault::{AnyFault, Fault};
use crate::finding::Finding;
use crate::flow::import::catalog::{ArchiveFacts, Forward};
use crate::flow::import::contents::{ArchiveSource, Contents};
use crate::flow::import::deliver::{carried_images, place};
use crate::flow::import::receipt::switches;
use crate::flow::import::tags::Tags;
use crate::flow::import::{generation, preflight};
use crate::flow::record::{Log, Record};
use crate::flow::verify::verify;
use crate::limits::Limits;
use crate::mapping::Mapping;
use crate::merge::MergeOptions;
use crate::plan::{PlannedCatalog, Prerequisite};
use crate::promote::Claimant;
use crate::registry::Client;
use crate::site::cluster::ClusterDump;
use crate::site::{CatalogMirror, Site};
use crate::store::files;
use crate::store::lock::{Lock, identity};
use crate::trust::TrustSet;
use crate::verify::{Floor, Policy, open};

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
        // 10, 11 Each catalog: merge, push, check. What stands in the way of one stops all of them.
        let prepared = forwards
            .iter()
            .zip(outlooks)
            .map(|(forward, outlook)| forward.prepare(&promoted, outlook))
            .collect::<Result<Vec<_>, _>>()?;
        // 12 to 16 The one request for each that puts it in force.
        let mut served = Vec::new();
        for (forward, prepared) in forwards.iter().zip(prepared) {
            let result = forward.commit(prepared, &mut log)?;
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
}

/// Production does not keep the signed inventory: the floor rests on the local journal alone.
fn state_not_kept(fault: &dyn Fault) -> Finding {
    let message = format!("production does not keep the inventory of this generation: {fault}");
    Finding::warning("STATE_NOT_KEPT", "ombundle/state", message)
        .hint("let this user write the repository `ombundle/state`, then run the same import again")
}
