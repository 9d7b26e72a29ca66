//! What a site holds: the report that travels out, and the receipt that an import leaves, which is also the next report.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::fault::{Exit, Fault};
use crate::limits::Limits;
use crate::reference::{ImageRef, PinnedRef, RegistryHost, Repository, RepositoryRef};
use crate::release::Architecture;
use crate::site::cluster::ClusterSummary;
use crate::site::format_of;
use crate::site::held::RepositoryState;
use crate::version::Version;

/// What a site holds, for the connected side (`schema/site-report.v1.json`). A receipt contains one.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
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
    /// The OpenShift release that runs, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub openshift: Option<Version>,
    /// OpenShift releases in production, the lowest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub releases: Vec<ReleaseState>,
    /// Blobs and manifests that production is known to hold, in whatever repository.
    #[serde(default)]
    pub digests: BTreeSet<Digest>,
    /// Blobs and manifests that production holds, by its own repositories. Only what is known to be in the very repository
    /// where an image lands can be left out of an archive blob by blob.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub repositories: BTreeMap<Repository, BTreeSet<Digest>>,
    /// The same in few bytes, as `site report` writes it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub held: BTreeMap<Repository, RepositoryState>,
    /// What is in the staging registry; nothing when nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staging: Option<StagingState>,
    /// What dumps of the cluster showed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterSummary>,
    /// Digest of the rest of this document, so that a slip of the hand shows. No protection against anybody: it is not signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Digest>,
    /// Whether the checksum says that somebody changed it since it was written.
    #[serde(skip)]
    pub edited: bool,
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
    /// What it offers, by package; nothing where nobody looked.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub packages: BTreeMap<String, PackageState>,
}

/// What a catalog offers of one package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PackageState {
    /// Its default channel.
    pub default_channel: String,
    /// Its channels.
    pub channels: BTreeMap<String, ChannelState>,
}

/// One channel of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChannelState {
    /// Where its upgrades lead; nothing where that is not clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    /// How many entries it has.
    pub entries: usize,
    /// Their names, unless the catalog has too many of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
}

/// What the staging registry holds of a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StagingState {
    /// Repositories with anything in them.
    pub repositories: usize,
    /// Images, by tags.
    pub images: usize,
    /// Bytes of all of it, each counted once.
    pub bytes: u64,
}

/// One OpenShift release in production.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReleaseState {
    /// The release.
    pub version: Version,
    /// For which machines: `amd64`, `arm64`, `ppc64le`, `s390x`, or `multi` for several in one payload.
    pub architecture: Architecture,
    /// The release image by its original name and the digest that was signed.
    pub image: PinnedRef,
    /// Where it is in production, `host/repository:tag`.
    pub mirror: ImageRef,
    /// Components that were left out because somebody said so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
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

impl InstalledOperator {
    /// One of which only the CSV's name is known.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), version: None, package: None, channel: None, namespace: None }
    }
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
    /// Why the archive was taken although the clock spoke against it, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accept_time: Option<String>,
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

/// Why a file is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// Not JSON, or not of this shape.
    #[error("the site report cannot be read")]
    Malformed {
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// It does not become JSON.
    #[error("the site report cannot be written")]
    Unwritable {
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// Another kind of document.
    #[error("the file says its format is `{found}`, which is neither a site report nor a receipt")]
    Format {
        /// What it says.
        found: String,
    },
    /// Over the ceiling.
    #[error("the site report has more than {limit} bytes")]
    TooLarge {
        /// The ceiling.
        limit: u64,
    },
}

impl Fault for ReportError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        Some("give what `ombundle site report` wrote, or the receipt.json of the last import".to_owned())
    }
}

impl SiteReport {
    /// What `format` says.
    pub const FORMAT: &str = "ombundle.site-report/v1";

    /// Reads a site report, or the one inside a receipt.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, ReportError> {
        if bytes.len() as u64 > limits.meta_bytes {
            return Err(ReportError::TooLarge { limit: limits.meta_bytes });
        }
        let malformed = |source| ReportError::Malformed { source };
        let found = format_of(bytes).map_err(malformed)?;
        let report: Self = match found.as_str() {
            Self::FORMAT => serde_json::from_slice(bytes).map_err(malformed)?,
            Receipt::FORMAT => serde_json::from_slice::<Receipt>(bytes).map_err(malformed)?.site,
            _ => return Err(ReportError::Format { found }),
        };
        if report.format != Self::FORMAT {
            return Err(ReportError::Format { found: report.format.chars().take(80).collect() });
        }
        let edited = match report.checksum {
            Some(checksum) => body_digest(serde_json::from_slice(bytes).map_err(malformed)?) != checksum,
            None => false,
        };
        Ok(Self { edited, ..report })
    }

    /// As it is written to a file, its checksum made anew.
    pub fn to_json(&self) -> Result<String, ReportError> {
        let unwritable = |source| ReportError::Unwritable { source };
        let checksum = Some(body_digest(serde_json::to_value(self).map_err(unwritable)?));
        let whole = Self { checksum, ..self.clone() };
        let mut text = serde_json::to_string_pretty(&whole).map_err(unwritable)?;
        text.push('\n');
        Ok(text)
    }

    /// The same without the names of the site's registries.
    #[must_use]
    pub fn redacted(mut self, host: &RegistryHost) -> Self {
        for state in &mut self.catalogs {
            host.clone_into(&mut state.repository.host);
            host.clone_into(&mut state.mirror.repository.host);
        }
        for state in &mut self.releases {
            host.clone_into(&mut state.mirror.repository.host);
        }
        self
    }
}

/// Digest of a report but for its checksum: by its values, so that it may be laid out anew.
fn body_digest(mut report: serde_json::Value) -> Digest {
    if let Some(fields) = report.as_object_mut() {
        fields.remove("checksum");
    }
    Digest::of(report.to_string().as_bytes())
}

impl Receipt {
    /// What `format` says.
    pub const FORMAT: &str = "ombundle.receipt/v1";

    /// Reads a receipt.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, ReportError> {
        if bytes.len() as u64 > limits.meta_bytes {
            return Err(ReportError::TooLarge { limit: limits.meta_bytes });
        }
        let malformed = |source| ReportError::Malformed { source };
        let found = format_of(bytes).map_err(malformed)?;
        if found != Self::FORMAT {
            return Err(ReportError::Format { found });
        }
        serde_json::from_slice(bytes).map_err(malformed)
    }

    /// As it is written to a file.
    pub fn to_json(&self) -> Result<String, ReportError> {
        let text = serde_json::to_string_pretty(self);
        let mut text = text.map_err(|source| ReportError::Unwritable { source })?;
        text.push('\n');
        Ok(text)
    }
}
