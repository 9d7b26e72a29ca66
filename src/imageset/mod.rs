//! The ImageSetConfiguration as written, the request that it means, and one made from a list of operators.
//!
//! Strict where oc-mirror is silent: an unknown field, a package that stands twice or a minimum above its maximum is a
//! finding with file and line, all of them at once. What oc-mirror refuses and a person plainly means, the same channel
//! listed twice, is taken as the union. Fields: oc-mirror `internal/pkg/api/v2alpha1/type_config.go`.
//!
//! [`generate`] goes the other way: from names, versions and what runs to a file.

pub mod generate;
mod operators;
mod platform;
mod read;
mod refused;
mod request;
#[cfg(test)]
mod tests;

pub use read::{Api, parse};
pub use request::{
    AdditionalImage, BlockedImages, CatalogRef, ChannelRequest, OperatorsRequest, PackageRequest,
    PlatformRequest, Request, Selection,
};
