//! The `release-verification` ConfigMap of a release: key rings and signature stores.

use std::collections::BTreeMap;

use crate::limits::Limits;
use crate::release::signature::{KeyRing, ReleaseKeys, SignatureError};
use crate::yaml::{self, Node};

/// What marks the ConfigMap (library-go `pkg/verify/configmap.go`).
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
            .find(|object| is_marked(object))
            .ok_or_else(|| wrong(format!("no object has the annotation `{ANNOTATION}`")))?;
        let data = object.field("data").map(Node::entries).unwrap_or_default();
        let data = data.iter().filter_map(|entry| Some((entry.key.as_str(), entry.value.text()?)));
        let data: BTreeMap<_, _> = data.collect();
        let rings = data.iter().filter(|(name, _)| name.starts_with(KEYS));
        let rings: Result<Vec<_>, _> =
            rings.map(|(name, text)| KeyRing::parse(name, text.as_bytes(), limits)).collect();
        let keys = ReleaseKeys::all_of(rings?).map_err(|_| wrong(format!("it has no `{KEYS}…`")))?;
        let stores = data.iter().filter(|(name, _)| name.starts_with(STORES));
        Ok(Self { keys, stores: stores.map(|(_, store)| (*store).to_owned()).collect() })
    }
}

fn is_marked(object: &Node) -> bool {
    let annotations = object.field("metadata").and_then(|metadata| metadata.field("annotations"));
    annotations.and_then(|annotations| annotations.field(ANNOTATION)).is_some()
}
