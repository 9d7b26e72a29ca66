//! What opm says about real catalogs and about its own test cases is what we say.

use std::collections::BTreeMap;
use std::sync::Arc;

use ombundle::catalog::{Catalog, Loaded, OpmVersion, UpgradeGraph, judge, load};
use ombundle::event::Silent;
use ombundle::fetch::Upstream;
use ombundle::finding::has_errors;
use ombundle::flow;
use ombundle::limits::LIMITS;
use ombundle::registry::{Client, ClientOptions, Environment};
use serde::Deserialize;
use serde_json::{Value, json};

use super::shared::{Folder, data};

fn read<T: for<'a> Deserialize<'a>>(path: &str) -> Option<T> {
    Some(serde_json::from_slice(&std::fs::read(data()?.join("cases").join(path)).unwrap()).unwrap())
}

#[derive(Deserialize)]
struct Verdict {
    path: String,
    ok: bool,
}

/// Folders on which we differ from opm on purpose, each with the reason.
const EXPLAINED: [(&str, &str); 0] = [];

#[test]
fn the_same_verdict_as_opm_on_every_real_package() {
    let Some(verdicts) = read::<Vec<Verdict>>("split/opm-validate.share.json") else { return };
    let client = Client::new(ClientOptions::default(), &Environment::default(), Arc::new(Silent)).unwrap();
    let mut differences = Vec::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for Verdict { path, ok } in &verdicts {
        let folder = Folder { path: path.clone() };
        let Loaded { catalog, findings } = folder.load();
        let whole = judge(findings, &catalog, OpmVersion::STRICTEST);
        // As the command does it, without keeping what it does not look at.
        let place = data().unwrap().join(path);
        let lean = flow::catalog::judge(
            place.to_str().unwrap(),
            OpmVersion::STRICTEST,
            Upstream::of(&client),
            &Silent,
            &LIMITS,
        );
        assert_eq!(lean.unwrap(), whole, "{path}");
        if has_errors(&whole) == *ok {
            differences.push(path.as_str());
        }
        for finding in whole {
            *counts.entry(finding.code).or_default() += 1;
        }
    }
    println!(
        "{} package folders, {} verdicts other than opm's; {counts:?}",
        verdicts.len(),
        differences.len()
    );
    assert!(verdicts.len() > 100);
    assert_eq!(differences, EXPLAINED.map(|(path, _)| path));
}

#[derive(Deserialize)]
struct Suite<T> {
    cases: Vec<T>,
}

#[derive(Deserialize)]
struct LoadCase {
    name: String,
    error: Option<String>,
    fbc: Option<Vec<Value>>,
    files: BTreeMap<String, String>,
}

#[test]
fn opm_s_own_loading_cases() {
    let Some(suite) = read::<Suite<LoadCase>>("operator-registry_alpha_declcfg--TestLoadFS.json") else {
        return;
    };
    let mut seen = 0;
    for case in suite.cases.into_iter().filter(|case| !case.files.is_empty()) {
        seen += 1;
        let files = case.files.into_iter().map(|(path, text)| (path, text.into_bytes()));
        let Loaded { catalog, findings } = load(files, &LIMITS);
        // opm's loading ends before blobs are put together; ours goes on, and refuses more.
        let unread = ["UNREADABLE", "BAD_BLOB", "MISSING_SCHEMA", "BAD_PROPERTY"];
        let (unread, unlinked): (Vec<_>, Vec<_>) =
            findings.iter().partition(|finding| unread.contains(&finding.code.as_str()));
        assert_eq!(!unread.is_empty(), case.error.is_some(), "{}: {findings:?}", case.name);
        let Some(expected) = case.fbc else { continue };
        assert_eq!(catalog.values().len() + unlinked.len(), expected.len(), "{}", case.name);
        let named = |it: &&Value| it["schema"] == "olm.bundle" && it["package"].is_string();
        for bundle in expected.iter().filter(named) {
            let ours = &catalog.packages[bundle["package"].as_str().unwrap()].bundles
                [bundle["name"].as_str().unwrap()];
            assert_eq!(Value::from(ours.image.as_str()), bundle["image"]);
            assert_eq!(ours.properties.len(), bundle["properties"].as_array().unwrap().len());
        }
    }
    println!("{seen} loading cases with files, the same verdict on each");
    assert!(seen >= 2);
}

#[derive(Deserialize)]
struct HeadCase {
    name: String,
    entries: Vec<Value>,
    head: Option<String>,
    error: Option<String>,
}

#[test]
fn opm_s_own_head_cases() {
    let Some(suite) = read::<Suite<HeadCase>>("operator-registry_alpha_model--TestChannelHead.json") else {
        return;
    };
    println!("{} head cases, the same verdict on each", suite.cases.len());
    for HeadCase { name, entries, head, error } in suite.cases {
        let values = [
            json!({"schema": "olm.package", "name": "anakin", "defaultChannel": "c"}),
            json!({"schema": "olm.channel", "package": "anakin", "name": "c", "entries": entries}),
        ];
        let loaded = Catalog::from_values(&values);
        assert_eq!(loaded.findings, []);
        let graph = UpgradeGraph::new(&loaded.catalog.packages["anakin"].channels["c"]);
        assert_eq!(graph.head().map(str::to_owned), head, "{name}");
        assert_eq!(graph.head().is_none(), error.is_some(), "{name}");
    }
}

/// opm's list of heads, made of the same folders.
#[test]
fn the_heads_are_those_that_opm_lists() {
    let Some(data) = data() else { return };
    for (list, folder) in [("redhat-4.18", "fbc/redhat/4.18"), ("community-4.18", "fbc/community/4.18")] {
        let text = std::fs::read_to_string(data.join(format!("cases/opm-list/{list}.channels.txt"))).unwrap();
        let mut compared = 0;
        let mut catalogs: BTreeMap<String, Catalog> = BTreeMap::new();
        for line in text.lines().skip(1) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [package, channel, head] = words.as_slice() else { continue };
            if !data.join(folder).join(package).is_dir() {
                continue;
            }
            let catalog = catalogs
                .entry((*package).to_owned())
                .or_insert_with(|| Folder { path: format!("{folder}/{package}") }.load().catalog);
            let graph = UpgradeGraph::new(&catalog.packages[*package].channels[*channel]);
            assert_eq!(graph.head(), Some(*head), "{package} {channel}");
            compared += 1;
        }
        assert!(compared > 20, "{list}: {compared}");
    }
}
