//! From what was selected and pinned to a complete plan.

use std::collections::BTreeMap;

use super::document::{BytesSummary, Plan, PlannedCatalog, PlannedImage};
use super::sizes::{Holdings, items, prerequisites, summary};
use crate::digest::Digest;
use crate::fault::Exit;
use crate::finding::{Finding, Severity, has_errors};
use crate::oci::Platform;
use crate::plan::order::OrderedStep;
use crate::plan::packed::Assumed;
use crate::plan::releases::{PlannedGraphData, PlannedRelease};
use crate::reference::{Repository, RepositoryRef};
use crate::release::{AdminGate, ReleasePath};

/// All of a plan that is not computed from the rest of it.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The tool and its version.
    pub tool: String,
    /// When it is made, RFC 3339, UTC, whole seconds.
    pub created: String,
    /// When the archive expires, in the same form.
    pub expires: String,
    /// The stream of generations.
    pub channel: String,
    /// The site that alone may take it.
    pub target: Option<String>,
    /// Its number in the channel.
    pub sequence: u64,
    /// Inventory of the archive before it.
    pub predecessor: Option<Digest>,
    /// Platforms taken of image indexes; all of them when empty.
    pub platforms: Vec<Platform>,
    /// Digest of the request's file.
    pub request: Digest,
    /// What changes in each catalog.
    pub catalogs: Vec<PlannedCatalog>,
    /// The OpenShift releases that travel.
    pub releases: Vec<PlannedRelease>,
    /// The way of the cluster through them.
    pub release_path: Option<ReleasePath>,
    /// What must be acknowledged before the cluster leaves the minor version that runs.
    pub installed_gates: Vec<AdminGate>,
    /// In which order the cluster and its operators move.
    pub order: Vec<OrderedStep>,
    /// What an update service is fed with.
    pub graph_data: Option<PlannedGraphData>,
    /// Every image.
    pub images: Vec<PlannedImage>,
    /// Texts of our own.
    pub inline: BTreeMap<Digest, String>,
    /// Archives that count as imported.
    pub assumes: Vec<Assumed>,
    /// What is worth knowing.
    pub findings: Vec<Finding>,
}

impl Draft {
    /// Leaves out what production holds, counts the rest, and puts findings in order: the worst first, each once.
    pub fn finish(self, holdings: &Holdings, mirror: &dyn Fn(&RepositoryRef) -> Option<Repository>) -> Plan {
        let prerequisites = prerequisites(&self.images, holdings, mirror);
        let mut findings = self.findings;
        findings.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.cmp(b)));
        findings.dedup();
        let mut plan = Plan {
            format: Plan::FORMAT.to_owned(),
            tool: self.tool,
            created: self.created,
            expires: self.expires,
            channel: self.channel,
            target: self.target,
            sequence: self.sequence,
            predecessor: self.predecessor,
            platforms: self.platforms,
            request: self.request,
            catalogs: self.catalogs,
            releases: self.releases,
            release_path: self.release_path,
            order: self.order,
            installed_gates: self.installed_gates,
            graph_data: self.graph_data,
            items: items(&self.images, &prerequisites),
            images: self.images,
            inline: self.inline,
            prerequisites,
            assumes: self.assumes,
            bytes: BytesSummary::default(),
            requests: 0,
            findings,
        };
        let meta = serde_json::to_vec(&plan).map_or(0, |bytes| bytes.len() as u64);
        (plan.bytes, plan.requests) = summary(&plan.images, &plan.prerequisites, &plan.inline, meta);
        plan
    }
}

/// Codes of errors that mean that upstream lacks something, not that the user wrote something wrong.
const INCOMPLETE: [&str; 15] = [
    "CYCLE",
    "DEPENDENCY_MISSING",
    "EMPTY_CHANNEL",
    "IMAGE_MISSING",
    "IMAGE_REFERENCE",
    "KUBERNETES_TOO_OLD",
    "MISSING_BUNDLE",
    "MULTIPLE_HEADS",
    "NO_HEAD",
    "NO_PATH",
    "OPENSHIFT_BLOCKED",
    "RELEASE_NOT_WHOLE",
    "RELEASE_NO_IMAGE",
    "STRANDED",
    "UNKNOWN_RELEASE",
];

/// Codes of errors that mean that nobody who is trusted stands for something.
const UNTRUSTED: [&str; 1] = ["RELEASE_UNVERIFIED"];

/// Codes of errors that mean that what was fetched is not what it should be: a graph or a release that contradicts itself.
const UNSOUND: [&str; 15] = [
    "COMPONENT_BY_TAG",
    "COMPONENT_INVALID",
    "COMPONENT_TWICE",
    "GRAPH_DUPLICATE_VERSION",
    "GRAPH_EDGE_RANGE",
    "GRAPH_METADATA",
    "GRAPH_PAYLOAD",
    "GRAPH_SYNTAX",
    "GRAPH_TOO_LARGE",
    "GRAPH_TWO_PAYLOADS",
    "GRAPH_UNKNOWN_VERSION",
    "GRAPH_VERSION",
    "KUBEVIRT_DISK_INVALID",
    "RELEASE_INVALID",
    "RELEASE_TAG",
];

/// Codes of graph data that is sound and not what is needed. Any other error in it means that it is not sound.
const UNFIT_DATA: [&str; 4] =
    ["GRAPH_DATA_BASE", "GRAPH_DATA_EMPTY", "GRAPH_DATA_SCHEMA", "GRAPH_DATA_TWICE"];

fn is_unsound(code: &str) -> bool {
    UNSOUND.contains(&code) || (code.starts_with("GRAPH_DATA") && !UNFIT_DATA.contains(&code))
}

/// What findings mean for the process: done when no error is among them. Doubt about who made something weighs more than anything
/// else, then doubt about the bytes.
pub fn exit(findings: &[Finding]) -> Exit {
    let errors = || findings.iter().filter(|finding| finding.severity == Severity::Error);
    if !has_errors(findings) {
        Exit::Done
    } else if errors().any(|finding| UNTRUSTED.contains(&finding.code.as_str())) {
        Exit::Trust
    } else if errors().any(|finding| is_unsound(&finding.code)) {
        Exit::Integrity
    } else if errors().all(|finding| INCOMPLETE.contains(&finding.code.as_str())) {
        Exit::Incomplete
    } else {
        Exit::Usage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_user_can_mend_comes_before_what_upstream_lacks() {
        let lacks = Finding::error("IMAGE_MISSING", "a", "b");
        let wrong = Finding::error("ISC_UNKNOWN_PACKAGE", "a", "b");
        let fine = Finding::warning("TAG_REF", "a", "b");
        assert_eq!(exit(&[]), Exit::Done);
        assert_eq!(exit(std::slice::from_ref(&fine)), Exit::Done);
        assert_eq!(exit(&[fine, lacks.clone()]), Exit::Incomplete);
        assert_eq!(exit(&[lacks.clone(), wrong.clone()]), Exit::Usage);
        let forged = Finding::error("RELEASE_UNVERIFIED", "a", "b");
        let broken = Finding::error("GRAPH_EDGE_RANGE", "a", "b");
        assert_eq!(exit(&[lacks.clone(), wrong, broken.clone()]), Exit::Integrity);
        assert_eq!(exit(&[lacks, broken, forged]), Exit::Trust);
    }
}
