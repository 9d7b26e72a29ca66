//! What a set of images means in bytes: what must be fetched, what is carried, what production holds already.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::document::{BytesSummary, Item, PlannedImage, Prerequisite};
use crate::digest::Digest;
use crate::reference::{Repository, RepositoryRef};
use crate::site::{ShortDigests, SiteReport};

/// What production is known to hold.
#[derive(Debug, Clone, Default)]
pub struct Holdings {
    repositories: BTreeMap<Repository, BTreeSet<Digest>>,
    held: BTreeMap<Repository, Vec<ShortDigests>>,
    anywhere: BTreeSet<Digest>,
}

impl Holdings {
    /// What a report says.
    pub fn of(report: &SiteReport) -> Self {
        let held = report
            .held
            .iter()
            .map(|(repository, state)| (repository.clone(), vec![state.images.clone(), state.parts.clone()]));
        Self {
            repositories: report.repositories.clone(),
            held: held.collect(),
            anywhere: report.digests.clone(),
        }
    }

    /// Adds what a repository holds.
    pub(super) fn add(&mut self, repository: Repository, digests: ShortDigests) {
        self.held.entry(repository).or_default().push(digests);
    }

    /// Whether this image is there from its root down. A report without repositories counts for whole images only: that a layer
    /// is somewhere in a registry does not say that this repository has it.
    fn whole(&self, image: &PlannedImage) -> bool {
        self.repositories.is_empty()
            && self.held.is_empty()
            && image.manifests.iter().chain(&image.blobs).all(|object| self.anywhere.contains(&object.digest))
    }

    pub(super) fn within(&self, mirror: Option<&Repository>, digest: &Digest) -> bool {
        mirror.is_some_and(|mirror| {
            self.repositories.get(mirror).is_some_and(|held| held.contains(digest))
                || self.held.get(mirror).is_some_and(|held| held.iter().any(|held| held.contains(digest)))
        })
    }
}

/// What can be left out of the archive: the objects that production has in every repository that needs them, once for each.
///
/// `mirror` says where a source repository lands in production; nothing when that is not known.
pub fn prerequisites(
    images: &[PlannedImage],
    holdings: &Holdings,
    mirror: &dyn Fn(&RepositoryRef) -> Option<Repository>,
) -> Vec<Prerequisite> {
    let mut held: BTreeSet<Prerequisite> = BTreeSet::new();
    let mut needed: BTreeSet<Digest> = BTreeSet::new();
    for image in images {
        // A base lands where the site file puts what is built on it.
        let base = image.kind.is_base();
        let place = image.mirror.clone().or_else(|| mirror(&image.source));
        let whole = !base && holdings.whole(image);
        let place = place.filter(|_| !base);
        let manifests = image.manifests.iter().map(|manifest| (manifest, true));
        for (object, manifest) in manifests.chain(image.blobs.iter().map(|blob| (blob, false))) {
            if whole || holdings.within(place.as_ref(), &object.digest) {
                let source = image.source.clone();
                held.insert(Prerequisite { digest: object.digest, source, manifest, size: object.size });
            } else {
                needed.insert(object.digest);
            }
        }
    }
    held.into_iter().filter(|object| !needed.contains(&object.digest)).collect()
}

/// The list that gets approved: each image with the bytes that it adds, what came before it and what production has not counted.
pub fn items(images: &[PlannedImage], prerequisites: &[Prerequisite]) -> Vec<Item> {
    let mut seen: BTreeSet<Digest> = prerequisites.iter().map(|prerequisite| prerequisite.digest).collect();
    let line = |image: &PlannedImage| {
        let objects = image.manifests.iter().chain(&image.blobs);
        let bytes = objects.filter(|object| seen.insert(object.digest)).map(|object| object.size).sum();
        let name = match &image.tag {
            Some(tag) => format!("{}:{tag}@{}", image.source, image.root.digest),
            None => format!("{}@{}", image.source, image.root.digest),
        };
        let reason = image.reasons.join("; ");
        Item { kind: image.kind, source: name, digest: image.root.digest, bytes, reason }
    };
    images.iter().map(line).collect()
}

/// The sum of it, and how many requests fetching it takes.
pub(super) fn summary(
    images: &[PlannedImage],
    prerequisites: &[Prerequisite],
    inline: &BTreeMap<Digest, String>,
    meta: u64,
) -> (BytesSummary, u64) {
    let mut sizes: BTreeMap<Digest, u64> = BTreeMap::new();
    for object in images.iter().flat_map(|image| image.manifests.iter().chain(&image.blobs)) {
        sizes.insert(object.digest, object.size);
    }
    for prerequisite in prerequisites {
        sizes.remove(&prerequisite.digest);
    }
    let store = sizes.values().sum();
    let carried = sizes.values().map(|size| entry(*size)).sum::<u64>();
    let lists = (sizes.len() + images.len() + prerequisites.len()) as u64 * LISTED;
    let fetched = sizes.iter().filter(|(digest, _)| !inline.contains_key(digest));
    let (requests, download) = fetched.fold((0, 0), |(count, bytes), (_, size)| (count + 1, bytes + size));
    (BytesSummary { download, carry: carried + lists + entry(meta) + FRAME, store }, requests)
}

/// Bytes of an archive that hold no content: magic, signatures, headers of the lists, end mark.
const FRAME: u64 = 12 << 10;
/// Bytes that the lists of an archive have for each thing in them, about.
const LISTED: u64 = 420;

/// A header of 512 bytes, and the content padded to as many.
fn entry(size: u64) -> u64 {
    512 + size.next_multiple_of(512)
}

/// How long so many bytes take at a rate in bytes a second, in whole seconds; nothing for a rate of 0.
pub fn duration(bytes: u64, rate: u64) -> Option<Duration> {
    (rate > 0).then(|| Duration::from_secs(bytes.div_ceil(rate)))
}
