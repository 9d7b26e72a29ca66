//! The decision table: which channels, and from which version on, for a name and versions of an operator.
//!
//! The rules are those of the shell script that people use for this, with its contradictions resolved: the default channel always
//! comes along and takes the versions that it has; what it has not got is looked for in the channel with the highest head first;
//! channels with the default's very entries and the channel `candidate` are left out. Beyond the script, a channel to which a
//! Subscription is known to be is never left out.

use std::collections::BTreeSet;

use super::bounds::{Bounds, bounds};
use super::draft::{ChannelDraft, Noted, PackageDraft};
use super::lanes::{CANDIDATE, Lanes};
use crate::catalog::Catalog;
use crate::finding::Finding;
use crate::text::counted;
use crate::version::BlangRange;

/// One package at the table.
pub(super) struct Table<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) lanes: &'a Lanes<'a>,
    /// Channels that Subscriptions are known to be on.
    pub(super) subscribed: BTreeSet<&'a str>,
    /// Another channel beside the default comes along only if its head is higher.
    pub(super) only_higher: bool,
    pub(super) findings: Vec<Finding>,
}

impl<'a> Table<'a> {
    /// A name alone: the default channel, and the highest of the others.
    pub(super) fn heads(&mut self) -> PackageDraft {
        let lanes = self.lanes;
        let default = lanes.head(lanes.default()).map(|head| &head.version);
        let highest = lanes.different().into_iter().next().filter(|name| {
            let head = lanes.head(name).map(|head| &head.version);
            !self.only_higher
                || matches!((head, default), (Some(head), Some(default)) if head.precedence(default).is_gt())
        });
        let mut channels = vec![self.default_channel(None)];
        channels.extend(highest.map(|name| {
            let why = format!("the highest head beside the default channel's: {}", self.head_version(name));
            ChannelDraft { name: Noted::new(name, why), min: None, max: None }
        }));
        self.finish(channels)
    }

    /// A name and versions: each in the default channel if it is there, else in the first other channel that has it.
    pub(super) fn versions(&mut self, written: &[String]) -> PackageDraft {
        let lanes = self.lanes;
        let mut wanted: BTreeSet<&str> = BTreeSet::new();
        let mut missing: Vec<(&str, String)> = Vec::new();
        for text in written {
            match lanes.meant(text) {
                Some(name) => {
                    wanted.insert(name);
                }
                None => missing.push((text, "is not in the catalog".to_owned())),
            }
        }
        let here: BTreeSet<&str> = wanted.intersection(&lanes.names(lanes.default())).copied().collect();
        let mut rest: BTreeSet<&str> = wanted.difference(&here).copied().collect();
        let mut channels = vec![self.default_channel(Some(&here))];
        for name in self.others() {
            let found: BTreeSet<&str> = rest.intersection(&lanes.names(name)).copied().collect();
            if !found.is_empty() {
                rest.retain(|one| !found.contains(one));
                let why = format!("it has {}, which the default channel has not got", listed(&found));
                channels.push(self.starting_at(name, why, &found, None));
            }
        }
        missing.extend(rest.into_iter().map(|name| (name, self.only_in(name))));
        let nothing = missing.len() == written.len();
        for (text, why) in missing {
            let only = if nothing {
                format!("; only the default channel `{}` is taken", lanes.default())
            } else {
                String::new()
            };
            let finding =
                Finding::warning("VERSION_NOT_FOUND", self.subject(), format!("`{text}` {why}{only}"));
            self.findings.push(finding.hint(lanes.instead_of(text)));
        }
        self.finish(channels)
    }

    /// A name and a range: all of it in the default channel if that has any of it, else in the first other channel that has.
    pub(super) fn range(&mut self, range: &BlangRange) -> PackageDraft {
        let lanes = self.lanes;
        let inside = |channel: &str| -> BTreeSet<&str> {
            let names = lanes.names(channel).into_iter();
            names.filter(|name| lanes.version(name).is_some_and(|version| range.contains(version))).collect()
        };
        let others = self.others();
        let found = std::iter::once(lanes.default()).chain(others).find(|name| !inside(name).is_empty());
        let Some(channel) = found else {
            let message =
                format!("no version is in {range}; only the default channel `{}` is taken", lanes.default());
            let finding = Finding::warning("VERSION_NOT_FOUND", self.subject(), message).hint(lanes.offers());
            self.findings.push(finding);
            let channels = vec![self.default_channel(None)];
            return self.finish(channels);
        };
        let names = inside(channel);
        let head = lanes.head(channel).map(|head| head.name.as_str());
        let top = lanes.highest(channel, &names).filter(|top| Some(*top) != head);
        let mut channels = Vec::new();
        let why = if channel == lanes.default() {
            format!("the default channel, cut to {range}")
        } else {
            channels.push(self.default_channel(None));
            format!("it has versions in {range}, and the default channel has none")
        };
        channels.push(self.starting_at(channel, why, &names, top));
        self.finish(channels)
    }

    fn subject(&self) -> String {
        format!("package {}", self.lanes.package.name)
    }

    fn head_version(&self, channel: &str) -> String {
        self.lanes.head(channel).map(|head| head.version.to_string()).unwrap_or_default()
    }

    /// The channels beside the default in the order in which they are asked: subscribed ones first.
    fn others(&self) -> Vec<&'a str> {
        let default = self.lanes.default();
        let subscribed = self.subscribed.iter().copied();
        let mut others: Vec<&str> =
            subscribed.filter(|name| *name != default && self.lanes.head(name).is_some()).collect();
        others.extend(self.lanes.different().into_iter().filter(|name| !self.subscribed.contains(name)));
        others
    }

    /// The default channel, from the lowest of these entries on.
    fn default_channel(&mut self, from: Option<&BTreeSet<&str>>) -> ChannelDraft {
        let name = self.lanes.default();
        let why = format!("the default channel; its head is {}", self.head_version(name));
        match from.filter(|from| !from.is_empty()) {
            Some(from) => self.starting_at(name, why, from, None),
            None => ChannelDraft { name: Noted::new(name, why), min: None, max: None },
        }
    }

    /// A channel from the lowest of these entries on, up to `top` where that is not its head.
    fn starting_at(
        &mut self,
        channel: &str,
        why: String,
        names: &BTreeSet<&str>,
        top: Option<&str>,
    ) -> ChannelDraft {
        let name = Noted::new(channel, why);
        let Some(Bounds { min, max, taken, opened, findings }) =
            bounds(self.catalog, self.lanes, channel, names, top)
        else {
            return ChannelDraft { name, min: None, max: None };
        };
        self.findings.extend(findings);
        let asked = if names.len() > 1 { "the lowest that is asked for" } else { "asked for" };
        let lowest = self.lanes.lowest(channel, names).unwrap_or_default();
        let end = top.unwrap_or_else(|| self.lanes.head(channel).map_or("", |head| &head.name));
        let opened = if opened { "; `-0` lets in pre-releases, which stand above it" } else { "" };
        let why = format!("`{lowest}` is {asked}; {} up to `{end}`{opened}", counted(taken, "version"));
        ChannelDraft {
            name,
            min: min.map(|min| Noted::new(min.to_string(), why)),
            max: max
                .map(|max| Noted::new(max.to_string(), format!("`{end}` is the highest that is asked for"))),
        }
    }

    /// Why an entry that exists was found in no channel that is taken.
    fn only_in(&self, name: &str) -> String {
        let channels = self.lanes.package.channels.values().filter(|channel| channel.entry(name).is_some());
        let channels: Vec<&str> = channels.map(|channel| channel.name.as_str()).collect();
        match channels.as_slice() {
            [] => "is in no channel".to_owned(),
            [CANDIDATE] => "is only in channel `candidate`, which is not taken by itself".to_owned(),
            many => format!("is only in channels that cannot be used: {}", many.join(", ")),
        }
    }

    /// Says what was left out, and puts the package together.
    fn finish(&mut self, mut channels: Vec<ChannelDraft>) -> PackageDraft {
        let lanes = self.lanes;
        for name in &self.subscribed {
            let known = channels.iter().any(|channel| channel.name.value == **name);
            if !known && lanes.head(name).is_some() {
                let why = "a Subscription is on it";
                channels.push(ChannelDraft { name: Noted::new(*name, why), min: None, max: None });
            }
        }
        let left = |name: &str| !channels.iter().any(|channel| channel.name.value == name);
        let identical: Vec<&str> = lanes.identical().into_iter().filter(|name| left(name)).collect();
        let subject = self.subject();
        if !identical.is_empty() {
            let message = format!(
                "left out, since {} the very entries of the default channel `{}`: {}",
                if identical.len() == 1 { "it has" } else { "they have" },
                lanes.default(),
                identical.join(", ")
            );
            self.findings.push(Finding::info("IDENTICAL_CHANNEL", &subject, message));
        }
        for name in lanes.package.channels.keys().filter(|name| *name != lanes.default() && left(name)) {
            if lanes.head(name).is_none() {
                let message = format!("channel `{name}` is left out: {}", lanes.problem(name));
                self.findings.push(Finding::warning("CHANNEL_UNUSABLE", &subject, message));
            }
        }
        if left(CANDIDATE) && lanes.package.channels.contains_key(CANDIDATE) {
            let message = "channel `candidate` is left out: it is for what is not released";
            self.findings.push(Finding::info("CANDIDATE_CHANNEL", &subject, message));
        }
        PackageDraft { name: lanes.package.name.clone(), channels, ..PackageDraft::default() }
    }
}

/// `a and b`, or how many there are.
fn listed(names: &BTreeSet<&str>) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.len() {
        1..=3 => quoted.join(" and "),
        many => format!("{many} of the versions asked for"),
    }
}
