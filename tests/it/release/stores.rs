//! Signature stores on loopback and in folders: what is asked, what is passed over, and what is said when nothing is found.

use std::path::{Path, PathBuf};

use ombundle::digest::Digest;
use ombundle::fault::{AnyFault, Exit};
use ombundle::fetch::signatures::{SignatureSearch, SignatureStore};
use ombundle::limits::LIMITS;
use ombundle::release::{ReleaseKeys, VerifiedRelease};

use super::signatures::now;
use crate::registry::world::{quick, watched};
use crate::support::peer::{Answer, Asked, Peer};

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/release").join(name)).unwrap()
}

fn release() -> Digest {
    Digest::of(b"a release image")
}

fn file(number: usize) -> String {
    format!("/signatures/sha256={}/signature-{number}", release().hex())
}

/// What a search says, and which warnings came with it.
fn search(stores: &[SignatureStore]) -> (Result<VerifiedRelease, AnyFault>, Vec<String>) {
    let key = fixture("snake-oil.asc");
    let keys = ReleaseKeys::any_of([("snake-oil.asc", &*key)], &LIMITS).unwrap();
    let (client, _) = watched(quick());
    let diary = crate::registry::world::Diary::default();
    let search =
        SignatureSearch { stores, keys: &keys, now: now(), client: &client, events: &diary, limits: &LIMITS };
    let found = search.find(release());
    (found, diary.0.into_inner().unwrap())
}

fn store(peer: &Peer) -> SignatureStore {
    format!("http://{}/signatures/", peer.host()).parse().unwrap()
}

fn serving(files: Vec<Vec<u8>>) -> impl Fn(&Asked) -> Answer + Send + Sync + 'static {
    move |asked| {
        let number = (1..=files.len()).find(|number| asked.path == file(*number));
        number.map_or_else(|| Answer::new(404), |number| Answer::new(200).body(files[number - 1].clone()))
    }
}

#[test]
fn numbers_are_asked_for_until_one_is_missing() {
    let peer = Peer::start(serving(vec![b"not this".to_vec(), fixture("signature-1")]));
    let (found, warnings) = search(&[store(&peer)]);
    assert_eq!(found.unwrap().signatures()[0].bytes(), fixture("signature-1"));
    assert_eq!(warnings, Vec::<String>::new());
    let paths: Vec<_> = peer.asked().iter().map(|asked| asked.path.clone()).collect();
    assert_eq!(paths, [file(1), file(2), file(3)]);
    assert_eq!(peer.credentials_seen(), Vec::<String>::new());
}

#[test]
fn no_more_than_nine_are_asked_for() {
    let peer = Peer::start(|_| Answer::new(200).body("not a signature"));
    let (found, _) = search(&[store(&peer)]);
    assert_eq!(peer.asked().len(), 9);
    assert_eq!(found.unwrap_err().exit(), Exit::Trust);
}

#[test]
fn stores_are_asked_in_order_until_one_satisfies() {
    let empty = Peer::start(serving(vec![]));
    let page =
        Peer::start(|_| Answer::new(200).with("Content-Type", "text/html; charset=utf-8").body("<html>"));
    let foreign = Peer::start(serving(vec![b"foreign".to_vec()]));
    let good = Peer::start(serving(vec![fixture("signature-1")]));
    let spare = Peer::start(serving(vec![fixture("signature-1")]));
    let stores = [&empty, &page, &foreign, &good, &spare].map(store);
    let (found, warnings) = search(&stores);
    assert_eq!(found.unwrap().signatures().len(), 1);
    assert_eq!(spare.asked().len(), 0);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains(&format!("signature store http://{}/signatures/ is passed over", page.host()))
    );
    assert!(warnings[0].contains("it sent a web page (text/html) and no document"), "{warnings:?}");
}

#[test]
fn what_hinders_looking_is_told_and_is_not_the_same_as_unsigned() {
    let empty = Peer::start(serving(vec![]));
    let (found, _) = search(&[store(&empty)]);
    let error = found.unwrap_err();
    assert_eq!(
        (error.to_string(), error.exit()),
        (format!("release {} has no signature", release()), Exit::Trust)
    );

    let endless = Peer::start(|_| Answer::new(200).body(vec![0x90; 60 << 10]));
    let (found, _) = search(&[store(&empty), store(&endless)]);
    let error = found.unwrap_err();
    assert_eq!(error.exit(), Exit::Registry);
    assert!(error.to_string().contains("51200"), "{error}");

    let (found, _) = search(&["http://192.0.2.1/signatures".parse().unwrap()]);
    assert_eq!(found.unwrap_err().exit(), Exit::Usage);

    let broken = Peer::start(|_| Answer::new(403));
    let (found, _) = search(&[store(&broken)]);
    assert_eq!(found.unwrap_err().exit(), Exit::Registry);
}

#[test]
fn a_folder_is_a_store_with_or_without_gaps() {
    let folder = tempfile::tempdir().unwrap();
    let place: PathBuf = folder.path().join(format!("sha256={}", release().hex()));
    std::fs::create_dir(&place).unwrap();
    let text = folder.path().to_str().unwrap();
    assert_eq!(search(&[text.parse().unwrap()]).0.unwrap_err().exit(), Exit::Trust);
    std::fs::write(place.join("signature-2"), fixture("signature-1")).unwrap();
    for text in [text.to_owned(), format!("file://{text}")] {
        assert_eq!(search(&[text.parse().unwrap()]).0.unwrap().signatures().len(), 1);
    }
    std::fs::write(place.join("signature-1"), vec![0; 60 << 10]).unwrap();
    let error = search(&[text.parse().unwrap()]).0.unwrap_err();
    assert!(error.to_string().contains("is larger than 51200 bytes"), "{error}");
}
