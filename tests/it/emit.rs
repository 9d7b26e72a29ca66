//! Tests of the emit.

mod cluster;
mod expected;
mod openshift;
mod world;
mod yaml;
