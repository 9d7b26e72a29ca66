//! What a CatalogSource says besides its image: how the catalog shows itself, and where its pods run.

use std::collections::BTreeMap;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::yaml::{Fields, Form, Node};

/// Fields of a CatalogSource's `spec`; what is left out is as the program has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct CatalogSourceSpec {
    /// What the console calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Who publishes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publisher: Option<String>,
    /// Which catalog wins where several offer the same; the higher one. Its ClusterCatalog has the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// Pull secrets in the CatalogSource's namespace, for the catalog's image and those of its bundles.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// How its pods run.
    pub grpc_pod_config: GrpcPodConfig,
}

/// How the pods of a catalog run, as `spec.grpcPodConfig` has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct GrpcPodConfig {
    /// Labels of the nodes that they may run on.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints that they bear.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Toleration>,
    /// Their priority class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority_class_name: Option<String>,
    /// What they may do.
    pub security_context_config: SecurityContext,
    /// How much memory they ask for and try to stay in, for instance `200Mi`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub memory_target: Option<MemoryTarget>,
}

/// What the pods of a catalog may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecurityContext {
    /// No more than the restricted standard for pods allows.
    #[default]
    Restricted,
    /// What images of OpenShift 4.10 and older need.
    Legacy,
}

impl SecurityContext {
    /// As the CatalogSource has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Restricted => "restricted",
            Self::Legacy => "legacy",
        }
    }
}

impl FromStr for SecurityContext {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "restricted" => Ok(Self::Restricted),
            "legacy" => Ok(Self::Legacy),
            other => Err(format!("`{other}` is neither `restricted` nor `legacy`")),
        }
    }
}

/// A quantity of memory in the words of Kubernetes: digits, and `Ki`, `Mi`, `Gi`, `k`, `M` or `G`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MemoryTarget(String);

impl MemoryTarget {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<MemoryTarget> for String {
    fn from(target: MemoryTarget) -> Self {
        target.0
    }
}

impl TryFrom<String> for MemoryTarget {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for MemoryTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = text.get(digits.len()..).unwrap_or_default();
        let number = !digits.is_empty() && digits.len() <= 15 && digits.bytes().all(|c| c.is_ascii_digit());
        if number && ["", "k", "M", "G", "Ki", "Mi", "Gi"].contains(&unit) {
            return Ok(Self(text.to_owned()));
        }
        Err(format!("`{text}` is no quantity of memory: write it like `200Mi`"))
    }
}

/// A taint that a pod bears.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Toleration {
    /// Its key; all taints without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// `Exists`, or `Equal` where there is a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// Its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`; all of them without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
    /// How long it bears a `NoExecute`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub toleration_seconds: Option<u32>,
}

const OPERATORS: &[&str] = &["Exists", "Equal"];
const EFFECTS: &[&str] = &["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// `KEY[=VALUE][:EFFECT]`, as `oc adm taint` writes taints.
impl FromStr for Toleration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (taint, effect) = match text.rsplit_once(':') {
            Some((taint, effect)) => (taint, Some(effect.to_owned())),
            None => (text, None),
        };
        if let Some(effect) = effect.as_deref().filter(|effect| !EFFECTS.contains(effect)) {
            return Err(format!("`{effect}` is no effect: {}", EFFECTS.join(", ")));
        }
        let (key, value) = match taint.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (taint, None),
        };
        if key.is_empty() {
            return Err(format!("`{text}` has no key: write it as `KEY[=VALUE][:EFFECT]`"));
        }
        let operator = Some(if value.is_some() { "Equal" } else { "Exists" }.to_owned());
        Ok(Self { key: Some(key.to_owned()), operator, value, effect, toleration_seconds: None })
    }
}

/// Reads the mapping `catalogSource` of a catalog in a site file.
pub(super) fn read(form: &mut Form<'_>, node: &Node, path: &str) -> Option<CatalogSourceSpec> {
    let known = ["displayName", "publisher", "priority", "secrets", "grpcPodConfig"];
    let fields = form.fields(node, path, &known)?;
    let pods = fields.value("grpcPodConfig");
    Some(CatalogSourceSpec {
        display_name: owned(&fields, form, "displayName"),
        publisher: owned(&fields, form, "publisher"),
        priority: priority(&fields, form),
        secrets: secrets(&fields, form),
        grpc_pod_config: pods
            .and_then(|node| pod_config(form, node, &fields.name("grpcPodConfig")))
            .unwrap_or_default(),
    })
}

fn owned(fields: &Fields<'_>, form: &mut Form<'_>, field: &str) -> Option<String> {
    fields.text(form, field).map(str::to_owned)
}

fn priority(fields: &Fields<'_>, form: &mut Form<'_>) -> Option<i32> {
    let node = fields.value("priority")?;
    let number = node.text().and_then(|text| text.parse().ok());
    if number.is_none() {
        form.wrong_type(node, &fields.name("priority"), "a whole number of 32 bits");
    }
    number
}

fn secrets(fields: &Fields<'_>, form: &mut Form<'_>) -> Vec<String> {
    let mut secrets = Vec::new();
    for (index, node) in fields.list(form, "secrets").iter().enumerate() {
        let subject = format!("{}[{index}]", fields.name("secrets"));
        let Some(text) = form.text(node, &subject) else { continue };
        match secret_name(text) {
            Ok(name) => secrets.push(name),
            Err(why) => form.error(node.line, "NAME", &subject, why, ""),
        }
    }
    secrets
}

/// A name that a Secret can have.
pub fn secret_name(text: &str) -> Result<String, String> {
    let word = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let label = |label: &str| {
        let bytes = label.as_bytes();
        bytes.first().copied().is_some_and(word)
            && bytes.last().copied().is_some_and(word)
            && bytes.iter().all(|c| word(*c) || *c == b'-')
    };
    if text.len() <= 253 && text.split('.').all(label) {
        return Ok(text.to_owned());
    }
    Err(format!("`{text}` is no name of a Secret: lower-case letters, digits, `-` and `.`"))
}

fn pod_config(form: &mut Form<'_>, node: &Node, path: &str) -> Option<GrpcPodConfig> {
    let known = ["nodeSelector", "tolerations", "priorityClassName", "securityContextConfig", "memoryTarget"];
    let fields = form.fields(node, path, &known)?;
    let mut tolerations = Vec::new();
    for (index, node) in fields.list(form, "tolerations").iter().enumerate() {
        tolerations.extend(toleration(form, node, &format!("{}[{index}]", fields.name("tolerations"))));
    }
    Some(GrpcPodConfig {
        node_selector: node_selector(&fields, form),
        tolerations,
        priority_class_name: owned(&fields, form, "priorityClassName"),
        security_context_config: fields
            .parsed(form, "securityContextConfig", "CATALOG_SOURCE")
            .unwrap_or_default(),
        memory_target: fields.parsed(form, "memoryTarget", "CATALOG_SOURCE"),
    })
}

fn node_selector(fields: &Fields<'_>, form: &mut Form<'_>) -> BTreeMap<String, String> {
    let Some(node) = fields.value("nodeSelector") else { return BTreeMap::new() };
    let keys: Vec<&str> = node.entries().iter().map(|entry| entry.key.as_str()).collect();
    let Some(labels) = form.fields(node, &fields.name("nodeSelector"), &keys) else { return BTreeMap::new() };
    // `node-role.kubernetes.io/infra: ""` is how roles are written.
    let value = |key: &str, form: &mut Form<'_>| match labels.value(key).and_then(Node::text) {
        Some("") | None => String::new(),
        Some(_) => labels.text(form, key).unwrap_or_default().to_owned(),
    };
    keys.into_iter().map(|key| (key.to_owned(), value(key, form))).collect()
}

fn toleration(form: &mut Form<'_>, node: &Node, path: &str) -> Option<Toleration> {
    let fields = form.fields(node, path, &["key", "operator", "value", "effect", "tolerationSeconds"])?;
    let one_of = |form: &mut Form<'_>, field: &str, allowed: &[&str]| {
        let text = fields.text(form, field)?;
        if allowed.contains(&text) {
            return Some(text.to_owned());
        }
        let message = format!("`{text}` is not one of: {}", allowed.join(", "));
        form.error(fields.line_of(field), "CATALOG_SOURCE", &fields.name(field), message, "");
        None
    };
    Some(Toleration {
        operator: one_of(form, "operator", OPERATORS),
        effect: one_of(form, "effect", EFFECTS),
        key: owned(&fields, form, "key"),
        value: owned(&fields, form, "value"),
        toleration_seconds: fields
            .integer(form, "tolerationSeconds")
            .and_then(|seconds| u32::try_from(seconds).ok()),
    })
}
