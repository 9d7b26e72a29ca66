//! The order of an import.

use std::path::Path;
use std::sync::Arc;

use crate::archive::ReadAt;
use crate::event::{Event, Events, Phase};
use crate::fault::{AnyFault, Fault};
use crate::finding::Finding;
use crate::flow::import::catalog::{Forward, Outlook};
use crate::flow::import::contents::ArchiveSource;
use crate::flow::import::deliver::for_staging;
use crate::flow::import::judge::Case;
use crate::flow::import::receipt::{Known, keep_receipt, switches};
use crate::flow::import::tags::Tags;
use crate::flow::import::{generation, preflight};
use crate::flow::record::{Log, Record};
use crate::flow::writer::SoleWriter;
use crate::limits::Limits;
use crate::merge::MergeOptions;
use crate::promote::{Claimant, Lease, promote};
use crate::registry::Client;
use crate::release::ReleaseKeys;
use crate::site::Site;
use crate::site::cluster::ClusterDump;
use crate::stage::stage;
use crate::store::files;
use crate::transfer::{Look, Proof};
use crate::trust::TrustSet;
use crate::verify::Policy;

/// The file by which a folder is known to be of an import.
pub(in crate::flow) const MARKER: &str = "receipt.json";

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
    /// Whose OpenShift releases come in; without keys none does.
    pub release_keys: Option<&'a ReleaseKeys>,
    /// Whether the cluster is older than OpenShift 4.13 and takes an ImageContentSourcePolicy.
    pub legacy_icsp: bool,
    /// Decisions for the merge; what is known of the site is added here.
    pub merge: MergeOptions,
    /// Asks both registries.
    pub client: &'a Client,
    /// Transfers at once.
    pub jobs: usize,
    /// Whether production's blobs are read back whole and hashed before anything refers to them.
    pub paranoid: bool,
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
    pub fn run(self, source: Arc<dyn ReadAt>, out: &Path) -> Result<Imported, AnyFault> {
        // 1 One import at a time on this machine.
        let writer = SoleWriter::of(self.state)?;
        let mut log = Log::open(self.state)?;
        // 2, 3 Whatever can fail fails before the first write.
        let case = self.judge(source, log.history())?;
        files::check_folder(out, MARKER)?;
        let forwards = self.forwards(&case);
        let outlooks = forwards.iter().map(Forward::outlook).collect::<Result<Vec<_>, _>>()?;
        let survey = self.survey(&case, &forwards, &outlooks, Look::Manifests)?;
        preflight::writes(&self.written(&survey)?, self.client, self.jobs, self.events)?;
        // One import at a time in production. Where nothing is to be changed nobody is kept waiting, and nothing is written.
        let claimant = writer.claimant(self.client, self.events, Claimant::PATIENCE);
        claimant.hold(&generation::repository(&self.site.spec.production.registry)?, |lease| {
            if survey.changes_production() {
                lease.take()?;
                // Somebody else may have been inside until now.
                self.still_newest(log.history(), &case.archive)?;
            }
            self.bring(&case, &forwards, outlooks, lease, &mut log, out)
        })
    }

    /// Everything that writes.
    fn bring(
        &self,
        case: &Case<'_>,
        forwards: &[Forward<'_>],
        outlooks: Vec<Option<Outlook>>,
        lease: &Lease<'_>,
        log: &mut Log,
        out: &Path,
    ) -> Result<Imported, AnyFault> {
        let Case { archive, contents, mapping, .. } = case;
        let mut findings = case.findings.clone();
        // 4
        let (generation, inventory) = (archive.inventory().sequence, archive.inventory().digest());
        if log.history().committed(&inventory).is_none() {
            let reason = self.policy.accept_time.as_ref().map(ToString::to_string);
            let at = self.policy.now.to_string();
            let origin = Some(case.origin()?);
            log.note(&Record::Begin { generation, inventory, at, reason, origin })?;
        }
        // 5, 6, 7 Blobs, then manifests into staging; then the proof that all of it is there.
        let source = ArchiveSource::new(archive, contents, mapping, self.site, self.client)?;
        let (spec, platforms) = (&self.site.spec, &self.site.spec.platforms);
        let in_staging = Proof::sizes();
        let to_staging = self.transfer(&spec.staging.registry, &source, &in_staging);
        let staged = stage(archive, &for_staging(contents), platforms, &to_staging)?;
        if log.history().committed(&inventory).is_none() {
            log.note(&Record::Staged { inventory })?;
        }
        if self.until == Until::Stage {
            return Ok(self.imported(generation, findings));
        }
        // 8, 9 The same into production, where nothing refers to it yet.
        let to_production = self.transfer(&spec.production.registry, &source, &case.proof);
        let promoted = promote(&staged, &self.for_production(contents)?, platforms, &to_production)?;
        if log.history().committed(&inventory).is_none() {
            log.note(&Record::Promoted { inventory })?;
        }
        // A release is found whole before a tag offers it.
        let releases = self.releases_are_whole(contents, &self.onlooker(case))?;
        // What the catalogs ask for by tag must be there before they are in force; tags that exist move afterwards.
        self.tags(contents, &source, inventory, Tags::New, log)?;
        let graph = match &case.releases.graph {
            Some(graph) => graph.push(inventory, self.client, log)?,
            None => None,
        };
        // 10, 11 Each catalog: merge, push, check. What stands in the way of one stops all of them.
        let mut prepared = forwards
            .iter()
            .zip(outlooks)
            .map(|(forward, outlook)| Ok((forward, forward.prepare(&promoted, outlook)?)))
            .collect::<Result<Vec<_>, AnyFault>>()?;
        // Where nothing is left to switch, the order that was is told again.
        let is_done = prepared.iter().all(|(_, prepared)| !prepared.moves());
        prepared.sort_by_key(|(forward, prepared)| {
            let went_first = is_done.then(|| forward.went_first(log.history())).flatten();
            !went_first.unwrap_or(prepared.goes_first())
        });
        // 12 to 16 The one request for each that puts it in force.
        let (mut brought, mut served) = (Vec::new(), Vec::new());
        for (forward, prepared) in prepared {
            let result = forward.commit(prepared, lease, log)?;
            findings.extend(result.findings.iter().cloned());
            brought.push(forward);
            served.push(result);
        }
        // 17 Tags that people use, and the copy of the floor that production keeps.
        let mut steps = switches(&served);
        steps.extend(graph);
        steps.extend(self.tags(contents, &source, inventory, Tags::All, log)?);
        let site = self.site.name();
        let kept = generation::keep(&spec.production.registry, site, archive, self.client);
        for (forward, served) in brought.iter().zip(&served) {
            forward.confirm(served)?;
        }
        // 18
        // Imported once more with another decision, it is in force anew.
        let moved = served.iter().any(|served| served.moved);
        if moved || log.history().is_unsettled(&inventory) || log.history().committed(&inventory).is_none() {
            let at = self.policy.now.to_string();
            log.note(&Record::Committed { generation, inventory, at, steps, findings: findings.clone() })?;
        } else if let Some(Record::Committed { findings: told, .. }) = log.history().committed(&inventory) {
            // Merging a catalog with itself has nothing to tell: what was told when it came into force still holds.
            findings.clone_from(told);
        }
        if let Err(fault) = kept {
            // The catalogs are in force; a registry that refuses one more repository must not stop what follows.
            findings.push(state_not_kept(&*fault));
        }
        if self.until == Until::Promote {
            return Ok(self.imported(generation, findings));
        }
        // 19
        let (others, told) = self.others(case);
        findings.extend(told);
        let (installed, told) = self.installed()?;
        findings.extend(told);
        let known = Known {
            promoted: promoted.present().clone(),
            others,
            installed,
            releases: self.known_releases(releases)?,
            openshift: self.runs()?,
        };
        let receipt = self.receipt(case, &served, known, log.history());
        let emitted = self.emit(case, &served, &receipt, &findings);
        self.events.emit(&Event::Begin { phase: Phase::Emit, items: emitted.files.len() as u64, bytes: 0 });
        files::replace_folder(out, &emitted.files, MARKER)?;
        keep_receipt(self.state, &emitted, self.limits)?;
        self.events.emit(&Event::End { phase: Phase::Emit });
        findings.extend(emitted.findings);
        Ok(self.imported(generation, findings))
    }

    /// What came of it, when it went as far as it was asked to.
    fn imported(&self, generation: u64, findings: Vec<Finding>) -> Imported {
        Imported { generation, reached: self.until, written: self.client.written(), findings }
    }
}

/// Production does not keep the signed inventory: the floor rests on the local journal alone.
fn state_not_kept(fault: &dyn Fault) -> Finding {
    let message = format!("production does not keep the inventory of this generation: {fault}");
    Finding::warning("STATE_NOT_KEPT", "ombundle/state", message)
        .hint("let this user write the repository `ombundle/state`, then run the same import again")
}
