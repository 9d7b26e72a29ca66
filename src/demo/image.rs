//! Images made in memory: the same input gives the same digests.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};

use crate::demo::DemoError;
use crate::digest::Digest;
use crate::oci::{Platform, RawManifest, media};

/// When everything in the small world was made: 2026-01-01, in seconds since 1970.
const MADE: u64 = 1_767_225_600;
const CREATED: &str = "2026-01-01T00:00:00Z";

/// A blob with its bytes. Images share those that they have in common.
#[derive(Debug, PartialEq, Eq)]
pub struct ImageBlob {
    /// Its digest.
    pub digest: Digest,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl ImageBlob {
    fn new(bytes: Vec<u8>) -> Arc<Self> {
        Arc::new(Self { digest: Digest::of(&bytes), bytes })
    }

    fn descriptor(&self, media_type: &str) -> Value {
        json!({"mediaType": media_type, "digest": self.digest, "size": self.bytes.len()})
    }
}

/// A file of a layer.
#[derive(Debug, Clone)]
pub struct File {
    /// Its path, without a leading `/`.
    pub path: String,
    /// Its permissions.
    pub mode: u32,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl File {
    /// A file that everybody may read.
    pub fn new(path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), mode: 0o644, bytes: bytes.into() }
    }

    /// A file that everybody may run.
    pub fn program(path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), mode: 0o755, bytes: bytes.into() }
    }

    /// A file of so many bytes that look random, do not compress, and follow from `seed`.
    pub fn noise(path: impl Into<String>, seed: &str, size: usize) -> Self {
        let mut state = Digest::of(seed.as_bytes())
            .bytes()
            .iter()
            .fold(0_u64, |state, byte| state.rotate_left(8) ^ u64::from(*byte));
        let mut bytes = Vec::with_capacity(size + 8);
        while bytes.len() < size {
            // SplitMix64 (Steele, Lea, Flood 2014): any generator would do, as long as it never changes.
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = state;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            bytes.extend_from_slice(&(word ^ (word >> 31)).to_le_bytes());
        }
        bytes.truncate(size);
        Self::program(path, bytes)
    }
}

/// A layer: files, packed.
#[derive(Debug, Clone)]
pub struct Layer {
    blob: Arc<ImageBlob>,
    diff_id: Digest,
}

impl Layer {
    /// Packs files into a layer, with the folders above them; all belong to root.
    pub fn of(files: &[File]) -> Result<Self, DemoError> {
        let mut builder = tar::Builder::new(Vec::new());
        let mut folders = std::collections::BTreeSet::new();
        for file in files {
            let failed = |source| DemoError::Layer { path: file.path.clone(), source };
            for (end, _) in file.path.match_indices('/') {
                let folder = &file.path[..=end];
                if folders.insert(folder.to_owned()) {
                    let mut header = header(tar::EntryType::Directory, 0o755, 0);
                    builder.append_data(&mut header, folder, std::io::empty()).map_err(failed)?;
                }
            }
            let mut header = header(tar::EntryType::Regular, file.mode, file.bytes.len() as u64);
            builder.append_data(&mut header, &file.path, file.bytes.as_slice()).map_err(failed)?;
        }
        let failed = |source| DemoError::Layer { path: String::new(), source };
        let plain = builder.into_inner().map_err(failed)?;
        let mut packed = GzBuilder::new().mtime(0).write(Vec::new(), Compression::fast());
        packed.write_all(&plain).map_err(failed)?;
        let blob = ImageBlob::new(packed.finish().map_err(failed)?);
        Ok(Self { blob, diff_id: Digest::of(&plain) })
    }
}

fn header(kind: tar::EntryType, mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(MADE);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// In which dialect an image is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// OCI image manifest.
    Oci,
    /// Docker image manifest, version 2 schema 2.
    Docker,
}

/// What an image is made of.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// Its layers, lowest first.
    pub layers: Vec<Layer>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// What it runs; empty for images that are not run.
    pub entrypoint: Vec<String>,
    /// With which arguments.
    pub arguments: Vec<String>,
    /// For which platform it is.
    pub platform: Platform,
    /// Its dialect.
    pub flavour: Flavour,
}

impl Recipe {
    /// An OCI image of these layers for linux/amd64.
    pub fn of(layers: Vec<Layer>) -> Self {
        Self {
            layers,
            labels: BTreeMap::new(),
            entrypoint: Vec::new(),
            arguments: Vec::new(),
            platform: Platform::linux_amd64(),
            flavour: Flavour::Oci,
        }
    }

    /// The same with these labels.
    #[must_use]
    pub fn labels<K: Into<String>, V: Into<String>>(
        mut self,
        labels: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        self.labels.extend(labels.into_iter().map(|(key, value)| (key.into(), value.into())));
        self
    }
}

/// An image or an index of images, ready to be pushed.
#[derive(Debug, Clone)]
pub struct Image {
    /// Its manifest.
    pub manifest: RawManifest,
    /// Config and layers.
    pub blobs: Vec<Arc<ImageBlob>>,
    /// The images of an index.
    pub children: Vec<Self>,
}

impl Image {
    /// Makes an image.
    pub fn build(recipe: &Recipe) -> Result<Self, DemoError> {
        let (manifest_type, config_type, layer_type) = match recipe.flavour {
            Flavour::Oci => (media::OCI_MANIFEST, media::OCI_CONFIG, media::OCI_LAYER_GZIP),
            Flavour::Docker => (media::DOCKER_MANIFEST, media::DOCKER_CONFIG, media::DOCKER_LAYER),
        };
        let diff_ids: Vec<Digest> = recipe.layers.iter().map(|layer| layer.diff_id).collect();
        let history: Vec<Value> =
            diff_ids.iter().map(|_| json!({"created": CREATED, "created_by": "ombundle demo"})).collect();
        let mut run = json!({"Labels": recipe.labels});
        if !recipe.entrypoint.is_empty() {
            run["Entrypoint"] = json!(recipe.entrypoint);
            run["Cmd"] = json!(recipe.arguments);
        }
        let config = ImageBlob::new(written(&json!({
            "created": CREATED,
            "os": recipe.platform.os(),
            "architecture": recipe.platform.architecture(),
            "config": run,
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": history,
        })));
        let layers: Vec<Value> =
            recipe.layers.iter().map(|layer| layer.blob.descriptor(layer_type)).collect();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": manifest_type,
            "config": config.descriptor(config_type),
            "layers": layers,
        });
        let blobs = std::iter::once(config).chain(recipe.layers.iter().map(|layer| Arc::clone(&layer.blob)));
        Ok(Self { manifest: raw(&manifest, manifest_type)?, blobs: blobs.collect(), children: Vec::new() })
    }

    /// Makes an index of images for several platforms.
    pub fn index(children: Vec<(Platform, Self)>) -> Result<Self, DemoError> {
        let entry = |(platform, child): &(Platform, Self)| {
            json!({
                "mediaType": child.manifest.media_type(),
                "digest": child.manifest.digest(),
                "size": child.manifest.size(),
                "platform": {"os": platform.os(), "architecture": platform.architecture()},
            })
        };
        let entries: Vec<Value> = children.iter().map(entry).collect();
        let index = json!({"schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": entries});
        let children = children.into_iter().map(|(_, child)| child).collect();
        Ok(Self { manifest: raw(&index, media::OCI_INDEX)?, blobs: Vec::new(), children })
    }

    /// Makes what cosign would attach to a manifest of `repository`: shaped like a signature, and signed by nobody.
    pub fn signature(repository: &str, signed: Digest) -> Result<Self, DemoError> {
        let payload = ImageBlob::new(written(&json!({
            "critical": {
                "identity": {"docker-reference": repository},
                "image": {"docker-manifest-digest": signed},
                "type": "cosign container image signature",
            },
            "optional": null,
        })));
        let mut layer = payload.descriptor("application/vnd.dev.cosign.simplesigning.v1+json");
        layer["annotations"] = json!({"dev.cosignproject.cosign/signature": "c2lnbmVkIGJ5IG5vYm9keQ=="});
        let config = ImageBlob::new(written(&json!({
            "architecture": "", "os": "", "config": {},
            "rootfs": {"type": "layers", "diff_ids": [payload.digest]},
        })));
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media::OCI_MANIFEST,
            "config": config.descriptor(media::OCI_CONFIG),
            "layers": [layer],
        });
        let manifest = raw(&manifest, media::OCI_MANIFEST)?;
        Ok(Self { manifest, blobs: vec![config, payload], children: Vec::new() })
    }

    /// Its digest.
    pub fn digest(&self) -> Digest {
        self.manifest.digest()
    }
}

fn written(document: &Value) -> Vec<u8> {
    document.to_string().into_bytes()
}

fn raw(document: &Value, media_type: &str) -> Result<RawManifest, DemoError> {
    Ok(RawManifest::new(written(document), Some(media_type))?)
}
