//! What must not be imported, and production that must not be imported into: named, with nothing written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use ombundle::demo::Generation;
use ombundle::digest::Digest;
use serde_json::{Value, json};

use super::catalogs;
use super::stand::{Ended, Stand};
use super::stock;
use crate::support::registry::auth_file;

/// Runs an import that must end so, and looks that neither registry was asked to change anything.
fn refused(stand: &Stand, line: &str, code: i32, named: &[&str]) -> Ended {
    let count = |stand: &Stand| (stand.staging.changes(), stand.production.changes());
    let (holdings, changes) = (stand.holdings(), count(stand));
    let ended = stand.expect(line, code);
    for name in named {
        assert!(ended.stderr.contains(name), "`{name}` is not named: {}", ended.stderr);
    }
    assert!(
        stand.holdings() == holdings && count(stand) == changes,
        "something was written: {}",
        ended.stderr
    );
    ended
}

#[test]
fn two_repositories_that_land_on_one() {
    let stand = Stand::plain();
    stand.first();
    let [exec, operator] =
        ["web-terminal/web-terminal-exec-rhel9", "web-terminal/web-terminal-rhel9-operator"]
            .map(|path| format!("registry.redhat.io/{path}"));
    stand.edit(
        "site.yaml",
        "  catalogs:\n",
        &format!(
            "    - {{source: {exec}, mirror: olm-redhat/one}}\n    - {{source: {operator}, mirror: olm-redhat/one}}\n  catalogs:\n"
        ),
    );
    let ended = refused(&stand, &Stand::import_line("first"), 2, &[&exec, &operator]);
    assert!(ended.stderr.contains("hint:"), "{}", ended.stderr);
}

#[test]
fn a_catalog_that_the_site_does_not_serve() {
    let stand = Stand::plain();
    stand.first();
    stand.edit(
        "site.yaml",
        "source: registry.redhat.io/redhat/redhat-operator-index:v4.20",
        "source: registry.redhat.io/redhat/redhat-operator-index:v4.19",
    );
    let line = Stand::import_line("first");
    refused(&stand, &line, 2, &["registry.redhat.io/redhat/redhat-operator-index:v4.20", "spec.catalogs"]);
}

#[test]
fn an_archive_for_another_site() {
    let stand = Stand::plain();
    stand.first();
    stand.edit("site.yaml", "name: small-world", "name: other-world");
    refused(&stand, &Stand::import_line("first"), 4, &["small-world", "other-world"]);
}

#[test]
fn a_bundle_that_production_has_with_another_image() {
    let stand = Stand::plain();
    stand.first();
    let files = catalogs::files(&stand, &stand.catalog());
    let plan = stock::plan(&stand, "first");
    let delivered =
        |value: &&Value| value["schema"] == "olm.bundle" && value["name"] == "web-terminal.v1.9.0";
    let ours = plan.catalogs[0].delta.iter().find(delivered).unwrap();
    let ours = ours["image"].as_str().unwrap().to_owned();
    // Somebody carried 1.9.0 in by hand, and upstream has rebuilt it since.
    let theirs = format!("{}@{}", ours.split('@').next().unwrap(), Digest::of(b"another build"));
    let mut values: Vec<Value> = catalogs::values(&files).collect();
    for value in &mut values {
        if value["schema"] == "olm.channel" && value["package"] == "web-terminal" {
            let entries = value["entries"].as_array_mut().unwrap();
            entries.push(json!({"name": "web-terminal.v1.9.0", "replaces": "web-terminal.v1.8.0"}));
        }
    }
    let mut bundle = plan.catalogs[0].delta.iter().find(delivered).unwrap().clone();
    bundle["image"] = json!(theirs);
    values.push(bundle);
    catalogs::push(&stand, &stand.catalog(), &one_file(&values));
    let old = stand.served();
    let line = Stand::import_line("first");
    let digests = [&ours, &theirs].map(|image| image.split('@').nth(1).unwrap());
    refused(&stand, &line, 9, &["web-terminal.v1.9.0", digests[0], digests[1], "--on-bundle-image"]);
    assert_eq!(stand.served(), old);
    stand.ok(&format!("{line} --on-bundle-image new"));
    let served = catalogs::served(&stand);
    assert_eq!(served.packages["web-terminal"].bundles["web-terminal.v1.9.0"].image, ours);
}

#[test]
fn a_catalog_in_production_with_two_heads() {
    let stand = Stand::plain();
    stand.first();
    let files = catalogs::files(&stand, &stand.catalog());
    let mut values: Vec<Value> = catalogs::values(&files).collect();
    // A second version that nothing replaces and that replaces nothing.
    let stray = |value: &Value| {
        let text = value.to_string().replace("1.8.0", "1.7.5");
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let bundle = values.iter().find(|value| value["name"] == "web-terminal.v1.8.0").map(stray).unwrap();
    values.push(bundle);
    for value in &mut values {
        if value["schema"] == "olm.channel" && value["package"] == "web-terminal" {
            value["entries"].as_array_mut().unwrap().push(json!({"name": "web-terminal.v1.7.5"}));
        }
    }
    catalogs::push(&stand, &stand.catalog(), &one_file(&values));
    let heads = ["web-terminal.v1.7.5", "web-terminal.v1.8.0"];
    refused(&stand, &Stand::import_line("first"), 9, &["web-terminal", "fast", heads[0], heads[1]]);
}

/// A catalog in one file.
fn one_file(values: &[Value]) -> BTreeMap<String, Vec<u8>> {
    let lines: Vec<String> = values.iter().map(Value::to_string).collect();
    [("all.json".to_owned(), lines.join("\n").into_bytes())].into()
}

#[test]
fn a_catalog_in_production_that_is_broken() {
    let stand = Stand::plain();
    stand.first();
    let mut files = catalogs::files(&stand, &stand.catalog());
    let text = files.get_mut("web-terminal/catalog.json").unwrap();
    text.truncate(text.len() / 2);
    catalogs::push(&stand, &stand.catalog(), &files);
    let tag = stand.catalog().to_string();
    refused(&stand, &Stand::import_line("first"), 9, &[&tag, "web-terminal/catalog.json"]);
}

#[test]
fn a_catalog_in_production_that_nothing_would_serve() {
    let stand = Stand::plain();
    stand.first();
    // As made for extractContent: the files alone.
    let files = catalogs::files(&stand, &stand.catalog());
    catalogs::push_without_opm(&stand, &stand.catalog(), &files);
    refused(&stand, &Stand::import_line("first"), 9, &[&stand.catalog().to_string(), "/bin/opm"]);
}

#[test]
fn generations_go_one_way() {
    let stand = Stand::plain();
    stand.first();
    // The same number with other content: packed on another machine that knows nothing of this one.
    stand.twin();
    stand.ok(&Stand::import_line("first"));
    stand.publish(Generation::Second);
    refused(&stand, &Stand::import_line("twin"), 4, &["generation 1"]);
    stand.pack("second", "--report @first/out/receipt.json");
    stand.ok(&Stand::import_line("second"));
    refused(&stand, &Stand::import_line("first"), 4, &["generation 1", "generation 2"]);
    // The journal is gone; production's own copy of the floor holds.
    fs::remove_dir_all(stand.path("state")).unwrap();
    refused(&stand, &Stand::import_line("first"), 4, &["generation 1", "generation 2"]);
    refused(&stand, &Stand::import_line("twin"), 4, &["generation 1", "generation 2"]);
    // And the other way round: production's copy is gone, the journal holds.
    stand.ok(&Stand::import_line("second"));
    fs::remove_dir_all(stand.production.storage().join("docker/registry/v2/repositories/ombundle")).unwrap();
    refused(&stand, &Stand::import_line("first"), 4, &["generation 1", "generation 2"]);
    refused(&stand, &Stand::import_line("twin"), 4, &["generation 1", "generation 2"]);
}

/// Each of them has its name, for whoever only looks too; and how they get here is said.
#[test]
fn every_prerequisite_that_production_lost_is_named() {
    let stand = Stand::plain();
    stand.first();
    stand.ok(&Stand::import_line("first"));
    stand.publish(Generation::Second);
    stand.pack("second", "--report @first/out/receipt.json");
    let plan = stock::plan(&stand, "second");
    // What lies in one repository alone: whatever becomes of it is told once.
    let places = |digest| plan.prerequisites.iter().filter(|needed| needed.digest == digest).count();
    let alone = plan.prerequisites.iter().filter(|needed| places(needed.digest) == 1);
    let (images, blobs): (Vec<_>, Vec<_>) = alone.partition(|needed| needed.manifest);
    let (image, cut, gone) = (images[0], blobs[0], blobs[1]);
    let place = |source| Stand::at(&stand.production.host(), source);
    assert!(stand.client().delete_manifest(&place(&image.source), image.digest).unwrap());
    fs::remove_file(stand.production.blob_path(&gone.digest)).unwrap();
    // One byte less: it is there, and is not what it was.
    let file = fs::OpenOptions::new().write(true).open(stand.production.blob_path(&cut.digest)).unwrap();
    file.set_len(cut.size - 1).unwrap();
    let lost: BTreeSet<String> = [image, cut, gone]
        .iter()
        .map(|needed| place(&needed.source).pin(needed.digest).to_string())
        .collect();
    assert_eq!(lost.len(), 3);
    let commands = [
        "ombundle site report --site site.yaml -o site.json",
        "--report site.json --key signer.key -o complement.ombundle",
    ];

    let all = format!("production lacks 3 of {} manifests and blobs", plan.prerequisites.len());
    let named: Vec<&str> = lost.iter().map(String::as_str).chain([all.as_str()]).chain(commands).collect();
    let ended = refused(&stand, &Stand::import_line("second"), 5, &named);
    assert_eq!(ended.stderr.matches(", which this archive builds on").count(), 3, "{}", ended.stderr);
    let judged = stand.expect("verify @second.ombundle --site @site.yaml --format json", 5).json();
    let findings = judged["findings"].as_array().unwrap();
    let subjects = findings.iter().filter(|finding| finding["code"] == "PREREQUISITE_MISSING");
    let subjects: BTreeSet<String> =
        subjects.map(|finding| finding["subject"].as_str().unwrap().to_owned()).collect();
    assert_eq!(subjects, lost);
    let hints: Vec<&str> = findings.iter().filter_map(|finding| finding["hint"].as_str()).collect();
    assert!(hints.len() == 1 && commands.iter().all(|command| hints[0].contains(command)), "{hints:?}");
}

#[test]
fn nothing_to_build_on() {
    let stand = Stand::plain();
    stand.first();
    stand.ok(&Stand::import_line("first"));
    stand.publish(Generation::Second);
    stand.pack("second", "--report @first/out/receipt.json");
    assert_eq!(stock::plan(&stand, "second").catalogs[0].base, None);
    let catalog = "docker/registry/v2/repositories/olm-redhat/redhat/redhat-operator-index";
    fs::remove_dir_all(stand.production.storage().join(catalog)).unwrap();
    refused(&stand, &Stand::import_line("second"), 5, &[&stand.catalog().to_string(), "--full"]);
}

#[test]
fn a_registry_that_is_not_there() {
    let stand = Stand::plain();
    stand.first();
    // A port that nobody listens on: it was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let staging = stand.staging.host().to_string();
    stand.edit("site.yaml", &staging, &port.to_string());
    let line = format!("{} --retries 0", Stand::import_line("first"));
    refused(&stand, &line, 7, &[&port.to_string(), "hint:"]);
}

#[test]
fn a_wrong_password() {
    let stand = Stand::secured();
    stand.first();
    let hosts = [&stand.staging, &stand.production].map(|registry| registry.host().to_string());
    for wrong in 0..2 {
        let entries: Vec<(&str, &str, &str)> = hosts
            .iter()
            .enumerate()
            .map(|(index, host)| {
                (host.as_str(), "alice", if index == wrong { "wrong" } else { "wonderland" })
            })
            .collect();
        auth_file(stand.path("auth.json").parent().unwrap(), &entries);
        let line = format!("{} --retries 0", Stand::import_line("first"));
        refused(&stand, &line, 7, &[&hosts[wrong], "hint:"]);
    }
}

#[test]
fn a_plan_for_another_site_or_for_other_nodes_is_refused_outside() {
    let stand = Stand::plain();
    stand.first();
    stand.ok(&Stand::import_line("first"));
    let mut receipt: Value = serde_json::from_str(&stand.text("first/out/receipt.json")).unwrap();
    receipt["site"]["site"] = json!("other-world");
    stand.write("foreign/receipt.json", &receipt.to_string());
    let plan = "plan -c @first/imageset.yaml --site @site.yaml -o @first/other.json";
    for (more, code) in [
        ("--report @foreign/receipt.json", "REPORT_SITE"),
        ("--platform linux/s390x --installed web-terminal.v1.8.0", "PLATFORM_UNCOVERED"),
    ] {
        let ended = stand.expect(&format!("{plan} {more}"), 2);
        assert!(ended.stderr.contains(code) && ended.stderr.contains("hint:"), "{}", ended.stderr);
        assert!(!stand.path("first/other.json").exists(), "{code}");
    }
}
