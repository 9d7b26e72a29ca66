//! The properties of a bundle: what it says of itself, what its CRDs define, what it depends on.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::go_json::{self, Html, string};
use super::manifests::{Api, crds_named, services_named};
use super::metadata::{Metadata, Typed};
use crate::catalog::Gvk;

const PACKAGE: &str = "olm.package";
const GVK: &str = "olm.gvk";
const GVK_REQUIRED: &str = "olm.gvk.required";
const PACKAGE_REQUIRED: &str = "olm.package.required";
/// The annotation of a CSV in which bundles without a `properties.yaml` give properties.
pub(super) const ANNOTATION: &str = "olm.properties";

/// A property that cannot be read, and why.
pub(super) struct BadProperty {
    pub(super) kind: String,
    pub(super) why: String,
}

/// What the annotation of the CSV gives; an error where it is no list of properties.
pub(super) fn annotated(csv: &Value) -> Result<Vec<Typed>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Written<'a> {
        #[serde(rename = "type")]
        kind: String,
        #[serde(borrow)]
        value: Option<&'a RawValue>,
    }
    let Some(text) = csv.pointer(&format!("/metadata/annotations/{ANNOTATION}")).and_then(Value::as_str)
    else {
        return Ok(Vec::new());
    };
    let written: Vec<Written<'_>> = serde_json::from_str(text)?;
    let typed = written
        .into_iter()
        .map(|Written { kind, value }| Typed { kind, value: value.map_or("null", RawValue::get).to_owned() });
    Ok(typed.collect())
}

/// All properties but the manifests, sorted by type and value.
pub(super) fn all(
    csv: &Value,
    metadata: &Metadata,
    provided: &BTreeSet<Api>,
) -> Result<Vec<Typed>, BadProperty> {
    let version = csv.pointer("/spec/version").and_then(Value::as_str).unwrap_or_default();
    let release = csv.pointer("/spec/release").and_then(Value::as_str).unwrap_or_default();
    let mut own = metadata.properties.clone();
    own.push(package(&metadata.package, version, release));
    own.extend(annotated(csv).unwrap_or_default());
    let mut seen = BTreeSet::new();
    own.retain(|typed| seen.insert((typed.kind.clone(), typed.value.clone())));

    let mut gvks: BTreeSet<Gvk> = provided.iter().map(|api| api.gvk.clone()).collect();
    gvks.extend(services_named(csv, "owned"));
    let mut required: BTreeSet<Gvk> = crds_named(csv, "required").0.into_iter().map(|api| api.gvk).collect();
    required.extend(services_named(csv, "required"));
    let mut properties = Vec::new();
    let mut identity = None;
    for typed in own {
        match typed.kind.as_str() {
            GVK => {
                gvks.insert(read(&typed)?);
            }
            PACKAGE => {
                let Named { package_name, version, release } = read(&typed)?;
                // The last one counts: what the CSV says goes before what was derived.
                identity = Some(package(&package_name, &version, &release));
            }
            _ => properties.push(typed),
        }
    }
    for typed in &metadata.dependencies {
        match typed.kind.as_str() {
            GVK => {
                required.insert(read(typed)?);
            }
            PACKAGE => {
                let Named { package_name, version, .. } = read(typed)?;
                let value = object(&[("packageName", &package_name), ("versionRange", &version)]);
                properties.push(Typed { kind: PACKAGE_REQUIRED.to_owned(), value });
            }
            _ => properties.push(typed.clone()),
        }
    }
    properties.extend(identity);
    properties.extend(gvks.iter().map(|gvk| api(GVK, gvk)));
    properties.extend(required.iter().map(|gvk| api(GVK_REQUIRED, gvk)));
    properties.sort_by(|a, b| (&a.kind, &a.value).cmp(&(&b.kind, &b.value)));
    Ok(properties)
}

/// One manifest as a property.
pub(super) fn manifest(object: &Value) -> Typed {
    use base64::Engine;
    let text = go_json::text(object, Html::Escaped);
    let data = base64::engine::general_purpose::STANDARD.encode(text);
    Typed { kind: "olm.bundle.object".to_owned(), value: format!("{{\"data\":\"{data}\"}}") }
}

/// The value of an `olm.package`, and of a dependency on a package.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    #[serde(default)]
    package_name: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    release: String,
}

fn read<T: for<'a> Deserialize<'a>>(typed: &Typed) -> Result<T, BadProperty> {
    serde_json::from_str(&typed.value)
        .map_err(|error| BadProperty { kind: typed.kind.clone(), why: error.to_string() })
}

fn package(name: &str, version: &str, release: &str) -> Typed {
    let fields = [("packageName", name), ("version", version), ("release", release)];
    let most = if release.is_empty() { 2 } else { 3 };
    Typed { kind: PACKAGE.to_owned(), value: object(fields.get(..most).unwrap_or(&fields)) }
}

fn api(kind: &str, gvk: &Gvk) -> Typed {
    let fields = [("group", gvk.group.as_str()), ("kind", &gvk.kind), ("version", &gvk.version)];
    Typed { kind: kind.to_owned(), value: object(&fields) }
}

/// An object of texts, in this order.
fn object(fields: &[(&str, &str)]) -> String {
    let mut out = Vec::new();
    for (index, (name, value)) in fields.iter().enumerate() {
        out.push(if index == 0 { b'{' } else { b',' });
        string(name, Html::Plain, &mut out);
        out.push(b':');
        string(value, Html::Plain, &mut out);
    }
    out.push(b'}');
    String::from_utf8(out).unwrap_or_default()
}
