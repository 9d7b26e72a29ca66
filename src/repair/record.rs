//! A spare block as it lies in a file: with a check that says of which archive it is, and which it is.

use crate::digest::{Digest, Hasher};
use crate::repair::Check;
use crate::repair::table::CHECK;

/// Hashes a spare block as its bytes come. One in the place of another, or of another archive, gives another digest.
#[derive(Clone)]
pub struct SpareHasher(Hasher);

impl SpareHasher {
    /// For the spare block of that number of a row.
    pub fn new(inventory: &Digest, row: u32, number: u32) -> Self {
        let mut hasher = Hasher::default();
        hasher.update(inventory.bytes());
        hasher.update(&row.to_le_bytes());
        hasher.update(&number.to_le_bytes());
        Self(hasher)
    }

    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest, whose first bytes are the check.
    pub fn finish(self) -> Digest {
        self.0.finish()
    }
}

/// The digest of a record's spare block, if the record is what was written.
pub fn record_fits(inventory: &Digest, row: u32, number: u32, record: &[u8]) -> Option<Digest> {
    let (spare, check) = record.split_last_chunk::<CHECK>()?;
    let mut hasher = SpareHasher::new(inventory, row, number);
    hasher.update(spare);
    let digest = hasher.finish();
    (Check::first_of(&digest).bytes() == check).then_some(digest)
}
