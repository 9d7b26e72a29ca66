//! The metadata of a bundle: its package, what it depends on, and properties of its own.

use serde_json::Value;

use super::document;
use super::go_json::{self, Html};
use super::read::Folder;
use crate::finding::Finding;
use crate::limits::Limits;

const PACKAGE: &str = "operators.operatorframework.io.bundle.package.v1";
const MEDIA_TYPE: &str = "operators.operatorframework.io.bundle.mediatype.v1";
/// What makes a file the one with the annotations: one of those that opm reads.
const READ: [&str; 3] = [
    PACKAGE,
    "operators.operatorframework.io.bundle.channels.v1",
    "operators.operatorframework.io.bundle.channel.default.v1",
];

/// What a metadata folder says.
#[derive(Default)]
pub(super) struct Metadata {
    pub(super) package: String,
    /// The file that names the package.
    pub(super) file: String,
    pub(super) dependencies: Vec<Typed>,
    pub(super) properties: Vec<Typed>,
}

/// A dependency or a property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Typed {
    pub(super) kind: String,
    /// JSON text; opm tells equal ones by it and sorts by it.
    pub(super) value: String,
}

/// Reads the files by their names: the first that has annotations, the first with dependencies, the first with properties.
pub(super) fn read(folder: &Folder, limits: &Limits, findings: &mut Vec<Finding>) -> Option<Metadata> {
    let mut annotations: Option<(String, Value)> = None;
    let mut found = Metadata::default();
    for (name, bytes) in folder.files.iter().filter(|(name, _)| !name.contains('/')) {
        let file = folder.file(name);
        let document = match document::read(bytes, limits) {
            Ok(Some(document)) => document,
            Ok(None) => continue,
            Err(error) => {
                let message = format!("it cannot be read: {}", error.what);
                let finding = Finding::warning("METADATA", &file, message).at(&file, Some(error.line));
                findings.push(finding.hint("the file is left out, as opm leaves it out"));
                continue;
            }
        };
        if annotations.is_none() {
            annotations = annotations_of(&document).map(|it| (file.clone(), it.clone()));
        }
        for (list, into) in [("dependencies", &mut found.dependencies), ("properties", &mut found.properties)]
        {
            if into.is_empty() {
                *into = typed(&document, list, &file, findings);
            }
        }
    }
    let Some((file, annotations)) = annotations else {
        let message =
            format!("no file says which package the bundle is of: none has the annotation `{PACKAGE}`");
        let hint = "a bundle has `metadata/annotations.yaml`";
        findings
            .push(Finding::error("NO_ANNOTATIONS", &folder.path, message).at(&folder.path, None).hint(hint));
        return None;
    };
    let text = |name: &str| annotations.get(name).and_then(Value::as_str).unwrap_or_default();
    if !matches!(text(MEDIA_TYPE), "" | "registry+v1") {
        let message = format!("the bundle is of the media type `{}`", text(MEDIA_TYPE));
        let finding = Finding::error("MEDIA_TYPE", &file, message).at(&file, None);
        findings.push(finding.hint("only registry+v1 bundles can be in a file-based catalog for OLM"));
    }
    if text(PACKAGE).is_empty() {
        let message = format!("the annotation `{PACKAGE}` is missing or empty");
        let finding = Finding::error("NO_ANNOTATIONS", &file, message).at(&file, None);
        findings.push(finding.hint("name the package there"));
        return None;
    }
    Some(Metadata { package: text(PACKAGE).to_owned(), file, ..found })
}

/// The annotations, where they are texts and one of those that opm reads is set.
fn annotations_of(document: &Value) -> Option<&Value> {
    let annotations = document.get("annotations")?;
    let texts = READ.map(|name| annotations.get(name));
    let all_text = texts.iter().flatten().all(|value| value.is_string() || value.is_null());
    let one_set = texts.iter().flatten().any(|value| value.as_str().is_some_and(|text| !text.is_empty()));
    (all_text && one_set).then_some(annotations)
}

/// A list of `{type, value}`; nothing where it is not one, for opm takes all of it or nothing.
fn typed(document: &Value, list: &str, file: &str, findings: &mut Vec<Finding>) -> Vec<Typed> {
    let Some(items) = document.get(list) else { return Vec::new() };
    let read = items.as_array().and_then(|items| items.iter().map(one).collect());
    read.unwrap_or_else(|| {
        let message = format!("`{list}` is not a list of a `type` and a `value` each");
        let finding = Finding::error("METADATA", file, message).at(file, None);
        findings.push(
            finding.hint("write `- type: olm.package` with `value: {packageName: …, version: …}`, and so on"),
        );
        Vec::new()
    })
}

fn one(item: &Value) -> Option<Typed> {
    let kind = item.get("type")?.as_str()?.to_owned();
    Some(Typed { kind, value: go_json::text(item.get("value")?, Html::Escaped) })
}
