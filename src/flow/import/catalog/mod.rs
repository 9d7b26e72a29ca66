//! One catalog of production: read, merged, built, pushed beside the old one, checked, and put in its place by one request.

mod fault;
mod forward;
mod image;
mod minors;
mod place;

pub use fault::CatalogError;
pub use forward::{ArchiveFacts, Forward, Outlook, Prepared, Served};
pub use place::Place;
