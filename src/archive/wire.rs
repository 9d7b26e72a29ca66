//! Exactly what stands in `inventory.json` (`schema/inventory.v1.json`).
//!
//! Fields are declared in the byte order of their JSON names: the canonical form has sorted keys, and serde writes in the
//! order of declaration.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::archive::{EntryPath, ImageKind, MediaType, MetaName, Moment, Name, Role, Text};
use crate::digest::Digest;
use crate::oci::Platform;
use crate::reference::{ImageRef, RepositoryRef, Tag};
use crate::trust::KeyId;

/// All that is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct InventoryFields {
    /// What the changes in `meta/` were computed against, sorted by source.
    pub catalogs: Vec<CatalogBase>,
    /// The stream of generations that the archive belongs to.
    pub channel: Name,
    /// When it was packed.
    pub created: Moment,
    /// Extensions without which it must not be read. Version 1 knows none.
    pub critical: Vec<Name>,
    /// Every member from `SHA256SUMS` on, in the order of the archive.
    pub entries: Vec<Entry>,
    /// How many of those there are.
    pub entry_count: u64,
    /// When it must not be imported any more.
    pub expires: Moment,
    /// 1.
    pub format: u64,
    /// Whether it stands alone.
    pub kind: Kind,
    /// `application/vnd.ombundle.inventory.v1+json`.
    pub media_type: MediaType,
    /// The least version of the format that a reader must know.
    pub min_reader: u64,
    /// Before when it must not be imported.
    pub not_before: Moment,
    /// The archive before it in the channel, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predecessor: Option<Predecessor>,
    /// What production must hold already.
    pub prerequisites: Prerequisites,
    /// The images that it delivers, sorted by source, tag and digest.
    pub roots: Vec<Root>,
    /// Its number in the channel, counted from 1.
    pub sequence: u64,
    /// The keys that sign it, sorted. Exactly these signatures stand in the archive.
    pub signers: Vec<KeyId>,
    /// The site that alone may take it; any site when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Name>,
    /// The program that packed it, and its version.
    pub tool: Text,
    /// Bytes of the whole archive, end mark included.
    pub total_size: u64,
}

/// One catalog, as it was when the change to it was computed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CatalogBase {
    /// What stands below `meta/` and holds the change; its role is `catalog-delta`.
    pub delta: MetaName,
    /// The catalog image that the change was computed from.
    pub digest: Digest,
    /// The catalog as the request names it.
    pub source: ImageRef,
}

/// One member of the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Entry {
    /// How the content is stored.
    pub coding: Coding,
    /// Digest of the content as a registry holds it.
    pub digest: Digest,
    /// What kind of content it is.
    pub media_type: MediaType,
    /// Its path.
    pub path: EntryPath,
    /// What it is for.
    pub role: Role,
    /// Its size in bytes.
    pub size: u64,
}

/// How content is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Coding {
    /// As it is.
    Raw,
}

/// Whether an archive stands alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It holds all that its images need.
    Full,
    /// It builds on what production holds.
    Delta,
}

/// The archive before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Predecessor {
    /// Digest of its inventory.
    pub inventory: Digest,
    /// Its number in the channel.
    pub sequence: u64,
}

/// What production must hold already.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Prerequisites {
    /// How many there are.
    pub count: u64,
    /// Each, sorted by digest and source.
    pub list: Vec<Prerequisite>,
}

/// A blob or manifest that production must hold already.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Prerequisite {
    /// Which.
    pub digest: Digest,
    /// Whether it is a manifest (else a blob).
    pub manifest: bool,
    /// Its size in bytes.
    pub size: u64,
    /// Where production has it, by source name.
    pub source: RepositoryRef,
}

/// One delivered image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Root {
    /// Its manifest or index.
    pub digest: Digest,
    /// What it is for.
    pub kind: ImageKind,
    /// The media type of its manifest or index.
    pub media_type: MediaType,
    /// The platforms that are carried of an index, sorted; all that it has when empty.
    pub platforms: Vec<Platform>,
    /// Why it travels; one reason at least.
    pub reasons: Vec<Text>,
    /// Bytes of its manifest or index.
    pub size: u64,
    /// Where it comes from, by its original name.
    pub source: RepositoryRef,
    /// The tag that it is asked for by, or that keeps its meaning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
    /// The upstream signatures that were checked while packing, sorted; none when that was not done.
    pub verified: Vec<UpstreamSignature>,
}

/// An upstream signature that was good when the archive was packed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct UpstreamSignature {
    /// The key, by the name that the method gives it.
    pub key: Text,
    /// How, for instance `cosign` or `openpgp`.
    pub method: Name,
}
