//! Whether a registry holds an image whole: every manifest and blob below its root, with its size.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use crate::digest::Digest;
use crate::event::Events;
use crate::fault::AnyFault;
use crate::limits::Limits;
use crate::oci::{Descriptor, ManifestView, Platform};
use crate::reference::PinnedRef;
use crate::registry::{Client, Target};
use crate::workers;

/// Something that a registry should hold and does not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Absence {
    /// The image that needs it.
    pub image: PinnedRef,
    /// What is missing or wrong.
    pub digest: Digest,
    /// In words, without a full stop.
    pub why: String,
}

/// Walks each image from its root: manifests are read back and hashed, blobs are asked for by size.
///
/// Of an index the images for `platforms` must be there, or all of them where it has none for these (or `platforms` is empty): an
/// index may be carried without the images of machines that the site has not got. A digest is asked for once in each
/// repository. Errors mean that the registry could not be asked.
pub fn absences(
    images: &[PinnedRef],
    platforms: &[Platform],
    client: &Client,
    jobs: usize,
    events: &dyn Events,
    limits: &Limits,
) -> Result<Vec<Absence>, AnyFault> {
    let asked = Asked::default();
    let unique: Vec<PinnedRef> = images.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
    let found = workers::map(&unique, jobs, events, |image| {
        let mut walk = Walk { client, platforms, limits, asked: &asked, image, absences: Vec::new() };
        walk.manifest(image.digest, 0)?;
        Ok(walk.absences)
    })?;
    Ok(found.into_iter().flatten().collect())
}

/// Sizes of blobs by repository, as the registry told them.
#[derive(Default)]
struct Asked(Mutex<BTreeMap<PinnedRef, Option<u64>>>);

struct Walk<'a> {
    client: &'a Client,
    platforms: &'a [Platform],
    limits: &'a Limits,
    asked: &'a Asked,
    image: &'a PinnedRef,
    absences: Vec<Absence>,
}

impl Walk<'_> {
    fn manifest(&mut self, digest: Digest, depth: usize) -> Result<(), AnyFault> {
        let Some(raw) = self.client.manifest(&self.image.repository, &Target::Digest(digest))? else {
            self.missing(digest, "the manifest is not there");
            return Ok(());
        };
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
            Some(size) if size == blob.size => {}
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

    fn missing(&mut self, digest: Digest, why: &str) {
        self.absences.push(Absence { image: self.image.clone(), digest, why: why.to_owned() });
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
