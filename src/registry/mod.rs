//! The distribution API: the only room with the network.
//!
//! A [`Client`] pulls and pushes manifests and blobs. It streams: no blob is ever in memory. Credentials go only to the
//! origin that they were given for. What fails for a moment is tried again; everything that fails for good is a
//! [`RegistryError`] that says which request, what the registry answered, and what to do.

mod answer;
mod blob;
mod client;
mod error;
mod options;

pub use answer::{Attachment, AuthKind, Known, Ping, Pushed, Target};
pub use blob::BlobBody;
pub use client::Client;
pub use error::RegistryError;
pub use options::{ClientOptions, Environment};
