//! Why catalogs do not go back.

use crate::digest::Digest;
use crate::fault::{Exit, Fault};
use crate::text::counted;

/// What stands in the way back. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum RollbackError {
    /// There is nothing to go back from.
    #[error("no generation was imported at this site: there is nothing to go back from")]
    NothingImported,
    /// The generation was never in force here.
    #[error("generation {wanted} was never imported at this site; it had {known}")]
    NeverImported {
        /// The one that was asked for.
        wanted: u64,
        /// Those that were, in words.
        known: String,
    },
    /// It is the one that is in force, or a later one.
    #[error("generation {wanted} does not lie before {last}, the last one")]
    NotBefore {
        /// The one that was asked for.
        wanted: u64,
        /// The last one.
        last: u64,
    },
    /// No catalog of the site was anything else then.
    #[error("no catalog of this site is known to have been another one after generation {wanted}")]
    Unchanged {
        /// The one that was asked for.
        wanted: u64,
    },
    /// What the wanted generation left is gone: the oldest that is kept came of a later one.
    #[error(
        "what `{tag}` was after generation {wanted} is not kept: the oldest catalog since then, `{kept}`, came of generation {made}"
    )]
    NotKept {
        /// The tag.
        tag: String,
        /// The generation that was asked for.
        wanted: u64,
        /// The tag that keeps the oldest one.
        kept: String,
        /// The generation that it came of.
        made: u64,
    },
    /// What the tag points to is nobody's that is known.
    #[error("`{tag}` points to {found}, which no import put there: going back would lose what somebody did")]
    Foreign {
        /// The tag.
        tag: String,
        /// What it points to.
        found: String,
    },
    /// The tag that keeps the former catalog points elsewhere than this machine noted.
    #[error("`{kept}` points to {found}, and the import that made it replaced {noted}")]
    Disputed {
        /// The tag that keeps it.
        kept: String,
        /// What it points to.
        found: Digest,
        /// What was noted.
        noted: Digest,
    },
    /// The former catalog or images that it offers are gone.
    #[error("production lacks {} of the former catalog `{kept}`; the first: {first}", counted(*count, "image"))]
    Pruned {
        /// The tag that keeps it.
        kept: String,
        /// How many.
        count: usize,
        /// The first of them.
        first: String,
    },
    /// Another machine imported meanwhile.
    #[error("generation {now} is in force by now; this was to go back from {from}")]
    Newer {
        /// The last one when the way back was looked for.
        from: u64,
        /// The last one now.
        now: u64,
    },
    /// Somebody else moved it meanwhile.
    #[error("`{tag}` was changed by somebody else meanwhile")]
    Overtaken {
        /// The tag.
        tag: String,
    },
}

impl Fault for RollbackError {
    fn exit(&self) -> Exit {
        match self {
            Self::NothingImported | Self::NeverImported { .. } | Self::NotBefore { .. } => Exit::Usage,
            Self::Unchanged { .. } | Self::NotKept { .. } | Self::Pruned { .. } => Exit::Prerequisite,
            Self::Foreign { .. } | Self::Newer { .. } | Self::Overtaken { .. } => Exit::Conflict,
            Self::Disputed { .. } => Exit::Trust,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::NothingImported => "check the site file: its name, production and `state`",
                Self::NeverImported { .. } => "name one of these with `--to`",
                Self::NotBefore { .. } => "to go forward again import the archive of that generation once more",
                Self::Unchanged { .. } => {
                    "production keeps what a generation replaced as TAG-prev-N; where these tags are gone, only an archive brings it back"
                }
                Self::NotKept { made, .. } => {
                    return Some(format!(
                        "go back no further than that, with `--to {made}`; what lies before it only an archive brings back"
                    ));
                }
                Self::Foreign { .. } => {
                    "find out who writes this catalog; `import` of the last archive merges with it, and can be taken back"
                }
                Self::Disputed { .. } => "somebody moved that tag: find out who may write there before anything goes back",
                Self::Pruned { .. } => {
                    "import the archive of that generation once more, which brings its images; or go back all the same with `--incomplete`"
                }
                Self::Newer { .. } => {
                    "ask who imported it; to go back behind it too, run `rollback` again and name a generation with `--to`"
                }
                Self::Overtaken { .. } => "run `rollback` again: it looks at what is there now",
            }
            .to_owned(),
        )
    }
}
