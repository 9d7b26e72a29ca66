//! OpenShift releases: update graphs, the command against a server on loopback, signatures, payloads in images, signature stores.

mod cases;
mod command;
mod payload;
mod real;
mod signatures;
mod stores;
mod vendor;
