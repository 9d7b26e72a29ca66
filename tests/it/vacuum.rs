//! What production lets go: planned, carried out, and what still works afterwards.

mod apply;
mod harbor;
mod killed;
mod lease;
mod moving;
mod nexus;
mod plan;
pub(crate) mod site;
mod unseen;
