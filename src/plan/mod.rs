//! What must travel, and why: the plan is a value that is printed, saved, compared, approved and then carried out.
//!
//! Requests and catalogs become delivered packages here; the flow pins their images, and the sizes say what
//! that means in bytes.

mod document;
mod draft;
mod file;
mod installed;
pub mod order;
mod packed;
mod releases;
pub mod select;
mod sizes;
#[cfg(test)]
mod tests;

pub use document::{
    BytesSummary, Hop, HopEdge, ImageKind, Item, Plan, PlannedCatalog, PlannedImage, PlannedPackage,
    Prerequisite,
};
pub use draft::{Draft, exit};
pub use file::PlanError;
pub use installed::{Installed, belongs, installed_of, strangers};
pub use packed::{Assumed, Earlier, PackedArchive, PackedContents, RecordError, believe};
pub use releases::{Base64, PlannedGraphData, PlannedRelease, PlannedSignature};
pub use sizes::{Holdings, duration, items, prerequisites};
