//! Two generations into a site, over every way to get in; then again, and in parts.

use std::collections::BTreeMap;

use ombundle::demo::{Generation, World};
use ombundle::plan::ImageKind;
use serde_json::json;

use super::catalogs;
use super::stand::{Stand, contents};
use super::stock::{self, Skopeo};

/// What production serves after each generation: package, and where OLM gets to in its channel.
fn offers(stand: &Stand, expected: [(&str, &str, &str, &[&str]); 3]) {
    let catalog = catalogs::served(stand);
    let packages: Vec<&str> = catalog.packages.keys().map(String::as_str).collect();
    assert_eq!(packages, ["devworkspace-operator", "self-node-remediation", "web-terminal"]);
    for (package, channel, from, hops) in expected {
        assert_eq!(catalogs::path(&catalog, package, channel, from), hops, "{package}");
    }
}

/// Both generations, looked at after each.
fn two_generations(stand: &Stand) {
    stand.first();
    let before = catalogs::files(stand, &stand.catalog());
    let old = stand.served();
    stand.ok("verify @first.ombundle --site @site.yaml");
    let imported = stand.ok(&format!("{} --format json", Stand::import_line("first"))).json();
    assert_eq!((&imported["reached"], &imported["generation"]), (&json!("imported"), &json!(1)));
    offers(
        stand,
        [
            ("web-terminal", "fast", "web-terminal.v1.8.0", &["web-terminal.v1.9.0"]),
            (
                "devworkspace-operator",
                "fast",
                "devworkspace-operator.v0.20.0",
                &["devworkspace-operator.v0.21.0"],
            ),
            ("self-node-remediation", "stable", "self-node-remediation.v0.9.0", &[]),
        ],
    );
    stand.ok("check --site @site.yaml");
    let first = stand.served();

    stand.publish(Generation::Second);
    stand.pack("second", "--report @first/out/receipt.json");
    stand.ok(&Stand::import_line("second"));
    offers(
        stand,
        [
            (
                "web-terminal",
                "fast",
                "web-terminal.v1.9.0",
                &["web-terminal.v1.10.0", "web-terminal.v1.11.0"],
            ),
            (
                "devworkspace-operator",
                "fast",
                "devworkspace-operator.v0.21.0",
                &["devworkspace-operator.v0.22.0"],
            ),
            ("self-node-remediation", "stable", "self-node-remediation.v0.9.0", &[]),
        ],
    );
    stand.ok("check --site @site.yaml");

    // Nobody asked for it, and not a byte of it changed.
    let after = catalogs::files(stand, &stand.catalog());
    let untouched = catalogs::package(&before, "self-node-remediation");
    assert_eq!(catalogs::package(&after, "self-node-remediation"), untouched);
    // What was replaced stays within reach.
    let tag = |suffix: &str| format!("{}-{suffix}", stand.catalog());
    let skopeo = Skopeo::new(stand);
    assert_eq!((skopeo.raw(&tag("prev-1")), skopeo.raw(&tag("prev-2"))), (old, first));

    for name in ["first", "second"] {
        let plan = stock::plan(stand, name);
        stock::all_there(stand, &stand.staging, &plan, true);
        stock::all_there(stand, &stand.production, &plan, false);
    }
    signatures_travelled(stand);
    tags_stay_asked_for(stand);
}

/// The signature of an image stands beside it, under the tag where cosign looks for it.
fn signatures_travelled(stand: &Stand) {
    let skopeo = Skopeo::new(stand);
    let plan = stock::plan(stand, "second");
    let signatures: Vec<_> = plan.images.iter().filter(|image| image.kind == ImageKind::Attachment).collect();
    assert!(!signatures.is_empty());
    for image in signatures {
        let tag = image.tag.clone().unwrap();
        let signed = tag.as_str().strip_suffix(".sig").and_then(|hex| hex.strip_prefix("sha256-"));
        assert!(plan.images.iter().any(|other| Some(other.root.digest.hex().as_str()) == signed), "{tag}");
        let place = stock::place(&stand.production.host(), image).tag(tag).to_string();
        assert_eq!(skopeo.raw(&place), Some(image.root.digest), "{place}");
    }
}

/// An image that was asked for by tag has its tag in production.
fn tags_stay_asked_for(stand: &Stand) {
    let image: ombundle::reference::ImageRef = World::ADDITIONAL.parse().unwrap();
    let asked = Stand::at(&stand.production.host(), &image.repository).tag(image.tag.clone().unwrap());
    let upstream = format!("{}/{}", stand.source.host(), World::ADDITIONAL.split_once('/').unwrap().1);
    let skopeo = Skopeo::new(stand);
    assert_eq!(skopeo.raw(&asked.to_string()), skopeo.raw(&upstream));
}

#[test]
fn two_generations_over_plain_http() {
    two_generations(&Stand::plain());
}

#[test]
fn two_generations_over_tls_with_a_password() {
    two_generations(&Stand::secured());
}

#[test]
fn two_generations_with_tokens() {
    two_generations(&Stand::with_tokens());
}

#[test]
fn a_finished_import_run_again_writes_nothing() {
    let stand = Stand::plain();
    stand.first();
    let first = stand.ok(&format!("{} --format json", Stand::import_line("first"))).json();
    assert!(first["written"].as_u64() > Some(40), "{first}");
    let (holdings, served) = (stand.holdings(), stand.served());
    let (out, journal) = (contents(&stand.path("first/out")), stand.text("state/journal.jsonl"));
    let changes = |stand: &Stand| (stand.staging.changes(), stand.production.changes());
    let before = changes(&stand);
    for more in ["", "--until stage", "--until promote", ""] {
        let again = stand.ok(&format!("{} --format json {more}", Stand::import_line("first"))).json();
        assert_eq!(again["written"], 0, "{more}: {again}");
        assert_eq!(changes(&stand), before, "requests that change something, {more}");
        assert!(stand.holdings() == holdings, "what the registries hold, {more}");
        assert!(contents(&stand.path("first/out")) == out, "what was written out, {more}");
        assert!(stand.text("state/journal.jsonl") == journal, "the journal, {more}");
    }
    assert_eq!(stand.served(), served);
    assert!(!stand.path("first/out.previous").exists());
}

#[test]
fn the_state_may_be_lost_and_a_finished_import_still_writes_nothing() {
    let stand = Stand::plain();
    stand.first();
    stand.ok(&Stand::import_line("first"));
    let (holdings, out) = (stand.holdings(), contents(&stand.path("first/out")));
    std::fs::remove_file(stand.path("state/journal.jsonl")).unwrap();
    let again = stand.ok(&format!("{} --format json", Stand::import_line("first")));
    assert_eq!(again.json()["written"], 0);
    assert!(stand.holdings() == holdings, "what the registries hold");
    // When it was finished is lost, and which tags moved; everything else is the same, the way back above all.
    let now = contents(&stand.path("first/out"));
    assert!(now.keys().eq(out.keys()), "other files");
    let differing: Vec<&str> =
        now.iter().filter(|(name, bytes)| out[*name] != **bytes).map(|(name, _)| name.as_str()).collect();
    let told = |name: &&str| *name == "receipt.json" || name.starts_with("RUNBOOK");
    assert!(differing.iter().all(told), "{differing:?}");
    let receipt = |files: &BTreeMap<String, Vec<u8>>| {
        let mut value: serde_json::Value = serde_json::from_slice(&files["receipt.json"]).unwrap();
        value["finished"] = json!(null);
        value["steps"] = value["steps"][0].clone();
        value
    };
    assert_eq!(receipt(&now)["steps"], receipt(&out)["steps"]);
    assert!(receipt(&now) == receipt(&out), "another receipt");
}

#[test]
fn an_import_goes_in_parts() {
    let stand = Stand::plain();
    stand.first();
    let old = stand.served();
    let (untouched, changes) = (stand.holdings()[1].clone(), stand.production.changes());
    let line = Stand::import_line("first");
    let staged = stand.ok(&format!("{line} --until stage --format json")).json();
    assert_eq!(staged["reached"], "staged");
    assert!(stand.holdings()[1] == untouched, "production after stage");
    assert_eq!(stand.production.changes(), changes, "requests that change production");
    assert!(!stand.path("first/out").exists());
    stock::all_there(&stand, &stand.staging, &stock::plan(&stand, "first"), true);

    let promoted = stand.ok(&format!("{line} --until promote --format json")).json();
    assert_eq!(promoted["reached"], "promoted");
    assert_ne!(stand.served(), old);
    assert!(!stand.path("first/out").exists());
    let holdings = stand.holdings();

    let imported = stand.ok(&format!("{line} --format json")).json();
    assert_eq!((&imported["reached"], &imported["written"]), (&json!("imported"), &json!(0)));
    assert!(stand.holdings() == holdings, "what the registries hold");
    assert!(stand.path("first/out/RUNBOOK.md").exists());
}
