//! The channels of one package as the decision table sees them.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Bundle, Package, UpgradeGraph, WalkRule};
use crate::finding::nearest;
use crate::version::Version;

/// The name of the channel that is never taken by itself.
pub(super) const CANDIDATE: &str = "candidate";

/// A package and the graphs of its channels.
#[derive(Debug)]
pub(super) struct Lanes<'a> {
    pub(super) package: &'a Package,
    graphs: BTreeMap<&'a str, UpgradeGraph<'a>>,
}

impl<'a> Lanes<'a> {
    pub(super) fn new(package: &'a Package) -> Self {
        let graphs = package.channels.iter();
        Self {
            package,
            graphs: graphs.map(|(name, channel)| (name.as_str(), UpgradeGraph::new(channel))).collect(),
        }
    }

    /// The default channel's name.
    pub(super) fn default(&self) -> &'a str {
        &self.package.default_channel
    }

    /// The head of a channel that can be served; nothing for one that cannot.
    pub(super) fn head(&self, channel: &str) -> Option<&'a Bundle> {
        let graph = self.graphs.get(channel)?;
        let sound = graph.walk(WalkRule::ThroughSkipped)?.back_at.is_none();
        self.package.bundles.get(graph.head().filter(|_| sound)?)
    }

    /// What keeps a channel from being served.
    pub(super) fn problem(&self, channel: &str) -> String {
        let first = self.graphs.get(channel).and_then(|graph| graph.problems().into_iter().next());
        first.map_or_else(|| "its head has no bundle".to_owned(), |problem| problem.to_string())
    }

    /// Names of the entries that have a bundle, skipped ones too.
    pub(super) fn names(&self, channel: &str) -> BTreeSet<&'a str> {
        let entries = self.package.channels.get(channel).into_iter().flat_map(|channel| &channel.entries);
        entries
            .map(|entry| entry.name.as_str())
            .filter(|name| self.package.bundles.contains_key(*name))
            .collect()
    }

    /// Channels with exactly the entries of the default channel.
    pub(super) fn identical(&self) -> Vec<&'a str> {
        let names = self.names(self.default());
        let others = self.package.channels.keys().map(String::as_str).filter(|name| *name != self.default());
        others.filter(|name| self.names(name) == names).collect()
    }

    /// Channels that are neither the default, nor identical with it, nor `candidate`, nor broken: highest head first, then the
    /// later name first as people count (`release-2.10` after `release-2.9`).
    pub(super) fn different(&self) -> Vec<&'a str> {
        let identical = self.identical();
        let mut different: Vec<(&Version, &str)> = self
            .package
            .channels
            .keys()
            .map(String::as_str)
            .filter(|name| *name != self.default() && *name != CANDIDATE && !identical.contains(name))
            .filter_map(|name| Some((&self.head(name)?.version, name)))
            .collect();
        different.sort_by(|(a, one), (b, other)| b.precedence(a).then_with(|| natural(other, one)));
        different.into_iter().map(|(_, name)| name).collect()
    }

    /// The lowest of some entries of a channel: the farthest from its head on the chain; the lowest version where one of them is
    /// off the chain.
    pub(super) fn lowest<'n>(&self, channel: &str, names: &BTreeSet<&'n str>) -> Option<&'n str> {
        self.far(channel, names, Ordering::Less)
    }

    /// The highest of some entries of a channel, in the same sense.
    pub(super) fn highest<'n>(&self, channel: &str, names: &BTreeSet<&'n str>) -> Option<&'n str> {
        self.far(channel, names, Ordering::Greater)
    }

    fn far<'n>(&self, channel: &str, names: &BTreeSet<&'n str>, wanted: Ordering) -> Option<&'n str> {
        let walk = self.graphs.get(channel).and_then(|graph| graph.walk(WalkRule::ThroughSkipped));
        let walk = walk.map(|walk| walk.names).unwrap_or_default();
        let place = |name: &&str| walk.iter().position(|node| node == name);
        let on_chain = names.iter().all(|name| place(name).is_some());
        let order = |a: &&'n str, b: &&'n str| {
            if on_chain { place(b).cmp(&place(a)) } else { self.version(a).cmp(&self.version(b)) }
        };
        let names = names.iter().copied();
        if wanted == Ordering::Less { names.min_by(order) } else { names.max_by(order) }
    }

    pub(super) fn version(&self, name: &str) -> Option<&'a Version> {
        self.package.bundles.get(name).map(|bundle| &bundle.version)
    }

    /// The bundle that a person means: by the CSV's name, by `PACKAGE.vVERSION` where the CSV is called otherwise, or by version.
    pub(super) fn meant(&self, written: &str) -> Option<&'a str> {
        if let Some((name, _)) = self.package.bundles.get_key_value(written) {
            return Some(name);
        }
        let version = version_in(&self.package.name, written)?;
        self.package.bundle_of_version(&version).map(|bundle| bundle.name.as_str())
    }

    /// What there is instead of something that is not there: the neighbours of its version, or the names like it.
    pub(super) fn instead_of(&self, written: &str) -> String {
        let mut bundles: Vec<&Bundle> = self.package.bundles.values().collect();
        bundles.sort_by(|a, b| a.version.cmp(&b.version));
        let Some(version) = version_in(&self.package.name, written) else {
            let near = nearest(written, bundles.iter().map(|bundle| bundle.name.as_str()));
            return match near.as_slice() {
                [] => self.offers(),
                near => format!("did you mean {}?", near.join(" or ")),
            };
        };
        let told = |bundle: &Bundle| {
            let channels = self.package.channels.values().filter(|it| it.entry(&bundle.name).is_some());
            let channels: Vec<&str> = channels.map(|channel| channel.name.as_str()).take(3).collect();
            format!("`{}` (in {})", bundle.name, channels.join(", "))
        };
        let below = bundles.iter().rev().find(|bundle| bundle.version.precedence(&version).is_lt());
        let above = bundles.iter().find(|bundle| bundle.version.precedence(&version).is_gt());
        match (below, above) {
            (Some(below), Some(above)) => format!("next to it are {} and {}", told(below), told(above)),
            (Some(below), None) => format!("the highest is {}", told(below)),
            (None, Some(above)) => format!("the lowest is {}", told(above)),
            (None, None) => self.offers(),
        }
    }

    /// The versions that the package has, highest first.
    pub(super) fn offers(&self) -> String {
        const LISTED: usize = 12;
        let mut versions: Vec<&Version> =
            self.package.bundles.values().map(|bundle| &bundle.version).collect();
        versions.sort_by(|a, b| b.cmp(a));
        let listed: Vec<String> = versions.iter().take(LISTED).map(ToString::to_string).collect();
        let more = versions.len().saturating_sub(LISTED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("the package has {}{more}", listed.join(", "))
    }
}

/// The version in `PACKAGE.vVERSION`, `PACKAGE.VERSION`, `vVERSION` or `VERSION`.
fn version_in(package: &str, written: &str) -> Option<Version> {
    let rest = written.strip_prefix(package).and_then(|rest| rest.strip_prefix('.')).unwrap_or(written);
    Version::parse_tolerant(rest).ok()
}

/// Names as people count: runs of digits by value.
fn natural(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one, other);
    loop {
        let (a, b) = (run(one), run(other));
        if a.is_empty() || b.is_empty() {
            return a.len().cmp(&b.len());
        }
        let digits = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
        let order = if digits(a) && digits(b) {
            let (x, y) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
            x.len().cmp(&y.len()).then_with(|| x.cmp(y)).then_with(|| a.cmp(b))
        } else {
            a.cmp(b)
        };
        if order.is_ne() {
            return order;
        }
        one = one.get(a.len()..).unwrap_or_default();
        other = other.get(b.len()..).unwrap_or_default();
    }
}

/// The digits that a text begins with, or what stands before its first digit.
fn run(text: &str) -> &str {
    let digits = text.starts_with(|c: char| c.is_ascii_digit());
    let end = text.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ordered_as_people_count() {
        let mut names =
            ["stable-4.9", "release-2.10", "release-2.9", "stable", "stable-4.16", "release-2.09"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(
            names,
            ["release-2.09", "release-2.9", "release-2.10", "stable", "stable-4.9", "stable-4.16"]
        );
    }
}
