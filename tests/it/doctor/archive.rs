//! With an archive: whether it may come in, and what it needs.

use std::fs;

use super::clinic::Seen;
use crate::import::stand::{Ended, Stand, kept};
use crate::support::nexus::{Nexus, Quirks};

fn ask(stand: &Stand, line: &str) -> Seen {
    Seen::of(stand.run(&format!("{line} --format json")))
}

#[test]
fn its_needs_are_measured_and_an_import_makes_about_as_many_requests() {
    let stand = Stand::plain();
    stand.first();
    let held = || stand.holdings().each_ref().map(kept);
    let before = held();
    let seen = ask(&stand, "doctor @first.ombundle --site @site.yaml");
    assert_eq!(seen.code, 0, "{seen:?}");
    assert!(held() == before, "something was written");
    let (_, told) = seen.answer("archive", "contents");
    let told_requests: usize =
        told.split_once("about ").unwrap().1.split(' ').next().unwrap().parse().unwrap();
    // The alias asks the same.
    let alias = ask(&stand, "import @first.ombundle --site @site.yaml -o @out --preflight-only");
    assert_eq!(alias.value["sections"][1], seen.value["sections"][1]);
    assert_eq!(alias.codes(), seen.codes());
    assert!(!stand.path("out").exists() && held() == before);
    let count = |log: &str| log.matches(" /v2/").count();
    let so_far = [&stand.staging, &stand.production].map(|registry| count(&registry.log()));
    stand.ok(&Stand::import_line("first"));
    let made: usize = [&stand.staging, &stand.production]
        .map(|registry| count(&registry.log()))
        .iter()
        .zip(so_far)
        .map(|(now, before)| now - before)
        .sum();
    let estimate = 2 * told_requests;
    assert!((made * 2 / 3..=made * 2).contains(&estimate), "{made} were made, {estimate} estimated");
    // Now it is in force, and the journal says so as production does.
    let seen = ask(&stand, "doctor @first.ombundle --site @site.yaml");
    assert_eq!(
        (seen.code, seen.answer("production", "generation")),
        (0, ("ok", "production keeps 1, the journal 1"))
    );
}

#[test]
fn one_that_may_not_come_in_is_told_and_the_rest_is_asked() {
    let stand = Stand::plain();
    stand.first();
    let mut bytes = fs::read(stand.path("first.ombundle")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(stand.path("bad.ombundle"), bytes).unwrap();
    let seen = ask(&stand, "doctor @bad.ombundle --site @site.yaml");
    assert_eq!((seen.code, seen.verdict("archive", "archive")), (10, "error"));
    assert_eq!(seen.answer("archive", "contents"), ("unasked", "not asked because of `archive`"));
    assert_eq!(seen.verdict("production", "write"), "ok");
    // Of another site.
    stand.edit("site.yaml", "name: ", "name: other-");
    let seen = ask(&stand, "doctor @first.ombundle --site @site.yaml");
    assert_eq!((seen.code, seen.verdict("archive", "archive")), (10, "error"));
}

#[test]
fn prerequisites_and_generations_are_compared_with_production() {
    let stand = Stand::plain();
    stand.first();
    stand.ok(&Stand::import_line("first"));
    stand.publish(ombundle::demo::Generation::Second);
    stand.pack("second", "--report @first/out/receipt.json");
    let line = "doctor @second.ombundle --site @site.yaml";
    let seen = ask(&stand, line);
    assert_eq!((seen.code, seen.verdict("production", "prerequisites")), (0, "ok"), "{seen:?}");
    // The journal of another machine.
    fs::rename(stand.path("state"), stand.path("state.away")).unwrap();
    let seen = ask(&stand, line);
    assert_eq!((seen.code, seen.finding("GENERATION_ELSEWHERE").0), (0, "info"));
    fs::rename(stand.path("state.away"), stand.path("state")).unwrap();
    // A production that was set back.
    fs::remove_dir_all(stand.production.storage()).unwrap();
    fs::create_dir_all(stand.production.storage()).unwrap();
    let seen = ask(&stand, line);
    assert_eq!((seen.code, seen.finding("GENERATION_LOST").0), (10, "warning"));
    let (severity, message, hint) = seen.finding("PREREQUISITES");
    assert!(
        severity == "error"
            && message.starts_with("production lacks ")
            && hint.contains("complement.ombundle"),
        "{message}"
    );
}

/// Two machines packed a generation 1 each, and both archives came into force.
#[test]
fn two_archives_with_one_number_are_told() {
    let stand = Stand::plain();
    stand.first();
    stand.twin();
    stand.ok(&Stand::import_line("first"));
    fs::rename(stand.path("state"), stand.path("state.first")).unwrap();
    let kept = stand.production.storage().join("docker/registry/v2/repositories/ombundle");
    fs::remove_dir_all(kept).unwrap();
    stand.ok(&Stand::import_line("twin"));
    fs::remove_dir_all(stand.path("state")).unwrap();
    fs::rename(stand.path("state.first"), stand.path("state")).unwrap();
    let seen = ask(&stand, "doctor --site @site.yaml");
    let (severity, message, hint) = seen.finding("GENERATION_DISPUTED");
    assert_eq!(
        (seen.code, severity, message),
        (10, "error", "generation 1 is another archive there than here")
    );
    assert!(hint.contains("a higher number ends the dispute"), "{hint}");
    let history = stand.expect("site history --site @site.yaml --format json", 10).json();
    let disputed =
        history["findings"].as_array().unwrap().iter().find(|one| one["code"] == "GENERATION_DISPUTED");
    let message = disputed.unwrap()["message"].as_str().unwrap();
    let inventories: Vec<&str> = history["generations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["inventory"].as_str().unwrap())
        .collect();
    assert!(
        inventories.len() == 2 && inventories.iter().all(|inventory| message.contains(inventory)),
        "{history}"
    );
}

#[test]
fn what_a_nexus_has_no_room_for() {
    let nexus = Nexus::start(Quirks { quota: Some(1000), ..Quirks::default() });
    let stand = Stand::plain();
    stand.first();
    let (staging, production) = (stand.staging.host().to_string(), stand.production.host().to_string());
    stand.edit("site.yaml", &staging, &nexus.staging());
    stand.edit("site.yaml", &production, &nexus.production());
    let spec =
        format!("  nexus: {{url: \"{}\", production: docker-production}}\n  state: ./state", nexus.url());
    stand.edit("site.yaml", "  state: ./state", &spec);
    stand.edit("site.yaml", "profile: distribution", "profile: nexus");
    let rest = nexus.url().trim_start_matches("http://").to_owned();
    let hosts = [nexus.staging(), nexus.production(), rest];
    let entries = hosts
        .each_ref()
        .map(|host| (host.as_str(), crate::support::registry::USER, crate::support::registry::PASSWORD));
    crate::support::registry::auth_file(stand.path("x").parent().unwrap(), &entries);
    let run = |more: &str| -> Ended {
        stand.run(&format!(
            "doctor @first.ombundle --site @site.yaml --authfile @auth.json --format json {more}"
        ))
    };
    let seen = Seen::of(run(""));
    let (severity, message, _) = seen.finding("BLOB_STORE_FULL");
    assert!(severity == "error" && message.contains("and the archive brings"), "{message}");
    let (_, message, _) = seen.finding("COMMUNITY");
    assert!(
        message.contains("100000 requests") && message.contains("; the import makes about "),
        "{message}"
    );
    // A profile that is another's.
    stand.edit("site.yaml", "profile: nexus", "profile: harbor");
    let seen = Seen::of(run("--only staging"));
    assert_eq!(seen.findings("PROFILE").len(), 1, "{seen:?}");
}
