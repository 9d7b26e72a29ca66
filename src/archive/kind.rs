//! What an image in an archive is for: the plan's word and the inventory's.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an image is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ImageKind {
    /// An operator bundle.
    Bundle,
    /// An image that an operator needs.
    Related,
    /// The image that a first catalog is built on.
    CatalogBase,
    /// An OpenShift release.
    Release,
    /// A component of an OpenShift release.
    ReleaseComponent,
    /// The disk of a virtual node for KubeVirt.
    ReleaseDisk,
    /// The image that the graph data of an update service is built on.
    GraphDataBase,
    /// Asked for by itself: `additionalImages`.
    Additional,
    /// A signature, attestation or other attachment of another image.
    Attachment,
}

impl ImageKind {
    /// Whether it lands where something is built on it, and not where its repository is mirrored.
    pub fn is_base(self) -> bool {
        matches!(self, Self::CatalogBase | Self::GraphDataBase)
    }

    /// Whether something in a cluster may ask for it by its tag. Releases are always asked for by digest; their tags are for people,
    /// and for the update service.
    pub fn is_pulled_by_tag(self) -> bool {
        matches!(self, Self::Bundle | Self::Related | Self::CatalogBase | Self::Additional)
    }
}
