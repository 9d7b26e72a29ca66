//! The file that `pack` fills: an archive under way, with blobs at their final places.
//!
//! `NAME.part` has the full length from the start, so a full disk shows before the first download. Beside it
//! `NAME.part.progress` says how far each blob got: one line `<hex> <bytes>`, appended as they come. After a break the bytes are
//! read again and hashed, so nothing that the progress says is believed; at worst a blob is fetched anew.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::digest::{Digest, Hasher};
use crate::store::files::{StoreError, beside, failed, read, rename, sync_parent};

/// Progress is noted about this often, in bytes.
pub const PROGRESS_STEP: u64 = 4 << 20;

/// An archive under way.
#[derive(Debug)]
pub struct PartFile {
    target: PathBuf,
    path: PathBuf,
    progress_path: PathBuf,
    file: File,
    progress: Mutex<File>,
    kept: BTreeMap<Digest, u64>,
}

impl PartFile {
    /// Opens the part file of the archive `target`, which will have `size` bytes and begin with `front`.
    ///
    /// A part file that begins otherwise belongs to another plan and is begun anew.
    pub fn open(target: &Path, size: u64, front: &[u8]) -> Result<Self, StoreError> {
        if target.exists() {
            return Err(StoreError::Exists { path: target.to_owned() });
        }
        let path = beside(target, "part");
        let progress_path = beside(target, "part.progress");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed("create", &path))?;
        if file.try_lock().is_err() {
            return Err(StoreError::Locked { path, holder: "another `ombundle pack`".to_owned() });
        }
        let mut kept = BTreeMap::new();
        if file.metadata().map_err(failed("read", &path))?.len() == size && begins_with(&file, front) {
            kept = read_progress(&progress_path)?;
        } else {
            let result = reserve(&file, &path, size);
            if result.is_err() {
                // What holds nothing yet should not take the name, nor the space.
                drop(fs::remove_file(&path));
            }
            result?;
            file.write_all_at(front, 0).map_err(failed("write", &path))?;
            File::create(&progress_path).map_err(failed("create", &progress_path))?;
        }
        let progress = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&progress_path)
            .map_err(failed("open", &progress_path))?;
        let progress = Mutex::new(progress);
        Ok(Self { target: target.to_owned(), path, progress_path, file, progress, kept })
    }

    /// Where the part file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Hashes what an earlier run left of the blob at `offset`: the hasher that goes on after it. Empty when there is nothing.
    pub fn kept(&self, digest: &Digest, offset: u64, size: u64) -> Result<Hasher, StoreError> {
        let mut hasher = Hasher::default();
        let Some(&length) = self.kept.get(digest) else { return Ok(hasher) };
        let mut buffer = vec![0; 1 << 20];
        let mut at = 0;
        while at < length.min(size) {
            let room =
                usize::try_from(length.min(size) - at).map_or(buffer.len(), |left| left.min(buffer.len()));
            let chunk = &mut buffer[..room];
            self.file.read_exact_at(chunk, offset + at).map_err(failed("read", &self.path))?;
            hasher.update(chunk);
            at += room as u64;
        }
        Ok(hasher)
    }

    /// Writes bytes at their final place.
    pub fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), StoreError> {
        self.file.write_all_at(bytes, offset).map_err(failed("write", &self.path))
    }

    /// Notes that so many bytes of a blob are written, counted from its start.
    pub fn note(&self, digest: &Digest, bytes: u64) -> Result<(), StoreError> {
        let line = format!("{} {bytes}\n", digest.hex());
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.write_all(line.as_bytes()).map_err(failed("write", &self.progress_path))
    }

    /// Makes all that was written durable and gives the archive its final name.
    pub fn finish(self) -> Result<(), StoreError> {
        self.file.sync_all().map_err(failed("sync", &self.path))?;
        if self.target.exists() {
            return Err(StoreError::Exists { path: self.target });
        }
        rename(&self.path, &self.target)?;
        fs::remove_file(&self.progress_path).map_err(failed("remove", &self.progress_path))?;
        sync_parent(&self.target)
    }
}

fn begins_with(file: &File, front: &[u8]) -> bool {
    let mut found = vec![0; front.len()];
    file.read_exact_at(&mut found, 0).is_ok() && found == front
}

/// Gives the file its full length and the disk blocks for it, so that a full disk shows now.
fn reserve(file: &File, path: &Path, size: u64) -> Result<(), StoreError> {
    file.set_len(0).map_err(failed("truncate", path))?;
    if let Ok(found) = rustix::fs::fstatvfs(file) {
        let free = found.f_bavail.saturating_mul(found.f_frsize);
        if free < size {
            return Err(StoreError::NoSpace { path: path.to_owned(), needed: size, free });
        }
    }
    match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, size) {
        // Some file systems cannot reserve; there a full disk shows while writing.
        Ok(()) | Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {}
        Err(error) => return Err(failed("reserve space for", path)(io::Error::from(error))),
    }
    file.set_len(size).map_err(failed("reserve space for", path))
}

fn read_progress(path: &Path) -> Result<BTreeMap<Digest, u64>, StoreError> {
    if !path.exists() {
        return Ok(BTreeMap::new());
    }
    let bytes = read(path, 1 << 30)?;
    let mut kept = BTreeMap::new();
    for line in String::from_utf8_lossy(&bytes).lines() {
        // A torn or foreign line costs a download, nothing more.
        let Some((hex, count)) = line.split_once(' ') else { continue };
        if let (Ok(digest), Ok(count)) = (Digest::from_hex(hex), count.parse()) {
            kept.insert(digest, count);
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_found_again_and_hashed() {
        let base = tempfile::tempdir().unwrap();
        let target = base.path().join("a.ombundle");
        let digest = Digest::of(b"hello world");
        let part = PartFile::open(&target, 2_000, b"front").unwrap();
        part.write_at(b"hello", 512).unwrap();
        part.note(&digest, 5).unwrap();
        drop(part);
        let part = PartFile::open(&target, 2_000, b"front").unwrap();
        let mut hasher = part.kept(&digest, 512, 11).unwrap();
        assert_eq!(hasher.length(), 5);
        hasher.update(b" world");
        assert_eq!(hasher.finish(), digest);
        part.finish().unwrap();
        assert_eq!(fs::metadata(&target).unwrap().len(), 2_000);
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_part_of_another_plan_is_begun_anew() {
        let base = tempfile::tempdir().unwrap();
        let target = base.path().join("a.ombundle");
        let digest = Digest::of(b"hello");
        for (front, size) in [(&b"other"[..], 2_000), (b"front", 2_001)] {
            let part = PartFile::open(&target, 2_000, b"front").unwrap();
            part.note(&digest, 5).unwrap();
            drop(part);
            let part = PartFile::open(&target, size, front).unwrap();
            assert_eq!(part.kept(&digest, 512, 5).unwrap().length(), 0);
        }
    }

    #[test]
    fn a_disk_without_room_is_named_before_anything_is_written() {
        let base = tempfile::tempdir().unwrap();
        let target = base.path().join("a.ombundle");
        let error = PartFile::open(&target, u64::MAX / 4, b"front").unwrap_err();
        assert!(matches!(error, StoreError::NoSpace { .. }), "{error}");
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0);
    }

    #[test]
    fn two_packs_do_not_fill_one_file() {
        let base = tempfile::tempdir().unwrap();
        let target = base.path().join("a.ombundle");
        let _first = PartFile::open(&target, 2_000, b"front").unwrap();
        assert!(matches!(PartFile::open(&target, 2_000, b"other"), Err(StoreError::Locked { .. })));
    }

    #[test]
    fn an_archive_that_is_there_is_not_overwritten() {
        let base = tempfile::tempdir().unwrap();
        let target = base.path().join("a.ombundle");
        fs::write(&target, "precious").unwrap();
        assert!(matches!(PartFile::open(&target, 10, b"f"), Err(StoreError::Exists { .. })));
    }
}
