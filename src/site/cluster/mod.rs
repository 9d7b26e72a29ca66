//! What a cluster says of itself in `oc get … -o json` dumps: what runs, what is subscribed, which names are taken.

use std::collections::{BTreeMap, BTreeSet};

use crate::site::InstalledOperator;

mod read;
#[cfg(test)]
mod tests;

/// The label by which objects of ours are known, and its value.
pub const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "ombundle");

/// All that was found in the dumps of one cluster. Dumps add up: see [`ClusterDump::merge`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterDump {
    /// Operators by namespace and name; copies that OLM puts into other namespaces are left out.
    pub csvs: BTreeMap<(String, String), ClusterCsv>,
    /// Subscriptions by namespace and name.
    pub subscriptions: BTreeMap<(String, String), ClusterSubscription>,
    /// Mirror sets by kind and name.
    pub mirror_sets: BTreeMap<(MirrorKind, String), MirrorSet>,
    /// Every object of a kind that could collide with ours.
    pub objects: BTreeMap<ObjectKey, TakenObject>,
    /// The OpenShift version that the cluster runs, from its ClusterVersion.
    pub openshift: Option<String>,
}

/// One operator in the namespace where it was installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterCsv {
    /// The CSV's name, for instance `web-terminal.v1.8.0`.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// `spec.version`.
    pub version: Option<String>,
    /// `status.phase`, for instance `Succeeded`.
    pub phase: Option<String>,
    /// The package, from the properties that OLM projected into it, or else from OLM's component label.
    pub package: Option<String>,
    /// Property `olm.maxOpenShiftVersion`.
    pub max_openshift_version: Option<String>,
}

/// One Subscription of OLM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterSubscription {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// `spec.name`.
    pub package: String,
    /// `spec.channel`; nothing means the default channel.
    pub channel: Option<String>,
    /// `spec.source`: the CatalogSource.
    pub source: String,
    /// `spec.sourceNamespace`.
    pub source_namespace: String,
    /// `spec.startingCSV`.
    pub starting_csv: Option<String>,
    /// `spec.installPlanApproval`.
    pub approval: Approval,
    /// `status.installedCSV`.
    pub installed_csv: Option<String>,
    /// `status.currentCSV`: the newest that OLM has made an InstallPlan for.
    pub current_csv: Option<String>,
}

/// Who approves an InstallPlan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// OLM does, at once. The default.
    Automatic,
    /// A person does.
    Manual,
}

/// The three kinds of mirror sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MirrorKind {
    /// `ImageDigestMirrorSet`.
    Digest,
    /// `ImageTagMirrorSet`.
    Tag,
    /// `ImageContentSourcePolicy`, the older form of the first.
    ContentSourcePolicy,
}

impl MirrorKind {
    /// The kind as the cluster spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Digest => "ImageDigestMirrorSet",
            Self::Tag => "ImageTagMirrorSet",
            Self::ContentSourcePolicy => "ImageContentSourcePolicy",
        }
    }
}

/// One mirror set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorSet {
    /// Its entries, in order.
    pub entries: Vec<MirrorEntry>,
}

/// Where one source is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorEntry {
    /// A registry, or a registry and leading path components.
    pub source: String,
    /// What stands in its place, in order.
    pub mirrors: Vec<String>,
    /// Whether the source itself is never asked (`mirrorSourcePolicy: NeverContactSource`).
    pub never_contact_source: bool,
}

/// What names an object in a cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectKey {
    /// Its kind, for instance `CatalogSource`.
    pub kind: String,
    /// Its namespace, if its kind has one.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// An object that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenObject {
    /// Label `app.kubernetes.io/managed-by`.
    pub managed_by: Option<String>,
    /// The image of a CatalogSource or ClusterCatalog.
    pub image: Option<String>,
}

impl TakenObject {
    /// Whether it is one of ours.
    pub fn is_ours(&self) -> bool {
        self.managed_by.as_deref() == Some(MANAGED_BY.1)
    }
}

impl ClusterDump {
    /// Adds what another dump of the same cluster says. Where both name an object, `other` is right.
    pub fn merge(&mut self, other: Self) {
        self.csvs.extend(other.csvs);
        self.subscriptions.extend(other.subscriptions);
        self.mirror_sets.extend(other.mirror_sets);
        self.objects.extend(other.objects);
        self.openshift = other.openshift.or(self.openshift.take());
    }

    /// Operators that run, each with its package and channel as far as they are known.
    ///
    /// A CSV that another is about to replace does not count any more.
    pub fn installed(&self) -> BTreeSet<InstalledOperator> {
        self.csvs
            .values()
            .filter(|csv| !matches!(csv.phase.as_deref(), Some("Replacing" | "Deleting")))
            .map(|csv| {
                let subscription = self.subscription_of(csv);
                InstalledOperator {
                    name: csv.name.clone(),
                    version: csv.version.clone(),
                    package: subscription.map(|found| found.package.clone()).or_else(|| csv.package.clone()),
                    channel: subscription.and_then(|found| found.channel.clone()),
                    namespace: Some(csv.namespace.clone()),
                }
            })
            .collect()
    }

    /// The Subscription that a CSV came by: the one that says so, or else the one for its package in its namespace.
    fn subscription_of(&self, csv: &ClusterCsv) -> Option<&ClusterSubscription> {
        let mut near = self.subscriptions.values().filter(|found| found.namespace == csv.namespace);
        let named = |found: &&ClusterSubscription| {
            found.installed_csv.as_deref() == Some(&csv.name)
                || found.current_csv.as_deref() == Some(&csv.name)
        };
        near.clone().find(named).or_else(|| near.find(|found| Some(&found.package) == csv.package.as_ref()))
    }

    /// The Subscriptions for one package, by namespace and name.
    pub fn subscriptions_for(&self, package: &str) -> impl Iterator<Item = &ClusterSubscription> {
        self.subscriptions.values().filter(move |found| found.package == package)
    }

    /// The object of this kind and name, if the dump shows one.
    pub fn object(&self, kind: &str, namespace: Option<&str>, name: &str) -> Option<&TakenObject> {
        self.objects.get(&ObjectKey {
            kind: kind.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        })
    }
}
