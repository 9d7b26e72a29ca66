//! Operator bundles in the registry+v1 form: from manifests and metadata to the `olm.bundle` that opm renders of them.
//!
//! [`RegistryBundle::read`] takes the files of a bundle, wherever they were, and says all that is wrong with them;
//! [`RegistryBundle::blob`] is what opm renders of it. The rules are those of operator-registry (`pkg/registry/{parse,bundle,csv,registry_to_model}.go`, `alpha/action/render.go`,
//! `alpha/property/property.go`); [`migrated`] is its `--migrate` for bundles of catalogs.

mod document;
mod go_json;
mod images;
mod manifests;
mod metadata;
mod migrate;
mod properties;
mod read;
#[cfg(test)]
mod tests;
mod trimmed;

pub use manifests::csv;
pub use migrate::migrated;
pub use read::{BundleFiles, Folder, Form, RegistryBundle};
