//! The way from what is installed to what is wanted, hop by hop, as OLM will really go it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::evidence::Evidence;
use super::graph::UpgradeGraph;
use super::model::{Entry, Package};
use super::no_path::{ChannelGap, NoPath};
use crate::version::Version;

/// One step of an upgrade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hop {
    /// The CSV that is reached.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The CSV that it starts from.
    pub from: String,
    /// The channel in which OLM finds it.
    pub channel: String,
    /// What allows it.
    pub edge: HopEdge,
    /// The same for people.
    pub reason: String,
}

/// What allows a hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum HopEdge {
    /// The entry replaces the start.
    Replaces,
    /// The entry skips the start.
    Skips,
    /// The start's version is in the entry's skipRange.
    SkipRange,
    /// The catalog lost the edge; the bundle's own CSV has it.
    Bridge,
}

/// A whole way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UpgradePath {
    /// The package.
    pub package: String,
    /// The channel in which it ends.
    pub channel: String,
    /// The version that it starts from.
    pub from: String,
    /// The version that it ends at.
    pub to: String,
    /// Its steps; none where start and end are the same.
    pub hops: Vec<Hop>,
    /// OLM goes this way only if the channel that holds the end is cut off above it: the channel goes on, and OLM would
    /// pass the end by.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

/// What runs in the cluster. It need not be in the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The CSV's name.
    pub name: String,
    /// Its version.
    pub version: Version,
}

impl Package {
    /// The start for a version of this package: the bundle that has it, else a name that an edge mentions and that ends in
    /// the version, else `PACKAGE.vVERSION`.
    pub fn start_at(&self, version: &Version) -> Start {
        let mentioned = || {
            let ends = |name: &&str| {
                name.strip_suffix(version.as_str()).is_some_and(|stem| stem.ends_with(['.', '-', 'v']))
            };
            let entries = self.channels.values().flat_map(|channel| &channel.entries);
            let names = entries.flat_map(|entry| entry.replaces.iter().chain(&entry.skips));
            names.map(String::as_str).find(ends).map(str::to_owned)
        };
        let name = self
            .bundle_of_version(version)
            .map(|bundle| bundle.name.clone())
            .or_else(mentioned)
            .unwrap_or_else(|| format!("{}.v{version}", self.name));
        Start { name, version: version.clone() }
    }

    /// The start for an installed CSV by name; its version is known only if the package has the bundle.
    pub fn start_named(&self, name: &str) -> Option<Start> {
        let bundle = self.bundles.get(name)?;
        Some(Start { name: bundle.name.clone(), version: bundle.version.clone() })
    }
}

/// Finds ways through all channels of a package.
#[derive(Debug)]
pub struct PathFinder<'a> {
    package: &'a Package,
    lanes: Lanes<'a>,
}

type Lanes<'a> = BTreeMap<&'a str, Lane<'a>>;

/// A channel as OLM sees it.
#[derive(Debug, Clone)]
struct Lane<'a> {
    graph: UpgradeGraph<'a>,
    /// What OLM may choose, best first.
    chain: Vec<&'a Entry>,
}

impl<'a> PathFinder<'a> {
    /// Looks at a package, with what the bundles' own CSVs say about lost edges.
    pub fn new(package: &'a Package, evidence: &'a [Evidence]) -> Self {
        let lane = |channel| Self::lane(package, UpgradeGraph::bridged(channel, evidence));
        let lanes = package.channels.iter().map(|(name, channel)| (name.as_str(), lane(channel))).collect();
        Self { package, lanes }
    }

    /// An entry without a bundle cannot be chosen.
    fn lane(package: &Package, graph: UpgradeGraph<'a>) -> Lane<'a> {
        let served = |entry: &&Entry| package.bundles.contains_key(&entry.name);
        Lane { chain: graph.chain().into_iter().filter(served).collect(), graph }
    }

    /// One channel's graph.
    pub fn graph(&self, channel: &str) -> Option<&UpgradeGraph<'a>> {
        self.lanes.get(channel).map(|lane| &lane.graph)
    }

    /// All that OLM does by itself in one channel, to its end. Nothing where nothing accepts the start.
    pub fn greedy(&self, channel: &str, start: &Start) -> Vec<Hop> {
        let mut hops = Vec::new();
        let Some(lane) = self.lanes.get(channel) else { return hops };
        let mut seen = BTreeSet::from([start.name.clone()]);
        let mut at = start.clone();
        while let Some((next, hop)) = self.hop(channel, lane, &at, None) {
            if !seen.insert(next.name.clone()) {
                break;
            }
            hops.push(hop);
            at = next;
        }
        hops
    }

    /// The way to a bundle, or to the head of the current (else the default) channel: fewest hops, then fewest switches
    /// of channel, then staying where the Subscription is.
    ///
    /// # Errors
    ///
    /// Where there is no way: what is missing in each channel.
    pub fn plan(
        &self,
        start: &Start,
        current: Option<&str>,
        target: Option<&str>,
    ) -> Result<UpgradePath, Box<NoPath>> {
        let current = current.filter(|name| self.lanes.contains_key(name));
        let home = current.unwrap_or(&self.package.default_channel);
        let head = || self.lanes.get(home).and_then(|lane| lane.graph.head());
        let Some(target) = target.or_else(head).filter(|name| self.package.bundles.contains_key(*name))
        else {
            return Err(Box::new(self.no_path(start, target)));
        };
        if let Some(path) = self.search(&self.lanes, start, current, target) {
            return Ok(path);
        }
        // OLM goes as high as it can. A channel that is served only up to the target keeps it there.
        let cut = |lane: &Lane<'a>| {
            lane.graph.below(target).map_or_else(|| lane.clone(), |graph| Self::lane(self.package, graph))
        };
        let cut = self.lanes.iter().map(|(name, lane)| (*name, cut(lane)));
        match self.search(&cut.collect(), start, current, target) {
            Some(path) => Ok(UpgradePath { cut: true, ..path }),
            None => Err(Box::new(self.no_path(start, Some(target)))),
        }
    }

    fn search(
        &self,
        lanes: &Lanes<'a>,
        start: &Start,
        current: Option<&str>,
        target: &str,
    ) -> Option<UpgradePath> {
        let mut queue = BinaryHeap::from([Reverse((0_usize, 0_usize, 0_usize))]);
        let mut states =
            vec![State { at: start.clone(), channel: current.map(str::to_owned), hops: Vec::new() }];
        let mut seen = BTreeSet::new();
        while let Some(Reverse((count, switches, index))) = queue.pop() {
            let state = states.get(index)?;
            if state.at.name == target {
                return Some(self.path(start, state));
            }
            if !seen.insert((state.at.name.clone(), state.channel.clone())) {
                continue;
            }
            let State { at, channel, hops } = state.clone();
            let mut names: Vec<&str> = lanes.keys().copied().collect();
            names.sort_by_key(|name| (channel.as_deref() != Some(*name), *name));
            for name in names {
                let switched = channel.as_deref().is_some_and(|channel| channel != name);
                let from = channel.as_deref().filter(|_| switched);
                let Some(lane) = lanes.get(name) else { continue };
                let Some((next, hop)) = self.hop(name, lane, &at, from) else { continue };
                queue.push(Reverse((count + 1, switches + usize::from(switched), states.len())));
                let hops = hops.iter().cloned().chain([hop]).collect();
                states.push(State { at: next, channel: Some(name.to_owned()), hops });
            }
        }
        None
    }

    /// The one step that OLM takes in this channel.
    fn hop(
        &self,
        channel: &str,
        Lane { graph, chain }: &Lane<'a>,
        at: &Start,
        switched_from: Option<&str>,
    ) -> Option<(Start, Hop)> {
        let (entry, edge) =
            chain.iter().find_map(|entry| Some((*entry, graph.edge(&at.name, &at.version, entry)?)))?;
        let bundle = self.package.bundles.get(&entry.name)?;
        let (name, from) = (&entry.name, &at.name);
        let mut reason = match edge {
            HopEdge::Replaces => format!("`{name}` replaces `{from}`"),
            HopEdge::Skips => format!("`{name}` skips `{from}`"),
            HopEdge::SkipRange => format!(
                "{} is in the skipRange `{}` of `{name}`",
                at.version,
                graph.range(entry).map_or("", |range| range.as_str())
            ),
            HopEdge::Bridge => {
                format!("the CSV of `{name}` says that it replaces `{from}`; the catalog lost this")
            }
        };
        if let Some(old) = switched_from {
            reason += ", once the Subscription moves from channel `";
            reason += old;
            reason += "` to `";
            reason += channel;
            reason += "`";
        }
        let hop = Hop {
            name: name.clone(),
            version: bundle.version.to_string(),
            from: from.clone(),
            channel: channel.to_owned(),
            edge,
            reason,
        };
        Some((Start { name: name.clone(), version: bundle.version.clone() }, hop))
    }

    fn path(&self, start: &Start, state: &State) -> UpgradePath {
        let channel = state.hops.last().map(|hop| hop.channel.clone()).or_else(|| state.channel.clone());
        UpgradePath {
            package: self.package.name.clone(),
            channel: channel.unwrap_or_else(|| self.package.default_channel.clone()),
            from: start.version.to_string(),
            to: state.at.version.to_string(),
            hops: state.hops.clone(),
            cut: false,
        }
    }

    fn no_path(&self, start: &Start, target: Option<&str>) -> NoPath {
        let gap = |(name, lane): (&&str, &Lane<'_>)| ChannelGap::of(name, &lane.graph, start);
        let wanted = target.and_then(|name| self.package.bundles.get(name));
        NoPath {
            package: self.package.name.clone(),
            backwards: wanted.is_some_and(|wanted| start.version.precedence(&wanted.version).is_gt()),
            from: start.clone(),
            to: target.map(str::to_owned),
            gaps: self.lanes.iter().map(gap).collect(),
        }
    }
}

#[derive(Clone)]
struct State {
    at: Start,
    channel: Option<String>,
    hops: Vec<Hop>,
}
