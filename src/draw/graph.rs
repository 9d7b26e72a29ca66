//! What is drawn: versions in lanes, the newest on top, and what leads from one to another.

use std::collections::{BTreeMap, BTreeSet};

use super::words::{Note, english};

/// A graph of versions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Graph {
    /// What it is of.
    pub title: String,
    /// One line more about it; may be empty.
    pub subtitle: String,
    /// The lanes, from left to right.
    pub lanes: Vec<Lane>,
    /// The rows, from top to bottom: the same version stands at the same height in every lane.
    pub rows: Vec<Row>,
    /// The versions in the lanes.
    pub nodes: Vec<Node>,
    /// What leads from one to another.
    pub edges: Vec<Edge>,
    /// What the strokes mean, in the order in which they are explained. Strokes that are not used are left out.
    pub legend: Vec<(Stroke, String)>,
}

/// One lane, for instance a channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lane {
    /// Its name.
    pub name: String,
    /// What there is to say about it.
    pub remark: Option<Note>,
    /// Whether nobody should use it any more.
    pub deprecated: bool,
}

/// One row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// Rows of one band follow each other and are shown as one, for instance all versions of `1.9`.
    pub band: String,
}

/// A version in a lane.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// Index of its lane.
    pub lane: usize,
    /// Index of its row; no other node of the lane has it.
    pub row: usize,
    /// What it is called in the drawing, usually its version.
    pub label: String,
    /// Its whole name.
    pub name: String,
    /// What it is.
    pub marks: BTreeSet<Mark>,
    /// What else there is to say, shortest first thing first.
    pub notes: Vec<Note>,
}

/// What a version is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// It runs.
    Installed,
    /// It is to be reached.
    Target,
    /// The newest of its lane.
    Head,
    /// A step of the chosen path.
    OnPath,
    /// Nobody should use it any more.
    Deprecated,
    /// Nobody is offered it any more.
    Withheld,
    /// It is named, but it is not there.
    Absent,
}

impl Mark {
    /// The word for people; nothing for what the drawing itself shows.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::Installed => Some("installed"),
            Self::Target => Some("target"),
            Self::Head => Some("head"),
            Self::OnPath => None,
            Self::Deprecated => Some("deprecated"),
            Self::Withheld => Some("skipped"),
            Self::Absent => Some("not in the catalog"),
        }
    }
}

/// A way from one version to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// Index of the node that it starts from, the older one.
    pub from: usize,
    /// Index of the node that it leads to.
    pub to: usize,
    /// How it is drawn.
    pub stroke: Stroke,
    /// Its place on the chosen path, counted from 1; 0 for a step that is no hop, such as a change of lane.
    pub hop: Option<usize>,
}

/// How an edge is drawn; what it means the legend says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stroke {
    /// The usual way.
    Solid,
    /// Another way.
    Dashed,
    /// A third one.
    Dotted,
    /// A way that was found elsewhere than the others.
    Double,
    /// From a lane to another, at the same version.
    Link,
}

/// What a legend may have to explain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// The chosen path.
    Path,
    /// A stroke.
    Stroke(Stroke),
    /// A mark of a version.
    Mark(Mark),
}

impl Graph {
    /// What occurs in the drawing and may need words, in the order of a legend.
    pub fn keys(&self) -> Vec<Key> {
        let path = self.edges.iter().any(|edge| edge.hop.is_some()).then_some(Key::Path);
        let strokes = self.used_legend().map(|(stroke, _)| Key::Stroke(*stroke));
        let marks = [Mark::Installed, Mark::Target, Mark::Withheld, Mark::Absent, Mark::Deprecated];
        let marks = marks.into_iter().filter(|mark| self.nodes.iter().any(|node| node.is(*mark)));
        path.into_iter().chain(strokes).chain(marks.map(Key::Mark)).collect()
    }

    /// The words for a stroke.
    pub(super) fn meaning(&self, stroke: Stroke) -> &str {
        self.legend.iter().find(|(known, _)| *known == stroke).map_or("", |(_, words)| words)
    }

    /// The legend's lines that this graph needs.
    pub(super) fn used_legend(&self) -> impl Iterator<Item = &(Stroke, String)> {
        let used: BTreeSet<Stroke> = self.edges.iter().map(|edge| edge.stroke).collect();
        self.legend.iter().filter(move |(stroke, _)| used.contains(stroke))
    }

    /// The nodes of a lane with their indexes, the newest first.
    pub(super) fn in_lane(&self, lane: usize) -> Vec<(usize, &Node)> {
        let nodes = self.nodes.iter().enumerate().filter(|(_, node)| node.lane == lane);
        nodes
            .map(|(index, node)| (node.row, (index, node)))
            .collect::<BTreeMap<_, _>>()
            .into_values()
            .collect()
    }

    /// Both ends of an edge; nothing where it names a node that is not there.
    pub(super) fn ends(&self, edge: &Edge) -> Option<(&Node, &Node)> {
        Some((self.nodes.get(edge.from)?, self.nodes.get(edge.to)?))
    }
}

impl Lane {
    /// Its name and what there is to say about it, in English.
    pub(super) fn titled(&self) -> String {
        let remark = self.remark.as_ref().map(|remark| format!(" {}", english(remark)));
        format!("{}{}", self.name, remark.unwrap_or_default())
    }
}

impl Node {
    /// The words for its marks.
    pub(super) fn words(&self) -> Vec<&'static str> {
        self.marks.iter().filter_map(|mark| mark.word()).collect()
    }

    /// Whether it has a mark.
    pub(super) fn is(&self, mark: Mark) -> bool {
        self.marks.contains(&mark)
    }
}
