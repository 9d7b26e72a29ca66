//! Whether what could upgrade before still can: a union may withhold a stepping stone.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Entry, Package, PathFinder, Start, UpgradeGraph};
use crate::finding::Finding;
use crate::merge::MergeOptions;
use crate::site::InstalledOperator;
use crate::version::Version;

/// Compares the ways through production's package with those through the merged one.
///
/// For what is installed a lost way is an error; so is a subscribed channel that is gone. For entries that nobody is known to
/// have, it is a warning. A way that was not there before either is a warning: the merge takes nothing away, but whoever asked
/// for the upgrade will not get it.
pub(super) fn compare(old: &Package, merged: &Package, options: &MergeOptions) -> Vec<Finding> {
    let (before, after) = (Ways::of(old), Ways::of(merged));
    let mut findings = Vec::new();
    let mut named = BTreeSet::new();
    for operator in options.installed.iter().filter(|operator| concerns(operator, old, merged)) {
        let Some(start) = start_of(operator, old, merged) else { continue };
        named.insert(start.name.clone());
        installed(operator, &start, &before, &after, &mut findings);
    }
    for (name, channel) in &old.channels {
        let lost: Vec<String> = channel
            .entries
            .iter()
            .filter(|entry| !named.contains(&entry.name))
            .filter_map(|entry| old.start_named(&entry.name))
            .filter(|start| before.reaches(name, start) && !after.reaches(name, start))
            .map(|start| format!("`{}`", start.name))
            .collect();
        if !lost.is_empty() && merged.channels.contains_key(name) {
            let subject = format!("package {}, channel {name}", old.name);
            let message = format!("{} could upgrade to the head before, and no more", lost.join(", "));
            let hint = "if a cluster runs one of them, pack the versions in between too";
            findings.push(Finding::warning("PATH_WITHHELD", subject, message).hint(hint));
        }
    }
    findings
}

struct Ways<'a> {
    package: &'a Package,
    lanes: BTreeMap<&'a str, Lane<'a>>,
}

/// A channel with what OLM may choose of it, best first.
struct Lane<'a> {
    graph: UpgradeGraph<'a>,
    chain: Vec<&'a Entry>,
}

impl<'a> Ways<'a> {
    fn of(package: &'a Package) -> Self {
        let lane = |channel| {
            let graph = UpgradeGraph::new(channel);
            let served = |entry: &&Entry| package.bundles.contains_key(&entry.name);
            Lane { chain: graph.chain().into_iter().filter(served).collect(), graph }
        };
        let lanes = package.channels.iter().map(|(name, channel)| (name.as_str(), lane(channel)));
        Self { package, lanes: lanes.collect() }
    }

    fn head(&self, channel: &str) -> Option<&'a str> {
        self.lanes.get(channel)?.graph.head()
    }

    /// Whether OLM, left alone, takes the start to the channel's head.
    fn reaches(&self, channel: &str, start: &Start) -> bool {
        let (Some(lane), Some(head)) = (self.lanes.get(channel), self.head(channel)) else { return false };
        let (mut name, mut version) = (start.name.as_str(), &start.version);
        let mut seen = BTreeSet::new();
        while name != head && seen.insert(name) {
            let next = lane.chain.iter().find(|entry| lane.graph.edge(name, version, entry).is_some());
            let bundle = next.and_then(|entry| self.package.bundles.get(&entry.name));
            let Some(bundle) = bundle else { return false };
            (name, version) = (&bundle.name, &bundle.version);
        }
        name == head
    }
}

fn installed(
    operator: &InstalledOperator,
    start: &Start,
    before: &Ways<'_>,
    after: &Ways<'_>,
    findings: &mut Vec<Finding>,
) {
    let package = &after.package.name;
    let channels: Vec<&str> = match &operator.channel {
        Some(channel) => vec![channel],
        None => before.package.channels.keys().map(String::as_str).collect(),
    };
    let mut reached = false;
    let mut lost = false;
    for channel in &channels {
        let subject = format!("package {package}, channel {channel}");
        let was_there = before.package.channels.contains_key(*channel);
        if was_there && !after.package.channels.contains_key(*channel) {
            let message = format!("`{}` is installed, and the channel would be gone", start.name);
            let hint = "a Subscription to a channel that is gone stops all resolution in its namespace";
            findings.push(Finding::error("CHANNEL_LOST", subject, message).hint(hint));
            lost = true;
            continue;
        }
        let now = after.reaches(channel, start);
        reached |= now;
        if before.reaches(channel, start) && !now {
            findings.push(no_way(start, channel, after, "PATH_LOST", subject));
            lost = true;
        }
    }
    let anywhere = operator.channel.is_none()
        && after.package.channels.keys().any(|channel| after.reaches(channel, start));
    if !reached && !lost && !anywhere {
        let channel = operator.channel.as_deref().unwrap_or(&after.package.default_channel);
        let subject = format!("package {package}, channel {channel}");
        findings.push(no_way(start, channel, after, "NO_PATH", subject));
    }
}

fn no_way(start: &Start, channel: &str, after: &Ways<'_>, code: &str, subject: String) -> Finding {
    let head = after.head(channel);
    let end = head.map_or_else(|| "the head".to_owned(), |head| format!("the head `{head}`"));
    let (finding, message) = if code == "PATH_LOST" {
        (
            Finding::error as fn(&str, String, String) -> Finding,
            "has a way to the head now, and would have none to",
        )
    } else {
        (Finding::warning as fn(&str, String, String) -> Finding, "is installed and has no way to")
    };
    let finding = finding(code, subject, format!("`{}` {message} {end}", start.name));
    let missing = PathFinder::new(after.package, &[])
        .plan(start, Some(channel), head)
        .err()
        .map(|none| none.missing().join("`, `"));
    match missing.filter(|missing| !missing.is_empty()) {
        Some(missing) => finding.hint(format!("pack the missing versions too: `{missing}`")),
        None => finding.hint("pack the versions in between too"),
    }
}

/// Whether an installed CSV is of this package, by what is said of it or by its name in the graph.
fn concerns(operator: &InstalledOperator, old: &Package, merged: &Package) -> bool {
    match &operator.package {
        Some(package) => *package == merged.name,
        None => [old, merged].iter().any(|package| {
            package.bundles.contains_key(&operator.name)
                || package.channels.values().flat_map(|channel| &channel.entries).any(|entry| {
                    entry.replaces.as_deref() == Some(operator.name.as_str())
                        || entry.skips.contains(&operator.name)
                })
        }),
    }
}

fn start_of(operator: &InstalledOperator, old: &Package, merged: &Package) -> Option<Start> {
    if let Some(start) = merged.start_named(&operator.name).or_else(|| old.start_named(&operator.name)) {
        return Some(start);
    }
    // Only for what neither catalog has: its version is whatever the cluster says, else what its name ends in.
    let version =
        operator.version.as_deref().or_else(|| operator.name.split_once(".v").map(|(_, version)| version))?;
    Some(Start { name: operator.name.clone(), version: Version::parse_tolerant(version).ok()? })
}
