//! OpenShift releases: update graphs, the command against a server on loopback, signatures.

mod cases;
mod command;
mod real;
mod signatures;
mod vendor;
