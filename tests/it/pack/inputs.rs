//! What a plan is made from, and what it says.

use std::path::Path;

use ombundle::demo::{Belongings, Generation, World};
use serde_json::Value;

use super::stage::{SIZE, Stage, client};
use crate::support::registry::DockerRegistry;

fn sum(plan: &Value) -> u64 {
    plan["items"].as_array().unwrap().iter().map(|item| item["bytes"].as_u64().unwrap()).sum()
}

fn hops(plan: &Value) -> Vec<&str> {
    let packages = plan["catalogs"][0]["packages"].as_array().unwrap().iter();
    let hops = packages.flat_map(|package| package["hops"].as_array().unwrap());
    hops.map(|hop| hop["name"].as_str().unwrap()).collect()
}

#[test]
fn a_plan_says_exactly_what_is_carried() {
    let stage = Stage::new(Generation::First);
    for site in [&[][..], &["--site", "site.yaml"]] {
        let line = [&["plan", "-c", "imageset.yaml", "--format", "json", "-o", "plan.json"][..], site];
        let printed = stage.run(&line.concat()).ended(0).stdout;
        assert_eq!(printed.as_bytes(), stage.read("plan.json"));
        let plan = stage.json("plan.json");
        let schema =
            std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/plan.v1.json")).unwrap();
        let validator = jsonschema::validator_for(&serde_json::from_slice(&schema).unwrap()).unwrap();
        let wrong: Vec<String> = validator.iter_errors(&plan).map(|error| error.to_string()).collect();
        assert_eq!(wrong, [""; 0]);

        assert_eq!(sum(&plan), plan["bytes"]["store"].as_u64().unwrap());
        let output = format!("{}.ombundle", site.len());
        stage.pack(&output, &[]).ended(0);
        let size = std::fs::metadata(stage.path(&output)).unwrap().len();
        assert_eq!(plan["bytes"]["carry"].as_u64().unwrap(), size);
    }
}

#[test]
fn the_start_of_the_path_comes_from_names_dumps_or_reports() {
    let stage = Stage::new(Generation::First);
    let plan = |more: &[&str]| {
        let line = [&["plan", "-c", "imageset.yaml", "--format", "json"][..], more].concat();
        let ran = stage.run(&line).ended(0);
        serde_json::from_str::<Value>(&ran.stdout).unwrap()
    };
    let expected = ["devworkspace-operator.v0.21.0", "web-terminal.v1.9.0"];
    let [terminal, workspace] = Belongings::installed(Generation::First);
    let named = plan(&["--installed", terminal, "--installed", workspace]);
    assert_eq!(hops(&named), expected);
    // Each CSV is there twice, once as the copy that OLM puts into each namespace.
    let dumped = plan(&["--cluster", "csvs.json", "--cluster", "subscriptions.json"]);
    assert_eq!(hops(&dumped), expected);
    // All but the base, which says when it was made.
    let images = |plan: &Value| -> Vec<Value> {
        let all = plan["images"].as_array().unwrap().iter();
        all.filter(|image| image["kind"] != "catalog-base").cloned().collect()
    };
    assert_eq!(images(&named), images(&dumped));
    assert!(images(&named).len() + 1 == named["images"].as_array().unwrap().len());
    let nothing = plan(&[]);
    let codes: Vec<&str> =
        nothing["findings"].as_array().unwrap().iter().map(|it| it["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"NO_INSTALLED") && hops(&nothing).is_empty(), "{codes:?}");

    // What one requires of the other stays behind when that is wanted.
    let alone = plan(&["--skip-dependencies", "--installed", terminal]);
    let packages = alone["catalogs"][0]["packages"].as_array().unwrap().len();
    assert_eq!((packages, hops(&alone)), (1, vec!["web-terminal.v1.9.0"]));
}

/// Both files of the first field note, as they are written there; the first lists its channel twice.
#[test]
fn configurations_of_the_field_work_as_written() {
    let stage = Stage::new(Generation::First);
    let head = format!(
        "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n  operators:\n  - catalog: {}\n    \
         packages:\n      - name: web-terminal\n        defaultChannel: fast\n        channels:\n",
        World::CATALOG
    );
    let block = |version: &str| {
        format!("        - name: fast\n          minVersion: {version}\n          maxVersion: {version}\n")
    };
    let upgrade = format!("{head}{}{}", block("1.8.0"), block("1.9.0"));
    let newer = format!("{head}{}", block("1.9.0"));
    for (text, offered) in [(upgrade, &["1.8.0", "1.9.0"][..]), (newer, &["1.9.0"])] {
        stage.write("imageset.yaml", text);
        let line = ["plan", "-c", "imageset.yaml", "-o", "plan.json", "--format", "json"];
        stage.run(&line).ended(0);
        let plan = stage.json("plan.json");
        let packages = plan["catalogs"][0]["packages"].as_array().unwrap();
        let terminal = packages.iter().find(|package| package["name"] == "web-terminal").unwrap();
        let bundles: Vec<String> = offered.iter().map(|it| format!("web-terminal.v{it}")).collect();
        assert_eq!(terminal["bundles"], serde_json::json!(bundles));
        stage.run(&[&line[..], &["--installed", "web-terminal.v1.8.0"]].concat()).ended(0);
        assert!(hops(&stage.json("plan.json")).contains(&"web-terminal.v1.9.0"));
    }
}

#[test]
fn images_are_added_and_blocked() {
    let stage = Stage::new(Generation::First);
    let digest = stage.world.resolve(&World::ADDITIONAL.parse().unwrap()).unwrap();
    let imageset = String::from_utf8(stage.read("imageset.yaml")).unwrap();
    let (repository, _) = World::ADDITIONAL.rsplit_once(':').unwrap();
    stage.write(
        "imageset.yaml",
        format!("{imageset}    - name: {repository}@{digest}\n  blockedImages:\n    - name: registry.redhat.io/web-terminal/web-terminal-exec-rhel9\n"),
    );
    let line = ["plan", "-c", "imageset.yaml", "-o", "plan.json", "--installed", "web-terminal.v1.8.0"];
    let ran = stage.run(&line).ended(0);
    assert!(ran.stderr.contains("BLOCKED_IMAGE"), "{}", ran.stderr);
    let plan = stage.json("plan.json");
    let sources: Vec<&str> =
        plan["items"].as_array().unwrap().iter().map(|item| item["source"].as_str().unwrap()).collect();
    assert!(!sources.iter().any(|source| source.contains("web-terminal-exec")), "{sources:?}");
    let wanted = [format!("{repository}:latest@{digest}"), format!("{repository}@{digest}")];
    for wanted in &wanted {
        assert!(sources.contains(&wanted.as_str()), "{sources:?}");
    }
    stage.pack("a.ombundle", &[]).ended(0);
    stage.verify("a.ombundle").ended(0);
}

/// What the last import left behind, given back, leaves nothing to download.
#[test]
fn a_receipt_says_what_need_not_travel_again() {
    let stage = Stage::new(Generation::First);
    let (staging, production) = (DockerRegistry::start(), DockerRegistry::start());
    let prefix = Belongings::PREFIX.parse().unwrap();
    World::incumbent(SIZE).unwrap().push_under(&client(), &production.host(), &prefix).unwrap();
    let hosts = (stage.registry.host(), staging.host(), production.host());
    let belongings = Belongings::new(Generation::First, &stage.world, &hosts.0, &hosts.1, &hosts.2);
    stage.write("site.yaml", belongings.site);
    let request = ["-c", "imageset.yaml", "--site", "site.yaml", "--cluster", "csvs.json"];
    let pack = ["pack", "--key", "signer.key", "-o", "a.ombundle"];
    stage.run(&[&pack[..], &request].concat()).ended(0);
    stage.run(&["import", "a.ombundle", "--site", "site.yaml", "-o", "out"]).ended(0);

    for (generation, report, archive) in [(2, "out", "b.ombundle"), (3, "next", "c.ombundle")] {
        let report = format!("{report}/receipt.json");
        let again = ["--report", &report, "-o", "plan.json"];
        stage.run(&[&["plan"], &request[..], &again].concat()).ended(0);
        let plan = stage.json("plan.json");
        let items = plan["items"].as_array().unwrap().iter();
        let travels: Vec<&Value> = items.filter(|item| item["bytes"] != 0).collect();
        assert!(travels.is_empty(), "{travels:#?}");
        assert_eq!((&plan["sequence"], &plan["bytes"]["download"]), (&generation.into(), &0.into()));
        stage.pack(archive, &[]).ended(0);
        let size = std::fs::metadata(stage.path(archive)).unwrap().len();
        assert_eq!(plan["bytes"]["carry"], size);
        assert!(size < 100_000, "{size}");
        stage.run(&["import", archive, "--site", "site.yaml", "-o", "next"]).ended(0);
    }
}
