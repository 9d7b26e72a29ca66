//! OpenShift releases: update graphs, the command against a server on loopback, signatures, payloads in images, signature stores.

mod arrived;
mod blocked;
mod carried;
mod cases;
mod command;
mod keys;
mod moved;
mod named;
mod payload;
mod real;
mod refused;
mod several;
mod signatures;
mod site;
mod stores;
mod together;
mod vacuumed;
mod vendor;
mod world;
