//! `import`: a verified archive into production, in an order that can be broken off anywhere and gone on with.
//!
//! What a cluster can see changes at one request for each catalog ([`catalog`]); before it everything is as it was, after it
//! everything is as it will be. Every catalog is merged, pushed and checked before the first of them changes. Each step is a
//! record in the journal; a step that is done again changes nothing.

pub mod catalog;
pub mod contents;
pub(super) mod deliver;
mod floor;
mod forecast;
pub(super) mod generation;
mod graph_data;
mod judge;
pub(super) mod preflight;
pub(super) mod receipt;
mod releases;
pub(super) mod resources;
pub(super) mod run;
mod survey;
mod tags;

pub use forecast::{Forecast, Load, Move};
pub use run::{Import, Imported, Until};

pub(in crate::flow) use deliver::{for_staging, place};
pub(in crate::flow) use generation::repository as state_repository;
