//! Layers as engines write them, and as attackers do.

mod build;
mod layers;

use std::collections::BTreeMap;
use std::io::Write;

use serde_json::json;

use super::*;
use crate::catalog::registry_v1::csv as csv_of;
use crate::digest::Digest;
use crate::limits::{LIMITS, Limits};
use crate::oci::{ConfigView, Descriptor, media};

/// One entry of a test layer.
#[derive(Clone, Copy)]
enum Put<'a> {
    File(&'a str, &'a str),
    Dir(&'a str),
    Soft(&'a str, &'a str),
    Hard(&'a str, &'a str),
    Kind(u8, &'a str),
}
use Put::{Dir, File, Hard, Kind, Soft};

fn header(path: &str, kind: u8, size: u64, link: &str, mode: u32) -> [u8; 512] {
    let mut header = tar::Header::new_ustar();
    header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
    header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link.as_bytes());
    header.as_mut_bytes()[156] = kind;
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header.set_cksum();
    *header.as_bytes()
}

fn record(path: &str, kind: u8, content: &[u8], link: &str) -> Vec<u8> {
    let mode = if kind == b'5' { 0o755 } else { 0o644 };
    let mut bytes = header(path, kind, content.len() as u64, link, mode).to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn tar_of(entries: &[Put]) -> Vec<u8> {
    let mut bytes: Vec<u8> = entries
        .iter()
        .flat_map(|entry| match *entry {
            File(path, content) => record(path, b'0', content.as_bytes(), ""),
            Dir(path) => record(path, b'5', b"", ""),
            Soft(path, target) => record(path, b'2', b"", target),
            Hard(path, target) => record(path, b'1', b"", target),
            Kind(kind, path) => record(path, kind, b"", ""),
        })
        .collect();
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

fn descriptor(bytes: &[u8], media_type: &str) -> Descriptor {
    let (digest, size) = (Digest::of(bytes), bytes.len() as u64);
    Descriptor { media_type: media_type.to_owned(), digest, size, platform: None }
}

fn apply(files: &mut LayerFiles, bytes: &[u8], limits: &Limits) -> Result<LayerSummary, ImageError> {
    files.apply(bytes, &descriptor(bytes, media::OCI_LAYER_GZIP), limits)
}

fn after(layers: &[&[Put]]) -> Result<BTreeMap<String, String>, ImageError> {
    let mut files = LayerFiles::new(["configs"]);
    for layer in layers {
        apply(&mut files, &tar_of(layer), &LIMITS)?;
    }
    let text = |content: &[u8]| String::from_utf8(content.to_vec()).unwrap();
    Ok(files.files("configs")?.iter().map(|(path, content)| (path.clone(), text(content))).collect())
}

#[test]
fn labels_say_what_an_image_is() {
    let role = |labels: &[(&str, &str)]| {
        let labels: BTreeMap<_, _> = labels.iter().copied().collect();
        let config = json!({"config": {"Labels": labels}}).to_string();
        ConfigView::parse(config.as_bytes()).unwrap()
    };
    let catalog = role(&[(CONFIGS_LABEL, "/configs/")]);
    assert_eq!(ImageRole::of(&catalog).unwrap(), ImageRole::Catalog { configs: "configs".to_owned() });
    assert_eq!(catalog_root(&catalog).unwrap(), "configs");
    let bundle = role(&[
        ("operators.operatorframework.io.bundle.package.v1", "web-terminal"),
        ("operators.operatorframework.io.bundle.manifests.v1", "manifests/"),
        ("operators.operatorframework.io.bundle.metadata.v1", "metadata/"),
    ]);
    assert_eq!(ImageRole::of(&bundle).unwrap().bundle_directories().unwrap(), ("manifests", "metadata"));
    assert_eq!(
        catalog_root(&bundle).unwrap_err().to_string(),
        "the image is an operator bundle, not a catalog"
    );
    let sqlite = role(&[("operators.operatorframework.io.index.database.v1", "/database/index.db")]);
    let error = catalog_root(&sqlite).unwrap_err();
    assert!(crate::fault::Fault::hint(&error).unwrap().contains("opm migrate"));
    assert!(matches!(catalog_root(&role(&[])), Err(ImageError::Role { .. })));
    for wrong in ["/", "", "/a/../b", "."] {
        assert!(
            matches!(catalog_root(&role(&[(CONFIGS_LABEL, wrong)])), Err(ImageError::Label { .. })),
            "{wrong}"
        );
    }
}

#[test]
fn the_csv_of_a_bundle_is_the_first_one() {
    let csv = |files: &[(&str, &str)]| {
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().into())).collect();
        csv_of(&files, "manifests", &LIMITS).map(|csv| csv["metadata"]["name"].as_str().unwrap().to_owned())
    };
    let yaml = "kind: ClusterServiceVersion\nmetadata:\n  name: a.v1.0.0\n  annotations: {createdAt: 2024-01-01T00:00:00Z}\n";
    let json = r#"{"kind": "ClusterServiceVersion", "metadata": {"name": "b.v1.0.0"}}"#;
    assert_eq!(csv(&[("b.json", json), ("a.yaml", yaml)]).unwrap(), "a.v1.0.0");
    assert_eq!(csv(&[(".a.yaml", yaml), ("b.json", json), ("c.yaml", ": : :")]).unwrap(), "b.v1.0.0");
    assert_eq!(csv(&[("a.yaml", &format!("---\n{yaml}---\nkind: Other\n"))]).unwrap(), "a.v1.0.0");
    assert!(matches!(
        csv(&[("crd.yaml", "kind: CustomResourceDefinition\n")]),
        Err(ImageError::NoCsv { .. })
    ));
}
