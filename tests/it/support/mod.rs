//! What the tests stand on.

pub(crate) mod chromium;
pub(crate) mod gpg;
pub(crate) mod harbor;
pub(crate) mod nexus;
pub(crate) mod peer;
pub(crate) mod proxy;
pub(crate) mod registry;
pub(crate) mod shared;
pub(crate) mod tls;
pub(crate) mod token;
