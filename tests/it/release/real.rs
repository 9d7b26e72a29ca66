//! Real update graphs: what is counted and walked here was counted and walked by another program first.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;

use ombundle::finding::{Finding, has_errors};
use ombundle::limits::LIMITS;
use ombundle::release::{
    Architecture, ChannelRequest, GraphBuilder, GraphData, NoReleasePath, PathRequest, ReleasePath,
    UpdateGraph, select,
};
use ombundle::version::Version;

use crate::support::shared;

/// A stored reply of the public update service.
pub(super) const STORED: &str = "graph/oc-mirror/cincinnati-graph-data/amd64-stable-4.13.json";
/// Graph data of August 2026.
const DATA: &str = "graph/cincinnati-graph-data";
/// A raw graph of February 2020 with the graph data of that day.
const OLD: &str = "graph/cincinnati-fixtures/test_fixtures/20200220.104838";

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let files = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().map(Result::unwrap);
    files
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let path = entry.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            (path, std::fs::read(entry.path()).unwrap())
        })
        .collect()
}

fn stored(data: &Path) -> (UpdateGraph, Vec<Finding>) {
    let mut builder = GraphBuilder::new(Architecture::Amd64, &LIMITS);
    builder.file("stored", &std::fs::read(data.join(STORED)).unwrap());
    builder.finish(&["stable-4.13".parse().unwrap()])
}

fn walk(
    graph: &UpdateGraph,
    from: &str,
    to: &str,
    accepted: &[&str],
) -> Result<ReleasePath, Box<NoReleasePath>> {
    let (from, to): (Version, Version) = (from.parse().unwrap(), to.parse().unwrap());
    let accepted = accepted.iter().map(|name| (*name).to_owned()).collect();
    graph.path(&PathRequest { from: &from, to: Some(&to), channel: None, accepted: &accepted }, &LIMITS)
}

fn hops(path: &ReleasePath) -> Vec<&str> {
    path.hops.iter().map(|hop| hop.version.as_str()).collect()
}

#[test]
fn a_stored_reply_is_read_as_a_cluster_reads_it() {
    let Some(data) = shared::data() else { return };
    let (graph, findings) = stored(&data);
    assert_eq!(graph.releases().len(), 98);
    // 136 edges stand in it in both forms, and oc-mirror walks them as if they had no condition.
    assert_eq!(graph.edge_counts(), (1_171 - 136, 2_394));
    let names: BTreeSet<&str> = graph.risks().iter().map(|risk| risk.name.as_str()).collect();
    assert_eq!(names.len(), 19);
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].message.contains("unconditional and conditional: 136,"), "{}", findings[0].message);
    let head = graph.head(&"stable-4.13".parse().unwrap()).unwrap();
    assert_eq!(head.version.as_str(), "4.13.43");
    assert_eq!(
        head.payload.as_ref().unwrap().to_string(),
        "quay.io/openshift-release-dev/ocp-release@sha256:d0da3d9b016e6d693a61c9425598921b6d0da99c52cb0f3404f6dbc126149e5d"
    );
}

#[test]
fn ways_through_a_stored_reply() {
    let Some(data) = shared::data() else { return };
    let (graph, _) = stored(&data);
    let safe = walk(&graph, "4.12.0", "4.13.43", &[]).unwrap();
    assert_eq!(hops(&safe), ["4.12.58", "4.13.43"]);
    assert!(safe.hops.iter().all(|hop| hop.risks.is_empty()));
    assert_eq!(hops(&walk(&graph, "4.12.15", "4.13.42", &[]).unwrap()), ["4.12.57", "4.13.42"]);

    let refusal = walk(&graph, "4.12.20", "4.13.36", &["CephCapDropPanic"]).unwrap_err();
    assert_eq!(hops(refusal.path().unwrap()), ["4.13.36"]);
    let open: Vec<&str> =
        refusal.path().unwrap().unaccepted().iter().map(|(_, risk)| risk.name.as_str()).collect();
    assert_eq!(open, ["AcceleratedNetworkingRace", "HighNodeStatusReportFrequency"]);
    let all = ["AcceleratedNetworkingRace", "CephCapDropPanic", "HighNodeStatusReportFrequency"];
    let taken = walk(&graph, "4.12.20", "4.13.36", &all).unwrap();
    let risk = &taken.hops[0].risks[1];
    assert_eq!(
        (risk.name.as_str(), risk.url.as_str(), risk.matching_rules[0].kind.as_str()),
        ("CephCapDropPanic", "https://issues.redhat.com/browse/COS-2781", "PromQL")
    );
}

/// From every seventh release to every higher one: how many hops the shortest way without conditions has.
#[test]
fn many_pairs_of_a_stored_reply() {
    let Some(data) = shared::data() else { return };
    let (graph, _) = stored(&data);
    let (mut counts, accepted) = (BTreeMap::new(), BTreeSet::new());
    for (at, from) in graph.releases().iter().enumerate().step_by(7) {
        for to in graph.releases().iter().skip(at + 1) {
            let (from, to) = (&from.version, &to.version);
            let request = PathRequest { from, to: Some(to), channel: None, accepted: &accepted };
            let hops = graph.path(&request, &LIMITS).ok().map(|path| path.hops.len());
            *counts.entry(hops).or_insert(0) += 1;
        }
    }
    assert_eq!(counts, BTreeMap::from([(Some(1), 152), (Some(2), 6), (None, 563)]));
}

#[test]
fn a_request_over_a_stored_reply() {
    let Some(data) = shared::data() else { return };
    let (graph, _) = stored(&data);
    let version = |text: &str| Some(text.parse().unwrap());
    let asked = ChannelRequest {
        channel: "stable-4.13".parse().unwrap(),
        min: version("4.12.0"),
        max: None,
        shortest_path: true,
        full: false,
    };
    let versions = |asked: &ChannelRequest| {
        let selection = select(&graph, std::slice::from_ref(asked), &BTreeSet::new(), &LIMITS);
        assert_eq!(selection.findings, []);
        selection.releases.iter().map(|release| release.version.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(versions(&asked), ["4.12.0", "4.12.58", "4.13.43"]);
    assert_eq!(versions(&ChannelRequest { shortest_path: false, ..asked.clone() }).len(), 98);
    let range = ChannelRequest { min: version("4.13.40"), shortest_path: false, ..asked };
    assert_eq!(versions(&range), ["4.13.40", "4.13.41", "4.13.42", "4.13.43"]);
}

#[test]
fn graph_data_of_today_is_read_without_a_complaint() {
    let Some(data) = shared::data() else { return };
    let (parsed, findings) = GraphData::parse("data", &files(&data.join(DATA)), &LIMITS);
    assert_eq!(findings, []);
    assert_eq!((parsed.channels.len(), parsed.blocked.len()), (76, 1_717));
    assert_eq!(parsed.blocked.iter().filter(|blocked| blocked.risk.is_none()).count(), 116);
    assert!(parsed.channels["eus-4.20"].contains(&"4.18.1".parse().unwrap()));

    // What is known now of edges that were offered then.
    let mut builder = GraphBuilder::new(Architecture::Amd64, &LIMITS);
    builder.file("stored", &std::fs::read(data.join(STORED)).unwrap());
    builder.graph_data("data", &files(&data.join(DATA)));
    let (graph, findings) = builder.finish(&["stable-4.13".parse().unwrap()]);
    assert!(!has_errors(&findings), "{findings:?}");
    let refusal = walk(&graph, "4.12.20", "4.13.43", &[]).unwrap_err();
    let open: Vec<&str> =
        refusal.path().unwrap().unaccepted().iter().map(|(_, risk)| risk.name.as_str()).collect();
    assert_eq!(open, ["ARODNSWrongBootSequence"]);
}

#[test]
fn a_raw_graph_under_its_graph_data() {
    let Some(data) = shared::data() else { return };
    let folder = data.join(OLD);
    let graph = |architecture, channel: &str| {
        let mut builder = GraphBuilder::new(architecture, &LIMITS);
        builder.file("raw", &std::fs::read(folder.join("graph-gb-raw.json")).unwrap());
        builder.graph_data("data", &files(&folder.join("cincinnati-graph-data")));
        let (graph, findings) = builder.finish(&[channel.parse().unwrap()]);
        (graph, findings.into_iter().map(|finding| finding.code).collect::<Vec<_>>())
    };
    for (architecture, channel, releases, edges) in [
        (Architecture::Amd64, "stable-4.2", 20, 84),
        (Architecture::Amd64, "stable-4.3", 2, 1),
        (Architecture::Amd64, "candidate-4.3", 8, 13),
        (Architecture::Amd64, "fast-4.3", 3, 2),
        (Architecture::Amd64, "prerelease-4.1", 38, 231),
        (Architecture::S390x, "stable-4.2", 4, 0),
    ] {
        let (graph, codes) = graph(architecture, channel);
        assert_eq!(
            (graph.releases().len(), graph.edge_counts()),
            (releases, (edges, 0)),
            "{architecture} {channel}"
        );
        assert!(codes.iter().all(|code| code == "GRAPH_NO_METADATA"), "{codes:?}");
    }
    let (graph, _) = graph(Architecture::Amd64, "stable-4.2");
    assert_eq!(hops(&walk(&graph, "4.1.24", "4.2.16", &[]).unwrap()), ["4.2.8", "4.2.16"]);
}

/// The folder and the tarball that is made of it are the same.
#[test]
fn a_tarball_of_graph_data_is_the_folder() {
    let Some(data) = shared::data() else { return };
    let mut tarball =
        tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    tarball.append_dir_all("cincinnati-graph-data-master", data.join(DATA)).unwrap();
    let mut packed = tarball.into_inner().unwrap();
    packed.flush().unwrap();
    let packed = packed.finish().unwrap();
    let graph = |add: &dyn Fn(&mut GraphBuilder<'_>)| {
        let mut builder = GraphBuilder::new(Architecture::Amd64, &LIMITS);
        builder.file("stored", &std::fs::read(data.join(STORED)).unwrap());
        add(&mut builder);
        let (graph, findings) = builder.finish(&["stable-4.13".parse().unwrap()]);
        assert!(!has_errors(&findings), "{findings:?}");
        graph
    };
    assert_eq!(
        graph(&|builder| builder.file("graph-data.tar.gz", &packed)),
        graph(&|builder| builder.graph_data("folder", &files(&data.join(DATA))))
    );
}

#[test]
fn every_file_of_graphs_is_read_without_a_panic() {
    let Some(data) = shared::data() else { return };
    let all = files(&data.join("graph"));
    assert!(all.len() > 1_800, "{}", all.len());
    for (path, bytes) in &all {
        let mut builder = GraphBuilder::new(Architecture::Amd64, &LIMITS);
        builder.file(path, bytes);
        let as_data = [
            ("channels/a.yaml".to_owned(), bytes.clone()),
            ("blocked-edges/a.yaml".to_owned(), bytes.clone()),
        ];
        builder.graph_data(path, &as_data);
        let _ = builder.finish(&[]);
    }
}
