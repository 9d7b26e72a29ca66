//! An archive into a site, from the outside: the binary against Debian's `docker-registry`, looked at with stock tools.

pub(crate) mod catalogs;
mod delta;
mod exceptions;
mod floor;
mod gate;
mod image;
mod killed;
mod lease;
mod minors;
mod outlook;
mod paranoid;
mod preflight;
mod pulled;
mod race;
mod real;
mod refused;
mod report;
mod rollback;
mod several;
mod signed;
mod split;
pub(crate) mod stand;
pub(crate) mod stock;
mod volumes;
mod whole;
