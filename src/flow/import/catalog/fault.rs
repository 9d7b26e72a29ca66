//! Why a catalog of production cannot be brought forward.

use crate::fault::{Exit, Fault};
use crate::merge::MergeRefused;

/// Why a catalog cannot be brought forward.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// There is nothing to build on.
    #[error("production has no catalog `{tag}`, and the archive carries no base for one")]
    NoBase {
        /// Where the catalog should be.
        tag: String,
    },
    /// What production serves cannot be read.
    #[error("the catalog `{tag}` that production serves is broken: {first} ({count} errors in all)")]
    Broken {
        /// Where it is.
        tag: String,
        /// How many errors it has.
        count: usize,
        /// The first of them.
        first: String,
    },
    /// There is no program in the image that would serve the catalog.
    #[error(
        "the image `{tag}` that production serves has no `/bin/opm`, so nothing would serve a catalog built on it"
    )]
    NoOpm {
        /// Where it is.
        tag: String,
    },
    /// What the archive brings is no sound catalog.
    #[error("the catalog that the archive brings is broken: {why}")]
    Delta {
        /// What is wrong.
        why: String,
    },
    /// Something that the delivered packages need is not in production.
    #[error("{count} images of delivered operators do not resolve in production; the first: {first}")]
    Unresolved {
        /// How many.
        count: usize,
        /// The first of them.
        first: String,
    },
    /// Production's catalog went back to what was there before generations that the archive builds on, and cannot be merged with.
    #[error(
        "the catalog `{tag}` of production is what it was before generation {undone}, and the archive builds on generation {base}"
    )]
    WentBack {
        /// Where it is.
        tag: String,
        /// The first generation that is not in it any more.
        undone: u64,
        /// The last one before the archive's that changed it.
        base: u64,
        /// What stands against merging.
        #[source]
        source: Box<MergeRefused>,
    },
}

impl Fault for CatalogError {
    fn exit(&self) -> Exit {
        match self {
            Self::NoBase { .. } | Self::Unresolved { .. } | Self::WentBack { .. } => Exit::Prerequisite,
            Self::Broken { .. } | Self::NoOpm { .. } => Exit::Conflict,
            Self::Delta { .. } => Exit::Integrity,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoBase { .. } => {
                "pack again with `--full`, so that the base is carried; or correct `mirror` in the site file".to_owned()
            }
            Self::Broken { tag, .. } => format!("run `ombundle catalog validate {tag}` to see all errors"),
            Self::NoOpm { .. } => {
                "a catalog made for extractContent has no server: mirror the upstream index image once, and point the site file to it"
                    .to_owned()
            }
            Self::Delta { .. } => "pack again with the version of ombundle that imports".to_owned(),
            Self::WentBack { base, .. } => format!(
                "lead it to generation {base} first: `ombundle rollback --to {base}`, or, where that was the last one, its archive \
                 imported once more"
            ),
            Self::Unresolved { .. } => "run the same import again; if it stays, pack again with `--full`".to_owned(),
        })
    }
}
