//! Why there is no way, or none that may be taken yet.

use std::collections::BTreeSet;

use super::route::{HopRisk, ReleaseHop, ReleasePath};
use super::search::leading;
use crate::finding::Finding;
use crate::release::channel::ReleaseChannel;
use crate::release::graph::UpdateGraph;
use crate::text::Word;
use crate::version::Version;

/// No way that may be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoReleasePath {
    /// A version is not in the graph.
    Unknown {
        /// The version.
        version: Version,
        /// The channel that was looked at.
        channel: Option<String>,
        /// The releases next to it: the one below and the one above.
        near: Vec<Version>,
    },
    /// The head of a channel was asked for, and the graph has no release of the minor that the channel leads to.
    NoHead {
        /// The channel.
        channel: ReleaseChannel,
        /// The highest release of it that the graph has.
        highest: Option<Version>,
    },
    /// The target is older than what runs.
    Backwards {
        /// What runs.
        from: Version,
        /// The target.
        to: Version,
    },
    /// No edges lead there, conditional or not.
    NoWay {
        /// What runs.
        from: Version,
        /// The target.
        to: Version,
        /// The highest release below the target that can be reached.
        highest: Option<Version>,
        /// The releases from which the target can be reached: the lowest and the highest.
        entries: Vec<Version>,
    },
    /// There is one, with risks that are not accepted.
    NotAccepted {
        /// The way.
        path: ReleasePath,
    },
}

impl NoReleasePath {
    pub(super) fn unknown(graph: &UpdateGraph, version: &Version, channel: Option<&ReleaseChannel>) -> Self {
        let all = graph.releases();
        let at = all.partition_point(|release| release.version < *version);
        let near = [at.checked_sub(1), Some(at)];
        let near = near.into_iter().flatten().filter_map(|at| Some(all.get(at)?.version.clone()));
        Self::Unknown {
            version: version.clone(),
            channel: channel.map(ToString::to_string),
            near: near.collect(),
        }
    }

    pub(super) fn no_way(graph: &UpdateGraph, from: usize, to: usize, request: (&Version, &Version)) -> Self {
        let version = |at: &usize| graph.releases().get(*at).map(|release| release.version.clone());
        let mut reached = BTreeSet::from([from]);
        for at in from..to {
            if reached.contains(&at) {
                reached.extend(graph.edges_from(at).iter().map(|edge| edge.to).filter(|next| *next <= to));
            }
        }
        let mut entries = leading(graph, to);
        entries.remove(&to);
        let (lowest, topmost) = (entries.first(), entries.last());
        let topmost = topmost.filter(|topmost| Some(*topmost) != lowest);
        Self::NoWay {
            from: request.0.clone(),
            to: request.1.clone(),
            highest: reached.last().filter(|at| **at != from).and_then(version),
            entries: lowest.into_iter().chain(topmost).filter_map(version).collect(),
        }
    }

    /// The way that may not be taken yet, where there is one.
    pub fn path(&self) -> Option<&ReleasePath> {
        match self {
            Self::NotAccepted { path } => Some(path),
            _ => None,
        }
    }

    /// The same as findings: one, or one for each risk that is not accepted.
    pub fn findings(&self) -> Vec<Finding> {
        match self {
            Self::Unknown { version, channel, near } => vec![unknown(version, channel.as_deref(), near)],
            Self::NoHead { channel, highest } => vec![no_head(channel, highest.as_ref())],
            Self::Backwards { from, to } => {
                let message = format!("{to} is older than {from}, and a cluster does not go back to it");
                let hint = "name a later release, or what really runs: `oc get clusterversion`";
                vec![Finding::error("NO_PATH", format!("{from} → {to}"), message).hint(hint)]
            }
            Self::NoWay { from, to, highest, entries } => vec![no_way(from, to, highest.as_ref(), entries)],
            Self::NotAccepted { path } => path.unaccepted().into_iter().map(not_accepted).collect(),
        }
    }
}

fn unknown(version: &Version, channel: Option<&str>, near: &[Version]) -> Finding {
    let place = channel.map_or_else(|| "the graph".to_owned(), |channel| format!("channel {channel}"));
    let near = near.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
    let near = if near.is_empty() { String::new() } else { format!("; next to it: {near}") };
    let hint = "is the version right, and does the channel hold it? A release that was withdrawn, or comes later, is not in it";
    Finding::error(
        "UNKNOWN_RELEASE",
        format!("release {version}"),
        format!("{version} is not in {place}{near}"),
    )
    .hint(hint)
}

fn no_head(channel: &ReleaseChannel, highest: Option<&Version>) -> Finding {
    let minor = channel.minor().map(|minor| format!(" of {minor}")).unwrap_or_default();
    let highest = match highest {
        Some(highest) => format!("; the highest is {highest}"),
        None => String::new(),
    };
    let message = format!("the graph has no release{minor} in channel {channel}{highest}");
    let hint = "add the graph of that channel, or name the target with `--to`";
    Finding::error("NO_HEAD", channel, message).hint(hint)
}

fn no_way(from: &Version, to: &Version, highest: Option<&Version>, entries: &[Version]) -> Finding {
    let reached = match highest {
        Some(highest) => format!("from {from} the highest is {highest}"),
        None => format!("no edge leads on from {from}"),
    };
    let entered = match entries {
        [] => format!("no edge leads to {to}"),
        [one] => format!("{to} is reached from {one}"),
        [lowest, highest, ..] => format!("{to} is reached from {lowest} to {highest}"),
    };
    let message =
        format!("no edges lead from {from} to {to}, not even conditional ones: {reached}, and {entered}");
    let hint = "take another target or channel, or add the graphs of the channels between (`--graph`, once for each)";
    Finding::error("NO_PATH", format!("{from} → {to}"), message).hint(hint)
}

fn not_accepted((hop, risk): (&ReleaseHop, &HopRisk)) -> Finding {
    let subject = format!("{} → {}", hop.from, hop.version);
    let text = risk.message.trim().trim_end_matches('.').split_whitespace().collect::<Vec<_>>().join(" ");
    let message = format!("the risk {} is not accepted: {text}", risk.name);
    let hint = format!(
        "read {}; if it is acceptable here, say so with `--accept-risk {}`",
        risk.url,
        Word(&risk.name)
    );
    Finding::error("RISK_NOT_ACCEPTED", subject, message).hint(hint)
}
