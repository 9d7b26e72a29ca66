//! What a site holds: the report that travels out, and the receipt that an import leaves, which is also the next report.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::reference::{ImageRef, RepositoryRef};

/// What a site holds, for the connected side (`schema/site-report.v1.json`). A receipt contains one.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SiteReport {
    /// `ombundle.site-report/v1`.
    pub format: String,
    /// The site's name.
    pub site: String,
    /// The last generation that was committed; 0 before the first.
    pub generation: u64,
    /// Digest of that generation's inventory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory: Option<Digest>,
    /// What each catalog in production is.
    #[serde(default)]
    pub catalogs: Vec<CatalogState>,
    /// Operators that run.
    #[serde(default)]
    pub installed: Vec<InstalledOperator>,
    /// Blobs and manifests that production is known to hold.
    #[serde(default)]
    pub digests: BTreeSet<Digest>,
}

/// One catalog in production.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CatalogState {
    /// The upstream catalog.
    pub source: ImageRef,
    /// Where it is in production, `host/repository:tag`.
    pub mirror: ImageRef,
    /// What the tag points to.
    pub digest: Digest,
    /// Repository in production.
    pub repository: RepositoryRef,
}

/// One operator that runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct InstalledOperator {
    /// The CSV's name, for instance `web-terminal.v1.8.0`.
    pub name: String,
    /// The CSV's version, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The package, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// The subscribed channel, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The namespace, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// What an import did (`receipt.json`): evidence for people, and the next report for `pack --report`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Receipt {
    /// `ombundle.receipt/v1`.
    pub format: String,
    /// The tool and its version.
    pub tool: String,
    /// When the import was committed, RFC 3339.
    pub finished: String,
    /// File name of the archive.
    pub archive: String,
    /// Digest of its inventory.
    pub inventory: Digest,
    /// Its generation.
    pub generation: u64,
    /// Ids of the keys that signed it.
    pub signers: Vec<String>,
    /// What changed, in order.
    pub steps: Vec<ReceiptStep>,
    /// What the site holds now.
    pub site: SiteReport,
}

/// One change that an import made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReceiptStep {
    /// What was changed, for instance the reference of a tag.
    pub subject: String,
    /// What it was before; nothing when it did not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Digest>,
    /// What it is now.
    pub after: Digest,
}
