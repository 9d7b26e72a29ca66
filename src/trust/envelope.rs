//! What exactly is signed: the DSSE pre-authentication encoding, version 1.

use crate::trust::{KeyId, TrustError};

/// A document that can be signed. Its type is part of what is signed, so that a signature of one kind of document is never
/// one of another kind.
pub trait Payload {
    /// The media type.
    const TYPE: &'static str;

    /// The exact bytes.
    fn bytes(&self) -> &[u8];
}

/// `DSSEv1`, length and type, length and body, separated by single spaces (github.com/secure-systems-lab/dsse,
/// `protocol.md`).
pub fn pre_authentication_encoding(payload_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), body.len());
    let mut message = Vec::with_capacity(head.len() + body.len());
    message.extend_from_slice(head.as_bytes());
    message.extend_from_slice(body);
    message
}

/// A detached signature, with the id of the key that it claims to be from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature {
    key: KeyId,
    bytes: [u8; Self::SIZE],
}

impl Signature {
    /// How many bytes every signature has.
    pub const SIZE: usize = 64;

    /// Pairs the 64 bytes with the key that they claim to be from.
    pub fn new(key: KeyId, bytes: [u8; Self::SIZE]) -> Self {
        Self { key, bytes }
    }

    /// The same, from a file's bytes.
    pub fn from_slice(key: KeyId, bytes: &[u8]) -> Result<Self, TrustError> {
        let bytes = bytes.try_into().map_err(|_| TrustError::SignatureLength(bytes.len()))?;
        Ok(Self { key, bytes })
    }

    /// The key that it claims to be from.
    pub fn key(&self) -> KeyId {
        self.key
    }

    /// The 64 bytes of RFC 8032.
    pub fn bytes(&self) -> &[u8; Self::SIZE] {
        &self.bytes
    }
}
