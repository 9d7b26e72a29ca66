//! Why a key or a signature is not taken.

use crate::fault::{Exit, Fault};
use crate::trust::KeyId;

/// Why a key or a signature is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// It is not a key in a form that the program reads.
    #[error("not {expected}: {why}")]
    MalformedKey {
        /// What was wanted, for instance `a public key in PEM form`.
        expected: &'static str,
        /// What speaks against it.
        why: &'static str,
    },
    /// It is a key that anybody can sign for.
    #[error("public key {0} is one of the few that any signature fits")]
    WeakKey(KeyId),
    /// It is not 64 hexadecimal digits.
    #[error("`{0}` is not a key id: it must be 64 lower-case hexadecimal digits")]
    InvalidKeyId(String),
    /// It is not 64 bytes.
    #[error("signature has {0} bytes, not 64")]
    SignatureLength(usize),
    /// Nobody is trusted.
    #[error("no key is trusted")]
    NoKeys,
    /// Nobody would have to sign.
    #[error("threshold is 0")]
    ThresholdZero,
    /// More must sign than there are keys.
    #[error("threshold is {threshold}, and the number of trusted keys is {keys}")]
    ThresholdUnreachable {
        /// How many must sign.
        threshold: usize,
        /// How many could.
        keys: usize,
    },
    /// One key stands in the list twice.
    #[error("key {0} is listed twice")]
    DuplicateKey(KeyId),
    /// There is no signature at all.
    #[error("nobody signed")]
    Unsigned,
    /// Two signatures claim the same key.
    #[error("key {0} signed twice")]
    DuplicateSignature(KeyId),
    /// A trusted key's signature does not fit.
    #[error("the signature of key {0} does not fit: the content or the signature was changed")]
    BadSignature(KeyId),
    /// Not enough trusted keys signed.
    #[error("{found} of {required} required trusted keys signed (signed by {})", list(.signers))]
    TooFewSignatures {
        /// How many trusted keys must have signed.
        required: usize,
        /// How many have.
        found: usize,
        /// Everybody who signed, trusted or not.
        signers: Vec<KeyId>,
    },
}

fn list(signers: &[KeyId]) -> String {
    signers.iter().map(KeyId::to_string).collect::<Vec<_>>().join(", ")
}

impl Fault for TrustError {
    fn exit(&self) -> Exit {
        match self {
            Self::MalformedKey { .. }
            | Self::WeakKey(_)
            | Self::InvalidKeyId(_)
            | Self::NoKeys
            | Self::ThresholdZero
            | Self::ThresholdUnreachable { .. }
            | Self::DuplicateKey(_) => Exit::Usage,
            Self::SignatureLength(_)
            | Self::Unsigned
            | Self::DuplicateSignature(_)
            | Self::BadSignature(_)
            | Self::TooFewSignatures { .. } => Exit::Trust,
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::MalformedKey { .. } => {
                "`ombundle key generate` and `openssl genpkey -algorithm ed25519` write keys in the right form"
            }
            Self::NoKeys => {
                "name the signer's public key with `--trust-key`, or in the site file under `trust.keys`"
            }
            Self::BadSignature(_) => "copy the archive again from where it was packed, and compare its size",
            Self::TooFewSignatures { .. } => {
                "compare the key ids with what the signer reads to you from `ombundle key show`"
            }
            _ => return None,
        };
        Some(text.to_owned())
    }
}
