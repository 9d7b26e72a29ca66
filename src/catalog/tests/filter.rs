//! What is kept of a package, why, and what is said about it.

use super::codes;
use super::graph::package;
use crate::catalog::{Catalog, Filtered, Package, PackageFilter, Take, filter, validate};
use crate::version::{MastermindsRange, Version};

fn range(min: u64, max: u64) -> Take {
    let version = |number: u64| (number > 0).then(|| Version::parse(&format!("{number}.0.0")).unwrap());
    Take::Range(MastermindsRange::between(version(min).as_ref(), version(max).as_ref()))
}

fn run(package: &Package, take: Take, channels: &[(&str, &[Take])]) -> Filtered {
    let channels = channels.iter().map(|(name, takes)| ((*name).to_owned(), takes.to_vec())).collect();
    let wanted = PackageFilter { take, channels, ..PackageFilter::whole("p") };
    let catalog = Catalog { packages: [("p".to_owned(), package.clone())].into(), others: Vec::new() };
    let filtered = filter(&catalog, &[wanted]);
    assert_eq!(validate(&filtered.catalog), []);
    filtered
}

fn kept(filtered: &Filtered, channel: &str) -> Vec<String> {
    filtered.catalog.packages["p"].channels[channel].entries.iter().map(|entry| entry.name.clone()).collect()
}

#[test]
fn each_form_of_selection() {
    let p = package(&[("c", &["5<4", "4<3", "3<2", "2<1", "1<0"]), ("d", &["9<8", "8"])]);
    for (take, in_c, in_d) in [
        (Take::Head, &["5"][..], &["9"][..]),
        (Take::All, &["5", "4", "3", "2", "1"], &["9", "8"]),
        (range(2, 4), &["4", "3", "2"], &[]),
        (range(4, 0), &["5", "4"], &["9", "8"]),
        (range(0, 2), &["2", "1"], &[]),
        (range(3, 3), &["3"], &[]),
        (Take::FromBundle("4".to_owned()), &["5", "4"], &[]),
    ] {
        let filtered = run(&p, take.clone(), &[]);
        assert_eq!(kept(&filtered, "c"), in_c, "{take}");
        let package = &filtered.catalog.packages["p"];
        assert_eq!(package.channels.contains_key("d"), !in_d.is_empty(), "{take}");
        assert_eq!(package.bundles.len(), in_c.len() + in_d.len());
        let expected: &[&str] = if in_d.is_empty() { &["CHANNEL_DROPPED"] } else { &[] };
        assert_eq!(codes(&filtered.findings), expected, "{take}");
        // Edges stay as they are, even to what was dropped.
        let lowest = package.channels["c"].entries.last().unwrap();
        assert_eq!(lowest.replaces, p.channels["c"].entry(&lowest.name).unwrap().replaces);
    }
}

#[test]
fn a_channel_listed_twice_means_the_union() {
    let p = package(&[("c", &["5<4", "4<3", "3<2", "2<1", "1"])]);
    let filtered = run(&p, Take::Head, &[("c", &[range(2, 2), range(3, 3)])]);
    assert_eq!(kept(&filtered, "c"), ["3", "2"]);
    assert_eq!(codes(&filtered.findings), ["RANGES_UNITED"]);
    let filtered = run(&p, Take::Head, &[("c", &[range(2, 2), range(4, 4)])]);
    assert_eq!(kept(&filtered, "c"), ["4", "3", "2"]);
    assert_eq!(codes(&filtered.findings), ["RANGES_UNITED", "RANGE_WIDENED"]);
    assert_eq!(filtered.reasons["p"]["3"], ["between wanted versions of channel c"]);
    assert_eq!(filtered.reasons["p"]["4"], ["4.0.0 is in >=4.0.0 <=4.0.0 of channel c"]);
}

#[test]
fn skipped_entries_are_kept_where_wanted() {
    let p = package(&[("c", &["5<1!4!3!2", "4", "3", "2", "1"])]);
    assert_eq!(kept(&run(&p, range(3, 4), &[]), "c"), ["5", "4", "3"]);
    assert_eq!(kept(&run(&p, range(1, 1), &[]), "c"), ["1"]);
    assert_eq!(kept(&run(&p, Take::FromBundle("3".to_owned()), &[]), "c"), ["5", "3"]);
}

/// 4 withheld 1 and is dropped; without a repair clusters from 4.21 on would refuse the channel.
#[test]
fn what_a_dropped_entry_withheld_stays_withheld() {
    let p = package(&[("c", &["4<3!1", "3<2!2", "2<1", "1"])]);
    let filtered = run(&p, range(1, 3), &[]);
    assert_eq!(kept(&filtered, "c"), ["3", "2", "1"]);
    assert_eq!(codes(&filtered.findings), ["SKIPS_ADDED"]);
    let entry = &filtered.catalog.packages["p"].channels["c"].entries[0];
    assert_eq!(entry.skips.iter().collect::<Vec<_>>(), ["1", "2"]);
}

#[test]
fn what_cannot_be_cut() {
    let p = package(&[("c", &["2<1", "1"]), ("d", &["3"]), ("e", &["4", "5"])]);
    for (take, channels, expected) in [
        (range(7, 8), &[][..], "EMPTY_CHANNEL"),
        (Take::Head, &[("d", &[][..])][..], "DEFAULT_CHANNEL"),
        (Take::Head, &[("x", &[])], "UNKNOWN_CHANNEL"),
        (range(7, 8), &[("c", &[])], "EMPTY_CHANNEL"),
    ] {
        let filtered = run(&p, take, channels);
        assert_eq!(filtered.findings[0].code, expected);
        assert!(filtered.catalog.packages.is_empty());
    }
    // A channel with two heads has no walk to cut.
    let filtered = run(&p, Take::Head, &[]);
    assert_eq!(codes(&filtered.findings), ["MULTIPLE_HEADS"]);
    assert_eq!(filtered.catalog.packages["p"].channels.len(), 2);
    let filtered = filter(&Catalog::default(), &[PackageFilter::whole("p")]);
    assert_eq!(codes(&filtered.findings), ["UNKNOWN_PACKAGE"]);
}

#[test]
fn the_default_channel_can_be_set() {
    let p = package(&[("c", &["2"]), ("d", &["3"])]);
    let catalog = Catalog { packages: [("p".to_owned(), p)].into(), others: Vec::new() };
    let wanted = PackageFilter {
        default_channel: Some("d".to_owned()),
        channels: vec![("d".to_owned(), vec![])],
        ..PackageFilter::whole("p")
    };
    let filtered = filter(&catalog, &[wanted]);
    assert_eq!(filtered.findings, []);
    assert_eq!(filtered.catalog.packages["p"].default_channel, "d");
    assert_eq!(validate(&filtered.catalog), []);
}

#[test]
fn deprecations_follow() {
    let mut values = Catalog {
        packages: [("p".to_owned(), package(&[("c", &["2<1", "1"]), ("d", &["1"])]))].into(),
        others: vec![],
    }
    .values();
    values.push(serde_json::json!({"schema": "olm.deprecations", "package": "p", "vendor": 1, "entries": [
        {"reference": {"schema": "olm.bundle", "name": "1"}, "message": "a"},
        {"reference": {"schema": "olm.bundle", "name": "2"}, "message": "b", "x": 1},
        {"reference": {"schema": "olm.channel", "name": "d"}, "message": "c"},
        {"reference": {"schema": "olm.package"}, "message": "d"},
    ]}));
    let p = Catalog::from_values(&values).catalog.packages["p"].clone();
    let filtered = run(&p, Take::Head, &[("c", &[])]);
    let blob = filtered.catalog.packages["p"].deprecations.as_ref().unwrap().value();
    assert_eq!(
        blob,
        serde_json::json!({"schema": "olm.deprecations", "package": "p", "vendor": 1, "entries": [
            {"reference": {"schema": "olm.bundle", "name": "2"}, "message": "b", "x": 1},
            {"reference": {"schema": "olm.package"}, "message": "d"},
        ]})
    );
}
