//! What a site is (the site file), and what it holds (the site report and the receipt of an import).

pub mod cluster;
mod file;
mod read;
mod report;
#[cfg(test)]
mod tests;

pub use file::{
    CatalogMirror, MirrorTag, PrefixRule, ProfileName, RegistrySpec, Site, SiteMetadata, SiteSpec, TrustSpec,
};
pub use report::{CatalogState, InstalledOperator, Receipt, ReceiptStep, ReportError, SiteReport};
