//! Repair data: what mends an archive of which some blocks were lost or flipped on the way (`schema/repair-v1.md`).
//!
//! The archive is cut into blocks, and the blocks into *stripes* that follow each other. The blocks that lie at the same place of
//! each stripe are a *row*; to each row belong some spare blocks (Reed–Solomon), of which any mends any block of the row. A row is spread
//! over the whole archive, so that what is lost in one stretch, a scratch or a whole volume, is spread over all rows. What is lost here and
//! there meets rows by chance: each has more spare blocks than its share, so many that it is next to certain that none of them lacks any.
//!
//! A row may be large; it is worked on in *strips*, some bytes of each block at a time.
//!
//! Nobody signs repair data, and nobody believes it: it finds what differs and makes bytes, and the archive that comes out is judged by
//! its own inventory like any other.
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod code;
mod error;
mod geometry;
mod header;
mod name;
mod odds;
mod record;
mod share;
mod strip;
mod table;
#[cfg(test)]
mod tests;

pub use code::{StripEncoder, StripMender};
pub use error::RepairError;
pub use geometry::{Geometry, Place};
pub use header::{Header, split};
pub use name::RepairName;
pub use record::{SpareHasher, record_fits};
pub use share::Share;
pub use strip::Strips;
pub use table::{Check, PAGE, Table};
