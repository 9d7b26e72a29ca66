//! How an archive is cut into blocks, and which blocks stand in one row.

use std::ops::Range;

use crate::limits::Limits;
use crate::repair::{RepairError, Share, odds};

/// The least bytes of a block that is written: what media lose is a sector at least, and files are kept in pages.
const SMALLEST: u64 = 4 << 10;

/// The most bytes of a block.
const LARGEST: u64 = 8 << 20;

/// The least bytes of a block that is read, and of a strip: what the code works with.
pub(super) const CODED: u32 = 64;

/// The most blocks of a row that is written. The longer a row, the smaller its margin; the more blocks, the smaller are its strips.
const STRIPES: u64 = 8_192;

/// The most bytes of a row that is written: it is read strip by strip, and should be in the page cache meanwhile.
const ROW: u64 = 512 << 20;

/// Archives larger than this are cut into larger blocks, so that a disk reads them in longer stretches: up to how many bytes, and how
/// large a block is.
const STEPS: [(u64, u64); 2] = [(256 << 20, SMALLEST), (4 << 30, 16 << 10)];
const ABOVE: u64 = 64 << 10;

/// Where blocks, rows and spare blocks of an archive are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Geometry {
    total: u64,
    block: u32,
    rows: u32,
    stripes: u32,
    spare: u32,
}

/// Where a block stands: in which row, and in which stripe of the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The row, counted from 0.
    pub row: u32,
    /// The stripe, counted from 0.
    pub stripe: u32,
}

impl Geometry {
    /// Cuts an archive of `total` bytes so that as many of its blocks can be `lost`, wherever they stand.
    pub fn choose(total: u64, lost: Share, limits: &Limits) -> Result<Self, RepairError> {
        let mut block = STEPS.iter().find(|(most, _)| total <= *most).map_or(ABOVE, |(_, block)| *block);
        while total.div_ceil(block) > limits.repair_blocks {
            block = block.saturating_mul(2);
        }
        if block > LARGEST {
            return Err(RepairError::Large { total });
        }
        Self::cut(total, block, STRIPES.min(ROW.checked_div(block).unwrap_or(1)), lost, limits)
    }

    /// The same, with blocks of that size, and no more than `most` of them in a row.
    pub(super) fn cut(
        total: u64,
        block: u64,
        most: u64,
        lost: Share,
        limits: &Limits,
    ) -> Result<Self, RepairError> {
        let small = |number: u64| u32::try_from(number).map_err(|_| RepairError::Large { total });
        let blocks = total.div_ceil(block).max(1);
        let rows = blocks.div_ceil(most);
        let stripes = small(blocks.div_ceil(rows))?;
        // A stretch need not begin where a block does, and then ends in one more.
        let lost = small(lost.of(blocks).saturating_add(1))?;
        let rows = small(rows)?;
        Self::new(total, small(block)?, rows, odds::spare(rows, stripes, lost), limits)
    }

    /// Takes what a header says, if all of it can be: numbers that would need too much memory or work are refused here.
    pub fn new(total: u64, block: u32, rows: u32, spare: u32, limits: &Limits) -> Result<Self, RepairError> {
        let refuse = |what| Err(RepairError::Header { what });
        if block < CODED || !block.is_power_of_two() || u64::from(block) > LARGEST {
            return refuse("its blocks have no size that blocks can have");
        }
        let blocks = total.div_ceil(u64::from(block));
        if total == 0 || blocks > limits.repair_blocks {
            return refuse("the archive has too many blocks, or none");
        }
        if rows == 0 || u64::from(rows) > blocks {
            return refuse("it has more rows than the archive has blocks, or none");
        }
        let Ok(stripes) = u32::try_from(blocks.div_ceil(u64::from(rows))) else {
            return refuse("it has too many stripes");
        };
        if spare == 0 || spare > stripes {
            return refuse("its rows have more spare blocks than blocks, or none");
        }
        let [of_row, spare_ones] =
            [stripes, spare].map(|number| usize::try_from(number).unwrap_or(usize::MAX));
        if !reed_solomon_simd::ReedSolomonEncoder::supports(of_row, spare_ones) {
            return refuse("its rows are too large");
        }
        Ok(Self { total, block, rows, stripes, spare })
    }

    /// Bytes of the archive.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Bytes of a block; the last one may have fewer.
    pub fn block(&self) -> u32 {
        self.block
    }

    /// How many blocks the archive has.
    pub fn blocks(&self) -> u64 {
        self.total.div_ceil(u64::from(self.block))
    }

    /// How many rows there are.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// How many blocks stand in a row, those behind the end of the archive among them.
    pub fn stripes(&self) -> u32 {
        self.stripes
    }

    /// How many spare blocks each row has: so many of its blocks may be lost.
    pub fn spare(&self) -> u32 {
        self.spare
    }

    /// How many blocks may be lost wherever they stand, if `spare` of each row's spare blocks are there: for certain where there is
    /// one row, else but for one chance in a million. It may be more than the archive has.
    pub fn anywhere(&self, spare: u32) -> u32 {
        odds::lost(self.rows, self.stripes, spare.min(self.spare))
    }

    /// Which bytes of the archive a block has, counted from 0; none behind the end.
    pub fn bytes(&self, index: u64) -> Range<u64> {
        let block = u64::from(self.block);
        let start = index.saturating_mul(block).min(self.total);
        start..start.saturating_add(block).min(self.total)
    }

    /// The block that stands there. It is none of the archive where it would lie behind the end.
    pub fn index(&self, place: Place) -> u64 {
        u64::from(place.stripe).saturating_mul(u64::from(self.rows)).saturating_add(u64::from(place.row))
    }

    /// Where a block stands.
    pub fn place(&self, index: u64) -> Place {
        let rows = u64::from(self.rows);
        let small =
            |number: Option<u64>| number.and_then(|number| u32::try_from(number).ok()).unwrap_or(u32::MAX);
        Place { row: small(index.checked_rem(rows)), stripe: small(index.checked_div(rows)) }
    }
}
