//! The image that feeds the update service of a site: a base with a shell, and the graph data in one layer on it.
//!
//! The service runs it as an init container: its command copies the data to where the service reads it (openshift/cincinnati-operator,
//! `docs/disconnected-updateservice-operator.md`; oc-mirror builds the same). Made here it takes no podman, and the same
//! data on the same base gives the same digest.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde_json::{Map, Value, json};

use super::tarball;
use crate::digest::Digest;
use crate::fault::{Exit, Fault};
use crate::limits::Limits;
use crate::oci::{Attributes, LayerTar, ManifestView, OciError, PackedLayer, RawManifest, media};

/// Where the data is in the image.
const FOLDER: &str = "var/lib/cincinnati-graph-data";

/// What the image does when it runs.
const COMMAND: [&str; 3] =
    ["/bin/bash", "-c", "exec cp -rp /var/lib/cincinnati-graph-data/* /var/lib/cincinnati/graph-data"];

/// Why no image can be made.
#[derive(Debug, thiserror::Error)]
pub enum GraphImageError {
    /// The data cannot be unpacked.
    #[error("the graph data cannot be put into an image: {why}")]
    Data {
        /// Why not.
        why: String,
    },
    /// The base is not fit to be built on.
    #[error("nothing can be built on {base}: {why}")]
    Base {
        /// The image.
        base: Digest,
        /// Why not.
        why: String,
    },
    /// A document of the base cannot be read.
    #[error("the base of the graph data cannot be read")]
    Document(#[from] OciError),
}

impl Fault for GraphImageError {
    fn exit(&self) -> Exit {
        Exit::Integrity
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Data { .. } => {
                "plan again with another tarball as `spec.releases.graphData.source`".to_owned()
            }
            Self::Base { .. } | Self::Document(_) => {
                "plan again with another image as `spec.releases.graphData.base`, for instance ubi9"
                    .to_owned()
            }
        })
    }
}

/// Manifest and config of an image with graph data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphImage {
    /// Its manifest.
    pub manifest: RawManifest,
    /// Its config.
    pub config: Vec<u8>,
}

/// The layer with the data: the files of a tarball where the update service looks for them, readable by all, of root, of the time 0.
pub fn graph_layer(tarball: &[u8], limits: &Limits) -> Result<PackedLayer, GraphImageError> {
    let wrong = |why: String| GraphImageError::Data { why };
    let mut files = BTreeMap::new();
    let mut folders = BTreeSet::from([String::new()]);
    for (path, content) in tarball::unpack(tarball, limits).map_err(wrong)? {
        let parts: Vec<_> = path.split('/').collect();
        if parts.iter().any(|part| matches!(*part, "" | "." | "..") || part.starts_with(".wh.")) {
            return Err(wrong(format!("a file in it is called {path:?}")));
        }
        let ancestors = path.match_indices('/').filter_map(|(at, _)| path.get(..at));
        folders.extend(ancestors.map(|folder| format!("/{folder}")));
        files.insert(format!("/{path}"), content);
    }
    if let Some(folder) = folders.iter().find(|folder| files.contains_key(*folder)) {
        return Err(wrong(format!("{folder} in it is file and folder")));
    }
    // A name may still be too long for a tar header.
    packed(&folders, &files).map_err(|error| wrong(error.to_string()))
}

fn packed(folders: &BTreeSet<String>, files: &BTreeMap<String, Vec<u8>>) -> io::Result<PackedLayer> {
    let attributes = |mode| Attributes { mode, uid: 0, gid: 0 };
    let mut tar = LayerTar::new();
    for folder in folders {
        tar.folder(&format!("{FOLDER}{folder}"), attributes(0o755))?;
    }
    for (path, content) in files {
        tar.file(&format!("{FOLDER}{path}"), attributes(0o644), content)?;
    }
    tar.finish()
}

impl GraphImage {
    /// Puts the layer on one image of the base. It stays in the base's family, Docker or OCI.
    pub fn on(
        base: &RawManifest,
        config: &[u8],
        layer: &PackedLayer,
        labels: &BTreeMap<String, String>,
        created: &str,
        limits: &Limits,
    ) -> Result<Self, GraphImageError> {
        let digest = base.digest();
        let unfit = |why: &str| GraphImageError::Base { base: digest, why: why.to_owned() };
        let ManifestView::Image(view) = base.view(limits)? else { return Err(unfit("it is an index")) };
        if view.config.digest != Digest::of(config) {
            return Err(unfit("the config is not the one that its manifest names"));
        }
        if view.layers.len() >= limits.layers {
            return Err(unfit("it has as many layers as an image may have"));
        }
        let mut manifest = object(base.bytes(), digest, "image manifest")?;
        let mut config = object(config, view.config.digest, "image config")?;
        let docker = base.media_type() == media::DOCKER_MANIFEST;
        let (layer_type, config_type) = if docker {
            (media::DOCKER_LAYER, media::DOCKER_CONFIG)
        } else {
            (media::OCI_LAYER_GZIP, media::OCI_CONFIG)
        };
        let diff_ids = config.get_mut("rootfs").and_then(|rootfs| rootfs.get_mut("diff_ids"));
        let diff_ids = diff_ids.and_then(Value::as_array_mut).filter(|ids| ids.len() == view.layers.len());
        diff_ids.ok_or_else(|| unfit("its config names other layers"))?.push(json!(layer.diff_id));
        if let Some(history) = config.get_mut("history").and_then(Value::as_array_mut) {
            history.push(json!({"created": created, "created_by": "ombundle import"}));
        }
        config.insert("created".to_owned(), json!(created));
        let inner = config.entry("config").or_insert_with(|| json!({}));
        let inner = inner.as_object_mut().ok_or_else(|| unfit("its config is of another kind"))?;
        inner.remove("Entrypoint");
        inner.insert("Cmd".to_owned(), json!(COMMAND));
        if !inner.get("Labels").is_some_and(Value::is_object) {
            inner.insert("Labels".to_owned(), json!({}));
        }
        if let Some(all) = inner.get_mut("Labels").and_then(Value::as_object_mut) {
            all.extend(labels.iter().map(|(name, value)| (name.clone(), json!(value))));
        }
        let config = Value::Object(config).to_string().into_bytes();
        if let Some(layers) = manifest.get_mut("layers").and_then(Value::as_array_mut) {
            let size = layer.bytes.len();
            layers.push(json!({"mediaType": layer_type, "digest": layer.digest, "size": size}));
        }
        manifest.insert(
            "config".to_owned(),
            json!({"mediaType": config_type, "digest": Digest::of(&config), "size": config.len()}),
        );
        // It is attached to nothing, whatever the base was.
        manifest.remove("subject");
        let media_type = base.media_type();
        let manifest = RawManifest::new(Value::Object(manifest).to_string().into_bytes(), Some(media_type))?;
        Ok(Self { manifest, config })
    }
}

fn object(bytes: &[u8], digest: Digest, what: &'static str) -> Result<Map<String, Value>, OciError> {
    serde_json::from_slice(bytes).map_err(|source| OciError::Malformed { digest, what, source })
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use tar::Header;

    use super::*;
    use crate::limits::LIMITS;

    fn tarball(files: &[(&str, &str)]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (path, content) in files {
            let mut header = Header::new_gnu();
            header.set_size(content.len() as u64);
            // Written into the header as it is: `append_data` would refuse what is to be refused here.
            header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_cksum();
            tar.append(&header, content.as_bytes()).unwrap();
        }
        tar.into_inner().unwrap()
    }

    fn base(media_type: &str, config_type: &str) -> (RawManifest, Vec<u8>) {
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": {"Entrypoint": ["x"], "Labels": {"a": "b"}},
            "rootfs": {"type": "layers", "diff_ids": [Digest::of(b"plain")]}, "history": [{"created_by": "y"}],
        });
        let config = config.to_string().into_bytes();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": media_type, "config": {"mediaType": config_type, "digest": Digest::of(&config), "size": config.len()},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": Digest::of(b"base"), "size": 4}],
        });
        (RawManifest::new(manifest.to_string().into_bytes(), Some(media_type)).unwrap(), config)
    }

    #[test]
    fn the_layer_holds_the_files_where_the_service_looks() {
        let data = tarball(&[("./version", "1.0.0"), ("channels/stable-4.20.yaml", "name: stable-4.20")]);
        let layer = graph_layer(&data, &LIMITS).unwrap();
        assert_eq!(layer, graph_layer(&data, &LIMITS).unwrap(), "the same data gives the same bytes");
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&*layer.bytes).read_to_end(&mut plain).unwrap();
        assert_eq!((Digest::of(&layer.bytes), Digest::of(&plain)), (layer.digest, layer.diff_id));
        let mut archive = tar::Archive::new(&*plain);
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            let header = entry.header();
            let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
            (path, header.mode().unwrap(), header.mtime().unwrap(), text)
        });
        let expected = [
            ("var/lib/cincinnati-graph-data/", 0o755, ""),
            ("var/lib/cincinnati-graph-data/channels/", 0o755, ""),
            ("var/lib/cincinnati-graph-data/channels/stable-4.20.yaml", 0o644, "name: stable-4.20"),
            ("var/lib/cincinnati-graph-data/version", 0o644, "1.0.0"),
        ];
        let expected = expected.map(|(path, mode, text)| (path.to_owned(), mode, 0, text.to_owned()));
        assert_eq!(entries.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for path in ["../etc/passwd", "/etc/passwd", "a/../../b", "a//b", ".wh.channels", "a/.wh..wh..opq"] {
            let refused = graph_layer(&tarball(&[(path, "x")]), &LIMITS);
            assert!(matches!(refused, Err(GraphImageError::Data { .. })), "{path} was taken");
        }
        let both = tarball(&[("a", "x"), ("a/b", "y")]);
        assert!(matches!(graph_layer(&both, &LIMITS), Err(GraphImageError::Data { .. })));
        assert!(matches!(graph_layer(&[0x1f, 0x8b, 0], &LIMITS), Err(GraphImageError::Data { .. })));
    }

    #[test]
    fn the_image_copies_its_data_and_does_nothing_else() {
        let layer = graph_layer(&tarball(&[("version", "1.0.0")]), &LIMITS).unwrap();
        let labels = BTreeMap::from([("dev.ombundle.generation".to_owned(), "7".to_owned())]);
        for (media_type, config_type, layer_type) in [
            (media::OCI_MANIFEST, media::OCI_CONFIG, media::OCI_LAYER_GZIP),
            (media::DOCKER_MANIFEST, media::DOCKER_CONFIG, media::DOCKER_LAYER),
        ] {
            let (manifest, config) = base(media_type, config_type);
            let made =
                |created| GraphImage::on(&manifest, &config, &layer, &labels, created, &LIMITS).unwrap();
            let image = made("2026-01-01T00:00:00Z");
            assert_eq!(image, made("2026-01-01T00:00:00Z"));
            let ManifestView::Image(view) = image.manifest.view(&LIMITS).unwrap() else { panic!() };
            assert_eq!(view.config.digest, Digest::of(&image.config));
            assert_eq!((view.layers[0].digest, view.layers[1].digest), (Digest::of(b"base"), layer.digest));
            assert_eq!(view.layers[1].media_type, layer_type);
            let config: Value = serde_json::from_slice(&image.config).unwrap();
            assert_eq!(config["config"]["Cmd"][2], COMMAND[2]);
            assert_eq!(config["config"]["Entrypoint"], Value::Null);
            assert_eq!(config["config"]["Labels"], json!({"a": "b", "dev.ombundle.generation": "7"}));
            assert_eq!(config["rootfs"]["diff_ids"], json!([Digest::of(b"plain"), layer.diff_id]));
            assert_eq!(config["history"].as_array().unwrap().len(), 2);
        }
    }

    #[test]
    fn a_base_that_contradicts_itself_is_refused() {
        let layer = graph_layer(&tarball(&[("version", "1.0.0")]), &LIMITS).unwrap();
        let (manifest, config) = base(media::OCI_MANIFEST, media::OCI_CONFIG);
        let on = |config: &[u8]| {
            GraphImage::on(&manifest, config, &layer, &BTreeMap::new(), "2026-01-01T00:00:00Z", &LIMITS)
        };
        assert!(on(&config).is_ok());
        assert!(matches!(on(b"{}"), Err(GraphImageError::Base { .. })));
    }
}
