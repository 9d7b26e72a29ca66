//! The file that a mended archive is written to: it has its name only when somebody has judged it.

use std::io;
use std::path::Path;

use crate::archive::ReadAt;
use crate::store::files::StoreError;
use crate::store::pieces::Pieces;
use crate::volume::Cut;

/// An archive that is being mended.
#[derive(Debug)]
pub struct MendedFile {
    pieces: Pieces,
}

impl MendedFile {
    /// Makes the file that will be `target`, and reserves its `total` bytes.
    pub fn create(target: &Path, total: u64) -> Result<Self, StoreError> {
        let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let pieces = Pieces::open(target, Cut::whole(total), &[name], false)?;
        pieces.begin_anew(target)?;
        Ok(Self { pieces })
    }

    /// Writes bytes at their place.
    pub fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), StoreError> {
        self.pieces.write_at(bytes, offset)
    }

    /// Makes it durable and gives it its name.
    pub fn keep(&self) -> Result<(), StoreError> {
        self.pieces.sync()?;
        self.pieces.name()
    }

    /// Removes it: what it holds is not the archive.
    pub fn discard(&self) {
        self.pieces.discard();
    }
}

impl ReadAt for MendedFile {
    fn len(&self) -> u64 {
        self.pieces.len()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.pieces.read_exact_at(buffer, offset)
    }
}
