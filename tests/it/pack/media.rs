//! Archives onto media: cut, copied, read back, and checked there one by one.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use ombundle::demo::Generation;
use serde_json::Value;

use super::stage::{Ran, Stage, run};

fn packed() -> Stage {
    let stage = Stage::new(Generation::First);
    stage.plan();
    stage.pack("a.ombundle", &[]).ended(0);
    for folder in ["one", "two"] {
        fs::create_dir(stage.path(folder)).unwrap();
    }
    stage
}

fn write(stage: &Stage, more: &[&str]) -> Ran {
    stage.run(&[&["media", "write", "a.ombundle", "--format", "json"][..], more].concat())
}

fn names(stage: &Stage, folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(stage.path(folder)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn an_archive_is_cut_while_it_is_copied() {
    let stage = packed();
    let cut = ["--volume-size", "512KiB"];
    write(&stage, &[&cut[..], &["--volume", "1", "one"]].concat()).ended(0);
    assert!(names(&stage, "one").contains("a.ombundle.001"));
    assert!(!names(&stage, "one").contains("a.ombundle.002"));
    let done = write(&stage, &[&cut[..], &["one", "two"]].concat()).ended(0);
    let done: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(done["files"][0]["there"], true);
    assert_eq!(done["files"][1]["there"], false);
    let joined: Vec<u8> = done["files"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|file| fs::read(stage.path(file["path"].as_str().unwrap())).unwrap())
        .collect();
    assert_eq!(joined, stage.read("a.ombundle"));
    stage.run(&["verify", "one", "two", "--trust-key", "signer.pub"]).ended(0);
    let again = write(&stage, &[&cut[..], &["one", "two"]].concat()).ended(0).stdout;
    assert!(!again.contains("\"there\": false"), "{again}");
    // Stock tools check each medium by itself.
    for paper in ["PAGE.html", "SUMMARY.txt", "CONTENTS.csv", "SBOM.json"] {
        let name = &format!("one/a.ombundle.{paper}");
        assert_eq!(stage.read(name), stage.read(name.split_once('/').unwrap().1), "{name}");
    }
    let mut sums = std::process::Command::new("sha256sum");
    sums.args(["-c", "--strict", "--quiet", "a.ombundle.SHA256SUMS"]).current_dir(stage.path("one"));
    assert!(sums.status().unwrap().success());
}

#[test]
fn each_volume_is_checked_by_itself() {
    let stage = packed();
    write(&stage, &["--volume-size", "512KiB", "one"]).ended(0);
    let check = |path: &str| stage.run(&["media", "check", path, "--format", "json"]);
    let all: Value = serde_json::from_str(&check("one").ended(0).stdout).unwrap();
    assert_eq!(all["volumes"].as_array().unwrap().len() as u64, all["volumes"][0]["count"].as_u64().unwrap());
    check("one/a.ombundle.002").ended(0);
    let mut bytes = stage.read("one/a.ombundle.002");
    bytes[9_000] ^= 1;
    stage.write("one/a.ombundle.002", &bytes);
    let damaged = check("one").ended(3);
    assert_eq!(damaged.findings(), [("VOLUME_DAMAGED".to_owned(), "one/a.ombundle.002".to_owned())]);
    stage.write("one/a.ombundle.002", &bytes[..9_000]);
    assert_eq!(check("one").ended(3).findings()[0].0, "VOLUME_TORN");
    fs::remove_file(stage.path("one/a.ombundle.002.json")).unwrap();
    assert_eq!(check("one").ended(3).findings()[0].0, "VOLUME_UNLABELLED");
    check("one/nothing").ended(2);
}

#[test]
fn an_archive_in_one_file_is_copied_as_it_is() {
    let stage = packed();
    write(&stage, &["one"]).ended(0);
    assert_eq!(stage.read("one/a.ombundle"), stage.read("a.ombundle"));
    stage.write("two/a.ombundle", "precious");
    let refused = write(&stage, &["two"]).ended(2);
    assert!(refused.stderr.contains("exists already"), "{}", refused.stderr);
    assert_eq!(stage.read("two/a.ombundle"), b"precious");
    write(&stage, &["--volume-size", "512KiB", "--volume", "99", "two"]).ended(2);
}

/// The binary below strace, which changes what is read of one file.
fn forgetful(stage: &Stage, file: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-qqq", "-o", "strace.log", "-P"]).arg(stage.path(file));
    command.args(["-e", "trace=pread64", "-e", "inject=pread64:poke_exit=@arg2=5a5a5a5a"]);
    command.arg(env!("CARGO_BIN_EXE_ombundle")).args(arguments).current_dir(stage.folder.path());
    stage.plain(&mut command);
    command
}

#[test]
fn a_medium_that_gives_back_other_bytes_is_named_and_nothing_stays_on_it() {
    let stage = packed();
    let line = ["media", "write", "a.ombundle", "one", "--repair", "5%"];
    for file in ["one/a.ombundle", "one/a.ombundle.repair"] {
        let failed = run(forgetful(&stage, &format!("{file}.part"), &line)).ended(3);
        assert!(
            failed.stderr.contains(&format!("`{file}` reads otherwise than it was written")),
            "{failed:?}"
        );
        assert!(failed.stderr.contains("take another one"), "{failed:?}");
        assert!(!stage.path(file).exists() && !stage.path(&format!("{file}.part")).exists());
    }
    // A good one, and what is there already is read back as well.
    stage.run(&line).ended(0);
    for file in ["one/a.ombundle", "one/a.ombundle.repair"] {
        let failed = run(forgetful(&stage, file, &line)).ended(2);
        assert!(failed.stderr.contains("exists already"), "{failed:?}");
    }
    stage.run(&line).ended(0);
}
