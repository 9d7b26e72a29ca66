//! Payloads inside images: the real manifests of 4.12.0, one architecture and several, and images that are none.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::{Arc, Mutex};

use ombundle::demo::{File, Image, Layer, Recipe};
use ombundle::digest::Digest;
use ombundle::event::Silent;
use ombundle::fault::{AnyFault, Exit};
use ombundle::flow::catalog_image::ImageSource;
use ombundle::flow::release_image::{Depth, ReleaseImage, read_release};
use ombundle::limits::LIMITS;
use ombundle::oci::{Descriptor, Platform, RawManifest};
use ombundle::release::{PayloadAsk, ReleasePayload};
use serde_json::json;

use crate::support::shared;

/// Images in memory, as a registry would give them.
#[derive(Default)]
struct Images {
    manifests: BTreeMap<Digest, RawManifest>,
    blobs: BTreeMap<Digest, Arc<[u8]>>,
    /// The blobs that were asked for, in order.
    read: Mutex<Vec<Digest>>,
}

impl Images {
    fn add(&mut self, image: &Image) -> Digest {
        self.manifests.insert(image.digest(), image.manifest.clone());
        for blob in &image.blobs {
            self.blobs.insert(blob.digest, blob.bytes.clone().into());
        }
        for child in &image.children {
            self.add(child);
        }
        image.digest()
    }
}

impl ImageSource for Images {
    fn manifest(&self, digest: Digest) -> Result<Option<RawManifest>, AnyFault> {
        Ok(self.manifests.get(&digest).cloned())
    }

    fn blob(&self, blob: &Descriptor) -> Result<Box<dyn Read + '_>, AnyFault> {
        self.read.lock().unwrap().push(blob.digest);
        Ok(Box::new(&*self.blobs[&blob.digest]))
    }

    fn name(&self) -> String {
        "quay.io/openshift-release-dev/ocp-release".to_owned()
    }
}

fn ask(digest: Digest, version: &str) -> PayloadAsk {
    PayloadAsk {
        image: format!("quay.io/openshift-release-dev/ocp-release@{digest}").parse().unwrap(),
        version: Some(version.parse().unwrap()),
        without: BTreeSet::new(),
        kubevirt: false,
    }
}

fn read(images: &Images, ask: &PayloadAsk, platforms: &[&str]) -> Result<ReleaseImage, AnyFault> {
    let platforms: Vec<Platform> = platforms.iter().map(|platform| platform.parse().unwrap()).collect();
    read_release(images, ask, &platforms, Depth::Whole, &Silent, &LIMITS)
}

/// Manifests of a release with these components.
fn manifests(version: &str, components: &[&str]) -> Vec<File> {
    let tag = |name: &&str| {
        let image = format!("quay.io/openshift-release-dev/ocp-v4.0-art-dev@{}", Digest::of(name.as_bytes()));
        json!({"name": name, "from": {"kind": "DockerImage", "name": image}})
    };
    let tags: Vec<_> = components.iter().map(tag).collect();
    let references = json!({"kind": "ImageStream", "metadata": {"name": version}, "spec": {"tags": tags}});
    let metadata = json!({"kind": "cincinnati-metadata-v0", "version": version});
    vec![
        File::new("release-manifests/image-references", references.to_string()),
        File::new("release-manifests/release-metadata", metadata.to_string()),
    ]
}

fn image(layers: &[Vec<File>]) -> Image {
    let layers = layers.iter().map(|files| Layer::of(files).unwrap()).collect();
    Image::build(&Recipe::of(layers)).unwrap()
}

fn names(payload: &ReleasePayload) -> Vec<&str> {
    payload.components.iter().map(|component| component.name.as_str()).collect()
}

#[test]
fn the_real_manifests_of_a_release_are_read_out_of_its_layers() {
    let Some(data) = shared::data() else { return };
    let folder = data.join("release/ocp-4.12.0-x86_64/release-manifests");
    let file = |name: &str| {
        File::new(format!("release-manifests/{name}"), std::fs::read(folder.join(name)).unwrap())
    };
    let base = vec![
        File::noise("usr/bin/cluster-version-operator", "operator", 300_000),
        File::new("etc/os-release", "x"),
    ];
    let mut images = Images::default();
    let digest = images.add(&image(&[base, vec![file("image-references"), file("release-metadata")]]));
    let found = read(&images, &ask(digest, "4.12.0"), &[]).unwrap();
    assert_eq!(found.findings, []);
    assert_eq!(found.payload.components.len(), 183);
    assert_eq!(found.payload.metadata.previous.len(), 21);
    assert_eq!(found.payload.components[0].name, "agent-installer-api-server");
    assert_eq!(
        found.payload.components[0].image.to_string(),
        "quay.io/openshift-release-dev/ocp-v4.0-art-dev@sha256:f30638f60452062aba36a26ee6c036feead2f03b28f2c47f2b0a991e4182331e"
    );
    assert_eq!(found.root.digest(), digest);
    let error = read(&images, &ask(digest, "4.12.1"), &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("quay.io/openshift-release-dev/ocp-release@{digest} is release 4.12.0, not 4.12.1")
    );
    assert_eq!(error.exit(), Exit::Integrity);
}

/// Whoever wants the components only reads what names them, and gets what all layers together say.
#[test]
fn the_upper_layers_name_the_components() {
    let program = |name: &str| vec![File::noise(format!("usr/bin/{name}"), name, 5_000)];
    let all = || manifests("4.20.5", &["a", "b"]);
    let references = || vec![manifests("4.20.5", &["a", "c"]).remove(0)];
    let hidden = |name: &str| vec![File::new(format!("release-manifests/{name}"), "")];
    for (what, layers, read_layers, expected) in [
        ("at the top", vec![program("x"), program("y"), all()], vec![2], Some(["a", "b"])),
        ("in the middle", vec![program("x"), all(), program("y")], vec![2, 1, 2], Some(["a", "b"])),
        ("at the bottom", vec![all(), program("x")], vec![1, 0, 1], Some(["a", "b"])),
        (
            "one replaced",
            vec![all(), program("x"), program("y"), references()],
            vec![3, 2, 3, 0, 1, 2, 3],
            Some(["a", "c"]),
        ),
        ("one hidden", vec![all(), hidden(".wh.release-metadata")], vec![1, 0, 1], None),
        (
            "all hidden, one back",
            vec![all(), hidden(".wh..wh..opq"), references()],
            vec![2, 1, 2, 0, 1, 2],
            None,
        ),
    ] {
        let mut images = Images::default();
        let image = image(&layers);
        let digest = images.add(&image);
        let ask = ask(digest, "4.20.5");
        let result = |depth| {
            let read = read_release(&images, &ask, &[], depth, &Silent, &LIMITS);
            read.map(|found| found.payload.components).map_err(|fault| fault.to_string())
        };
        let found = result(Depth::Components);
        // The config comes first.
        let at = |digest: &Digest| image.blobs.iter().position(|blob| blob.digest == *digest).unwrap() - 1;
        let asked: Vec<usize> = images.read.lock().unwrap().iter().map(at).collect();
        assert_eq!(asked, read_layers, "{what}");
        assert_eq!(found, result(Depth::Whole), "{what}");
        let named = found.ok().map(|all| all.into_iter().map(|one| one.name).collect::<Vec<_>>());
        assert_eq!(named, expected.map(|names| names.map(str::to_owned).to_vec()), "{what}");
    }
}

#[test]
fn later_layers_have_the_last_word() {
    let mut images = Images::default();
    let digest = images.add(&image(&[
        manifests("4.20.4", &["old"]),
        vec![File::new("release-manifests/.wh..wh..opq", "")],
        manifests("4.20.5", &["a", "b"]),
    ]));
    let found = read(&images, &ask(digest, "4.20.5"), &[]).unwrap();
    assert_eq!(names(&found.payload), ["a", "b"]);
    let digest = images.add(&image(&[
        manifests("4.20.5", &["a"]),
        vec![File::new("release-manifests/.wh.image-references", "")],
    ]));
    let error = read(&images, &ask(digest, "4.20.5"), &[]).unwrap_err();
    assert!(
        error.to_string().ends_with("is no release image: it has no `release-manifests/image-references`"),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("oc adm release info"));
}

#[test]
fn a_release_for_several_architectures_is_read_for_those_that_are_wanted() {
    let mut images = Images::default();
    let (amd64, arm64) =
        (image(&[manifests("4.20.5", &["a", "b"])]), image(&[manifests("4.20.5", &["a", "b", "arm"])]));
    let index =
        Image::index(vec![("linux/amd64".parse().unwrap(), amd64), ("linux/arm64".parse().unwrap(), arm64)]);
    let digest = images.add(&index.unwrap());
    let ask = ask(digest, "4.20.5");
    let one = read(&images, &ask, &["linux/amd64"]).unwrap();
    assert_eq!((names(&one.payload), one.images.len(), one.findings), (vec!["a", "b"], 1, vec![]));
    for platforms in [&[][..], &["linux/amd64", "linux/arm64"]] {
        let both = read(&images, &ask, platforms).unwrap();
        assert_eq!((names(&both.payload), both.images.len()), (vec!["a", "arm", "b"], 2));
        let codes: Vec<_> = both.findings.iter().map(|found| found.code.as_str()).collect();
        assert_eq!(codes, ["RELEASE_ARCHITECTURES_DIFFER"]);
    }
    let error = read(&images, &ask, &["linux/amd64", "linux/s390x"]).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "quay.io/openshift-release-dev/ocp-release@{digest} is not made for linux/s390x; it is for linux/amd64, linux/arm64"
        )
    );
}

#[test]
fn bytes_that_are_not_the_images_are_refused() {
    let mut images = Images::default();
    let digest = images.add(&image(&[manifests("4.20.5", &["a"])]));
    let layer = images.blobs.keys().copied().max_by_key(|key| images.blobs[key].len()).unwrap();
    let mut damaged = images.blobs[&layer].to_vec();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    images.blobs.insert(layer, damaged.into());
    assert_eq!(read(&images, &ask(digest, "4.20.5"), &[]).unwrap_err().exit(), Exit::Integrity);
    let gone = read(&images, &ask(Digest::of(b"nothing"), "4.20.5"), &[]).unwrap_err();
    assert!(gone.to_string().contains("GET quay.io/openshift-release-dev/ocp-release@sha256:"), "{gone}");
}
