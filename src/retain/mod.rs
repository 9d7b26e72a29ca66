//! What a registry can let go, and what it must keep: a listing, reasons to keep, and the plan that a person approves.
//!
//! Everything is kept unless nothing speaks for it. A listing ([`Listing`]) is what was seen; a [`Keep`] collects who needs what;
//! [`sort`] divides the manifests, and [`VacuumPlan`] is the document that says so. [`prune`] cuts a catalog down to what may
//! still be asked for.

mod listing;
mod moving;
mod names;
mod plan;
mod prune;
mod sort;
mod state;
#[cfg(test)]
mod tests;
mod weigh;

pub use listing::{Listing, Seen, SeenRepository};
pub use moving::{Moving, copied, in_the_way};
pub use names::{CatalogTagKind, TagKind, catalog_tag, tag_kind, ways_back};
pub use plan::{
    CatalogChange, DumpFacts, Item, PlanError, RepositoryPlan, Task, Totals, VacuumPlan, lay_out, totals,
};
pub use prune::{Demand, Pruned, Removal, Removals, prune, without};
pub use sort::{Keep, Reason, Rule, Sorted, sort};
pub use state::{Changed, changes, state_digest};
pub use weigh::{Weight, held, weigh};
