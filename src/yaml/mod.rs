//! YAML that people write by hand: a tree that knows its lines, and a strict reader that collects findings.
//!
//! Catalogs and cluster objects are read with `serde_norway`, which has libyaml's tolerance and speed. It has no positions
//! once a document is well-formed, and a person who gets “unknown field” wants the line; so the files that a person writes,
//! the ImageSetConfiguration and the site file, are read here.

mod form;
mod scalar;
mod tree;

pub use form::{Fields, Form};
pub use scalar::{is_plain_word, quote_to, word};
pub use tree::{Entry, Node, SyntaxError, Value, parse};
