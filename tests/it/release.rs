//! OpenShift releases: update graphs, the command against a server on loopback, signatures, payloads in images.

mod cases;
mod command;
mod payload;
mod real;
mod signatures;
mod vendor;
