//! Stock clients: skopeo and umoci as Debian ships them.

use std::path::Path;
use std::process::Command;

use super::http::Registry;

/// Runs a program to its end and gives what it wrote.
fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn skopeo(arguments: &[&str]) -> String {
    run("skopeo", &[&["--insecure-policy"], arguments].concat())
}

/// An image layout with the tags `one` and `two`, made by umoci.
fn layout(folder: &Path) -> String {
    let layout = folder.join("layout").to_str().unwrap().to_owned();
    let root = folder.join("content");
    std::fs::create_dir(&root).unwrap();
    run("umoci", &["init", "--layout", &layout]);
    for (tag, size) in [("one", 2_000_000), ("two", 10)] {
        let image = format!("{layout}:{tag}");
        let file = root.join(tag);
        let bytes: Vec<u8> = (0..size).map(|n: u32| n.wrapping_mul(2_654_435_761).to_le_bytes()[2]).collect();
        std::fs::write(&file, bytes).unwrap();
        run("umoci", &["new", "--image", &image]);
        run("umoci", &["insert", "--rootless", "--image", &image, file.to_str().unwrap(), "/content"]);
    }
    layout
}

fn blobs(layout: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(layout.join("blobs/sha256"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn skopeo_copies_in_and_out_and_deletes() {
    let registry = Registry::start();
    let folder = tempfile::tempdir().unwrap();
    let layout = layout(folder.path());
    let base = format!("docker://{}", registry.address());
    let (to_registry, from_registry) = ("--dest-tls-verify=false", "--src-tls-verify=false");
    let oci = format!("{base}/deep/er/oci:v1");
    let docker = format!("{base}/docker:v1");
    skopeo(&["copy", "-q", to_registry, &format!("oci:{layout}:one"), &oci]);
    skopeo(&["copy", "-q", to_registry, "--format", "v2s2", &format!("oci:{layout}:two"), &docker]);
    skopeo(&["copy", "-q", from_registry, to_registry, &oci, &format!("{base}/mounted:v2")]);

    let raw = skopeo(&["inspect", "--tls-verify=false", "--raw", &docker]);
    let raw: serde_json::Value = serde_json::from_str(&raw).unwrap();
    assert_eq!(raw["mediaType"], ombundle::oci::media::DOCKER_MANIFEST);
    let tags = skopeo(&["list-tags", "--tls-verify=false", &format!("{base}/deep/er/oci")]);
    let tags: serde_json::Value = serde_json::from_str(&tags).unwrap();
    assert_eq!(tags["Tags"], serde_json::json!(["v1"]));

    // What comes out is bit for bit what went in.
    let back = folder.path().join("back");
    skopeo(&["copy", "-q", from_registry, &oci, &format!("oci:{}:one", back.display())]);
    let came = blobs(&back);
    assert_eq!(came.len(), 3);
    assert!(came.iter().all(|name| blobs(Path::new(&layout)).contains(name)));

    skopeo(&["delete", "--tls-verify=false", &docker]);
    let gone = registry.fetch("/v2/docker/manifests/v1");
    assert_eq!((gone.status, gone.code().as_str()), (404, "MANIFEST_UNKNOWN"));
    assert_eq!(registry.fetch("/v2/docker/tags/list").json()["tags"], serde_json::json!([]));
}

#[test]
fn skopeo_copies_an_index_with_all_its_images() {
    let registry = Registry::start();
    let folder = tempfile::tempdir().unwrap();
    let layout = layout(folder.path());
    // An index over both images, written into the layout as `multi`.
    let index_json = Path::new(&layout).join("index.json");
    let mut index: serde_json::Value = serde_json::from_slice(&std::fs::read(&index_json).unwrap()).unwrap();
    let mut entries = index["manifests"].as_array().unwrap().clone();
    for (entry, architecture) in entries.iter_mut().zip(["amd64", "arm64"]) {
        entry["platform"] = serde_json::json!({"os": "linux", "architecture": architecture});
        entry.as_object_mut().unwrap().remove("annotations");
    }
    let media_type = ombundle::oci::media::OCI_INDEX;
    let multi =
        serde_json::json!({"schemaVersion": 2, "mediaType": media_type, "manifests": entries}).to_string();
    let digest = ombundle::digest::Digest::of(multi.as_bytes());
    std::fs::write(Path::new(&layout).join("blobs/sha256").join(digest.hex()), &multi).unwrap();
    index["manifests"].as_array_mut().unwrap().push(serde_json::json!({
        "mediaType": media_type, "digest": digest, "size": multi.len(),
        "annotations": {"org.opencontainers.image.ref.name": "multi"},
    }));
    std::fs::write(&index_json, index.to_string()).unwrap();

    let there = format!("docker://{}/multi:v1", registry.address());
    skopeo(&["copy", "-q", "--all", "--dest-tls-verify=false", &format!("oci:{layout}:multi"), &there]);
    assert_eq!(skopeo(&["inspect", "--tls-verify=false", "--raw", &there]), multi);
    let back = folder.path().join("back");
    let target = format!("oci:{}:multi", back.display());
    skopeo(&["copy", "-q", "--all", "--src-tls-verify=false", &there, &target]);
    // The index, and manifest, config and layer of each image.
    let came = blobs(&back);
    assert_eq!(came.len(), 7);
    assert!(came.iter().all(|name| blobs(Path::new(&layout)).contains(name)));
}

#[test]
fn memory_stays_flat_under_large_blobs() {
    let registry = Registry::start();
    let before = peak_bytes();
    let blob = vec![0x5a; 64 << 20];
    let digest = ombundle::digest::Digest::of(&blob);
    std::thread::scope(|scope| {
        for number in 0..4 {
            let (registry, blob) = (&registry, &blob);
            scope.spawn(move || {
                use std::io::{Read as _, Write as _};
                let mut stream = super::http::connect(registry.address());
                let head = format!(
                    "POST /v2/a{number}/blobs/uploads/?digest={digest} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                    blob.len()
                );
                stream.write_all(head.as_bytes()).unwrap();
                stream.write_all(blob).unwrap();
                assert_eq!(super::http::answer(&mut stream).status, 201);
                let mut stream = super::http::connect(registry.address());
                let head =
                    format!("GET /v2/a{number}/blobs/{digest} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
                stream.write_all(head.as_bytes()).unwrap();
                let mut count = 0;
                let mut buffer = vec![0; 64 << 10];
                loop {
                    match stream.read(&mut buffer).unwrap() {
                        0 => break,
                        read => count += read,
                    }
                }
                assert!(count > blob.len());
            });
        }
    });
    // The blob itself is ours; the server, and tests in other threads, may add some buffers, and not another blob.
    let grown = peak_bytes() - before;
    assert!(grown < (64 << 20) + (48 << 20), "the peak grew by {grown} bytes");
}

/// The most memory that this process ever had.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}
