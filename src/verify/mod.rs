//! An archive judged: signature, trust, target, floor, expiry, every byte.
//!
//! [`open`] believes an archive's inventory or refuses it; nothing is parsed before its signature fits. [`Opened::checks`] are
//! then as many independent pieces of work as there are entries, for as many threads as the caller has, and
//! [`Opened::conclude`] makes a [`VerifiedArchive`] when each of them passed. What is read through an [`Opened`] is
//! hashed again while it is read, so nobody needs to trust an earlier look.
//!
//! # What does not compile
//!
//! Facts are types (P2): each of these is refused by the compiler.
//!
//! The whole way, for comparison with what does not compile below:
//!
//! ```no_run
//! use ombundle::{archive::{Inventory, RawInventory, ReadAt}, event::Events, limits::LIMITS, trust::TrustSet};
//! use ombundle::verify::{Policy, Refused, VerifiedArchive, open};
//! use std::sync::Arc;
//! fn verify(source: Arc<dyn ReadAt>, trust: &TrustSet, policy: &Policy, events: &dyn Events) -> Result<VerifiedArchive, Refused> {
//!     let opened = open(source, trust, policy, &LIMITS)?;
//!     let mut buffer = vec![0; 1 << 20];
//!     let passed: Result<Vec<_>, _> = opened.checks().iter().map(|check| check.run(&mut buffer, events)).collect();
//!     opened.conclude(passed?)
//! }
//! ```
//!
//! Bytes are no inventory:
//!
//! ```compile_fail,E0308
//! let _ = ombundle::archive::Inventory::parse(b"{}", &ombundle::limits::LIMITS);
//! ```
//!
//! Neither are bytes that only claim to be one:
//!
//! ```compile_fail,E0308
//! let raw = ombundle::archive::RawInventory::new(vec![]);
//! let _ = ombundle::archive::Inventory::parse(&raw, &ombundle::limits::LIMITS);
//! ```
//!
//! Nor what was signed as something else:
//!
//! ```compile_fail,E0308
//! use ombundle::{archive::Inventory, limits::LIMITS, trust::{Payload, Verified}};
//! fn confuse<P: Payload>(letter: &Verified<P>) { let _ = Inventory::parse(letter, &LIMITS); }
//! ```
//!
//! There is no other door, not even serde's:
//!
//! ```compile_fail,E0277
//! let _: ombundle::archive::Inventory = serde_json::from_str("{}").unwrap();
//! ```
//!
//! A signature cannot be claimed to fit:
//!
//! ```compile_fail,E0451
//! let _ = ombundle::trust::Verified { payload: 1, signers: vec![] };
//! ```
//!
//! What was signed cannot be changed afterwards:
//!
//! ```compile_fail,E0594
//! fn change(inventory: &mut ombundle::archive::Inventory) { inventory.sequence = 8; }
//! ```
//!
//! An archive cannot be opened by hand:
//!
//! ```compile_fail,E0451
//! fn forge(source: std::sync::Arc<dyn ombundle::archive::ReadAt>, inventory: ombundle::archive::Inventory) -> ombundle::verify::Opened {
//!     ombundle::verify::Opened { source, inventory, signers: vec![], notes: vec![], limits: ombundle::limits::LIMITS }
//! }
//! ```
//!
//! An opened archive is no verified one:
//!
//! ```compile_fail,E0308
//! fn skip(opened: ombundle::verify::Opened) -> ombundle::verify::VerifiedArchive { opened }
//! ```
//!
//! And cannot be dressed as one:
//!
//! ```compile_fail,E0451
//! fn skip(opened: ombundle::verify::Opened) -> ombundle::verify::VerifiedArchive {
//!     ombundle::verify::VerifiedArchive { opened }
//! }
//! ```
//!
//! A proof cannot be made up:
//!
//! ```compile_fail,E0451
//! let _ = ombundle::verify::Passed { archive: ombundle::digest::Digest::of(b""), index: None };
//! ```
//!
//! Nor copied:
//!
//! ```compile_fail,E0599
//! fn twice(proof: ombundle::verify::Passed) -> [ombundle::verify::Passed; 2] { [proof.clone(), proof] }
//! ```
//!
//! An archive is concluded once:
//!
//! ```compile_fail,E0382
//! fn twice(opened: ombundle::verify::Opened) {
//!     let _ = opened.conclude(vec![]);
//!     let _ = opened.conclude(vec![]);
//! }
//! ```
//!
//! A name is only what its parser took:
//!
//! ```compile_fail,E0423
//! let _ = ombundle::archive::MetaName("../../etc/passwd".into());
//! ```
//!
//! A secret key is not printed:
//!
//! ```compile_fail,E0277
//! fn show(key: &ombundle::trust::SecretKey) -> String { format!("{key:?}") }
//! ```

mod check;
mod opened;
mod policy;
mod recipe;
mod refusal;

pub use check::{Check, Passed};
pub use opened::{Opened, VerifiedArchive, open};
pub use policy::{Floor, Policy};
pub use recipe::recipe;
pub use refusal::{Reason, Refusal, Refused};
