//! The properties that the program acts on, and how a bundle is asked for them.

use serde::{Deserialize, Serialize};

use super::model::{Bundle, Property};
use crate::version::Version;

/// `olm.package`: who the bundle is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// The package.
    pub package_name: String,
    /// The version as written.
    pub version: String,
    /// The release that newer catalogs tell apart from build metadata.
    #[serde(default)]
    pub release: Option<String>,
}

/// `olm.package.required`: some version of another package must be there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PackageRequired {
    /// The package.
    pub package_name: String,
    /// A blang range.
    #[serde(default)]
    pub version_range: String,
}

/// `olm.gvk` and `olm.gvk.required`: one version of an API.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gvk {
    /// The API group.
    #[serde(default)]
    pub group: String,
    /// The kind.
    #[serde(default)]
    pub kind: String,
    /// The API version.
    #[serde(default)]
    pub version: String,
}

impl std::fmt::Display for Gvk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{} {}", self.group, self.version, self.kind)
    }
}

impl Bundle {
    /// Its properties of one kind.
    pub fn properties_of(&self, kind: &str) -> impl Iterator<Item = &Property> {
        self.properties.iter().filter(move |property| property.kind == kind)
    }

    /// Properties of one kind, read. What cannot be read was reported when the catalog was loaded.
    fn read_all<T: for<'a> Deserialize<'a>>(&self, kind: &str) -> Vec<T> {
        self.properties_of(kind).filter_map(|property| property.read().ok()).collect()
    }

    /// What its `olm.package` property says.
    pub fn identity(&self) -> Option<Identity> {
        self.read_all("olm.package").into_iter().next()
    }

    /// The packages that it requires.
    pub fn packages_required(&self) -> Vec<PackageRequired> {
        self.read_all("olm.package.required")
    }

    /// The APIs that it requires.
    pub fn gvks_required(&self) -> Vec<Gvk> {
        self.read_all("olm.gvk.required")
    }

    /// The APIs that it provides.
    pub fn gvks(&self) -> Vec<Gvk> {
        self.read_all("olm.gvk")
    }

    /// The first OpenShift minor that it blocks the upgrade beyond, as written: `4.19`.
    pub fn max_openshift_version(&self) -> Option<String> {
        let json = self.properties_of("olm.maxOpenShiftVersion").next()?.json();
        Some(serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned()))
    }

    /// The trimmed CSV, where the catalog has one.
    pub fn csv_metadata(&self) -> Option<serde_json::Value> {
        self.properties_of("olm.csv.metadata").next()?.read().ok()
    }

    /// An annotation of the CSV, read from `olm.csv.metadata`.
    pub fn csv_annotation(&self, name: &str) -> Option<String> {
        #[derive(Deserialize)]
        struct Annotations {
            #[serde(default)]
            annotations: std::collections::BTreeMap<String, serde_json::Value>,
        }
        let metadata: Annotations = self.properties_of("olm.csv.metadata").next()?.read().ok()?;
        metadata.annotations.get(name)?.as_str().map(str::to_owned)
    }

    /// The CSV's annotation `olm.skipRange`, which the channel's entry may lack.
    pub fn annotated_skip_range(&self) -> Option<String> {
        self.csv_annotation("olm.skipRange")
    }

    /// The Kubernetes version that it needs, as its CSV says.
    pub fn min_kube_version(&self) -> Option<String> {
        self.csv_metadata()?
            .get("minKubeVersion")?
            .as_str()
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    }
}

impl super::model::Package {
    /// The bundle of this version; of several that differ in build metadata only, the exact one, else the last.
    pub fn bundle_of_version(&self, version: &Version) -> Option<&Bundle> {
        let same = |bundle: &&Bundle| bundle.version.precedence(version).is_eq();
        self.bundles
            .values()
            .find(|bundle| bundle.version == *version)
            .or_else(|| self.bundles.values().filter(same).max_by(|a, b| a.version.cmp(&b.version)))
    }
}
