//! What a report says of a cluster: names and ways, no hosts and no images.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Approval, ClusterDump};

/// What dumps of a cluster showed, in few lines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClusterSummary {
    /// OLM's Subscriptions.
    pub subscriptions: Vec<SubscriptionSummary>,
    /// CSVs that wait in InstallPlans for somebody's approval.
    pub waiting: BTreeSet<String>,
    /// Mirror sets, as `ImageDigestMirrorSet idms-a`.
    pub mirror_sets: BTreeSet<String>,
    /// CatalogSources and ClusterCatalogs, as `CatalogSource openshift-marketplace/cs-redhat`.
    pub catalogs: BTreeSet<String>,
    /// Copies that OLM made of CSVs, which are not counted as installed.
    pub copied_csvs: usize,
    /// Different images in use.
    pub images: usize,
}

/// One Subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionSummary {
    /// Its namespace and name, joined by `/`.
    pub name: String,
    /// The package.
    pub package: String,
    /// The channel; the default one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The CatalogSource.
    pub source: String,
    /// Whether a person approves.
    pub manual: bool,
    /// What it installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed: Option<String>,
    /// What it installs next, where that is something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl ClusterDump {
    /// What a report says of it.
    pub fn summary(&self) -> ClusterSummary {
        let subscriptions = self.subscriptions.values().map(|subscription| SubscriptionSummary {
            name: format!("{}/{}", subscription.namespace, subscription.name),
            package: subscription.package.clone(),
            channel: subscription.channel.clone(),
            source: subscription.source.clone(),
            manual: subscription.approval == Approval::Manual,
            installed: subscription.installed_csv.clone(),
            next: subscription
                .current_csv
                .clone()
                .filter(|next| subscription.installed_csv.as_ref() != Some(next)),
        });
        let waiting = self.install_plans.values().filter(|plan| !plan.approved && !plan.is_complete());
        let catalogs = self
            .objects
            .keys()
            .filter(|object| matches!(object.kind.as_str(), "CatalogSource" | "ClusterCatalog"));
        ClusterSummary {
            subscriptions: subscriptions.collect(),
            waiting: waiting.flat_map(|plan| plan.csvs.iter().cloned()).collect(),
            mirror_sets: self
                .mirror_sets
                .keys()
                .map(|(kind, name)| format!("{} {name}", kind.as_str()))
                .collect(),
            catalogs: catalogs.map(ToString::to_string).collect(),
            copied_csvs: self.copied_csvs.len(),
            images: self.images.len(),
        }
    }
}
