//! What happened, told to whoever shows it: progress bars, log lines, a test, or nobody.

use std::time::Duration;

use crate::digest::Digest;

/// A stretch of work that a person waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Reading catalogs and pinning images.
    Plan,
    /// Fetching blobs from the source registries.
    Fetch,
    /// Copying an archive onto media.
    Copy,
    /// Making repair data.
    Protect,
    /// Mending an archive with it.
    Mend,
    /// Hashing the archive.
    Verify,
    /// Pushing to the staging registry.
    Stage,
    /// Merging catalogs.
    Merge,
    /// Pushing to the production registry.
    Promote,
    /// Looking through a registry.
    List,
    /// Checking that production can serve what it offers.
    Check,
    /// Writing cluster resources and documents.
    Emit,
    /// Deleting from a registry.
    Vacuum,
}

/// One thing that happened.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A phase begins, with what is known of its size.
    Begin {
        /// Which.
        phase: Phase,
        /// Objects to handle.
        items: u64,
        /// Bytes to move or hash.
        bytes: u64,
    },
    /// Work on one object begins.
    Started {
        /// Its digest.
        digest: Digest,
        /// What a person calls it.
        label: &'a str,
        /// Its size in bytes.
        bytes: u64,
    },
    /// So many more bytes of it are done.
    Advanced {
        /// Which object.
        digest: Digest,
        /// Bytes since the last such event.
        bytes: u64,
    },
    /// It is done.
    Finished {
        /// Which object.
        digest: Digest,
    },
    /// It was there already.
    Skipped {
        /// Which object.
        digest: Digest,
        /// Its size in bytes.
        bytes: u64,
    },
    /// The phase is over.
    End {
        /// Which.
        phase: Phase,
    },
    /// A request is tried again.
    Retrying {
        /// What was asked, for instance `GET nexus.example:5001/v2/a/manifests/b`.
        request: &'a str,
        /// Which try comes next, counted from 2.
        attempt: u32,
        /// How long it waits before.
        wait: Duration,
        /// What went wrong.
        reason: &'a str,
    },
    /// Something a person should know.
    Note {
        /// The text.
        text: &'a str,
    },
    /// Something a person should worry about.
    Warning {
        /// The text.
        text: &'a str,
    },
}

/// Receives events, and says when to stop.
pub trait Events: Sync {
    /// Takes one event. Must return quickly; may be called from several threads.
    fn emit(&self, event: &Event<'_>);

    /// Whether the person asked to stop. Long work asks between chunks and ends with an "interrupted" error.
    fn interrupted(&self) -> bool {
        false
    }
}

/// Nobody listens.
pub struct Silent;

impl Events for Silent {
    fn emit(&self, _: &Event<'_>) {}
}
