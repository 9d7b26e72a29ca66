//! A vacuum that is killed, and one that is not alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::apply::nothing_back;
use super::site::{gone, planned, two_generations};
use crate::import::stand::{Ended, Stand, contents, finish, listing, restore, save, until};

const LINE: &str = "vacuum --site @site.yaml --apply @vacuum.json --emit @emitted --jobs 1";
const BACK: &str = "rollback --site @site.yaml -o @back";

/// What is the same however a vacuum got there.
#[derive(PartialEq, Eq)]
struct End {
    /// Every manifest and every tag of production but the claims to be alone.
    manifests: BTreeSet<PathBuf>,
    emitted: BTreeMap<String, Vec<u8>>,
    receipt: String,
}

impl End {
    fn of(stand: &Stand) -> Self {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let ours =
            |path: &PathBuf| text(path).contains("/_manifests/") && !text(path).contains("/ombundle/state/");
        Self {
            manifests: listing(stand.production.storage()).into_keys().filter(ours).collect(),
            emitted: contents(&stand.path("emitted")),
            receipt: stand.text("state/receipt.json"),
        }
    }
}

fn places(stand: &Stand) -> [PathBuf; 2] {
    [stand.production.storage().to_owned(), stand.path("state")]
}

#[test]
fn a_vacuum_may_be_killed_at_every_record_and_at_its_deletions() {
    let stand = two_generations();
    nothing_back(&stand);
    let plan = planned(&stand);
    let saved = tempfile::tempdir().unwrap();
    save(&places(&stand), saved.path());
    let reset = || {
        restore(&places(&stand), saved.path());
        let _ = fs::remove_dir_all(stand.path("emitted"));
    };
    // What it writes undisturbed, and where.
    let ended = finish(stand.traced("sendto:delay_enter=1:when=65535", LINE));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let sent = stand.text("strace.log");
    let requests: Vec<&str> = sent.lines().filter(|line| line.contains("sendto(")).collect();
    let deletions: Vec<usize> =
        (1..).zip(&requests).filter(|(_, line)| line.contains("\"DELETE /v2/")).map(|(at, _)| at).collect();
    assert!(deletions.len() >= gone(&plan).len(), "{} of {}", deletions.len(), gone(&plan).len());
    let end = End::of(&stand);
    // What the last receipt tells is there, is there.
    let receipt: serde_json::Value = serde_json::from_str(&end.receipt).unwrap();
    for (repository, digest) in gone(&plan) {
        let held = receipt["site"]["repositories"][&repository].as_array().cloned().unwrap_or_default();
        assert!(!held.contains(&digest.to_string().into()), "{repository}@{digest} is promised");
    }
    let after = receipt["site"]["catalogs"][0]["digest"].as_str().map(str::to_owned);
    assert_eq!(after, stand.served().map(|served| served.to_string()));

    let kill = |inject: &str| {
        reset();
        let ended = finish(stand.traced(inject, LINE));
        if ended.code == Some(0) {
            return false;
        }
        assert_eq!(ended.code, None, "{inject}: {}", ended.stderr);
        stand.ok("check --site @site.yaml");
        stand.ok(LINE);
        assert!(End::of(&stand) == end, "{inject}: it ended elsewhere");
        true
    };
    let records = stand.text("state/vacuum.jsonl").lines().count();
    assert!(records > 3, "{records} records");
    for when in 1..=records {
        assert!(kill(&format!("fdatasync:signal=KILL:when={when}")), "{when}");
    }
    for at in [deletions[0], deletions[deletions.len() / 2], deletions[deletions.len() - 1]] {
        assert!(kill(&format!("sendto:signal=KILL:when={at}")), "{at}");
    }
}

fn start(mut command: Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn rollback_vacuum_and_import_keep_each_other_out() {
    let stand = two_generations();
    nothing_back(&stand);
    planned(&stand);
    let import = Stand::import_line("second");
    let saved = tempfile::tempdir().unwrap();
    save(&places(&stand), saved.path());
    for (holder, journal, others) in [
        (BACK, "state/journal.jsonl", [LINE, import.as_str()]),
        (LINE, "state/vacuum.jsonl", [BACK, import.as_str()]),
        (import.as_str(), "state/journal.jsonl", [LINE, BACK]),
    ] {
        restore(&places(&stand), saved.path());
        if holder == import {
            // Something to do: what it brought is taken back first.
            stand.ok(BACK);
        }
        let lines = || fs::read_to_string(stand.path(journal)).unwrap_or_default().lines().count();
        let before = lines();
        let child = start(stand.traced("fdatasync:delay_exit=4000000:when=1", holder));
        until("its first record", || lines() > before);
        for other in others {
            let refused = stand.expect(other, 2);
            assert!(refused.stderr.contains("is held by"), "{other}: {}", refused.stderr);
        }
        let ended: Ended = child.wait_with_output().unwrap().into();
        assert_eq!(ended.code, Some(0), "{holder}: {}", ended.stderr);
        stand.ok("check --site @site.yaml");
    }
}
