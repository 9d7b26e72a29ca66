//! Volumes: an archive cut into files that fit a medium.
//!
//! Volumes are byte cuts of exactly one archive; `cat` joins them. Beside each lies a label ([`VolumeLabel`]) that says which of how
//! many of what it is, so that one can be checked alone and a missing, foreign, doubled or damaged one has a name. Labels are not
//! signed: they find and tell apart. What is believed is what the archive's own inventory says, whichever files its bytes came from.

mod cut;
mod error;
mod label;
mod medium;
mod name;
mod salvage;
mod set;
mod shape;

pub use cut::{Cut, MOST, SMALLEST, Slice};
pub use error::VolumeError;
pub use label::VolumeLabel;
pub use medium::{MediumKind, parse_size};
pub use name::{VolumeName, check_extension};
pub use salvage::salvage;
pub use set::{Candidate, Sorted, sort};
pub use shape::Shape;
