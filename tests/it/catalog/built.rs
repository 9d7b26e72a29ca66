//! `catalog build` and `catalog init`: images that stock tools read, the same twice, in a registry and in a layout.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use ombundle::catalog::write;
use ombundle::digest::Digest;
use ombundle::oci::{RawManifest, media};
use serde_json::{Value, json};

use super::images::{Layout, catalog, listing, run, upstream};
use crate::cli::world::{Ended, Folder};
use crate::support::registry::DockerRegistry;

/// A folder with a catalog and a base, in an OCI layout.
struct World {
    folder: Folder,
    base: Layout,
}

impl World {
    fn new(docker: bool) -> Self {
        let (folder, base) = (Folder::new(), Layout::new());
        let image = upstream(&base, docker);
        base.index(&[("base", &image)]);
        folder.write("catalog/any/name.yaml", write::yaml_stream(&catalog("custom")));
        Self { folder, base }
    }

    /// A base for two platforms, with an attestation beside them.
    fn of_platforms() -> Self {
        let world = Self::new(false);
        let image = upstream(&world.base, false);
        let other = fs::read(world.base.path().join("blobs/sha256").join(image.digest().hex())).unwrap();
        // The same image, told apart by an annotation.
        let like = |words: &str| {
            let mut other: Value = serde_json::from_slice(&other).unwrap();
            other["annotations"] = json!({"a": words});
            let other = RawManifest::new(other.to_string().into_bytes(), None).unwrap();
            world.base.blob(other.bytes());
            other
        };
        let entry = |manifest: &RawManifest, architecture: &str, os: &str| {
            let mut entry = serde_json::to_value(manifest.descriptor()).unwrap();
            entry["platform"] = json!({"os": os, "architecture": architecture});
            entry
        };
        let entries = [
            entry(&image, "amd64", "linux"),
            entry(&like("arm"), "arm64", "linux"),
            entry(&like("attestation"), "unknown", "unknown"),
        ];
        let index =
            json!({"schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": entries}).to_string();
        world.base.blob(index.as_bytes());
        world.base.index(&[("base", &RawManifest::new(index.into_bytes(), None).unwrap())]);
        world
    }

    fn build(&self, arguments: &str) -> Ended {
        self.folder
            .run(&format!("catalog build catalog --base oci:{}:base {arguments}", self.base.path().display()))
    }
}

fn digest_of(ended: &Ended) -> Digest {
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{}", ended.stdout);
    let value: Value = serde_json::from_str(&ended.stdout).unwrap();
    value["digest"].as_str().unwrap().parse().unwrap()
}

/// The catalog is there and nothing else, as any user may read it, and nothing of the base's.
fn looks_right(layout: &str, folder: &Path) {
    let unpacked = folder.join("unpacked");
    run("umoci", &["unpack", "--rootless", "--image", layout, unpacked.to_str().unwrap()]);
    let root = unpacked.join("rootfs");
    assert_eq!(
        listing(&root.join("configs")),
        [(PathBuf::from("custom"), 0o755), (PathBuf::from("custom/catalog.json"), 0o644)]
    );
    let file = fs::read(root.join("configs/custom/catalog.json")).unwrap();
    assert_eq!(file, write::files(&catalog("custom"))["custom/catalog.json"]);
    let mode = |path: &str| fs::metadata(root.join(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode("configs"), mode("tmp"), mode("bin/opm")), (0o755, 0o1777, 0o755));
    assert!(!root.join("tmp/cache").exists(), "a cache of the base's catalog is stale");
}

#[test]
fn an_image_in_a_layout_is_one_that_tools_read() {
    for docker in [false, true] {
        let world = World::new(docker);
        let first = digest_of(&world.build("-t oci:out:v1 --format json"));
        let again = digest_of(&world.build("-t oci:out:v2 --format json"));
        assert_eq!(first, again, "the same inputs, the same image");
        let out = world.folder.path().join("out");
        let image = format!("{}:v1", out.display());
        let config: Value =
            serde_json::from_str(&run("skopeo", &["inspect", "--config", &format!("oci:{image}")])).unwrap();
        assert_eq!(config["config"]["Entrypoint"], json!(["/bin/opm"]));
        assert_eq!(config["config"]["Cmd"], json!(["serve", "/configs"]));
        assert_eq!(config["config"]["User"], "1001");
        assert_eq!(config["config"]["Labels"]["operators.operatorframework.io.index.configs.v1"], "/configs");
        // Of the base one layer is left: the other two held its catalog and its cache.
        assert_eq!(config["rootfs"]["diff_ids"].as_array().unwrap().len(), 2);
        assert_eq!(config["created"], "1970-01-01T00:00:00Z");
        looks_right(&image, world.folder.path());
        // Built on what was built here before, nothing piles up.
        fs::rename(&out, world.folder.path().join("before")).unwrap();
        let upon = world.folder.run("catalog build catalog --base oci:before:v1 -t oci:upon --format json");
        assert_eq!(upon.code, 0, "{}", upon.stderr);
        let image = format!("oci:{}:latest", world.folder.path().join("upon").display());
        let config: Value = serde_json::from_str(&run("skopeo", &["inspect", "--config", &image])).unwrap();
        assert_eq!(config["rootfs"]["diff_ids"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn an_image_in_a_registry_is_one_that_tools_read() {
    for docker in [false, true] {
        let (world, registry) = (World::new(docker), DockerRegistry::start());
        let name = format!("{}/olm/custom:v1", registry.host());
        let dry = world.build(&format!("-t {name} --format json"));
        assert_eq!(registry.changes(), 0, "without --push nothing is written");
        let pushed = digest_of(&world.build(&format!("-t {name} --push --format json")));
        assert_eq!(digest_of(&dry), pushed);
        let before = registry.changes();
        let again = world.build(&format!("-t {name} --push"));
        assert_eq!(again.stdout, format!("{}/olm/custom@{pushed}\nwritten as {name}\n", registry.host()));
        assert!(before > 0);
        let raw = run("skopeo", &["inspect", "--raw", "--tls-verify=false", &format!("docker://{name}")]);
        assert_eq!(Digest::of(raw.as_bytes()), pushed);
        let family = if docker { media::DOCKER_MANIFEST } else { media::OCI_MANIFEST };
        assert_eq!(serde_json::from_str::<Value>(&raw).unwrap()["mediaType"], family);
        let copy = world.folder.path().join("copy");
        let target = format!("oci:{}:it", copy.display());
        let words = [
            "copy",
            "-q",
            "--insecure-policy",
            "--src-tls-verify=false",
            "--format",
            "oci",
            &format!("docker://{name}"),
            &target,
        ];
        run("skopeo", &words);
        looks_right(&format!("{}:it", copy.display()), world.folder.path());

        // Another catalog under the same name: what the name led to is told, for the way back.
        world.folder.write("catalog/any/name.yaml", write::yaml_stream(&catalog("other")));
        let moved = world.build(&format!("-t {name} --push"));
        assert!(moved.stdout.ends_with(&format!("{name} was {pushed} before\n")), "{}", moved.stdout);
    }
}

/// What `opm serve --cache-enforce-integrity` would compute over unpacked folders, put together here a second time.
const OPM_DIGEST: &str = r#"
import os, sys
state = 0xcbf29ce484222325
def feed(data):
    global state
    for byte in data:
        state = ((state ^ byte) * 0x100000001b3) & 0xffffffffffffffff
def entry(path, name):
    stat = os.lstat(path)
    folder = os.path.isdir(path)
    data = b"" if folder else open(path, "rb").read()
    header = bytearray(512)
    def put(at, text):
        header[at:at + len(text)] = text
    put(0, name.encode())
    put(100, b"%07o\0" % (stat.st_mode & 0o7777))
    put(108, b"0000000\0" * 2)
    put(124, b"%011o\0" % len(data))
    put(136, b"00000000000\0")
    put(148, b" " * 8)
    put(156, b"5" if folder else b"0")
    put(257, b"ustar\x0000")
    put(329, b"0000000\0" * 2)
    put(148, b"%06o\0 " % sum(header))
    feed(header + data + bytes(-len(data) % 512))
    for inner in sorted(os.listdir(path), key=os.fsencode) if folder else []:
        entry(os.path.join(path, inner), inner if name == "." else name + "/" + inner)
for root in sys.argv[1:]:
    entry(root, ".")
    feed(bytes(1024))
print("%016x" % state, end="")
"#;

#[test]
fn opm_starts_at_once_on_the_cache_of_the_image() {
    let world = World::new(false);
    for base in [format!("oci:{}:base", world.base.path().display()), "oci:built:v1".to_owned()] {
        // On upstream's image, which has a cache of its own, and on what was built on it.
        let built =
            world.folder.run(&format!("catalog build catalog --base {base} -t oci:built:v1 --cache json"));
        assert_eq!((built.code, built.stderr.as_str()), (0, ""));
        let unpacked = tempfile::tempdir().unwrap();
        let image = format!("{}/built:v1", world.folder.path().display());
        let target = unpacked.path().join("image");
        run("umoci", &["unpack", "--rootless", "--image", &image, target.to_str().unwrap()]);
        let config: Value =
            serde_json::from_str(&run("skopeo", &["inspect", "--config", &format!("oci:{image}")])).unwrap();
        assert_eq!(config["config"]["Cmd"], json!(["serve", "/configs", "--cache-dir=/tmp/cache"]));
        let root = target.join("rootfs");
        let cache = root.join("tmp/cache");
        let expected = [
            ("cache", 0o755),
            ("cache/custom_fast_custom.v1.0.0.json", 0o644),
            ("cache/packages.json", 0o644),
            ("digest", 0o644),
        ];
        assert_eq!(listing(&cache), expected.map(|(path, mode)| (PathBuf::from(path), mode)));
        assert_eq!(fs::metadata(root.join("tmp")).unwrap().permissions().mode() & 0o7777, 0o1777);
        let (configs, inner) = (root.join("configs"), cache.join("cache"));
        let words = ["-c", OPM_DIGEST, configs.to_str().unwrap(), inner.to_str().unwrap()];
        assert_eq!(fs::read_to_string(cache.join("digest")).unwrap(), run("python3", &words));
        let opm = fs::read_to_string(root.join("bin/opm")).unwrap();
        assert_eq!(opm, "#!/bin/sh\n", "the base is there");
    }
    // Without the option nothing is left of it.
    let plain = world.folder.run("catalog build catalog --base oci:built:v1 -t oci:plain:v1");
    assert_eq!(plain.code, 0, "{}", plain.stderr);
    looks_right(&format!("{}/plain:v1", world.folder.path().display()), world.folder.path());
}

#[test]
fn resources_are_written_for_what_was_pushed() {
    let (world, registry) = (World::new(false), DockerRegistry::start());
    let name = format!("{}/olm/custom", registry.host());
    let emit = "--emit out --name cs-custom";
    for (arguments, text) in [
        (format!("-t {name}:v1 {emit}"), "--push"),
        (format!("-t oci:image --push {emit}"), "--push goes with a registry"),
        (format!("-t {name}:v1 --push --emit out"), "--name"),
        (format!("-t {name}:v1 --push --publisher us"), "--emit"),
        (format!("-t {name}:v1 --push {emit} --poll 30"), "no interval"),
        (format!("-t {name}:v1 --push {emit} --secret Nexus"), "no name of a Secret"),
        (format!("-t {name}:v1 --push {emit} --toleration a:Never"), "no effect"),
    ] {
        let ended = world.build(&arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{arguments}: {}", ended.stderr);
        assert!(ended.stderr.contains(text), "{}", ended.stderr);
    }
    world.folder.write("taken/notes.txt", "mine");
    let taken = world.build(&format!("-t {name}:v1 --push --emit taken --name cs-custom"));
    assert_ne!(taken.code, 0, "{}", taken.stdout);
    assert_eq!(registry.changes(), 0, "nothing was pushed for what was refused");

    let words = "--secret nexus-pull --priority -5 --publisher us --format json";
    let pushed = digest_of(&world.build(&format!("-t {name}:v1 --push {emit} {words}")));
    let read = |file: &str| fs::read_to_string(world.folder.path().join("out/cluster").join(file)).unwrap();
    let source: Value = serde_norway::from_str(&read("01-catalogsource-cs-custom.yaml")).unwrap();
    assert_eq!(source["spec"]["image"], format!("{name}@{pushed}"));
    assert_eq!(source["spec"]["secrets"], json!(["nexus-pull"]));
    assert_eq!((&source["spec"]["priority"], &source["spec"]["publisher"]), (&json!(-5), &json!("us")));
    assert!(read("02-clustercatalog-cs-custom.yaml").contains(&format!("{name}@{pushed}")));
    // Another time, following the tag.
    digest_of(&world.build(&format!("-t {name}:v1 --push {emit} --poll 30m --format json")));
    assert!(read("01-catalogsource-cs-custom.yaml").contains(&format!("image: \"{name}:v1\"")));
}

#[test]
fn what_was_read_of_a_catalog_is_not_downloaded_again() {
    let (world, registry) = (World::new(false), DockerRegistry::start());
    let name = format!("{}/olm/custom:v1", registry.host());
    digest_of(&world.build(&format!("-t {name} --push --format json")));
    let listed = |cache: &str| world.folder.run(&format!("catalog list {name} --cache-dir {cache}"));
    let first = listed("kept");
    assert_eq!(first.code, 0, "{}", first.stderr);
    // The layer that has the catalog is gone from the registry; its manifest is still there.
    let raw = run("skopeo", &["inspect", "--raw", "--tls-verify=false", &format!("docker://{name}")]);
    let manifest: Value = serde_json::from_str(&raw).unwrap();
    let layer = manifest["layers"].as_array().unwrap().last().unwrap()["digest"].as_str().unwrap();
    fs::remove_file(registry.blob_path(&layer.parse().unwrap())).unwrap();
    assert_eq!(listed("kept").stdout, first.stdout);
    for line in ["render", "validate", "graph --package custom"] {
        let ended = world.folder.run(&format!("catalog {line} {name} --cache-dir kept"));
        assert_eq!(ended.code, 0, "{line}: {}", ended.stderr);
    }
    assert_ne!(listed("none").code, 0, "it came from the registry");
}

#[test]
fn an_index_stays_one() {
    let (world, registry) = (World::of_platforms(), DockerRegistry::start());
    let name = format!("{}/olm/custom:v1", registry.host());
    digest_of(&world.build(&format!("-t {name} --push --format json")));
    let platforms = |name: &str| {
        let raw = run("skopeo", &["inspect", "--raw", "--tls-verify=false", &format!("docker://{name}")]);
        let index: Value = serde_json::from_str(&raw).unwrap();
        let entries = index["manifests"].as_array().unwrap().clone();
        entries
            .iter()
            .map(|it| it["platform"]["architecture"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(platforms(&name), ["amd64", "arm64"]);
    let one = format!("{}/olm/custom:arm", registry.host());
    digest_of(&world.build(&format!("-t {one} --push --platform linux/arm64 --format json")));
    assert_eq!(platforms(&one), ["arm64"]);
    let none = world.build("-t oci:none --platform linux/s390x");
    assert_eq!(none.code, 2, "{}", none.stderr);
    assert!(none.stderr.contains("has no image for linux/s390x"), "{}", none.stderr);
    assert!(!world.folder.path().join("none").exists());
    // From a repository of the same registry the layers are taken over there.
    let upon = world.folder.run(&format!(
        "catalog build catalog --base {name} -t {}/elsewhere/custom:v1 --push",
        registry.host()
    ));
    assert_eq!(upon.code, 0, "{}", upon.stderr);
    assert_eq!(platforms(&format!("{}/elsewhere/custom:v1", registry.host())), ["amd64", "arm64"]);
}

#[test]
fn what_cannot_be_built_is_refused_before_anything_is_written() {
    let (world, registry) = (World::new(false), DockerRegistry::start());
    let name = format!("{}/olm/custom", registry.host());
    for (arguments, text) in [
        (format!("-t {name} --push"), "has no tag"),
        ("-t oci:out --push".to_owned(), "--push goes with a registry"),
        (format!("-t {name}@sha256:{} --push", "0".repeat(64)), "has no tag"),
    ] {
        let ended = world.build(&arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{}", ended.stderr);
        assert!(ended.stderr.contains(text), "{}", ended.stderr);
    }
    world.folder.write("taken/notes.txt", "mine");
    let taken = world.build("-t oci:taken");
    assert_ne!(taken.code, 0);
    assert_eq!(fs::read_dir(world.folder.path().join("taken")).unwrap().count(), 1);

    // A catalog without the channel that it calls its default.
    let broken = String::from_utf8(write::yaml_stream(&catalog("custom"))).unwrap();
    world
        .folder
        .write("catalog/any/name.yaml", broken.replace("defaultChannel: fast", "defaultChannel: slow"));
    let invalid = world.build(&format!("-t {name}:v1 --push"));
    assert_eq!((invalid.code, invalid.stdout.as_str()), (10, ""), "{}", invalid.stderr);
    assert_eq!(registry.changes(), 0);
}

#[test]
fn a_base_without_opm_is_refused() {
    let world = World::new(false);
    let scratch = upstream(&world.base, false);
    let mut manifest: Value = serde_json::from_slice(scratch.bytes()).unwrap();
    let config = manifest["config"]["digest"].as_str().unwrap().parse::<Digest>().unwrap();
    let config = fs::read(world.base.path().join("blobs/sha256").join(config.hex())).unwrap();
    let mut config: Value = serde_json::from_slice(&config).unwrap();
    manifest["layers"].as_array_mut().unwrap().remove(0);
    config["rootfs"]["diff_ids"].as_array_mut().unwrap().remove(0);
    config["history"].as_array_mut().unwrap().remove(0);
    let config = config.to_string().into_bytes();
    manifest["config"]["digest"] = json!(world.base.blob(&config));
    manifest["config"]["size"] = json!(config.len());
    let manifest = RawManifest::new(manifest.to_string().into_bytes(), None).unwrap();
    world.base.blob(manifest.bytes());
    world.base.index(&[("base", &manifest)]);
    let ended = world.build("-t oci:out");
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("has no `/bin/opm`"), "{}", ended.stderr);
}

#[test]
fn a_catalog_begins_with_its_package() {
    let folder = Folder::new();
    folder.write("README.md", "What it *is*\n");
    folder.write("icon.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
    let made = folder.run(
        "catalog init custom --default-channel fast --description README.md --icon icon.svg --format yaml",
    );
    assert_eq!((made.code, made.stderr.as_str()), (0, ""));
    let rest = String::from_utf8(write::yaml_stream(&catalog("custom"))).unwrap();
    let (_, rest) = rest.split_once("schema: olm.package\n").unwrap();
    folder.write("catalog/index.yaml", format!("{}{rest}", made.stdout));
    let valid = folder.run("catalog validate catalog");
    assert_eq!(valid.code, 0, "{}", valid.stderr);
    let refused = folder.run("catalog init custom --default-channel fast --icon README.md");
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
    assert!(refused.stderr.contains("neither SVG, PNG, JPEG nor GIF"), "{}", refused.stderr);
}
