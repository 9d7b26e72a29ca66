//! A release that a request names by its image, with the disks of virtual nodes.

use ombundle::demo::File;
use serde_json::json;

use super::site::{IMPORT, PARTS, Site};
use super::world::{COMPONENTS, RELEASES, ReleaseRecipe, World, component};

const TAG: &str = "4.20.7-x86_64";
const PLAN: &str = "plan -c imageset.yaml --site site.yaml -o plan.json";

/// A site that asks for the release behind a tag, and for its disks.
fn asking(tag: &str) -> Site {
    let world = World::new();
    let (etcd, disk) = (world.component("etcd", 10_000), world.component("rhcos", 50_000));
    let stream = json!({"architectures": {"x86_64": {"images": {"kubevirt": {
        "image": "x:latest", "digest-ref": format!("quay.io/{COMPONENTS}@{disk}")}}}}});
    let boot = json!({"kind": "ConfigMap", "apiVersion": "v1", "data": {"stream": stream.to_string()}});
    let more =
        vec![File::new("release-manifests/0000_50_installer_coreos-bootimages.yaml", boot.to_string())];
    let recipe = ReleaseRecipe { version: "4.20.7", components: &[("etcd", etcd)], more };
    let release = world.release(&recipe);
    world.push(&recipe.image(), RELEASES, Some(TAG));
    let site = Site::of(world, [release, etcd, disk]);
    site.world.folder.write(
        "imageset.yaml",
        format!(
            "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n  platform:\n    release: quay.io/{RELEASES}:{tag}\n    kubeVirtContainer: true\n"
        ),
    );
    site
}

#[test]
fn a_release_is_named_by_its_image_and_brings_its_disks() {
    let site = asking(TAG);
    let [release, _, disk] = site.digests;
    let plan = site.json(PLAN, 0);
    assert_eq!(plan["findings"], json!([]), "{plan}");
    assert_eq!(plan["releases"][0]["image"], format!("quay.io/{RELEASES}@{release}"));
    assert_eq!(
        plan["releases"][0]["reasons"],
        json!([format!("the request names quay.io/{RELEASES}:{TAG}")])
    );
    assert_eq!(plan["releases"][0]["disks"], json!({"x86_64": format!("quay.io/{COMPONENTS}@{disk}")}));
    site.ok("pack --plan plan.json --site site.yaml --key signer.key -o up.ombundle");
    site.ok("verify up.ombundle --site site.yaml");
    site.ok(IMPORT);
    assert_eq!(site.tag(PARTS, &format!("{TAG}-kube-virt-container-x86_64")), Some(disk));
    site.ok("check --site site.yaml");
    // Nobody said what runs: the runbook has the command all the same.
    let runbook = site.text("out/RUNBOOK.md");
    assert!(runbook.contains(&format!("--to-image=quay.io/{RELEASES}@{release}\n")), "{runbook}");
    // Disks that are asked for and blocked are a contradiction.
    site.edit("imageset.yaml", "mirror:\n", "mirror:\n  blockedImages: [{name: kube-virt-container}]\n");
    let blocked = site.json(PLAN, 2);
    let told = "its disks for KubeVirt are asked for (`kubeVirtContainer`) and blocked";
    assert_eq!(
        (&blocked["findings"][0]["code"], &blocked["findings"][0]["message"]),
        (&json!("BLOCKED_RELEASE"), &json!(told))
    );
}

#[test]
fn an_image_that_is_not_there_or_no_release_is_told() {
    let site = asking("4.20.99-x86_64");
    let missing = site.ends(PLAN, 6);
    assert!(
        missing.stderr.contains(&format!("there is no release image `quay.io/{RELEASES}:4.20.99-x86_64`")),
        "{}",
        missing.stderr
    );
    // Signed by the vendor, and no release all the same.
    let image = component("tool", 1_000);
    let digest = site.world.push(&image, RELEASES, Some("4.20.99-x86_64"));
    let unsigned = site.json(PLAN, 4);
    assert_eq!(unsigned["findings"][0]["code"], "RELEASE_UNVERIFIED");
    site.world.sign(digest, "4.20.99");
    let other = site.json(PLAN, 2);
    let [found] = other["findings"].as_array().unwrap().as_slice() else { panic!("{other}") };
    assert_eq!(found["code"], "RELEASE_UNFIT");
    assert!(
        found["message"]
            .as_str()
            .unwrap()
            .contains("is no release image: it has no `release-manifests/image-references`"),
        "{found}"
    );
    assert!(found["hint"].as_str().unwrap().starts_with("give a release image"), "{found}");
}
