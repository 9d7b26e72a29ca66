//! The manifests of a bundle: its CSV, and the APIs that its CRDs define.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::document;
use super::read::Folder;
use crate::catalog::Gvk;
use crate::catalog::image::ImageError;
use crate::finding::Finding;
use crate::limits::Limits;

const CSV: &str = "ClusterServiceVersion";

/// One manifest that could be read.
pub(super) struct Manifest {
    /// Its file, for findings.
    pub(super) file: String,
    /// The Kubernetes object.
    pub(super) object: Value,
}

/// An API as a CSV and a CRD name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Api {
    pub(super) gvk: Gvk,
    pub(super) plural: String,
}

/// The files that opm looks at: not hidden ones, and not those in folders of their own.
fn visible(files: &BTreeMap<String, Arc<[u8]>>) -> impl Iterator<Item = (&str, &[u8])> {
    let files = files.iter().map(|(name, bytes)| (name.as_str(), &**bytes));
    files.filter(|(name, _)| !name.contains('/') && !name.starts_with('.'))
}

/// Reads the manifests by name of their files. What is no Kubernetes object is passed over with a warning, and so is a second CSV.
pub(super) fn read_all(folder: &Folder, limits: &Limits, findings: &mut Vec<Finding>) -> Vec<Manifest> {
    let mut manifests: Vec<Manifest> = Vec::new();
    for (name, bytes) in visible(&folder.files) {
        let file = folder.file(name);
        let passed_over = |message: String, line| {
            Finding::warning("MANIFEST", &file, message)
                .hint("the file is left out, as opm leaves it out; the manifests folder is for Kubernetes objects only")
                .at(&file, line)
        };
        let object = match document::read(bytes, limits) {
            Ok(Some(object)) if kind(&object).is_some() => object,
            Ok(_) => {
                findings.push(passed_over("it is not a Kubernetes object: it has no kind".to_owned(), None));
                continue;
            }
            Err(error) => {
                findings.push(passed_over(format!("it cannot be read: {}", error.what), Some(error.line)));
                continue;
            }
        };
        let first = manifests.iter().find(|manifest| kind(&manifest.object) == Some(CSV));
        if let Some(first) = first.filter(|_| kind(&object) == Some(CSV)) {
            let message = format!("it is a second ClusterServiceVersion; {} counts", first.file);
            let finding = Finding::warning("TWO_CSVS", &file, message).at(&file, None);
            findings.push(finding.hint("a bundle is one version: remove one of the two"));
            continue;
        }
        manifests.push(Manifest { file, object });
    }
    manifests
}

/// The CSV among manifests.
pub(super) fn csv_of(manifests: &[Manifest]) -> Option<&Manifest> {
    manifests.iter().find(|manifest| kind(&manifest.object) == Some(CSV))
}

/// The CSV of a bundle: the first by name of its file, as opm takes it.
///
/// `manifests` are the files below the bundle's manifests directory, by name; `directory` is that directory's name, for the
/// error.
pub fn csv(
    manifests: &BTreeMap<String, Arc<[u8]>>,
    directory: &str,
    limits: &Limits,
) -> Result<Value, ImageError> {
    visible(manifests)
        .filter_map(|(_, bytes)| document::read(bytes, limits).ok().flatten())
        .find(|object| kind(object) == Some(CSV))
        .ok_or_else(|| ImageError::NoCsv { directory: directory.to_owned() })
}

fn kind(object: &Value) -> Option<&str> {
    object.get("kind").and_then(Value::as_str).filter(|kind| !kind.is_empty())
}

/// Every version of every API that the CRDs define, served or not.
pub(super) fn defined(manifests: &[Manifest]) -> BTreeSet<Api> {
    let mut apis = BTreeSet::new();
    for Manifest { object, .. } in manifests {
        let version = object.get("apiVersion").and_then(Value::as_str).and_then(|it| it.rsplit('/').next());
        let old = version == Some("v1beta1");
        if kind(object) != Some("CustomResourceDefinition") || !(old || version == Some("v1")) {
            continue;
        }
        let named =
            |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let versions = object.pointer("/spec/versions").and_then(Value::as_array).into_iter().flatten();
        let versions = versions.filter_map(|version| version.get("name")?.as_str().map(str::to_owned));
        let single = Some(named("/spec/version")).filter(|version| old && !version.is_empty());
        for version in versions.chain(single) {
            let gvk = Gvk { group: named("/spec/group"), kind: named("/spec/names/kind"), version };
            apis.insert(Api { gvk, plural: named("/spec/names/plural") });
        }
    }
    apis
}

/// The APIs that a CSV names in one of its lists of CRDs, `owned` or `required`; those whose names are none are given, too.
pub(super) fn crds_named(csv: &Value, list: &str) -> (Vec<Api>, Vec<String>) {
    let (mut apis, mut bad) = (Vec::new(), Vec::new());
    for entry in entries(csv, "customresourcedefinitions", list) {
        let name = field(entry, "name");
        match name.split_once('.') {
            Some((plural, group)) => {
                let gvk = Gvk { group: group.to_owned(), ..gvk(entry) };
                apis.push(Api { gvk, plural: plural.to_owned() });
            }
            None => bad.push(name),
        }
    }
    (apis, bad)
}

/// The APIs that a CSV names in one of its lists of API services.
pub(super) fn services_named(csv: &Value, list: &str) -> Vec<Gvk> {
    entries(csv, "apiservicedefinitions", list).map(gvk).collect()
}

fn entries<'v>(csv: &'v Value, section: &str, list: &str) -> impl Iterator<Item = &'v Value> {
    let list = csv.pointer(&format!("/spec/{section}/{list}"));
    list.and_then(Value::as_array).into_iter().flatten()
}

fn gvk(entry: &Value) -> Gvk {
    Gvk { group: field(entry, "group"), kind: field(entry, "kind"), version: field(entry, "version") }
}

fn field(entry: &Value, name: &str) -> String {
    entry.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}
