//! What people approve an archive with: a table, a page to sign, a bill of materials, sums for stock tools.
//!
//! All of it follows from the plan, so it can be read and approved before anything is downloaded; what is known only when the
//! archive is written ([`Sealed`]) is added then. The same plan gives the same papers.

mod bill;
mod contents;
mod custody;
mod summary;
mod sums;

pub use bill::bill;
pub use contents::{Contents, contents};
pub use custody::{Custody, Deed, custody};
pub use summary::summary;
pub use sums::{parse_sums, sums};

use crate::digest::Digest;
use crate::trust::KeyId;

/// An archive as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Its own file name, without the number of a volume.
    pub name: String,
    /// Digest of its inventory.
    pub inventory: Digest,
    /// Its bytes.
    pub size: u64,
    /// The keys that signed it.
    pub signers: Vec<KeyId>,
    /// The volumes that it lies in, by name with their bytes; none where it is one file.
    pub volumes: Vec<(String, u64)>,
}

/// A digest to read aloud: the first half of it, in eight groups of four. Nobody finds other bytes that agree in 128 bits.
pub fn spoken(digest: &Digest) -> String {
    let hex = digest.hex();
    let groups: Vec<&str> = (0..8).filter_map(|group| hex.get(group * 4..group * 4 + 4)).collect();
    groups.join(" ")
}
