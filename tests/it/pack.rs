//! The connected side as people run it: `plan` and `pack` of the built program against real and misbehaving registries.

mod breaks;
mod figures;
mod inputs;
mod refusals;
mod same;
mod secrets;
mod space;
mod stage;
mod wire;
