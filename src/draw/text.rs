//! The graph for a terminal: lane below lane, a line for each version, the chosen path as a thick line.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{Graph, Mark, Node, Stroke};
use super::words::{Note, english};
use crate::text::Safe;

/// Columns of a line. Names are never cut, notes are.
const WIDTH: usize = 100;

/// Writes the graph as text.
pub fn text(graph: &Graph) -> String {
    let mut out = format!("{}\n", Safe(&graph.title));
    if !graph.subtitle.is_empty() {
        out.push_str(&format!("{}\n", Safe(&graph.subtitle)));
    }
    for (index, lane) in graph.lanes.iter().enumerate() {
        let deprecated = lane.deprecated.then_some(Note::Mark(Mark::Deprecated));
        let remarks: Vec<String> = lane.remark.iter().chain(&deprecated).map(english).collect();
        let remarks =
            if remarks.is_empty() { String::new() } else { format!(" ({})", Safe(&remarks.join(", "))) };
        out.push_str(&format!("\n{}{remarks}\n", Safe(&lane.name)));
        out.push_str(&lane_lines(graph, index));
    }
    out.push_str("\n● on the path  ○ offered  · skipped: offered to nobody");
    out.push_str("   ┃ path  │ replaces\n");
    out
}

fn lane_lines(graph: &Graph, lane: usize) -> String {
    let nodes = graph.in_lane(lane);
    let labels: Vec<String> = nodes.iter().map(|(_, node)| Safe(&node.label).to_string()).collect();
    let widest = labels.iter().map(|label| label.chars().count()).max().unwrap_or_default();
    let strands = strands(graph, lane, &nodes);
    let mut out = String::new();
    for (((index, node), label), strand) in nodes.iter().zip(&labels).zip(strands) {
        let dot = match node {
            node if node.is(Mark::OnPath) || node.is(Mark::Installed) || node.is(Mark::Target) => '●',
            node if node.is(Mark::Withheld) => '·',
            _ => '○',
        };
        let mut told: Vec<String> = Vec::new();
        let words = node.words();
        if !words.is_empty() {
            told.push(words.join(", "));
        }
        told.extend(reached(graph, *index));
        told.extend(node.notes.iter().map(|note| Safe(&english(note)).to_string()));
        out.push_str(&wrapped(&format!("  {strand}{dot} {label:<widest$}  "), &told));
    }
    out
}

/// What leads to a node, the hop first.
fn reached(graph: &Graph, index: usize) -> Vec<String> {
    let mut hops = Vec::new();
    let mut usual = Vec::new();
    for edge in graph.edges.iter().filter(|edge| edge.to == index) {
        let Some((from, _)) = graph.ends(edge) else { continue };
        let (label, meaning) = (Safe(&from.label), Safe(graph.meaning(edge.stroke)));
        match edge.hop {
            Some(0) => hops.push(meaning.to_string()),
            Some(hop) => hops.push(format!("hop {hop} from {label} ({meaning})")),
            // The notes name those that are skipped and the range.
            None if edge.stroke == Stroke::Solid => usual.push(format!("{meaning} {label}")),
            None => {}
        }
    }
    hops.append(&mut usual);
    hops
}

/// What stands before each node of a lane: the lines that pass by it.
fn strands(graph: &Graph, lane: usize, nodes: &[(usize, &Node)]) -> Vec<&'static str> {
    let places: BTreeMap<usize, usize> =
        nodes.iter().enumerate().map(|(place, (index, _))| (*index, place)).collect();
    let (mut path, mut chain) = (BTreeSet::new(), BTreeSet::new());
    for edge in &graph.edges {
        let (Some(&below), Some(&above)) = (places.get(&edge.from), places.get(&edge.to)) else { continue };
        let passed = if edge.hop.is_some() { &mut path } else { &mut chain };
        if edge.hop.is_some() || edge.stroke == Stroke::Solid {
            passed.extend(above.min(below) + 1..above.max(below));
        }
    }
    debug_assert!(nodes.iter().all(|(_, node)| node.lane == lane));
    (0..nodes.len())
        .map(|place| match (path.contains(&place), chain.contains(&place)) {
            (true, _) => "┃ ",
            (false, true) => "│ ",
            (false, false) => "",
        })
        .collect()
}

/// Puts as much on a line as it holds, and the rest below it.
fn wrapped(first: &str, told: &[String]) -> String {
    let indent = first.chars().count();
    let room = WIDTH.saturating_sub(indent).max(20);
    let mut out = String::new();
    let mut line = String::new();
    let mut before = first.to_owned();
    for part in told {
        let fits = line.chars().count() + 3 + part.chars().count() <= room;
        if !line.is_empty() && !fits {
            out.push_str(&format!("{before}{line}\n"));
            (line, before) = (String::new(), " ".repeat(indent));
        }
        if !line.is_empty() {
            line.push_str(" · ");
        }
        line.push_str(&cut(part, room));
    }
    out.push_str(format!("{before}{line}").trim_end());
    out.push('\n');
    out
}

fn cut(part: &str, room: usize) -> String {
    if part.chars().count() <= room {
        return part.to_owned();
    }
    let kept: String = part.chars().take(room - 1).collect();
    format!("{}…", kept.trim_end())
}
