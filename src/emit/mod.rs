//! What was promoted as files to apply and to read: cluster resources, patches, the way back, catalogs as text, runbooks.
//!
//! Only what [`Kind`] names is ever written, from typed values, under names that stay the same in every generation.

mod course;
mod custom;
mod files;
mod input;
mod mirrors;
mod names;
mod order;
mod patches;
mod releases;
mod resources;
mod runbook;
mod yaml;

pub use custom::{CustomCatalog, PollInterval, custom_catalog};
pub use files::{emit, preflight};
pub use input::{Emitted, EmittedCatalog, Input, LeftChannel, WayBack};
pub use mirrors::{DrainReason, NodeEffect};
pub use names::{Kind, file_name, fit};
pub use releases::{EmittedRelease, Releases, UpdateServiceSource, upgrade_command};
pub use yaml::Yaml;
