//! The registry of `ombundle serve`: its API spoken raw, hostile clients, and stock clients.

mod api;
mod hostile;
mod http;
mod stock;
