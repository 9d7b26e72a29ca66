//! Rows in strips: the code works on the same bytes of each block of a row, so that a row of any size is worked on in little memory.

use std::ops::Range;

use crate::repair::Geometry;
use crate::repair::geometry::CODED;

/// Bytes of a strip with all that the code holds of it. A strip for each of two threads stays below what a process may need.
const HELD: u32 = 10 << 20;

/// How a row is cut into strips: so many bytes of each block at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strips {
    geometry: Geometry,
    width: u32,
}

impl Strips {
    /// As wide as memory allows where spare blocks are made.
    pub fn to_encode(geometry: Geometry) -> Self {
        Self::holding(geometry, geometry.stripes().saturating_add(geometry.spare()))
    }

    /// As wide as memory allows where blocks are mended: the code has them in a power of two of shards.
    pub fn to_mend(geometry: Geometry) -> Self {
        let [stripes, spare] = [geometry.stripes(), geometry.spare()].map(u32::next_power_of_two);
        Self::holding(geometry, stripes.saturating_add(spare).next_power_of_two())
    }

    /// Strips of that many bytes of each block: a power of two, 64 at least.
    #[cfg(test)]
    pub(super) fn of_width(geometry: Geometry, width: u32) -> Self {
        Self { geometry, width }
    }

    fn holding(geometry: Geometry, shards: u32) -> Self {
        let most = HELD.checked_div(shards).unwrap_or(HELD).max(CODED);
        let width = 1_u32.checked_shl(most.ilog2()).unwrap_or(CODED);
        Self { geometry, width: width.min(geometry.block()) }
    }

    /// How many there are in a row.
    pub fn count(&self) -> u32 {
        self.geometry.block().div_ceil(self.width)
    }

    /// Bytes of each block that are in a strip.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Which bytes of each block a strip has, counted from 0.
    pub fn part(&self, strip: u32) -> Range<u64> {
        let start = u64::from(strip).saturating_mul(u64::from(self.width));
        start..start.saturating_add(u64::from(self.width))
    }

    /// Which bytes of the archive a strip has of a block; fewer or none where it ends.
    pub fn bytes(&self, index: u64, strip: u32) -> Range<u64> {
        let (block, part) = (self.geometry.bytes(index), self.part(strip));
        let at = |within| block.start.saturating_add(within).min(block.end);
        at(part.start)..at(part.end)
    }
}
