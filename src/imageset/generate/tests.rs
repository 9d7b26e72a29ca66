//! The decision table, row by row, and what goes beyond it.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::finding::{Severity, has_errors};
use crate::imageset::{Api, parse};
use crate::limits::LIMITS;
use crate::version::Version;

const ACM: &str = "advanced-cluster-management";
const CATALOG: &str = "registry.redhat.io/redhat/redhat-operator-index:v4.17";

/// A channel and its versions, lowest first, each replacing the one before.
type Lane<'a> = (&'a str, &'a [&'a str]);

/// A package whose first channel is the default.
fn package(name: &str, channels: &[Lane<'_>]) -> Vec<Value> {
    let csv = |version: &str| format!("{name}.v{version}");
    let mut values = vec![json!({"schema": "olm.package", "name": name, "defaultChannel": channels[0].0})];
    let mut versions: Vec<&str> = Vec::new();
    for (channel, entries) in channels {
        let mut listed = Vec::new();
        for (at, version) in entries.iter().enumerate() {
            let mut entry = json!({"name": csv(version)});
            if at > 0 {
                entry["replaces"] = json!(csv(entries[at - 1]));
            }
            listed.push(entry);
        }
        values.push(json!({"schema": "olm.channel", "package": name, "name": channel, "entries": listed}));
        versions.extend(*entries);
    }
    versions.sort_unstable();
    versions.dedup();
    values.extend(versions.into_iter().map(|version| {
        json!({
            "schema": "olm.bundle", "package": name, "name": csv(version), "image": "quay.io/a/b:c",
            "properties": [{"type": "olm.package", "value": {"packageName": name, "version": version}}],
        })
    }));
    values
}

fn catalog(values: &[Value]) -> Catalog {
    let loaded = Catalog::from_values(values);
    assert_eq!(loaded.findings, [], "the fixture is wrong");
    loaded.catalog
}

fn wish(text: &str) -> Wish {
    Wish { selector: text.parse().unwrap(), running: Vec::new(), to: None }
}

/// What was decided for one package, each channel as `name` or `name >=min <=max`, and the codes of what was said.
fn decided(channels: &[Lane<'_>], wish: &Wish) -> (Vec<String>, Vec<String>) {
    let catalog = catalog(&package(ACM, channels));
    let source = Source { name: CATALOG, note: "", catalog: &catalog };
    let made = generate(&[source], std::slice::from_ref(wish), false);
    let text = made.configuration.to_yaml(Api::V2Alpha1);
    if !made.configuration.catalogs.is_empty() {
        assert_eq!(refused_by_oc_mirror(text.as_bytes(), "f", &[source], &LIMITS), [], "{text}");
    }
    let packages = made.configuration.catalogs.iter().flat_map(|catalog| &catalog.packages);
    let channels = packages.flat_map(|package| &package.channels).map(|channel| {
        let min = channel.min.as_ref().map(|min| format!(" >={}", min.value)).unwrap_or_default();
        let max = channel.max.as_ref().map(|max| format!(" <={}", max.value)).unwrap_or_default();
        format!("{}{min}{max}", channel.name.value)
    });
    (channels.collect(), made.findings.iter().map(|finding| finding.code.clone()).collect())
}

const D: Lane<'_> = ("release-2.12", &["2.12.0", "2.12.1"]);
const LOWER: Lane<'_> = ("release-2.11", &["2.11.0"]);
const HIGHER: Lane<'_> = ("release-2.13", &["2.13.0"]);
const ALL: &[Lane<'_>] = &[D, LOWER, HIGHER];

/// A row: what is in the catalog, what is asked for (versions only), what comes out, what is said.
fn row(channels: &[Lane<'_>], versions: &[&str], expected: &[&str], said: &[&str]) {
    let mut text = ACM.to_owned();
    for version in versions {
        text += &format!("|{ACM}.v{version}");
    }
    let (decided, codes) = decided(channels, &wish(&text));
    assert_eq!(
        (decided, codes),
        (expected.iter().map(ToString::to_string).collect(), said.iter().map(ToString::to_string).collect()),
        "{text}"
    );
}

#[test]
fn row_01_name_only_and_only_a_default_channel() {
    row(&[D], &[], &["release-2.12"], &[]);
}

#[test]
fn row_02_name_only_and_a_higher_channel() {
    row(ALL, &[], &["release-2.12", "release-2.13"], &[]);
}

#[test]
fn case_1_1_name_only_and_the_highest_other_channel_is_lower() {
    row(&[HIGHER, D], &[], &["release-2.13", "release-2.12"], &[]);
}

#[test]
fn row_03_one_version_of_the_default_channel() {
    row(ALL, &["2.12.1"], &["release-2.12 >=2.12.1"], &[]);
}

#[test]
fn row_04_one_version_of_another_channel() {
    row(ALL, &["2.11.0"], &["release-2.12", "release-2.11 >=2.11.0"], &[]);
}

#[test]
fn row_04_one_version_of_the_highest_channel() {
    row(ALL, &["2.13.0"], &["release-2.12", "release-2.13 >=2.13.0"], &[]);
}

#[test]
fn row_05_one_version_that_is_nowhere() {
    row(ALL, &["2.10.0"], &["release-2.12"], &["VERSION_NOT_FOUND"]);
}

#[test]
fn row_06_several_versions_of_the_default_channel() {
    row(ALL, &["2.12.1", "2.12.0"], &["release-2.12 >=2.12.0"], &[]);
}

#[test]
fn row_06_some_of_several_versions_of_the_default_channel() {
    row(ALL, &["2.12.1", "2.10.0"], &["release-2.12 >=2.12.1"], &["VERSION_NOT_FOUND"]);
}

#[test]
fn row_07_several_versions_over_several_channels() {
    row(ALL, &["2.12.1", "2.11.0"], &["release-2.12 >=2.12.1", "release-2.11 >=2.11.0"], &[]);
}

#[test]
fn row_07_several_versions_none_in_the_default_channel() {
    row(ALL, &["2.13.0", "2.11.0"], &["release-2.12", "release-2.13 >=2.13.0", "release-2.11 >=2.11.0"], &[]);
}

#[test]
fn row_08_several_versions_some_nowhere() {
    row(ALL, &["2.11.0", "2.9.0"], &["release-2.12", "release-2.11 >=2.11.0"], &["VERSION_NOT_FOUND"]);
}

#[test]
fn row_09_all_in_the_default_channel_and_a_higher_one_is_left_out() {
    row(&[D, HIGHER], &["2.12.1", "2.12.0"], &["release-2.12 >=2.12.0"], &[]);
}

#[test]
fn row_10_a_channel_with_the_very_entries_of_the_default() {
    let same = ("stable-2.12", D.1);
    row(&[D, same], &[], &["release-2.12"], &["IDENTICAL_CHANNEL"]);
    row(&[D, same], &["2.12.1"], &["release-2.12 >=2.12.1"], &["IDENTICAL_CHANNEL"]);
    row(&[D, same, HIGHER], &[], &["release-2.12", "release-2.13"], &["IDENTICAL_CHANNEL"]);
}

#[test]
fn row_11_candidate_is_left_out() {
    let candidate = ("candidate", &["2.14.0"][..]);
    row(&[D, candidate], &[], &["release-2.12"], &["CANDIDATE_CHANNEL"]);
    row(&[D, candidate], &["2.14.0"], &["release-2.12"], &["VERSION_NOT_FOUND", "CANDIDATE_CHANNEL"]);
    // Only that very name, and not where it is the default.
    row(&[D, ("candidate-2.14", &["2.14.0"])], &[], &["release-2.12", "candidate-2.14"], &[]);
    row(&[("candidate", &["2.14.0"]), D], &["2.14.0"], &["candidate >=2.14.0"], &[]);
}

#[test]
fn row_12_a_package_that_is_not_there_is_left_out_and_said() {
    let catalog = catalog(&package(ACM, &[D]));
    let source = Source { name: CATALOG, note: "", catalog: &catalog };
    let made = generate(&[source], &[wish("advanced-cluster-managment"), wish(ACM)], false);
    assert_eq!(made.findings.len(), 1);
    let finding = &made.findings[0];
    assert_eq!((finding.code.as_str(), finding.severity), ("PACKAGE_NOT_FOUND", Severity::Warning));
    assert_eq!(finding.hint, "did you mean advanced-cluster-management?");
    assert_eq!(made.configuration.catalogs[0].packages.len(), 1);
    // A catalog of which nothing is left does not stand in the file: without packages it would mean all of it.
    let made = generate(&[source], &[wish("gone")], false);
    assert_eq!(made.configuration, Configuration::default());
}

#[test]
fn case_3_5_a_version_of_a_higher_channel_brings_it_in() {
    row(&[D, HIGHER], &["2.12.1", "2.13.0"], &["release-2.12 >=2.12.1", "release-2.13 >=2.13.0"], &[]);
}

/// A version in the default channel and in others is taken from the default; one in several others from the highest of these.
#[test]
fn a_version_in_several_channels_is_taken_once() {
    let a = ("stable-2.9", &["2.9.0", "2.9.1"][..]);
    let b = ("stable-2.10", &["2.9.1", "2.10.0"][..]);
    row(&[D, ("all", &["2.12.0", "2.12.1", "2.12.2"])], &["2.12.0"], &["release-2.12 >=2.12.0"], &[]);
    row(&[D, a, b], &["2.9.1"], &["release-2.12", "stable-2.10 >=2.9.1"], &[]);
    row(&[D, a, b], &["2.9.1", "2.9.0"], &["release-2.12", "stable-2.10 >=2.9.1", "stable-2.9 >=2.9.0"], &[]);
}

#[test]
fn heads_of_one_version_are_ordered_by_name_as_people_count() {
    row(&[D, ("z-2.9", &["2.13.0"]), ("z-2.10", &["2.13.0"])], &[], &["release-2.12", "z-2.10"], &[]);
}

#[test]
fn only_a_higher_channel_where_that_is_asked_for() {
    let catalog = catalog(&package(ACM, &[HIGHER, D]));
    let source = Source { name: CATALOG, note: "", catalog: &catalog };
    let made = generate(&[source], &[wish(ACM)], true);
    assert_eq!(made.configuration.catalogs[0].packages[0].channels.len(), 1);
}

#[test]
fn what_is_there_instead_is_named() {
    let catalog = catalog(&package(ACM, ALL));
    let source = Source { name: CATALOG, note: "", catalog: &catalog };
    for (version, message, hint) in [
        (
            "advanced-cluster-management.v2.11.5",
            "`advanced-cluster-management.v2.11.5` is not in the catalog; only the default channel `release-2.12` is taken",
            "next to it are `advanced-cluster-management.v2.11.0` (in release-2.11) and `advanced-cluster-management.v2.12.0` (in release-2.12)",
        ),
        (
            "3.0.0",
            "`3.0.0` is not in the catalog; only the default channel `release-2.12` is taken",
            "the highest is `advanced-cluster-management.v2.13.0` (in release-2.13)",
        ),
        (
            "1.0.0",
            "`1.0.0` is not in the catalog; only the default channel `release-2.12` is taken",
            "the lowest is `advanced-cluster-management.v2.11.0` (in release-2.11)",
        ),
        (
            "latest",
            "`latest` is not in the catalog; only the default channel `release-2.12` is taken",
            "the package has 2.13.0, 2.12.1, 2.12.0, 2.11.0",
        ),
    ] {
        let made = generate(&[source], &[wish(&format!("{ACM}|{version}"))], false);
        assert_eq!((made.findings[0].message.as_str(), made.findings[0].hint.as_str()), (message, hint));
    }
}

#[test]
fn a_range_is_a_minimum_and_a_maximum_where_it_ends_below_the_head() {
    let lanes: &[Lane<'_>] = &[("s", &["1.0.0", "1.1.0", "1.2.0", "2.0.0"]), ("old", &["0.8.0", "0.9.0"])];
    for (range, expected, said) in [
        (">=1.1 <2", &["s >=1.1.0 <=1.2.0"][..], &[][..]),
        (">=1.1", &["s >=1.1.0"], &[]),
        ("<=1.1", &["s >=1.0.0 <=1.1.0"], &[]),
        ("1.x", &["s >=1.0.0 <=1.2.0"], &[]),
        (">0.8 <1", &["s", "old >=0.9.0"], &[]),
        (">=3", &["s"], &["VERSION_NOT_FOUND"]),
    ] {
        let (decided, codes) = decided(lanes, &wish(&format!("{ACM}|{range}")));
        assert_eq!(
            (decided, codes),
            (
                expected.iter().map(ToString::to_string).collect(),
                said.iter().map(ToString::to_string).collect()
            ),
            "{range}"
        );
    }
}

/// `>=1.8.0` leaves out a head that is a pre-release; oc-mirror would cut it off without a word.
#[test]
fn a_head_that_is_a_pre_release_is_let_in() {
    row(&[("s", &["1.8.0", "1.9.0-0.172.p"])], &["1.8.0"], &["s >=1.8.0-0"], &[]);
    row(&[("s", &["1.8.0-0.170.p", "1.9.0-0.172.p"])], &["1.8.0-0.170.p"], &["s >=1.8.0-0.170.p"], &[]);
}

fn runs(version: &str, channel: Option<&str>) -> Running {
    let start = Start { name: format!("{ACM}.v{version}"), version: Version::parse(version).unwrap() };
    Running { start, channel: channel.map(str::to_owned) }
}

#[test]
fn an_upgrade_gives_the_bounds_that_its_hops_need() {
    let lanes: &[Lane<'_>] =
        &[("b", &["1.2.0", "2.0.0", "2.1.0", "2.2.0"]), ("a", &["1.0.0", "1.1.0", "1.2.0"])];
    for (start, channel, to, expected, said) in [
        ("1.2.0", Some("b"), None, &["b >=2.0.0"][..], &[][..]),
        ("1.2.0", Some("b"), Some("2.1.0"), &["b >=2.0.0 <=2.1.0"], &[]),
        (
            "1.0.0",
            Some("a"),
            Some("advanced-cluster-management.v2.1.0"),
            &["a >=1.1.0 <=1.2.0", "b >=2.0.0 <=2.1.0"],
            &[],
        ),
        ("1.0.0", Some("a"), None, &["a >=1.1.0"], &[]),
        ("2.2.0", None, None, &["b"], &[]),
        ("0.1.0", None, None, &[], &["NO_PATH"]),
        ("1.2.0", None, Some("9.0.0"), &[], &["TARGET_NOT_FOUND"]),
    ] {
        let wish = Wish { running: vec![runs(start, channel)], to: to.map(str::to_owned), ..wish(ACM) };
        let (decided, codes) = decided(lanes, &wish);
        assert_eq!(
            (decided, codes),
            (
                expected.iter().map(ToString::to_string).collect(),
                said.iter().map(ToString::to_string).collect()
            ),
            "{start} {channel:?} {to:?}"
        );
    }
}

#[test]
fn a_subscribed_channel_is_kept_and_comes_first() {
    let lanes: &[Lane<'_>] = &[D, ("stable", D.1), ("x", &["2.9.0"]), ("y", &["2.9.0", "2.10.0"])];
    let wish = Wish {
        running: vec![runs("2.12.0", Some("stable")), runs("2.9.0", Some("x"))],
        ..wish(&format!("{ACM}|2.9.0"))
    };
    let (decided, said) = decided(lanes, &wish);
    assert_eq!(decided, ["release-2.12", "x >=2.9.0", "stable"]);
    assert_eq!(said, Vec::<String>::new());
}

#[test]
fn the_file_says_why_each_line_is_there() {
    let mut values = package(ACM, ALL);
    values.extend(package("web-terminal", &[("4.7", &["1.8.0", "1.9.0", "1.10.0"])]));
    let catalog = catalog(&values);
    let source = Source { name: CATALOG, note: "as of sha256:00", catalog: &catalog };
    let upgrade = Wish {
        running: vec![Running {
            start: Start {
                name: "web-terminal.v1.8.0".to_owned(),
                version: Version::parse("1.8.0").unwrap(),
            },
            channel: None,
        }],
        to: Some("1.9.0".to_owned()),
        ..wish("web-terminal")
    };
    let made = generate(&[source], &[wish(&format!("{ACM}|{ACM}.v2.12.1|{ACM}.v2.11.0")), upgrade], false);
    assert_eq!(made.findings, []);
    let text = made.configuration.to_yaml(Api::V2Alpha1);
    assert_eq!(
        text,
        "\
kind: ImageSetConfiguration
apiVersion: mirror.openshift.io/v2alpha1
mirror:
  operators:
  - catalog: registry.redhat.io/redhat/redhat-operator-index:v4.17  # as of sha256:00
    packages:
    - name: advanced-cluster-management
      channels:
      - name: release-2.12  # the default channel; its head is 2.12.1
        minVersion: '2.12.1'  # `advanced-cluster-management.v2.12.1` is asked for; 1 version up to `advanced-cluster-management.v2.12.1`
      - name: release-2.11  # it has `advanced-cluster-management.v2.11.0`, which the default channel has not got
        minVersion: '2.11.0'  # `advanced-cluster-management.v2.11.0` is asked for; 1 version up to `advanced-cluster-management.v2.11.0`
    # `web-terminal.v1.8.0` runs; OLM goes to 1.9.0 in 4.7:
    #   1. 1.9.0 in 4.7: `web-terminal.v1.9.0` replaces `web-terminal.v1.8.0`
    - name: web-terminal
      channels:
      - name: \"4.7\"  # 1 hop in it
        minVersion: '1.9.0'  # the first hop, `web-terminal.v1.9.0`
        maxVersion: '1.9.0'  # the last hop, `web-terminal.v1.9.0`
"
    );
    let (request, findings) = parse(text.as_bytes(), "isc.yaml", &LIMITS);
    assert_eq!((request.unwrap().operators[0].packages.len(), findings), (2, vec![]));
    let older = made.configuration.to_yaml(Api::V1Alpha2);
    assert!(older.starts_with("kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v1alpha2\n"));
    assert_eq!(refused_by_oc_mirror(older.as_bytes(), "f", &[source], &LIMITS), []);
}

#[test]
fn packages_of_several_catalogs_go_where_they_are() {
    let (red, certified) =
        (catalog(&package(ACM, &[D])), catalog(&[package(ACM, &[D]), package("b", &[LOWER])].concat()));
    let sources = [
        Source { name: CATALOG, note: "", catalog: &red },
        Source {
            name: "registry.redhat.io/redhat/certified-operator-index:v4.17",
            note: "",
            catalog: &certified,
        },
    ];
    let made = generate(&sources, &[wish(ACM), wish("b")], false);
    let packages: Vec<_> = made
        .configuration
        .catalogs
        .iter()
        .map(|it| (it.name.value.as_str(), it.packages[0].name.as_str()))
        .collect();
    assert_eq!(packages, [(CATALOG, ACM), (sources[1].name, "b")]);
    assert_eq!(made.findings.iter().map(|it| it.code.as_str()).collect::<Vec<_>>(), ["SEVERAL_CATALOGS"]);
}

/// Each rule of oc-mirror has a file that breaks it.
#[test]
fn what_oc_mirror_refuses_is_told() {
    let catalog = catalog(&package(ACM, &[D, LOWER]));
    let source = Source { name: CATALOG, note: "", catalog: &catalog };
    let file = |rest: &str| {
        format!(
            "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n  operators:\n  - catalog: {CATALOG}\n{rest}"
        )
    };
    let of_package = |rest: &str| file(&format!("    packages:\n    - name: {ACM}\n{rest}"));
    for (text, code) in [
        (file(""), "ISC_WHOLE_CATALOG"),
        (
            of_package("").replace(
                "  operators:\n",
                &format!("  operators:\n  - {{catalog: {CATALOG}, packages: [{{name: {ACM}}}]}}\n"),
            ),
            "ISC_DUPLICATE_CATALOG",
        ),
        (
            of_package("      channels: [{name: release-2.12}, {name: release-2.12}]\n"),
            "ISC_DUPLICATE_CHANNEL",
        ),
        (of_package("    - name: advanced-cluster-management\n"), "ISC_DUPLICATE_PACKAGE"),
        (
            of_package(
                "      minVersion: 2.12.0\n      channels: [{name: release-2.12, maxVersion: 2.12.1}]\n",
            ),
            "ISC_MIXED_RANGES",
        ),
        (of_package("      minVersion: '2.12'\n"), "ISC_VERSION"),
        (of_package("      minVersion: 2.12\n"), "ISC_WRONG_TYPE"),
        (of_package("      minversion: 2.12.0\n"), "ISC_UNKNOWN_FIELD"),
        (of_package("      channels: [{name: release-2.11}]\n"), "DEFAULT_CHANNEL"),
        (
            of_package("      defaultChannel: x\n      channels: [{name: release-2.11}]\n"),
            "ISC_DEFAULT_CHANNEL",
        ),
        (of_package("      channels: [{name: release-2.12, minVersion: 3.0.0}]\n"), "EMPTY_CHANNEL"),
        (of_package("").replace(ACM, "gone"), "UNKNOWN_PACKAGE"),
    ] {
        let found = refused_by_oc_mirror(text.as_bytes(), "f", &[source], &LIMITS);
        let codes: Vec<_> = found.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!(codes, [code], "{text}");
    }
}

proptest! {
    /// Whatever is asked of whatever names, the file is read back as it was meant.
    #[test]
    fn any_names_are_written_so_that_they_are_read_back(
        names in prop::collection::btree_set("[a-zA-Z0-9.: #'\"\\-\u{85}é\n]{1,8}", 1..4),
        why in "[ -~\n\u{2028}é]{0,20}",
    ) {
        let channels: Vec<_> = names.iter().map(|name| ChannelDraft {
            name: Noted { value: name.clone(), why: why.clone() },
            min: Some(Noted { value: "1.2.3".to_owned(), why: why.clone() }),
            max: None,
        }).collect();
        let package = PackageDraft { name: "p".to_owned(), notes: vec![why.clone()], default_channel: None, channels };
        let catalog = CatalogDraft { name: Noted { value: CATALOG.to_owned(), why }, packages: vec![package] };
        let text = Configuration { catalogs: vec![catalog] }.to_yaml(Api::V2Alpha1);
        let (request, findings) = parse(text.as_bytes(), "f", &LIMITS);
        prop_assert_eq!(findings, vec![], "{}", text);
        let request = request.unwrap();
        let read: Vec<_> = request.operators[0].packages[0].channels.iter().map(|it| it.name.clone()).collect();
        prop_assert_eq!(read, names.into_iter().collect::<Vec<_>>());
    }
}

fn shared(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("OMBUNDLE_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    Some(root.join("data").join(folder)).filter(|path| path.is_dir())
}

/// Of every package of real catalogs: a name, its versions one by one, and upgrades to its head give a file that oc-mirror takes and
/// that holds what was asked for.
#[test]
fn real_packages_give_files_that_oc_mirror_takes() {
    let mut files = 0;
    for folder in ["fbc/redhat/4.16", "fbc/redhat/4.18", "fbc/certified/4.18", "fbc/upstream", "fbc-derived"]
    {
        let Some(root) = shared(folder) else { return };
        let mut texts = Vec::new();
        for entry in walkdir::WalkDir::new(&root).sort_by_file_name() {
            let entry = entry.unwrap();
            if entry.file_type().is_file() {
                let name = entry.path().strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                texts.push((name, std::fs::read(entry.path()).unwrap()));
            }
        }
        let catalog = crate::catalog::load(texts, &LIMITS).catalog;
        let source = Source { name: CATALOG, note: folder, catalog: &catalog };
        for package in catalog.packages.values() {
            let name = &package.name;
            let some: Vec<_> = package.bundles.values().step_by(package.bundles.len() / 5 + 1).collect();
            let mut wishes = vec![(wish(name), None)];
            for bundle in some {
                wishes.push((wish(&format!("{name}|{}", bundle.name)), Some(bundle.name.as_str())));
                let start = Start { name: bundle.name.clone(), version: bundle.version.clone() };
                wishes.push((Wish { running: vec![Running { start, channel: None }], ..wish(name) }, None));
            }
            for (wish, asked) in wishes {
                let made = generate(&[source], std::slice::from_ref(&wish), false);
                if has_errors(&made.findings) || made.configuration.catalogs.is_empty() {
                    continue;
                }
                let text = made.configuration.to_yaml(Api::V2Alpha1);
                assert_eq!(refused_by_oc_mirror(text.as_bytes(), "f", &[source], &LIMITS), [], "{text}");
                let (request, findings) = parse(text.as_bytes(), "f", &LIMITS);
                assert_eq!(findings, [], "{text}");
                let kept = crate::catalog::filter(
                    &catalog,
                    &[request.unwrap().operators[0].packages[0].filter(false)],
                );
                let kept = &kept.catalog.packages[name];
                let told = made.findings.iter().any(|finding| finding.severity > Severity::Info);
                assert!(
                    told || asked.is_none_or(|asked| kept.bundles.contains_key(asked)),
                    "{asked:?} {text}"
                );
                files += 1;
            }
        }
    }
    assert!(files > 100, "{files}");
    println!("{files} files");
}
