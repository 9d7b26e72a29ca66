//! The distribution API: the only room with the network.
//!
//! A [`Client`] pulls and pushes manifests and blobs. It streams: no blob is ever in memory. Credentials go only to the
//! origin that they were given for. What fails for a moment is tried again; everything that fails for good is a
//! [`RegistryError`] that says which request, what the registry answered, and what to do.
//!
//! ```text
//! client ─ push ─ list ─ attached ─ blob   what can be asked
//!      trial ─ reach                 what is tried out, and how far one gets
//!      document                      files on other servers, without credentials
//!      nexus, harbor                 the REST APIs of these themselves, by what is common to them: office
//!      exchange                      one request: authorization, redirects
//!  auth ─ authfile ─ challenge       who we are, to whom
//!  retry ─ reply ─ error             what failed, whether again
//!  transport ─ resolve ─ trust_roots ─ origin ─ certificate  connections, names, TLS, addresses
//!  conf ─ profile                    where pulls go, what a registry is like
//! ```

mod answer;
mod attached;
mod auth;
mod authfile;
mod blob;
mod certificate;
mod challenge;
mod client;
mod conf;
mod document;
mod error;
mod exchange;
mod harbor;
mod hint;
mod list;
mod nexus;
mod office;
mod options;
mod origin;
mod profile;
mod push;
mod reach;
mod reply;
mod resolve;
mod retry;
mod secret;
mod transport;
mod trial;
mod trust_roots;

pub use answer::{Attachment, AuthKind, Known, Left, Ping, Pushed, Target};
pub use attached::Attachments;
pub use blob::BlobBody;
pub use certificate::Certificate;
pub use client::Client;
pub use error::RegistryError;
pub use harbor::{Harbor, HarborRun};
pub use nexus::{
    Nexus, NexusBlobStore, NexusCleanup, NexusDocker, NexusQuota, NexusRepository, NexusStorage, NexusTask,
};
pub use options::{ClientOptions, Environment};
pub use profile::{PROFILES, Profile, Upload};
pub use reach::{Greeting, NoTls, Speech};
pub use transport::caught_by_proxy;
pub use trial::Trial;
