//! On Nexus: tags that deletions leave behind, tasks in their order, and bytes that are measured.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::{Value, json};

use super::apply::{blobs, collect};
use super::moving::{APPLY_EMPTY, APPLY_MOVE, EMPTY, MOVE};
use super::site::{codes, dump, gone, two_generations};
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

/// The site with both of its ports at Nexus, filled from what its other registries hold; nobody goes back.
fn both_ports(nexus: &Nexus) -> Stand {
    let spec = format!(
        "  nexus: {{url: \"{}\", production: docker-production, staging: docker-staging}}\n",
        nexus.url()
    );
    let stand = moved_into(&nexus.production(), nexus.registry(), &spec);
    fill(nexus.staging_registry(), &stand.staging);
    stand.edit("site.yaml", &stand.staging.host().to_string(), &nexus.staging());
    stand.edit("site.yaml", "profile: distribution", "profile: nexus");
    let hosts = [nexus.staging(), nexus.production(), nexus.url().trim_start_matches("http://").to_owned()];
    let entries = hosts.each_ref().map(|host| (host.as_str(), USER, PASSWORD));
    auth_file(stand.path("x").parent().unwrap(), &entries);
    stand
}

/// Gives a registry what another one holds: it keeps nothing in memory, so what is on its disk it has.
fn fill(registry: &DockerRegistry, from: &DockerRegistry) {
    std::fs::create_dir_all(registry.storage()).unwrap();
    let copied =
        Command::new("cp").arg("-a").arg(from.storage().join("docker")).arg(registry.storage()).status();
    assert!(copied.unwrap().success());
}

/// A site whose production has another address and is kept by this registry, filled from what it held before; nobody goes back.
pub(super) fn moved_into(to: &str, registry: &DockerRegistry, more: &str) -> Stand {
    let stand = two_generations();
    collect(&stand);
    fill(registry, &stand.production);
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
    let nexus = Nexus::start(Quirks {
        delete_leaves_tags: true,
        loose_search: true,
        upper_case_basic: true,
        ..Quirks::default()
    });
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
    let measured = |name: &str| applied["measured"][name].clone();
    assert_eq!(measured("store"), "default");
    assert_eq!(measured("before").as_u64().unwrap() - measured("after").as_u64().unwrap(), freed);
    let runs: Vec<String> =
        nexus.asked().iter().filter(|asked| asked.method == "POST").map(|asked| asked.path.clone()).collect();
    let path = |task: &str| format!("/service/rest/v1/tasks/{task}/run");
    assert_eq!(runs, ["t1", "t2", "t3", "t4"].map(path));
    let asked = nexus.asked();
    let forgotten: Vec<_> = asked.iter().filter(|asked| asked.is("DELETE", "/components/")).collect();
    assert!(!forgotten.is_empty(), "no tag was left behind");
    let ours = |path: &str| !path.ends_with("/live") && !path.ends_with("/other");
    assert!(forgotten.iter().all(|asked| ours(&asked.path)), "{forgotten:?}");
    // Nobody else gets in before the registry has cleaned up.
    assert!(nexus.log_since_run().contains("ombundle-lease"), "the lease was let go before");
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
    // What was deleted before is told all the same.
    assert!(ended.json()["deleted"].as_u64().unwrap() > 0, "{}", ended.stdout);
    // Nothing is lost by running it again.
    let ended = run(&stand, APPLY);
    assert_eq!(ended.code, Some(7), "{}", ended.stderr);
}

/// The tasks that were run, and the repositories in which tags were looked for.
fn ran(nexus: &Nexus) -> (Vec<String>, BTreeSet<String>) {
    let asked = nexus.asked();
    let posted = asked.iter().filter(|asked| asked.method == "POST");
    let runs = posted.map(|asked| asked.path.split('/').rev().nth(1).unwrap().to_owned()).collect();
    let searches = asked.iter().filter_map(|asked| asked.path.split_once("/search?")?.1.split('&').next());
    (runs, searches.map(str::to_owned).collect())
}

#[test]
fn a_move_names_the_repositories_the_other_way_round_and_each_emptying_frees_its_own() {
    let quirks = Quirks {
        delete_leaves_tags: true,
        upper_case_basic: true,
        one_upload_per_digest: true,
        own_stores: true,
        ..Quirks::default()
    };
    let nexus = Nexus::start(quirks);
    let stand = both_ports(&nexus);
    let hosts = |text: &str| [nexus.staging(), nexus.production()].map(|host| text.find(&host).unwrap());
    // Of a layer that staging has too Nexus frees nothing.
    let prune = ok(&stand, super::site::PLAN);
    assert_eq!(codes(&prune), ["STAGING_HOLDS_TOO"]);
    assert_eq!(prune["findings"][0]["subject"], nexus.staging());

    let emptying = ok(&stand, EMPTY);
    assert_eq!(
        (codes(&emptying), &emptying["totals"]["kept"]),
        (vec!["PRODUCTION_HOLDS_TOO".to_owned()], &json!(0))
    );
    let emptied = ok(&stand, APPLY_EMPTY);
    assert_eq!((&emptied["findings"], &emptied["measured"]["store"]), (&json!([]), &json!("docker-staging")));
    assert!(emptied["freed"].as_u64() > Some(50_000), "{emptied}");
    let tasks = ["t1", "t2", "t3", "t4"];
    assert_eq!(
        ran(&nexus),
        (tasks.map(str::to_owned).into(), BTreeSet::from(["repository=docker-staging".into()]))
    );
    assert_eq!(codes(&ok(&stand, super::site::PLAN)), [""; 0]);

    // A move deletes nothing, so that nothing is to be freed.
    assert_eq!(codes(&ok(&stand, MOVE)), [""; 0]);
    let moved = ok(&stand, APPLY_MOVE);
    assert_eq!((&moved["findings"], ran(&nexus).0.len()), (&json!([]), tasks.len()), "{moved}");
    let (before, after) = (stand.text("site.yaml"), stand.text("moved/site.yaml"));
    assert!(before.contains("production: docker-production, staging: docker-staging"), "{before}");
    assert!(after.contains("production: docker-staging, staging: docker-production"), "{after}");
    let [first, second] = hosts(&before);
    assert_eq!(hosts(&after), [second, first], "{after}");

    // From here on staging is the other port, and the other repository.
    std::fs::copy(stand.path("moved/site.yaml"), stand.path("site.yaml")).unwrap();
    assert_eq!(run(&stand, "check --site @site.yaml").code, Some(0));
    let emptying = ok(&stand, EMPTY);
    assert_eq!(emptying["registry"], nexus.production());
    let emptied = ok(&stand, APPLY_EMPTY);
    assert_eq!(
        (&emptied["findings"], &emptied["measured"]["store"]),
        (&json!([]), &json!("docker-production"))
    );
    let measured = |name: &str| emptied["measured"][name].as_u64().unwrap();
    assert!(measured("before") > measured("after") + 50_000, "{emptied}");
    let (runs, searches) = ran(&nexus);
    assert_eq!(runs, [tasks, tasks].concat());
    assert_eq!(searches.len(), 2, "{searches:?}");
    // Of claims to be alone the registry keeps those without a tag.
    assert!(blobs(nexus.registry().storage()) < 10_000, "the former port is not empty");
    let check = run(&stand, "check --site @site.yaml");
    assert_eq!(check.code, Some(0), "{}", check.stderr);
}

#[test]
fn a_task_that_is_made_for_the_other_repository_is_told() {
    let nexus = Nexus::start(Quirks {
        collects_only: Some("docker-production"),
        discreet: true,
        ..Quirks::default()
    });
    let stand = both_ports(&nexus);
    ok(&stand, EMPTY);
    let emptied = ok(&stand, APPLY_EMPTY);
    assert!(emptied["deleted"].as_u64() > Some(10), "{emptied}");
    // Who may not look at settings measures all blob stores.
    assert_eq!((&emptied["freed"], &emptied["measured"]["store"]), (&json!(0), &Value::Null));
    let [told] = emptied["findings"].as_array().unwrap().as_slice() else { panic!("{emptied}") };
    assert_eq!(
        (&told["code"], &told["subject"]),
        (&json!("NOTHING_FREED"), &json!("Nexus repository docker-staging"))
    );
    assert!(told["hint"].as_str().unwrap().contains("is made for the repository `docker-staging`"), "{told}");
}
