//! Keys, signatures and thresholds: what makes an archive trusted.
//!
//! A site pins public keys and says how many of them must have signed ([`TrustSet`]). Signatures are detached DSSE: Ed25519
//! over the pre-authentication encoding of the exact bytes, so nothing is parsed before it is believed. The only maker of
//! a [`Verified`] value is [`TrustSet::verify`]; parsers of signed documents take nothing else.

mod cosignature;
mod envelope;
mod error;
mod key;
mod set;
#[cfg(test)]
mod tests;

pub use cosignature::{cosignature_file, cosigned};
pub use envelope::{Payload, Signature, pre_authentication_encoding};
pub use error::TrustError;
pub use key::{KeyId, PublicKey, SecretKey};
pub use set::{TrustSet, Verified};
