//! Removing content that nothing needs, while no server runs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::digest::Digest;
use crate::limits::LIMITS;
use crate::oci::{ManifestView, RawManifest};
use crate::serve::ServeError;
use crate::serve::storage::{Link, Storage};

/// What [`collect`] removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    /// Blobs and manifests.
    pub contents: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Removes blobs that no manifest of their repository names, and then content that no repository has.
///
/// Manifests are never removed, tagged or not: that is a decision, and deleting them is how it is made. The folder must
/// not be in use by a server. A manifest that cannot be read ends it, so that nothing is removed on a guess.
pub fn collect(storage: &Path) -> Result<Collected, ServeError> {
    let folder = Storage::open(storage, true)?;
    run(&folder).map_err(|source| ServeError::Storage { path: storage.to_owned(), source })
}

fn run(folder: &Storage) -> std::io::Result<Collected> {
    let mut needed = BTreeSet::new();
    let with_manifests = folder.repositories(Link::Manifest)?;
    let repositories: BTreeSet<_> =
        folder.repositories(Link::Blob)?.into_iter().chain(with_manifests).collect();
    for name in repositories {
        let mut named = BTreeSet::new();
        for digest in folder.links(&name, Link::Manifest)? {
            needed.insert(digest);
            named.extend(blobs_of(folder, &digest)?);
        }
        for digest in folder.links(&name, Link::Blob)? {
            if named.contains(&digest) {
                needed.insert(digest);
            } else {
                folder.unlink_blob(&name, &digest)?;
            }
        }
    }
    let mut collected = Collected::default();
    for digest in folder.contents()?.difference(&needed) {
        let path = folder.content(digest);
        collected.bytes += fs::metadata(&path)?.len();
        collected.contents += 1;
        fs::remove_file(&path)?;
    }
    Ok(collected)
}

fn blobs_of(folder: &Storage, digest: &Digest) -> std::io::Result<Vec<Digest>> {
    let content = folder.read_content(digest, LIMITS.manifest_bytes)?.unwrap_or_default();
    let view = RawManifest::new(content, None).and_then(|manifest| manifest.view(&LIMITS));
    Ok(match view.map_err(std::io::Error::other)? {
        ManifestView::Index(_) => Vec::new(),
        ManifestView::Image(image) => {
            std::iter::once(&image.config).chain(&image.layers).map(|blob| blob.digest).collect()
        }
    })
}
