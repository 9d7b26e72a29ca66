//! The OpenPGP message around a signature's statement: one signature over one content.

use std::io::Read;

use pgp::packet::{LiteralData, OnePassSignature, Packet, Signature, SignatureType};

use crate::limits::Limits;
use crate::release::signature::SignatureFault;
use crate::release::signature::keyring::{is_strong_hash, strictly};

/// A signature and what it claims to sign. Nothing is known to be true yet.
pub(super) struct Message {
    /// The signature.
    pub(super) signature: Signature,
    literal: LiteralData,
}

impl Message {
    /// What the signature claims to sign.
    pub(super) fn content(&self) -> &[u8] {
        self.literal.data()
    }

    /// Takes a signature file apart.
    pub(super) fn parse(file: &[u8], limits: &Limits) -> Result<Self, SignatureFault> {
        let limit = limits.release_signature_bytes;
        if file.len() as u64 > limit {
            return Err(SignatureFault::TooLarge { limit });
        }
        // Every packet begins with its highest bit set (RFC 9580 §4.2).
        match file.first() {
            None => return Err(SignatureFault::Empty),
            Some(first) if first & 0x80 == 0 => {
                return Err(SignatureFault::Text { what: kind_of_text(file) });
            }
            Some(_) => {}
        }
        let mut packets = packets(file)?;
        if let [Packet::CompressedData(packed)] = packets.as_slice() {
            let plain = packed.decompress();
            let plain = plain.map_err(|_| SignatureFault::Malformed {
                why: "it is compressed in a way that is not read here",
            })?;
            let mut unpacked = Vec::new();
            plain
                .take(limit + 1)
                .read_to_end(&mut unpacked)
                .map_err(|_| SignatureFault::Malformed { why: "it does not unpack" })?;
            if unpacked.len() as u64 > limit {
                return Err(SignatureFault::Bomb { limit });
            }
            packets = self::packets(&unpacked)?;
        }
        let message = composed(packets)?;
        match message.signature.typ() {
            Some(SignatureType::Binary) => {}
            _ => return Err(SignatureFault::Kind),
        }
        if !is_strong_hash(&message.signature) {
            let hash =
                message.signature.hash_alg().map_or_else(|| "no hash".to_owned(), |hash| hash.to_string());
            return Err(SignatureFault::WeakHash { hash });
        }
        Ok(message)
    }
}

fn packets(bytes: &[u8]) -> Result<Vec<Packet>, SignatureFault> {
    strictly(bytes).map_err(|()| SignatureFault::Malformed { why: "a packet in it is cut or cannot be read" })
}

/// The two ways to sign a content inside a message (RFC 9580 §10.3).
fn composed(packets: Vec<Packet>) -> Result<Message, SignatureFault> {
    let mut packets = packets.into_iter();
    match (packets.next(), packets.next(), packets.next(), packets.next()) {
        (
            Some(Packet::OnePassSignature(announced)),
            Some(Packet::LiteralData(literal)),
            Some(Packet::Signature(signature)),
            None,
        ) if is_announced(&announced, &signature) => Ok(Message { signature, literal }),
        (Some(Packet::Signature(signature)), Some(Packet::LiteralData(literal)), None, None) => {
            Ok(Message { signature, literal })
        }
        (Some(Packet::Signature(_)), None, ..) => Err(SignatureFault::Detached),
        (Some(Packet::LiteralData(_)), None, ..) => Err(SignatureFault::Unsigned),
        (
            Some(
                Packet::PublicKeyEncryptedSessionKey(_)
                | Packet::SymKeyEncryptedSessionKey(_)
                | Packet::SymEncryptedData(_)
                | Packet::SymEncryptedProtectedData(_)
                | Packet::GnupgAeadData(_),
            ),
            ..,
        ) => Err(SignatureFault::Encrypted),
        (Some(Packet::OnePassSignature(_)), Some(Packet::LiteralData(_)), None, _) => {
            Err(SignatureFault::Malformed { why: "it ends before its signature" })
        }
        _ => Err(SignatureFault::Composition),
    }
}

/// Whether the packet before the content speaks of this signature, as gpg demands. rPGP's own comparison refuses signatures of
/// version 3, of which Red Hat made some.
fn is_announced(announced: &OnePassSignature, signature: &Signature) -> bool {
    signature.config().is_some_and(|config| {
        announced.version() == 3
            && !announced.is_nested()
            && announced.typ() == config.typ
            && announced.hash_algorithm() == config.hash_alg
            && announced.public_key_algorithm() == config.pub_alg
    })
}

fn kind_of_text(file: &[u8]) -> &'static str {
    let text = file.trim_ascii_start();
    let begins = |with: &[u8]| text.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    if begins(b"<") {
        "a web page"
    } else if begins(b"-----BEGIN PGP") {
        "armored text"
    } else if begins(b"{") {
        "JSON"
    } else {
        "plain text"
    }
}
