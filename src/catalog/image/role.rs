//! What an image is, by the labels of its config (operator-registry `pkg/lib/bundle/utils.go`, `pkg/containertools`).

use super::error::RENDERED;
use crate::catalog::image::{ImageError, names};
use crate::oci::ConfigView;

/// The label whose value is the directory of a file-based catalog.
pub const CONFIGS_LABEL: &str = "operators.operatorframework.io.index.configs.v1";
const SQLITE_LABEL: &str = "operators.operatorframework.io.index.database.v1";
const PACKAGE_LABEL: &str = "operators.operatorframework.io.bundle.package.v1";
const MANIFESTS_LABEL: &str = "operators.operatorframework.io.bundle.manifests.v1";
const METADATA_LABEL: &str = "operators.operatorframework.io.bundle.metadata.v1";

/// What an image is to OLM. Directories are relative to the image's root, without slashes at their ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageRole {
    /// A file-based catalog.
    Catalog {
        /// Where its files are, for instance `configs`.
        configs: String,
    },
    /// An operator bundle.
    Bundle {
        /// The package that the label names; `annotations.yaml` inside has the last word.
        package: String,
        /// Where its manifests are, usually `manifests`.
        manifests: String,
        /// Where its metadata is, usually `metadata`.
        metadata: String,
    },
    /// A catalog in an SQLite database, as up to OpenShift 4.10.
    Sqlite,
    /// Nothing of OLM's.
    Other,
}

impl ImageRole {
    /// Reads the labels. An image that is catalog and database at once is a catalog: opm serves its files too.
    pub fn of(config: &ConfigView) -> Result<Self, ImageError> {
        let labels = &config.labels;
        let directory = |label: &'static str, default: &str| {
            let value = labels.get(label).map_or(default, String::as_str);
            names::directory(value).ok_or_else(|| ImageError::Label { label, value: value.to_owned() })
        };
        if labels.contains_key(CONFIGS_LABEL) {
            return Ok(Self::Catalog { configs: directory(CONFIGS_LABEL, "")? });
        }
        if let Some(package) = labels.get(PACKAGE_LABEL) {
            let manifests = directory(MANIFESTS_LABEL, "manifests")?;
            let metadata = directory(METADATA_LABEL, "metadata")?;
            return Ok(Self::Bundle { package: package.clone(), manifests, metadata });
        }
        Ok(if labels.contains_key(SQLITE_LABEL) { Self::Sqlite } else { Self::Other })
    }

    fn words(&self) -> &'static str {
        match self {
            Self::Catalog { .. } => "a catalog",
            Self::Bundle { .. } => "an operator bundle",
            Self::Sqlite => "an SQLite catalog",
            Self::Other => "neither a catalog nor an operator bundle",
        }
    }

    /// The role of an image that is to be rendered, or why it cannot be.
    pub fn rendered(config: &ConfigView) -> Result<Self, ImageError> {
        match Self::of(config)? {
            Self::Sqlite => Err(ImageError::Sqlite),
            Self::Other => Err(ImageError::Role { found: Self::Other.words(), wanted: RENDERED }),
            role => Ok(role),
        }
    }

    /// The manifests' and metadata's directories of a bundle, or why it is none.
    pub fn bundle_directories(&self) -> Result<(&str, &str), ImageError> {
        match self {
            Self::Bundle { manifests, metadata, .. } => Ok((manifests, metadata)),
            other => Err(ImageError::Role { found: other.words(), wanted: "an operator bundle" }),
        }
    }
}

/// The directory of an image's file-based catalog, for instance `configs`, or why there is none.
pub fn catalog_root(config: &ConfigView) -> Result<String, ImageError> {
    match ImageRole::of(config)? {
        ImageRole::Catalog { configs } => Ok(configs),
        ImageRole::Sqlite => Err(ImageError::Sqlite),
        other => Err(ImageError::Role { found: other.words(), wanted: "a catalog" }),
    }
}
