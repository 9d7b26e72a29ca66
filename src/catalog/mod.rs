//! OLM file-based catalogs: loading, the model, the upgrade graph.
//!
//! [`load`] makes a [`Catalog`] of a catalog's files and says at once all that is wrong with them. Whoever has threads
//! calls [`parse_file`] for each file and [`link`] for all. Raw blobs are kept, so that nothing unknown is lost.

mod constraint;
pub mod csv;
mod dependencies;
mod deprecations;
pub mod diff;
pub mod evidence;
mod facts;
mod fields;
mod filter;
mod graph;
mod identity;
pub mod image;
mod init;
mod layout;
mod link;
mod load;
mod loose;
pub mod model;
mod no_path;
mod offer;
mod opm;
mod parse;
mod path;
mod property;
mod prune;
mod pullspec;
pub mod registry_v1;
pub mod serve_cache;
mod stream;
mod survey;
#[cfg(test)]
mod tests;
mod validate;
mod wire;
pub mod write;

pub use constraint::Requirement;
pub use dependencies::{Closure, Dependency, dependencies};
pub use deprecations::{Deprecated, Deprecation};
pub use evidence::Evidence;
pub use facts::Keep;
pub use filter::{Filtered, PackageFilter, Take, filter};
pub use graph::{GraphProblem, Step, UpgradeGraph, Walk, WalkRule};
pub use init::{InitError, init};
pub use link::{Loaded, link};
pub use load::{IgnoreRules, load};
pub use loose::{Loose, LooseFile, LooseText, scan_file, scan_reader};
pub use model::{Blob, Bundle, Catalog, Channel, Entry, Origin, Package, Property, RelatedImage};
pub use no_path::{Bound, ChannelGap, NoPath};
pub use offer::{Unmet, unmet};
pub use opm::OpmVersion;
pub use parse::{ParsedFile, parse_file, parse_reader};
pub use path::{Hop, HopEdge, PathFinder, Start, UpgradePath};
pub use property::{Gvk, Identity, PackageRequired};
pub use prune::{Pruned, prune};
pub use survey::survey;
pub use validate::{judge, validate, validate_package};
