//! The number below which nothing is taken, when an import did not get to its end and when the two records disagree.

use std::fs;

use ombundle::demo::Generation;

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
