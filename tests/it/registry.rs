//! Tests of the registry client.

mod attached;
mod faults;
mod identity;
mod mount;
mod reach;
mod real;
mod theft;
pub(crate) mod world;
