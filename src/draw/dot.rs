//! The graph in DOT, the language of Graphviz.

use super::graph::{Edge, Graph, Mark, Node, Stroke};
use super::words::english;
use crate::text::Safe;

/// Writes the graph in DOT.
pub fn dot(graph: &Graph) -> String {
    let mut out = String::from(
        "digraph upgrades {\n  rankdir=BT\n  node [shape=box style=rounded fontname=\"sans-serif\"]\n",
    );
    out.push_str("  edge [fontname=\"sans-serif\" fontsize=9]\n");
    let title = quoted(&[&graph.title, &graph.subtitle]);
    out.push_str(&format!("  label={title}\n  labelloc=t\n"));
    for (index, lane) in graph.lanes.iter().enumerate() {
        out.push_str(&format!("  subgraph cluster_{index} {{\n    label={}\n", quoted(&[&lane.titled()])));
        for (at, node) in graph.in_lane(index) {
            out.push_str(&format!("    n{at} [{}]\n", node_attributes(node)));
        }
        out.push_str("  }\n");
    }
    for edge in graph.edges.iter().filter(|edge| graph.ends(edge).is_some()) {
        out.push_str(&format!("  n{} -> n{} [{}]\n", edge.from, edge.to, edge_attributes(graph, edge)));
    }
    out.push_str("}\n");
    out
}

fn node_attributes(node: &Node) -> String {
    let lines: Vec<&str> = [node.label.as_str()].into_iter().chain(node.words()).collect();
    let mut attributes = vec![format!("label={}", quoted(&lines))];
    let notes: Vec<String> = node.notes.iter().map(english).collect();
    let tip: Vec<&str> = [&node.name].into_iter().chain(&notes).map(String::as_str).collect();
    attributes.push(format!("tooltip={}", quoted(&tip)));
    for (mark, words) in [
        (Mark::OnPath, "color=\"#0b62d6\" penwidth=2"),
        (Mark::Deprecated, "fontcolor=\"#b45309\""),
        (Mark::Withheld, "style=\"rounded,dashed\""),
        (Mark::Installed, "style=\"rounded,filled\" fillcolor=\"#cfe3ff\""),
        (Mark::Target, "style=\"rounded,filled\" fillcolor=\"#c9f0d5\""),
    ] {
        if node.is(mark) {
            attributes.push(words.to_owned());
        }
    }
    attributes.join(" ")
}

fn edge_attributes(graph: &Graph, edge: &Edge) -> String {
    let style = match edge.stroke {
        Stroke::Solid | Stroke::Double => "solid",
        Stroke::Dashed | Stroke::Link => "dashed",
        Stroke::Dotted => "dotted",
    };
    let mut attributes = vec![format!("style={style}")];
    let meaning = graph.meaning(edge.stroke);
    match edge.hop {
        Some(hop) => {
            let words = if hop > 0 { format!("{hop}: {meaning}") } else { meaning.to_owned() };
            attributes.push(format!("label={} color=\"#0b62d6\" penwidth=3", quoted(&[&words])));
        }
        // Only the usual way says where things stand above each other.
        None if edge.stroke != Stroke::Solid => {
            attributes.push(format!("tooltip={} constraint=false", quoted(&[meaning])));
        }
        None => {}
    }
    attributes.join(" ")
}

/// A quoted string of these lines.
fn quoted(lines: &[&str]) -> String {
    let escaped = |line: &&str| Safe(line).to_string().replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", lines.iter().map(escaped).collect::<Vec<_>>().join("\\n"))
}
