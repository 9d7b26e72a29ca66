//! Where an archive is read from: bytes at offsets, wherever they live.

use std::io::{self, Read};
use std::sync::Arc;

use crate::digest::Hasher;

/// Bytes that can be read at any offset, from several threads at once: a file, several files that are one archive in
/// pieces, or memory.
pub trait ReadAt: Send + Sync {
    /// How many bytes there are.
    fn len(&self) -> u64;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `buffer` from `offset` on. Fails with `UnexpectedEof` when there are not enough bytes.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

impl ReadAt for [u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let bytes = usize::try_from(offset)
            .ok()
            .and_then(|start| self.get(start..start.checked_add(buffer.len())?))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }
}

impl ReadAt for Vec<u8> {
    fn len(&self) -> u64 {
        ReadAt::len(self.as_slice())
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.as_slice().read_exact_at(buffer, offset)
    }
}

/// Hashes a stretch of a source.
pub fn hash(source: &dyn ReadAt, offset: u64, size: u64) -> io::Result<Hasher> {
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; usize::try_from(size.min(HASHED)).unwrap_or_default()];
    while hasher.length() < size {
        let room = usize::try_from(size.saturating_sub(hasher.length()).min(HASHED)).unwrap_or_default();
        let chunk = buffer.get_mut(..room).ok_or(io::ErrorKind::UnexpectedEof)?;
        source.read_exact_at(chunk, offset.saturating_add(hasher.length()))?;
        hasher.update(chunk);
    }
    Ok(hasher)
}

/// How much is hashed at a time, in bytes.
const HASHED: u64 = 1 << 20;

/// Reads one stretch of a source from front to back.
pub struct Region {
    source: Arc<dyn ReadAt>,
    offset: u64,
    left: u64,
}

impl Region {
    /// The `size` bytes from `offset` on.
    pub fn new(source: Arc<dyn ReadAt>, offset: u64, size: u64) -> Self {
        Self { source, offset, left: size }
    }
}

impl Read for Region {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let Some(buffer) = buffer.get_mut(..room).filter(|buffer| !buffer.is_empty()) else { return Ok(0) };
        self.source.read_exact_at(buffer, self.offset)?;
        self.offset = self.offset.saturating_add(room as u64);
        self.left = self.left.saturating_sub(room as u64);
        Ok(room)
    }
}
