//! In which order OpenShift and its operators are upgraded: who must move before a release, who after, and what blocks.
//!
//! Two rules tie them together. While an operator runs whose `olm.maxOpenShiftVersion` is lower than the next minor release,
//! OLM makes the cluster refuse that release; and an operator whose `minKubeVersion` is newer than the cluster's Kubernetes stays
//! `Pending`. So each version on an operator's way may be tied from both sides, and there may be no order at all: then the plan
//! would leave a cluster half-way, and says so instead.

mod document;
mod refusal;
mod schedule;
#[cfg(test)]
mod tests;
mod way;

pub use document::{OrderedStep, Why};
pub use schedule::{Ordered, order};
pub use way::{Ceiling, Offer, OperatorWay, Stand};
