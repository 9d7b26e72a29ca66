//! What a runbook says of OpenShift itself.

use crate::emit::runbook::message::Message;

/// One heading, sentence or paragraph about a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::emit::runbook) enum Cluster {
    // What changes.
    Moves { from: String, to: String, hops: usize },
    Present { version: String },
    DrainOlder { version: String },

    // Before.
    Etcd,
    EtcdExpect,
    EtcdElse,
    Overrides,
    OverridesElse,

    // The update service.
    UpdateServiceElse,
    PolicyEngine,
    PolicyEngineExpect,
    PolicyEngineElse,
    Upstream,

    // Operators around a release.
    OperatorsBefore { version: String },
    OperatorsAfter { version: String },

    // One update.
    Update { from: Option<String>, to: String },
    Reason { from: String, conditional: bool, kubernetes: Option<String> },
    Risk { name: String, message: String, url: String },
    Restarts,
    RestartsControlPlane { reached: String },
    Runs { version: String },
    RunsElse { version: String },
    RunsUnknown { version: String },
    Channel { channel: String },
    Allows { csv: String, last: String },
    Forbids { csv: String, last: String, next: String },
    Gates,
    GatesExpect { minor: String },
    GatesElse,
    Gate { key: String, text: String },
    Refuses,
    RefusesElse,
    Pause { reached: String },
    PauseExpect,
    PauseElse,
    Sigstore { version: String },
    SigstoreMissing { version: String },
    Start { version: String },
    StartExpect,
    StartElse,
    Accepted,
    AcceptedExpect,
    AcceptedElse,
    Completed { version: String },
    CompletedElse,
    Unpause,
    UnpauseExpect,
    UnpauseElse,
    Settle,

    // The way back.
    NoWayBack,
}

impl From<Cluster> for Message {
    fn from(message: Cluster) -> Self {
        Self::Cluster(Box::new(message))
    }
}
