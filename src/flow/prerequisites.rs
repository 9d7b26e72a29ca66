//! What a delta builds on, asked of production by whoever only looks at the archive.

use crate::event::Events;
use crate::fault::AnyFault;
use crate::finding::Finding;
use crate::flow::import::contents::Contents;
use crate::flow::import::deliver::place;
use crate::flow::import::preflight::{complement, lacking, skipped};
use crate::flow::record::History;
use crate::limits::Limits;
use crate::mapping::Mapping;
use crate::registry::Client;
use crate::site::Site;
use crate::verify::VerifiedArchive;

/// The code of what is missing.
pub const MISSING: &str = "PREREQUISITE_MISSING";

/// Who asks.
pub struct Asker<'a> {
    /// The site.
    pub site: &'a Site,
    /// What was imported there, as far as this machine knows.
    pub history: History<'a>,
    /// Asks production.
    pub client: &'a Client,
    /// Requests at once.
    pub jobs: usize,
    /// Told what happens.
    pub events: &'a dyn Events,
    /// Ceilings.
    pub limits: &'a Limits,
}

impl Asker<'_> {
    /// Everything that the archive leaves out and production has not got: what an import would be refused for.
    pub fn missing(&self, archive: &VerifiedArchive) -> Result<Vec<Finding>, AnyFault> {
        let Self { site, history, client, jobs, events, limits } = *self;
        let mapping = Mapping::new(&site.spec.repositories)?;
        let contents = Contents::read(archive, site, &mapping, limits)?;
        let place = |needed: &_| place(&contents, &mapping, needed);
        let missing = lacking(site, &contents.plan, place, client, jobs, events)?;
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        let hint = complement(&skipped(site, &contents.plan, history, client)?);
        let message = "production lacks it, and this archive builds on it";
        let mut findings: Vec<Finding> =
            missing.iter().map(|one| Finding::error(MISSING, one, message)).collect();
        // Once is enough: it brings all of them.
        if let Some(last) = findings.pop() {
            findings.push(last.hint(hint));
        }
        Ok(findings)
    }
}
