//! Versions and the two range grammars of this field, which disagree about pre-releases.
//!
//! [`BlangRange`] is what a catalog speaks (`skipRange`, `olm.package.required`); [`MastermindsRange`] is what an
//! ImageSetConfiguration speaks (`minVersion`, `maxVersion`). `4.16.3-rhodf` is in `>=4.15.0 <4.17.0` for the first and
//! not for the second.

mod blang;
mod masterminds;
mod semver;

pub use blang::{BlangRange, RangeError};
pub use masterminds::MastermindsRange;
pub use semver::{Version, VersionError};
