//! The small world is the same in every run, hangs together, and reads as what it claims to be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::catalog::image::LayerFiles;
use crate::catalog::registry_v1;
use crate::catalog::{Catalog, load};
use crate::demo::{Belongings, Generation, Image, ImageSize, Published, StandIns, World};
use crate::digest::Digest;
use crate::finding::has_errors;
use crate::limits::LIMITS;
use crate::oci::{ManifestView, media};
use crate::reference::{ImageRef, PinnedRef};
use crate::site::Site;
use crate::site::cluster::ClusterDump;

fn world(generation: Generation) -> World {
    World::generation(generation, ImageSize::SMALL).unwrap()
}

/// The files of an image below a folder, read as any reader of images does it.
fn files(image: &Image, folder: &str) -> BTreeMap<String, Arc<[u8]>> {
    let ManifestView::Image(view) = image.manifest.view(&LIMITS).unwrap() else { panic!("an index") };
    let mut files = LayerFiles::new([folder]);
    for layer in &view.layers {
        let blob = image.blobs.iter().find(|blob| blob.digest == layer.digest).unwrap();
        files.apply(blob.bytes.as_slice(), layer, &LIMITS).unwrap();
    }
    files.files(folder).unwrap()
}

fn published<'w>(world: &'w World, image: &PinnedRef) -> Option<&'w Published> {
    world
        .published()
        .iter()
        .find(|one| one.repository == image.repository && one.image.digest() == image.digest)
}

fn catalog(world: &World) -> Catalog {
    let digest = world.resolve(world.catalog()).unwrap();
    let image = published(world, &world.catalog().repository.pin(digest)).unwrap();
    let files = files(&image.image, "configs");
    let loaded = load(files.into_iter().map(|(path, bytes)| (path, bytes.to_vec())), &LIMITS);
    assert_eq!(loaded.findings, []);
    loaded.catalog
}

/// Every image that the catalog names is published, by digest.
fn hangs_together(world: &World) {
    for bundle in catalog(world).packages.values().flat_map(|package| package.bundles.values()) {
        let related = bundle.related_images.iter().map(|related| related.image.as_str());
        for image in related.chain([bundle.image.as_str()]) {
            let image: PinnedRef = image.parse().unwrap();
            assert!(published(world, &image).is_some(), "{image} of {}", bundle.name);
        }
    }
}

fn csv(world: &World, name: &str) -> serde_json::Value {
    let catalog = catalog(world);
    let mut bundles = catalog.packages.values().flat_map(|package| package.bundles.values());
    let image = bundles.find(|bundle| bundle.name == name).unwrap().image.parse().unwrap();
    let manifests = files(&published(world, &image).unwrap().image, "manifests");
    registry_v1::csv(&manifests, "manifests/", &LIMITS).unwrap()
}

fn digests(world: &World) -> BTreeSet<Digest> {
    world.published().iter().map(|one| one.image.digest()).collect()
}

#[test]
fn the_same_world_comes_out_every_time() {
    assert_eq!(digests(&world(Generation::First)), digests(&world(Generation::First)));
    assert_eq!(world(Generation::First).bytes(), world(Generation::First).bytes());
    // What does not change from one generation to the next keeps its digest.
    let both = digests(&world(Generation::First)).intersection(&digests(&world(Generation::Second))).count();
    assert_eq!(both, 6, "devworkspace 0.21.0, self-node-remediation and the additional image");
}

#[test]
fn every_image_that_a_catalog_names_is_there() {
    hangs_together(&world(Generation::First));
    hangs_together(&world(Generation::Second));
    hangs_together(&World::incumbent(ImageSize::SMALL).unwrap());
}

#[test]
fn the_second_index_lost_an_edge_that_the_bundle_still_has() {
    let second = world(Generation::Second);
    let entries = |world: &World| {
        let channel = &catalog(world).packages["web-terminal"].channels["fast"];
        let edge =
            |entry: &crate::catalog::Entry| (entry.name.clone(), entry.replaces.clone().unwrap_or_default());
        channel.entries.iter().map(edge).collect::<Vec<_>>()
    };
    let edge = |name: &str, replaces: &str| (name.to_owned(), replaces.to_owned());
    assert_eq!(
        entries(&world(Generation::First)),
        [
            edge("web-terminal.v1.7.0", "web-terminal.v1.6.0"),
            edge("web-terminal.v1.8.0", "web-terminal.v1.7.0"),
            edge("web-terminal.v1.9.0", "web-terminal.v1.8.0"),
        ]
    );
    assert_eq!(
        entries(&second),
        [edge("web-terminal.v1.10.0", ""), edge("web-terminal.v1.11.0", "web-terminal.v1.10.0")]
    );
    assert_eq!(csv(&second, "web-terminal.v1.10.0")["spec"]["replaces"], "web-terminal.v1.9.0");
}

#[test]
fn images_come_in_every_shape() {
    let world = world(Generation::First);
    let kinds: BTreeSet<&str> = world.published().iter().map(|one| one.image.manifest.media_type()).collect();
    assert_eq!(kinds, BTreeSet::from([media::OCI_MANIFEST, media::OCI_INDEX, media::DOCKER_MANIFEST]));
    let signatures =
        world.published().iter().flat_map(|one| &one.tags).filter(|tag| tag.as_str().starts_with("sha256-"));
    assert_eq!(signatures.count(), 3);
    for one in world.published() {
        match one.image.manifest.view(&LIMITS).unwrap() {
            ManifestView::Index(index) => assert_eq!(index.manifests.len(), one.image.children.len()),
            ManifestView::Image(image) => {
                for wanted in image.layers.iter().chain([&image.config]) {
                    let blob = one.image.blobs.iter().find(|blob| blob.digest == wanted.digest).unwrap();
                    assert_eq!(
                        (Digest::of(&blob.bytes), blob.bytes.len() as u64),
                        (wanted.digest, wanted.size)
                    );
                }
            }
        }
    }
}

#[test]
fn what_the_user_has_is_readable() {
    let host = |port: u16| format!("127.0.0.1:{port}").parse().unwrap();
    for generation in [Generation::First, Generation::Second] {
        let upstream = world(generation);
        let files = Belongings::new(generation, &upstream, &host(1), &host(2), &host(3));
        let (request, findings) = crate::imageset::parse(files.imageset.as_bytes(), "imageset.yaml", &LIMITS);
        assert!(request.is_some() && !has_errors(&findings), "{findings:?}");
        let (site, findings) = Site::parse(files.site.as_bytes(), "site.yaml", &LIMITS);
        assert!(findings.is_empty(), "{findings:?}");
        assert!(site.unwrap().catalog(upstream.catalog()).is_some());
        let (mut cluster, findings) = ClusterDump::parse(files.csvs.as_bytes(), "csvs.json");
        assert!(findings.is_empty(), "{findings:?}");
        let (subscriptions, findings) =
            ClusterDump::parse(files.subscriptions.as_bytes(), "subscriptions.json");
        assert!(findings.is_empty(), "{findings:?}");
        cluster.merge(subscriptions);
        let installed: Vec<String> = cluster.installed().into_iter().map(|operator| operator.name).collect();
        let mut expected = Belongings::installed(generation);
        expected.sort_unstable();
        assert_eq!(installed, expected);
        let conf =
            "[[registry]]\nprefix = \"registry.redhat.io\"\nlocation = \"127.0.0.1:1\"\ninsecure = true\n";
        assert_eq!(files.registries_conf, conf);
    }
}

const REAL: &str = r#"{"schema":"olm.package","name":"op","defaultChannel":"fast"}
{"schema":"olm.channel","package":"op","name":"alpha","entries":[{"name":"op.v1.1.0"}]}
{"schema":"olm.channel","package":"op","name":"fast","entries":[{"name":"op.v1.0.0"},
  {"name":"op.v1.1.0","replaces":"op.v1.0.0","skips":["op.v1.0.1"],"skipRange":">=1.0.0 <1.1.0"}]}
{"schema":"olm.bundle","package":"op","name":"op.v1.0.0","image":"quay.io/op/bundle:v1",
  "properties":[{"type":"olm.package","value":{"packageName":"op","version":"1.0.0"}}],
  "relatedImages":[{"name":"a","image":"quay.io/op/manager:next"},{"name":"","image":"quay.io/op/bundle:v1"}],
  "note":"see quay.io/op/manager:next-door and quay.io/op/manager:next"}
{"schema":"olm.bundle","package":"op","name":"op.v1.1.0","image":"quay.io/op/bundle:v1.1",
  "properties":[{"type":"olm.package","value":{"packageName":"op","version":"1.1.0"}},
    {"type":"olm.package.required","value":{"packageName":"dep","versionRange":">=1"}},
    {"type":"olm.gvk","value":{"group":"op.example","kind":"Thing","version":"v1"}}],
  "relatedImages":[{"name":"a","image":"quay.io/op/manager:next"},
    {"name":"b","image":"registry.example/b@sha256:0000000000000000000000000000000000000000000000000000000000000000"}]}
"#;

#[test]
fn stand_ins_take_the_place_of_every_reference_and_of_nothing_else() {
    let files = [("op/catalog.json".to_owned(), REAL.as_bytes().to_vec())];
    let stand_ins = StandIns::of(&files, ImageSize::SMALL).unwrap();
    assert_eq!(stand_ins.replaced().len(), 4);
    let mut expected = REAL.to_owned();
    let pin = |written: &str| stand_ins.replaced()[written].to_string();
    for written in ["quay.io/op/manager:next", "quay.io/op/bundle:v1", "quay.io/op/bundle:v1.1"] {
        expected = expected.replace(&format!("\"{written}\""), &format!("\"{}\"", pin(written)));
    }
    let by_digest = format!("registry.example/b@sha256:{}", "0".repeat(64));
    expected = expected.replace(&by_digest, &pin(&by_digest));
    expected = expected
        .replace("and quay.io/op/manager:next\"", &format!("and {}\"", pin("quay.io/op/manager:next")));
    assert_eq!(String::from_utf8(stand_ins.files()[0].1.clone()).unwrap(), expected);

    let at: ImageRef = "registry.example/index:v1".parse().unwrap();
    let world = stand_ins.published_as(&at, ImageSize::SMALL).unwrap();
    hangs_together(&world);
    let csv = csv(&world, "op.v1.1.0");
    assert_eq!(csv["spec"]["version"], "1.1.0");
    assert_eq!(csv["spec"]["replaces"], "op.v1.0.0");
    assert_eq!(csv["spec"]["skips"], serde_json::json!(["op.v1.0.1"]));
    assert_eq!(csv["metadata"]["annotations"]["olm.skipRange"], ">=1.0.0 <1.1.0");
    assert_eq!(csv["spec"]["relatedImages"].as_array().unwrap().len(), 2);
}

#[test]
fn a_bundle_may_declare_an_edge_that_its_catalog_lost() {
    let files = |text: &str| [("catalog.json".to_owned(), text.as_bytes().to_vec())];
    let cut = REAL.replace("\"replaces\":\"op.v1.0.0\",", "");
    let stand_ins = StandIns::with_declared(&files(&cut), &files(REAL), ImageSize::SMALL).unwrap();
    let at: ImageRef = "registry.example/index:v1".parse().unwrap();
    let world = stand_ins.published_as(&at, ImageSize::SMALL).unwrap();
    assert_eq!(catalog(&world).packages["op"].channels["fast"].entry("op.v1.1.0").unwrap().replaces, None);
    assert_eq!(csv(&world, "op.v1.1.0")["spec"]["replaces"], "op.v1.0.0");
}
