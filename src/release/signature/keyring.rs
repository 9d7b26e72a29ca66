//! Rings of public keys, and which of their keys may sign at what time.

use std::fmt;

use pgp::composed::{SignedPublicKey, SignedPublicKeyParser, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Packet, PacketParser, PublicKey, PublicSubkey, Signature, SignatureType, SubpacketData};
use pgp::ser::Serialize as _;
use pgp::types::{Fingerprint, KeyDetails, KeyVersion, PublicParams, Tag};

use crate::archive::Moment;
use crate::limits::Limits;
use crate::release::signature::{KeyFlaw, SignatureError, armor};

/// Least bits of an RSA key.
const RSA_BITS: u16 = 2048;

/// Public keys, of which any one may sign.
#[derive(Clone)]
pub struct KeyRing {
    name: String,
    keys: Vec<Key>,
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("name", &self.name).field("keys", &self.fingerprints()).finish()
    }
}

/// The key rings for releases; each must be satisfied. There is at least one.
#[derive(Debug, Clone)]
pub struct ReleaseKeys {
    rings: Vec<KeyRing>,
}

impl ReleaseKeys {
    /// Key files that a person names: together they are one ring, of which any key may sign.
    ///
    /// A vendor publishes the keys of one ring as several files: release, beta and auxiliary key.
    pub fn any_of<'f>(
        files: impl IntoIterator<Item = (&'f str, &'f [u8])>,
        limits: &Limits,
    ) -> Result<Self, SignatureError> {
        let (mut names, mut keys) = (Vec::new(), Vec::new());
        for (name, bytes) in files {
            keys.extend(KeyRing::parse(name, bytes, limits)?.keys);
            names.push(format!("`{name}`"));
        }
        Self::all_of(vec![KeyRing { name: names.join(", "), keys }])
    }

    /// Rings of which each must be satisfied, as those of a cluster.
    pub(super) fn all_of(rings: Vec<KeyRing>) -> Result<Self, SignatureError> {
        if rings.iter().all(|ring| ring.keys.is_empty()) {
            return Err(SignatureError::NoKeys);
        }
        Ok(Self { rings })
    }

    /// The rings.
    pub fn rings(&self) -> &[KeyRing] {
        &self.rings
    }
}

/// One key with what its owner says of it.
#[derive(Clone)]
pub(super) struct Key {
    material: Material,
    created: i64,
    /// Seconds since 1970; nothing when it never expires.
    expires: Option<i64>,
    /// What is wrong with it at any time.
    flaw: Option<KeyFlaw>,
}

#[derive(Clone)]
enum Material {
    Primary(PublicKey),
    Subkey(PublicSubkey),
}

impl KeyRing {
    /// Reads a file of public keys, armored or not. `name` is what the file is called in messages.
    ///
    /// A file in which anything is not understood is refused: it could be what takes a key back.
    pub fn parse(name: &str, file: &[u8], limits: &Limits) -> Result<Self, SignatureError> {
        let wrong = |why| SignatureError::KeyFile { name: name.to_owned(), why };
        let too_much = |what, limit| SignatureError::KeyFileLimit { name: name.to_owned(), what, limit };
        if file.len() as u64 > limits.key_file_bytes {
            return Err(too_much("bytes", limits.key_file_bytes));
        }
        let mut packets = Vec::new();
        for block in armor::blocks(file).map_err(wrong)? {
            packets.extend(
                strictly(&block).map_err(|()| wrong("it is damaged, or of a kind that is not read here"))?,
            );
            if packets.len() as u64 > limits.key_packets {
                return Err(too_much("packets", limits.key_packets));
            }
        }
        if packets.iter().any(|packet| matches!(packet, Packet::SecretKey(_) | Packet::SecretSubkey(_))) {
            return Err(wrong("there is a private key in it, which belongs elsewhere"));
        }
        let known = |packet: &Packet| {
            matches!(
                packet,
                Packet::PublicKey(_)
                    | Packet::PublicSubkey(_)
                    | Packet::Signature(_)
                    | Packet::UserId(_)
                    | Packet::UserAttribute(_)
            )
        };
        if !matches!(packets.first(), Some(Packet::PublicKey(_))) || !packets.iter().all(known) {
            return Err(wrong("there is something else than public keys in it"));
        }
        let mut keys = Vec::new();
        for certificate in SignedPublicKeyParser::from_packets(packets.into_iter().map(Ok).peekable()) {
            let certificate = certificate.map_err(|_| wrong("a key's parts are not in order"))?;
            keys.extend(keys_of(certificate));
        }
        Ok(Self { name: format!("`{name}`"), keys })
    }

    /// What it is called in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The fingerprints of its keys, in hexadecimal digits.
    pub fn fingerprints(&self) -> Vec<String> {
        self.keys.iter().map(Key::fingerprint).collect()
    }

    /// The keys that a signature says it is by; all of them when it does not say.
    pub(super) fn claimed(&self, signature: &Signature) -> impl Iterator<Item = &Key> {
        let (ids, fingerprints) = (signature.issuer_key_id(), signature.issuer_fingerprint());
        self.keys.iter().filter(move |key| {
            let details = key.details();
            (ids.is_empty() && fingerprints.is_empty())
                || ids.iter().any(|id| **id == details.legacy_key_id())
                || fingerprints.iter().any(|print| **print == details.fingerprint())
        })
    }
}

/// Every packet of these bytes, or nothing: rPGP's own readers of keys pass over what they do not understand.
pub(super) fn strictly(mut bytes: &[u8]) -> Result<Vec<Packet>, ()> {
    let mut packets = Vec::new();
    while !bytes.is_empty() {
        let packet = PacketParser::new(&mut bytes).next();
        packets.push(packet.ok_or(())?.map_err(drop)?);
    }
    Ok(packets)
}

impl Key {
    /// Its fingerprint, in hexadecimal digits.
    pub(super) fn fingerprint(&self) -> String {
        self.details().fingerprint().to_string()
    }

    fn details(&self) -> &dyn KeyDetails {
        match &self.material {
            Material::Primary(key) => key,
            Material::Subkey(key) => key,
        }
    }

    /// Whether the signature fits the content. Says nothing about whether the key may sign.
    pub(super) fn fits(&self, signature: &Signature, content: &[u8]) -> bool {
        let verified = match &self.material {
            Material::Primary(key) => signature.verify(key, content),
            Material::Subkey(key) => signature.verify(key, content),
        };
        verified.is_ok()
    }

    /// Why it must not sign: with a signature that it made at `signed`, looked at `now`, in seconds since 1970.
    pub(super) fn flaw_at(&self, signed: i64, now: i64) -> Option<KeyFlaw> {
        let expired = self.expires.filter(|end| *end <= now.max(signed)).and_then(Moment::from_unix);
        let unborn = Some(self.created).filter(|created| signed < *created).and_then(Moment::from_unix);
        self.flaw.or(expired.map(KeyFlaw::Expired)).or(unborn.map(KeyFlaw::Unborn))
    }
}

/// The keys of a certificate: its primary key and its subkeys.
fn keys_of(certificate: SignedPublicKey) -> Vec<Key> {
    let primary = primary_of(&certificate);
    let subkeys: Vec<_> = certificate
        .public_subkeys
        .iter()
        .map(|subkey| subkey_of(subkey, &certificate.primary_key, &primary))
        .collect();
    std::iter::once(primary).chain(subkeys).collect()
}

/// What the self-signatures say of the primary key: the newest good one has the word (RFC 9580 §5.2.3.10).
fn primary_of(certificate: &SignedPublicKey) -> Key {
    let key = &certificate.primary_key;
    let created = i64::from(key.created_at().as_secs());
    // A revocation counts whatever hash it uses and whoever claims to have made it, if it fits.
    let is_revoked =
        certificate.details.revocation_signatures.iter().any(|found| found.verify_key(key).is_ok());
    let direct = certificate.details.direct_signatures.iter().filter(|found| found.verify_key(key).is_ok());
    let named = certificate.details.users.iter().flat_map(|user| {
        let good = |found: &&Signature| found.verify_certification(key, Tag::UserId, &user.id).is_ok();
        let is_revocation = |found: &Signature| found.typ() == Some(SignatureType::CertRevocation);
        let is_taken_back =
            user.signatures.iter().filter(|found| is_revocation(found)).any(|found| good(&found));
        user.signatures.iter().filter(move |found| !is_taken_back && !is_revocation(found) && good(found))
    });
    let word = direct.chain(named).max_by_key(|found| found.created());
    let flaw = match word {
        _ if is_revoked => Some(KeyFlaw::Revoked),
        None => Some(KeyFlaw::Unbound),
        Some(_) if !is_strong(key) => Some(KeyFlaw::Weak),
        Some(word) if !may_sign(word) => Some(KeyFlaw::NotForSigning),
        Some(_) => None,
    };
    let expires = word.and_then(|word| end_of(created, word));
    Key { material: Material::Primary(key.clone()), created, expires, flaw }
}

fn subkey_of(subkey: &SignedPublicSubKey, primary: &PublicKey, owner: &Key) -> Key {
    let key = &subkey.key;
    let created = i64::from(key.created_at().as_secs());
    let fitting =
        || subkey.signatures.iter().filter(|found| found.verify_subkey_binding(primary, key).is_ok());
    let of = |kind| fitting().filter(move |found| found.typ() == Some(kind));
    let is_revoked = of(SignatureType::SubkeyRevocation).next().is_some();
    let word = of(SignatureType::SubkeyBinding)
        .filter(|found| is_strong_hash(found))
        .max_by_key(|found| found.created());
    // A key that signs must say itself that it belongs to the primary key: else anybody could adopt it.
    let consents = |word: &Signature| {
        word.embedded_signature()
            .is_some_and(|back| is_strong_hash(back) && back.verify_primary_key_binding(key, primary).is_ok())
    };
    // A primary key that only certifies may have subkeys that sign.
    let inherited = owner.flaw.filter(|flaw| !matches!(flaw, KeyFlaw::NotForSigning));
    let flaw = inherited.or(match word {
        _ if is_revoked => Some(KeyFlaw::Revoked),
        None => Some(KeyFlaw::Unbound),
        Some(word) if !may_sign(word) => Some(KeyFlaw::NotForSigning),
        Some(word) if !consents(word) => Some(KeyFlaw::Unbound),
        Some(_) if !is_strong(key) => Some(KeyFlaw::Weak),
        Some(_) => None,
    });
    let own = word.and_then(|word| end_of(created, word));
    let expires = [own, owner.expires].into_iter().flatten().min();
    Key { material: Material::Subkey(key.clone()), created, expires, flaw }
}

/// Whether the key may sign data. A key without flags is of before there were any, and may.
fn may_sign(word: &Signature) -> bool {
    let said = word.config().is_some_and(|config| {
        config.hashed_subpackets().any(|found| matches!(found.data, SubpacketData::KeyFlags(_)))
    });
    !said || word.key_flags().sign()
}

/// When the key expires by this self-signature.
fn end_of(created: i64, word: &Signature) -> Option<i64> {
    let seconds = word.key_expiration_time()?.as_secs();
    // Zero means never (RFC 9580 §5.2.3.13).
    (seconds > 0).then(|| created + i64::from(seconds))
}

/// Whether the hash under a signature is one that nobody finds collisions for.
pub(super) fn is_strong_hash(signature: &Signature) -> bool {
    matches!(
        signature.hash_alg(),
        Some(
            HashAlgorithm::Sha256
                | HashAlgorithm::Sha384
                | HashAlgorithm::Sha512
                | HashAlgorithm::Sha3_256
                | HashAlgorithm::Sha3_512
        )
    )
}

fn is_strong(key: &impl KeyDetails) -> bool {
    let is_current = matches!(key.version(), KeyVersion::V4 | KeyVersion::V6);
    is_current
        && match key.public_params() {
            PublicParams::RSA(rsa) => {
                // The first number is the modulus, and begins with its length in bits (RFC 9580 §3.2).
                let bytes = rsa.to_bytes().unwrap_or_default();
                bytes.first_chunk().is_some_and(|length| u16::from_be_bytes(*length) >= RSA_BITS)
            }
            PublicParams::ECDSA(_)
            | PublicParams::EdDSALegacy(_)
            | PublicParams::Ed25519(_)
            | PublicParams::Ed448(_) => true,
            _ => false,
        }
}

/// How a signature names its maker.
pub(super) fn claimed_maker(signature: &Signature) -> String {
    let print = signature.issuer_fingerprint().first().map(|print: &&Fingerprint| print.to_string());
    let id = || signature.issuer_key_id().first().map(ToString::to_string);
    print.or_else(id).unwrap_or_else(|| "unnamed".to_owned())
}
