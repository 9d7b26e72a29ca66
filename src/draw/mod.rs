//! Upgrade graphs drawn: as text for a terminal, as SVG, Mermaid and DOT for documents; and sizes, as a treemap.
//!
//! A [`Graph`] is versions in lanes with edges between them, and knows nothing of where they came from; [`package`] makes one
//! of an operator's channels. All that is written is self-contained and the same for the same graph, and names from outside
//! stay names in it.

#[cfg(test)]
mod contrast;
mod dot;
mod graph;
mod mermaid;
mod package;
mod svg;
#[cfg(test)]
mod tests;
mod text;
mod tiles;
mod treemap;
mod words;

pub use dot::dot;
pub use graph::{Edge, Graph, Key, Lane, Mark, Node, Row, Stroke};
pub use mermaid::mermaid;
pub use package::{View, package};
pub use svg::{figure, sample, style_sheet, svg};
pub use text::text;
pub use tiles::{Shape, Tile, TileGroup, tile_sheet, tiles};
pub use words::{Note, Spoken, Tongue, english};

#[cfg(test)]
pub(crate) use contrast::contrast;
