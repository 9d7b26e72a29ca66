//! Three cycles over real catalogs, the second of them half done: who knows what, and what goes on where.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ombundle::demo::World;
use ombundle::digest::Digest;
use ombundle::plan::Plan;
use serde_json::{Value, json};

use super::catalogs;
use super::real::{site, stand_ins};
use super::stand::{Ended, Stand, contents, finish, kept, restore, save};
use crate::support::shared::data_wanted;

const WINDOWS: &str = "windows-machine-config-operator";
const KUEUE: &str = "kueue-operator";
const LVMS: &str = "lvms-operator";

/// What a cycle asks for, and what runs then.
fn request(stand: &Stand, cycle: &str, packages: &[&str]) {
    let named: Vec<String> = packages.iter().map(|package| format!("        - name: {package}\n")).collect();
    stand.write(
        &format!("{cycle}/imageset.yaml"),
        &format!(
            "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n  operators:\n    \
             - catalog: {}\n      packages:\n{}",
            World::CATALOG,
            named.concat()
        ),
    );
}

fn pack(stand: &Stand, cycle: &str, more: &str) -> Plan {
    stand.ok(&format!("plan -c @{cycle}/imageset.yaml --site @site.yaml -o @{cycle}/plan.json {more}"));
    stand.ok(&format!(
        "pack --plan @{cycle}/plan.json --site @site.yaml --key @signer.key -o @{cycle}.ombundle"
    ));
    serde_json::from_str(&stand.text(&format!("{cycle}/plan.json"))).unwrap()
}

fn import(cycle: &str, more: &str) -> String {
    format!("import @{cycle}.ombundle --site @site.yaml -o @{cycle}/out {more}")
}

fn history(stand: &Stand) -> Value {
    stand.ok("site history --site @site.yaml --format json").json()
}

/// How far each generation came.
fn stages(history: &Value) -> Vec<(u64, String)> {
    let stage =
        |state: &Value| (state["generation"].as_u64().unwrap(), state["stage"].as_str().unwrap().to_owned());
    history["generations"].as_array().unwrap().iter().map(stage).collect()
}

fn codes(history: &Value) -> Vec<&str> {
    let findings = history["findings"].as_array().unwrap();
    findings.iter().map(|finding| finding["code"].as_str().unwrap()).collect()
}

/// The catalog's digest before and after a generation, as history tells it.
fn moved(history: &Value, generation: u64) -> Vec<(Option<Digest>, Digest)> {
    let states = history["generations"].as_array().unwrap();
    let state = states.iter().find(|state| state["generation"] == generation).unwrap();
    let digest = |value: &Value| value.as_str().map(|text| text.parse().unwrap());
    let step = |step: &Value| (digest(&step["before"]), digest(&step["after"]).unwrap());
    state["steps"].as_array().unwrap().iter().map(step).collect()
}

/// What production offers: bundles by package.
fn offered(stand: &Stand) -> BTreeMap<String, Vec<String>> {
    let served = catalogs::served(stand).packages;
    served.into_iter().map(|(name, package)| (name, package.bundles.into_keys().collect())).collect()
}

fn offers(stand: &Stand, version: &str) -> bool {
    offered(stand)[WINDOWS].contains(&format!("{WINDOWS}.{version}"))
}

/// What was applied of an import's output, as `oc get` would dump it.
fn applied(stand: &Stand, out: &str) -> String {
    let files = contents(&stand.path(out)).into_iter().filter(|(name, _)| name.starts_with("cluster/"));
    let items: Vec<Value> = files.map(|(_, bytes)| serde_norway::from_slice(&bytes).unwrap()).collect();
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

fn places(stand: &Stand) -> [PathBuf; 3] {
    [stand.staging.storage().to_owned(), stand.production.storage().to_owned(), stand.path("state")]
}

fn refused(stand: &Stand, line: &str, code: i32, named: &[&str]) -> Ended {
    let held = || stand.holdings().each_ref().map(kept);
    let before = held();
    let ended = stand.expect(line, code);
    for name in named {
        assert!(ended.stderr.contains(name), "`{name}` is not named: {}", ended.stderr);
    }
    assert!(held() == before, "something was written");
    ended
}

/// Upstream as it was, or as it is now.
fn publish(stand: &Stand, data: &Path, state: &str, packages: &[&str]) -> World {
    let folders: Vec<String> = packages.iter().map(|package| format!("fbc/{state}/4.18/{package}")).collect();
    let world = stand_ins(data, &folders.iter().map(String::as_str).collect::<Vec<_>>());
    world.push(stand.client(), &stand.source.host()).unwrap();
    world
}

#[test]
fn three_cycles_with_a_half_done_one_between_them() {
    let Some(data) = data_wanted() else { return };
    let stand = Stand::plain();
    let upstream = publish(&stand, &data, "redhat-older", &[WINDOWS, KUEUE]);
    site(&stand, &upstream);
    stand.ok("key generate --out @signer");

    // The first cycle, from what there was a year ago.
    request(&stand, "one", &[WINDOWS, KUEUE]);
    let one = pack(&stand, "one", "--installed windows-machine-config-operator.v10.18.0");
    stand.ok(&import("one", ""));
    let first = stand.served().unwrap();
    stand.ok("check --site @site.yaml");
    assert_eq!(stages(&history(&stand)), [(1, "imported".to_owned())]);
    assert!(offers(&stand, "v10.18.1") && !offers(&stand, "v10.18.3"), "{:?}", offered(&stand));

    // The second, by record: its import ends half-way, when staging has all of it and production nothing.
    publish(&stand, &data, "redhat", &[WINDOWS, LVMS]);
    request(&stand, "two", &[WINDOWS]);
    let two = pack(&stand, "two", "--installed windows-machine-config-operator.v10.18.1");
    assert!(!two.prerequisites.is_empty() && two.bytes.carry < one.bytes.carry);
    let half = finish(stand.traced("fdatasync:signal=KILL:when=2", &import("two", "--jobs 1")));
    assert_eq!(half.code, None, "{half:?}");
    assert_eq!(stand.served(), Some(first));
    stand.ok("check --site @site.yaml");
    let told = history(&stand);
    assert_eq!(stages(&told), [(1, "imported".to_owned()), (2, "staged".to_owned())]);
    assert_eq!(codes(&told), ["GENERATION_UNFINISHED"]);
    let saved = tempfile::tempdir().unwrap();
    save(&places(&stand), saved.path());

    // The third is packed without anybody knowing that, and counts on what never came.
    request(&stand, "three", &[WINDOWS, LVMS]);
    let three = pack(&stand, "three", "--installed windows-machine-config-operator.v10.18.1");
    assert_eq!(three.assumes.iter().map(|one| one.generation).collect::<Vec<_>>(), [1, 2]);
    let inventory = three.assumes[1].inventory.to_string();
    let named = ["generation 2", inventory.as_str(), "import the archive of generation 2 first"];
    refused(&stand, &import("three", ""), 5, &named);
    let judged = stand.expect("verify @three.ombundle --site @site.yaml --format json", 5).json();
    let missing = judged["findings"].as_array().unwrap();
    assert!(missing.iter().all(|finding| finding["code"] == "PREREQUISITE_MISSING"), "{judged}");
    let hint = missing.last().unwrap()["hint"].as_str().unwrap();
    assert!(hint.starts_with("import the archive of generation 2 first"), "{hint}");
    // The archive is good in itself, as whoever cannot ask production is told.
    stand.edit("site.yaml", &stand.production.host().to_string(), "127.0.0.1:1");
    let apart = stand.ok("verify @three.ombundle --site @site.yaml --format json").json();
    assert_eq!(
        (apart["verdict"].as_str(), codes(&apart).as_slice()),
        (Some("verified"), ["GENERATIONS_SKIPPED", "NOT_ASKED"].as_slice())
    );
    stand.edit("site.yaml", "127.0.0.1:1", &stand.production.host().to_string());

    // With a report it counts on nothing that is not there, and the half-done one is passed over.
    stand.ok("site report --site @site.yaml -o @site.json");
    request(&stand, "reported", &[WINDOWS, LVMS]);
    let reported = pack(
        &stand,
        "reported",
        "--installed windows-machine-config-operator.v10.18.1 --report @site.json --sequence 4",
    );
    assert!(reported.assumes.is_empty() && reported.bytes.carry > three.bytes.carry);
    stand.ok(&import("reported", ""));
    stand.ok("check --site @site.yaml");
    refused(&stand, &import("two", ""), 4, &["generation 2"]);
    assert!(codes(&history(&stand)).contains(&"GENERATIONS_SKIPPED"));
    let by_report = offered(&stand);
    restore(&places(&stand), saved.path());

    // The half-done one goes on where it was, then the third comes in.
    stand.ok(&import("two", ""));
    let second = stand.served().unwrap();
    stand.ok("check --site @site.yaml");
    assert!(offers(&stand, "v10.18.1") && offers(&stand, "v10.18.3"), "{:?}", offered(&stand));
    stand.write("applied.json", &applied(&stand, "two/out"));
    stand.ok(&import("three", "--cluster @applied.json"));
    let third = stand.served().unwrap();
    stand.ok("check --site @site.yaml");
    assert_eq!(offered(&stand), by_report);
    assert!(first != second && second != third);
    // What nodes have already is not given to them again, and the runbook says what they do.
    let files = contents(&stand.path("three/out"));
    assert!(files.keys().any(|name| name.starts_with("cluster/")), "{:?}", files.keys());
    let mirror_set = |(name, bytes): (&String, &Vec<u8>)| {
        name.starts_with("cluster/") && String::from_utf8_lossy(bytes).contains("ImageDigestMirrorSet")
    };
    assert!(!files.iter().any(mirror_set), "{:?}", files.keys());
    assert!(contents(&stand.path("two/out")).iter().any(mirror_set));
    let runbook = String::from_utf8_lossy(&files["RUNBOOK.md"]).into_owned();
    assert!(runbook.contains("the mirror configuration stays as it is; nothing is drained"), "{runbook}");

    holds_what(&stand, third);
    tells_the_same(&stand, [first, second, third]);

    // Back to the first, and history says so.
    stand.ok("rollback --site @site.yaml --to 1 -o @back");
    assert_eq!(stand.served(), Some(first));
    stand.ok("check --site @site.yaml");
    let back = history(&stand);
    let last = back["returns"].as_array().unwrap().last().unwrap();
    assert_eq!((last["from"].as_u64(), last["to"].as_u64()), (Some(3), Some(1)));
    let text = stand.ok("site history --site @site.yaml").stdout;
    assert!(text.contains("the last is 3") && text.contains("rollback from 3 to 1"), "{text}");
}

/// Production alone has a catalog, and staging nothing of its own.
fn holds_what(stand: &Stand, third: Digest) {
    let table = stand.ok("check --site @site.yaml --table --format json").json()["registries"].clone();
    let catalog = &table["production"]["catalogs"][0];
    assert_eq!(
        (catalog["generation"].as_u64(), catalog["digest"].as_str()),
        (Some(3), Some(third.to_string().as_str()))
    );
    assert_eq!(table["staging"]["catalogs"], json!([]));
    assert_eq!(table["only_in_staging"]["images"], 0);
    let operators = |side: &str| table[side]["images"]["operator"]["images"].as_u64().unwrap();
    assert!(operators("production") >= operators("staging") && operators("staging") > 3, "{table}");
    let text = stand.ok("check --site @site.yaml --table").stdout;
    assert!(text.contains("generation 3, ") && text.contains("only there"), "{text}");
}

/// History is the same with and without what this machine noted.
fn tells_the_same(stand: &Stand, [first, second, third]: [Digest; 3]) {
    let noted = history(stand);
    let in_force: Vec<_> = [1, 2, 3].map(|generation| (generation, "imported".to_owned())).into();
    assert_eq!(stages(&noted)[..3], in_force);
    assert_eq!(moved(&noted, 2), [(Some(first), second)]);
    assert_eq!(moved(&noted, 3), [(Some(second), third)]);
    let packed = |history: &Value| history["generations"][1]["plan"].as_str().unwrap().to_owned();
    let plan = Digest::of(stand.text("two/plan.json").as_bytes()).to_string();
    assert_eq!(packed(&noted), plan);
    fs::rename(stand.path("state"), stand.path("state.lost")).unwrap();
    fs::rename(stand.path(".local"), stand.path("local.lost")).unwrap();
    let rebuilt = history(stand);
    assert_eq!(stages(&rebuilt), in_force);
    assert_eq!(codes(&rebuilt), ["GENERATION_REBUILT"; 3]);
    assert_eq!([moved(&rebuilt, 2), moved(&rebuilt, 3)], [moved(&noted, 2), moved(&noted, 3)]);
    let signers = |history: &Value| history["generations"][2]["signers"].clone();
    assert_eq!(signers(&rebuilt), signers(&noted));
    assert!(!stand.path("state").exists(), "it wrote something");
    fs::rename(stand.path("state.lost"), stand.path("state")).unwrap();
}
