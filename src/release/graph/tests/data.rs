//! Graph data: channels, blocked edges, amendments, and the tarball that they come in.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::{edges, told};
use crate::finding::{Finding, Severity, has_errors};
use crate::limits::{LIMITS, Limits};
use crate::release::architecture::Architecture;
use crate::release::graph::{GraphBuilder, GraphData, UpdateGraph};
use crate::release::metadata::ReleaseMetadata;

const CONDITIONAL: &str = "\
to: 4.20.1
from: ^4[.]19[.]3[+]amd64$
url: https://e.example/risk
name: Breaks
message: |-
  It breaks.
fixedIn: 4.20.2
matchingRules:
- type: PromQL
  promql:
    promql: |
      group(up)
- type: Always
";

fn files(all: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
    all.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
}

fn metadata(version: &str, previous: &[&str]) -> ReleaseMetadata {
    let json =
        serde_json::json!({"kind": "cincinnati-metadata-v0", "version": version, "previous": previous});
    ReleaseMetadata::parse(json.to_string().as_bytes()).unwrap()
}

/// The graph of four releases under some graph data.
fn under(architecture: Architecture, data: &[(&str, &str)], channel: &str) -> (UpdateGraph, Vec<Finding>) {
    let mut builder = GraphBuilder::new(architecture, &LIMITS);
    builder.graph_data("data", &files(data));
    for release in [
        metadata("4.19.3", &["4.18.0"]),
        metadata("4.20.0", &["4.19.3"]),
        metadata("4.20.1", &["4.19.3", "4.20.0"]),
        metadata("4.20.2", &["4.20.0", "4.20.1"]),
    ] {
        builder.metadata(release);
    }
    builder.finish(&[channel.parse().unwrap()])
}

const CHANNEL: (&str, &str) = (
    "channels/stable-4.20.yaml",
    "name: stable-4.20\nversions:\n- 4.19.3\n- 4.20.0+amd64\n- 4.20.1\n- 4.20.2\n",
);

#[test]
fn channels_and_blocks_shape_what_releases_say() {
    let blocked = ("blocked-edges/4.20.2.yaml", "to: 4.20.2\nfrom: 4[.]20[.]0\n");
    let amd = ("blocked-edges/4.20.0.yaml", "to: 4.20.0+amd64\nfrom: .*\n");
    let data = [CHANNEL, blocked, ("blocked-edges/4.20.1-Breaks.yaml", CONDITIONAL), ("version", "1.1.0\n")];
    let (graph, findings) = under(Architecture::Amd64, &data, "stable-4.20");
    assert_eq!(told(&findings), [""; 0]);
    assert_eq!(
        edges(&graph),
        ["4.19.3 → 4.20.0 []", "4.19.3 → 4.20.1 [Breaks]", "4.20.0 → 4.20.1 []", "4.20.1 → 4.20.2 []"]
    );
    let risk = &graph.risks()[0];
    assert_eq!((risk.url.as_str(), risk.message.as_str()), ("https://e.example/risk", "It breaks."));
    let rules: Vec<_> =
        risk.matching_rules.iter().map(|rule| (rule.kind.as_str(), rule.promql.as_deref())).collect();
    assert_eq!(rules, [("PromQL", Some("group(up)\n")), ("Always", None)]);

    // The same for another architecture: what is meant for amd64 does not count.
    let (graph, _) = under(
        Architecture::Arm64,
        &[CHANNEL, blocked, ("blocked-edges/x.yaml", CONDITIONAL), amd],
        "stable-4.20",
    );
    assert_eq!(edges(&graph), ["4.19.3 → 4.20.1 []", "4.20.1 → 4.20.2 []"]);
    let (graph, _) = under(Architecture::Amd64, &[CHANNEL, amd], "stable-4.20");
    assert_eq!(
        edges(&graph),
        ["4.19.3 → 4.20.1 []", "4.20.0 → 4.20.1 []", "4.20.0 → 4.20.2 []", "4.20.1 → 4.20.2 []"]
    );
}

#[test]
fn two_expressions_for_one_release_both_count() {
    let (graph, _) = under(
        Architecture::Amd64,
        &[
            CHANNEL,
            ("blocked-edges/a.yaml", "to: 4.20.2\nfrom: ^4[.]20[.]0\n"),
            ("blocked-edges/b.yaml", "to: 4.20.2\nfrom: ^4[.]20[.]1\n"),
        ],
        "stable-4.20",
    );
    assert_eq!(edges(&graph), ["4.19.3 → 4.20.0 []", "4.19.3 → 4.20.1 []", "4.20.0 → 4.20.1 []"]);
}

#[test]
fn amendments_add_before_they_remove() {
    let raw = r#"{
        "4.20.2": {"io.openshift.upgrades.graph.previous.add": "4.19.3, 4.99.0", "io.openshift.upgrades.graph.previous.remove": "4.20.0"},
        "4.20.1": {"io.openshift.upgrades.graph.previous.remove": "*", "other": "x"},
        "4.19.3": {"io.openshift.upgrades.graph.next.remove": "4.20.0"}
    }"#;
    let (graph, findings) = under(Architecture::Amd64, &[CHANNEL, ("raw/metadata.json", raw)], "stable-4.20");
    assert_eq!(told(&findings), [""; 0]);
    assert_eq!(edges(&graph), ["4.19.3 → 4.20.2 []", "4.20.1 → 4.20.2 []"]);
}

#[test]
fn what_is_wrong_is_named_with_file_and_line() {
    let without_name = CONDITIONAL.replace("name: Breaks\n", "");
    for (file, text, expected) in [
        ("blocked-edges/a.yaml", "to: 4.20.1\nfrom: (", "2 GRAPH_DATA_REGEX from"),
        ("blocked-edges/a.yaml", "from: .*\n", "1 GRAPH_DATA_MISSING_FIELD to"),
        ("blocked-edges/a.yaml", "to: 4.20\nfrom: .*\n", "1 GRAPH_DATA_WRONG_TYPE to"),
        ("blocked-edges/a.yaml", "to: latest\nfrom: .*\n", "1 GRAPH_DATA_VERSION to"),
        ("blocked-edges/a.yaml", without_name.as_str(), "1 GRAPH_DATA_MISSING_FIELD name"),
        (
            "blocked-edges/a.yaml",
            "to: 4.20.1\nfrom: .*\nmatchingRules: []\n",
            "1 GRAPH_DATA_MISSING_FIELD name",
        ),
        ("blocked-edges/a.yaml", "to: [4.20.1\n", "2 GRAPH_DATA_SYNTAX blocked-edges/a.yaml"),
        ("blocked-edges/a.yaml", "", "1 GRAPH_DATA_SYNTAX blocked-edges/a.yaml"),
        ("channels/a.yaml", "name: a\nversions:\n- 4.20.0\n- next\n", "4 GRAPH_DATA_VERSION versions[1]"),
        ("channels/a.yaml", "name: stable-4.20\nversions: []\n", "1 GRAPH_DATA_CHANNEL name"),
        ("raw/metadata.json", "{\"4.20.0\":\n1}", "2 GRAPH_DATA_SYNTAX raw/metadata.json"),
        ("version", "2.0.0", "1 GRAPH_DATA_SCHEMA version"),
        ("version", "1.3.0", "1 GRAPH_DATA_SCHEMA version"),
    ] {
        let (_, findings) = GraphData::parse("data", &files(&[CHANNEL, (file, text)]), &LIMITS);
        let found: Vec<String> = findings
            .iter()
            .map(|finding| {
                assert!(finding.file.as_deref().is_some_and(|path| path.starts_with("data/")), "{finding:?}");
                format!("{} {} {}", finding.line.unwrap_or_default(), finding.code, finding.subject)
            })
            .collect();
        assert_eq!(found.first().map(String::as_str), Some(expected), "{text}");
        assert!(has_errors(&findings));
    }
}

#[test]
fn a_field_that_came_later_is_no_reason_to_refuse() {
    let later = format!("{CONDITIONAL}severity: high\n");
    let (data, findings) =
        GraphData::parse("data", &files(&[CHANNEL, ("blocked-edges/a.yaml", &later)]), &LIMITS);
    assert_eq!(data.blocked.len(), 1);
    assert_eq!(findings.len(), 1);
    assert_eq!(
        (findings[0].severity, findings[0].code.as_str()),
        (Severity::Info, "GRAPH_DATA_UNKNOWN_FIELD")
    );
}

#[test]
fn graph_data_alone_has_no_edges_and_says_so() {
    let mut builder = GraphBuilder::new(Architecture::Amd64, &LIMITS);
    builder.graph_data("data", &files(&[CHANNEL]));
    let (_, findings) = builder.finish(&["stable-4.20".parse().unwrap()]);
    assert_eq!(findings[0].code, "GRAPH_NO_EDGES");
    assert!(findings[0].hint.contains("the metadata of the releases"));

    let (_, findings) = under(Architecture::Amd64, &[CHANNEL], "stable-4.21");
    assert_eq!(findings[0].message, "the graph data has no channel stable-4.21");
    assert_eq!(findings[0].hint, "did you mean stable-4.20?");

    let (_, findings) =
        GraphData::parse("data", &files(&[("channels.yaml", "a"), ("x/notchannels/a.yaml", "")]), &LIMITS);
    assert_eq!(findings[0].code, "GRAPH_DATA_EMPTY");

    let mut builder = GraphBuilder::new(Architecture::Amd64, &LIMITS);
    builder.graph_data("one", &files(&[CHANNEL]));
    builder.graph_data("two", &files(&[CHANNEL]));
    let (_, findings) = builder.finish(&[]);
    assert_eq!((findings[0].code.as_str(), findings[0].file.as_deref()), ("GRAPH_DATA_TWICE", Some("two")));
}

fn tarball(all: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, text) in all {
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn channels(bytes: &[u8], limits: &Limits) -> (Vec<String>, Vec<Finding>) {
    let mut builder = GraphBuilder::new(Architecture::Amd64, limits);
    builder.file("graph-data.tar.gz", bytes);
    let names = builder.data.iter().flat_map(|data| data.channels.keys().cloned()).collect();
    (names, builder.finish(&[]).1)
}

#[test]
fn a_tarball_is_read_packed_or_not_with_a_folder_around_it_or_without() {
    let inner = [("channels/OWNERS", "- x"), CHANNEL, ("version", "1.1.0")];
    let outer = inner.map(|(path, text)| (format!("./cincinnati-graph-data-master/{path}"), text));
    let outer: Vec<(&str, &str)> = outer.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    for bytes in [tarball(&inner), gzip(&tarball(&inner)), gzip(&tarball(&outer))] {
        let (names, findings) = channels(&bytes, &LIMITS);
        assert_eq!(names, ["stable-4.20"]);
        assert_eq!(findings.iter().map(|it| it.code.as_str()).collect::<Vec<_>>(), ["GRAPH_NO_EDGES"]);
    }
}

#[test]
fn a_tarball_that_is_too_much_or_broken_is_refused() {
    let whole = gzip(&tarball(&[CHANNEL, ("big", &"0".repeat(100_000))]));
    let cut = &whole[..whole.len() / 2];
    // A name that long is read before anybody sees an entry.
    let mut named = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(100_000);
    header.set_cksum();
    named.append(&header, vec![b'a'; 100_000].as_slice()).unwrap();
    let named = gzip(&named.into_inner().unwrap());
    let few = |graph_data_bytes, graph_data_files| Limits { graph_data_bytes, graph_data_files, ..LIMITS };
    for (bytes, limits, expected) in [
        (&whole[..], few(50_000, 9), "unpacked it has more than 50000 bytes"),
        (&whole[..], few(1 << 20, 1), "it has more than 1 files"),
        (&named[..], few(50_000, 9), "unpacked it has more than 50000 bytes"),
        (cut, LIMITS, "it cannot be unpacked"),
    ] {
        let (_, findings) = channels(bytes, &limits);
        assert_eq!(findings[0].code, "GRAPH_DATA_TARBALL", "{findings:?}");
        assert!(findings[0].message.starts_with(expected), "{}", findings[0].message);
    }
}

proptest! {
    #[test]
    fn any_yaml_is_read_without_a_panic(text in "(to|from|name|versions|matchingRules|[-: \n\\[\\]{}.*a4+0]){0,40}") {
        let (data, _) = GraphData::parse("data", &files(&[("channels/a.yaml", &text), ("blocked-edges/a.yaml", &text), ("raw/metadata.json", &text)]), &LIMITS);
        prop_assert!(data.channels.len() <= 1);
    }
}
