//! Several architectures: one release for all of them, and one release for each.

use std::collections::BTreeMap;

use ombundle::demo::Image;
use ombundle::digest::Digest;
use serde_json::{Value, json};

use super::site::{IMAGES, IMPORT, PARTS, Site};
use super::world::{COMPONENTS, RELEASES, ReleaseRecipe, World, component, graph};
use crate::support::peer::Answer;

const ARM: &str = "linux/arm64";

/// An index over one image for each of two kinds of machines.
fn index(amd: Image, arm: Image) -> Image {
    let platform = |name: &str| name.parse().unwrap();
    Image::index(vec![(platform("linux/amd64"), amd), (platform(ARM), arm)]).unwrap()
}

/// A release for both kinds of machines, whose components are indexes themselves.
fn multi(world: &World, version: &str, sizes: [usize; 2]) -> (Digest, Digest, Image) {
    let [amd, arm] = sizes.map(|size| component("etcd", size));
    let etcd = index(amd, arm.clone());
    let digest = world.push(&etcd, COMPONENTS, None);
    let recipe = ReleaseRecipe { version, components: &[("etcd", digest)], more: Vec::new() };
    let release = world.push(&index(recipe.image(), recipe.image_for(ARM)), RELEASES, None);
    world.sign(release, version);
    (release, digest, arm)
}

/// A site with both kinds of nodes, and a way of one hop.
fn mixed() -> (Site, [Digest; 2], Image) {
    let world = World::new();
    let (first, _, _) = multi(&world, "4.20.0", [30_000, 31_000]);
    let (release, etcd, arm) = multi(&world, "4.20.5", [32_000, 33_000]);
    world.graph(&graph(&[("4.20.0", first), ("4.20.5", release)], &[[0, 1]]));
    let site = Site::of(world, [first, release, etcd]);
    site.write("linux/amd64, linux/arm64", "release.asc");
    (site, [release, etcd], arm)
}

#[test]
fn a_release_for_several_architectures_arrives_as_it_was_signed() {
    let (site, [release, etcd], arm) = mixed();
    // Nodes of several kinds: nobody has to say `multi`.
    site.ok(
        "pack --to-release 4.20.5 --from-release 4.20.0 --site site.yaml --key signer.key -o up.ombundle",
    );
    let imported = site.json(IMPORT, 0);
    assert_eq!(imported["findings"], json!([]));
    assert_eq!(site.tag(IMAGES, "4.20.5-multi"), Some(release));
    assert_eq!(site.tag(PARTS, "4.20.5-multi-etcd"), Some(etcd));
    let runbook = site.text("out/RUNBOOK.md");
    let line = format!("oc adm upgrade --allow-explicit-upgrade --to-image=quay.io/{RELEASES}@{release}\n");
    assert!(runbook.contains(&line), "{runbook}");
    // A cluster looks its signature up by the digest that it is told to run.
    let signed = site.text("out/cluster/02-configmap-release-image-4.20.5.yaml");
    assert!(signed.contains(&format!("sha256-{}-1", release.hex())), "{signed}");
    let receipt: Value = serde_json::from_str(&site.text("out/receipt.json")).unwrap();
    assert_eq!(receipt["site"]["releases"][0]["architecture"], "multi");
    let place = format!("{}/{IMAGES}:4.20.5-multi", site.production.host());
    let checked = site.json("check --site site.yaml", 0);
    assert_eq!(checked["releases"][&place], json!({"digest": release, "images": 2, "missing": 0}));

    // What only one kind of node needs is missed as well.
    site.lose(PARTS, arm.digest());
    let checked = site.json("check --site site.yaml", 10);
    let found = checked["findings"][0].to_string();
    assert!(found.contains(&etcd.to_string()) && found.contains(&arm.digest().to_string()), "{checked}");
    site.ok(IMPORT);
    site.ok("check --site site.yaml");
}

#[test]
fn a_release_that_has_nothing_for_some_nodes_is_refused_at_both_ends() {
    let (site, _, _) = mixed();
    let pack =
        "pack --to-release 4.20.5 --from-release 4.20.0 --site site.yaml --key signer.key -o up.ombundle";
    site.ok(pack);
    site.write("linux/amd64, linux/s390x", "release.asc");
    let before = (site.staging.changes(), site.production.changes());
    let refused = site.ends(IMPORT, 2);
    let told = "is not made for linux/s390x; it is for linux/amd64, linux/arm64";
    assert!(refused.stderr.contains(told), "{}", refused.stderr);
    assert_eq!((site.staging.changes(), site.production.changes()), before, "nothing was written");
    let plan = site.json("plan --to-release 4.20.5 --from-release 4.20.0 --site site.yaml", 2);
    let found = plan["findings"][0].to_string();
    assert!(found.contains("RELEASE_UNFIT") && found.contains(told), "{plan}");
}

/// Of a release for several architectures some may be taken: those of the nodes.
#[test]
fn the_nodes_decide_which_images_of_a_release_may_stay_behind() {
    let (site, [release, _], arm) = mixed();
    site.world.folder.write(
        "imageset.yaml",
        "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n  platform:\n    platforms: [{os: linux, architecture: amd64}]\n    channels: [{name: stable-4.20, minVersion: 4.20.5, maxVersion: 4.20.5}]\n",
    );
    let line = "plan -c imageset.yaml --site site.yaml --from-release 4.20.0";
    let refused = site.json(line, 2);
    let found = &refused["findings"][0];
    assert_eq!((&found["code"], &found["subject"]), (&json!("PLATFORM_UNCOVERED"), &json!(ARM)));
    assert!(found["hint"].as_str().unwrap().contains("`mirror.platform.platforms`"), "{found}");
    // A registry that takes an index without its images.
    site.write("linux/amd64", "release.asc");
    site.edit("site.yaml", "  platforms:", "  profile: nexus\n  platforms:");
    let plan = site.json(&format!("{line} -o plan.json"), 0);
    assert_eq!(plan["releases"][0]["image"], format!("quay.io/{RELEASES}@{release}"));
    let carried = plan["images"].to_string();
    assert!(carried.contains(&release.to_string()) && !carried.contains(&arm.digest().to_string()), "{plan}");
    // Nodes of the other kind have come since.
    site.ok("pack --plan plan.json --site site.yaml --key signer.key -o up.ombundle");
    site.write("linux/amd64, linux/arm64", "release.asc");
    let refused = site.ends(IMPORT, 2);
    assert!(
        refused.stderr.contains("is not made for linux/arm64; it is for linux/amd64"),
        "{}",
        refused.stderr
    );
    assert_eq!((site.staging.changes(), site.production.changes()), (0, 0), "nothing was written");
}

/// One release for each architecture: 4.20.0 and 4.20.5, and for arm64 4.20.3 between them.
fn apart() -> (Site, BTreeMap<&'static str, Digest>) {
    let world = World::new();
    let etcd = world.component("etcd", 10_000);
    let mut made = BTreeMap::new();
    for version in ["4.20.0", "4.20.3", "4.20.5"] {
        let recipe = ReleaseRecipe { version, components: &[("etcd", etcd)], more: Vec::new() };
        for (architecture, image) in [("amd64", recipe.image()), ("arm64", recipe.image_for(ARM))] {
            let digest = world.push(&image, RELEASES, None);
            world.sign(digest, version);
            made.insert([version, architecture].join("-").leak() as &str, digest);
        }
    }
    let of = |architecture: &str| {
        let nodes = ["4.20.0", "4.20.3", "4.20.5"]
            .map(|version| (version, made[format!("{version}-{architecture}").as_str()]));
        let edges: &[[usize; 2]] =
            if architecture == "arm64" { &[[0, 1], [1, 2]] } else { &[[0, 1], [0, 2], [1, 2]] };
        Answer::new(200).with("Content-Type", "application/json").body(graph(&nodes, edges).to_string())
    };
    world.answer("/graph?channel=stable-4.20&arch=amd64", of("amd64"));
    world.answer("/graph?channel=stable-4.20&arch=arm64", of("arm64"));
    let digests = [made["4.20.0-amd64"], made["4.20.5-amd64"], made["4.20.5-arm64"]];
    let site = Site::of(world, digests);
    site.write("linux/amd64, linux/arm64", "release.asc");
    site.world.folder.write(
        "imageset.yaml",
        "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n  platform:\n    architectures: [amd64, arm64]\n    channels: [{name: stable-4.20, minVersion: 4.20.5, maxVersion: 4.20.5}]\n",
    );
    (site, made)
}

#[test]
fn each_architecture_has_its_way_and_the_plan_follows_the_first() {
    let (site, made) = apart();
    let line = "plan -c imageset.yaml --site site.yaml -o plan.json";
    let plan = site.json(&format!("{line} --from-release 4.20.0"), 0);
    let releases: Vec<_> = plan["releases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["tag"].as_str().unwrap(),
                one["image"].as_str().unwrap().split_once('@').unwrap().1.to_owned(),
            )
        })
        .collect();
    let expected = [
        ("4.20.5-x86_64", "4.20.5-amd64"),
        ("4.20.3-aarch64", "4.20.3-arm64"),
        ("4.20.5-aarch64", "4.20.5-arm64"),
    ];
    assert_eq!(releases, expected.map(|(tag, name)| (tag, made[name].to_string())));
    assert_eq!(plan["release_path"]["architecture"], "amd64");
    assert_eq!(plan["release_path"]["hops"].as_array().unwrap().len(), 1);
    let [found] = plan["findings"].as_array().unwrap().as_slice() else { panic!("{plan}") };
    assert_eq!(
        (&found["code"], &found["subject"]),
        (&json!("RELEASE_WAYS_DIFFER"), &json!("releases for arm64"))
    );
    assert_eq!(
        found["message"],
        "its way is 4.20.3 → 4.20.5; order and runbook follow that for amd64, which is 4.20.5"
    );

    site.ok("pack --plan plan.json --site site.yaml --key signer.key -o up.ombundle");
    site.ok(IMPORT);
    for (tag, name) in expected {
        assert_eq!(site.tag(IMAGES, tag), Some(made[name]), "{tag}");
    }
    // The runbook leads the cluster of the first, and says what else is there.
    let runbook = site.text("out/RUNBOOK.md");
    let updates: Vec<_> = runbook.lines().filter(|line| line.contains("--to-image=")).collect();
    assert_eq!(updates.len(), 1, "{runbook}");
    assert!(updates[0].ends_with(&made["4.20.5-amd64"].to_string()), "{updates:?}");
    for there in ["4.20.3-aarch64", "4.20.5-aarch64"] {
        assert!(runbook.contains(&format!("OpenShift `{there}` is in production")), "{there}: {runbook}");
    }
    let signed = site.text("out/cluster/03-configmap-release-image-4.20.5.yaml");
    for name in ["4.20.5-amd64", "4.20.5-arm64"] {
        assert!(signed.contains(&format!("sha256-{}-1", made[name].hex())), "{signed}");
    }
    site.ok("check --site site.yaml");

    // What is so for all is told once, what is so for one with its name. What was packed before is left aside.
    let line = &format!("{line} --full");
    let unknown = site.json(line, 0);
    let codes: Vec<_> =
        unknown["findings"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["RELEASE_START_UNKNOWN"]);
    let stuck = site.json(&format!("{line} --from-release 4.20.3 --to-release 4.20.4"), 6);
    assert_eq!(stuck["findings"].as_array().unwrap().len(), 1, "{stuck}");
    site.world.answer(
        "/graph?channel=stable-4.20&arch=arm64",
        Answer::new(200).with("Content-Type", "application/json").body(
            graph(&[("4.20.0", made["4.20.0-arm64"]), ("4.20.5", made["4.20.5-arm64"])], &[]).to_string(),
        ),
    );
    let none = site.json(&format!("{line} --from-release 4.20.0"), 6);
    let [found] = none["findings"].as_array().unwrap().as_slice() else { panic!("{none}") };
    assert!(
        found["message"].as_str().unwrap().starts_with("for arm64: no edges lead from 4.20.0 to 4.20.5"),
        "{found}"
    );
}
