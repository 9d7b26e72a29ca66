//! Why a release image cannot be read as what was asked for.

use crate::fault::{Exit, Fault};
use crate::oci::Platform;
use crate::reference::PinnedRef;
use crate::release::ReleaseError;
use crate::version::Version;

/// Why a release image cannot be read as what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// A file that every release has is not there.
    #[error("{image} is no release image: it has no `release-manifests/{file}`")]
    Missing {
        /// The image.
        image: Box<PinnedRef>,
        /// The file.
        file: &'static str,
    },
    /// The list of components is not one.
    #[error("`release-manifests/image-references` of {image} cannot be used: {why}")]
    References {
        /// The image.
        image: Box<PinnedRef>,
        /// What is wrong with it.
        why: String,
    },
    /// The metadata are not.
    #[error("`release-manifests/release-metadata` of {image} cannot be used")]
    Metadata {
        /// The image.
        image: Box<PinnedRef>,
        /// What is wrong with them.
        #[source]
        source: ReleaseError,
    },
    /// It is another release than was asked for.
    #[error("{image} is release {found}, not {asked}")]
    OtherVersion {
        /// The image.
        image: Box<PinnedRef>,
        /// What it is.
        found: Box<Version>,
        /// What was asked for.
        asked: Box<Version>,
    },
    /// It says two things of its version.
    #[error("{image} is release {references} by its image-references and {metadata} by its metadata")]
    TwoVersions {
        /// The image.
        image: Box<PinnedRef>,
        /// What image-references says.
        references: String,
        /// What release-metadata says.
        metadata: Box<Version>,
    },
    /// It is not made for this platform.
    #[error("{image} is not made for {asked}; it is for {}", platforms(.offered))]
    Platform {
        /// The image.
        image: Box<PinnedRef>,
        /// What was asked for.
        asked: Platform,
        /// What it is made for.
        offered: Vec<Platform>,
    },
}

fn platforms(offered: &[Platform]) -> String {
    let names: Vec<_> = offered.iter().map(ToString::to_string).collect();
    if names.is_empty() { "no platform that it names".to_owned() } else { names.join(", ") }
}

impl Fault for PayloadError {
    fn exit(&self) -> Exit {
        match self {
            Self::Missing { .. } | Self::Platform { .. } => Exit::Usage,
            Self::References { .. }
            | Self::Metadata { .. }
            | Self::OtherVersion { .. }
            | Self::TwoVersions { .. } => Exit::Integrity,
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Missing { .. } => {
                "give a release image, for instance quay.io/openshift-release-dev/ocp-release:4.20.5-x86_64; `oc adm release info` shows whether it is one"
            }
            Self::References { .. } | Self::Metadata { .. } | Self::TwoVersions { .. } => {
                "do not use this release; compare its digest with the one that the vendor publishes"
            }
            Self::OtherVersion { .. } => {
                "do not use it: the update graph or the tag names another image than this version's; ask again, or name the image by its digest"
            }
            Self::Platform { .. } => {
                "ask for an architecture that it has, or for the release of architecture `multi`"
            }
        };
        Some(text.to_owned())
    }
}
