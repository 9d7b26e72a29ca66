//! The checks of all blocks, in pages that are checked themselves.

use crate::digest::{Digest, Hasher};
use crate::repair::Geometry;

/// Bytes of a check.
pub(super) const CHECK: usize = 8;

/// Bytes of a page: 511 checks and the check of the page.
pub const PAGE: usize = 4096;

const OF_PAGE: usize = PAGE / CHECK - 1;

/// The first bytes of a block's SHA-256: enough to find what differs, never to believe what does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check([u8; CHECK]);

impl Check {
    /// The check of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self::first_of(&Digest::of(bytes))
    }

    /// The check of what has this digest.
    pub fn first_of(digest: &Digest) -> Self {
        Self(digest.bytes().first_chunk().copied().unwrap_or_default())
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8; CHECK] {
        &self.0
    }
}

/// How many pages the checks of an archive take.
pub(super) fn pages(geometry: &Geometry) -> u64 {
    geometry.blocks().div_ceil(OF_PAGE as u64)
}

/// The checks of all blocks of an archive, as far as they are known.
#[derive(Debug, Clone)]
pub struct Table {
    inventory: Digest,
    checks: Vec<Option<Check>>,
}

impl Table {
    /// A table that knows none.
    pub fn empty(inventory: Digest, geometry: &Geometry) -> Self {
        Self { inventory, checks: vec![None; usize::try_from(geometry.blocks()).unwrap_or_default()] }
    }

    /// The check of a block; nothing where it is not known.
    pub fn check(&self, index: u64) -> Option<Check> {
        usize::try_from(index).ok().and_then(|index| self.checks.get(index)).copied().flatten()
    }

    /// Notes the check of a block; one behind the end is none.
    pub fn set(&mut self, index: u64, check: Check) {
        if let Some(slot) = usize::try_from(index).ok().and_then(|index| self.checks.get_mut(index)) {
            *slot = Some(check);
        }
    }

    /// How many pages it has.
    pub fn pages(&self) -> usize {
        self.checks.len().div_ceil(OF_PAGE)
    }

    /// Whether nothing is known of the blocks of a page.
    pub fn lacks(&self, number: usize) -> bool {
        self.slots(number).is_some_and(|slots| slots.iter().all(Option::is_none))
    }

    fn slots(&self, number: usize) -> Option<&[Option<Check>]> {
        self.checks.chunks(OF_PAGE).nth(number)
    }

    /// One page, counted from 0. Checks that are not known, and those behind the last one, are zero bytes.
    pub fn page(&self, number: usize) -> Vec<u8> {
        let checks = self.slots(number).unwrap_or_default();
        let mut page = Vec::with_capacity(PAGE);
        page.extend(checks.iter().flat_map(|check| check.map_or([0; CHECK], |check| check.0)));
        page.resize(PAGE.saturating_sub(CHECK), 0);
        let check = self.of_page(number, &page);
        page.extend_from_slice(check.bytes());
        page
    }

    /// Takes over a page if it is what was written. Returns whether it was.
    pub fn take(&mut self, number: usize, page: &[u8]) -> bool {
        let Some((checks, own)) = page.split_last_chunk::<CHECK>().filter(|_| page.len() == PAGE) else {
            return false;
        };
        if self.of_page(number, checks).bytes() != own {
            return false;
        }
        let slots = self.checks.chunks_mut(OF_PAGE).nth(number).unwrap_or_default();
        let (checks, _) = checks.as_chunks::<CHECK>();
        slots.iter_mut().zip(checks).for_each(|(slot, check)| *slot = Some(Check(*check)));
        true
    }

    /// The check of a page says of which archive it is and which page: one in the place of another is none.
    fn of_page(&self, number: usize, checks: &[u8]) -> Check {
        let mut hasher = Hasher::default();
        hasher.update(self.inventory.bytes());
        hasher.update(&(number as u64).to_le_bytes());
        hasher.update(checks);
        Check::first_of(&hasher.finish())
    }
}
