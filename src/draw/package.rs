//! The graph of an operator's channels, as OLM reads it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::graph::{Edge, Graph, Lane, Mark, Node, Row, Stroke};
use super::words::Note;
use crate::catalog::{Channel, Deprecated, Entry, HopEdge, Package, Start, UpgradeGraph, UpgradePath};
use crate::text::counted;
use crate::version::Version;

/// How many names a note gives; of more it says how many.
const NAMED: usize = 3;

/// What of a package is drawn.
#[derive(Debug, Clone, Copy, Default)]
pub struct View<'a> {
    /// Only this channel, and those that the path goes through.
    pub channel: Option<&'a str>,
    /// What runs.
    pub start: Option<&'a Start>,
    /// The name of what is to be reached.
    pub target: Option<&'a str>,
    /// The way there.
    pub path: Option<&'a UpgradePath>,
}

/// Draws the channels of a package.
///
/// Of the entries that skip a version, or have it in their skipRange, only the newest has an edge from it: that is where OLM
/// goes. Names that the channel has not got are counted in the notes.
pub fn package<'a>(package: &'a Package, view: View<'a>) -> Graph {
    let channels = channels(package, view);
    let names = channels.iter().flat_map(|channel| &channel.entries).map(|entry| entry.name.as_str());
    let absent = view.start.filter(|start| !names.clone().any(|name| name == start.name));
    let mut rows: BTreeMap<&str, Option<Version>> =
        names.map(|name| (name, version(package, name))).collect();
    rows.extend(absent.map(|start| (start.name.as_str(), Some(start.version.clone()))));
    let mut order: Vec<(&str, Option<Version>)> = rows.into_iter().collect();
    order.sort_by(|(a, left), (b, right)| (Reverse(left), a).cmp(&(Reverse(right), b)));
    let band = |version: &Option<Version>| {
        version.as_ref().map_or_else(String::new, |it| format!("{}.{}", it.major(), it.minor()))
    };
    let mut drawing = Drawing {
        graph: Graph {
            title: package.name.clone(),
            rows: order.iter().map(|(_, version)| Row { band: band(version) }).collect(),
            legend: legend(),
            ..Graph::default()
        },
        rows: order.iter().enumerate().map(|(row, (name, _))| (*name, row)).collect(),
        nodes: Vec::new(),
        package,
        running: view.start.map(|start| start.name.as_str()),
        deprecated: package.deprecated().into_iter().map(|it| (it.what, it.message)).collect(),
    };
    for channel in &channels {
        drawing.lane(channel);
    }
    if let Some(start) = absent {
        drawing.absent(start, view, &channels);
    }
    if let Some(path) = view.path {
        drawing.path(path, view);
    }
    for (name, mark) in
        [(view.start.map(|start| start.name.as_str()), Mark::Installed), (view.target, Mark::Target)]
    {
        drawing.mark(name, mark, view.path.is_some());
    }
    drawing.graph.subtitle = subtitle(package, &drawing, view);
    drawing.graph
}

fn legend() -> Vec<(Stroke, String)> {
    [
        (Stroke::Solid, "replaces"),
        (Stroke::Dashed, "skips"),
        (Stroke::Dotted, "skipRange"),
        (Stroke::Double, "replaces, as the CSV says and the catalog does not"),
        (Stroke::Link, "the Subscription changes its channel"),
    ]
    .map(|(stroke, words)| (stroke, words.to_owned()))
    .to_vec()
}

/// The channels that are drawn, that with the oldest head first.
fn channels<'a>(package: &'a Package, view: View<'_>) -> Vec<&'a Channel> {
    let crossed = |name: &str| view.path.is_some_and(|path| path.hops.iter().any(|hop| hop.channel == name));
    let wanted = |channel: &&Channel| {
        view.channel.is_none_or(|wanted| wanted == channel.name || crossed(&channel.name))
    };
    let newest = |channel: &&Channel| channel.entries.iter().map(|entry| version(package, &entry.name)).max();
    let mut channels: Vec<&Channel> = package.channels.values().filter(wanted).collect();
    channels.sort_by_cached_key(|channel| (newest(channel), channel.name.clone()));
    channels
}

/// The version of an entry: its bundle's, or what its name ends in.
fn version(package: &Package, name: &str) -> Option<Version> {
    let of_bundle = package.bundles.get(name).map(|bundle| bundle.version.clone());
    of_bundle.or_else(|| Version::parse_tolerant(tail(name)).ok())
}

struct Drawing<'a> {
    graph: Graph,
    /// Row by name.
    rows: BTreeMap<&'a str, usize>,
    /// Of each lane, the index of a node by name.
    nodes: Vec<BTreeMap<String, usize>>,
    package: &'a Package,
    /// What runs: it is drawn, be it in the channel or not.
    running: Option<&'a str>,
    deprecated: BTreeMap<Deprecated, String>,
}

impl<'a> Drawing<'a> {
    fn lane(&mut self, channel: &'a Channel) {
        let lane = self.graph.lanes.len();
        self.nodes.push(BTreeMap::new());
        let deprecated = self.deprecated.contains_key(&Deprecated::Channel(channel.name.clone()));
        let default = channel.name == self.package.default_channel;
        self.graph.lanes.push(Lane {
            name: channel.name.clone(),
            remark: default.then_some(Note::Default),
            deprecated,
        });
        let graph = UpgradeGraph::new(channel);
        let heads: BTreeSet<&str> = graph.heads().into_iter().collect();
        for entry in &channel.entries {
            // A channel with an entry twice is refused elsewhere; here the first one counts.
            if self.at(lane, &entry.name).is_some() {
                continue;
            }
            let mut marks = BTreeSet::new();
            if heads.contains(entry.name.as_str()) {
                marks.insert(Mark::Head);
            }
            if graph.skipped().contains(entry.name.as_str()) {
                marks.insert(Mark::Withheld);
            }
            if !self.package.bundles.contains_key(&entry.name) {
                marks.insert(Mark::Absent);
            }
            let mut notes = notes(entry, &graph, self.running);
            if let Some(message) = self.deprecated.get(&Deprecated::Bundle(entry.name.clone())) {
                marks.insert(Mark::Deprecated);
                notes.push(Note::Said(message.clone()));
            }
            self.node(lane, &entry.name, marks, notes);
        }
        self.edges(lane, channel, &graph);
    }

    fn node(&mut self, lane: usize, name: &str, marks: BTreeSet<Mark>, notes: Vec<Note>) -> usize {
        let row = self.rows.get(name).copied().unwrap_or_default();
        let index = self.graph.nodes.len();
        let label = self.label(name);
        self.graph.nodes.push(Node { lane, row, label, name: name.to_owned(), marks, notes });
        if let Some(lane) = self.nodes.get_mut(lane) {
            lane.insert(name.to_owned(), index);
        }
        index
    }

    /// The version, where there is a bundle to say it; else what follows the package's name.
    fn label(&self, name: &str) -> String {
        match self.package.bundles.get(name) {
            Some(bundle) => bundle.version.to_string(),
            None => {
                let rest = name.strip_prefix(self.package.name.as_str()).unwrap_or(name);
                let rest = rest.strip_prefix(".v").unwrap_or(rest);
                if rest.is_empty() { name.to_owned() } else { rest.to_owned() }
            }
        }
    }

    fn edges(&mut self, lane: usize, channel: &'a Channel, graph: &UpgradeGraph<'a>) {
        let mut newest_first: Vec<&Entry> = channel.entries.iter().collect();
        newest_first.sort_by_key(|entry| self.rows.get(entry.name.as_str()));
        let mut taken = BTreeSet::new();
        for entry in &newest_first {
            let Some(to) = self.at(lane, &entry.name) else { continue };
            let replaced = entry.replaces.as_deref().and_then(|name| self.at(lane, name));
            if let Some(from) = replaced.filter(|from| *from != to) {
                taken.insert((from, Stroke::Solid, to));
            }
        }
        let mut skipped = BTreeSet::new();
        let mut ranged = BTreeSet::new();
        for entry in &newest_first {
            let Some(to) = self.at(lane, &entry.name) else { continue };
            let lower: Vec<usize> = entry.skips.iter().filter_map(|name| self.at(lane, name)).collect();
            for from in lower {
                let direct = taken.contains(&(from, Stroke::Solid, to));
                if from != to && skipped.insert(from) && !direct {
                    taken.insert((from, Stroke::Dashed, to));
                }
            }
            let withheld = graph.skipped().contains(entry.name.as_str());
            let Some(range) = graph.range(entry).filter(|_| !withheld) else { continue };
            for lower in &newest_first {
                let Some(from) = self.at(lane, &lower.name).filter(|from| self.row(*from) > self.row(to))
                else {
                    continue;
                };
                let inside = version(self.package, &lower.name).is_some_and(|it| range.contains(&it));
                if !inside || !ranged.insert(from) {
                    continue;
                }
                let known = [Stroke::Solid, Stroke::Dashed].map(|stroke| taken.contains(&(from, stroke, to)));
                if known == [false, false] {
                    taken.insert((from, Stroke::Dotted, to));
                }
            }
        }
        self.graph.edges.extend(taken.into_iter().map(|(from, stroke, to)| Edge {
            from,
            to,
            stroke,
            hop: None,
        }));
    }

    fn at(&self, lane: usize, name: &str) -> Option<usize> {
        self.nodes.get(lane)?.get(name).copied()
    }

    fn row(&self, node: usize) -> usize {
        self.graph.nodes.get(node).map_or(0, |node| node.row)
    }

    fn lane_of(&self, name: &str) -> Option<usize> {
        self.graph.lanes.iter().position(|lane| lane.name == name)
    }

    /// What runs and is in no channel stands where the way begins, else in the channel that was asked for.
    fn absent(&mut self, start: &Start, view: View<'_>, channels: &[&Channel]) {
        let first = view.path.and_then(|path| path.hops.first()).map(|hop| hop.channel.as_str());
        let home = first.or(view.channel).unwrap_or(&self.package.default_channel);
        let lane = channels.iter().position(|channel| channel.name == home).unwrap_or_default();
        if lane < channels.len() {
            let index = self.node(lane, &start.name, BTreeSet::from([Mark::Absent]), Vec::new());
            if let Some(node) = self.graph.nodes.get_mut(index) {
                node.label = start.version.to_string();
            }
        }
    }

    fn path(&mut self, path: &UpgradePath, view: View<'_>) {
        let mut at: Option<usize> = None;
        for (index, hop) in path.hops.iter().enumerate() {
            let Some(lane) = self.lane_of(&hop.channel) else { continue };
            let here = self.at(lane, &hop.from);
            let began = || {
                let home = view.channel.and_then(|name| self.lane_of(name));
                let lanes = home.into_iter().chain([lane]).chain(0..self.graph.lanes.len());
                lanes.into_iter().find_map(|lane| self.at(lane, &hop.from))
            };
            let from = at.or_else(began);
            let from = match (from, here) {
                (Some(from), Some(here)) if from != here => {
                    self.step(from, here, Stroke::Link, 0);
                    Some(here)
                }
                (from, here) => here.or(from),
            };
            let to = self.at(lane, &hop.name);
            if let (Some(from), Some(to)) = (from, to) {
                let stroke = match hop.edge {
                    HopEdge::Replaces => Stroke::Solid,
                    HopEdge::Skips => Stroke::Dashed,
                    HopEdge::SkipRange => Stroke::Dotted,
                    HopEdge::Bridge => Stroke::Double,
                };
                self.step(from, to, stroke, index + 1);
            }
            at = to;
        }
    }

    fn step(&mut self, from: usize, to: usize, stroke: Stroke, hop: usize) {
        self.graph.edges.retain(|edge| (edge.from, edge.to) != (from, to));
        self.graph.edges.push(Edge { from, to, stroke, hop: Some(hop) });
        for index in [from, to] {
            if let Some(node) = self.graph.nodes.get_mut(index) {
                node.marks.insert(Mark::OnPath);
            }
        }
    }

    /// Marks a name where the path has it; without a path, in every lane.
    fn mark(&mut self, name: Option<&str>, mark: Mark, with_path: bool) {
        let Some(name) = name else { return };
        let mut named: Vec<&mut Node> =
            self.graph.nodes.iter_mut().filter(|node| node.name == name).collect();
        let on_path = named.iter().any(|node| node.marks.contains(&Mark::OnPath));
        for node in &mut named {
            if !(with_path && on_path) || node.marks.contains(&Mark::OnPath) {
                node.marks.insert(mark);
            }
        }
    }
}

/// What an entry says that no edge in the drawing shows.
fn notes(entry: &Entry, graph: &UpgradeGraph<'_>, running: Option<&str>) -> Vec<Note> {
    let mut notes = Vec::new();
    let gone = |name: &&str| graph.entry(name).is_none() && running != Some(*name);
    if let Some(replaces) = entry.replaces.as_deref().filter(gone) {
        notes.push(Note::ReplacesAbsent { name: replaces.to_owned() });
    }
    let (here, gone): (Vec<&String>, Vec<&String>) =
        entry.skips.iter().partition(|name| graph.entry(name).is_some());
    if !here.is_empty() {
        notes.push(skips(&here));
    }
    if !gone.is_empty() {
        notes.push(Note::SkipsAbsent { count: gone.len() });
    }
    if let Some(range) = &entry.skip_range {
        notes.push(Note::SkipRange { range: range.clone() });
    }
    notes
}

/// A few names, else how many there are.
fn skips(names: &[&String]) -> Note {
    if names.len() > NAMED {
        return Note::SkipsMany { count: names.len() };
    }
    Note::Skips { names: names.iter().map(|name| tail(name)).collect::<Vec<_>>().join(", ") }
}

/// What a name ends in after its first `.v`: the package is known anyway.
fn tail(name: &str) -> &str {
    name.split_once(".v").map_or(name, |(_, version)| version)
}

fn subtitle(package: &Package, drawing: &Drawing<'_>, view: View<'_>) -> String {
    let mut parts =
        vec![counted(drawing.graph.lanes.len(), "channel"), counted(drawing.graph.rows.len(), "version")];
    if let Some(path) = view.path {
        parts.insert(0, format!("{} → {} in {}", path.from, path.to, counted(path.hops.len(), "hop")));
        if path.cut {
            parts.push(format!("{} must be served only up to {}", path.channel, path.to));
        }
    }
    if let Some(message) = drawing.deprecated.get(&Deprecated::Package) {
        parts.push(format!("deprecated: {message}"));
    }
    // Without its default channel in the drawing, a reader should still know it.
    if !drawing.graph.lanes.iter().any(|lane| lane.name == package.default_channel) {
        parts.push(format!("default channel {}", package.default_channel));
    }
    parts.join(" · ")
}
