//! Signatures of OpenShift releases, really verified: OpenPGP messages in which a vendor names the digest of a release image.
//!
//! A release's signatures are files `signature-1`, `signature-2`, … in a store. Each is an OpenPGP *signed message*: a JSON
//! document with the digest of the release image inside it. [`verify_release`] is the only way to a [`VerifiedRelease`]. It looks at the
//! bytes first and at the JSON only once a trusted key is known to have signed it.
//!
//! # The rules
//!
//! Those of the cluster version operator (library-go `pkg/verify`), and stricter where its OpenPGP library is lax:
//!
//! 1. For **each** key ring at least one signature must be good ([`ReleaseKeys`]). A signature that fails beside a good one is passed
//!    over, told of, and not carried.
//! 2. The message is one signature over one literal packet, in one layer of compression at most. Nothing precedes or follows it.
//! 3. The hash is SHA-256 or better. RSA keys have 2,048 bits or more.
//! 4. The key that signed is a primary key or a bound subkey, and says that it may sign. It was valid when it signed **and is
//!    valid now**: whoever has an expired key can date a signature back, so that only the clock of whoever verifies counts. A
//!    key that its owner revoked is refused whatever the date.
//! 5. The signature itself has not expired and is not from the future (a day is granted to wrong clocks).
//! 6. The JSON has the fields that it should have and no others, its `type` is `atomic container signature`, its digest is the
//!    wanted one, and it names a reference. Which repository that reference names is compared by
//!    [`VerifiedRelease::findings`]: the digest pins the image whatever it was called when it was signed.
//!
//! Self-signatures of *keys* may use SHA-1: that of Red Hat's release key is of 2009, and the key is trusted because somebody
//! pinned its file, not because of what it says of itself. What binds a subkey may not.
//!
//! # Where keys come from
//!
//! From files that a person names, or from the `release-verification` ConfigMap of the release that is **installed**
//! ([`VerificationConfig`]), never from the release that is to be verified: whoever can forge a release can put keys into it.
//!
//! A verdict cannot be made by hand:
//!
//! ```compile_fail
//! let verified = ombundle::release::VerifiedRelease { digest: todo!(), signatures: vec![], passed_over: vec![] };
//! ```

mod armor;
mod claim;
mod config;
mod error;
mod keyring;
mod message;
#[cfg(test)]
mod tests;
mod verdict;

pub use config::VerificationConfig;
pub use error::{KeyFlaw, SignatureError, SignatureFault};
pub use keyring::{KeyRing, ReleaseKeys};
pub use verdict::{ReleaseSignature, VerifiedRelease, verify_release};
