//! A catalog image as a registry holds it: its images by platform, their layers applied, the catalog in them.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use crate::catalog::image::build::{CACHE, CONFIGS, CacheWhiteout, Layer, OPM_PATHS, difference};
use crate::catalog::image::{ImageError, LayerFiles, LayerSummary, Shelf, catalog_root};
use crate::catalog::{Loaded, load};
use crate::digest::{Digest, VerifyingReader};
use crate::event::Events;
use crate::fault::AnyFault;
use crate::fetch::Upstream;
use crate::limits::Limits;
use crate::oci::{
    Attributes, ConfigView, Descriptor, ImageManifest, ManifestView, Platform, RawManifest, media,
};
use crate::reference::RepositoryRef;
use crate::registry::{Client, RegistryError, Target};
use crate::workers;

/// Where an image is read from: a repository on a registry, or an OCI layout in a folder.
pub trait ImageSource: Sync {
    /// A manifest; nothing where there is none.
    fn manifest(&self, digest: Digest) -> Result<Option<RawManifest>, AnyFault>;

    /// The bytes of a blob as they come: whoever reads them hashes them.
    fn blob(&self, blob: &Descriptor) -> Result<Box<dyn Read + '_>, AnyFault>;

    /// What it is called, for messages.
    fn name(&self) -> String;
}

/// A repository on a registry.
pub struct RegistryImages<'a> {
    /// The repository.
    pub repository: &'a RepositoryRef,
    /// Asks the registry.
    pub client: &'a Client,
}

impl ImageSource for RegistryImages<'_> {
    fn manifest(&self, digest: Digest) -> Result<Option<RawManifest>, AnyFault> {
        Ok(self.client.manifest(self.repository, &Target::Digest(digest))?)
    }

    fn blob(&self, blob: &Descriptor) -> Result<Box<dyn Read + '_>, AnyFault> {
        Ok(Box::new(self.client.blob(self.repository, blob, 0)?))
    }

    fn name(&self) -> String {
        self.repository.to_string()
    }
}

/// A repository of upstream, behind the cache of the connected side.
pub struct UpstreamImages<'a> {
    /// The repository.
    pub repository: &'a RepositoryRef,
    /// Has it.
    pub upstream: Upstream<'a>,
}

impl ImageSource for UpstreamImages<'_> {
    fn manifest(&self, digest: Digest) -> Result<Option<RawManifest>, AnyFault> {
        Ok(self.upstream.manifest(self.repository, &Target::Digest(digest))?)
    }

    fn blob(&self, blob: &Descriptor) -> Result<Box<dyn Read + '_>, AnyFault> {
        Ok(self.upstream.blob(self.repository, blob)?)
    }

    fn name(&self) -> String {
        self.repository.to_string()
    }
}

/// One image of a catalog, for one platform.
#[derive(Debug, Clone)]
pub struct PlatformImage {
    /// Its manifest.
    pub manifest: RawManifest,
    /// The same, parsed.
    pub view: ImageManifest,
    /// The exact bytes of its config.
    pub config: Vec<u8>,
    /// What each layer is, lowest first.
    pub layers: Vec<LayerSummary>,
    /// Who may do what in its `/tmp`, if a layer names it.
    pub tmp: Option<Attributes>,
    /// Whether there is an opm in it.
    pub has_opm: bool,
    files: BTreeMap<String, Arc<[u8]>>,
    applied: LayerFiles,
}

/// A catalog image.
#[derive(Debug, Clone)]
pub struct CatalogImage {
    /// Manifest or index, as the registry gave it.
    pub root: RawManifest,
    /// Whether the root is an index.
    pub is_index: bool,
    /// Its images; the first one's catalog is the catalog.
    pub images: Vec<PlatformImage>,
}

impl CatalogImage {
    /// Reads the images for `platforms` (all of them when empty, or when there is none for these).
    pub fn read(
        source: &dyn ImageSource,
        root: RawManifest,
        platforms: &[Platform],
        events: &dyn Events,
        limits: &Limits,
    ) -> Result<Self, AnyFault> {
        let (is_index, manifests) = match root.view(limits)? {
            ManifestView::Image(view) => (false, vec![(root.clone(), view)]),
            ManifestView::Index(index) => {
                let mut manifests = Vec::new();
                for child in chosen(&index.manifests, platforms) {
                    let gone = || RegistryError::NotFound { request: request(source, child) };
                    let raw = source.manifest(child.digest)?.ok_or_else(gone)?;
                    if let ManifestView::Image(view) = raw.view(limits)? {
                        manifests.push((raw, view));
                    }
                }
                (true, manifests)
            }
        };
        let images = workers::map(&manifests, 2, events, |(manifest, view)| {
            read_image(source, manifest, view, limits)
        })?;
        Ok(Self { root, is_index, images })
    }

    /// A label of the first image.
    pub fn label(&self, name: &str) -> Option<String> {
        let config = ConfigView::parse(&self.images.first()?.config).ok()?;
        config.labels.get(name).cloned()
    }

    /// The files of the first image's catalog, by path.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let files = self.images.first().map(|image| &image.files);
        files.into_iter().flatten().map(|(path, bytes)| (path.clone(), bytes.to_vec())).collect()
    }

    /// The same without copying them.
    pub fn contents(&self) -> Vec<(String, Arc<[u8]>)> {
        let files = self.images.first().map(|image| &image.files);
        files.into_iter().flatten().map(|(path, bytes)| (path.clone(), Arc::clone(bytes))).collect()
    }

    /// The catalog of the first image. Those of other platforms are the same by convention.
    pub fn catalog(&self, limits: &Limits) -> Loaded {
        load(self.files(), limits)
    }
}

impl PlatformImage {
    /// What hides the base's opm cache, which would be stale under another catalog.
    pub fn cache_whiteout(&self) -> Option<CacheWhiteout> {
        self.tmp.map(|tmp| CacheWhiteout { tmp })
    }

    /// Puts a layer of ours on top and says how `/configs` then differs from `expected`; nothing when it does not.
    pub fn with_layer(
        &self,
        layer: &Layer,
        limits: &Limits,
        expected: &BTreeMap<String, Vec<u8>>,
    ) -> Result<Option<String>, ImageError> {
        let descriptor = Descriptor {
            media_type: media::OCI_LAYER_GZIP.to_owned(),
            digest: layer.digest,
            size: layer.size(),
            platform: None,
        };
        let mut files = self.applied.clone();
        files.apply(VerifyingReader::new(&*layer.bytes, layer.digest, layer.size()), &descriptor, limits)?;
        difference(&files, expected)
    }

    /// Of each layer, whether the image works without it, only with an empty catalog.
    pub fn catalog_only(&self) -> Vec<bool> {
        self.layers.iter().map(|layer| layer.catalog_only).collect()
    }
}

/// The image for linux/amd64, or the first one where there is none: a catalog or bundle is the same for each platform.
pub fn one_image(
    source: &dyn ImageSource,
    root: RawManifest,
    limits: &Limits,
) -> Result<Option<ImageManifest>, AnyFault> {
    match root.view(limits)? {
        ManifestView::Image(view) => Ok(Some(view)),
        ManifestView::Index(index) => {
            let Some(child) = chosen(&index.manifests, &[Platform::linux_amd64()]).first().copied() else {
                return Ok(None);
            };
            let Some(raw) = source.manifest(child.digest)? else { return Ok(None) };
            match raw.view(limits)? {
                ManifestView::Image(view) => Ok(Some(view)),
                ManifestView::Index(_) => Ok(None),
            }
        }
    }
}

/// The config of an image.
pub fn config_of(
    source: &dyn ImageSource,
    view: &ImageManifest,
    limits: &Limits,
) -> Result<ConfigView, AnyFault> {
    Ok(ConfigView::parse(&pull(source, &view.config, limits.config_bytes)?)?)
}

/// Applies layers of an image, lowest first.
pub fn add_layers<S: Shelf>(
    files: &mut LayerFiles<S>,
    source: &dyn ImageSource,
    image_layers: &[Descriptor],
    limits: &Limits,
) -> Result<(), AnyFault> {
    each_layer(source, image_layers, |reader, layer| files.add(reader, layer, limits)).map(drop)
}

/// The bytes of a layer, which are checked while they are read.
type LayerReader<'r> = VerifyingReader<Box<dyn Read + 'r>>;

fn each_layer<T>(
    source: &dyn ImageSource,
    image_layers: &[Descriptor],
    mut apply: impl FnMut(LayerReader<'_>, &Descriptor) -> Result<T, ImageError>,
) -> Result<Vec<T>, AnyFault> {
    let mut layers = Vec::new();
    for layer in image_layers {
        let reader = VerifyingReader::new(source.blob(layer)?, layer.digest, layer.size);
        match apply(reader, layer) {
            Ok(applied) => layers.push(applied),
            // What the registry did wrong is the registry's fault, not the image's; a layer that was made wrong is
            // `ImageError::Corrupt`.
            Err(ImageError::Read { source: error, .. }) => {
                return Err(RegistryError::from_io(error, &request(source, layer)).into());
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(layers)
}

/// The entries of an index that are images for these platforms; all that name a real platform where none fits.
fn chosen<'i>(entries: &'i [Descriptor], platforms: &[Platform]) -> Vec<&'i Descriptor> {
    // Attestations stand in an index as images for `unknown/unknown`.
    let real =
        |entry: &&Descriptor| entry.platform.as_ref().is_none_or(|platform| platform.os() != "unknown");
    let fits = |entry: &&Descriptor| {
        entry.platform.as_ref().is_some_and(|offered| platforms.iter().any(|wish| wish.accepts(offered)))
    };
    let fitting: Vec<_> = entries.iter().filter(fits).collect();
    if fitting.is_empty() { entries.iter().filter(real).collect() } else { fitting }
}

fn request(source: &dyn ImageSource, blob: &Descriptor) -> String {
    format!("GET {}@{}", source.name(), blob.digest)
}

fn read_image(
    source: &dyn ImageSource,
    manifest: &RawManifest,
    view: &ImageManifest,
    limits: &Limits,
) -> Result<PlatformImage, AnyFault> {
    let config = pull(source, &view.config, limits.config_bytes)?;
    let root = catalog_root(&ConfigView::parse(&config)?)?;
    let mut files = LayerFiles::new([root.as_str(), CONFIGS]).disposable([CACHE]).watched(OPM_PATHS);
    let layers = each_layer(source, &view.layers, |reader, layer| files.apply(reader, layer, limits))?;
    Ok(PlatformImage {
        manifest: manifest.clone(),
        view: view.clone(),
        config,
        layers,
        tmp: files.directory("tmp"),
        has_opm: OPM_PATHS.iter().any(|path| files.has(path)),
        files: files.files(&root)?,
        applied: files,
    })
}

/// Reads a small blob whole.
pub fn pull(source: &dyn ImageSource, blob: &Descriptor, limit: u64) -> Result<Vec<u8>, AnyFault> {
    if blob.size > limit {
        return Err(RegistryError::AnswerTooLarge { request: request(source, blob), limit }.into());
    }
    let mut bytes = Vec::new();
    VerifyingReader::new(source.blob(blob)?, blob.digest, blob.size)
        .read_to_end(&mut bytes)
        .map_err(|error| RegistryError::from_io(error, &request(source, blob)))?;
    Ok(bytes)
}
