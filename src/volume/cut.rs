//! Where an archive is cut: which volume holds which of its bytes.

use std::ops::Range;

use crate::volume::VolumeError;

/// The most volumes of one archive: their names end in three digits.
pub const MOST: u64 = 999;

/// The least bytes of a volume (the last one may have fewer).
pub const SMALLEST: u64 = 64 << 10;

/// An archive of so many bytes in volumes of one size; the last has what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cut {
    total: u64,
    size: u64,
}

/// A stretch of a buffer, and where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// The volume, counted from 0.
    pub index: usize,
    /// Where in that volume, in bytes from its start.
    pub at: u64,
    /// Which part of the buffer.
    pub part: Range<usize>,
}

impl Cut {
    /// All in one file.
    pub fn whole(total: u64) -> Self {
        Self { total, size: total.max(1) }
    }

    /// A cut that somebody made; nothing where no volume would hold anything.
    pub(super) fn of(total: u64, size: u64) -> Option<Self> {
        (size > 0).then_some(Self { total, size })
    }

    /// Cuts `total` bytes into volumes of at most `size` bytes.
    pub fn new(total: u64, size: u64) -> Result<Self, VolumeError> {
        if size < SMALLEST {
            return Err(VolumeError::Small { size });
        }
        let cut = Self { total, size };
        match cut.count() {
            count if count > MOST => Err(VolumeError::Many { total, size, count }),
            _ => Ok(cut),
        }
    }

    /// How many volumes there are: one at least.
    pub fn count(&self) -> u64 {
        self.total.div_ceil(self.size).max(1)
    }

    /// Bytes of the whole archive.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The bytes that a volume holds, counted from 0; nothing behind the last.
    pub fn range(&self, index: u64) -> Range<u64> {
        let start = index.saturating_mul(self.size).min(self.total);
        start..start.saturating_add(self.size).min(self.total)
    }

    /// The volumes that hold a stretch of the archive, counted from 0.
    pub fn holding(&self, offset: u64, length: u64) -> Range<u64> {
        let last = offset.saturating_add(length.max(1)).min(self.total);
        (offset / self.size)..last.div_ceil(self.size).max(offset / self.size)
    }

    /// A buffer of `length` bytes from `offset` on, laid over the volumes. What lies behind the end is left out.
    pub fn slices(&self, offset: u64, length: usize) -> impl Iterator<Item = Slice> {
        let cut = *self;
        let mut done = 0;
        std::iter::from_fn(move || {
            let here = offset.checked_add(done as u64)?;
            if done >= length || here >= cut.total {
                return None;
            }
            let index = here / cut.size;
            let left = usize::try_from(cut.range(index).end - here).unwrap_or(usize::MAX);
            let end = done.saturating_add(left).min(length);
            let slice = Slice {
                index: usize::try_from(index).ok()?,
                at: here - cut.range(index).start,
                part: done..end,
            };
            done = end;
            Some(slice)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_cut_is_exact_in_bytes() {
        let cut = Cut::new(200_000, 65_536).unwrap();
        assert_eq!(cut.count(), 4);
        assert_eq!(cut.range(0), 0..65_536);
        assert_eq!(cut.range(3), 196_608..200_000);
        assert_eq!(cut.range(4), 200_000..200_000);
        assert_eq!(Cut::new(65_536, 65_536).unwrap().count(), 1);
        assert_eq!(Cut::whole(0).count(), 1);
    }

    #[test]
    fn the_volumes_of_a_stretch_are_named() {
        let cut = Cut::new(200_000, 65_536).unwrap();
        assert_eq!(cut.holding(65_535, 2), 0..2);
        assert_eq!(cut.holding(65_536, 1), 1..2);
        assert_eq!(cut.holding(0, 0), 0..1);
        assert_eq!(cut.holding(199_999, 5_000), 3..4);
    }

    #[test]
    fn too_small_and_too_many_are_refused() {
        assert!(matches!(Cut::new(1 << 30, SMALLEST - 1), Err(VolumeError::Small { .. })));
        assert!(Cut::new(MOST * SMALLEST, SMALLEST).is_ok());
        assert!(matches!(
            Cut::new(MOST * SMALLEST + 1, SMALLEST),
            Err(VolumeError::Many { count: 1_000, .. })
        ));
    }

    proptest! {
        #[test]
        fn slices_cover_a_buffer_once_and_in_order(total in 1u64..1_000_000, size in SMALLEST..200_000, offset in 0u64..1_000_000, length in 0usize..400_000) {
            let cut = Cut::new(total, size).unwrap();
            let mut next = 0;
            for slice in cut.slices(offset, length) {
                prop_assert_eq!(slice.part.start, next);
                let range = cut.range(slice.index as u64);
                prop_assert_eq!(range.start + slice.at, offset + next as u64);
                next = slice.part.end;
                prop_assert!(offset + next as u64 <= range.end);
            }
            let there = total.saturating_sub(offset).min(length as u64);
            prop_assert_eq!(next as u64, there);
        }
    }
}
