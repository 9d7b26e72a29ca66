//! OpenShift releases: real update graphs, and the command against a server on loopback.

mod command;
mod real;
