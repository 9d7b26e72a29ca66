//! The graph as a Mermaid flowchart, for Markdown.

use super::graph::{Graph, Mark, Stroke};
use crate::text::Safe;

/// Writes the graph as a Mermaid flowchart.
pub fn mermaid(graph: &Graph) -> String {
    let mut out = format!("%% {}\nflowchart BT\n", label(&graph.title));
    for (index, lane) in graph.lanes.iter().enumerate() {
        out.push_str(&format!("  subgraph lane{index}[\"{}\"]\n", label(&lane.titled())));
        for (at, node) in graph.in_lane(index) {
            let words = node.words().join(", ");
            let words = if words.is_empty() { String::new() } else { format!("<br/>{words}") };
            out.push_str(&format!("    n{at}[\"{}{words}\"]\n", label(&node.label)));
        }
        out.push_str("  end\n");
    }
    let mut on_path = Vec::new();
    let drawn = graph.edges.iter().filter(|edge| graph.ends(edge).is_some());
    for (index, edge) in drawn.enumerate() {
        let arrow =
            if edge.stroke == Stroke::Solid || edge.stroke == Stroke::Double { "-->" } else { "-.->" };
        let mut words = graph.meaning(edge.stroke).to_owned();
        if let Some(hop) = edge.hop {
            on_path.push(index.to_string());
            if hop > 0 {
                words = format!("{hop}: {words}");
            }
        }
        // What is not emphasised and usual needs no words.
        let words = if edge.hop.is_none() && edge.stroke == Stroke::Solid {
            String::new()
        } else {
            format!("|\"{}\"|", label(&words))
        };
        out.push_str(&format!("  n{} {arrow}{words} n{}\n", edge.from, edge.to));
    }
    if !on_path.is_empty() {
        out.push_str(&format!("  linkStyle {} stroke:#0b62d6,stroke-width:4px\n", on_path.join(",")));
    }
    for (class, mark, style) in [
        ("withheld", Mark::Withheld, "stroke-dasharray:4 3"),
        ("deprecated", Mark::Deprecated, "stroke:#b45309,color:#b45309"),
        ("onpath", Mark::OnPath, "stroke:#0b62d6,stroke-width:3px"),
        ("installed", Mark::Installed, "fill:#0b62d6,color:#ffffff"),
        ("target", Mark::Target, "fill:#12803c,color:#ffffff"),
    ] {
        let marked = graph.nodes.iter().enumerate().filter(|(_, node)| node.is(mark));
        let marked: Vec<String> = marked.map(|(index, _)| format!("n{index}")).collect();
        if !marked.is_empty() {
            out.push_str(&format!("  classDef {class} {style}\n  class {} {class}\n", marked.join(",")));
        }
    }
    out
}

/// A label in quotes: whatever could be markup becomes Mermaid's `#code;`.
fn label(text: &str) -> String {
    let mut out = String::new();
    for c in Safe(text).to_string().chars() {
        if c.is_alphanumeric() || matches!(c, ' ' | '.' | '-' | '+' | '_' | ',' | '(' | ')' | ':') {
            out.push(c);
        } else {
            out.push_str(&format!("#{};", u32::from(c)));
        }
    }
    out
}
