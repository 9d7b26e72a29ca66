//! The client: what can be asked of registries.

use std::io::{self, Read};
use std::sync::Arc;

use crate::digest::Digest;
use crate::event::Events;
use crate::oci::{Descriptor, RawManifest};
use crate::reference::{RegistryHost, Repository, RepositoryRef, Tag};
use crate::registry::{
    Attachment, BlobBody, ClientOptions, Environment, Known, Ping, Pushed, RegistryError, Target,
};

/// Asks registries. Threads share one by reference; connections and tokens are kept between requests.
///
/// `manifest`, `head_manifest`, `blob`, `blob_size`, `tags` and `attachments` go where `registries.conf` sends pulls;
/// everything else goes to the host that is named.
pub struct Client {
    _options: ClientOptions,
    _events: Arc<dyn Events + Send + Sync>,
}

#[expect(clippy::todo, clippy::unused_self, clippy::needless_pass_by_value, reason = "signatures first")]
#[expect(unused_variables, reason = "signatures first")]
impl Client {
    /// Reads the files that the options name. Opens no connection.
    pub fn new(
        options: ClientOptions,
        environment: &Environment,
        events: Arc<dyn Events + Send + Sync>,
    ) -> Result<Self, RegistryError> {
        Ok(Self { _options: options, _events: events })
    }

    /// Asks a registry who it is (`GET /v2/`), with credentials where it wants some.
    pub fn ping(&self, host: &RegistryHost) -> Result<Ping, RegistryError> {
        todo!()
    }

    /// What a tag or digest points to, or nothing. Costs no manifest download where the registry answers HEAD properly.
    pub fn head_manifest(
        &self,
        repository: &RepositoryRef,
        target: &Target,
    ) -> Result<Option<Descriptor>, RegistryError> {
        todo!()
    }

    /// A manifest's exact bytes, checked against the digest that was asked for or announced; nothing where there is none.
    pub fn manifest(
        &self,
        repository: &RepositoryRef,
        target: &Target,
    ) -> Result<Option<RawManifest>, RegistryError> {
        todo!()
    }

    /// The size of a blob, or nothing where there is none.
    pub fn blob_size(
        &self,
        repository: &RepositoryRef,
        digest: Digest,
    ) -> Result<Option<u64>, RegistryError> {
        todo!()
    }

    /// The bytes of a blob from offset `from` on, never more than its size. The reader goes on by itself when a connection
    /// breaks. **It does not hash**: wrap it in a [`crate::digest::VerifyingReader`]. Its errors are [`RegistryError`]s inside
    /// [`io::Error`]s; [`RegistryError::from_io`] takes them out.
    pub fn blob(
        &self,
        repository: &RepositoryRef,
        blob: &Descriptor,
        from: u64,
    ) -> Result<BlobBody<'_>, RegistryError> {
        todo!()
    }

    /// Pushes a blob unless it is there. `open` gives its bytes from the start, and is called again for every new try;
    /// `progress` is told how many more bytes are over, never more than `size` in sum.
    ///
    /// The bytes are hashed as they leave, and the last of them are held back until the digest is right: wrong content
    /// never becomes a blob.
    pub fn push_blob<'s>(
        &self,
        repository: &RepositoryRef,
        digest: Digest,
        size: u64,
        known: Known,
        open: &mut dyn FnMut() -> io::Result<Box<dyn Read + 's>>,
        progress: &dyn Fn(u64),
    ) -> Result<Pushed, RegistryError> {
        todo!()
    }

    /// Pushes a manifest's exact bytes under a tag or its digest. [`RegistryError::MissingParts`] says what to push again.
    pub fn push_manifest(
        &self,
        repository: &RepositoryRef,
        target: &Target,
        manifest: &RawManifest,
    ) -> Result<(), RegistryError> {
        todo!()
    }

    /// Deletes a manifest with all its tags. Whether it was there.
    pub fn delete_manifest(&self, repository: &RepositoryRef, digest: Digest) -> Result<bool, RegistryError> {
        todo!()
    }

    /// Deletes a tag. Whether it was there. Many registries can only delete manifests and answer 400 or 405.
    pub fn delete_tag(&self, repository: &RepositoryRef, tag: &Tag) -> Result<bool, RegistryError> {
        todo!()
    }

    /// All tags of a repository, sorted; none where there is no such repository.
    pub fn tags(&self, repository: &RepositoryRef) -> Result<Vec<Tag>, RegistryError> {
        todo!()
    }

    /// What is attached to a manifest: referrers (by API or tag schema) and cosign's `.sig`, `.att` and `.sbom` tags.
    pub fn attachments(
        &self,
        repository: &RepositoryRef,
        digest: Digest,
    ) -> Result<Vec<Attachment>, RegistryError> {
        todo!()
    }

    /// The repositories of a registry that lets itself be listed, sorted.
    pub fn catalog(&self, host: &RegistryHost) -> Result<Vec<Repository>, RegistryError> {
        todo!()
    }
}
