//! Tests of the emit.

mod cluster;
mod expected;
mod openshift;
mod port;
mod world;
mod yaml;
