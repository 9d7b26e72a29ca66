//! OpenShift releases: the update graph and the way through it, payloads and their signatures.
//!
//! An update graph comes from replies of the update service ([`UpdateGraph`] reads several at once), or is computed as that
//! service computes it: from what releases say of their predecessors ([`ReleaseMetadata`]) and a graph-data folder, which
//! knows channels and blocked edges. Conditional edges are part of it: an edge with [`Risk`]s is gone only by whoever
//! accepts each of them by name.
//!
//! A release is believed only when [`verify_release`] says so: its signatures fit keys that somebody trusts.

mod architecture;
mod channel;
mod error;
mod graph;
mod metadata;
mod minor;
mod path;
mod payload;
mod signature;

pub use architecture::Architecture;
pub use channel::ReleaseChannel;
pub use error::ReleaseError;
pub use graph::{
    BlockedEdge, GraphBuilder, GraphData, GraphImage, GraphImageError, MatchingRule, Release, Risk,
    UpdateGraph, graph_layer,
};
pub use metadata::ReleaseMetadata;
pub use minor::Minor;
pub use path::{
    ChannelRequest, EusStep, HopRisk, NoReleasePath, PathRequest, ReleaseChange, ReleaseHop, ReleasePath,
    ReleasePathReport, SelectedRelease, Selection, select,
};
pub use payload::{AdminGate, Component, MANIFESTS, NAMING, PayloadAsk, PayloadError, ReleasePayload};
pub use signature::{
    KeyFlaw, KeyRing, ReleaseKeys, ReleaseSignature, SignatureError, SignatureFault, VerificationConfig,
    VerifiedRelease, verify_release,
};
