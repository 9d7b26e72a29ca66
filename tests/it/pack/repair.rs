//! Repair data: what was lost or changed on the way is mended, up to what was asked for, and no further.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use ombundle::demo::Generation;
use serde_json::Value;

use super::stage::{Ran, Stage};

/// Bytes of a block of a small archive.
const BLOCK: usize = 4 << 10;

/// A stage with `a.ombundle` and repair data for that share.
fn protected(share: &str, more: &[&str]) -> Stage {
    let stage = Stage::new(Generation::First);
    stage.plan();
    stage.pack("a.ombundle", &[&["--repair", share], more].concat()).ended(0);
    stage
}

fn mend(stage: &Stage, archive: &[&str], to: &str) -> Ran {
    let more = ["--trust-key", "signer.pub", "--format", "json", "--repair-to", to];
    stage.run(&[&["verify"], archive, &more].concat())
}

/// Some blocks of so many, the first and the last among them.
fn some(count: usize, blocks: usize) -> BTreeSet<usize> {
    let mut state = 7_usize;
    let mut chosen = BTreeSet::from([0, blocks - 1]);
    while chosen.len() < count {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        chosen.insert((state >> 33) % blocks);
    }
    chosen
}

/// Changes these blocks of a file.
fn destroy(stage: &Stage, file: &str, blocks: &BTreeSet<usize>) {
    let mut bytes = stage.read(file);
    for block in blocks {
        let end = bytes.len().min((block + 1) * BLOCK);
        bytes[block * BLOCK..end].iter_mut().for_each(|byte| *byte = !*byte);
    }
    stage.write(file, bytes);
}

/// How many blocks of `a.ombundle` may be lost: that share, and one more for a stretch that begins within one.
fn spare(stage: &Stage) -> (usize, usize) {
    let blocks = stage.read("a.ombundle").len().div_ceil(BLOCK);
    ((blocks * 5).div_ceil(100) + 1, blocks)
}

#[test]
fn random_blocks_up_to_the_share_are_mended_and_one_more_is_named() {
    let stage = protected("5%", &[]);
    let good = stage.read("a.ombundle");
    let (spare, blocks) = spare(&stage);
    assert!(spare > 10, "{spare} of {blocks}");
    destroy(&stage, "a.ombundle", &some(spare, blocks));
    let broken = stage.read("a.ombundle");
    stage.verify("a.ombundle").ended(3);
    let ran = mend(&stage, &["a.ombundle"], "mended.ombundle").ended(0);
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (told["verdict"].as_str(), told["mended"].as_str()),
        (Some("verified"), Some("mended.ombundle"))
    );
    assert!(ran.stderr.contains(&format!("{spare} of {blocks} blocks")), "{}", ran.stderr);
    assert!(stage.read("mended.ombundle") == good, "every byte is as it was");
    assert!(stage.read("a.ombundle") == broken, "the medium is not written to");
    stage.verify("mended.ombundle").ended(0);

    let one_more = (0..blocks).find(|block| !some(spare, blocks).contains(block)).unwrap();
    destroy(&stage, "a.ombundle", &BTreeSet::from([one_more]));
    let refused = mend(&stage, &["a.ombundle"], "again.ombundle").ended(3);
    assert_eq!(refused.findings(), [("BEYOND_REPAIR".to_owned(), "./a.ombundle.repair".to_owned())]);
    assert!(refused.stdout.contains(&format!("{} of {blocks} blocks", spare + 1)), "{}", refused.stdout);
    assert!(refused.stdout.contains("copy again: a.ombundle"), "{}", refused.stdout);
    assert!(!stage.names().iter().any(|name| name.starts_with("again")), "{:?}", stage.names());
}

#[test]
fn missing_torn_and_damaged_volumes_are_mended_together() {
    let stage = protected("20%", &["--volume-size", "96KiB"]);
    stage.pack("whole.ombundle", &[]).ended(0);
    let good = stage.read("whole.ombundle");
    fs::remove_file(stage.path("whole.ombundle")).unwrap();
    let parts: Vec<String> = stage.names().into_iter().filter(|name| name.contains(".repair-")).collect();
    assert!(parts.len() > 3, "{parts:?}");
    assert!(parts.iter().all(|part| stage.read(part).len() <= 96 << 10));

    // Each part can be used without the others.
    fs::remove_file(stage.path(&parts[0])).unwrap();
    for name in ["a.ombundle.003", "a.ombundle.003.json", "a.ombundle.007.json"] {
        fs::remove_file(stage.path(name)).unwrap();
    }
    let torn = stage.read("a.ombundle.005");
    stage.write("a.ombundle.005", &torn[..BLOCK * 20]);
    destroy(&stage, "a.ombundle.007", &BTreeSet::from([1, 9]));
    let missing = stage.verify("a.ombundle").ended(3);
    assert!(missing.stderr.contains("info[REPAIR_DATA]"), "{}", missing.stderr);
    fs::create_dir(stage.path("out")).unwrap();
    mend(&stage, &["a.ombundle"], "out").ended(0);
    assert!(fs::read(stage.path("out/a.ombundle")).unwrap() == good);

    // Of two bad copies each has what the other lacks.
    fs::create_dir(stage.path("copy")).unwrap();
    let mut copy = torn;
    copy[..BLOCK * 20].fill(0);
    fs::write(stage.path("copy/a.ombundle.005"), copy).unwrap();
    for part in &parts[2..] {
        fs::remove_file(stage.path(part)).unwrap();
    }
    for name in ["a.ombundle.009", "a.ombundle.010", "a.ombundle.011"] {
        fs::remove_file(stage.path(name)).unwrap();
    }
    let refused = mend(&stage, &["a.ombundle", "copy"], "more.ombundle").ended(3);
    assert!(refused.stdout.contains("volume 9, which is missing"), "{}", refused.stdout);
    assert!(!refused.stdout.contains("a.ombundle.005"), "two halves are one volume: {}", refused.stdout);
}

#[test]
fn damaged_repair_data_mends_as_far_as_it_goes() {
    let stage = protected("5%", &[]);
    let good = stage.read("a.ombundle");
    let (spare, blocks) = spare(&stage);
    let repair = stage.read("a.ombundle.repair");
    // Its first header, its first table and two spare blocks.
    destroy(&stage, "a.ombundle.repair", &BTreeSet::from([0, 1, 8]));
    let lost = some(spare - 6, blocks);
    destroy(&stage, "a.ombundle", &lost);
    mend(&stage, &["a.ombundle"], "mended.ombundle").ended(0);
    assert!(stage.read("mended.ombundle") == good);
    // The other end, as a copy that was broken off has it.
    stage.write("a.ombundle.repair", &repair[..repair.len() - BLOCK * 2]);
    mend(&stage, &["a.ombundle"], "torn.ombundle").ended(0);
    assert!(stage.read("torn.ombundle") == good);
    // Nothing can be read of it.
    stage.write("a.ombundle.repair", &repair[BLOCK..repair.len() - BLOCK]);
    let none = mend(&stage, &["a.ombundle"], "none.ombundle").ended(2);
    assert!(none.stderr.contains("there is no repair data that can be read"), "{}", none.stderr);
    // Whoever opens a pipe waits for somebody to write to it.
    fs::remove_file(stage.path("a.ombundle.repair")).unwrap();
    Command::new("mkfifo").arg(stage.path("a.ombundle.repair")).status().unwrap();
    mend(&stage, &["a.ombundle"], "none.ombundle").ended(2);
}

#[test]
fn repair_data_of_another_archive_mends_nothing() {
    let stage = protected("5%", &[]);
    stage.run(&["plan", "-c", "imageset.yaml", "--sequence", "9", "-o", "plan.json"]).ended(0);
    stage.pack("b.ombundle", &["--repair", "5%"]).ended(0);
    let twice =
        stage.run(&["verify", ".", "--trust-key", "signer.pub", "--repair-to", "c.ombundle"]).ended(2);
    assert!(twice.stderr.contains("repair data of several archives"), "{}", twice.stderr);
    fs::rename(stage.path("b.ombundle.repair"), stage.path("a.ombundle.repair")).unwrap();
    let mut bytes = stage.read("a.ombundle");
    bytes.rotate_right(1_000);
    stage.write("a.ombundle", bytes);
    let foreign = mend(&stage, &["a.ombundle"], "c.ombundle").ended(3);
    assert_eq!(foreign.findings()[0].0, "REPAIR_FOREIGN");
    assert!(!stage.names().contains("c.ombundle"));
}

#[test]
fn what_is_mended_is_judged_before_it_has_a_name() {
    let stage = protected("5%", &[]);
    let whole = mend(&stage, &["a.ombundle"], "b.ombundle").ended(0);
    assert!(whole.stderr.contains("NOT_DAMAGED"), "{}", whole.stderr);
    assert!(!stage.names().contains("b.ombundle"), "nothing was damaged");
    destroy(&stage, "a.ombundle", &BTreeSet::from([3]));
    stage.run(&["key", "generate", "--out", "other"]).ended(0);
    let line = ["verify", "a.ombundle", "--trust-key", "other.pub", "--repair-to", "b.ombundle"];
    stage.run(&line).ended(4);
    assert!(!stage.names().iter().any(|name| name.starts_with("b.ombundle")), "{:?}", stage.names());
    stage.write("b.ombundle", "precious");
    mend(&stage, &["a.ombundle"], "b.ombundle").ended(2);
    assert_eq!(stage.read("b.ombundle"), b"precious");
    for share in ["0%", "101%", "five"] {
        stage.pack("c.ombundle", &["--repair", share]).ended(2);
    }
}

#[test]
fn media_take_repair_data_along_or_have_it_made() {
    let stage = protected("5%", &[]);
    for folder in ["one", "two"] {
        fs::create_dir(stage.path(folder)).unwrap();
    }
    let write = |more: &[&str]| {
        let ran = stage.run(&[&["media", "write", "a.ombundle", "--format", "json"], more].concat());
        serde_json::from_str::<Value>(&ran.ended(0).stdout).unwrap()
    };
    let taken = write(&["one"]);
    assert_eq!((&taken["files"][1]["kind"], &taken["files"][1]["there"]), (&"repair".into(), &false.into()));
    assert!(stage.read("one/a.ombundle.repair") == stage.read("a.ombundle.repair"));
    let cut = ["--volume-size", "96KiB"];
    let refused = stage.run(&[&["media", "write", "a.ombundle"], &cut[..], &["two"]].concat()).ended(2);
    assert!(refused.stderr.contains("--repair 5%"), "{}", refused.stderr);
    let made = write(&[&cut[..], &["--repair", "5%", "two"]].concat());
    assert!(made["files"].as_array().unwrap().iter().any(|file| file["kind"] == "repair"));
    let again = write(&[&cut[..], &["--repair", "5%", "two"]].concat());
    assert!(again["files"].as_array().unwrap().iter().all(|file| file["there"] == true), "{again}");
    for folder in ["one", "two"] {
        let mut sums = Command::new("sha256sum");
        sums.args(["-c", "--strict", "--quiet", "a.ombundle.SHA256SUMS"]).current_dir(stage.path(folder));
        assert!(sums.status().unwrap().success());
        let sums = String::from_utf8(stage.read(&format!("{folder}/a.ombundle.SHA256SUMS"))).unwrap();
        assert!(sums.contains("a.ombundle.repair"), "{sums}");
    }
    // Other bytes under the name stay.
    stage.write("two/a.ombundle.repair-001", "precious");
    let more = [&["media", "write", "a.ombundle"], &cut[..], &["--repair", "5%", "two"]].concat();
    stage.run(&more).ended(2);
    assert_eq!(stage.read("two/a.ombundle.repair-001"), b"precious");
}
