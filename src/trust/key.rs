//! Ed25519 keys in the files that `openssl genpkey -algorithm ed25519` writes: PKCS#8 and SPKI in PEM.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{
    DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _, KeypairBytes,
};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::digest::Digest;
use crate::reference::serde_as_text;
use crate::trust::{Payload, Signature, TrustError, pre_authentication_encoding};

/// Names a key: the SHA-256 of its SPKI in DER form, as 64 lower-case hexadecimal digits.
///
/// `openssl pkey -pubin -in signer.pub -outform DER | sha256sum` prints the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(Digest);

impl KeyId {
    /// The id in groups of four digits, to be read aloud and compared over the telephone.
    pub fn fingerprint(&self) -> String {
        let hex = self.0.hex();
        let mut text = String::with_capacity(80);
        for (position, digit) in hex.chars().enumerate() {
            if position > 0 && position.is_multiple_of(4) {
                text.push(' ');
            }
            text.push(digit);
        }
        text
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.hex())
    }
}

impl FromStr for KeyId {
    type Err = TrustError;

    fn from_str(text: &str) -> Result<Self, TrustError> {
        Digest::from_hex(text)
            .map(Self)
            .map_err(|_| TrustError::InvalidKeyId(text.chars().take(80).collect()))
    }
}

serde_as_text!(KeyId);

/// A key that signatures are checked with.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    point: VerifyingKey,
    id: KeyId,
}

impl PublicKey {
    /// Reads an SPKI in PEM form (`-----BEGIN PUBLIC KEY-----`).
    pub fn from_pem(pem: &str) -> Result<Self, TrustError> {
        const EXPECTED: &str = "a public key in PEM form";
        match label(pem) {
            Some("PUBLIC KEY") => {}
            Some("PRIVATE KEY" | "ENCRYPTED PRIVATE KEY") => {
                return Err(TrustError::MalformedKey {
                    expected: EXPECTED,
                    why: "it is a private key, which must not leave its place",
                });
            }
            _ => {
                return Err(TrustError::MalformedKey {
                    expected: EXPECTED,
                    why: "it does not begin with `-----BEGIN PUBLIC KEY-----`",
                });
            }
        }
        let why = "it is damaged, or not an Ed25519 key";
        let point = VerifyingKey::from_public_key_pem(pem)
            .map_err(|_| TrustError::MalformedKey { expected: EXPECTED, why })?;
        Self::new(point)
    }

    /// Takes the 32 bytes of RFC 8032.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, TrustError> {
        let point = VerifyingKey::from_bytes(bytes).map_err(|_| TrustError::MalformedKey {
            expected: "an Ed25519 public key",
            why: "its 32 bytes are no point of the curve",
        })?;
        Self::new(point)
    }

    fn new(point: VerifyingKey) -> Result<Self, TrustError> {
        // One point may have two encodings (y and y + p), hence two ids: only the canonical one is taken.
        if point.to_edwards().compress().as_bytes() != point.as_bytes() {
            return Err(TrustError::MalformedKey {
                expected: "an Ed25519 public key",
                why: "its 32 bytes are not in the one canonical form",
            });
        }
        let key = Self { id: id_of(&point), point };
        if key.point.is_weak() { Err(TrustError::WeakKey(key.id)) } else { Ok(key) }
    }

    /// The SPKI in PEM form, byte for byte as openssl writes it.
    pub fn to_pem(&self) -> Result<String, TrustError> {
        self.point.to_public_key_pem(LineEnding::LF).map_err(|_| TrustError::MalformedKey {
            expected: "a public key in PEM form",
            why: "it cannot be encoded",
        })
    }

    /// What names the key.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Whether this key's owner signed exactly this payload.
    pub(super) fn fits<P: Payload>(&self, payload: &P, signature: &Signature) -> bool {
        let message = pre_authentication_encoding(P::TYPE, payload.bytes());
        self.point.verify_strict(&message, &ed25519_dalek::Signature::from_bytes(signature.bytes())).is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id)
    }
}

/// DER of an Ed25519 SPKI: a fixed head (RFC 8410, section 4) and the 32 bytes.
fn id_of(point: &VerifyingKey) -> KeyId {
    let mut spki = [0; 44];
    let (head, tail) = spki.split_at_mut(12);
    head.copy_from_slice(&[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00]);
    tail.copy_from_slice(point.as_bytes());
    KeyId(Digest::of(&spki))
}

/// A key that signs. It has no `Debug` and no `Display`, and its memory is wiped when it goes.
pub struct SecretKey {
    key: SigningKey,
}

impl SecretKey {
    /// Makes a key of 32 random bytes, which the caller draws: this room has no source of randomness.
    pub fn from_seed(seed: &Zeroizing<[u8; 32]>) -> Self {
        Self { key: SigningKey::from_bytes(seed) }
    }

    /// Reads a PKCS#8 key in PEM form (`-----BEGIN PRIVATE KEY-----`).
    pub fn from_pem(pem: &str) -> Result<Self, TrustError> {
        const EXPECTED: &str = "a private key in PEM form";
        let why = match label(pem) {
            Some("PRIVATE KEY") => None,
            Some("ENCRYPTED PRIVATE KEY") => {
                Some("it is encrypted; `openssl pkey` writes it without a passphrase")
            }
            Some("PUBLIC KEY") => Some("it is a public key"),
            _ => Some("it does not begin with `-----BEGIN PRIVATE KEY-----`"),
        };
        if let Some(why) = why {
            return Err(TrustError::MalformedKey { expected: EXPECTED, why });
        }
        let why = "it is damaged, or not an Ed25519 key";
        let key = SigningKey::from_pkcs8_pem(pem)
            .map_err(|_| TrustError::MalformedKey { expected: EXPECTED, why })?;
        Ok(Self { key })
    }

    /// The PKCS#8 key in PEM form, byte for byte as openssl writes it (version 1, without the public key).
    pub fn to_pem(&self) -> Result<Zeroizing<String>, TrustError> {
        let bytes = KeypairBytes { secret_key: self.key.to_bytes(), public_key: None };
        bytes.to_pkcs8_pem(LineEnding::LF).map_err(|_| TrustError::MalformedKey {
            expected: "a private key in PEM form",
            why: "it cannot be encoded",
        })
    }

    /// The key that others check with.
    pub fn public(&self) -> PublicKey {
        let point = self.key.verifying_key();
        PublicKey { id: id_of(&point), point }
    }

    /// Signs a payload.
    pub fn sign<P: Payload>(&self, payload: &P) -> Signature {
        let message = pre_authentication_encoding(P::TYPE, payload.bytes());
        Signature::new(self.public().id(), self.key.sign(&message).to_bytes())
    }
}

/// What the first line of a PEM file says that it holds.
fn label(pem: &str) -> Option<&str> {
    pem.lines().next()?.trim_end().strip_prefix("-----BEGIN ")?.strip_suffix("-----")
}
