//! An archive in volumes: cut exactly, found again wherever they lie, and each that is missing or damaged named.

use std::fs;
use std::process::Command;

use ombundle::demo::Generation;
use serde_json::Value;

use super::stage::{Ran, Stage};

/// Bytes of a volume: some of them for what the demo carries.
const SIZE: usize = 512 << 10;

/// A stage with `a.ombundle` in volumes.
fn cut() -> (Stage, Vec<String>) {
    let stage = Stage::new(Generation::First);
    stage.plan();
    let packed = stage.pack("a.ombundle", &["--volume-size", "512KiB", "--format", "json"]).ended(0);
    let packed: Value = serde_json::from_str(&packed.stdout).unwrap();
    let files = packed["volumes"].as_array().unwrap().iter();
    let files: Vec<String> = files.map(|label| label["file"].as_str().unwrap().to_owned()).collect();
    assert!(files.len() >= 3, "{files:?}");
    (stage, files)
}

fn verify(stage: &Stage, archive: &[&str]) -> Ran {
    stage.run(&[&["verify"], archive, &["--trust-key", "signer.pub", "--format", "json"]].concat())
}

/// Moves a volume with its label.
fn move_to(stage: &Stage, file: &str, folder: &str) {
    fs::create_dir_all(stage.path(folder)).unwrap();
    for name in [file.to_owned(), format!("{file}.json")] {
        fs::rename(stage.path(&name), stage.path(folder).join(name)).unwrap();
    }
}

fn flip(stage: &Stage, file: &str, at: usize) {
    let mut bytes = stage.read(file);
    bytes[at] ^= 1;
    stage.write(file, bytes);
}

#[test]
fn volumes_are_cuts_of_the_very_archive() {
    let (stage, files) = cut();
    stage.pack("whole.ombundle", &[]).ended(0);
    let joined: Vec<u8> = files.iter().flat_map(|file| stage.read(file)).collect();
    assert_eq!(joined, stage.read("whole.ombundle"));
    let (last, full) = files.split_last().unwrap();
    assert!(full.iter().all(|file| stage.read(file).len() == SIZE));
    assert!((1..=SIZE).contains(&stage.read(last).len()));
    assert!(!stage.names().iter().any(|name| name.contains("part")), "{:?}", stage.names());
    // Somebody else's program sees the digests that the labels give.
    for file in &files {
        let sum = Command::new("sha256sum").arg(stage.path(file)).output().unwrap();
        let sum = String::from_utf8(sum.stdout).unwrap();
        let label = stage.json(&format!("{file}.json"));
        assert_eq!(label["digest"], format!("sha256:{}", sum.split(' ').next().unwrap()));
    }
}

#[test]
fn they_are_read_by_any_name_from_any_folder() {
    let (stage, files) = cut();
    let before = stage.names();
    for name in ["a.ombundle", files[0].as_str(), files[2].as_str(), "."] {
        verify(&stage, &[name]).ended(0);
    }
    assert_eq!(stage.names(), before, "nothing is written beside them");
    move_to(&stage, &files[0], "second");
    move_to(&stage, &files[1], "first");
    verify(&stage, &["second", "a.ombundle", "first"]).ended(0);
    verify(&stage, &["first", "second", "."]).ended(0);
    let error = verify(&stage, &["a.ombundle"]).ended(3);
    assert!(error.stderr.contains(&format!("copy again: {}, {}", files[0], files[1])), "{}", error.stderr);
}

#[test]
fn an_auditor_joins_them_with_stock_tools() {
    let (stage, files) = cut();
    let audit = |stage: &Stage| {
        let script = stage.run(&["verify", "a.ombundle", "--trust-key", "signer.pub", "--explain"]).ended(0);
        stage.write("audit.sh", script.stdout);
        let output = Command::new("bash").arg("audit.sh").current_dir(stage.folder.path()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(audit(&stage).starts_with("VERIFIED "));
    flip(&stage, &files[2], 1_000);
    assert!(audit(&stage).starts_with("REFUSED: "));
}

#[test]
fn a_folder_may_be_full_of_other_files() {
    let (stage, files) = cut();
    stage.write("a\nb.001", "newline");
    stage.write("photo.jpg", "photo");
    stage.write("notes.001.json", "not a label");
    // Whoever opens a pipe waits for somebody to write to it.
    Command::new("mkfifo").arg(stage.path("a.ombundle.009")).status().unwrap();
    let ran = verify(&stage, &[files[1].as_str()]).ended(0);
    assert!(!ran.stderr.contains("VOLUME_"), "{}", ran.stderr);
}

#[test]
fn a_damaged_volume_is_named_and_a_good_copy_is_used() {
    let (stage, files) = cut();
    let good = stage.read(&files[1]);
    flip(&stage, &files[1], SIZE / 2);
    let refused = verify(&stage, &["a.ombundle"]).ended(3);
    let damaged = ("VOLUME_DAMAGED".to_owned(), files[1].clone());
    let found: Vec<_> =
        refused.findings().into_iter().map(|(code, path)| (code, path.replace("./", ""))).collect();
    assert!(found.contains(&damaged), "{found:?}");
    fs::create_dir(stage.path("again")).unwrap();
    stage.write(&format!("again/{}", files[1]), good);
    let passed = verify(&stage, &["a.ombundle", "again"]).ended(0);
    assert!(passed.stderr.contains("VOLUME_DAMAGED"), "{}", passed.stderr);
}

#[test]
fn half_a_volume_and_a_strange_one_are_named() {
    let (stage, files) = cut();
    stage.pack("whole.ombundle", &[]).ended(0);
    let bytes = stage.read(&files[1]);
    stage.write(&files[1], &bytes[..SIZE / 2]);
    let torn = verify(&stage, &["a.ombundle"]).ended(3);
    assert!(torn.stderr.contains("VOLUME_TORN"), "{}", torn.stderr);
    assert!(torn.stderr.contains(&format!("copy again: {}", files[1])), "{}", torn.stderr);
    stage.write(&files[1], bytes);

    // Another archive under the same name, for a later generation.
    fs::create_dir(stage.path("other")).unwrap();
    let other = ["plan", "-c", "imageset.yaml", "--sequence", "9", "-o", "plan.json"];
    stage.run(&other).ended(0);
    stage.pack("other/a.ombundle", &["--volume-size", "512KiB"]).ended(0);
    let passed = verify(&stage, &["a.ombundle", &format!("other/{}", files[1])]);
    assert!(passed.stderr.contains("VOLUME_AMBIGUOUS"), "two whole ones: {}", passed.stderr);
    fs::remove_file(stage.path("other").join(&files[0])).unwrap();
    let passed = verify(&stage, &["a.ombundle", "other"]).ended(0);
    assert!(passed.stderr.contains("VOLUME_FOREIGN"), "{}", passed.stderr);
}

#[test]
fn without_labels_the_names_will_do() {
    let (stage, files) = cut();
    for file in &files {
        fs::remove_file(stage.path(&format!("{file}.json"))).unwrap();
    }
    verify(&stage, &["a.ombundle"]).ended(0);
    fs::remove_file(stage.path(&files[1])).unwrap();
    verify(&stage, &["a.ombundle"]).ended(3);
}

#[test]
fn a_medium_has_its_size_and_a_gateway_its_extension() {
    let stage = Stage::new(Generation::First);
    stage.plan();
    stage.pack("a.ombundle", &["--media", "fat32", "--volume-extension", "tar"]).ended(0);
    assert!(stage.names().contains("a.ombundle.001.tar"), "{:?}", stage.names());
    verify(&stage, &["a.ombundle"]).ended(0);
    let refused = stage.pack("b.ombundle", &["--volume-size", "1000"]).ended(2);
    assert!(refused.stderr.contains("65536 is the least"), "{}", refused.stderr);
    stage.pack("b.ombundle", &["--volume-extension", "tar"]).ended(2);
    stage.pack("b.ombundle", &["--media", "floppy"]).ended(2);
}
