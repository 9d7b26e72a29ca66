//! What is attached to manifests: signatures, attestations, lists of parts.
//!
//! Most images have nothing attached, and asking for each thing that there could be takes five requests an image. So each repository's
//! tags are listed once, and the referrers API is asked only where the registry has shown that it has one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use ureq::http::{Method, header};

use crate::digest::Digest;
use crate::limits::LIMITS;
use crate::oci::{ManifestView, RawManifest, media};
use crate::reference::{RegistryHost, Repository, RepositoryRef, Tag};
use crate::registry::auth::Actions;
use crate::registry::client::{Client, Place};
use crate::registry::exchange::{Ask, Payload};
use crate::registry::list::{End, Listing};
use crate::registry::retry::Failed;
use crate::registry::{Attachment, RegistryError};

/// What cosign attaches by tag.
const ATTACHED: [&str; 3] = ["sig", "att", "sbom"];

/// Pages of tags that are read before asking for single tags is cheaper. Some repositories have hundreds of thousands of tags.
const PAGES: usize = 8;

/// Asks what is attached to manifests. What it learns of a repository or registry it does not ask again; threads share one.
pub struct Attachments<'c> {
    client: &'c Client,
    tags: Learned<(RegistryHost, Repository), Tags>,
    has_api: Learned<RegistryHost, bool>,
}

/// The tags of a repository.
#[derive(Clone)]
enum Tags {
    Listed(Arc<BTreeSet<String>>),
    /// There are too many, or the registry does not list them.
    Unlisted,
}

/// What was found out once for each key. Whoever wants to know the same meanwhile waits.
struct Learned<K, V>(Mutex<BTreeMap<K, Slot<V>>>);

type Slot<V> = Arc<Mutex<Option<V>>>;

impl<K: Ord, V: Clone> Learned<K, V> {
    fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    /// What is known, or what `find` finds out now. An error is not remembered.
    fn of<E>(&self, key: K, find: impl FnOnce() -> Result<V, E>) -> Result<V, E> {
        let slot = Arc::clone(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default());
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*slot {
            return Ok(known.clone());
        }
        let found = find()?;
        *slot = Some(found.clone());
        Ok(found)
    }
}

impl Client {
    /// Asks what is attached to manifests.
    pub fn attachments(&self) -> Attachments<'_> {
        Attachments { client: self, tags: Learned::new(), has_api: Learned::new() }
    }
}

impl Attachments<'_> {
    /// What is attached to a manifest: referrers (by API or tag schema) and cosign's `.sig`, `.att` and `.sbom` tags.
    pub fn of(&self, repository: &RepositoryRef, digest: Digest) -> Result<Vec<Attachment>, RegistryError> {
        let found = self.client.pull(repository, &digest.into(), |place| {
            let mut found = Vec::new();
            for referrer in self.referrers(place, digest)? {
                let manifest = self.client.manifest_at(place, &referrer.into())?;
                let manifest = manifest.filter(|manifest| refers_to(manifest, digest));
                found.extend(manifest.map(|manifest| Attachment { tag: None, manifest }));
            }
            for kind in ATTACHED {
                let Ok(tag) = Tag::of_attachment(&digest, kind) else { continue };
                let manifest = self.tagged(place, &tag)?;
                found.extend(manifest.map(|manifest| Attachment { tag: Some(tag), manifest }));
            }
            Ok(Some(found).filter(|found| !found.is_empty()))
        })?;
        Ok(found.unwrap_or_default())
    }

    /// What a tag points to, asked for only where it can be there.
    fn tagged(&self, place: &Place, tag: &Tag) -> Result<Option<RawManifest>, Failed> {
        match self.tags(place)? {
            Tags::Listed(tags) if !tags.contains(tag.as_str()) => Ok(None),
            Tags::Listed(_) | Tags::Unlisted => self.client.manifest_at(place, &tag.clone().into()),
        }
    }

    fn tags(&self, place: &Place) -> Result<Tags, Failed> {
        let Some(repository) = place.repository.clone() else { return Ok(Tags::Unlisted) };
        let request = format!("GET {}/{repository}/tags/list", place.host);
        self.tags.of((place.host.clone(), repository), || {
            match self.client.retrying(&request, || self.client.tag_names(place, PAGES)) {
                Ok(Listing { entries, end: End::Whole }) => Ok(Tags::Listed(Arc::new(entries))),
                Err(RegistryError::Interrupted) => Err(RegistryError::Interrupted.into()),
                // A registry that does not list may still have them.
                Ok(_) | Err(_) => Ok(Tags::Unlisted),
            }
        })
    }

    /// Digests of the manifests whose `subject` is this one (distribution-spec, "Listing Referrers", with its fallback).
    fn referrers(&self, place: &Place, digest: Digest) -> Result<Vec<Digest>, Failed> {
        let mut first = None;
        let has_api = self.has_api.of(place.host.clone(), || {
            first = self.ask_api(place, digest)?;
            Ok::<_, Failed>(first.is_some())
        })?;
        let index = match (has_api, first) {
            (true, Some(first)) => Some(first),
            (true, None) => self.ask_api(place, digest)?,
            // The tag may also be the one that keeps the manifest itself alive.
            (false, _) => {
                self.tagged(place, &Tag::of_digest(&digest))?.filter(|manifest| manifest.digest() != digest)
            }
        };
        let Some(index) = index else { return Ok(Vec::new()) };
        let request = format!("GET {}/referrers/{digest}", place.host);
        match index.view(&LIMITS).map_err(|source| RegistryError::Manifest { request, source })? {
            ManifestView::Index(index) => Ok(index.manifests.iter().map(|entry| entry.digest).collect()),
            ManifestView::Image(_) => Ok(Vec::new()),
        }
    }

    /// The API's answer; nothing where there is no such API: a registry that has it never answers with 404.
    fn ask_api(&self, place: &Place, digest: Digest) -> Result<Option<RawManifest>, Failed> {
        let purpose = place.purpose(Actions::Pull);
        let url = place.url(&format!("referrers/{digest}"));
        let ask = Ask::new(Method::GET, url, &purpose).with(header::ACCEPT, media::OCI_INDEX);
        let reply = self.client.exchange(&ask, Payload::Nothing)?;
        let is_index = reply.header("content-type").is_some_and(|kind| kind.starts_with(media::OCI_INDEX));
        match reply.status {
            200 if is_index => {
                let request = reply.request.clone();
                let bytes = reply.bytes(LIMITS.manifest_bytes, &self.client.options)?;
                let index = RawManifest::new(bytes, Some(media::OCI_INDEX));
                Ok(Some(index.map_err(|source| RegistryError::Manifest { request, source })?))
            }
            401 | 403 | 429 | 500..=599 => {
                Err(reply.failure(&self.client.auth.describe(&purpose), &self.client.options))
            }
            _ => {
                reply.done();
                Ok(None)
            }
        }
    }
}

fn refers_to(manifest: &RawManifest, digest: Digest) -> bool {
    match manifest.view(&LIMITS) {
        Ok(ManifestView::Image(image)) => image.subject.is_some_and(|subject| subject.digest == digest),
        // Index views do not show their subject; the registry's word counts for them.
        Ok(ManifestView::Index(_)) => true,
        Err(_) => false,
    }
}
