//! Tests of the registry client.

mod faults;
mod identity;
mod real;
mod theft;
mod world;
