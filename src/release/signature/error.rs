//! Why a key file is not read, a signature is not taken, a release is not believed.

use std::fmt;

use crate::archive::Moment;
use crate::digest::Digest;
use crate::fault::{Exit, Fault};

/// Why a release is not believed, or the keys for it cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// A key file is none.
    #[error("`{name}` is not a file of OpenPGP public keys: {why}")]
    KeyFile {
        /// The file, or the field of a ConfigMap.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A key file has too much in it.
    #[error("`{name}` has more than {limit} {what}")]
    KeyFileLimit {
        /// The file, or the field of a ConfigMap.
        name: String,
        /// Of what there is too much.
        what: &'static str,
        /// How much there may be.
        limit: u64,
    },
    /// No key is trusted for releases.
    #[error("no key is trusted to sign releases")]
    NoKeys,
    /// A cluster's ConfigMap was named beside other files.
    #[error("`{name}` is the ConfigMap of a cluster, and stands beside other files of keys")]
    TwoKinds {
        /// The file.
        name: String,
    },
    /// The ConfigMap that names keys and stores is not usable.
    #[error("the ConfigMap of release verification cannot be used: {why}")]
    Config {
        /// What is wrong with it.
        why: String,
    },
    /// There is no signature at all.
    #[error("release {release} has no signature")]
    Unsigned {
        /// The release image.
        release: Digest,
    },
    /// No signature fits a key ring.
    #[error("release {release} is not signed by any key of {ring}: {}", Reasons(.reasons))]
    Unverified {
        /// The release image.
        release: Digest,
        /// The key ring that no signature satisfies.
        ring: String,
        /// What is wrong with each signature, counted from 1.
        reasons: Vec<(usize, SignatureFault)>,
    },
}

struct Reasons<'a>(&'a [(usize, SignatureFault)]);

impl fmt::Display for Reasons<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (number, fault)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}signature-{number}: {fault}")?;
        }
        Ok(())
    }
}

/// What is wrong with one signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureFault {
    /// The file is larger than a signature is.
    #[error("it has more than {limit} bytes")]
    TooLarge {
        /// How many it may have.
        limit: u64,
    },
    /// The file is empty.
    #[error("it is empty")]
    Empty,
    /// The file is text: an error page, armor, or the JSON alone.
    #[error("it is {what}, not a binary OpenPGP message")]
    Text {
        /// What it looks like.
        what: &'static str,
    },
    /// The packets cannot be read.
    #[error("it is a damaged OpenPGP message: {why}")]
    Malformed {
        /// What is wrong with them.
        why: &'static str,
    },
    /// It unpacks to more than a signature has.
    #[error("it unpacks to more than {limit} bytes")]
    Bomb {
        /// To how many it may unpack.
        limit: u64,
    },
    /// A signature without the content that it signs.
    #[error("it is a detached signature: the signed content is not in it")]
    Detached,
    /// Content that nobody signed.
    #[error("nobody signed its content")]
    Unsigned,
    /// Encrypted.
    #[error("it is encrypted")]
    Encrypted,
    /// Not the one signature over one content that a release's signature is.
    #[error("it is not one signature over one content")]
    Composition,
    /// A signature of another kind, for instance over text whose line ends do not count.
    #[error("it is not a signature over binary content")]
    Kind,
    /// A hash that can be forged.
    #[error("it uses {hash}, which is too weak")]
    WeakHash {
        /// The algorithm.
        hash: String,
    },
    /// Signed by a key that is not in the ring.
    #[error("it is by key {key}, which is not trusted")]
    UnknownKey {
        /// The key's id or fingerprint, in hexadecimal digits; `unnamed` when the signature does not say.
        key: String,
    },
    /// Signed by a key that must not sign.
    #[error("key {key} {flaw}")]
    Key {
        /// The key's fingerprint.
        key: String,
        /// What is wrong with it.
        flaw: KeyFlaw,
    },
    /// The signature does not fit the content.
    #[error("the signature of key {key} does not fit: the content or the signature was changed")]
    Bad {
        /// The key's fingerprint.
        key: String,
    },
    /// It does not say when it was made.
    #[error("it does not say when it was made")]
    Undated,
    /// It was made to last only so long.
    #[error("it expired on {at}")]
    Expired {
        /// When.
        at: Moment,
    },
    /// It was made later than now.
    #[error("it was made on {at}, which is in the future")]
    Future {
        /// When.
        at: Moment,
    },
    /// The signed JSON is not that of an image's signature.
    #[error("what was signed is not the statement of an image: {why}")]
    Claim {
        /// What is wrong with it.
        why: String,
    },
    /// It is for something else.
    #[error("what was signed is of type `{found}`")]
    Type {
        /// What it is for.
        found: String,
    },
    /// It is for another image.
    #[error("what was signed is {found}")]
    OtherDigest {
        /// The image that was signed.
        found: Digest,
    },
}

/// Why a key that is there must not sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFlaw {
    /// Its owner took it back.
    #[error("was revoked by its owner")]
    Revoked,
    /// Its time is over.
    #[error("expired on {0}")]
    Expired(Moment),
    /// It signed before it existed.
    #[error("did not exist before {0}")]
    Unborn(Moment),
    /// It is for something else, for instance to encrypt.
    #[error("may not sign")]
    NotForSigning,
    /// Nothing good says whose it is.
    #[error("has no valid signature of its own")]
    Unbound,
    /// Its algorithm is weak or unknown.
    #[error("is of an algorithm that is too weak or not known")]
    Weak,
}

impl Fault for SignatureError {
    fn exit(&self) -> Exit {
        match self {
            Self::KeyFile { .. }
            | Self::KeyFileLimit { .. }
            | Self::NoKeys
            | Self::TwoKinds { .. }
            | Self::Config { .. } => Exit::Usage,
            Self::Unsigned { .. } | Self::Unverified { .. } => Exit::Trust,
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::KeyFile { .. } => {
                "give the file as the vendor publishes it: `gpg --export --armor` writes the same form"
            }
            Self::KeyFileLimit { .. } => {
                "give a file with the release keys only: `gpg --export-options export-minimal --export` leaves out the rest"
            }
            Self::NoKeys => {
                "name the vendor's public keys with `--release-key`, or in the site file under `spec.releases.keys`"
            }
            Self::TwoKinds { .. } => "name that ConfigMap alone, or files of public keys without it",
            Self::Config { .. } => {
                "take the `release-verification` ConfigMap of namespace openshift-config-managed from the installed cluster"
            }
            Self::Unsigned { .. } => {
                "look for `sha256=…/signature-1` in the signature store; nightly builds are not signed and cannot be carried"
            }
            Self::Unverified { reasons, .. } => reasons.first().and_then(|(_, fault)| fault.hint())?,
        };
        Some(text.to_owned())
    }
}

impl SignatureFault {
    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Text { .. } | Self::Empty | Self::TooLarge { .. } | Self::Malformed { .. } => {
                "fetch the signature again, and look at what the store answers"
            }
            Self::UnknownKey { .. } => {
                "compare the key with the vendor's published fingerprints before trusting it with `--release-key`"
            }
            Self::Key { flaw: KeyFlaw::Expired(_), .. } => {
                "fetch the vendor's key again: an owner may have prolonged it; and look at this machine's clock"
            }
            Self::Future { .. } => "look at this machine's clock",
            Self::Bad { .. } | Self::OtherDigest { .. } | Self::Type { .. } => {
                "do not use this release; fetch image and signature again from the vendor"
            }
            _ => return None,
        })
    }
}
