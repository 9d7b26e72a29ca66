//! A catalog image as a registry holds it: its images by platform, their layers applied, the catalog in them.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use crate::catalog::image::build::{CONFIGS, CacheWhiteout, OPM_PATHS};
use crate::catalog::image::{Attributes, ImageError, LayerFiles, LayerSummary, catalog_root};
use crate::catalog::{Loaded, load};
use crate::digest::{Digest, VerifyingReader};
use crate::event::Events;
use crate::fault::AnyFault;
use crate::limits::Limits;
use crate::oci::{ConfigView, Descriptor, ImageManifest, ManifestView, Platform, RawManifest};
use crate::reference::RepositoryRef;
use crate::registry::{Client, RegistryError, Target};
use crate::workers;

/// Where opm keeps its cache in catalog images.
const CACHE: &str = "tmp/cache";

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
        repository: &RepositoryRef,
        root: RawManifest,
        platforms: &[Platform],
        client: &Client,
        events: &dyn Events,
        limits: &Limits,
    ) -> Result<Self, AnyFault> {
        let (is_index, manifests) = match root.view(limits)? {
            ManifestView::Image(view) => (false, vec![(root.clone(), view)]),
            ManifestView::Index(index) => {
                let mut manifests = Vec::new();
                for child in chosen(&index.manifests, platforms) {
                    let raw = client
                        .manifest(repository, &Target::Digest(child.digest))?
                        .ok_or_else(|| gone(repository, &child.digest))?;
                    if let ManifestView::Image(view) = raw.view(limits)? {
                        manifests.push((raw, view));
                    }
                }
                (true, manifests)
            }
        };
        let images = workers::map(&manifests, 2, events, |(manifest, view)| {
            read_image(repository, manifest, view, client, limits)
        })?;
        Ok(Self { root, is_index, images })
    }

    /// The catalog of the first image. Those of other platforms are the same by convention.
    pub fn catalog(&self, limits: &Limits) -> Loaded {
        let files = self.images.first().map(|image| &image.files);
        load(files.into_iter().flatten().map(|(path, bytes)| (path.clone(), bytes.to_vec())), limits)
    }
}

impl PlatformImage {
    /// What hides the base's opm cache, which would be stale under another catalog.
    pub fn cache_whiteout(&self) -> Option<CacheWhiteout> {
        self.tmp.map(|tmp| CacheWhiteout { tmp })
    }

    /// Of each layer, whether the image works without it, only with an empty catalog.
    pub fn catalog_only(&self) -> Vec<bool> {
        self.layers.iter().map(|layer| layer.catalog_only).collect()
    }
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

fn gone(repository: &RepositoryRef, digest: &Digest) -> RegistryError {
    RegistryError::NotFound { request: format!("GET {repository}@{digest}") }
}

fn read_image(
    repository: &RepositoryRef,
    manifest: &RawManifest,
    view: &ImageManifest,
    client: &Client,
    limits: &Limits,
) -> Result<PlatformImage, AnyFault> {
    let config = pull(repository, &view.config, limits.config_bytes, client)?;
    let root = catalog_root(&ConfigView::parse(&config)?)?;
    let mut files = LayerFiles::new([root.as_str(), CONFIGS]).disposable([CACHE]).watched(OPM_PATHS);
    let mut layers = Vec::new();
    for layer in &view.layers {
        let body = client.blob(repository, layer, 0)?;
        let mut reader = VerifyingReader::new(body, layer.digest, layer.size);
        match files.apply(&mut reader, layer, limits) {
            Ok(summary) => layers.push(summary),
            // What the registry did wrong is the registry's fault, not the image's.
            Err(ImageError::Read { source, .. }) => {
                let request = format!("GET {repository}@{}", layer.digest);
                return Err(RegistryError::from_io(source, &request).into());
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(PlatformImage {
        manifest: manifest.clone(),
        view: view.clone(),
        config,
        layers,
        tmp: files.directory("tmp"),
        has_opm: OPM_PATHS.iter().any(|path| files.has(path)),
        files: files.files(&root)?,
    })
}

/// Reads a small blob whole.
pub fn pull(
    repository: &RepositoryRef,
    blob: &Descriptor,
    limit: u64,
    client: &Client,
) -> Result<Vec<u8>, AnyFault> {
    let request = || format!("GET {repository}@{}", blob.digest);
    if blob.size > limit {
        return Err(RegistryError::AnswerTooLarge { request: request(), limit }.into());
    }
    let body = client.blob(repository, blob, 0)?;
    let mut bytes = Vec::new();
    VerifyingReader::new(body, blob.digest, blob.size)
        .read_to_end(&mut bytes)
        .map_err(|error| RegistryError::from_io(error, &request()))?;
    Ok(bytes)
}
