//! What a site is (the site file), and what it holds (the site report and the receipt of an import).

pub mod cluster;
mod file;
mod report;

pub use file::{CatalogMirror, PrefixRule, ProfileName, Site, SiteSpec, TrustSpec};
pub use report::{CatalogState, InstalledOperator, Receipt, ReceiptStep, SiteReport};
