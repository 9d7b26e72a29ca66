//! What is left of a broken archive: every file that may hold some of its bytes, read block by block.

use std::path::{Path, PathBuf};

use crate::archive::ReadAt;
use crate::digest::Digest;
use crate::store::archive_file::ArchiveFile;
use crate::store::files::StoreError;
use crate::store::volumes::{Gathered, gather};
use crate::volume::{Cut, salvage};

/// An archive of which files may be missing, torn or damaged. Copies of a volume help each other out.
#[derive(Debug)]
pub struct Salvage {
    cut: Cut,
    volumes: Vec<Vec<Copy>>,
}

#[derive(Debug)]
struct Copy {
    path: PathBuf,
    file: ArchiveFile,
}

impl Salvage {
    /// Opens what these paths mean of the archive with this inventory. What cannot be opened is as good as missing.
    pub fn open(paths: &[PathBuf], inventory: &Digest, total: u64) -> Result<Self, StoreError> {
        let Gathered { whole, candidates, .. } = gather(paths)?;
        let opened = |path: PathBuf| Some(Copy { file: ArchiveFile::open(&path).ok()?, path });
        if candidates.is_empty() {
            let volumes = vec![whole.into_iter().filter_map(opened).collect()];
            return Ok(Self { cut: Cut::whole(total), volumes });
        }
        let (cut, volumes) = salvage(candidates, inventory, total);
        let opened = |copies: Vec<_>| {
            copies.into_iter().filter_map(|copy: crate::volume::Candidate| opened(copy.path)).collect()
        };
        Ok(Self { cut, volumes: volumes.into_iter().map(opened).collect() })
    }

    /// Asks the kernel to forget what it has read, so that the next read asks the medium.
    pub fn forget(&self) {
        self.volumes.iter().flatten().for_each(|copy| copy.file.forget());
    }

    /// Bytes of the whole archive.
    pub fn total(&self) -> u64 {
        self.cut.total()
    }

    /// Fills `buffer` from `offset` on with bytes that are `right`, out of whichever copies have them. Returns whether there were any.
    pub fn read(&self, offset: u64, buffer: &mut [u8], right: impl Fn(&[u8]) -> bool) -> bool {
        let turns = self.volumes.iter().map(Vec::len).max().unwrap_or_default();
        (0..turns).any(|turn| self.read_copy(turn, offset, buffer) && right(buffer))
    }

    /// The same out of one copy of each volume; of a volume with fewer copies out of its last.
    fn read_copy(&self, turn: usize, offset: u64, buffer: &mut [u8]) -> bool {
        let length = buffer.len();
        self.cut.slices(offset, length).all(|slice| {
            let copies = self.volumes.get(slice.index).map(Vec::as_slice).unwrap_or_default();
            let copy = copies.get(turn).or(copies.last());
            let part = buffer.get_mut(slice.part.clone());
            copy.zip(part).is_some_and(|(copy, part)| copy.file.read_exact_at(part, slice.at).is_ok())
        })
    }

    /// The files that hold a stretch, each once; where one is missing, the number of the volume counted from 1.
    pub fn holding(&self, offset: u64, length: u64) -> impl Iterator<Item = Result<&Path, u64>> {
        self.cut.holding(offset, length).map(|index| {
            let copies = usize::try_from(index).ok().and_then(|index| self.volumes.get(index));
            copies.and_then(|copies| copies.first()).map(|copy| copy.path.as_path()).ok_or(index + 1)
        })
    }
}
