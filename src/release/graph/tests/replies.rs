//! Replies of the update service: what is sound, what is not, and how several add up.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{built, conditional, edges, node, nodes, payload, told};
use crate::finding::has_errors;
use crate::limits::{LIMITS, Limits};
use crate::release::architecture::Architecture;
use crate::release::graph::GraphBuilder;

#[test]
fn a_sound_reply_says_nothing() {
    let (graph, findings) = built(&[json!({
        "version": 1,
        "nodes": nodes(&["4.20.1", "4.19.3", "4.20.0"]),
        "edges": [[1, 2], [2, 0]],
        "conditionalEdges": [conditional(&[("4.19.3", "4.20.1")], &["B", "A"])],
    })]);
    assert_eq!(told(&findings), [""; 0]);
    assert_eq!(
        graph.releases().iter().map(|it| it.version.as_str()).collect::<Vec<_>>(),
        ["4.19.3", "4.20.0", "4.20.1"]
    );
    assert_eq!(edges(&graph), ["4.19.3 → 4.20.0 []", "4.19.3 → 4.20.1 [A B]", "4.20.0 → 4.20.1 []"]);
    assert_eq!(graph.edge_counts(), (2, 1));
    let head = graph.head(&"stable-4.20".parse().unwrap()).unwrap();
    assert_eq!((head.version.as_str(), head.url.as_deref()), ("4.20.1", Some("https://e.example")));
    assert!(graph.head(&"stable-4.19".parse().unwrap()).is_none());
}

#[test]
fn what_is_not_sound_is_named_with_its_place() {
    let two = || nodes(&["4.20.0", "4.20.1"]);
    let edge = |edges: Value| json!({"nodes": two(), "edges": edges});
    let mut tagged = node("4.20.2", "");
    tagged["payload"] = json!("quay.io/openshift-release-dev/ocp-release:4.20.2-x86_64");
    for (reply, expected) in [
        (
            edge(json!([[0, 1], [0, 2]])),
            "GRAPH_EDGE_RANGE edges[1]: it leads from node 0 to node 2, and there are 2",
        ),
        (
            edge(json!([[99, 0]])),
            "GRAPH_EDGE_RANGE edges[0]: it leads from node 99 to node 0, and there are 2",
        ),
        (
            json!({"nodes": two(), "conditionalEdges": [conditional(&[("4.20.0", "4.20.1"), ("4.20.0", "4.20.9")], &["A"])]}),
            "GRAPH_UNKNOWN_VERSION conditionalEdges[0].edges[1]: it leads from 4.20.0 to 4.20.9, and there is no node 4.20.9",
        ),
        (
            json!({"nodes": two(), "conditionalEdges": [conditional(&[("4.19.9", "4.20.1")], &["A"])]}),
            "GRAPH_UNKNOWN_VERSION conditionalEdges[0].edges[0]: it leads from 4.19.9 to 4.20.1, and there is no node 4.19.9",
        ),
        (
            json!({"nodes": nodes(&["4.20.0", "4.20.0"])}),
            "GRAPH_DUPLICATE_VERSION nodes[1]: version 4.20.0 stands there twice",
        ),
        (
            json!({"nodes": nodes(&["4.20.0", "4.20"])}),
            "GRAPH_VERSION nodes[1]: version `4.20` has not got three numbers",
        ),
        (
            json!({"nodes": [node("4.20.0", ""), tagged]}),
            "GRAPH_PAYLOAD nodes[1]: `quay.io/openshift-release-dev/ocp-release:4.20.2-x86_64` is not a pinned image: it must end in `@sha256:…`",
        ),
        (json!({"nodes": []}), "GRAPH_EMPTY graph: there is no release in it"),
    ] {
        let (_, findings) = built(std::slice::from_ref(&reply));
        assert_eq!(told(&findings), [expected], "{reply}");
        assert!(has_errors(&findings));
        assert!(findings.iter().all(|finding| !finding.hint.is_empty()));
        assert_eq!(
            findings[0].file.as_deref(),
            (expected != "GRAPH_EMPTY graph: there is no release in it").then_some("reply-0")
        );
    }
}

#[test]
fn what_is_no_reply_is_told_with_its_line() {
    for (text, expected) in [
        ("<html>", "expected value at line 1 column 1"),
        ("{}", "missing field `nodes`"),
        ("{\"nodes\": [],\n\"edges\": [[1]]}", "line 2"),
        ("{\"nodes\": [], \"edges\": [[-1, 0]]}", "invalid value: integer `-1`"),
        ("{\"nodes\": {}}", "expected a sequence"),
        ("", "EOF while parsing"),
        ("{\"nodes\": [], \"conditionalEdges\": [{\"edges\": []}]}", "missing field `risks`"),
    ] {
        let mut builder = GraphBuilder::new(Architecture::Amd64, &LIMITS);
        builder.reply("reply.json", text.as_bytes());
        let (_, findings) = builder.finish(&[]);
        let syntax = findings.iter().find(|finding| finding.code == "GRAPH_SYNTAX").unwrap();
        assert!(syntax.message.contains(expected), "{text}: {}", syntax.message);
        assert!(syntax.file.as_deref() == Some("reply.json") && syntax.line.is_some());
    }
}

#[test]
fn edges_that_no_cluster_takes_are_left_out_and_said() {
    let versions = ["4.18.0", "4.19.0", "4.19.1", "4.20.0"];
    let reply = |edges: Value| json!({"nodes": nodes(&versions), "edges": edges});
    for (edges_in, expected, kept) in [
        (
            json!([[0, 1], [1, 2], [2, 0]]),
            "GRAPH_CYCLE 4.19.1 → 4.18.0: the edges run in a circle: 4.18.0 → 4.19.0 → 4.19.1 → 4.18.0",
            2,
        ),
        (json!([[1, 1]]), "GRAPH_CYCLE 4.19.0 → 4.19.0: the edges run in a circle: 4.19.0 → 4.19.0", 0),
        (json!([[2, 1]]), "GRAPH_DOWN 4.19.1 → 4.19.0: the edge does not lead to a higher release", 0),
        (
            json!([[0, 1], [0, 3], [2, 3]]),
            "GRAPH_FAR graph: edges lead over a minor release: 1, for instance 4.18.0 → 4.20.0",
            2,
        ),
    ] {
        let (graph, findings) = built(&[reply(edges_in)]);
        assert_eq!(told(&findings), [expected]);
        assert!(!has_errors(&findings));
        assert_eq!(graph.edge_counts(), (kept, 0));
    }
}

#[test]
fn conditional_wins_in_one_reply_and_between_two() {
    let versions = ["4.20.0", "4.20.1", "4.20.2"];
    let safe = json!({"nodes": nodes(&versions), "edges": [[0, 1], [1, 2]]});
    let bound = json!({"nodes": nodes(&versions), "conditionalEdges": [conditional(&[("4.20.0", "4.20.1")], &["A"])]});
    let mut both = safe.clone();
    both["conditionalEdges"] = bound["conditionalEdges"].clone();
    for replies in [vec![both], vec![safe.clone(), bound.clone()], vec![bound, safe]] {
        let (graph, findings) = built(&replies);
        assert_eq!(edges(&graph), ["4.20.0 → 4.20.1 [A]", "4.20.1 → 4.20.2 []"]);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].code, "GRAPH_CONDITIONAL_WINS");
        assert!(
            findings[0].message.contains(": 1, for instance 4.20.0 → 4.20.1;"),
            "{}",
            findings[0].message
        );
    }
}

#[test]
fn an_edge_without_a_usable_risk_is_not_there() {
    let mut none = conditional(&[("4.20.0", "4.20.1")], &["A"]);
    none["risks"][0]["matchingRules"] = json!([]);
    for group in [none, conditional(&[("4.20.0", "4.20.1")], &[])] {
        let (graph, findings) = built(&[
            json!({"nodes": nodes(&["4.20.0", "4.20.1"]), "edges": [[0, 1]], "conditionalEdges": [group]}),
        ]);
        assert_eq!(edges(&graph), [""; 0]);
        assert_eq!(findings[0].code, "GRAPH_NO_RISK");
    }
}

#[test]
fn replies_add_up_by_version_and_payload() {
    let first =
        json!({"nodes": [node("4.19.9", "stable-4.19"), node("4.20.0", "stable-4.20")], "edges": [[0, 1]]});
    let second =
        json!({"nodes": [node("4.20.0", "stable-4.21"), node("4.21.0", "stable-4.21")], "edges": [[0, 1]]});
    let (graph, findings) = built(&[first.clone(), second]);
    assert_eq!(told(&findings), [""; 0]);
    assert_eq!(edges(&graph), ["4.19.9 → 4.20.0 []", "4.20.0 → 4.21.0 []"]);
    let release = graph.release(&"4.20.0".parse().unwrap()).unwrap();
    assert_eq!(release.channels.iter().collect::<Vec<_>>(), ["stable-4.20", "stable-4.21"]);

    let mut other = node("4.20.0", "stable-4.20");
    other["payload"] = json!(payload(1));
    let (_, findings) = built(&[first, json!({"nodes": [other]})]);
    assert_eq!(
        (findings[0].code.as_str(), findings[0].file.as_deref()),
        ("GRAPH_TWO_PAYLOADS", Some("reply-1"))
    );
    assert!(has_errors(&findings));
}

#[test]
fn one_architecture_of_a_raw_graph_is_taken_and_its_suffix_with_it() {
    let mut named = node("4.3.1", "");
    named["metadata"]["io.openshift.upgrades.graph.release.arch"] = json!("s390x");
    let never_made = json!({"version": "4.3.9"});
    let reply = json!({
        "nodes": [node("4.2.0+amd64", ""), node("4.2.0+s390x", ""), node("4.2.1-s390x", ""), node("4.2.1+amd64", ""), named, never_made],
        "edges": [[0, 3], [1, 2], [0, 2], [5, 3]],
    });
    for (architecture, expected) in
        [(Architecture::Amd64, "4.2.0 → 4.2.1 []"), (Architecture::S390x, "4.2.0 → 4.2.1-s390x []")]
    {
        let mut builder = GraphBuilder::new(architecture, &LIMITS);
        builder.reply("raw", reply.to_string().as_bytes());
        let (graph, findings) = builder.finish(&[]);
        assert_eq!((told(&findings), edges(&graph)), (vec![], vec![expected.to_owned()]));
        assert_eq!(graph.architecture(), architecture);
    }
    let mut builder = GraphBuilder::new(Architecture::Arm64, &LIMITS);
    builder.reply("raw", reply.to_string().as_bytes());
    assert_eq!(
        told(&builder.finish(&[]).1),
        ["GRAPH_ARCHITECTURE graph: none of the 5 releases is for arm64"]
    );
}

#[test]
fn only_releases_of_the_channels_are_kept() {
    let reply = json!({
        "nodes": [node("4.20.0", "candidate-4.20,stable-4.20"), node("4.20.1", "candidate-4.20"), node("4.20.2", "stable-4.20")],
        "edges": [[0, 1], [1, 2], [0, 2]],
        "conditionalEdges": [conditional(&[("4.20.0", "4.20.1")], &["A"])],
    });
    let finish = |channel: &str| {
        let mut builder = GraphBuilder::new(Architecture::Amd64, &LIMITS);
        builder.reply("reply", reply.to_string().as_bytes());
        builder.finish(&[channel.parse().unwrap()])
    };
    let (graph, _) = finish("stable-4.20");
    assert_eq!(edges(&graph), ["4.20.0 → 4.20.2 []"]);
    assert!(graph.risks().is_empty(), "risks of edges that are gone");
    let (_, findings) = finish("stable-4.21");
    let channel = findings.iter().find(|finding| finding.code == "GRAPH_CHANNEL").unwrap();
    assert_eq!(channel.message, "no release of it is in stable-4.21");
    assert_eq!(channel.hint, "it has candidate-4.20, stable-4.20");
}

#[test]
fn ceilings_hold() {
    let reply = json!({
        "nodes": nodes(&["4.20.0", "4.20.1", "4.20.2"]), "edges": [[0, 1], [1, 2]],
        "conditionalEdges": [conditional(&[("4.20.0", "4.20.2")], &["A", "B"])],
    });
    let text = reply.to_string();
    let errors = |limits: Limits| {
        let mut builder = GraphBuilder::new(Architecture::Amd64, &limits);
        builder.reply("reply", text.as_bytes());
        let (_, findings) = builder.finish(&[]);
        findings.iter().filter(|finding| finding.code == "GRAPH_TOO_LARGE").count()
    };
    let fits = Limits { graph_bytes: text.len() as u64, graph_releases: 3, graph_edges: 4, ..LIMITS };
    assert_eq!(errors(fits.clone()), 0);
    assert_eq!(errors(Limits { graph_bytes: text.len() as u64 - 1, ..fits.clone() }), 1);
    let mut builder = GraphBuilder::new(Architecture::Amd64, &LIMITS);
    builder.file("metadata", &vec![b'['; usize::try_from(LIMITS.graph_bytes).unwrap() + 1]);
    assert_eq!(builder.finish(&[]).1[0].code, "GRAPH_TOO_LARGE");
    assert_eq!(errors(Limits { graph_releases: 2, ..fits.clone() }), 1);
    assert_eq!(errors(Limits { graph_edges: 3, ..fits }), 1);
}

#[test]
fn many_findings_of_a_kind_are_counted() {
    let edges: Vec<[u64; 2]> = (0..1_000).map(|at| [0, at + 9]).collect();
    let (_, findings) = built(&[json!({"nodes": nodes(&["4.20.0"]), "edges": edges})]);
    assert_eq!(findings.len(), 21);
    assert_eq!(findings[20].message, "980 more of this kind are not listed");
    assert!(findings.iter().all(|finding| finding.code == "GRAPH_EDGE_RANGE"));
}

/// JSON in the shape of a reply, more or less.
fn any_reply() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just(json!(null)),
        any::<i64>().prop_map(|it| json!(it)),
        "4\\.[0-9]\\.[0-9](-[a-z0-9]{0,3})?([+]amd64)?".prop_map(|it| json!(it)),
        "[a-zA-Z0-9:@./+-]{0,12}".prop_map(|it| json!(it)),
        Just(json!(payload(3))),
    ];
    let key = prop_oneof![
        Just("nodes"),
        Just("edges"),
        Just("conditionalEdges"),
        Just("risks"),
        Just("from"),
        Just("to"),
        Just("version"),
        Just("payload"),
        Just("metadata"),
        Just("name"),
        Just("url"),
        Just("message"),
        Just("matchingRules"),
        Just("type"),
        Just("promql"),
        Just("kind"),
    ];
    word.prop_recursive(6, 96, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::Array),
            prop::collection::btree_map(key.clone().prop_map(str::to_owned), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_read_without_a_panic(value in any_reply(), cut in 0_usize..400) {
        let text = value.to_string();
        for bytes in [text.as_bytes(), text.as_bytes().get(..cut).unwrap_or_default()] {
            let mut builder = GraphBuilder::new(Architecture::Amd64, &LIMITS);
            builder.file("any", bytes);
            let _ = builder.finish(&["stable-4.20".parse().unwrap()]);
        }
    }

    /// Edges between any nodes, in any direction: what is left rises, and nothing hangs.
    #[test]
    fn what_is_left_of_any_edges_rises(pairs in prop::collection::vec((0_usize..8, 0_usize..8), 0..40)) {
        let versions = ["4.18.0", "4.18.1", "4.19.0-rc.1", "4.19.0", "4.19.1", "4.20.0", "4.20.1", "4.21.0"];
        let (graph, _) = built(&[json!({"nodes": nodes(&versions), "edges": pairs})]);
        let (mut safe, _) = graph.edge_counts();
        for (at, from) in graph.releases().iter().enumerate() {
            for to in graph.releases().iter().skip(at + 1) {
                safe -= usize::from(graph.edge(&from.version, &to.version).is_some());
            }
        }
        prop_assert_eq!(safe, 0);
    }
}
