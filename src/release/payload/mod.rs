//! What is in a release: read from the manifests inside its image, which need not be unpacked anywhere for it.
//!
//! A release image has a directory [`MANIFESTS`]. [`ReleasePayload::read`] takes the files in it, which
//! [`LayerFiles`](crate::catalog::image::LayerFiles) keeps while the layers pass by, and says what the release consists of: every
//! component image by digest, what the release says of its predecessors, the gates that an administrator must open before an
//! update *from* it, the key rings with which its clusters verify *later* releases, and the disks for virtual nodes.
//!
//! A release for several architectures is an index with one release image for each. They name the same components, which are
//! indexes themselves; [`ReleasePayload::join`] makes one payload of them.

mod components;
mod error;
mod extras;
mod read;
#[cfg(test)]
mod tests;

pub use components::Component;
pub use error::PayloadError;
pub use extras::AdminGate;
pub use read::{NAMING, PayloadAsk, ReleasePayload};

/// The directory of a release image that holds its manifests.
pub const MANIFESTS: &str = "release-manifests";
