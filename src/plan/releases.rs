//! The OpenShift releases of a plan: what each consists of, who signed it, and the data of the update service.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::archive::Moment;
use crate::digest::Digest;
use crate::plan::{ImageKind, PlannedImage};
use crate::reference::{PinnedRef, Tag};
use crate::release::{AdminGate, Architecture, Component};
use crate::version::Version;

/// One release for one architecture, or for several in one payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedRelease {
    /// The release.
    pub version: Version,
    /// For which machines: `amd64`, `arm64`, `ppc64le`, `s390x`, or `multi` for several in one payload.
    pub architecture: Architecture,
    /// The release image, by its original name and the digest that was signed.
    pub image: PinnedRef,
    /// The tag that it gets at the site, as other mirrors give it: `4.20.5-x86_64`.
    pub tag: Tag,
    /// Why it travels; one reason at least.
    pub reasons: Vec<String>,
    /// The page about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The Kubernetes minor release in it, for instance `1.33`, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<String>,
    /// The releases that it says may be updated to it (`release-metadata`).
    pub previous: Vec<Version>,
    /// What an administrator must acknowledge before a cluster leaves this release's minor version.
    pub gates: Vec<AdminGate>,
    /// Its component images, by name; without those that are left out.
    pub components: Vec<Component>,
    /// Names of the components that were left out because somebody said so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// The container disks for KubeVirt, by architecture in the kernel's spelling (`x86_64`); empty unless they were asked for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub disks: BTreeMap<String, PinnedRef>,
    /// The vendor's signatures that were good when the plan was made, in the order of the store; one at least.
    pub signatures: Vec<PlannedSignature>,
}

/// One good signature of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedSignature {
    /// What the image was called when it was signed.
    pub reference: String,
    /// Fingerprint of the key that signed, in hexadecimal digits.
    pub key: String,
    /// When it was signed, as the signer says.
    pub made: Moment,
    /// The file as the vendor publishes it, in base64. In an archive it is empty: the file is an entry of its own.
    pub file: Base64,
}

/// What the update service of the cluster says of channels and blocked edges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedGraphData {
    /// Where it comes from.
    pub source: String,
    /// Digest of the tarball.
    pub digest: Digest,
    /// The image, among those of the plan, whose layers stand below the data.
    pub base: PinnedRef,
    /// The tarball, packed with gzip, in base64. In an archive it is empty: the tarball is an entry of its own.
    pub tarball: Base64,
}

impl PlannedRelease {
    /// What a person calls it: `4.20.5 for amd64`.
    pub fn label(&self) -> String {
        format!("{} for {}", self.version, self.architecture)
    }

    /// Whether the sigstore signature that lies beside the release image is among these images.
    pub fn has_sigstore(&self, images: &[PlannedImage]) -> bool {
        let tag = Tag::of_attachment(&self.image.digest, "sig").ok();
        images.iter().any(|image| {
            image.kind == ImageKind::Attachment
                && image.source == self.image.repository
                && image.tag.is_some()
                && image.tag == tag
        })
    }
}

/// Bytes that a JSON document carries in base64 (RFC 4648 §4, with padding).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Base64(pub Vec<u8>);

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Self).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Base64 {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Base64".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "contentEncoding": "base64"})
    }
}
