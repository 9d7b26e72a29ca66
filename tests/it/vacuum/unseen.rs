//! Catalogs that were served and are gone, and a registry that does not list all that it has: nothing is let go then.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use ombundle::reference::Repository;
use serde_json::json;

use super::apply::nothing_back;
use super::site::{PLAN, codes, planned, two_generations};
use crate::import::stand::Stand;
use crate::support::peer::{Answer, Peer, forward};

/// Where production keeps a repository on its disk.
fn disk(stand: &Stand, repository: &Repository) -> PathBuf {
    stand.production.storage().join("docker/registry/v2/repositories").join(repository.as_str())
}

/// A plan that has this obstacle and no other, and lets nothing go.
fn obstructed(stand: &Stand, code: &str) {
    let plan = stand.expect(PLAN, 10).json();
    let codes: BTreeSet<String> = codes(&plan).into_iter().collect();
    assert_eq!((codes, &plan["totals"]["gone"]), ([code.to_owned()].into(), &json!(0)));
}

#[test]
fn a_catalog_that_was_served_and_is_gone_lets_nothing_go() {
    let stand = two_generations();
    nothing_back(&stand);
    assert_ne!(planned(&stand)["totals"]["gone"], 0);
    let catalog = stand.catalog();
    let tags = disk(&stand, &catalog.repository.repository).join("_manifests/tags");
    let (aside, served) = (stand.path("aside"), tags.join(catalog.tag.unwrap().as_str()));
    let (journal, receipt) = (stand.path("state/journal.jsonl"), stand.path("state/receipt.json"));
    // Its tag was deleted: what imports built and replaced says that it was there.
    fs::rename(&served, &aside).unwrap();
    for file in [&journal, &receipt] {
        fs::rename(file, file.with_extension("aside")).unwrap();
    }
    obstructed(&stand, "NO_CATALOG");
    // Those are gone as well: nobody knows of it but the journal, or the receipt, or nobody at all.
    fs::rename(&tags, stand.path("tags")).unwrap();
    fs::create_dir(&tags).unwrap();
    for file in [&journal, &receipt] {
        fs::rename(file.with_extension("aside"), file).unwrap();
        obstructed(&stand, "NO_CATALOG");
        fs::rename(file, file.with_extension("aside")).unwrap();
    }
    assert_eq!(codes(&planned(&stand)), [""; 0]);
    // The tag is there and leads nowhere.
    fs::rename(&aside, &served).unwrap();
    fs::remove_dir_all(tags.with_file_name("revisions")).unwrap();
    obstructed(&stand, "NO_CATALOG");
}

/// Of a repository without layers the registry says nothing in its list, and answers who asks for it.
#[test]
fn a_repository_that_is_not_listed_lets_nothing_go() {
    let stand = two_generations();
    nothing_back(&stand);
    for name in [stand.catalog().repository.repository, "ombundle/state".parse().unwrap()] {
        let layers = disk(&stand, &name).join("_layers");
        fs::rename(&layers, stand.path("aside")).unwrap();
        obstructed(&stand, "LISTING_PARTIAL");
        fs::rename(stand.path("aside"), layers).unwrap();
    }
    assert_ne!(planned(&stand)["totals"]["gone"], 0);
}

#[test]
fn a_tag_that_is_not_listed_lets_nothing_go() {
    let stand = two_generations();
    nothing_back(&stand);
    let real = stand.production.host().to_string();
    let (behind, tag) = (real.clone(), stand.catalog().tag.unwrap().to_string());
    let shortened = Peer::start(move |asked| {
        let answer = forward(asked, &behind);
        if !asked.path.contains("index/tags/list") {
            return answer;
        }
        let mut page: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        page["tags"].as_array_mut().unwrap().retain(|found| *found != json!(tag));
        Answer::new(200).with("Content-Type", "application/json").body(page.to_string())
    });
    stand.edit("site.yaml", &real, &shortened.host());
    obstructed(&stand, "LISTING_PARTIAL");
}

/// A registry that has no list is not one that holds nothing.
#[test]
fn a_registry_without_a_list_is_not_empty() {
    let stand = two_generations();
    nothing_back(&stand);
    let real = stand.production.host().to_string();
    let behind = real.clone();
    let unlisted =
        Peer::start(
            move |asked| {
                if asked.path.contains("_catalog") { Answer::new(404) } else { forward(asked, &behind) }
            },
        );
    stand.edit("site.yaml", &real, &unlisted.host());
    let ended = stand.expect(PLAN, 7);
    assert!(ended.stderr.contains("does not say which repositories it has"), "{}", ended.stderr);
}
