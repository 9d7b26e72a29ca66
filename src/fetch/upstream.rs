//! Upstream: what the source registries have, and what is kept of it from runs before this one.

use std::io::Read;

use crate::digest::Digest;
use crate::limits::LIMITS;
use crate::oci::{Descriptor, RawManifest};
use crate::reference::RepositoryRef;
use crate::registry::{Client, RegistryError, Target};
use crate::store::cache::Cache;

/// The source registries, behind a cache where there is one.
///
/// What a tag points to is asked for each time. What a digest names is the same wherever it comes from, so it may come from the
/// cache, which hashes it before it hands it out.
#[derive(Clone, Copy)]
pub struct Upstream<'a> {
    /// Asks the registries.
    pub client: &'a Client,
    /// What planning downloaded before.
    pub cache: Option<&'a Cache>,
}

impl<'a> Upstream<'a> {
    /// Without a cache.
    pub fn of(client: &'a Client) -> Self {
        Self { client, cache: None }
    }

    /// A manifest; nothing where there is none.
    pub fn manifest(
        &self,
        repository: &RepositoryRef,
        target: &Target,
    ) -> Result<Option<RawManifest>, RegistryError> {
        if let Target::Digest(digest) = target
            && let Some(known) = self.known(digest)
        {
            return Ok(Some(known));
        }
        let found = self.client.manifest(repository, target)?;
        if let Some(manifest) = &found {
            self.keep(manifest);
        }
        Ok(found)
    }

    /// Keeps a manifest for the next time.
    pub fn keep(&self, manifest: &RawManifest) {
        if let Some(cache) = self.cache.filter(|_| says_its_type(manifest)) {
            cache.keep_small(manifest.digest(), manifest.bytes());
        }
    }

    /// A manifest that the source still has: one that is known is not downloaded again, and yet asked for.
    pub fn manifest_still_there(
        &self,
        repository: &RepositoryRef,
        target: &Target,
    ) -> Result<Option<RawManifest>, RegistryError> {
        let known = match target {
            Target::Digest(digest) => self.known(digest),
            Target::Tag(_) => None,
        };
        match known {
            Some(known) => Ok(self.client.head_manifest(repository, target)?.map(|_| known)),
            None => self.manifest(repository, target),
        }
    }

    /// The bytes of a blob as they come, and kept for the next time. Whoever reads them hashes them.
    pub fn blob(
        &self,
        repository: &RepositoryRef,
        blob: &Descriptor,
    ) -> Result<Box<dyn Read + 'a>, RegistryError> {
        let Some(cache) = self.cache else { return Ok(Box::new(self.client.blob(repository, blob, 0)?)) };
        if let Some(file) = cache.find(&blob.digest, blob.size) {
            return Ok(Box::new(file));
        }
        Ok(Box::new(cache.keeping(self.client.blob(repository, blob, 0)?, blob.digest, blob.size)))
    }

    fn known(&self, digest: &Digest) -> Option<RawManifest> {
        let bytes = self.cache?.find_small(digest, LIMITS.manifest_bytes)?;
        RawManifest::new(bytes, None).ok()
    }
}

/// Whether a manifest is the same without what the registry said of it.
fn says_its_type(manifest: &RawManifest) -> bool {
    RawManifest::new(manifest.bytes().to_vec(), None)
        .is_ok_and(|alone| alone.media_type() == manifest.media_type())
}
