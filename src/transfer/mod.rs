//! Images from a verified archive, or from another registry, into one registry: blobs first, children before parents, everything by digest.
//!
//! Staging and production are filled by the same code, so that what was proved on the way to one holds for the other. Each
//! digest is uploaded by one worker, to all repositories that need it, one after the other: Nexus refuses two uploads of one
//! blob at once (sonatype/nexus-public#967). Each manifest is pushed under the tag `sha256-<hex>`, which is its digest too;
//! registries that collect what has no tag keep it.

use std::collections::BTreeMap;
use std::io::{self, Read};

use crate::digest::Digest;
use crate::event::{Event, Events};
use crate::fault::AnyFault;
use crate::limits::Limits;
use crate::oci::{Descriptor, RawManifest};
use crate::reference::{RegistryHost, Repository, RepositoryRef, Tag};
use crate::registry::{Client, Known, Pushed, RegistryError, Target};
use crate::workers;

mod closure;
mod deliver;
mod missing;

pub use closure::{Absence, Closure, Holdings, Proof, add_holdings, closure};
pub use deliver::{Delivered, NotWhole, deliver};
pub use missing::{Look, Missing};

/// Where bytes come from: the archive, or a registry.
pub trait BlobSource: Sync {
    /// What it is called, for messages.
    fn name(&self) -> String {
        ARCHIVE.to_owned()
    }

    /// The bytes of a blob or manifest from the start, as they lie there: whoever reads them hashes them.
    fn open(&self, digest: &Digest) -> io::Result<Box<dyn Read + Send + '_>>;
}

/// What an archive is called.
const ARCHIVE: &str = "the archive";

/// One image and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The repository that it goes to.
    pub repository: Repository,
    /// What a person calls it.
    pub label: String,
    /// Its manifests, children before parents; the last one is its root.
    pub manifests: Vec<Descriptor>,
    /// Their configs and layers.
    pub blobs: Vec<Descriptor>,
}

/// What a transfer did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Objects that were written.
    pub written: u64,
    /// Objects that were there.
    pub there: u64,
}

/// How a transfer is done.
pub struct Transfer<'a> {
    /// The registry.
    pub host: &'a RegistryHost,
    /// Asks it.
    pub client: &'a Client,
    /// Gives the bytes.
    pub source: &'a dyn BlobSource,
    /// How its word is tested that it holds what was pushed.
    pub proof: &'a Proof,
    /// Uploads at once.
    pub jobs: usize,
    /// Told what happens.
    pub events: &'a dyn Events,
    /// Ceilings.
    pub limits: &'a Limits,
}

struct Upload<'d> {
    blob: &'d Descriptor,
    label: &'d str,
    repositories: Vec<&'d Repository>,
}

impl Transfer<'_> {
    /// How many objects and bytes `blobs` will look at: each digest once.
    pub fn size(deliveries: &[Delivery]) -> (u64, u64) {
        let uploads = uploads(deliveries);
        (uploads.len() as u64, uploads.iter().map(|upload| upload.blob.size).sum())
    }

    /// Pushes configs and layers, the largest first so that no long one is left for the end.
    pub fn blobs(&self, deliveries: &[Delivery]) -> Result<Tally, AnyFault> {
        let mut uploads = uploads(deliveries);
        uploads.sort_by_key(|upload| std::cmp::Reverse(upload.blob.size));
        let tallies = workers::map(&uploads, self.jobs, self.events, |upload| self.blob(upload))?;
        Ok(tallies.into_iter().fold(Tally::default(), Tally::plus))
    }

    fn blob(&self, upload: &Upload<'_>) -> Result<Tally, AnyFault> {
        let Descriptor { digest, size, .. } = *upload.blob;
        self.events.emit(&Event::Started { digest, label: upload.label, bytes: size });
        let mut tally = Tally::default();
        let first = upload.repositories.first().copied();
        for (index, repository) in upload.repositories.iter().enumerate() {
            // Progress counts a digest once, however many repositories need it.
            let progress = |bytes| {
                if index == 0 {
                    self.events.emit(&Event::Advanced { digest, bytes });
                }
            };
            let pushed = self.client.push_blob(
                &self.at(repository),
                digest,
                size,
                // What went to one repository of a registry need not travel again for the next.
                first.filter(|_| index > 0).map_or(Known::Nothing, Known::Beside),
                &mut || self.source.open(&digest).map(|reader| reader as Box<dyn Read>),
                &progress,
            )?;
            tally = tally.plus(match pushed {
                Pushed::Uploaded | Pushed::Mounted => Tally { written: 1, there: 0 },
                Pushed::AlreadyThere => Tally { written: 0, there: 1 },
            });
        }
        let event = if tally.written == 0 {
            Event::Skipped { digest, bytes: size }
        } else {
            Event::Finished { digest }
        };
        self.events.emit(&event);
        Ok(tally)
    }

    /// Pushes manifests, each under its `sha256-<hex>` tag. The blobs must be there.
    pub fn manifests(&self, deliveries: &[Delivery]) -> Result<Tally, AnyFault> {
        // Two images may share a child; within one repository the second finds it there.
        let tallies = workers::map(deliveries, self.jobs, self.events, |delivery| {
            delivery.manifests.iter().try_fold(Tally::default(), |tally, manifest| {
                Ok::<_, AnyFault>(tally.plus(self.manifest(delivery, manifest)?))
            })
        })?;
        Ok(tallies.into_iter().fold(Tally::default(), Tally::plus))
    }

    fn manifest(&self, delivery: &Delivery, manifest: &Descriptor) -> Result<Tally, AnyFault> {
        let repository = self.at(&delivery.repository);
        if self.has_manifest(&repository, manifest)? {
            return Ok(Tally { written: 0, there: 1 });
        }
        let tag = Target::Tag(Tag::of_digest(&manifest.digest));
        let raw = self.read_manifest(manifest)?;
        match self.client.push_manifest(&repository, &tag, &raw) {
            // "It exists" was not true (sonatype/nexus-public#869): push the parts without asking, once.
            Err(RegistryError::MissingParts { .. }) => {
                self.push_parts_again(delivery)?;
                self.client.push_manifest(&repository, &tag, &raw)?;
            }
            result => result?,
        }
        Ok(Tally { written: 1, there: 0 })
    }

    fn push_parts_again(&self, delivery: &Delivery) -> Result<(), AnyFault> {
        for blob in &delivery.blobs {
            self.client.push_blob(
                &self.at(&delivery.repository),
                blob.digest,
                blob.size,
                Known::Absent,
                &mut || self.source.open(&blob.digest).map(|reader| reader as Box<dyn Read>),
                &|_| {},
            )?;
        }
        Ok(())
    }

    /// Whether a manifest is there, under the tag that keeps it.
    fn has_manifest(&self, repository: &RepositoryRef, manifest: &Descriptor) -> Result<bool, AnyFault> {
        let tag = Target::Tag(Tag::of_digest(&manifest.digest));
        match self.client.head_manifest(repository, &tag) {
            // A registry that lost power while it wrote a tag answers 500 for it ever after; putting it again mends it.
            Err(RegistryError::Status { status: 500..=599, .. }) => Ok(false),
            there => Ok(there?.is_some_and(|found| found.digest == manifest.digest)),
        }
    }

    fn read_manifest(&self, manifest: &Descriptor) -> Result<RawManifest, AnyFault> {
        read_manifest(self.source, manifest, self.limits)
    }

    fn at(&self, repository: &Repository) -> RepositoryRef {
        RepositoryRef { host: self.host.clone(), repository: repository.clone() }
    }
}

/// Reads a manifest from a source, and checks that it is the one that was asked for.
pub fn read_manifest(
    source: &dyn BlobSource,
    manifest: &Descriptor,
    limits: &Limits,
) -> Result<RawManifest, AnyFault> {
    let unreadable = |why| TransferError::unreadable(source, manifest.digest, why);
    let mut bytes = Vec::new();
    source
        .open(&manifest.digest)
        .and_then(|reader| reader.take(limits.manifest_bytes + 1).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    let raw = RawManifest::new(bytes, Some(&manifest.media_type)).map_err(TransferError::Manifest)?;
    if raw.digest() == manifest.digest {
        Ok(raw)
    } else {
        let why = crate::digest::ContentMismatch::Digest { expected: manifest.digest, found: raw.digest() };
        Err(unreadable(io::Error::new(io::ErrorKind::InvalidData, why)).into())
    }
}

/// Why bytes could not be taken from where they are.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// They were not given, or are others.
    #[error("could not read {digest} from {from}")]
    Unreadable {
        /// What was read.
        digest: Digest,
        /// Whence.
        from: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// They are no manifest.
    #[error("one of the manifests cannot be pushed")]
    Manifest(#[source] crate::oci::OciError),
}

impl TransferError {
    /// A source did not give what it was asked for.
    pub fn unreadable(source: &dyn BlobSource, digest: Digest, why: io::Error) -> Self {
        Self::Unreadable { digest, from: source.name(), source: why }
    }
}

impl crate::fault::Fault for TransferError {
    fn exit(&self) -> crate::fault::Exit {
        crate::fault::Exit::Integrity
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unreadable { from, .. } if from != ARCHIVE => {
                "its storage has lost or changed what it kept there: import the archive again that brought it, then run the same \
                 command again"
                    .to_owned()
            }
            _ => "copy the archive from the medium again, and run `ombundle verify` on the copy".to_owned(),
        })
    }
}

fn uploads(deliveries: &[Delivery]) -> Vec<Upload<'_>> {
    let mut by_digest: BTreeMap<Digest, Upload<'_>> = BTreeMap::new();
    for delivery in deliveries {
        for blob in &delivery.blobs {
            let upload = by_digest.entry(blob.digest).or_insert_with(|| Upload {
                blob,
                label: &delivery.label,
                repositories: Vec::new(),
            });
            if !upload.repositories.contains(&&delivery.repository) {
                upload.repositories.push(&delivery.repository);
            }
        }
    }
    by_digest.into_values().collect()
}

impl Tally {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { written: self.written + other.written, there: self.there + other.there }
    }
}
