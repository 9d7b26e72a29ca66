//! Why a plan is not carried out, or not to its end.

use crate::digest::Digest;
use crate::fault::{Exit, Fault};
use crate::flow::vacuum::findings::dump_all;
use crate::reference::{RegistryHost, RepositoryRef};
use crate::registry::RegistryError;
use crate::retain::CatalogChange;
use crate::text::counted;

/// What is done about a staging registry that is to be empty and is not.
pub(super) const EMPTY_FIRST: &str = "empty it first: `ombundle vacuum --site … --cluster … --empty staging -o empty.json`, look \
                                      at that plan and `--apply` it; then plan anew";

/// Why a plan is not carried out.
#[derive(Debug, thiserror::Error)]
pub enum VacuumError {
    /// It was made for somebody else, or for the same site as it was.
    #[error("the plan is of {planned}, and this is {here}")]
    OtherSite {
        /// Site and registry of the plan.
        planned: String,
        /// Those of the site file.
        here: String,
    },
    /// It is the plan of a move, and the site file says that production is there.
    #[error("the plan moves production to {to}, and by the site file production is there already")]
    MovedAlready {
        /// The registry.
        to: RegistryHost,
    },
    /// The move was carried out, and what was production was changed since: emptied, most likely.
    #[error("this move to {to} was carried out; {from} was changed since in {}; the first: {first}", counted(*count, "tag"))]
    MovedBefore {
        /// The registry that was production.
        from: RegistryHost,
        /// The one that took over.
        to: RegistryHost,
        /// How many tags.
        count: usize,
        /// The first of them, with what was and what is.
        first: String,
    },
    /// The site file says something else.
    #[error("the site file was changed after the plan was made")]
    SiteFile,
    /// The dumps are too old.
    #[error("the dump `{name}` was written {hours} hours ago, and may be {limit} hours old")]
    OldDump {
        /// The dump.
        name: String,
        /// Its age.
        hours: u64,
        /// The most that it may be.
        limit: u64,
    },
    /// The dumps that are given say too little to take the place of the plan's.
    #[error("{why}, and newer dumps take the place of the plan's")]
    HalfDump {
        /// What they lack.
        why: String,
    },
    /// It lets go of something though it knows of no cluster.
    #[error("the plan lets images go and was made without a dump of the cluster")]
    NoDump,
    /// Somebody pushed or deleted meanwhile.
    #[error("{registry} changed in {} since the plan was made; the first: {first}", counted(*count, "tag"))]
    Changed {
        /// The registry.
        registry: String,
        /// How many tags.
        count: usize,
        /// The first of them, with what was and what is.
        first: String,
    },
    /// A newer dump names what is to go.
    #[error("what would go is in use by now: {}, the first of them {first}", counted(*count, "image"))]
    InUse {
        /// How many.
        count: usize,
        /// The first of them, and who uses it.
        first: String,
    },
    /// A newer dump shows that somebody may still ask for what is cut from a catalog.
    #[error("by the newer dumps `{what}` is needed, and the plan cuts it from `{tag}`")]
    Needed {
        /// A bundle, or a whole package.
        what: String,
        /// The catalog.
        tag: String,
    },
    /// The registry that is to be emptied is used.
    #[error("the cluster points to {registry}, which is to be emptied: {first}")]
    PointsThere {
        /// The registry.
        registry: String,
        /// The first object that does, and what it names.
        first: String,
    },
    /// What is to go from staging is not in production.
    #[error("production does not hold {} that would go from staging; the first: {first}", counted(*count, "image"))]
    NotHeld {
        /// How many.
        count: usize,
        /// The first of them, and what it lacks.
        first: String,
    },
    /// The registry that takes over holds something else.
    #[error(
        "{registry} holds images or tags of the site that do not move, {count} in all; the first: {first}"
    )]
    InTheWay {
        /// The registry.
        registry: String,
        /// How many.
        count: usize,
        /// The first of them.
        first: String,
    },
    /// Nothing moves or goes while an import is half-way.
    #[error("the import of generation {generation} did not get to its end")]
    Unfinished {
        /// Its generation.
        generation: u64,
    },
    /// The registry deletes nothing, or not for us.
    #[error("`{repository}` takes no deletion; nothing was changed")]
    NoDeletion {
        /// The first repository that does not.
        repository: RepositoryRef,
        /// What the registry said.
        #[source]
        source: RegistryError,
    },
    /// A catalog that is built again is another one.
    #[error("the catalog for `{tag}` would be {built}, and the plan says {planned}")]
    OtherCatalog {
        /// The tag.
        tag: String,
        /// What was built.
        built: Digest,
        /// What was approved.
        planned: Digest,
    },
    /// The catalog's tag was moved by somebody else.
    #[error("`{tag}` leads to {found}, neither to what the plan was made on nor to what it makes of it")]
    Moved {
        /// The tag.
        tag: String,
        /// What it leads to.
        found: String,
    },
    /// The lease may be somebody else's by now.
    #[error("the registry took too long: another machine may write there")]
    Late,
}

impl VacuumError {
    /// A catalog's tag leads elsewhere.
    pub(super) fn moved(change: &CatalogChange, found: Option<Digest>) -> Self {
        let found = found.map_or_else(|| "nothing".to_owned(), |found| found.to_string());
        Self::Moved { tag: change.tag.to_string(), found }
    }
}

impl Fault for VacuumError {
    fn exit(&self) -> Exit {
        match self {
            Self::OtherSite { .. } | Self::SiteFile | Self::MovedAlready { .. } => Exit::Usage,
            Self::OldDump { .. }
            | Self::HalfDump { .. }
            | Self::NoDump
            | Self::Unfinished { .. }
            | Self::NotHeld { .. } => Exit::Prerequisite,
            Self::Changed { .. }
            | Self::MovedBefore { .. }
            | Self::InUse { .. }
            | Self::Needed { .. }
            | Self::PointsThere { .. }
            | Self::InTheWay { .. }
            | Self::Moved { .. } => Exit::Conflict,
            Self::OtherCatalog { .. } => Exit::Integrity,
            Self::NoDeletion { .. } | Self::Late => Exit::Registry,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::OldDump { .. } => {
                "make a new dump and give it with `--cluster`: what it names is compared with the plan; or say how old one may be \
                 with `--dump-age HOURS`"
                    .to_owned()
            }
            Self::HalfDump { .. } => dump_all(),
            Self::NoDeletion { .. } => {
                "distribution: `storage: {delete: {enabled: true}}` in its configuration; Nexus: the privilege `delete` of the \
                 repository; Harbor: a role that may delete artifacts"
                    .to_owned()
            }
            Self::PointsThere { .. } => {
                "point it to production first; then make a new dump, a new plan, look at it, and carry that out".to_owned()
            }
            Self::NotHeld { .. } => {
                "bring them to production first: run the import again that left them in staging, or carry them in again; then make a \
                 new plan"
                    .to_owned()
            }
            Self::MovedAlready { .. } => {
                "that move is done: go on in its RUNBOOK.md. To move back plan it anew with `--move-to staging`".to_owned()
            }
            Self::MovedBefore { .. } => {
                "if clusters were led over, use the site file that the move wrote into its folder (`site.yaml`); if not, make a new \
                 plan of the move"
                    .to_owned()
            }
            Self::InTheWay { .. } => EMPTY_FIRST.to_owned(),
            Self::Unfinished { .. } => "run that import again, then make a new plan".to_owned(),
            Self::Late => "run the same command again: it goes on where it stopped".to_owned(),
            _ => "make a new plan, look at it, and carry that out".to_owned(),
        })
    }
}
