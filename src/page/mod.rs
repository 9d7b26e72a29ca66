//! The page that people look at before an archive crosses: one HTML file, in three languages, without a script.
//!
//! One model (`model`) is told by `Message`s, and each language says each of them; all three stand in the page, and a
//! switch that needs no script shows one. Markup is `&'static str` by type (`html`), so that nothing from outside becomes any. What
//! the page may load is nothing: its own policy forbids it. The same plan gives the same page.

mod chinese;
mod english;
mod figures;
mod head;
mod html;
mod images;
mod korean;
mod language;
mod message;
mod model;
mod openshift;
mod seal;
mod style;
#[cfg(test)]
mod tests;
mod ways;
mod words;
mod write;

pub use language::{Language, UnknownLanguage};
pub use write::{Occasion, page};
