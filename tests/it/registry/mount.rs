//! One upload for several repositories of a registry: the others have the blob mounted.

use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};

use ombundle::digest::Digest;
use ombundle::reference::RepositoryRef;
use ombundle::registry::{Client, ClientOptions, Known, Pushed, RegistryError};
use ombundle::site::ProfileName;

use super::world::{client, content, descriptor, pull, push, quick};
use crate::support::peer::{Answer, Peer};
use crate::support::registry::{DockerRegistry, Options, PASSWORD, USER, auth_file};
use crate::support::token::TokenServer;

/// Pushes to `b/second` what `a/first` has, and counts how often the content was asked for.
fn push_beside(client: &Client, host: &str, bytes: &[u8]) -> (Result<Pushed, RegistryError>, usize) {
    let to: RepositoryRef = format!("{host}/b/second").parse().unwrap();
    let opened = AtomicUsize::new(0);
    let mut open = || {
        opened.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(bytes) as Box<dyn Read>)
    };
    let first = "a/first".parse().unwrap();
    let known = Known::Beside(&first);
    let outcome = client.push_blob(&to, Digest::of(bytes), bytes.len() as u64, known, &mut open, &|_| {});
    (outcome, opened.load(Ordering::SeqCst))
}

#[test]
fn what_another_repository_has_is_not_sent_again() {
    let server = TokenServer::start();
    let folder = tempfile::tempdir().unwrap();
    let open = DockerRegistry::start();
    let basic = DockerRegistry::start_with(&Options { htpasswd: true, ..Options::default() });
    let bearer = DockerRegistry::start_with(&Options::tokens_of(&server));
    let bytes = content(1_000_000, 1);
    for registry in [&open, &basic, &bearer] {
        let authfile = auth_file(folder.path(), &[(registry.host().as_str(), USER, PASSWORD)]);
        let client = client(ClientOptions { authfile: Some(authfile), ..quick() });
        let host = registry.host().to_string();
        // Nowhere yet: the registry opens an ordinary upload.
        let other = content(1000, 2);
        assert!(matches!(push_beside(&client, &host, &other), (Ok(Pushed::Uploaded), 1)));
        push(&client, &registry.repository("a/first"), &bytes).unwrap();
        assert!(matches!(push_beside(&client, &host, &bytes), (Ok(Pushed::Mounted), 0)));
        assert!(matches!(push_beside(&client, &host, &bytes), (Ok(Pushed::AlreadyThere), 0)));
        assert_eq!(pull(&client, &registry.repository("b/second"), &descriptor(&bytes)).unwrap(), bytes);
    }
}

#[test]
fn where_mounts_are_unreliable_none_is_asked_for() {
    let registry = DockerRegistry::start();
    for (seed, profile) in [ProfileName::Nexus, ProfileName::Artifactory].into_iter().enumerate() {
        let client = client(ClientOptions { profile, ..quick() });
        let bytes = content(1000, seed as u64);
        push(&client, &registry.repository("a/first"), &bytes).unwrap();
        let outcome = push_beside(&client, registry.host().as_str(), &bytes);
        assert!(matches!(outcome, (Ok(Pushed::Uploaded), 1)), "{outcome:?}");
    }
}

/// A registry that answers a mount with `answer`.
fn mounting(answer: Answer) -> Peer {
    Peer::start(move |asked| match asked.method.as_str() {
        "POST" if asked.path.contains("mount=") => answer.clone(),
        "POST" => Answer::new(202).with("Location", "/plain"),
        "HEAD" => Answer::new(404),
        "PUT" => Answer::new(201),
        _ => Answer::new(200),
    })
}

fn options(peer: &Peer) -> ClientOptions {
    let plain_http = vec![peer.host().parse().unwrap()];
    ClientOptions { plain_http, profile: ProfileName::Distribution, ..quick() }
}

#[test]
fn a_registry_that_will_not_mount_gets_an_upload() {
    let bytes = content(1000, 1);
    let mut refusals: Vec<Answer> = [400, 401, 403, 404, 405, 500].into_iter().map(Answer::new).collect();
    refusals.push(Answer::nothing());
    for refusal in refusals {
        let peer = mounting(refusal.clone());
        let (outcome, opened) = push_beside(&client(options(&peer)), &peer.host(), &bytes);
        assert_eq!((outcome.unwrap(), opened), (Pushed::Uploaded, 1), "{refusal:?}");
        assert_eq!((peer.count("POST", "from=a%2Ffirst"), peer.count("PUT", "/plain")), (1, 1));
    }
    // The session that it opens instead is used.
    let peer = mounting(Answer::new(202).with("Location", "/instead"));
    let (outcome, opened) = push_beside(&client(options(&peer)), &peer.host(), &bytes);
    assert_eq!((outcome.unwrap(), opened), (Pushed::Uploaded, 1));
    assert_eq!((peer.count("POST", "/"), peer.count("PUT", "/instead")), (1, 1));
}

#[test]
fn a_mount_of_something_else_is_refused() {
    let other = Digest::of(b"something else").to_string();
    let peer = mounting(Answer::new(201).with("Docker-Content-Digest", other));
    let (outcome, opened) = push_beside(&client(options(&peer)), &peer.host(), &content(1000, 1));
    assert!(matches!(outcome, Err(RegistryError::WrongContent { .. })), "{outcome:?}");
    assert_eq!(opened, 0);
}

#[test]
fn what_goes_wrong_after_a_mount_was_declined_is_tried_again_without_one() {
    let puts = AtomicUsize::new(0);
    let peer = Peer::start(move |asked| match asked.method.as_str() {
        "POST" => Answer::new(202).with("Location", "/u"),
        "HEAD" => Answer::new(404),
        "PUT" if puts.fetch_add(1, Ordering::SeqCst) == 0 => Answer::new(503),
        "PUT" => Answer::new(201),
        _ => Answer::new(200),
    });
    let (outcome, opened) = push_beside(&client(options(&peer)), &peer.host(), &content(1000, 1));
    assert_eq!((outcome.unwrap(), opened), (Pushed::Uploaded, 2));
    assert_eq!((peer.count("POST", "/"), peer.count("POST", "mount=")), (2, 1));
}
