//! The binary as people and scripts meet it: help, exit codes, error texts, JSON, and what never reaches a terminal.

mod catalogs;
mod cycle;
mod events;
mod exits;
mod graph;
mod help;
mod imageset;
mod json;
mod readme;
mod render;
mod terminal;
pub(crate) mod world;
