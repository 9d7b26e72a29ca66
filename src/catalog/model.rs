//! A catalog as linked packages, channels and bundles; every blob keeps its raw text.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::version::Version;

/// Schema of a package.
pub const PACKAGE: &str = "olm.package";
/// Schema of a channel.
pub const CHANNEL: &str = "olm.channel";
/// Schema of a bundle.
pub const BUNDLE: &str = "olm.bundle";
/// Schema of deprecations.
pub const DEPRECATIONS: &str = "olm.deprecations";

/// One blob exactly as it was read: nothing that we do not know is lost.
#[derive(Debug, Clone)]
pub struct Blob {
    /// Its schema, for instance `olm.bundle`.
    pub schema: String,
    /// The package it belongs to; empty for blobs of no package. For an `olm.package` this is its own name.
    pub package: String,
    /// Its name; empty where the schema has none.
    pub name: String,
    /// The JSON text. From YAML it is the JSON of the same value.
    pub raw: Arc<RawValue>,
    /// Where it was read, for findings.
    pub origin: Origin,
}

impl Blob {
    /// The value. Numbers beyond 64 bits lose digits; [`Blob::raw`] does not.
    pub fn value(&self) -> serde_json::Value {
        serde_json::from_str(self.raw.get()).unwrap_or_default()
    }
}

impl fmt::Display for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.package.as_str(), self.name.as_str()) {
            ("", "") => write!(f, "{} blob", self.schema),
            ("", name) => write!(f, "{} {name}", self.schema),
            (package, "") => write!(f, "package {package}, {}", self.schema),
            (package, _) if self.schema == PACKAGE => write!(f, "package {package}"),
            (package, name) => write!(f, "package {package}, {} {name}", self.kind()),
        }
    }
}

impl Blob {
    fn kind(&self) -> &str {
        match self.schema.as_str() {
            CHANNEL => "channel",
            BUNDLE => "bundle",
            other => other,
        }
    }
}

/// Where a blob was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// The file, relative to the catalog's root, with `/`.
    pub file: Arc<str>,
    /// The line where the blob begins, counted from 1; 0 when unknown.
    pub line: u64,
}

/// A whole catalog.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// By name.
    pub packages: BTreeMap<String, Package>,
    /// Blobs of unknown schema that belong to no package.
    pub others: Vec<Blob>,
}

/// One package.
#[derive(Debug, Clone)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// The channel that a Subscription without channel gets.
    pub default_channel: String,
    /// The `olm.package` blob.
    pub blob: Blob,
    /// By name.
    pub channels: BTreeMap<String, Channel>,
    /// By name (the CSV's name).
    pub bundles: BTreeMap<String, Bundle>,
    /// The `olm.deprecations` blob.
    pub deprecations: Option<Blob>,
    /// Blobs of unknown schema that name this package.
    pub others: Vec<Blob>,
}

/// One channel: entries and the edges between them.
#[derive(Debug, Clone)]
pub struct Channel {
    /// Its name.
    pub name: String,
    /// The `olm.channel` blob. What writes a channel takes the edges from `entries` and all else from here.
    pub blob: Blob,
    /// In the order of the blob.
    pub entries: Vec<Entry>,
}

impl Channel {
    /// The entry of this name.
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }
}

/// One node of a channel's upgrade graph.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// The bundle's name.
    pub name: String,
    /// The entry that it replaces.
    pub replaces: Option<String>,
    /// Entries that it may replace, and that nobody is offered any more.
    pub skips: BTreeSet<String>,
    /// Versions that it may replace, as written.
    pub skip_range: Option<String>,
}

/// One version of an operator.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// The CSV's name, for instance `web-terminal.v1.9.0`. Its version is not parsed from here.
    pub name: String,
    /// The package.
    pub package: String,
    /// The bundle image as written; empty only in catalogs with embedded objects.
    pub image: String,
    /// From the `olm.package` property.
    pub version: Version,
    /// As listed.
    pub related_images: Vec<RelatedImage>,
    /// As listed.
    pub properties: Vec<Property>,
    /// The `olm.bundle` blob.
    pub blob: Blob,
}

/// An image that an operator needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RelatedImage {
    /// What the operator calls it; often empty.
    pub name: String,
    /// The image as written.
    pub image: String,
}

/// A typed property of a bundle; its value is a slice of the bundle's blob, read when asked for.
#[derive(Clone)]
pub struct Property {
    /// For instance `olm.package.required`.
    pub kind: String,
    raw: Arc<RawValue>,
    span: Range<usize>,
}

impl Property {
    /// A property whose value is the bytes `span` of `raw`.
    pub(super) fn within(kind: String, raw: Arc<RawValue>, span: Range<usize>) -> Self {
        Self { kind, raw, span }
    }

    /// The JSON text of its value; `null` when it has none.
    pub fn json(&self) -> &str {
        self.raw.get().get(self.span.clone()).unwrap_or("null")
    }

    /// Reads its value.
    pub fn read<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.json())
    }
}

impl fmt::Debug for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Property")
            .field("kind", &self.kind)
            .field("value", &self.json())
            .finish_non_exhaustive()
    }
}
