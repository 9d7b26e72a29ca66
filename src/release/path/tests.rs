//! Ways through small graphs made here, and through random ones against a small searcher of another kind.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::limits::{LIMITS, Limits};
use crate::release::architecture::Architecture;
use crate::release::channel::ReleaseChannel;
use crate::release::graph::{GraphBuilder, UpdateGraph};
use crate::version::Version;

/// A graph of releases and edges with the names of their risks; every release is in `stable-` of its own and the next minor.
fn graph(edges: &[(&str, &str, &[&str])]) -> UpdateGraph {
    let versions: BTreeSet<&str> = edges.iter().flat_map(|(from, to, _)| [*from, *to]).collect();
    let nodes: Vec<Value> = versions
        .iter()
        .enumerate()
        .map(|(number, text)| {
            let version: Version = text.parse().unwrap();
            let (own, next) = (version.minor(), version.minor() + 1);
            json!({
                "version": text,
                "payload": format!("quay.io/openshift-release-dev/ocp-release@sha256:{number:064x}"),
                "metadata": {"io.openshift.upgrades.graph.release.channels": format!("stable-4.{own},stable-4.{next}")},
            })
        })
        .collect();
    let index = |text: &str| versions.iter().position(|version| *version == text).unwrap();
    let risk = |name: &&str| {
        json!({"name": name, "url": format!("https://{name}.example"), "message": format!("{name} breaks."),
               "matchingRules": [{"type": "PromQL", "promql": {"promql": "up"}}]})
    };
    let safe = edges.iter().filter(|(.., risks)| risks.is_empty());
    let bound = edges.iter().filter(|(.., risks)| !risks.is_empty());
    let reply = json!({
        "nodes": nodes,
        "edges": safe.map(|(from, to, _)| [index(from), index(to)]).collect::<Vec<_>>(),
        "conditionalEdges": bound
            .map(|(from, to, risks)| json!({
                "edges": [{"from": from, "to": to}], "risks": risks.iter().map(risk).collect::<Vec<_>>(),
            }))
            .collect::<Vec<_>>(),
    });
    let mut builder = GraphBuilder::new(Architecture::Amd64, &LIMITS);
    builder.reply("reply", reply.to_string().as_bytes());
    let (graph, findings) = builder.finish(&[]);
    assert!(findings.is_empty(), "{findings:?}");
    graph
}

fn names(all: &[&str]) -> BTreeSet<String> {
    all.iter().map(|name| (*name).to_owned()).collect()
}

fn path(
    graph: &UpdateGraph,
    from: &str,
    to: &str,
    accepted: &[&str],
) -> Result<ReleasePath, Box<NoReleasePath>> {
    let (from, to, accepted) = (from.parse().unwrap(), to.parse().unwrap(), names(accepted));
    graph.path(&PathRequest { from: &from, to: Some(&to), channel: None, accepted: &accepted }, &LIMITS)
}

fn versions(path: &ReleasePath) -> Vec<&str> {
    path.hops.iter().map(|hop| hop.version.as_str()).collect()
}

fn codes(refusal: &NoReleasePath) -> Vec<String> {
    refusal.findings().into_iter().map(|finding| finding.code).collect()
}

#[test]
fn the_shortest_safe_way_and_of_equal_ones_the_highest() {
    let graph = graph(&[
        ("4.19.0", "4.19.1", &[]),
        ("4.19.0", "4.19.2", &[]),
        ("4.19.1", "4.20.1", &[]),
        ("4.19.2", "4.20.1", &[]),
        ("4.19.1", "4.19.2", &[]),
        ("4.19.2", "4.20.0", &[]),
        ("4.20.0", "4.20.1", &[]),
    ]);
    let found = path(&graph, "4.19.0", "4.20.1", &[]).unwrap();
    assert_eq!(versions(&found), ["4.19.2", "4.20.1"]);
    assert_eq!((found.from.as_str(), found.to.as_str()), ("4.19.0", "4.20.1"));
    assert_eq!(
        found.hops.iter().map(|hop| hop.reason.as_str()).collect::<Vec<_>>(),
        [
            "recommended from 4.19.0 without a condition; 4.20.1 is not offered there",
            "recommended from 4.19.2 without a condition; it is the target; it enters 4.20 with Kubernetes 1.33",
        ]
    );
    let facts: Vec<_> =
        found.hops.iter().map(|hop| (hop.change, hop.eus, hop.kubernetes.as_deref())).collect();
    assert_eq!(
        facts,
        [(ReleaseChange::Patch, None, Some("1.32")), (ReleaseChange::Minor, None, Some("1.33"))]
    );
    assert!(
        found.hops[0]
            .payload
            .as_deref()
            .unwrap()
            .starts_with("quay.io/openshift-release-dev/ocp-release@sha256:")
    );
    assert_eq!(versions(&path(&graph, "4.20.0", "4.20.0", &[]).unwrap()), [""; 0]);
}

#[test]
fn a_longer_way_without_conditions_comes_before_a_short_one_with_some() {
    let graph = graph(&[
        ("4.20.0", "4.20.3", &["A"]),
        ("4.20.0", "4.20.1", &[]),
        ("4.20.1", "4.20.2", &[]),
        ("4.20.2", "4.20.3", &[]),
    ]);
    let found = path(&graph, "4.20.0", "4.20.3", &[]).unwrap();
    assert_eq!(
        found.hops[0].reason,
        "recommended from 4.20.0 without a condition; 4.20.3 is offered there under a condition only"
    );
    for accepted in [&[][..], &["A"]] {
        assert_eq!(
            versions(&path(&graph, "4.20.0", "4.20.3", accepted).unwrap()),
            ["4.20.1", "4.20.2", "4.20.3"]
        );
    }
}

#[test]
fn risks_must_be_accepted_by_name() {
    let graph = graph(&[("4.20.0", "4.20.1", &["A", "B"]), ("4.20.1", "4.20.2", &["B", "C"])]);
    let refusal = path(&graph, "4.20.0", "4.20.2", &["B"]).unwrap_err();
    assert_eq!(codes(&refusal), ["RISK_NOT_ACCEPTED", "RISK_NOT_ACCEPTED"]);
    let findings = refusal.findings();
    assert_eq!(
        (findings[0].subject.as_str(), findings[0].message.as_str(), findings[0].hint.as_str()),
        (
            "4.20.0 → 4.20.1",
            "the risk A is not accepted: A breaks",
            "read https://A.example; if it is acceptable here, say so with `--accept-risk A`",
        )
    );
    assert_eq!(findings[1].subject, "4.20.1 → 4.20.2");
    let shown = refusal.path().unwrap();
    let risks: Vec<_> = shown.hops[0].risks.iter().map(|risk| (risk.name.as_str(), risk.accepted)).collect();
    assert_eq!(risks, [("A", false), ("B", true)]);
    assert_eq!(shown.hops[0].risks[0].matching_rules[0].promql.as_deref(), Some("up"));

    let taken = path(&graph, "4.20.0", "4.20.2", &["A", "B", "C"]).unwrap();
    assert_eq!(
        taken.hops[1].reason,
        "recommended from 4.20.1 to clusters that none of the risks B, C concerns; it is the target"
    );
}

#[test]
fn the_fewest_risks_that_are_not_accepted_then_the_shortest() {
    let graph = graph(&[
        ("4.20.0", "4.20.9", &["A", "B"]),
        ("4.20.0", "4.20.1", &["C"]),
        ("4.20.1", "4.20.2", &["C"]),
        ("4.20.2", "4.20.9", &["C"]),
        ("4.20.0", "4.20.5", &["D"]),
        ("4.20.5", "4.20.9", &["C"]),
    ]);
    for (accepted, expected) in [
        (&[][..], vec!["4.20.1", "4.20.2", "4.20.9"]),
        (&["A"], vec!["4.20.9"]),
        (&["D"], vec!["4.20.5", "4.20.9"]),
        (&["C"], vec!["4.20.1", "4.20.2", "4.20.9"]),
    ] {
        let found = path(&graph, "4.20.0", "4.20.9", accepted);
        let shown = match &found {
            Ok(path) => path,
            Err(refusal) => refusal.path().unwrap(),
        };
        assert_eq!(versions(shown), expected, "{accepted:?}");
    }
}

/// A release is entered more than once: what looked better on the way there can be worse at the end.
#[test]
fn a_way_that_looked_worse_may_win() {
    let graph = graph(&[
        ("4.20.0", "4.20.2", &["A"]),
        ("4.20.0", "4.20.1", &["B"]),
        ("4.20.1", "4.20.2", &[]),
        ("4.20.2", "4.20.3", &["B"]),
    ]);
    let refusal = path(&graph, "4.20.0", "4.20.3", &[]).unwrap_err();
    assert_eq!(versions(refusal.path().unwrap()), ["4.20.1", "4.20.2", "4.20.3"]);
}

#[test]
fn between_releases_with_extended_support_the_odd_one_is_passed_through() {
    let graph = graph(&[
        ("4.18.5", "4.19.2", &[]),
        ("4.19.2", "4.19.9", &[]),
        ("4.19.9", "4.20.1", &[]),
        ("4.20.1", "4.20.2", &[]),
    ]);
    let found = path(&graph, "4.18.5", "4.20.2", &[]).unwrap();
    let steps: Vec<_> = found.hops.iter().map(|hop| hop.eus).collect();
    assert_eq!(steps, [Some(EusStep::Through), None, Some(EusStep::Reached), None]);
    assert!(found.hops[0].reason.ends_with("; passed through between releases with extended support"));
    let odd = path(&graph, "4.19.2", "4.20.2", &[]).unwrap();
    assert!(odd.hops.iter().all(|hop| hop.eus.is_none()));
}

#[test]
fn the_head_of_the_channel_is_the_target_where_none_is_named() {
    let graph = graph(&[("4.19.0", "4.20.1", &[]), ("4.20.1", "4.21.0", &[])]);
    let ask = |channel: &str| {
        let (from, accepted) = ("4.19.0".parse().unwrap(), BTreeSet::new());
        let channel: ReleaseChannel = channel.parse().unwrap();
        graph.path(
            &PathRequest { from: &from, to: None, channel: Some(&channel), accepted: &accepted },
            &LIMITS,
        )
    };
    assert_eq!(ask("stable-4.20").unwrap().to, "4.20.1");
    let refusal = ask("stable-4.22").unwrap_err();
    assert_eq!(
        refusal.findings()[0].message,
        "the graph has no release of 4.22 in channel stable-4.22; the highest is 4.21.0"
    );
    assert_eq!(codes(&ask("fast-4.20").unwrap_err()), ["NO_HEAD"]);
}

#[test]
fn why_there_is_no_way_is_told() {
    let graph = graph(&[("4.19.0", "4.19.1", &[]), ("4.19.5", "4.20.1", &["A"]), ("4.19.4", "4.19.5", &[])]);
    for (from, to, code, message) in [
        (
            "4.19.0",
            "4.20.1",
            "NO_PATH",
            "no edges lead from 4.19.0 to 4.20.1, not even conditional ones: from 4.19.0 the highest is 4.19.1, and 4.20.1 is \
             reached from 4.19.4 to 4.19.5",
        ),
        (
            "4.19.1",
            "4.19.4",
            "NO_PATH",
            "no edges lead from 4.19.1 to 4.19.4, not even conditional ones: no edge leads on from 4.19.1, and no edge leads to 4.19.4",
        ),
        ("4.19.4", "4.19.1", "NO_PATH", "4.19.1 is older than 4.19.4, and a cluster does not go back to it"),
        ("4.19.2", "4.20.1", "UNKNOWN_RELEASE", "4.19.2 is not in the graph; next to it: 4.19.1 and 4.19.4"),
        ("4.19.0", "4.21.0", "UNKNOWN_RELEASE", "4.21.0 is not in the graph; next to it: 4.20.1"),
    ] {
        let refusal = path(&graph, from, to, &[]).unwrap_err();
        let finding = &refusal.findings()[0];
        assert_eq!((finding.code.as_str(), finding.message.as_str()), (code, message));
        assert!(!finding.hint.is_empty() && refusal.path().is_none());
    }
}

fn request(channel: &str, min: Option<&str>, max: Option<&str>) -> ChannelRequest {
    let version = |text: &str| text.parse().unwrap();
    ChannelRequest {
        channel: channel.parse().unwrap(),
        min: min.map(version),
        max: max.map(version),
        shortest_path: false,
        full: false,
    }
}

#[test]
fn channels_of_a_request_give_what_oc_mirror_gives() {
    let graph = graph(&[
        ("4.19.0", "4.19.1", &[]),
        ("4.19.1", "4.20.0", &[]),
        ("4.20.0", "4.20.1", &[]),
        ("4.20.0", "4.20.2", &[]),
        ("4.20.1", "4.20.2", &[]),
    ]);
    let ask = |min, max, shortest_path, full| ChannelRequest {
        shortest_path,
        full,
        ..request("stable-4.20", min, max)
    };
    let all = ["4.19.0", "4.19.1", "4.20.0", "4.20.1", "4.20.2"];
    for (asked, expected) in [
        (ask(None, None, false, false), &all[4..]),
        (ask(None, None, false, true), &all[..]),
        (ask(None, None, true, false), &all[4..]),
        (ask(Some("4.20.0"), None, false, false), &all[2..]),
        (ask(None, Some("4.20.0"), false, false), &all[..3]),
        (ask(Some("4.19.1"), Some("4.20.1"), false, false), &all[1..4]),
        (ask(Some("4.20.0"), Some("4.20.2"), true, false), &["4.20.0", "4.20.2"]),
        (ask(Some("4.19.0"), None, true, false), &["4.19.0", "4.19.1", "4.20.0", "4.20.2"]),
    ] {
        let selection = select(&graph, std::slice::from_ref(&asked), &BTreeSet::new(), &LIMITS);
        let found: Vec<&str> = selection.releases.iter().map(|release| release.version.as_str()).collect();
        assert_eq!(found, expected, "{asked:?}");
        assert_eq!(selection.findings, [], "{asked:?}");
        assert!(
            selection.releases.iter().all(|release| release.reasons.len() == 1 && release.payload.is_some())
        );
    }
}

#[test]
fn several_channels_are_united_and_joined_by_a_way() {
    let graph = graph(&[
        ("4.18.1", "4.19.0", &[]),
        ("4.19.0", "4.19.1", &[]),
        ("4.19.1", "4.20.0", &[]),
        ("4.20.0", "4.20.1", &[]),
    ]);
    let asked = [request("stable-4.18", None, None), request("stable-4.20", Some("4.20.0"), None)];
    let selection = select(&graph, &asked, &BTreeSet::new(), &LIMITS);
    let reasons: BTreeMap<&str, usize> =
        selection.releases.iter().map(|release| (release.version.as_str(), release.reasons.len())).collect();
    assert_eq!(
        reasons,
        BTreeMap::from([("4.18.1", 2), ("4.19.0", 1), ("4.19.1", 1), ("4.20.0", 2), ("4.20.1", 2)])
    );
    assert_eq!(
        selection.releases[0].reasons,
        ["head of stable-4.18", "shortest way across the channels: its start"]
    );
    assert_eq!(selection.findings, []);
}

#[test]
fn what_a_request_cannot_have_is_told() {
    let graph = graph(&[("4.17.0", "4.18.0", &[]), ("4.18.0", "4.19.0", &["A"]), ("4.19.0", "4.20.0", &[])]);
    let ask = |min, max, shortest_path| ChannelRequest { shortest_path, ..request("stable-4.20", min, max) };
    for (asked, code) in [
        (vec![request("stable-4.30", None, None)], vec!["RELEASE_NO_CHANNEL"]),
        (
            vec![ask(Some("4.20.5"), Some("4.20.9"), false)],
            vec!["RELEASE_EMPTY_RANGE", "RELEASE_NOT_IN_CHANNEL", "RELEASE_NOT_IN_CHANNEL"],
        ),
        (vec![ask(Some("4.19.0"), Some("4.20.9"), false)], vec!["RELEASE_NOT_IN_CHANNEL"]),
        (vec![ask(Some("4.18.0"), Some("4.20.0"), true)], vec!["RISK_NOT_ACCEPTED"]),
        (vec![ask(Some("4.17.0"), Some("4.20.0"), true)], vec!["RELEASE_GAP", "RISK_NOT_ACCEPTED"]),
        (vec![ask(Some("4.19.9"), Some("4.20.0"), true)], vec!["UNKNOWN_RELEASE"]),
        (
            vec![request("stable-4.18", None, None), request("stable-4.20", None, None)],
            vec!["RELEASE_NO_WAY_ACROSS"],
        ),
    ] {
        let selection = select(&graph, &asked, &BTreeSet::new(), &LIMITS);
        let found: Vec<&str> = selection.findings.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!(found, code, "{asked:?}");
    }
    let accepted = select(&graph, &[ask(Some("4.18.0"), Some("4.20.0"), true)], &names(&["A"]), &LIMITS);
    assert_eq!((accepted.releases.len(), accepted.findings.len()), (3, 0));
}

const RELEASES: [&str; 9] =
    ["4.18.0", "4.18.1", "4.18.2", "4.19.0", "4.19.1", "4.19.2", "4.20.0", "4.20.1", "4.20.2"];
const RISKS: [&str; 4] = ["A", "B", "C", "D"];

/// Edges by index, each with a set of risks as bits.
type Edges = BTreeMap<(usize, usize), u8>;

fn any_edges() -> impl Strategy<Value = Edges> {
    let bits = prop_oneof![Just(0_u8), 0_u8..16, 1_u8..16];
    let edge = (0_usize..RELEASES.len(), 0_usize..RELEASES.len(), bits);
    prop::collection::vec(edge, 0..24).prop_map(|edges| {
        let allowed = |from: usize, to: usize| from < to && to / 3 - from / 3 < 2;
        edges
            .into_iter()
            .filter(|(from, to, _)| allowed(*from, *to))
            .map(|(from, to, bits)| ((from, to), bits))
            .collect()
    })
}

/// Hops of the shortest way over edges whose risks are all allowed: the distances are lowered until nothing changes.
fn distance(edges: &Edges, from: usize, to: usize, allowed: u8) -> Option<usize> {
    let mut distances = BTreeMap::from([(from, 0)]);
    for _ in 0..RELEASES.len() {
        for ((from, to), _) in edges.iter().filter(|(_, bits)| **bits & !allowed == 0) {
            if let Some(hops) = distances.get(from).map(|hops| hops + 1) {
                distances.entry(*to).and_modify(|old| *old = hops.min(*old)).or_insert(hops);
            }
        }
    }
    distances.get(&to).copied()
}

fn drawn(edges: &Edges) -> UpdateGraph {
    let named: Vec<(&str, &str, Vec<&str>)> = edges
        .iter()
        .map(|((from, to), bits)| {
            let risks = RISKS.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1).map(|(_, name)| *name);
            (RELEASES[*from], RELEASES[*to], risks.collect())
        })
        .collect();
    let named: Vec<(&str, &str, &[&str])> =
        named.iter().map(|(from, to, risks)| (*from, *to, risks.as_slice())).collect();
    graph(&named)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_way_is_a_way_and_no_other_is_better(edges in any_edges(), accepted_bits in 0_u8..16, ends in (0_usize..9, 0_usize..9)) {
        prop_assume!(!edges.is_empty());
        let graph = drawn(&edges);
        let (from, to) = (ends.0.min(ends.1), ends.0.max(ends.1));
        let accepted: Vec<&str> =
            RISKS.iter().enumerate().filter(|(at, _)| accepted_bits >> at & 1 == 1).map(|(_, name)| *name).collect();
        let known = |at: usize| graph.release(&RELEASES[at].parse().unwrap()).is_some();
        prop_assume!(known(from) && known(to));
        let found = path(&graph, RELEASES[from], RELEASES[to], &accepted);
        let shown = match &found {
            Ok(path) => Some(path),
            Err(refusal) => refusal.path(),
        };
        let index = |text: &str| RELEASES.iter().position(|version| *version == text).unwrap();

        // It is a way: each hop is an edge, with all of its risks.
        let mut at = from;
        for hop in shown.iter().flat_map(|path| &path.hops) {
            prop_assert_eq!(index(&hop.from), at);
            let next = index(&hop.version);
            let risks = hop.risks.iter().map(|risk| 1_u8 << RISKS.iter().position(|name| *name == risk.name).unwrap());
            prop_assert_eq!(edges.get(&(at, next)).copied(), Some(risks.sum::<u8>()));
            at = next;
        }
        let hops = shown.map(|path| path.hops.len());
        prop_assert!(shown.is_none() || at == to);

        if let Some(safe) = distance(&edges, from, to, 0) {
            // No condition where there is a safe way, and none longer than the shortest of those.
            prop_assert!(found.is_ok() && shown.unwrap().hops.iter().all(|hop| hop.risks.is_empty()));
            prop_assert_eq!(hops, Some(safe));
            return Ok(());
        }
        // Every set of risks, the smallest first: the first size at which there is a way, and the shortest of that size.
        let best = (0_u8..16)
            .filter(|open| open & accepted_bits == 0)
            .filter_map(|open| Some((open.count_ones(), distance(&edges, from, to, open | accepted_bits)?)))
            .min();
        let mine = shown.map(|path| (u32::try_from(path.unaccepted().len()).unwrap(), path.hops.len()));
        prop_assert_eq!(mine, best);
        prop_assert_eq!(found.is_ok(), best.is_some_and(|(open, _)| open == 0));
    }

    /// Where the search has to settle early it still finds a way wherever there is one.
    #[test]
    fn a_search_that_settles_early_still_finds_a_way(edges in any_edges(), ways in 1_usize..12) {
        prop_assume!(!edges.is_empty());
        let graph = drawn(&edges);
        let limits = Limits { graph_ways: ways, ..LIMITS };
        let accepted = BTreeSet::new();
        for (from, to) in edges.keys() {
            let (from, to) = (RELEASES[*from].parse().unwrap(), RELEASES[*to].parse().unwrap());
            let found = graph.path(&PathRequest { from: &from, to: Some(&to), channel: None, accepted: &accepted }, &limits);
            prop_assert!(found.is_ok() || found.unwrap_err().path().is_some());
        }
    }
}
