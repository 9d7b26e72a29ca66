//! Findings about a graph: the first few of each kind, and how many more there are.

use std::collections::BTreeMap;

use crate::finding::{Finding, Severity};

/// So many findings of one code are told in full. A hostile graph could have millions.
const TOLD: usize = 20;

/// Collects findings.
#[derive(Debug, Default)]
pub(super) struct Findings {
    told: Vec<Finding>,
    counts: BTreeMap<String, (Severity, usize)>,
}

impl Findings {
    pub(super) fn push(&mut self, finding: Finding) {
        let (worst, count) = self.counts.entry(finding.code.clone()).or_insert((finding.severity, 0));
        *worst = finding.severity.max(*worst);
        *count += 1;
        if *count <= TOLD {
            self.told.push(finding);
        }
    }

    pub(super) fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        findings.into_iter().for_each(|finding| self.push(finding));
    }

    pub(super) fn into_findings(self) -> Vec<Finding> {
        let mut all = self.told;
        for (code, (severity, count)) in self.counts {
            if let Some(more) = count.checked_sub(TOLD).filter(|more| *more > 0) {
                let text = format!("{more} more of this kind are not listed");
                all.push(Finding { severity, ..Finding::info(&code, "graph", text) });
            }
        }
        all
    }
}
