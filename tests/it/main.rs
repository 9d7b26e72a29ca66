//! Everything that runs against real parts: registries, the binary, stock tools. One binary, so that it links once.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on should fail where it stands"
)]

mod archive;
mod catalog;
mod cli;
mod demo;
mod doctor;
mod emit;
mod import;
mod merge;
mod pack;
mod plan;
mod registry;
mod release;
mod serve;
mod support;
mod vacuum;
