//! What comes out of a merge: a catalog that may be served, or what stands against it.

use crate::catalog::Catalog;
use crate::fault::{Exit, Fault};
use crate::finding::{Finding, Severity};
use crate::merge::MergeReport;

/// A catalog that may take the place of production's: it can be served under both rules of walking and offers all that
/// production's did, except where a decision said otherwise.
#[derive(Debug, Clone)]
pub struct MergedCatalog {
    catalog: Catalog,
}

impl MergedCatalog {
    /// Only [`crate::merge::merge`] knows that these hold.
    pub(super) fn new(catalog: Catalog) -> Self {
        Self { catalog }
    }

    /// The catalog.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The catalog.
    pub fn into_catalog(self) -> Catalog {
        self.catalog
    }
}

/// What came of a merge.
#[derive(Debug, Clone)]
pub struct MergeOutcome {
    /// The merged catalog; nothing where the report has a finding that must be mended.
    pub catalog: Option<MergedCatalog>,
    /// What was done, and what was found.
    pub report: MergeReport,
}

/// A merge needs a decision.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the catalogs cannot be merged without a decision: {}", self.summary())]
pub struct MergeRefused {
    /// What was tried and what stands against it.
    pub report: MergeReport,
}

impl MergeOutcome {
    /// The merged catalog, or why there is none.
    pub fn merged(self) -> Result<(MergedCatalog, MergeReport), Box<MergeRefused>> {
        let report = self.report;
        match self.catalog {
            Some(catalog) => Ok((catalog, report)),
            None => Err(Box::new(MergeRefused { report })),
        }
    }
}

impl MergeRefused {
    fn conflicts(&self) -> impl Iterator<Item = &Finding> {
        self.report.findings.iter().filter(|finding| finding.severity == Severity::Error)
    }

    /// Each conflict in full, as long as there are few: nobody can decide about a code.
    fn summary(&self) -> String {
        let all: Vec<String> = self
            .conflicts()
            .map(|finding| format!("{} in {}: {}", finding.code, finding.subject, finding.message))
            .collect();
        let told = all.iter().take(CONFLICTS_TOLD).map(String::as_str).collect::<Vec<_>>().join("; ");
        match all.len().saturating_sub(CONFLICTS_TOLD) {
            0 => told,
            more => format!("{told}; and {more} more"),
        }
    }
}

/// How many conflicts an error tells in full.
const CONFLICTS_TOLD: usize = 8;

impl Fault for Box<MergeRefused> {
    fn exit(&self) -> Exit {
        Exit::Conflict
    }

    fn hint(&self) -> Option<String> {
        self.conflicts().map(|finding| finding.hint.clone()).find(|hint| !hint.is_empty())
    }
}
