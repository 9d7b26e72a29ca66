//! Why something is not an archive of this format.

use std::io;

use crate::digest::{ContentMismatch, Digest};
use crate::fault::{Exit, Fault, exit_for_io};
use crate::trust::KeyId;

/// Why something is not an archive of this format, or cannot become one.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It does not begin like an archive.
    #[error("it is not an .ombundle archive: it does not begin as one")]
    NotAnArchive,
    /// It is an archive of another version.
    #[error("its format is `{found}`, and this program reads `ombundle/1`")]
    Version {
        /// What stands there instead, made printable.
        found: String,
    },
    /// A header is not the one that the format prescribes.
    #[error("its header is not the prescribed one: {field} differs")]
    Header {
        /// The first field that differs.
        field: &'static str,
    },
    /// The bytes between content and next header are not zero.
    #[error("its padding holds bytes that are not zero")]
    Padding,
    /// The two zero blocks at the end are not zero.
    #[error("the end mark holds bytes that are not zero")]
    EndMark,
    /// The file ends inside.
    #[error("the file ends here, after {length} bytes")]
    Ends {
        /// Bytes that the file has.
        length: u64,
    },
    /// The file does not have the size that its inventory gives.
    #[error("the file has {found} bytes, and its inventory says {expected}")]
    TotalSize {
        /// By the inventory.
        expected: u64,
        /// By the medium.
        found: u64,
    },
    /// More of something than the program takes.
    #[error("it has {found} {what}, more than the {limit} that are taken")]
    Limit {
        /// Of what.
        what: &'static str,
        /// How many there are, or one more than could be counted.
        found: u64,
        /// How many there may be.
        limit: u64,
    },
    /// There is no signature.
    #[error("nobody signed it")]
    Unsigned,
    /// What follows the inventory is not a signature's name, or they are not in order.
    #[error("a signature's header is not the prescribed one: {field} differs")]
    SignatureName {
        /// The first field that differs.
        field: &'static str,
    },
    /// The signatures that are there are not those that the inventory lists.
    #[error("the signatures are not those of the signers that the inventory lists")]
    Signers,
    /// A newer program wrote it, and says that this one must not read it.
    #[error("it needs a program that reads version {needed} of the format; this one reads version 1")]
    NewerReader {
        /// The least version that may read it.
        needed: u64,
    },
    /// It relies on an extension that this program does not know.
    #[error("it relies on the extension `{name}`, which this program does not know")]
    Critical {
        /// The extension.
        name: String,
    },
    /// The inventory is not JSON of the right shape.
    #[error("its inventory is not of the prescribed form")]
    Malformed(#[source] serde_json::Error),
    /// The inventory is not written in the one canonical way.
    #[error("its inventory is not in canonical form: it differs at byte {at}")]
    NotCanonical {
        /// The first byte that differs, counted from 0.
        at: u64,
    },
    /// The inventory breaks a rule of the format.
    #[error("its inventory breaks a rule: {subject} {rule}")]
    Rule {
        /// What breaks it.
        subject: String,
        /// The rule, as the end of a sentence.
        rule: &'static str,
    },
    /// A text is not what it should be.
    #[error("`{text}` is not {what}: {rule}")]
    InvalidText {
        /// The text, made printable and cut.
        text: String,
        /// What it should be.
        what: &'static str,
        /// The rule.
        rule: &'static str,
    },
    /// Content is not what the inventory says.
    #[error(transparent)]
    Content(#[from] ContentMismatch),
    /// Signing was asked for by other keys than the inventory lists.
    #[error("signatures are needed of exactly the {} keys that the inventory lists", .expected.len())]
    SignerMismatch {
        /// The keys that the inventory lists.
        expected: Vec<KeyId>,
    },
    /// A blob that the inventory lists could not be read while writing.
    #[error("cannot read {digest} to pack it")]
    Blob {
        /// The blob.
        digest: Digest,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The archive could not be written.
    #[error("cannot write the archive")]
    Write(#[source] io::Error),
    /// The medium could not be read.
    #[error("cannot read it from its medium")]
    Unreadable(#[source] io::Error),
}

impl Fault for ArchiveError {
    fn exit(&self) -> Exit {
        match self {
            Self::Unsigned | Self::Signers => Exit::Trust,
            Self::NewerReader { .. }
            | Self::Critical { .. }
            | Self::InvalidText { .. }
            | Self::SignerMismatch { .. } => Exit::Usage,
            Self::Write(source) => exit_for_io(source, Exit::Unexpected),
            _ => Exit::Integrity,
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Version { .. } | Self::NewerReader { .. } | Self::Critical { .. } => {
                "use the version of ombundle that packed it, or a newer one"
            }
            Self::Ends { .. } | Self::TotalSize { .. } => {
                "copy the archive again, and compare its size with the original"
            }
            Self::NotAnArchive => "is it the right file? Archives are what `ombundle pack` writes",
            Self::Unreadable(_) => "the medium may be failing: copy the archive to another one",
            _ => return None,
        };
        Some(text.to_owned())
    }
}

/// An error with its place in the file.
#[derive(Debug, thiserror::Error)]
#[error("{entry} at byte {offset}")]
pub struct Defect {
    /// The member of the archive, for instance `inventory.json`.
    pub entry: String,
    /// Where it shows, in bytes from the start of the archive.
    pub offset: u64,
    /// What is wrong.
    #[source]
    pub error: ArchiveError,
}
