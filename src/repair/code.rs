//! A strip of a row encoded and mended.

use std::io;
use std::ops::Range;

use reed_solomon_simd::{ReedSolomonDecoder, ReedSolomonEncoder};

use crate::repair::{Geometry, Place, RepairError, Strips};

/// Makes the spare blocks of rows, a strip at a time.
pub struct StripEncoder {
    geometry: Geometry,
    strips: Strips,
    encoder: ReedSolomonEncoder,
    shard: Vec<u8>,
}

impl StripEncoder {
    /// For the rows of this archive.
    pub fn new(geometry: Geometry, strips: Strips) -> Result<Self, RepairError> {
        let width = size(strips.width());
        let encoder = ReedSolomonEncoder::new(size(geometry.stripes()), size(geometry.spare()), width)?;
        Ok(Self { geometry, strips, encoder, shard: vec![0; width] })
    }

    /// The part of each spare block that lies in a strip, one behind the other, out of the bytes that `read` fetches.
    pub fn strip(
        &mut self,
        row: u32,
        strip: u32,
        mut read: impl FnMut(Range<u64>, &mut [u8]) -> io::Result<()>,
    ) -> io::Result<Result<Vec<u8>, RepairError>> {
        for stripe in 0..self.geometry.stripes() {
            let index = self.geometry.index(Place { row, stripe });
            fill(&mut self.shard, self.strips.bytes(index, strip), &mut read)?;
            if let Err(error) = self.encoder.add_original_shard(&self.shard) {
                return Ok(Err(error.into()));
            }
        }
        Ok(self.spare())
    }

    fn spare(&mut self) -> Result<Vec<u8>, RepairError> {
        let mut spare = Vec::with_capacity(self.shard.len().saturating_mul(size(self.geometry.spare())));
        self.encoder.encode()?.recovery_iter().for_each(|shard| spare.extend_from_slice(shard));
        Ok(spare)
    }
}

/// Mends rows, a strip at a time.
pub struct StripMender {
    geometry: Geometry,
    strips: Strips,
    decoder: ReedSolomonDecoder,
    shard: Vec<u8>,
}

impl StripMender {
    /// For the rows of this archive.
    pub fn new(geometry: Geometry, strips: Strips) -> Result<Self, RepairError> {
        let width = size(strips.width());
        let decoder = ReedSolomonDecoder::new(size(geometry.stripes()), size(geometry.spare()), width)?;
        Ok(Self { geometry, strips, decoder, shard: vec![0; width] })
    }

    /// Takes in the strip of a block that is whole: `read` fetches its bytes, where it has any.
    pub fn block(
        &mut self,
        place: Place,
        strip: u32,
        read: impl FnOnce(Range<u64>, &mut [u8]) -> io::Result<()>,
    ) -> io::Result<Result<(), RepairError>> {
        fill(&mut self.shard, self.strips.bytes(self.geometry.index(place), strip), read)?;
        Ok(self.decoder.add_original_shard(size(place.stripe), &self.shard).map_err(RepairError::from))
    }

    /// Takes in the strip of a spare block.
    pub fn spare(&mut self, number: u32, bytes: &[u8]) -> Result<(), RepairError> {
        Ok(self.decoder.add_recovery_shard(size(number), bytes)?)
    }

    /// Makes the strip of each block that was not given, and is ready for another one. `write` is told where in the archive the
    /// bytes lie; there are none behind its end.
    pub fn mended<E>(
        &mut self,
        row: u32,
        strip: u32,
        mut write: impl FnMut(Range<u64>, &[u8]) -> Result<(), E>,
    ) -> Result<Result<(), E>, RepairError> {
        for (stripe, bytes) in self.decoder.decode()?.restored_original_iter() {
            let Ok(stripe) = u32::try_from(stripe) else { continue };
            let range = self.strips.bytes(self.geometry.index(Place { row, stripe }), strip);
            let bytes = bytes.get(..length(&range)).unwrap_or_default();
            if let Err(error) = write(range, bytes) {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }
}

/// Fills a shard with bytes of the archive. What lies behind the end counts as zeros.
fn fill(
    shard: &mut [u8],
    range: Range<u64>,
    read: impl FnOnce(Range<u64>, &mut [u8]) -> io::Result<()>,
) -> io::Result<()> {
    let (bytes, behind) = shard.split_at_mut_checked(length(&range)).unwrap_or_default();
    behind.fill(0);
    if range.is_empty() { Ok(()) } else { read(range, bytes) }
}

fn length(range: &Range<u64>) -> usize {
    usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX)
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
