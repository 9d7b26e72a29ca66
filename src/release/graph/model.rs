//! The update graph as it is used: releases in order, their edges, and the risks on them.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reference::PinnedRef;
use crate::release::architecture::Architecture;
use crate::release::channel::ReleaseChannel;
use crate::version::Version;

/// One release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Its version.
    pub version: Version,
    /// The release image; a graph that was computed from releases' metadata may not know it.
    pub payload: Option<PinnedRef>,
    /// The channels that hold it; empty where the graph does not say.
    pub channels: BTreeSet<String>,
    /// The page about it.
    pub url: Option<String>,
}

/// Something known to go wrong for some clusters that take an edge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Risk {
    /// Its name, by which it is accepted, for instance `AROBrokenDNSMasq`.
    pub name: String,
    /// The page about it.
    pub url: String,
    /// What goes wrong, and for whom.
    pub message: String,
    /// How a cluster finds out whether it is concerned: the first rule that it can evaluate decides.
    pub matching_rules: Vec<MatchingRule>,
}

/// One way to find out whether a cluster is concerned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MatchingRule {
    /// `Always`: every cluster is; `PromQL`: what the query says.
    #[serde(rename = "type")]
    pub kind: String,
    /// The query, for the cluster's own Prometheus: 1 means concerned, 0 not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promql: Option<String>,
}

/// A way from one release to a higher one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::release) struct Edge {
    /// Index of the release that it leads to.
    pub(in crate::release) to: usize,
    /// Indexes of its risks; none where it is unconditional.
    pub(in crate::release) risks: Vec<usize>,
}

/// Releases and the edges between them. Edges lead upwards only, and over no minor release: no cluster takes any other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateGraph {
    architecture: Architecture,
    /// In rising order.
    releases: Vec<Release>,
    /// By release, the highest target first.
    edges: Vec<Vec<Edge>>,
    /// In the order of their names.
    risks: Vec<Risk>,
}

impl UpdateGraph {
    /// `releases` rise, and `edges` has one list for each of them.
    pub(super) fn new(
        architecture: Architecture,
        releases: Vec<Release>,
        mut edges: Vec<Vec<Edge>>,
        risks: Vec<Risk>,
    ) -> Self {
        for list in &mut edges {
            list.sort_by_key(|edge| std::cmp::Reverse(edge.to));
        }
        Self { architecture, releases, edges, risks }
    }

    /// For which machines its releases are.
    pub fn architecture(&self) -> Architecture {
        self.architecture
    }

    /// All releases, in rising order.
    pub fn releases(&self) -> &[Release] {
        &self.releases
    }

    /// The release of a version.
    pub fn release(&self, version: &Version) -> Option<&Release> {
        self.releases.get(self.index(version)?)
    }

    /// How many edges are unconditional, and how many are conditional.
    pub fn edge_counts(&self) -> (usize, usize) {
        let all = self.edges.iter().flatten();
        let (safe, conditional): (Vec<_>, Vec<_>) = all.partition(|edge| edge.risks.is_empty());
        (safe.len(), conditional.len())
    }

    /// All risks on edges, by name.
    pub fn risks(&self) -> &[Risk] {
        &self.risks
    }

    /// The risks of the edge between two releases: none of them where it is unconditional, nothing where there is no edge.
    pub fn edge(&self, from: &Version, to: &Version) -> Option<Vec<&Risk>> {
        let (from, to) = (self.index(from)?, self.index(to)?);
        let edge = self.edges_from(from).iter().find(|edge| edge.to == to)?;
        Some(self.risks_of(edge).collect())
    }

    /// The releases of a channel, in rising order. Where the graph does not say which channels hold a release, every channel
    /// does.
    pub fn in_channel(&self, channel: &ReleaseChannel) -> impl DoubleEndedIterator<Item = &Release> {
        let holds =
            |release: &&Release| release.channels.is_empty() || release.channels.contains(channel.as_str());
        self.releases.iter().filter(holds)
    }

    /// The highest release of a channel.
    pub fn head(&self, channel: &ReleaseChannel) -> Option<&Release> {
        self.in_channel(channel).next_back()
    }

    pub(in crate::release) fn index(&self, version: &Version) -> Option<usize> {
        self.releases.binary_search_by(|release| release.version.cmp(version)).ok()
    }

    pub(in crate::release) fn edges_from(&self, release: usize) -> &[Edge] {
        self.edges.get(release).map_or(&[], Vec::as_slice)
    }

    pub(in crate::release) fn risks_of(&self, edge: &Edge) -> impl Iterator<Item = &Risk> {
        edge.risks.iter().filter_map(|risk| self.risks.get(*risk))
    }
}
