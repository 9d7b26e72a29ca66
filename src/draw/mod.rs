//! Upgrade graphs drawn: as text for a terminal, as SVG, Mermaid and DOT for documents.
//!
//! A [`Graph`] is versions in lanes with edges between them, and knows nothing of where they came from; [`package`] makes one
//! of an operator's channels. All that is written is self-contained and the same for the same graph, and names from outside
//! stay names in it.

mod dot;
mod graph;
mod mermaid;
mod package;
mod svg;
#[cfg(test)]
mod tests;
mod text;

pub use dot::dot;
pub use graph::{Edge, Graph, Lane, Mark, Node, Row, Stroke};
pub use mermaid::mermaid;
pub use package::{View, package};
pub use svg::svg;
pub use text::text;
