//! A channel cut down to the hops that OLM will take through it.

use std::collections::BTreeSet;

use crate::catalog::{Channel, Hop, HopEdge, Package, PathFinder, Start, UpgradeGraph, WalkRule};

/// The smallest channel that offers these hops and nothing else, in the order of the hops; all of one channel.
///
/// No edge is new: where a hop is allowed by skips or a skipRange it becomes `replaces`, so that what is left is one chain, and
/// what the entry replaced before it skips from now on. A hop by the CSV's own evidence gets its lost `replaces` back.
pub(super) fn prune(channel: &Channel, hops: &[&Hop]) -> Channel {
    let kept: BTreeSet<&str> = hops.iter().map(|hop| hop.name.as_str()).collect();
    let mut entries = Vec::new();
    let mut before: Option<&str> = None;
    for hop in hops {
        let Some(mut entry) = channel.entry(&hop.name).cloned() else { continue };
        let lower = match (before, hop.edge) {
            (Some(before), _) => Some(before),
            (None, HopEdge::Bridge) => Some(hop.from.as_str()),
            (None, _) => None,
        };
        if let Some(lower) = lower
            && entry.replaces.as_deref() != Some(lower)
            && let Some(old) = entry.replaces.replace(lower.to_owned())
            && !kept.contains(old.as_str())
        {
            entry.skips.insert(old);
        }
        before = Some(&hop.name);
        entries.push(entry);
    }
    entries.reverse();
    Channel { entries, ..channel.clone() }
}

/// The part of a channel from one entry of its chain down to another, edges unchanged, with what they skip of it.
pub(super) fn stretch(package: &Package, channel: &Channel, names: &BTreeSet<&str>) -> Channel {
    let graph = UpgradeGraph::new(channel);
    let walk = graph.walk(WalkRule::ThroughSkipped);
    let chain: Vec<&str> = walk.map(|walk| walk.names).unwrap_or_default();
    let positions: BTreeSet<usize> =
        names.iter().filter_map(|name| chain.iter().position(|node| node == name)).collect();
    let kept = match (positions.first(), positions.last()) {
        (Some(high), Some(low)) => chain.get(*high..=*low).unwrap_or_default(),
        _ => &[],
    };
    let wanted = |name: &str| kept.contains(&name) || names.contains(name);
    let entries = channel
        .entries
        .iter()
        .filter(|entry| wanted(&entry.name) && package.bundles.contains_key(&entry.name))
        .cloned()
        .collect();
    Channel { entries, ..channel.clone() }
}

/// Whether OLM goes exactly these hops through the package.
pub(super) fn goes(package: &Package, start: &Start, current: Option<&str>, hops: &[Hop]) -> bool {
    let Some(last) = hops.last() else { return true };
    let finder = PathFinder::new(package, &[]);
    finder.plan(start, current, Some(&last.name)).is_ok_and(|path| {
        !path.cut && path.hops.iter().map(|hop| &hop.name).eq(hops.iter().map(|hop| &hop.name))
    })
}
