//! The plan file (`schema/plan.v1.json`).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::archive::ImageKind;
use crate::catalog::evidence::Evidence;
pub use crate::catalog::{Hop, HopEdge};
use crate::digest::Digest;
use crate::finding::Finding;
use crate::oci::{Descriptor, Platform};
use crate::plan::order::OrderedStep;
use crate::plan::packed::Assumed;
use crate::plan::releases::{PlannedGraphData, PlannedRelease};
use crate::reference::{ImageRef, Repository, RepositoryRef, Tag};
use crate::release::{AdminGate, ReleasePath};

/// All that `pack` needs to write exactly one archive.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// `ombundle.plan/v1`.
    pub format: String,
    /// The tool and its version.
    pub tool: String,
    /// When it was made, RFC 3339, UTC, whole seconds.
    pub created: String,
    /// When the archive made from it expires, in the same form.
    pub expires: String,
    /// The stream of generations that the archive belongs to: the site's name, or `default`.
    pub channel: String,
    /// The site that alone may take it; any site when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Its number in the channel, counted from 1.
    pub sequence: u64,
    /// Inventory of the archive before it, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predecessor: Option<Digest>,
    /// Platforms taken of image indexes; all of them when empty.
    pub platforms: Vec<Platform>,
    /// Digest of the ImageSetConfiguration's bytes.
    pub request: Digest,
    /// What changes in each catalog.
    pub catalogs: Vec<PlannedCatalog>,
    /// The OpenShift releases that travel, the lowest version first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub releases: Vec<PlannedRelease>,
    /// The way of the cluster through them, from what runs there; nothing where nobody said what runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_path: Option<ReleasePath>,
    /// What must be acknowledged before the cluster leaves the minor version that runs: the gates of the installed release, where it
    /// could be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub installed_gates: Vec<AdminGate>,
    /// In which order the cluster and its operators move; empty where the cluster stays as it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub order: Vec<OrderedStep>,
    /// What the update service at the site is fed with, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph_data: Option<PlannedGraphData>,
    /// Every image that travels or must be there.
    pub images: Vec<PlannedImage>,
    /// Manifests and configs of our own making, which no source registry has: the text of each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inline: BTreeMap<Digest, String>,
    /// What production must hold already.
    pub prerequisites: Vec<Prerequisite>,
    /// Archives that brought it, as far as the side knows that packed them: nobody reported what the site holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assumes: Vec<Assumed>,
    /// The images again, as a flat list for approval.
    pub items: Vec<Item>,
    /// Sizes.
    pub bytes: BytesSummary,
    /// Requests that `pack` will make, about.
    pub requests: u64,
    /// What is worth knowing.
    pub findings: Vec<Finding>,
}

/// What changes in one catalog.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedCatalog {
    /// The catalog as the request names it.
    pub source: ImageRef,
    /// What it was when the plan was made.
    pub digest: Digest,
    /// Root digest, among `images`, of the image to build on where the site has no catalog yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Digest>,
    /// The packages that are delivered.
    pub packages: Vec<PlannedPackage>,
    /// Their blobs, ready to merge.
    pub delta: Vec<serde_json::Value>,
    /// What each delivered bundle's own CSV says.
    pub evidence: Vec<Evidence>,
}

/// One delivered package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedPackage {
    /// Its name.
    pub name: String,
    /// Why it is here: asked for, or required by whom.
    pub reason: String,
    /// The delivered packages that require it; nothing where it was asked for and nothing requires it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_by: Vec<String>,
    /// The default channel that the request or upstream names, also where that channel does not travel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_channel: Option<String>,
    /// What runs at the site, as a CSV name, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed: Option<String>,
    /// The way from there to the target; empty when nothing is known to run.
    pub hops: Vec<Hop>,
    /// Names of the bundles that the delivered catalog offers.
    pub bundles: Vec<String>,
}

/// One image, pinned, with all that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedImage {
    /// What it is for.
    pub kind: ImageKind,
    /// Where it comes from, by its original name.
    pub source: RepositoryRef,
    /// The tag that it is asked for by, that keeps its meaning (`sha256-….sig`), or by which mirrors of releases know it
    /// (`4.20.5-x86_64-etcd`); nothing for other images that are asked for by digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
    /// The repository in the site's registries, where the request asks for another than the site's mapping gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirror: Option<Repository>,
    /// Its manifest or index.
    pub root: Descriptor,
    /// Why it travels; one reason at least.
    pub reasons: Vec<String>,
    /// The root and every manifest below it that is carried, children before parents.
    pub manifests: Vec<Descriptor>,
    /// Configs and layers of those, each once.
    pub blobs: Vec<Descriptor>,
}

/// A blob or manifest that production must hold already because the archive leaves it out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prerequisite {
    /// Which.
    pub digest: Digest,
    /// Where production has it, by source name.
    pub source: RepositoryRef,
    /// Whether it is a manifest (else a blob).
    pub manifest: bool,
    /// Its size in bytes.
    pub size: u64,
}

/// One line of the list that gets approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Item {
    /// What it is for.
    pub kind: ImageKind,
    /// By its original name.
    pub source: String,
    /// Its digest.
    pub digest: Digest,
    /// Bytes that it adds to the archive: what another line brought already is not counted again.
    pub bytes: u64,
    /// Why it travels.
    pub reason: String,
}

/// Sizes in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BytesSummary {
    /// To fetch from the source registries.
    pub download: u64,
    /// The archive, signed with one key. Each further key adds some 2 KiB.
    pub carry: u64,
    /// What the site's registries grow by, each; less where they hold some of it unknown to the report.
    pub store: u64,
}
