//! Builds catalog images: the base's layers and one layer of our own.
//!
//! The layer hides whatever the base has under `/configs` and brings the new files. An image built on one of ours keeps that
//! one's base and replaces its layer, so that generations never pile up. The result runs `opm serve /configs` without a cache
//! directory, since a cache that we did not build would be stale, and opm refuses to start on a stale one; or with the cache that
//! its layer brings.

mod image;
mod index;
mod layer;
mod verify;

pub use image::{BuiltImage, Family, Provenance, SmallBase, catalog_image, small_base};
pub use index::catalog_index;
pub use layer::{CACHE, CONFIGS, CacheWhiteout, Layer, cached_layer, catalog_layer};
pub use verify::{OPM_PATHS, difference, verify_image};
