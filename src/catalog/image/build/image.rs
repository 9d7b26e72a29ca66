//! The image around a catalog layer, and the small base of a site that has no catalog yet.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::catalog::image::build::{CACHE, CONFIGS, Layer};
use crate::catalog::image::{CONFIGS_LABEL, ImageError};
use crate::digest::Digest;
use crate::limits::LIMITS;
use crate::oci::{ManifestView, OciError, RawManifest, media};

/// Says how many of an image's layers are the base; what follows is a catalog layer of ours.
const BASE_LAYERS_LABEL: &str = "dev.ombundle.catalog.base-layers";
/// Every label of ours begins so; a new image starts without the old one's.
const OUR_LABELS: &str = "dev.ombundle.";

/// What an image says of its making. Nothing of it is measured: the same values give the same digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// When it was made, RFC 3339.
    pub created: String,
    /// What made it, for the image's history.
    pub created_by: String,
    /// Labels to add, for instance the digests of what was merged. Their names begin with `dev.ombundle.`.
    pub labels: BTreeMap<String, String>,
}

/// A catalog image that was made here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltImage {
    /// Its manifest.
    pub manifest: RawManifest,
    /// Its config.
    pub config: Vec<u8>,
    /// Its last layer; all others are the base's.
    pub layer: Layer,
}

/// In which family of documents a base is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// As it is, Docker or OCI.
    Kept,
    /// OCI: an OCI layout holds nothing else that tools find.
    Oci,
}

/// A base without catalog: a manifest and a config of ours over layers of the upstream image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmallBase {
    /// Its manifest.
    pub manifest: RawManifest,
    /// Its config.
    pub config: Vec<u8>,
}

/// Puts a catalog layer on a base.
///
/// On an image that was made here, the old catalog layer is replaced. The manifest stays in the family of the base, Docker or
/// OCI, and fields that are not known here stay as they are.
pub fn catalog_image(
    base: &RawManifest,
    config: &[u8],
    layer: &Layer,
    provenance: &Provenance,
) -> Result<BuiltImage, ImageError> {
    let mut parts = Parts::read(base, config)?;
    let kept = parts.base_layers();
    parts.retain(|index| index < kept);
    let size = layer.size();
    let media_type = if parts.docker { media::DOCKER_LAYER } else { media::OCI_LAYER_GZIP };
    parts.layers.push(json!({"digest": layer.digest, "mediaType": media_type, "size": size}));
    parts.diff_ids.push(json!(layer.diff_id));
    if let Some(history) = &mut parts.history {
        history.push(json!({"created": provenance.created, "created_by": provenance.created_by}));
    }
    let (manifest, config) = parts.write(kept, layer.cached, provenance)?;
    Ok(BuiltImage { manifest, config, layer: layer.clone() })
}

/// The base without the layers that hold nothing but a catalog and its cache.
///
/// `catalog_only` says of each layer, lowest first, whether it is one
/// ([`crate::catalog::image::LayerSummary::catalog_only`]). A layer that mixes opm and a catalog is kept: the catalog layer that
/// is put on it hides the old files.
pub fn small_base(
    base: &RawManifest,
    config: &[u8],
    catalog_only: &[bool],
    family: Family,
    provenance: &Provenance,
) -> Result<SmallBase, ImageError> {
    let mut parts = Parts::read(base, config)?;
    if family == Family::Oci {
        parts.make_oci();
    }
    parts.retain(|index| !catalog_only.get(index).is_some_and(|only| *only));
    let kept = parts.layers.len();
    if kept == 0 {
        return Err(parts.unfit("all its layers hold nothing but a catalog, so there is no opm in it"));
    }
    let (manifest, config) = parts.write(kept, false, provenance)?;
    Ok(SmallBase { manifest, config })
}

/// Manifest and config of an image, open for changes.
struct Parts {
    digest: Digest,
    docker: bool,
    manifest: Map<String, Value>,
    layers: Vec<Value>,
    config: Map<String, Value>,
    diff_ids: Vec<Value>,
    /// Absent where there was none, or where it did not fit the layers.
    history: Option<Vec<Value>>,
}

impl Parts {
    fn read(raw: &RawManifest, config: &[u8]) -> Result<Self, ImageError> {
        let digest = raw.digest();
        let unfit = |why: &str| ImageError::Base { base: digest, why: why.to_owned() };
        let ManifestView::Image(view) = raw.view(&LIMITS)? else {
            return Err(unfit("it is an image index; choose one of its images"));
        };
        if view.config.digest != Digest::of(config) {
            return Err(unfit("the config is not the one that its manifest names"));
        }
        let mut manifest = object(raw.bytes(), digest, "image manifest")?;
        let mut config = object(config, view.config.digest, "image config")?;
        let layers = list(manifest.remove("layers"));
        let mut rootfs = config.remove("rootfs");
        let diff_ids = list(rootfs.as_mut().and_then(|rootfs| rootfs.get_mut("diff_ids")).map(Value::take));
        if diff_ids.len() != layers.len() || layers.len() != view.layers.len() {
            return Err(unfit("its config names another number of layers than its manifest"));
        }
        let history = list(config.remove("history"));
        let filled = history.iter().filter(|step| !is_empty_layer(step)).count();
        let history = (filled == layers.len()).then_some(history);
        let docker = raw.media_type() == media::DOCKER_MANIFEST;
        Ok(Self { digest, docker, manifest, layers, config, diff_ids, history })
    }

    /// The layers stay what they are; Docker and OCI only call them by other names.
    fn make_oci(&mut self) {
        self.docker = false;
        for layer in &mut self.layers {
            let name = match layer.get("mediaType").and_then(Value::as_str) {
                Some(media::DOCKER_LAYER) => media::OCI_LAYER_GZIP,
                Some(media::DOCKER_LAYER_ZSTD) => media::OCI_LAYER_ZSTD,
                Some(media::DOCKER_LAYER_PLAIN) => media::OCI_LAYER,
                _ => continue,
            };
            if let Some(fields) = layer.as_object_mut() {
                fields.insert("mediaType".to_owned(), json!(name));
            }
        }
    }

    fn unfit(&self, why: &str) -> ImageError {
        ImageError::Base { base: self.digest, why: why.to_owned() }
    }

    /// How many layers are the base. Only exactly one layer above them is ours to replace: if somebody built further on our
    /// image, all of it is the base.
    fn base_layers(&self) -> usize {
        let labels = self.config.get("config").and_then(|inner| inner.get("Labels"));
        let marked = labels.and_then(|labels| labels.get(BASE_LAYERS_LABEL)).and_then(Value::as_str);
        match marked.and_then(|marked| marked.parse::<usize>().ok()) {
            Some(marked) if marked > 0 && marked + 1 == self.layers.len() => marked,
            _ => self.layers.len(),
        }
    }

    fn retain(&mut self, keep: impl Fn(usize) -> bool) {
        let by_index = |values: &mut Vec<Value>| {
            let mut index = 0;
            values.retain(|_| {
                index += 1;
                keep(index - 1)
            });
        };
        by_index(&mut self.layers);
        by_index(&mut self.diff_ids);
        if let Some(history) = &mut self.history {
            let mut index = 0;
            history.retain(|step| {
                if is_empty_layer(step) {
                    return true;
                }
                index += 1;
                keep(index - 1)
            });
        }
    }

    fn write(
        mut self,
        base_layers: usize,
        cached: bool,
        provenance: &Provenance,
    ) -> Result<(RawManifest, Vec<u8>), ImageError> {
        if self.layers.len() > LIMITS.layers {
            return Err(self.unfit(&format!("it would have more than {} layers", LIMITS.layers)));
        }
        let mut inner = match self.config.remove("config") {
            Some(Value::Object(inner)) => inner,
            _ => Map::new(),
        };
        let mut labels = match inner.remove("Labels") {
            Some(Value::Object(labels)) => labels,
            _ => Map::new(),
        };
        labels.retain(|name, _| !name.starts_with(OUR_LABELS));
        labels.extend(provenance.labels.iter().map(|(name, value)| (name.clone(), json!(value))));
        labels.insert(BASE_LAYERS_LABEL.to_owned(), json!(base_layers.to_string()));
        labels.insert(CONFIGS_LABEL.to_owned(), json!(format!("/{CONFIGS}")));
        inner.insert("Labels".to_owned(), labels.into());
        // The plain opm base starts the SQLite server, so the entry point is always said.
        inner.insert("Entrypoint".to_owned(), json!(["/bin/opm"]));
        inner.insert("Cmd".to_owned(), json!(command(cached)));
        self.config.insert("config".to_owned(), inner.into());
        self.config.insert("created".to_owned(), json!(provenance.created));
        self.config.insert("rootfs".to_owned(), json!({"type": "layers", "diff_ids": self.diff_ids}));
        if let Some(history) = self.history {
            self.config.insert("history".to_owned(), history.into());
        }
        let config = bytes_of(self.config);
        let (media_type, config_type) = if self.docker {
            (media::DOCKER_MANIFEST, media::DOCKER_CONFIG)
        } else {
            (media::OCI_MANIFEST, media::OCI_CONFIG)
        };
        let descriptor =
            json!({"digest": Digest::of(&config), "mediaType": config_type, "size": config.len()});
        // It is attached to nothing, whatever the base was.
        self.manifest.remove("subject");
        self.manifest.insert("mediaType".to_owned(), json!(media_type));
        self.manifest.insert("config".to_owned(), descriptor);
        self.manifest.insert("layers".to_owned(), self.layers.into());
        let manifest = RawManifest::new(bytes_of(self.manifest), Some(media_type))?;
        Ok((manifest, config))
    }
}

/// What opm is told to serve, and from which cache.
pub(super) fn command(cached: bool) -> Vec<String> {
    let cache = cached.then(|| format!("--cache-dir=/{CACHE}"));
    ["serve".to_owned(), format!("/{CONFIGS}")].into_iter().chain(cache).collect()
}

fn object(bytes: &[u8], digest: Digest, what: &'static str) -> Result<Map<String, Value>, ImageError> {
    serde_json::from_slice(bytes).map_err(|source| OciError::Malformed { digest, what, source }.into())
}

fn list(value: Option<Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(values)) => values,
        _ => Vec::new(),
    }
}

fn is_empty_layer(step: &Value) -> bool {
    step.get("empty_layer").and_then(Value::as_bool) == Some(true)
}

pub(super) fn bytes_of(object: Map<String, Value>) -> Vec<u8> {
    Value::Object(object).to_string().into_bytes()
}
