//! Signatures made by gpg: what is taken, what is refused and why, and whether gpg agrees.

use ombundle::archive::Moment;
use ombundle::digest::Digest;
use ombundle::limits::LIMITS;
use ombundle::release::{ReleaseKeys, ReleaseSignature, SignatureError, VerifiedRelease, verify_release};

use crate::support::gpg::{Gpg, Opinion};

/// When everything is signed, unless a test says otherwise.
const THEN: &str = "20260201T120000";

pub(super) fn now() -> Moment {
    "2026-03-01T00:00:00Z".parse().unwrap()
}

fn wanted() -> Digest {
    Digest::of(b"a release image")
}

fn statement(digest: Digest) -> String {
    format!(
        r#"{{"critical": {{"image": {{"docker-manifest-digest": "{digest}"}}, "type": "atomic container signature", "identity": {{"docker-reference": "quay.io/openshift-release-dev/ocp-release:4.20.5-x86_64"}}}}, "optional": {{"creator": "a test"}}}}"#
    )
}

fn keys(files: &[&[u8]]) -> ReleaseKeys {
    ReleaseKeys::any_of(files.iter().map(|file| ("signer.asc", *file)), &LIMITS).unwrap()
}

fn judged(signature: &[u8], key: &[u8]) -> Result<VerifiedRelease, SignatureError> {
    verify_release(wanted(), &[signature.to_vec()], &keys(&[key]), now(), &LIMITS)
}

/// What is wrong with the one signature, as a person reads it.
fn fault(result: Result<VerifiedRelease, SignatureError>) -> String {
    match result {
        Err(SignatureError::Unverified { reasons, .. }) => {
            assert_eq!(reasons.len(), 1, "{reasons:?}");
            reasons[0].1.to_string()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_gpg_calls_good_is_taken_by_every_kind_of_key() {
    let gpg = Gpg::new();
    let content = statement(wanted());
    for algorithm in ["rsa2048", "rsa4096", "ed25519", "nistp256", "nistp384", "nistp521", "subkey"] {
        let key = match algorithm {
            "subkey" => gpg.key_with_subkey("20250101T000000"),
            algorithm => gpg.key(algorithm, "20250101T000000", "never"),
        };
        for options in [
            &[][..],
            &["--compress-algo", "none"],
            &["--compress-algo", "zlib"],
            &["--digest-algo", "SHA512"],
            &["--default-sig-expire", "1y", "--cipher-algo", "AES"],
        ] {
            let signature = gpg.sign(&key, THEN, options, content.as_bytes());
            assert_eq!(gpg.opinion(&signature), Opinion::Good, "{algorithm} {options:?}");
            let verified = judged(&signature, &gpg.export(&key));
            let verified = verified.unwrap_or_else(|error| panic!("{algorithm} {options:?}: {error}"));
            assert_eq!(verified.digest(), wanted());
            let [good] = verified.signatures() else { panic!("{verified:?}") };
            assert_eq!((good.bytes(), good.made()), (&*signature, "2026-02-01T12:00:00Z".parse().unwrap()));
            assert_eq!(good.reference(), "quay.io/openshift-release-dev/ocp-release:4.20.5-x86_64");
            if algorithm != "subkey" {
                assert_eq!(good.key(), key.to_lowercase());
            }
        }
    }
}

/// Each case is refused with its own words; and gpg's opinion of the same file is written beside it, so that it shows where
/// the rules here are stricter.
#[test]
#[expect(clippy::too_many_lines, reason = "one table, read from top to bottom")]
fn each_wrong_signature_is_refused_with_its_own_words() {
    let gpg = Gpg::new();
    let key = gpg.key("ed25519", "20250101T000000", "never");
    let content = statement(wanted());
    let sign = |options: &[&str]| gpg.sign(&key, THEN, options, content.as_bytes());
    let signed = |content: &str| gpg.sign(&key, THEN, &[], content.as_bytes());
    let plain = sign(&["--compress-algo", "none"]);
    let flipped = |at: usize| {
        let mut bytes = plain.clone();
        bytes[at] ^= 1;
        bytes
    };
    let find = |what: &[u8]| plain.windows(what.len()).position(|window| window == what).unwrap();
    let edited = find(b"4.20.5") + 5;
    let twice = {
        let other = gpg.key("nistp256", "20250101T000000", "never");
        gpg.sign(&key, THEN, &["--local-user", &other], content.as_bytes())
    };
    let bad = format!(
        "the signature of key {} does not fit: the content or the signature was changed",
        key.to_lowercase()
    );
    let other = Digest::of(b"another release image");
    let for_other = format!("what was signed is {other}");
    let cases: Vec<(&str, Vec<u8>, Opinion, &str)> = vec![
        ("flipped inside the signature", flipped(plain.len() - 1), Opinion::Bad, &bad),
        ("edited body", flipped(edited), Opinion::Bad, &bad),
        ("flipped inside the date", flipped(find(&[0x05, 0x02]) + 3), Opinion::Bad, &bad),
        ("edited digest", flipped(find(b"sha256:") + 8), Opinion::Bad, &bad),
        ("another digest", signed(&statement(other)), Opinion::Good, &for_other),
        (
            "wrong type",
            signed(&content.replace("atomic container", "atomic")),
            Opinion::Good,
            "what was signed is of type `atomic signature`",
        ),
        (
            "unknown field",
            signed(&content.replace(r#""creator""#, r#""author""#)),
            Opinion::Good,
            "what was signed is not the statement of an image: unknown field `author`, expected `creator` or `timestamp` at line 1 column 279",
        ),
        (
            "no reference",
            signed(&content.replace("quay.io/openshift-release-dev/ocp-release:4.20.5-x86_64", "")),
            Opinion::Good,
            "what was signed is not the statement of an image: `docker-reference` is empty",
        ),
        (
            "detached",
            sign(&["--detach-sign"]),
            Opinion::None,
            "it is a detached signature: the signed content is not in it",
        ),
        (
            "not signed",
            gpg.sign(&key, THEN, &["--store"], content.as_bytes()),
            Opinion::None,
            "nobody signed its content",
        ),
        ("armored", sign(&["--armor"]), Opinion::Good, "it is armored text, not a binary OpenPGP message"),
        (
            "clear text",
            sign(&["--clearsign"]),
            Opinion::Good,
            "it is armored text, not a binary OpenPGP message",
        ),
        (
            "the JSON alone",
            content.clone().into_bytes(),
            Opinion::None,
            "it is JSON, not a binary OpenPGP message",
        ),
        (
            "an error page",
            b"<!DOCTYPE html><title>404</title>".to_vec(),
            Opinion::None,
            "it is a web page, not a binary OpenPGP message",
        ),
        ("empty", Vec::new(), Opinion::None, "it is empty"),
        (
            "weak hash",
            sign(&["--digest-algo", "SHA1", "--weak-digest", "MD5"]),
            Opinion::Good,
            "it uses SHA1, which is too weak",
        ),
        ("text", sign(&["--textmode"]), Opinion::Good, "it is not a signature over binary content"),
        ("two signatures", twice, Opinion::Good, "it is not one signature over one content"),
        (
            "something behind it",
            [plain.clone(), plain.clone()].concat(),
            Opinion::Bad,
            "it is not one signature over one content",
        ),
        (
            "cut inside the signature",
            plain[..plain.len() - 7].to_vec(),
            Opinion::None,
            "it is a damaged OpenPGP message: a packet in it is cut or cannot be read",
        ),
        (
            "cut before the signature",
            plain[..find(b"\"a test\"}}") + 10].to_vec(),
            Opinion::None,
            "it is a damaged OpenPGP message: it ends before its signature",
        ),
        (
            "packed in a way that is not read",
            sign(&["--compress-algo", "bzip2"]),
            Opinion::Good,
            "it is a damaged OpenPGP message: it is compressed in a way that is not read here",
        ),
        (
            "expired signature",
            gpg.sign(&key, "20260101T000000", &["--default-sig-expire", "30d"], content.as_bytes()),
            Opinion::Stale,
            "it expired on 2026-01-31T00:00:00Z",
        ),
        (
            "from the future",
            gpg.sign(&key, "20260303T000000", &[], content.as_bytes()),
            Opinion::Good,
            "it was made on 2026-03-03T00:00:00Z, which is in the future",
        ),
    ];
    let export = gpg.export(&key);
    judged(&plain, &export).unwrap();
    let knowing = Gpg::knowing(&export);
    for (name, file, opinion, expected) in cases {
        // gpg must know all the keys of `two signatures` to call them good; everything else it needs is one.
        let asked = if name == "two signatures" { &gpg } else { &knowing };
        assert_eq!(asked.opinion(&file), opinion, "{name}");
        assert_eq!(fault(judged(&file, &export)), expected, "{name}");
    }
}

#[test]
fn a_packed_message_unpacks_to_no_more_than_a_signature_has() {
    let gpg = Gpg::new();
    let key = gpg.key("ed25519", "20250101T000000", "never");
    let bomb = gpg.sign(&key, THEN, &["-z", "9"], &vec![b' '; 8 << 20]);
    assert!(bomb.len() < 20_000, "{}", bomb.len());
    let words = fault(judged(&bomb, &gpg.export(&key)));
    assert_eq!(words, "it unpacks to more than 51200 bytes");
    let large = vec![0x90; 60 << 10];
    assert_eq!(fault(judged(&large, &gpg.export(&key))), "it has more than 51200 bytes");
}

#[test]
fn a_key_that_must_not_sign_is_told_with_the_reason() {
    let gpg = Gpg::new();
    let content = statement(wanted());
    let sign = |key: &str, when: &str| gpg.sign(key, when, &[], content.as_bytes());
    let print = |key: &str| key.to_lowercase();

    let expired = gpg.key("ed25519", "20250101T000000", "20260215T000000");
    let while_valid = sign(&expired, THEN);
    let words = format!("key {} expired on 2026-02-15T00:00:00Z", print(&expired));
    // gpg says `good, by an expired key`; who holds such a key can date a signature back.
    assert_eq!(gpg.opinion(&while_valid), Opinion::Stale);
    assert_eq!(fault(judged(&while_valid, &gpg.export(&expired))), words);

    let revoked = gpg.key("ed25519", "20250102T000000", "never");
    let before = sign(&revoked, THEN);
    judged(&before, &gpg.export(&revoked)).unwrap();
    gpg.revoke(&revoked);
    assert_eq!(gpg.opinion(&before), Opinion::Stale);
    assert_eq!(
        fault(judged(&before, &gpg.export(&revoked))),
        format!("key {} was revoked by its owner", print(&revoked))
    );

    let (foreign, ours) =
        (gpg.key("ed25519", "20250103T000000", "never"), gpg.key("ed25519", "20250104T000000", "never"));
    let signature = sign(&foreign, THEN);
    assert_eq!(Gpg::knowing(&gpg.export(&ours)).opinion(&signature), Opinion::None);
    let words = format!("it is by key {}, which is not trusted", print(&foreign));
    assert_eq!(fault(judged(&signature, &gpg.export(&ours))), words);

    let weak = gpg.key("rsa1024", "20250105T000000", "never");
    let words = fault(judged(&sign(&weak, THEN), &gpg.export(&weak)));
    assert_eq!(words, format!("key {} is of an algorithm that is too weak or not known", print(&weak)));
}

#[test]
fn a_prolonged_key_is_good_again() {
    let gpg = Gpg::new();
    let key = gpg.key("ed25519", "20250101T000000", "20260215T000000");
    let signature = gpg.sign(&key, THEN, &[], statement(wanted()).as_bytes());
    let short = gpg.export(&key);
    gpg.prolong(&key, "20260210T000000", "20270101T000000");
    let long = gpg.export(&key);
    judged(&signature, &long).unwrap();
    let both = |one: &[u8], other: &[u8]| {
        verify_release(wanted(), std::slice::from_ref(&signature), &keys(&[one, other]), now(), &LIMITS)
    };
    both(&short, &long).unwrap();
    gpg.revoke(&key);
    let revoked = gpg.export(&key);
    for result in [both(&long, &revoked), both(&revoked, &long)] {
        assert!(fault(result).ends_with("was revoked by its owner"));
    }
    assert!(fault(judged(&signature, &short)).contains("expired on 2026-02-15"));
}

#[test]
fn one_good_signature_is_enough_and_bad_ones_are_told_of_and_left_behind() {
    let gpg = Gpg::new();
    let (ours, other) =
        (gpg.key("ed25519", "20250101T000000", "never"), gpg.key("nistp256", "20250101T000000", "never"));
    let good = gpg.sign(&ours, THEN, &[], statement(wanted()).as_bytes());
    let foreign = gpg.sign(&other, THEN, &[], statement(wanted()).as_bytes());
    let files = [foreign, good.clone(), b"<html>".to_vec()];
    let verified = verify_release(wanted(), &files, &keys(&[&gpg.export(&ours)]), now(), &LIMITS).unwrap();
    assert_eq!(verified.signatures().iter().map(ReleaseSignature::bytes).collect::<Vec<_>>(), [&*good]);
    let told = verified.findings(&"quay.io/openshift-release-dev/ocp-release".parse().unwrap());
    let told: Vec<_> = told.iter().map(|found| (found.code.as_str(), found.message.as_str())).collect();
    assert_eq!(
        told,
        [
            (
                "RELEASE_SIGNATURE_PASSED_OVER",
                format!(
                    "signature-1 was passed over: it is by key {}, which is not trusted",
                    other.to_lowercase()
                )
                .as_str()
            ),
            (
                "RELEASE_SIGNATURE_PASSED_OVER",
                "signature-3 was passed over: it is a web page, not a binary OpenPGP message"
            ),
        ]
    );
    let told = verified.findings(&"registry.ci.openshift.org/ocp/release".parse().unwrap());
    let last = told.last().unwrap();
    assert_eq!(
        (last.code.as_str(), last.message.as_str()),
        (
            "RELEASE_SIGNED_UNDER_OTHER_NAME",
            "it was signed as quay.io/openshift-release-dev/ocp-release:4.20.5-x86_64, not as an image of registry.ci.openshift.org/ocp/release"
        )
    );
    assert!(matches!(
        verify_release(wanted(), &[], &keys(&[&gpg.export(&ours)]), now(), &LIMITS),
        Err(SignatureError::Unsigned { release }) if release == wanted()
    ));
}

/// Every bit of a message, one by one: what is still taken says and signs the same, and gpg still calls it good.
#[test]
fn no_flipped_bit_changes_what_is_believed() {
    let gpg = Gpg::new();
    let key = gpg.key("ed25519", "20250101T000000", "never");
    let plain = gpg.sign(&key, THEN, &["--compress-algo", "none"], statement(wanted()).as_bytes());
    let ring = keys(&[&gpg.export(&key)]);
    let (mut taken, mut refused, mut lax) = (0, 0, Vec::new());
    for at in 0..plain.len() * 8 {
        let mut file = plain.clone();
        file[at / 8] ^= 1 << (at % 8);
        match verify_release(wanted(), std::slice::from_ref(&file), &ring, now(), &LIMITS) {
            Ok(verified) => {
                taken += 1;
                if gpg.opinion(&file) != Opinion::Good {
                    lax.push(at);
                }
                assert_eq!(
                    verified.signatures()[0].reference(),
                    "quay.io/openshift-release-dev/ocp-release:4.20.5-x86_64"
                );
            }
            Err(_) => {
                refused += 1;
                // Every bit under the signature is refused by gpg too.
                if at % 97 == 0 && plain.len() * 8 - at < 2600 {
                    assert_ne!(gpg.opinion(&file), Opinion::Good, "bit {at}");
                }
            }
        }
    }
    assert_eq!(lax, [0; 0], "gpg refuses what was taken");
    // What is taken is a bit of the one-pass packet or of the file name and date that nobody signs.
    assert!(taken < 300 && refused > 2_000, "{taken} of {}", taken + refused);
}
