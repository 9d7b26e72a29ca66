//! What `release path` prints for scripts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::refusal::NoReleasePath;
use super::route::{ReleaseHop, ReleasePath};
use crate::finding::Finding;

/// A way through the update graph, or why there is none (`schema/release-path.v1.json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleasePathReport {
    /// The channel that the cluster must be on at the end.
    pub channel: String,
    /// For which machines: `amd64`, `arm64`, `ppc64le`, `s390x` or `multi`.
    pub architecture: String,
    /// What runs; it is not a hop.
    pub from: String,
    /// What shall run; nothing where the head of the channel was asked for and could not be found out.
    pub to: Option<String>,
    /// The updates, in order; nothing where there is no way. With an error among the findings they must not be taken.
    pub hops: Option<Vec<ReleaseHop>>,
    /// What is wrong with the graph, and risks that are not accepted.
    pub findings: Vec<Finding>,
}

impl ReleasePathReport {
    /// Takes in what the search came to.
    #[must_use]
    pub fn with(mut self, result: &Result<ReleasePath, Box<NoReleasePath>>) -> Self {
        let path = match result {
            Ok(path) => Some(path),
            Err(refusal) => {
                self.findings.extend(refusal.findings());
                refusal.path()
            }
        };
        if let Some(path) = path {
            self.to = Some(path.to.clone());
            self.hops = Some(path.hops.clone());
        }
        self
    }
}
