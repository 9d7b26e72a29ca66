//! What production lets go: planned, carried out, and what still works afterwards.

mod apply;
mod killed;
mod nexus;
mod plan;
mod site;
