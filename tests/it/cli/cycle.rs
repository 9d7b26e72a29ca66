//! The four commands by their binary, on the small world: what they print, write and tell, and how they fail.

use std::fs;
use std::sync::Arc;

use ombundle::demo::{Belongings, Generation, ImageSize, World};
use ombundle::event::Silent;
use ombundle::reference::RegistryHost;
use ombundle::registry::{Client, ClientOptions, Environment};
use ombundle::text::is_plain;
use serde_json::Value;

use super::events::lines;
use super::world::{Ended, Folder, against};
use crate::serve::http::Registry;

/// Three registries and the files of a user.
struct Site {
    folder: Folder,
    _registries: [Registry; 3],
}

fn host(registry: &Registry) -> RegistryHost {
    registry.address().to_string().parse().unwrap()
}

impl Site {
    fn new(generation: Generation) -> Self {
        let registries = [Registry::start(), Registry::start(), Registry::start()];
        let [source, staging, production] = [0, 1, 2].map(|number| host(&registries[number]));
        let world = World::generation(generation, ImageSize::SMALL).unwrap();
        let client =
            Client::new(ClientOptions::default(), &Environment::default(), Arc::new(Silent)).unwrap();
        world.push(&client, &source).unwrap();
        let folder = Folder::new();
        Belongings::new(generation, &world, &source, &staging, &production).write(folder.path()).unwrap();
        assert_eq!(folder.run("key generate --out signer").code, 0);
        Self { folder, _registries: registries }
    }

    /// Runs a command with JSON on stderr, every line of which must be one that the schema knows.
    fn run(&self, line: &str) -> Ended {
        let ended = self.folder.run(&format!("{line} --log-format json"));
        lines(&ended);
        for text in [&ended.stdout, &ended.stderr] {
            assert!(text.chars().all(|c| c == '\n' || is_plain(c)), "{line}: {text:?}");
        }
        ended
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn good(ended: Ended) -> Value {
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap()
}

const PLAN: &str =
    "plan -c imageset.yaml --site site.yaml --cluster csvs.json --registries-conf registries.conf";
const PACK: &str = "pack -c imageset.yaml --site site.yaml --cluster csvs.json --registries-conf registries.conf \
                    --key signer.key -o upgrade.ombundle";

#[test]
fn results_and_files_fit_their_schemas() {
    let site = Site::new(Generation::First);
    let plan = good(site.run(&format!("{PLAN} -o plan.json --format json")));
    assert_eq!(against("plan.v1.json", &plan), [""; 0]);
    assert!(plan["items"][0]["reason"].is_string() && plan["bytes"]["carry"].is_u64());
    let written: Value =
        serde_json::from_slice(&fs::read(site.folder.path().join("plan.json")).unwrap()).unwrap();
    assert_eq!(written, plan);

    let packed = good(site.run(
        "pack --plan plan.json --key signer.key -o upgrade.ombundle --registries-conf registries.conf --format json",
    ));
    let verdict = good(site.run("verify upgrade.ombundle --site site.yaml --format json"));
    assert_eq!(
        (&verdict["verdict"], &verdict["inventory"], &verdict["generation"]),
        (&Value::from("verified"), &packed["inventory"], &Value::from(1))
    );

    let staged =
        good(site.run("import upgrade.ombundle --site site.yaml -o out --until stage --format json"));
    assert_eq!(staged["reached"], "staged");
    assert!(!site.folder.path().join("out").exists());
    let imported = good(site.run("import upgrade.ombundle --site site.yaml -o out --format json"));
    assert_eq!((&imported["reached"], &imported["generation"]), (&Value::from("imported"), &Value::from(1)));
    let receipt = fs::read(site.folder.path().join("out/receipt.json")).unwrap();
    assert_eq!(against("receipt.v1.json", &serde_json::from_slice(&receipt).unwrap()), [""; 0]);
    let again = good(site.run("import upgrade.ombundle --site site.yaml -o out --format json"));
    assert_eq!(again["written"], 0);

    let check = good(site.run("check --site site.yaml --format json"));
    assert_eq!(against("findings.v1.json", &check), [""; 0]);
    assert_eq!(check["findings"], Value::Array(vec![]));
}

#[test]
fn what_cannot_be_packed_leaves_nothing_and_says_why() {
    let site = Site::new(Generation::First);
    let before = site.files();
    let imageset = fs::read_to_string(site.folder.path().join("imageset.yaml")).unwrap();
    for (right, wrong, code, says) in [
        ("name: web-terminal", "name: web-terminl", 2, "did you mean `web-terminal`?"),
        ("redhat-operator-index:v4.20", "redhat-operator-index:v4.99", 6, "there is no catalog"),
        ("support-tools:latest", "support-tools:never", 6, "support-tools:never"),
    ] {
        site.folder.write("imageset.yaml", imageset.replace(right, wrong));
        // Twice: a plan that cannot be carried out is not kept for the second time.
        for _ in 0..2 {
            let ended = site.run(PACK);
            assert_eq!(ended.code, code, "{}", ended.stderr);
            assert!(ended.stderr.contains(says), "{}", ended.stderr);
            assert_eq!(site.files(), before);
        }
    }
    site.folder.write("imageset.yaml", imageset);
    assert_eq!(site.run(PACK).code, 0);
}

#[test]
fn a_folder_that_is_not_there_is_told_before_any_work() {
    let site = Site::new(Generation::First);
    for line in
        [PACK.replace("upgrade.ombundle", "none/upgrade.ombundle"), format!("{PLAN} -o none/plan.json")]
    {
        let ended = site.run(&line);
        assert_eq!(ended.code, 2, "{}", ended.stderr);
        let told = lines(&ended);
        assert_eq!(told.len(), 1, "{}", ended.stderr);
        assert_eq!(told[0]["hint"], "make it first: `mkdir -p none`");
    }
}
