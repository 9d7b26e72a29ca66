//! One package that both sides have: which way it is merged, and how.

use std::collections::BTreeMap;

use serde_json::json;

use crate::catalog::{Blob, Bundle, Channel, Evidence, Package, UpgradeGraph, WalkRule};
use crate::finding::{Finding, has_errors};
use crate::merge::bundle::{Winner, choose};
use crate::merge::channel::{Ground, conflict, union};
use crate::merge::report::MergeStep;
use crate::merge::{
    ChosenMode, MergeOptions, Minors, Mode, PackageReport, StepKind, blob, deprecations, paths,
};

/// A package merged one way, with what stands against it.
pub(super) struct Attempt {
    pub(super) package: Package,
    pub(super) report: PackageReport,
    pub(super) findings: Vec<Finding>,
}

impl Attempt {
    fn holds(&self) -> bool {
        !has_errors(&self.findings)
    }

    /// Whether the two graphs fitted without anybody's doing.
    fn unbridged(&self) -> bool {
        !self.report.channels.values().flatten().any(|step| {
            matches!(
                step.kind,
                StepKind::BridgeReplaces
                    | StepKind::BridgeSkips
                    | StepKind::StrandedSkip
                    | StepKind::EntryReplaces
            )
        })
    }
}

/// Merges a package that both sides have.
pub(super) fn merge_package(
    old: &Package,
    new: &Package,
    evidence: &[Evidence],
    options: &MergeOptions,
) -> Attempt {
    match options.modes.get(&new.name).copied().unwrap_or_default() {
        Mode::Auto => auto(old, new, evidence, options),
        Mode::Union => united(old, new, evidence, options),
        Mode::Replace => decided(old, new, evidence, options),
        Mode::Split => {
            let mut attempt = decided(old, new, evidence, options);
            attempt.report.mode = ChosenMode::Split;
            attempt
        }
        Mode::KeepOld => {
            let report = PackageReport { mode: ChosenMode::Keep, channels: BTreeMap::new() };
            Attempt { package: old.clone(), report, findings: Vec::new() }
        }
    }
}

/// The new side's package whole, because a person said so: what goes with the old one is told.
fn decided(old: &Package, new: &Package, evidence: &[Evidence], options: &MergeOptions) -> Attempt {
    let mut attempt = replaced(old, new, evidence, options);
    let losses = losses(old, new).map(|(code, subject, message)| Finding::warning(code, subject, message));
    attempt.findings.splice(0..0, losses);
    attempt
}

fn auto(old: &Package, new: &Package, evidence: &[Evidence], options: &MergeOptions) -> Attempt {
    // The new side's package whole, where that loses nothing and nothing stands against it.
    let whole = || {
        let superset = losses(old, new).next().is_none();
        superset.then(|| replaced(old, new, evidence, options)).filter(Attempt::holds)
    };
    let united = || united(old, new, evidence, options);
    if options.minors == Minors::Same {
        let united = united();
        return if united.holds() { united } else { whole().unwrap_or(united) };
    }
    if let Some(whole) = whole() {
        return whole;
    }
    let mut united = united();
    let subject = format!("package {}", new.name);
    if united.holds() && united.unbridged() {
        let message = "the catalogs are for different OpenShift minors; they fit together as they are";
        united.findings.push(Finding::warning("CROSS_MINOR", subject, message));
    } else if united.holds() {
        let message = "the catalogs are for different OpenShift minors, and joining their branches would withhold \
                       versions in between or take edges away";
        let hint = format!(
            "decide with `--merge-mode {0}=union` or `--merge-mode {0}=replace`, or serve it from a second catalog with `--merge-mode {0}=split`",
            new.name
        );
        united.findings.push(Finding::error("CROSS_MINOR", subject, message).hint(hint));
    }
    united
}

/// The new side's package whole, with what its lowest entries' own CSVs say that they replace.
fn replaced(old: &Package, new: &Package, evidence: &[Evidence], options: &MergeOptions) -> Attempt {
    let mut package = new.clone();
    let mut channels = BTreeMap::new();
    for (name, channel) in &mut package.channels {
        if let Some(step) = restore_tail(channel, &new.name, evidence) {
            if let Some(original) = new.channels.get(name) {
                channel.blob = blob::channel(&channel.entries, original, None);
            }
            channels.insert(name.clone(), vec![step]);
        }
    }
    let mut findings = Vec::new();
    for (name, bundle) in &mut package.bundles {
        let Some(ours) = old.bundles.get(name) else { continue };
        // Even a package that is taken whole must not give a known name another content unasked.
        let (winner, found) = choose(ours, bundle, options);
        findings.extend(found);
        if winner == Winner::Old {
            bundle.clone_from(ours);
        }
    }
    findings.extend(paths::compare(old, &package, options));
    Attempt { package, report: PackageReport { mode: ChosenMode::Replace, channels }, findings }
}

fn restore_tail(channel: &mut Channel, package: &str, evidence: &[Evidence]) -> Option<MergeStep> {
    let (tail, below) = {
        let graph = UpgradeGraph::new(channel);
        let walk = graph.walk(WalkRule::ThroughSkipped)?;
        let tail = graph.entry(walk.names.last()?).filter(|tail| tail.replaces.is_none())?;
        let csv = evidence.iter().find(|csv| csv.package == package && csv.bundle == tail.name)?;
        // Only a name outside the channel: then nothing but this one way up changes.
        let below = csv.replaces.clone().filter(|below| graph.entry(below).is_none() && !below.is_empty())?;
        (tail.name.clone(), below)
    };
    let entry = channel.entries.iter_mut().find(|entry| entry.name == tail)?;
    entry.replaces = Some(below.clone());
    Some(MergeStep::new(StepKind::RestoreTail, &tail, [below]))
}

/// What production offers and the new side does not: code, subject, message.
fn losses<'a>(
    old: &'a Package,
    new: &'a Package,
) -> impl Iterator<Item = (&'static str, String, String)> + 'a {
    let channels =
        old.channels.values().filter(|channel| !new.channels.contains_key(&channel.name)).map(|channel| {
            let subject = format!("package {}, channel {}", old.name, channel.name);
            ("CHANNEL_REMOVED", subject, "the archive has not got it; production offers it".to_owned())
        });
    let entries =
        old.channels.values().filter_map(|channel| Some((channel, new.channels.get(&channel.name)?)));
    let entries = entries.flat_map(|(ours, theirs)| {
        let gone = ours.entries.iter().filter(|entry| theirs.entry(&entry.name).is_none());
        gone.map(|entry| {
            let subject = format!("package {}, channel {}", old.name, ours.name);
            let message = format!("the archive has no entry `{}`; production offers it", entry.name);
            ("ENTRY_REMOVED", subject, message)
        })
    });
    let bundles = old.bundles.keys().filter(|name| !new.bundles.contains_key(*name)).map(|name| {
        let subject = format!("package {}, bundle {name}", old.name);
        ("BUNDLE_REMOVED", subject, "the archive has not got it; production offers it".to_owned())
    });
    channels.chain(entries).chain(bundles)
}

/// Entry by entry.
fn united(old: &Package, new: &Package, evidence: &[Evidence], options: &MergeOptions) -> Attempt {
    let mut findings = Vec::new();
    let bundles = bundles(old, new, options, &mut findings);
    let ground = Ground { package: &new.name, bundles: &bundles, evidence, options };
    let mut channels = old.channels.clone();
    let mut steps = BTreeMap::new();
    for (name, theirs) in &new.channels {
        let Some(ours) = old.channels.get(name) else {
            channels.insert(name.clone(), theirs.clone());
            steps.insert(name.clone(), vec![MergeStep::new(StepKind::ChannelAdded, name, [])]);
            continue;
        };
        if ours.entries == theirs.entries && ours.blob.raw.get() == theirs.blob.raw.get() {
            continue;
        }
        let union = union(ours, theirs, &ground);
        channels.insert(name.clone(), union.channel);
        findings.extend(union.findings);
        if !union.steps.is_empty() {
            steps.insert(name.clone(), union.steps);
        }
    }
    // A bundle that changed sides may have made an edge of a channel that only one side has untrue; look at all of them.
    for channel in channels.values().filter(|channel| !new.channels.contains_key(&channel.name)) {
        for problem in UpgradeGraph::new(channel).problems() {
            findings.push(conflict(&problem, channel, &ground));
        }
    }
    let mut package = Package {
        name: new.name.clone(),
        default_channel: String::new(),
        blob: new.blob.clone(),
        channels,
        bundles,
        deprecations: None,
        others: others(old, new, &mut findings),
    };
    let upstream = options.upstream_defaults.get(&new.name);
    default_channel(&mut package, old, new, upstream, &mut findings);
    package.blob = package_blob(&package.default_channel, old, new);
    package.deprecations = deprecations::merged(old, new, &package, &mut findings);
    if !has_errors(&findings) {
        findings.extend(paths::compare(old, &package, options));
    }
    Attempt { package, report: PackageReport { mode: ChosenMode::Union, channels: steps }, findings }
}

fn bundles(
    old: &Package,
    new: &Package,
    options: &MergeOptions,
    findings: &mut Vec<Finding>,
) -> BTreeMap<String, Bundle> {
    let mut bundles = old.bundles.clone();
    for (name, theirs) in &new.bundles {
        let winner = old.bundles.get(name).map_or(Winner::New, |ours| {
            let (winner, found) = choose(ours, theirs, options);
            findings.extend(found);
            winner
        });
        if winner == Winner::New {
            bundles.insert(name.clone(), theirs.clone());
        }
    }
    // Two names for one version: opm of OpenShift 4.18 and later refuses the whole catalog.
    let mut by_version: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, bundle) in &bundles {
        let Some(first) = by_version.insert(bundle.version.as_str(), name) else { continue };
        let in_one_side =
            [old, new].iter().any(|side| side.bundles.contains_key(first) && side.bundles.contains_key(name));
        if !in_one_side {
            let subject = format!("package {}, bundle {name}", new.name);
            let message = format!("it has version {}, as has `{first}` of the other side", bundle.version);
            findings.push(Finding::error("VERSION_DUP", subject, message).hint(
                "opm of OpenShift 4.18 and later refuses two bundles of one version; take the archive's package whole",
            ));
        }
    }
    bundles
}

fn default_channel(
    package: &mut Package,
    old: &Package,
    new: &Package,
    upstream: Option<&String>,
    findings: &mut Vec<Finding>,
) {
    // Where upstream's own default did not travel, what the delivered package names is a stopgap: production's stays.
    let wanted = match upstream {
        Some(upstream) if *upstream != new.default_channel => {
            [upstream, &old.default_channel, &new.default_channel]
        }
        _ => [&new.default_channel, &new.default_channel, &old.default_channel],
    };
    let subject = format!("package {}", new.name);
    let Some(found) = wanted.into_iter().find(|name| package.channels.contains_key(*name)) else {
        let message = format!(
            "the default channel is `{}` in production and `{}` in the archive, and neither exists",
            old.default_channel, new.default_channel
        );
        findings.push(Finding::error("DEFAULT_CHANNEL", subject, message));
        return;
    };
    if *found != old.default_channel {
        let message = format!("the default channel was `{}` and becomes `{found}`", old.default_channel);
        findings.push(
            Finding::warning("DEFAULT_CHANNEL", subject, message)
                .hint("Subscriptions without a channel follow it; name their channel first"),
        );
    }
    package.default_channel.clone_from(found);
}

/// The new side's blob; what it leaves out of icon, description and properties comes from production's.
fn package_blob(default_channel: &str, old: &Package, new: &Package) -> Blob {
    let mut fields = Vec::new();
    for name in ["icon", "description", "properties"] {
        if let (None, Some(value)) = (blob::field(&new.blob, name), blob::field(&old.blob, name)) {
            fields.push((name, value));
        }
    }
    if default_channel != new.default_channel {
        fields.push(("defaultChannel", blob::raw(&json!(default_channel))));
    }
    if fields.is_empty() { new.blob.clone() } else { blob::with_fields(&new.blob, fields) }
}

/// Blobs of schemas that are not known here, by (schema, name).
fn others(old: &Package, new: &Package, findings: &mut Vec<Finding>) -> Vec<Blob> {
    join_others(&old.others, &new.others, findings)
}

/// The blobs of both lists; of two with one schema, package and name the new one.
pub(super) fn join_others(old: &[Blob], new: &[Blob], findings: &mut Vec<Finding>) -> Vec<Blob> {
    let mut joined: Vec<Blob> = old.to_vec();
    for theirs in new {
        // Without a name nothing says that two blobs are one thing; only equal ones are.
        let same = joined.iter_mut().find(|ours| {
            let one_key =
                (&ours.schema, &ours.package, &ours.name) == (&theirs.schema, &theirs.package, &theirs.name);
            one_key && (!theirs.name.is_empty() || ours.value() == theirs.value())
        });
        match same {
            Some(ours) if ours.value() == theirs.value() => {}
            Some(ours) => {
                let message = "the sides have different content; the archive's is taken";
                findings.push(Finding::warning("OTHER_SCHEMA_CONFLICT", &*ours, message));
                *ours = theirs.clone();
            }
            None => joined.push(theirs.clone()),
        }
    }
    joined
}
