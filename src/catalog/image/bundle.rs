//! Finds the CSV among the files of an operator bundle.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize as _;
use serde_json::Value;

use crate::catalog::image::ImageError;
use crate::limits::Limits;

/// The ClusterServiceVersion among the manifests of a bundle: the first by name, as opm takes it.
///
/// `manifests` are the files below the bundle's manifests directory, by name; `directory` is that directory's name, for the
/// error. Files that are hidden or are no Kubernetes object are passed over, as opm does; of a file with several YAML
/// documents the first counts (operator-registry `pkg/registry/parse.go`).
pub fn csv(
    manifests: &BTreeMap<String, Arc<[u8]>>,
    directory: &str,
    limits: &Limits,
) -> Result<Value, ImageError> {
    manifests
        .iter()
        .filter(|(name, content)| {
            let hidden = name.rsplit('/').next().is_some_and(|name| name.starts_with('.'));
            !hidden && content.len() as u64 <= limits.yaml_bytes
        })
        .filter_map(|(_, content)| object(content))
        .find(|object| object.get("kind").and_then(Value::as_str) == Some("ClusterServiceVersion"))
        .ok_or_else(|| ImageError::NoCsv { directory: directory.to_owned() })
}

fn object(content: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(content).ok()?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with('{') {
        // JSON is YAML too, but a strict reader is faster and knows no aliases.
        return serde_json::from_str(text).ok();
    }
    let first = serde_norway::Deserializer::from_str(text).next()?;
    Value::deserialize(first).ok().filter(Value::is_object)
}
