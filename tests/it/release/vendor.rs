//! What Red Hat really signed, with the keys that Red Hat really publishes.

use std::path::PathBuf;

use ombundle::digest::Digest;
use ombundle::limits::LIMITS;
use ombundle::release::{KeyRing, ReleaseKeys, SignatureError, SignatureFault, verify_release};

use super::signatures::now;
use crate::support::gpg::{Gpg, Opinion};
use crate::support::shared;

struct Real {
    digest: Digest,
    bytes: Vec<u8>,
}

fn folder() -> Option<PathBuf> {
    shared::data().map(|data| data.join("release"))
}

fn key(name: &str) -> Vec<u8> {
    std::fs::read(folder().unwrap().join("public-keys").join(name)).unwrap()
}

fn signatures() -> Vec<Real> {
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(folder().unwrap().join("signatures-real")).sort_by_file_name() {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            let parent = entry.path().parent().unwrap().file_name().unwrap().to_str().unwrap();
            let digest = Digest::from_hex(parent.strip_prefix("sha256=").unwrap()).unwrap();
            found.push(Real { digest, bytes: std::fs::read(entry.path()).unwrap() });
        }
    }
    assert_eq!(found.len(), 3);
    found
}

fn trusted(names: &[&str]) -> ReleaseKeys {
    let files: Vec<_> = names.iter().map(|name| (*name, key(name))).collect();
    ReleaseKeys::any_of(files.iter().map(|(name, bytes)| (*name, &**bytes)), &LIMITS).unwrap()
}

const RELEASE: &str = "verifier-public-key-redhat-release";
const BETA: &str = "verifier-public-key-redhat-beta-2";
const AUXILIARY: &str = "verifier-public-key-redhat-release-auxiliary";

#[test]
fn red_hats_signatures_are_good_by_red_hats_key() {
    if folder().is_none() {
        return;
    }
    // The file has no blank line behind its armor header.
    assert!(key(RELEASE).starts_with(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\nm"));
    let gpg = Gpg::knowing(&key(RELEASE));
    let mut references = Vec::new();
    for real in signatures() {
        for keys in [trusted(&[RELEASE]), trusted(&[BETA, AUXILIARY, RELEASE])] {
            let verified =
                verify_release(real.digest, std::slice::from_ref(&real.bytes), &keys, now(), &LIMITS)
                    .unwrap();
            assert_eq!(verified.signatures()[0].key(), "567e347ad0044ade55ba8a5f199e2f91fd431d51");
            assert_eq!(verified.signatures()[0].bytes(), real.bytes);
            references.push(verified.signatures()[0].reference().to_owned());
            let told = verified.findings(&"quay.io/openshift-release-dev/ocp-release".parse().unwrap());
            let foreign = verified.signatures()[0].reference().contains("rhel7");
            assert_eq!(told.len(), usize::from(foreign), "{told:?}");
        }
        assert_eq!(gpg.opinion(&real.bytes), Opinion::Good);
    }
    references.dedup();
    assert_eq!(
        references,
        [
            "quay.io/openshift-release-dev/ocp-release:4.15.49-x86_64",
            "registry.access.redhat.com/rhel7:7.6",
            "quay.io/openshift-release-dev/ocp-release:4.15.46-x86_64",
        ]
    );
}

#[test]
fn red_hats_signatures_do_not_fit_what_they_are_not_for() {
    if folder().is_none() {
        return;
    }
    let all = signatures();
    for (index, real) in all.iter().enumerate() {
        let other = all[(index + 1) % all.len()].digest;
        let file = std::slice::from_ref(&real.bytes);
        let why = |result| match result {
            Err(SignatureError::Unverified { reasons, .. }) => reasons.into_iter().next().unwrap().1,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            why(verify_release(other, file, &trusted(&[RELEASE]), now(), &LIMITS)),
            SignatureFault::OtherDigest { found: real.digest }
        );
        assert_eq!(
            why(verify_release(real.digest, file, &trusted(&[BETA, AUXILIARY]), now(), &LIMITS)),
            SignatureFault::UnknownKey { key: "199e2f91fd431d51".to_owned() }
        );
        let gpg = Gpg::knowing(&key(RELEASE));
        let mut bad = real.bytes.clone();
        *bad.last_mut().unwrap() ^= 1;
        let mut middle = real.bytes.clone();
        let at = middle.len() - 100;
        middle[at] ^= 1;
        for damaged in [bad, middle, real.bytes[..real.bytes.len() / 2].to_vec()] {
            let ours = verify_release(
                real.digest,
                std::slice::from_ref(&damaged),
                &trusted(&[RELEASE]),
                now(),
                &LIMITS,
            );
            assert_eq!(ours.is_ok(), gpg.opinion(&damaged) == Opinion::Good, "{ours:?}");
            assert!(ours.is_err());
        }
    }
}

#[test]
fn every_key_that_red_hat_publishes_is_read() {
    if folder().is_none() {
        return;
    }
    for (name, prints) in [
        (RELEASE, &["567e347ad0044ade55ba8a5f199e2f91fd431d51"][..]),
        (BETA, &["b08b659ee86af623bc90e8db938a80caf21541eb"]),
        (
            AUXILIARY,
            &["6a6aa7c97c8890aec6aebfe2f76f66c3d4082792", "c4fa6f880d3f363f37a52b9981c640f91b5584d3"],
        ),
    ] {
        let ring = KeyRing::parse(name, &key(name), &LIMITS).unwrap();
        assert_eq!(ring.fingerprints(), prints, "{name}");
    }
}
