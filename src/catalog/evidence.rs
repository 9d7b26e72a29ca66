//! What a bundle's own CSV says about itself: the far side judges for itself by it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The facts of one CSV that a catalog may have lost.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Evidence {
    /// The package.
    pub package: String,
    /// The CSV's name.
    pub bundle: String,
    /// `spec.version`.
    pub version: String,
    /// `spec.replaces`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// `spec.skips`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skips: Vec<String>,
    /// Annotation `olm.skipRange`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip_range: Option<String>,
    /// `spec.minKubeVersion`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_kube_version: Option<String>,
    /// Property `olm.maxOpenShiftVersion`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_openshift_version: Option<String>,
    /// `spec.relatedImages`, and images found elsewhere in the CSV.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub related_images: Vec<String>,
}
