//! What has arrived on media, each file by itself: repair data is judged like volumes are.

use std::fs;

use ombundle::demo::Generation;
use serde_json::Value;

use super::stage::{Ran, Stage};

/// A stage with `a.ombundle`, and with folders for media.
fn packed() -> Stage {
    let stage = Stage::new(Generation::First);
    stage.plan();
    stage.pack("a.ombundle", &[]).ended(0);
    for folder in ["one", "two", "empty"] {
        fs::create_dir(stage.path(folder)).unwrap();
    }
    stage
}

fn write(stage: &Stage, more: &[&str]) {
    stage.run(&[&["media", "write", "a.ombundle", "--repair", "5%"], more].concat()).ended(0);
}

fn check(stage: &Stage, paths: &[&str]) -> Ran {
    stage.run(&[&["media", "check", "--format", "json"], paths].concat())
}

fn told(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap()
}

fn codes(ran: &Ran) -> Vec<String> {
    ran.findings().into_iter().map(|(code, _)| code).collect()
}

#[test]
fn repair_data_is_judged_file_by_file_and_together() {
    let stage = packed();
    write(&stage, &["--volume-size", "96KiB", "one"]);
    let whole = check(&stage, &["one"]).ended(0);
    let repair = &told(&whole)["repair"][0];
    let blocks = stage.read("a.ombundle").len().div_ceil(4_096) as u64;
    let lost = (blocks * 5).div_ceil(100) + 1;
    assert_eq!((repair["blocks"].as_u64(), repair["blockBytes"].as_u64()), (Some(blocks), Some(4_096)));
    assert_eq!((repair["anywhere"].as_u64(), repair["stretch"].as_u64()), (Some(lost), Some(lost)));
    let files: Vec<&str> =
        repair["files"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert!(files.len() > 1 && files[0] == "one/a.ombundle.repair-001", "{files:?}");
    assert_eq!(codes(&whole), Vec::<String>::new());

    // Each medium by itself: what is on others is named, and nothing is wrong.
    fs::rename(stage.path(files[0]), stage.path("two/a.ombundle.repair-001")).unwrap();
    let left = check(&stage, &["one"]).ended(0);
    assert_eq!(left.findings(), [("REPAIR_MISSING".to_owned(), "a.ombundle".to_owned())]);
    assert!(left.stdout.contains("these files are not here: a.ombundle.repair-001\""), "{left:?}");
    assert!(told(&left)["repair"][0]["anywhere"].as_u64().unwrap() < lost);
    assert_eq!(codes(&check(&stage, &["one", "two"]).ended(0)), Vec::<String>::new());
    assert_eq!(codes(&check(&stage, &["two/a.ombundle.repair-001"]).ended(0)), ["REPAIR_MISSING"]);

    // Two spare blocks, a page of checks and a header.
    let mut bytes = stage.read(files[1]);
    for at in [520, 4_096 + 600, 3 * 4_096, bytes_from_end(&bytes, 9)] {
        bytes[at] ^= 1;
    }
    stage.write(files[1], &bytes);
    let damaged = check(&stage, &["one", "two"]).ended(3);
    assert_eq!(damaged.findings(), [("REPAIR_DAMAGED".to_owned(), files[1].to_owned())]);
    assert!(damaged.stdout.contains("2 of its "), "{damaged:?}");
    assert!(damaged.stdout.contains("1 × header, 1 × page of checks"), "{damaged:?}");
    assert_eq!(told(&damaged)["repair"][0]["anywhere"].as_u64(), Some(lost - 2));

    stage.write(files[1], &bytes[..5_000]);
    let torn = check(&stage, &["one", "two"]).ended(3);
    assert!(torn.stdout.contains("bytes are missing at its end"), "{torn:?}");
    bytes[..512].fill(0);
    stage.write(files[1], bytes);
    let useless = check(&stage, &["one", "two"]).ended(3);
    assert!(useless.stdout.contains("nothing of this repair data can be used"), "{useless:?}");
}

fn bytes_from_end(bytes: &[u8], count: usize) -> usize {
    bytes.len() - 512 + count
}

#[test]
fn several_runs_into_one_folder_leave_sums_of_all() {
    let stage = packed();
    let cut = ["--volume-size", "512KiB", "one", "--volume"];
    for volume in ["1", "2", "2", "1"] {
        write(&stage, &[&cut[..], &[volume]].concat());
    }
    let sums = || {
        let text = String::from_utf8(stage.read("one/a.ombundle.SHA256SUMS")).unwrap();
        text.lines().map(|line| line.split_once('*').unwrap().1.to_owned()).collect::<Vec<_>>()
    };
    let names = sums();
    for name in ["a.ombundle.001", "a.ombundle.001.json", "a.ombundle.002", "a.ombundle.002.json"] {
        assert_eq!(names.iter().filter(|it| *it == name).count(), 1, "{names:?}");
    }
    // What is no more there, or another's, is not vouched for.
    fs::remove_file(stage.path("one/a.ombundle.002")).unwrap();
    write(&stage, &[&cut[..], &["1"]].concat());
    assert!(!sums().contains(&"a.ombundle.002".to_owned()));
}

#[test]
fn repair_data_of_another_archive_is_named() {
    let stage = packed();
    write(&stage, &["--volume-size", "512KiB", "one"]);
    stage.run(&["plan", "-c", "imageset.yaml", "--sequence", "9", "-o", "plan.json"]).ended(0);
    fs::rename(stage.path("a.ombundle"), stage.path("former.ombundle")).unwrap();
    stage.pack("a.ombundle", &[]).ended(0);
    write(&stage, &["--volume-size", "512KiB", "two"]);
    let name = "a.ombundle.repair-001";
    fs::copy(stage.path("two").join(name), stage.path("one").join(name)).unwrap();
    let foreign = check(&stage, &["one"]).ended(3);
    assert_eq!(foreign.findings(), [("REPAIR_FOREIGN".to_owned(), format!("one/{name}"))]);
    // Repair data without its archive is worth a word.
    fs::copy(stage.path("two").join(name), stage.path("one/b.ombundle.repair")).unwrap();
    assert!(codes(&check(&stage, &["one"]).ended(3)).contains(&"REPAIR_ALONE".to_owned()));
}

#[test]
fn an_archive_in_one_file_is_judged_by_its_repair_data() {
    let stage = packed();
    stage.run(&["media", "write", "a.ombundle", "one"]).ended(0);
    assert_eq!(codes(&check(&stage, &["one"]).ended(0)), ["NO_LABEL"]);
    assert_eq!(codes(&check(&stage, &["empty"]).ended(3)), ["VOLUME_NONE"]);
    assert_eq!(codes(&check(&stage, &["a.ombundle.SUMMARY.txt"]).ended(3)), ["NOT_AN_ARCHIVE"]);
    write(&stage, &["one"]);
    assert_eq!(codes(&check(&stage, &["one"]).ended(0)), ["NOT_DAMAGED"]);
    let mut bytes = stage.read("one/a.ombundle");
    bytes[9_000] ^= 1;
    stage.write("one/a.ombundle", bytes);
    let damaged = check(&stage, &["one/a.ombundle"]).ended(3);
    assert_eq!(codes(&damaged), ["BLOCKS_DAMAGED"]);
    assert!(damaged.stdout.contains("1 of ") && damaged.stdout.contains("verify --repair-to"), "{damaged:?}");
}
