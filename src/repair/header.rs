//! One file of repair data: its header, and where what lies in it.

use std::ops::Range;

use crate::digest::Digest;
use crate::limits::Limits;
use crate::repair::name::MOST;
use crate::repair::table::{CHECK, PAGE, pages};
use crate::repair::{Geometry, RepairError};

/// What every header begins with.
const MAGIC: &[u8; 16] = b"ombundle-repair1";

/// What stands at both ends of a file of repair data: of which archive it is, how that is cut, and which spare blocks are in it.
///
/// Each file can be used without the others: it holds the checks of all blocks, and of each row as many spare blocks as it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Header {
    /// Digest of the archive's inventory.
    pub inventory: Digest,
    /// How the archive is cut.
    pub geometry: Geometry,
    /// The first spare block of each row that is here, counted from 0.
    pub first: u32,
    /// How many spare blocks of each row are here.
    pub count: u32,
}

impl Header {
    /// Bytes of a header.
    pub const SIZE: usize = 512;

    /// Its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::SIZE);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&self.geometry.total().to_le_bytes());
        let numbers =
            [self.geometry.block(), self.geometry.rows(), self.geometry.spare(), self.first, self.count];
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        bytes.extend_from_slice(self.inventory.bytes());
        let check = Digest::of(&bytes);
        bytes.extend_from_slice(check.bytes());
        bytes.resize(Self::SIZE, 0);
        bytes
    }

    /// Reads a header; what follows its 512 bytes is left alone.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, RepairError> {
        let mut rest = bytes;
        let refuse = |what| RepairError::Header { what };
        let short = || refuse("it ends in its header");
        if rest.split_off(..MAGIC.len()).ok_or_else(short)? != MAGIC {
            return Err(refuse("it does not begin like any"));
        }
        let total = u64::from_le_bytes(*rest.split_off(..8).and_then(<[u8]>::as_array).ok_or_else(short)?);
        let mut number = || rest.split_off(..4).and_then(<[u8]>::as_array).copied().map(u32::from_le_bytes);
        let numbers = [number(), number(), number(), number(), number()];
        let [Some(block), Some(rows), Some(spare), Some(first), Some(count)] = numbers else {
            return Err(short());
        };
        let inventory = *rest.split_off(..32).and_then(<[u8]>::as_array).ok_or_else(short)?;
        let signed = bytes.len().saturating_sub(rest.len());
        let check = Digest::of(bytes.get(..signed).unwrap_or_default());
        if rest.split_off(..32) != Some(check.bytes()) {
            return Err(refuse("its header is damaged"));
        }
        let zeros = Self::SIZE.checked_sub(signed).and_then(|left| left.checked_sub(32));
        let padding = zeros.and_then(|left| rest.get(..left)).ok_or_else(short)?;
        if padding.iter().any(|&byte| byte != 0) {
            return Err(refuse("its header is damaged"));
        }
        let geometry = Geometry::new(total, block, rows, spare, limits)?;
        if count == 0 || first.checked_add(count).is_none_or(|end| end > spare) {
            return Err(refuse("it holds other spare blocks than its rows have"));
        }
        Ok(Self { inventory: Digest::from_bytes(inventory), geometry, first, count })
    }

    /// The numbers of the spare blocks of each row that are here.
    pub fn numbers(&self) -> Range<u32> {
        self.first..self.first.saturating_add(self.count)
    }

    /// Bytes of a file with this header.
    pub fn length(&self) -> u64 {
        self.last_header().saturating_add(Self::SIZE as u64)
    }

    /// Where the header stands for the second time.
    pub fn last_header(&self) -> u64 {
        self.tables().last().map_or(0, |last| last.saturating_add(self.table_bytes()))
    }

    /// Where the table of checks stands, both times.
    pub fn tables(&self) -> [u64; 2] {
        let first = Self::SIZE as u64;
        [first, self.records().saturating_add(self.record_bytes().saturating_mul(self.records_here()))]
    }

    /// Where the records begin. They follow each other row by row, and in a row by their number.
    pub fn records(&self) -> u64 {
        (Self::SIZE as u64).saturating_add(self.table_bytes())
    }

    /// Where a spare block is; nothing where this file has not got it.
    pub fn record_at(&self, row: u32, number: u32) -> Option<u64> {
        let here = number.checked_sub(self.first).filter(|here| *here < self.count)?;
        let before = u64::from(row).checked_mul(u64::from(self.count))?.checked_add(u64::from(here))?;
        self.records().checked_add(before.checked_mul(self.record_bytes())?)
    }

    /// Bytes of a spare block with its check.
    pub fn record_bytes(&self) -> u64 {
        u64::from(self.geometry.block()).saturating_add(CHECK as u64)
    }

    fn records_here(&self) -> u64 {
        u64::from(self.geometry.rows()).saturating_mul(u64::from(self.count))
    }

    fn table_bytes(&self) -> u64 {
        pages(&self.geometry).saturating_mul(PAGE as u64)
    }
}

/// Shares the spare blocks out to files of at most `most` bytes, or puts all of them into one.
pub fn split(inventory: Digest, geometry: Geometry, most: Option<u64>) -> Result<Vec<Header>, RepairError> {
    let spare = geometry.spare();
    let header = |first, count| Header { inventory, geometry, first, count };
    let all = header(0, spare);
    let Some(most) = most.filter(|most| all.length() > *most) else { return Ok(vec![all]) };
    let least = header(0, 1).length();
    let step = header(0, 2).length().saturating_sub(least);
    let room = most.checked_sub(least).and_then(|more| more.checked_div(step));
    let count = room.map(|more| more.saturating_add(1)).and_then(|count| u32::try_from(count).ok());
    let Some(count) = count else { return Err(RepairError::Small { least, most }) };
    let headers: Vec<Header> = (0..spare)
        .step_by(usize::try_from(count).unwrap_or(usize::MAX))
        .map(|first| header(first, count.min(spare.saturating_sub(first))))
        .collect();
    if headers.len() as u64 > MOST { Err(RepairError::Small { least, most }) } else { Ok(headers) }
}
