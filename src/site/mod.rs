//! What a site is (the site file), and what it holds (the site report and the receipt of an import).

mod catalog_source;
pub mod cluster;
mod file;
mod format;
mod held;
mod history;
mod read;
mod registries;
mod releases;
mod report;
#[cfg(test)]
mod tests;

pub use catalog_source::{
    CatalogSourceSpec, GrpcPodConfig, MemoryTarget, SecurityContext, Toleration, secret_name,
};
pub use file::{
    CatalogMirror, MirrorTag, NexusSpec, PrefixRule, ProfileName, RegistrySpec, Site, SiteMetadata, SiteSpec,
    TrustSpec,
};
pub use format::format_of;
pub use held::{RepositoryState, ShortDigests};
pub use history::{GenerationState, KnownBy, ReturnState, SiteHistory, Stage, VacuumState};
pub use registries::{Amount, CatalogPlace, ImageUse, RegistryState, RegistryTable};
pub use releases::{GRAPH_DATA, GraphDataSpec, ReleaseSpec};
pub use report::{
    CatalogState, ChannelState, InstalledOperator, PackageState, Receipt, ReceiptStep, ReleaseState,
    ReportError, SiteReport, StagingState,
};
