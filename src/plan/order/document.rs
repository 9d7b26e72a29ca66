//! The order as it stands in the plan.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reference::ImageRef;

/// One step of an upgrade: of the cluster itself, or of one operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "step", rename_all = "kebab-case", deny_unknown_fields)]
pub enum OrderedStep {
    /// The cluster is updated.
    OpenShift {
        /// The release that runs.
        from: String,
        /// The release that is reached.
        to: String,
    },
    /// An operator is upgraded, in one hop or several.
    Operator {
        /// The catalog that delivers it.
        catalog: ImageRef,
        /// Its package.
        package: String,
        /// The CSV that runs.
        from: String,
        /// The CSV that is reached.
        to: String,
        /// Why now.
        why: Why,
    },
}

/// Why an operator moves when it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "rule", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Why {
    /// OpenShift refuses the next minor release while the former version runs.
    Frees {
        /// That minor release.
        openshift: String,
    },
    /// Operators go before OpenShift where nothing speaks against it.
    First,
    /// It needs the Kubernetes that has come with the release before.
    NeedsKubernetes {
        /// `minKubeVersion`.
        kubernetes: String,
    },
    /// Its catalog is made for the minor release that has been reached.
    CatalogFor {
        /// That minor release.
        openshift: String,
    },
    /// OpenShift would have refused the release before if it had run already.
    WouldHaveBlocked {
        /// That minor release.
        openshift: String,
    },
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frees { openshift } => {
                write!(f, "OpenShift refuses {openshift} while the former version runs")
            }
            Self::First => f.write_str("operators go first where they can"),
            Self::NeedsKubernetes { kubernetes } => write!(f, "it needs Kubernetes {kubernetes}"),
            Self::CatalogFor { openshift } => write!(f, "its catalog is for OpenShift {openshift}"),
            Self::WouldHaveBlocked { openshift } => {
                write!(f, "with it OpenShift would have refused {openshift}")
            }
        }
    }
}
