//! The right to write, sizes, and whether both registries are two.

use super::clinic::Clinic;
use crate::import::stand::{kept, listing};
use crate::support::peer::{Answer, Peer, forward};
use crate::support::registry::{DockerRegistry, Options};
use crate::support::token::TokenServer;

#[test]
fn repositories_that_take_no_upload_are_all_named() {
    let tokens = TokenServer::start();
    let (staging, production) = (
        DockerRegistry::start_with(&Options::tokens_of(&tokens)),
        DockerRegistry::start_with(&Options::tokens_of(&tokens)),
    );
    let (one, other) = (staging.host().to_string(), production.host().to_string());
    let clinic = Clinic::new(&one, &other).login(&[&one, &other]);
    let seen = clinic.ask("");
    assert_eq!(seen.code, 0, "{seen:?}");
    let (_, told) = seen.answer("production", "authentication");
    assert!(told.starts_with("tokens, as user `alice`"), "{told}");
    assert_eq!(seen.answer("production", "token"), ("ok", "good for 300 s"));
    tokens.manner.lock().unwrap().pull_only = Some("o".to_owned());
    let seen = clinic.ask("");
    assert_eq!(seen.code, 10);
    let subjects: Vec<&str> =
        seen.findings("NOT_WRITABLE").iter().map(|finding| finding["subject"].as_str().unwrap()).collect();
    let named = |host: &str, names: &[&str]| -> Vec<String> {
        names.iter().map(|name| format!("{host}/{name}")).collect()
    };
    // Below a prefix with a catalog that is asked; below another one a name of our own.
    let expected = [
        named(&one, &["olm-redhat/redhat/index", "other/ombundle-doctor"]),
        named(&other, &["olm-redhat/redhat/index", "ombundle/state", "other/ombundle-doctor"]),
    ];
    assert_eq!(subjects, expected.concat());
    let hint = seen.findings("NOT_WRITABLE")[0]["hint"].as_str().unwrap();
    assert!(hint.contains("give this account the right to push to `olm-redhat/redhat/index`"), "{hint}");
    assert_eq!(seen.answer("staging", "body-size"), ("unasked", "not asked because of `write`"));
    assert_eq!(seen.answer("production", "separate"), ("unasked", "not asked because of `write`"));
    // One right that is missing does not hide the others.
    tokens.manner.lock().unwrap().pull_only = Some("ombundle/".to_owned());
    let seen = clinic.ask("");
    assert_eq!((seen.code, seen.findings("NOT_WRITABLE").len()), (10, 1));
    assert_eq!(seen.verdict("production", "body-size"), "ok");
}

#[test]
fn tokens_that_live_too_short_are_told() {
    let tokens = TokenServer::start();
    tokens.manner.lock().unwrap().expires_in = Some(30);
    let staging = DockerRegistry::start_with(&Options::tokens_of(&tokens));
    let host = staging.host().to_string();
    let seen = Clinic::new(&host, "127.0.0.1:1").login(&[&host]).ask("--only staging");
    assert_eq!(seen.answer("staging", "token"), ("warning", "good for 30 s"));
    assert_eq!((seen.code, seen.finding("SHORT_TOKEN").0), (0, "warning"));
}

#[test]
fn a_registry_that_only_reads_is_told() {
    let other = DockerRegistry::start();
    let options = Options { frozen: Some(other.storage().to_owned()), ..Options::default() };
    let frozen = DockerRegistry::start_with(&options);
    let seen = Clinic::new(other.host().as_str(), frozen.host().as_str()).ask("");
    assert_eq!(seen.verdict("staging", "write"), "ok");
    assert_eq!(seen.answer("production", "write"), ("error", "0 of 3 take uploads"));
    assert_eq!(seen.findings("NOT_WRITABLE").len(), 3);
}

#[test]
fn two_ports_of_one_registry_are_found_out() {
    let real = DockerRegistry::start();
    let door = || {
        let host = real.host().to_string();
        Peer::start(move |asked| forward(asked, &host))
    };
    let (one, other) = (door(), door());
    let seen = Clinic::new(&one.host(), &other.host()).ask("");
    assert_eq!(seen.code, 10);
    assert!(seen.finding("ONE_REGISTRY").1.contains("what is staged is in production at once"));
    assert_eq!(seen.codes(), ["ONE_REGISTRY"]);
    // What was begun to find it out is given up.
    let log = real.log();
    assert_eq!(log.matches("\"POST /v2/").count(), log.matches("\"DELETE /v2/").count());
    let same = Clinic::new(&one.host(), &one.host());
    assert_eq!(same.ask("").code, 10);
}

#[test]
fn a_limit_before_the_registry_shows_without_a_byte_being_sent() {
    let real = DockerRegistry::start();
    let limited = |limit: u64| {
        let host = real.host().to_string();
        // As nginx does: the head of the request is enough.
        let early = move |asked: &crate::support::peer::Asked| {
            let length: u64 = asked.header("content-length")?.parse().ok()?;
            (length > limit).then(|| {
                Answer::new(413).body("<html><head><title>413 Request Entity Too Large</title></head></html>")
            })
        };
        Peer::start_early(early, move |asked| forward(asked, &host))
    };
    let (small, large) = (limited(1 << 20), limited(2 << 30));
    let seen = Clinic::new(&small.host(), &large.host()).ask("");
    assert_eq!(seen.code, 10);
    assert_eq!(seen.verdict("staging", "body-size"), "error");
    assert!(seen.finding("BODY_SIZE").2.contains("client_max_body_size 0"));
    assert_eq!(seen.answer("production", "body-size"), ("ok", "1.1 GB are not refused"));
    let sent: usize =
        [&small, &large].iter().flat_map(|peer| peer.asked()).map(|asked| asked.body.len()).sum();
    assert_eq!(sent, 0);
}

#[test]
fn a_registry_that_does_not_let_go_of_uploads_is_told() {
    let real = DockerRegistry::start();
    let host = real.host().to_string();
    let keeps = Peer::start(
        move |asked| if asked.method == "DELETE" { Answer::new(405) } else { forward(asked, &host) },
    );
    let seen = Clinic::new(&keeps.host(), "127.0.0.1:1").ask("--only staging");
    assert_eq!((seen.code, seen.verdict("staging", "write")), (0, "info"));
    assert!(seen.finding("UPLOAD_LEFT").1.starts_with("2 uploads given up"));
}

#[test]
fn the_write_test_takes_away_what_it_wrote() {
    let (staging, production) = (DockerRegistry::start(), DockerRegistry::start());
    let clinic = Clinic::new(staging.host().as_str(), production.host().as_str());
    let seen = clinic.ask("--write-test");
    assert_eq!(seen.code, 0, "{seen:?}");
    assert_eq!(seen.answer("production", "redeploy"), ("ok", "a tag was moved"));
    // docker-registry wants every image of an index, and plans for what is not known carry them all.
    assert_eq!(
        seen.answer("production", "sparse-index"),
        ("ok", "refused; plans for this profile carry whole indexes")
    );
    assert_eq!(seen.findings("WRITE_TEST_LEFT").len(), 0);
    for registry in [&staging, &production] {
        let files = kept(&listing(registry.storage()));
        let links: Vec<_> =
            files.keys().filter(|path| path.to_str().unwrap().contains("/_manifests/")).collect();
        assert!(links.is_empty(), "{links:?}");
        assert!(registry.log().contains("PUT /v2/olm-redhat/ombundle-doctor/manifests/ombundle-doctor"));
    }
    // Again, as if nothing had been; now as a kind of registry for which plans leave images out.
    let seen = clinic.edit("state: ./state", "state: ./state\n  profile: zot").ask("--write-test");
    assert_eq!((seen.code, seen.codes()), (10, vec!["SPARSE_INDEX"; 2]));
}

#[test]
fn what_cannot_be_taken_away_is_told() {
    let staging = DockerRegistry::start_with(&Options { no_delete: true, ..Options::default() });
    let seen = Clinic::new(staging.host().as_str(), "127.0.0.1:1").ask("--only staging --write-test");
    assert_eq!(seen.code, 0);
    let (severity, message, hint) = seen.finding("WRITE_TEST_LEFT");
    assert_eq!(severity, "warning");
    assert!(message.contains("what was written for the test stays") && hint.contains("by hand"), "{message}");
}
