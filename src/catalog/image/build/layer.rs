//! The one layer of a catalog image: an opaque `/configs` with exactly the given files.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::catalog::image::{ImageError, names};
use crate::catalog::serve_cache;
use crate::digest::Digest;
use crate::oci::{Attributes, LayerTar, PackedLayer};

/// The directory of the catalog in every image that is built here.
pub const CONFIGS: &str = "configs";

/// Where opm has its cache in catalog images.
pub const CACHE: &str = "tmp/cache";

/// A layer that was made here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// The gzip stream.
    pub bytes: Arc<[u8]>,
    /// Its digest.
    pub digest: Digest,
    /// Digest of the plain tar stream.
    pub diff_id: Digest,
    /// Whether it brings a cache from which opm starts.
    pub cached: bool,
}

impl Layer {
    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
}

/// Hides the opm cache of a base image, `/tmp/cache`.
///
/// A layer that names a file in `tmp/` without naming `tmp/` itself leaves the mode of `/tmp` to the engine: containers/storage
/// makes what its umask leaves of 0777 (`pkg/archive`, `Unpack`), and opm, which runs as an arbitrary user and puts its own
/// cache there, cannot start. So the directory goes into the layer exactly as the base has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheWhiteout {
    /// The attributes of the base's `/tmp`, from [`crate::catalog::image::LayerFiles::directory`].
    pub tmp: Attributes,
}

/// Makes the layer. `files` go below `/configs`, by their path relative to it.
///
/// Everything in it can be read by any user, belongs to root and has the time 0; the same files give the same bytes.
pub fn catalog_layer(
    files: &BTreeMap<String, Vec<u8>>,
    cache: Option<CacheWhiteout>,
) -> Result<Layer, ImageError> {
    written(files, false, |tar| {
        let Some(CacheWhiteout { tmp }) = cache else { return Ok(()) };
        tar.folder("tmp", tmp)?;
        tar.file("tmp/.wh.cache", FILE, &[])
    })
}

/// The same with opm's cache: `cache` goes below `/tmp/cache`, in place of the base's.
///
/// `base` is what [`catalog_layer`] would hide the base's cache with; where no layer of the base names `/tmp`, it is made as every
/// system has it.
pub fn cached_layer(
    files: &BTreeMap<String, Vec<u8>>,
    base: Option<CacheWhiteout>,
    cache: &BTreeMap<String, Vec<u8>>,
) -> Result<Layer, ImageError> {
    let tmp = base.map_or(Attributes { mode: 0o1777, uid: 0, gid: 0 }, |base| base.tmp);
    tree(cache)?;
    written(files, true, |tar| {
        tar.folder("tmp", tmp)?;
        add_tree(tar, CACHE, cache)
    })
}

fn written(
    files: &BTreeMap<String, Vec<u8>>,
    cached: bool,
    rest: impl FnOnce(&mut LayerTar) -> std::io::Result<()>,
) -> Result<Layer, ImageError> {
    tree(files)?;
    // The names were checked.
    let unwritten = |source| ImageError::Read { layer: Digest::of(&[]), source };
    let mut tar = LayerTar::new();
    add_tree(&mut tar, CONFIGS, files).map_err(unwritten)?;
    rest(&mut tar).map_err(unwritten)?;
    let PackedLayer { bytes, digest, diff_id } = tar.finish().map_err(unwritten)?;
    Ok(Layer { bytes, digest, diff_id, cached })
}

/// The folders of a tree of files whose names all are what they seem to be.
fn tree(files: &BTreeMap<String, Vec<u8>>) -> Result<BTreeSet<String>, ImageError> {
    let mut directories = BTreeSet::new();
    for path in files.keys() {
        check(path)?;
        directories.extend(names::ancestors(path).map(str::to_owned));
    }
    if let Some(path) = directories.iter().find(|directory| files.contains_key(*directory)) {
        return Err(ImageError::FileName { path: path.clone() });
    }
    Ok(directories)
}

/// A folder that hides what lower layers have in it, and what is in it now.
fn add_tree(tar: &mut LayerTar, root: &str, files: &BTreeMap<String, Vec<u8>>) -> std::io::Result<()> {
    tar.folder(root, FOLDER)?;
    tar.file(&format!("{root}/.wh..wh..opq"), FILE, &[])?;
    let directories = tree(files).unwrap_or_default().into_iter().map(|path| (path, None));
    let contents = files.iter().map(|(path, content)| (path.clone(), Some(content)));
    for (path, content) in directories.chain(contents).collect::<BTreeMap<_, _>>() {
        let name = format!("{root}/{path}");
        match content {
            None => tar.folder(&name, FOLDER)?,
            Some(content) => tar.file(&name, FILE, content)?,
        }
    }
    Ok(())
}

const FOLDER: Attributes = Attributes { mode: serve_cache::MODES.folder, uid: 0, gid: 0 };
const FILE: Attributes = Attributes { mode: serve_cache::MODES.file, uid: 0, gid: 0 };

fn check(path: &str) -> Result<(), ImageError> {
    let one_spelling = names::normalised(path.as_bytes()).is_ok_and(|normal| normal == path.as_bytes());
    if one_spelling && !path.is_empty() && !path.split('/').any(|part| part.starts_with(".wh.")) {
        Ok(())
    } else {
        Err(ImageError::FileName { path: path.to_owned() })
    }
}
