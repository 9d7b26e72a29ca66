//! `doctor`: everything that an import could stumble over at a site, asked at once and before there is an archive to lose.
//!
//! Each question is asked by itself, and answered. What depends on an answer that was bad is not asked, and says so. Nothing is
//! written but uploads that are given up again; only the write test leaves something for a moment, and takes it away.

mod cargo;
mod edition;
mod generation;
mod machine;
mod nexus;
mod registry;
mod report;
mod sheet;
mod write_test;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

pub use report::{Answer, Diagnosis, Part, Question, Section, Verdict};

use crate::archive::{Moment, ReadAt};
use crate::event::Events;
use crate::fault::AnyFault;
use crate::flow::doctor::cargo::Cargo;
use crate::flow::doctor::edition::Edition;
use crate::flow::doctor::sheet::Sheet;
use crate::flow::import::state_repository;
use crate::limits::Limits;
use crate::reference::{RegistryHost, Repository, RepositoryRef};
use crate::registry::{Client, Environment};
use crate::site::Site;
use crate::trust::TrustSet;
use crate::verify::Policy;
use crate::workers::Interrupted;

/// Who asks.
pub struct Doctor<'a> {
    /// The site.
    pub site: &'a Site,
    /// The folder of its journal.
    pub state: &'a Path,
    /// Whose signatures count, or why that cannot be said.
    pub trust: Result<&'a TrustSet, &'a str>,
    /// An archive that is to come in, and what is demanded of it.
    pub archive: Option<(Arc<dyn ReadAt>, Policy)>,
    /// One registry alone: [`Part::Staging`] or [`Part::Production`].
    pub only: Option<Part>,
    /// Whether tags may be written and taken away again.
    pub write_test: bool,
    /// The clock.
    pub now: Moment,
    /// What other programs of this machine would heed.
    pub environment: &'a Environment,
    /// Asks the registries.
    pub client: &'a Client,
    /// Requests at once.
    pub jobs: usize,
    /// Told what happens.
    pub events: &'a dyn Events,
    /// Ceilings.
    pub limits: &'a Limits,
}

/// Below a prefix of the site's mapping, where nothing is known by name that an import would write.
const PROBE: &str = "ombundle-doctor";

impl Doctor<'_> {
    /// Asks everything. An error means that the person stopped it.
    pub fn run(&self) -> Result<Diagnosis, AnyFault> {
        let mut diagnosis = Diagnosis::of(self.site.name());
        diagnosis.add(self.machine());
        let cargo = match &self.archive {
            Some((source, policy)) => {
                let (sheet, cargo) = self.cargo(source, policy)?;
                diagnosis.add(sheet);
                cargo
            }
            None => None,
        };
        let mut editions: BTreeMap<Part, Edition> = BTreeMap::new();
        for part in [Part::Staging, Part::Production] {
            if self.only.is_none_or(|only| only == part) {
                let (sheet, edition) = self.registry(part, cargo.as_ref())?;
                diagnosis.add(sheet);
                editions.extend(edition.map(|edition| (part, edition)));
                self.go_on()?;
            }
        }
        if self.site.spec.nexus.is_some() || !editions.is_empty() {
            diagnosis.add(self.nexus(&editions, cargo.as_ref()));
            self.go_on()?;
        }
        Ok(diagnosis)
    }

    fn go_on(&self) -> Result<(), AnyFault> {
        if self.events.interrupted() { Err(Interrupted.into()) } else { Ok(()) }
    }

    fn host(&self, part: Part) -> &RegistryHost {
        match part {
            Part::Staging => &self.site.spec.staging.registry,
            _ => &self.site.spec.production.registry,
        }
    }

    fn sheet(&self, part: Part) -> Sheet {
        Sheet::of(part, Some(self.host(part).to_string()))
    }

    /// The repositories of a registry that an import would write to: those of the archive, else what the site file names.
    fn written(&self, part: Part, cargo: Option<&Cargo>) -> BTreeSet<RepositoryRef> {
        let host = self.host(part);
        let at = |repository: Repository| RepositoryRef { host: host.clone(), repository };
        let spec = &self.site.spec;
        let mut all: BTreeSet<Repository> =
            spec.catalogs.iter().map(|catalog| catalog.mirror.repository.clone()).collect();
        match cargo {
            Some(cargo) => all.extend(cargo.repositories.iter().cloned()),
            None => {
                let unnamed = spec.repositories.iter().filter(|rule| {
                    let below = format!("{}/", rule.mirror);
                    !all.iter().any(|known| known.as_str().starts_with(&below))
                });
                let probes: Vec<_> = unnamed.filter_map(|rule| probe_below(&rule.mirror)).collect();
                all.extend(probes);
            }
        }
        let state = (part == Part::Production).then(|| state_repository(host).ok()).flatten();
        all.into_iter().map(at).chain(state).collect()
    }
}

/// A repository below a prefix, that nobody else has.
fn probe_below(prefix: &Repository) -> Option<Repository> {
    format!("{prefix}/{PROBE}").parse().ok()
}
