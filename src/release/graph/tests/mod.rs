//! Tables over small graphs made here.

mod data;
mod replies;

use serde_json::{Value, json};

use super::{GraphBuilder, UpdateGraph};
use crate::finding::Finding;
use crate::limits::LIMITS;
use crate::release::architecture::Architecture;

/// A release image that is another one for each number.
fn payload(number: usize) -> String {
    format!("quay.io/openshift-release-dev/ocp-release@sha256:{number:064x}")
}

/// A node as the update service writes it.
fn node(version: &str, channels: &str) -> Value {
    let number = version.bytes().fold(7, |sum: usize, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    json!({
        "version": version,
        "payload": payload(number),
        "metadata": {"io.openshift.upgrades.graph.release.channels": channels, "url": "https://e.example"},
    })
}

fn nodes(versions: &[&str]) -> Vec<Value> {
    versions.iter().map(|version| node(version, "stable-4.20")).collect()
}

/// Conditional edges with one `Always` risk for each name.
fn conditional(edges: &[(&str, &str)], risks: &[&str]) -> Value {
    let edges: Vec<Value> = edges.iter().map(|(from, to)| json!({"from": from, "to": to})).collect();
    let risk = |name: &&str| {
        json!({"name": name, "url": format!("https://{name}.example"), "message": format!("{name} breaks."),
               "matchingRules": [{"type": "Always"}]})
    };
    json!({"edges": edges, "risks": risks.iter().map(risk).collect::<Vec<_>>()})
}

fn built(replies: &[Value]) -> (UpdateGraph, Vec<Finding>) {
    let mut builder = GraphBuilder::new(Architecture::Amd64, &LIMITS);
    for (number, reply) in replies.iter().enumerate() {
        builder.reply(&format!("reply-{number}"), reply.to_string().as_bytes());
    }
    builder.finish(&[])
}

fn told(findings: &[Finding]) -> Vec<String> {
    findings
        .iter()
        .map(|finding| format!("{} {}: {}", finding.code, finding.subject, finding.message))
        .collect()
}

/// Every edge, as `from → to [risks]`.
fn edges(graph: &UpdateGraph) -> Vec<String> {
    let releases = graph.releases();
    let mut all = Vec::new();
    for from in releases {
        for to in releases {
            if let Some(risks) = graph.edge(&from.version, &to.version) {
                let names: Vec<&str> = risks.iter().map(|risk| risk.name.as_str()).collect();
                all.push(format!("{} → {} [{}]", from.version, to.version, names.join(" ")));
            }
        }
    }
    all
}
