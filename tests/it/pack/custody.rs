//! The custody record: a line for each step, chained, and never a reason to fail.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use ombundle::demo::Generation;
use serde_json::Value;

use super::stage::{Ran, Stage};

const RECORD: [&str; 4] = ["--custody", "custody.jsonl", "--by", "김철수"];

fn with<'a>(line: &[&'a str]) -> Vec<&'a str> {
    [line, &RECORD].concat()
}

fn show(stage: &Stage) -> Ran {
    stage.run(&["custody", "show", "custody.jsonl", "--format", "json"])
}

#[test]
fn every_step_has_its_line_and_a_changed_one_is_named() {
    let stage = Stage::new(Generation::First);
    stage.plan();
    stage.pack("a.ombundle", &RECORD).ended(0);
    stage.run(&["key", "generate", "--out", "second"]).ended(0);
    fs::create_dir(stage.path("usb")).unwrap();
    let trusted = ["--trust-key", "signer.pub"];
    stage.run(&with(&[&["sign", "a.ombundle", "--key", "second.key"], &trusted[..]].concat())).ended(0);
    stage.run(&with(&["media", "write", "a.ombundle", "usb"])).ended(0);
    stage.run(&with(&[&["verify", "usb"], &trusted[..]].concat())).ended(0);
    let mut bytes = stage.read("usb/a.ombundle");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    stage.write("usb/a.ombundle", bytes);
    stage.run(&with(&[&["verify", "usb"], &trusted[..]].concat())).ended(3);

    let shown: Value = serde_json::from_str(&show(&stage).ended(0).stdout).unwrap();
    let lines = shown["lines"].as_array().unwrap();
    let actions: Vec<&str> = lines.iter().map(|line| line["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["pack", "sign", "media-write", "verify", "verify"]);
    assert!(lines.iter().all(|line| line["who"] == "김철수" && line["host"] != ""), "{lines:?}");
    let inventory = &lines[0]["inventory"];
    assert!(lines[..4].iter().all(|line| line["inventory"] == *inventory && inventory.is_string()));
    assert_eq!(lines[4]["inventory"], Value::Null, "what was refused is not believed");
    let results: Vec<&str> = lines.iter().map(|line| line["result"].as_str().unwrap()).collect();
    assert_eq!((results[0], results[1], results[3]), ("packed", "signed", "verified"));
    assert!(results[4].starts_with("failed with exit code 3"), "{results:?}");
    assert_eq!(lines[1]["keys"].as_array().unwrap().len(), 1);
    let page = stage.run(&["custody", "show", "custody.jsonl"]).ended(0).stdout;
    assert!(page.contains("김철수 on ") && page.contains("5 lines"), "{page}");

    // Whoever noted a line sees that it is there still, and that an end was cut off.
    let noted = shown["last"].as_str().unwrap();
    let held = |file: &str, digest: &str| stage.run(&["custody", "show", file, "--holds", digest]);
    held("custody.jsonl", noted).ended(0);
    let text = String::from_utf8(stage.read("custody.jsonl")).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    stage.write("cut.jsonl", lines[..4].concat());
    stage.run(&["custody", "show", "cut.jsonl"]).ended(0);
    let cut = held("cut.jsonl", noted).ended(3);
    assert!(cut.stderr.contains("its end was cut off, or it was written anew"), "{}", cut.stderr);
    stage.run(&with(&[&["verify", "a.ombundle"], &trusted[..]].concat())).ended(0);
    held("custody.jsonl", noted).ended(0);
    held("custody.jsonl", "sha256:12").ended(2);

    // A line that was changed is named, and nothing is added behind it; the work goes on.
    let text = String::from_utf8(stage.read("custody.jsonl")).unwrap();
    stage.write("custody.jsonl", text.replacen("signed", "Signed", 1));
    let broken = show(&stage).ended(3);
    assert!(broken.stderr.contains("damaged at line 3"), "{}", broken.stderr);
    let ran = stage.run(&with(&[&["verify", "a.ombundle"], &trusted[..]].concat())).ended(0);
    assert!(ran.stderr.contains("has no line of this"), "{}", ran.stderr);
    assert_eq!(stage.read("custody.jsonl").len(), text.len());
    show(&stage).ended(3);
}

#[test]
fn a_record_that_cannot_be_written_fails_nothing_and_none_is_written_unasked() {
    let stage = Stage::new(Generation::First);
    stage.plan();
    stage.pack("a.ombundle", &[]).ended(0);
    let before = stage.names();
    stage.verify("a.ombundle").ended(0);
    assert_eq!(stage.names(), before);
    let line = ["verify", "a.ombundle", "--trust-key", "signer.pub", "--custody"];
    let ran = stage.run(&[&line[..], &["nowhere/custody.jsonl"]].concat()).ended(0);
    assert!(ran.stderr.contains("warning: the custody record"), "{}", ran.stderr);
    stage.run(&[&line[..], &["custody.jsonl"]].concat()).ended(0);
    let mode = fs::metadata(stage.path("custody.jsonl")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
    stage.run(&["custody", "show", "nowhere.jsonl"]).ended(2);
}
