//! An import that is killed, wherever it is: production stays whole, and the same command ends where it would have ended.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ombundle::demo::World;
use ombundle::digest::Digest;
use ombundle::event::Silent;
use ombundle::limits::LIMITS;
use ombundle::transfer::{Proof, closure};

use super::catalogs;
use super::stand::{Stand, contents, finish, listing, restore, save};

/// A site before an import, and what it looks like after one that nothing disturbed.
struct Ground {
    stand: Stand,
    saved: tempfile::TempDir,
    /// What more stands on the command line.
    more: &'static str,
    old: Digest,
    end: End,
}

/// What is the same however an import got there.
#[derive(PartialEq, Eq)]
struct End {
    served: Digest,
    /// What each tag of both registries points to; a lease is nobody's when it is over.
    tags: BTreeMap<PathBuf, String>,
    /// The files for the cluster; the time of the import is left out.
    out: BTreeMap<String, String>,
}

impl Ground {
    fn new() -> Self {
        Self::with("")
    }

    fn with(more: &'static str) -> Self {
        let stand = Stand::plain();
        stand.first();
        let old = stand.served().unwrap();
        let saved = tempfile::tempdir().unwrap();
        save(&Self::places(&stand), saved.path());
        stand.ok(&Self::line_with(more));
        let end = End::of(&stand);
        assert_ne!(end.served, old);
        Self { stand, saved, more, old, end }
    }

    /// One transfer at a time, so that the same call is the same call in every run.
    fn line_with(more: &str) -> String {
        format!("{} --jobs 1 {more}", Stand::import_line("first"))
    }

    fn line(&self) -> String {
        Self::line_with(self.more)
    }

    fn places(stand: &Stand) -> [PathBuf; 2] {
        [stand.staging.storage(), stand.production.storage()].map(Path::to_owned)
    }

    fn reset(&self) {
        restore(&Self::places(&self.stand), self.saved.path());
        for gone in ["first/out", "first/out.new", "first/out.previous", "state"] {
            let _ = fs::remove_dir_all(self.stand.path(gone));
        }
    }

    /// Starts from the beginning and kills the import where `inject` says. Whether it was killed.
    fn kill(&self, inject: &str) -> bool {
        self.reset();
        let ended = finish(self.stand.traced(inject, &self.line()));
        match ended.code {
            None => {
                self.is_sound(inject);
                self.goes_on(inject);
                true
            }
            Some(0) => false,
            Some(code) => panic!("{inject}: {code}: {}", ended.stderr),
        }
    }

    /// Production serves the old catalog or the new one, and all of it is there.
    fn is_sound(&self, inject: &str) {
        let served = self.stand.served().unwrap();
        assert!(served == self.old || served == self.end.served, "{inject}: production serves {served}");
        let image = self.stand.catalog().repository.pin(served);
        let found =
            closure(&[image], &[], &Proof::sizes(), self.stand.client(), 1, &Silent, &LIMITS).unwrap();
        assert_eq!(found.absences, [], "{inject}");
        self.stand.ok("check --site @site.yaml");
        let second = format!("{}-split", self.stand.catalog()).parse().unwrap();
        let mut offered = catalogs::served(&self.stand).packages;
        if self.stand.digest_of(&second).is_some() {
            offered.extend(catalogs::catalog(&catalogs::files(&self.stand, &second)).packages);
        }
        let offered: Vec<&String> = offered.keys().collect();
        assert_eq!(offered, ["devworkspace-operator", "self-node-remediation", "web-terminal"], "{inject}");
        // What stands for the cluster is whole or not there.
        let out = self.stand.path("first/out");
        assert!(!out.exists() || End::of(&self.stand).out == self.end.out, "{inject}: half of the files");
    }

    fn goes_on(&self, inject: &str) {
        self.stand.ok(&self.line());
        let end = End::of(&self.stand);
        assert_eq!(end.served, self.end.served, "{inject}");
        assert!(end.tags == self.end.tags, "{inject}: other tags");
        assert!(end.out == self.end.out, "{inject}: other files for the cluster");
        let again = self.stand.ok(&format!("{} --format json", self.line())).json();
        assert_eq!(again["written"], 0, "{inject}");
    }
}

impl End {
    fn of(stand: &Stand) -> Self {
        let mut tags = BTreeMap::new();
        for storage in Ground::places(stand) {
            let lease = |path: &Path| path.to_str().unwrap().contains("/tags/ombundle-lease-");
            let tag = |path: &PathBuf| path.ends_with("current/link") && !lease(path);
            for path in listing(&storage).into_keys().filter(tag) {
                tags.insert(path.clone(), fs::read_to_string(path).unwrap());
            }
        }
        let files = contents(&stand.path("first/out"));
        let text = |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).unwrap();
        let receipt: serde_json::Value = serde_json::from_slice(&files["receipt.json"]).unwrap();
        let finished = receipt["finished"].as_str().unwrap();
        let out = files.iter().map(|(name, bytes)| (name.clone(), text(bytes).replace(finished, "then")));
        Self { served: stand.served().unwrap(), tags, out: out.collect() }
    }
}

#[test]
fn an_import_may_be_killed_at_every_record_of_its_journal() {
    let ground = Ground::new();
    let mut killed = 0;
    while ground.kill(&format!("fdatasync:signal=KILL:when={}", killed + 1)) {
        killed += 1;
        assert!(killed < 20);
    }
    // begin, staged, promoted, prepared for a tag that was asked for, prepared, switched, committed
    assert_eq!(killed, 7, "records of the journal");
}

#[test]
fn an_import_that_splits_a_package_off_may_be_killed_around_both_switches() {
    let ground = Ground::with("--merge-mode web-terminal=split");
    // Up to the fourth it is as any import: prepared, switched, prepared, switched.
    for record in 5..=8 {
        assert!(ground.kill(&format!("fdatasync:signal=KILL:when={record}")), "{record}");
    }
}

/// How often an undisturbed import calls the system so.
fn calls(ground: &Ground, call: &str) -> usize {
    ground.reset();
    let ended = finish(ground.stand.traced(&format!("{call}:delay_enter=1:when=65535"), &ground.line()));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ground.stand.text("strace.log").lines().filter(|line| line.contains(&format!("{call}("))).count()
}

#[test]
fn an_import_may_be_killed_at_any_request() {
    let ground = Ground::new();
    let all = calls(&ground, "sendto");
    assert!(all > 100, "{all} requests");
    let killed =
        (1..8).filter(|part| ground.kill(&format!("sendto:signal=KILL:when={}", all * part / 8))).count();
    assert_eq!(killed, 7);
}

#[test]
fn an_import_may_be_killed_at_the_requests_around_its_commit() {
    let ground = Ground::new();
    // The last requests: generation tags, closure, the commit, tags, the copy of the floor.
    let all = calls(&ground, "sendto");
    let switched = ground.stand.production.log();
    let path = World::CATALOG.split_once('/').unwrap().1.replace(':', "/manifests/");
    assert!(switched.contains(&format!("\"PUT /v2/olm-redhat/{path} ")), "the commit is not in the log");
    let last: Vec<usize> = (all - 36..=all).step_by(3).collect();
    let killed = last.iter().filter(|call| ground.kill(&format!("sendto:signal=KILL:when={call}"))).count();
    assert!(killed + 1 >= last.len(), "{killed} of {}", last.len());
}

#[test]
fn an_import_may_be_killed_while_it_writes_for_the_cluster() {
    let ground = Ground::new();
    for call in ["rename", "mkdir", "fsync"] {
        let all = calls(&ground, call);
        assert!(all > 0, "{call}");
        let at: Vec<usize> = if all > 4 { vec![1, all / 2, all] } else { (1..=all).collect() };
        for when in at {
            assert!(ground.kill(&format!("{call}:signal=KILL:when={when}")), "{call} {when}");
        }
    }
}

#[test]
fn an_import_with_another_decision_tells_its_own_findings_after_a_kill() {
    let stand = Stand::plain();
    stand.first();
    stand.ok(&Stand::import_line("first"));
    let places = [&Ground::places(&stand)[..], &[stand.path("state")]].concat();
    let saved = tempfile::tempdir().unwrap();
    save(&places, saved.path());
    let line =
        format!("{} --jobs 1 --merge-mode web-terminal=split --format json", Stand::import_line("first"));
    let undisturbed = stand.ok(&line).json();
    let commits = |stand: &Stand| stand.text("state/journal.jsonl").matches("\"step\":\"committed\"").count();
    assert_eq!(commits(&stand), 2);
    restore(&places, saved.path());
    // prepared, switched, prepared, switched: both catalogs moved, and nothing says that the import got to its end.
    assert_eq!(finish(stand.traced("fdatasync:signal=KILL:when=4", &line)).code, None);
    assert_eq!(commits(&stand), 1);
    let again = stand.ok(&line).json();
    assert_eq!((&again["findings"], commits(&stand)), (&undisturbed["findings"], 2));
    assert_eq!(stand.ok(&line).json()["written"], 0);
    assert_eq!(commits(&stand), 2);
}
