//! A catalog's images as they are built: on each image of a base, read back, and their blobs in a repository.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;

use crate::catalog::image::build::{self, BuiltImage, Family, Layer, Provenance};
use crate::digest::Digest;
use crate::event::Events;
use crate::fault::{AnyFault, Exit, Fault};
use crate::flow::catalog_image::{CatalogImage, ImageSource, PlatformImage, RegistryImages, pull};
use crate::limits::Limits;
use crate::oci::{Descriptor, ManifestView, RawManifest};
use crate::promote::{CatalogTag, put_tag};
use crate::reference::{RepositoryRef, Tag};
use crate::registry::{Client, Known};
use crate::workers;

/// What was built is not what was meant.
#[derive(Debug, thiserror::Error)]
#[error("the catalog image that was built is not right: {why}")]
pub struct BuiltWrong {
    why: String,
}

impl Fault for BuiltWrong {
    fn exit(&self) -> Exit {
        Exit::Unexpected
    }

    fn hint(&self) -> Option<String> {
        Some("this is a defect of ombundle: please report it".to_owned())
    }
}

/// How much of a base the images stand on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foundation {
    /// All of it; of an image of ours all but its catalog layer.
    Whole,
    /// All but the layers that hold nothing but a catalog, in this family of documents.
    Small(Family),
}

/// What is built.
#[derive(Debug)]
pub struct Recipe<'a> {
    /// The catalog's files, by path below `/configs`.
    pub files: &'a BTreeMap<String, Vec<u8>>,
    /// The files of opm's cache, by path below `/tmp/cache`; the image has none without.
    pub cache: Option<&'a BTreeMap<String, Vec<u8>>>,
    /// What the images say of their making.
    pub provenance: Provenance,
    /// What they stand on.
    pub foundation: Foundation,
}

/// Images of one catalog, each with the config and layer that are ours.
#[derive(Debug)]
pub struct BuiltImages {
    /// The only image's manifest, or the index where the base is one.
    pub root: RawManifest,
    /// By the digest of the base's image.
    images: BTreeMap<Digest, BuiltImage>,
}

/// A blob, and its bytes where it is ours.
pub type Blob = (Descriptor, Option<Arc<[u8]>>);

impl Recipe<'_> {
    /// One new layer on each image of the base; the same inputs give the same digests.
    pub fn build(&self, base: &CatalogImage, limits: &Limits) -> Result<BuiltImages, AnyFault> {
        let mut images = BTreeMap::new();
        for image in &base.images {
            let built = self.image(image)?;
            if let Some(why) = image.with_layer(&built.layer, limits, self.files)? {
                return Err(BuiltWrong { why }.into());
            }
            images.insert(image.manifest.digest(), built);
        }
        let root = if base.is_index {
            let manifests = images.iter().map(|(base, built)| (*base, &built.manifest)).collect();
            build::catalog_index(&base.root, &manifests)?
        } else {
            let only = images.values().next().map(|image| image.manifest.clone());
            only.ok_or_else(|| BuiltWrong { why: "it has no image".to_owned() })?
        };
        Ok(BuiltImages { root, images })
    }

    fn image(&self, base: &PlatformImage) -> Result<BuiltImage, AnyFault> {
        let layer = self.layer(base)?;
        let provenance = &self.provenance;
        let Foundation::Small(family) = self.foundation else {
            return Ok(build::catalog_image(&base.manifest, &base.config, &layer, provenance)?);
        };
        let small =
            build::small_base(&base.manifest, &base.config, &base.catalog_only(), family, provenance)?;
        Ok(build::catalog_image(&small.manifest, &small.config, &layer, provenance)?)
    }

    fn layer(&self, base: &PlatformImage) -> Result<Layer, AnyFault> {
        Ok(match self.cache {
            None => build::catalog_layer(self.files, base.cache_whiteout())?,
            Some(cache) => build::cached_layer(self.files, base.cache_whiteout(), cache)?,
        })
    }
}

impl BuiltImages {
    /// The manifests of the images, without the index over them.
    pub fn manifests(&self) -> impl Iterator<Item = &RawManifest> {
        self.images.values().map(|image| &image.manifest)
    }

    /// Every blob of the images once.
    pub fn blobs(&self, limits: &Limits) -> Result<Vec<Blob>, AnyFault> {
        let mut blobs = BTreeMap::new();
        for image in self.images.values() {
            let ManifestView::Image(view) = image.manifest.view(limits)? else { continue };
            for blob in view.layers {
                let ours = (blob.digest == image.layer.digest).then(|| Arc::clone(&image.layer.bytes));
                blobs.insert(blob.digest, (blob, ours));
            }
            blobs.insert(view.config.digest, (view.config, Some(Arc::from(image.config.as_slice()))));
        }
        Ok(blobs.into_values().collect())
    }

    /// The blobs that are ours.
    pub fn own_blobs(&self, limits: &Limits) -> Result<Vec<Blob>, AnyFault> {
        Ok(self.blobs(limits)?.into_iter().filter(|(_, bytes)| bytes.is_some()).collect())
    }
}

/// Where blobs go, and how.
pub struct Pushing<'a> {
    /// The repository.
    pub repository: &'a RepositoryRef,
    /// Asks its registry.
    pub client: &'a Client,
    /// Requests at once.
    pub jobs: usize,
    /// Told what happens.
    pub events: &'a dyn Events,
    /// Ceilings.
    pub limits: &'a Limits,
}

impl Pushing<'_> {
    /// Puts the blobs there. Those that are not ours come from `base`, which may be a repository of the same registry.
    pub fn push(&self, blobs: &[Blob], base: &dyn ImageSource, beside: Known<'_>) -> Result<(), AnyFault> {
        let push = |(blob, bytes): &Blob| {
            let mut open = || opened(base, blob, bytes.as_ref());
            let known = if bytes.is_some() { Known::Nothing } else { beside };
            self.client.push_blob(self.repository, blob.digest, blob.size, known, &mut open, &|_| {})?;
            Ok(())
        };
        workers::map(blobs, self.jobs, self.events, push)?;
        Ok(())
    }

    /// Pushes the images of a catalog's generation beside what is served: layers and configs, the manifests, each under the tag that
    /// keeps it, and the root under that of the generation. The base's layers are there.
    pub fn generation(&self, built: &BuiltImages, tag: &CatalogTag, generation: u64) -> Result<(), AnyFault> {
        let Self { repository, client, limits, .. } = *self;
        let blobs = built.own_blobs(limits)?;
        self.push(&blobs, &RegistryImages { repository, client }, Known::Nothing)?;
        let root = &built.root;
        for manifest in built.manifests().chain([root]) {
            put_tag(client, repository, Tag::of_digest(&manifest.digest()), manifest)?;
        }
        put_tag(client, repository, tag.of_generation(generation, &root.digest())?, root)?;
        self.pull_back(&blobs)
    }

    /// What is ours is read from the registry and hashed: one may keep a damaged blob of a former push.
    pub fn pull_back(&self, blobs: &[Blob]) -> Result<(), AnyFault> {
        let pushed = RegistryImages { repository: self.repository, client: self.client };
        for (blob, _) in blobs.iter().filter(|(_, bytes)| bytes.is_some()) {
            pull(&pushed, blob, self.limits.catalog_bytes)?;
        }
        Ok(())
    }
}

/// The bytes of a blob: ours, or as the base's home has them.
pub fn opened<'s>(
    base: &'s dyn ImageSource,
    blob: &Descriptor,
    bytes: Option<&Arc<[u8]>>,
) -> io::Result<Box<dyn Read + 's>> {
    match bytes {
        Some(bytes) => Ok(Box::new(io::Cursor::new(Arc::clone(bytes)))),
        None => base.blob(blob).map_err(|fault| io::Error::other(fault.to_string())),
    }
}
