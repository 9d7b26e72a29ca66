//! A lease on production: who holds it writes there, from the first byte to the last, so that imports from two machines lose
//! nothing.
//!
//! Registries have no compare-and-swap (distribution 2.8.2 answers `If-Match` with 201), but what was put is listed. So everybody
//! puts a claim under a tag of his own, and goes in only when a list that is newer than his claim shows no other: of two who come
//! at once, the one who came second sees the first. Where both see each other, the smaller name waits and the other one steps
//! back. Whoever holds it puts his claim anew again and again, each time a little different; a claim that did not change for
//! longer than that can take is of a holder who is dead. No clocks are compared.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::digest::Digest;
use crate::event::{Event, Events};
use crate::fault::AnyFault;
use crate::oci::{RawManifest, media};
use crate::promote::PromoteError;
use crate::reference::{RegistryHost, RepositoryRef, Tag};
use crate::registry::{Client, Known, RegistryError, Target};
use crate::workers::Interrupted;

const PREFIX: &str = "ombundle-lease-";
const ARTIFACT: &str = "application/vnd.ombundle.lease.v1";
const EMPTY: &[u8] = b"{}";
const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";
/// Who it is, for people.
const HOLDER: &str = "dev.ombundle.lease.holder";
/// `held` or `free`.
const STATE: &str = "dev.ombundle.lease.state";
/// Different in every claim, and in every renewal from the one before.
const TURN: &str = "dev.ombundle.lease.turn";
/// How often the blob is put again: while several put it at once, distribution 2.8.2 may say that it is not there, or damaged.
const BLOB_TRIES: u32 = 4;
/// How long between two looks.
const POLL: Duration = Duration::from_millis(500);
/// How many renewals look different, one after the other. Few, since a registry keeps each of them until its next clean-up.
const BEATS: u8 = 4;
/// So often is a claim renewed while somebody else would still believe in it.
const RENEWALS: u32 = 6;

/// Who wants a lease.
pub struct Claimant<'a> {
    /// The name of this state folder: letters and digits, and nobody else's.
    pub name: &'a str,
    /// Who it is, for people.
    pub holder: &'a str,
    /// How long a claim of others may stand unchanged before it counts as dead.
    pub patience: Duration,
    /// Asks production.
    pub client: &'a Client,
    /// Told when there is somebody to wait for.
    pub events: &'a dyn Events,
}

/// A lease that may be taken, and is let go at the end of [`Claimant::hold`].
pub struct Lease<'a> {
    claimant: &'a Claimant<'a>,
    repository: &'a RepositoryRef,
    tag: Tag,
    turn: u64,
    held: Mutex<Option<Held>>,
    /// Whether it ran out once since it was first taken.
    lost: AtomicBool,
}

/// Our own claim.
#[derive(Debug, Clone, Copy)]
struct Held {
    since: Instant,
    beat: u8,
}

/// The claims that stand.
struct Claims {
    others: Vec<Claim>,
    /// Whether the one that we put does.
    standing: bool,
    /// Whether there is a tag of ours, held or free.
    known: bool,
}

/// Somebody else's claim.
struct Claim {
    tag: Tag,
    holder: String,
}

/// Claims as they were when they last changed.
type Unchanged = BTreeMap<Tag, (Digest, Instant)>;

/// Whether a tag is one of those claims.
pub fn is_lease(tag: &Tag) -> bool {
    tag.as_str().starts_with(PREFIX)
}

impl Claimant<'_> {
    /// How long others wait for a holder who died. Renewing takes one small request every sixth part of it.
    pub const PATIENCE: Duration = Duration::from_secs(90);

    /// Does work that may take the lease on what `repository` stands for; once taken it is renewed, and let go when the work is
    /// over, whatever came of it.
    pub fn hold<T>(
        &self,
        repository: &RepositoryRef,
        work: impl FnOnce(&Lease<'_>) -> Result<T, AnyFault>,
    ) -> Result<T, AnyFault> {
        let lease = Lease {
            claimant: self,
            repository,
            tag: format!("{PREFIX}{}", self.name).parse()?,
            // Without random numbers two runs of one process look the same; they are one after the other anyway.
            turn: getrandom::u64().unwrap_or_else(|_| u64::from(std::process::id())),
            held: Mutex::new(None),
            lost: AtomicBool::new(false),
        };
        std::thread::scope(|scope| {
            let (over, at_work) = mpsc::channel::<()>();
            let lease = &lease;
            scope.spawn(move || {
                while at_work.recv_timeout(self.patience / RENEWALS) == Err(RecvTimeoutError::Timeout) {
                    lease.renew();
                }
            });
            let result = work(lease);
            drop(over);
            lease.release();
            result
        })
    }
}

impl Lease<'_> {
    /// Waits until nobody else has it. Nothing is to be done while it is held.
    pub fn take(&self) -> Result<(), AnyFault> {
        let mut held = self.held();
        if self.is_fresh(held.as_ref()) {
            return Ok(());
        }
        if held.is_some() {
            self.lost.store(true, Ordering::SeqCst);
        }
        self.put_blob()?;
        let (mut unchanged, mut told) = (Unchanged::new(), false);
        loop {
            // Others are waited for without a claim: of waiting nothing is left behind in the registry.
            let Claims { others, known, .. } = self.claims(None, &mut unchanged)?;
            if let Some(first) = others.first() {
                if !told {
                    let text =
                        format!("{} writes to `{}`: waiting until that is done", first.holder, self.host());
                    self.claimant.events.emit(&Event::Warning { text: &text });
                    told = true;
                }
                self.pause()?;
                continue;
            }
            let mut claim = Held { since: Instant::now(), beat: 0 };
            self.put(claim, known)?;
            if !known {
                // That a tag can be made says little: it must move, as the catalogs' will.
                claim = Held { since: Instant::now(), beat: 1 };
                self.put(claim, true)?;
            }
            if self.wins(claim, &mut unchanged)? {
                *held = Some(claim);
                return Ok(());
            }
            self.put_free();
            self.pause()?;
        }
    }

    /// Whether a claim that was just put is the only one; waits for those who will step back.
    fn wins(&self, claim: Held, unchanged: &mut Unchanged) -> Result<bool, AnyFault> {
        while self.is_fresh(Some(&claim)) {
            let Claims { others, standing, .. } = self.claims(Some(claim), unchanged)?;
            if others.is_empty() || !standing {
                return Ok(standing);
            }
            if others.iter().any(|other| other.tag < self.tag) {
                return Ok(false);
            }
            self.pause()?;
        }
        Ok(false)
    }

    /// Whether it is certain that nobody counts it as dead yet, with time left for a request.
    pub fn holds(&self) -> bool {
        self.is_fresh(self.held().as_ref())
    }

    /// Whether it was held all the while since it was first taken, and is now: what was seen then is so still, for nobody else was inside.
    pub fn unbroken(&self) -> bool {
        self.holds() && !self.lost.load(Ordering::SeqCst)
    }

    fn is_fresh(&self, held: Option<&Held>) -> bool {
        held.is_some_and(|held| held.since.elapsed() < self.claimant.patience / 2)
    }

    /// Puts the claim anew, unless that comes too late: somebody may have gone in.
    fn renew(&self) {
        let mut held = self.held();
        if !self.is_fresh(held.as_ref()) {
            return;
        }
        let next = held.map(|held| Held { since: Instant::now(), beat: (held.beat + 1) % BEATS });
        // What fails is tried again next time, as long as there is time.
        if let Some(next) = next
            && self.put(next, true).is_ok()
        {
            *held = Some(next);
        }
    }

    fn release(&self) {
        if self.held().take().is_some() {
            self.put_free();
        }
    }

    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn host(&self) -> &RegistryHost {
        &self.repository.host
    }

    fn pause(&self) -> Result<(), AnyFault> {
        if self.claimant.events.interrupted() {
            return Err(Interrupted.into());
        }
        std::thread::sleep(POLL);
        Ok(())
    }

    /// Puts a claim under our tag; `moves`, where that is there already.
    fn put(&self, claim: Held, moves: bool) -> Result<(), AnyFault> {
        let manifest = self.manifest(Some(claim))?;
        let target = Target::Tag(self.tag.clone());
        let push = || self.claimant.client.push_manifest(self.repository, &target, &manifest);
        let mut result = push();
        for _ in 0..BLOB_TRIES {
            if !matches!(result, Err(RegistryError::MissingParts { .. })) {
                break;
            }
            self.pause()?;
            self.put_blob()?;
            result = push();
        }
        match result {
            Err(source @ (RegistryError::Status { .. } | RegistryError::Denied { .. })) if moves => {
                let tag = self.repository.tag(self.tag.clone()).to_string();
                Err(PromoteError::TagsStay { tag, source }.into())
            }
            result => Ok(result?),
        }
    }

    /// Puts the blob that every claim refers to.
    fn put_blob(&self) -> Result<(), RegistryError> {
        let mut open = || Ok(Box::new(EMPTY) as Box<dyn Read>);
        let (digest, size) = (Digest::of(EMPTY), EMPTY.len() as u64);
        self.claimant.client.push_blob(self.repository, digest, size, Known::Nothing, &mut open, &|_| {})?;
        Ok(())
    }

    fn put_free(&self) {
        // When this fails the claim dies by itself; whoever waits loses time, and nothing else.
        if let Ok(free) = self.manifest(None) {
            let target = Target::Tag(self.tag.clone());
            drop(self.claimant.client.push_manifest(self.repository, &target, &free));
        }
    }

    /// What stands now; claims that did not change for too long are left out.
    fn claims(&self, ours: Option<Held>, unchanged: &mut Unchanged) -> Result<Claims, AnyFault> {
        let ours =
            ours.map(|claim| self.manifest(Some(claim))).transpose()?.map(|manifest| manifest.digest());
        let client = self.claimant.client;
        let mut claims = Claims { others: Vec::new(), standing: false, known: false };
        for tag in client.tags(self.repository)?.into_iter().filter(|tag| tag.as_str().starts_with(PREFIX)) {
            let Some(raw) = client.manifest(self.repository, &Target::Tag(tag.clone()))? else { continue };
            if tag == self.tag {
                // Another claim under our own name is of a run of this folder that died: its lock is ours.
                claims.known = true;
                claims.standing = ours == Some(raw.digest());
                continue;
            }
            let value: Value = serde_json::from_slice(raw.bytes()).unwrap_or_default();
            let said = |key: &str| value.get("annotations")?.get(key)?.as_str();
            if said(STATE) != Some("held") {
                unchanged.remove(&tag);
                continue;
            }
            let (seen, since) =
                unchanged.entry(tag.clone()).or_insert_with(|| (raw.digest(), Instant::now()));
            if *seen != raw.digest() {
                (*seen, *since) = (raw.digest(), Instant::now());
            }
            if since.elapsed() < self.claimant.patience {
                let holder = said(HOLDER).unwrap_or("somebody").to_owned();
                claims.others.push(Claim { tag, holder });
            }
        }
        Ok(claims)
    }

    /// The artifact behind the tag: a claim, or that there is none.
    fn manifest(&self, claim: Option<Held>) -> Result<RawManifest, AnyFault> {
        let empty = json!({"mediaType": EMPTY_TYPE, "digest": Digest::of(EMPTY), "size": EMPTY.len()});
        let annotations = match claim {
            Some(Held { beat, .. }) => json!({
                STATE: "held", HOLDER: self.claimant.holder, TURN: format!("{:016x}-{beat}", self.turn),
            }),
            None => json!({STATE: "free"}),
        };
        let manifest = json!({
            "schemaVersion": 2, "mediaType": media::OCI_MANIFEST, "artifactType": ARTIFACT,
            "config": empty, "layers": [empty], "annotations": annotations,
        });
        Ok(RawManifest::new(manifest.to_string().into_bytes(), Some(media::OCI_MANIFEST))?)
    }
}
