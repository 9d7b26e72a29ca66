//! Tests of the emit.

mod backward;
mod cluster;
mod expected;
mod openshift;
mod port;
mod world;
mod yaml;
