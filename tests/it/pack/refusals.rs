//! What upstream or the user has wrong is named, and nothing is written.

use ombundle::catalog::image::CONFIGS_LABEL;
use ombundle::demo::{File, Generation, Image, Layer, Recipe, StandIns, World};
use ombundle::plan::{ImageKind, Plan};
use serde_json::{Value, json};

use super::stage::{SIZE, Stage, client};

/// An entry of a channel: name, `replaces`, `skips`.
type Entry<'a> = (&'a str, Option<&'a str>, &'a [&'a str]);

/// A catalog with one package, `alpha`, and its one channel, `stable`.
fn catalog(entries: &[Entry<'_>]) -> Vec<u8> {
    let image = |name: &str, part: &str| {
        let hex = ombundle::digest::Digest::of(format!("{name} {part}").as_bytes());
        format!("registry.redhat.io/alpha/{part}@{hex}")
    };
    let listed: Vec<Value> = entries
        .iter()
        .map(|(name, replaces, skips)| {
            let mut entry = json!({"name": name});
            if let Some(replaces) = replaces {
                entry["replaces"] = json!(replaces);
            }
            if !skips.is_empty() {
                entry["skips"] = json!(skips);
            }
            entry
        })
        .collect();
    let mut blobs = vec![
        json!({"schema": "olm.package", "name": "alpha", "defaultChannel": "stable"}),
        json!({"schema": "olm.channel", "package": "alpha", "name": "stable", "entries": listed}),
    ];
    for (name, _, _) in entries {
        let version = name.strip_prefix("alpha.v").unwrap();
        let operator = image(name, "operator");
        blobs.push(json!({
            "schema": "olm.bundle", "package": "alpha", "name": name, "image": image(name, "bundle"),
            "properties": [{"type": "olm.package", "value": {"packageName": "alpha", "version": version}}],
            "relatedImages": [{"name": "operator", "image": operator}],
        }));
    }
    blobs.iter().flat_map(|blob| format!("{blob}\n").into_bytes()).collect()
}

fn stage_of(entries: &[Entry<'_>]) -> Stage {
    let files = [("alpha/catalog.json".to_owned(), catalog(entries))];
    let standing = StandIns::of(&files, SIZE).unwrap();
    let world = standing.published_as(&World::CATALOG.parse().unwrap(), SIZE).unwrap();
    let stage = Stage::of(world, Generation::First);
    stage.write("imageset.yaml", imageset("alpha", ""));
    stage
}

fn imageset(package: &str, more: &str) -> String {
    format!(
        "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n  operators:\n    - catalog: {}\n      \
         packages:\n        - name: {package}\n{more}",
        World::CATALOG
    )
}

#[test]
fn a_broken_channel_is_named_with_its_fault() {
    let cases: [(&str, &[Entry<'_>], &str); 3] = [
        (
            "MULTIPLE_HEADS",
            &[
                ("alpha.v1.0.0", None, &[]),
                ("alpha.v1.1.0", Some("alpha.v1.0.0"), &[]),
                ("alpha.v1.2.0", Some("alpha.v1.0.0"), &[]),
            ],
            "alpha.v1.2.0",
        ),
        (
            "CYCLE",
            &[
                ("alpha.v1.0.0", Some("alpha.v1.1.0"), &[]),
                ("alpha.v1.1.0", Some("alpha.v1.0.0"), &[]),
                ("alpha.v1.2.0", Some("alpha.v1.1.0"), &[]),
            ],
            "alpha.v1.1.0",
        ),
        (
            "STRANDED",
            &[
                ("alpha.v1.0.0", None, &[]),
                ("alpha.v1.1.0", Some("alpha.v1.0.0"), &[]),
                ("alpha.v1.2.0", Some("alpha.v1.3.0"), &[]),
                ("alpha.v1.3.0", Some("alpha.v1.1.0"), &["alpha.v1.2.0"]),
                ("alpha.v1.0.5", None, &[]),
                ("alpha.v1.0.7", Some("alpha.v1.0.5"), &["alpha.v1.0.5"]),
            ],
            "alpha.v1.0.5",
        ),
    ];
    for (code, entries, named) in cases {
        let stage = stage_of(entries);
        for installed in [&[][..], &["--installed", "alpha.v1.0.0"]] {
            let line = [&["plan", "-c", "imageset.yaml", "--format", "json", "-o", "plan.json"], installed];
            let ran = stage.run(&line.concat());
            if code == "STRANDED" && ran.code == Some(0) {
                // What is delivered is without the stranded entries.
                let plan: Plan = serde_json::from_str(&ran.stdout).unwrap();
                let bundles: Vec<&String> =
                    plan.catalogs[0].packages.iter().flat_map(|package| &package.bundles).collect();
                assert!(!bundles.iter().any(|bundle| *bundle == named), "{bundles:?}");
                std::fs::remove_file(stage.path("plan.json")).unwrap();
                continue;
            }
            let ran = ran.ended(6);
            let found = ran.findings();
            assert!(
                found.iter().any(|(found, subject)| found == code && subject.contains("alpha")),
                "{code} {installed:?}: {found:?}"
            );
            assert!(ran.stdout.contains(named), "{}", ran.stdout);
            assert!(!stage.path("plan.json").exists());
        }
        let before = stage.names();
        if code != "STRANDED" {
            stage.run(&["pack", "-c", "imageset.yaml", "--key", "signer.key", "-o", "a.ombundle"]).ended(6);
            assert_eq!(stage.names(), before);
        }
    }
}

#[test]
fn names_that_are_not_there_come_with_the_nearest() {
    let stage = Stage::new(Generation::First);
    let channel = "          channels: [{name: fats}]\n";
    for (text, code, hint) in [
        (imageset("web-termnal", ""), "ISC_UNKNOWN_PACKAGE", "did you mean `web-terminal`?"),
        (imageset("web-terminal", channel), "ISC_UNKNOWN_CHANNEL", "did you mean `fast`?"),
    ] {
        stage.write("imageset.yaml", text);
        let before = stage.names();
        let ran = stage.run(&["plan", "-c", "imageset.yaml", "-o", "plan.json"]).ended(2);
        assert!(ran.stderr.contains(&format!("error[{code}]: imageset.yaml:")), "{}", ran.stderr);
        assert!(ran.stderr.contains(hint), "{}", ran.stderr);
        stage.run(&["pack", "-c", "imageset.yaml", "--key", "signer.key", "-o", "a.ombundle"]).ended(2);
        assert_eq!(stage.names(), before);
    }
    stage.write("imageset.yaml", imageset("web-terminal", ""));
    let line = ["plan", "-c", "imageset.yaml", "-o", "plan.json", "--installed", "web-termnal.v1.8.0"];
    let ran = stage.run(&line).ended(2);
    assert!(ran.stderr.contains("INSTALLED_UNKNOWN"), "{}", ran.stderr);
    assert!(ran.stderr.contains("did you mean `web-terminal.vX.Y.Z`?"), "{}", ran.stderr);
}

#[test]
fn a_missing_intermediate_is_named() {
    let stage = Stage::new(Generation::Second);
    let line = ["plan", "-c", "imageset.yaml", "-o", "plan.json", "--installed", "web-terminal.v1.8.0"];
    let ran = stage.run(&line).ended(6);
    assert!(ran.stderr.contains("error[NO_PATH]"), "{}", ran.stderr);
    assert!(ran.stderr.contains("`web-terminal.v1.9.0` is not in the channel"), "{}", ran.stderr);
    assert!(!stage.path("plan.json").exists());
}

#[test]
fn every_image_that_upstream_lacks_is_listed_and_the_same_command_goes_on_once_it_is_there() {
    let stage = Stage::new(Generation::First);
    stage.plan();
    let plan = Plan::parse(&stage.read("plan.json"), &ombundle::limits::LIMITS).unwrap();
    let gone: Vec<_> = plan
        .images
        .iter()
        .filter(|image| image.kind == ImageKind::Related && image.manifests.len() == 1)
        .take(2)
        .map(|image| image.source.pin(image.root.digest).to_string())
        .collect();
    assert_eq!(gone.len(), 2);
    for name in &gone {
        let (repository, digest) = name.split_once('@').unwrap();
        let (_, path) = repository.split_once('/').unwrap();
        let here = stage.registry.repository(path);
        assert!(client().delete_manifest(&here, digest.parse().unwrap()).unwrap());
    }
    let before = stage.names();
    let pack = ["pack", "-c", "imageset.yaml", "--key", "signer.key", "-o", "a.ombundle"];
    for line in [&["plan", "-c", "imageset.yaml", "-o", "new.json"][..], &pack] {
        let installed = ["--installed", "web-terminal.v1.8.0"];
        let ran = stage.run(&[line, &installed].concat()).ended(6);
        for name in &gone {
            assert!(ran.stderr.contains(&format!("error[IMAGE_MISSING]: {name}")), "{}", ran.stderr);
        }
        assert_eq!(stage.names(), before);
    }
    // An approved plan meets the same hole while packing.
    let ran = stage.pack("b.ombundle", &[]).ended(6);
    assert!(ran.stderr.contains("gone upstream"), "{}", ran.stderr);
    assert!(!stage.path("b.ombundle").exists());

    stage.world.push(&client(), &stage.registry.host()).unwrap();
    stage.pack("b.ombundle", &[]).ended(0);
    stage.run(&[&pack[..], &["--installed", "web-terminal.v1.8.0"]].concat()).ended(0);
    for archive in ["a.ombundle", "b.ombundle"] {
        stage.verify(archive).ended(0);
    }
}

#[test]
fn a_reference_by_tag_only_is_told_and_pinned() {
    let entries: &[Entry<'_>] = &[("alpha.v1.0.0", None, &[])];
    let files = [("alpha/catalog.json".to_owned(), catalog(entries))];
    let standing = StandIns::of(&files, SIZE).unwrap();
    let text = String::from_utf8(standing.files()[0].1.clone()).unwrap();
    let world = standing.published_as(&World::CATALOG.parse().unwrap(), SIZE).unwrap();
    let stage = Stage::of(world, Generation::First);
    stage.write("imageset.yaml", imageset("alpha", ""));

    let tagged = Image::build(&Recipe::of(vec![Layer::of(&[File::new("a", "by tag")]).unwrap()])).unwrap();
    let digest = stage.push(&tagged, "registry.redhat.io/alpha/operator:v1");
    let at = text.find("registry.redhat.io/alpha/operator@").unwrap();
    let pinned = &text[at..at + "registry.redhat.io/alpha/operator@sha256:".len() + 64];
    let text = text.replace(pinned, "registry.redhat.io/alpha/operator:v1");
    let base = Layer::of(&[File::program("bin/opm", "#!/bin/sh\n")]).unwrap();
    let configs = Layer::of(&[File::new("configs/alpha/catalog.json", text)]).unwrap();
    let image = Image::build(&Recipe::of(vec![base, configs]).labels([(CONFIGS_LABEL, "/configs")])).unwrap();
    stage.push(&image, World::CATALOG);

    stage.run(&["plan", "-c", "imageset.yaml", "-o", "plan.json"]).ended(0);
    let plan = Plan::parse(&stage.read("plan.json"), &ombundle::limits::LIMITS).unwrap();
    let told = plan.findings.iter().find(|finding| finding.code == "TAG_REF").unwrap();
    assert!(told.message.contains("operator:v1") || told.subject.contains("operator:v1"), "{told:?}");
    let image =
        plan.images.iter().find(|image| image.source.repository.as_str() == "alpha/operator").unwrap();
    assert_eq!((image.root.digest, image.tag.as_ref().unwrap().as_str()), (digest, "v1"));
    stage.pack("a.ombundle", &[]).ended(0);
    stage.verify("a.ombundle").ended(0);
}

/// Every blob has its place in the archive before it is fetched: nothing may reach into its neighbour's.
#[test]
fn a_plan_with_a_wrong_size_is_refused() {
    let stage = Stage::new(Generation::First);
    let line = ["plan", "-c", "imageset.yaml", "-o", "plan.json", "--installed", "web-terminal.v1.8.0"];
    stage.run(&line).ended(0);
    let mut plan = Plan::parse(&stage.read("plan.json"), &ombundle::limits::LIMITS).unwrap();
    let related = plan.images.iter().find(|image| image.kind == ImageKind::Related).unwrap();
    let (digest, size) = (related.root.digest, related.root.size);
    for image in &mut plan.images {
        let described = image.manifests.iter_mut().chain([&mut image.root]);
        described.filter(|object| object.digest == digest).for_each(|object| object.size -= 1);
    }
    plan.items = ombundle::plan::items(&plan.images, &plan.prerequisites);
    plan.bytes.download -= 1;
    plan.bytes.carry -= 1;
    plan.bytes.store -= 1;
    stage.write("plan.json", plan.to_json().unwrap());
    let ran = stage.pack("a.ombundle", &[]).ended(3);
    let said = format!("has {size} bytes, and the plan says {}", size - 1);
    assert!(ran.stderr.contains(&said), "{}", ran.stderr);
    assert!(!stage.path("a.ombundle").exists());
}
