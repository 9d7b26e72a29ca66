//! Heads, walks and steps against their definitions, and ways through small channels.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::catalog::model::Blob;
use crate::catalog::{
    Catalog, Channel, Entry, Evidence, GraphProblem, HopEdge, Origin, Package, PathFinder, Start,
    UpgradeGraph, WalkRule,
};
use crate::version::Version;

/// `name<replaces!skip!skip[range]`, where all but the name may be missing.
fn entry(text: &str) -> Entry {
    let (text, skip_range) = match text.split_once('[') {
        Some((text, range)) => (text, Some(range.trim_end_matches(']').to_owned())),
        None => (text, None),
    };
    let mut skips = text.split('!');
    let head = skips.next().unwrap();
    let (name, replaces) = match head.split_once('<') {
        Some((name, replaces)) => (name, Some(replaces.to_owned())),
        None => (head, None),
    };
    Entry { name: name.to_owned(), replaces, skips: skips.map(str::to_owned).collect(), skip_range }
}

fn channel(entries: &[&str]) -> Channel {
    let blob =
        Blob::parse(r#"{"schema":"olm.channel","package":"p","name":"c"}"#, Origin::default()).unwrap();
    Channel { name: "c".to_owned(), blob, entries: entries.iter().map(|text| entry(text)).collect() }
}

/// A package whose bundles are called `NUMBER` and have the version `NUMBER.0.0`.
pub(super) fn package(channels: &[(&str, &[&str])]) -> Package {
    let mut values =
        vec![serde_json::json!({"schema": "olm.package", "name": "p", "defaultChannel": channels[0].0})];
    let mut names = BTreeSet::new();
    for (name, entries) in channels {
        let entries: Vec<Entry> = entries.iter().map(|text| entry(text)).collect();
        names.extend(entries.iter().map(|entry| entry.name.clone()));
        let entries: Vec<_> = entries
            .iter()
            .map(|it| serde_json::json!({"name": it.name, "replaces": it.replaces, "skips": it.skips, "skipRange": it.skip_range}))
            .collect();
        values.push(
            serde_json::json!({"schema": "olm.channel", "package": "p", "name": name, "entries": entries}),
        );
    }
    for name in names {
        values.push(serde_json::json!({"schema": "olm.bundle", "package": "p", "name": name, "image": "r.example/p",
            "properties": [{"type": "olm.package", "value": {"packageName": "p", "version": format!("{name}.0.0")}}]}));
    }
    let loaded = Catalog::from_values(&values);
    assert_eq!(loaded.findings, []);
    loaded.catalog.packages["p"].clone()
}

pub(super) fn start(number: u64) -> Start {
    Start { name: number.to_string(), version: Version::parse(&format!("{number}.0.0")).unwrap() }
}

pub(super) fn evidence(bundle: &str, replaces: &str) -> Evidence {
    Evidence {
        package: "p".to_owned(),
        bundle: bundle.to_owned(),
        version: String::new(),
        replaces: Some(replaces.to_owned()),
        skips: Vec::new(),
        skip_range: None,
        min_kube_version: None,
        max_openshift_version: None,
        related_images: Vec::new(),
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn what_keeps_a_channel_from_being_served() {
    use GraphProblem::{Cycle, Empty, MultipleHeads, NoHead, Stranded};
    for (entries, problems) in [
        (vec![], vec![Empty]),
        (vec!["1"], vec![]),
        (vec!["2<1", "1<0"], vec![]),
        (vec!["2<1", "1<2"], vec![NoHead]),
        (vec!["1<1"], vec![NoHead]),
        (vec!["1", "2[<2.0.0]"], vec![MultipleHeads(owned(&["1", "2"]))]),
        (vec!["4<3", "3<2", "2<3"], vec![Cycle(owned(&["3", "2", "3"]))]),
        (vec!["3<2", "2", "1<0", "0<1"], vec![Stranded(owned(&["1", "0"]), WalkRule::ThroughSkipped)]),
        // Entries that skip each other are withheld, not stranded.
        (vec!["3<2", "2", "1!0", "0!1"], vec![]),
        (vec!["3<2!2", "2<1", "1"], vec![Stranded(owned(&["1"]), WalkRule::UntilSkipped)]),
        (vec!["3<2!2!1", "2<1", "1"], vec![]),
    ] {
        assert_eq!(UpgradeGraph::new(&channel(&entries)).problems(), problems, "{entries:?}");
    }
}

#[test]
fn a_step_is_the_highest_that_accepts() {
    let package = package(&[("c", &["5<4[>=2.0.0 <5.0.0]", "4<3!2", "3<2", "2<1", "1"])]);
    let graph = UpgradeGraph::new(&package.channels["c"]);
    let step = |number: u64| {
        let it = start(number);
        graph.step(&it.name, &it.version).map(|step| (step.entry.name.as_str(), step.edge))
    };
    assert_eq!(step(4), Some(("5", HopEdge::Replaces)));
    assert_eq!(step(2), Some(("5", HopEdge::SkipRange)));
    // 2 is withheld, so that 1 is stuck.
    assert_eq!(step(1), None);
    assert_eq!(step(5), None);
    assert_eq!(graph.chain().iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["5", "4", "3", "1"]);
    let skips = channel(&["3<2!1", "2"]);
    let it = start(1);
    assert_eq!(UpgradeGraph::new(&skips).step(&it.name, &it.version).unwrap().edge, HopEdge::Skips);
}

#[test]
fn evidence_bridges_a_lost_replaces() {
    let package = package(&[("c", &["12<11", "11<10", "10"])]);
    let lost = PathFinder::new(&package, &[]);
    let no_path = lost.plan(&start(9), None, None).unwrap_err();
    assert_eq!(no_path.gaps[0].lowest, Some(("10".to_owned(), vec![])));
    let known = [evidence("10", "9")];
    let path = PathFinder::new(&package, &known).plan(&start(9), None, None).unwrap();
    let hops: Vec<_> = path.hops.iter().map(|hop| (hop.name.as_str(), hop.edge)).collect();
    assert_eq!(hops, [("10", HopEdge::Bridge), ("11", HopEdge::Replaces), ("12", HopEdge::Replaces)]);
    assert_eq!((path.from.as_str(), path.to.as_str(), path.cut), ("9.0.0", "12.0.0", false));
    // Both sides of the bridge in one channel: two heads become one chain.
    let package = self::package(&[("c", &["12<11", "11<10", "10", "9<8"])]);
    assert!(PathFinder::new(&package, &[]).plan(&start(9), None, Some("12")).is_err());
    assert_eq!(PathFinder::new(&package, &known).plan(&start(8), None, Some("12")).unwrap().hops.len(), 4);
}

#[test]
fn evidence_makes_no_circle_and_overrules_nothing() {
    let package = package(&[("c", &["3<2", "2<1", "1"])]);
    for known in [evidence("1", "3"), evidence("1", "1"), evidence("3", "0"), evidence("7", "3")] {
        let known = [known];
        let finder = PathFinder::new(&package, &known);
        assert_eq!(finder.graph("c").unwrap().problems(), []);
        assert!(finder.greedy("c", &start(0)).is_empty());
    }
}

#[test]
fn ways_through_several_channels() {
    let package = package(&[
        ("old", &["1", "2<1", "3<2"]),
        ("new", &["4[>=3.0.0 <4.0.0]", "5<4"]),
        ("side", &["6[>=1.0.0 <6.0.0]"]),
    ]);
    let finder = PathFinder::new(&package, &[]);
    let names = |path: &crate::catalog::UpgradePath| {
        path.hops.iter().map(|hop| format!("{}@{}", hop.name, hop.channel)).collect::<Vec<_>>()
    };
    let path = finder.plan(&start(1), Some("old"), Some("5")).unwrap();
    assert_eq!(names(&path), ["2@old", "3@old", "4@new", "5@new"]);
    assert!(path.hops[2].reason.ends_with("once the Subscription moves from channel `old` to `new`"));
    assert_eq!(names(&finder.plan(&start(1), Some("old"), Some("6")).unwrap()), ["6@side"]);
    assert_eq!(names(&finder.plan(&start(1), None, None).unwrap()), ["2@old", "3@old"]);
    assert_eq!(names(&finder.plan(&start(3), Some("old"), None).unwrap()), Vec::<String>::new());
}

#[test]
fn a_lower_end_needs_a_cut_channel() {
    let package = package(&[("c", &["5<4[>=1.0.0 <5.0.0]", "4<3", "3<2[>=1.0.0 <3.0.0]", "2<1", "1"])]);
    let finder = PathFinder::new(&package, &[]);
    let path = finder.plan(&start(1), None, Some("4")).unwrap();
    assert!(path.cut);
    assert_eq!(path.hops.iter().map(|hop| hop.name.as_str()).collect::<Vec<_>>(), ["3", "4"]);
}

#[test]
fn no_path_says_what_is_missing() {
    let package = package(&[("c", &["9<8[>=7.0.0 <9.0.0]"]), ("d", &["1", "2"])]);
    let no_path = PathFinder::new(&package, &[]).plan(&start(3), None, None).unwrap_err();
    assert_eq!(no_path.missing(), ["8"]);
    assert_eq!(no_path.gaps[0].bounds[0].lowest.as_str(), "7.0.0");
    assert!(no_path.gaps[1].broken.is_some());
    let finding = no_path.finding();
    assert_eq!(finding.code, "NO_PATH");
    assert_eq!(
        finding.message,
        "this catalog has no way from `3` to `9`: the lowest that channel `c` offers is `9`, which takes the place of \
         `8`; `8` is not in the channel; `9` takes 7.0.0 and later (`>=7.0.0 <9.0.0`). channel `d` cannot be used: \
         there are several heads, entries that no other replaces or skips: 1, 2"
    );
}

#[test]
fn what_runs_may_be_newer_than_all_that_is_offered() {
    let package = package(&[("c", &["9<8", "8"])]);
    let finding = PathFinder::new(&package, &[]).plan(&start(10), None, None).unwrap_err().finding();
    assert_eq!(finding.message, "`10` is newer than `9`, and OLM goes to no older version");
}

#[test]
fn a_start_that_the_catalog_has_not_got() {
    let package = package(&[("c", &["3<p-operator.v2.0.0"])]);
    assert_eq!(package.start_at(&Version::parse("2.0.0").unwrap()).name, "p-operator.v2.0.0");
    assert_eq!(package.start_at(&Version::parse("3.0.0").unwrap()).name, "3");
    assert_eq!(package.start_at(&Version::parse("1.0.0").unwrap()).name, "p.v1.0.0");
}

fn random_channel() -> impl Strategy<Value = Vec<Entry>> {
    let name = || (0_u8..7).prop_map(|number| number.to_string());
    let entry = (
        prop::option::of(name()),
        prop::collection::btree_set(name(), 0..3),
        prop::option::of((0_u8..7, 0_u8..7).prop_map(|(low, high)| format!(">={low}.0.0 <{high}.0.0"))),
    );
    prop::collection::vec(entry, 1..6).prop_map(|entries| {
        let numbered = entries.into_iter().enumerate();
        numbered
            .map(|(at, (replaces, skips, skip_range))| Entry {
                name: at.to_string(),
                replaces,
                skips,
                skip_range,
            })
            .collect()
    })
}

/// H1 to H3 of the reference, word by word.
fn servable(entries: &[Entry], rule: WalkRule) -> bool {
    let find = |name: &str| entries.iter().find(|entry| entry.name == name);
    let skipped = |name: &str| entries.iter().any(|entry| entry.skips.contains(name));
    let incoming =
        |name: &str| skipped(name) || entries.iter().any(|entry| entry.replaces.as_deref() == Some(name));
    let heads: Vec<&Entry> = entries.iter().filter(|entry| !incoming(&entry.name)).collect();
    let [head] = heads.as_slice() else { return false };
    let mut walk = vec![head.name.as_str()];
    while let Some(next) = find(walk[walk.len() - 1]).and_then(|it| it.replaces.as_deref()).and_then(find) {
        if rule == WalkRule::UntilSkipped && skipped(&next.name) {
            break;
        }
        if walk.contains(&next.name.as_str()) {
            return false;
        }
        walk.push(&next.name);
    }
    entries.iter().all(|entry| walk.contains(&entry.name.as_str()) || skipped(&entry.name))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn problems_are_those_of_the_definition(entries in random_channel()) {
        let channel = Channel { entries, ..channel(&[]) };
        let expected = WalkRule::ALL.iter().all(|rule| servable(&channel.entries, *rule));
        prop_assert_eq!(UpgradeGraph::new(&channel).problems().is_empty(), expected);
    }

    #[test]
    fn every_hop_is_an_edge_and_no_way_loops(entries in random_channel(), from in 0_u64..7) {
        let texts: Vec<String> = entries.iter().map(|it| {
            let replaces = it.replaces.as_ref().map_or(String::new(), |name| format!("<{name}"));
            let skips: Vec<String> = it.skips.iter().map(|name| format!("!{name}")).collect();
            let range = it.skip_range.as_ref().map_or(String::new(), |range| format!("[{range}]"));
            format!("{}{replaces}{}{range}", it.name, skips.concat())
        }).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let package = package(&[("c", &texts)]);
        let finder = PathFinder::new(&package, &[]);
        let hops = finder.greedy("c", &start(from));
        let mut at = start(from);
        let mut seen = BTreeSet::from([at.name.clone()]);
        let graph = finder.graph("c").unwrap();
        for hop in &hops {
            let entry = graph.entry(&hop.name).unwrap();
            prop_assert_eq!(graph.edge(&at.name, &at.version, entry), Some(hop.edge));
            prop_assert!(!graph.skipped().contains(hop.name.as_str()));
            prop_assert!(seen.insert(hop.name.clone()));
            at = start(hop.name.parse().unwrap());
        }
        if let Some(last) = hops.last() {
            let path = finder.plan(&start(from), Some("c"), Some(&last.name)).unwrap();
            prop_assert_eq!(path.hops, hops);
        }
    }
}
