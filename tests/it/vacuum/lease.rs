//! Two machines at one production: vacuum and rollback wait for an import of another one, and stop when they lost their turn.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ombundle::archive::Moment;
use ombundle::event::{Event, Events, Silent};
use ombundle::fault::AnyFault;
use ombundle::flow::rollback::Rollback;
use ombundle::flow::standing::Onlooker;
use ombundle::flow::vacuum::{Freshness, Vacuum};
use ombundle::limits::LIMITS;
use ombundle::mapping::Mapping;
use ombundle::promote::{Claimant, Lease, is_lease};
use ombundle::reference::ImageRef;
use ombundle::registry::Target;
use ombundle::retain::{Task, VacuumPlan};
use ombundle::site::Site;
use ombundle::site::cluster::Named;
use ombundle::transfer::Proof;
use ombundle::trust::{PublicKey, TrustSet};

use super::apply::nothing_back;
use super::moving::{EMPTY, MOVE};
use super::site::{PLAN, gone, planned, two_generations};
use crate::import::catalogs;
use crate::import::stand::{Ended, Stand, until};
use crate::support::peer::{Answer, Asked, Peer, forward};

/// How long machines within this process believe in a claim that does not change.
const PATIENCE: Duration = Duration::from_secs(2);

/// Another machine of the site: a copy of all that is in the user's folder. Returns the line with its files.
fn machine(stand: &Stand, name: &str, line: &str) -> String {
    let folder = stand.path(name);
    fs::create_dir(&folder).unwrap();
    for entry in fs::read_dir(folder.parent().unwrap()).unwrap().map(Result::unwrap) {
        if !entry.file_name().to_str().unwrap().starts_with("machine") {
            let done = Command::new("cp").arg("-a").arg(entry.path()).arg(&folder).status().unwrap();
            assert!(done.success(), "{entry:?}");
        }
    }
    line.replace('@', &format!("@{name}/"))
}

/// Runs a command whose messages can be read while it runs.
fn begin(mut command: Command, messages: &Path) -> Child {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(File::create(messages).unwrap())
        .spawn()
        .unwrap()
}

/// A process that is stopped would outlive a test that fails.
struct Stopped(String);

impl Stopped {
    fn signal(&self, signal: &str) -> bool {
        Command::new("kill").args([signal, &self.0]).stderr(Stdio::null()).status().unwrap().success()
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        self.signal("-KILL");
    }
}

#[test]
fn vacuum_and_rollback_wait_for_the_import_of_another_machine() {
    let stand = two_generations();
    stand.ok("rollback --site @site.yaml -o @back");
    nothing_back(&stand);
    // What these plans let go is what the import that comes meanwhile brings back into force.
    assert_ne!(gone(&stand.ok(PLAN).json()).len(), 0);
    stand.run(MOVE);
    stand.ok(EMPTY);
    let import = machine(&stand, "machine-import", &Stand::import_line("second"));
    let others = [
        ("machine-prune", "vacuum --site @site.yaml --apply @vacuum.json", 9, "since the plan was made"),
        (
            "machine-move",
            "vacuum --site @site.yaml --apply @move.json --emit @moved",
            9,
            "since the plan was made",
        ),
        ("machine-empty", "vacuum --site @site.yaml --apply @empty.json", 0, ""),
        ("machine-back", "rollback --site @site.yaml --to 0 -o @out", 9, "somebody else"),
    ]
    .map(|(name, line, code, said)| (name, machine(&stand, name, line), code, said));

    // The import stops in the middle of its turn.
    let journal = stand.path("machine-import/state/journal.jsonl");
    let records = || fs::read_to_string(&journal).unwrap().lines().count();
    let before = records();
    let importing =
        begin(stand.traced("fdatasync:signal=STOP:when=1", &import), &stand.path("machine-import/messages"));
    until("its first record", || records() > before);
    let holder = stand.text("machine-import/state/lock").trim().to_owned();
    let stopped = Stopped(holder.split(' ').nth(1).unwrap().to_owned());
    let waiting: Vec<_> = others
        .iter()
        .map(|(name, line, code, said)| {
            let messages = stand.path(&format!("{name}/messages"));
            (begin(stand.command(line), &messages), messages, line, code, said)
        })
        .collect();
    let told = format!("{holder} writes to `{}`: waiting until that is done", stand.production.host());
    until("each of them waits", || {
        waiting.iter().all(|(_, messages, ..)| fs::read_to_string(messages).unwrap().contains(&told))
    });
    assert!(stopped.signal("-CONT"));
    let imported: Ended = importing.wait_with_output().unwrap().into();
    std::mem::forget(stopped);
    assert_eq!(imported.code, Some(0), "{}", stand.text("machine-import/messages"));
    let served = stand.served();
    for (child, messages, line, code, said) in waiting {
        let ended: Ended = child.wait_with_output().unwrap().into();
        let messages = fs::read_to_string(messages).unwrap();
        assert_eq!(ended.code, Some(*code), "{line}: {messages}");
        assert!(messages.contains(said), "{line}: {messages}");
    }
    assert_eq!(stand.served(), served);
    let deleted = |log: &str| {
        let deletions =
            log.lines().filter(|line| line.contains("\"DELETE /v2/") && line.contains("/manifests/"));
        deletions.count()
    };
    assert_eq!(deleted(&stand.production.log()), 0, "something was deleted from production");
    assert_ne!(deleted(&stand.staging.log()), 0, "staging was not emptied after the import");
    stand.ok("check --site @site.yaml");
}

/// Keeps what a person is told, and does something when he is told that he waits.
struct Told<'a> {
    texts: Mutex<Vec<String>>,
    meanwhile: &'a (dyn Fn() + Sync),
}

impl Events for Told<'_> {
    fn emit(&self, event: &Event<'_>) {
        if let Event::Warning { text } = event {
            self.texts.lock().unwrap().push((*text).to_owned());
            if text.ends_with("waiting until that is done") {
                (self.meanwhile)();
            }
        }
    }
}

/// A machine within this process, with less patience than others.
struct Machine<'a> {
    stand: &'a Stand,
    site: Site,
    mapping: Mapping,
    told: Told<'a>,
}

impl<'a> Machine<'a> {
    fn new(stand: &'a Stand) -> Self {
        let site = Site::parse(stand.text("site.yaml").as_bytes(), "site.yaml", &LIMITS).0.unwrap();
        let mapping = Mapping::new(&site.spec.repositories).unwrap();
        Self { stand, site, mapping, told: Told { texts: Mutex::default(), meanwhile: &|| {} } }
    }

    /// Carries out the plan of this name; the error as people see it.
    fn vacuum(&self, plan: &str) -> Result<u64, String> {
        let plan = VacuumPlan::parse(self.stand.text(plan).as_bytes(), &LIMITS).unwrap();
        let vacuum = Vacuum {
            site: &self.site,
            mapping: &self.mapping,
            state: &self.stand.path("state"),
            clusters: &[],
            named: &Named::default(),
            dumps: &[],
            drop_unused: false,
            covered: &BTreeSet::new(),
            client: self.stand.client(),
            jobs: 1,
            events: &self.told,
            patience: PATIENCE,
            limits: &LIMITS,
        };
        let freshness = Freshness { now: now(), hours: 24 };
        let done = match &plan.task {
            Task::Move(moving) => {
                vacuum.apply_moving(&plan, moving, freshness).map(|done| done.tally.written)
            }
            Task::Prune | Task::Empty => vacuum.apply(&plan, freshness).map(|done| done.deleted),
        };
        done.map_err(|fault| fault.to_string())
    }

    fn rollback(&self, to: u64) -> Result<u64, String> {
        let (site, mapping, client) = (&self.site, &self.mapping, self.stand.client());
        let proof = Proof::sizes();
        let key = PublicKey::from_pem(&self.stand.text("signer.pub")).unwrap();
        let trust = TrustSet::new(vec![key], 1).unwrap();
        let rollback = Rollback {
            onlooker: Onlooker {
                site,
                mapping,
                proof: &proof,
                client,
                jobs: 1,
                events: &self.told,
                limits: &LIMITS,
            },
            trust: &trust,
            state: &self.stand.path("state"),
            to: Some(to),
            incomplete: false,
            cluster: None,
            now: now(),
            patience: PATIENCE,
        };
        let out = self.stand.path("out");
        rollback.run(&out).map(|done| done.to).map_err(|fault| fault.to_string())
    }
}

fn now() -> Moment {
    Moment::from_unix(jiff::Timestamp::now().as_second()).unwrap()
}

/// Leaves the claim of a machine that died with it.
fn dead_claim(stand: &Stand) {
    let state = stand.production.repository("ombundle/state");
    let client = stand.client();
    let claimant = Claimant {
        name: "0a",
        holder: "process 7 on a dead machine",
        patience: PATIENCE,
        client,
        events: &Silent,
    };
    let work = |lease: &Lease<'_>| -> Result<(), AnyFault> {
        lease.take()?;
        let tags = client.tags(&state)?;
        let tag = tags.into_iter().find(|tag| is_lease(tag) && tag.as_str().ends_with("-0a")).unwrap();
        let claim = client.manifest(&state, &Target::Tag(tag))?.unwrap();
        client.push_manifest(&state, &Target::Tag("ombundle-lease-0b".parse()?), &claim)?;
        Ok(())
    };
    claimant.hold(&state, work).unwrap();
}

#[test]
fn the_turn_of_a_machine_that_died_is_taken_over() {
    let stand = two_generations();
    dead_claim(&stand);
    let told = |machine: &Machine<'_>| {
        let told = machine.told.texts.lock().unwrap();
        told.iter().any(|text| text.starts_with("process 7 on a dead machine writes to"))
    };
    let machine = Machine::new(&stand);
    assert_eq!(machine.rollback(1), Ok(1));
    assert!(told(&machine));
    nothing_back(&stand);
    let planned = gone(&planned(&stand)).len() as u64;
    let machine = Machine::new(&stand);
    assert_eq!(machine.vacuum("vacuum.json"), Ok(planned));
    assert!(told(&machine));
    stand.ok("check --site @site.yaml");
}

#[test]
fn what_was_pruned_while_a_rollback_waited_is_not_put_back() {
    let stand = two_generations();
    let served = stand.served();
    dead_claim(&stand);
    let former: ImageRef = format!("{}-prev-2", stand.catalog()).parse().unwrap();
    let offered = catalogs::catalog(&catalogs::files(&stand, &former));
    let image: ImageRef =
        offered.packages["web-terminal"].bundles["web-terminal.v1.9.0"].image.parse().unwrap();
    let place = Stand::at(&stand.production.host(), &image.repository);
    let meanwhile = || assert!(stand.client().delete_manifest(&place, image.digest.unwrap()).unwrap());
    let mut machine = Machine::new(&stand);
    machine.told.meanwhile = &meanwhile;
    let lacks = machine.rollback(1).unwrap_err();
    assert!(lacks.contains("production lacks 1 image of the former catalog"), "{lacks}");
    assert_eq!(stand.served(), served);
}

/// A production that, once somebody has his turn, answers the first request that `when` is true for so late that his claim runs out, and
/// takes no renewal until `mended`.
fn losing(stand: &Stand, mended: &Arc<AtomicBool>, when: fn(&Asked) -> bool) -> Peer {
    let (host, mended) = (stand.production.host().to_string(), Arc::clone(mended));
    let (turn, lost) = (AtomicBool::new(false), AtomicBool::new(false));
    let peer = Peer::start(move |asked| {
        let claims = asked.is("PUT", "/manifests/ombundle-lease-");
        if !mended.load(Ordering::SeqCst) {
            if claims && lost.load(Ordering::SeqCst) {
                return Answer::new(403);
            }
            turn.fetch_or(claims, Ordering::SeqCst);
        }
        let answer = forward(asked, &host);
        // Whether a repository takes deletions is asked with what is not there.
        let counts = turn.load(Ordering::SeqCst) && when(asked) && answer.status < 300;
        if counts && !lost.swap(true, Ordering::SeqCst) {
            std::thread::sleep(PATIENCE);
        }
        answer
    });
    stand.edit("site.yaml", &stand.production.host().to_string(), &peer.host());
    peer
}

fn count(peer: &Peer, so: impl Fn(&Asked) -> bool) -> usize {
    peer.asked().iter().filter(|asked| so(asked)).count()
}

#[test]
fn who_lost_his_turn_deletes_nothing_more() {
    let stand = two_generations();
    nothing_back(&stand);
    let mended = Arc::default();
    let peer = losing(&stand, &mended, |asked| asked.is("DELETE", "/manifests/"));
    let planned = gone(&planned(&stand));
    assert!(planned.len() > 2);
    let deletes = |asked: &Asked| {
        planned.iter().any(|(name, digest)| asked.is("DELETE", &format!("/{name}/manifests/{digest}")))
    };
    let lost = Machine::new(&stand).vacuum("vacuum.json").unwrap_err();
    assert!(lost.contains("another machine may write there"), "{lost}");
    assert_eq!(count(&peer, deletes), 1);
    // With a turn of its own it goes on.
    mended.store(true, Ordering::SeqCst);
    assert_eq!(Machine::new(&stand).vacuum("vacuum.json"), Ok(planned.len() as u64 - 1));
    stand.ok("check --site @site.yaml");
}

#[test]
fn who_lost_his_turn_moves_nothing_more() {
    let stand = two_generations();
    nothing_back(&stand);
    stand.ok(EMPTY);
    stand.ok("vacuum --site @site.yaml --cluster @dump.json --apply @empty.json");
    let mended = Arc::default();
    let _peer = losing(&stand, &mended, |asked| asked.is("GET", "/blobs/"));
    stand.ok(MOVE);
    let written = |what: &str| {
        let log = stand.staging.log();
        log.lines().filter(|line| line.contains("\"PUT /v2/") && line.contains(what)).count()
    };
    let before = (written("/manifests/"), written("/blobs/"));
    let lost = Machine::new(&stand).vacuum("move.json").unwrap_err();
    assert!(lost.contains("another machine may write there"), "{lost}");
    // Nor was the blob written that was asked for when the turn was lost.
    assert_eq!((written("/manifests/"), written("/blobs/")), before);
    mended.store(true, Ordering::SeqCst);
    assert!(Machine::new(&stand).vacuum("move.json").unwrap() > 20);
}

#[test]
fn who_lost_his_turn_puts_nothing_back() {
    let stand = two_generations();
    let served = stand.served();
    let mended = Arc::default();
    let peer = losing(&stand, &mended, |asked| asked.is("GET", "/blobs/"));
    let lost = Machine::new(&stand).rollback(1).unwrap_err();
    assert!(lost.contains("by somebody else meanwhile"), "{lost}");
    let writes =
        |asked: &Asked| asked.is("PUT", "/manifests/") && !asked.is("PUT", "/manifests/ombundle-lease-");
    assert_eq!((stand.served(), count(&peer, writes)), (served, 0));
    mended.store(true, Ordering::SeqCst);
    assert_eq!(Machine::new(&stand).rollback(1), Ok(1));
    assert_ne!(stand.served(), served);
}
