//! The way back: catalogs of production return to what they were after an earlier generation.
//!
//! Nothing is built and no image moves: a tag goes back to a digest that production kept (`TAG-prev-N`). The generation in force stays
//! in force: what was taken back does not come in again by an older archive.

mod channels;
mod fault;
mod resources;
mod way;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use crate::archive::Moment;
use crate::event::{Event, Phase};
use crate::fault::AnyFault;
use crate::finding::Finding;
use crate::flow::import::generation;
use crate::flow::import::preflight;
use crate::flow::import::receipt::keep_receipt;
use crate::flow::import::run::MARKER;
use crate::flow::record::{Log, Record};
use crate::flow::standing::Onlooker;
use crate::flow::writer::SoleWriter;
use crate::promote::{Commit, Lease};
use crate::site::ReceiptStep;
use crate::site::cluster::ClusterDump;
use crate::store::files;
use crate::trust::TrustSet;

pub use fault::RollbackError;
use way::{Return, Way};

/// What going back works with.
pub struct Rollback<'a> {
    /// Who looks at production.
    pub onlooker: Onlooker<'a>,
    /// Whose signatures under generations count.
    pub trust: &'a TrustSet,
    /// The folder of the journal.
    pub state: &'a Path,
    /// The generation to go back to, 0 for what was there before the first; the one before the last when absent.
    pub to: Option<u64>,
    /// Whether a catalog is taken although images that it offers are gone.
    pub incomplete: bool,
    /// What the cluster said of itself, if anybody asked it.
    pub cluster: Option<&'a ClusterDump>,
    /// Now.
    pub now: Moment,
    /// How long a claim of another machine may stand unchanged before it counts as dead.
    pub patience: Duration,
}

/// What came of it.
#[derive(Debug)]
pub struct RolledBack {
    /// The generation that was left; it stays the last one.
    pub from: u64,
    /// The one that catalogs are as after.
    pub to: u64,
    /// Every tag that went back, be it in an earlier run.
    pub steps: Vec<ReceiptStep>,
    /// What a person should know.
    pub findings: Vec<Finding>,
}

impl Rollback<'_> {
    /// Goes back, and writes the cluster resources into the folder `out`. Doing it again moves nothing.
    pub fn run(&self, out: &Path) -> Result<RolledBack, AnyFault> {
        let writer = SoleWriter::of(self.state)?;
        let mut log = Log::open(self.state)?;
        let way = self.way(log.history())?;
        files::check_folder(out, MARKER)?;
        let moving: BTreeSet<_> =
            way.returns.iter().filter(|one| one.moves()).map(|one| one.tag.repository.clone()).collect();
        let Onlooker { site, client, jobs, events, .. } = self.onlooker;
        let state = generation::repository(&site.spec.production.registry)?;
        if !moving.is_empty() {
            let written = moving.iter().cloned().chain([state.clone()]).collect();
            preflight::writes(&written, client, jobs, events)?;
        }
        let claimant = writer.claimant(client, events, self.patience);
        claimant.hold(&state, |lease| {
            if !moving.is_empty() {
                lease.take()?;
                // Somebody else may have been inside until now: what is put back must still be there, and still be the way back.
                way.is_still(&self.way(log.history())?)?;
            }
            for one in way.returns.iter().filter(|one| one.moves()) {
                self.put_back(&way, one, lease, &mut log)?;
            }
            Ok(())
        })?;
        let steps = log.history().returned(way.from, way.to);
        let recorded = log.records().iter().rev().find_map(|record| match record {
            Record::Return { .. } => Some(false),
            Record::Returned { from, to, .. } => Some((*from, *to) == (way.from, way.to)),
            _ => None,
        });
        if !steps.is_empty() && recorded != Some(true) {
            let (from, to, at) = (way.from, way.to, self.now.to_string());
            log.note(&Record::Returned { from, to, at, steps: steps.clone() })?;
        }
        let (emitted, findings) = self.emit(&way, &steps, log.history())?;
        events.emit(&Event::Begin { phase: Phase::Emit, items: emitted.files.len() as u64, bytes: 0 });
        files::replace_folder(out, &emitted.files, MARKER)?;
        keep_receipt(self.state, &emitted, self.onlooker.limits)?;
        events.emit(&Event::End { phase: Phase::Emit });
        Ok(RolledBack { from: way.from, to: way.to, steps, findings })
    }

    fn put_back(&self, way: &Way, one: &Return, lease: &Lease<'_>, log: &mut Log) -> Result<(), AnyFault> {
        let overtaken = || RollbackError::Overtaken { tag: one.tag.reference().to_string() };
        if !lease.unbroken() {
            return Err(overtaken().into());
        }
        let (tag, new) = (one.tag.reference(), one.former.digest());
        log.note(&Record::Return {
            from: way.from,
            to: way.to,
            tag: tag.clone(),
            old: one.current.digest(),
            new,
        })?;
        match one.tag.commit(Some(&one.current), &one.former, way.from, lease, self.onlooker.client)? {
            Commit::Moved | Commit::AlreadyThere => Ok(()),
            Commit::Changed { .. } | Commit::Late => Err(overtaken().into()),
        }
    }
}
