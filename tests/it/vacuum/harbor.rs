//! On Harbor: its garbage collection is begun, waited for, and its word on what it freed is passed on; who may not run it is told.

use serde_json::{Value, json};

use super::nexus::{moved_into, ok, run};
use super::site::PLAN;
use crate::import::stand::Stand;
use crate::support::harbor::{Harbor, Quirks};
use crate::support::registry::{PASSWORD, USER, auth_file};

const APPLY: &str = "vacuum --site @site.yaml --apply @vacuum.json --format json";

/// The site with Harbor as its production, and a plan that lets something go.
fn site(harbor: &Harbor) -> (Stand, Value) {
    let stand = moved_into(&harbor.host(), harbor.registry(), "");
    stand.edit("site.yaml", "profile: distribution", "profile: auto");
    auth_file(stand.path("x").parent().unwrap(), &[(harbor.host().as_str(), USER, PASSWORD)]);
    let plan = ok(&stand, PLAN);
    assert_ne!(plan["totals"]["frees"], 0);
    (stand, plan)
}

#[test]
fn garbage_is_collected_and_what_that_freed_is_told() {
    let harbor = Harbor::start(Quirks { busy: 2, ..Quirks::default() });
    let (stand, plan) = site(&harbor);
    let done = ok(&stand, APPLY);
    assert_eq!((&done["freed"], &done["findings"]), (&plan["totals"]["frees"], &json!([])));
    assert_eq!(harbor.count("POST", "/system/gc/schedule"), 1, "the run of others was not waited for");
    ok(&stand, "check --site @site.yaml --format json");
}

#[test]
fn who_may_not_collect_is_told_and_the_images_are_gone_all_the_same() {
    let harbor = Harbor::start(Quirks { robot: true, ..Quirks::default() });
    let (stand, plan) = site(&harbor);
    let done = ok(&stand, APPLY);
    assert_eq!(done["deleted"], plan["totals"]["gone"]);
    assert_eq!((&done["freed"], &done["findings"][0]["code"]), (&Value::Null, &json!("GC_NOT_ALLOWED")));
    assert_eq!(harbor.count("POST", "/system/gc"), 0);
    let told = run(&stand, "vacuum --site @site.yaml --apply @vacuum.json");
    assert!(told.stderr.contains("only system administrators may"), "{}", told.stderr);
}

#[test]
fn what_harbor_spares_or_does_not_say_or_fails_at_is_told() {
    let harbor = Harbor::start(Quirks { young: true, ..Quirks::default() });
    let (stand, _) = site(&harbor);
    let done = ok(&stand, APPLY);
    assert_eq!((&done["freed"], &done["findings"][0]["code"]), (&json!(0), &json!("GC_SPARED")));
    let harbor = Harbor::start(Quirks { silent: true, ..Quirks::default() });
    let (stand, _) = site(&harbor);
    assert_eq!(ok(&stand, APPLY)["freed"], Value::Null);
    let harbor = Harbor::start(Quirks { fails: true, ..Quirks::default() });
    let (stand, _) = site(&harbor);
    let ended = run(&stand, APPLY);
    assert_eq!(ended.code, Some(7), "{}", ended.stderr);
    assert!(ended.stderr.contains("`Garbage Collection` ended with Error"), "{}", ended.stderr);
}
