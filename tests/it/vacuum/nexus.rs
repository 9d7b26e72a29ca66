//! On Nexus: tags that deletions leave behind, tasks in their order, and bytes that are measured.

use std::process::Command;

use serde_json::{Value, json};

use super::apply::collect;
use super::site::{dump, gone, two_generations};
use crate::import::stand::{Ended, Stand, finish};
use crate::support::nexus::{Nexus, Quirks};
use crate::support::registry::{DockerRegistry, PASSWORD, USER, auth_file};

const APPLY: &str = "vacuum --site @site.yaml --apply @vacuum.json --format json";

/// The site with Nexus as its production, filled from what the other production holds.
fn moved_to(nexus: &Nexus, more: &str) -> Stand {
    let spec = format!("  nexus: {{url: \"{}\", production: docker-production}}\n{more}", nexus.url());
    let stand = moved_into(&nexus.production(), nexus.registry(), &spec);
    stand.edit("site.yaml", "profile: distribution", "profile: nexus");
    let hosts = [nexus.production(), nexus.url().trim_start_matches("http://").to_owned()];
    let entries = hosts.each_ref().map(|host| (host.as_str(), USER, PASSWORD));
    auth_file(stand.path("x").parent().unwrap(), &entries);
    stand
}

/// A site whose production has another address and is kept by this registry, filled from what it held before; nobody goes back.
pub(super) fn moved_into(to: &str, registry: &DockerRegistry, more: &str) -> Stand {
    let stand = two_generations();
    collect(&stand);
    // A registry keeps nothing in memory: what is on its disk it has.
    std::fs::create_dir_all(registry.storage()).unwrap();
    let from = stand.production.storage().join("docker");
    let copied = Command::new("cp").arg("-a").arg(from).arg(registry.storage()).status();
    assert!(copied.unwrap().success());
    stand.edit("site.yaml", &stand.production.host().to_string(), to);
    stand.edit("site.yaml", "  state: ./state", &format!("  keepGenerations: 0\n{more}  state: ./state"));
    dump(&stand, "other.example/catalog:v1", &[]);
    stand
}

pub(super) fn run(stand: &Stand, line: &str) -> Ended {
    let mut command = stand.command(line);
    command.arg("--authfile").arg(stand.path("auth.json"));
    finish(command)
}

pub(super) fn ok(stand: &Stand, line: &str) -> Value {
    let ended = run(stand, line);
    assert_eq!(ended.code, Some(0), "{line}\n{}{}", ended.stdout, ended.stderr);
    ended.json()
}

#[test]
fn tasks_run_in_their_order_and_what_they_free_is_measured() {
    let nexus =
        Nexus::start(Quirks { delete_leaves_tags: true, upper_case_basic: true, ..Quirks::default() });
    let stand = moved_to(&nexus, "");
    let plan = ok(&stand, super::site::PLAN);
    let promised = plan["totals"]["frees"].as_u64().unwrap();
    assert!(promised > 10_000);
    let applied = ok(&stand, APPLY);
    assert_eq!(applied["findings"], json!([]), "a tag was left, or something is gone");
    assert_eq!(applied["deleted"].as_u64(), Some(gone(&plan).len() as u64));
    // What is left of claims to be alone goes too: no less than was promised, and hardly more.
    let freed = applied["freed"].as_u64().unwrap();
    assert!((promised..promised + 20_000).contains(&freed), "{freed} of {promised}");
    let runs: Vec<String> =
        nexus.asked().iter().filter(|asked| asked.method == "POST").map(|asked| asked.path.clone()).collect();
    let path = |task: &str| format!("/service/rest/v1/tasks/{task}/run");
    assert_eq!(runs, ["t1", "t2", "t3", "t4"].map(path));
    assert!(nexus.asked().iter().any(|asked| asked.is("DELETE", "/components/")), "no tag was left behind");
    let check = run(&stand, "check --site @site.yaml");
    assert_eq!(check.code, Some(0), "{}", check.stderr);
}

#[test]
fn without_its_tasks_nothing_is_deleted() {
    let nexus = Nexus::start(Quirks { no_tasks: true, ..Quirks::default() });
    let stand = moved_to(&nexus, "");
    ok(&stand, super::site::PLAN);
    let ended = run(&stand, APPLY);
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    assert!(ended.stderr.contains("Docker - Delete unused manifests and images"), "{}", ended.stderr);
    assert!(!nexus.registry().log().contains("\"DELETE /v2/small"), "something was deleted");
    let again: Value = ok(&stand, super::site::PLAN);
    assert_ne!(again["totals"]["gone"], 0);
}

#[test]
fn a_task_that_fails_is_told() {
    let nexus = Nexus::start(Quirks { tasks_fail: true, ..Quirks::default() });
    let stand = moved_to(&nexus, "");
    ok(&stand, super::site::PLAN);
    let ended = run(&stand, APPLY);
    assert_eq!(ended.code, Some(7), "{}", ended.stderr);
    assert!(ended.stderr.contains("the task `purge uploads` ended with FAILED"), "{}", ended.stderr);
    // Nothing is lost by running it again.
    let ended = run(&stand, APPLY);
    assert_eq!(ended.code, Some(7), "{}", ended.stderr);
}
