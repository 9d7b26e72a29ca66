//! A way as a person and a script get it: hops with their reasons, risks, and what each means for a cluster.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::search::PathRequest;
use crate::release::graph::{MatchingRule, Release, Risk, UpdateGraph};
use crate::release::minor::Minor;

/// A whole way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ReleasePath {
    /// The channel that the cluster must be on at the end.
    pub channel: Option<String>,
    /// For which machines: `amd64`, `arm64`, `ppc64le`, `s390x` or `multi`.
    pub architecture: String,
    /// What runs; it is not a hop.
    pub from: String,
    /// What shall run.
    pub to: String,
    /// The updates, in order; none where both are the same.
    pub hops: Vec<ReleaseHop>,
}

/// One update.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseHop {
    /// The release that is reached.
    pub version: String,
    /// Its release image; nothing where the graph does not know it.
    pub payload: Option<String>,
    /// The release that it starts from.
    pub from: String,
    /// How far it goes.
    pub change: ReleaseChange,
    /// Its part in an update from one release with extended support to another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eus: Option<EusStep>,
    /// The Kubernetes minor release in it, for instance `1.33`; nothing where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<String>,
    /// What may go wrong for some clusters; none where the update is unconditional.
    pub risks: Vec<HopRisk>,
    /// Why this update.
    pub reason: String,
    /// The page about the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// How far an update goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReleaseChange {
    /// Within a minor release. What blocks minor updates does not block it.
    Patch,
    /// To the next minor release.
    Minor,
    /// To the next major release.
    Major,
}

/// The part of a minor update in one from a release with extended support to a later one (“Control Plane Only”).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EusStep {
    /// A minor release that is passed through: worker pools may stay paused.
    Through,
    /// A release with extended support is reached: worker pools are updated now.
    Reached,
}

/// A risk of an update.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HopRisk {
    /// Its name, by which it is accepted.
    pub name: String,
    /// The page about it.
    pub url: String,
    /// What goes wrong, and for whom.
    pub message: String,
    /// How a cluster finds out whether it is concerned: the first rule that it can evaluate decides.
    pub matching_rules: Vec<MatchingRule>,
    /// Whether it was accepted by name.
    pub accepted: bool,
}

impl ReleasePath {
    /// The way along these releases of the graph.
    pub(super) fn along(graph: &UpdateGraph, way: &[usize], request: &PathRequest<'_>) -> Self {
        let releases = graph.releases();
        let end = way.last().and_then(|to| releases.get(*to));
        let to = end.map_or_else(|| request.from.clone(), |release| release.version.clone());
        let start = Minor::of(request.from);
        let target = Minor::of(&to);
        let eus = start.is_eus() && target.is_eus() && start < target;
        let hops = way.windows(2).filter_map(|ends| {
            let &[from, at] = ends else { return None };
            let offered = |to: usize| graph.edges_from(from).iter().find(|edge| edge.to == to);
            let edge = offered(at)?;
            let purpose = match way.last() {
                Some(end) if *end == at => "it is the target".to_owned(),
                Some(end) if offered(*end).is_some() => {
                    format!("{to} is offered there under a condition only")
                }
                _ => format!("{to} is not offered there"),
            };
            let risk = |risk: &Risk| HopRisk {
                name: risk.name.clone(),
                url: risk.url.clone(),
                message: risk.message.clone(),
                matching_rules: risk.matching_rules.clone(),
                accepted: request.accepted.contains(&risk.name),
            };
            let risks = graph.risks_of(edge).map(risk).collect();
            Some(ReleaseHop::new(releases.get(from)?, releases.get(at)?, risks, &purpose, eus))
        });
        Self {
            channel: request.channel.map(ToString::to_string),
            architecture: graph.architecture().to_string(),
            from: request.from.to_string(),
            to: to.to_string(),
            hops: hops.collect(),
        }
    }

    /// Risks that were not accepted, each name once, with the first hop that has it.
    pub fn unaccepted(&self) -> Vec<(&ReleaseHop, &HopRisk)> {
        let mut open = BTreeMap::new();
        for hop in &self.hops {
            for risk in hop.risks.iter().filter(|risk| !risk.accepted) {
                open.entry(risk.name.as_str()).or_insert((hop, risk));
            }
        }
        open.into_values().collect()
    }
}

impl ReleaseHop {
    fn new(from: &Release, at: &Release, risks: Vec<HopRisk>, purpose: &str, eus_to_eus: bool) -> Self {
        let (before, minor) = (Minor::of(&from.version), Minor::of(&at.version));
        let change = match () {
            () if before == minor => ReleaseChange::Patch,
            () if before.major == minor.major => ReleaseChange::Minor,
            () => ReleaseChange::Major,
        };
        let eus = (eus_to_eus && change != ReleaseChange::Patch).then_some(if minor.is_eus() {
            EusStep::Reached
        } else {
            EusStep::Through
        });
        let mut hop = Self {
            version: at.version.to_string(),
            payload: at.payload.as_ref().map(ToString::to_string),
            from: from.version.to_string(),
            change,
            eus,
            kubernetes: minor.kubernetes(),
            risks,
            reason: String::new(),
            url: at.url.clone(),
        };
        hop.reason = hop.explain(minor, purpose);
        hop
    }

    fn explain(&self, minor: Minor, purpose: &str) -> String {
        let names = self.risks.iter().map(|risk| risk.name.as_str()).collect::<Vec<_>>().join(", ");
        let recommended = match self.risks.len() {
            0 => format!("recommended from {} without a condition", self.from),
            1 => format!("recommended from {} to clusters that the risk {names} does not concern", self.from),
            _ => {
                format!("recommended from {} to clusters that none of the risks {names} concerns", self.from)
            }
        };
        let change = match (self.change, &self.kubernetes) {
            (ReleaseChange::Patch, _) => String::new(),
            (_, Some(kubernetes)) => format!("; it enters {minor} with Kubernetes {kubernetes}"),
            (_, None) => format!("; it enters {minor}"),
        };
        let eus = match self.eus {
            Some(EusStep::Through) => "; passed through between releases with extended support",
            Some(EusStep::Reached) => "; a release with extended support is reached",
            None => "",
        };
        format!("{recommended}; {purpose}{change}{eus}")
    }
}
