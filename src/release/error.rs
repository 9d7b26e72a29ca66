//! Texts that are not what they should be in the world of releases.

use crate::fault::{Exit, Fault};

/// Why a text cannot be taken for what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    /// No architecture of OpenShift.
    #[error("`{text}` is no architecture of OpenShift")]
    Architecture {
        /// What was written.
        text: String,
    },
    /// No name of an update channel.
    #[error("`{text}` is no update channel")]
    Channel {
        /// What was written.
        text: String,
    },
    /// Not the metadata of a release.
    #[error("it is not the metadata of a release: {why}")]
    Metadata {
        /// What is wrong with it.
        why: String,
    },
}

impl Fault for ReleaseError {
    fn exit(&self) -> Exit {
        match self {
            Self::Architecture { .. } | Self::Channel { .. } => Exit::Usage,
            Self::Metadata { .. } => Exit::Integrity,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Architecture { .. } => {
                "the architectures are amd64, arm64, ppc64le, s390x, and multi for all in one".to_owned()
            }
            Self::Channel { .. } => {
                "a channel is for instance stable-4.20, fast-4.20, candidate-4.20 or eus-4.20".to_owned()
            }
            Self::Metadata { .. } => {
                "it is `release-manifests/release-metadata` of a release image, of kind cincinnati-metadata-v0"
                    .to_owned()
            }
        })
    }
}
