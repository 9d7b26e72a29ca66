//! Which registry of a site holds what (`schema/registries.v1.json`).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::reference::{ImageRef, RegistryHost};

/// Both registries side by side, as `check --table` prints them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RegistryTable {
    /// `ombundle.registries/v1`.
    pub format: String,
    /// The site's name.
    pub site: String,
    /// What is permanent.
    pub production: RegistryState,
    /// What arrived and may go; nothing where staging could not be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staging: Option<RegistryState>,
    /// What staging has and production has not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_in_staging: Option<Amount>,
    /// What production has and staging has not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_in_production: Option<Amount>,
}

/// What one registry holds of the site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RegistryState {
    /// The registry.
    pub registry: RegistryHost,
    /// The site's catalogs there.
    pub catalogs: Vec<CatalogPlace>,
    /// OpenShift releases, by their tags.
    pub releases: Vec<ImageRef>,
    /// Images by what they are for. What two kinds share counts for both.
    pub images: BTreeMap<ImageUse, Amount>,
    /// All of them, each byte once.
    pub total: Amount,
}

/// One catalog in one registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CatalogPlace {
    /// Its tag.
    pub mirror: ImageRef,
    /// What that points to.
    pub digest: Digest,
    /// The generation that made it; nothing for one that no import made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
}

/// What an image is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ImageUse {
    /// A catalog, served now or before.
    Catalog,
    /// What a catalog of production offers: bundles and what they need.
    Operator,
    /// OpenShift releases and their components.
    Release,
    /// Anything else: images that were asked for by name, signatures, and what no catalog offers any more.
    Other,
}

/// So much.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Amount {
    /// Images, in whatever repository each.
    pub images: u64,
    /// Bytes of them.
    pub bytes: u64,
}

impl RegistryTable {
    /// What `format` says.
    pub const FORMAT: &str = "ombundle.registries/v1";
}

impl ImageUse {
    /// In words, for a table.
    pub fn label(self) -> &'static str {
        match self {
            Self::Catalog => "catalogs",
            Self::Operator => "operators",
            Self::Release => "releases",
            Self::Other => "other",
        }
    }
}
