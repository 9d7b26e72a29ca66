//! An OCI registry over a folder.
//!
//! For the demo, for tests, for trying things, and for a site that has no registry yet. It speaks the whole of the
//! distribution API (distribution-spec 1.1) over plain HTTP: pull with ranges, chunked and monolithic push, mounts, tags,
//! deletion, referrers. It is the one room that runs an async reactor, and none of that shows outside.
//!
//! # The folder
//!
//! ```text
//! DIR/
//!   ombundle-registry                 the text `1`, locked while a server runs
//!   blobs/sha256/<hex>                content, each once: blobs and manifests alike
//!   uploads/<id>                      what is on its way in; emptied at every start
//!   repositories/<name>/
//!     _blobs/<hex>                    empty: this repository has that blob
//!     _manifests/<hex>                this repository has that manifest; the text is its media type
//!     _tags/<tag>                     the digest that the tag points to
//!     _referrers/<hex of subject>/<hex>   descriptor of a manifest that refers to the subject
//! ```
//!
//! No component of a repository name begins with `_`, so the names above can never be taken by a nested repository.
//! Content comes into sight by a rename of a file that was hashed and synced before; a link is made after its content, a
//! manifest's link after those of all that it names, and a tag last. So whatever can be asked for is whole, also after a
//! crash. Deleting removes links; [`collect`] removes content that no link needs, while no server runs.

mod blobs;
mod collect;
mod content;
mod error;
mod file_body;
mod lists;
mod manifests;
mod range;
mod receive;
mod reply;
mod route;
mod server;
mod storage;
mod uploads;

pub use collect::{Collected, collect};
pub use error::ServeError;
pub use server::{Access, BasicCredentials, OnRequest, Running, ServeOptions, Server};
