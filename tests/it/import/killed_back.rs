//! A rollback that is killed, wherever it is: production serves one of the two, and the same command ends where it would have ended.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ombundle::digest::Digest;

use super::rollback::{journal, upgraded};
use super::stand::{Stand, contents, finish, listing, restore, save};

/// A site with two generations, and what it looks like after a rollback that nothing disturbed.
struct Ground {
    stand: Stand,
    saved: tempfile::TempDir,
    ways: [Digest; 2],
    end: End,
}

/// What is the same however a rollback got there.
#[derive(Debug, PartialEq, Eq)]
struct End {
    served: Option<Digest>,
    /// What each tag of production points to; a lease is nobody's when it is over.
    tags: BTreeMap<PathBuf, String>,
    /// The files for the cluster; the time is left out.
    out: BTreeMap<String, String>,
    /// Records of moves, and of their end.
    records: (usize, usize),
}

impl Ground {
    fn new() -> Self {
        let (stand, [_, first, second]) = upgraded();
        let saved = tempfile::tempdir().unwrap();
        save(&Self::places(&stand), saved.path());
        stand.ok(Self::LINE);
        let end = End::of(&stand);
        assert_eq!((end.served, end.records), (Some(first), (1, 1)));
        Self { stand, saved, ways: [first, second], end }
    }

    const LINE: &str = "rollback --site @site.yaml -o @back --jobs 1";

    fn places(stand: &Stand) -> [PathBuf; 2] {
        [stand.production.storage().to_owned(), stand.path("state")]
    }

    fn reset(&self) {
        restore(&Self::places(&self.stand), self.saved.path());
        for gone in ["back", "back.new", "back.previous"] {
            let _ = fs::remove_dir_all(self.stand.path(gone));
        }
    }

    /// Starts from the beginning and kills the rollback where `inject` says. Whether it was killed.
    fn kill(&self, inject: &str) -> bool {
        self.reset();
        let ended = finish(self.stand.traced(inject, Self::LINE));
        match ended.code {
            None => {
                assert!(self.ways.contains(&self.stand.served().unwrap()), "{inject}");
                self.stand.ok("check --site @site.yaml");
                self.stand.ok(Self::LINE);
                assert!(End::of(&self.stand) == self.end, "{inject}: it ended elsewhere");
                true
            }
            Some(0) => false,
            Some(code) => panic!("{inject}: {code}: {}", ended.stderr),
        }
    }

    /// How often an undisturbed rollback calls the system so.
    fn calls(&self, call: &str) -> usize {
        self.reset();
        let ended = finish(self.stand.traced(&format!("{call}:delay_enter=1:when=65535"), Self::LINE));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        self.stand.text("strace.log").lines().filter(|line| line.contains(&format!("{call}("))).count()
    }
}

impl End {
    fn of(stand: &Stand) -> Self {
        let lease = |path: &Path| path.to_str().unwrap().contains("/tags/ombundle-lease-");
        let tags = listing(stand.production.storage())
            .into_keys()
            .filter(|path| path.ends_with("current/link") && !lease(path))
            .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
            .collect();
        let files = contents(&stand.path("back"));
        let receipt: serde_json::Value = serde_json::from_slice(&files["receipt.json"]).unwrap();
        let finished = receipt["finished"].as_str().unwrap();
        let text = |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).unwrap().replace(finished, "then");
        Self {
            served: stand.served(),
            tags,
            out: files.iter().map(|(name, bytes)| (name.clone(), text(bytes))).collect(),
            records: (journal(stand, "return"), journal(stand, "returned")),
        }
    }
}

#[test]
fn a_rollback_may_be_killed_at_every_record_and_every_file() {
    let ground = Ground::new();
    let mut killed = 0;
    while ground.kill(&format!("fdatasync:signal=KILL:when={}", killed + 1)) {
        killed += 1;
        assert!(killed < 10);
    }
    // return, returned
    assert_eq!(killed, 2, "records of the journal");
    let renames = ground.calls("rename");
    assert!(renames > 0, "it writes nothing for the cluster");
    assert!((1..=renames).all(|when| ground.kill(&format!("rename:signal=KILL:when={when}"))));
}

#[test]
fn a_rollback_may_be_killed_at_the_requests_around_its_commit() {
    let ground = Ground::new();
    // The last requests: the claim, the tag that keeps what was, the commit, the claim given up.
    let all = ground.calls("sendto");
    let last: Vec<usize> = (all - 14..=all).step_by(2).collect();
    let killed = last.iter().filter(|call| ground.kill(&format!("sendto:signal=KILL:when={call}"))).count();
    assert!(killed + 1 >= last.len(), "{killed} of {}", last.len());
}
