//! A registry as it was listed: repositories, tags, manifests, and what each manifest refers to.

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::Digest;
use crate::limits::Limits;
use crate::oci::{ManifestView, OciError, RawManifest};
use crate::reference::{RegistryHost, Repository, Tag};

/// What a registry held when it was asked.
#[derive(Debug, Clone)]
pub struct Listing {
    /// The registry.
    pub host: RegistryHost,
    /// Every repository that it names.
    pub repositories: BTreeMap<Repository, SeenRepository>,
}

/// One repository.
#[derive(Debug, Clone, Default)]
pub struct SeenRepository {
    /// Whether the site keeps its mirror there. Of others nothing is ever let go.
    pub ours: bool,
    /// What each tag leads to.
    pub tags: BTreeMap<Tag, Digest>,
    /// Tags that are listed and lead nowhere.
    pub dangling: BTreeSet<Tag>,
    /// What tags lead to, and what is below it.
    pub manifests: BTreeMap<Digest, Seen>,
}

/// One manifest, with what it refers to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Its media type.
    pub media_type: String,
    /// Its size.
    pub bytes: u64,
    /// Manifests that it lists, whether they are there or not.
    pub children: Vec<Digest>,
    /// Config and layers, with their sizes.
    pub blobs: Vec<(Digest, u64)>,
    /// What it says that it is attached to.
    pub subject: Option<Digest>,
}

impl Seen {
    /// What is read of a manifest.
    pub fn of(raw: &RawManifest, limits: &Limits) -> Result<Self, OciError> {
        let (media_type, bytes) = (raw.media_type().to_owned(), raw.size());
        Ok(match raw.view(limits)? {
            ManifestView::Index(index) => {
                let children = index.manifests.iter().map(|entry| entry.digest).collect();
                Self { media_type, bytes, children, ..Self::default() }
            }
            ManifestView::Image(image) => {
                let blobs = std::iter::once(&image.config).chain(&image.layers);
                let blobs = blobs.map(|blob| (blob.digest, blob.size)).collect();
                let subject = image.subject.map(|subject| subject.digest);
                Self { media_type, bytes, blobs, subject, children: Vec::new() }
            }
        })
    }
}

impl SeenRepository {
    /// Whether one manifest lists the other.
    pub fn lists(&self, index: &Digest, child: &Digest) -> bool {
        self.manifests.get(index).is_some_and(|index| index.children.contains(child))
    }

    /// The tags of each manifest.
    pub fn tags_of(&self) -> BTreeMap<Digest, Vec<&Tag>> {
        let mut tags: BTreeMap<Digest, Vec<&Tag>> = BTreeMap::new();
        for (tag, digest) in &self.tags {
            tags.entry(*digest).or_default().push(tag);
        }
        tags
    }
}
