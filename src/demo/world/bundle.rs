//! Bundles: a CSV and what belongs to it, as an image (registry+v1) and as an `olm.bundle` blob.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::catalog::Gvk;
use crate::demo::{DemoError, File, Image, Layer, Recipe};
use crate::yaml;

/// What a bundle says.
#[derive(Debug, Clone, Default)]
pub(crate) struct BundleSource {
    /// The package.
    pub(crate) package: String,
    /// The CSV's name.
    pub(crate) name: String,
    /// The CSV's version.
    pub(crate) version: String,
    /// What a person calls the operator.
    pub(crate) display_name: String,
    /// The channels that it says it is for.
    pub(crate) channels: Vec<String>,
    /// The package's default channel.
    pub(crate) default_channel: String,
    /// `spec.replaces`.
    pub(crate) replaces: Option<String>,
    /// `spec.skips`.
    pub(crate) skips: Vec<String>,
    /// Annotation `olm.skipRange`.
    pub(crate) skip_range: Option<String>,
    /// APIs that it brings.
    pub(crate) owned: Vec<Gvk>,
    /// APIs that it needs.
    pub(crate) required: Vec<Gvk>,
    /// Packages that it needs, each with a range of versions.
    pub(crate) dependencies: Vec<(String, String)>,
    /// Images that it needs: name and reference.
    pub(crate) related_images: Vec<(String, String)>,
}

fn plural(api: &Gvk) -> String {
    format!("{}s", api.kind.to_lowercase())
}

fn crd_name(api: &Gvk) -> String {
    format!("{}.{}", plural(api), api.group)
}

fn definition(api: &Gvk) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": crd_name(api)},
        "spec": {
            "group": api.group,
            "names": {
                "kind": api.kind, "listKind": format!("{}List", api.kind),
                "plural": plural(api), "singular": api.kind.to_lowercase(),
            },
            "scope": "Namespaced",
            "versions": [{
                "name": api.version, "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            }],
        },
    })
}

/// Makes the bundle image: `FROM scratch`, one layer with the manifests, one with the metadata.
pub(crate) fn bundle_image(source: &BundleSource) -> Result<Image, DemoError> {
    let file = |path: String, document: &Value| {
        let mut text = String::new();
        yaml::write(document, &mut text);
        File::new(path, text)
    };
    let csv = format!("manifests/{}.clusterserviceversion.yaml", source.package);
    let mut manifests = vec![file(csv, &source.csv())];
    for api in &source.owned {
        manifests.push(file(format!("manifests/{}_{}.yaml", api.group, plural(api)), &definition(api)));
    }
    let annotations = source.annotations();
    let mut metadata =
        vec![file("metadata/annotations.yaml".to_owned(), &json!({"annotations": annotations}))];
    if !source.dependencies.is_empty() {
        let dependencies: Vec<Value> = source
            .dependencies
            .iter()
            .map(|(package, range)| {
                json!({"type": "olm.package", "value": {"packageName": package, "version": range}})
            })
            .collect();
        let document = json!({"dependencies": dependencies});
        metadata.push(file("metadata/dependencies.yaml".to_owned(), &document));
    }
    Image::build(&Recipe::of(vec![Layer::of(&manifests)?, Layer::of(&metadata)?]).labels(annotations))
}

impl BundleSource {
    fn annotations(&self) -> BTreeMap<String, String> {
        let key = |name: &str| format!("operators.operatorframework.io.bundle.{name}.v1");
        [
            ("mediatype", "registry+v1".to_owned()),
            ("manifests", "manifests/".to_owned()),
            ("metadata", "metadata/".to_owned()),
            ("package", self.package.clone()),
            ("channels", self.channels.join(",")),
            ("channel.default", self.default_channel.clone()),
        ]
        .into_iter()
        .map(|(name, value)| (key(name), value))
        .collect()
    }

    fn csv(&self) -> Value {
        let container = self.related_images.first().map_or("", |(_, image)| image);
        let mut annotations = json!({
            "capabilities": "Basic Install",
            "categories": "Developer Tools",
            "containerImage": container,
            "createdAt": "2026-01-01T00:00:00Z",
            "operatorframework.io/suggested-namespace": "openshift-operators",
        });
        if let Some(range) = &self.skip_range {
            annotations["olm.skipRange"] = json!(range);
        }
        let crd = |api: &Gvk| json!({"name": crd_name(api), "kind": api.kind, "version": api.version});
        let related: Vec<Value> =
            self.related_images.iter().map(|(name, image)| json!({"name": name, "image": image})).collect();
        let environment: Vec<Value> = self
            .related_images
            .iter()
            .skip(1)
            .map(|(name, image)| json!({"name": format!("RELATED_IMAGE_{name}"), "value": image}))
            .collect();
        let labels = json!({"name": self.package});
        let mut spec = json!({
            "displayName": self.display_name,
            "description": format!("{} in a small world: nothing of it runs.", self.display_name),
            "version": self.version,
            "maturity": "stable",
            "minKubeVersion": "1.27.0",
            "provider": {"name": "Example"},
            "installModes": install_modes(),
            "customresourcedefinitions": {
                "owned": self.owned.iter().map(crd).collect::<Vec<_>>(),
                "required": self.required.iter().map(crd).collect::<Vec<_>>(),
            },
            "relatedImages": related,
            "install": {"strategy": "deployment", "spec": {"deployments": [{
                "name": format!("{}-controller", self.package),
                "spec": {
                    "replicas": 1,
                    "selector": {"matchLabels": labels},
                    "template": {
                        "metadata": {"labels": labels},
                        "spec": {"containers": [{"name": "manager", "image": container, "env": environment}]},
                    },
                },
            }]}},
        });
        if let Some(replaces) = &self.replaces {
            spec["replaces"] = json!(replaces);
        }
        if !self.skips.is_empty() {
            spec["skips"] = json!(self.skips);
        }
        json!({
            "apiVersion": "operators.coreos.com/v1alpha1",
            "kind": "ClusterServiceVersion",
            "metadata": {"name": self.name, "namespace": "placeholder", "annotations": annotations},
            "spec": spec,
        })
    }

    /// The `olm.bundle` blob that a catalog has for it.
    pub(crate) fn blob(&self, image: &str) -> Value {
        let property = |kind: &str, value: Value| json!({"type": kind, "value": value});
        let mut properties = Vec::new();
        properties.extend(self.owned.iter().map(|api| property("olm.gvk", json!(api))));
        properties.extend(self.required.iter().map(|api| property("olm.gvk.required", json!(api))));
        properties
            .push(property("olm.package", json!({"packageName": self.package, "version": self.version})));
        properties.extend(self.dependencies.iter().map(|(package, range)| {
            property("olm.package.required", json!({"packageName": package, "versionRange": range}))
        }));
        let csv = self.csv();
        properties.push(property(
            "olm.csv.metadata",
            json!({
                "annotations": csv["metadata"]["annotations"],
                "apiServiceDefinitions": {},
                "crdDescriptions": csv["spec"]["customresourcedefinitions"],
                "description": csv["spec"]["description"],
                "displayName": self.display_name,
                "installModes": install_modes(),
                "maturity": "stable",
                "minKubeVersion": "1.27.0",
                "provider": {"name": "Example"},
            }),
        ));
        let mut related = vec![json!({"name": "", "image": image})];
        related.extend(self.related_images.iter().map(|(name, image)| json!({"name": name, "image": image})));
        json!({
            "schema": "olm.bundle",
            "name": self.name,
            "package": self.package,
            "image": image,
            "properties": properties,
            "relatedImages": related,
        })
    }
}

fn install_modes() -> Value {
    let mode = |kind: &str, supported: bool| json!({"type": kind, "supported": supported});
    json!([
        mode("OwnNamespace", false),
        mode("SingleNamespace", false),
        mode("MultiNamespace", false),
        mode("AllNamespaces", true),
    ])
}
