//! Keys, signatures and thresholds, by table.

use proptest::prelude::*;
use zeroize::Zeroizing;

use crate::trust::{
    KeyId, Payload, PublicKey, SecretKey, Signature, TrustError, TrustSet, pre_authentication_encoding,
};

struct Letter(Vec<u8>);

impl Payload for Letter {
    const TYPE: &'static str = "text/letter";
    fn bytes(&self) -> &[u8] {
        &self.0
    }
}

struct Order(Vec<u8>);

impl Payload for Order {
    const TYPE: &'static str = "text/order";
    fn bytes(&self) -> &[u8] {
        &self.0
    }
}

fn secret(number: u8) -> SecretKey {
    SecretKey::from_seed(&Zeroizing::new([number; 32]))
}

fn letter() -> Letter {
    Letter(b"bring the blobs".to_vec())
}

fn set(keys: &[u8], threshold: usize) -> TrustSet {
    TrustSet::new(keys.iter().map(|n| secret(*n).public()).collect(), threshold).unwrap()
}

/// The key of RFC 8032, section 7.1, test 1, as openssl 3.0 writes it.
const SEED: [u8; 32] = [
    0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44,
    0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
];
const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
    -----END PRIVATE KEY-----\n";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
    MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n\
    -----END PUBLIC KEY-----\n";

#[test]
fn keys_are_read_and_written_as_openssl_does() {
    let key = SecretKey::from_seed(&Zeroizing::new(SEED));
    assert_eq!(*key.to_pem().unwrap(), PRIVATE);
    assert_eq!(key.public().to_pem().unwrap(), PUBLIC);
    assert_eq!(SecretKey::from_pem(PRIVATE).unwrap().public(), PublicKey::from_pem(PUBLIC).unwrap());
    let id = key.public().id();
    assert_eq!(id.to_string().parse::<KeyId>().unwrap(), id);
    assert_eq!(id.fingerprint().replace(' ', ""), id.to_string());
    assert_eq!(id.fingerprint().split(' ').map(str::len).collect::<Vec<_>>(), [4; 16]);
}

#[test]
fn what_is_signed_is_the_encoding_of_the_dsse_protocol() {
    // github.com/secure-systems-lab/dsse, `protocol.md`, "Test Vectors".
    assert_eq!(
        pre_authentication_encoding("http://example.com/HelloWorld", b"hello world"),
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    );
}

#[test]
fn files_that_are_not_such_keys_are_refused_with_the_reason() {
    let p256 = "-----BEGIN PUBLIC KEY-----\n\
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEIlSPiPt4L/teyjdERSxyoeVY+9b3O+XkjpMjLMRcWxbEzRDEy41bihcTnpSI\n\
        LImSVymTQl9BQZq36QpCpJQnKw==\n-----END PUBLIC KEY-----\n";
    for (pem, why) in [
        ("", "does not begin with"),
        (PRIVATE, "must not leave its place"),
        (&PUBLIC.replace("MCow", "MCox"), "is damaged"),
        (&PUBLIC.replace("=\n", "\n"), "is damaged"),
        (p256, "not an Ed25519 key"),
        (&format!("{PUBLIC}{PUBLIC}"), "is damaged"),
        (&PUBLIC.replace("PUBLIC", "RSA PUBLIC"), "does not begin with"),
    ] {
        let error = PublicKey::from_pem(pem).unwrap_err();
        assert!(error.to_string().contains(why), "{pem}: {error}");
    }
    for (pem, why) in [
        (PUBLIC, "it is a public key"),
        (&PRIVATE.replace("PRIVATE", "ENCRYPTED PRIVATE"), "it is encrypted"),
        (&PRIVATE.replace("BCIEI", "BCIEJ"), "is damaged"),
        ("-----BEGIN PRIVATE KEY-----", "is damaged"),
    ] {
        let error = SecretKey::from_pem(pem).err().unwrap();
        assert!(error.to_string().contains(why), "{pem}: {error}");
    }
}

#[test]
fn points_that_anybody_can_sign_for_are_refused() {
    // The eight points of small order in canonical form, and y = 1 and y = -1 with the other sign or unreduced
    // (RFC 7748 and "Taming the many EdDSAs", table 6c).
    for hex in [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ] {
        let bytes = crate::digest::Digest::from_hex(hex).unwrap();
        assert!(PublicKey::from_bytes(bytes.bytes()).is_err(), "{hex} was taken");
    }
    assert!(PublicKey::from_bytes(&[0x02; 32]).is_err(), "no point of the curve");
    // y = 3 is a point of large order; y + p is the same point in another spelling, and would be another key id.
    let mut point = [0; 32];
    point[0] = 3;
    assert!(PublicKey::from_bytes(&point).is_ok());
    let mut spelling = [0xff; 32];
    (spelling[0], spelling[31]) = (0xf0, 0x7f);
    assert!(PublicKey::from_bytes(&spelling).is_err());
}

#[test]
fn signatures_that_do_not_count() {
    let good = secret(1).sign(&letter());
    let with = |change: &dyn Fn(&mut [u8; 64])| {
        let mut bytes = *good.bytes();
        change(&mut bytes);
        Signature::new(good.key(), bytes)
    };
    // L, little endian: S and S + L are the same scalar (RFC 8032 asks to refuse the second).
    let order = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10_u8,
    ];
    let malleable = with(&|bytes| {
        let mut carry = 0_u16;
        for (byte, add) in bytes[32..].iter_mut().zip(order) {
            carry += u16::from(*byte) + u16::from(add);
            *byte = carry.to_le_bytes()[0];
            carry >>= 8;
        }
    });
    let raw = {
        use ed25519_dalek::Signer as _;
        let key = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
        Signature::new(good.key(), key.sign(&letter().0).to_bytes())
    };
    let foreign = secret(3).sign(&letter());
    let id = good.key();
    let bad = TrustError::BadSignature(id);
    let few = |signers: &[KeyId]| {
        let mut signers = signers.to_vec();
        signers.sort_unstable();
        TrustError::TooFewSignatures { required: 1, found: 0, signers }
    };
    for (name, signatures, expected) in [
        ("nobody signed", vec![], TrustError::Unsigned),
        ("a bit of R", vec![with(&|bytes| bytes[0] ^= 1)], bad.clone()),
        ("a bit of S", vec![with(&|bytes| bytes[40] ^= 1)], bad.clone()),
        ("nothing but zeros", vec![with(&|bytes| bytes.fill(0))], bad.clone()),
        ("S + L", vec![malleable], bad.clone()),
        ("over the bytes without their type", vec![raw], bad.clone()),
        ("over another kind of document", vec![secret(1).sign(&Order(letter().0))], bad.clone()),
        ("over another letter", vec![secret(1).sign(&Letter(b"bring the blobs.".to_vec()))], bad.clone()),
        ("a foreign key", vec![foreign.clone()], few(&[foreign.key()])),
        ("a foreign signature under a trusted name", vec![Signature::new(id, *foreign.bytes())], bad.clone()),
        (
            "a trusted signature under a foreign name",
            vec![Signature::new(foreign.key(), *good.bytes())],
            few(&[foreign.key()]),
        ),
        ("twice the same", vec![good.clone(), good.clone()], TrustError::DuplicateSignature(id)),
        (
            "a good one, and a bad one of another trusted key",
            vec![good.clone(), Signature::new(secret(2).public().id(), *good.bytes())],
            TrustError::BadSignature(secret(2).public().id()),
        ),
    ] {
        let error = set(&[1, 2], 1).verify(letter(), &signatures).err();
        assert_eq!(error, Some(expected), "{name}");
    }
    let believed = set(&[1, 2], 1).verify(letter(), &[foreign, good]).ok().unwrap();
    assert_eq!(believed.signers(), [id]);
    assert_eq!(Signature::from_slice(id, &[0; 63]).unwrap_err(), TrustError::SignatureLength(63));
}

#[test]
fn a_set_that_proves_nothing_cannot_be_made() {
    let public = |n| secret(n).public();
    for (keys, threshold, expected) in [
        (vec![], 1, TrustError::NoKeys),
        (vec![], 0, TrustError::NoKeys),
        (vec![public(1)], 0, TrustError::ThresholdZero),
        (vec![public(1)], 2, TrustError::ThresholdUnreachable { threshold: 2, keys: 1 }),
        (vec![public(1), public(1)], 1, TrustError::DuplicateKey(public(1).id())),
        (vec![public(1), public(2), public(1)], 2, TrustError::DuplicateKey(public(1).id())),
    ] {
        assert_eq!(TrustSet::new(keys, threshold).unwrap_err(), expected);
    }
}

#[test]
fn two_signatures_of_one_key_are_one() {
    let (good, trust) = (secret(1).sign(&letter()), set(&[1, 2], 2));
    let other_name = Signature::new(secret(9).public().id(), *good.bytes());
    let second_name = Signature::new(secret(2).public().id(), *good.bytes());
    assert_eq!(
        trust.verify(letter(), &[good.clone(), good.clone()]).err(),
        Some(TrustError::DuplicateSignature(good.key()))
    );
    let few = trust.verify(letter(), &[good.clone(), other_name]).err().unwrap();
    assert!(matches!(few, TrustError::TooFewSignatures { required: 2, found: 1, .. }), "{few}");
    assert_eq!(
        trust.verify(letter(), &[good, second_name]).err(),
        Some(TrustError::BadSignature(secret(2).public().id()))
    );
}

#[test]
fn every_flipped_bit_of_a_signature_or_of_what_was_signed_is_seen() {
    let (good, trust) = (secret(1).sign(&letter()), set(&[1], 1));
    for bit in 0..64 * 8 {
        let mut bytes = *good.bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(trust.verify(letter(), &[Signature::new(good.key(), bytes)]).is_err(), "bit {bit}");
    }
    for bit in 0..letter().0.len() * 8 {
        let mut changed = letter();
        changed.0[bit / 8] ^= 1 << (bit % 8);
        assert!(trust.verify(changed, std::slice::from_ref(&good)).is_err(), "bit {bit}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Against the obvious model: as many distinct trusted keys as the threshold.
    #[test]
    fn the_threshold_counts_distinct_trusted_keys(
        trusted in proptest::collection::btree_set(0_u8..6, 1..5),
        threshold in 1_usize..5,
        signed in proptest::collection::vec(0_u8..6, 0..7),
    ) {
        prop_assume!(threshold <= trusted.len());
        let keys: Vec<u8> = trusted.iter().copied().collect();
        let signatures: Vec<_> = signed.iter().map(|n| secret(*n).sign(&letter())).collect();
        let distinct: std::collections::BTreeSet<u8> = signed.iter().copied().collect();
        let expected = distinct.len() == signed.len()
            && distinct.intersection(&trusted).count() >= threshold;
        prop_assert_eq!(set(&keys, threshold).verify(letter(), &signatures).is_ok(), expected);
    }
}
