//! The shape of a difference, as scripts read it (`schema/catalog-diff.v1.json`).

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

/// What is different between two catalogs. What is alike does not occur.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CatalogDiff {
    /// By name.
    pub packages: BTreeMap<String, PackageDiff>,
    /// All images that the catalogs name, by reference.
    pub images: Sets,
    /// Blobs that belong to no package, as text.
    pub others: Sets,
}

impl CatalogDiff {
    /// Whether the catalogs offer the same.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What happened to something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Only the new catalog has it.
    Added,
    /// Only the old one has it.
    Removed,
    /// Both have it, and it is not the same.
    Changed,
}

/// From one value to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Moved<T> {
    /// In the old catalog.
    pub from: T,
    /// In the new one.
    pub to: T,
}

/// What comes and what goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Sets {
    /// Only in the new catalog.
    pub added: BTreeSet<String>,
    /// Only in the old one.
    pub removed: BTreeSet<String>,
}

impl Sets {
    /// Whether nothing comes or goes.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

/// A package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PackageDiff {
    /// What happened to it.
    pub change: Change,
    /// Its default channel; of a package that comes or goes one side is null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_channel: Option<Moved<Option<String>>>,
    /// Other fields of the `olm.package` blob that differ, for instance `description`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// By name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub channels: BTreeMap<String, ChannelDiff>,
    /// By name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bundles: BTreeMap<String, BundleDiff>,
    /// What is deprecated, with the message that users see.
    #[serde(default, skip_serializing_if = "DeprecationsDiff::is_empty")]
    pub deprecations: DeprecationsDiff,
    /// Blobs of schemas that OLM does not know, as text.
    #[serde(default, skip_serializing_if = "Sets::is_empty")]
    pub others: Sets,
}

/// The deprecations of a package: what is deprecated, with its message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DeprecationsDiff {
    /// Newly deprecated.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub added: BTreeMap<String, String>,
    /// Deprecated no more.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub removed: BTreeMap<String, String>,
    /// Deprecated with another message.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub changed: BTreeMap<String, Moved<String>>,
}

impl DeprecationsDiff {
    /// Whether they are the same.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ChannelDiff {
    /// What happened to it.
    pub change: Change,
    /// Its head; null where there is not exactly one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<Moved<Option<String>>>,
    /// Other fields of the `olm.channel` blob that differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// By name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub entries: BTreeMap<String, EntryDiff>,
}

/// An entry of a channel; of one that comes or goes, one side of each edge is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntryDiff {
    /// What happened to it.
    pub change: Change,
    /// What it replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Moved<Option<String>>>,
    /// What it skips.
    #[serde(default, skip_serializing_if = "Sets::is_empty")]
    pub skips: Sets,
    /// The versions that it may replace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip_range: Option<Moved<Option<String>>>,
}

/// A bundle; of one that comes or goes, one side is null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BundleDiff {
    /// What happened to it.
    pub change: Change,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Moved<Option<String>>>,
    /// Its image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Moved<Option<String>>>,
    /// The images that it needs.
    #[serde(default, skip_serializing_if = "Sets::is_empty")]
    pub related_images: Sets,
    /// Types of its properties that differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<String>,
    /// Other fields of the `olm.bundle` blob that differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
}
