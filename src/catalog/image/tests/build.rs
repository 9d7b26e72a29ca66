//! Images that are made here.

use std::io::{self, Cursor, Read};

use serde_json::Value;

use super::super::build::{self, CacheWhiteout, Provenance};
use super::*;
use crate::oci::{Attributes, ManifestView, RawManifest};

/// A base image in memory: manifest, config, and its layers by digest.
struct Base {
    manifest: RawManifest,
    config: Vec<u8>,
    layers: BTreeMap<Digest, Vec<u8>>,
}

fn base(docker: bool) -> Base {
    let plain = [
        tar_of(&[Dir("bin/"), File("bin/opm", "elf"), Dir("tmp/")]),
        tar_of(&[Dir("configs/"), Dir("configs/old/"), File("configs/old/catalog.json", "{}")]),
        tar_of(&[Dir("tmp/"), Dir("tmp/cache/"), File("tmp/cache/digest", "0")]),
    ];
    let packed: Vec<Vec<u8>> = plain.iter().map(|tar| gzip(tar)).collect();
    let diff_ids: Vec<Digest> = plain.iter().map(|tar| Digest::of(tar)).collect();
    let config = json!({
        "architecture": "amd64", "os": "linux", "x-unknown": {"kept": 1},
        "config": {"User": "1001", "ExposedPorts": {"50051/tcp": {}},
                   "Cmd": ["serve", "/configs", "--cache-dir=/tmp/cache"], "Entrypoint": ["/bin/registry-server"],
                   "Labels": {CONFIGS_LABEL: "/configs", "vendor": "x", "dev.ombundle.old": "y"}},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [{"created_by": "a"}, {"created_by": "env", "empty_layer": true}, {"created_by": "b"}, {"created_by": "c"}],
    });
    let config = config.to_string().into_bytes();
    let (manifest_type, config_type, layer_type) = if docker {
        (media::DOCKER_MANIFEST, media::DOCKER_CONFIG, media::DOCKER_LAYER)
    } else {
        (media::OCI_MANIFEST, media::OCI_CONFIG, media::OCI_LAYER_GZIP)
    };
    let manifest = json!({
        "schemaVersion": 2, "mediaType": manifest_type, "x-unknown": true,
        "config": descriptor(&config, config_type),
        "layers": packed.iter().map(|layer| descriptor(layer, layer_type)).collect::<Vec<_>>(),
    });
    let manifest = RawManifest::new(manifest.to_string().into_bytes(), None).unwrap();
    let layers = packed.into_iter().map(|layer| (Digest::of(&layer), layer)).collect();
    Base { manifest, config, layers }
}

fn image_of(manifest: &RawManifest) -> crate::oci::ImageManifest {
    match manifest.view(&LIMITS).unwrap() {
        ManifestView::Image(image) => image,
        ManifestView::Index(_) => panic!("an index"),
    }
}

fn catalog(name: &str) -> BTreeMap<String, Vec<u8>> {
    BTreeMap::from([
        (format!("{name}/catalog.json"), b"{\"schema\":\"olm.package\"}\n".to_vec()),
        ("catalog.json".to_owned(), b"{}\n".to_vec()),
    ])
}

fn provenance(label: &str) -> Provenance {
    Provenance {
        created: "2026-01-02T03:04:05Z".to_owned(),
        created_by: "ombundle".to_owned(),
        labels: BTreeMap::from([("dev.ombundle.inventory".to_owned(), label.to_owned())]),
    }
}

fn tmp() -> CacheWhiteout {
    CacheWhiteout { tmp: Attributes { mode: 0o1777, uid: 0, gid: 0 } }
}

#[test]
fn a_layer_is_reproducible_sorted_and_readable_by_everybody() {
    let files = BTreeMap::from([
        ("b/z.json".to_owned(), b"1".to_vec()),
        ("b/a/y.json".to_owned(), b"2".to_vec()),
        ("a.json".to_owned(), b"3".to_vec()),
    ]);
    let layer = build::catalog_layer(&files, Some(tmp())).unwrap();
    assert_eq!(layer, build::catalog_layer(&files, Some(tmp())).unwrap());
    assert_eq!(Digest::of(&layer.bytes), layer.digest);
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&layer.bytes[..]).read_to_end(&mut plain).unwrap();
    assert_eq!(Digest::of(&plain), layer.diff_id);
    let mut archive = tar::Archive::new(&plain[..]);
    let listing: Vec<String> = archive
        .entries()
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let header = entry.header();
            assert_eq!((header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()), (0, 0, 0));
            format!("{:o} {}", header.mode().unwrap(), String::from_utf8_lossy(&entry.path_bytes()))
        })
        .collect();
    assert_eq!(
        listing,
        [
            "755 configs/",
            "644 configs/.wh..wh..opq",
            "644 configs/a.json",
            "755 configs/b/",
            "755 configs/b/a/",
            "644 configs/b/a/y.json",
            "644 configs/b/z.json",
            "1777 tmp/",
            "644 tmp/.wh.cache",
        ]
    );
    for wrong in ["", "/a", "a/", "a//b", "./a", "../a", "a/../b", ".wh.a", "a/.wh..wh..opq", "a\0"] {
        let files = BTreeMap::from([(wrong.to_owned(), Vec::new())]);
        assert!(build::catalog_layer(&files, None).is_err(), "{wrong:?} was taken");
    }
    let clash = BTreeMap::from([("a".to_owned(), Vec::new()), ("a/b".to_owned(), Vec::new())]);
    assert!(build::catalog_layer(&clash, None).is_err());
}

#[test]
fn an_image_keeps_its_family_and_what_it_does_not_know() {
    for docker in [false, true] {
        let base = base(docker);
        let files = catalog("web-terminal");
        let layer = build::catalog_layer(&files, Some(tmp())).unwrap();
        let built = build::catalog_image(&base.manifest, &base.config, &layer, &provenance("1")).unwrap();
        assert_eq!(
            built,
            build::catalog_image(&base.manifest, &base.config, &layer, &provenance("1")).unwrap()
        );
        assert_eq!(built.manifest.media_type(), base.manifest.media_type());
        let (old, new) = (image_of(&base.manifest), image_of(&built.manifest));
        assert_eq!(new.layers[..3], old.layers[..]);
        assert_eq!(new.layers[3].media_type, old.layers[0].media_type);
        assert_eq!(new.layers[3].digest, layer.digest);
        assert_eq!(new.config.media_type, old.config.media_type);
        let manifest: Value = serde_json::from_slice(built.manifest.bytes()).unwrap();
        assert_eq!(manifest["x-unknown"], json!(true));
        let config: Value = serde_json::from_slice(&built.config).unwrap();
        assert_eq!(config["x-unknown"], json!({"kept": 1}));
        assert_eq!(config["created"], "2026-01-02T03:04:05Z");
        assert_eq!(config["config"]["User"], "1001");
        assert_eq!(config["config"]["Entrypoint"], json!(["/bin/opm"]));
        assert_eq!(config["config"]["Cmd"], json!(["serve", "/configs"]));
        assert_eq!(
            config["config"]["Labels"],
            json!({CONFIGS_LABEL: "/configs", "vendor": "x", "dev.ombundle.inventory": "1",
                   "dev.ombundle.catalog.base-layers": "3"})
        );
        assert_eq!(config["rootfs"]["diff_ids"].as_array().unwrap().len(), 4);
        assert_eq!(config["history"].as_array().unwrap().len(), 5);
        verify(&built, &base, &files).unwrap();
    }
}

fn verify(
    built: &build::BuiltImage,
    base: &Base,
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<(), ImageError> {
    let open = |layer: &Descriptor| {
        let bytes = if layer.digest == built.layer.digest {
            built.layer.bytes.to_vec()
        } else {
            base.layers.get(&layer.digest).cloned().ok_or(io::ErrorKind::NotFound)?
        };
        Ok(Cursor::new(bytes))
    };
    build::verify_image(&built.manifest, &built.config, files, open, &LIMITS)
}

#[test]
fn generations_replace_each_other_and_never_pile_up() {
    let base = base(true);
    let mut image = (base.manifest.clone(), base.config.clone());
    for generation in ["1", "2", "3"] {
        let files = catalog(&format!("operator-{generation}"));
        let layer = build::catalog_layer(&files, None).unwrap();
        let built = build::catalog_image(&image.0, &image.1, &layer, &provenance(generation)).unwrap();
        assert_eq!(image_of(&built.manifest).layers.len(), 4);
        let config: Value = serde_json::from_slice(&built.config).unwrap();
        assert_eq!(config["history"].as_array().unwrap().len(), 5);
        verify(&built, &base, &files).unwrap();
        // The same catalog on the pristine base is the same image: nothing of the way there shows.
        let direct =
            build::catalog_image(&base.manifest, &base.config, &layer, &provenance(generation)).unwrap();
        assert_eq!(built.manifest.digest(), direct.manifest.digest());
        image = (built.manifest, built.config);
    }
    // Somebody put a layer of their own on ours: then all of it is the base.
    let mut manifest: Value = serde_json::from_slice(image.0.bytes()).unwrap();
    let mut config: Value = serde_json::from_slice(&image.1).unwrap();
    let extra = manifest["layers"][0].clone();
    manifest["layers"].as_array_mut().unwrap().push(extra);
    let diff_id = config["rootfs"]["diff_ids"][0].clone();
    config["rootfs"]["diff_ids"].as_array_mut().unwrap().push(diff_id);
    let config = config.to_string().into_bytes();
    manifest["config"] = json!(descriptor(&config, media::DOCKER_CONFIG));
    let manifest = RawManifest::new(manifest.to_string().into_bytes(), None).unwrap();
    let layer = build::catalog_layer(&catalog("x"), None).unwrap();
    let built = build::catalog_image(&manifest, &config, &layer, &provenance("4")).unwrap();
    assert_eq!(image_of(&built.manifest).layers.len(), 6);
}

#[test]
fn the_small_base_has_opm_and_no_catalog() {
    let base = base(false);
    let mut files = LayerFiles::new(["configs"]).disposable(["tmp/cache"]);
    let catalog_only: Vec<bool> = image_of(&base.manifest)
        .layers
        .iter()
        .map(|layer| files.apply(&base.layers[&layer.digest][..], layer, &LIMITS).unwrap().catalog_only)
        .collect();
    assert_eq!(catalog_only, [false, true, true]);
    let small =
        build::small_base(&base.manifest, &base.config, &catalog_only, build::Family::Kept, &provenance("0"))
            .unwrap();
    assert_eq!(image_of(&small.manifest).layers, image_of(&base.manifest).layers[..1]);
    let config: Value = serde_json::from_slice(&small.config).unwrap();
    assert_eq!(config["history"], json!([{"created_by": "a"}, {"created_by": "env", "empty_layer": true}]));
    let wanted = catalog("x");
    let layer = build::catalog_layer(&wanted, None).unwrap();
    let built = build::catalog_image(&small.manifest, &small.config, &layer, &provenance("1")).unwrap();
    assert_eq!(image_of(&built.manifest).layers.len(), 2);
    verify(&built, &base, &wanted).unwrap();
    assert!(
        build::small_base(&base.manifest, &base.config, &[true; 3], build::Family::Kept, &provenance("0"))
            .is_err()
    );
}

#[test]
fn an_index_keeps_what_was_built_and_nothing_else() {
    let base = base(false);
    let layer = build::catalog_layer(&catalog("x"), None).unwrap();
    let built = build::catalog_image(&base.manifest, &base.config, &layer, &provenance("1")).unwrap();
    let old = base.manifest.digest();
    let entry = |digest: Digest, architecture: &str| {
        json!({"mediaType": media::OCI_MANIFEST, "digest": digest, "size": 1, "data": "e30=",
               "platform": {"os": "linux", "architecture": architecture, "os.version": "9"}})
    };
    let index = json!({"schemaVersion": 2, "mediaType": media::OCI_INDEX, "annotations": {"a": "b"},
                       "manifests": [entry(old, "amd64"), entry(Digest::of(b"other"), "arm64")]});
    let index = RawManifest::new(index.to_string().into_bytes(), None).unwrap();
    let found = build::catalog_index(&index, &BTreeMap::from([(old, &built.manifest)])).unwrap();
    let found: Value = serde_json::from_slice(found.bytes()).unwrap();
    assert_eq!(
        found,
        json!({"schemaVersion": 2, "mediaType": media::OCI_INDEX, "annotations": {"a": "b"},
               "manifests": [{"mediaType": media::OCI_MANIFEST, "digest": built.manifest.digest(),
                              "size": built.manifest.size(),
                              "platform": {"os": "linux", "architecture": "amd64", "os.version": "9"}}]})
    );
    assert!(build::catalog_index(&index, &BTreeMap::new()).is_err());
}

#[test]
fn a_config_that_tells_another_layer_is_found() {
    let Base { manifest, config, layers } = base(false);
    let mut config: Value = serde_json::from_slice(&config).unwrap();
    config["rootfs"]["diff_ids"][0] = json!(Digest::of(b"another"));
    let config = config.to_string().into_bytes();
    let mut wrong: Value = serde_json::from_slice(manifest.bytes()).unwrap();
    wrong["config"]["digest"] = json!(Digest::of(&config));
    wrong["config"]["size"] = json!(config.len());
    let manifest = RawManifest::new(wrong.to_string().into_bytes(), None).unwrap();
    let base = Base { manifest, config, layers };
    let files = catalog("x");
    let layer = build::catalog_layer(&files, None).unwrap();
    let built = build::catalog_image(&base.manifest, &base.config, &layer, &provenance("1")).unwrap();
    let why = verify(&built, &base, &files).unwrap_err().to_string();
    assert!(why.ends_with("unpacks to another tar than its config says"), "{why}");
}

#[test]
fn an_image_starts_on_the_cache_that_its_layer_brings() {
    let base = base(false);
    let files = catalog("x");
    let cache =
        BTreeMap::from([("digest".to_owned(), b"0".to_vec()), ("cache/a.json".to_owned(), Vec::new())]);
    let layer = build::cached_layer(&files, Some(tmp()), &cache).unwrap();
    let built = build::catalog_image(&base.manifest, &base.config, &layer, &provenance("1")).unwrap();
    verify(&built, &base, &files).unwrap();
    let config: Value = serde_json::from_slice(&built.config).unwrap();
    assert_eq!(config["config"]["Cmd"], json!(["serve", "/configs", "--cache-dir=/tmp/cache"]));
    let empty = build::cached_layer(&files, Some(tmp()), &BTreeMap::new()).unwrap();
    let built = build::catalog_image(&base.manifest, &base.config, &empty, &provenance("1")).unwrap();
    let why = verify(&built, &base, &files).unwrap_err().to_string();
    assert!(why.ends_with("it starts on a cache, and there is none in `/tmp/cache`"), "{why}");
    let escaping = BTreeMap::from([("../x".to_owned(), Vec::new())]);
    assert!(build::cached_layer(&files, None, &escaping).is_err());
}

#[test]
fn a_built_image_that_is_not_what_it_should_be_is_found() {
    let base = base(false);
    let files = catalog("x");
    let layer = build::catalog_layer(&files, None).unwrap();
    let built = build::catalog_image(&base.manifest, &base.config, &layer, &provenance("1")).unwrap();
    let why = |built: &build::BuiltImage, files| verify(built, &base, files).unwrap_err().to_string();
    let mut more = files.clone();
    more.insert("more".to_owned(), Vec::new());
    assert!(why(&built, &more).ends_with("`/configs/more` is missing"));
    let mut other = files.clone();
    other.insert("catalog.json".to_owned(), b"{ }".to_vec());
    assert!(why(&built, &other).ends_with("`/configs/catalog.json` has other content"));
    let fewer = BTreeMap::from([("catalog.json".to_owned(), files["catalog.json"].clone())]);
    assert!(why(&built, &fewer).ends_with("`/configs/x/catalog.json` was left over"));
    let mut config = built.clone();
    config.config.push(b' ');
    assert!(why(&config, &files).ends_with("names another config"));
    let mut flipped = built.clone();
    let mut bytes = flipped.layer.bytes.to_vec();
    bytes[20] ^= 1;
    flipped.layer.bytes = bytes.into();
    assert!(verify(&flipped, &base, &files).is_err());
}
