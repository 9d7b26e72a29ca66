//! A registry listed whole, and its own clean-up.

mod list;
mod nexus;

pub use list::{Lister, Unlisted};
pub use nexus::{CleanUp, CleanUpError, clean_up, tasks as clean_up_tasks};
