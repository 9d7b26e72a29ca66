//! The shapes of objects in dumps, as far as they are of use; what has another shape than expected tells nothing and stops nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::MirrorEntry;
use crate::release::VerificationConfig;

/// Any object, as far as it is of use. All kinds share it, so that a file is read in one pass and what is not asked for costs no
/// memory.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "Items: Default + Deserialize<'de>"))]
pub(super) struct Object<Items = IgnoredAny> {
    pub(super) api_version: Text,
    pub(super) kind: Text,
    pub(super) metadata: One<Metadata>,
    pub(super) spec: One<Spec>,
    pub(super) status: One<Status>,
    pub(super) data: One<VerificationData>,
    /// Nothing in what is no list.
    pub(super) items: Option<Items>,
}

/// An object, or a list of objects. Lists in lists are nothing that a cluster would say, and would nest without end.
pub(super) type Document = Object<Many<Object>>;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Metadata {
    pub(super) name: Text,
    pub(super) namespace: Text,
    pub(super) labels: One<BTreeMap<String, Text>>,
    pub(super) annotations: One<Annotations>,
}

impl Metadata {
    pub(super) fn label(&self, key: &str) -> Option<&str> {
        self.labels.0.get(key)?.0.as_deref()
    }

    /// The package in OLM's component label `operators.coreos.com/<package>.<namespace>`; OLM cuts its name at 63
    /// characters, and a cut one tells nothing (olm `pkg/controller/operators/decorators/operator.go`).
    pub(super) fn package(&self, namespace: &str) -> Option<String> {
        let suffix = format!(".{namespace}");
        let mut names = self.labels.0.keys().filter_map(|key| key.strip_prefix("operators.coreos.com/"));
        names.find_map(|name| name.strip_suffix(&suffix)).map(str::to_owned)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Annotations {
    #[serde(rename = "olm.copiedFrom")]
    pub(super) copied_from: Text,
    #[serde(rename = "operatorframework.io/properties")]
    pub(super) properties: Text,
    #[serde(rename = "containerImage")]
    pub(super) container_image: Text,
    #[serde(rename = "release.openshift.io/verification-config-map")]
    pub(super) verification: Text,
}

/// Of the `data` of a ConfigMap what says with what releases are verified.
#[derive(Default)]
pub(super) struct VerificationData(pub(super) BTreeMap<String, String>);

impl<'de> Deserialize<'de> for VerificationData {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(VerificationFields)
    }
}

struct VerificationFields;

impl<'de> Visitor<'de> for VerificationFields {
    type Value = VerificationData;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<VerificationData, A::Error> {
        let mut found = BTreeMap::new();
        while let Some(name) = fields.next_key::<String>()? {
            if VerificationConfig::reads(&name) {
                found.extend(fields.next_value::<Text>()?.0.map(|text| (name, text)));
            } else {
                fields.next_value::<IgnoredAny>()?;
            }
        }
        Ok(VerificationData(found))
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Spec {
    pub(super) version: Text,
    pub(super) name: Text,
    pub(super) channel: Text,
    pub(super) source: Source,
    pub(super) source_namespace: Text,
    #[serde(rename = "startingCSV")]
    pub(super) starting_csv: Text,
    pub(super) install_plan_approval: Text,
    pub(super) approval: Text,
    pub(super) approved: Text,
    pub(super) cluster_service_version_names: Texts,
    pub(super) image: Text,
    pub(super) graph_data_image: Text,
    pub(super) desired_update: One<Release>,
    #[serde(rename = "clusterID")]
    pub(super) cluster_id: Text,
    pub(super) related_images: Many<Imaged>,
    pub(super) install: One<Install>,
    pub(super) image_digest_mirrors: Many<MirrorNode>,
    pub(super) image_tag_mirrors: Many<MirrorNode>,
    pub(super) repository_digest_mirrors: Many<MirrorNode>,
    /// Of what makes pods.
    pub(super) template: One<Template>,
    /// Of a CronJob.
    pub(super) job_template: One<Nested>,
    // Of a Pod. Flattening would read the whole of it into memory first.
    init_containers: Many<Container>,
    containers: Many<Container>,
    ephemeral_containers: Many<Container>,
    volumes: Many<Volume>,
}

impl Spec {
    /// That of a Pod.
    pub(super) fn into_pod(self) -> PodSpec {
        let Self { init_containers, containers, ephemeral_containers, volumes, .. } = self;
        PodSpec { init_containers, containers, ephemeral_containers, volumes }
    }

    /// Pods that are made from it, by whatever kind.
    pub(super) fn templates(&self) -> impl Iterator<Item = &PodSpec> {
        let deployments = &self.install.0.spec.0.deployments.0;
        let nested = deployments.iter().chain([&self.job_template.0]).map(|nested| &nested.spec.0.template);
        nested.chain([&self.template]).map(|template| &template.0.spec.0)
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Status {
    pub(super) phase: Text,
    pub(super) reason: Text,
    #[serde(rename = "installedCSV")]
    pub(super) installed_csv: Text,
    #[serde(rename = "currentCSV")]
    pub(super) current_csv: Text,
    pub(super) desired: One<Release>,
    pub(super) history: Many<Release>,
    pub(super) bundle_lookups: Many<BundleLookup>,
    pub(super) resolved_source: Source,
    init_container_statuses: Many<ContainerStatus>,
    container_statuses: Many<ContainerStatus>,
    ephemeral_container_statuses: Many<ContainerStatus>,
}

impl Status {
    /// What the containers of a Pod were started from.
    pub(super) fn image_ids(&self) -> impl Iterator<Item = &str> {
        let lists =
            [&self.init_container_statuses, &self.container_statuses, &self.ephemeral_container_statuses];
        lists.into_iter().flat_map(|list| &list.0).filter_map(|status| status.image_id.0.as_deref())
    }
}

/// A release in a ClusterVersion: desired, asked for, or in its history.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Release {
    pub(super) version: Text,
    pub(super) image: Text,
    pub(super) state: Text,
}

/// What an InstallPlan unpacks.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct BundleLookup {
    pub(super) path: Text,
}

/// Anything with an image.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Imaged {
    pub(super) image: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Install {
    pub(super) spec: One<InstallSpec>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct InstallSpec {
    pub(super) deployments: Many<Nested>,
}

/// An object whose spec has a template of pods.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Nested {
    pub(super) spec: One<Templated>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Templated {
    pub(super) template: One<Template>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Template {
    pub(super) spec: One<PodSpec>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PodSpec {
    init_containers: Many<Container>,
    containers: Many<Container>,
    ephemeral_containers: Many<Container>,
    volumes: Many<Volume>,
}

impl PodSpec {
    /// Every image that is written in it; those in variables of the environment only when they are pinned.
    pub(super) fn images(&self) -> impl Iterator<Item = &str> {
        let containers = [&self.init_containers, &self.containers, &self.ephemeral_containers];
        let containers = containers.into_iter().flat_map(|list| &list.0).flat_map(Container::images);
        containers.chain(self.volumes.0.iter().filter_map(|volume| volume.image.0.reference.0.as_deref()))
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Container {
    image: Text,
    env: Many<Variable>,
}

impl Container {
    fn images(&self) -> impl Iterator<Item = &str> {
        let pinned = self.env.0.iter().filter_map(|variable| variable.value.0.as_deref());
        let pinned = pinned.filter(|value| value.contains("@sha256:") && !value.contains([',', ' ', '=']));
        self.image.0.as_deref().into_iter().chain(pinned)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Variable {
    value: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Volume {
    image: One<VolumeImage>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct VolumeImage {
    reference: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ContainerStatus {
    #[serde(rename = "imageID")]
    image_id: Text,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct MirrorNode {
    source: Text,
    mirrors: Texts,
    mirror_source_policy: Text,
}

impl MirrorNode {
    pub(super) fn entry(self) -> Option<MirrorEntry> {
        Some(MirrorEntry {
            source: self.source.0?,
            mirrors: self.mirrors.0,
            never_contact_source: self.mirror_source_policy.0.as_deref() == Some("NeverContactSource"),
        })
    }
}

/// What OLM projects of a bundle's properties into its CSV.
#[derive(Default)]
pub(super) struct Properties {
    pub(super) package: Option<String>,
    pub(super) max_openshift_version: Option<String>,
}

impl Properties {
    pub(super) fn read(text: &str) -> Self {
        #[derive(Deserialize)]
        struct Wire {
            properties: Vec<Property>,
        }
        #[derive(Deserialize)]
        struct Property {
            #[serde(rename = "type")]
            kind: String,
            value: serde_json::Value,
        }
        let mut found = Self::default();
        // Anything else than what OLM writes there is somebody's own, and tells nothing.
        let Ok(wire) = serde_json::from_str::<Wire>(text) else { return found };
        for property in wire.properties {
            match (property.kind.as_str(), &property.value) {
                ("olm.package", value) => {
                    found.package =
                        value.get("packageName").and_then(|name| name.as_str()).map(str::to_owned);
                }
                ("olm.maxOpenShiftVersion", serde_json::Value::String(version)) => {
                    found.max_openshift_version = Some(version.clone());
                }
                ("olm.maxOpenShiftVersion", serde_json::Value::Number(version)) => {
                    found.max_openshift_version = Some(version.to_string());
                }
                _ => {}
            }
        }
        found
    }
}

/// A scalar as text; nothing for null, and for what is no scalar: kinds use the same word for different things.
#[derive(Default)]
pub(super) struct Text(pub(super) Option<String>);

/// `source` is text in a Subscription and an object with an image in a ClusterCatalog.
#[derive(Default)]
pub(super) struct Source {
    pub(super) text: Option<String>,
    pub(super) image: One<SourceImage>,
}

/// The image of a ClusterCatalog's source.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct SourceImage {
    pub(super) r#ref: Text,
}

/// An object; nothing but defaults for what is none.
#[derive(Default)]
pub(super) struct One<T>(pub(super) T);

/// A list of objects; an empty one for what is none.
pub(super) struct Many<T>(pub(super) Vec<T>);

/// A list of texts; an empty one for what is none.
#[derive(Default)]
pub(super) struct Texts(pub(super) Vec<String>);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// What can be made of any value: of those that it does not expect, its default.
trait Shape<'de>: Default {
    fn of_scalar(_text: String) -> Self {
        Self::default()
    }

    fn of_list<A: SeqAccess<'de>>(mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }

    fn of_object<A: MapAccess<'de>>(mut fields: A) -> Result<Self, A::Error> {
        while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }
}

impl Shape<'_> for Text {
    fn of_scalar(text: String) -> Self {
        Self(Some(text))
    }
}

impl<'de> Shape<'de> for Source {
    fn of_scalar(text: String) -> Self {
        Self { text: Some(text), image: One::default() }
    }

    fn of_object<A: MapAccess<'de>>(fields: A) -> Result<Self, A::Error> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Wire {
            image: One<SourceImage>,
        }
        let wire = Wire::deserialize(MapAccessDeserializer::new(fields))?;
        Ok(Self { text: None, image: wire.image })
    }
}

impl<'de, T: Default + Deserialize<'de>> Shape<'de> for One<T> {
    fn of_object<A: MapAccess<'de>>(fields: A) -> Result<Self, A::Error> {
        T::deserialize(MapAccessDeserializer::new(fields)).map(Self)
    }
}

impl<'de, T: Default + Deserialize<'de>> Shape<'de> for Many<T> {
    fn of_list<A: SeqAccess<'de>>(mut items: A) -> Result<Self, A::Error> {
        let mut all = Vec::new();
        while let Some(One(item)) = items.next_element()? {
            all.push(item);
        }
        Ok(Self(all))
    }
}

impl<'de> Shape<'de> for Texts {
    fn of_list<A: SeqAccess<'de>>(mut items: A) -> Result<Self, A::Error> {
        let mut all = Vec::new();
        while let Some(Text(text)) = items.next_element()? {
            all.extend(text);
        }
        Ok(Self(all))
    }
}

struct Any<T>(PhantomData<T>);

impl<'de, T: Shape<'de>> Visitor<'de> for Any<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_bool<E>(self, value: bool) -> Result<T, E> {
        Ok(T::of_scalar(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<T, E> {
        Ok(T::of_scalar(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<T, E> {
        Ok(T::of_scalar(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<T, E> {
        Ok(T::of_scalar(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<T, E> {
        Ok(T::of_scalar(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<T, A::Error> {
        T::of_list(items)
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<T, A::Error> {
        T::of_object(fields)
    }
}

macro_rules! of_any_shape {
    ($(($($bound:tt)*) $name:ty),+ $(,)?) => {$(
        impl<'de, $($bound)*> Deserialize<'de> for $name {
            fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Any(PhantomData))
            }
        }
    )+};
}

of_any_shape! {
    () Text,
    () Source,
    (T: Default + Deserialize<'de>) One<T>,
    () Texts,
    (T: Default + Deserialize<'de>) Many<T>,
}
