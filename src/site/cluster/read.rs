//! Reading dumps of a cluster: JSON or YAML, single objects, lists and several of them in one file.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{
    Approval, ClusterCsv, ClusterDump, ClusterSubscription, MANAGED_BY, MirrorEntry, MirrorKind, MirrorSet,
    ObjectKey, TakenObject,
};
use crate::finding::Finding;
use crate::limits::LIMITS;

/// Kinds whose names matter, because we write objects of them or something takes their names.
const WATCHED: &[&str] = &[
    "CatalogSource",
    "ClusterCatalog",
    "ConfigMap",
    "ImageContentSourcePolicy",
    "ImageDigestMirrorSet",
    "ImageTagMirrorSet",
    "UpdateService",
];

impl ClusterDump {
    /// Reads one file with the output of `oc get … -o json` (or YAML, or files of a must-gather).
    ///
    /// What cannot be read is a finding; what was read before it is kept. `name` is the file's, for findings.
    /// Memory is bounded by the size of `bytes`, and that by [`crate::limits::Limits::cluster_dump_bytes`].
    pub fn parse(bytes: &[u8], name: &str) -> (Self, Vec<Finding>) {
        let mut reading = Reading { dump: Self::default(), findings: Vec::new(), file: name };
        reading.file(bytes);
        (reading.dump, reading.findings)
    }
}

struct Reading<'a> {
    dump: ClusterDump,
    findings: Vec<Finding>,
    file: &'a str,
}

impl Reading<'_> {
    fn file(&mut self, bytes: &[u8]) {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let is_json = bytes.trim_ascii_start().starts_with(b"{");
        let limit = if is_json { LIMITS.cluster_dump_bytes } else { LIMITS.yaml_bytes };
        if bytes.len() as u64 > limit {
            let message = format!("it has {} bytes, {limit} are the most that is read", bytes.len());
            let hint = "dump fewer kinds into one file, as JSON: `oc get csv -A -o json > csv.json`";
            self.findings.push(
                Finding::error("CLUSTER_DUMP_TOO_LARGE", self.file, message).hint(hint).at(self.file, None),
            );
        } else if is_json {
            for node in serde_json::Deserializer::from_slice(bytes).into_iter::<Node>() {
                match node {
                    Ok(node) => self.node(node, None),
                    Err(error) => return self.unreadable(&error, Some(error.line() as u64)),
                }
            }
        } else {
            for document in serde_norway::Deserializer::from_slice(bytes) {
                match Option::<Node>::deserialize(document) {
                    Ok(node) => self.node(node.unwrap_or_default(), None),
                    Err(error) => {
                        return self.unreadable(&error, error.location().map(|place| place.line() as u64));
                    }
                }
            }
        }
    }

    fn unreadable(&mut self, error: &dyn fmt::Display, line: Option<u64>) {
        let hint = "the file must hold the output of `oc get … -o json` and nothing else";
        let finding = Finding::error("CLUSTER_DUMP_UNREADABLE", self.file, error);
        self.findings.push(finding.hint(hint).at(self.file, line));
    }

    /// Takes in an object or a list; the items of a list may leave out the kind that its name says.
    fn node(&mut self, node: Node, kind_of_list: Option<&str>) {
        let kind = node.kind.0.or_else(|| kind_of_list.map(str::to_owned)).unwrap_or_default();
        if let Some(items) = node.items {
            for item in items {
                self.node(item, kind.strip_suffix("List").filter(|kind| !kind.is_empty()));
            }
            return;
        }
        let metadata = node.metadata.unwrap_or_default();
        let api = node.api_version.0.unwrap_or_default();
        let group = api.split('/').next().unwrap_or_default();
        let (spec, status) = (node.spec.unwrap_or_default(), node.status.unwrap_or_default());
        match kind.as_str() {
            "ClusterVersion" => {
                let version = status.desired.and_then(|desired| desired.version.0);
                self.dump.openshift = version.or(self.dump.openshift.take());
            }
            "ClusterServiceVersion" => self.csv(metadata, spec, &status),
            "Subscription" if group == "operators.coreos.com" || group.is_empty() => {
                self.subscription(&metadata, spec, status);
            }
            "Subscription" => self.foreign_subscription(group),
            kind if WATCHED.contains(&kind) => self.watched(kind, metadata, spec),
            _ => {}
        }
    }

    fn csv(&mut self, mut metadata: Metadata, spec: Spec, status: &Status) {
        let annotations = metadata.annotations.take().unwrap_or_default();
        let copied = metadata.label("olm.copiedFrom").is_some()
            || annotations.copied_from.0.is_some()
            || status.reason.0.as_deref() == Some("Copied");
        if copied {
            return;
        }
        let Some((namespace, name)) = self.namespaced("ClusterServiceVersion", &metadata) else { return };
        let properties = annotations.properties.0.map(|text| Properties::read(&text)).unwrap_or_default();
        let csv = ClusterCsv {
            package: properties.package.or_else(|| metadata.package(&namespace)),
            max_openshift_version: properties.max_openshift_version,
            version: spec.version.0,
            phase: status.phase.0.clone(),
            name: name.clone(),
            namespace: namespace.clone(),
        };
        if let Some(phase) = csv.phase.as_deref()
            && phase != "Succeeded"
        {
            let subject = format!("operator {name} in namespace {namespace}");
            let message = format!("its phase is {phase}, not Succeeded");
            let hint = format!("look why before the upgrade: `oc -n {namespace} describe csv {name}`");
            self.findings
                .push(Finding::warning("CSV_NOT_SUCCEEDED", subject, message).hint(hint).at(self.file, None));
        }
        self.dump.csvs.insert((namespace, name), csv);
    }

    fn subscription(&mut self, metadata: &Metadata, spec: Spec, status: Status) {
        let Some((namespace, name)) = self.namespaced("Subscription", metadata) else { return };
        let Some(package) = spec.name.0 else {
            return self.invalid("Subscription", &name, "it names no package (`spec.name`)");
        };
        let subscription = ClusterSubscription {
            name: name.clone(),
            namespace: namespace.clone(),
            package,
            channel: spec.channel.0.filter(|channel| !channel.is_empty()),
            source: spec.source.text.unwrap_or_default(),
            source_namespace: spec.source_namespace.0.unwrap_or_default(),
            starting_csv: spec.starting_csv.0,
            approval: match spec.install_plan_approval.0.as_deref() {
                Some("Manual") => Approval::Manual,
                _ => Approval::Automatic,
            },
            installed_csv: status.installed_csv.0,
            current_csv: status.current_csv.0,
        };
        self.dump.subscriptions.insert((namespace, name), subscription);
    }

    /// On a hub of Advanced Cluster Management `oc get subs` shows another kind of subscription.
    fn foreign_subscription(&mut self, group: &str) {
        let message = format!("it holds subscriptions of the group {group}, which are not OLM's");
        let hint = "dump OLM's by their full name: `oc get subscriptions.operators.coreos.com -A -o json`";
        let finding =
            Finding::warning("FOREIGN_SUBSCRIPTIONS", self.file, message).hint(hint).at(self.file, None);
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    fn watched(&mut self, kind: &str, metadata: Metadata, spec: Spec) {
        let managed_by = metadata.label(MANAGED_BY.0).map(str::to_owned);
        let Some(name) = metadata.name.0.filter(|name| is_subdomain(name)) else {
            return self.invalid(kind, "", "its name is missing or none that a cluster would take");
        };
        let mirror_kind = match kind {
            "ImageDigestMirrorSet" => Some(MirrorKind::Digest),
            "ImageTagMirrorSet" => Some(MirrorKind::Tag),
            "ImageContentSourcePolicy" => Some(MirrorKind::ContentSourcePolicy),
            _ => None,
        };
        if let Some(mirror_kind) = mirror_kind {
            let lists = [spec.image_digest_mirrors, spec.image_tag_mirrors, spec.repository_digest_mirrors];
            let entries = lists.into_iter().flatten().flatten().filter_map(MirrorNode::entry).collect();
            self.dump.mirror_sets.insert((mirror_kind, name.clone()), MirrorSet { entries });
        }
        let key = ObjectKey { kind: kind.to_owned(), namespace: metadata.namespace.0, name };
        self.dump.objects.insert(key, TakenObject { managed_by, image: spec.image.0.or(spec.source.image) });
    }

    fn namespaced(&mut self, kind: &str, metadata: &Metadata) -> Option<(String, String)> {
        let name = metadata.name.0.as_deref().unwrap_or_default();
        let namespace = metadata.namespace.0.as_deref().unwrap_or_default();
        if is_subdomain(name) && is_subdomain(namespace) {
            return Some((namespace.to_owned(), name.to_owned()));
        }
        self.invalid(kind, name, "its name or namespace is missing or none that a cluster would take");
        None
    }

    fn invalid(&mut self, kind: &str, name: &str, message: &str) {
        let subject = format!("{kind} {name}");
        let finding = Finding::warning("CLUSTER_OBJECT_INVALID", subject.trim_end(), message);
        self.findings.push(finding.hint("it is left out").at(self.file, None));
    }
}

/// RFC 1123 subdomain as the API server checks it (apimachinery `validation.IsDNS1123Subdomain`).
fn is_subdomain(name: &str) -> bool {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= 253
        && name.split('.').all(|label| {
            let bytes = label.as_bytes();
            bytes.first().is_some_and(|&c| plain(c))
                && bytes.last().is_some_and(|&c| plain(c))
                && bytes.iter().all(|&c| plain(c) || c == b'-')
        })
}

/// Any object or list, as far as it is of use. All kinds share it, so that a file is read in one pass and what is not
/// asked for costs no memory.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Node {
    api_version: Text,
    kind: Text,
    metadata: Option<Metadata>,
    spec: Option<Spec>,
    status: Option<Status>,
    items: Option<Vec<Node>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    name: Text,
    namespace: Text,
    labels: Option<BTreeMap<String, Text>>,
    annotations: Option<Annotations>,
}

impl Metadata {
    fn label(&self, key: &str) -> Option<&str> {
        self.labels.as_ref()?.get(key)?.0.as_deref()
    }

    /// The package in OLM's component label `operators.coreos.com/<package>.<namespace>`; OLM cuts its name at 63
    /// characters, and a cut one tells nothing (olm `pkg/controller/operators/decorators/operator.go`).
    fn package(&self, namespace: &str) -> Option<String> {
        let suffix = format!(".{namespace}");
        let mut names =
            self.labels.as_ref()?.keys().filter_map(|key| key.strip_prefix("operators.coreos.com/"));
        names.find_map(|name| name.strip_suffix(&suffix)).map(str::to_owned)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Annotations {
    #[serde(rename = "olm.copiedFrom")]
    copied_from: Text,
    #[serde(rename = "operatorframework.io/properties")]
    properties: Text,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    version: Text,
    name: Text,
    channel: Text,
    source: Source,
    source_namespace: Text,
    #[serde(rename = "startingCSV")]
    starting_csv: Text,
    install_plan_approval: Text,
    image: Text,
    image_digest_mirrors: Option<Vec<MirrorNode>>,
    image_tag_mirrors: Option<Vec<MirrorNode>>,
    repository_digest_mirrors: Option<Vec<MirrorNode>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    phase: Text,
    reason: Text,
    #[serde(rename = "installedCSV")]
    installed_csv: Text,
    #[serde(rename = "currentCSV")]
    current_csv: Text,
    desired: Option<Desired>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Desired {
    version: Text,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct MirrorNode {
    source: Text,
    mirrors: Option<Vec<Text>>,
    mirror_source_policy: Text,
}

impl MirrorNode {
    fn entry(self) -> Option<MirrorEntry> {
        Some(MirrorEntry {
            source: self.source.0?,
            mirrors: self.mirrors.unwrap_or_default().into_iter().filter_map(|mirror| mirror.0).collect(),
            never_contact_source: self.mirror_source_policy.0.as_deref() == Some("NeverContactSource"),
        })
    }
}

/// What OLM projects of a bundle's properties into its CSV.
#[derive(Default)]
struct Properties {
    package: Option<String>,
    max_openshift_version: Option<String>,
}

impl Properties {
    fn read(text: &str) -> Self {
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
struct Text(Option<String>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Loose).map(|source| Self(source.text))
    }
}

/// `source` is text in a Subscription and an object with an image in a ClusterCatalog.
#[derive(Default)]
struct Source {
    text: Option<String>,
    image: Option<String>,
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Loose)
    }
}

struct Loose;

impl Loose {
    fn text(text: impl fmt::Display) -> Source {
        Source { text: Some(text.to_string()), image: None }
    }
}

impl<'de> Visitor<'de> for Loose {
    type Value = Source;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Source, E> {
        Ok(Self::text(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Source, E> {
        Ok(Self::text(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Source, E> {
        Ok(Self::text(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Source, E> {
        Ok(Self::text(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Source, E> {
        Ok(Self::text(value))
    }

    fn visit_unit<E>(self) -> Result<Source, E> {
        Ok(Source::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Source, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Source::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Source, A::Error> {
        let mut found = Source::default();
        while let Some(key) = fields.next_key::<String>()? {
            match key.as_str() {
                "image" => found.image = fields.next_value_seed(Image)?,
                _ => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }
}

/// `image.ref` of a ClusterCatalog's source.
struct Image;

impl<'de> DeserializeSeed<'de> for Image {
    type Value = Option<String>;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Option<String>, D::Error> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Wire {
            r#ref: Text,
        }
        Option::<Wire>::deserialize(deserializer).map(|wire| wire.and_then(|wire| wire.r#ref.0))
    }
}
