//! Images out of the ordinary, from the plan to the check: asked for by tag only, and blocked.

use std::fs;

use ombundle::demo::World;
use ombundle::digest::Digest;
use ombundle::reference::{ImageRef, RepositoryRef, Tag};
use ombundle::registry::Target;
use serde_json::{Value, json};

use super::catalogs;
use super::stand::Stand;

/// The related image that is out of the ordinary.
const EXEC: &str = "registry.redhat.io/web-terminal/web-terminal-exec-rhel9";

/// Where upstream, on a registry of the test, has what is published under a name.
fn upstream(stand: &Stand, name: &str) -> ImageRef {
    let image: ImageRef = name.parse().unwrap();
    let repository = RepositoryRef { host: stand.source.host(), repository: image.repository.repository };
    ImageRef { repository, ..image }
}

fn manifest(stand: &Stand, repository: &RepositoryRef, target: &Target) -> Option<Digest> {
    stand.client().manifest(repository, target).unwrap().map(|manifest| manifest.digest())
}

/// The files of upstream's catalog, and the digest by which its newest web-terminal needs the image.
fn catalog(stand: &Stand) -> (std::collections::BTreeMap<String, Vec<u8>>, Digest) {
    let files = catalogs::files(stand, &upstream(stand, World::CATALOG));
    let bundle = catalogs::values(&files).find(|value| value["name"] == "web-terminal.v1.9.0").unwrap();
    let related = bundle["relatedImages"].as_array().unwrap();
    let image =
        related.iter().filter_map(|related| related["image"].as_str()).find(|image| image.starts_with(EXEC));
    let digest = image.unwrap().split_once('@').unwrap().1.parse().unwrap();
    (files, digest)
}

fn findings(plan: &Value, code: &str) -> Vec<String> {
    let all = plan["findings"].as_array().unwrap().iter();
    all.filter(|finding| finding["code"] == code).map(|finding| finding["message"].to_string()).collect()
}

#[test]
fn an_image_by_tag_is_carried_tagged_before_the_commit_and_served_by_tag() {
    let stand = Stand::plain();
    stand.first();
    let (mut files, digest) = catalog(&stand);
    let here = upstream(&stand, EXEC).repository;
    let tag: Tag = "1.9".parse().unwrap();
    let raw = stand.client().manifest(&here, &digest.into()).unwrap().unwrap();
    stand.client().push_manifest(&here, &tag.clone().into(), &raw).unwrap();
    for text in files.values_mut() {
        let by_digest = format!("{EXEC}@{digest}");
        *text = String::from_utf8(text.clone()).unwrap().replace(&by_digest, &format!("{EXEC}:{tag}")).into();
    }
    catalogs::push(&stand, &upstream(&stand, World::CATALOG), &files);
    // Nothing else is asked for by tag.
    let request = stand.text("first/imageset.yaml");
    stand.write("first/imageset.yaml", request.split("  additionalImages:").next().unwrap());
    fs::remove_file(stand.path("first.ombundle")).unwrap();
    stand.pack("first", "");
    let plan: Value = serde_json::from_str(&stand.text("first/plan.json")).unwrap();
    assert!(findings(&plan, "TAG_REF").iter().any(|text| text.contains(&format!("{EXEC}:{tag}"))));

    let before = stand.production.log().len();
    stand.ok(&Stand::import_line("first"));
    let at = Stand::at(&stand.production.host(), &EXEC.parse().unwrap());
    assert_eq!(manifest(&stand, &at, &tag.clone().into()), Some(digest));
    let log = stand.production.log()[before..].to_owned();
    let put = |image: &RepositoryRef, tag: &str| {
        let line = format!("\"PUT /v2/{}/manifests/{tag} ", image.repository);
        log.find(&line).unwrap_or_else(|| panic!("no {line}"))
    };
    let served = stand.catalog();
    assert!(put(&at, "1.9") < put(&served.repository, served.tag.as_ref().unwrap().as_str()));

    // The cluster finds it by a mirror set for tags, and is told what that costs.
    let cluster = super::stand::contents(&stand.path("first/out/cluster"));
    let tag_sets: Vec<&str> = cluster
        .values()
        .map(|text| std::str::from_utf8(text).unwrap())
        .filter(|text| text.contains("\"ImageTagMirrorSet\""))
        .collect();
    assert_eq!(tag_sets.len(), 1);
    assert!(tag_sets[0].contains("registry.redhat.io"), "{}", tag_sets[0]);
    assert!(stand.text("first/out/RUNBOOK.md").contains("every node is drained"));

    stand.ok("check --site @site.yaml");
    assert!(stand.client().delete_manifest(&at, digest).unwrap());
    let checked = stand.expect("check --site @site.yaml --format json", 10).json();
    let missing = checked["findings"].as_array().unwrap();
    assert!(missing.iter().any(|finding| finding["subject"] == format!("{at}:{tag}")), "{missing:?}");
}

/// What the connected side heeds has no say behind the gap: neither a registries.conf, nor a proxy, nor a cache.
#[test]
fn settings_of_the_connected_side_hold_there_alone() {
    let stand = Stand::plain();
    stand.first();
    let production = stand.production.host();
    let blocked = format!("[[registry]]\nprefix = \"{production}\"\nblocked = true\n");
    stand.write(".config/containers/registries.conf", &blocked);
    fs::remove_dir_all(stand.path(".cache")).unwrap();
    for line in [Stand::import_line("first"), "check --site @site.yaml".to_owned()] {
        let mut command = stand.command(&line);
        command.env("CONTAINERS_REGISTRIES_CONF", stand.path(".config/containers/registries.conf"));
        command.env("HTTP_PROXY", "http://127.0.0.1:9").env("OMBUNDLE_CACHE_DIR", stand.path("cache"));
        let ended = super::stand::finish(command);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
    assert!(!stand.path(".cache").exists() && !stand.path("cache").exists());
    // Outside it holds, though no flag names it.
    let mut command = stand.command("plan -c @first/imageset.yaml");
    command.args(["--cache-dir", "none"]);
    let source =
        format!("[[registry]]\nprefix = \"registry.redhat.io\"\nlocation = \"{}\"\n", stand.source.host());
    stand.write(".config/containers/registries.conf", &source);
    let words: Vec<_> = command.get_args().map(std::ffi::OsStr::to_owned).collect();
    let named = words.iter().position(|word| word == "--registries-conf").unwrap();
    let mut plain = std::process::Command::new(command.get_program());
    plain.args(words[..named].iter().chain(&words[named + 2..])).env_clear().env("HOME", stand.path(""));
    let ended = super::stand::finish(plain);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
fn a_blocked_image_stays_behind_is_told_and_stops_nothing() {
    let stand = Stand::plain();
    stand.first();
    let (_, digest) = catalog(&stand);
    stand.edit(
        "first/imageset.yaml",
        "  additionalImages:",
        &format!("  blockedImages: [{{name: {EXEC}}}]\n  additionalImages:"),
    );
    fs::remove_file(stand.path("first.ombundle")).unwrap();
    stand.pack("first", "");
    let plan: Value = serde_json::from_str(&stand.text("first/plan.json")).unwrap();
    assert!(findings(&plan, "BLOCKED_IMAGE").iter().any(|text| text.contains(EXEC)), "{plan}");
    let carried = |plan: &Value| {
        plan["items"].as_array().unwrap().iter().any(|item| item["digest"] == digest.to_string())
    };
    assert!(!carried(&plan));

    let imported = stand.ok(&format!("{} --format json", Stand::import_line("first"))).json();
    assert_eq!(imported["reached"], json!("imported"));
    let at = Stand::at(&stand.production.host(), &EXEC.parse().unwrap());
    let told = imported["findings"].as_array().unwrap();
    let of_image = |finding: &&Value| finding["subject"] == at.pin(digest).to_string();
    let told: Vec<&Value> = told.iter().filter(of_image).map(|finding| &finding["severity"]).collect();
    assert_eq!(told, ["warning"]);
    assert_eq!(manifest(&stand, &at, &digest.into()), None);

    let checked = stand.expect("check --site @site.yaml --format json", 10).json();
    let missing: Vec<&Value> = checked["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["code"] == "UNRESOLVED")
        .map(|finding| &finding["subject"])
        .collect();
    assert_eq!(missing, [&json!(at.pin(digest).to_string())]);
}
