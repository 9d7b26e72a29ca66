//! The plan that a person approves: each manifest that goes or stays, with why, and what that frees.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::fault::{Exit, Fault};
use crate::finding::Finding;
use crate::limits::Limits;
use crate::reference::{ImageRef, RegistryHost, Repository, Tag};
use crate::retain::listing::Listing;
use crate::retain::moving::Moving;
use crate::retain::prune::Removals;
use crate::retain::sort::{Reason, Sorted};
use crate::retain::weigh::Weight;
use crate::site::format_of;

/// So many reasons are written down for what is kept; how many more there are is said.
const REASONS: usize = 3;

/// What a plan is for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// What production need not hold is deleted there.
    #[default]
    Prune,
    /// What stays is copied to another registry, and put in force there. Nothing is deleted.
    Move(Moving),
    /// What staging holds, and production holds too or nobody needs, is deleted there.
    Empty,
}

impl Task {
    fn is_prune(&self) -> bool {
        *self == Self::Prune
    }
}

/// What is to be done with a registry (`schema/vacuum-plan.v1.json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct VacuumPlan {
    /// `ombundle.vacuum-plan/v1`.
    pub format: String,
    /// What it is for; `prune` where it does not say.
    #[serde(default, skip_serializing_if = "Task::is_prune")]
    pub task: Task,
    /// The site's name.
    pub site: String,
    /// The registry.
    pub registry: RegistryHost,
    /// Digest of what the site file said.
    pub site_file: Digest,
    /// Digest of every tag of the site's repositories and of what it led to.
    pub state: Digest,
    /// The dumps of clusters that say what is in use.
    pub dumps: Vec<DumpFacts>,
    /// Over how many generations the way back is kept.
    pub keep_generations: u32,
    /// Catalogs that get smaller.
    pub catalogs: Vec<CatalogChange>,
    /// In all.
    pub totals: Totals,
    /// The site's repositories.
    pub repositories: BTreeMap<Repository, RepositoryPlan>,
    /// Repositories that are not the site's, and are left alone.
    pub others: Vec<Repository>,
    /// What a person should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Digest of all of the above, as compact JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

/// A dump as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DumpFacts {
    /// Its file's name.
    pub name: String,
    /// Its digest.
    pub digest: Digest,
    /// When the file was written, RFC 3339.
    pub written: String,
    /// The cluster, by the id in its ClusterVersion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
}

/// A catalog that gets smaller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CatalogChange {
    /// Its tag.
    pub tag: ImageRef,
    /// Its name in the cluster.
    pub name: String,
    /// The generation that is in force.
    pub generation: u64,
    /// What the tag leads to.
    pub before: Digest,
    /// What it will lead to.
    pub after: Digest,
    /// Manifests that are pushed for that, `after` among them.
    pub manifests: Vec<Digest>,
    /// What is taken out, by package.
    pub removed: Removals,
}

/// Sums.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// Manifests that stay.
    pub kept: u64,
    /// Manifests that go.
    pub gone: u64,
    /// Bytes. What several repositories hold counts once in `held`.
    #[serde(flatten)]
    pub weight: Weight,
    /// Bytes that go in a later run, when no cluster serves the catalogs that get smaller now and they are no way back any more.
    pub later: u64,
}

/// What becomes of one repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RepositoryPlan {
    /// Bytes.
    #[serde(flatten)]
    pub weight: Weight,
    /// What goes, in this order.
    pub gone: Vec<Item>,
    /// What stays.
    pub kept: Vec<Item>,
    /// Tags that lead nowhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dangling: Vec<Tag>,
}

/// One manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Its digest.
    pub digest: Digest,
    /// Tags that lead to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// What speaks for what becomes of it, the weightiest first.
    pub why: Vec<Reason>,
    /// How much more does.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Why a file is no plan that can be carried out.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Not JSON, or not of this shape.
    #[error("the vacuum plan cannot be read")]
    Malformed {
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// Over the ceiling.
    #[error("the vacuum plan has more than {limit} bytes")]
    TooLarge {
        /// The ceiling.
        limit: u64,
    },
    /// Another kind of document.
    #[error("the file says its format is `{found}`, which is no vacuum plan")]
    Format {
        /// What it says.
        found: String,
    },
    /// It says something else than what was approved.
    #[error(
        "the vacuum plan was changed after it was made: it says its digest is {said}, and what it says has {found}"
    )]
    Edited {
        /// What it says; `none` where it says nothing.
        said: String,
        /// The digest of what it says.
        found: Digest,
    },
}

impl Fault for PlanError {
    fn exit(&self) -> Exit {
        match self {
            Self::Edited { .. } => Exit::Integrity,
            _ => Exit::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        Some("make a new one: `ombundle vacuum --site … --cluster … -o plan.json`".to_owned())
    }
}

impl VacuumPlan {
    /// What `format` says.
    pub const FORMAT: &str = "ombundle.vacuum-plan/v1";

    /// The plan with its own digest.
    #[must_use]
    pub fn sealed(mut self) -> Self {
        self.digest = None;
        self.digest = Some(self.own_digest());
        self
    }

    fn own_digest(&self) -> Digest {
        // Maps are ordered and nothing in it can fail to be written.
        Digest::of(&serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads a plan, and refuses one that is not as it was made.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, PlanError> {
        if bytes.len() as u64 > limits.meta_bytes {
            return Err(PlanError::TooLarge { limit: limits.meta_bytes });
        }
        let malformed = |source| PlanError::Malformed { source };
        let found = format_of(bytes).map_err(malformed)?;
        if found != Self::FORMAT {
            return Err(PlanError::Format { found });
        }
        let mut plan: Self = serde_json::from_slice(bytes).map_err(malformed)?;
        let said = plan.digest.take();
        let found = plan.own_digest();
        if said != Some(found) {
            let said = said.map_or_else(|| "none".to_owned(), |said| said.to_string());
            return Err(PlanError::Edited { said, found });
        }
        plan.digest = said;
        Ok(plan)
    }

    /// Its digest, as it was read or made.
    pub fn id(&self) -> Digest {
        self.digest.unwrap_or_else(|| self.own_digest())
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        !matches!(self.task, Task::Move(_)) && self.catalogs.is_empty() && self.totals.gone == 0
    }
}

/// Lays out what was decided about each repository.
pub fn lay_out(
    listing: &Listing,
    sorted: &BTreeMap<Repository, Sorted>,
    weights: &BTreeMap<Repository, Weight>,
) -> BTreeMap<Repository, RepositoryPlan> {
    let plan = |(name, sorted): (&Repository, &Sorted)| {
        let seen = listing.repositories.get(name)?;
        let tags = seen.tags_of();
        let tags =
            |digest: &Digest| tags.get(digest).into_iter().flatten().map(|tag| (*tag).clone()).collect();
        let kept = sorted.kept.iter().map(|(digest, reasons)| Item {
            digest: *digest,
            tags: tags(digest),
            why: reasons.iter().take(REASONS).cloned().collect(),
            more: reasons.len().saturating_sub(REASONS) as u64,
        });
        let gone = sorted.gone.iter().map(|(digest, reason)| Item {
            digest: *digest,
            tags: tags(digest),
            why: vec![reason.clone()],
            more: 0,
        });
        let plan = RepositoryPlan {
            weight: weights.get(name).copied().unwrap_or_default(),
            gone: gone.collect(),
            kept: kept.collect(),
            dangling: seen.dangling.iter().cloned().collect(),
        };
        Some((name.clone(), plan))
    };
    sorted.iter().filter_map(plan).collect()
}

/// The sums of what was laid out; `held` is what all of it takes.
pub fn totals(repositories: &BTreeMap<Repository, RepositoryPlan>, held: u64) -> Totals {
    let mut totals = Totals { weight: Weight { held, ..Weight::default() }, ..Totals::default() };
    for plan in repositories.values() {
        totals.kept += plan.kept.len() as u64;
        totals.gone += plan.gone.len() as u64;
        totals.weight.frees += plan.weight.frees;
        totals.weight.shared += plan.weight.shared;
    }
    totals
}
