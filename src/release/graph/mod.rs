//! The update graph: which release may be updated to which, and under what conditions.

mod apply;
mod builder;
mod check;
mod data;
mod findings;
mod image;
mod model;
mod reply;
mod tarball;
#[cfg(test)]
mod tests;

pub use builder::GraphBuilder;
pub use data::{BlockedEdge, GraphData};
pub use image::{GraphImage, GraphImageError, graph_layer};
pub use model::{MatchingRule, Release, Risk, UpdateGraph};

pub(in crate::release) use model::Edge;
