//! A package cut down to what was asked for, by the rules of oc-mirror v2's filter, with each entry's reason.
//!
//! Of a channel the part of the chain is kept that spans the wanted versions, also what lies between them, and of the skipped
//! entries the wanted ones (oc-mirror, `sherine-k/catalog-filter`, `mirror-config/v1alpha1`). What that filter drops without a
//! word is a finding here.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{GraphProblem, UpgradeGraph, WalkRule};
use super::model::{Catalog, Channel, Entry, Package};
use super::parse::at;
use super::validate::graph_finding;
use crate::finding::{Finding, nearest};
use crate::version::MastermindsRange;

/// What is taken of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Take {
    /// Its head.
    Head,
    /// All of it.
    All,
    /// The versions in a range.
    Range(MastermindsRange),
    /// A bundle, by name, and what is above it.
    FromBundle(String),
}

impl std::fmt::Display for Take {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Head => f.write_str("the head"),
            Self::All => f.write_str("all"),
            Self::Range(range) => range.fmt(f),
            Self::FromBundle(name) => write!(f, "{name} and above"),
        }
    }
}

/// What is taken of one package.
#[derive(Debug, Clone)]
pub struct PackageFilter {
    /// Its name.
    pub name: String,
    /// The default channel that it shall have.
    pub default_channel: Option<String>,
    /// What is taken of channels that do not say.
    pub take: Take,
    /// The channels to keep, each with the union of what is taken of it; with nothing the package's `take` counts. All channels
    /// when empty.
    pub channels: Vec<(String, Vec<Take>)>,
}

impl PackageFilter {
    /// The whole package.
    pub fn whole(name: impl Into<String>) -> Self {
        Self { name: name.into(), default_channel: None, take: Take::All, channels: Vec::new() }
    }
}

/// What was kept.
#[derive(Debug, Default)]
pub struct Filtered {
    /// The packages that could be cut, and blobs of no package.
    pub catalog: Catalog,
    /// Why each bundle is kept: by package, then bundle; one reason a channel.
    pub reasons: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// What is wrong with the request, and what it meant that it does not say.
    pub findings: Vec<Finding>,
}

/// Cuts a catalog down. Each package is named once.
pub fn filter(catalog: &Catalog, packages: &[PackageFilter]) -> Filtered {
    let mut filtered = Filtered::default();
    filtered.catalog.others = catalog.others.iter().filter(|blob| blob.package.is_empty()).cloned().collect();
    for wanted in packages {
        let Some(package) = catalog.packages.get(&wanted.name) else {
            let names = catalog.packages.keys().map(String::as_str);
            let finding = Finding::error(
                "UNKNOWN_PACKAGE",
                format!("package {}", wanted.name),
                "the catalog has no such package",
            );
            filtered.findings.push(finding.hint(did_you_mean(&wanted.name, names)));
            continue;
        };
        let mut cut = Cut { package, wanted, reasons: BTreeMap::new(), findings: Vec::new() };
        let package = cut.package();
        filtered.findings.append(&mut cut.findings);
        if let Some(package) = package {
            filtered.reasons.insert(wanted.name.clone(), cut.reasons);
            filtered.catalog.packages.insert(wanted.name.clone(), package);
        }
    }
    filtered
}

/// The nearest names, and what there is.
fn did_you_mean<'n>(written: &str, names: impl Iterator<Item = &'n str> + Clone) -> String {
    let near = nearest(written, names.clone());
    let all: Vec<&str> = names.clone().take(12).collect();
    let more = if names.count() > all.len() { " and others" } else { "" };
    let there = format!("there are {}{more}", all.join(", "));
    if near.is_empty() { there } else { format!("perhaps {} is meant; {there}", near.join(" or ")) }
}

struct Cut<'a> {
    package: &'a Package,
    wanted: &'a PackageFilter,
    reasons: BTreeMap<String, Vec<String>>,
    findings: Vec<Finding>,
}

impl Cut<'_> {
    /// The package that is left; `None` where an error among the findings says why not.
    fn package(&mut self) -> Option<Package> {
        let mut takes: BTreeMap<&str, Vec<&Take>> = BTreeMap::new();
        for (name, asked) in &self.wanted.channels {
            if self.package.channels.contains_key(name) {
                takes.entry(name).or_default().extend(asked);
            } else {
                self.unknown_channel("UNKNOWN_CHANNEL", "the package has no such channel", name);
            }
        }
        if self.wanted.channels.is_empty() {
            takes.extend(self.package.channels.keys().map(|name| (name.as_str(), Vec::new())));
        }
        let default =
            self.wanted.default_channel.as_deref().unwrap_or(&self.package.default_channel).to_owned();
        if !takes.contains_key(default.as_str()) {
            self.lost_default(&default, &takes.keys().copied().collect::<Vec<_>>());
            return None;
        }
        let mut channels = BTreeMap::new();
        for (name, mut takes) in takes {
            if takes.is_empty() {
                takes.push(&self.wanted.take);
            }
            let channel = self.package.channels.get(name)?;
            match self.channel(channel, &takes) {
                Some(channel) => {
                    channels.insert(name.to_owned(), channel);
                }
                None if name == default => return None,
                None => {}
            }
        }
        let kept: BTreeSet<&str> = channels
            .values()
            .flat_map(|channel: &Channel| &channel.entries)
            .map(|entry| entry.name.as_str())
            .collect();
        let bundles = self.package.bundles.iter().filter(|(name, _)| kept.contains(name.as_str()));
        let bundles = bundles.map(|(name, bundle)| (name.clone(), bundle.clone())).collect();
        let mut package = Package { default_channel: default, channels, bundles, ..self.package.clone() };
        package.drop_stale_deprecations();
        Some(package)
    }

    fn subject(&self, channel: &str) -> String {
        format!("package {}, channel {channel}", self.package.name)
    }

    fn unknown_channel(&mut self, code: &str, message: &str, name: &str) {
        let names = self.package.channels.keys().map(String::as_str);
        self.findings.push(Finding::error(code, self.subject(name), message).hint(did_you_mean(name, names)));
    }

    fn lost_default(&mut self, default: &str, kept: &[&str]) {
        let finding = Finding::error(
            "DEFAULT_CHANNEL",
            format!("package {}", self.package.name),
            format!("the default channel `{default}` is not among the channels that are kept"),
        );
        let hint = match kept {
            [] => "ask for a channel that exists".to_owned(),
            _ => format!("list it, or set `defaultChannel` to one of: {}", kept.join(", ")),
        };
        self.findings.push(finding.hint(hint));
    }

    /// The channel that is left; `None` where nothing is, which a finding says.
    fn channel(&mut self, channel: &Channel, takes: &[&Take]) -> Option<Channel> {
        let subject = self.subject(&channel.name);
        if takes.contains(&&Take::All) {
            self.give_reasons(channel.entries.iter(), |_| {
                format!("all of channel {} is wanted", channel.name)
            });
            return Some(channel.clone());
        }
        let graph = UpgradeGraph::new(channel);
        let Some(walk) = graph.walk(WalkRule::ThroughSkipped).filter(|walk| walk.back_at.is_none()) else {
            let problems = graph.problems();
            self.findings.extend(problems.iter().map(|problem| graph_finding(&channel.blob, problem)));
            return None;
        };
        let said = takes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        if takes.len() > 1 {
            let message =
                format!("the channel is asked for {} times, taken is the union: {said}", takes.len());
            self.findings.push(Finding::info("RANGES_UNITED", &subject, message));
        }
        let wanted = self.wanted_entries(&graph, &walk.names, takes);
        let kept = span(&graph, &walk.names, &wanted);
        if kept.is_empty() {
            let message = format!("no version of the channel is in {said}");
            let default = self.wanted.default_channel.as_ref().unwrap_or(&self.package.default_channel);
            let versions = self.versions(channel);
            let finding = if *default == channel.name {
                Finding::error("EMPTY_CHANNEL", &subject, message)
            } else {
                Finding::warning("CHANNEL_DROPPED", &subject, message + ", so the channel is left out")
            };
            self.findings.push(finding.hint(versions));
            return None;
        }
        let between: Vec<&str> = kept.iter().copied().filter(|name| !wanted.contains_key(name)).collect();
        if !between.is_empty() {
            let message =
                format!("outside {said}, but kept since the chain needs them: {}", between.join(", "));
            self.findings.push(Finding::warning("RANGE_WIDENED", &subject, message));
        }
        let entries = channel.entries.iter().filter(|entry| kept.contains(entry.name.as_str()));
        self.give_reasons(entries.clone(), |name| match wanted.get(name) {
            Some(reason) => format!("{reason} of channel {}", channel.name),
            None => format!("between wanted versions of channel {}", channel.name),
        });
        let mut cut = Channel { entries: entries.cloned().collect(), ..channel.clone() };
        self.repair(&mut cut);
        Some(cut)
    }

    fn give_reasons<'e>(
        &mut self,
        entries: impl Iterator<Item = &'e Entry>,
        reason: impl Fn(&str) -> String,
    ) {
        for entry in entries {
            self.reasons.entry(entry.name.clone()).or_default().push(reason(&entry.name));
        }
    }

    /// Each wanted entry with what made it so.
    fn wanted_entries<'g>(
        &mut self,
        graph: &UpgradeGraph<'g>,
        walk: &[&'g str],
        takes: &[&Take],
    ) -> BTreeMap<&'g str, String> {
        let mut wanted = BTreeMap::new();
        let known = |name: &str| graph.entry(name).map(|entry| entry.name.as_str());
        let all = walk.iter().copied().chain(graph.skipped().iter().copied().filter_map(known));
        let all: BTreeSet<&str> = all.collect();
        for take in takes {
            match take {
                Take::Head => wanted.extend(walk.first().map(|head| (*head, "the head".to_owned()))),
                Take::Range(range) => wanted.extend(all.iter().filter_map(|name| {
                    let version = &self.package.bundles.get(*name)?.version;
                    range.contains(version).then(|| (*name, format!("{version} is in {range}")))
                })),
                Take::FromBundle(lowest) => {
                    let covers = |name: &&str| {
                        **name == *lowest
                            || graph.entry(name).is_some_and(|entry| entry.skips.contains(lowest))
                    };
                    let Some(end) = walk.iter().rposition(covers) else { continue };
                    let above = walk.iter().take(end + 1).copied().chain(known(lowest));
                    wanted.extend(above.map(|name| (name, format!("{lowest} and above"))));
                }
                Take::All => {}
            }
        }
        wanted
    }

    fn versions(&self, channel: &Channel) -> String {
        let mut versions: Vec<_> = channel
            .entries
            .iter()
            .filter_map(|entry| self.package.bundles.get(&entry.name).map(|bundle| &bundle.version))
            .collect();
        versions.sort();
        let respins = versions.iter().any(|version| !version.pre().is_empty());
        let listed: Vec<String> = versions.iter().rev().take(12).map(ToString::to_string).collect();
        let pre = if respins { "; a pre-release is in a range only if a bound is one too" } else { "" };
        format!("the channel has {}{pre}", listed.join(", "))
    }

    /// Entries that only a dropped entry had skipped stay withheld: the lowest entry above them that is offered skips them now.
    fn repair(&mut self, channel: &mut Channel) {
        let mut stranded = Vec::new();
        for problem in UpgradeGraph::new(channel).problems() {
            match problem {
                GraphProblem::Stranded(names, _) => stranded.extend(names),
                other => self.findings.push(graph_finding(&channel.blob, &other)),
            }
        }
        if stranded.is_empty() {
            return;
        }
        let graph = UpgradeGraph::new(channel);
        let lowest = graph
            .walk(WalkRule::UntilSkipped)
            .and_then(|walk| walk.names.last().map(|&name| name.to_owned()));
        let Some(entry) =
            lowest.and_then(|lowest| channel.entries.iter_mut().find(|entry| entry.name == lowest))
        else {
            return;
        };
        let message = format!(
            "`{}` now skips {}: entries above, which are not kept, had withheld them",
            entry.name,
            stranded.join(", ")
        );
        self.findings.push(at(Finding::info("SKIPS_ADDED", &channel.blob, message), &channel.blob.origin));
        entry.skips.extend(stranded);
    }
}

/// The part of the chain that spans what is wanted, and what is wanted of the skipped entries: from the lowest entry that still
/// has everything wanted at or below it, down to the last that has anything.
fn span<'g>(
    graph: &UpgradeGraph<'g>,
    walk: &[&'g str],
    wanted: &BTreeMap<&'g str, String>,
) -> BTreeSet<&'g str> {
    // From the tail upwards: how much of what is wanted is at or below each entry.
    let mut below: BTreeSet<&str> = BTreeSet::new();
    let mut counts = vec![0; walk.len()];
    for (name, count) in walk.iter().zip(&mut counts).rev() {
        below.extend(wanted.keys().filter(|it| *it == name));
        if let Some(entry) = graph.entry(name) {
            below.extend(
                entry.skips.iter().filter_map(|skip| wanted.get_key_value(skip.as_str())).map(|(it, _)| *it),
            );
        }
        *count = below.len();
    }
    let most = counts.first().copied().unwrap_or(0);
    if most == 0 {
        return BTreeSet::new();
    }
    let head = counts.iter().rposition(|count| *count == most).unwrap_or(0);
    let chain =
        walk.iter().zip(&counts).skip(head).take_while(|(_, count)| **count > 0).map(|(name, _)| *name);
    chain.chain(below.iter().copied()).collect()
}
