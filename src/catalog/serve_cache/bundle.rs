//! One bundle of one channel as opm answers it: `api.Bundle` of operator-registry (`pkg/api/model_to_api.go`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::packages::{Presentation, Told};
use super::text::{compact, go_json};
use crate::catalog::model::{Bundle, Channel, Entry, Property};
use crate::catalog::{Deprecated, Gvk, PackageRequired};

/// In the order and with the names of the protobuf message; what is empty is left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApiBundle<'a> {
    csv_name: &'a str,
    package_name: &'a str,
    channel_name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    csv_json: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    object: Vec<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    bundle_path: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    provided_apis: Vec<Api>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    required_apis: Vec<Api>,
    version: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    skip_range: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dependencies: Vec<Typed>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Typed>,
    #[serde(skip_serializing_if = "str::is_empty")]
    replaces: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skips: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deprecation: Option<Told>,
}

#[derive(Serialize)]
struct Api {
    #[serde(skip_serializing_if = "String::is_empty")]
    group: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    kind: String,
}

impl From<Gvk> for Api {
    fn from(Gvk { group, kind, version }: Gvk) -> Self {
        Self { group, version, kind }
    }
}

/// A type and a value in JSON, as text.
#[derive(Serialize)]
struct Typed {
    #[serde(rename = "type")]
    kind: String,
    value: String,
}

/// The message for a bundle under an entry of a channel; the error says what opm would find wrong.
pub(super) fn api<'a>(
    shown: &Presentation,
    channel: &'a Channel,
    entry: &'a Entry,
    bundle: &'a Bundle,
) -> Result<ApiBundle<'a>, String> {
    let identity = bundle.identity().ok_or("it has no `olm.package` property")?;
    let mut object = objects(bundle);
    let mut csv_json = object.iter().find(|object| is_csv(object)).cloned().unwrap_or_default();
    let metadata = bundle.properties_of("olm.csv.metadata").count();
    if metadata > 1 {
        return Err(format!("it has {metadata} properties of type `olm.csv.metadata`"));
    }
    if let (true, Some(metadata)) = (csv_json.is_empty(), bundle.csv_metadata()) {
        csv_json = String::from_utf8(go_json(&csv_of(&metadata, shown, bundle))).unwrap_or_default();
        if object.is_empty() {
            object.push(csv_json.clone());
        }
    }
    let bulky = |property: &&Property| !matches!(&*property.kind, "olm.bundle.object" | "olm.csv.metadata");
    let typed = |property: &Property| Typed { kind: property.kind.clone(), value: compact(property.json()) };
    Ok(ApiBundle {
        csv_name: &bundle.name,
        package_name: &bundle.package,
        channel_name: &channel.name,
        csv_json,
        object,
        bundle_path: &bundle.image,
        provided_apis: bundle.gvks().into_iter().map(Api::from).collect(),
        required_apis: bundle.gvks_required().into_iter().map(Api::from).collect(),
        version: identity.version,
        skip_range: entry.skip_range.as_deref().unwrap_or_default(),
        dependencies: bundle.properties.iter().filter_map(dependency).collect(),
        properties: bundle.properties.iter().filter(bulky).map(typed).collect(),
        replaces: entry.replaces.as_deref().unwrap_or_default(),
        skips: entry.skips.iter().map(String::as_str).collect(),
        deprecation: shown.deprecation(&Deprecated::Bundle(bundle.name.clone())),
    })
}

/// A requirement in the form that it had before properties.
fn dependency(property: &Property) -> Option<Typed> {
    match &*property.kind {
        "olm.gvk.required" => Some(Typed { kind: "olm.gvk".to_owned(), value: compact(property.json()) }),
        "olm.package.required" => {
            let PackageRequired { package_name, version_range } = property.read().ok()?;
            let value = json!({"packageName": package_name, "version": version_range});
            Some(Typed { kind: "olm.package".to_owned(), value: value.to_string() })
        }
        _ => None,
    }
}

/// The manifests that the catalog embeds, as text.
fn objects(bundle: &Bundle) -> Vec<String> {
    #[derive(Deserialize)]
    struct Object {
        data: String,
    }
    bundle
        .properties_of("olm.bundle.object")
        .filter_map(|property| property.read::<Object>().ok())
        .filter_map(|object| STANDARD.decode(object.data).ok())
        .filter_map(|bytes| String::from_utf8(bytes).ok())
        .collect()
}

fn is_csv(object: &str) -> bool {
    #[derive(Deserialize)]
    struct Typed {
        #[serde(default)]
        kind: String,
    }
    serde_json::from_str::<Typed>(object).is_ok_and(|object| object.kind == "ClusterServiceVersion")
}

/// Fields of the trimmed CSV's `spec`, by their name in the property.
const SPEC: &[(&str, &str)] = &[
    ("apiServiceDefinitions", "apiservicedefinitions"),
    ("crdDescriptions", "customresourcedefinitions"),
    ("description", "description"),
    ("displayName", "displayName"),
    ("installModes", "installModes"),
    ("keywords", "keywords"),
    ("links", "links"),
    ("maintainers", "maintainers"),
    ("maturity", "maturity"),
    ("minKubeVersion", "minKubeVersion"),
    ("nativeAPIs", "nativeAPIs"),
    ("provider", "provider"),
];

/// A CSV around the trimmed one: what the console's list of operators shows. OLM's package server writes into the map of the
/// install strategy, which therefore must be there.
fn csv_of(metadata: &Value, shown: &Presentation, bundle: &Bundle) -> Value {
    let mut meta = Map::from_iter([
        ("creationTimestamp".to_owned(), Value::Null),
        ("name".to_owned(), json!(bundle.name)),
    ]);
    let filled = |name: &str| metadata.get(name).filter(|value| !value.is_null()).cloned();
    for name in ["annotations", "labels"] {
        meta.extend(filled(name).map(|value| (name.to_owned(), value)));
    }
    let mut spec = Map::from_iter([
        ("install".to_owned(), json!({"strategy": "deployment", "spec": {"deployments": null}})),
        ("version".to_owned(), json!(bundle.version.to_string())),
        ("cleanup".to_owned(), json!({"enabled": false})),
        ("displayName".to_owned(), json!("")),
    ]);
    spec.extend(SPEC.iter().filter_map(|(from, to)| Some(((*to).to_owned(), filled(from)?))));
    let described = spec.get("description").and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    if !described && !shown.description.is_empty() {
        spec.insert("description".to_owned(), json!(shown.description));
    }
    if let Some(icon) = &shown.icon {
        spec.insert("icon".to_owned(), json!([icon]));
    }
    if !bundle.related_images.is_empty() {
        let images = bundle.related_images.iter().map(|it| json!({"name": it.name, "image": it.image}));
        spec.insert("relatedImages".to_owned(), images.collect());
    }
    json!({
        "apiVersion": "operators.coreos.com/v1alpha1", "kind": "ClusterServiceVersion",
        "metadata": meta, "spec": spec, "status": {"cleanup": {}},
    })
}
