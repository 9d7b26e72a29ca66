//! OCI documents: raw bytes are the truth, everything else is a view to read with.
//!
//! A [`RawManifest`] keeps the exact bytes that were hashed; [`RawManifest::view`] parses them on demand. Nothing here
//! writes a parsed manifest back: what we push is what we got, and what we make is made by the rooms that own it.

mod layer;
mod layout;
mod manifest;
mod platform;

pub use layer::{Attributes, LayerTar, PackedLayer};
pub use layout::{LAYOUT, REF_NAME};
pub use manifest::{
    ConfigView, Descriptor, ImageIndex, ImageManifest, ManifestView, OciError, RawManifest, media,
};
pub use platform::{InvalidPlatform, Platform};
