//! A lease on a catalog of production: only who holds it moves its tag, so that imports from two machines lose nothing.
//!
//! Registries have no compare-and-swap (distribution 2.8.2 answers `If-Match` with 201), but what was put is listed. So everybody
//! puts a claim under a tag of his own, and goes in only when a list that is newer than his claim shows no other: of two who come
//! at once, the one who came second sees the first. Where both see each other, the smaller name waits and the other one steps
//! back. A claim is known to be dead by not changing for longer than any holder may keep it; no clocks are compared.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::digest::Digest;
use crate::event::{Event, Events};
use crate::fault::AnyFault;
use crate::oci::{RawManifest, media};
use crate::reference::{RepositoryRef, Tag};
use crate::registry::{Client, Known, Target};
use crate::workers::Interrupted;

const PREFIX: &str = "ombundle-lease-";
const ARTIFACT: &str = "application/vnd.ombundle.lease.v1";
const EMPTY: &[u8] = b"{}";
const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";
/// Who it is, for people.
const HOLDER: &str = "dev.ombundle.lease.holder";
/// `held` or `free`.
const STATE: &str = "dev.ombundle.lease.state";
/// Different in every claim.
const TURN: &str = "dev.ombundle.lease.turn";
/// How long between two looks.
const POLL: Duration = Duration::from_millis(500);

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

/// Held until dropped.
#[must_use]
pub struct Lease<'a> {
    claimant: &'a Claimant<'a>,
    repository: &'a RepositoryRef,
    tag: Tag,
    claim: Digest,
    since: Instant,
}

/// The claims that stand.
struct Claims {
    others: Vec<Claim>,
    /// Whether ours does.
    standing: bool,
}

/// Somebody else's claim.
struct Claim {
    tag: Tag,
    digest: Digest,
    holder: String,
}

impl Claimant<'_> {
    /// Far more than the few requests of a commit take.
    pub const PATIENCE: Duration = Duration::from_secs(90);

    /// Waits until nobody else has it. Claims are put into the repository of the catalog itself: who moves its tag can write there.
    pub fn take<'a>(&'a self, repository: &'a RepositoryRef) -> Result<Lease<'a>, AnyFault> {
        let tag: Tag = format!("{PREFIX}{}", self.name).parse()?;
        let mut open = || Ok(Box::new(EMPTY) as Box<dyn Read>);
        let (digest, size) = (Digest::of(EMPTY), EMPTY.len() as u64);
        self.client.push_blob(repository, digest, size, Known::Nothing, &mut open, &|_| {})?;
        let mut known: BTreeMap<Digest, Instant> = BTreeMap::new();
        let mut told = false;
        loop {
            let lease = self.claim(repository, tag.clone())?;
            loop {
                let Claims { mut others, standing } = self.claims(&lease)?;
                others.retain(|other| {
                    known.entry(other.digest).or_insert_with(Instant::now).elapsed() < self.patience
                });
                let Some(first) = others.first() else {
                    if standing {
                        return Ok(lease);
                    }
                    break;
                };
                if !told {
                    let text = format!("{} moves `{repository}`: waiting until that is done", first.holder);
                    self.events.emit(&Event::Warning { text: &text });
                    told = true;
                }
                if self.events.interrupted() {
                    return Err(Interrupted.into());
                }
                std::thread::sleep(POLL);
                if others.iter().any(|other| other.tag < tag) {
                    break;
                }
            }
            // The other one waits for this claim to go: it goes with the lease, and comes again.
            drop(lease);
            std::thread::sleep(POLL);
        }
    }

    fn claim<'a>(&'a self, repository: &'a RepositoryRef, tag: Tag) -> Result<Lease<'a>, AnyFault> {
        let manifest = self.manifest("held")?;
        let (claim, since) = (manifest.digest(), Instant::now());
        let lease = Lease { claimant: self, repository, tag, claim, since };
        self.client.push_manifest(repository, &Target::Tag(lease.tag.clone()), &manifest)?;
        Ok(lease)
    }

    /// What stands now. A claim under our own name is another's too, if it is not the one that we put: a state folder may
    /// have been copied.
    fn claims(&self, lease: &Lease<'_>) -> Result<Claims, AnyFault> {
        let mut claims = Claims { others: Vec::new(), standing: false };
        for tag in self.client.tags(lease.repository)? {
            if !tag.as_str().starts_with(PREFIX) {
                continue;
            }
            let Some(raw) = self.client.manifest(lease.repository, &Target::Tag(tag.clone()))? else {
                continue;
            };
            if raw.digest() == lease.claim {
                claims.standing = true;
                continue;
            }
            let value: Value = serde_json::from_slice(raw.bytes()).unwrap_or_default();
            let said = |key: &str| value.get("annotations")?.get(key)?.as_str();
            if said(STATE) == Some("held") {
                let holder = said(HOLDER).unwrap_or("somebody").to_owned();
                claims.others.push(Claim { tag, digest: raw.digest(), holder });
            }
        }
        Ok(claims)
    }

    fn manifest(&self, state: &str) -> Result<RawManifest, AnyFault> {
        let empty = json!({"mediaType": EMPTY_TYPE, "digest": Digest::of(EMPTY), "size": EMPTY.len()});
        let mut annotations = json!({STATE: state});
        if state == "held" {
            // Without random numbers two claims of one process are the same; they are one after the other anyway.
            let turn = getrandom::u64().unwrap_or_else(|_| u64::from(std::process::id()));
            annotations[HOLDER] = json!(self.holder);
            annotations[TURN] = json!(format!("{turn:016x}"));
        }
        let manifest = json!({
            "schemaVersion": 2, "mediaType": media::OCI_MANIFEST, "artifactType": ARTIFACT,
            "config": empty, "layers": [empty], "annotations": annotations,
        });
        Ok(RawManifest::new(manifest.to_string().into_bytes(), Some(media::OCI_MANIFEST))?)
    }
}

impl Lease<'_> {
    /// Whether it is certain that nobody counts it as dead yet, with time left for a request.
    pub fn holds(&self) -> bool {
        self.since.elapsed() < self.claimant.patience / 2
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        // When this fails the claim dies by itself; whoever waits loses time, and nothing else.
        if let Ok(free) = self.claimant.manifest("free") {
            let target = Target::Tag(self.tag.clone());
            drop(self.claimant.client.push_manifest(self.repository, &target, &free));
        }
    }
}
