//! The cache: what planning downloaded is not downloaded again, and nothing in it is believed.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use ombundle::demo::{Belongings, Generation, World};
use ombundle::digest::Digest;
use ombundle::plan::{ImageKind, Plan};

use super::stage::{Ran, Stage, client, run};
use crate::support::peer::{Peer, forward};

/// Upstream behind a peer that counts, and a cache beside the user's folder.
struct Scene {
    stage: Stage,
    peer: Peer,
    cache: tempfile::TempDir,
}

/// What was asked of upstream, without looking whether something is there.
#[derive(Debug, Default, PartialEq, Eq)]
struct Downloads {
    blobs: usize,
    manifests: usize,
}

impl Scene {
    fn new() -> Self {
        let stage = Stage::new(Generation::First);
        let host = stage.registry.host().to_string();
        let peer = Peer::start(move |asked| forward(asked, &host));
        stage.source_is(&peer.host());
        Self { stage, peer, cache: tempfile::tempdir().unwrap() }
    }

    /// Runs the program with the cache in its usual place.
    fn run(&self, arguments: &[&str]) -> (Ran, Downloads) {
        let mut command = self.stage.command(arguments);
        command.env_remove("OMBUNDLE_CACHE_DIR").env("XDG_CACHE_HOME", self.cache.path());
        let before = self.downloads();
        let ran = run(command);
        let after = self.downloads();
        let new =
            Downloads { blobs: after.blobs - before.blobs, manifests: after.manifests - before.manifests };
        (ran, new)
    }

    fn downloads(&self) -> Downloads {
        let found = |asked: &&crate::support::peer::Asked, part: &str| asked.is("GET", part);
        let all = self.peer.asked();
        // Signatures are asked for by tags that mostly do not exist.
        let attached = |path: &str| path.contains("/manifests/sha256-");
        Downloads {
            blobs: all.iter().filter(|asked| found(asked, "/blobs/")).count(),
            manifests: all
                .iter()
                .filter(|asked| found(asked, "/manifests/") && !attached(&asked.path))
                .count(),
        }
    }

    fn plan(&self, output: &str) -> Downloads {
        let line = ["plan", "-c", "imageset.yaml", "-o", output];
        let installed: Vec<String> = Belongings::installed(Generation::First)
            .iter()
            .flat_map(|name| ["--installed".to_owned(), (*name).to_owned()])
            .collect();
        let installed: Vec<&str> = installed.iter().map(String::as_str).collect();
        let (ran, downloads) = self.run(&[&line[..], &installed].concat());
        ran.ended(0);
        downloads
    }

    fn pack(&self, output: &str) -> Downloads {
        let line = ["pack", "--plan", "plan.json", "--key", "signer.key", "-o", output];
        let (ran, downloads) = self.run(&line);
        ran.ended(0);
        self.stage.verify(output).ended(0);
        downloads
    }

    fn read_plan(&self, name: &str) -> Plan {
        Plan::parse(&self.stage.read(name), &ombundle::limits::LIMITS).unwrap()
    }

    fn kept(&self) -> Vec<PathBuf> {
        let folder = self.cache.path().join("ombundle/sha256");
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
    }
}

/// Digests of the layers and configs of images, and of the bundles among them.
fn blobs(plan: &Plan) -> (BTreeSet<Digest>, BTreeSet<Digest>) {
    let of = |images: Vec<&ombundle::plan::PlannedImage>| {
        images.iter().flat_map(|image| image.blobs.iter().map(|blob| blob.digest)).collect()
    };
    let read = |kind| matches!(kind, ImageKind::Bundle | ImageKind::CatalogBase);
    (
        of(plan.images.iter().filter(|image| read(image.kind)).collect()),
        of(plan.images.iter().filter(|image| !read(image.kind)).collect()),
    )
}

#[test]
fn what_planning_downloads_is_downloaded_once() {
    let scene = Scene::new();
    let first = scene.plan("first.json");
    assert!(first.blobs > 5 && first.manifests > 5, "{first:?}");
    let plan = scene.read_plan("first.json");

    // The second plan asks for tags, and looks whether the images are still there.
    let by_tag = 1 + plan.images.iter().filter(|image| image.kind == ImageKind::Additional).count();
    assert_eq!(scene.plan("plan.json"), Downloads { blobs: 0, manifests: by_tag });
    let looked: BTreeSet<String> = scene
        .peer
        .asked()
        .into_iter()
        .filter(|asked| asked.method == "HEAD")
        .map(|asked| asked.path)
        .collect();
    for image in
        plan.images.iter().filter(|image| matches!(image.kind, ImageKind::Bundle | ImageKind::Related))
    {
        let path = format!("/v2/{}/manifests/{}", image.source.repository, image.root.digest);
        assert!(looked.contains(&path), "{path}");
    }

    // Packing downloads what planning had no need to read, and keeps nothing of it: no byte is stored twice.
    let (read, unread) = blobs(&plan);
    let packed = scene.pack("cached.ombundle");
    assert_eq!(packed, Downloads { blobs: unread.difference(&read).count(), manifests: 0 });
    let kept: BTreeSet<Digest> = scene
        .kept()
        .iter()
        .map(|path| Digest::from_hex(path.file_name().unwrap().to_str().unwrap()).unwrap())
        .collect();
    assert!(unread.difference(&read).all(|digest| !kept.contains(digest)));

    // It is the same archive as without, which takes as many requests as the plan said.
    let plan = scene.read_plan("plan.json");
    let before = scene.downloads();
    scene.stage.pack("plain.ombundle", &[]).ended(0);
    let after = scene.downloads();
    let requests = after.blobs + after.manifests - before.blobs - before.manifests;
    assert_eq!(requests as u64, plan.requests);
    assert_eq!(scene.stage.read("cached.ombundle"), scene.stage.read("plain.ombundle"));
}

#[test]
fn what_upstream_has_lost_is_told_though_it_is_known() {
    let scene = Scene::new();
    scene.plan("plan.json");
    let plan = scene.read_plan("plan.json");
    let image = plan.images.iter().find(|image| image.kind == ImageKind::Related).unwrap();
    let here = scene.stage.registry.repository(image.source.repository.as_str());
    assert!(client().delete_manifest(&here, image.root.digest).unwrap());
    let (ran, _) = scene.run(&["plan", "-c", "imageset.yaml", "-o", "new.json"]);
    let ran = ran.ended(6);
    assert!(ran.stderr.contains(&format!("error[IMAGE_MISSING]: {}@{}", image.source, image.root.digest)));
}

#[test]
fn a_tag_is_never_remembered() {
    let scene = Scene::new();
    scene.plan("plan.json");
    let before = scene.read_plan("plan.json").catalogs[0].digest;
    let second = World::generation(Generation::Second, super::stage::SIZE).unwrap();
    second.push(&client(), &scene.stage.registry.host()).unwrap();
    let (ran, _) = scene.run(&["plan", "-c", "imageset.yaml", "--format", "json"]);
    let plan: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_ne!(plan["catalogs"][0]["digest"], before.to_string());
}

#[test]
fn a_cache_that_somebody_damaged_costs_downloads_and_nothing_else() {
    let scene = Scene::new();
    let first = scene.plan("plan.json");
    let good = scene.stage.read("plan.json");
    let damage: [&dyn Fn(&PathBuf); 3] = [
        &|path| {
            let mut bytes = std::fs::read(path).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            std::fs::write(path, bytes).unwrap();
        },
        &|path| std::fs::write(path, "").unwrap(),
        &|path| {
            let foreign = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
            std::fs::write(path, foreign).unwrap();
        },
    ];
    for (number, damage) in damage.iter().enumerate() {
        scene.kept().iter().for_each(damage);
        let name = format!("again-{number}.json");
        assert_eq!(scene.plan(&name), first);
        // The base is of another second.
        let images = |plan: Plan| -> Vec<_> {
            plan.images.into_iter().filter(|image| image.kind != ImageKind::CatalogBase).collect()
        };
        let old = Plan::parse(&good, &ombundle::limits::LIMITS).unwrap();
        assert_eq!(images(old), images(scene.read_plan(&name)));
    }
    scene.kept().iter().for_each(damage[0]);
    scene.pack("a.ombundle");
}

#[test]
fn only_its_owner_reads_it_and_processes_share_it() {
    let scene = Scene::new();
    let folder = scene.cache.path().join("mine");
    let line = ["plan", "-c", "imageset.yaml", "--cache-dir", folder.to_str().unwrap(), "--format", "json"];
    let running: Vec<_> = (0..4).map(|_| super::stage::Running::start(scene.stage.command(&line))).collect();
    let printed: BTreeSet<String> = running
        .into_iter()
        .map(|running| {
            let value: serde_json::Value = serde_json::from_str(&running.end().ended(0).stdout).unwrap();
            // The base is of the second in which it was planned.
            let images =
                value["images"].as_array().unwrap().iter().filter(|image| image["kind"] != "catalog-base");
            format!("{:?}", images.collect::<Vec<_>>())
        })
        .collect();
    assert_eq!(printed.len(), 1);
    let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder.join("sha256")), 0o700);
    for entry in std::fs::read_dir(folder.join("sha256")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(Digest::of(&std::fs::read(&path).unwrap()).hex(), name);
        assert_eq!(mode(path), 0o600);
    }
    // Where it was asked for and cannot be, that is an error; where it was not, it is done without.
    scene.stage.write("file", "");
    let (ran, _) = scene.run(&["plan", "-c", "imageset.yaml", "--cache-dir", "file"]);
    ran.ended(2);
    let mut command = scene.stage.command(&["plan", "-c", "imageset.yaml"]);
    command.env_remove("OMBUNDLE_CACHE_DIR").env("XDG_CACHE_HOME", scene.stage.path("file"));
    let ran = run(command).ended(0);
    assert!(ran.stderr.contains("downloads are not kept"), "{}", ran.stderr);
}
