//! All that a runbook can say. Each language says each of them; the compiler sees that none is forgotten.

use crate::emit::runbook::backward::Backward;
use crate::emit::runbook::openshift::Cluster;
use crate::emit::runbook::port::Port;
use crate::finding::{Finding, Severity};
use crate::plan::HopEdge;
use crate::text::Code;

/// One heading, sentence or paragraph. Its texts come from outside and are escaped where they are said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Message {
    // The head.
    Title { site: String, generation: u64 },
    Intro,
    Archive { file: String },
    Inventory { digest: String },
    Signers { keys: String },
    Finished { time: String },
    Tool { name: String },
    Production { registry: String },
    OpenShift { version: String },
    ClusterNotAsked,

    // What changes.
    Changes,
    CatalogServed { name: String, image: String },
    PackageMoves { package: String, place: Option<String>, from: String, to: String, hops: usize },
    PackageThere { package: String, place: Option<String>, csv: String },
    PackageOffered { package: String, required_by: Vec<String> },
    PackageElsewhere { package: String, place: Option<String>, csv: String },
    NodesNothing,
    NodesReload,
    NodesDrain,
    NodesUnknown,
    DrainTagMirrors { source: String },
    DrainRemoved { source: String },
    Findings,
    FindingSays { finding: Finding },

    // Before.
    Before,
    LoggedIn,
    LoggedInExpect,
    LoggedInElse,
    Healthy,
    HealthyElse,
    Pools,
    PoolsExpect,
    PoolsElse,
    PullSecret { registry: String },
    PullSecretElse { registry: String },
    DefaultSources,
    DefaultSourcesElse,
    Save,
    SaveElse,

    // Mirror sets.
    Mirrors,
    Releases,
    Apply { file: String },
    ApplyElse,
    PoolsSettle,
    PoolsSettleExpect,
    PoolsSettleElse,
    NodeFile,
    NodeFileElse,

    // Automatic approvals.
    Hold,
    HoldWhy,
    HoldFindWhy,
    HoldFind { catalog: String },
    HoldFindElse,
    Patch { namespace: String, name: String },
    PatchElse,

    // Catalogs.
    Catalogs,
    CatalogsWhy,
    CatalogPod { name: String },
    CatalogPodElse { name: String },
    CatalogReady { name: String },
    CatalogReadyElse { name: String },
    Heads { package: String },
    HeadsExpect { channel: String, csv: String },
    HeadsElse { catalog: String },
    ApplyClusterCatalogElse,
    Serving { name: String },
    ServingElse { name: String },
    Cross { place: String, catalog: String },
    CrossUnknown { package: String, catalog: String, beside: String },

    // Operators.
    Operators,
    OperatorsWhy,
    NoOperators,
    TogetherUnknown,
    Namespace { namespace: String },
    NamespaceWhy,
    Operator { package: String, place: Option<String> },
    Reason { required_by: Vec<String> },
    HopsLeft { from: String, to: Vec<String> },
    NothingRuns { package: String },
    AlreadyThere { csv: String },
    NotOnPath { csv: String },
    StaysHeld { place: String },
    MinKube { csv: String, version: String },
    MaxOpenShift { csv: String, version: String, cluster: Option<String> },
    Find { package: String },
    FindExpect,
    FindElse,
    FindSet,
    Switch { catalog: String, channel: Option<String> },
    NextChannel { channel: String },
    Resolved,
    ResolvedElse { catalog: String },
    Plan { csv: String, from: String, number: usize, of: usize, edge: HopEdge },
    PlanExpect { csv: String },
    PlanElse { csv: String, catalog: String },
    Approve { csv: String },
    Patched,
    Succeeded { csv: String },
    SucceededElse { namespace: String, csv: String },
    Installed { csv: String },
    InstalledElse,
    Release,
    ReleaseUnknown,
    ReleaseUnknownElse,

    // After.
    After,
    NoUnhappySubscription,
    NoUnhappySubscriptionElse,
    CsvsSucceeded,
    CsvsSucceededElse,
    NoNewPullErrors,
    NoNewPullErrorsElse,
    StagingUnused { registry: String },
    StagingUnusedElse,
    PoolsAfter,

    // The way back.
    Back,
    BackWhen,
    BackSubscription { namespace: String, name: String },
    BackSubscriptionUnknown,
    BackRelease { namespace: String, name: String },
    BackReleaseUnknown,
    BackCatalog { name: String, image: String },
    BackCatalogElse { name: String },
    BackRemove { name: String },
    BackRemoveExpect,
    BackRemoveElse,
    BackNoDowngrade,
    BackMirrors,
    BackRegistry,

    // OpenShift itself.
    Cluster(Box<Cluster>),

    // Of the other port.
    Port(Box<Port>),

    // Of the way back.
    Backward(Box<Backward>),

    // Records.
    Records,
    RecordReceipt,
    RecordCatalogs,
    RecordArchive,
    RecordRunbook,

    // Joints.
    Expected,
    ExpectedNothing,
    ExpectedAmong,
    Otherwise,
}

/// How a finding's weight is shown in every language: the word that `check` prints too.
pub(super) fn weight(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// Names one after the other, each as code.
pub(super) fn codes(names: &[String], between: &str) -> String {
    names.iter().map(|name| Code(name).to_string()).collect::<Vec<_>>().join(between)
}
