//! One package in one of two catalogs.

use super::*;
use crate::merge::Mode;

/// A catalog of whole packages, each with one channel `fast` of these entries.
fn catalog(packages: &[(&str, &[&str])]) -> Catalog {
    let rename = |(package, entries): &(&str, &[&str])| {
        let text = serde_json::to_string(&blobs(&[("fast", entries)])).unwrap();
        let text =
            text.replace("\"p\"", &format!("\"{package}\"")).replace("\"p.v", &format!("\"{package}.v"));
        serde_json::from_str::<Vec<Value>>(&text).unwrap()
    };
    linked(&packages.iter().flat_map(rename).collect::<Vec<_>>())
}

fn decided(modes: &[(&str, Mode)]) -> MergeOptions {
    let modes = modes.iter().map(|(name, mode)| ((*name).to_owned(), *mode)).collect();
    MergeOptions { modes, ..MergeOptions::default() }
}

/// Both catalogs afterwards as `package: heads`, with what was told.
#[derive(Debug, PartialEq, Eq)]
struct After {
    first: Vec<String>,
    second: Vec<String>,
    told: Vec<String>,
    first_goes_first: bool,
}

fn shown(catalog: &Catalog) -> Vec<String> {
    let entries = |package: &crate::catalog::Package| {
        let names = package.channels["fast"].entries.iter();
        let names: Vec<&str> = names.map(|entry| entry.name.split_once(".v").unwrap().1).collect();
        format!("{}: {}", package.name, names.join(" "))
    };
    catalog.packages.values().map(entries).collect()
}

fn divide(
    first: &Catalog,
    second: &Catalog,
    delta: &Catalog,
    options: &MergeOptions,
) -> (After, [Option<Catalog>; 2]) {
    let pair = Pair { first, second, delta };
    let division = Division::of(pair, options);
    let mut told = Vec::new();
    let results = [Share::First, Share::Second].map(|share| {
        let outcome = division.part(share, pair, options).merge(&[]);
        told.extend(codes(&outcome));
        outcome.catalog.map(MergedCatalog::into_catalog)
    });
    let show = |catalog: &Option<Catalog>| catalog.as_ref().map(shown).unwrap_or_default();
    let first_goes_first = division.goes_first(Share::First);
    assert_ne!(first_goes_first, division.goes_first(Share::Second));
    (After { first: show(&results[0]), second: show(&results[1]), told, first_goes_first }, results)
}

fn after(first: &[&str], second: &[&str], told: &[&str], first_goes_first: bool) -> After {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    After { first: texts(first), second: texts(second), told: texts(told), first_goes_first }
}

/// What production serves, and what arrives and cannot be joined with it: p has two heads then.
fn branches() -> (Catalog, Catalog) {
    let first = catalog(&[("p", &["4.17.5 -> 4.17.4", "4.17.4"]), ("q", &["1.0.0"])]);
    (first, catalog(&[("p", &["4.18.0 -> 4.17.4", "4.17.4"])]))
}

#[test]
fn a_package_that_is_split_off_leaves_the_first_catalog() {
    let (first, delta) = branches();
    let none = Catalog::default();
    let (plain, _) = divide(&first, &none, &delta, &MergeOptions::default());
    assert_eq!((plain.told.as_slice(), plain.first.len()), (["!MULTIPLE_HEADS".to_owned()].as_slice(), 0));
    let options = decided(&[("p", Mode::Split)]);
    let (split, results) = divide(&first, &none, &delta, &options);
    let told = ["SPLIT_OFF", "ENTRY_REMOVED", "BUNDLE_REMOVED", "PATH_WITHHELD"];
    assert_eq!(split, after(&["q: 1.0.0"], &["p: 4.18.0 4.17.4"], &told, false));

    // The same again changes nothing, with the decision or without it.
    let [Some(one), Some(two)] = results else { panic!() };
    for options in [options, MergeOptions::default(), decided(&[("p", Mode::Auto)])] {
        let (again, _) = divide(&one, &two, &delta, &options);
        assert_eq!(again, after(&["q: 1.0.0"], &["p: 4.18.0 4.17.4"], &[], false));
        // Broken off between the switches: the second has it already, and the first has it still.
        let (again, _) = divide(&first, &two, &delta, &options);
        assert_eq!(again, after(&["q: 1.0.0"], &["p: 4.18.0 4.17.4"], &[], false));
    }
}

#[test]
fn what_is_apart_is_brought_forward_there() {
    let (first, second) = (catalog(&[("q", &["1.0.0"])]), catalog(&[("p", &["4.18.0 -> 4.17.4", "4.17.4"])]));
    let delta = catalog(&[("p", &["4.18.1 -> 4.18.0"]), ("q", &["1.1.0 -> 1.0.0"]), ("r", &["1.0.0"])]);
    for options in [MergeOptions::default(), decided(&[("p", Mode::Split)])] {
        let (next, _) = divide(&first, &second, &delta, &options);
        let expected = after(&["q: 1.1.0 1.0.0", "r: 1.0.0"], &["p: 4.18.1 4.18.0 4.17.4"], &[], false);
        assert_eq!(next, expected);
    }
    let (kept, _) = divide(&first, &second, &delta, &decided(&[("p", Mode::KeepOld)]));
    assert_eq!(kept.second, ["p: 4.18.0 4.17.4"]);
    // What production never had can begin apart.
    let (begun, _) = divide(&first, &second, &delta, &decided(&[("r", Mode::Split)]));
    assert_eq!(begun.first, ["q: 1.1.0 1.0.0"]);
    assert_eq!(begun.second, ["p: 4.18.1 4.18.0 4.17.4", "r: 1.0.0"]);
}

#[test]
fn what_is_apart_comes_back_when_somebody_says_so() {
    let (first, second) = (catalog(&[("q", &["1.0.0"])]), catalog(&[("p", &["1.1.0 -> 1.0.0", "1.0.0"])]));
    let delta = catalog(&[("p", &["1.2.0 -> 1.1.0", "1.1.0"])]);
    let (back, results) = divide(&first, &second, &delta, &decided(&[("p", Mode::Union)]));
    let expected = after(&["p: 1.2.0 1.1.0 1.0.0", "q: 1.0.0"], &[], &["SPLIT_BACK"], true);
    assert_eq!(back, expected);
    let [Some(one), Some(two)] = results else { panic!() };
    let (again, _) = divide(&one, &two, &delta, &MergeOptions::default());
    assert_eq!(again.first, ["p: 1.2.0 1.1.0 1.0.0", "q: 1.0.0"]);
    // Broken off between the switches, and run again.
    let (again, _) = divide(&one, &second, &delta, &decided(&[("p", Mode::Union)]));
    assert_eq!((again.first, again.second), (expected.first, Vec::new()));
    let (whole, _) = divide(&first, &second, &delta, &decided(&[("p", Mode::Replace)]));
    assert_eq!(whole.first, ["p: 1.2.0 1.1.0", "q: 1.0.0"]);
    // A decision about what does not arrive decides nothing.
    let (still, _) = divide(&first, &second, &catalog(&[("q", &["1.0.0"])]), &decided(&[("p", Mode::Union)]));
    assert_eq!(still, after(&["q: 1.0.0"], &["p: 1.1.0 1.0.0"], &[], false));
}

#[test]
fn what_runs_must_find_its_way_in_the_second_catalog() {
    let (first, delta) = branches();
    let lost =
        MergeOptions { installed: runs("4.17.5", Some("fast")).installed, ..decided(&[("p", Mode::Split)]) };
    let (refused, _) = divide(&first, &Catalog::default(), &delta, &lost);
    assert!(refused.told.contains(&"!PATH_LOST".to_owned()), "{refused:?}");
    assert_eq!(refused.second, Vec::<String>::new());
    let way =
        MergeOptions { installed: runs("4.17.4", Some("fast")).installed, ..decided(&[("p", Mode::Split)]) };
    assert_eq!(divide(&first, &Catalog::default(), &delta, &way).0.second, ["p: 4.18.0 4.17.4"]);
}

#[test]
fn one_import_does_not_move_packages_both_ways() {
    let (first, second) = (catalog(&[("p", &["1.0.0"])]), catalog(&[("q", &["1.0.0"])]));
    let delta = catalog(&[("p", &["1.1.0 -> 1.0.0"]), ("q", &["1.1.0 -> 1.0.0"])]);
    let (refused, _) = divide(&first, &second, &delta, &decided(&[("p", Mode::Split), ("q", Mode::Union)]));
    assert!(refused.told.contains(&"!SPLIT_BOTH_WAYS".to_owned()), "{refused:?}");
    assert_eq!(refused.first, Vec::<String>::new());
}

#[test]
fn what_a_bundle_requires_may_be_in_the_other_catalog() {
    let mut all = blobs(&[("fast", &["1.1.0 -> 1.0.0", "1.0.0"])]);
    for bundle in all.iter_mut().filter(|blob| blob["schema"] == "olm.bundle") {
        let required =
            json!({"type": "olm.package.required", "value": {"packageName": "q", "versionRange": ">=1.0.0"}});
        bundle["properties"].as_array_mut().unwrap().push(required);
    }
    let delta = linked(&all);
    let (first, none) = (catalog(&[("q", &["1.0.0"])]), Catalog::default());
    let options = decided(&[("p", Mode::Split)]);
    assert_eq!(divide(&first, &none, &delta, &options).0.told, Vec::<String>::new());
    assert_eq!(divide(&none, &none, &delta, &options).0.told, ["DEPENDENCY_MISSING"]);
}
