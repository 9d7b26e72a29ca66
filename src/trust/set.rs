//! Whose signatures count, and how many it takes.

use std::collections::{BTreeMap, BTreeSet};

use crate::trust::{KeyId, Payload, PublicKey, Signature, TrustError};

/// The keys that a site trusts, and how many of them must have signed.
///
/// There is no trust on first use: keys come from the site's own files.
#[derive(Debug, Clone)]
pub struct TrustSet {
    keys: BTreeMap<KeyId, PublicKey>,
    threshold: usize,
}

impl TrustSet {
    /// Pins these keys. Fails when nobody would have to sign, nobody could, or a key is listed twice.
    pub fn new(keys: Vec<PublicKey>, threshold: usize) -> Result<Self, TrustError> {
        let mut pinned = BTreeMap::new();
        for key in keys {
            let id = key.id();
            if pinned.insert(id, key).is_some() {
                return Err(TrustError::DuplicateKey(id));
            }
        }
        if pinned.is_empty() {
            return Err(TrustError::NoKeys);
        }
        match threshold {
            0 => Err(TrustError::ThresholdZero),
            _ if threshold > pinned.len() => {
                Err(TrustError::ThresholdUnreachable { threshold, keys: pinned.len() })
            }
            _ => Ok(Self { keys: pinned, threshold }),
        }
    }

    /// The ids of the trusted keys, in order.
    pub fn key_ids(&self) -> impl Iterator<Item = KeyId> + '_ {
        self.keys.keys().copied()
    }

    /// How many of them must have signed.
    pub fn threshold(&self) -> usize {
        self.threshold
    }

    /// Whether a signature is one of exactly this payload; nothing where its key is not trusted, and nobody can tell.
    pub fn fits<P: Payload>(&self, payload: &P, signature: &Signature) -> Option<bool> {
        self.keys.get(&signature.key()).map(|key| key.fits(payload, signature))
    }

    /// Believes `payload` when enough distinct trusted keys signed exactly its bytes.
    ///
    /// A key's id is computed from the key, so two signatures under two names never count for one key. Signatures of keys
    /// that are not trusted count for nothing and cannot be checked. A wrong signature under a trusted key's name is
    /// refused even when the others suffice: nobody but an attacker or a broken medium makes one.
    pub fn verify<P: Payload>(
        &self,
        payload: P,
        signatures: &[Signature],
    ) -> Result<Verified<P>, TrustError> {
        if signatures.is_empty() {
            return Err(TrustError::Unsigned);
        }
        let mut claimed = BTreeSet::new();
        let mut signers = Vec::new();
        for signature in signatures {
            let id = signature.key();
            if !claimed.insert(id) {
                return Err(TrustError::DuplicateSignature(id));
            }
            match self.keys.get(&id) {
                Some(key) if key.fits(&payload, signature) => signers.push(id),
                Some(_) => return Err(TrustError::BadSignature(id)),
                None => {}
            }
        }
        if signers.len() < self.threshold {
            let (required, found) = (self.threshold, signers.len());
            return Err(TrustError::TooFewSignatures {
                required,
                found,
                signers: claimed.into_iter().collect(),
            });
        }
        signers.sort_unstable();
        Ok(Verified { payload, signers })
    }
}

/// A document that enough trusted keys signed. Only [`TrustSet::verify`] makes one.
#[derive(Debug, Clone)]
pub struct Verified<P> {
    payload: P,
    signers: Vec<KeyId>,
}

impl<P> Verified<P> {
    /// The document.
    pub fn payload(&self) -> &P {
        &self.payload
    }

    /// The trusted keys that signed it, in order, each once.
    pub fn signers(&self) -> &[KeyId] {
        &self.signers
    }

    /// The document and its signers.
    pub fn into_parts(self) -> (P, Vec<KeyId>) {
        (self.payload, self.signers)
    }
}
