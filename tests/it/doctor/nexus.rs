//! Nexus: what its REST API shows, each with the quirk that makes it bad.

use super::clinic::{Clinic, Seen};
use crate::support::nexus::{Nexus, Quirks};

/// A site in front of an instance, which knows where its REST API is.
fn clinic(nexus: &Nexus) -> Clinic {
    let (staging, production) = (nexus.staging(), nexus.production());
    let rest = nexus.url().trim_start_matches("http://").to_owned();
    let spec =
        format!("  nexus: {{url: \"{}\", production: docker-production}}\n  state: ./state", nexus.url());
    Clinic::new(&staging, &production).edit("  state: ./state", &spec).login(&[&staging, &production, &rest])
}

fn ask(quirks: Quirks) -> Seen {
    clinic(&Nexus::start(quirks)).ask("")
}

#[test]
fn an_instance_in_good_order() {
    let seen = ask(Quirks { edition: Some("PRO"), ..Quirks::default() });
    assert_eq!(seen.code, 0, "{seen:?}");
    assert_eq!(seen.value["findings"], serde_json::json!([]));
    assert_eq!(seen.answer("production", "api"), ("ok", "Nexus/3.92.0-03 (PRO)"));
    assert_eq!(seen.answer("nexus", "budget"), ("ok", "Nexus/3.92.0-03 (PRO)"));
    assert_eq!(
        seen.answer("nexus", "repositories"),
        ("ok", "staging is docker-staging, production is docker-production")
    );
    assert_eq!(seen.answer("nexus", "redeploy"), ("ok", "ALLOW, ALLOW"));
    for question in ["bearer-realm", "clean-up", "blob-store", "tasks"] {
        assert_eq!(seen.verdict("nexus", question), "ok", "{question}");
    }
}

#[test]
fn the_realm_that_tokens_need() {
    let seen = ask(Quirks { no_bearer_realm: true, ..Quirks::default() });
    assert_eq!(seen.code, 10);
    let (severity, _, hint) = seen.finding("BEARER_REALM");
    assert_eq!((severity, hint), ("error", "activate it under Security, Realms"));
    // Without its REST API it is guessed from what the registries do.
    assert_eq!(seen.findings("CREDENTIALS_REFUSED").len(), 2);
    assert!(
        seen.findings("CREDENTIALS_REFUSED")[0]["hint"]
            .as_str()
            .unwrap()
            .contains("Docker Bearer Token Realm")
    );
}

#[test]
fn capitals_are_only_told() {
    let seen = ask(Quirks { upper_case_basic: true, ..Quirks::default() });
    assert_eq!((seen.code, seen.codes()), (0, vec!["UPPER_CASE_BASIC", "UPPER_CASE_BASIC", "COMMUNITY"]));
}

#[test]
fn tags_that_cannot_move_matter_in_production() {
    let seen = ask(Quirks { write_policy: Some("ALLOW_ONCE"), edition: Some("PRO"), ..Quirks::default() });
    assert_eq!((seen.code, seen.verdict("nexus", "redeploy")), (10, "error"));
    let found: Vec<(&str, &str)> = seen
        .findings("FIXED_TAGS")
        .into_iter()
        .map(|finding| (finding["subject"].as_str().unwrap(), finding["severity"].as_str().unwrap()))
        .collect();
    assert_eq!(found, [("repository docker-staging", "info"), ("repository docker-production", "error")]);
    let seen = ask(Quirks { write_policy: Some("DENY"), ..Quirks::default() });
    assert_eq!(seen.findings("READ_ONLY").len(), 2);
    // What is seen by writing says the same.
    let nexus = Nexus::start(Quirks { no_redeploy: true, edition: Some("PRO"), ..Quirks::default() });
    let seen = clinic(&nexus).ask("--write-test --only production");
    assert_eq!((seen.code, seen.verdict("production", "redeploy")), (10, "error"));
    assert!(seen.finding("FIXED_TAGS").2.contains("Allow redeploy"));
}

#[test]
fn a_policy_that_eats_the_mirror() {
    let seen = ask(Quirks { cleanup_policy: true, ..Quirks::default() });
    assert_eq!(seen.verdict("nexus", "clean-up"), "warning");
    let (severity, message, _) = seen.finding("CLEANUP_POLICY");
    assert!(severity == "warning" && message.contains("`weekly`"), "{message}");
}

#[test]
fn tasks_that_run_by_themselves() {
    let seen = ask(Quirks { scheduled: true, ..Quirks::default() });
    assert_eq!(seen.answer("nexus", "tasks"), ("info", "2 tasks scheduled that delete"));
    assert_eq!(seen.findings("SCHEDULED_TASK").len(), 2);
}

#[test]
fn a_group_takes_no_pushes() {
    let seen = ask(Quirks { group: true, ..Quirks::default() });
    assert_eq!((seen.code, seen.finding("NOT_HOSTED").0), (10, "error"));
}

#[test]
fn a_full_blob_store() {
    let seen = ask(Quirks { quota: Some(0), ..Quirks::default() });
    assert_eq!((seen.code, seen.finding("BLOB_STORE_FULL").0), (10, "error"));
    assert_eq!(
        ask(Quirks { quota: Some(1 << 30), ..Quirks::default() }).verdict("nexus", "blob-store"),
        "ok"
    );
}

#[test]
fn what_the_community_edition_takes() {
    let seen = ask(Quirks::default());
    assert_eq!((seen.code, seen.codes()), (0, vec!["COMMUNITY"]));
    let (_, message, _) = seen.finding("COMMUNITY");
    assert!(message.contains("100000 requests in 24 hours and 40000 components"), "{message}");
}

#[test]
fn the_repository_that_the_site_file_names() {
    let nexus = Nexus::start(Quirks { edition: Some("PRO"), ..Quirks::default() });
    for (name, findings) in [("docker-staging", 1), ("nobody", 1)] {
        let seen =
            clinic(&nexus).edit("production: docker-production", &format!("production: {name}")).ask("");
        assert_eq!((seen.code, seen.findings("NEXUS_REPOSITORY").len()), (10, findings), "{name}");
    }
}

#[test]
fn an_account_that_may_not_look_is_told_what_it_lacks() {
    let seen = ask(Quirks { discreet: true, edition: Some("PRO"), ..Quirks::default() });
    assert_eq!(seen.code, 0, "{seen:?}");
    assert_eq!(seen.verdict("nexus", "repositories"), "warning");
    assert_eq!(seen.answer("nexus", "clean-up"), ("unasked", "not asked because of `repositories`"));
    assert_eq!(seen.verdict("nexus", "tasks"), "ok");
    assert!(seen.findings("NEXUS_UNSEEN")[0]["hint"].as_str().unwrap().contains("the privilege `nx-"));
}

#[test]
fn without_its_address_only_its_edition_is_known() {
    let nexus = Nexus::start(Quirks::default());
    let seen = Clinic::new(&nexus.staging(), &nexus.production()).ask("");
    assert_eq!(seen.verdict("nexus", "budget"), "info");
    let (verdict, told) = seen.answer("nexus", "clean-up");
    assert!(verdict == "unasked" && told.contains("`nexus` in the site file"), "{told}");
}
