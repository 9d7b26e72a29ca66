//! Tests of the emit.

mod backward;
mod cluster;
mod expected;
mod held;
mod namespaces;
mod openshift;
mod port;
mod world;
mod yaml;
