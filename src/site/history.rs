//! What came to a site, generation by generation, and what was taken back (`schema/site-history.v1.json`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::finding::Finding;
use crate::reference::RegistryHost;
use crate::site::ReceiptStep;

/// The history of a site, as `site history --format json` prints it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SiteHistory {
    /// `ombundle.site-history/v1`.
    pub format: String,
    /// The site's name.
    pub site: String,
    /// Whether production was asked too; otherwise only what this machine recorded is told.
    pub asked: bool,
    /// The archives, by their numbers.
    pub generations: Vec<GenerationState>,
    /// Ways back that were gone, in order.
    pub returns: Vec<ReturnState>,
    /// Vacuums that changed a catalog or deleted something, in order.
    pub vacuums: Vec<VacuumState>,
    /// What does not fit together.
    pub findings: Vec<Finding>,
}

/// How far an archive is known to have come. Later ones hold all of the earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// It was packed.
    Packed,
    /// Its import was begun.
    Begun,
    /// Staging holds it whole.
    Staged,
    /// Production holds its images whole, and offers none of them.
    Promoted,
    /// Some of its catalogs were switched.
    Switched,
    /// It came into force.
    Imported,
}

/// Who knows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KnownBy {
    /// The record of packed archives, on this machine.
    Record,
    /// The journal of imports, on this machine.
    Journal,
    /// Production, which keeps the signed inventory.
    Production,
}

/// One archive in the history of a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GenerationState {
    /// Its number.
    pub generation: u64,
    /// Its inventory.
    pub inventory: Digest,
    /// How far it came.
    pub stage: Stage,
    /// Who says so.
    pub known_by: Vec<KnownBy>,
    /// Digest of the plan that it was packed from, as `plan` and `inspect` print it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Digest>,
    /// When its plan was made, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// The archive that it comes after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predecessor: Option<Digest>,
    /// Ids of the keys that signed it.
    pub signers: Vec<String>,
    /// When its import was begun first, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun: Option<String>,
    /// When it came into force, each time, RFC 3339.
    pub imported: Vec<String>,
    /// Why it was taken although the clock spoke against it, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accept_time: Option<String>,
    /// What it changed, with the digests before and after, in order.
    pub steps: Vec<ReceiptStep>,
}

/// A way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReturnState {
    /// The generation that was in force, and stays the last.
    pub from: u64,
    /// The one that catalogs went back to.
    pub to: u64,
    /// When, RFC 3339; nothing where it did not get to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// What it changed.
    pub steps: Vec<ReceiptStep>,
}

/// A vacuum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VacuumState {
    /// Digest of its plan.
    pub plan: Digest,
    /// When it was begun first, RFC 3339.
    pub at: String,
    /// Whether it got to its end.
    pub done: bool,
    /// The registry that production moved to, where it was the plan of a move; such a one deletes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<RegistryHost>,
    /// Manifests that were deleted, over all its runs.
    pub deleted: u64,
    /// Catalogs that became smaller.
    pub steps: Vec<ReceiptStep>,
}

impl SiteHistory {
    /// What `format` says.
    pub const FORMAT: &str = "ombundle.site-history/v1";
}

impl GenerationState {
    /// One of which only the number is known so far.
    pub fn new(generation: u64, inventory: Digest, stage: Stage) -> Self {
        Self {
            generation,
            inventory,
            stage,
            known_by: Vec::new(),
            plan: None,
            created: None,
            predecessor: None,
            signers: Vec::new(),
            begun: None,
            imported: Vec::new(),
            accept_time: None,
            steps: Vec::new(),
        }
    }

    /// Notes who knows it, and that it came so far at least.
    pub fn seen(&mut self, by: KnownBy, stage: Stage) {
        self.stage = self.stage.max(stage);
        if !self.known_by.contains(&by) {
            self.known_by.push(by);
        }
    }
}
