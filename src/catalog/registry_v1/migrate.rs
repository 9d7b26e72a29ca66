//! A bundle of a catalog from `olm.bundle.object` to `olm.csv.metadata`.

use base64::Engine;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::trimmed::trimmed;
use crate::catalog::fields;

/// The blob of a bundle with the trimmed CSV in place of its manifests, as JSON text. Nothing where there is nothing to do: it has
/// none of them, has the trimmed CSV already, or has no image from which the manifests could be read later.
///
/// The error says why its CSV cannot be read.
pub fn migrated(json: &str) -> Result<Option<String>, String> {
    #[derive(Deserialize)]
    struct Property<'a> {
        #[serde(rename = "type", alias = "Type", default)]
        kind: String,
        #[serde(borrow, alias = "Value", default)]
        value: Option<&'a RawValue>,
    }
    let members = fields::object(json);
    let field =
        |name: &str| members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, raw)| raw.get());
    let image = field("image").and_then(|raw| serde_json::from_str::<String>(raw).ok());
    let written: Vec<&RawValue> =
        field("properties").and_then(|raw| serde_json::from_str(raw).ok()).unwrap_or_default();
    let properties: Vec<(Property<'_>, &RawValue)> =
        written.into_iter().filter_map(|raw| Some((serde_json::from_str(raw.get()).ok()?, raw))).collect();
    let has = |wanted: &str| properties.iter().any(|(property, _)| property.kind == wanted);
    if image.is_none_or(|image| image.is_empty()) || has("olm.csv.metadata") || !has("olm.bundle.object") {
        return Ok(None);
    }
    let objects = properties.iter().filter(|(property, _)| property.kind == "olm.bundle.object");
    let Some(csv) = objects.filter_map(|(property, _)| manifest(property.value?)).find(is_csv) else {
        return Ok(None);
    };
    let value = trimmed(&csv).map_err(|error| format!("`{}` must be {}", error.path, error.wanted))?;
    let mut kept: Vec<String> = properties
        .iter()
        .filter(|(property, _)| property.kind != "olm.bundle.object")
        .map(|(_, raw)| raw.get().to_owned())
        .collect();
    kept.push(format!("{{\"type\":\"olm.csv.metadata\",\"value\":{value}}}"));
    let mut text = String::from("{");
    for (key, raw) in members.iter().filter(|(key, _)| !key.eq_ignore_ascii_case("properties")) {
        text += &format!("{}:{},", Value::from(key.as_str()), raw.get());
    }
    Ok(Some(format!("{text}\"properties\":[{}]}}", kept.join(","))))
}

fn manifest(value: &RawValue) -> Option<Value> {
    #[derive(Deserialize)]
    struct Object {
        data: String,
    }
    let object: Object = serde_json::from_str(value.get()).ok()?;
    let bytes = base64::engine::general_purpose::STANDARD.decode(object.data).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn is_csv(object: &Value) -> bool {
    object.get("kind").is_some_and(|kind| kind == "ClusterServiceVersion")
}
