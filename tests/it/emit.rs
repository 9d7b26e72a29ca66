//! Tests of the emit.

mod cluster;
mod expected;
mod world;
mod yaml;
