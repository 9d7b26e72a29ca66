//! A package cut down to one way: the fewest entries with which OLM still goes exactly there.

use std::collections::BTreeSet;

use super::evidence::Evidence;
use super::model::{Channel, Package};
use super::parse::at;
use super::path::{Hop, HopEdge, PathFinder, Start};
use super::validate::graph_finding;
use crate::finding::Finding;

/// A package with the channels of a way cut down to it.
#[derive(Debug)]
pub struct Pruned {
    /// What is left. Channels that the way does not use are as they were.
    pub package: Package,
    /// Edges that had to be written anew, and what keeps OLM from going this way all the same.
    pub findings: Vec<Finding>,
}

/// Cuts the channels that the way uses down to the entries that it reaches. No new edge comes to be: where the chain is closed
/// with a `replaces`, a `skips`, `skipRange` or evidence had that edge already, and the old `replaces` becomes a `skips`.
pub fn prune(package: &Package, start: &Start, hops: &[Hop], evidence: &[Evidence]) -> Pruned {
    let mut pruned = Pruned { package: package.clone(), findings: Vec::new() };
    let mut rest = hops;
    let mut from = start.clone();
    let mut cut = BTreeSet::new();
    while let Some(first) = rest.first() {
        let length = rest.iter().take_while(|hop| hop.channel == first.channel).count();
        let (segment, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        rest = after;
        // A way that comes back to a channel needs both parts of it.
        if !cut.insert(first.channel.clone()) {
            pruned.package.channels.clone_from(&package.channels);
            break;
        }
        if let Some(channel) = pruned.package.channels.get_mut(&first.channel) {
            keep(channel, segment, &mut pruned.findings);
            check(&pruned.package, &first.channel, &from, segment, evidence, &mut pruned.findings);
        }
        if let Some(bundle) = segment.last().and_then(|hop| package.bundles.get(&hop.name)) {
            from = Start { name: bundle.name.clone(), version: bundle.version.clone() };
        }
    }
    let offered: BTreeSet<String> = pruned
        .package
        .channels
        .values()
        .flat_map(|channel| channel.entries.iter().map(|entry| entry.name.clone()))
        .collect();
    pruned.package.bundles.retain(|name, _| offered.contains(name));
    pruned.package.drop_stale_deprecations();
    pruned
}

fn keep(channel: &mut Channel, segment: &[Hop], findings: &mut Vec<Finding>) {
    let kept: BTreeSet<&str> = segment.iter().map(|hop| hop.name.as_str()).collect();
    channel.entries.retain(|entry| kept.contains(entry.name.as_str()));
    for (index, hop) in segment.iter().enumerate() {
        // Below the first kept entry only an edge that the catalog lost has to be written down.
        if index == 0 && hop.edge != HopEdge::Bridge {
            continue;
        }
        let Some(entry) = channel.entries.iter_mut().find(|entry| entry.name == hop.name) else { continue };
        if entry.replaces.as_deref() == Some(hop.from.as_str()) {
            continue;
        }
        let message = format!("`{}` now replaces `{}`: {}", hop.name, hop.from, hop.reason);
        if let Some(old) = entry.replaces.replace(hop.from.clone()).filter(|old| !kept.contains(old.as_str()))
        {
            entry.skips.insert(old);
        }
        findings.push(at(Finding::info("EDGE_WRITTEN", &channel.blob, message), &channel.blob.origin));
    }
}

/// Belt and braces: OLM must go the same way in what is left.
fn check(
    package: &Package,
    channel: &str,
    from: &Start,
    segment: &[Hop],
    evidence: &[Evidence],
    findings: &mut Vec<Finding>,
) {
    let Some(cut) = package.channels.get(channel) else { return };
    let finder = PathFinder::new(package, evidence);
    if let Some(graph) = finder.graph(channel) {
        findings.extend(graph.problems().iter().map(|problem| graph_finding(&cut.blob, problem)));
    }
    let hops = finder.greedy(channel, from);
    if !hops.iter().map(|hop| &hop.name).eq(segment.iter().map(|hop| &hop.name)) {
        let message = format!("cut down to the way from `{}`, OLM would go another", from.name);
        findings.push(at(Finding::error("PRUNE_PATH", &cut.blob, message), &cut.blob.origin));
    }
}
