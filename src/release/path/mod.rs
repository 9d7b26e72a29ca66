//! The way through an update graph, from what runs to what is wanted.
//!
//! A way without conditions is taken wherever there is one, be it longer. Otherwise the one with the fewest different risks
//! that are not accepted, then the shortest; and it is refused until each of them is accepted by name.

mod refusal;
mod report;
mod route;
mod search;
mod select;
#[cfg(test)]
mod tests;

pub use refusal::NoReleasePath;
pub use report::ReleasePathReport;
pub use route::{EusStep, HopRisk, ReleaseChange, ReleaseHop, ReleasePath};
pub use search::PathRequest;
pub use select::{ChannelRequest, SelectedRelease, Selection, select};
