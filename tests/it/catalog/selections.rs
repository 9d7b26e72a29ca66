//! What oc-mirror's filter keeps of real packages is what ours keeps.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use ombundle::catalog::{Catalog, Entry, PackageFilter, Take, filter, validate};
use ombundle::finding::{Finding, has_errors};
use ombundle::imageset;
use ombundle::limits::LIMITS;
use ombundle::plan::select::{Selected, Selector};
use ombundle::version::{MastermindsRange, Version};
use serde::Deserialize;
use serde_json::json;

use super::shared::{Folder, data};

#[derive(Deserialize)]
struct Case {
    id: String,
    catalog: String,
    full: bool,
    #[serde(rename = "iscPackage")]
    package: Asked,
    error: Option<String>,
    #[serde(default)]
    packages: Vec<Outcome>,
    #[serde(default)]
    channels: Vec<OutcomeChannel>,
    #[serde(default)]
    bundles: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    name: String,
    default_channel: Option<String>,
    min_version: Option<Version>,
    max_version: Option<Version>,
    #[serde(default)]
    channels: Vec<Asked>,
}

impl Asked {
    fn range(&self) -> Option<Take> {
        let range = MastermindsRange::between(self.min_version.as_ref(), self.max_version.as_ref());
        (!range.is_unbounded()).then_some(Take::Range(range))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    default_channel: String,
}

#[derive(Deserialize)]
struct OutcomeChannel {
    name: String,
    entries: Vec<OutcomeEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OutcomeEntry {
    name: String,
    replaces: Option<String>,
    #[serde(default)]
    skips: BTreeSet<String>,
    skip_range: Option<String>,
}

fn cases() -> Vec<Case> {
    let Some(data) = data() else { return Vec::new() };
    let file = std::fs::File::open(data.join("cases/split/filter-oracle.share.jsonl.gz")).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    text.lines()
        // Selected bundles cannot be said in an ImageSetConfiguration.
        .filter(|line| !line.contains("_selectedBundles_not_in_ISC"))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn the_same_entries_as_oc_mirror() {
    let cases = cases();
    assert!(data().is_none() || cases.len() > 1_000);
    let mut catalogs: BTreeMap<String, Catalog> = BTreeMap::new();
    let (mut same, mut refused, mut stricter) = (0, 0, 0);
    for case in cases {
        let catalog = catalogs
            .entry(case.catalog.clone())
            .or_insert_with(|| Folder { path: case.catalog.clone() }.load().catalog);
        let whole = if case.full { Take::All } else { Take::Head };
        let wanted = PackageFilter {
            name: case.package.name.clone(),
            default_channel: case.package.default_channel.clone(),
            take: case.package.range().unwrap_or(whole),
            channels: case
                .package
                .channels
                .iter()
                .map(|channel| (channel.name.clone(), channel.range().into_iter().collect()))
                .collect(),
        };
        let filtered = filter(catalog, &[wanted]);
        if case.error.is_some() {
            assert!(has_errors(&filtered.findings), "{}: {:?}", case.id, filtered.findings);
            refused += 1;
            continue;
        }
        let default = case.packages.first().map(|package| package.default_channel.as_str());
        if !case.channels.iter().any(|channel| Some(channel.name.as_str()) == default) {
            // It leaves a package whose default channel is not there, which no cluster serves, and nothing in it.
            assert_eq!(case.bundles, Vec::<String>::new(), "{}", case.id);
            assert!(has_errors(&filtered.findings), "{}", case.id);
            stricter += 1;
            continue;
        }
        assert!(!has_errors(&filtered.findings), "{}: {:?}", case.id, filtered.findings);
        let package = &filtered.catalog.packages[&case.package.name];
        assert_eq!(Some(package.default_channel.as_str()), default, "{}", case.id);
        let expected: BTreeMap<String, BTreeMap<String, Entry>> = case
            .channels
            .into_iter()
            .map(|channel| {
                let entries = channel.entries.into_iter().map(|it| {
                    let entry = Entry {
                        name: it.name,
                        replaces: it.replaces,
                        skips: it.skips,
                        skip_range: it.skip_range,
                    };
                    (entry.name.clone(), entry)
                });
                (channel.name, entries.collect())
            })
            .collect();
        let found: BTreeMap<String, BTreeMap<String, Entry>> = package
            .channels
            .iter()
            .map(|(name, channel)| {
                let entries = channel.entries.iter().map(|entry| (entry.name.clone(), entry.clone()));
                (name.clone(), entries.collect())
            })
            .collect();
        let repaired = filtered.findings.iter().any(|finding| finding.code == "SKIPS_ADDED");
        if !repaired {
            assert_eq!(found, expected, "{}", case.id);
        }
        // It also leaves bundles that an entry skips and no channel has; opm refuses those.
        let offered: BTreeSet<&String> = expected.values().flat_map(BTreeMap::keys).collect();
        let bundles: BTreeSet<&String> = case.bundles.iter().filter(|name| offered.contains(name)).collect();
        assert!(package.bundles.keys().eq(bundles), "{}", case.id);
        let broken: Vec<_> = validate(&filtered.catalog);
        assert!(!has_errors(&broken), "{}: {broken:?}", case.id);
        same += 1;
    }
    if data().is_some() {
        println!(
            "{same} the same, {refused} refused by both, {stricter} refused by us where nothing is left"
        );
        assert_eq!((same, refused, stricter), (1_105, 261, 48));
    }
}

/// The request as a person writes it. JSON is YAML too.
fn written(case: &Case) -> String {
    let bounds = |asked: &Asked| {
        let mut value = json!({"name": asked.name});
        if let Some(min) = &asked.min_version {
            value["minVersion"] = json!(min);
        }
        if let Some(max) = &asked.max_version {
            value["maxVersion"] = json!(max);
        }
        value
    };
    let mut package = bounds(&case.package);
    if let Some(default) = &case.package.default_channel {
        package["defaultChannel"] = json!(default);
    }
    if !case.package.channels.is_empty() {
        package["channels"] = case.package.channels.iter().map(bounds).collect();
    }
    let item = json!({"catalog": "registry.example/index:v1", "full": case.full, "packages": [package]});
    json!({
        "kind": "ImageSetConfiguration", "apiVersion": "mirror.openshift.io/v2alpha1", "mirror": {"operators": [item]},
    })
    .to_string()
}

/// What `plan` delivers for a request, from the file's text on; nothing where it cannot be read.
fn delivered(catalog: &Catalog, text: &str) -> (Selected, Vec<Finding>) {
    let (request, mut findings) = imageset::parse(text.as_bytes(), "isc.yaml", &LIMITS);
    let Some(request) = request else { return (Selected::default(), findings) };
    let items: Vec<_> = request.operators.iter().collect();
    let selector = Selector { catalog, installed: &[], all_known: false, evidence: &[], file: "isc.yaml" };
    let selected = selector.select(&items);
    findings.extend(selected.findings.iter().cloned());
    (selected, findings)
}

/// How what `plan` delivers stands to what oc-mirror selects.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    /// oc-mirror selects something, and all of it is delivered.
    delivered: usize,
    /// Bundles besides those, each of a package that says why it travels.
    more: usize,
    /// Bundles that oc-mirror keeps because an entry skips them, though no kept channel has an entry for them: opm refuses a catalog
    /// with such a bundle, and OLM can never install one, so they stay behind.
    orphans: usize,
    /// oc-mirror succeeds and selects nothing; the plan says what is wrong.
    nothing: usize,
    /// oc-mirror fails, and the plan says what is wrong.
    refused: usize,
}

/// From the text of a request to what the plan delivers: no bundle less than oc-mirror selects.
#[test]
fn the_plan_delivers_at_least_what_oc_mirror_selects() {
    let mut catalogs: BTreeMap<String, Catalog> = BTreeMap::new();
    let mut counts = Counts::default();
    for case in cases() {
        let catalog = catalogs
            .entry(case.catalog.clone())
            .or_insert_with(|| Folder { path: case.catalog.clone() }.load().catalog);
        let (selected, findings) = delivered(catalog, &written(&case));
        if case.error.is_some() || case.bundles.is_empty() {
            assert!(has_errors(&findings), "{}: {findings:?}", case.id);
            *(if case.error.is_some() { &mut counts.refused } else { &mut counts.nothing }) += 1;
            continue;
        }
        assert!(!has_errors(&findings), "{}: {findings:?}", case.id);
        let offered: BTreeSet<&String> =
            case.channels.iter().flat_map(|channel| &channel.entries).map(|entry| &entry.name).collect();
        let ours: BTreeSet<&String> = selected.packages.iter().flat_map(|package| &package.bundles).collect();
        for bundle in &case.bundles {
            if offered.contains(bundle) {
                assert!(ours.contains(bundle), "{}: {bundle} is not delivered", case.id);
            } else {
                counts.orphans += 1;
            }
        }
        for package in &selected.packages {
            let more = package.bundles.iter().filter(|bundle| !case.bundles.contains(bundle)).count();
            let required = package.reason.contains("required by")
                || findings.iter().any(|it| it.code == "RANGE_WIDENED");
            assert!(more == 0 || required, "{}: {package:?}", case.id);
            counts.more += more;
        }
        counts.delivered += 1;
    }
    println!("{counts:?}");
    if data().is_some() {
        let expected = Counts { delivered: 1_105, more: 0, orphans: 168, nothing: 48, refused: 261 };
        assert_eq!(counts, expected);
    }
}
