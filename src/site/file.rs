//! The site file: what does not change from trip to trip (`schema/site.v1.json`).

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::catalog_source::CatalogSourceSpec;
use super::releases::ReleaseSpec;
use crate::oci::Platform;
use crate::reference::{ImageRef, InvalidReference, RegistryHost, Repository, Tag, serde_as_text};

/// A site file as written.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Site {
    /// `ombundle.dev/v1`.
    pub api_version: String,
    /// `Site`.
    pub kind: String,
    /// Its name.
    pub metadata: SiteMetadata,
    /// What it is.
    pub spec: SiteSpec,
}

/// The name of a site.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteMetadata {
    /// A DNS label; archives are bound to it.
    pub name: String,
}

/// What a site is.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SiteSpec {
    /// Where archives arrive first.
    pub staging: RegistrySpec,
    /// What the cluster pulls from.
    pub production: RegistrySpec,
    /// Where source repositories land; the longest source prefix wins, what follows it is kept.
    #[serde(default)]
    pub repositories: Vec<PrefixRule>,
    /// The catalogs that the site serves.
    #[serde(default)]
    pub catalogs: Vec<CatalogMirror>,
    /// The platforms of its nodes.
    #[serde(default = "default_platforms")]
    pub platforms: Vec<Platform>,
    /// Whose archives it takes.
    #[serde(default)]
    pub trust: TrustSpec,
    /// Whose OpenShift releases it takes, and where they are looked for.
    #[serde(default)]
    pub releases: ReleaseSpec,
    /// What kind of registry it has.
    #[serde(default)]
    pub profile: ProfileName,
    /// Where journal, records and generations are kept; relative to the site file.
    #[serde(default = "default_state")]
    pub state: PathBuf,
    /// Over how many generations a vacuum keeps the way back: their catalogs, and all that these offer.
    #[serde(default = "one")]
    pub keep_generations: u32,
    /// Where Nexus itself is, so that a vacuum can run its clean-up tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nexus: Option<NexusSpec>,
}

/// A Nexus behind both registries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NexusSpec {
    /// Its address, `https://nexus.example:8443`. The auth file needs an entry for this host: an account with the privileges
    /// `nx-tasks-read`, `nx-tasks-run` and `nx-blobstores-read`.
    pub url: String,
    /// The name of the repository behind the production port, for instance `docker-production`.
    pub production: String,
    /// The name of the repository behind the staging port; needed where that is emptied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staging: Option<String>,
}

fn default_platforms() -> Vec<Platform> {
    vec![Platform::linux_amd64()]
}

fn default_state() -> PathBuf {
    PathBuf::from("state")
}

/// A registry of the site.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegistrySpec {
    /// `host:port`.
    pub registry: RegistryHost,
}

/// Where the repositories below one source prefix land.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrefixRule {
    /// A registry host, or a host and leading path components.
    pub source: String,
    /// The repository prefix inside the site's registries.
    pub mirror: Repository,
}

/// A catalog that the site serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CatalogMirror {
    /// The upstream catalog, for instance `registry.redhat.io/redhat/redhat-operator-index:v4.20`.
    pub source: ImageRef,
    /// Repository and tag inside the site's registries, for instance `olm-redhat/redhat-operator-index:v4.20`.
    pub mirror: MirrorTag,
    /// Name of its CatalogSource and ClusterCatalog, stable over the years.
    pub name: String,
    /// What its CatalogSource says besides its image.
    #[serde(rename = "catalogSource", default)]
    pub catalog_source: CatalogSourceSpec,
}

impl CatalogMirror {
    /// The second catalog beside this one, for packages that a person split off: in the same repository, so that it can be built on
    /// the same base. Nothing where the tag has no room for it.
    pub fn second(&self) -> Option<Self> {
        let tag = format!("{}-split", self.mirror.tag).parse().ok()?;
        let mirror = MirrorTag { repository: self.mirror.repository.clone(), tag };
        Some(Self { mirror, name: format!("{}-split", self.name), ..self.clone() })
    }

    /// This one and the second one beside it, whether the site has that or not.
    pub fn both(&self) -> impl Iterator<Item = Self> + use<> {
        self.second().into_iter().chain([self.clone()])
    }
}

/// A repository and a tag inside a registry that is named elsewhere: `olm-redhat/redhat-operator-index:v4.20`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MirrorTag {
    /// The repository.
    pub repository: Repository,
    /// The tag.
    pub tag: Tag,
}

/// Whose archives the site takes.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrustSpec {
    /// Public keys (SPKI PEM), relative to the site file.
    #[serde(default)]
    pub keys: Vec<PathBuf>,
    /// How many distinct keys must have signed.
    #[serde(default = "one")]
    pub threshold: u32,
}

fn one() -> u32 {
    1
}

/// What kind of registry a site has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProfileName {
    /// Find out.
    #[default]
    Auto,
    /// Sonatype Nexus Repository.
    Nexus,
    /// Harbor.
    Harbor,
    /// Quay or mirror-registry.
    Quay,
    /// JFrog Artifactory.
    Artifactory,
    /// CNCF distribution (`registry:2`).
    Distribution,
    /// zot.
    Zot,
}

impl ProfileName {
    /// Whether such a registry takes an index of which some images are not there: distribution refuses it, and of what is not known it
    /// is not assumed.
    pub fn takes_sparse_indexes(self) -> bool {
        !matches!(self, Self::Auto | Self::Distribution)
    }
}

impl fmt::Display for MirrorTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.repository, self.tag)
    }
}

impl FromStr for MirrorTag {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let (repository, tag) = text.rsplit_once(':').unwrap_or((text, ""));
        Ok(Self { repository: repository.parse()?, tag: tag.parse()? })
    }
}

serde_as_text!(MirrorTag);
