//! What a cluster says of itself in `oc get … -o json` dumps: what runs, what is subscribed, which names are taken, which images
//! are in use.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::reference::ImageRef;
use crate::site::InstalledOperator;

mod named;
mod read;
mod summary;
#[cfg(test)]
mod tests;
mod wire;

pub use named::Named;
pub use summary::{ClusterSummary, SubscriptionSummary};

/// The label by which objects of ours are known, and its value.
pub const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "ombundle");

/// How a dump is made that says what runs and what points where.
pub const DUMP: &str = "oc get csv,subs,ip,catalogsource,clusterversion,icsp,idms,itms,pods,deploy,ds,sts,jobs,cronjobs,is -A -o json > \
                        dump.json";
/// What is otherwise about [`DUMP`] where there are no `ImageDigestMirrorSet`s yet: asked for a kind that it does not know, `oc` says
/// nothing at all.
pub const DUMP_BEFORE_4_13: &str = "before OpenShift 4.13 without `idms,itms`";

/// All that was found in the dumps of one cluster. Dumps add up: see [`ClusterDump::merge`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterDump {
    /// Operators by namespace and name; copies that OLM puts into other namespaces are left out.
    pub csvs: BTreeMap<(String, String), ClusterCsv>,
    /// Those copies, by namespace and name. A cluster makes one for each of its namespaces.
    pub copied_csvs: BTreeSet<(String, String)>,
    /// Subscriptions by namespace and name.
    pub subscriptions: BTreeMap<(String, String), ClusterSubscription>,
    /// InstallPlans by namespace and name.
    pub install_plans: BTreeMap<(String, String), ClusterInstallPlan>,
    /// Mirror sets by kind and name.
    pub mirror_sets: BTreeMap<(MirrorKind, String), MirrorSet>,
    /// Every object of a kind that could collide with ours.
    pub objects: BTreeMap<ObjectKey, TakenObject>,
    /// The ids of the clusters that these are dumps of, from their ClusterVersions: one, where all is well.
    pub ids: BTreeSet<String>,
    /// The OpenShift version that the cluster runs, from its ClusterVersion.
    pub openshift: Option<String>,
    /// The releases that the cluster ran or began to run, the latest first.
    pub releases: Vec<ClusterRelease>,
    /// Images that something in the cluster uses or will, as they are written there, with what uses them.
    ///
    /// Of a CSV these are its related images, those of its deployments, and pinned ones in their environment; of a Pod what its
    /// containers ask for and what they were started from, unless it is over; of an InstallPlan its bundles, until it is
    /// complete; of a ClusterVersion what is desired. The host may be the mirror's.
    pub images: BTreeMap<ImageRef, BTreeSet<ObjectKey>>,
    /// What stands where an image belongs and names no registry (`nginx`).
    pub unnamed_images: BTreeMap<String, BTreeSet<ObjectKey>>,
    /// Kinds of objects that were read: a dump without pods says nothing of what runs.
    pub kinds: BTreeSet<String>,
    /// With what the cluster verifies releases: fields of its ConfigMap `release-verification`; none where no dump shows it.
    pub verification: BTreeMap<String, String>,
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

/// What OLM wants to install or has installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterInstallPlan {
    /// Its name, for instance `install-b8pzk`.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// `spec.clusterServiceVersionNames`.
    pub csvs: Vec<String>,
    /// `spec.approval`.
    pub approval: Approval,
    /// `spec.approved`.
    pub approved: bool,
    /// `status.phase`, for instance `RequiresApproval`.
    pub phase: Option<String>,
}

impl ClusterInstallPlan {
    /// Whether it is done.
    pub fn is_complete(&self) -> bool {
        self.phase.as_deref() == Some("Complete")
    }
}

/// An OpenShift release in the history of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterRelease {
    /// Its version.
    pub version: String,
    /// The release image.
    pub image: ImageRef,
    /// Whether the cluster got there.
    pub completed: bool,
}

/// Who approves an InstallPlan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// OLM does, at once. The default.
    Automatic,
    /// A person does.
    Manual,
}

impl Approval {
    /// As a Subscription or an InstallPlan says it.
    fn read(text: Option<&str>) -> Self {
        match text {
            Some("Manual") => Self::Manual,
            _ => Self::Automatic,
        }
    }
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

impl ObjectKey {
    /// One in a namespace.
    pub fn namespaced(kind: &str, namespace: &str, name: &str) -> Self {
        Self { kind: kind.to_owned(), namespace: Some(namespace.to_owned()), name: name.to_owned() }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
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
        self.copied_csvs.extend(other.copied_csvs);
        self.subscriptions.extend(other.subscriptions);
        self.install_plans.extend(other.install_plans);
        self.mirror_sets.extend(other.mirror_sets);
        self.objects.extend(other.objects);
        self.ids.extend(other.ids);
        self.openshift = other.openshift.or(self.openshift.take());
        if !other.releases.is_empty() {
            self.releases = other.releases;
        }
        // Uses add up: an image that one dump shows in use is in use.
        for (image, users) in other.images {
            self.images.entry(image).or_default().extend(users);
        }
        for (image, users) in other.unnamed_images {
            self.unnamed_images.entry(image).or_default().extend(users);
        }
        self.kinds.extend(other.kinds);
        if !other.verification.is_empty() {
            self.verification = other.verification;
        }
    }

    /// Whether the dump shows what is installed. Every cluster has CSVs: a dump without any does not have the kind.
    pub fn shows_installed(&self) -> bool {
        self.kinds.contains("ClusterServiceVersion")
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
