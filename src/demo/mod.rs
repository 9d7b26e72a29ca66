//! A small world on loopback, and the whole cycle walked through it.
//!
//! [`run`] walks; whoever calls it shows what is said and runs the commands, so that what is shown is what happens.
//! [`World`] is what stands outside: catalogs and images as upstream publishes them, made in code and the same in every
//! run. [`Belongings`] are the files that a user would have. Tests and the walk-through share both.

mod error;
mod image;
mod standin;
#[cfg(test)]
mod tests;
mod walk;
mod world;

pub use error::DemoError;
pub use image::{File, Flavour, Image, ImageBlob, Layer, Recipe};
pub use standin::StandIns;
pub use walk::{Audience, DemoOptions, run};
pub use world::{Belongings, Generation, ImageSize, Published, World};
