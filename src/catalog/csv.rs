//! What is read of a ClusterServiceVersion: the edges that a catalog may have lost, and every image that it needs.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use base64::Engine;
use regex::Regex;
use serde_json::Value;

use super::evidence::Evidence;
use super::model::Bundle;

/// What a CSV says of itself.
pub fn evidence(csv: &Value, package: &str) -> Evidence {
    let text = |pointer: &str| {
        csv.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let mut related_images = listed_images(csv);
    related_images.extend(hidden_images(csv));
    Evidence {
        package: package.to_owned(),
        bundle: text("/metadata/name").unwrap_or_default(),
        version: text("/spec/version").unwrap_or_default(),
        replaces: text("/spec/replaces"),
        skips: strings(csv.pointer("/spec/skips")).into_iter().filter(|name| !name.is_empty()).collect(),
        skip_range: text("/metadata/annotations/olm.skipRange"),
        min_kube_version: text("/spec/minKubeVersion"),
        max_openshift_version: max_openshift_version(csv),
        related_images: related_images.into_iter().collect(),
    }
}

/// The images that `opm` would list for the bundle: `spec.relatedImages` and those of the Deployments' containers.
pub fn listed_images(csv: &Value) -> BTreeSet<String> {
    let mut images = BTreeSet::new();
    let mut add = |owner: &Value| {
        let image = owner.get("image").and_then(Value::as_str).filter(|image| !image.is_empty());
        images.extend(image.map(str::to_owned));
    };
    list(csv.pointer("/spec/relatedImages")).for_each(&mut add);
    for deployment in list(csv.pointer("/spec/install/spec/deployments")) {
        for containers in ["initContainers", "containers"] {
            list(deployment.pointer(&format!("/spec/template/spec/{containers}"))).for_each(&mut add);
        }
    }
    images
}

/// Images by digest that stand in annotations, variables, arguments and commands only, for instance
/// `operators.openshift.io/must-gather-image`. Nothing lists them, and the operator fails without them.
pub fn hidden_images(csv: &Value) -> BTreeSet<String> {
    let mut images = BTreeSet::new();
    for part in ["/metadata/annotations", "/spec/install/spec"] {
        if let Some(value) = csv.pointer(part) {
            scan(value, &mut images);
        }
    }
    let listed = listed_images(csv);
    images.retain(|image| !listed.contains(image));
    images
}

/// `host/repository@sha256:…`, the host with a dot or a port as every source registry has it.
static PINNED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::[0-9]+)?|[A-Za-z0-9-]+:[0-9]+)(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)+(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?@sha256:[0-9a-f]{64}\b",
    )
    .ok()
});

fn scan(value: &Value, images: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if text.contains("@sha256:") => {
            let found = PINNED.iter().flat_map(|pattern| pattern.find_iter(text));
            images.extend(found.map(|image| image.as_str().to_owned()));
        }
        Value::Array(items) => items.iter().for_each(|item| scan(item, images)),
        Value::Object(members) => members.values().for_each(|member| scan(member, images)),
        _ => {}
    }
}

/// From the annotation in which bundles give properties, or the one in which OLM leaves them in the cluster.
fn max_openshift_version(csv: &Value) -> Option<String> {
    let annotation =
        |name: &str| csv.pointer(&format!("/metadata/annotations/{name}")).and_then(Value::as_str);
    let properties =
        ["olm.properties", "operatorframework.io~1properties"].into_iter().filter_map(annotation);
    properties
        .filter_map(|json| serde_json::from_str::<Value>(json).ok())
        .find_map(|value| {
            let all = value.get("properties").unwrap_or(&value).as_array()?.clone();
            all.into_iter()
                .find(|property| property.get("type").is_some_and(|kind| kind == "olm.maxOpenShiftVersion"))
        })
        .and_then(|property| match property.get("value")? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
}

fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

fn strings(value: Option<&Value>) -> Vec<String> {
    list(value).filter_map(Value::as_str).map(str::to_owned).collect()
}

impl Bundle {
    /// The whole CSV, where the catalog has it as an `olm.bundle.object`.
    pub fn csv(&self) -> Option<Value> {
        #[derive(serde::Deserialize)]
        struct Object {
            data: String,
        }
        self.properties_of("olm.bundle.object")
            .filter_map(|property| property.read::<Object>().ok())
            .filter_map(|object| base64::engine::general_purpose::STANDARD.decode(object.data).ok())
            .filter_map(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
            .find(|object| object.get("kind").is_some_and(|kind| kind == "ClusterServiceVersion"))
    }

    /// What its CSV says: all of it where the catalog has it whole, else what stands in its annotations.
    pub fn evidence(&self) -> Option<Evidence> {
        let whole = self.csv().map(|csv| evidence(&csv, &self.package));
        whole.or_else(|| {
            Some(Evidence {
                package: self.package.clone(),
                bundle: self.name.clone(),
                version: self.version.to_string(),
                skip_range: Some(self.annotated_skip_range()?),
                min_kube_version: self.min_kube_version(),
                max_openshift_version: self.max_openshift_version(),
                ..Evidence::default()
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn image(name: &str, digit: u8) -> String {
        format!("registry.example.com/{name}@sha256:{}", char::from(b'0' + digit).to_string().repeat(64))
    }

    #[test]
    fn a_csv_with_everything() {
        let csv = json!({
            "kind": "ClusterServiceVersion",
            "metadata": {"name": "p.v1.2.0", "annotations": {
                "olm.skipRange": ">=1.0.0 <1.2.0",
                "olm.properties": r#"[{"type":"olm.maxOpenShiftVersion","value":"4.19"}]"#,
                "operators.openshift.io/must-gather-image": image("hidden", 4),
                "containerImage": "quay.io/p:latest",
                "description": format!("see {} or not/registry@sha256:00", image("prose/a", 5)),
            }},
            "spec": {
                "version": "1.2.0", "replaces": "p.v1.1.0", "skips": ["p.v1.1.1", ""], "minKubeVersion": "1.27.0",
                "relatedImages": [{"name": "a", "image": image("a", 1)}, {"name": "none"}],
                "install": {"spec": {"deployments": [{"spec": {"template": {"spec": {
                    "initContainers": [{"image": image("init", 2)}],
                    "containers": [{
                        "image": "quay.io/by-tag:v1",
                        "args": [format!("--proxy={}", image("proxy", 6))],
                        "env": [{"name": "RELATED_IMAGE_x", "value": image("env", 3)}, {"name": "RELATED_IMAGE_a", "value": image("a", 1)}],
                    }],
                }}}}]}},
            },
        });
        let it = evidence(&csv, "p");
        assert_eq!(
            (it.package.as_str(), it.bundle.as_str(), it.version.as_str()),
            ("p", "p.v1.2.0", "1.2.0")
        );
        assert_eq!((it.replaces.as_deref(), it.skips), (Some("p.v1.1.0"), vec!["p.v1.1.1".to_owned()]));
        assert_eq!(it.skip_range.as_deref(), Some(">=1.0.0 <1.2.0"));
        assert_eq!(
            (it.min_kube_version.as_deref(), it.max_openshift_version.as_deref()),
            (Some("1.27.0"), Some("4.19"))
        );
        let hidden = [image("env", 3), image("hidden", 4), image("prose/a", 5), image("proxy", 6)];
        assert_eq!(hidden_images(&csv).into_iter().collect::<Vec<_>>(), hidden);
        let mut all = hidden.to_vec();
        all.extend([image("a", 1), image("init", 2), "quay.io/by-tag:v1".to_owned()]);
        all.sort();
        assert_eq!(it.related_images, all);
    }

    #[test]
    fn where_properties_of_a_running_csv_stand() {
        for (annotation, json) in [
            (
                "operatorframework.io/properties",
                r#"{"properties":[{"type":"olm.maxOpenShiftVersion","value":4.19}]}"#,
            ),
            ("olm.properties", r#"[{"type":"x"},{"type":"olm.maxOpenShiftVersion","value":"4.19"}]"#),
        ] {
            let csv = json!({"metadata": {"annotations": {annotation: json}}});
            assert_eq!(evidence(&csv, "p").max_openshift_version.as_deref(), Some("4.19"));
        }
    }

    #[test]
    fn nonsense_gives_nothing() {
        for csv in [
            json!(null),
            json!([]),
            json!({"spec": {"skips": "x", "relatedImages": {"a": 1}, "install": []}}),
        ] {
            let it = evidence(&csv, "p");
            assert_eq!((it.bundle.as_str(), it.replaces, it.related_images), ("", None, vec![]));
        }
    }
}
