//! Replies of the update service (Cincinnati): `nodes`, `edges` by index, `conditionalEdges` by version.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::builder::GraphBuilder;
use super::model::{MatchingRule, Release, Risk};
use crate::finding::Finding;
use crate::release::architecture::Architecture;
use crate::version::Version;

/// Where a node says which channels hold it, and which architectures it is for.
const CHANNELS: &str = "io.openshift.upgrades.graph.release.channels";
const ARCHITECTURE: &str = "io.openshift.upgrades.graph.release.arch";
const URL: &str = "url";

/// What to do about a graph that is not sound.
pub(super) const FETCH_AGAIN: &str = "fetch the graph again; a cluster would not use it either";

#[derive(Deserialize)]
struct Wire {
    nodes: Vec<Node>,
    #[serde(default)]
    edges: Option<Vec<(u64, u64)>>,
    #[serde(default, rename = "conditionalEdges")]
    conditional: Option<Vec<Conditional>>,
}

#[derive(Deserialize)]
struct Node {
    version: String,
    /// Raw graphs have nodes without one: releases that were mentioned and never made.
    #[serde(default)]
    payload: Option<String>,
    #[serde(default)]
    metadata: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Conditional {
    edges: Vec<Ends>,
    risks: Vec<WireRisk>,
}

#[derive(Deserialize)]
struct Ends {
    from: String,
    to: String,
}

#[derive(Deserialize)]
struct WireRisk {
    url: String,
    name: String,
    message: String,
    #[serde(default, rename = "matchingRules")]
    rules: Option<Vec<WireRule>>,
}

#[derive(Deserialize)]
struct WireRule {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    promql: Option<WireQuery>,
}

#[derive(Deserialize)]
struct WireQuery {
    promql: String,
}

impl From<WireRisk> for Risk {
    fn from(wire: WireRisk) -> Self {
        let rule =
            |rule: WireRule| MatchingRule { kind: rule.kind, promql: rule.promql.map(|query| query.promql) };
        Self {
            name: wire.name,
            url: wire.url,
            message: wire.message,
            matching_rules: wire.rules.into_iter().flatten().map(rule).collect(),
        }
    }
}

/// A node of a reply, once it was looked at.
#[derive(Clone, Copy)]
enum Place {
    /// In the graph, under this number.
    At(usize),
    /// Of another architecture, or never made.
    Elsewhere,
    /// Not sound; that was told.
    Bad,
}

impl GraphBuilder<'_> {
    /// Takes a reply in; `name` is how findings call it. Replies add up: releases are the same by version and payload, and
    /// edges are united.
    pub fn reply(&mut self, name: &str, json: &[u8]) {
        if json.len() as u64 > self.limits.graph_bytes {
            return self.refuse_more(name);
        }
        let wire: Wire = match serde_json::from_slice(json) {
            Ok(wire) => wire,
            Err(error) => {
                let message = format!("it is no reply of the update service: {error}");
                let hint = "a reply has `nodes`, `edges` and `conditionalEdges`; see what the address really answers";
                let line = u64::try_from(error.line()).ok().filter(|line| *line > 0);
                return self
                    .findings
                    .push(Finding::error("GRAPH_SYNTAX", "graph", message).hint(hint).at(name, line));
            }
        };
        let mut places = Vec::with_capacity(wire.nodes.len());
        let mut by_version = BTreeMap::new();
        for (at, node) in wire.nodes.iter().enumerate() {
            let place = self.node(name, at, node);
            places.push(place);
            if by_version.insert(node.version.as_str(), place).is_some() {
                let message = format!("version {} stands there twice", node.version);
                self.unsound(name, "GRAPH_DUPLICATE_VERSION", &format!("nodes[{at}]"), message);
            }
        }
        for (at, (from, to)) in wire.edges.unwrap_or_default().into_iter().enumerate() {
            let place = |index: u64| usize::try_from(index).ok().and_then(|index| places.get(index).copied());
            match (place(from), place(to)) {
                (Some(Place::At(from)), Some(Place::At(to))) => self.edge(from, to, &[]),
                (Some(_), Some(_)) => {}
                _ => {
                    let message =
                        format!("it leads from node {from} to node {to}, and there are {}", places.len());
                    self.unsound(name, "GRAPH_EDGE_RANGE", &format!("edges[{at}]"), message);
                }
            }
        }
        for (group, conditional) in wire.conditional.unwrap_or_default().into_iter().enumerate() {
            self.conditional(name, group, conditional, &by_version);
        }
    }

    fn node(&mut self, name: &str, at: usize, node: &Node) -> Place {
        let subject = format!("nodes[{at}]");
        let version = match Version::parse(&node.version) {
            Ok(version) => version,
            Err(error) => {
                self.unsound(name, "GRAPH_VERSION", &subject, error);
                return Place::Bad;
            }
        };
        let of = |key: &str| node.metadata.as_ref().and_then(|metadata| metadata.get(key));
        let list = |text: &String| text.split(',').map(|word| word.trim().to_owned()).collect::<Vec<_>>();
        let named = of(ARCHITECTURE).map(list);
        let Some(version) = of_architecture(&version, named.as_deref(), self.architecture) else {
            self.elsewhere += 1;
            return Place::Elsewhere;
        };
        let payload = match node.payload.as_deref().map(str::parse) {
            None => return Place::Elsewhere,
            Some(Ok(payload)) => Some(payload),
            Some(Err(error)) => {
                self.unsound(name, "GRAPH_PAYLOAD", &subject, error);
                return Place::Bad;
            }
        };
        let channels = of(CHANNELS).map(list).unwrap_or_default();
        let channels = channels.into_iter().filter(|channel| !channel.is_empty()).collect();
        let url = of(URL).filter(|url| !url.is_empty()).cloned();
        self.release(name, &subject, Release { version, payload, channels, url })
            .map_or(Place::Bad, Place::At)
    }

    fn conditional(
        &mut self,
        name: &str,
        group: usize,
        conditional: Conditional,
        by_version: &BTreeMap<&str, Place>,
    ) {
        let risks: Vec<Risk> = conditional.risks.into_iter().map(Risk::from).collect();
        let usable = !risks.is_empty() && risks.iter().all(|risk| !risk.matching_rules.is_empty());
        if !usable {
            let subject = format!("conditionalEdges[{group}]");
            let message = "a risk is missing, or a risk has no matching rules; its edges are left out";
            let finding = Finding::warning("GRAPH_NO_RISK", subject, message);
            self.findings.push(finding.hint("a cluster leaves them out, too").at(name, None));
        }
        let risks: Vec<usize> = risks.into_iter().map(|risk| self.risk(risk)).collect();
        for (at, Ends { from, to }) in conditional.edges.into_iter().enumerate() {
            match (by_version.get(from.as_str()), by_version.get(to.as_str())) {
                (Some(Place::At(from)), Some(Place::At(to))) if usable => self.edge(*from, *to, &risks),
                (Some(Place::At(from)), Some(Place::At(to))) => self.forbid(*from, *to),
                (Some(_), Some(_)) => {}
                (known, _) => {
                    let unknown = if known.is_some() { &to } else { &from };
                    let message = format!("it leads from {from} to {to}, and there is no node {unknown}");
                    let subject = format!("conditionalEdges[{group}].edges[{at}]");
                    self.unsound(name, "GRAPH_UNKNOWN_VERSION", &subject, message);
                }
            }
        }
    }

    /// Notes that a graph is not sound.
    pub(super) fn unsound(&mut self, name: &str, code: &str, subject: &str, message: impl std::fmt::Display) {
        self.findings.push(Finding::error(code, subject, message).hint(FETCH_AGAIN).at(name, None));
    }
}

/// The version without the architecture that raw graphs append to it (`4.2.0+amd64`); nothing where the release is for
/// another architecture. The first releases for IBM Z had it in their version (`4.2.11-s390x`).
fn of_architecture(version: &Version, named: Option<&[String]>, wanted: Architecture) -> Option<Version> {
    if named.is_some_and(|named| !named.iter().any(|name| name == wanted.as_str())) {
        return None;
    }
    let foreign = |text: &str| Architecture::ALL.iter().any(|it| it.as_str() == text && *it != wanted);
    if foreign(version.build()) || foreign(version.pre()) {
        return None;
    }
    if version.build() != wanted.as_str() {
        return Some(version.clone());
    }
    let (plain, _) = version.as_str().split_once('+')?;
    Version::parse(plain).ok()
}
