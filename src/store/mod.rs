//! Files: the only room that reads and writes them on behalf of the steps.
//!
//! Three rules hold here. A final name never holds partial content: everything is written under another name, synced and
//! renamed ([`files`]). What must survive a power cut is a record of its own ([`journal`]). What is large is never copied:
//! blobs go straight to their place in the archive ([`part`]) and are read straight from it ([`volumes`]). The one
//! exception is what planning reads, which is kept for the next plan ([`cache`]). What is too large for memory lies aside
//! without a name ([`spill`]).

pub mod archive_file;
mod beside;
pub mod cache;
pub mod cosignatures;
pub mod files;
pub mod journal;
pub mod layout;
pub mod lock;
pub mod medium_copy;
pub mod mended;
pub mod part;
mod pieces;
pub mod repair_file;
pub mod repair_writer;
pub mod salvage;
pub mod spill;
pub mod tree;
pub mod twice;
pub mod volumes;

pub use files::StoreError;
