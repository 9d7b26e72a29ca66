//! Whether a registry holds an image whole: every manifest and blob below its root, with its size.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufReader};
use std::sync::{Arc, Mutex, PoisonError};

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

/// How a registry's word that it holds a blob is tested. What was whole is not read again, however many images and walks need it.
#[derive(Debug, Default)]
pub struct Proof {
    /// Whether each was found whole.
    read: Option<Mutex<BTreeMap<Digest, Arc<Mutex<bool>>>>>,
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

    /// Has a blob read, unless it need not be or was found whole before. Whoever else asks for it meanwhile waits.
    fn of(
        &self,
        digest: Digest,
        read: impl FnOnce() -> Result<ReadBack, AnyFault>,
    ) -> Result<ReadBack, AnyFault> {
        let Some(known) = &self.read else { return Ok(ReadBack::Whole) };
        let blob =
            Arc::clone(known.lock().unwrap_or_else(PoisonError::into_inner).entry(digest).or_default());
        let mut whole = blob.lock().unwrap_or_else(PoisonError::into_inner);
        if *whole {
            return Ok(ReadBack::Whole);
        }
        let found = read()?;
        *whole = matches!(found, ReadBack::Whole);
        Ok(found)
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
        let raw = match self.client.manifest(&self.image.repository, &Target::Digest(digest)) {
            Ok(Some(raw)) => raw,
            Ok(None) => {
                self.missing(digest, "the manifest is not there");
                return Ok(());
            }
            Err(RegistryError::Content { .. }) => {
                self.damaged(digest);
                return Ok(());
            }
            Err(error) => return Err(error.into()),
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
            Some(size) if size == blob.size => match self.proof.of(blob.digest, || self.read(blob))? {
                ReadBack::Whole => self.present(blob.digest, size),
                ReadBack::Other => self.damaged(blob.digest),
                ReadBack::Nothing => {
                    self.missing(
                        blob.digest,
                        "the registry says that it has the blob, and does not hand it out",
                    );
                }
            },
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
    fn read(&self, blob: &Descriptor) -> Result<ReadBack, AnyFault> {
        let body = match self.client.blob(&self.image.repository, blob, 0) {
            Ok(body) => body,
            Err(RegistryError::NotFound { .. }) => return Ok(ReadBack::Nothing),
            Err(error) => return Err(error.into()),
        };
        let mut reader =
            BufReader::with_capacity(READ_AT_ONCE, VerifyingReader::new(body, blob.digest, blob.size));
        let Err(error) = io::copy(&mut reader, &mut io::sink()) else { return Ok(ReadBack::Whole) };
        match RegistryError::from_io(error, &format!("GET {}", self.image.repository.pin(blob.digest))) {
            RegistryError::Content { .. } => Ok(ReadBack::Other),
            other => Err(other.into()),
        }
    }

    fn present(&mut self, digest: Digest, size: u64) {
        self.closure.sizes.insert(digest, size);
        let repository = self.image.repository.repository.clone();
        self.closure.present.entry(repository).or_default().insert(digest);
    }

    fn damaged(&mut self, digest: Digest) {
        let (image, why) =
            (self.image.clone(), "the registry serves other bytes than its digest says".to_owned());
        self.closure.absences.push(Absence { image, digest, why, damaged: true });
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

/// What came of reading a blob.
enum ReadBack {
    /// The bytes that its digest says.
    Whole,
    /// Others.
    Other,
    /// None.
    Nothing,
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
