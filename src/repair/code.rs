//! A row encoded and mended.

use std::io;
use std::ops::Range;

use reed_solomon_simd::{ReedSolomonDecoder, ReedSolomonEncoder};

use crate::digest::{Digest, Hasher};
use crate::repair::table::CHECK;
use crate::repair::{Check, Geometry, Place, RepairError};

/// Makes the spare blocks of one row after the other.
pub struct RowEncoder {
    inventory: Digest,
    geometry: Geometry,
    encoder: ReedSolomonEncoder,
    block: Vec<u8>,
}

/// What a row adds to the repair data.
#[derive(Debug)]
pub struct Row {
    /// Which row it is, counted from 0.
    pub number: u32,
    /// The checks of its blocks by stripe.
    pub checks: Vec<Check>,
    /// Its spare blocks in order, each followed by its check.
    pub records: Vec<u8>,
}

impl RowEncoder {
    /// For the rows of this archive.
    pub fn new(inventory: Digest, geometry: Geometry) -> Result<Self, RepairError> {
        let encoder = ReedSolomonEncoder::new(
            size(geometry.stripes()),
            size(geometry.spare()),
            size(geometry.block()),
        )?;
        Ok(Self { inventory, geometry, encoder, block: vec![0; size(geometry.block())] })
    }

    /// Encodes a row out of the bytes that `read` fetches.
    pub fn row(
        &mut self,
        number: u32,
        mut read: impl FnMut(Range<u64>, &mut [u8]) -> io::Result<()>,
    ) -> io::Result<Result<Row, RepairError>> {
        let mut checks = Vec::with_capacity(size(self.geometry.stripes()));
        for stripe in 0..self.geometry.stripes() {
            let range = self.geometry.bytes(self.geometry.index(Place { row: number, stripe }));
            let length = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
            let (bytes, behind) = self.block.split_at_mut_checked(length).unwrap_or_default();
            if !range.is_empty() {
                read(range, bytes)?;
                checks.push(Check::of(bytes));
            }
            // What lies behind the end counts as zeros.
            behind.fill(0);
            if let Err(error) = self.encoder.add_original_shard(&self.block) {
                return Ok(Err(error.into()));
            }
        }
        Ok(self.spare(number).map(|records| Row { number, checks, records }))
    }

    fn spare(&mut self, row: u32) -> Result<Vec<u8>, RepairError> {
        let of_record = size(self.geometry.block()).saturating_add(CHECK);
        let mut records = Vec::with_capacity(of_record.saturating_mul(size(self.geometry.spare())));
        let encoded = self.encoder.encode()?;
        for (number, spare) in (0..).zip(encoded.recovery_iter()) {
            records.extend_from_slice(spare);
            records.extend_from_slice(check_of(&self.inventory, row, number, spare).bytes());
        }
        Ok(records)
    }
}

/// The check of a spare block says of which archive it is, and which: one in the place of another is none.
fn check_of(inventory: &Digest, row: u32, number: u32, spare: &[u8]) -> Check {
    let mut hasher = Hasher::default();
    hasher.update(inventory.bytes());
    hasher.update(&row.to_le_bytes());
    hasher.update(&number.to_le_bytes());
    hasher.update(spare);
    Check::short(&hasher.finish())
}

/// The spare block of a record, if it is what was written.
pub fn record_fits<'r>(inventory: &Digest, row: u32, number: u32, record: &'r [u8]) -> Option<&'r [u8]> {
    let (spare, check) = record.split_last_chunk::<CHECK>()?;
    (check_of(inventory, row, number, spare).bytes() == check).then_some(spare)
}

/// Mends one row after the other.
pub struct RowMender {
    geometry: Geometry,
    decoder: ReedSolomonDecoder,
    block: Vec<u8>,
}

impl RowMender {
    /// For the rows of this archive.
    pub fn new(geometry: Geometry) -> Result<Self, RepairError> {
        let (stripes, spare, block) =
            (size(geometry.stripes()), size(geometry.spare()), size(geometry.block()));
        let decoder = ReedSolomonDecoder::new(stripes, spare, block)?;
        Ok(Self { geometry, decoder, block: vec![0; block] })
    }

    /// Takes in a block of the row that is whole: `fill` writes its bytes, where it has any.
    pub fn block(
        &mut self,
        place: Place,
        fill: impl FnOnce(Range<u64>, &mut [u8]) -> io::Result<()>,
    ) -> io::Result<Result<(), RepairError>> {
        let range = self.geometry.bytes(self.geometry.index(place));
        let length = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
        let (bytes, behind) = self.block.split_at_mut_checked(length).unwrap_or_default();
        if !range.is_empty() {
            fill(range, bytes)?;
        }
        behind.fill(0);
        Ok(self.decoder.add_original_shard(size(place.stripe), &self.block).map_err(RepairError::from))
    }

    /// Takes in a spare block.
    pub fn spare(&mut self, number: u32, bytes: &[u8]) -> Result<(), RepairError> {
        Ok(self.decoder.add_recovery_shard(size(number), bytes)?)
    }

    /// Makes the blocks that were not given, each with its stripe and without what lies behind the end, and is ready for another row.
    pub fn mended(&mut self, row: u32) -> Result<Vec<(Place, Vec<u8>)>, RepairError> {
        let decoded = self.decoder.decode()?;
        let mended = decoded.restored_original_iter().filter_map(|(stripe, bytes)| {
            let place = Place { row, stripe: u32::try_from(stripe).ok()? };
            let range = self.geometry.bytes(self.geometry.index(place));
            let length = usize::try_from(range.end.saturating_sub(range.start)).ok()?;
            Some((place, bytes.get(..length)?.to_vec()))
        });
        Ok(mended.collect())
    }
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
