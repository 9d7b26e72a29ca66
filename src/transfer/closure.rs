//! Whether a registry holds an image whole: every manifest and blob below its root, with its size.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufReader};
use std::sync::{Mutex, PoisonError};

use crate::digest::{Digest, VerifyingReader};
use crate::event::{Event, Events};
use crate::fault::AnyFault;
use crate::limits::Limits;
use crate::oci::{Descriptor, ManifestView, Platform};
use crate::reference::{PinnedRef, Repository};
use crate::registry::{Client, RegistryError, Target};
use crate::workers;

/// How much of a blob is hashed at a time.
const READ_AT_ONCE: usize = 256 << 10;

/// Something that a registry should hold and does not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Absence {
    /// The image that needs it.
    pub image: PinnedRef,
    /// What is missing or wrong.
    pub digest: Digest,
    /// In words, without a full stop.
    pub why: String,
    /// Whether it is there with other bytes than it should have.
    pub damaged: bool,
}

/// How a registry's word that it holds a blob is tested. Each digest is read once, however many images and walks need it.
#[derive(Debug, Default)]
pub struct Proof {
    read: Option<Mutex<BTreeSet<Digest>>>,
}

impl Proof {
    /// Blobs are asked for by size: the registry is believed that they have the digests under which it keeps them.
    pub fn sizes() -> Self {
        Self { read: None }
    }

    /// Blobs are read back whole and hashed.
    pub fn bytes() -> Self {
        Self { read: Some(Mutex::default()) }
    }

    /// Whether this blob is to be read here and now.
    fn wants(&self, digest: Digest) -> bool {
        let read = self.read.as_ref();
        read.is_some_and(|read| read.lock().unwrap_or_else(PoisonError::into_inner).insert(digest))
    }
}

/// What a registry was found to hold, by repository.
pub type Holdings = BTreeMap<Repository, BTreeSet<Digest>>;

/// What walking images through a registry came to.
#[derive(Debug, Clone, Default)]
pub struct Closure {
    /// What is missing.
    pub absences: Vec<Absence>,
    /// What is there.
    pub present: Holdings,
    /// How large that is.
    pub sizes: BTreeMap<Digest, u64>,
}

/// Walks each image from its root: manifests are read back and hashed, blobs are asked for by size.
///
/// Of an index the images for `platforms` must be there, or all of them where it has none for these (or `platforms` is empty): an
/// index may be carried without the images of machines that the site has not got. A digest is asked for once in each
/// repository. Errors mean that the registry could not be asked.
pub fn closure(
    images: &[PinnedRef],
    platforms: &[Platform],
    proof: &Proof,
    client: &Client,
    jobs: usize,
    events: &dyn Events,
    limits: &Limits,
) -> Result<Closure, AnyFault> {
    let asked = Asked::default();
    let unique: Vec<PinnedRef> = images.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
    let found = workers::map(&unique, jobs, events, |image| {
        let closure = Closure::default();
        let mut walk = Walk { client, proof, platforms, limits, asked: &asked, image, closure };
        walk.manifest(image.digest, 0)?;
        events.emit(&Event::Finished { digest: image.digest });
        Ok(walk.closure)
    })?;
    let mut all = Closure::default();
    for closure in found {
        all.absences.extend(closure.absences);
        add_holdings(&mut all.present, closure.present);
        all.sizes.extend(closure.sizes);
    }
    Ok(all)
}

/// Adds holdings to others.
pub fn add_holdings(to: &mut Holdings, from: Holdings) {
    for (repository, digests) in from {
        to.entry(repository).or_default().extend(digests);
    }
}

/// Sizes of blobs by repository, as the registry told them.
#[derive(Default)]
struct Asked(Mutex<BTreeMap<PinnedRef, Option<u64>>>);

struct Walk<'a> {
    client: &'a Client,
    proof: &'a Proof,
    platforms: &'a [Platform],
    limits: &'a Limits,
    asked: &'a Asked,
    image: &'a PinnedRef,
    closure: Closure,
}

impl Walk<'_> {
    fn manifest(&mut self, digest: Digest, depth: usize) -> Result<(), AnyFault> {
        let Some(raw) = self.client.manifest(&self.image.repository, &Target::Digest(digest))? else {
            self.missing(digest, "the manifest is not there");
            return Ok(());
        };
        self.present(digest, raw.bytes().len() as u64);
        match raw.view(self.limits) {
            Ok(ManifestView::Index(index)) if depth < self.limits.index_depth => {
                for child in needed(&index.manifests, self.platforms) {
                    self.manifest(child.digest, depth + 1)?;
                }
            }
            Ok(ManifestView::Index(_)) => self.missing(digest, "image indexes are nested too deeply"),
            Ok(ManifestView::Image(image)) => {
                self.blob(&image.config)?;
                for layer in &image.layers {
                    self.blob(layer)?;
                }
            }
            Err(error) => self.missing(digest, &error.to_string()),
        }
        Ok(())
    }

    fn blob(&mut self, blob: &Descriptor) -> Result<(), AnyFault> {
        let place = self.image.repository.pin(blob.digest);
        let known = self.asked.0.lock().unwrap_or_else(PoisonError::into_inner).get(&place).copied();
        let size = match known {
            Some(size) => size,
            None => {
                let size = self.client.blob_size(&self.image.repository, blob.digest)?;
                self.asked.0.lock().unwrap_or_else(PoisonError::into_inner).insert(place, size);
                size
            }
        };
        match size {
            Some(size) if size == blob.size => {
                if self.proof.wants(blob.digest) && !self.is_whole(blob)? {
                    let why = "the registry serves other bytes than its digest says".to_owned();
                    let image = self.image.clone();
                    self.closure.absences.push(Absence { image, digest: blob.digest, why, damaged: true });
                    return Ok(());
                }
                self.present(blob.digest, size);
            }
            Some(size) => {
                self.missing(
                    blob.digest,
                    &format!("the blob has {size} bytes there instead of {}", blob.size),
                );
            }
            None => self.missing(blob.digest, "the blob is not there"),
        }
        Ok(())
    }

    /// Reads a blob to its end; of what passes nothing is kept.
    fn is_whole(&self, blob: &Descriptor) -> Result<bool, AnyFault> {
        let body = self.client.blob(&self.image.repository, blob, 0)?;
        let mut reader =
            BufReader::with_capacity(READ_AT_ONCE, VerifyingReader::new(body, blob.digest, blob.size));
        let Err(error) = io::copy(&mut reader, &mut io::sink()) else { return Ok(true) };
        match RegistryError::from_io(error, &format!("GET {}", self.image.repository.pin(blob.digest))) {
            RegistryError::Content { .. } => Ok(false),
            other => Err(other.into()),
        }
    }

    fn present(&mut self, digest: Digest, size: u64) {
        self.closure.sizes.insert(digest, size);
        let repository = self.image.repository.repository.clone();
        self.closure.present.entry(repository).or_default().insert(digest);
    }

    fn missing(&mut self, digest: Digest, why: &str) {
        self.closure.absences.push(Absence {
            image: self.image.clone(),
            digest,
            why: why.to_owned(),
            damaged: false,
        });
    }
}

/// The children of an index that a site with these platforms needs.
fn needed<'i>(children: &'i [Descriptor], platforms: &[Platform]) -> Vec<&'i Descriptor> {
    let matching: Vec<&Descriptor> = children
        .iter()
        .filter(|child| {
            let offered = child.platform.as_ref();
            offered.is_some_and(|offered| platforms.iter().any(|platform| platform.accepts(offered)))
        })
        .collect();
    if matching.is_empty() { children.iter().collect() } else { matching }
}
