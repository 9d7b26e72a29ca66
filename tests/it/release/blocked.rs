//! Components that do not travel: blocked in the request, or left out by name.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::site::{IMAGES, IMPORT, PARTS, Site};

const PLAN: &str = "plan -c imageset.yaml --site site.yaml --from-release 4.19.3 -o plan.json";

/// A site whose request blocks images of this name.
fn blocking(pattern: &str) -> Site {
    let site = Site::new();
    site.edit("imageset.yaml", "mirror:\n", &format!("mirror:\n  blockedImages: [{{name: '{pattern}'}}]\n"));
    site
}

fn findings(result: &Value) -> Vec<String> {
    let one = |finding: &Value| {
        let text = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        format!("{} {} {}: {}", text("severity"), text("code"), text("subject"), text("message"))
    };
    result["findings"].as_array().unwrap().iter().map(one).collect()
}

/// As oc-mirror matches destinations, too: there a component has its name.
#[test]
fn a_component_that_is_blocked_is_left_out_on_the_whole_way() {
    let site = blocking("openshift/release:.*-console$");
    let plan = site.json(PLAN, 0);
    let told = "`blockedImages` leaves 1 of its components out: console; a cluster that needs one of them stops in the update and waits for it";
    assert_eq!(
        findings(&plan),
        ["4.20.0", "4.20.5"]
            .map(|version| format!("warning BLOCKED_COMPONENT release {version} for amd64: {told}"))
    );
    assert_eq!(plan["findings"][0]["file"], "imageset.yaml");
    for release in plan["releases"].as_array().unwrap() {
        assert_eq!(release["left_out"], json!(["console"]));
        assert_eq!(release["components"].as_array().unwrap().len(), 1);
    }
    site.ok("pack --plan plan.json --site site.yaml --key signer.key -o up.ombundle");
    assert_eq!(findings(&site.json("verify up.ombundle --site site.yaml", 0)), [""; 0]);
    site.ok(IMPORT);
    assert_eq!(site.tag(PARTS, "4.20.5-x86_64-console"), None);
    assert!(site.tag(PARTS, "4.20.5-x86_64-etcd").is_some() && site.tag(IMAGES, "4.20.5-x86_64").is_some());
    let checked = site.json("check --site site.yaml", 0);
    let codes: BTreeSet<_> =
        checked["findings"].as_array().unwrap().iter().map(|found| found["code"].as_str().unwrap()).collect();
    assert_eq!(codes, BTreeSet::from(["COMPONENT_LEFT_OUT"]));
}

#[test]
fn a_component_is_blocked_by_the_digest_that_the_release_names() {
    let site = Site::new();
    let plan = site.json(PLAN, 0);
    let component = &plan["releases"][1]["components"][0];
    assert_eq!(component["name"], "console");
    let digest = component["image"].as_str().unwrap().split_once('@').unwrap().1.to_owned();
    let site = blocking(&digest);
    let plan = site.json(PLAN, 0);
    // Only the later release has this one.
    let left_out: Vec<_> =
        plan["releases"].as_array().unwrap().iter().map(|one| one["left_out"].clone()).collect();
    assert_eq!(left_out, [Value::Null, json!(["console"])]);
}

#[test]
fn a_release_that_is_blocked_does_not_travel_in_parts() {
    for (pattern, told) in [
        ("ocp-release", "it is asked for and blocked"),
        ("ocp-v4.0-art-dev", "all of its components are blocked"),
    ] {
        let site = blocking(pattern);
        let plan = site.json(PLAN, 2);
        assert_eq!(
            findings(&plan),
            ["4.20.0", "4.20.5"]
                .map(|version| format!("error BLOCKED_RELEASE release {version} for amd64: {told}"))
        );
        assert!(plan["findings"][0]["hint"].as_str().unwrap().contains("narrow the pattern"), "{plan}");
        assert_eq!(plan["releases"], Value::Null);
        assert!(!site.world.folder.path().join("plan.json").exists());
    }
}
