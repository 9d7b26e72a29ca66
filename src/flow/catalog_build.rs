//! A catalog as an image: a base's images with one layer of ours each, read back, in a registry or an OCI layout.

use std::collections::BTreeMap;
use std::path::Path;

use crate::catalog::image::build::{Family, Provenance};
use crate::digest::Digest;
use crate::event::Events;
use crate::fault::{AnyFault, Exit, Fault};
use crate::fetch::Upstream;
use crate::flow::built::{BuiltImages, Foundation, Pushing, Recipe, opened};
use crate::flow::catalog::{Place, locate, root_of};
use crate::flow::catalog_image::{CatalogImage, ImageSource, PlatformImage, UpstreamImages};
use crate::limits::Limits;
use crate::oci::{ManifestView, Platform, RawManifest};
use crate::promote::{pointed_to, put_tag};
use crate::reference::{RepositoryRef, Tag};
use crate::registry::{Client, Known, Target};
use crate::store::layout::LayoutFolder;

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
}

impl Fault for BuildError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoOpm { .. } => "take an index image of the cluster's version, for instance \
                 registry.redhat.io/redhat/redhat-operator-index:v4.20: its catalog stays behind"
                .to_owned(),
            Self::NoImage { .. } => "a base is `host/repository:tag` or `oci:DIR[:TAG]`".to_owned(),
            Self::NoPlatform { .. } => "leave --platform out to take all that the base has".to_owned(),
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
    /// The files of opm's cache, by path below `/tmp/cache`; opm makes its own at each start without.
    pub cache: Option<&'a BTreeMap<String, Vec<u8>>>,
    /// When it was made, RFC 3339. The same inputs and moment give the same digest.
    pub created: &'a str,
    /// The registries that the base is read from.
    pub upstream: Upstream<'a>,
    /// Asks the registry that it is pushed to.
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

impl Build<'_> {
    /// Builds the image, reads it back, and puts it where it goes.
    pub fn run(&self, destination: &Destination) -> Result<BuiltCatalog, AnyFault> {
        match locate(self.base, self.limits)? {
            Place::Layout(source, root) => self.on(&*source, root, None, destination),
            Place::Registry(image) => {
                let root = root_of(&image, self.upstream)?;
                let source = UpstreamImages { repository: &image.repository, upstream: self.upstream };
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
        if base.images.iter().any(|image| !image.has_opm) {
            return Err(BuildError::NoOpm { base: self.base.to_owned() }.into());
        }
        let family = if let Destination::Layout(..) = destination { Family::Oci } else { Family::Kept };
        let built = self.recipe(&base, family).build(&base, self.limits)?;
        let previous = match destination {
            Destination::Registry(repository, tag) => self.push(source, home, repository, tag, &built)?,
            Destination::Layout(folder, name) => self.write(source, folder, name, &built)?,
            Destination::Nowhere => None,
        };
        Ok(BuiltCatalog { root: built.root, previous })
    }

    /// Whether an index offers this image for a platform that was asked for.
    fn wants(&self, base: &CatalogImage, image: &PlatformImage) -> bool {
        let Ok(ManifestView::Index(index)) = base.root.view(self.limits) else { return false };
        let entry = index.manifests.iter().find(|entry| entry.digest == image.manifest.digest());
        let platform = entry.and_then(|entry| entry.platform.as_ref());
        platform.is_some_and(|offered| self.platforms.iter().any(|wish| wish.accepts(offered)))
    }

    fn recipe(&self, base: &CatalogImage, family: Family) -> Recipe<'_> {
        let base = ("dev.ombundle.catalog.base".to_owned(), base.root.digest().to_string());
        Recipe {
            files: self.files,
            cache: self.cache,
            provenance: Provenance {
                created: self.created.to_owned(),
                created_by: "ombundle catalog build".to_owned(),
                labels: BTreeMap::from([base]),
            },
            foundation: Foundation::Small(family),
        }
    }

    /// Blobs, then manifests by digest, then the tag: whoever pulls it meanwhile gets the old image or the new one.
    fn push(
        &self,
        source: &dyn ImageSource,
        home: Option<&RepositoryRef>,
        repository: &RepositoryRef,
        tag: &Tag,
        built: &BuiltImages,
    ) -> Result<Option<Digest>, AnyFault> {
        let beside = match home {
            Some(home) if home.host == repository.host => Known::Beside(&home.repository),
            _ => Known::Nothing,
        };
        let Self { client, jobs, events, limits, .. } = *self;
        let pushing = Pushing { repository, client, jobs, events, limits };
        let blobs = built.blobs(limits)?;
        pushing.push(&blobs, source, beside)?;
        for manifest in built.manifests() {
            client.push_manifest(repository, &Target::Digest(manifest.digest()), manifest)?;
        }
        pushing.pull_back(&blobs)?;
        let before = pointed_to(client, repository, &Target::Tag(tag.clone()))?;
        put_tag(client, repository, tag.clone(), &built.root)?;
        Ok(before)
    }

    fn write(
        &self,
        source: &dyn ImageSource,
        folder: &Path,
        name: &str,
        built: &BuiltImages,
    ) -> Result<Option<Digest>, AnyFault> {
        let layout = LayoutFolder::open_or_create(folder)?;
        for (blob, bytes) in built.blobs(self.limits)? {
            layout.put(blob.digest, blob.size, || opened(source, &blob, bytes.as_ref()))?;
        }
        for manifest in built.manifests().chain([&built.root]) {
            layout.put(manifest.digest(), manifest.size(), || Ok(manifest.bytes()))?;
        }
        Ok(layout.tag(name, &built.root.descriptor(), self.limits)?)
    }
}
