//! From loose blobs to a catalog: packages first, then what belongs to them; the first of two equals stays.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;

use super::facts::Keep;
use super::model::{Blob, Bundle, Catalog, Channel, Package};
use super::parse::{Body, ParsedFile, Part, at, read};
use crate::finding::Finding;

/// A catalog, and what is wrong with what it was made from.
#[derive(Debug, Default)]
pub struct Loaded {
    /// All that could be made sense of.
    pub catalog: Catalog,
    /// What could not, and what occurs twice.
    pub findings: Vec<Finding>,
}

impl Catalog {
    /// Links blobs from anywhere, for instance a delta.
    pub fn from_blobs(blobs: impl IntoIterator<Item = Blob>) -> Loaded {
        let mut file = ParsedFile::default();
        for blob in blobs {
            match read(&blob.raw, Keep::Whole, blob.origin.clone(), &mut file.findings) {
                Ok(part) => file.parts.extend(part),
                Err(finding) => file.findings.push(finding),
            }
        }
        link([file])
    }

    /// Links blobs that are JSON values, for instance those of a plan.
    pub fn from_values<'a>(values: impl IntoIterator<Item = &'a serde_json::Value>) -> Loaded {
        let mut findings = Vec::new();
        let blobs: Vec<Blob> = values
            .into_iter()
            .filter_map(|value| {
                Blob::from_value(value, super::model::Origin::default())
                    .map_err(|finding| findings.push(finding))
                    .ok()
            })
            .collect();
        let mut loaded = Self::from_blobs(blobs);
        findings.append(&mut loaded.findings);
        Loaded { findings, ..loaded }
    }
}

/// Links parsed files. The order of files and blobs decides nothing but which of two equals stays.
pub fn link(files: impl IntoIterator<Item = ParsedFile>) -> Loaded {
    let mut findings = Vec::new();
    let mut packages = BTreeMap::new();
    let mut rest = Vec::new();
    for file in files {
        findings.extend(file.findings);
        for part in file.parts {
            match part.body {
                Body::Package { default_channel } => {
                    add_package(&mut packages, part.blob, default_channel, &mut findings);
                }
                _ => rest.push(part),
            }
        }
    }
    let mut others = Vec::new();
    for part in rest {
        let finding = match (packages.get_mut(&part.blob.package), &part.body) {
            (Some(package), _) => add_to_package(package, part),
            (None, Body::Other) => {
                others.push(part.blob);
                None
            }
            (None, _) => Some(homeless(&part.blob)),
        };
        findings.extend(finding);
    }
    Loaded { catalog: Catalog { packages, others }, findings }
}

fn add_package(
    packages: &mut BTreeMap<String, Package>,
    blob: Blob,
    default_channel: String,
    findings: &mut Vec<Finding>,
) {
    if blob.name.is_empty() {
        let finding = Finding::error("PACKAGE_NAME", &blob, "a package has no name").hint("set its `name`");
        findings.push(at(finding, &blob.origin));
        return;
    }
    match packages.entry(blob.name.clone()) {
        Slot::Occupied(first) => findings.push(twice("DUPLICATE_PACKAGE", &blob, &first.get().blob)),
        Slot::Vacant(slot) => {
            slot.insert(Package {
                name: blob.name.clone(),
                default_channel,
                blob,
                channels: BTreeMap::new(),
                bundles: BTreeMap::new(),
                deprecations: None,
                others: Vec::new(),
            });
        }
    }
}

/// Puts a part into its package; gives what is wrong with it.
fn add_to_package(package: &mut Package, part: Part) -> Option<Finding> {
    let Part { blob, body } = part;
    match body {
        Body::Channel { .. } | Body::Bundle { .. } if blob.name.is_empty() => {
            let finding = Finding::error("NAME_MISSING", &blob, "has no name").hint("set its `name`");
            return Some(at(finding, &blob.origin));
        }
        Body::Channel { entries } => match package.channels.entry(blob.name.clone()) {
            Slot::Occupied(first) => return Some(twice("DUPLICATE_CHANNEL", &blob, &first.get().blob)),
            Slot::Vacant(slot) => {
                slot.insert(Channel { name: blob.name.clone(), entries, blob });
            }
        },
        Body::Bundle { image, version, related_images, properties } => {
            match package.bundles.entry(blob.name.clone()) {
                Slot::Occupied(first) => return Some(twice("DUPLICATE_BUNDLE", &blob, &first.get().blob)),
                Slot::Vacant(slot) => {
                    slot.insert(Bundle {
                        name: blob.name.clone(),
                        package: blob.package.clone(),
                        image,
                        version,
                        related_images,
                        properties,
                        blob,
                    });
                }
            }
        }
        Body::Deprecations => match &package.deprecations {
            Some(first) => return Some(twice("DUPLICATE_DEPRECATIONS", &blob, first)),
            None => package.deprecations = Some(blob),
        },
        Body::Package { .. } | Body::Other => package.others.push(blob),
    }
    None
}

fn twice(code: &str, blob: &Blob, first: &Blob) -> Finding {
    let place = &first.origin;
    let message = if place.file.is_empty() {
        "occurs twice".to_owned()
    } else {
        format!("occurs twice; the first is in {} line {}", place.file, place.line)
    };
    at(Finding::error(code, blob, message), &blob.origin)
        .hint("catalogs are not joined by putting them together; `ombundle catalog merge` joins them")
}

fn homeless(blob: &Blob) -> Finding {
    let message = if blob.package.is_empty() {
        "names no package".to_owned()
    } else {
        format!("belongs to package `{}`, which the catalog has not got", blob.package)
    };
    at(Finding::error("UNKNOWN_PACKAGE", blob, message), &blob.origin)
        .hint("check the spelling against the `name` of the `olm.package` blob")
}
