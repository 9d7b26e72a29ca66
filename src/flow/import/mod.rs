//! `import`: a verified archive into production, in an order that can be broken off anywhere and gone on with.
//!
//! The steps and their numbers are those of the project's promises: what a cluster can see changes at one request for each
//! catalog ([`catalog`]); before it everything is as it was, after it everything is as it will be.

pub mod contents;
mod generation;
mod preflight;
