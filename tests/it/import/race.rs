//! Two who change production at once: nobody's change is lost, and nobody writes over the other.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ombundle::demo::{ImageSize, StandIns, World};

use super::catalogs;
use super::gate::Gate;
use super::stand::{Ended, Stand, until};

/// A package that stands in production by somebody else's hand.
fn add_stranger(stand: &Stand, name: &str) {
    let mut files = catalogs::files(stand, &stand.catalog());
    let bundle = &catalogs::catalog(&files).packages["self-node-remediation"].bundles;
    let image = bundle.values().next().unwrap().image.clone();
    files.extend([catalogs::stranger(name, &image)]);
    catalogs::push(stand, &stand.catalog(), &files);
}

fn start(mut command: Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn records(stand: &Stand, journal: &str, step: &str) -> usize {
    let text = std::fs::read_to_string(stand.path(journal)).unwrap_or_default();
    // Tags that images are asked for by are prepared in the same way; here it is about the catalog's.
    let meant = |line: &&str| step != "prepared" || line.contains("operator-index");
    text.lines().filter(meant).filter(|line| line.contains(&format!("\"step\":\"{step}\""))).count()
}

#[test]
fn a_catalog_that_changed_between_merge_and_commit_is_merged_again() {
    let stand = Stand::plain();
    stand.first();
    // The journal's fifth record says that the tag is about to move; three seconds later it is looked at again.
    let delayed = "fdatasync:delay_exit=3000000:when=5";
    let import = start(stand.traced(delayed, &Stand::import_line("first")));
    until("the merge", || records(&stand, "state/journal.jsonl", "prepared") == 1);
    add_stranger(&stand, "late-operator");
    let late = stand.served();
    let ended: Ended = import.wait_with_output().unwrap().into();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("was changed meanwhile"), "{}", ended.stderr);
    let journal = stand.text("state/journal.jsonl");
    let merged = |line: &&str| line.contains("\"prepared\"") && line.contains("operator-index:v4.20");
    assert_eq!(journal.lines().filter(merged).count(), 2, "{journal}");
    let served = catalogs::served(&stand);
    let packages: Vec<&str> = served.packages.keys().map(String::as_str).collect();
    assert_eq!(packages, ["devworkspace-operator", "late-operator", "self-node-remediation", "web-terminal"]);
    assert_eq!(
        catalogs::path(&served, "web-terminal", "fast", "web-terminal.v1.8.0"),
        ["web-terminal.v1.9.0"]
    );
    // The way back leads to what was there last, the other's change included.
    let receipt = stand.text("first/out/receipt.json");
    assert!(receipt.contains(&format!("\"before\": \"{}\"", late.unwrap())), "{receipt}");
    stand.ok("check --site @site.yaml");
}

#[test]
fn a_catalog_that_never_rests_is_left_to_the_other() {
    let stand = Stand::plain();
    stand.first();
    let delayed = "fdatasync:delay_exit=2000000:when=5+";
    let import = start(stand.traced(delayed, &Stand::import_line("first")));
    for change in 1..=3 {
        until("a merge", || records(&stand, "state/journal.jsonl", "prepared") == change);
        add_stranger(&stand, &format!("late-operator-{change}"));
    }
    let theirs = stand.served();
    let ended: Ended = import.wait_with_output().unwrap().into();
    assert_eq!(ended.code, Some(9), "{}", ended.stderr);
    let tag = stand.catalog().to_string();
    assert!(ended.stderr.contains(&tag) && ended.stderr.contains("3 times"), "{}", ended.stderr);
    assert_eq!(stand.served(), theirs);
    assert!(!stand.path("first/out").exists());
    // When it rests, the same command goes on.
    stand.ok(&Stand::import_line("first"));
    assert_eq!(catalogs::served(&stand).packages.len(), 6);
}

#[test]
fn one_state_folder_serves_one_import_at_a_time() {
    let stand = Stand::plain();
    stand.first();
    let first = start(stand.traced("fdatasync:delay_exit=4000000:when=1", &Stand::import_line("first")));
    until("the first import", || records(&stand, "state/journal.jsonl", "begin") == 1);
    let second = stand.expect(&Stand::import_line("first"), 2);
    let holder = stand.text("state/lock");
    assert!(holder.starts_with("process "), "{holder}");
    assert!(second.stderr.contains(&format!("is held by {}", holder.trim())), "{}", second.stderr);
    let first: Ended = first.wait_with_output().unwrap().into();
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    stand.ok(&Stand::import_line("first"));
}

/// `late.ombundle`, generation 2: another package, from the same upstream catalog.
fn pack_late(stand: &Stand) {
    let (path, text) = catalogs::stranger("late-operator", "registry.redhat.io/late/late-operator-bundle:v1");
    let parts = StandIns::of(&[(path, text)], ImageSize::SMALL).unwrap();
    let world = parts.published_as(&World::CATALOG.parse().unwrap(), ImageSize::SMALL).unwrap();
    world.push(stand.client(), &stand.source.host()).unwrap();
    stand.write(
        "late/imageset.yaml",
        &format!(
            "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n  operators:\n    \
             - catalog: {}\n      packages:\n        - name: late-operator\n",
            World::CATALOG
        ),
    );
    stand.ok("pack -c @late/imageset.yaml --site @site.yaml --key @signer.key -o @late.ombundle");
}

/// What both archives brought is there, and what was there before.
fn both_survived(stand: &Stand) {
    let served = catalogs::served(stand);
    let packages: Vec<&str> = served.packages.keys().map(String::as_str).collect();
    assert_eq!(packages, ["devworkspace-operator", "late-operator", "self-node-remediation", "web-terminal"]);
    assert_eq!(
        catalogs::path(&served, "web-terminal", "fast", "web-terminal.v1.8.0"),
        ["web-terminal.v1.9.0"]
    );
    stand.ok("check --site @site.yaml");
}

#[test]
fn imports_from_two_machines_lose_nothing() {
    let stand = Stand::plain();
    stand.first();
    pack_late(&stand);
    stand.write("other.yaml", &stand.text("site.yaml").replace("./state", "./other"));
    // Both have merged with the same catalog before either moves the tag.
    let delayed = "fdatasync:delay_exit=3000000:when=5";
    let first = start(stand.traced(delayed, &Stand::import_line("first")));
    until("the first merge", || records(&stand, "state/journal.jsonl", "prepared") == 1);
    let late = "import @late.ombundle --site @other.yaml -o @late/out";
    let second = start(stand.command(late));
    for (name, import) in [("first", first), ("second", second)] {
        let ended: Ended = import.wait_with_output().unwrap().into();
        assert_eq!(ended.code, Some(0), "{name}: {}", ended.stderr);
    }
    both_survived(&stand);
}

#[test]
fn a_late_commit_overwrites_nobody() {
    let stand = Stand::plain();
    stand.first();
    pack_late(&stand);
    // Registries have no compare-and-swap: what is held here was decided before the other one began.
    let path = World::CATALOG.split_once('/').unwrap().1.replace(':', "/manifests/");
    let gate = Gate::before(&stand.production.host(), &format!("PUT /v2/olm-redhat/{path} "));
    let site = stand.text("site.yaml").replace(stand.production.host().as_str(), gate.host());
    stand.write("gated.yaml", &site.replace("./state", "./gated"));
    let first = start(stand.command("import @first.ombundle --site @gated.yaml -o @first/out"));
    gate.reached();
    let mut second = start(stand.command("import @late.ombundle --site @site.yaml -o @late/out"));
    // Time enough to overtake for one that does not wait.
    let end = Instant::now() + Duration::from_secs(8);
    while second.try_wait().unwrap().is_none() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(50));
    }
    gate.open();
    for (name, import) in [("first", first), ("second", second)] {
        let ended: Ended = import.wait_with_output().unwrap().into();
        assert_eq!(ended.code, Some(0), "{name}: {}", ended.stderr);
    }
    both_survived(&stand);
}

#[test]
fn a_catalog_that_somebody_puts_back_is_noticed() {
    let stand = Stand::plain();
    stand.first();
    let (image, old) = (stand.catalog(), stand.served().unwrap());
    let manifest = stand.client().manifest(&image.repository, &old.into()).unwrap().unwrap();
    // The sixth record says that the tag was moved.
    let delayed = "fdatasync:delay_exit=3000000:when=6";
    let import = start(stand.traced(delayed, &Stand::import_line("first")));
    until("the commit", || records(&stand, "state/journal.jsonl", "switched") == 1);
    let target = ombundle::registry::Target::of(&image).unwrap();
    stand.client().push_manifest(&image.repository, &target, &manifest).unwrap();
    let ended: Ended = import.wait_with_output().unwrap().into();
    assert_eq!(ended.code, Some(9), "{}", ended.stderr);
    assert!(ended.stderr.contains(&old.to_string()), "{}", ended.stderr);
    assert_eq!(records(&stand, "state/journal.jsonl", "committed"), 0);
    stand.ok(&Stand::import_line("first"));
    assert_ne!(stand.served(), Some(old));
}

#[test]
fn what_an_earlier_try_kept_stays_kept() {
    let stand = Stand::plain();
    stand.first();
    // A try of this generation kept what it was about to replace, and died; somebody changed the catalog since.
    let old = stand.served().unwrap();
    let mut kept = stand.catalog();
    kept.tag = Some("v4.20-prev-1".parse().unwrap());
    let files = catalogs::files(&stand, &stand.catalog());
    catalogs::push(&stand, &kept, &files);
    let earlier = stand.digest_of(&kept).unwrap();
    assert_ne!(earlier, old);
    stand.ok(&Stand::import_line("first"));
    assert_eq!(stand.digest_of(&kept), Some(earlier));
    kept.tag = Some(format!("v4.20-prev-1-{}", old.short()).parse().unwrap());
    assert_eq!(stand.digest_of(&kept), Some(old));
}

#[test]
fn what_was_overtaken_while_it_waited_is_refused() {
    let stand = Stand::plain();
    stand.first();
    pack_late(&stand);
    // Judged and found to be new; it is about to claim production when a newer one passes by.
    let gate = Gate::before(&stand.production.host(), "PUT /v2/ombundle/state/manifests/ombundle-lease-");
    let site = stand.text("site.yaml").replace(stand.production.host().as_str(), gate.host());
    stand.write("gated.yaml", &site.replace("./state", "./gated"));
    let first = start(stand.command("import @first.ombundle --site @gated.yaml -o @first/out"));
    gate.reached();
    stand.ok("import @late.ombundle --site @site.yaml -o @late/out");
    let served = stand.served();
    gate.open();
    let ended: Ended = first.wait_with_output().unwrap().into();
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    assert!(ended.stderr.contains("generation 1 came too late: meanwhile generation 2"), "{}", ended.stderr);
    assert_eq!(stand.served(), served);
}
