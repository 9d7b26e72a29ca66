//! The verification cases of library-go, and what its rule about several key rings means here.

use std::path::PathBuf;

use ombundle::archive::Moment;
use ombundle::digest::Digest;
use ombundle::limits::LIMITS;
use ombundle::release::{ReleaseKeys, SignatureError, VerificationConfig, VerifiedRelease, verify_release};

use super::signatures::now;
use crate::support::shared;

const RED_HAT: &str = "e3f12513a4b22a2d7c0e7c9207f52128113758d9d68c7d06b11a0ac7672966f7";
const SIMPLE: &str = "edd9824f0404f1a139688017e7001370e2f3fbc088b94da84506653b473fe140";

fn folder() -> Option<PathBuf> {
    shared::data().map(|data| data.join("release/library-go-verify/testdata"))
}

fn text(path: &str) -> String {
    std::fs::read_to_string(folder().unwrap().join(path)).unwrap()
}

/// While the key that signed `SIMPLE` was valid: it expired in 2021.
fn is_good(hex: &str, keys: &ReleaseKeys) -> bool {
    judged(hex, keys, "2020-01-01T00:00:00Z".parse().unwrap()).is_ok()
}

fn judged(hex: &str, keys: &ReleaseKeys, now: Moment) -> Result<VerifiedRelease, SignatureError> {
    let digest = Digest::from_hex(hex).unwrap();
    let file = std::fs::read(folder().unwrap().join(format!("signatures/sha256={hex}/signature-1"))).unwrap();
    verify_release(digest, &[file], keys, now, &LIMITS)
}

/// A ConfigMap with these key rings.
fn config(rings: &[&str]) -> ReleaseKeys {
    let mut yaml = "kind: ConfigMap\nmetadata:\n  annotations: {release.openshift.io/verification-config-map: ''}\ndata:\n".to_owned();
    for (index, ring) in rings.iter().enumerate() {
        yaml += &format!("  verifier-public-key-{index}: |\n");
        yaml.extend(ring.lines().map(|line| format!("    {line}\n")));
    }
    VerificationConfig::parse(&yaml, &LIMITS).unwrap().keys
}

#[test]
fn the_rings_of_library_go_judge_as_there() {
    if folder().is_none() {
        return;
    }
    let [red_hat, simple, combined] =
        ["redhat", "simple", "combined"].map(|name| text(&format!("keyrings/{name}.txt")));
    for (rings, of_red_hat, of_simple) in [
        (vec![&*red_hat], true, false),
        (vec![&*simple], false, true),
        (vec![&*combined], true, true),
        // Each ring must be satisfied.
        (vec![&*red_hat, &*simple], false, false),
        (vec![&*red_hat, &*combined], true, false),
        (vec![&*simple, &*combined], false, true),
    ] {
        let keys = config(&rings);
        assert_eq!((is_good(RED_HAT, &keys), is_good(SIMPLE, &keys)), (of_red_hat, of_simple));
    }
    // Files that a person names are one ring: a vendor publishes it in pieces.
    let files = [("redhat", red_hat.as_bytes()), ("simple", simple.as_bytes())];
    let keys = ReleaseKeys::any_of(files, &LIMITS).unwrap();
    assert!(is_good(RED_HAT, &keys) && is_good(SIMPLE, &keys));
    // library-go takes what an expired key signed while it was valid; who has the key can date a signature back.
    match judged(SIMPLE, &keys, now()) {
        Err(SignatureError::Unverified { reasons, .. }) => assert_eq!(
            reasons[0].1.to_string(),
            "key d04761b116203b0c0859b61628b76e05b923888e expired on 2021-04-21T04:31:39Z"
        ),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_config_maps_of_library_go_are_read_as_there() {
    if folder().is_none() {
        return;
    }
    for name in ["loads-valid", "only-first-used"] {
        let read = VerificationConfig::parse(&text(&format!("manifests/{name}.yaml")), &LIMITS).unwrap();
        assert_eq!(read.stores, ["file://../verify/testdata/signatures"]);
        assert_eq!(read.keys.rings().len(), 1, "{name}");
        assert_eq!(read.keys.rings()[0].fingerprints(), ["567e347ad0044ade55ba8a5f199e2f91fd431d51"]);
        assert!(is_good(RED_HAT, &read.keys));
    }
    for (name, why) in [
        ("requires-data", "it has no `verifier-public-key-…`"),
        ("requires-verifiers", "it has no `verifier-public-key-…`"),
    ] {
        match VerificationConfig::parse(&text(&format!("manifests/{name}.yaml")), &LIMITS) {
            Err(SignatureError::Config { why: found }) => assert_eq!(found, why, "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}
