//! Loading and writing every real catalog there is.

use ombundle::catalog::{Catalog, Loaded, write};
use serde_json::Value;

use super::shared::package_folders;

#[test]
fn every_real_package_loads_without_findings() {
    let mut bundles = 0;
    for folder in package_folders() {
        let Loaded { catalog, findings } = folder.load();
        assert_eq!(findings, [], "{}", folder.path);
        assert_eq!(catalog.packages.len(), 1, "{}", folder.path);
        bundles += catalog.packages.values().map(|package| package.bundles.len()).sum::<usize>();
    }
    assert!(bundles == 0 || bundles > 1_000, "{bundles}");
}

/// Every blob as a value, with what is a set for OLM in one order.
fn values(catalog: &Catalog) -> Vec<Value> {
    let blobs = catalog.packages.values().flat_map(|package| {
        let own =
            std::iter::once(&package.blob).chain(package.channels.values().map(|channel| &channel.blob));
        own.chain(package.bundles.values().map(|bundle| &bundle.blob))
            .chain(&package.others)
            .chain(&package.deprecations)
    });
    let mut values: Vec<Value> = blobs.chain(&catalog.others).map(ombundle::catalog::Blob::value).collect();
    for value in &mut values {
        for set in ["properties", "relatedImages"] {
            if let Some(list) = value.get_mut(set).and_then(Value::as_array_mut) {
                list.sort_by_cached_key(Value::to_string);
            }
        }
        for entry in value.get_mut("entries").and_then(Value::as_array_mut).into_iter().flatten() {
            let Some(entry) = entry.as_object_mut() else { continue };
            if let Some(skips) = entry.get_mut("skips").and_then(Value::as_array_mut) {
                skips.sort_by_key(Value::to_string);
                skips.dedup();
            }
            entry.retain(|_, value| value != "" && value.as_array().is_none_or(|list| !list.is_empty()));
        }
    }
    values
}

#[test]
fn what_is_written_is_what_was_read() {
    for folder in package_folders() {
        let read = folder.load().catalog;
        let files = write::files(&read);
        let again = ombundle::catalog::load(files.clone(), &ombundle::limits::LIMITS);
        assert_eq!(again.findings, [], "{}", folder.path);
        assert!(values(&again.catalog) == values(&read), "{}", folder.path);
        for (name, package) in &read.packages {
            let twin = &again.catalog.packages[name];
            for (name, channel) in &package.channels {
                assert_eq!(twin.channels[name].entries, channel.entries, "{}", folder.path);
            }
        }
        assert!(write::files(&again.catalog) == files, "{} is not stable", folder.path);
    }
}
