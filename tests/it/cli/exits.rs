//! Exit codes, and errors that say what to do.

use std::os::unix::fs::PermissionsExt;

use ombundle::digest::Digest;
use ombundle::flow::record::{Log, Record};

use super::world::{ANY_AGE, Ended, Folder, SITE, catalog, kept_archive, with_archive};

/// The program refused for a reason and told what to do about it.
fn refused(ended: &Ended, code: i32, says: &[&str]) {
    assert_eq!(ended.code, code, "{}", ended.stderr);
    for text in says {
        assert!(ended.stderr.contains(text), "`{text}` is not in: {}", ended.stderr);
    }
}

#[test]
fn wrong_arguments_are_2_and_name_the_right_ones() {
    let folder = Folder::new();
    folder.write("bad.ombundle", "x");
    for (line, says) in [
        ("", vec!["Usage: ombundle"]),
        ("veriyf", vec!["unrecognized subcommand 'veriyf'", "'verify'"]),
        ("verify bad.ombundle", vec!["--site <FILE>|--trust-key <FILE>"]),
        ("inspect bad.ombundle", vec!["--site <FILE>|--trust-key <FILE>"]),
        ("verify", vec!["<ARCHIVE>"]),
        ("verify bad.ombundle --trust-key a --site b", vec!["cannot be used with"]),
        ("import bad.ombundle", vec!["--site <FILE>", "--output <DIR>"]),
        (
            "pack -o a.ombundle",
            vec!["--key <FILE>", "<--plan <FILE>|--config <FILE>|--to-release <VERSION>>"],
        ),
        ("pack --plan plan.json -o a.ombundle", vec!["--key <FILE>"]),
        ("plan", vec!["--config <FILE>"]),
        ("catalog path ./catalog", vec!["--package <NAME>", "--from <VERSION>"]),
        ("catalog list . --channel fast", vec!["--package <NAME>"]),
        ("serve --storage a --listen nowhere", vec!["invalid value 'nowhere'"]),
        ("check --site a --token-realm nowhere", vec!["it must be two hosts joined by `=`"]),
        ("completions tcsh", vec!["possible values: bash"]),
    ] {
        refused(&folder.run(line), 2, &says);
    }
}

#[test]
fn a_file_that_is_not_there_is_2_and_named() {
    let folder = with_archive();
    for line in [
        "verify none.ombundle --trust-key signer.pub",
        "verify good.ombundle --trust-key none.pub",
        "inspect none.ombundle --trust-key signer.pub",
        "check --site none.yaml",
        "import good.ombundle --site none.yaml -o out",
        "plan -c none.yaml",
        "pack -c none.yaml --key other.key -o a.ombundle",
        "pack --plan none.json --key other.key -o a.ombundle",
        "pack -c none.yaml --key none.key -o a.ombundle",
        "key show none.pub",
    ] {
        refused(&folder.run(line), 2, &["error: could not open `none.", "hint: check the path"]);
    }
}

#[test]
fn a_good_archive_is_0() {
    let folder = with_archive();
    let good =
        folder.run_with(&[&["verify", "good.ombundle", "--trust-key", "signer.pub"], &ANY_AGE[..]].concat());
    assert_eq!(good.code, 0, "{}", good.stderr);
    assert!(good.stdout.starts_with("verified: good.ombundle\n"), "{}", good.stdout);
    assert_eq!(folder.run("inspect good.ombundle --trust-key signer.pub").code, 0);
}

#[test]
fn damage_is_3_and_named_with_its_place() {
    let folder = with_archive();
    let verify = |bytes: &[u8]| {
        folder.write("bad.ombundle", bytes);
        folder.run_with(&[&["verify", "bad.ombundle", "--trust-key", "signer.pub"], &ANY_AGE[..]].concat())
    };
    let good = kept_archive();
    let mut flipped = good.clone();
    // The last block before the two zero blocks holds content of the last blob.
    let place = good.len() - 1024 - 512;
    flipped[place] ^= 1;
    let flipped = verify(&flipped);
    refused(&flipped, 3, &["error[CONTENT_CHANGED]: oci/blobs/sha256/", "hint: copy the archive again"]);
    assert!(flipped.stderr.contains("error: the archive is refused for 1 reason, named above"));
    assert_eq!(flipped.stdout, "");
    refused(&verify(&good[..good.len() - 1]), 3, &["error[WRONG_SIZE]", "hint: copy the archive again"]);
    refused(&verify(b"PK\x03\x04"), 3, &["error[NOT_AN_ARCHIVE]", "hint: "]);
    refused(&verify(b""), 3, &["hint: "]);
}

#[test]
fn what_is_not_to_be_trusted_is_4() {
    let folder = with_archive();
    folder.write("site.yaml", SITE);
    folder.write("foreign.yaml", SITE.replace("name: scada-a", "name: scada-b"));
    for (line, code) in [
        ("verify good.ombundle --trust-key other.pub", "NOT_TRUSTED"),
        ("verify good.ombundle --trust-key signer.pub --trust-key other.pub --threshold 2", "NOT_TRUSTED"),
        ("verify good.ombundle --trust-key signer.pub", "EXPIRED"),
        ("verify good.ombundle --site foreign.yaml", "OTHER_SITE"),
    ] {
        refused(&folder.run(line), 4, &[&format!("error[{code}]"), "hint: "]);
    }
    refused(
        &folder.run("inspect good.ombundle --trust-key other.pub"),
        4,
        &["error: the archive is refused"],
    );
}

#[test]
fn t06_a_clock_that_was_set_back_is_4_unless_a_reason_is_given() {
    let folder = with_archive();
    folder.write("site.yaml", SITE);
    let verify = ["verify", "good.ombundle", "--site", "site.yaml"];
    let in_time = folder.run_with(&[&verify, &ANY_AGE[..]].concat());
    assert_eq!((in_time.code, in_time.stderr.contains("is behind")), (0, false), "{}", in_time.stderr);
    let at = "2999-01-01T00:00:00Z".to_owned();
    let begun = Record::Begin { generation: 7, inventory: Digest::of(b""), at, reason: None, origin: None };
    std::fs::create_dir(folder.path().join("state")).unwrap();
    Log::open(&folder.path().join("state")).unwrap().note(&begun).unwrap();
    refused(&folder.run_with(&verify), 4, &["error[CLOCK_BACK]", "2999-01-01T00:00:00Z", "hint: "]);
    let accepted = folder.run_with(&[&verify, &ANY_AGE[..]].concat());
    refused(
        &accepted,
        0,
        &["warning[TIME_ACCEPTED]", "2999-01-01T00:00:00Z", "accepted because: a kept archive"],
    );
}

#[test]
fn a_site_file_that_is_wrong_is_2_with_line_and_remedy() {
    let folder = with_archive();
    for (wrong, right, says) in [
        (
            "repositorys:",
            "repositories:",
            vec!["error[SITE_UNKNOWN_FIELD]: site.yaml:8: ", "did you mean `repositories`?"],
        ),
        ("{registry: 'a b'}", "{registry: 127.0.0.1:1}", vec!["site.yaml:6: ", "it must be a host name"]),
        ("threshold: 2", "threshold: 1", vec!["site.yaml:15: "]),
        ("{keys: [", "{keys: [signer.pub]", vec!["site.yaml:"]),
    ] {
        folder.write("site.yaml", SITE.replacen(right, wrong, 1));
        let ended = folder.run("check --site site.yaml");
        refused(&ended, 2, &says);
        refused(&ended, 2, &["error: the site file has 1 error, named above"]);
    }
}

#[test]
fn keys_say_what_they_are() {
    let folder = with_archive();
    refused(
        &folder.run("key generate --out other"),
        2,
        &["`other.pub` exists already", "hint: choose another name"],
    );
    refused(&folder.run("key show other.key"), 2, &["it is a private key", "hint: "]);
    refused(&folder.run("verify good.ombundle --trust-key other.key"), 2, &["it is a private key"]);
    let key = folder.path().join("other.key");
    assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
    refused(
        &folder.run("pack -c a.yaml --key other.key -o a.ombundle"),
        2,
        &["hint: run `chmod 600 other.key`"],
    );
    refused(&folder.run("pack -c a.yaml --key other.pub -o a.ombundle"), 2, &["other.pub"]);
}

#[test]
fn an_archive_that_is_there_is_not_written_over() {
    let folder = with_archive();
    let ended = folder.run("pack -c a.yaml --key other.key -o good.ombundle");
    refused(&ended, 2, &["`good.ombundle` exists already", "hint: "]);
    assert_eq!(std::fs::read(folder.path().join("good.ombundle")).unwrap(), kept_archive());
}

#[test]
fn names_that_a_catalog_lacks_are_2_with_the_nearest() {
    let folder = Folder::new();
    folder.write("catalog/web-terminal.json", catalog());
    for (line, says) in [
        ("catalog list catalog --package web-terminl", vec!["hint: did you mean web-terminal?"]),
        ("catalog list catalog --package zzz", vec!["hint: `ombundle catalog list` shows"]),
        ("catalog list catalog --package web-terminal --channel slow", vec!["hint: it has fast"]),
        ("catalog path catalog --package web-terminl --from 1.8.0", vec!["hint: did you mean web-terminal?"]),
        ("catalog path catalog --package web-terminal --from x", vec!["hint: `--from` takes a version"]),
        (
            "catalog path catalog --package web-terminal --from 1.8.0 --to 1.9.1",
            vec!["has no version 1.9.1", "hint: "],
        ),
        ("catalog list nginx", vec!["neither a file, nor a folder, nor an image", "hint: a catalog is"]),
        ("catalog list none/", vec!["hint: a catalog is"]),
    ] {
        refused(&folder.run(line), 2, &says);
    }
}

#[test]
fn findings_in_a_catalog_are_10() {
    let folder = Folder::new();
    folder.write("good/catalog.json", catalog());
    folder.write("two-heads/catalog.json", catalog().replace(r#","replaces":"web-terminal.v1.8.0""#, ""));
    assert_eq!(folder.run("catalog validate good").code, 0);
    refused(&folder.run("catalog validate two-heads"), 10, &["error[", "error: the catalog is not valid"]);
    let path = folder.run("catalog path good --package web-terminal --from 1.9.0 --to 1.8.0");
    refused(&path, 10, &["error[", "error: there is no way from"]);
}

#[test]
fn a_registry_that_does_not_answer_is_7() {
    let folder = with_archive();
    folder.write("site.yaml", SITE);
    for line in ["catalog list 127.0.0.1:1/a/b:v1 --retries 0", "check --site site.yaml --retries 0"] {
        refused(&folder.run(line), 7, &["error: GET 127.0.0.1:", "hint: is the address right"]);
    }
}
