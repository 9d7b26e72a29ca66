//! Catalog and bundle images: reading files out of layers, and building a catalog image without podman or opm.
//!
//! [`LayerFiles`] applies layers in order and keeps only the files that are wanted, on a [`Shelf`]; [`ImageRole`] says what
//! an image is by its labels; [`build`] makes one catalog layer, the image around it, the image
//! index, and the small base for a site that has no catalog yet. Everything takes readers and bytes and gives values:
//! where the bytes come from is the caller's business.

pub mod build;
mod error;
mod inflate;
mod layers;
mod names;
mod role;
mod shelf;
mod stream;
#[cfg(test)]
mod tests;

pub use error::{ImageError, NO_SQLITE};
pub use layers::{LayerFiles, LayerSummary};
pub use role::{CONFIGS_LABEL, ImageRole, catalog_root};
pub use shelf::{Memory, Shelf};
