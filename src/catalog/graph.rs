//! The upgrade graph of one channel: heads, walks, what is withheld, and the one step that OLM would take.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::evidence::Evidence;
use super::model::{Channel, Entry};
use super::path::HopEdge;
use crate::version::{BlangRange, Version};

/// How the chain of `replaces` is walked down from the head. Clusters differ, so both rules must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WalkRule {
    /// On through entries that another entry skips: OLM itself, and opm of OpenShift 4.14 to 4.20.
    ThroughSkipped,
    /// Only as far as the next entry is not skipped: opm of OpenShift 4.21 and later.
    UntilSkipped,
}

impl WalkRule {
    /// Both.
    pub const ALL: [Self; 2] = [Self::ThroughSkipped, Self::UntilSkipped];
}

/// Why a channel cannot be served.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum GraphProblem {
    /// No entries.
    Empty,
    /// Every entry is replaced or skipped by another.
    NoHead,
    /// Several entries that nobody replaces or skips.
    MultipleHeads(Vec<String>),
    /// The chain comes back to where it was; the first name stands at the end again.
    Cycle(Vec<String>),
    /// Entries that are neither on the chain nor skipped, and the rule that finds them so.
    Stranded(Vec<String>, WalkRule),
}

impl fmt::Display for GraphProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the channel has no entries"),
            Self::NoHead => f.write_str("every entry is replaced or skipped by another, so there is no head"),
            Self::MultipleHeads(names) => {
                write!(
                    f,
                    "there are several heads, entries that no other replaces or skips: {}",
                    some(names, ", ")
                )
            }
            Self::Cycle(names) => {
                write!(f, "the chain of `replaces` runs in a circle: {}", some(names, " -> "))
            }
            Self::Stranded(names, WalkRule::ThroughSkipped) => {
                write!(f, "entries are neither on the chain nor skipped: {}", some(names, ", "))
            }
            Self::Stranded(names, WalkRule::UntilSkipped) => write!(
                f,
                "entries stand below a skipped one and are not skipped themselves, which OpenShift 4.21 and later \
                 refuses: {}",
                some(names, ", ")
            ),
        }
    }
}

/// How many names one finding tells. A person mends the first ones and looks again.
const TOLD: usize = 20;

/// Names one behind the other, as many as a person reads.
pub(super) fn some<S: AsRef<str>>(names: &[S], between: &str) -> String {
    let told: Vec<&str> = names.iter().take(TOLD).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(TOLD) {
        0 => told.join(between),
        more => format!("{} and {more} more", told.join(between)),
    }
}

/// A walk down from a head.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Walk<'a> {
    /// The names passed, the head first.
    pub names: Vec<&'a str>,
    /// The name at which the walk came back, where it is a circle.
    pub back_at: Option<&'a str>,
}

/// One step of an upgrade, as OLM takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step<'a> {
    /// The entry that is reached.
    pub entry: &'a Entry,
    /// What allows it.
    pub edge: HopEdge,
}

/// One channel's graph.
#[derive(Debug, Clone)]
pub struct UpgradeGraph<'a> {
    entries: Vec<&'a Entry>,
    by_name: BTreeMap<&'a str, &'a Entry>,
    skipped: BTreeSet<&'a str>,
    /// Edges that the catalog lost and an entry's own CSV has.
    bridges: BTreeMap<&'a str, &'a str>,
    ranges: BTreeMap<&'a str, BlangRange>,
}

impl<'a> UpgradeGraph<'a> {
    /// The graph as the catalog has it.
    pub fn new(channel: &'a Channel) -> Self {
        Self::of(channel.entries.iter().collect())
    }

    /// The graph with the edges that evidence gives back: where an entry replaces nothing and its own CSV says what it
    /// replaces, unless that made a circle.
    pub fn bridged(channel: &'a Channel, evidence: &'a [Evidence]) -> Self {
        let mut graph = Self::new(channel);
        for it in evidence.iter().filter(|it| it.package == channel.blob.package) {
            let (Some(entry), Some(lower)) = (graph.by_name.get(it.bundle.as_str()), &it.replaces) else {
                continue;
            };
            let comes_back =
                graph.walk_from(lower, WalkRule::ThroughSkipped).names.contains(&entry.name.as_str());
            if entry.replaces.is_none() && !lower.is_empty() && !comes_back {
                let name = entry.name.as_str();
                graph.bridges.insert(name, lower);
            }
        }
        graph
    }

    fn of(entries: Vec<&'a Entry>) -> Self {
        let mut by_name = BTreeMap::new();
        for entry in &entries {
            by_name.entry(entry.name.as_str()).or_insert(*entry);
        }
        let skipped = entries.iter().flat_map(|entry| entry.skips.iter().map(String::as_str)).collect();
        // OLM takes a range that does not parse for none.
        let range = |entry: &&'a Entry| {
            Some((entry.name.as_str(), BlangRange::parse(entry.skip_range.as_deref()?).ok()?))
        };
        let ranges = entries.iter().filter_map(range).collect();
        Self { entries, by_name, skipped, bridges: BTreeMap::new(), ranges }
    }

    /// The part of it that hangs below an entry: what a channel cut off above that entry would be.
    #[must_use]
    pub fn below(&self, name: &str) -> Option<Self> {
        let top = self.by_name.get(name)?;
        let walk = self.walk_from(&top.name, WalkRule::ThroughSkipped);
        let chain = || walk.names.iter().filter_map(|name| self.by_name.get(name).copied());
        let skipped: BTreeSet<&str> =
            chain().flat_map(|entry| entry.skips.iter().map(String::as_str)).collect();
        let on_walk: BTreeSet<&str> = walk.names.iter().copied().collect();
        let kept = |name: &str| on_walk.contains(name) || skipped.contains(name);
        let mut graph = Self::of(self.entries.iter().copied().filter(|entry| kept(&entry.name)).collect());
        graph.bridges =
            self.bridges.iter().filter(|(name, _)| kept(name)).map(|(from, to)| (*from, *to)).collect();
        Some(graph)
    }

    /// The entry of this name.
    pub fn entry(&self, name: &str) -> Option<&'a Entry> {
        self.by_name.get(name).copied()
    }

    /// What the entry replaces, by the catalog or by evidence.
    pub fn replaces(&self, entry: &'a Entry) -> Option<&'a str> {
        entry.replaces.as_deref().or_else(|| self.bridges.get(entry.name.as_str()).copied())
    }

    /// The entry's skipRange, where it parses.
    pub fn range(&self, entry: &Entry) -> Option<&BlangRange> {
        self.ranges.get(entry.name.as_str())
    }

    /// All names in some entry's `skips`, whether or not the channel has them.
    pub fn skipped(&self) -> &BTreeSet<&'a str> {
        &self.skipped
    }

    /// The entries that no entry replaces or skips, in the channel's order. A servable channel has one.
    pub fn heads(&self) -> Vec<&'a str> {
        let replaced: BTreeSet<&str> = self.entries.iter().filter_map(|entry| self.replaces(entry)).collect();
        self.entries
            .iter()
            .map(|entry| entry.name.as_str())
            .filter(|name| !replaced.contains(name) && !self.skipped.contains(name))
            .collect()
    }

    /// The head, where there is exactly one.
    pub fn head(&self) -> Option<&'a str> {
        match self.heads().as_slice() {
            [head] => Some(head),
            _ => None,
        }
    }

    /// The walk down from the only head.
    pub fn walk(&self, rule: WalkRule) -> Option<Walk<'a>> {
        self.head().map(|head| self.walk_from(head, rule))
    }

    /// The walk down from an entry; empty if the channel has not got it.
    pub fn walk_from(&self, name: &str, rule: WalkRule) -> Walk<'a> {
        let mut walk = Walk::default();
        let mut passed = BTreeSet::new();
        let mut next = self.by_name.get(name).copied();
        while let Some(entry) = next {
            if !passed.insert(entry.name.as_str()) {
                walk.back_at = Some(&entry.name);
                break;
            }
            walk.names.push(&entry.name);
            next = self
                .replaces(entry)
                .filter(|lower| rule == WalkRule::ThroughSkipped || !self.skipped.contains(lower))
                .and_then(|lower| self.by_name.get(lower).copied());
        }
        walk
    }

    /// All that keeps the channel from being served; nothing for a good one.
    pub fn problems(&self) -> Vec<GraphProblem> {
        if self.entries.is_empty() {
            return vec![GraphProblem::Empty];
        }
        let heads = self.heads();
        let [head] = heads.as_slice() else {
            return vec![match heads.as_slice() {
                [] => GraphProblem::NoHead,
                _ => GraphProblem::MultipleHeads(heads.iter().map(|&name| name.to_owned()).collect()),
            }];
        };
        let walk = self.walk_from(head, WalkRule::ThroughSkipped);
        if let Some(back) = walk.back_at {
            let circle = walk.names.iter().skip_while(|name| **name != back).copied().chain([back]);
            return vec![GraphProblem::Cycle(circle.map(str::to_owned).collect())];
        }
        let stranded = |rule| {
            let walk = self.walk_from(head, rule);
            let on_walk: BTreeSet<&str> = walk.names.into_iter().collect();
            let lost = |name: &&str| !on_walk.contains(name) && !self.skipped.contains(name);
            self.entries.iter().map(|entry| entry.name.as_str()).filter(lost).collect::<Vec<_>>()
        };
        let always = stranded(WalkRule::ThroughSkipped);
        let known: BTreeSet<&str> = always.iter().copied().collect();
        let newly: Vec<&str> =
            stranded(WalkRule::UntilSkipped).into_iter().filter(|name| !known.contains(name)).collect();
        [(always, WalkRule::ThroughSkipped), (newly, WalkRule::UntilSkipped)]
            .into_iter()
            .filter(|(names, _)| !names.is_empty())
            .map(|(names, rule)| GraphProblem::Stranded(names.into_iter().map(str::to_owned).collect(), rule))
            .collect()
    }

    /// What OLM may choose, best first: the walk from the head less what is skipped. Empty where OLM gives up: without
    /// exactly one head, or with a circle.
    pub fn chain(&self) -> Vec<&'a Entry> {
        let Some(walk) = self.walk(WalkRule::ThroughSkipped).filter(|walk| walk.back_at.is_none()) else {
            return Vec::new();
        };
        let offered = |name: &&str| !self.skipped.contains(name);
        walk.names.into_iter().filter(offered).filter_map(|name| self.entry(name)).collect()
    }

    /// What allows going from the installed CSV to an entry, if anything.
    pub fn edge(&self, installed: &str, version: &Version, entry: &'a Entry) -> Option<HopEdge> {
        if entry.name == installed {
            None
        } else if entry.replaces.as_deref() == Some(installed) {
            Some(HopEdge::Replaces)
        } else if entry.skips.contains(installed) {
            Some(HopEdge::Skips)
        } else if self.range(entry).is_some_and(|range| range.contains(version)) {
            Some(HopEdge::SkipRange)
        } else if self.bridges.get(entry.name.as_str()) == Some(&installed) {
            Some(HopEdge::Bridge)
        } else {
            None
        }
    }

    /// The step that OLM takes from the installed CSV, which need not be in the catalog; `None` where it stays.
    pub fn step(&self, installed: &str, version: &Version) -> Option<Step<'a>> {
        self.chain()
            .into_iter()
            .find_map(|entry| self.edge(installed, version, entry).map(|edge| Step { entry, edge }))
    }
}
