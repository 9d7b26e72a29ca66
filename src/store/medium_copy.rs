//! One file copied onto a medium, and read back from it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::archive::{ReadAt, hash};
use crate::digest::{Digest, Hasher};
use crate::store::archive_file::ArchiveFile;
use crate::store::files::{StoreError, beside, failed, rename};

/// How much is read and written at a time.
const CHUNK: usize = 1 << 20;

/// Bytes that are free in a folder for whoever is not root; nothing where the system does not say.
pub fn free_bytes(folder: &Path) -> Result<Option<u64>, StoreError> {
    Ok(free_beside(&File::open(folder).map_err(failed("open", folder))?))
}

/// Bytes that are free where an open file or folder lies.
pub(super) fn free_beside(opened: &File) -> Option<u64> {
    let found = rustix::fs::fstatvfs(opened).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

/// How a copy came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copied {
    /// It was written now, or its rest.
    Written,
    /// The same bytes were there.
    There,
}

/// Copies `size` bytes of `source` from `offset` on to `target`, and reads them back from the medium, not from memory.
///
/// A file of that name with the same bytes stays; with others it is an error and stays, too. What a copy that was broken off left
/// is compared and kept as far as it is right. `advanced` is told how many bytes more are done, and says whether to go on.
pub fn copy(
    source: &dyn ReadAt,
    offset: u64,
    size: u64,
    target: &Path,
    advanced: &dyn Fn(u64) -> bool,
) -> Result<(Digest, Copied), StoreError> {
    if target.exists() {
        let digest = hash(source, offset, size).map_err(failed("read the archive for", target))?.finish();
        return if read_back(target, size)? == Some(digest) {
            Ok((digest, Copied::There))
        } else {
            Err(StoreError::Exists { path: target.to_owned() })
        };
    }
    let part = beside(target, "part");
    let digest = fill(source, offset, size, &part, advanced)?;
    if read_back(&part, size)? != Some(digest) {
        // Nobody should find it later and take it for a good beginning.
        drop(fs::remove_file(&part));
        return Err(StoreError::ReadBack { path: target.to_owned() });
    }
    rename(&part, target)?;
    Ok((digest, Copied::Written))
}

fn fill(
    source: &dyn ReadAt,
    offset: u64,
    size: u64,
    part: &Path,
    advanced: &dyn Fn(u64) -> bool,
) -> Result<Digest, StoreError> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(part);
    let file = file.map_err(failed("create", part))?;
    let mut kept = file.metadata().map_err(failed("read", part))?.len().min(size);
    let mut hasher = Hasher::default();
    let (mut wanted, mut found) = (vec![0; CHUNK], vec![0; CHUNK]);
    while hasher.length() < size {
        let at = hasher.length();
        let room = usize::try_from(size - at).unwrap_or(CHUNK).min(CHUNK);
        let wanted = &mut wanted[..room];
        source.read_exact_at(wanted, offset + at).map_err(failed("read the archive for", part))?;
        let is_there = at + room as u64 <= kept && {
            let found = &mut found[..room];
            file.read_exact_at(found, at).is_ok() && found == wanted
        };
        if !is_there {
            // Behind the first difference nothing is worth comparing.
            kept = 0;
            file.write_all_at(wanted, at).map_err(failed("write", part))?;
        }
        hasher.update(wanted);
        if !advanced(room as u64) {
            let stopped = io::Error::new(io::ErrorKind::Interrupted, "stopped");
            return Err(failed("write", part)(stopped));
        }
    }
    file.set_len(size).and_then(|()| file.sync_all()).map_err(failed("write", part))?;
    Ok(hasher.finish())
}

/// The digest of a file as the medium gives it back; nothing where its size is another.
pub fn read_back(path: &Path, size: u64) -> Result<Option<Digest>, StoreError> {
    let file = ArchiveFile::open(path)?;
    if file.len() != size {
        return Ok(None);
    }
    // What the kernel remembers of the file says nothing about the medium.
    file.forget();
    hash(&file, 0, size).map(|hasher| Some(hasher.finish())).map_err(failed("read", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes() -> Vec<u8> {
        (0..3_000_000u32).map(|number| (number % 253) as u8).collect()
    }

    fn copied(target: &Path, goes_on: &dyn Fn(u64) -> bool) -> Result<(Digest, Copied), StoreError> {
        copy(&bytes(), 1_000, 2_500_000, target, goes_on)
    }

    #[test]
    fn a_stretch_is_copied_once() {
        let base = tempfile::tempdir().unwrap();
        let target = base.path().join("a.001");
        let digest = Digest::of(&bytes()[1_000..2_501_000]);
        assert_eq!(copied(&target, &|_| true).unwrap(), (digest, Copied::Written));
        assert_eq!(fs::read(&target).unwrap(), bytes()[1_000..2_501_000]);
        assert_eq!(copied(&target, &|_| true).unwrap(), (digest, Copied::There));
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_was_broken_off_is_compared_and_kept() {
        let base = tempfile::tempdir().unwrap();
        let target = base.path().join("a.001");
        let stopped = copied(&target, &|_| false).unwrap_err();
        assert!(matches!(stopped, StoreError::Io { .. }), "{stopped:?}");
        let part = beside(&target, "part");
        assert_eq!(fs::metadata(&part).unwrap().len(), CHUNK as u64);
        // A medium that lost what it had said it had written.
        let mut begun = fs::read(&part).unwrap();
        begun[77] ^= 1;
        fs::write(&part, begun).unwrap();
        copied(&target, &|_| true).unwrap();
        assert_eq!(fs::read(&target).unwrap(), bytes()[1_000..2_501_000]);
    }

    #[test]
    fn other_bytes_under_the_name_stay() {
        let base = tempfile::tempdir().unwrap();
        let target = base.path().join("a.001");
        fs::write(&target, "precious").unwrap();
        assert!(matches!(copied(&target, &|_| true), Err(StoreError::Exists { .. })));
        assert_eq!(fs::read(&target).unwrap(), b"precious");
    }
}
