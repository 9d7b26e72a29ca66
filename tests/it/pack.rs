//! The connected side as people run it: `plan` and `pack` of the built program against real and misbehaving registries.

mod breaks;
mod cache;
mod clocks;
mod custody;
mod figures;
mod inputs;
mod media;
mod media_check;
mod numbers;
mod page;
mod papers;
mod refusals;
mod repair;
mod same;
mod scattered;
mod secrets;
mod sign;
mod space;
mod stage;
mod volumes;
mod wire;
