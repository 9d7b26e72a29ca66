//! A second person's signature: it counts once, for its own archive, and only if its key is trusted.

use std::fs;
use std::process::Command;

use ombundle::demo::Generation;
use serde_json::Value;

use super::stage::{Ran, Stage};

/// `a.ombundle`, signed by one person, and the key of a second one.
fn packed(more: &[&str]) -> Stage {
    let stage = Stage::new(Generation::First);
    stage.plan();
    stage.pack("a.ombundle", more).ended(0);
    stage.run(&["key", "generate", "--out", "second"]).ended(0);
    stage
}

fn sign(stage: &Stage, archive: &str, more: &[&str]) -> Ran {
    let line = ["sign", archive, "--trust-key", "signer.pub", "--format", "json"];
    let key: &[&str] = if more.contains(&"--key") { &[] } else { &["--key", "second.key"] };
    stage.run(&[&line[..], key, more].concat())
}

/// Judged by both keys.
fn verify(stage: &Stage, archive: &[&str], threshold: &str) -> Ran {
    let keys = ["--trust-key", "signer.pub", "--trust-key", "second.pub"];
    stage.run(&[&["verify"], archive, &keys, &["--threshold", threshold, "--format", "json"]].concat())
}

fn id(stage: &Stage, key: &str) -> String {
    let shown = stage.run(&["key", "show", key, "--format", "json"]).ended(0);
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    shown["keyId"].as_str().unwrap().to_owned()
}

#[test]
fn two_people_sign_and_stock_tools_agree() {
    let stage = packed(&[]);
    let before = stage.read("a.ombundle");
    let (first, second) = (id(&stage, "signer.pub"), id(&stage, "second.pub"));
    let audit = |expected: &str| {
        let line = ["verify", "a.ombundle", "--trust-key", "signer.pub", "--trust-key", "second.pub"];
        let script = stage.run(&[&line[..], &["--threshold", "2", "--explain"]].concat()).ended(0);
        stage.write("audit.sh", script.stdout);
        let output = Command::new("bash").arg("audit.sh").current_dir(stage.folder.path()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.starts_with(expected), "{text}");
    };
    assert_eq!(verify(&stage, &["a.ombundle"], "2").ended(4).findings()[0].0, "NOT_TRUSTED");
    audit("REFUSED: 1 of 2");
    sign(&stage, "a.ombundle", &[]).ended(0);
    let file = format!("a.ombundle.{second}.sig");
    assert_eq!(stage.read(&file).len(), 64);
    assert!(stage.read("a.ombundle") == before, "the archive stays as it is");
    let judged = verify(&stage, &["a.ombundle"], "2").ended(0);
    let judged: Value = serde_json::from_str(&judged.stdout).unwrap();
    let mut signers = [first, second];
    signers.sort();
    assert_eq!(judged["signers"], serde_json::json!(signers));
    audit("VERIFIED ");
    let keys = ["--trust-key", "signer.pub", "--trust-key", "second.pub"];
    let shown = stage.run(&[&["inspect", "a.ombundle"], &keys[..]].concat()).ended(0).stdout;
    assert!(shown.contains(&format!("{} ", signers[0])) && shown.contains("beside the archive"), "{shown}");
    // Once more makes the same file.
    let signature = stage.read(&file);
    sign(&stage, "a.ombundle", &[]).ended(0);
    assert_eq!(stage.read(&file), signature);
}

#[test]
fn one_key_counts_once() {
    let stage = packed(&[]);
    let refused = sign(&stage, "a.ombundle", &["--key", "signer.key"]).ended(2);
    assert!(refused.stderr.contains("signed this archive already"), "{}", refused.stderr);
    // The very signature from inside, laid beside.
    let first = id(&stage, "signer.pub");
    let member = format!("sig/{first}.sig");
    let tar =
        Command::new("tar").args(["-xOf", "a.ombundle", &member]).current_dir(stage.folder.path()).output();
    stage.write(&format!("a.ombundle.{first}.sig"), tar.unwrap().stdout);
    verify(&stage, &["a.ombundle"], "1").ended(0);
    assert_eq!(verify(&stage, &["a.ombundle"], "2").ended(4).findings()[0].0, "NOT_TRUSTED");
    // The second key's, found and named.
    sign(&stage, "a.ombundle", &["-o", "."]).ended(0);
    let second = format!("a.ombundle.{}.sig", id(&stage, "second.pub"));
    stage.run(&["key", "generate", "--out", "third"]).ended(0);
    let keys = ["--trust-key", "signer.pub", "--trust-key", "second.pub", "--trust-key", "third.pub"];
    let line = [&["verify", "a.ombundle", "--threshold", "3", "--signature", &second], &keys[..]].concat();
    stage.run(&line).ended(4);
}

#[test]
fn a_signature_of_another_archive_counts_nothing_and_is_named() {
    let stage = packed(&[]);
    stage.run(&["plan", "-c", "imageset.yaml", "--sequence", "9", "-o", "plan.json"]).ended(0);
    stage.pack("b.ombundle", &[]).ended(0);
    sign(&stage, "b.ombundle", &[]).ended(0);
    let second = id(&stage, "second.pub");
    fs::rename(
        stage.path(&format!("b.ombundle.{second}.sig")),
        stage.path(&format!("a.ombundle.{second}.sig")),
    )
    .unwrap();
    let codes = |ran: Ran| ran.findings().into_iter().map(|(code, _)| code).collect::<Vec<_>>();
    let refused = codes(verify(&stage, &["a.ombundle"], "2").ended(4));
    assert_eq!(refused, ["NOT_TRUSTED", "COSIGNATURE_FOREIGN"]);
    assert!(codes(verify(&stage, &["a.ombundle"], "1").ended(0)).contains(&"COSIGNATURE_FOREIGN".to_owned()));
    // A key that nobody trusts.
    let untrusted = stage.run(&["verify", "a.ombundle", "--trust-key", "signer.pub"]).ended(0);
    assert!(untrusted.stderr.contains("COSIGNATURE_UNTRUSTED"), "{}", untrusted.stderr);
}

#[test]
fn odd_files_beside_an_archive_are_bounded() {
    let stage = packed(&[]);
    let name = |byte: u8| format!("a.ombundle.{}.sig", format!("{byte:02x}").repeat(32));
    stage.write(&name(0), vec![0; 100_000]);
    stage.write(&name(1), "short");
    stage.write("a.ombundle.sig", "no key");
    Command::new("mkfifo").arg(stage.path(&name(2))).status().unwrap();
    let ran = verify(&stage, &["a.ombundle"], "1").ended(0);
    let malformed = ran.findings().into_iter().filter(|(code, _)| code == "COSIGNATURE_MALFORMED").count();
    assert_eq!(malformed, 2, "{}", ran.stdout);
    (3..80).for_each(|byte| stage.write(&name(byte), [7; 64]));
    let ran = verify(&stage, &["a.ombundle"], "1").ended(0);
    assert!(ran.stdout.contains("COSIGNATURES_TOO_MANY"), "{}", ran.stdout);
    // The one that counts is found by its name.
    fs::create_dir(stage.path("signatures")).unwrap();
    sign(&stage, "a.ombundle", &["-o", "signatures"]).ended(0);
    let named = format!("signatures/a.ombundle.{}.sig", id(&stage, "second.pub"));
    verify(&stage, &["a.ombundle", "--signature", &named], "2").ended(0);
    verify(&stage, &["a.ombundle", "--signature", "nowhere.sig"], "1").ended(2);
}

#[test]
fn what_is_broken_or_not_trusted_is_not_signed() {
    let stage = packed(&[]);
    let before = stage.names();
    let refused = stage.run(&["sign", "a.ombundle", "--trust-key", "second.pub", "--key", "second.key"]);
    refused.ended(4);
    let mut bytes = stage.read("a.ombundle");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    stage.write("a.ombundle", bytes);
    sign(&stage, "a.ombundle", &[]).ended(3);
    assert_eq!(stage.names(), before);
}

#[test]
fn signatures_travel_with_volumes() {
    let stage = packed(&["--volume-size", "512KiB"]);
    sign(&stage, "a.ombundle.002", &[]).ended(0);
    verify(&stage, &["."], "2").ended(0);
    fs::create_dir(stage.path("medium")).unwrap();
    stage.run(&["media", "write", "a.ombundle", "medium"]).ended(0);
    verify(&stage, &["medium"], "2").ended(0);
    let sums = String::from_utf8(stage.read("medium/a.ombundle.SHA256SUMS")).unwrap();
    assert!(sums.contains(&id(&stage, "second.pub")), "{sums}");
}
