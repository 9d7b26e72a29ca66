//! One package as it is delivered: channels cut to what is needed, and their bundles.

use std::collections::{BTreeMap, BTreeSet};

use super::Selector;
use super::ask::Ask;
use super::depend::Extra;
use super::prune::{goes, prune, stretch};
use crate::catalog::{
    Channel, Hop, Package, PackageFilter, PathFinder, Take, UpgradeGraph, UpgradePath, filter,
};
use crate::finding::Finding;
use crate::imageset::Selection;
use crate::plan::installed::{Installed, installed_of};

/// One package as it is delivered.
#[derive(Debug, Clone, Default)]
pub(super) struct Parcel {
    /// The package's name.
    pub(super) name: String,
    /// The package; nothing when nothing of it can be delivered.
    pub(super) package: Option<Package>,
    /// Why it travels.
    pub(super) reasons: Vec<String>,
    /// The packages that require it.
    pub(super) required_by: Vec<String>,
    /// The CSV that runs.
    pub(super) installed: Option<String>,
    /// The default channel that was asked for, or that upstream names.
    pub(super) default_channel: Option<String>,
    /// The way from there.
    pub(super) hops: Vec<Hop>,
    /// Whether its dependencies are left out.
    pub(super) alone: bool,
    /// What is wrong or worth knowing.
    pub(super) findings: Vec<Finding>,
    /// Bundles whose own CSV may show a lost edge.
    pub(super) unknown: BTreeSet<(String, String)>,
}

/// A bundle to reach, in the channel that has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Goal {
    channel: String,
    bundle: String,
}

/// A package in the making.
struct Making<'a> {
    selector: &'a Selector<'a>,
    package: &'a Package,
    ask: Option<&'a Ask>,
    parcel: Parcel,
}

impl Selector<'_> {
    /// Makes one parcel.
    pub(super) fn parcel(&self, package: &Package, ask: Option<&Ask>, extra: Option<&Extra>) -> Parcel {
        let (installed, findings) = installed_of(package, self.installed);
        let asked = ask.map(|_| "asked for".to_owned());
        let required = extra.into_iter().flat_map(|extra| extra.reasons.iter().cloned());
        let parcel = Parcel {
            name: package.name.clone(),
            reasons: asked.into_iter().chain(required).collect(),
            required_by: extra.into_iter().flat_map(|extra| extra.required_by.iter().cloned()).collect(),
            alone: ask.is_some_and(|ask| ask.alone),
            findings,
            ..Parcel::default()
        };
        let mut making = Making { selector: self, package, ask, parcel };
        let channels =
            if installed.is_empty() { making.fresh(extra) } else { making.upgrade(&installed, extra) };
        making.finish(&channels, !installed.is_empty());
        making.parcel
    }
}

impl Making<'_> {
    fn subject(&self) -> String {
        format!("package {}", self.package.name)
    }

    fn tell(&mut self, finding: Finding) {
        let finding = match self.ask {
            Some(ask) if finding.file.is_none() => finding.at(self.selector.file, Some(ask.line)),
            _ => finding,
        };
        self.parcel.findings.push(finding);
    }

    /// The channels that the request is about, with what is taken of each.
    fn wanted(&self) -> Vec<(String, Vec<Take>)> {
        let Some(ask) = self.ask else { return Vec::new() };
        let take = |selection: &Selection| selection.take(ask.full);
        let others = (ask.channels.is_empty() || !ask.selections.is_empty()).then_some(&ask.selections);
        let of = |name: &String| {
            let selections = ask.channels.get(name).or(others)?;
            Some((name.clone(), selections.iter().map(take).collect()))
        };
        self.package.channels.keys().filter_map(of).collect()
    }

    /// What oc-mirror's filter keeps of these channels; nothing where a finding says why.
    fn filtered(
        &self,
        channels: Vec<(String, Vec<Take>)>,
        default: Option<&str>,
    ) -> (Option<Package>, Vec<Finding>) {
        let wanted = PackageFilter {
            name: self.package.name.clone(),
            default_channel: default.map(str::to_owned),
            take: Take::Head,
            channels,
        };
        let mut filtered = filter(self.selector.catalog, &[wanted]);
        // That a channel is listed twice was told with its line when the file was read.
        filtered.findings.retain(|finding| finding.code != "RANGES_UNITED");
        (filtered.catalog.packages.remove(&self.package.name), filtered.findings)
    }

    /// Nothing of it runs: what is selected, edges as they are.
    fn fresh(&mut self, extra: Option<&Extra>) -> BTreeMap<String, Channel> {
        let mut channels = BTreeMap::new();
        let wanted = self.wanted();
        if !wanted.is_empty() {
            let default = self.ask.and_then(|ask| ask.default_channel.as_deref());
            let (package, findings) = self.filtered(wanted, default);
            for finding in findings {
                self.tell(finding);
            }
            channels = package.map(|package| package.channels).unwrap_or_default();
        }
        let mut required: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (channel, bundle) in extra.into_iter().flat_map(|extra| &extra.bundles) {
            required.entry(channel).or_default().insert(bundle);
        }
        for (name, mut names) in required {
            let Some(channel) = self.package.channels.get(name) else { continue };
            let kept = channels.get(name).map(|channel| channel.entries.clone()).unwrap_or_default();
            if names.iter().all(|name| kept.iter().any(|entry| entry.name == *name)) {
                continue;
            }
            names.extend(kept.iter().map(|entry| entry.name.as_str()));
            channels.insert(name.to_owned(), stretch(self.package, channel, &names));
        }
        if self.ask.is_some() && !self.selector.installed.is_empty() {
            let message = "it is not known to run, so what the ImageSetConfiguration selects is taken";
            let finding = Finding::info("NEW_PACKAGE", self.subject(), message);
            self.tell(finding);
        }
        channels
    }

    /// It runs: exactly the hops to what is asked for.
    fn upgrade(&mut self, installed: &[Installed], extra: Option<&Extra>) -> BTreeMap<String, Channel> {
        let mut hops: Vec<Hop> = Vec::new();
        let mut single = Vec::new();
        for (index, operator) in installed.iter().enumerate() {
            for (number, goal) in self.goals(operator, extra).into_iter().enumerate() {
                let primary = index == 0 && number == 0;
                let Some(path) = self.path(operator, &goal, number == 0) else { continue };
                if path.hops.is_empty() {
                    single.push(goal.clone());
                }
                if primary {
                    self.parcel.hops.clone_from(&path.hops);
                }
                for hop in path.hops {
                    if !hops.iter().any(|known| known.name == hop.name && known.channel == hop.channel) {
                        hops.push(hop);
                    }
                }
            }
        }
        self.parcel.installed = installed.first().map(|operator| operator.start.name.clone());
        let channels = self.cut(&hops, &single);
        let [only] = installed else { return channels };
        let delivered = self.package(&channels, &self.package.default_channel);
        if goes(&delivered, &only.start, only.channel.as_deref(), &self.parcel.hops) {
            return channels;
        }
        // The cut changed what OLM does: take the channels as they are, from the lowest hop to the highest.
        self.stretched(&hops, &single)
    }

    /// What is to be reached from here; the first one matters most.
    fn goals(&mut self, installed: &Installed, extra: Option<&Extra>) -> Vec<Goal> {
        let listed = self.ask.is_some_and(|ask| !ask.channels.is_empty());
        let wished = self.ask.and_then(|ask| ask.default_channel.clone());
        let default = wished.unwrap_or_else(|| self.package.default_channel.clone());
        let subscribed = installed.channel.clone().filter(|name| self.package.channels.contains_key(name));
        let home = subscribed.unwrap_or(default);
        let mut goals: Vec<Goal> = Vec::new();
        for (channel, takes) in self.wanted().into_iter().filter(|(name, _)| listed || *name == home) {
            let (package, findings) = self.filtered(vec![(channel.clone(), takes)], Some(&channel));
            let kept = package.and_then(|mut package| package.channels.remove(&channel));
            let top = kept.and_then(|kept| UpgradeGraph::new(&kept).head().map(str::to_owned));
            match top {
                Some(bundle) => goals.push(Goal { channel, bundle }),
                None => findings.into_iter().for_each(|finding| self.tell(finding)),
            }
        }
        let version =
            |goal: &Goal| self.package.bundles.get(&goal.bundle).map(|bundle| bundle.version.clone());
        goals.sort_by_key(|goal| {
            (goal.channel != home, std::cmp::Reverse(version(goal)), goal.channel.clone())
        });
        let required = extra.into_iter().flat_map(|extra| &extra.bundles);
        goals.extend(
            required.map(|(channel, bundle)| Goal { channel: channel.clone(), bundle: bundle.clone() }),
        );
        goals
    }

    /// The way to a goal: through the listed channels if there is one, else through any.
    fn path(&mut self, installed: &Installed, goal: &Goal, must: bool) -> Option<UpgradePath> {
        let current = installed.channel.as_deref().or(Some(goal.channel.as_str()));
        let listed = self.ask.map(|ask| &ask.channels).filter(|channels| !channels.is_empty());
        let mut narrow = self.package.clone();
        if let Some(listed) = listed {
            narrow.channels.retain(|name, _| listed.contains_key(name) || *name == goal.channel);
        }
        let within = |package: &Package| {
            PathFinder::new(package, self.selector.evidence).plan(
                &installed.start,
                current,
                Some(&goal.bundle),
            )
        };
        let why = match within(&narrow).or_else(|_| within(self.package)) {
            Ok(path) => return Some(path),
            Err(why) => why,
        };
        let unknown = self.unknown();
        let target = self.package.bundles.get(&goal.bundle);
        let ahead = target.is_some_and(|bundle| installed.start.version.precedence(&bundle.version).is_gt());
        let finding = if ahead {
            let message = format!(
                "`{}` runs, which is above `{}`, the highest that is asked for",
                installed.start.name, goal.bundle
            );
            Finding::error("INSTALLED_AHEAD", self.subject(), message)
                .hint("ask for a later version, or take the package out")
        } else if must {
            why.finding()
        } else {
            let message = format!(
                "channel `{}` cannot be reached from `{}`, and is left out",
                goal.channel, installed.start.name
            );
            Finding::warning("NO_PATH_CHANNEL", self.subject(), message).hint(why.finding().message)
        };
        self.parcel.unknown.extend(unknown);
        self.tell(finding);
        None
    }

    /// Bundles that replace nothing by the catalog, and whose CSV was not looked at.
    fn unknown(&self) -> BTreeSet<(String, String)> {
        let entries = self.package.channels.values().flat_map(|channel| &channel.entries);
        let known = |name: &str| self.selector.evidence.iter().any(|evidence| evidence.bundle == name);
        entries
            .filter(|entry| entry.replaces.is_none() && self.package.bundles.contains_key(&entry.name))
            .filter(|entry| !known(&entry.name))
            .map(|entry| (self.package.name.clone(), entry.name.clone()))
            .collect()
    }

    /// The channels cut down to hops; `single` are bundles that run already.
    fn cut(&self, hops: &[Hop], single: &[Goal]) -> BTreeMap<String, Channel> {
        let mut cut = BTreeMap::new();
        for (name, channel) in &self.package.channels {
            let through: Vec<&Hop> = hops.iter().filter(|hop| hop.channel == *name).collect();
            let chained =
                through.windows(2).all(|pair| matches!(pair, [lower, upper] if upper.from == lower.name));
            let stay = single.iter().any(|goal| goal.channel == *name);
            if through.is_empty() && !stay {
                continue;
            }
            let channel =
                if chained && !stay { prune(channel, &through) } else { self.stretch(channel, hops, single) };
            cut.insert(name.clone(), channel);
        }
        cut
    }

    fn stretched(&self, hops: &[Hop], single: &[Goal]) -> BTreeMap<String, Channel> {
        let channels = self.package.channels.iter();
        let stretched = channels.map(|(name, channel)| (name.clone(), self.stretch(channel, hops, single)));
        stretched.filter(|(_, channel)| !channel.entries.is_empty()).collect()
    }

    fn stretch(&self, channel: &Channel, hops: &[Hop], single: &[Goal]) -> Channel {
        let through = hops.iter().filter(|hop| hop.channel == channel.name).map(|hop| hop.name.as_str());
        let stay = single.iter().filter(|goal| goal.channel == channel.name).map(|goal| goal.bundle.as_str());
        let names: BTreeSet<&str> = through.chain(stay).collect();
        if names.is_empty() {
            return Channel { entries: Vec::new(), ..channel.clone() };
        }
        stretch(self.package, channel, &names)
    }

    /// Settles the default channel and puts the package together.
    fn finish(&mut self, channels: &BTreeMap<String, Channel>, runs: bool) {
        let Some(first) = channels.keys().next().cloned() else { return };
        let wished = self.ask.and_then(|ask| ask.default_channel.as_ref());
        let default = wished.unwrap_or(&self.package.default_channel).clone();
        self.parcel.default_channel = Some(default.clone());
        let default = if channels.contains_key(&default) {
            default
        } else {
            let taken = self.parcel.hops.last().map_or(first, |hop| hop.channel.clone());
            let names: Vec<&str> = channels.keys().map(String::as_str).collect();
            let message = format!(
                "the default channel `{default}` is not among the delivered channels ({})",
                names.join(", ")
            );
            let listed = self.ask.is_some_and(|ask| !ask.channels.is_empty());
            let finding = if listed && !runs {
                let hint = format!("add it under `channels`, or write `defaultChannel: {taken}`");
                Finding::error("DEFAULT_CHANNEL", self.subject(), message).hint(hint)
            } else {
                let message = format!("{message}; the delivered package names `{taken}`");
                Finding::info("DEFAULT_CHANNEL", self.subject(), message)
            };
            self.tell(finding);
            taken
        };
        self.parcel.package = Some(self.package(channels, &default));
    }

    /// The package with these channels and their bundles only.
    fn package(&self, channels: &BTreeMap<String, Channel>, default: &str) -> Package {
        let kept: BTreeSet<&str> =
            channels.values().flat_map(|channel| &channel.entries).map(|entry| entry.name.as_str()).collect();
        let mut package = self.package.clone();
        default.clone_into(&mut package.default_channel);
        package.channels.clone_from(channels);
        package.bundles.retain(|name, _| kept.contains(name.as_str()));
        package.drop_stale_deprecations();
        package
    }
}
