//! Why there can be no repair data, or a file is none.

use crate::fault::{Exit, Fault};

/// Why there can be no repair data, or a file is none.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// A share that cannot be read.
    #[error("`{text}` is no share of an archive")]
    Share {
        /// What was written.
        text: String,
    },
    /// An archive that is too large to be cut into few enough blocks.
    #[error("an archive of {total} bytes is too large for repair data")]
    Large {
        /// Its bytes.
        total: u64,
    },
    /// A medium that is too small for any of it.
    #[error("a file of repair data needs {least} bytes, and a volume has {most}")]
    Small {
        /// What the smallest file needs.
        least: u64,
        /// What a volume has.
        most: u64,
    },
    /// A file that is no repair data, or contradicts itself.
    #[error("it is no repair data: {what}")]
    Header {
        /// What speaks against it.
        what: &'static str,
    },
    /// The code refuses its input.
    #[error("the repair code cannot do it")]
    Code(#[from] reed_solomon_simd::Error),
}

impl Fault for RepairError {
    fn exit(&self) -> Exit {
        match self {
            Self::Share { .. } | Self::Large { .. } | Self::Small { .. } => Exit::Usage,
            Self::Header { .. } | Self::Code(_) => Exit::Integrity,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Share { .. } => Some("give a part of a hundred, up to 100: `--repair 5%`".to_owned()),
            Self::Small { .. } => Some("choose larger volumes, or leave out `--repair`".to_owned()),
            Self::Large { .. } | Self::Header { .. } | Self::Code(_) => None,
        }
    }
}
