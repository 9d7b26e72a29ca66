//! Drawings of small graphs, and of hostile ones.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Edge, Graph, Lane, Mark, Node, Note, Row, Stroke, View, dot, mermaid, svg, text};
use crate::catalog::{Package, PathFinder, load};
use crate::limits::LIMITS;

/// A package of these channels; every entry that is named has a bundle.
fn made(default: &str, channels: &[(&str, Value)], others: &[Value]) -> Package {
    let mut blobs = vec![json!({"schema": "olm.package", "name": "p", "defaultChannel": default})];
    let mut names = std::collections::BTreeSet::new();
    for (name, entries) in channels {
        names.extend(entries.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap().to_owned()));
        blobs.push(json!({"schema": "olm.channel", "package": "p", "name": name, "entries": entries}));
    }
    blobs.extend(names.iter().map(|name| {
        let version = name.strip_prefix("p.v").unwrap();
        json!({"schema": "olm.bundle", "package": "p", "name": name, "image": format!("r.example/p@sha256:{:064}", 0),
            "properties": [{"type": "olm.package", "value": {"packageName": "p", "version": version}}]})
    }));
    blobs.extend(others.iter().cloned());
    let text = blobs.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
    let loaded = load([("catalog.json".to_owned(), text.into_bytes())], &LIMITS);
    assert_eq!(loaded.findings, []);
    loaded.catalog.packages["p"].clone()
}

/// Two channels: the path changes from one to the other; a version is skipped, one is deprecated, one is not there.
fn two_channels() -> Package {
    made(
        "new",
        &[
            (
                "old",
                json!([{"name": "p.v1.0.0", "replaces": "p.v0.9.0"}, {"name": "p.v1.1.0", "replaces": "p.v1.0.0"}]),
            ),
            (
                "new",
                json!([
                    {"name": "p.v1.1.0"},
                    {"name": "p.v2.0.0", "replaces": "p.v1.1.0"},
                    {"name": "p.v2.0.1", "replaces": "p.v1.1.0", "skips": ["p.v2.0.0", "p.v1.9.0"], "skipRange": ">=1.0.0 <2.0.1"},
                ]),
            ),
        ],
        &[json!({"schema": "olm.deprecations", "package": "p", "entries": [
            {"reference": {"schema": "olm.channel", "name": "old"}, "message": "move on"},
            {"reference": {"schema": "olm.bundle", "name": "p.v1.0.0"}, "message": "too old"}]})],
    )
}

fn drawn(package: &Package, from: &str, to: &str) -> Graph {
    let start = package.start_named(from).unwrap();
    let finder = PathFinder::new(package, &[]);
    let path = finder.plan(&start, Some("old"), Some(to)).unwrap();
    super::package(package, View { channel: None, start: Some(&start), target: Some(to), path: Some(&path) })
}

/// The edges by label and lane.
fn edges(graph: &Graph) -> Vec<(String, String, Stroke, Option<usize>)> {
    let name =
        |index: usize| format!("{}@{}", graph.nodes[index].label, graph.lanes[graph.nodes[index].lane].name);
    let mut edges: Vec<_> =
        graph.edges.iter().map(|it| (name(it.from), name(it.to), it.stroke, it.hop)).collect();
    edges.sort();
    edges
}

fn edge(from: &str, to: &str, stroke: Stroke, hop: Option<usize>) -> (String, String, Stroke, Option<usize>) {
    (from.to_owned(), to.to_owned(), stroke, hop)
}

#[test]
fn a_path_changes_its_lane() {
    let package = two_channels();
    let start = package.start_named("p.v1.1.0").unwrap();
    let path = PathFinder::new(&package, &[]).plan(&start, Some("old"), Some("p.v2.0.1")).unwrap();
    let view =
        View { channel: Some("old"), start: Some(&start), target: Some("p.v2.0.1"), path: Some(&path) };
    let graph = super::package(&package, view);
    assert_eq!(graph.lanes.iter().map(|lane| lane.name.as_str()).collect::<Vec<_>>(), ["old", "new"]);
    assert_eq!(
        edges(&graph),
        [
            edge("1.0.0@old", "1.1.0@old", Stroke::Solid, None),
            edge("1.1.0@new", "2.0.0@new", Stroke::Solid, None),
            edge("1.1.0@new", "2.0.1@new", Stroke::Solid, Some(1)),
            edge("1.1.0@old", "1.1.0@new", Stroke::Link, Some(0)),
            edge("2.0.0@new", "2.0.1@new", Stroke::Dashed, None),
        ]
    );
    let marked = |mark| {
        let nodes = graph.nodes.iter().filter(|node| node.marks.contains(&mark));
        nodes.map(|node| (graph.lanes[node.lane].name.as_str(), node.label.as_str())).collect::<Vec<_>>()
    };
    assert_eq!(marked(Mark::Installed), [("old", "1.1.0"), ("new", "1.1.0")]);
    assert_eq!(marked(Mark::Target), [("new", "2.0.1")]);
    assert_eq!(marked(Mark::Withheld), [("new", "2.0.0")]);
    assert_eq!(marked(Mark::Deprecated), [("old", "1.0.0")]);
    assert_eq!(marked(Mark::Head), [("old", "1.1.0"), ("new", "2.0.1")]);
}

#[test]
fn a_start_that_no_channel_has_hops_over_lanes() {
    let package = two_channels();
    let start = package.start_at(&"1.5.0".parse().unwrap());
    let path = PathFinder::new(&package, &[]).plan(&start, None, None).unwrap();
    let view = View { start: Some(&start), path: Some(&path), ..View::default() };
    let graph = super::package(&package, view);
    assert!(
        edges(&graph).contains(&edge("1.5.0@new", "2.0.1@new", Stroke::Dotted, Some(1))),
        "{:?}",
        edges(&graph)
    );
    let absent = graph.nodes.iter().find(|node| node.label == "1.5.0").unwrap();
    assert_eq!(
        absent.marks.iter().copied().collect::<Vec<_>>(),
        [Mark::Installed, Mark::OnPath, Mark::Absent]
    );
    assert_eq!(graph.rows[absent.row].band, "1.5");
}

#[test]
fn only_the_newest_of_several_ways_is_drawn() {
    let range = ">=1.0.0 <9.0.0";
    let package = made(
        "c",
        &[(
            "c",
            json!([
                {"name": "p.v1.0.0"},
                {"name": "p.v1.1.0", "replaces": "p.v1.0.0", "skipRange": range},
                {"name": "p.v1.2.0", "replaces": "p.v1.1.0", "skipRange": range, "skips": ["p.v1.0.0"]},
                {"name": "p.v1.3.0", "replaces": "p.v1.2.0", "skipRange": range, "skips": ["p.v1.0.0"]},
            ]),
        )],
        &[],
    );
    assert_eq!(
        edges(&super::package(&package, View::default())),
        [
            edge("1.0.0@c", "1.1.0@c", Stroke::Solid, None),
            edge("1.0.0@c", "1.3.0@c", Stroke::Dashed, None),
            edge("1.1.0@c", "1.2.0@c", Stroke::Solid, None),
            edge("1.1.0@c", "1.3.0@c", Stroke::Dotted, None),
            edge("1.2.0@c", "1.3.0@c", Stroke::Solid, None),
        ]
    );
}

#[test]
fn thousands_of_skips_are_summed_up() {
    let skips: Vec<String> = (0..31_504).map(|at| format!("p.v0.0.{at}")).collect();
    let package = made("c", &[("c", json!([{"name": "p.v1.0.0", "skips": skips}]))], &[]);
    let graph = super::package(&package, View::default());
    assert_eq!(graph.nodes[0].notes, [Note::SkipsAbsent { count: 31_504 }]);
    for drawing in [text(&graph), svg(&graph), mermaid(&graph), dot(&graph)] {
        assert!(drawing.len() < 8_000, "{}", drawing.len());
    }
}

#[test]
fn a_package_in_a_terminal() {
    assert_eq!(
        text(&drawn(&two_channels(), "p.v1.0.0", "p.v2.0.1")),
        "p\n\
         1.0.0 → 2.0.1 in 1 hop · 2 channels · 4 versions\n\n\
         old (deprecated)\n\
         \u{20} ○ 1.1.0  head · replaces 1.0.0\n\
         \u{20} ● 1.0.0  installed, deprecated · replaces p.v0.9.0, which is not here · too old\n\n\
         new (default)\n\
         \u{20} ● 2.0.1  target, head · hop 1 from 1.0.0 (skipRange) · replaces 1.1.0 · skips 2.0.0\n\
         \u{20}          skips 1 that are not here · skipRange >=1.0.0 <2.0.1\n\
         \u{20} │ · 2.0.0  skipped · replaces 1.1.0\n\
         \u{20} ○ 1.1.0\n\n\
         ● on the path  ○ offered  · skipped: offered to nobody   ┃ path  │ replaces\n"
    );
}

#[test]
fn a_package_for_graphviz_and_for_markdown() {
    let graph = drawn(&two_channels(), "p.v1.0.0", "p.v1.1.0");
    let dot = dot(&graph);
    assert!(dot.starts_with("digraph upgrades {\n  rankdir=BT\n"), "{dot}");
    for line in [
        "  label=\"p\\n1.0.0 → 1.1.0 in 1 hop · 2 channels · 4 versions\"\n",
        "  subgraph cluster_1 {\n    label=\"new default\"\n",
        "  n0 -> n1 [style=solid label=\"1: replaces\" color=\"#0b62d6\" penwidth=3]\n",
        "  n3 -> n4 [style=dashed tooltip=\"skips\" constraint=false]\n",
    ] {
        assert!(dot.contains(line), "{line}\n{dot}");
    }
    assert_eq!(
        mermaid(&graph),
        "%% p\nflowchart BT\n  subgraph lane0[\"old\"]\n    n1[\"1.1.0<br/>target, head\"]\n    \
         n0[\"1.0.0<br/>installed, deprecated\"]\n  end\n  subgraph lane1[\"new default\"]\n    \
         n4[\"2.0.1<br/>head\"]\n    n3[\"2.0.0<br/>skipped\"]\n    n2[\"1.1.0\"]\n  end\n  \
         n2 --> n3\n  n2 --> n4\n  n3 -.->|\"skips\"| n4\n  n0 -->|\"1: replaces\"| n1\n  \
         linkStyle 3 stroke:#0b62d6,stroke-width:4px\n  \
         classDef withheld stroke-dasharray:4 3\n  class n3 withheld\n  \
         classDef deprecated stroke:#b45309,color:#b45309\n  class n0 deprecated\n  \
         classDef onpath stroke:#0b62d6,stroke-width:3px\n  class n0,n1 onpath\n  \
         classDef installed fill:#0b62d6,color:#ffffff\n  class n0 installed\n  \
         classDef target fill:#12803c,color:#ffffff\n  class n1 target\n"
    );
}

#[test]
fn a_package_for_a_browser() {
    let graph = drawn(&two_channels(), "p.v1.0.0", "p.v2.0.1");
    let drawing = svg(&graph);
    assert_eq!(drawing, svg(&graph.clone()));
    well_formed(&drawing);
    // One box a version and lane, and what the legend shows: skipped and deprecated.
    assert_eq!(drawing.matches("<rect class=\"og-chip").count(), 5 + 2);
    for class in ["og-chip-installed", "og-chip-target", "og-chip-withheld", "og-chip-old"] {
        assert!(
            drawing.contains(&format!(" {class}\" x")) || drawing.contains(&format!(" {class} og-")),
            "{class}"
        );
    }
    assert_eq!(drawing.matches("<circle class=\"og-badge\"").count(), 1);
    for (words, count) in [("chosen path", 1), ("skips", 1), ("skipRange", 1), ("deprecated", 2)] {
        assert_eq!(drawing.matches(&format!(">{words}</text>")).count(), count, "{words}\n{drawing}");
    }
}

/// Every tag is closed in order, nothing but our elements, nothing from elsewhere.
fn well_formed(drawing: &str) {
    let mut open = Vec::new();
    let mut rest = drawing;
    while let Some(at) = rest.find('<') {
        let end = at + rest[at..].find('>').unwrap();
        assert!(!rest[..at].contains('>') || open.last() == Some(&"style"), "a bare `>`: {}", &rest[..at]);
        let tag = &rest[at + 1..end];
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None => {
                let name = tag.split([' ', '/']).next().unwrap();
                let known = ["svg", "title", "style", "rect", "text", "path", "g", "circle"];
                assert!(known.contains(&name), "{tag}");
                assert!(!tag.contains("href") && !tag.contains(" on"), "{tag}");
                if !tag.ends_with('/') {
                    open.push(name);
                }
            }
        }
        rest = &rest[end + 1..];
    }
    assert_eq!(open, [""; 0]);
    assert_eq!(drawing.matches("http").count(), 1, "only the name of the language");
    assert!(!drawing.contains("url(") && !drawing.contains("@import"));
}

/// A graph in which every text is the same.
fn full_of(name: &str) -> Graph {
    let node = |row, mark| Node {
        row,
        label: name.to_owned(),
        name: name.to_owned(),
        marks: [mark].into(),
        notes: vec![Note::Said(name.to_owned())],
        ..Node::default()
    };
    Graph {
        title: name.to_owned(),
        subtitle: name.to_owned(),
        lanes: vec![Lane {
            name: name.to_owned(),
            remark: Some(Note::Said(name.to_owned())),
            deprecated: true,
        }],
        rows: vec![Row { band: name.to_owned() }, Row { band: name.to_owned() }],
        nodes: vec![node(0, Mark::Target), node(1, Mark::Installed)],
        edges: vec![Edge { from: 1, to: 0, stroke: Stroke::Solid, hop: Some(1) }],
        legend: vec![(Stroke::Solid, name.to_owned())],
    }
}

/// Reads a DOT text as Graphviz's grammar has it: what stands outside of quotes.
fn outside_quotes(dot: &str) -> String {
    let (mut out, mut quoted, mut escaped) = (String::new(), false, false);
    for c in dot.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            c if !quoted => out.push(c),
            _ => {}
        }
    }
    assert!(!quoted);
    out
}

const HOSTILE: &[&str] = &[
    "</text><script>alert(1)</script>",
    "]]> --> \" onload='x' & &amp; <",
    "\"];\n}\nevil [label=\"",
    "\\",
    "\\\"",
    "a\u{1b}[2J\u{202e}\r\nb\0",
    "x\"] --> y[\"z\n  click n0 href \"javascript:alert(1)\"",
    "%%{init: {}}%%",
    "</style>",
    "",
];

#[test]
fn hostile_names_stay_names() {
    let plain = full_of("name");
    for name in HOSTILE {
        let graph = full_of(name);
        well_formed(&svg(&graph).replace("http", "h").replacen("xmlns=\"h", "xmlns=\"http", 1));
        assert_eq!(outside_quotes(&dot(&graph)), outside_quotes(&dot(&plain)), "{name:?}");
        let lines = |text: &str| text.lines().count();
        assert_eq!(lines(&mermaid(&graph)), lines(&mermaid(&plain)), "{name:?}");
        assert_eq!(mermaid(&graph).matches('"').count(), mermaid(&plain).matches('"').count(), "{name:?}");
        assert!(!mermaid(&graph).contains("%%{"), "{name:?}");
        let shown = text(&graph);
        assert!(shown.chars().all(|c| c == '\n' || crate::text::is_plain(c)), "{name:?}");
    }
}

proptest! {
    #[test]
    fn any_name_is_drawn(name: String) {
        let graph = full_of(&name);
        well_formed(&svg(&graph).replace("http", "h").replacen("xmlns=\"h", "xmlns=\"http", 1));
        prop_assert_eq!(outside_quotes(&dot(&graph)), outside_quotes(&dot(&full_of("name"))));
        prop_assert_eq!(mermaid(&graph).lines().count(), mermaid(&full_of("name")).lines().count());
    }

    /// Indexes that name nothing are left out, not a reason to stop.
    #[test]
    fn any_graph_is_drawn(
        nodes in proptest::collection::vec((0_usize..4, 0_usize..9), 0..12),
        edges in proptest::collection::vec((0_usize..14, 0_usize..14, 0_usize..5, proptest::option::of(0_usize..3)), 0..20),
    ) {
        let strokes = [Stroke::Solid, Stroke::Dashed, Stroke::Dotted, Stroke::Double, Stroke::Link];
        let graph = Graph {
            lanes: vec![Lane::default(); 3],
            rows: vec![Row::default(); 8],
            nodes: nodes.into_iter().map(|(lane, row)| Node { lane, row, ..Node::default() }).collect(),
            edges: edges.into_iter().map(|(from, to, stroke, hop)| Edge { from, to, stroke: strokes[stroke], hop }).collect(),
            ..Graph::default()
        };
        well_formed(&svg(&graph));
        let _drawn = (text(&graph), dot(&graph), mermaid(&graph));
    }
}
