//! Tests of the registry client.

mod real;
mod world;
