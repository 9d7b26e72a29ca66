//! A plan carried out on real registries: what it promises, what it refuses, and what still works.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use ombundle::digest::Digest;
use ombundle::limits::LIMITS;
use ombundle::registry::Target;
use ombundle::retain::{DumpFacts, VacuumPlan};
use serde_json::{Value, json};

use super::site::{codes, dump, gone, kept, planned, two_generations};
use crate::import::stand::{Ended, Stand, finish, listing, until};
use crate::import::stock::Skopeo;
use crate::import::{catalogs, stock};

const APPLY: &str = "vacuum --site @site.yaml --apply @vacuum.json --emit @emitted --format json";

/// Bytes of the blobs on a registry's disk.
pub(super) fn blobs(storage: &Path) -> u64 {
    listing(&storage.join("docker/registry/v2/blobs")).values().map(|(size, _)| size).sum()
}

/// Runs the registry's own clean-up.
pub(super) fn collect(stand: &Stand) {
    let mut command = Command::new("docker-registry");
    command.arg("garbage-collect").arg(stand.production.config());
    let done = finish(command);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
}

/// Nobody goes back, and no cluster serves today's catalog: everything that is cut can go.
pub(super) fn nothing_back(stand: &Stand) {
    stand.edit("site.yaml", "  state: ./state", "  keepGenerations: 0\n  state: ./state");
    dump(stand, "other.example/catalog:v1", &[]);
}

#[test]
fn what_was_planned_goes_and_everything_else_works() {
    let stand = two_generations();
    nothing_back(&stand);
    let plan = planned(&stand);
    let frees = plan["totals"]["frees"].as_u64().unwrap();
    assert!(frees > 10_000, "{}", plan["totals"]);
    // What an unplanned clean-up would free is not counted.
    collect(&stand);
    let before = blobs(stand.production.storage());
    let applied = stand.ok(APPLY).json();
    assert_eq!(applied["deleted"].as_u64(), Some(gone(&plan).len() as u64), "{applied}");
    assert_eq!(applied["findings"], json!([]));
    let written = blobs(stand.production.storage());
    collect(&stand);
    assert_eq!(written - blobs(stand.production.storage()), frees, "of {before}");

    let skopeo = Skopeo::new(&stand);
    for (repository, digest) in gone(&plan) {
        let there = skopeo.raw(&stand.production.repository(&repository).pin(digest).to_string());
        assert_eq!(there, None, "{repository}@{digest}");
    }
    let folder = tempfile::tempdir().unwrap();
    for (at, (repository, digest)) in kept(&plan).into_iter().enumerate() {
        let image = stand.production.repository(&repository).pin(digest).to_string();
        assert_eq!(skopeo.raw(&image), Some(digest), "{image}");
        // Signatures are no images that skopeo copies; their layers are counted by the garbage collection above.
        if !repository.contains("index")
            && stock::plan(&stand, "second").images.iter().any(|it| it.root.digest == digest)
        {
            skopeo.pull_verbatim(&image, &folder.path().join(at.to_string()));
        }
    }
    stand.ok("check --site @site.yaml");
    let catalog = catalogs::served(&stand);
    let names: Vec<&str> = catalog.packages["web-terminal"].bundles.keys().map(String::as_str).collect();
    assert_eq!(names, ["web-terminal.v1.11.0"]);
    assert!(catalog.packages.contains_key("self-node-remediation"));
    let change = &plan["catalogs"][0];
    assert_eq!(stand.served().unwrap().to_string(), change["after"].as_str().unwrap());
    let source = stand.text("emitted/cluster/01-catalogsource-cs-redhat.yaml");
    assert!(source.contains(change["after"].as_str().unwrap()), "{source}");
    assert!(stand.text("state/vacuum.jsonl").lines().last().unwrap().contains("\"done\""));

    // Once more it does nothing, and nothing is left to plan.
    let changes = stand.production.changes();
    let again = stand.ok(APPLY).json();
    assert_eq!(
        (&again["deleted"], again["goneBefore"].as_u64()),
        (&json!(0), Some(gone(&plan).len() as u64))
    );
    let served = stand.catalog().repository.pin(stand.served().unwrap());
    dump(&stand, &served.to_string(), &[]);
    let next = planned(&stand);
    assert_eq!((&next["catalogs"], &next["totals"]["gone"]), (&json!([]), &json!(0)), "{next}");
    assert!(stand.production.changes() > changes);
}

/// The way back over the last generation is whole after a vacuum, and so is what is served.
#[test]
fn the_way_back_stays() {
    let stand = two_generations();
    let served = stand.catalog().repository.pin(stand.served().unwrap());
    dump(&stand, &served.to_string(), &[]);
    let plan = planned(&stand);
    assert_ne!(plan["totals"]["gone"], 0);
    stand.ok(APPLY);
    collect(&stand);
    stand.ok("check --site @site.yaml");
    // What was served before this vacuum, and before the last import: each offers only what is there.
    let skopeo = Skopeo::new(&stand);
    for catalog in [served.to_string(), format!("{}-prev-2", stand.catalog())] {
        let catalog = catalogs::catalog(&catalogs::files(&stand, &by(&stand, &catalog)));
        for bundle in catalog.packages.values().flat_map(|package| package.bundles.values()) {
            for image in bundle.related_images.iter().map(|it| &it.image).chain([&bundle.image]) {
                let image: ombundle::reference::ImageRef = image.parse().unwrap();
                let place = Stand::at(&stand.production.host(), &image.repository).pin(image.digest.unwrap());
                assert_eq!(skopeo.raw(&place.to_string()), image.digest, "{place} of {}", bundle.name);
            }
        }
    }
    // And the next import merges with the smaller catalog.
    stand.ok(&Stand::import_line("second"));
    stand.ok("check --site @site.yaml");
}

/// A tag for what a pinned reference names, since our reader of files wants one.
fn by(stand: &Stand, image: &str) -> ombundle::reference::ImageRef {
    let image: ombundle::reference::ImageRef = image.parse().unwrap();
    let Some(digest) = image.digest else { return image };
    let tags = stand.client().tags(&image.repository).unwrap();
    let leads =
        |tag: &ombundle::reference::Tag| stand.digest_of(&image.repository.tag(tag.clone())) == Some(digest);
    image.repository.tag(tags.into_iter().find(leads).unwrap())
}

/// Runs the plan with the file or site changed, and nothing must change in production.
fn refused(stand: &Stand, line: &str, code: i32, said: &str) {
    let before = stand.holdings()[1].clone();
    let ended = stand.expect(line, code);
    assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    // A claim to be alone may be left; no manifest and no tag of the site's is.
    let ours = |path: &&std::path::PathBuf| !path.to_str().unwrap().contains("ombundle/state");
    let after = stand.holdings()[1].clone();
    let tags = |holdings: &crate::import::stand::Listing| -> Vec<_> {
        holdings
            .keys()
            .filter(ours)
            .filter(|path| path.to_str().unwrap().contains("_manifests"))
            .cloned()
            .collect()
    };
    assert!(tags(&after) == tags(&before), "{said}: something changed");
}

#[test]
fn a_plan_that_does_not_fit_any_more_changes_nothing() {
    let stand = two_generations();
    nothing_back(&stand);
    let plan = planned(&stand);
    let text = stand.text("vacuum.json");
    // Edited by hand: one manifest more.
    let (_, stays) = kept(&plan).into_iter().next().unwrap();
    let (_, goes) = gone(&plan).into_iter().next().unwrap();
    stand.write("vacuum.json", &text.replacen(&goes.to_string(), &stays.to_string(), 1));
    refused(&stand, APPLY, 3, "was changed after it was made");
    stand.write("vacuum.json", &text);
    // Of another site, and of this one as it was.
    let site = stand.text("site.yaml");
    stand.edit("site.yaml", "name: small-world", "name: another");
    refused(&stand, APPLY, 2, "the plan is of small-world");
    stand.write("site.yaml", &site.replace("keepGenerations: 0", "keepGenerations: 1"));
    refused(&stand, APPLY, 2, "the site file was changed");
    stand.write("site.yaml", &site);
    // The dump is old, or somebody runs what goes by now.
    refused(&stand, &format!("{APPLY} --dump-age 0"), 5, "`dump.json` was written 0 hours ago");
    dump(&stand, "other.example/catalog:v1", &[format!("r.example/any@{goes}")]);
    refused(&stand, &format!("{APPLY} --cluster @dump.json"), 9, "in use by now");
    // A newer dump that says less than the plan's did.
    let csvs = format!("{APPLY} --cluster @second/csvs.json");
    refused(&stand, &csvs, 5, "the dumps have no Subscription, no Pod");
    // An import is half-way: what it found there is about to be offered.
    let journal = stand.text("state/journal.jsonl");
    let lines: Vec<&str> = journal.lines().collect();
    let committed = lines.iter().rposition(|line| line.contains("\"committed\"")).unwrap();
    stand.write("state/journal.jsonl", &format!("{}\n", lines[..committed].join("\n")));
    refused(&stand, APPLY, 5, "did not get to its end");
    stand.write("state/journal.jsonl", &journal);
    // An import runs on this machine, or another vacuum.
    let lock = ombundle::store::lock::Lock::take(&stand.path("state/lock")).unwrap();
    refused(&stand, APPLY, 2, "process");
    drop(lock);
    // Somebody pushed meanwhile.
    let place = stand.catalog().repository;
    let manifest = stand.client().manifest(&place, &stand.served().unwrap().into()).unwrap().unwrap();
    stand.client().push_manifest(&place, &Target::Tag("v9".parse().unwrap()), &manifest).unwrap();
    refused(&stand, APPLY, 9, "changed in 1 tag since the plan was made");
}

#[test]
fn a_registry_that_deletes_nothing_is_told_before_anything_changes() {
    let stand = two_generations();
    nothing_back(&stand);
    planned(&stand);
    let options = crate::support::registry::Options {
        no_delete: true,
        storage: Some(stand.production.storage().to_owned()),
        ..Default::default()
    };
    let stubborn = crate::support::registry::DockerRegistry::start_with(&options);
    // The same content on another port.
    let (old, new) = (stand.production.host().to_string(), stubborn.host().to_string());
    stand.edit("site.yaml", &old, &new);
    stand.ok(super::site::PLAN);
    refused(&stand, APPLY, 7, "takes no deletion; nothing was changed");
}

#[test]
fn what_was_broken_off_is_gone_on_with() {
    let stand = two_generations();
    nothing_back(&stand);
    let plan = planned(&stand);
    // Killed in the middle of the deletions: half of them were sent.
    let half = gone(&plan).len() / 2;
    let repositories = plan["repositories"].as_object().unwrap();
    let order = repositories.iter().flat_map(|(name, repository)| {
        let items = repository["gone"].as_array().unwrap().iter();
        items.map(move |item| (name.clone(), item["digest"].as_str().unwrap().parse::<Digest>().unwrap()))
    });
    // The catalog is switched first, as a run that was killed later had done.
    for (name, digest) in order.filter(|(name, _)| !name.contains("index")).take(half) {
        stand.client().delete_manifest(&stand.production.repository(&name), digest).unwrap();
    }
    let done = stand.ok(APPLY).json();
    assert!(done["goneBefore"].as_u64() > Some(0), "{done}");
    let total = done["goneBefore"].as_u64().unwrap() + done["deleted"].as_u64().unwrap();
    assert_eq!(total, gone(&plan).len() as u64);
    // The former catalog is gone: newer dumps are not compared with it once the smaller one is in force.
    stand.ok(&format!("{APPLY} --cluster @dump.json"));
    stand.ok("check --site @site.yaml");
}

#[test]
fn a_copied_csv_says_that_an_operator_is_installed() {
    let stand = two_generations();
    dump(&stand, "other.example/catalog:v1", &[]);
    let whole: Value = serde_json::from_str(&stand.text("dump.json")).unwrap();
    let package = |dump: &Value| {
        stand.write("dump.json", &dump.to_string());
        let plan = stand.ok(&format!("{} --drop-unused-packages", super::site::PLAN)).json();
        assert_eq!(codes(&plan), [""; 0]);
        plan["catalogs"][0]["removed"]["web-terminal"].clone()
    };
    let below = json!(["web-terminal.v1.10.0", "web-terminal.v1.8.0", "web-terminal.v1.9.0"]);
    assert_eq!(package(&whole)["bundles"], below);
    // Only the copies of its CSV are in the dump, 263 of them, and no Subscription.
    let mut copies = whole.clone();
    let items = copies["items"].as_array_mut().unwrap();
    items.retain(|item| item["kind"] != "Subscription" || item["metadata"]["name"] != "web-terminal");
    items.retain(|item| {
        item["metadata"]["name"] != "web-terminal.v1.11.0" || item["status"]["reason"] == "Copied"
    });
    let copy = items.iter().find(|item| item["metadata"]["name"] == "web-terminal.v1.11.0").unwrap().clone();
    for number in 0..262 {
        let mut copy = copy.clone();
        copy["metadata"]["namespace"] = json!(format!("tenant-{number}"));
        items.push(copy);
    }
    assert_eq!(package(&copies)["bundles"], below);
    // Nobody has it at all.
    let mut none = whole;
    let items = none["items"].as_array_mut().unwrap();
    items.retain(|item| !item["metadata"]["name"].as_str().unwrap().starts_with("web-terminal"));
    assert_eq!(package(&none)["whole"], true);
    // That unused packages go was said with the plan, and need not be said again with newer dumps.
    stand.ok(&format!("{APPLY} --cluster @dump.json"));
    assert!(!catalogs::served(&stand).packages.contains_key("web-terminal"));
}

/// A plan that was changed by hand and looks whole: what it says is compared with what is there.
#[test]
fn a_plan_that_was_made_by_hand_is_not_believed() {
    let stand = two_generations();
    nothing_back(&stand);
    planned(&stand);
    let whole = VacuumPlan::parse(stand.text("vacuum.json").as_bytes(), &LIMITS).unwrap();
    let changed = |change: &dyn Fn(&mut VacuumPlan)| {
        let mut plan = whole.clone();
        change(&mut plan);
        stand.write("vacuum.json", &serde_json::to_string(&plan.sealed()).unwrap());
    };
    changed(&|plan| plan.dumps.clear());
    refused(&stand, APPLY, 5, "was made without a dump of the cluster");
    changed(&|plan| plan.dumps[0].written = "yesterday".to_owned());
    refused(&stand, APPLY, 5, "hours ago");
    // A newer dump of one cluster says nothing of another.
    changed(&|plan| {
        let other = DumpFacts {
            cluster: Some("other".to_owned()),
            written: "2020-01-01T00:00:00Z".to_owned(),
            ..plan.dumps[0].clone()
        };
        plan.dumps.push(other);
    });
    refused(&stand, &format!("{APPLY} --cluster @dump.json"), 5, "hours ago");
    // Another catalog than what comes of the cuts.
    changed(&|plan| {
        let cut = &mut plan.catalogs[0].removed.get_mut("web-terminal").unwrap().bundles;
        assert!(cut.insert("web-terminal.v1.11.0".to_owned()));
    });
    refused(&stand, APPLY, 3, "and the plan says");
    changed(&|_| {});
    stand.ok(APPLY);
}

#[test]
fn a_catalog_that_was_moved_meanwhile_is_left_alone() {
    let stand = two_generations();
    nothing_back(&stand);
    let plan = planned(&stand);
    let catalog = stand.catalog();
    let former: ombundle::reference::ImageRef = format!("{catalog}-prev-2").parse().unwrap();
    let target = |image| Target::of(image).unwrap();
    let manifest = stand.client().manifest(&catalog.repository, &target(&former)).unwrap().unwrap();
    // The first record says that the plan is begun; everything was looked at by then.
    let mut apply = stand.traced("fdatasync:delay_exit=3000000:when=1", APPLY);
    let apply = apply.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("the beginning", || {
        stand.path("state/vacuum.jsonl").exists() && stand.text("state/vacuum.jsonl").contains("begin")
    });
    stand.client().push_manifest(&catalog.repository, &target(&catalog), &manifest).unwrap();
    let ended: Ended = apply.wait_with_output().unwrap().into();
    assert_eq!(ended.code, Some(9), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("neither to what the plan was made on nor to what it makes of it"),
        "{}",
        ended.stderr
    );
    assert_eq!(stand.served(), Some(manifest.digest()));
    for (repository, digest) in gone(&plan) {
        let place = stand.production.repository(&repository);
        assert!(
            stand.client().head_manifest(&place, &digest.into()).unwrap().is_some(),
            "{repository}@{digest}"
        );
    }
}

/// What the registry took along with what was deleted is told.
#[test]
fn what_was_to_stay_and_is_gone_is_told() {
    let stand = two_generations();
    nothing_back(&stand);
    let plan = planned(&stand);
    // The registry loses it while the plan is carried out.
    let emptied: BTreeSet<String> = gone(&plan).into_iter().map(|(repository, _)| repository).collect();
    let (repository, lost) =
        kept(&plan).into_iter().find(|(name, _)| emptied.contains(name) && !name.contains("index")).unwrap();
    let mut apply = stand.traced("fdatasync:delay_exit=3000000:when=1", APPLY);
    let apply = apply.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("the beginning", || {
        stand.path("state/vacuum.jsonl").exists() && stand.text("state/vacuum.jsonl").contains("begin")
    });
    assert!(stand.client().delete_manifest(&stand.production.repository(&repository), lost).unwrap());
    let ended: Ended = apply.wait_with_output().unwrap().into();
    let findings = ended.json()["findings"].clone();
    assert_eq!((ended.code, &findings[0]["code"]), (Some(10), &json!("KEPT_IS_GONE")), "{}", ended.stderr);
    assert!(findings[0]["subject"].as_str().unwrap().ends_with(&lost.to_string()), "{findings}");
}
