//! What oc-mirror's filter keeps of real packages is what ours keeps.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use ombundle::catalog::{Catalog, Entry, PackageFilter, Take, filter, validate};
use ombundle::finding::has_errors;
use ombundle::version::{MastermindsRange, Version};
use serde::Deserialize;

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
            // It leaves a package whose default channel is not there, which no cluster serves.
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
        assert_eq!((same, refused, stricter), (1_105, 261, 48));
    }
}
