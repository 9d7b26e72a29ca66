//! The files that an archive is written to: one, or one for each volume, filled at any offset under names that say that they are not
//! whole yet.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::archive::{ReadAt, hash};
use crate::digest::{Digest, Hasher};
use crate::store::files::{StoreError, beside, failed, folder_of, remove, rename};
use crate::store::medium_copy::free_beside;
use crate::volume::{Cut, VolumeName};

/// The files of one archive under way, in order.
#[derive(Debug)]
pub(super) struct Pieces {
    cut: Cut,
    files: Vec<Piece>,
}

#[derive(Debug)]
struct Piece {
    target: PathBuf,
    path: PathBuf,
    file: File,
}

impl Pieces {
    /// Opens these files beside the archive `target`. `naming` says that an earlier run had begun to give them their names.
    pub(super) fn open(target: &Path, cut: Cut, files: &[String], naming: bool) -> Result<Self, StoreError> {
        let files = files.iter().map(|file| Piece::open(target.with_file_name(file), naming));
        Ok(Self { cut, files: files.collect::<Result<_, _>>()? })
    }

    /// Whether each of them has the length that it will have.
    pub(super) fn have_their_size(&self) -> Result<bool, StoreError> {
        for (piece, index) in self.files.iter().zip(0..) {
            let range = self.cut.range(index);
            if piece.file.metadata().map_err(failed("read", &piece.path))?.len() != range.end - range.start {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether the archive begins like that.
    pub(super) fn begin_with(&self, front: &[u8]) -> bool {
        let mut found = vec![0; front.len()];
        self.read_exact_at(&mut found, 0).is_ok() && found == front
    }

    /// Empties them, and gives them their full length and the disk blocks for it, so that a full disk shows now.
    pub(super) fn begin_anew(&self, target: &Path) -> Result<(), StoreError> {
        if let Some(named) = self.files.iter().find(|piece| piece.path == piece.target) {
            return Err(StoreError::Exists { path: named.target.clone() });
        }
        let result = self.reserve();
        if result.is_err() {
            // What holds nothing yet should not take the names, nor the space.
            self.discard();
        }
        result?;
        self.remove_others(target)
    }

    /// Removes those that have no name yet.
    pub(super) fn discard(&self) {
        for piece in self.files.iter().filter(|piece| piece.path != piece.target) {
            drop(fs::remove_file(&piece.path));
        }
    }

    fn reserve(&self) -> Result<(), StoreError> {
        for piece in &self.files {
            piece.file.set_len(0).map_err(failed("truncate", &piece.path))?;
        }
        if let Some(first) = self.files.first()
            && let Some(free) = free_beside(&first.file)
            && free < self.cut.total()
        {
            return Err(StoreError::NoSpace { path: first.path.clone(), needed: self.cut.total(), free });
        }
        for (piece, index) in self.files.iter().zip(0..) {
            let range = self.cut.range(index);
            piece.reserve(range.end - range.start)?;
        }
        Ok(())
    }

    /// Removes what an earlier run, which cut otherwise, left of volumes that there are none of now.
    fn remove_others(&self, target: &Path) -> Result<(), StoreError> {
        let folder = folder_of(target);
        for entry in fs::read_dir(folder).map_err(failed("read", folder))? {
            let path = entry.map_err(failed("read", folder))?.path();
            let file =
                path.file_name().and_then(|file| file.to_str()).and_then(|file| file.strip_suffix(".part"));
            let of_ours = file.and_then(VolumeName::of).is_some_and(|name| target.ends_with(&name.archive));
            let is_ours = self.files.iter().any(|piece| piece.path.file_name() == path.file_name());
            if of_ours && !is_ours {
                remove(&path)?;
            }
        }
        Ok(())
    }

    /// The digest of one of them, counted from 0.
    pub(super) fn digest(&self, index: u64) -> Result<Digest, StoreError> {
        let range = self.cut.range(index);
        Ok(self.hash(range.start, range.end - range.start)?.finish())
    }

    /// Hashes a stretch of the archive.
    pub(super) fn hash(&self, offset: u64, length: u64) -> Result<Hasher, StoreError> {
        let read = hash(self, offset, length);
        read.map_err(|error| failed("read", self.path_at(offset))(error))
    }

    fn path_at(&self, offset: u64) -> &Path {
        let index = usize::try_from(self.cut.holding(offset, 1).start).unwrap_or_default();
        self.files.get(index).map_or(Path::new(""), |piece| &piece.path)
    }

    /// Writes bytes at their place.
    pub(super) fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), StoreError> {
        for slice in self.cut.slices(offset, bytes.len()) {
            if let Some(piece) = self.files.get(slice.index) {
                piece
                    .file
                    .write_all_at(&bytes[slice.part], slice.at)
                    .map_err(failed("write", &piece.path))?;
            }
        }
        Ok(())
    }

    /// Makes all that was written durable.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.files.iter().try_for_each(|piece| piece.file.sync_all().map_err(failed("sync", &piece.path)))
    }

    /// Gives them their names: the first, without which the others are no archive, last.
    pub(super) fn name(&self) -> Result<(), StoreError> {
        for piece in self.files.iter().rev().filter(|piece| piece.path != piece.target) {
            if piece.target.exists() {
                return Err(StoreError::Exists { path: piece.target.clone() });
            }
            rename(&piece.path, &piece.target)?;
        }
        Ok(())
    }
}

impl ReadAt for Pieces {
    fn len(&self) -> u64 {
        self.cut.total()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        for slice in self.cut.slices(offset, buffer.len()) {
            let piece = self.files.get(slice.index).ok_or(io::ErrorKind::UnexpectedEof)?;
            piece.file.read_exact_at(&mut buffer[slice.part], slice.at)?;
        }
        Ok(())
    }
}

impl Piece {
    /// Opens one file under its name while it is filled, or under its own where an earlier run had begun to name them.
    fn open(target: PathBuf, naming: bool) -> Result<Self, StoreError> {
        let mut path = beside(&target, "part");
        if target.exists() {
            if !naming || path.exists() {
                return Err(StoreError::Exists { path: target });
            }
            path.clone_from(&target);
        }
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
        Ok(Self { target, path, file })
    }

    fn reserve(&self, size: u64) -> Result<(), StoreError> {
        match rustix::fs::fallocate(&self.file, rustix::fs::FallocateFlags::empty(), 0, size) {
            // Some file systems cannot reserve; there a full disk shows while writing.
            Ok(()) | Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {}
            Err(error) => return Err(failed("reserve space for", &self.path)(io::Error::from(error))),
        }
        self.file.set_len(size).map_err(failed("reserve space for", &self.path))
    }
}
