//! A registry listed whole, and its own clean-up.

mod harbor;
mod list;
mod nexus;

pub use harbor::{collect as harbor_collect, may_collect as harbor_may_collect};
pub use list::{Lister, Unlisted};
pub use nexus::{CleanUp, CleanUpError, clean_up, tasks as clean_up_tasks};
