//! Production moves to the other port with what is used, and the former one is emptied.

use std::collections::BTreeSet;
use std::fs;

use ombundle::limits::LIMITS;
use ombundle::reference::{ImageRef, RegistryHost};
use ombundle::registry::Target;
use ombundle::retain::{Task, VacuumPlan};
use serde_json::{Value, json};

use super::apply::{blobs, collect};
use super::site::{codes, dump, gone, kept, planned, two_generations};
use crate::import::catalogs;
use crate::import::stand::{Stand, finish};
use crate::import::stock::Skopeo;
use crate::support::registry::DockerRegistry;

pub(super) const MOVE: &str =
    "vacuum --site @site.yaml --cluster @dump.json --move-to staging -o @move.json --format json";
pub(super) const APPLY_MOVE: &str =
    "vacuum --site @site.yaml --cluster @dump.json --apply @move.json --emit @moved --format json";
pub(super) const EMPTY: &str =
    "vacuum --site @site.yaml --cluster @dump.json --empty staging -o @empty.json --format json";
pub(super) const APPLY_EMPTY: &str =
    "vacuum --site @site.yaml --cluster @dump.json --apply @empty.json --format json";

/// Two generations in production, of which nobody goes back; the cluster serves today's catalog.
fn ground() -> Stand {
    let stand = two_generations();
    stand.edit("site.yaml", "  state: ./state", "  keepGenerations: 0\n  state: ./state");
    let served = stand.catalog().repository.pin(stand.served().unwrap());
    dump(&stand, &served.to_string(), &[]);
    stand
}

/// The same with an empty staging and `move.json`.
fn about_to_move() -> (Stand, Value) {
    let stand = ground();
    stand.ok(EMPTY);
    stand.ok(APPLY_EMPTY);
    let plan = stand.ok(MOVE).json();
    (stand, plan)
}

/// The file system of a registry after its own clean-up: bytes of blobs.
fn collected(registry: &DockerRegistry) -> u64 {
    let mut command = std::process::Command::new("docker-registry");
    command.arg("garbage-collect").arg(registry.config());
    assert_eq!(finish(command).code, Some(0));
    blobs(registry.storage())
}

fn image(host: &RegistryHost, repository: &str, digest: impl std::fmt::Display) -> String {
    format!("{host}/{repository}@{digest}")
}

/// The catalog as a port serves it.
fn at(stand: &Stand, host: &RegistryHost) -> ImageRef {
    let mut catalog = stand.catalog();
    catalog.repository.host = host.clone();
    catalog
}

#[test]
fn only_what_is_used_moves_and_the_former_port_is_emptied() {
    let stand = ground();
    let (old, new) = (stand.production.host(), stand.staging.host());
    // What was staged is no part of it: the other port must be empty first.
    let full = stand.expect(MOVE, 10).json();
    assert_eq!(codes(&full), ["STAGING_NOT_EMPTY"]);
    let refused = stand.expect(APPLY_MOVE, 9);
    assert!(
        refused.stderr.contains("that do not move") && refused.stderr.contains("--empty staging"),
        "{}",
        refused.stderr
    );
    let emptying = stand.ok(EMPTY).json();
    assert_eq!((codes(&emptying), &emptying["totals"]["kept"]), (vec![], &json!(0)));
    let why: Vec<&Value> = emptying["repositories"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|it| it["gone"].as_array().unwrap())
        .map(|it| &it["why"][0]["rule"])
        .collect();
    assert!(why.iter().filter(|rule| **rule == "elsewhere").count() > 10, "{why:?}");
    stand.ok(APPLY_EMPTY);
    assert_eq!(collected(&stand.staging), 0);
    stand.ok("check --site @site.yaml");

    let plan = stand.ok(MOVE).json();
    assert_eq!(codes(&plan), [""; 0]);
    assert!(gone(&plan).len() > 5 && kept(&plan).len() > 5, "{}", plan["totals"]);
    let copied = plan["task"]["move"]["bytes"].as_u64().unwrap();
    let before = stand.production.changes();
    let done = stand.ok(APPLY_MOVE).json();
    assert_eq!(done["findings"], json!([]));
    assert!(done["written"].as_u64() > Some(20), "{done}");
    // Nothing is deleted or changed at the former port but our claim to be alone.
    let log = stand.production.log();
    let deletions = log.lines().filter(|line| line.contains("\"DELETE /v2/") && line.contains("/manifests/"));
    assert_eq!(deletions.count(), 0, "something was deleted");
    assert!(stand.production.changes() - before <= 6, "{}", stand.production.changes() - before);

    // The other port holds what was to move, and nothing else of the site's.
    let skopeo = Skopeo::new(&stand);
    let folder = tempfile::tempdir().unwrap();
    for (number, (repository, digest)) in kept(&plan).into_iter().enumerate() {
        let there = image(&new, &repository, digest);
        assert_eq!(skopeo.raw(&there), Some(digest), "{there}");
        if number % 4 == 0 && !repository.contains("index") {
            skopeo.pull_verbatim(&there, &folder.path().join(number.to_string()));
        }
    }
    for (repository, digest) in gone(&plan) {
        assert_eq!(skopeo.raw(&image(&new, &repository, digest)), None, "{repository}@{digest}");
    }
    let total = blobs(stand.staging.storage());
    // What it keeps of generations comes on top.
    assert!(total >= copied && total < copied + 200_000, "{total} bytes there, {copied} planned");
    let served = stand.digest_of(&at(&stand, &new)).unwrap();
    assert_eq!(json!(served), plan["catalogs"][0]["after"]);
    let texts = catalogs::files(&stand, &at(&stand, &new));
    let named = |host: &RegistryHost| {
        texts.values().any(|text| String::from_utf8_lossy(text).contains(host.as_str()))
    };
    assert!(texts.len() >= 3 && !named(&old) && !named(&new), "the catalog names a mirror");

    // What the cluster is told.
    let sets = |folder: &str| {
        stand.text(&format!("moved/{folder}/01-imagedigestmirrorset-idms-small-world-production.yaml"))
    };
    let (both, alone) = (sets("cluster"), sets("leave"));
    let first = |text: &str, host: &RegistryHost| text.find(host.as_str());
    assert!(first(&both, &new).unwrap() < first(&both, &old).unwrap(), "{both}");
    assert!(first(&alone, &new).is_some() && first(&alone, &old).is_none(), "{alone}");
    let source = stand.text("moved/cluster/02-catalogsource-cs-redhat.yaml");
    assert!(source.contains(&at(&stand, &new).repository.pin(served).to_string()), "{source}");
    let back = stand.text("moved/back/02-catalogsource-cs-redhat.yaml");
    assert!(back.contains(&stand.catalog().repository.pin(stand.served().unwrap()).to_string()), "{back}");
    for (runbook, leave) in [
        ("RUNBOOK.md", "Leave the former port"),
        ("RUNBOOK.ko.md", "이전 포트에서 벗어나기"),
        ("RUNBOOK.zh.md", "离开原端口"),
    ] {
        let text = stand.text(&format!("moved/{runbook}"));
        let chapter = text.find(leave).unwrap();
        let empties = text.find("--empty staging").unwrap();
        assert!(chapter < empties && text.contains("leave/01-imagedigestmirrorset"), "{text}");
    }

    // The former plan is of a site whose production is elsewhere now.
    fs::copy(stand.path("moved/site.yaml"), stand.path("site.yaml")).unwrap();
    stand.expect(APPLY_MOVE, 2);
    stand.ok("check --site @site.yaml");

    // The cluster still serves from the former port: it is not emptied.
    let points = stand.ok(EMPTY).json();
    assert_eq!(
        (codes(&points), &points["totals"]["gone"]),
        (vec!["POINTS_TO_STAGING".to_owned()], &json!(0))
    );
    dump(&stand, &at(&stand, &new).repository.pin(served).to_string(), &[]);
    let emptying = stand.ok(EMPTY).json();
    assert_eq!((codes(&emptying), &emptying["totals"]["kept"]), (vec![], &json!(0)));
    stand.ok(APPLY_EMPTY);
    // Of claims to be alone the registry keeps those without a tag, a few hundred bytes each.
    assert!(collected(&stand.production) < 10_000, "the former port is not empty");
    stand.ok("check --site @site.yaml");
    // A machine that knows nothing learns from the new production which generation is in force.
    fs::remove_dir_all(stand.path("state")).unwrap();
    let older = stand.run(&Stand::import_line("first"));
    assert!(older.code != Some(0) && older.stderr.contains("generation"), "{}", older.stderr);
    // Of what moved nothing is unneeded but the former catalog itself, which a cluster named when that was planned.
    let next = planned(&stand);
    assert_eq!(next["catalogs"], json!([]));
    let former = plan["catalogs"][0]["before"].as_str().unwrap().parse().unwrap();
    let digests: Vec<_> = gone(&next).into_iter().map(|(_, digest)| digest).collect();
    assert_eq!(digests, [former], "{next}");
}

#[test]
fn a_move_that_was_killed_is_gone_on_with() {
    let (stand, plan) = about_to_move();
    let mut killed = 0;
    for when in [60, 150, 300, 500, 700] {
        let ended =
            finish(stand.traced(&format!("sendto:signal=KILL:when={when}"), &format!("{APPLY_MOVE} -j 1")));
        killed += usize::from(ended.code.is_none());
        stand.ok("check --site @site.yaml");
    }
    assert!(killed >= 2, "killed {killed} times");
    stand.ok(APPLY_MOVE);
    let skopeo = Skopeo::new(&stand);
    for (repository, digest) in kept(&plan) {
        assert_eq!(
            skopeo.raw(&image(&stand.staging.host(), &repository, digest)),
            Some(digest),
            "{repository}"
        );
    }
    // Done once more it writes nothing, and says the same.
    let first = stand.text("moved/RUNBOOK.md");
    let again = stand.ok(APPLY_MOVE).json();
    assert_eq!(again["written"], 0);
    let stable =
        |text: &str| text.lines().filter(|line| !line.contains("20")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(stable(&stand.text("moved/RUNBOOK.md")), stable(&first));
    fs::copy(stand.path("moved/site.yaml"), stand.path("site.yaml")).unwrap();
    stand.ok("check --site @site.yaml");
}

#[test]
fn the_way_back_moves_with_it() {
    let stand = two_generations();
    let served = stand.catalog().repository.pin(stand.served().unwrap());
    dump(&stand, &served.to_string(), &[]);
    stand.ok(EMPTY);
    stand.ok(APPLY_EMPTY);
    stand.ok(MOVE);
    stand.ok(APPLY_MOVE);
    fs::copy(stand.path("moved/site.yaml"), stand.path("site.yaml")).unwrap();
    // What was served before the move can be put back at the new port, on a machine that knows of nothing.
    fs::remove_dir_all(stand.path("state")).unwrap();
    stand.ok("rollback --site @site.yaml -o @back --yes");
    stand.ok("check --site @site.yaml");
    let names = catalogs::catalog(&catalogs::files(&stand, &at(&stand, &stand.staging.host())));
    assert!(names.packages["web-terminal"].bundles.contains_key("web-terminal.v1.9.0"));
}

#[test]
fn what_speaks_against_a_move_is_told_before_anything_is_written() {
    let (stand, plan) = about_to_move();
    let storage = stand.staging.storage().to_owned();
    let tags = |of: &std::path::Path| {
        crate::import::stand::listing(of)
            .into_keys()
            .filter(|path| path.to_str().unwrap().contains("/tags/"))
            .count()
    };
    let before = tags(&storage);
    let refused = |line: &str, code: i32, said: &str| {
        let ended = stand.expect(line, code);
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
        assert_eq!(tags(&storage), before, "{said}: something was written");
    };
    // Made by hand for a third port.
    let text = stand.text("move.json");
    let mut elsewhere = VacuumPlan::parse(text.as_bytes(), &LIMITS).unwrap();
    let Task::Move(moving) = &mut elsewhere.task else { panic!("{:?}", elsewhere.task) };
    moving.to = "127.0.0.1:1".parse().unwrap();
    stand.write("move.json", &serde_json::to_string(&elsewhere.sealed()).unwrap());
    refused(APPLY_MOVE, 2, "the site file was changed");
    stand.write("move.json", &text);
    // Resources are what a move is for.
    refused("vacuum --site @site.yaml --apply @move.json", 2, "--emit DIR");
    // Somebody pushed to the other port meanwhile.
    let (repository, digest) =
        gone(&plan).into_iter().find(|(name, _)| name.contains("web-terminal")).unwrap();
    let (from, to) = (stand.production.repository(&repository), stand.staging.repository(&repository));
    Skopeo::new(&stand).copy(&from.pin(digest).to_string(), &format!("{to}:strange"));
    let ended = stand.expect(APPLY_MOVE, 9);
    assert!(ended.stderr.contains("that do not move, 1 in all"), "{}", ended.stderr);
    stand.client().delete_manifest(&to, digest).unwrap();
    // A newer dump: what would be left behind runs by now, or is installed.
    dump(&stand, "other.example/catalog:v1", &[format!("r.example/any@{digest}")]);
    refused(APPLY_MOVE, 9, "in use by now");
    dump(&stand, "other.example/catalog:v1", &[]);
    stand.edit("dump.json", "1.11.0", "1.9.0");
    refused(APPLY_MOVE, 9, "is needed, and the plan cuts it");
    dump(&stand, "other.example/catalog:v1", &[]);
    // An import is half-way.
    let journal = stand.text("state/journal.jsonl");
    let lines: Vec<&str> = journal.lines().collect();
    let committed = lines.iter().rposition(|line| line.contains("\"committed\"")).unwrap();
    stand.write("state/journal.jsonl", &format!("{}\n", lines[..committed].join("\n")));
    refused(APPLY_MOVE, 5, "did not get to its end");
    stand.write("state/journal.jsonl", &journal);
    // A tag of production was moved by hand.
    let place = stand.catalog().repository;
    stand
        .client()
        .push_manifest(
            &place,
            &Target::Tag("v9".parse().unwrap()),
            &stand.client().manifest(&place, &stand.served().unwrap().into()).unwrap().unwrap(),
        )
        .unwrap();
    refused(APPLY_MOVE, 9, "changed in 1 tag since the plan was made");
}

#[test]
fn bytes_that_production_changed_do_not_arrive() {
    let (stand, plan) = about_to_move();
    // What was deleted there would still be found on its disk.
    collected(&stand.staging);
    // A layer of something that moves has another byte on the disk.
    let (repository, digest) =
        kept(&plan).into_iter().find(|(name, _)| name.contains("web-terminal")).unwrap();
    let manifest =
        stand.client().manifest(&stand.production.repository(&repository), &digest.into()).unwrap().unwrap();
    let mut value: Value = serde_json::from_slice(manifest.bytes()).unwrap();
    if let Some(child) = value["manifests"][0]["digest"]
        .as_str()
        .map(|child| child.parse::<ombundle::digest::Digest>().unwrap())
    {
        let manifest = stand
            .client()
            .manifest(&stand.production.repository(&repository), &child.into())
            .unwrap()
            .unwrap();
        value = serde_json::from_slice(manifest.bytes()).unwrap();
    }
    let layer = value["layers"][0]["digest"].as_str().unwrap().trim_start_matches("sha256:").to_owned();
    let path = stand
        .production
        .storage()
        .join(format!("docker/registry/v2/blobs/sha256/{}/{layer}/data", &layer[..2]));
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let ended = stand.run(APPLY_MOVE);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(
        ended.stderr.contains(&stand.production.host().to_string()) && ended.stderr.contains(&layer),
        "{}",
        ended.stderr
    );
    assert!(stand.digest_of(&at(&stand, &stand.staging.host())).is_none(), "a catalog is in force there");
}

#[test]
fn what_production_lost_is_not_taken_from_staging() {
    let stand = ground();
    let plan = stand.ok(EMPTY).json();
    // A blob of production is gone from its disk: only staging has it now.
    let (repository, digest) =
        gone(&plan).into_iter().find(|(name, _)| name.contains("web-terminal")).unwrap();
    let place = stand.production.repository(&repository);
    let held = stand.client().manifest(&place, &digest.into()).unwrap();
    assert!(held.is_some());
    stand.client().delete_manifest(&place, digest).unwrap();
    let before = stand.staging.changes();
    let ended = stand.expect(APPLY_EMPTY, 5);
    assert!(ended.stderr.contains("production does not hold"), "{}", ended.stderr);
    assert_eq!(stand.staging.changes(), before, "something was deleted");
    // Planned anew it stays, for the catalog that is served offers it.
    let plan = stand.run(EMPTY).json();
    assert!(kept(&plan).contains(&(repository, digest)), "{}", plan["totals"]);
    collect(&stand);
}

/// What a cluster says of itself once the files of a folder were applied to it.
fn apply_to_dump(stand: &Stand, folder: &str) {
    let mut list: Value = serde_json::from_str(&stand.text("dump.json")).unwrap();
    let items = list["items"].as_array_mut().unwrap();
    for path in files_in(stand, folder) {
        let object: Value = serde_norway::from_str(&stand.text(&format!("moved/{folder}/{path}"))).unwrap();
        let key = |it: &Value| (it["kind"].clone(), it["metadata"]["name"].clone());
        items.retain(|item| key(item) != key(&object));
        items.push(object);
    }
    stand.write("dump.json", &list.to_string());
}

fn files_in(stand: &Stand, folder: &str) -> BTreeSet<String> {
    let found = fs::read_dir(stand.path(&format!("moved/{folder}"))).into_iter().flatten();
    found.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_move_that_is_told_again_says_what_is_left_to_do() {
    let (stand, _) = about_to_move();
    let runbooks = |words: [&str; 3]| {
        let files = ["RUNBOOK.md", "RUNBOOK.ko.md", "RUNBOOK.zh.md"];
        files
            .iter()
            .zip(words)
            .map(|(file, word)| stand.text(&format!("moved/{file}")).contains(word))
            .collect::<Vec<_>>()
    };
    let leave = ["Leave the former port", "이전 포트에서 벗어나기", "离开原端口"];
    let set = "01-imagedigestmirrorset-idms-small-world-production.yaml";
    stand.ok(APPLY_MOVE);
    assert!(files_in(&stand, "cluster").contains(set) && files_in(&stand, "leave").contains(set));
    // The cluster looks at both ports; its folder was lost before it left the former one.
    apply_to_dump(&stand, "cluster");
    fs::remove_dir_all(stand.path("moved")).unwrap();
    let again = stand.ok(APPLY_MOVE).json();
    assert_eq!((&again["written"], &again["findings"]), (&json!(0), &json!([])));
    assert!(!files_in(&stand, "cluster").contains(set) && files_in(&stand, "leave").contains(set));
    assert_eq!(runbooks(leave), [true; 3]);
    // The way back is taken after it has left, too.
    assert!(files_in(&stand, "back").contains(set));
    // It has left the former port: nothing leads it back there.
    apply_to_dump(&stand, "leave");
    stand.ok(APPLY_MOVE);
    assert!(!files_in(&stand, "cluster").contains(set) && files_in(&stand, "leave").is_empty());
    assert_eq!(runbooks(leave), [false; 3]);
    assert_eq!(
        runbooks([
            "nodes look at the new one alone already",
            "노드는 이미 새 레지스트리만 찾습니다",
            "节点已经只查找新仓库"
        ]),
        [true; 3]
    );
    assert!(stand.text("moved/RUNBOOK.md").contains("--empty staging"));

    // By the site file from before, what is production by now is not emptied, and that is said.
    let told = stand.ok(EMPTY).json();
    let said: BTreeSet<String> = codes(&told).into_iter().collect();
    assert_eq!(said, ["MOVED_BEFORE", "POINTS_TO_STAGING"].map(str::to_owned).into());
    assert_eq!(told["totals"]["gone"], 0);
    // Nor is it called in the way of a move without a word of that.
    let full = stand.expect(&MOVE.replace("move.json", "again.json"), 10).json();
    assert_eq!(codes(&full), ["STAGING_NOT_EMPTY", "MOVED_BEFORE"]);
    assert!(
        full["findings"][0]["hint"].as_str().unwrap().starts_with("only where the former move was given up")
    );
    assert_eq!(codes(&planned(&stand)), ["MOVED_BEFORE"]);
    let before = stand.text("site.yaml");
    fs::copy(stand.path("moved/site.yaml"), stand.path("site.yaml")).unwrap();
    let done = stand.expect(APPLY_MOVE, 2);
    assert!(
        done.stderr.contains("production is there already") && done.stderr.contains("RUNBOOK.md"),
        "{}",
        done.stderr
    );
    assert_eq!(codes(&planned(&stand)), [""; 0]);
    let history = stand.ok("site history --site @site.yaml");
    assert!(
        history.stdout.contains(&format!(": production moved to {}\n", stand.staging.host())),
        "{}",
        history.stdout
    );

    // The former port is empty by now: there is nothing to move, and what took over is not touched.
    stand.ok(EMPTY);
    stand.ok(APPLY_EMPTY);
    stand.write("site.yaml", &before);
    let changes = stand.staging.changes();
    let late = stand.expect(APPLY_MOVE, 9);
    assert!(
        late.stderr.contains("was carried out") && late.stderr.contains("`site.yaml`"),
        "{}",
        late.stderr
    );
    assert_eq!(stand.staging.changes(), changes);
    stand.write("site.yaml", &stand.text("moved/site.yaml"));
    stand.ok("check --site @site.yaml");
}

#[test]
fn what_speaks_against_emptying_is_told_and_that_a_copy_runs_does_not() {
    let stand = ground();
    // A pod runs what both ports hold.
    let copies = stand.ok(EMPTY).json();
    let (repository, digest) =
        gone(&copies).into_iter().find(|(name, _)| name.contains("web-terminal")).unwrap();
    let served = stand.catalog().repository.pin(stand.served().unwrap()).to_string();
    let runs = [format!("registry.redhat.io/any@{digest}")];
    dump(&stand, &served, &runs);
    assert!(gone(&stand.ok(EMPTY).json()).contains(&(repository.clone(), digest)));
    // Staging is also where another site keeps its generations.
    let state = stand.staging.repository("ombundle/state");
    let from = stand.staging.repository(&repository).pin(digest).to_string();
    Skopeo::new(&stand).copy(&from, &format!("{state}:g0001.elsewhere"));
    let shared = stand.ok(EMPTY).json();
    assert_eq!((codes(&shared), &shared["totals"]["gone"]), (vec!["SHARED_REGISTRY".to_owned()], &json!(0)));
    assert!(stand.client().delete_manifest(&state, digest).unwrap());
    stand.ok(EMPTY);
    // By a newer dump something is pulled from there.
    dump(&stand, &at(&stand, &stand.staging.host()).to_string(), &runs);
    let before = stand.staging.changes();
    let refused = stand.expect(APPLY_EMPTY, 9);
    assert!(
        refused.stderr.contains(&format!("the cluster points to {}", stand.staging.host())),
        "{}",
        refused.stderr
    );
    assert_eq!(stand.staging.changes(), before);
    dump(&stand, &served, &runs);
    stand.ok(APPLY_EMPTY);
}
