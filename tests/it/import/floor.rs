//! The number below which nothing is taken, when an import did not get to its end and when the two records disagree.

use std::fs;

use ombundle::demo::Generation;

use super::gate::Gate;
use super::stand::{Stand, finish};

#[test]
fn a_catalog_that_was_switched_raises_the_floor_though_the_import_was_killed() {
    let stand = Stand::plain();
    stand.first();
    stand.ok(&Stand::import_line("first"));
    stand.publish(Generation::Second);
    stand.pack("second", "--report @first/out/receipt.json");
    let before = stand.served();
    // begin, staged, promoted, prepared and switched; what it says is written by then, and the process dies.
    let killed = finish(stand.traced("fdatasync:signal=KILL:when=5", &Stand::import_line("second")));
    assert_eq!(killed.code, None, "{}", killed.stderr);
    let journal = stand.text("state/journal.jsonl");
    let last = journal.lines().last().unwrap();
    assert!(last.contains("\"switched\""), "{journal}");
    assert_ne!(stand.served(), before);
    let switched = stand.served();
    let refused = || {
        let ended = stand.expect(&Stand::import_line("first"), 4);
        assert!(
            ended.stderr.contains("generation 1") && ended.stderr.contains("generation 2"),
            "{}",
            ended.stderr
        );
        assert_eq!(stand.served(), switched);
    };
    refused();
    // Killed a moment earlier: only production knows that the tag moved.
    let cut = journal.strip_suffix('\n').unwrap().strip_suffix(last).unwrap();
    assert!(cut.lines().last().unwrap().contains("\"prepared\""), "{cut}");
    fs::write(stand.path("state/journal.jsonl"), cut).unwrap();
    refused();
    // The archive that did it goes on to its end.
    stand.ok(&Stand::import_line("second"));
    refused();
}

#[test]
fn one_number_for_two_archives_is_a_dispute_that_a_newer_one_ends() {
    let stand = Stand::plain();
    stand.first();
    stand.twin();
    stand.ok(&Stand::import_line("first"));
    // Somebody took away what production keeps, and another machine imported the other archive of this number.
    let kept = stand.production.storage().join("docker/registry/v2/repositories/ombundle");
    fs::remove_dir_all(kept).unwrap();
    stand.write("other.yaml", &stand.text("site.yaml").replace("./state", "./other"));
    stand.ok("import @twin.ombundle --site @other.yaml -o @twin/out");

    let holdings = stand.holdings();
    let ended = stand.expect(&Stand::import_line("first"), 4);
    assert!(
        ended.stderr.contains("generation 1") && ended.stderr.contains("--sequence 2"),
        "{}",
        ended.stderr
    );
    assert!(stand.holdings() == holdings, "something was written");
    stand.publish(Generation::Second);
    stand.pack("second", "--report @first/out/receipt.json");
    let ended = stand.ok(&Stand::import_line("second"));
    assert!(ended.stderr.contains("as different archives"), "{}", ended.stderr);
}

#[test]
fn two_sites_on_one_registry_keep_their_numbers_apart() {
    let stand = Stand::plain();
    stand.first();
    stand.twin();
    fs::create_dir(stand.path("other")).unwrap();
    stand.ok(&Stand::import_line("first"));
    // Another site, with repositories of its own, imports its first archive.
    let site = stand.text("site.yaml").replace("olm-redhat", "olm-other").replace("./state", "./elsewhere");
    stand.write("other.yaml", &site.replace("name: small-world", "name: other"));
    stand
        .ok("plan -c @first/imageset.yaml --site @other.yaml --cluster @first/csvs.json -o @other/plan.json");
    stand.ok("pack --plan @other/plan.json --key @signer.key -o @other.ombundle");
    let other = stand.ok("import @other.ombundle --site @other.yaml -o @other/out --format json").json();
    assert_eq!(other["generation"], 1);
    // The first site's journal is lost. Its production still knows which archive was its generation 1.
    fs::remove_dir_all(stand.path("state")).unwrap();
    let refused = stand.expect(&Stand::import_line("twin"), 4);
    assert!(refused.stderr.contains("generation 1"), "{}", refused.stderr);
    stand.ok(&Stand::import_line("first"));
}

#[test]
fn a_record_that_production_refuses_is_told_until_it_is_kept() {
    let stand = Stand::plain();
    stand.first();
    let gate = Gate::refusing(&stand.production.host(), "PUT /v2/ombundle/state/manifests/g0001");
    stand.edit("site.yaml", stand.production.host().as_str(), gate.host());
    let line = format!("{} --format json", Stand::import_line("first"));
    let not_kept = |line: &str| {
        let imported = stand.ok(line).json();
        let findings = imported["findings"].as_array().unwrap().clone();
        findings.iter().any(|finding| finding["code"] == "STATE_NOT_KEPT")
    };
    let before = stand.served();
    assert!(not_kept(&line));
    assert_ne!(stand.served(), before, "the catalog is in force nevertheless");
    assert!(stand.text("first/out/RUNBOOK.md").contains("does not keep the inventory"));
    assert!(not_kept(&line), "it is still so");
    gate.open();
    assert!(!not_kept(&line), "it was kept by now");
    assert!(!stand.text("first/out/RUNBOOK.md").contains("does not keep the inventory"));
}
