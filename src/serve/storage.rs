//! The folder: content by digest, and what each repository has of it.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::digest::Digest;
use crate::reference::{Repository, Tag};
use crate::serve::ServeError;
use crate::serve::content::{Incoming, sync_folder_of};

const MARKER: &str = "ombundle-registry";
const LAYOUT: &str = "1";

/// A folder of the layout that [`crate::serve`] describes, locked as long as this lives.
pub(crate) struct Storage {
    root: PathBuf,
    durable: bool,
    turn: Mutex<()>,
    counter: AtomicU64,
    _lock: File,
}

impl Storage {
    /// Opens the folder, or makes it. `durable` says whether to wait for the medium.
    pub(crate) fn open(root: &Path, durable: bool) -> Result<Self, ServeError> {
        let storage = |path: &Path| {
            let path = path.to_owned();
            move |source| ServeError::Storage { path, source }
        };
        fs::create_dir_all(root).map_err(storage(root))?;
        let root = root.canonicalize().map_err(storage(root))?;
        let marker = root.join(MARKER);
        let is_new = !marker.try_exists().map_err(storage(&marker))?;
        if is_new && fs::read_dir(&root).map_err(storage(&root))?.next().is_some() {
            return Err(ServeError::Foreign { path: root });
        }
        let mut lock = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&marker)
            .map_err(storage(&marker))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ServeError::Locked { path: root }),
            Err(TryLockError::Error(source)) => return Err(ServeError::Storage { path: marker, source }),
        }
        let mut found = String::new();
        lock.by_ref().take(64).read_to_string(&mut found).map_err(storage(&marker))?;
        match found.trim_end() {
            LAYOUT => {}
            "" => io::Write::write_all(&mut lock, LAYOUT.as_bytes()).map_err(storage(&marker))?,
            other => return Err(ServeError::Layout { path: root, found: other.to_owned() }),
        }
        let uploads = root.join("uploads");
        if uploads.try_exists().map_err(storage(&uploads))? {
            fs::remove_dir_all(&uploads).map_err(storage(&uploads))?;
        }
        for folder in [uploads, root.join("blobs/sha256"), root.join("repositories")] {
            fs::create_dir_all(&folder).map_err(storage(&folder))?;
        }
        Ok(Self { root, durable, turn: Mutex::new(()), counter: AtomicU64::new(0), _lock: lock })
    }

    /// Waits for its turn to change manifests and tags: checks and changes of one request must not mix with another's.
    pub(crate) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new file for content on its way in.
    pub(crate) fn incoming(&self) -> io::Result<Incoming> {
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        Incoming::create(self.root.join("uploads").join(number.to_string()))
    }

    /// Where the content with this digest is.
    pub(crate) fn content(&self, digest: &Digest) -> PathBuf {
        self.root.join("blobs/sha256").join(digest.hex())
    }

    fn repository(&self, name: &Repository) -> PathBuf {
        self.root.join("repositories").join(name.as_str())
    }

    fn link(&self, name: &Repository, kind: &str, digest: &Digest) -> PathBuf {
        self.repository(name).join(kind).join(digest.hex())
    }

    /// Whether anything was ever put into this repository.
    pub(crate) fn knows(&self, name: &Repository) -> io::Result<bool> {
        let folder = self.repository(name);
        for kind in ["_blobs", "_manifests"] {
            if folder.join(kind).try_exists()? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The size of a blob that this repository has.
    pub(crate) fn blob_size(&self, name: &Repository, digest: &Digest) -> io::Result<Option<u64>> {
        if !self.link(name, "_blobs", digest).try_exists()? {
            return Ok(None);
        }
        absent_as_none(fs::metadata(self.content(digest)).map(|metadata| metadata.len()))
    }

    /// A blob that this repository has, and its size.
    pub(crate) fn open_blob(&self, name: &Repository, digest: &Digest) -> io::Result<Option<(File, u64)>> {
        if !self.link(name, "_blobs", digest).try_exists()? {
            return Ok(None);
        }
        let Some(file) = absent_as_none(File::open(self.content(digest)))? else { return Ok(None) };
        let size = file.metadata()?.len();
        Ok(Some((file, size)))
    }

    /// Takes content whose digest was checked, and gives it to this repository as a blob.
    pub(crate) fn put_blob(&self, name: &Repository, digest: &Digest, content: Incoming) -> io::Result<()> {
        content.publish(&self.content(digest), self.durable)?;
        self.link_blob(name, digest)
    }

    /// Gives content that is there to this repository as a blob.
    pub(crate) fn link_blob(&self, name: &Repository, digest: &Digest) -> io::Result<()> {
        let link = self.link(name, "_blobs", digest);
        if link.try_exists()? { Ok(()) } else { self.write_small(&link, b"") }
    }

    /// Takes a blob away from this repository. Says whether it had it.
    pub(crate) fn unlink_blob(&self, name: &Repository, digest: &Digest) -> io::Result<bool> {
        removed(&self.link(name, "_blobs", digest))
    }

    /// The media type of a manifest that this repository has.
    pub(crate) fn manifest_type(&self, name: &Repository, digest: &Digest) -> io::Result<Option<String>> {
        absent_as_none(read_small(&self.link(name, "_manifests", digest)))
    }

    /// The bytes of content that is there, `limit` at most.
    pub(crate) fn read_content(&self, digest: &Digest, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let Some(file) = absent_as_none(File::open(self.content(digest)))? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.take(limit).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Stores a manifest that was checked, and gives it to this repository.
    pub(crate) fn put_manifest(
        &self,
        name: &Repository,
        digest: &Digest,
        media_type: &str,
        bytes: &[u8],
    ) -> io::Result<()> {
        let mut content = self.incoming()?;
        content.write(bytes)?;
        content.publish(&self.content(digest), self.durable)?;
        self.write_small(&self.link(name, "_manifests", digest), media_type.as_bytes())
    }

    /// Takes a manifest away from this repository, with the tags that point to it. Says whether it had it.
    pub(crate) fn remove_manifest(&self, name: &Repository, digest: &Digest) -> io::Result<bool> {
        for tag in self.tags(name)? {
            if self.tag(name, &tag)? == Some(*digest) {
                self.remove_tag(name, &tag)?;
            }
        }
        removed(&self.link(name, "_manifests", digest))
    }

    /// What a tag points to.
    pub(crate) fn tag(&self, name: &Repository, tag: &Tag) -> io::Result<Option<Digest>> {
        let path = self.repository(name).join("_tags").join(tag.as_str());
        let Some(text) = absent_as_none(read_small(&path))? else { return Ok(None) };
        text.parse().map(Some).map_err(io::Error::other)
    }

    /// Lets a tag point to a manifest, in one step.
    pub(crate) fn set_tag(&self, name: &Repository, tag: &Tag, digest: &Digest) -> io::Result<()> {
        let path = self.repository(name).join("_tags").join(tag.as_str());
        self.write_small(&path, digest.to_string().as_bytes())
    }

    /// Removes a tag. Says whether it was there.
    pub(crate) fn remove_tag(&self, name: &Repository, tag: &Tag) -> io::Result<bool> {
        removed(&self.repository(name).join("_tags").join(tag.as_str()))
    }

    /// The tags of a repository, sorted.
    pub(crate) fn tags(&self, name: &Repository) -> io::Result<BTreeSet<Tag>> {
        let names = names_in(&self.repository(name).join("_tags"))?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// The digests of a repository's manifests, or blobs.
    pub(crate) fn links(&self, name: &Repository, kind: Link) -> io::Result<BTreeSet<Digest>> {
        let kind = match kind {
            Link::Blob => "_blobs",
            Link::Manifest => "_manifests",
        };
        digests_in(&self.repository(name).join(kind))
    }

    /// Remembers that one manifest refers to another, with the descriptor to answer with.
    pub(crate) fn put_referrer(
        &self,
        name: &Repository,
        subject: &Digest,
        referrer: &Digest,
        descriptor: &[u8],
    ) -> io::Result<()> {
        let path = self.referrers_of(name, subject).join(referrer.hex());
        self.write_small(&path, descriptor)
    }

    /// Forgets that one manifest refers to another.
    pub(crate) fn remove_referrer(
        &self,
        name: &Repository,
        subject: &Digest,
        referrer: &Digest,
    ) -> io::Result<bool> {
        removed(&self.referrers_of(name, subject).join(referrer.hex()))
    }

    /// The manifests that refer to this one.
    pub(crate) fn referrers(&self, name: &Repository, subject: &Digest) -> io::Result<BTreeSet<Digest>> {
        digests_in(&self.referrers_of(name, subject))
    }

    /// The descriptor that was remembered with a referrer.
    pub(crate) fn referrer(
        &self,
        name: &Repository,
        subject: &Digest,
        referrer: &Digest,
    ) -> io::Result<Option<Vec<u8>>> {
        absent_as_none(fs::read(self.referrers_of(name, subject).join(referrer.hex())))
    }

    fn referrers_of(&self, name: &Repository, subject: &Digest) -> PathBuf {
        self.repository(name).join("_referrers").join(subject.hex())
    }

    /// Every repository that has a manifest or a blob, sorted.
    pub(crate) fn repositories(&self, having: Link) -> io::Result<BTreeSet<Repository>> {
        let kind = match having {
            Link::Blob => "_blobs",
            Link::Manifest => "_manifests",
        };
        let mut found = BTreeSet::new();
        let mut open: Vec<String> = names_in(&self.root.join("repositories"))?;
        while let Some(path) = open.pop() {
            let Ok(name) = path.parse::<Repository>() else { continue };
            let folder = self.repository(&name);
            for child in names_in(&folder)? {
                if !child.starts_with('_') {
                    open.push(format!("{path}/{child}"));
                } else if child == kind && fs::read_dir(folder.join(kind))?.next().is_some() {
                    found.insert(name.clone());
                }
            }
        }
        Ok(found)
    }

    /// The digests of all content.
    pub(crate) fn contents(&self) -> io::Result<BTreeSet<Digest>> {
        digests_in(&self.root.join("blobs/sha256"))
    }

    /// Writes a small file in one step.
    fn write_small(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
            if self.durable {
                sync_folder_of(folder)?;
            }
        }
        let mut content = self.incoming()?;
        content.write(bytes)?;
        content.publish(path, self.durable)
    }
}

/// What a repository has.
#[derive(Clone, Copy)]
pub(crate) enum Link {
    Blob,
    Manifest,
}

fn absent_as_none<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn removed(path: &Path) -> io::Result<bool> {
    absent_as_none(fs::remove_file(path)).map(|found| found.is_some())
}

fn read_small(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(256).read_to_string(&mut text)?;
    Ok(text)
}

fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    let Some(entries) = absent_as_none(fs::read_dir(folder))? else { return Ok(Vec::new()) };
    let mut names = Vec::new();
    for entry in entries {
        if let Ok(name) = entry?.file_name().into_string() {
            names.push(name);
        }
    }
    Ok(names)
}

fn digests_in(folder: &Path) -> io::Result<BTreeSet<Digest>> {
    Ok(names_in(folder)?.iter().filter_map(|name| Digest::from_hex(name).ok()).collect())
}
