//! OpenShift releases: update graphs, the command against a server on loopback, signatures, payloads in images, signature stores.

mod arrived;
mod carried;
mod cases;
mod command;
mod payload;
mod real;
mod refused;
mod signatures;
mod stores;
mod vendor;
mod world;
