//! Why an archive cannot be cut, or a label is none.

use crate::fault::{Exit, Fault};
use crate::volume::{MOST, SMALLEST};

/// Why an archive cannot be cut, or a label is none.
#[derive(Debug, thiserror::Error)]
pub enum VolumeError {
    /// The volumes would be too small to be worth their names.
    #[error("volumes of {size} bytes are too small: {SMALLEST} is the least")]
    Small {
        /// What was asked for.
        size: u64,
    },
    /// There would be more volumes than names.
    #[error("{total} bytes in volumes of {size} would be {count} files, and there are names for {MOST}")]
    Many {
        /// Bytes of the archive.
        total: u64,
        /// Bytes of a volume.
        size: u64,
        /// How many it would be.
        count: u64,
    },
    /// A size that cannot be read.
    #[error("`{text}` is no size of a volume")]
    Size {
        /// What was written.
        text: String,
    },
    /// A file name that is no volume's.
    #[error("`{text}` is no name of a volume")]
    Name {
        /// What was written.
        text: String,
    },
    /// A text that is no label.
    #[error("the label cannot be read")]
    Label {
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// A label that contradicts itself.
    #[error("the label contradicts itself: {what}")]
    Contradiction {
        /// How.
        what: &'static str,
    },
}

impl Fault for VolumeError {
    fn exit(&self) -> Exit {
        match self {
            Self::Small { .. } | Self::Many { .. } | Self::Size { .. } | Self::Name { .. } => Exit::Usage,
            Self::Label { .. } | Self::Contradiction { .. } => Exit::Integrity,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Small { .. } | Self::Many { .. } => "choose larger volumes".to_owned(),
            Self::Size { .. } => {
                "give bytes, or a number with one of K, M, G (powers of 1,000) or Ki, Mi, Gi (of 1,024): `--volume-size 4G`".to_owned()
            }
            Self::Name { .. } => "volumes are named `upgrade.ombundle.001`, `upgrade.ombundle.002` and so on".to_owned(),
            Self::Label { .. } | Self::Contradiction { .. } => "copy the label again from where it was written".to_owned(),
        })
    }
}
