//! Deprecations of both sides: the new side has the last word on what it knows.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::catalog::model::{BUNDLE, CHANNEL};
use crate::catalog::{Blob, Package};
use crate::finding::Finding;
use crate::merge::blob;

type Key = (String, String);

#[derive(serde::Deserialize)]
struct Reading {
    reference: Reference,
}

#[derive(serde::Deserialize)]
struct Reference {
    schema: String,
    #[serde(default)]
    name: String,
}

/// The deprecations of a merged package whose channels and bundles are there already.
///
/// By (schema, name) of the reference; the new side's message wins. What only production has is dropped where the new side speaks
/// of the package's deprecations, knows the object and is silent on it: it is no longer deprecated. What refers to nothing is
/// dropped, since opm refuses it.
pub(super) fn merged(
    old: &Package,
    new: &Package,
    result: &Package,
    findings: &mut Vec<Finding>,
) -> Option<Blob> {
    let (Some(theirs), ours) = (&new.deprecations, &old.deprecations) else {
        return old.deprecations.clone();
    };
    let new_entries = entries(theirs);
    let old_entries = ours.as_ref().map(entries).unwrap_or_default();
    let mut all = new_entries.clone();
    for (key, entry) in old_entries {
        if new_entries.contains_key(&key) {
            continue;
        }
        let knows = exists(new, &key);
        if knows {
            let what = format!("{} {}", key.0, key.1);
            let message = format!("`{}` is no longer deprecated upstream", what.trim_end());
            findings.push(Finding::info("DEPRECATION_DROPPED", format!("package {}", result.name), message));
        } else {
            all.insert(key, entry);
        }
    }
    all.retain(|key, _| exists(result, key));
    if all.is_empty() {
        return None;
    }
    for (side, blob) in [
        (&new_entries, Some(theirs)),
        (&old.deprecations.as_ref().map(entries).unwrap_or_default(), ours.as_ref()),
    ] {
        if all.keys().eq(side.keys())
            && all.values().map(|raw| raw.get()).eq(side.values().map(|raw| raw.get()))
        {
            return blob.cloned();
        }
    }
    let list: Vec<&RawValue> = all.values().map(AsRef::as_ref).collect();
    let list = serde_json::value::to_raw_value(&list).unwrap_or_default();
    Some(blob::with_fields(theirs, [("entries", list)]))
}

fn entries(blob: &Blob) -> BTreeMap<Key, Box<RawValue>> {
    let list = blob::field(blob, "entries");
    let list: Vec<Box<RawValue>> =
        list.and_then(|list| serde_json::from_str(list.get()).ok()).unwrap_or_default();
    let key = |entry: &RawValue| {
        let Reading { reference } = serde_json::from_str(entry.get()).ok()?;
        Some((reference.schema, reference.name))
    };
    list.into_iter().filter_map(|entry| Some((key(&entry)?, entry))).collect()
}

fn exists(package: &Package, (schema, name): &Key) -> bool {
    match schema.as_str() {
        CHANNEL => package.channels.contains_key(name),
        BUNDLE => package.bundles.contains_key(name),
        _ => true,
    }
}
