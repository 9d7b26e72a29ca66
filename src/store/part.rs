//! The file that `pack` fills: an archive under way, with blobs at their final places.
//!
//! `NAME.part` has the full length from the start, so a full disk shows before the first download. Beside it
//! `NAME.part.progress` says how far each blob got: one line `<hex> <bytes>`, appended as they come. After a break the bytes are
//! read again and hashed, so nothing that the progress says is believed; at worst a blob is fetched anew. An archive in volumes
//! has a part file for each of them.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::archive::ReadAt;
use crate::digest::{Digest, Hasher};
use crate::store::files::{StoreError, beside, failed, read, sync_parent};
use crate::store::pieces::Pieces;
use crate::volume::Cut;

/// Progress is noted about this often, in bytes.
pub const PROGRESS_STEP: u64 = 4 << 20;

/// The line of the progress file behind which files have final names already.
const NAMING: &str = "naming";

/// An archive under way.
#[derive(Debug)]
pub struct PartFile {
    progress_path: PathBuf,
    pieces: Pieces,
    progress: Mutex<File>,
    kept: BTreeMap<Digest, u64>,
}

impl PartFile {
    /// Opens the part files of the archive `target`, which will begin with `front`, be cut like that and lie in `files` beside it.
    ///
    /// Part files that begin otherwise belong to another plan and are begun anew.
    pub fn open(target: &Path, cut: Cut, files: &[String], front: &[u8]) -> Result<Self, StoreError> {
        let progress_path = beside(target, "part.progress");
        let found = Progress::read(&progress_path)?;
        let pieces = Pieces::open(target, cut, files, found.naming)?;
        let mut kept = found.blobs;
        if !pieces.have_their_size()? || !pieces.begin_with(front) {
            kept.clear();
            pieces.begin_anew(target)?;
            pieces.write_at(front, 0)?;
            File::create(&progress_path).map_err(failed("create", &progress_path))?;
        }
        let progress = OpenOptions::new().append(true).create(true).open(&progress_path);
        let progress = Mutex::new(progress.map_err(failed("open", &progress_path))?);
        Ok(Self { progress_path, pieces, progress, kept })
    }

    /// Hashes what an earlier run left of the blob at `offset`: the hasher that goes on after it. Empty when there is nothing.
    pub fn kept(&self, digest: &Digest, offset: u64, size: u64) -> Result<Hasher, StoreError> {
        let length = self.kept.get(digest).copied().unwrap_or_default();
        self.pieces.hash(offset, length.min(size))
    }

    /// The digest of one of its files, counted from 0.
    pub fn digest(&self, index: u64) -> Result<Digest, StoreError> {
        self.pieces.digest(index)
    }

    /// Writes bytes at their final place.
    pub fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), StoreError> {
        self.pieces.write_at(bytes, offset)
    }

    /// Notes that so many bytes of a blob are written, counted from its start.
    pub fn note(&self, digest: &Digest, bytes: u64) -> Result<(), StoreError> {
        self.append(&format!("{} {bytes}\n", digest.hex()))
    }

    fn append(&self, line: &str) -> Result<(), StoreError> {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.write_all(line.as_bytes()).map_err(failed("write", &self.progress_path))
    }

    /// Makes all that was written durable.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.pieces.sync()
    }

    /// Makes all that was written durable and gives the archive its final name, or its volumes theirs.
    pub fn finish(self) -> Result<(), StoreError> {
        self.pieces.sync()?;
        self.append(&format!("{NAMING}\n"))?;
        self.pieces.name()?;
        fs::remove_file(&self.progress_path).map_err(failed("remove", &self.progress_path))?;
        sync_parent(&self.progress_path)
    }
}

impl ReadAt for PartFile {
    fn len(&self) -> u64 {
        self.pieces.len()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.pieces.read_exact_at(buffer, offset)
    }
}

/// What the progress file of an earlier run says.
#[derive(Default)]
struct Progress {
    blobs: BTreeMap<Digest, u64>,
    naming: bool,
}

impl Progress {
    fn read(path: &Path) -> Result<Self, StoreError> {
        let mut found = Self::default();
        if !path.exists() {
            return Ok(found);
        }
        let bytes = read(path, 1 << 30)?;
        for line in String::from_utf8_lossy(&bytes).lines() {
            found.naming |= line == NAMING;
            // A torn or foreign line costs a download, nothing more.
            let Some((hex, count)) = line.split_once(' ') else { continue };
            if let (Ok(digest), Ok(count)) = (Digest::from_hex(hex), count.parse()) {
                found.blobs.insert(digest, count);
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::Shape;

    fn open(target: &Path, size: u64, front: &[u8]) -> Result<PartFile, StoreError> {
        PartFile::open(target, Cut::whole(size), &["a.ombundle".to_owned()], front)
    }

    /// The files of a folder, sorted.
    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_was_written_is_found_again_and_hashed() {
        let base = tempfile::tempdir().unwrap();
        let target = base.path().join("a.ombundle");
        let digest = Digest::of(b"hello world");
        let part = open(&target, 2_000, b"front").unwrap();
        part.write_at(b"hello", 512).unwrap();
        part.note(&digest, 5).unwrap();
        drop(part);
        let part = open(&target, 2_000, b"front").unwrap();
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
            let part = open(&target, 2_000, b"front").unwrap();
            part.note(&digest, 5).unwrap();
            drop(part);
            let part = open(&target, size, front).unwrap();
            assert_eq!(part.kept(&digest, 512, 5).unwrap().length(), 0);
        }
    }

    #[test]
    fn a_disk_without_room_is_named_before_anything_is_written() {
        let base = tempfile::tempdir().unwrap();
        let target = base.path().join("a.ombundle");
        let error = open(&target, u64::MAX / 4, b"front").unwrap_err();
        assert!(matches!(error, StoreError::NoSpace { .. }), "{error}");
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0);
    }

    #[test]
    fn two_packs_do_not_fill_one_file() {
        let base = tempfile::tempdir().unwrap();
        let target = base.path().join("a.ombundle");
        let _first = open(&target, 2_000, b"front").unwrap();
        assert!(matches!(open(&target, 2_000, b"other"), Err(StoreError::Locked { .. })));
    }

    #[test]
    fn an_archive_that_is_there_is_not_overwritten() {
        let base = tempfile::tempdir().unwrap();
        let target = base.path().join("a.ombundle");
        fs::write(&target, "precious").unwrap();
        assert!(matches!(open(&target, 10, b"f"), Err(StoreError::Exists { .. })));
    }

    #[test]
    fn volumes_are_filled_across_their_borders_and_joined_are_the_archive() {
        let base = tempfile::tempdir().unwrap();
        let target = base.path().join("a.ombundle");
        let shape = Shape::volumes(65_536, None).unwrap();
        let cut = shape.cut(150_000).unwrap();
        let bytes: Vec<u8> = (0..150_000u32).map(|number| (number % 251) as u8).collect();
        let files = shape.files("a.ombundle", &cut);
        let part = PartFile::open(&target, cut, &files, &bytes[..10]).unwrap();
        part.write_at(&bytes[60_000..140_000], 60_000).unwrap();
        part.write_at(&bytes[..60_000], 0).unwrap();
        part.write_at(&bytes[140_000..], 140_000).unwrap();
        assert_eq!(part.digest(1).unwrap(), Digest::of(&bytes[65_536..131_072]));
        part.finish().unwrap();
        assert_eq!(names(base.path()), files);
        let joined: Vec<u8> =
            files.iter().flat_map(|file| fs::read(base.path().join(file)).unwrap()).collect();
        assert_eq!(joined, bytes);
    }

    #[test]
    fn volumes_that_were_half_named_are_gone_on_with() {
        let base = tempfile::tempdir().unwrap();
        let target = base.path().join("a.ombundle");
        let shape = Shape::volumes(65_536, None).unwrap();
        let cut = shape.cut(150_000).unwrap();
        let files = shape.files("a.ombundle", &cut);
        let open = |front: &[u8]| PartFile::open(&target, cut, &files, front);
        let part = open(b"front").unwrap();
        part.append("naming\n").unwrap();
        drop(part);
        fs::rename(base.path().join("a.ombundle.003.part"), base.path().join("a.ombundle.003")).unwrap();
        // Another plan must not write into what has a name.
        assert!(matches!(open(b"other"), Err(StoreError::Exists { .. })));
        open(b"front").unwrap().finish().unwrap();
        assert_eq!(names(base.path()), files);
    }

    #[test]
    fn a_volume_of_somebody_else_is_not_written_to() {
        let base = tempfile::tempdir().unwrap();
        let target = base.path().join("a.ombundle");
        let shape = Shape::volumes(65_536, None).unwrap();
        let cut = shape.cut(150_000).unwrap();
        fs::write(base.path().join("a.ombundle.002"), "precious").unwrap();
        let refused = PartFile::open(&target, cut, &shape.files("a.ombundle", &cut), b"front");
        assert!(matches!(refused, Err(StoreError::Exists { path }) if path.ends_with("a.ombundle.002")));
        assert_eq!(fs::read(base.path().join("a.ombundle.002")).unwrap(), b"precious");
    }

    #[test]
    fn parts_of_a_finer_cut_go_when_there_is_a_coarser_one() {
        let base = tempfile::tempdir().unwrap();
        let target = base.path().join("a.ombundle");
        for size in [65_536, 100_000] {
            let shape = Shape::volumes(size, None).unwrap();
            let cut = shape.cut(150_000).unwrap();
            drop(PartFile::open(&target, cut, &shape.files("a.ombundle", &cut), b"front").unwrap());
        }
        let left = ["a.ombundle.001.part", "a.ombundle.002.part", "a.ombundle.part.progress"];
        assert_eq!(names(base.path()), left);
    }
}
