//! What a merge did, for people and for the receipt.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Severity};

/// What a merge did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeReport {
    /// By package.
    pub packages: BTreeMap<String, PackageReport>,
    /// What is worth knowing, and what stands against the merge.
    pub findings: Vec<Finding>,
}

/// What was done with one package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PackageReport {
    /// How it was merged.
    pub mode: ChosenMode,
    /// By channel, in the order in which it was done; only channels where something was.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub channels: BTreeMap<String, Vec<MergeStep>>,
}

/// How a package was merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum ChosenMode {
    /// One side has it; its blobs are unchanged.
    Carry,
    /// Entry by entry.
    Union,
    /// The new side's, whole.
    Replace,
    /// The new side's, whole, in a catalog beside production's.
    Split,
    /// Production's is unchanged; the new side's was dropped.
    Keep,
}

/// One thing that was done in a channel.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeStep {
    /// What.
    pub kind: StepKind,
    /// The entry that was changed, or that the step is about.
    pub entry: String,
    /// The other entries that it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<String>,
}

/// What was done in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StepKind {
    /// The channel is new.
    ChannelAdded,
    /// Entries are new.
    EntriesAdded,
    /// The new side's entry replaces nothing; production's edge was kept.
    EntryTruncated,
    /// The sides replace different entries of the channel; the new side's edge was taken.
    EntryReplaces,
    /// The sides have different skipRanges; the new side's was taken.
    EntryRange,
    /// The lowest new entry now replaces the highest old one.
    BridgeReplaces,
    /// Old entries are now skipped by an entry whose skipRange takes them: they lead on, and are offered no more.
    BridgeSkips,
    /// Entries that hung in the air are now skipped by an entry that takes them.
    StrandedSkip,
    /// The lowest entry got back what its own CSV says it replaces.
    RestoreTail,
    /// The channel has another head.
    HeadMoved,
    /// The new side's head is lower than production's, which stays.
    HeadRegression,
}

/// What is said of several bundles of a package alike becomes one finding; conflicts stay one by one.
pub(super) fn gathered(findings: Vec<Finding>) -> Vec<Finding> {
    let key = |finding: &Finding| {
        let package = finding.subject.split(", bundle ").next().unwrap_or_default();
        let alike = finding.severity < Severity::Error && package != finding.subject;
        alike.then(|| (finding.code.clone(), package.to_owned()))
    };
    let mut bundles: BTreeMap<(String, String), usize> = BTreeMap::new();
    for key in findings.iter().filter_map(key) {
        *bundles.entry(key).or_default() += 1;
    }
    let mut gathered = Vec::new();
    for mut finding in findings {
        let Some(key) = key(&finding) else {
            gathered.push(finding);
            continue;
        };
        // The count goes with the first of them.
        let Some(count) = bundles.remove(&key) else { continue };
        if count > 1 {
            let bundle = finding.subject.rsplit(' ').next().unwrap_or_default();
            finding.message = format!("{count} bundles, `{bundle}` for one: {}", finding.message);
            finding.subject = key.1;
        }
        gathered.push(finding);
    }
    gathered
}

impl MergeStep {
    pub(super) fn new(kind: StepKind, entry: &str, others: impl IntoIterator<Item = String>) -> Self {
        Self { kind, entry: entry.to_owned(), others: others.into_iter().collect() }
    }
}
