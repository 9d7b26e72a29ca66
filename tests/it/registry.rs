//! Tests of the registry client.

mod attached;
mod faults;
mod identity;
mod mount;
mod nexus;
mod reach;
mod real;
mod theft;
pub(crate) mod world;
