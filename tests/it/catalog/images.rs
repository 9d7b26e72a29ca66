//! Catalog images as stock tools see them: built on an image, read back with skopeo and umoci.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use ombundle::catalog::image::build::{self, BuiltImage, Provenance};
use ombundle::catalog::image::{CONFIGS_LABEL, ImageError};
use ombundle::catalog::{Catalog, write};
use ombundle::digest::Digest;
use ombundle::event::Silent;
use ombundle::fault::{AnyFault, Exit};
use ombundle::fetch::Upstream;
use ombundle::flow::catalog::{LoadedCatalog, load};
use ombundle::flow::catalog_image::PlatformImage;
use ombundle::limits::LIMITS;
use ombundle::oci::{RawManifest, media};
use ombundle::registry::{Client, ClientOptions, Environment};
use serde_json::{Value, json};

/// An OCI layout under a folder of its own.
pub(super) struct Layout {
    folder: tempfile::TempDir,
}

impl Layout {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("blobs/sha256")).unwrap();
        fs::write(folder.path().join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        let layout = Self { folder };
        layout.index(&[]);
        layout
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn blob(&self, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        fs::write(self.path().join("blobs/sha256").join(digest.hex()), bytes).unwrap();
        digest
    }

    pub(super) fn index(&self, images: &[(&str, &RawManifest)]) {
        let entries: Vec<Value> = images
            .iter()
            .map(|(tag, manifest)| {
                let mut entry = serde_json::to_value(manifest.descriptor()).unwrap();
                entry["annotations"] = json!({"org.opencontainers.image.ref.name": tag});
                entry
            })
            .collect();
        let index = json!({"schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": entries});
        fs::write(self.path().join("index.json"), index.to_string()).unwrap();
    }

    /// The same image as a `dir:` of skopeo's, which takes Docker manifests too.
    fn directory(&self, manifest: &RawManifest) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("version"), "Directory Transport Version: 1.1\n").unwrap();
        fs::write(folder.path().join("manifest.json"), manifest.bytes()).unwrap();
        for blob in fs::read_dir(self.path().join("blobs/sha256")).unwrap() {
            let blob = blob.unwrap();
            fs::copy(blob.path(), folder.path().join(blob.file_name())).unwrap();
        }
        folder
    }

    fn add(&self, built: &BuiltImage) {
        self.blob(&built.layer.bytes);
        self.blob(&built.config);
        self.blob(built.manifest.bytes());
    }

    fn load(&self, tag: &str) -> LoadedCatalog {
        loaded(&format!("oci:{}:{tag}", self.path().display())).unwrap_or_else(|fault| panic!("{fault}"))
    }
}

fn loaded(text: &str) -> Result<LoadedCatalog, AnyFault> {
    let client = Client::new(ClientOptions::default(), &Environment::default(), Arc::new(Silent)).unwrap();
    load(text, Upstream::of(&client), &Silent, &LIMITS)
}

fn tar_layer(entries: &[(&str, u32, Option<&str>)]) -> (Vec<u8>, Digest) {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, mode, content) in entries {
        let mut header = tar::Header::new_gnu();
        let kind = if content.is_some() { tar::EntryType::Regular } else { tar::EntryType::Directory };
        header.set_entry_type(kind);
        header.set_mode(*mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        let content = content.unwrap_or_default();
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    let plain = tar.into_inner().unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&plain).unwrap();
    (gzip.finish().unwrap(), Digest::of(&plain))
}

/// A catalog image as upstream builds it: opm, an old catalog, opm's cache of it.
pub(super) fn upstream(layout: &Layout, docker: bool) -> RawManifest {
    let old = r#"{"schema":"olm.package","name":"old","defaultChannel":"c"}"#;
    let layers = [
        tar_layer(&[
            ("bin/", 0o755, None),
            ("bin/opm", 0o755, Some("#!/bin/sh\n")),
            ("tmp/", 0o1777, None),
            ("etc/", 0o755, None),
            ("etc/release", 0o644, Some("base")),
        ]),
        tar_layer(&[
            ("configs/", 0o755, None),
            ("configs/old/", 0o755, None),
            ("configs/old/catalog.json", 0o644, Some(old)),
        ]),
        tar_layer(&[
            ("tmp/", 0o1777, None),
            ("tmp/cache/", 0o770, None),
            ("tmp/cache/digest", 0o640, Some("x")),
        ]),
    ];
    let types = if docker {
        (media::DOCKER_MANIFEST, media::DOCKER_CONFIG, media::DOCKER_LAYER)
    } else {
        (media::OCI_MANIFEST, media::OCI_CONFIG, media::OCI_LAYER_GZIP)
    };
    let config = json!({
        "architecture": "amd64", "os": "linux",
        "config": {"User": "1001", "Entrypoint": ["/bin/opm"], "Cmd": ["serve", "/configs", "--cache-dir=/tmp/cache"],
                   "Labels": {CONFIGS_LABEL: "/configs"}},
        "rootfs": {"type": "layers", "diff_ids": layers.each_ref().map(|layer| layer.1)},
        "history": [{"created_by": "a"}, {"created_by": "b"}, {"created_by": "c"}],
    });
    let config = config.to_string().into_bytes();
    let layers: Vec<Value> = layers
        .iter()
        .map(|(bytes, _)| json!({"mediaType": types.2, "digest": layout.blob(bytes), "size": bytes.len()}))
        .collect();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": types.0, "layers": layers,
        "config": {"mediaType": types.1, "digest": layout.blob(&config), "size": config.len()},
    });
    let manifest = manifest.to_string().into_bytes();
    layout.blob(&manifest);
    RawManifest::new(manifest, None).unwrap()
}

pub(super) fn catalog(name: &str) -> Catalog {
    let bundle = format!("{name}.v1.0.0");
    let image = format!("quay.io/a/{name}@{}", Digest::of(name.as_bytes()));
    let loaded = Catalog::from_values(&[
        json!({"schema": "olm.package", "name": name, "defaultChannel": "fast"}),
        json!({"schema": "olm.channel", "package": name, "name": "fast", "entries": [{"name": bundle}]}),
        json!({"schema": "olm.bundle", "package": name, "name": bundle, "image": image,
               "properties": [{"type": "olm.package", "value": {"packageName": name, "version": "1.0.0"}}]}),
    ]);
    assert_eq!(loaded.findings, []);
    loaded.catalog
}

fn image_of(loaded: &LoadedCatalog) -> &PlatformImage {
    &loaded.image.as_ref().unwrap().images[0]
}

/// Puts a catalog on the image of this tag.
fn build_on(layout: &Layout, tag: &str, files: &BTreeMap<String, Vec<u8>>) -> BuiltImage {
    let loaded = layout.load(tag);
    let base = image_of(&loaded);
    let layer = build::catalog_layer(files, base.cache_whiteout()).unwrap();
    let provenance = Provenance {
        created: "2026-01-02T03:04:05Z".to_owned(),
        created_by: "ombundle".to_owned(),
        labels: BTreeMap::new(),
    };
    let built = build::catalog_image(&base.manifest, &base.config, &layer, &provenance).unwrap();
    layout.add(&built);
    let open = |layer: &ombundle::oci::Descriptor| {
        fs::File::open(layout.path().join("blobs/sha256").join(layer.digest.hex()))
    };
    build::verify_image(&built.manifest, &built.config, files, open, &LIMITS).unwrap();
    built
}

pub(super) fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// Every path below a folder with its permission bits.
pub(super) fn listing(root: &Path) -> Vec<(PathBuf, u32)> {
    walkdir::WalkDir::new(root)
        .min_depth(1)
        .sort_by_file_name()
        .into_iter()
        .map(|entry| {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o7777;
            (entry.path().strip_prefix(root).unwrap().to_owned(), mode)
        })
        .collect()
}

#[test]
fn umoci_and_skopeo_see_exactly_the_new_catalog() {
    for docker in [false, true] {
        let layout = Layout::new();
        let base = upstream(&layout, docker);
        layout.index(&[("base", &base)]);
        let loaded = layout.load("base");
        assert!(loaded.catalog.packages.contains_key("old"));
        assert_eq!(image_of(&loaded).catalog_only(), [false, true, true]);

        // Two generations: the second replaces the first.
        let first = build_on(&layout, "base", &write::files(&catalog("first")));
        layout.index(&[("base", &base), ("one", &first.manifest)]);
        let wanted = catalog("second");
        let second = build_on(&layout, "one", &write::files(&wanted));
        layout.index(&[("base", &base), ("one", &first.manifest), ("two", &second.manifest)]);
        let again = layout.load("two");
        assert_eq!(again.findings, []);
        assert_eq!(write::files(&again.catalog), write::files(&wanted));
        assert_eq!(image_of(&again).view.layers.len(), 4);

        let directory = layout.directory(&second.manifest);
        let reference = format!("dir:{}", directory.path().display());
        let out = tempfile::tempdir().unwrap();
        // umoci reads OCI only; skopeo turns Docker's into it, and checks every digest on the way.
        let copy = out.path().join("copy");
        let target = format!("oci:{}:two", copy.display());
        run("skopeo", &["copy", "--quiet", "--insecure-policy", "--format", "oci", &reference, &target]);
        let inspected: Value =
            serde_json::from_str(&run("skopeo", &["inspect", "--config", &reference])).unwrap();
        assert_eq!(inspected["config"]["Cmd"], json!(["serve", "/configs"]));
        assert_eq!(inspected["config"]["Labels"][CONFIGS_LABEL], "/configs");
        assert_eq!(inspected["rootfs"]["diff_ids"].as_array().unwrap().len(), 4);
        let unpacked = out.path().join("unpacked");
        let image = format!("{}:two", copy.display());
        run("umoci", &["unpack", "--rootless", "--image", &image, unpacked.to_str().unwrap()]);
        let rootfs = unpacked.join("rootfs");
        assert_eq!(
            listing(&rootfs.join("configs")),
            [(PathBuf::from("second"), 0o755), (PathBuf::from("second/catalog.json"), 0o644)]
        );
        assert_eq!(
            fs::read(rootfs.join("configs/second/catalog.json")).unwrap(),
            write::files(&wanted)["second/catalog.json"]
        );
        assert_eq!(listing(&rootfs.join("tmp")), [], "the stale cache is gone");
        let mode = |path: &str| fs::metadata(rootfs.join(path)).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode("tmp"), mode("configs"), mode("bin/opm")), (0o1777, 0o755, 0o755));
        assert_eq!(fs::read_to_string(rootfs.join("etc/release")).unwrap(), "base");
    }
}

#[test]
fn the_same_catalog_is_read_from_a_layout_a_folder_and_a_file() {
    let layout = Layout::new();
    let base = upstream(&layout, false);
    layout.index(&[("base", &base)]);
    let wanted = catalog("web");
    let built = build_on(&layout, "base", &write::files(&wanted));
    layout.index(&[("new", &built.manifest)]);
    let folder = tempfile::tempdir().unwrap();
    for (path, bytes) in write::files(&wanted) {
        let path = folder.path().join("catalog").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    fs::write(folder.path().join("catalog/README.md"), "not a catalog").unwrap();
    fs::write(folder.path().join("catalog/.indexignore"), "README.md\n").unwrap();
    let file = folder.path().join("one.json");
    fs::write(&file, write::stream(&wanted)).unwrap();
    let places = [
        format!("oci:{}", layout.path().display()),
        format!("oci:{}:new", layout.path().display()),
        folder.path().join("catalog").display().to_string(),
        file.display().to_string(),
    ];
    for text in places {
        let loaded = loaded(&text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        assert_eq!(loaded.findings, [], "{text}");
        assert_eq!(write::files(&loaded.catalog), write::files(&wanted), "{text}");
    }
}

#[test]
fn what_is_no_catalog_is_refused_by_name() {
    let layout = Layout::new();
    let base = upstream(&layout, false);
    layout.index(&[("base", &base), ("twin", &base)]);
    let at = layout.path().display().to_string();
    let refused = |text: &str| {
        let fault = loaded(text).map(|_| ()).expect_err(text);
        (fault.exit(), fault.to_string())
    };
    for (text, expected) in [
        (format!("oci:{at}:none"), "has 2 images: base, twin"),
        (format!("oci:{at}"), "has 2 images: base, twin"),
        ("nowhere".to_owned(), "`nowhere` is neither a file, nor a folder, nor an image"),
        ("quay.io/a/b".to_owned(), "`quay.io/a/b` names a repository, but neither a tag nor a digest"),
        ("oci:/nowhere:x".to_owned(), "could not open `/nowhere/index.json`"),
    ] {
        let (exit, found) = refused(&text);
        assert_eq!((exit, found.ends_with(expected)), (Exit::Usage, true), "{text}: {found}");
    }

    // A flipped byte in a layer is found by its digest.
    let layer = build_on(&layout, "base", &write::files(&catalog("x"))).layer;
    let path = layout.path().join("blobs/sha256").join(layer.digest.hex());
    let built = build_on(&layout, "base", &write::files(&catalog("x")));
    layout.index(&[("new", &built.manifest)]);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let (exit, text) = refused(&format!("oci:{at}:new"));
    assert_eq!(exit, Exit::Integrity, "{text}");
    assert!(text.contains(&layer.digest.hex()), "{text}");
    assert!(matches!(
        build::catalog_layer(&BTreeMap::from([("../x".to_owned(), Vec::new())]), None),
        Err(ImageError::FileName { .. })
    ));
}
