//! `vacuum`: what production need not hold any more, planned for a person to approve, and then let go.
//!
//! Planning writes nothing; carrying out a plan goes through the same commit as an import, and through the same lease. What is kept: everything that a cluster names in its dumps; everything that a catalog offers which is
//! served, named by a cluster, or a way back; the OpenShift release that runs, those that may be next, and the way back; what has
//! a tag that people may ask for; what is attached to any of it. Where something is not known, everything is kept.

mod apply;
mod asked;
mod catalogs;
mod demand;
mod emptying;
mod error;
mod findings;
mod moving;
mod plan;
mod pointing;
mod reclaim;
pub mod record;
mod releases;
mod resources;
mod stale;
mod strays;
mod told;
mod unseen;

pub use apply::Applied;
pub use error::VacuumError;
pub use moving::Moved;
pub use reclaim::Reclaimed;
pub use resources::MoveInputs;
pub use stale::Freshness;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use crate::event::Events;
use crate::limits::Limits;
use crate::mapping::Mapping;
use crate::registry::Client;
use crate::retain::DumpFacts;
use crate::site::Site;
use crate::site::cluster::{ClusterDump, Named};

/// What a vacuum works with.
pub struct Vacuum<'a> {
    /// The site.
    pub site: &'a Site,
    /// Where its repositories are.
    pub mapping: &'a Mapping,
    /// The folder of the imports' journal.
    pub state: &'a Path,
    /// What clusters say of themselves, one or several of them, each in one dump or several; without any nothing is let go.
    pub clusters: &'a [ClusterDump],
    /// Every digest that their dumps name.
    pub named: &'a Named,
    /// The dumps, for the plan.
    pub dumps: &'a [DumpFacts],
    /// Whether packages go that no cluster has installed.
    pub drop_unused: bool,
    /// Other sites that share production, whose clusters are among the dumps.
    pub covered: &'a BTreeSet<String>,
    /// Asks production.
    pub client: &'a Client,
    /// Requests at once.
    pub jobs: usize,
    /// Told what happens.
    pub events: &'a dyn Events,
    /// How long a claim of another machine may stand unchanged before it counts as dead.
    pub patience: Duration,
    /// Ceilings.
    pub limits: &'a Limits,
}
