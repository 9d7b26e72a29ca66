//! The registry of `ombundle serve`: its API spoken raw, hostile clients, and stock clients.

mod api;
mod hostile;
pub(crate) mod http;
mod stock;
