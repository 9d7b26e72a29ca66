//! The `release-verification` ConfigMap of a release: key rings and signature stores.

use std::collections::BTreeMap;

use crate::limits::Limits;
use crate::release::signature::{KeyRing, ReleaseKeys, SignatureError};
use crate::yaml::{self, Node, Value};

/// The annotation that marks the ConfigMap (library-go `pkg/verify/configmap.go`).
const ANNOTATION: &str = "release.openshift.io/verification-config-map";
const KEYS: &str = "verifier-public-key-";
const STORES: &str = "store-";

/// What a cluster verifies releases with: `0000_90_cluster-update-keys_configmap.yaml` of its release, or the object itself.
///
/// It must be that of the release which is *installed*. One that comes with the release to verify proves nothing: whoever forges
/// a release puts keys of their own into it.
#[derive(Debug, Clone)]
pub struct VerificationConfig {
    /// One ring for each `verifier-public-key-…`; each must be satisfied.
    pub keys: ReleaseKeys,
    /// The values of `store-…`, in the order of their names: mostly `https://` URLs.
    pub stores: Vec<String>,
}

impl VerificationConfig {
    /// Reads YAML or JSON of one or more documents; the first that is marked counts, as in the cluster.
    pub fn parse(text: &str, limits: &Limits) -> Result<Self, SignatureError> {
        let wrong = |why: String| SignatureError::Config { why };
        if text.len() as u64 > limits.yaml_bytes {
            return Err(wrong(format!("it has more than {} bytes", limits.yaml_bytes)));
        }
        let documents = yaml::parse(text, limits)
            .map_err(|error| wrong(format!("line {}: {}", error.line, error.what)))?;
        let object = documents
            .iter()
            .flat_map(objects)
            .find(|object| is_marked(object))
            .ok_or_else(|| wrong(format!("no object has the annotation `{ANNOTATION}`")))?;
        let data = object.field("data").map(Node::entries).unwrap_or_default();
        let data = data.iter().filter_map(|entry| Some((entry.key.clone(), entry.value.text()?.to_owned())));
        Self::of(&data.collect(), limits)
    }

    /// Reads the `data` of the object.
    pub fn of(data: &BTreeMap<String, String>, limits: &Limits) -> Result<Self, SignatureError> {
        let rings = data.iter().filter(|(name, _)| name.starts_with(KEYS));
        let rings: Result<Vec<_>, _> =
            rings.map(|(name, text)| KeyRing::parse(name, text.as_bytes(), limits)).collect();
        let without = |_| SignatureError::Config { why: format!("it has no `{KEYS}…`") };
        let keys = ReleaseKeys::all_of(rings?).map_err(without)?;
        let stores = data.iter().filter(|(name, _)| name.starts_with(STORES));
        Ok(Self { keys, stores: stores.map(|(_, store)| store.clone()).collect() })
    }

    /// Whether a field of the object's `data` says with what releases are verified.
    pub fn reads(field: &str) -> bool {
        field.starts_with(KEYS) || field.starts_with(STORES)
    }
}

impl ReleaseKeys {
    /// The files that a person names: files of public keys, or what a cluster verifies releases with ([`VerificationConfig`]).
    ///
    /// Files of keys are one ring together. A cluster's ConfigMap has rings of its own and stands alone, as nobody could say what
    /// both of them together demand.
    pub fn of_files<'f>(
        files: impl IntoIterator<Item = (&'f str, &'f [u8])>,
        limits: &Limits,
    ) -> Result<Self, SignatureError> {
        let files: Vec<_> = files.into_iter().collect();
        let config = |(name, bytes): &(&'f str, &'f [u8])| {
            let text = std::str::from_utf8(bytes).ok()?;
            text.contains(ANNOTATION).then_some((*name, text))
        };
        match files.iter().find_map(config) {
            None => Self::any_of(files, limits),
            Some((_, text)) if files.len() == 1 => Ok(VerificationConfig::parse(text, limits)?.keys),
            Some((name, _)) => Err(SignatureError::TwoKinds { name: name.to_owned() }),
        }
    }
}

/// An object by itself, or those of a list.
fn objects(document: &Node) -> &[Node] {
    match document.field("items").map(|items| &items.value) {
        Some(Value::List(items)) => items,
        _ => std::slice::from_ref(document),
    }
}

fn is_marked(object: &Node) -> bool {
    let annotations = object.field("metadata").and_then(|metadata| metadata.field("annotations"));
    annotations.and_then(|annotations| annotations.field(ANNOTATION)).is_some()
}
