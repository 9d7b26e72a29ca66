//! Image manifests, indexes and configs as views over raw bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use oci_spec::image::{self as spec, MediaType};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::fault::{Exit, Fault};
use crate::limits::Limits;
use crate::oci::Platform;

/// The media types that the program knows.
pub mod media {
    /// OCI image manifest.
    pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// OCI image index.
    pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// OCI image config.
    pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    /// OCI layer, gzip.
    pub const OCI_LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    /// OCI layer, zstd.
    pub const OCI_LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
    /// OCI layer, not compressed.
    pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
    /// Docker image manifest, version 2 schema 2.
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    /// Docker manifest list.
    pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    /// Docker image config.
    pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
    /// Docker layer, gzip.
    pub const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
    /// Docker layer, zstd (containers/image writes it).
    pub const DOCKER_LAYER_ZSTD: &str = "application/vnd.docker.image.rootfs.diff.tar.zstd";
    /// Docker layer, not compressed.
    pub const DOCKER_LAYER_PLAIN: &str = "application/vnd.docker.image.rootfs.diff.tar";

    /// What a manifest request accepts, in order of preference.
    pub const MANIFESTS: [&str; 4] = [OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST];
}

/// Why a document is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum OciError {
    /// Not JSON, or not of this shape.
    #[error("manifest {digest} is not a valid {what}")]
    Malformed {
        /// The document.
        digest: Digest,
        /// What it should be.
        what: &'static str,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// A media type that the program does not know, or none where there must be one.
    #[error("manifest {digest} has media type `{media_type}`, which is not an image manifest or index")]
    MediaType {
        /// The document.
        digest: Digest,
        /// What it says it is.
        media_type: String,
    },
    /// It says one thing in its body and another in its header, or is manifest and index at once (CVE-2021-41190).
    #[error("manifest {digest} is ambiguous: {why}")]
    Ambiguous {
        /// The document.
        digest: Digest,
        /// What speaks against what.
        why: String,
    },
    /// It names content by something that is not a sha256 digest.
    #[error("manifest {digest} refers to `{text}`, which is not a sha256 digest")]
    ForeignDigest {
        /// The document.
        digest: Digest,
        /// What it refers to.
        text: String,
    },
    /// It is over a ceiling.
    #[error("manifest {digest} has more than {limit} {what}")]
    Limit {
        /// The document.
        digest: Digest,
        /// Of what there are too many.
        what: &'static str,
        /// How many there may be.
        limit: u64,
    },
}

impl Fault for OciError {
    fn exit(&self) -> Exit {
        Exit::Integrity
    }
}

/// What one document says about another blob.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What kind of content it is.
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// For which platform, in an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
}

/// A manifest or index with the exact bytes that were hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawManifest {
    bytes: Arc<[u8]>,
    media_type: String,
    digest: Digest,
}

/// A parsed look at a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "one of them is held at a time, and not for long")]
pub enum ManifestView {
    /// An image for one platform, or an artifact.
    Image(ImageManifest),
    /// A list of images.
    Index(ImageIndex),
}

/// An image manifest: a config and layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageManifest {
    /// The config blob.
    pub config: Descriptor,
    /// The layers, lowest first.
    pub layers: Vec<Descriptor>,
    /// What it is attached to, if it is a referrer.
    pub subject: Option<Descriptor>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

/// An image index: manifests for several platforms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageIndex {
    /// The manifests.
    pub manifests: Vec<Descriptor>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

/// What the program reads of an image config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigView {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// The platform it was built for.
    pub platform: Option<Platform>,
    /// Digests of the uncompressed layers, lowest first.
    pub diff_ids: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Probe {
    media_type: Option<String>,
    manifests: Option<serde::de::IgnoredAny>,
    layers: Option<serde::de::IgnoredAny>,
    config: Option<serde::de::IgnoredAny>,
}

impl RawManifest {
    /// Takes the bytes of a manifest; `header` is the Content-Type that came with them, if any.
    ///
    /// The body's `mediaType` wins where the header is missing or generic (Nexus up to 3.24 sends wrong ones); a
    /// contradiction between two known types is refused.
    pub fn new(bytes: impl Into<Arc<[u8]>>, header: Option<&str>) -> Result<Self, OciError> {
        let bytes = bytes.into();
        let digest = Digest::of(&bytes);
        let probe: Probe = serde_json::from_slice(&bytes).map_err(|source| OciError::Malformed {
            digest,
            what: "manifest",
            source,
        })?;
        let ambiguous = |why: &str| OciError::Ambiguous { digest, why: why.to_owned() };
        if probe.manifests.is_some() && (probe.layers.is_some() || probe.config.is_some()) {
            return Err(ambiguous("it has both `manifests` and `layers` or `config`"));
        }
        let header = header.map(|text| text.split(';').next().unwrap_or(text).trim());
        let known = |text: &str| media::MANIFESTS.contains(&text);
        let media_type = match (probe.media_type, header.filter(|text| known(text))) {
            (Some(body), Some(header)) if body != header => {
                return Err(ambiguous(&format!("its body says `{body}`, its header `{header}`")));
            }
            (Some(body), _) => body,
            (None, Some(header)) => header.to_owned(),
            // OCI allows leaving it out; then the shape decides.
            (None, None) if probe.manifests.is_some() => media::OCI_INDEX.to_owned(),
            (None, None) => media::OCI_MANIFEST.to_owned(),
        };
        if !known(&media_type) {
            return Err(OciError::MediaType { digest, media_type });
        }
        let is_index = media_type == media::OCI_INDEX || media_type == media::DOCKER_LIST;
        if is_index != probe.manifests.is_some() {
            return Err(ambiguous(&format!("it says `{media_type}` but is shaped otherwise")));
        }
        Ok(Self { bytes, media_type, digest })
    }

    /// The exact bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, to share.
    pub fn shared_bytes(&self) -> Arc<[u8]> {
        Arc::clone(&self.bytes)
    }

    /// Its media type.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// Its digest.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// A descriptor of it, without platform.
    pub fn descriptor(&self) -> Descriptor {
        let (media_type, digest, size) = (self.media_type.clone(), self.digest, self.size());
        Descriptor { media_type, digest, size, platform: None }
    }

    /// Parses it.
    pub fn view(&self, limits: &Limits) -> Result<ManifestView, OciError> {
        let digest = self.digest;
        if self.media_type == media::OCI_INDEX || self.media_type == media::DOCKER_LIST {
            let index: spec::ImageIndex = serde_json::from_slice(&self.bytes)
                .map_err(|source| OciError::Malformed { digest, what: "image index", source })?;
            if index.manifests().len() > limits.index_entries {
                return Err(OciError::Limit { digest, what: "entries", limit: limits.index_entries as u64 });
            }
            let manifests =
                index.manifests().iter().map(|entry| self.entry(entry)).collect::<Result<_, _>>()?;
            let annotations = sorted(index.annotations().as_ref());
            return Ok(ManifestView::Index(ImageIndex { manifests, annotations }));
        }
        let image: spec::ImageManifest = serde_json::from_slice(&self.bytes)
            .map_err(|source| OciError::Malformed { digest, what: "image manifest", source })?;
        if image.layers().len() > limits.layers {
            return Err(OciError::Limit { digest, what: "layers", limit: limits.layers as u64 });
        }
        Ok(ManifestView::Image(ImageManifest {
            config: self.entry(image.config())?,
            layers: image.layers().iter().map(|layer| self.entry(layer)).collect::<Result<_, _>>()?,
            subject: image.subject().as_ref().map(|subject| self.entry(subject)).transpose()?,
            annotations: sorted(image.annotations().as_ref()),
        }))
    }

    fn entry(&self, found: &spec::Descriptor) -> Result<Descriptor, OciError> {
        let text = found.digest().to_string();
        let digest =
            text.parse().map_err(|_| OciError::ForeignDigest { digest: self.digest, text: text.clone() })?;
        let platform = found.platform().as_ref().and_then(|platform| {
            let variant = platform.variant().as_deref().filter(|variant| !variant.is_empty());
            Platform::new(&platform.os().to_string(), &platform.architecture().to_string(), variant).ok()
        });
        Ok(Descriptor { media_type: media_text(found.media_type()), digest, size: found.size(), platform })
    }
}

fn media_text(media_type: &MediaType) -> String {
    media_type.to_string()
}

fn sorted(annotations: Option<&std::collections::HashMap<String, String>>) -> BTreeMap<String, String> {
    annotations.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect()
}

impl ConfigView {
    /// Parses the bytes of an image config, OCI or Docker. Artifact configs (`{}`) give an empty view.
    pub fn parse(bytes: &[u8]) -> Result<Self, OciError> {
        #[derive(Deserialize, Default)]
        struct Root {
            #[serde(default)]
            config: Option<Inner>,
            #[serde(default)]
            os: String,
            #[serde(default)]
            architecture: String,
            #[serde(default)]
            variant: Option<String>,
            #[serde(default)]
            rootfs: Option<RootFs>,
        }
        #[derive(Deserialize, Default)]
        struct Inner {
            #[serde(rename = "Labels", default)]
            labels: Option<BTreeMap<String, String>>,
        }
        #[derive(Deserialize, Default)]
        struct RootFs {
            #[serde(default)]
            diff_ids: Vec<String>,
        }
        let root: Root = serde_json::from_slice(bytes).map_err(|source| OciError::Malformed {
            digest: Digest::of(bytes),
            what: "image config",
            source,
        })?;
        Ok(Self {
            labels: root.config.and_then(|inner| inner.labels).unwrap_or_default(),
            platform: Platform::new(&root.os, &root.architecture, root.variant.as_deref()).ok(),
            diff_ids: root.rootfs.unwrap_or_default().diff_ids,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::limits::LIMITS;

    /// A manifest that says all there is to say, with holes for what a hostile one would put there.
    fn text(kind: &str, list: &str, size: &str, digest: &str, more: &str) -> String {
        let entry = format!(
            r#"{{"mediaType":"{}","digest":{digest},"size":{size},"platform":{{"os":"linux","architecture":"amd64"}}}}"#,
            media::OCI_CONFIG
        );
        format!(
            r#"{{"schemaVersion":2,"mediaType":{kind},"config":{entry},"{list}":[{entry},{entry}],"subject":{entry}{more}}}"#
        )
    }

    fn looked_at(bytes: &[u8], header: Option<&str>, limits: &Limits) -> Result<(), TestCaseError> {
        let Ok(manifest) = RawManifest::new(bytes.to_vec(), header) else { return Ok(()) };
        prop_assert_eq!(manifest.digest(), Digest::of(bytes));
        prop_assert!(media::MANIFESTS.contains(&manifest.media_type()));
        match manifest.view(limits) {
            Ok(ManifestView::Index(index)) => prop_assert!(index.manifests.len() <= limits.index_entries),
            Ok(ManifestView::Image(image)) => prop_assert!(image.layers.len() <= limits.layers),
            Err(_) => {}
        }
        Ok(())
    }

    proptest! {
        /// Whatever a registry calls a manifest is seen within the limits, or refused.
        #[test]
        fn any_manifest_is_seen_or_refused(
            kind in r#"("application/vnd.(oci.image|docker.distribution).(manifest|index|manifest.list).v[12]\+json"|null|7)"#,
            list in "(layers|manifests|blobs)",
            size in "(-?[0-9]{1,22}|1e[0-9]{1,3}|null)",
            digest in r#"("sha(256|512|1):[0-9a-fA-F]{0,128}"|"md5:x"|"")"#,
            more in r#"(|,"annotations":\{"a":"b"\}|,"manifests":\[\]|,"layers":null|,"schemaVersion":1)"#,
            header in proptest::option::of("(application/vnd.oci.image.(manifest|index).v1\\+json|text/html)(; charset=utf-8)?"),
            flips in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4),
        ) {
            let limits = Limits { index_entries: 1, layers: 1, ..LIMITS };
            let mut bytes = text(&kind, &list, &size, &digest, &more).into_bytes();
            looked_at(&bytes, header.as_deref(), &limits)?;
            for (at, byte) in flips {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            looked_at(&bytes, header.as_deref(), &LIMITS)?;
            let _ = ConfigView::parse(&bytes);
        }

        #[test]
        fn any_bytes_are_refused_in_peace(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            looked_at(&bytes, None, &LIMITS)?;
        }
    }

    /// The ceiling holds for what would otherwise be a good manifest, and nesting takes no stack.
    #[test]
    fn more_than_there_may_be_is_refused() {
        let digest = format!("\"{}\"", Digest::of(b""));
        let limits = Limits { index_entries: 1, layers: 1, ..LIMITS };
        let image = text(&format!("\"{}\"", media::OCI_MANIFEST), "layers", "1", &digest, "");
        let manifest = RawManifest::new(image.into_bytes(), None).unwrap();
        assert!(manifest.view(&LIMITS).is_ok());
        assert!(matches!(manifest.view(&limits), Err(OciError::Limit { what: "layers", limit: 1, .. })));
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let nested =
            text(&format!("\"{}\"", media::OCI_MANIFEST), "layers", "1", &digest, &format!(",\"x\":{deep}"));
        // What nobody knows is passed over without taking a step down the stack for each bracket.
        assert!(RawManifest::new(nested.into_bytes(), None).unwrap().view(&LIMITS).is_ok());
    }
}
