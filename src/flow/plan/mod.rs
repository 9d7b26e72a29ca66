//! A request to a plan.

mod base;
mod pin;
