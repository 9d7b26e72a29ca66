//! What must travel, and why: the plan is a value that is printed, saved, compared, approved and then carried out.

mod document;

pub use document::{
    BytesSummary, Hop, HopEdge, ImageKind, Item, Plan, PlannedCatalog, PlannedImage, PlannedPackage,
    Prerequisite,
};
