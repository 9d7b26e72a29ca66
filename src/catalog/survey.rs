//! What opm does not look at and a site needs to know: warnings only, each about a channel, a bundle or a package as a whole.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::deprecations::Deprecated;
use super::graph::UpgradeGraph;
use super::model::{Blob, Bundle, Catalog, Channel, Entry, Package};
use super::offer::unmet;
use super::parse::at;
use crate::finding::Finding;
use crate::text::counted;
use crate::version::{BlangRange, Version};

/// Longest value of a Kubernetes label. OLM labels with the CSV's name whatever a CSV owns.
const LABEL: usize = 63;
/// Longest name of a Kubernetes object.
const NAME: usize = 253;
/// How many names one finding tells.
const TOLD: usize = 3;

/// Everything about a catalog that opm lets pass and that may hurt.
pub fn survey(catalog: &Catalog) -> Vec<Finding> {
    let mut survey = Survey { findings: Vec::new() };
    for package in catalog.packages.values() {
        survey.package(package);
    }
    survey.dependencies(catalog);
    survey.findings
}

struct Survey {
    findings: Vec<Finding>,
}

impl Survey {
    fn warn(&mut self, code: &str, blob: &Blob, message: String, hint: &str) {
        self.findings.push(at(Finding::warning(code, blob, message).hint(hint), &blob.origin));
    }

    fn package(&mut self, package: &Package) {
        let mut heads: BTreeMap<&str, &Version> = BTreeMap::new();
        for channel in package.channels.values() {
            let graph = UpgradeGraph::new(channel);
            // Without a head, or with a circle, opm's rules say all there is to say.
            let chain = graph.chain();
            let Some(head) = chain.first().and_then(|entry| package.bundles.get(&entry.name)) else {
                continue;
            };
            heads.insert(&channel.name, &head.version);
            self.regression(package, channel, head);
            self.unreachable(package, channel, &graph, &chain);
        }
        self.default_channel(package, &heads);
        self.images(package);
        for bundle in package.bundles.values() {
            self.name(bundle);
        }
    }

    /// A head that is lower than another entry: whoever subscribes goes down, or stays below what there was.
    fn regression(&mut self, package: &Package, channel: &Channel, head: &Bundle) {
        let bundles = channel.entries.iter().filter_map(|entry| package.bundles.get(&entry.name));
        let Some(highest) = bundles.max_by(|a, b| a.version.precedence(&b.version)) else { return };
        // Upstream builds a version anew as `2.11.0-0.1727935135.p`, which stands below the 2.11.0 that it replaces.
        if by_numbers(&head.version, &highest.version).is_lt() {
            let message = format!(
                "the head `{}` ({}) is lower than `{}` ({})",
                head.name, head.version, highest.name, highest.version
            );
            let hint = "if that version was not withdrawn on purpose, let it replace the head";
            self.warn("HEAD_REGRESSION", &channel.blob, message, hint);
        }
    }

    /// Entries to which nobody is ever upgraded, and entries that nobody gets away from.
    fn unreachable(
        &mut self,
        package: &Package,
        channel: &Channel,
        graph: &UpgradeGraph<'_>,
        chain: &[&Entry],
    ) {
        let offered: BTreeSet<&str> = chain.iter().map(|entry| entry.name.as_str()).collect();
        let withheld = channel.entries.iter().filter(|entry| !offered.contains(entry.name.as_str()));
        let names: Vec<&str> = withheld.map(|entry| entry.name.as_str()).collect();
        if !names.is_empty() {
            let message = format!("no upgrade reaches what others skip: {}", listed(&names));
            let finding = Finding::info("UNREACHABLE_ENTRY", &channel.blob, message)
                .hint("OLM offers a skipped entry to nobody; ask for another version");
            self.findings.push(at(finding, &channel.blob.origin));
        }
        let ways = Ways::of(graph, chain);
        let stuck: Vec<&str> = channel
            .entries
            .iter()
            .filter(|entry| chain.first().is_none_or(|head| head.name != entry.name))
            .filter_map(|entry| package.bundles.get(&entry.name))
            .filter(|bundle| !ways.lead_from(bundle))
            .map(|bundle| bundle.name.as_str())
            .collect();
        if !stuck.is_empty() {
            let message = format!("no upgrade leads away from: {}", listed(&stuck));
            let hint = "let an entry that is offered replace or skip them, or take them in its `skipRange`";
            self.warn("DEAD_END", &channel.blob, message, hint);
        }
    }

    fn default_channel(&mut self, package: &Package, heads: &BTreeMap<&str, &Version>) {
        let name = package.default_channel.as_str();
        let Some(own) = heads.get(name) else { return };
        if package.deprecated().iter().any(|it| it.what == Deprecated::Channel(name.to_owned())) {
            let message = format!("the default channel `{name}` is deprecated");
            let hint = "set `defaultChannel` to the channel that takes its place";
            self.warn("DEFAULT_CHANNEL_DEPRECATED", &package.blob, message, hint);
        }
        let newer: Vec<&str> = heads
            .iter()
            .filter(|(channel, head)| {
                by_numbers(own, head).is_lt() && head.pre().is_empty() && !is_preview(channel)
            })
            .map(|(channel, _)| *channel)
            .collect();
        if !newer.is_empty() {
            let message = format!(
                "the head of the default channel `{name}` ({own}) is lower than that of: {}",
                listed(&newer)
            );
            let hint =
                "a Subscription without a channel gets the default one; name the channel that is wanted";
            self.warn("DEFAULT_CHANNEL_BEHIND", &package.blob, message, hint);
        }
    }

    /// Images by tag: what is behind the name may change, and mirrors by digest do not apply.
    fn images(&mut self, package: &Package) {
        let mut images: BTreeSet<&str> = BTreeSet::new();
        let mut bundles: Vec<&Bundle> = Vec::new();
        for bundle in package.bundles.values() {
            let related = bundle.related_images.iter().map(|it| it.image.as_str());
            let by_tag = |image: &&str| !image.is_empty() && !image.contains('@');
            let mut found = std::iter::once(bundle.image.as_str()).chain(related).filter(by_tag).peekable();
            if found.peek().is_some() {
                bundles.push(bundle);
            }
            images.extend(found);
        }
        let Some(first) = bundles.first() else { return };
        let images: Vec<&str> = images.into_iter().collect();
        let message = format!(
            "{} {} images by tag only, {}",
            counted(bundles.len(), "bundle"),
            if bundles.len() == 1 { "names" } else { "name" },
            listed(&images)
        );
        let hint = "by tag an image needs an ImageTagMirrorSet, and another image may come under the same name; name it by digest";
        self.warn("TAG_ONLY_IMAGE", &first.blob, format!("package {}: {message}", package.name), hint);
    }

    fn name(&mut self, bundle: &Bundle) {
        let length = bundle.name.len();
        if length > NAME {
            let message =
                format!("the name has {length} characters, no Kubernetes object may have more than {NAME}");
            self.warn("NAME_TOO_LONG", &bundle.blob, message, "the operator cannot be installed under it");
        } else if length > LABEL {
            let message = format!("the name has {length} characters, a label may have {LABEL}");
            let hint = "OLM labels what the operator owns with its name, which fails; ask for a shorter one";
            self.warn("NAME_TOO_LONG", &bundle.blob, message, hint);
        }
    }

    /// What bundles require and nothing in the catalog satisfies: one finding for each requirement of a package.
    fn dependencies(&mut self, catalog: &Catalog) {
        let mut missing: BTreeMap<(&str, &str, String), Vec<&Bundle>> = BTreeMap::new();
        for it in unmet(catalog, catalog.packages.values().flat_map(|package| package.bundles.values())) {
            let mut add = |code, text: String| {
                missing.entry((it.bundle.package.as_str(), code, text)).or_default().push(it.bundle);
            };
            for requirement in &it.missing {
                add("DEPENDENCY_MISSING", format!("{requirement}, which nothing in the catalog satisfies"));
            }
            for rule in &it.unchecked {
                add("CEL_UNCHECKED", format!("that the rule `{rule}` holds, which is not checked here"));
            }
            for why in &it.broken {
                add("CONSTRAINT", format!("something that cannot be read: {why}"));
            }
        }
        for ((_, code, text), bundles) in missing {
            let Some(first) = bundles.first() else { continue };
            let more = match bundles.len() {
                1 => String::new(),
                2 => ", as does another bundle of the package".to_owned(),
                more => format!(", as do {} other bundles of the package", more - 1),
            };
            let hint = match code {
                "CEL_UNCHECKED" => "OLM evaluates it in the cluster; see that a bundle satisfies it",
                "CONSTRAINT" => "OLM passes such a bundle over; mend the `olm.constraint`",
                _ => "add the package that has it, unless another catalog of the cluster does",
            };
            self.warn(code, &first.blob, format!("requires {text}{more}"), hint);
        }
    }
}

/// All edges to what a channel offers.
struct Ways<'a> {
    names: BTreeSet<&'a str>,
    ranges: Vec<&'a BlangRange>,
}

/// Different ranges of one channel that are looked at. A real channel has some dozens.
const RANGES: usize = 1_000;

impl<'a> Ways<'a> {
    fn of(graph: &'a UpgradeGraph<'a>, chain: &[&'a Entry]) -> Self {
        let replaced = chain.iter().filter_map(|entry| entry.replaces.as_deref());
        let skipped = chain.iter().flat_map(|entry| entry.skips.iter().map(String::as_str));
        let ranges: BTreeMap<&str, &BlangRange> = chain
            .iter()
            .filter_map(|entry| Some((entry.skip_range.as_deref()?, graph.range(entry)?)))
            .collect();
        Self { names: replaced.chain(skipped).collect(), ranges: ranges.into_values().collect() }
    }

    /// Whether something that is offered takes the place of this bundle. With more ranges than anybody reads, it is not doubted.
    fn lead_from(&self, bundle: &Bundle) -> bool {
        self.names.contains(bundle.name.as_str())
            || self.ranges.len() > RANGES
            || self.ranges.iter().any(|range| range.contains(&bundle.version))
    }
}

/// By the three numbers only.
fn by_numbers(one: &Version, other: &Version) -> Ordering {
    let numbers = |it: &Version| [it.major(), it.minor(), it.patch()];
    numbers(one).cmp(&numbers(other))
}

/// Channels that are meant to run ahead of the default one.
fn is_preview(channel: &str) -> bool {
    ["alpha", "beta", "candidate", "dev", "fast", "nightly", "preview", "tech-preview"]
        .iter()
        .any(|word| channel.starts_with(word))
}

fn listed(names: &[&str]) -> String {
    let told: Vec<String> = names.iter().take(TOLD).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(TOLD) {
        0 => told.join(", "),
        more => format!("{} and {more} more", told.join(", ")),
    }
}
