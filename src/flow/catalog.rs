//! A catalog from wherever a person says it is: an image on a registry, an OCI layout, a folder, a file.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::catalog::image::NO_SQLITE;
use crate::catalog::model::Catalog;
use crate::catalog::{self, IgnoreRules, Keep, OpmVersion, link, parse_reader};
use crate::digest::Digest;
use crate::event::Events;
use crate::fault::{AnyFault, Exit, Fault};
use crate::fetch::Upstream;
use crate::finding::{Finding, has_errors};
use crate::flow::catalog_image::{CatalogImage, ImageSource, UpstreamImages};
use crate::limits::Limits;
use crate::oci::{Descriptor, ManifestView, Platform, RawManifest};
use crate::reference::ImageRef;
use crate::registry::{RegistryError, Target};
use crate::store::files::{self, StoreError, failed};
use crate::store::tree::{TreeFile, list_tree};
use crate::text::counted;
use crate::workers;

/// A catalog, what is wrong with it, and where it came from.
#[derive(Debug, Clone)]
pub struct LoadedCatalog {
    /// The catalog.
    pub catalog: Catalog,
    /// What loading it brought to light.
    pub findings: Vec<Finding>,
    /// The image that it was in; nothing for folders and files.
    pub image: Option<CatalogImage>,
}

/// Why there is no catalog where one was looked for.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Neither a path nor a reference.
    #[error("`{text}` is neither a file, nor a folder, nor an image")]
    NotThere {
        /// What was written.
        text: String,
        /// Why it is no image.
        #[source]
        source: crate::reference::InvalidReference,
    },
    /// A reference without tag and digest.
    #[error("`{text}` names a repository, but neither a tag nor a digest")]
    NoTarget {
        /// What was written.
        text: String,
    },
    /// A catalog in a database.
    #[error("`{}` is an SQLite catalog, not a file-based one", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
    },
    /// A manifest of an OCI layout is not what its name says.
    #[error("`{}` has other content than its name says: its digest is {found}", path.display())]
    Altered {
        /// The file.
        path: PathBuf,
        /// The digest of what is there.
        found: Digest,
    },
    /// An OCI layout without such an image.
    #[error("the OCI layout `{}` has {found}", path.display())]
    Layout {
        /// The folder.
        path: PathBuf,
        /// What it has instead of the image.
        found: String,
    },
}

impl Fault for LoadError {
    fn exit(&self) -> Exit {
        match self {
            Self::Altered { .. } => Exit::Integrity,
            _ => Exit::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Sqlite { .. } => NO_SQLITE.to_owned(),
            Self::Altered { .. } => "copy the layout again from where it came from".to_owned(),
            Self::NotThere { .. } | Self::NoTarget { .. } => {
                "a catalog is `host/repository:tag`, `oci:DIR[:tag]`, a folder or a file".to_owned()
            }
            Self::Layout { path, .. } => format!("name a tag: `oci:{}:TAG`", path.display()),
        })
    }
}

/// Where something is that a person named.
pub(super) enum Place {
    /// An image in an OCI layout.
    Layout(Box<LayoutImages>, RawManifest),
    /// A folder.
    Folder(PathBuf),
    /// A file.
    File(PathBuf),
    /// An image on a registry.
    Registry(ImageRef),
}

/// Finds what a person named: `oci:DIR[:tag]`, a folder, a file, or else an image.
pub(super) fn locate(text: &str, limits: &Limits) -> Result<Place, AnyFault> {
    if let Some(layout) = text.strip_prefix("oci:") {
        let (source, root) = open_layout(layout, limits)?;
        return Ok(Place::Layout(Box::new(source), root));
    }
    let path = Path::new(text);
    if path.is_dir() {
        return Ok(Place::Folder(path.to_owned()));
    }
    if path.is_file() {
        return Ok(Place::File(path.to_owned()));
    }
    let image = text.parse().map_err(|source| LoadError::NotThere { text: text.to_owned(), source })?;
    Ok(Place::Registry(image))
}

/// Loads a catalog. Images are read for one platform: their catalogs are the same.
pub fn load(
    text: &str,
    upstream: Upstream<'_>,
    events: &dyn Events,
    limits: &Limits,
) -> Result<LoadedCatalog, AnyFault> {
    load_keeping(Keep::Whole, text, upstream, events, limits)
}

/// All that is wrong with a catalog, and all that may hurt, worst first.
///
/// The catalog itself is let go while it is read: of a large one only what the rules look at is held at once.
pub fn judge(
    text: &str,
    opm: OpmVersion,
    upstream: Upstream<'_>,
    events: &dyn Events,
    limits: &Limits,
) -> Result<Vec<Finding>, AnyFault> {
    let loaded = load_keeping(Keep::Facts, text, upstream, events, limits)?;
    Ok(catalog::judge(loaded.findings, &loaded.catalog, opm))
}

fn load_keeping(
    keep: Keep,
    text: &str,
    upstream: Upstream<'_>,
    events: &dyn Events,
    limits: &Limits,
) -> Result<LoadedCatalog, AnyFault> {
    let mut loaded = match locate(text, limits)? {
        Place::Layout(source, root) => from_image(&*source, root, keep, events, limits),
        Place::Folder(path) => from_sources(list_tree(&path, limits)?, keep, events, limits),
        Place::File(path) => {
            let mut start = Vec::new();
            let head = files::open(&path)?.take(SQLITE.len() as u64).read_to_end(&mut start);
            head.map_err(failed("read", &path))?;
            refuse_sqlite(&path, &start)?;
            from_sources(vec![TreeFile::alone(&path, limits)?], keep, events, limits)
        }
        Place::Registry(image) => {
            let root = root_of(&image, upstream)?;
            let source = UpstreamImages { repository: &image.repository, upstream };
            from_image(&source, root, keep, events, limits)
        }
    }?;
    let Catalog { packages, others } = &loaded.catalog;
    if packages.is_empty() && others.is_empty() && !has_errors(&loaded.findings) {
        loaded.findings.push(nothing_in(text));
    }
    Ok(loaded)
}

/// Says that there is no blob where a person looks for some: opm finds nothing wrong with that, and nobody means it.
pub(super) fn nothing_in(text: &str) -> Finding {
    Finding::warning("EMPTY_CATALOG", text, "there is nothing of a catalog in it")
        .hint("name the folder above the packages' files, and look what `.indexignore` leaves out")
}

/// How a database begins (sqlite.org, "Database File Format").
pub(super) const SQLITE: &[u8] = b"SQLite format 3\0";

/// Refuses a database.
pub(super) fn refuse_sqlite(path: &Path, bytes: &[u8]) -> Result<(), LoadError> {
    if bytes.starts_with(SQLITE) {
        return Err(LoadError::Sqlite { path: path.to_owned() });
    }
    Ok(())
}

/// What a reference points to.
pub(super) fn root_of(image: &ImageRef, upstream: Upstream<'_>) -> Result<RawManifest, AnyFault> {
    let target = Target::of(image).ok_or_else(|| LoadError::NoTarget { text: image.to_string() })?;
    let root = upstream.manifest(&image.repository, &target)?;
    Ok(root.ok_or_else(|| RegistryError::NotFound { request: format!("GET {image}") })?)
}

fn from_image(
    source: &dyn ImageSource,
    root: RawManifest,
    keep: Keep,
    events: &dyn Events,
    limits: &Limits,
) -> Result<LoadedCatalog, AnyFault> {
    let image = CatalogImage::read(source, root, &[Platform::linux_amd64()], events, limits)?;
    let mut loaded = from_sources(image.contents(), keep, events, limits)?;
    loaded.image = Some(image);
    Ok(loaded)
}

/// A file of a catalog, wherever its bytes are.
trait Source: Ord + Sync {
    /// Its path relative to the catalog's root, with `/`.
    fn name(&self) -> &str;

    /// Its bytes from the beginning.
    fn open(&self) -> Result<Box<dyn Read + '_>, AnyFault>;
}

impl Source for (String, Arc<[u8]>) {
    fn name(&self) -> &str {
        &self.0
    }

    fn open(&self) -> Result<Box<dyn Read + '_>, AnyFault> {
        Ok(Box::new(&*self.1))
    }
}

impl Source for TreeFile {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(&self) -> Result<Box<dyn Read + '_>, AnyFault> {
        Ok(Box::new(files::open(&self.path)?))
    }
}

/// Parses files on all cores and links what is in them.
pub(super) fn from_files(
    files: Vec<(String, Arc<[u8]>)>,
    events: &dyn Events,
    limits: &Limits,
) -> Result<LoadedCatalog, AnyFault> {
    from_sources(files, Keep::Whole, events, limits)
}

fn from_sources<S: Source>(
    mut sources: Vec<S>,
    keep: Keep,
    events: &dyn Events,
    limits: &Limits,
) -> Result<LoadedCatalog, AnyFault> {
    let ignored = ignored(&sources, limits)?;
    sources.retain(|source| !ignored.ignores(source.name()));
    sources.sort();
    let cores = workers::cores();
    let parsed = workers::map(&sources, cores, events, |source| {
        parse_reader(source.name(), &mut *source.open()?, keep, limits)
            .map_err(|error| failed("read", Path::new(source.name()))(error).into())
    })?;
    let mut loaded = link(parsed);
    loaded.findings.splice(0..0, ignored.findings);
    Ok(LoadedCatalog { catalog: loaded.catalog, findings: loaded.findings, image: None })
}

/// The rules of all `.indexignore` files among them.
fn ignored<S: Source>(sources: &[S], limits: &Limits) -> Result<IgnoreRules, AnyFault> {
    let mut files = Vec::new();
    for source in sources.iter().filter(|source| IgnoreRules::is_one(source.name())) {
        let mut bytes = Vec::new();
        let mut reader = source.open()?.take(limits.yaml_bytes);
        reader.read_to_end(&mut bytes).map_err(failed("read", Path::new(source.name())))?;
        files.push((source.name(), bytes));
    }
    Ok(IgnoreRules::new(files.iter().map(|(name, bytes)| (*name, bytes.as_slice()))))
}

/// An OCI layout in a folder.
pub(super) struct LayoutImages {
    folder: PathBuf,
    limits: Limits,
}

impl LayoutImages {
    fn path(&self, digest: Digest) -> PathBuf {
        self.folder.join("blobs/sha256").join(digest.hex())
    }
}

impl ImageSource for LayoutImages {
    fn manifest(&self, digest: Digest) -> Result<Option<RawManifest>, AnyFault> {
        let path = self.path(digest);
        if !path.exists() {
            return Ok(None);
        }
        let bytes = files::read(&path, self.limits.manifest_bytes)?;
        let found = Digest::of(&bytes);
        if found != digest {
            return Err(LoadError::Altered { path, found }.into());
        }
        Ok(Some(RawManifest::new(bytes, None)?))
    }

    fn blob(&self, blob: &Descriptor) -> Result<Box<dyn Read + '_>, AnyFault> {
        let path = self.path(blob.digest);
        Ok(Box::new(files::open(&path)?))
    }

    fn name(&self) -> String {
        format!("oci:{}", self.folder.display())
    }
}

/// The folder and the tag of `DIR` or `DIR:TAG`. A folder whose name has a colon is one if it is there.
pub fn layout_parts(text: &str) -> (&str, Option<&str>) {
    let text = text.trim_start_matches("//");
    match text.rsplit_once(':') {
        Some((folder, tag)) if !Path::new(text).is_dir() => (folder, Some(tag)),
        _ => (text, None),
    }
}

/// Opens `DIR` or `DIR:TAG`.
pub(super) fn open_layout(text: &str, limits: &Limits) -> Result<(LayoutImages, RawManifest), AnyFault> {
    let (folder, tag) = layout_parts(text);
    let source = LayoutImages { folder: PathBuf::from(folder), limits: limits.clone() };
    let wrong = |found: String| LoadError::Layout { path: source.folder.clone(), found };
    let index = source.folder.join("index.json");
    let bytes = files::read(&index, limits.manifest_bytes)?;
    let raw = RawManifest::new(bytes, Some(crate::oci::media::OCI_INDEX))?;
    let names = tags(&raw);
    let ManifestView::Index(view) = raw.view(limits)? else {
        return Err(wrong("an index.json that is no index".to_owned()).into());
    };
    let mut found = view.manifests.iter().zip(&names).filter(|(_, name)| tag.is_none_or(|tag| **name == tag));
    let (Some((descriptor, _)), None) = (found.next(), found.next()) else {
        let all = names.iter().filter(|name| !name.is_empty()).cloned().collect::<Vec<_>>().join(", ");
        return Err(wrong(format!("{}: {all}", counted(view.manifests.len(), "image"))).into());
    };
    let root = source.manifest(descriptor.digest)?.ok_or_else(|| {
        let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
        StoreError::Io { what: "read", path: source.path(descriptor.digest), source: missing }
    })?;
    Ok((source, root))
}

/// The names of a layout's images, in the order of its index.
fn tags(index: &RawManifest) -> Vec<String> {
    let value: serde_json::Value = serde_json::from_slice(index.bytes()).unwrap_or_default();
    let manifests = value.get("manifests").and_then(serde_json::Value::as_array);
    manifests
        .into_iter()
        .flatten()
        .map(|entry| {
            let name = entry.get("annotations").and_then(|annotations| annotations.get(crate::oci::REF_NAME));
            name.and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
        })
        .collect()
}
