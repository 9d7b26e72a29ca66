//! OpenShift's way as a graph: the releases that are passed, by their minor release.

use std::collections::BTreeSet;

use super::message::{MINOR, PATCH};
use crate::draw::{Edge, Graph, Lane, Mark, Node, Note, Row, Stroke};
use crate::release::{ReleaseChange, ReleaseHop, ReleasePath};

/// Draws the way, the newest release on top.
pub(super) fn graph(path: &ReleasePath) -> Graph {
    let count = path.hops.len();
    let marked = |index: usize| {
        let mut marks = BTreeSet::from([Mark::OnPath]);
        if index == 0 {
            marks.insert(Mark::Installed);
        }
        if index == count && index > 0 {
            marks.insert(Mark::Target);
        }
        marks
    };
    let node = |index: usize, version: &str, notes: Vec<Note>| Node {
        lane: 0,
        row: count - index,
        label: version.to_owned(),
        name: version.to_owned(),
        marks: marked(index),
        notes,
    };
    let start = node(0, &path.from, Vec::new());
    let reached = (1..).zip(&path.hops).map(|(index, hop)| node(index, &hop.version, notes(hop)));
    let nodes: Vec<Node> = std::iter::once(start).chain(reached).collect();
    let edges = path.hops.iter().enumerate().map(|(index, hop)| Edge {
        from: index,
        to: index + 1,
        stroke: stroke(hop.change),
        hop: Some(index + 1),
    });
    Graph {
        title: "OpenShift".to_owned(),
        subtitle: format!("{} → {}", path.from, path.to),
        lanes: vec![Lane {
            name: path.channel.clone().unwrap_or_else(|| path.architecture.clone()),
            ..Lane::default()
        }],
        rows: nodes.iter().rev().map(|node| Row { band: minor(&node.label) }).collect(),
        edges: edges.collect(),
        legend: [PATCH, MINOR].map(|stroke| (stroke, String::new())).to_vec(),
        nodes,
    }
}

fn stroke(change: ReleaseChange) -> Stroke {
    match change {
        ReleaseChange::Patch => PATCH,
        ReleaseChange::Minor | ReleaseChange::Major => MINOR,
    }
}

fn notes(hop: &ReleaseHop) -> Vec<Note> {
    let kubernetes = hop.kubernetes.iter().map(|version| format!("Kubernetes {version}"));
    kubernetes.chain(hop.risks.iter().map(|risk| risk.name.clone())).map(Note::Said).collect()
}

/// `4.20` of `4.20.5`.
fn minor(version: &str) -> String {
    version.splitn(3, '.').take(2).collect::<Vec<_>>().join(".")
}
