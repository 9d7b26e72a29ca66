//! Small catalogs in code, merged.

mod differing;
mod division;
mod laws;
mod packages;
mod table;

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};

use super::*;
use crate::catalog::{Catalog, Evidence, UpgradeGraph};
use crate::digest::Digest;
use crate::finding::Severity;
use crate::site::InstalledOperator;

/// The blobs of a package `p`: each channel with entries written as
/// `1.2.0 -> 1.1.0 skips 1.0.0,1.0.1 range >=1.0.0 <1.2.0`. The first channel is the default one.
fn blobs(channels: &[(&str, &[&str])]) -> Vec<Value> {
    let mut blobs = vec![json!({"schema": "olm.package", "name": "p", "defaultChannel": channels[0].0})];
    let mut versions = BTreeMap::new();
    for (channel, entries) in channels {
        let entries: Vec<Value> = entries.iter().map(|text| entry(text, &mut versions)).collect();
        blobs.push(json!({"schema": "olm.channel", "package": "p", "name": channel, "entries": entries}));
    }
    blobs.extend(versions.into_values());
    blobs
}

fn entry(text: &str, bundles: &mut BTreeMap<String, Value>) -> Value {
    let (text, range) = text.split_once(" range ").map_or((text, None), |(text, range)| (text, Some(range)));
    let (text, skips) = text.split_once(" skips ").map_or((text, None), |(text, skips)| (text, Some(skips)));
    let (version, below) = text.split_once(" -> ").map_or((text, None), |(text, below)| (text, Some(below)));
    let mut entry = json!({"name": name(version)});
    if let Some(below) = below {
        entry["replaces"] = json!(name(below));
    }
    if let Some(skips) = skips {
        entry["skips"] = skips.split(',').map(name).collect();
    }
    if let Some(range) = range {
        entry["skipRange"] = json!(range);
    }
    bundles.insert(version.to_owned(), bundle(version, "quay.io/a/p"));
    entry
}

fn name(version: &str) -> String {
    format!("p.v{version}")
}

fn bundle(version: &str, repository: &str) -> Value {
    let image = format!("{repository}@{}", Digest::of(version.as_bytes()));
    json!({"schema": "olm.bundle", "package": "p", "name": name(version), "image": image,
           "properties": [{"type": "olm.package", "value": {"packageName": "p", "version": version}}],
           "relatedImages": [{"name": "", "image": image}]})
}

fn linked(blobs: &[Value]) -> Catalog {
    let loaded = Catalog::from_values(blobs);
    assert_eq!(loaded.findings, [], "a fixture is wrong");
    loaded.catalog
}

fn channel(entries: &[&str]) -> Catalog {
    linked(&blobs(&[("fast", entries)]))
}

fn csv(bundle: &str, replaces: &str) -> Evidence {
    Evidence {
        package: "p".to_owned(),
        bundle: name(bundle),
        version: bundle.to_owned(),
        replaces: Some(name(replaces)),
        skips: Vec::new(),
        skip_range: None,
        min_kube_version: None,
        max_openshift_version: None,
        related_images: Vec::new(),
    }
}

fn runs(version: &str, channel: Option<&str>) -> MergeOptions {
    let installed = InstalledOperator {
        name: name(version),
        version: None,
        package: Some("p".to_owned()),
        channel: channel.map(str::to_owned),
        namespace: None,
    };
    MergeOptions { installed: vec![installed], ..MergeOptions::default() }
}

/// The entries of a channel as the fixtures write them, without the package's name.
fn written(catalog: &Catalog, channel: &str) -> Vec<String> {
    let short = |name: &str| name.trim_start_matches("p.v").to_owned();
    let entries = &catalog.packages["p"].channels[channel].entries;
    entries
        .iter()
        .map(|entry| {
            let mut text = short(&entry.name);
            if let Some(below) = &entry.replaces {
                let _ = write!(text, " -> {}", short(below));
            }
            if !entry.skips.is_empty() {
                let skips: Vec<_> = entry.skips.iter().map(|name| short(name)).collect();
                let _ = write!(text, " skips {}", skips.join(","));
            }
            if let Some(range) = &entry.skip_range {
                let _ = write!(text, " range {range}");
            }
            text
        })
        .collect()
}

/// Codes of the findings of at least a warning's weight, errors marked with `!`.
fn codes(outcome: &MergeOutcome) -> Vec<String> {
    let weighty = outcome.report.findings.iter().filter(|finding| finding.severity > Severity::Info);
    weighty
        .map(|finding| {
            format!("{}{}", if finding.severity == Severity::Error { "!" } else { "" }, finding.code)
        })
        .collect()
}

fn steps(outcome: &MergeOutcome) -> Vec<StepKind> {
    outcome.report.packages["p"].channels.values().flatten().map(|step| step.kind).collect()
}

fn servable(catalog: &Catalog) -> bool {
    let channels = || catalog.packages.values().flat_map(|package| package.channels.values());
    channels().all(|channel| {
        let blob = crate::catalog::Blob::parse(channel.blob.raw.get(), channel.blob.origin.clone());
        blob.is_ok() && UpgradeGraph::new(channel).problems().is_empty()
    })
}
