//! Everything that runs against real parts: registries, the binary, stock tools. One binary, so that it links once.

mod archive;
mod catalog;
mod cli;
mod emit;
mod import;
mod merge;
mod plan;
mod registry;
mod serve;
mod support;
