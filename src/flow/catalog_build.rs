//! A catalog as an image: a base's images with one layer of ours each, read back, in a registry or an OCI layout.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use crate::catalog::image::build::{self, BuiltImage, Family, Provenance};
use crate::digest::Digest;
use crate::event::Events;
use crate::fault::{AnyFault, Exit, Fault};
use crate::flow::catalog::{Place, locate, root_of};
use crate::flow::catalog_image::{CatalogImage, ImageSource, PlatformImage, RegistryImages, pull};
use crate::limits::Limits;
use crate::oci::{Descriptor, ManifestView, Platform, RawManifest};
use crate::promote::{pointed_to, put_tag};
use crate::reference::{RepositoryRef, Tag};
use crate::registry::{Client, Known, Target};
use crate::store::layout::LayoutFolder;
use crate::workers;

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// There is no program in the base that would serve the catalog.
    #[error("the base `{base}` has no `/bin/opm`, so nothing would serve a catalog that is built on it")]
    NoOpm {
        /// The base.
        base: String,
    },
    /// The base is a folder or a file.
    #[error("the base `{base}` is no image")]
    NoImage {
        /// The base.
        base: String,
    },
    /// The base has no image for what was asked.
    #[error("the base `{base}` has no image for {platforms}")]
    NoPlatform {
        /// The base.
        base: String,
        /// What was asked for.
        platforms: String,
    },
    /// What was built is not what was meant.
    #[error("the catalog image that was built is not right: {why}")]
    Built {
        /// What is wrong.
        why: String,
    },
}

impl Fault for BuildError {
    fn exit(&self) -> Exit {
        match self {
            Self::NoOpm { .. } | Self::NoImage { .. } | Self::NoPlatform { .. } => Exit::Usage,
            Self::Built { .. } => Exit::Unexpected,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoOpm { .. } => "take an index image of the cluster's version, for instance \
                 registry.redhat.io/redhat/redhat-operator-index:v4.20: its catalog stays behind"
                .to_owned(),
            Self::NoImage { .. } => "a base is `host/repository:tag` or `oci:DIR[:TAG]`".to_owned(),
            Self::NoPlatform { .. } => "leave --platform out to take all that the base has".to_owned(),
            Self::Built { .. } => "this is a defect of ombundle: please report it".to_owned(),
        })
    }
}

/// A catalog to be made an image.
pub struct Build<'a> {
    /// An image on a registry, or `oci:DIR[:TAG]`.
    pub base: &'a str,
    /// The platforms to build for; all of the base's when empty.
    pub platforms: &'a [Platform],
    /// The catalog's files, by path below `/configs`.
    pub files: &'a BTreeMap<String, Vec<u8>>,
    /// When it was made, RFC 3339. The same inputs and moment give the same digest.
    pub created: &'a str,
    /// Asks registries.
    pub client: &'a Client,
    /// Requests at once.
    pub jobs: usize,
    /// Told what happens.
    pub events: &'a dyn Events,
    /// Ceilings.
    pub limits: &'a Limits,
}

/// Where an image goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// To a registry, under a tag.
    Registry(RepositoryRef, Tag),
    /// Into an OCI layout, under a name.
    Layout(std::path::PathBuf, String),
    /// Nowhere: it is built and checked.
    Nowhere,
}

/// What was built.
#[derive(Debug, Clone)]
pub struct BuiltCatalog {
    /// Its manifest, or its index where the base is one.
    pub root: RawManifest,
    /// What the name led to before, where it led to something.
    pub previous: Option<Digest>,
}

/// A blob, and its bytes where it is ours.
type Blob = (Descriptor, Option<Arc<[u8]>>);

/// An image for each platform, by the digest of the base's image.
type Images = BTreeMap<Digest, BuiltImage>;

impl Build<'_> {
    /// Builds the image, reads it back, and puts it where it goes.
    pub fn run(&self, destination: &Destination) -> Result<BuiltCatalog, AnyFault> {
        match locate(self.base, self.limits)? {
            Place::Layout(source, root) => self.on(&*source, root, None, destination),
            Place::Registry(image) => {
                let root = root_of(&image, self.client)?;
                let source = RegistryImages { repository: &image.repository, client: self.client };
                self.on(&source, root, Some(&image.repository), destination)
            }
            Place::Folder(_) | Place::File(_) => {
                Err(BuildError::NoImage { base: self.base.to_owned() }.into())
            }
        }
    }

    fn on(
        &self,
        source: &dyn ImageSource,
        root: RawManifest,
        home: Option<&RepositoryRef>,
        destination: &Destination,
    ) -> Result<BuiltCatalog, AnyFault> {
        let base = CatalogImage::read(source, root, self.platforms, self.events, self.limits)?;
        let offered =
            |image: &PlatformImage| self.platforms.is_empty() || !base.is_index || self.wants(&base, image);
        if base.images.is_empty() || !base.images.iter().all(offered) {
            let platforms = self.platforms.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            return Err(BuildError::NoPlatform { base: self.base.to_owned(), platforms }.into());
        }
        let family = if let Destination::Layout(..) = destination { Family::Oci } else { Family::Kept };
        let (root, images) = self.build(&base, family)?;
        let previous = match destination {
            Destination::Registry(repository, tag) => {
                self.push(source, home, repository, tag, &root, &images)?
            }
            Destination::Layout(folder, name) => self.write(source, folder, name, &root, &images)?,
            Destination::Nowhere => None,
        };
        Ok(BuiltCatalog { root, previous })
    }

    /// Whether an index offers this image for a platform that was asked for.
    fn wants(&self, base: &CatalogImage, image: &PlatformImage) -> bool {
        let Ok(ManifestView::Index(index)) = base.root.view(self.limits) else { return false };
        let entry = index.manifests.iter().find(|entry| entry.digest == image.manifest.digest());
        let platform = entry.and_then(|entry| entry.platform.as_ref());
        platform.is_some_and(|offered| self.platforms.iter().any(|wish| wish.accepts(offered)))
    }

    /// One layer on each image of the base; layers that hold nothing but the base's catalog stay behind.
    fn build(&self, base: &CatalogImage, family: Family) -> Result<(RawManifest, Images), AnyFault> {
        let provenance = Provenance {
            created: self.created.to_owned(),
            created_by: "ombundle catalog build".to_owned(),
            labels: BTreeMap::from([(
                "dev.ombundle.catalog.base".to_owned(),
                base.root.digest().to_string(),
            )]),
        };
        let mut images = Images::new();
        for image in &base.images {
            if !image.has_opm {
                return Err(BuildError::NoOpm { base: self.base.to_owned() }.into());
            }
            let small = build::small_base(
                &image.manifest,
                &image.config,
                &image.catalog_only(),
                family,
                &provenance,
            )?;
            let layer = build::catalog_layer(self.files, image.cache_whiteout())?;
            let built = build::catalog_image(&small.manifest, &small.config, &layer, &provenance)?;
            if let Some(why) = image.with_layer(&built.layer, self.limits, self.files)? {
                return Err(BuildError::Built { why }.into());
            }
            images.insert(image.manifest.digest(), built);
        }
        let root = if base.is_index {
            let manifests = images.iter().map(|(base, built)| (*base, &built.manifest)).collect();
            build::catalog_index(&base.root, &manifests)?
        } else {
            let only = images.values().next().map(|image| image.manifest.clone());
            only.ok_or_else(|| BuildError::Built { why: "it has no image".to_owned() })?
        };
        Ok((root, images))
    }

    /// Blobs, then manifests by digest, then the tag: whoever pulls it meanwhile gets the old image or the new one.
    fn push(
        &self,
        source: &dyn ImageSource,
        home: Option<&RepositoryRef>,
        repository: &RepositoryRef,
        tag: &Tag,
        root: &RawManifest,
        images: &Images,
    ) -> Result<Option<Digest>, AnyFault> {
        let known = match home {
            Some(home) if home.host == repository.host => Known::Beside(&home.repository),
            _ => Known::Nothing,
        };
        let push = |(blob, bytes): &Blob| {
            let mut open = || opened(source, blob, bytes.as_ref());
            let known = if bytes.is_some() { Known::Nothing } else { known };
            self.client.push_blob(repository, blob.digest, blob.size, known, &mut open, &|_| {})?;
            Ok(())
        };
        workers::map(&self.blobs(images)?, self.jobs, self.events, push)?;
        for image in images.values() {
            let target = Target::Digest(image.manifest.digest());
            self.client.push_manifest(repository, &target, &image.manifest)?;
        }
        self.pull_back(repository, images)?;
        let before = pointed_to(self.client, repository, &Target::Tag(tag.clone()))?;
        put_tag(self.client, repository, tag.clone(), root)?;
        Ok(before)
    }

    /// What is ours is read from the registry and hashed: one may keep a damaged blob of a former push.
    fn pull_back(&self, repository: &RepositoryRef, images: &Images) -> Result<(), AnyFault> {
        let pushed = RegistryImages { repository, client: self.client };
        for (blob, bytes) in self.blobs(images)? {
            if bytes.is_some() {
                pull(&pushed, &blob, self.limits.catalog_bytes)?;
            }
        }
        Ok(())
    }

    fn write(
        &self,
        source: &dyn ImageSource,
        folder: &Path,
        name: &str,
        root: &RawManifest,
        images: &Images,
    ) -> Result<Option<Digest>, AnyFault> {
        let layout = LayoutFolder::open_or_create(folder)?;
        for (blob, bytes) in self.blobs(images)? {
            layout.put(blob.digest, blob.size, || opened(source, &blob, bytes.as_ref()))?;
        }
        for manifest in images.values().map(|image| &image.manifest).chain([root]) {
            layout.put(manifest.digest(), manifest.size(), || Ok(manifest.bytes()))?;
        }
        Ok(layout.tag(name, &root.descriptor(), self.limits)?)
    }

    /// Every blob of the images once.
    fn blobs(&self, images: &Images) -> Result<Vec<Blob>, AnyFault> {
        let mut blobs = BTreeMap::new();
        for image in images.values() {
            let ManifestView::Image(view) = image.manifest.view(self.limits)? else { continue };
            for blob in view.layers {
                let ours = (blob.digest == image.layer.digest).then(|| Arc::clone(&image.layer.bytes));
                blobs.insert(blob.digest, (blob, ours));
            }
            blobs.insert(view.config.digest, (view.config, Some(Arc::from(image.config.as_slice()))));
        }
        Ok(blobs.into_values().collect())
    }
}

/// The bytes of a blob: ours, or as the base's home has them.
fn opened<'s>(
    source: &'s dyn ImageSource,
    blob: &Descriptor,
    bytes: Option<&Arc<[u8]>>,
) -> io::Result<Box<dyn Read + 's>> {
    match bytes {
        Some(bytes) => Ok(Box::new(io::Cursor::new(Arc::clone(bytes)))),
        None => source.blob(blob).map_err(|fault| io::Error::other(fault.to_string())),
    }
}
