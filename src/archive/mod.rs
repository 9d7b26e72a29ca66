//! The .ombundle format, version 1 (`schema/archive-v1.md`): inventory, layout, writer, and the frame that is read
//! before anything is believed.
//!
//! An archive is a plain ustar file whose every byte follows from its inventory, the signatures and the blobs. So there is a
//! writer ([`Draft`] → [`Blueprint`]), a function that predicts each header ([`header`]), and no tar parser. What is read from
//! a file that nobody vouched for is [`Front`] alone: three fixed names and one size. The inventory is parsed only
//! out of a [`Verified`](crate::trust::Verified) value.
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod blueprint;
mod derived;
mod draft;
mod error;
mod front;
mod header;
mod inventory;
mod kind;
mod layout;
mod path;
mod rules;
mod source;
mod text;
mod wire;

pub use blueprint::{Blueprint, Piece};
pub use draft::{Blob, Draft, Meta};
pub use error::{ArchiveError, Defect};
pub use front::Front;
pub use header::{difference, header};
pub use inventory::{Inventory, RawInventory};
pub use kind::ImageKind;
pub use layout::{BLOCK, MAGIC, Member, Span, TRAILER};
pub use path::{EntryPath, MetaName, Role};
pub use source::{ReadAt, Region, hash};
pub use text::{MediaType, Moment, Name, Text};
pub use wire::{
    CatalogBase, Coding, Entry, InventoryFields, Kind, Predecessor, Prerequisite, Prerequisites, Root,
    UpstreamSignature,
};
