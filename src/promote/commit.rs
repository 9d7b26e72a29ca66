//! The one request that changes what a cluster is offered: a catalog's tag moves from its old image to the new one.
//!
//! Registries have no compare-and-swap on tags (distribution 2.8.2 answers `If-Match` with 201), so the tag is read again right
//! before and right after, and a [`Lease`] keeps other imports out all the while. A tag that moved in between is no error here: the
//! caller merges anew with what it found.

use crate::digest::Digest;
use crate::fault::{AnyFault, Exit, Fault};
use crate::oci::RawManifest;
use crate::promote::Lease;
use crate::reference::{ImageRef, RepositoryRef, Tag};
use crate::registry::{Client, RegistryError, Target};
use crate::site::{CatalogMirror, Site};

/// A catalog in production.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogTag {
    /// Its repository in production.
    pub repository: RepositoryRef,
    /// The tag that stands for "what is served now".
    pub tag: Tag,
}

/// What became of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Commit {
    /// The tag points to the new image now.
    Moved,
    /// It did so before: an earlier run got this far.
    AlreadyThere,
    /// Somebody moved it since it was read; nothing was done.
    Changed {
        /// What it points to now; nothing when it is gone.
        found: Option<Digest>,
    },
    /// The registry took so long that another import may think that this one is dead; nothing was done.
    Late,
}

/// Why a commit is not certain.
#[derive(Debug, thiserror::Error)]
pub enum PromoteError {
    /// The tag was put and points elsewhere.
    #[error("`{tag}` was set to {wanted}, and points to {found} right after")]
    Overtaken {
        /// The tag.
        tag: String,
        /// What it should point to.
        wanted: Digest,
        /// What it points to.
        found: String,
    },
    /// The tag keeps moving while catalogs are merged.
    #[error("`{tag}` was changed by somebody else {tries} times while the catalog was merged")]
    Unsteady {
        /// The tag.
        tag: String,
        /// How often it was tried.
        tries: u32,
    },
    /// The registry lets tags be made, and does not let them be moved.
    #[error("the tag `{tag}` cannot be moved, so no catalog could be put in force")]
    TagsStay {
        /// The tag that was tried, which is nobody's but ours.
        tag: String,
        /// What the registry said.
        #[source]
        source: RegistryError,
    },
    /// A name for the old or new image would be too long.
    #[error("the tag of `{tag}` is too long for a generation suffix")]
    TagLength {
        /// The tag.
        tag: String,
    },
}

impl Fault for PromoteError {
    fn exit(&self) -> Exit {
        match self {
            Self::Overtaken { .. } | Self::Unsteady { .. } => Exit::Conflict,
            Self::TagsStay { .. } => Exit::Registry,
            Self::TagLength { .. } => Exit::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Overtaken { .. } | Self::Unsteady { .. } => {
                "find out who else writes this catalog, then run `import` again: it merges with what it finds"
                    .to_owned()
            }
            Self::TagsStay { .. } => {
                "let tags of production be moved: on Nexus `Deployment policy: Allow redeploy` of the hosted \
                 repository, on Harbor no immutability rule for it, on Quay no immutable tags"
                    .to_owned()
            }
            Self::TagLength { .. } => "shorten the tag in the site file to 90 characters".to_owned(),
        })
    }
}

impl CatalogTag {
    /// Where a site's production has a catalog.
    pub fn of(site: &Site, mirror: &CatalogMirror) -> Self {
        Self {
            repository: site.in_production(mirror.mirror.repository.clone()),
            tag: mirror.mirror.tag.clone(),
        }
    }

    /// The tag as a reference.
    pub fn reference(&self) -> ImageRef {
        self.repository.tag(self.tag.clone())
    }

    /// What the tag points to now; nothing before the first catalog.
    pub fn current(&self, client: &Client) -> Result<Option<RawManifest>, AnyFault> {
        Ok(client.manifest(&self.repository, &Target::Tag(self.tag.clone()))?)
    }

    /// The digest of that alone.
    pub fn digest(&self, client: &Client) -> Result<Option<Digest>, AnyFault> {
        pointed_to(client, &self.repository, &Target::Tag(self.tag.clone()))
    }

    /// The tag that keeps the image of a generation for ever: `v4.20-g0007-1a2b3c4d5e6f`.
    ///
    /// It never moves: another merge of the same generation has another digest and so another tag.
    pub fn of_generation(&self, generation: u64, digest: &Digest) -> Result<Tag, PromoteError> {
        self.suffixed(&format!("g{generation:04}-{}", digest.short()))
    }

    /// The tags of a list that keep images of this catalog: with the generation that replaced it for `v4.20-prev-7`, with none for the
    /// others.
    pub fn kept(&self, tags: &[Tag]) -> Vec<(Option<u64>, Tag)> {
        let suffix =
            |tag: &Tag| Some(tag.as_str().strip_prefix(self.tag.as_str())?.strip_prefix('-')?.to_owned());
        let digits = |text: &str| text.bytes().next().is_some_and(|c| c.is_ascii_digit());
        let kept = tags.iter().filter_map(|tag| {
            let suffix = suffix(tag)?;
            match (suffix.strip_prefix("prev-"), suffix.strip_prefix('g')) {
                (Some(replaced), _) => Some((replaced.parse().ok(), tag.clone())),
                (None, Some(made)) => digits(made).then(|| (None, tag.clone())),
                (None, None) => None,
            }
        });
        kept.collect()
    }

    /// The tag that keeps what a generation replaced: `v4.20-prev-7`.
    pub fn before_generation(&self, generation: u64) -> Result<Tag, PromoteError> {
        self.suffixed(&format!("prev-{generation}"))
    }

    fn suffixed(&self, suffix: &str) -> Result<Tag, PromoteError> {
        let too_long = |_| PromoteError::TagLength { tag: self.reference().to_string() };
        format!("{}-{suffix}", self.tag).parse().map_err(too_long)
    }

    /// Gives the old image a tag of its own. One that an earlier try of the same generation made stays where it is: it may be all
    /// that keeps the image from a clean-up.
    fn keep_old(&self, old: &RawManifest, generation: u64, client: &Client) -> Result<(), AnyFault> {
        let tag = self.before_generation(generation)?;
        let found = client.head_manifest(&self.repository, &Target::Tag(tag.clone()))?;
        let tag = match found {
            Some(found) if found.digest != old.digest() => {
                self.suffixed(&format!("prev-{generation}-{}", old.digest().short()))?
            }
            _ => tag,
        };
        put_tag(client, &self.repository, tag, old)?;
        Ok(())
    }

    /// Moves the tag from `old` to `new`, whose manifest and all below it must be in the repository.
    pub fn commit(
        &self,
        old: Option<&RawManifest>,
        new: &RawManifest,
        generation: u64,
        lease: &Lease<'_>,
        client: &Client,
    ) -> Result<Commit, AnyFault> {
        lease.take()?;
        let found = self.current(client)?;
        if found.as_ref().is_some_and(|found| found.digest() == new.digest()) {
            return Ok(Commit::AlreadyThere);
        }
        if found.as_ref().map(RawManifest::digest) != old.map(RawManifest::digest) {
            return Ok(Commit::Changed { found: found.map(|found| found.digest()) });
        }
        if let Some(old) = old {
            self.keep_old(old, generation, client)?;
        }
        if !lease.holds() {
            return Ok(Commit::Late);
        }
        client.push_manifest(&self.repository, &Target::Tag(self.tag.clone()), new)?;
        match self.current(client)? {
            Some(after) if after.digest() == new.digest() => Ok(Commit::Moved),
            after => Err(PromoteError::Overtaken {
                tag: self.reference().to_string(),
                wanted: new.digest(),
                found: after.map_or_else(|| "nothing".to_owned(), |after| after.digest().to_string()),
            }
            .into()),
        }
    }
}

/// Points a tag to a manifest unless it does so already: some registries refuse even the same again.
///
/// Returns what it pointed to before.
pub fn put_tag(
    client: &Client,
    repository: &RepositoryRef,
    tag: Tag,
    manifest: &RawManifest,
) -> Result<Option<Digest>, AnyFault> {
    let target = Target::Tag(tag);
    let before = pointed_to(client, repository, &target)?;
    if before != Some(manifest.digest()) {
        client.push_manifest(repository, &target, manifest)?;
    }
    Ok(before)
}

/// What a tag points to; nothing when it does not exist.
///
/// A registry that lost power while it wrote a tag answers 500 for it ever after (distribution 2.8.2). That counts as nothing:
/// putting the tag again mends it.
pub fn pointed_to(
    client: &Client,
    repository: &RepositoryRef,
    target: &Target,
) -> Result<Option<Digest>, AnyFault> {
    match client.head_manifest(repository, target) {
        Err(RegistryError::Status { status: 500..=599, .. }) => Ok(None),
        found => Ok(found?.map(|found| found.digest)),
    }
}
