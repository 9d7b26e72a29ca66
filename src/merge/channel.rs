//! The union of one channel: entries first, then one head, then nothing left hanging.
//!
//! Numbers in comments are the steps of the algorithm that the room follows. Lemmas behind it: a union that drops no edge has
//! only the two old heads as heads; letting the lowest entry replace the other head joins two chains that share nothing; skipping
//! a side chain with an entry whose range takes all of it adds no way that was not there.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Bundle, Channel, Entry, Evidence, GraphProblem, UpgradeGraph, WalkRule};
use crate::finding::Finding;
use crate::merge::{MergeOptions, MergeStep, StepKind, blob};
use crate::version::{BlangRange, Version};

/// What a union may look at beside the two channels.
pub(super) struct Ground<'a> {
    pub(super) package: &'a str,
    /// The merged package's bundles.
    pub(super) bundles: &'a BTreeMap<String, Bundle>,
    pub(super) evidence: &'a [Evidence],
    pub(super) options: &'a MergeOptions,
}

/// A merged channel.
pub(super) struct Union {
    pub(super) channel: Channel,
    pub(super) steps: Vec<MergeStep>,
    pub(super) findings: Vec<Finding>,
}

impl Ground<'_> {
    fn version(&self, name: &str) -> Option<&Version> {
        self.bundles.get(name).map(|bundle| &bundle.version)
    }

    fn in_range(&self, name: &str, range: Option<&BlangRange>) -> bool {
        range.zip(self.version(name)).is_some_and(|(range, version)| range.contains(version))
    }

    /// Whether the upper bundle's own CSV, or a person, says that it may replace the lower one.
    fn vouched(&self, channel: &str, from: &str, to: &str) -> bool {
        let by_csv = self.evidence_of(to).any(|csv| {
            let range = csv.skip_range.as_deref().and_then(|range| BlangRange::parse(range).ok());
            csv.replaces.as_deref() == Some(from)
                || csv.skips.iter().any(|skipped| skipped == from)
                || self.in_range(from, range.as_ref())
        });
        by_csv
            || self.options.bridges.iter().any(|bridge| {
                bridge.package == self.package
                    && bridge.channel == channel
                    && bridge.from == from
                    && bridge.to == to
            })
    }

    /// What the bundle's CSV says: as it was delivered, else as the catalog has it whole.
    fn evidence_of(&self, bundle: &str) -> impl Iterator<Item = Cow<'_, Evidence>> {
        let delivered = |csv: &&Evidence| csv.package == self.package && csv.bundle == bundle;
        let delivered: Vec<_> = self.evidence.iter().filter(delivered).map(Cow::Borrowed).collect();
        let embedded = || self.bundles.get(bundle).and_then(Bundle::evidence).map(Cow::Owned);
        let embedded = if delivered.is_empty() { embedded() } else { None };
        delivered.into_iter().chain(embedded)
    }

    fn subject(&self, channel: &str) -> String {
        format!("package {}, channel {channel}", self.package)
    }
}

/// Merges a channel that both sides have.
pub(super) fn union(old: &Channel, new: &Channel, ground: &Ground<'_>) -> Union {
    let mut steps = Vec::new();
    let mut findings = Vec::new();
    // 1, 2
    let mut channel = Channel { entries: join(old, new, ground, &mut steps, &mut findings), ..new.clone() };
    // 3
    if let Err(problem) = one_head(&mut channel, old, new, ground, &mut steps, &mut findings) {
        findings.push(problem);
        return Union { channel, steps, findings };
    }
    // 4
    skip_stranded(&mut channel, ground, &mut steps, &mut findings);
    // 5
    let problems = UpgradeGraph::new(&channel).problems();
    if !problems.is_empty() {
        findings.extend(problems.iter().map(|problem| conflict(problem, &channel, ground)));
        return Union { channel, steps, findings };
    }
    note_heads(old, new, &channel, ground, &mut steps, &mut findings);
    channel.entries = in_order(channel.entries, old, new, ground);
    channel.blob = if same_entries(&channel.entries, &new.entries) {
        new.blob.clone()
    } else {
        blob::channel(&channel.entries, new, Some(old))
    };
    Union { channel, steps, findings }
}

fn join(
    old: &Channel,
    new: &Channel,
    ground: &Ground<'_>,
    steps: &mut Vec<MergeStep>,
    findings: &mut Vec<Finding>,
) -> Vec<Entry> {
    let names: BTreeSet<&str> =
        old.entries.iter().chain(&new.entries).map(|entry| entry.name.as_str()).collect();
    let mut entries = old.entries.clone();
    let index: BTreeMap<&str, usize> =
        old.entries.iter().enumerate().map(|(index, entry)| (entry.name.as_str(), index)).collect();
    let mut added = Vec::new();
    for theirs in &new.entries {
        let Some(ours) = index.get(theirs.name.as_str()).and_then(|index| entries.get_mut(*index)) else {
            added.push(theirs.name.clone());
            entries.push(theirs.clone());
            continue;
        };
        let mut skips: BTreeSet<String> = &ours.skips | &theirs.skips;
        let (old_below, new_below) = (ours.replaces.as_deref(), theirs.replaces.as_deref());
        let replaces = match (old_below, new_below) {
            (ours, theirs) if ours == theirs => ours,
            (Some(below), None) => {
                steps.push(MergeStep::new(StepKind::EntryTruncated, &theirs.name, [below.to_owned()]));
                Some(below)
            }
            (None, theirs) => theirs,
            (Some(a), Some(b)) if ours.skips.contains(b) => Some(a),
            (Some(a), Some(b)) if theirs.skips.contains(a) => Some(b),
            (Some(a), Some(b)) if !names.contains(a) => {
                // No entry, so nothing is withheld by skipping it, and its edge stays.
                skips.insert(a.to_owned());
                Some(b)
            }
            (Some(a), Some(b)) => {
                let both = [a.to_owned(), b.to_owned()];
                steps.push(MergeStep::new(StepKind::EntryReplaces, &theirs.name, both));
                let message = format!(
                    "in production `{}` replaces `{a}`, in the archive `{b}`; the archive's edge is taken",
                    theirs.name
                );
                findings.push(Finding::warning("ENTRY_REPLACES", ground.subject(&new.name), message));
                Some(b)
            }
        };
        let skip_range = theirs.skip_range.clone().or_else(|| ours.skip_range.clone());
        if ours.skip_range.is_some() && ours.skip_range != skip_range {
            steps.push(MergeStep::new(StepKind::EntryRange, &theirs.name, ours.skip_range.clone()));
        }
        *ours = Entry { name: theirs.name.clone(), replaces: replaces.map(str::to_owned), skips, skip_range };
    }
    if let Some((first, rest)) = added.split_first() {
        steps.push(MergeStep::new(StepKind::EntriesAdded, first, rest.to_vec()));
    }
    entries
}

/// What to do about two heads.
enum Joint {
    /// Let the tail replace the other head.
    Replace { tail: String, low: String },
    /// Let an entry skip the side chain.
    Skip { by: String, chain: Vec<String> },
}

fn one_head(
    channel: &mut Channel,
    old: &Channel,
    new: &Channel,
    ground: &Ground<'_>,
    steps: &mut Vec<MergeStep>,
    findings: &mut Vec<Finding>,
) -> Result<(), Finding> {
    // Each round takes a head away, so there are never more rounds than entries.
    for _ in 0..=channel.entries.len() {
        let joint = {
            let graph = UpgradeGraph::new(channel);
            let mut heads = graph.heads();
            let in_new = |name: &str| new.entry(name).is_some();
            heads.sort_by(|a, b| {
                let versions = (ground.version(a), ground.version(b));
                let by_version = match versions {
                    (Some(a), Some(b)) => a.precedence(b),
                    (a, b) => a.is_some().cmp(&b.is_some()),
                };
                by_version.then(in_new(a).cmp(&in_new(b))).then(a.cmp(b)).reverse()
            });
            match heads.as_slice() {
                [] => return Err(conflict(&GraphProblem::NoHead, channel, ground)),
                [_] => return Ok(()),
                [top, low, ..] => joint(&graph, top, low, channel, ground)
                    .ok_or_else(|| two_heads(top, low, &graph, old, new, ground))?,
            }
        };
        match joint {
            Joint::Replace { tail, low } => {
                if let Some(entry) = channel.entries.iter_mut().find(|entry| entry.name == tail) {
                    if let Some(below) = entry.replaces.take().filter(|below| *below != low) {
                        entry.skips.insert(below);
                    }
                    entry.replaces = Some(low.clone());
                }
                steps.push(MergeStep::new(StepKind::BridgeReplaces, &tail, [low]));
            }
            Joint::Skip { by, chain } => {
                skip(channel, &by, &chain);
                findings.push(withheld(&by, &chain, &channel.name, ground));
                steps.push(MergeStep::new(StepKind::BridgeSkips, &by, chain));
            }
        }
    }
    Err(conflict(&GraphProblem::NoHead, channel, ground))
}

/// How a head can come below another one.
fn joint(
    graph: &UpgradeGraph<'_>,
    top: &str,
    low: &str,
    channel: &Channel,
    ground: &Ground<'_>,
) -> Option<Joint> {
    let walk = graph.walk_from(top, WalkRule::ThroughSkipped);
    if walk.back_at.is_some() {
        return None;
    }
    let on_walk: BTreeSet<&str> = walk.names.iter().copied().collect();
    let side = graph.walk_from(low, WalkRule::ThroughSkipped);
    let tail = graph.entry(walk.names.last()?)?;
    // 3a. Without the second condition a branch that comes back to the chain would become a circle.
    let open = tail.replaces.as_deref().is_none_or(|below| graph.entry(below).is_none());
    let apart = side.names.iter().all(|name| !on_walk.contains(name));
    if open
        && apart
        && (ground.in_range(low, graph.range(tail)) || ground.vouched(&channel.name, low, &tail.name))
    {
        return Some(Joint::Replace { tail: tail.name.clone(), low: low.to_owned() });
    }
    // 3b
    let chain: Vec<&str> = side.names.into_iter().take_while(|name| !on_walk.contains(name)).collect();
    let by = walk.names.iter().filter(|name| !graph.skipped().contains(*name)).find(|name| {
        let range = graph.entry(name).and_then(|entry| graph.range(entry));
        let own = ground.version(name);
        chain.iter().all(|side| {
            let below = ground.version(side).zip(own).is_some_and(|(side, own)| side.precedence(own).is_lt());
            below && ground.in_range(side, range)
        })
    })?;
    Some(Joint::Skip { by: (*by).to_owned(), chain: chain.into_iter().map(str::to_owned).collect() })
}

fn skip(channel: &mut Channel, by: &str, names: &[String]) {
    if let Some(entry) = channel.entries.iter_mut().find(|entry| entry.name == by) {
        entry.skips.extend(names.iter().cloned());
    }
}

fn skip_stranded(
    channel: &mut Channel,
    ground: &Ground<'_>,
    steps: &mut Vec<MergeStep>,
    findings: &mut Vec<Finding>,
) {
    // Skipping one may strand what is below it under the newer rule, so it goes on until nothing changes.
    for _ in 0..=channel.entries.len() {
        let mut additions: BTreeMap<String, Vec<String>> = BTreeMap::new();
        {
            let graph = UpgradeGraph::new(channel);
            for problem in graph.problems() {
                let GraphProblem::Stranded(names, rule) = problem else { continue };
                let Some(walk) = graph.walk(rule) else { continue };
                for name in names {
                    let by = walk.names.iter().filter(|by| !graph.skipped().contains(*by)).find(|by| {
                        graph.entry(by).is_some_and(|entry| {
                            entry.replaces.as_deref() == Some(name.as_str())
                                || ground.in_range(&name, graph.range(entry))
                        })
                    });
                    if let Some(by) = by {
                        additions.entry((*by).to_owned()).or_default().push(name);
                    }
                }
            }
        }
        if additions.is_empty() {
            return;
        }
        for (by, names) in additions {
            skip(channel, &by, &names);
            findings.push(withheld(&by, &names, &channel.name, ground));
            steps.push(MergeStep::new(StepKind::StrandedSkip, &by, names));
        }
    }
}

fn withheld(by: &str, names: &[String], channel: &str, ground: &Ground<'_>) -> Finding {
    let message = format!(
        "{} led on to `{by}` by its skipRange and now only do that: a fresh installation cannot choose them any more",
        listed(names)
    );
    Finding::warning("WITHHELD", ground.subject(channel), message)
}

fn listed(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn two_heads(
    top: &str,
    low: &str,
    graph: &UpgradeGraph<'_>,
    old: &Channel,
    new: &Channel,
    ground: &Ground<'_>,
) -> Finding {
    let side = |name: &str| match (old.entry(name).is_some(), new.entry(name).is_some()) {
        (true, true) => "both sides",
        (true, false) => "production",
        _ => "the archive",
    };
    let message = format!(
        "there would be two heads, `{top}` ({}) and `{low}` ({}), and nothing says how one leads to the other",
        side(top),
        side(low)
    );
    let tail = graph.walk_from(top, WalkRule::ThroughSkipped).names.last().and_then(|name| graph.entry(name));
    let missing = tail.and_then(|tail| {
        let by_csv = ground.evidence_of(&tail.name).find_map(|csv| csv.replaces.clone());
        let name = tail.replaces.clone().or(by_csv).filter(|name| graph.entry(name).is_none())?;
        Some(format!(
            "`{}` replaces `{name}`, which neither side has: pack the versions in between",
            tail.name
        ))
    });
    let lowest = tail.map_or(top, |tail| tail.name.as_str());
    let bridge = format!(
        "vouch for the step with `--bridge {0}/{1}:{low}={lowest}`, take the archive's package whole with `--merge-mode \
         {0}=replace`, or serve it from a second catalog with `--merge-mode {0}=split`",
        ground.package, new.name
    );
    let hint = missing.map_or_else(|| bridge.clone(), |missing| format!("{missing}; or {bridge}"));
    Finding::error("MULTIPLE_HEADS", ground.subject(&new.name), message).hint(hint)
}

pub(super) fn conflict(problem: &GraphProblem, channel: &Channel, ground: &Ground<'_>) -> Finding {
    let code = match problem {
        GraphProblem::Empty => "EMPTY_CHANNEL",
        GraphProblem::NoHead => "NO_HEAD",
        GraphProblem::MultipleHeads(_) => "MULTIPLE_HEADS",
        GraphProblem::Cycle(_) => "CYCLE",
        GraphProblem::Stranded(..) => "STRANDED",
    };
    Finding::error(code, ground.subject(&channel.name), problem).hint(format!(
        "the two sides contradict each other: take the archive's package whole with `--merge-mode {0}=replace`, or serve it \
         from a second catalog with `--merge-mode {0}=split`",
        ground.package
    ))
}

fn note_heads(
    old: &Channel,
    new: &Channel,
    merged: &Channel,
    ground: &Ground<'_>,
    steps: &mut Vec<MergeStep>,
    findings: &mut Vec<Finding>,
) {
    let head = |channel| UpgradeGraph::new(channel).head().map(str::to_owned);
    let (Some(before), Some(offered), Some(now)) = (head(old), head(new), head(merged)) else { return };
    if now != before {
        steps.push(MergeStep::new(StepKind::HeadMoved, &now, [before]));
    } else if offered != before {
        let message = format!(
            "the archive's head `{offered}` is below production's `{before}`, which stays: the archive is older, or \
             upstream withdrew what production has"
        );
        findings.push(Finding::warning("HEAD_REGRESSION", ground.subject(&new.name), message));
        steps.push(MergeStep::new(StepKind::HeadRegression, &offered, [before]));
    }
}

fn same_entries(a: &[Entry], b: &[Entry]) -> bool {
    let by_name = |entries: &[Entry]| -> BTreeMap<String, Entry> {
        entries.iter().map(|entry| (entry.name.clone(), entry.clone())).collect()
    };
    a.len() == b.len() && by_name(a) == by_name(b)
}

/// The order of a side that has just these entries; else from the head downwards, and the others by version. No rule depends
/// on the order; it is fixed so that the same inputs give the same bytes, and near the sides' so that people see what changed.
fn in_order(entries: Vec<Entry>, old: &Channel, new: &Channel, ground: &Ground<'_>) -> Vec<Entry> {
    for side in [new, old] {
        if same_entries(&entries, &side.entries) {
            return side.entries.clone();
        }
    }
    let channel = Channel { entries, ..new.clone() };
    let graph = UpgradeGraph::new(&channel);
    let walk = graph.walk(WalkRule::ThroughSkipped).unwrap_or_default().names;
    let place: BTreeMap<&str, usize> = walk.iter().enumerate().map(|(place, name)| (*name, place)).collect();
    let mut entries = channel.entries.clone();
    entries.sort_by(|a, b| {
        let rank = |entry: &Entry| place.get(entry.name.as_str()).copied().unwrap_or(usize::MAX);
        let versions = ground.version(&b.name).cmp(&ground.version(&a.name));
        rank(a).cmp(&rank(b)).then(versions).then_with(|| a.name.cmp(&b.name))
    });
    entries
}
