//! YAML that people write by hand: a tree that knows its lines, and a strict reader that collects findings.
//!
//! A person who gets “unknown field” wants the line; so the files that a person writes, the ImageSetConfiguration and the site file,
//! are read as this tree. Catalogs, bundles and cluster objects become JSON by [`documents`] and [`to_json`], the way Kubernetes tools take them.

mod documents;
mod form;
mod kubernetes;
mod scalar;
mod tree;
mod write;

pub use documents::{documents, first_document};
pub use form::{Fields, Form};
pub use kubernetes::{Doubled, to_json};
pub use scalar::{is_plain_word, quote_to, word};
pub use tree::{Entry, Node, SyntaxError, Value, parse};
pub use write::write;
