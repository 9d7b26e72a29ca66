//! Repair data: what mends an archive of which some blocks were lost or flipped on the way (`schema/repair-v1.md`).
//!
//! The archive is cut into blocks, and the blocks into *stripes* that follow each other. The blocks that lie at the same place of
//! each stripe are a *row*; to each row belong some spare blocks (Reed–Solomon), of which any mends any block of the row. A row is spread
//! over the whole archive, so that what is lost in one stretch, a scratch or a whole volume, is spread over all rows.
//!
//! Nobody signs repair data, and nobody believes it: it finds what differs and makes bytes, and the archive that comes out is judged by
//! its own inventory like any other.
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod code;
mod error;
mod geometry;
mod header;
mod name;
mod share;
mod table;
#[cfg(test)]
mod tests;

pub use code::{Row, RowEncoder, RowMender, record_fits};
pub use error::RepairError;
pub use geometry::{Geometry, Place};
pub use header::{Header, split};
pub use name::RepairName;
pub use share::Share;
pub use table::{Check, PAGE, Table};
