//! Why an archive is refused: the entry, the place, the reason.

use std::fmt;

use crate::archive::{ArchiveError, Defect, Moment, Name};
use crate::digest::Digest;
use crate::fault::{Exit, Fault};
use crate::finding::Finding;
use crate::trust::TrustError;

/// One reason to refuse an archive, with its place.
#[derive(Debug, thiserror::Error)]
#[error("{entry} at byte {offset}")]
pub struct Refusal {
    /// The member of the archive, for instance `oci/blobs/sha256/…`.
    pub entry: String,
    /// Where it shows, in bytes from the start of the archive.
    pub offset: u64,
    /// What is wrong.
    #[source]
    pub reason: Reason,
}

/// What is wrong with an archive.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// It is not as the format prescribes.
    #[error(transparent)]
    Format(#[from] ArchiveError),
    /// It is not signed as the site demands.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// An entry's content is not what was signed.
    #[error("its content has digest {found}, and {expected} was signed")]
    Content {
        /// What was signed.
        expected: Digest,
        /// What is there.
        found: Digest,
    },
    /// It is for another site.
    #[error("it is for the site `{target}`, not for `{site}`")]
    Target {
        /// The site that it is for.
        target: Name,
        /// This site.
        site: Name,
    },
    /// It is of another stream of generations.
    #[error("it belongs to the channel `{found}`, not to `{expected}`")]
    Channel {
        /// The channel that it belongs to.
        found: Name,
        /// The channel of this site.
        expected: Name,
    },
    /// It is older than what was imported.
    #[error("it is generation {sequence}, and generation {floor} was imported already")]
    Rollback {
        /// Its generation.
        sequence: u64,
        /// The last imported one.
        floor: u64,
    },
    /// It has the number of an imported archive, and is another one.
    #[error(
        "it is generation {sequence} with inventory {found}, and generation {sequence} with inventory {expected} was imported already"
    )]
    Fork {
        /// The generation.
        sequence: u64,
        /// Inventory of the imported archive.
        expected: Digest,
        /// Inventory of this one, or of the one that it says it follows.
        found: Digest,
    },
    /// It claims to follow another archive than the imported one.
    #[error(
        "it follows generation {sequence} with inventory {found}, and generation {sequence} with inventory {expected} was imported"
    )]
    Predecessor {
        /// The generation.
        sequence: u64,
        /// Inventory of the imported archive.
        expected: Digest,
        /// Inventory of the archive that it follows.
        found: Digest,
    },
    /// Its number is so far ahead that no honest archive could follow.
    #[error("it is generation {sequence}, more than {most} after generation {floor}")]
    Jump {
        /// Its generation.
        sequence: u64,
        /// The last imported one.
        floor: u64,
        /// How far ahead it may be.
        most: u64,
    },
    /// It is too old.
    #[error("it expired at {expires}, and it is {now}")]
    Expired {
        /// When it expired.
        expires: Moment,
        /// The clock of this machine.
        now: Moment,
    },
    /// It is from the future.
    #[error("it is valid from {from}, and it is {now}")]
    NotYet {
        /// From when it is valid.
        from: Moment,
        /// The clock of this machine.
        now: Moment,
    },
    /// The clock of this machine went back, so that it cannot tell what expired.
    #[error("it is {now} by the clock of this machine, and it was {seen} already")]
    ClockBack {
        /// The latest time that was seen.
        seen: Moment,
        /// The clock of this machine.
        now: Moment,
    },
    /// An entry was not checked.
    #[error("it was not checked")]
    Unchecked,
    /// There is no such entry.
    #[error("the archive has no such entry")]
    NoSuchEntry,
    /// The person asked to stop.
    #[error("stopped")]
    Interrupted,
}

impl Refusal {
    pub(super) fn new(entry: impl Into<String>, offset: u64, reason: impl Into<Reason>) -> Self {
        Self { entry: entry.into(), offset, reason: reason.into() }
    }

    /// A stable code in capitals.
    pub fn code(&self) -> &'static str {
        match &self.reason {
            Reason::Format(error) => match error {
                ArchiveError::NotAnArchive => "NOT_AN_ARCHIVE",
                ArchiveError::Version { .. }
                | ArchiveError::NewerReader { .. }
                | ArchiveError::Critical { .. } => "NEWER_FORMAT",
                ArchiveError::Header { .. } | ArchiveError::SignatureName { .. } => "HEADER_CHANGED",
                ArchiveError::Padding | ArchiveError::EndMark => "PADDING_CHANGED",
                ArchiveError::Ends { .. } | ArchiveError::TotalSize { .. } => "WRONG_SIZE",
                ArchiveError::Limit { .. } => "TOO_LARGE",
                ArchiveError::Unsigned => "UNSIGNED",
                ArchiveError::Signers => "OTHER_SIGNERS",
                ArchiveError::Unreadable(_) => "UNREADABLE",
                _ => "INVALID_INVENTORY",
            },
            Reason::Trust(error) => match error {
                TrustError::Unsigned => "UNSIGNED",
                TrustError::BadSignature(_) => "BAD_SIGNATURE",
                TrustError::TooFewSignatures { .. } => "NOT_TRUSTED",
                _ => "SIGNATURE_REFUSED",
            },
            Reason::Content { .. } => "CONTENT_CHANGED",
            Reason::Target { .. } => "OTHER_SITE",
            Reason::Channel { .. } => "OTHER_CHANNEL",
            Reason::Rollback { .. } => "ROLLBACK",
            Reason::Fork { .. } => "FORK",
            Reason::Predecessor { .. } => "OTHER_PREDECESSOR",
            Reason::Jump { .. } => "SEQUENCE_JUMP",
            Reason::Expired { .. } => "EXPIRED",
            Reason::NotYet { .. } => "NOT_YET_VALID",
            Reason::ClockBack { .. } => "CLOCK_BACK",
            Reason::Unchecked => "UNCHECKED",
            Reason::NoSuchEntry => "NO_SUCH_ENTRY",
            Reason::Interrupted => "INTERRUPTED",
        }
    }

    /// The same for a report.
    pub fn finding(&self) -> Finding {
        let subject = format!("{} at byte {}", self.entry, self.offset);
        let finding = Finding::error(self.code(), subject, chain(&self.reason));
        match self.hint() {
            Some(hint) => finding.hint(hint),
            None => finding,
        }
    }
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

impl Fault for Refusal {
    fn exit(&self) -> Exit {
        match &self.reason {
            Reason::Format(error) => error.exit(),
            Reason::Trust(error) => error.exit(),
            Reason::Content { .. } | Reason::Unchecked | Reason::NoSuchEntry => Exit::Integrity,
            Reason::Interrupted => Exit::Interrupted,
            _ => Exit::Trust,
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match &self.reason {
            Reason::Format(error) => return error.hint(),
            Reason::Trust(error) => return error.hint(),
            Reason::Content { .. } => {
                "copy the archive again: only this entry is damaged, and the medium may be failing"
            }
            Reason::Expired { .. } | Reason::NotYet { .. } => {
                "check the clock of this machine; if it is right, pack again, or accept it with a reason that is recorded"
            }
            Reason::ClockBack { .. } => "set the clock of this machine",
            Reason::Rollback { .. } | Reason::Fork { .. } => "ask for a newer archive",
            Reason::Predecessor { .. } => "ask for an archive that builds on what this site imported",
            Reason::Target { .. } | Reason::Channel { .. } => {
                "take the archive that was packed for this site"
            }
            _ => return None,
        };
        Some(text.to_owned())
    }
}

impl From<Defect> for Refusal {
    fn from(defect: Defect) -> Self {
        Self::new(defect.entry, defect.offset, defect.error)
    }
}

/// Everything that speaks against an archive: one refusal at least.
#[derive(Debug)]
pub struct Refused(Vec<Refusal>);

impl Refused {
    /// Nothing when there are no refusals.
    pub fn by(refusals: Vec<Refusal>) -> Option<Self> {
        if refusals.is_empty() { None } else { Some(Self(refusals)) }
    }

    /// The person asked to stop before every byte was looked at.
    pub fn interrupted() -> Self {
        Refusal::new("the archive", 0, Reason::Interrupted).into()
    }

    /// Each of them, in the order in which they were found.
    pub fn refusals(&self) -> &[Refusal] {
        &self.0
    }

    /// The same for a report.
    pub fn findings(&self) -> Vec<Finding> {
        self.0.iter().map(Refusal::finding).collect()
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self(vec![refusal])
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            0 | 1 => f.write_str("the archive is refused"),
            count => write!(f, "the archive is refused for {count} reasons, the first of which is this"),
        }
    }
}

impl std::error::Error for Refused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.first().map(|first| first as _)
    }
}

impl Fault for Refused {
    /// Doubt about who made it weighs more than damage, and a wish to stop more than either.
    fn exit(&self) -> Exit {
        self.0.iter().map(Refusal::exit).max().unwrap_or(Exit::Integrity)
    }

    fn hint(&self) -> Option<String> {
        self.0.iter().find_map(Refusal::hint)
    }
}
