//! An archive judged: signature, trust, target, floor, expiry, every byte.
//!
//! [`open`] believes an archive's inventory or refuses it; nothing is parsed before its signature fits. [`Opened::checks`] are
//! then as many independent pieces of work as there are entries, for as many threads as the caller has, and
//! [`Opened::conclude`] makes a [`VerifiedArchive`] when each of them passed. What is read through an [`Opened`] is
//! hashed again while it is read, so nobody needs to trust an earlier look.

mod check;
mod opened;
mod policy;
mod recipe;
mod refusal;

pub use check::{Check, Passed};
pub use opened::{Opened, VerifiedArchive, open};
pub use policy::{Floor, Policy};
pub use recipe::{Pinned, recipe};
pub use refusal::{Reason, Refusal, Refused};
