//! The small world on a registry, looked at with stock tools; and stand-ins for real catalogs.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use ombundle::demo::{
    Audience, Belongings, DemoError, DemoOptions, Generation, ImageSize, StandIns, World, run,
};
use ombundle::digest::Digest;
use ombundle::event::Silent;
use ombundle::fault::{Exit, Fault};
use ombundle::reference::{PinnedRef, RegistryHost};
use ombundle::registry::{Client, ClientOptions, Environment};

use crate::serve::http::Registry;

fn client() -> Client {
    Client::new(ClientOptions::default(), &Environment::default(), Arc::new(Silent)).unwrap()
}

fn host(registry: &Registry) -> RegistryHost {
    registry.address().to_string().parse().unwrap()
}

fn skopeo(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("skopeo").arg("--insecure-policy").args(arguments).output().unwrap();
    assert!(output.status.success(), "skopeo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn skopeo_finds_the_world_under_its_original_names() {
    let registry = Registry::start();
    let world = World::generation(Generation::First, ImageSize::SMALL).unwrap();
    world.push(&client(), &host(&registry)).unwrap();
    let conf = registry.folder.path().join("registries.conf");
    std::fs::write(&conf, world.registries_conf(&host(&registry))).unwrap();
    let conf = conf.to_str().unwrap();
    for name in [World::CATALOG, World::ADDITIONAL] {
        let image = name.parse().unwrap();
        let raw = skopeo(&["--registries-conf", conf, "inspect", "--raw", &format!("docker://{name}")]);
        assert_eq!(Some(Digest::of(&raw)), world.resolve(&image), "{name}");
    }
    // Every image whole, indexes with all their images.
    let layout = registry.folder.path().join("layout");
    let images: BTreeSet<String> =
        world.published().iter().map(|one| one.repository.pin(one.image.digest()).to_string()).collect();
    assert_eq!(images.len(), world.published().len());
    for image in images.iter().filter(|image| !image.contains("bundle") || image.contains("web-terminal")) {
        let target = format!("oci:{}", layout.display());
        let source = format!("docker://{image}");
        skopeo(&["--registries-conf", conf, "copy", "-q", "--all", &source, &target]);
    }
}

#[test]
fn production_can_be_filled_below_a_prefix() {
    let registry = Registry::start();
    let world = World::incumbent(ImageSize::SMALL).unwrap();
    let prefix = Belongings::PREFIX.parse().unwrap();
    world.push_under(&client(), &host(&registry), &prefix).unwrap();
    let answer = registry.fetch("/v2/olm-redhat/redhat/redhat-operator-index/manifests/v4.20");
    let expected = world.resolve(world.catalog()).unwrap().to_string();
    assert_eq!((answer.status, answer.header("docker-content-digest")), (200, expected.as_str()));
    // Again: nothing is uploaded twice, nothing breaks.
    world.push_under(&client(), &host(&registry), &prefix).unwrap();
}

/// The files of a real catalog, where the folder of real data is there.
fn real(path: &str) -> Option<Vec<(String, Vec<u8>)>> {
    let shared = std::env::var_os("OMBUNDLE_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let root = shared.join("data").join(path);
    let name = root.file_name()?.to_str()?.to_owned();
    let mut files = Vec::new();
    for entry in root.is_dir().then(|| std::fs::read_dir(&root).unwrap())? {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_str().unwrap();
        files.push((format!("{name}/{file}"), std::fs::read(&path).unwrap()));
    }
    Some(files)
}

#[test]
fn real_catalogs_get_stand_ins_for_every_image() {
    let registry = Registry::start();
    let at = World::CATALOG.parse().unwrap();
    let mut parts = Vec::new();
    for path in ["fbc-derived/web-terminal", "fbc/redhat-older/4.18/lvms-operator"] {
        let Some(files) = real(path) else { return };
        parts.push(StandIns::of(&files, ImageSize::SMALL).unwrap());
    }
    let replaced: Vec<(String, PinnedRef)> = parts.iter().flat_map(|part| part.replaced().clone()).collect();
    let texts: Vec<String> = parts
        .iter()
        .flat_map(StandIns::files)
        .map(|(_, text)| String::from_utf8(text.clone()).unwrap())
        .collect();
    let world = World::of_stand_ins(parts, &at, ImageSize::SMALL).unwrap();
    world.push(&client(), &host(&registry)).unwrap();
    assert!(replaced.len() > 40, "{}", replaced.len());
    for (written, pinned) in &replaced {
        let path = format!("/v2/{}/manifests/{}", pinned.repository.repository, pinned.digest);
        assert_eq!(registry.ask("HEAD", &path, &[], b"").status, 200, "{written}");
        assert!(
            texts.iter().all(|text| !text.contains(&format!("\"{written}\""))),
            "{written} is still there"
        );
        assert!(texts.iter().any(|text| text.contains(&format!("\"{pinned}\""))), "{pinned} is nowhere");
    }
    let catalog = registry.fetch("/v2/redhat/redhat-operator-index/manifests/v4.20");
    assert_eq!(catalog.header("docker-content-digest"), world.resolve(world.catalog()).unwrap().to_string());
}

/// Writes down what it is told to run, and does nothing of it.
#[derive(Default)]
struct Clerk {
    lines: Vec<String>,
    folder: PathBuf,
    /// What the line with this number ends with instead.
    wrong: Option<(usize, Exit)>,
}

impl Audience for Clerk {
    fn heading(&mut self, _: &str) {}

    fn say(&mut self, text: &str) {
        assert!(text.is_ascii() && !text.contains('@') && !text.contains("  "), "{text}");
    }

    fn run(&mut self, shown: &str, arguments: &[OsString]) -> Exit {
        // What is shown is what is run, with full names for the files.
        let folder = format!("{}/", self.folder.display());
        let typed: Vec<String> =
            arguments.iter().map(|word| word.to_str().unwrap().replace(&folder, "")).collect();
        assert_eq!(shown, format!("ombundle {}", typed.join(" ")));
        for file in arguments.iter().zip(typed).filter(|(_, short)| {
            ["site.yaml", "first/imageset.yaml", "first/csvs.json", "second/imageset.yaml"]
                .contains(&short.as_str())
        }) {
            assert!(Path::new(file.0).is_file(), "{shown}: {} is not there", file.1);
        }
        if shown.starts_with("ombundle pack") {
            std::fs::write(arguments.last().unwrap(), [7; 1000]).unwrap();
        }
        if shown.starts_with("ombundle import first.ombundle") {
            let emitted = self.folder.join("first/out/cluster");
            std::fs::create_dir_all(&emitted).unwrap();
            for (name, text) in [("02-b.yaml", "kind: B\n"), ("01-a.yaml", "# a\nkind: A\n")] {
                std::fs::write(emitted.join(name), text).unwrap();
            }
        }
        if shown.starts_with("ombundle import second.ombundle") {
            let objects = std::fs::read_to_string(self.folder.join("second/objects.yaml")).unwrap();
            assert_eq!(objects, "---\n# a\nkind: A\n---\nkind: B\n");
        }
        self.lines.push(shown.to_owned());
        match self.wrong {
            Some((number, exit)) if number == self.lines.len() => exit,
            _ if shown.contains("damaged.ombundle") => {
                let byte = std::fs::read(self.folder.join("damaged.ombundle")).unwrap();
                assert_eq!(byte.iter().filter(|byte| **byte != 7).count(), 1);
                Exit::Integrity
            }
            _ => Exit::Done,
        }
    }
}

fn walk(clerk: &mut Clerk) -> Result<(), DemoError> {
    let folder = tempfile::tempdir().unwrap();
    folder.path().clone_into(&mut clerk.folder);
    run(&DemoOptions { folder: folder.path().to_owned(), size: ImageSize::SMALL }, clerk)
}

#[test]
fn the_walk_types_what_a_user_would_type() {
    let mut clerk = Clerk::default();
    walk(&mut clerk).unwrap();
    let verbs: Vec<&str> = clerk.lines.iter().map(|line| line.split(' ').nth(1).unwrap()).collect();
    let expected = "key plan pack verify import check plan pack import check verify import";
    assert_eq!(verbs.join(" "), expected);
    assert_eq!(
        clerk.lines[2],
        "ombundle pack --plan first/plan.json --site site.yaml --key signer.key --registries-conf registries.conf -o first.ombundle"
    );
}

#[test]
fn the_walk_ends_where_a_command_does_not_do_what_it_should() {
    for (number, exit, expected) in [
        (2, Exit::Registry, Exit::Registry),
        (3, Exit::Interrupted, Exit::Interrupted),
        // The damaged archive is taken.
        (11, Exit::Done, Exit::Unexpected),
        // It is refused for the wrong reason.
        (12, Exit::Trust, Exit::Trust),
    ] {
        let mut clerk = Clerk { wrong: Some((number, exit)), ..Clerk::default() };
        let error = walk(&mut clerk).unwrap_err();
        assert_eq!((clerk.lines.len(), error.exit()), (number, expected), "{error}");
    }
}
