//! A merge told in full: what was taken from where, and what was done to it.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::catalog::Catalog;
use crate::finding::Finding;
use crate::merge::{ChosenMode, MergeReport, MergeStep, StepKind};

/// What `catalog merge` did (`schema/merge-report.v1.json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MergeAccount {
    /// `ombundle.merge-report/v1`.
    pub format: &'static str,
    /// Whether the catalogs could be merged.
    pub merged: bool,
    /// By package.
    pub packages: BTreeMap<String, TakenPackage>,
    /// What is worth knowing, and what stands against the merge.
    pub findings: Vec<Finding>,
    /// The second catalog, where packages are split off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<Box<MergeAccount>>,
}

/// One package of a merged catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TakenPackage {
    /// Which of the two catalogs has it.
    pub from: Side,
    /// How it was merged.
    pub mode: ChosenMode,
    /// By channel, in the order in which it was done; only channels where something was.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub channels: BTreeMap<String, Vec<MergeStep>>,
}

/// Which of two catalogs has something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The one that is served.
    Base,
    /// The one that arrives.
    Delta,
    /// Both of them.
    Both,
}

impl MergeReport {
    /// The whole story of a merge of these two.
    pub fn account(self, base: &Catalog, delta: &Catalog, merged: bool) -> MergeAccount {
        let from = |name: &str| match (base.packages.contains_key(name), delta.packages.contains_key(name)) {
            (true, true) => Side::Both,
            (true, false) => Side::Base,
            (false, _) => Side::Delta,
        };
        let packages = self.packages.into_iter().map(|(name, package)| {
            let from = from(&name);
            (name, TakenPackage { from, mode: package.mode, channels: package.channels })
        });
        MergeAccount {
            format: "ombundle.merge-report/v1",
            merged,
            packages: packages.collect(),
            findings: self.findings,
            second: None,
        }
    }
}

impl fmt::Display for MergeStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (entry, others) = (&self.entry, self.others.join(", "));
        match self.kind {
            StepKind::ChannelAdded => f.write_str("the channel is new"),
            StepKind::EntriesAdded if self.others.is_empty() => write!(f, "new: {entry}"),
            StepKind::EntriesAdded => write!(f, "new: {entry}, {others}"),
            StepKind::EntryTruncated => write!(f, "{entry} goes on replacing {others}"),
            StepKind::EntryReplaces => {
                write!(f, "{entry} replaces another than before, of {others} the latter")
            }
            StepKind::EntryRange => write!(f, "{entry} has another skipRange; it was {others}"),
            StepKind::BridgeReplaces => write!(f, "{entry} now replaces {others}"),
            StepKind::BridgeSkips | StepKind::StrandedSkip => write!(f, "{entry} now skips {others}"),
            StepKind::RestoreTail => write!(f, "{entry} replaces {others} again, as its own CSV says"),
            StepKind::HeadMoved => write!(f, "the head is {entry}; it was {others}"),
            StepKind::HeadRegression => write!(f, "the head stays {others}; what arrived ends at {entry}"),
        }
    }
}
