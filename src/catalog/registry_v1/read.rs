//! A bundle's files read and judged, and the blob made of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::go_json::{Html, string};
use super::images;
use super::manifests::{self, Api, Manifest};
use super::metadata::{self, Metadata, Typed};
use super::properties::{self, ANNOTATION};
use super::trimmed::trimmed;
use crate::finding::{Finding, has_errors};
use crate::limits::Limits;

/// The files of one folder of a bundle.
#[derive(Debug, Clone, Default)]
pub struct Folder {
    /// What the folder is called, for findings.
    pub path: String,
    /// By their names.
    pub files: BTreeMap<String, Arc<[u8]>>,
}

impl Folder {
    pub(super) fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }
}

/// The files of a bundle.
#[derive(Debug, Clone, Default)]
pub struct BundleFiles {
    /// The Kubernetes objects.
    pub manifests: Folder,
    /// The annotations, dependencies and properties.
    pub metadata: Folder,
}

/// How a bundle's manifests stand in the blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// All of them, as `olm.bundle.object`: what opm does by default.
    Objects,
    /// The CSV only, and of it what catalogs show, as `olm.csv.metadata`: catalogs of OpenShift 4.14 and later.
    Metadata,
}

/// A bundle that can be rendered.
pub struct RegistryBundle {
    /// The CSV's name.
    pub name: String,
    /// The package, from its annotations.
    pub package: String,
    /// The CSV's version as written.
    pub version: String,
    csv: Value,
    objects: Vec<Typed>,
    properties: Vec<Typed>,
    /// The value of its `olm.csv.metadata`.
    metadata: String,
}

impl RegistryBundle {
    /// Reads a bundle. There is none when a finding is an error.
    pub fn read(files: &BundleFiles, limits: &Limits) -> (Option<Self>, Vec<Finding>) {
        let mut findings = Vec::new();
        let read = manifests::read_all(&files.manifests, limits, &mut findings);
        let metadata = metadata::read(&files.metadata, limits, &mut findings);
        let Some(csv) = manifests::csv_of(&read) else {
            let path = &files.manifests.path;
            let message = "there is no ClusterServiceVersion among the manifests";
            let finding = Finding::error("NO_CSV", path, message).at(path, None);
            findings
                .push(finding.hint("a bundle has one; its file begins with `kind: ClusterServiceVersion`"));
            return (None, findings);
        };
        let defined = manifests::defined(&read);
        check_csv(csv, &defined, &mut findings);
        let bundle = metadata.and_then(|metadata| Self::of(csv, &read, &metadata, &defined, &mut findings));
        (bundle.filter(|_| !has_errors(&findings)), findings)
    }

    fn of(
        csv: &Manifest,
        manifests: &[Manifest],
        metadata: &Metadata,
        defined: &BTreeSet<Api>,
        findings: &mut Vec<Finding>,
    ) -> Option<Self> {
        let (file, csv) = (&csv.file, &csv.object);
        let mut wrong = |code, message: String, hint: &str| {
            findings.push(Finding::error(code, file, message).at(file, None).hint(hint));
        };
        let trimmed = trimmed(csv).map_err(|error| {
            let message = format!("`{}` must be {}", error.path, error.wanted);
            wrong("CSV", message, "OLM cannot read the ClusterServiceVersion either: mend it in the bundle");
        });
        let properties = properties::all(csv, metadata, defined).map_err(|bad| {
            let message = format!("its property `{}` cannot be read: {}", bad.kind, bad.why);
            wrong("BAD_PROPERTY", message, "compare with the properties of a bundle that is in a catalog");
        });
        let (metadata_text, properties) = (trimmed.ok()?, properties.ok()?);
        let text =
            |pointer: &str| csv.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let named = properties.iter().find(|it| it.kind == "olm.package");
        let named = named.and_then(|it| serde_json::from_str::<crate::catalog::Identity>(&it.value).ok());
        if let Some(other) = named.filter(|identity| identity.package_name != metadata.package) {
            let message = format!(
                "its property `olm.package` names `{}`, but its annotations name the package `{}`",
                other.package_name, metadata.package
            );
            let finding = Finding::error("OTHER_PACKAGE", &metadata.file, message).at(&metadata.file, None);
            findings.push(finding.hint("the bundle would fit into no package: make the two the same"));
        }
        Some(Self {
            name: text("/metadata/name"),
            package: metadata.package.clone(),
            version: text("/spec/version"),
            csv: csv.clone(),
            objects: manifests.iter().map(|manifest| properties::manifest(&manifest.object)).collect(),
            properties,
            metadata: metadata_text,
        })
    }

    /// The `olm.bundle` as JSON text. Without an image the manifests stay, as with opm: nobody could fetch them.
    pub fn blob(&self, image: &str, form: Form) -> String {
        let mut properties: Vec<(&str, &str)> = Vec::new();
        let has_metadata = self.properties.iter().any(|it| it.kind == METADATA);
        if form == Form::Objects || image.is_empty() || has_metadata {
            let mut all: Vec<&Typed> = self.properties.iter().chain(&self.objects).collect();
            all.sort_by(|a, b| (&a.kind, &a.value).cmp(&(&b.kind, &b.value)));
            properties.extend(all.iter().map(|it| (it.kind.as_str(), it.value.as_str())));
        } else {
            properties.extend(self.properties.iter().map(|it| (it.kind.as_str(), it.value.as_str())));
            properties.push((METADATA, &self.metadata));
        }
        let mut out = Vec::from(*b"{\"schema\":\"olm.bundle\"");
        for (field, value) in [("name", &*self.name), ("package", &*self.package), ("image", image)] {
            out.extend_from_slice(format!(",\"{field}\":").as_bytes());
            string(value, Html::Plain, &mut out);
        }
        out.extend_from_slice(b",\"properties\":[");
        for (index, (kind, value)) in properties.into_iter().enumerate() {
            out.extend_from_slice(if index > 0 { b",{\"type\":" } else { b"{\"type\":" });
            string(kind, Html::Plain, &mut out);
            out.extend_from_slice(b",\"value\":");
            out.extend_from_slice(value.as_bytes());
            out.push(b'}');
        }
        out.extend_from_slice(b"],\"relatedImages\":[");
        out.extend_from_slice(images::related(&self.csv, image).as_bytes());
        out.extend_from_slice(b"]}");
        String::from_utf8(out).unwrap_or_default()
    }
}

const METADATA: &str = "olm.csv.metadata";

/// What opm refuses of a CSV, and what it passes over in silence.
fn check_csv(csv: &Manifest, defined: &BTreeSet<Api>, findings: &mut Vec<Finding>) {
    let (file, object) = (&csv.file, &csv.object);
    let mut error = |code, message: String, hint: &str| {
        findings.push(Finding::error(code, file, message).at(file, None).hint(hint));
    };
    if object.pointer("/metadata/name").and_then(Value::as_str).is_none_or(str::is_empty) {
        error(
            "CSV",
            "it has no `metadata.name`".to_owned(),
            "the name becomes that of the bundle in the catalog",
        );
    }
    if !object.get("spec").is_some_and(Value::is_object) {
        error("CSV", "it has no `spec`".to_owned(), "OLM cannot install it: mend it in the bundle");
    }
    let (owned, bad_owned) = manifests::crds_named(object, "owned");
    let (_, bad_required) = manifests::crds_named(object, "required");
    for name in bad_owned.into_iter().chain(bad_required) {
        let message = format!("it names a CRD `{name}`");
        error("CSV", message, "the name of a CRD is its plural, a dot, and its group");
    }
    for api in owned.iter().filter(|api| !defined.contains(api)) {
        let message =
            format!("it owns `{}` ({}), which no CRD among the manifests defines", api.plural, api.gvk);
        error(
            "CRD_MISSING",
            message,
            "add the CRD to the manifests, or take it out of `customresourcedefinitions.owned`",
        );
    }
    if let Err(reason) = properties::annotated(object) {
        let message = format!("its annotation `{ANNOTATION}` is no list of properties: {reason}");
        let finding = Finding::warning("BAD_PROPERTY", file, message).at(file, None);
        findings.push(
            finding.hint(
                "it is left out, as opm leaves it out; it must be JSON: `[{\"type\": …, \"value\": …}]`",
            ),
        );
    }
}
