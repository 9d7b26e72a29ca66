//! Which releases `mirror.platform.channels` of an ImageSetConfiguration asks for.

use std::collections::{BTreeMap, BTreeSet};

use super::search::{PathRequest, safe};
use crate::finding::Finding;
use crate::limits::Limits;
use crate::reference::PinnedRef;
use crate::release::channel::ReleaseChannel;
use crate::release::graph::{Release, UpdateGraph};
use crate::release::minor::Minor;
use crate::version::Version;

/// One entry of `mirror.platform.channels`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelRequest {
    /// `name`.
    pub channel: ReleaseChannel,
    /// `minVersion`.
    pub min: Option<Version>,
    /// `maxVersion`.
    pub max: Option<Version>,
    /// `shortestPath`: only what lies on the shortest way from the lowest to the highest.
    pub shortest_path: bool,
    /// `full`: from the first release of the channel on, where no lowest one is named.
    pub full: bool,
}

/// A release that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectedRelease {
    /// Its version.
    pub version: Version,
    /// The release image; nothing where the graph does not know it.
    pub payload: Option<PinnedRef>,
    /// Why, in the order of the requests.
    pub reasons: Vec<String>,
}

/// All that is asked for, and what is wrong with the request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// In rising order.
    pub releases: Vec<SelectedRelease>,
    /// With an error among them the selection is not whole.
    pub findings: Vec<Finding>,
}

/// The releases that the requests ask for, as oc-mirror v2 understands them: without bounds the head of the channel; with one
/// bound everything from there to the head, or from the first release to there; with two bounds everything between; with
/// `shortestPath` only what lies on the shortest way. Several channels are united, and the way from the lowest to the highest
/// of all is added.
///
/// Unlike oc-mirror, the way avoids conditional edges, and where it cannot it needs their risks accepted; and no way is
/// an error, not an empty selection.
pub fn select(
    graph: &UpdateGraph,
    requests: &[ChannelRequest],
    accepted: &BTreeSet<String>,
    limits: &Limits,
) -> Selection {
    let mut selector = Selector { graph, accepted, limits, reasons: BTreeMap::new(), findings: Vec::new() };
    let ends: Vec<(Version, Version)> =
        requests.iter().filter_map(|request| selector.channel(request)).collect();
    if requests.len() > 1 {
        selector.across(&ends);
    }
    selector.done()
}

struct Selector<'s> {
    graph: &'s UpdateGraph,
    accepted: &'s BTreeSet<String>,
    limits: &'s Limits,
    reasons: BTreeMap<Version, Vec<String>>,
    findings: Vec<Finding>,
}

impl Selector<'_> {
    /// What one channel gives, and the ends of its range.
    fn channel(&mut self, request: &ChannelRequest) -> Option<(Version, Version)> {
        let ChannelRequest { channel, min, max, .. } = request;
        let members: Vec<&Release> = self.graph.in_channel(channel).collect();
        let (Some(first), Some(head)) = (members.first(), members.last()) else {
            let finding =
                Finding::error("RELEASE_NO_CHANNEL", channel, "the graph has no release of this channel");
            self.findings.push(finding.hint("does the channel exist, and is it in the graph?"));
            return None;
        };
        let low = match (min, max) {
            (Some(min), _) => min.clone(),
            (None, None) if !request.full => head.version.clone(),
            (None, _) => first.version.clone(),
        };
        let high = max.clone().unwrap_or_else(|| head.version.clone());
        self.warn_of_gap(request, &low, &high);
        if request.shortest_path {
            self.shortest(Some(channel), &low, &high, &format!("shortest way in {channel}"));
        } else {
            self.range(request, &members, &low, &high);
        }
        Some((low, high))
    }

    fn range(&mut self, request: &ChannelRequest, members: &[&Release], low: &Version, high: &Version) {
        let channel = &request.channel;
        // As oc-mirror: pre-releases count where they stand.
        let within = |release: &&&Release| {
            release.version.precedence(low).is_ge() && release.version.precedence(high).is_le()
        };
        let chosen: Vec<Version> =
            members.iter().filter(within).map(|release| release.version.clone()).collect();
        if chosen.is_empty() {
            let message = format!("no release of the channel is between {low} and {high}");
            let hint = "mend `minVersion` and `maxVersion`, or name another channel";
            self.findings.push(Finding::error("RELEASE_EMPTY_RANGE", channel, message).hint(hint));
        }
        for bound in request.min.iter().chain(&request.max).filter(|bound| !chosen.contains(bound)) {
            let message = format!("{bound} is not in the channel; what is between the bounds is taken");
            self.findings.push(Finding::warning("RELEASE_NOT_IN_CHANNEL", channel, message));
        }
        let reason = match (&request.min, &request.max) {
            (None, None) if !request.full => format!("head of {channel}"),
            (None, None) => format!("all of {channel}"),
            (Some(min), None) => format!("{channel} from {min} on"),
            (None, Some(max)) => format!("{channel} up to {max}"),
            (Some(min), Some(max)) => format!("{channel} from {min} to {max}"),
        };
        for version in chosen {
            self.take(version, &reason);
        }
    }

    fn shortest(&mut self, channel: Option<&ReleaseChannel>, from: &Version, to: &Version, what: &str) {
        let request = PathRequest { from, to: Some(to), channel, accepted: self.accepted };
        match self.graph.path(&request, self.limits) {
            Ok(path) => {
                self.take(from.clone(), &format!("{what}: its start"));
                for hop in path.hops {
                    if let Ok(version) = Version::parse(&hop.version) {
                        self.take(version, &format!("{what}: {}", hop.reason));
                    }
                }
            }
            Err(refusal) => self.findings.extend(refusal.findings()),
        }
    }

    /// The way from the lowest to the highest of several channels.
    fn across(&mut self, ends: &[(Version, Version)]) {
        let low = ends.iter().map(|(low, _)| low).min();
        let high = ends.iter().map(|(_, high)| high).max();
        let (Some(low), Some(high)) = (low.cloned(), high.cloned()) else { return };
        let there = |version: &Version| self.graph.index(version);
        let way = there(&low).zip(there(&high)).and_then(|(from, to)| safe(self.graph, from, to));
        if way.is_some() {
            self.shortest(None, &low, &high, "shortest way across the channels");
        } else {
            let message = format!(
                "no way without conditions leads across the channels, from {low} to {high}; none is added"
            );
            let hint = "`ombundle release path` shows what there is";
            self.findings.push(Finding::warning("RELEASE_NO_WAY_ACROSS", "channels", message).hint(hint));
        }
    }

    /// A range over several minor releases needs the ones between, unless it goes from one with extended support to the next.
    fn warn_of_gap(&mut self, request: &ChannelRequest, low: &Version, high: &Version) {
        let (from, to) = (Minor::of(low), Minor::of(high));
        let gap = if from.major == to.major { to.minor.saturating_sub(from.minor) } else { 0 };
        let eus = from.is_eus() && to.is_eus() && gap == 2;
        if gap >= 2 && !eus {
            let message =
                format!("{low} to {high} is over {gap} minor releases: a cluster takes one at a time");
            let hint = "set `shortestPath: true`, and see the way with `ombundle release path`";
            self.findings.push(Finding::warning("RELEASE_GAP", &request.channel, message).hint(hint));
        }
    }

    fn take(&mut self, version: Version, reason: &str) {
        let reasons = self.reasons.entry(version).or_default();
        if !reasons.iter().any(|known| known == reason) {
            reasons.push(reason.to_owned());
        }
    }

    fn done(self) -> Selection {
        let graph = self.graph;
        let selected = |(version, reasons): (Version, Vec<String>)| SelectedRelease {
            payload: graph.release(&version).and_then(|release| release.payload.clone()),
            version,
            reasons,
        };
        Selection { releases: self.reasons.into_iter().map(selected).collect(), findings: self.findings }
    }
}
