//! Registries that fail, lie, stall and lose things.

use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ombundle::digest::Digest;
use ombundle::fault::{Exit, Fault};
use ombundle::reference::RepositoryRef;
use ombundle::registry::{Client, ClientOptions, Known, Pushed, RegistryError, Target};
use ombundle::site::ProfileName;

use super::world::{Image, client, content, descriptor, pull, push, quick, watched};
use crate::support::peer::{Answer, Asked, Peer, forward};
use crate::support::registry::DockerRegistry;

fn plain(peer: &Peer) -> ClientOptions {
    ClientOptions {
        plain_http: vec![peer.host().parse().unwrap()],
        profile: ProfileName::Distribution,
        ..quick()
    }
}

fn repository(peer: &Peer) -> RepositoryRef {
    format!("{}/a", peer.host()).parse().unwrap()
}

/// A server that answers its first requests badly, then well.
fn after_trouble(trouble: Vec<Answer>, good: Answer) -> Peer {
    let count = AtomicUsize::new(0);
    Peer::start(move |_| {
        let at = count.fetch_add(1, Ordering::SeqCst);
        trouble.get(at).cloned().unwrap_or_else(|| good.clone())
    })
}

#[test]
fn what_passes_is_tried_again() {
    let bytes = content(1000, 1);
    for trouble in [
        vec![Answer::new(500), Answer::new(502), Answer::new(503), Answer::new(504)],
        vec![Answer::new(429).with("Retry-After", "0"), Answer::new(408)],
        vec![Answer::new(429).with("Retry-After", "99999999")],
        vec![Answer::new(503).with("Retry-After", "Thu, 01 Jan 2099 00:00:00 GMT")],
        vec![Answer::new(503).with("Retry-After", "garbage")],
        vec![Answer::nothing(), Answer::nothing()],
    ] {
        let tries = trouble.len();
        let peer = after_trouble(trouble, Answer::new(200).body(bytes.clone()));
        let (client, diary) = watched(plain(&peer));
        let started = Instant::now();
        assert_eq!(pull(&client, &repository(&peer), &descriptor(&bytes)).unwrap(), bytes);
        assert_eq!(peer.asked().len(), tries + 1);
        assert!(started.elapsed() < Duration::from_secs(3), "waits are capped");
        let told = diary.0.lock().unwrap();
        assert_eq!(told.len(), tries, "{told:?}");
        assert!(told[0].contains("Retrying") && told[0].contains("attempt: 2"), "{}", told[0]);
    }
}

#[test]
fn trying_again_ends() {
    let peer = Peer::start(|_| Answer::new(503).body("down for today"));
    let client = client(ClientOptions { retries: 3, ..plain(&peer) });
    let error = pull(&client, &repository(&peer), &descriptor(&content(10, 1))).unwrap_err();
    assert_eq!(peer.asked().len(), 4);
    assert!(error.to_string().ends_with("status 503: down for today"), "{error}");
    assert_eq!(error.exit(), Exit::Registry);
}

#[test]
fn what_does_not_pass_is_not_tried_again() {
    for status in [400, 403, 404, 405, 418, 501] {
        let peer = Peer::start(move |_| Answer::new(status));
        let client = client(plain(&peer));
        assert!(pull(&client, &repository(&peer), &descriptor(&content(10, 1))).is_err());
        assert_eq!(peer.asked().len(), 1, "{status}");
    }
    let peer = Peer::start(|_| Answer::new(429).body("usage limit of Community Edition reached"));
    let error = pull(&client(plain(&peer)), &repository(&peer), &descriptor(&content(10, 1))).unwrap_err();
    assert_eq!(peer.asked().len(), 1);
    assert!(error.hint().unwrap().contains("24 hours"));
}

#[test]
fn a_body_that_breaks_off_is_gone_on_with() {
    let bytes = content(3_000_000, 1);
    for ranges in [true, false] {
        let served = bytes.clone();
        let peer = Peer::start(move |asked| {
            let from = asked.header("range").filter(|_| ranges).map_or(0, |range| {
                range.trim_start_matches("bytes=").trim_end_matches('-').parse::<usize>().unwrap()
            });
            let answer = match from {
                0 => Answer::new(200),
                _ => Answer::new(206)
                    .with("Content-Range", format!("bytes {from}-{}/{}", served.len() - 1, served.len())),
            };
            let answer = answer.body(&served[from..]);
            // Each answer brings some more than the one before.
            let asked_before = asked.header("range").is_some();
            match (ranges, asked_before) {
                (true, _) if from < 2_000_000 => answer.cut_at(700_000),
                (false, false) => answer.cut_at(1_500_000),
                _ => answer,
            }
        });
        let client = client(plain(&peer));
        assert_eq!(pull(&client, &repository(&peer), &descriptor(&bytes)).unwrap(), bytes);
        let ranges_asked: Vec<_> =
            peer.asked().iter().filter_map(|asked| asked.header("range").map(str::to_owned)).collect();
        if ranges {
            assert_eq!(ranges_asked, ["bytes=700000-", "bytes=1400000-", "bytes=2100000-"]);
        } else {
            assert_eq!(ranges_asked, ["bytes=1500000-"]);
        }
    }
}

#[test]
fn a_body_that_never_gets_further_ends() {
    let bytes = content(100_000, 1);
    let served = bytes.clone();
    let peer = Peer::start(move |_| Answer::new(200).body(served.clone()).cut_at(500));
    let client = client(ClientOptions { retries: 3, ..plain(&peer) });
    let error = pull(&client, &repository(&peer), &descriptor(&bytes)).unwrap_err();
    assert!(matches!(error, RegistryError::Connection { .. }), "{error:?}");
    assert_eq!(peer.asked().len(), 4);
}

#[test]
fn bodies_of_another_size_or_range_are_refused() {
    let bytes = content(1000, 1);
    for answer in [
        Answer::new(200).body(content(999, 1)),
        Answer::new(200).body(content(1001, 1)),
        Answer::new(206).with("Content-Range", "bytes 5-999/1000").body(content(995, 1)),
        Answer::new(206).body(content(1000, 1)),
    ] {
        let peer = Peer::start(move |_| answer.clone());
        let outcome = pull(&client(plain(&peer)), &repository(&peer), &descriptor(&bytes));
        assert!(matches!(outcome, Err(RegistryError::Malformed { .. })), "{outcome:?}");
        assert_eq!(peer.asked().len(), 1);
    }
}

#[test]
fn a_manifest_that_is_not_what_it_says_is_refused() {
    let image = Image::new(1);
    let other = Digest::of(b"other");
    let good = image.manifest.bytes().to_vec();
    let kind = image.manifest.media_type().to_owned();
    let serve = |answer: Answer| Peer::start(move |_| answer.clone());
    let peer = serve(
        Answer::new(200)
            .with("Content-Type", &kind)
            .with("Docker-Content-Digest", other.to_string())
            .body(good.clone()),
    );
    let (client_, repository_) = (client(plain(&peer)), repository(&peer));
    let tag = Target::Tag("t".parse().unwrap());
    for target in [tag.clone(), Target::Digest(other)] {
        match client_.manifest(&repository_, &target) {
            Err(error @ RegistryError::WrongContent { .. }) => assert_eq!(error.exit(), Exit::Integrity),
            other => panic!("{other:?}"),
        }
    }
    let peer = serve(Answer::new(200).body(vec![b' '; 5 << 20]));
    let outcome = client(plain(&peer)).manifest(&repository(&peer), &tag);
    assert!(matches!(outcome, Err(RegistryError::AnswerTooLarge { .. })), "{outcome:?}");
    let peer = serve(Answer::new(200).body(r#"{"manifests":[],"layers":[]}"#));
    let outcome = client(plain(&peer)).manifest(&repository(&peer), &tag);
    assert!(matches!(outcome, Err(RegistryError::Manifest { .. })), "{outcome:?}");
}

#[test]
fn a_registry_that_cannot_answer_head_is_asked_with_get() {
    let image = Image::new(1);
    let good = image.manifest.bytes().to_vec();
    for status in [500, 405, 400] {
        let good = good.clone();
        let peer = Peer::start(move |asked| match asked.method.as_str() {
            "HEAD" => Answer::new(status),
            _ => Answer::new(200).body(good.clone()),
        });
        let found =
            client(plain(&peer)).head_manifest(&repository(&peer), &Target::Tag("t".parse().unwrap()));
        assert_eq!(found.unwrap().unwrap(), image.manifest.descriptor());
    }
}

#[test]
fn silence_ends() {
    let options =
        |peer: &Peer| ClientOptions { idle_timeout: Duration::from_millis(300), retries: 1, ..plain(peer) };
    let peer = Peer::start(|_| Answer::new(200).after(Duration::from_secs(3)));
    let started = Instant::now();
    let outcome = pull(&client(options(&peer)), &repository(&peer), &descriptor(&content(10, 1)));
    assert!(matches!(outcome, Err(RegistryError::Timeout { .. })), "{outcome:?}");
    assert!(started.elapsed() < Duration::from_secs(2));
    // Bound, but nobody accepts.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let quiet = ClientOptions {
        plain_http: vec![host.parse().unwrap()],
        idle_timeout: Duration::from_millis(300),
        retries: 0,
        ..quick()
    };
    let outcome = client(quiet).ping(&host.parse().unwrap());
    assert!(matches!(outcome, Err(RegistryError::Timeout { .. })), "{outcome:?}");
    drop(listener);
    let gone = ClientOptions { plain_http: vec![host.parse().unwrap()], retries: 0, ..quick() };
    let outcome = client(gone).ping(&host.parse().unwrap());
    assert!(matches!(outcome, Err(RegistryError::Connection { .. })), "{outcome:?}");
}

#[test]
fn dripping_counts_as_silence() {
    let bytes = content(10_000, 1);
    let served = bytes.clone();
    let peer = Peer::start(move |asked| {
        let from = asked.header("range").map_or(0, |range| {
            range.trim_start_matches("bytes=").trim_end_matches('-').parse::<usize>().unwrap()
        });
        let answer = Answer::new(if from == 0 { 200 } else { 206 })
            .with("Content-Range", format!("bytes {from}-9999/10000"))
            .body(&served[from..]);
        Answer { drip: Some(Duration::from_millis(20)), ..answer }
    });
    let options = ClientOptions { idle_timeout: Duration::from_millis(200), retries: 2, ..plain(&peer) };
    let started = Instant::now();
    let error = pull(&client(options), &repository(&peer), &descriptor(&bytes)).unwrap_err();
    assert!(matches!(error, RegistryError::Timeout { .. }), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(3));
    assert_eq!(peer.asked().len(), 3);
}

#[test]
fn a_person_who_stops_is_heard() {
    let bytes = content(10_000_000, 1);
    let peer = Peer::start(|asked| match asked.method.as_str() {
        "POST" => Answer::new(202).with("Location", "/u"),
        "HEAD" => Answer::new(404),
        _ => Answer::new(503),
    });
    let (client, diary) = watched(ClientOptions {
        retry_wait: Duration::from_secs(30),
        retry_wait_cap: Duration::from_secs(30),
        ..quick()
    });
    let client = &client;
    let repository = repository(&peer);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| pull(client, &repository, &descriptor(&bytes)));
        std::thread::sleep(Duration::from_millis(300));
        diary.1.store(true, Ordering::SeqCst);
        let started = Instant::now();
        let error = waiting.join().unwrap().unwrap_err();
        assert_eq!(error.exit(), Exit::Interrupted);
        assert!(started.elapsed() < Duration::from_secs(1));
    });
}

/// A registry that does everything right but what the test changes.
fn upload_peer(change: impl Fn(&Asked, usize) -> Option<Answer> + Send + Sync + 'static) -> Peer {
    let (puts, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    Peer::start(move |asked| {
        let count = match asked.method.as_str() {
            "PUT" => puts.fetch_add(1, Ordering::SeqCst),
            _ => puts.load(Ordering::SeqCst),
        };
        if let Some(answer) = change(asked, count) {
            return answer;
        }
        match asked.method.as_str() {
            "HEAD" if done.load(Ordering::SeqCst) > 0 => Answer::new(200).with("Content-Length", "1000"),
            "HEAD" => Answer::new(404),
            "POST" => Answer::new(202).with("Location", "/v2/a/blobs/uploads/1?_state=x"),
            "PUT" => {
                done.fetch_add(1, Ordering::SeqCst);
                Answer::new(201)
            }
            _ => Answer::new(200),
        }
    })
}

#[test]
fn an_upload_whose_session_is_lost_starts_over() {
    for trouble in [
        Answer::new(404),
        Answer::new(416),
        Answer::new(400).body(r#"{"errors":[{"code":"BLOB_UPLOAD_INVALID","message":"x"}]}"#),
        Answer::new(500),
        Answer::nothing(),
    ] {
        let peer =
            upload_peer(move |asked, count| (asked.method == "PUT" && count == 0).then(|| trouble.clone()));
        let bytes = content(1000, 1);
        assert_eq!(push(&client(plain(&peer)), &repository(&peer), &bytes).unwrap(), Pushed::Uploaded);
        assert_eq!(peer.count("POST", "/blobs/uploads/"), 2);
        let puts: Vec<_> = peer.asked().into_iter().filter(|asked| asked.method == "PUT").collect();
        assert!(
            puts.iter().all(|asked| asked.body == bytes && asked.header("content-length") == Some("1000"))
        );
        assert_eq!(peer.count("DELETE", "/blobs/uploads/1"), 1, "the lost session is given up");
    }
}

#[test]
fn work_whose_answer_was_lost_is_not_done_twice() {
    let lost = AtomicUsize::new(0);
    let stored = AtomicUsize::new(0);
    let peer = Peer::start(move |asked| match asked.method.as_str() {
        "HEAD" if stored.load(Ordering::SeqCst) > 0 => Answer::new(200).with("Content-Length", "1000"),
        "HEAD" => Answer::new(404),
        "POST" => Answer::new(202).with("Location", "/u"),
        "PUT" => {
            stored.fetch_add(1, Ordering::SeqCst);
            if lost.fetch_add(1, Ordering::SeqCst) == 0 { Answer::nothing() } else { Answer::new(201) }
        }
        _ => Answer::new(200),
    });
    assert_eq!(push(&client(plain(&peer)), &repository(&peer), &content(1000, 1)).unwrap(), Pushed::Uploaded);
    assert_eq!(peer.count("PUT", "/u"), 1);
}

#[test]
fn an_answer_before_the_upload_is_over_is_heard() {
    for (status, expected) in [(413, Exit::Registry), (507, Exit::Space)] {
        let peer = Peer::start_early(
            move |asked| (asked.method == "PUT").then(|| Answer::new(status).body("too much")),
            |asked| match asked.method.as_str() {
                "HEAD" => Answer::new(404),
                "POST" => Answer::new(202).with("Location", "/u"),
                _ => Answer::new(200),
            },
        );
        let error = push(&client(plain(&peer)), &repository(&peer), &content(20_000_000, 1)).unwrap_err();
        assert_eq!(error.exit(), expected, "{error}");
        assert!(error.to_string().contains("too much"), "{error}");
        assert_eq!(peer.count("PUT", "/u"), 1);
    }
}

#[test]
fn a_nexus_that_has_it_meanwhile_is_content() {
    let there = AtomicUsize::new(0);
    let peer = Peer::start(move |asked| match asked.method.as_str() {
        "HEAD" if there.fetch_add(1, Ordering::SeqCst) > 0 => Answer::new(200).with("Content-Length", "1000"),
        "HEAD" => Answer::new(404),
        "POST" => Answer::new(202).with("Location", "/u"),
        "PATCH" => Answer::new(202),
        "PUT" => Answer::new(400).body("v2/-/blobs/sha256:00 cannot be updated"),
        _ => Answer::new(200),
    });
    let options = ClientOptions { profile: ProfileName::Nexus, ..plain(&peer) };
    assert_eq!(push(&client(options), &repository(&peer), &content(1000, 1)).unwrap(), Pushed::AlreadyThere);
}

#[test]
fn progress_is_told_once_though_bytes_go_twice() {
    let peer = upload_peer(|asked, count| (asked.method == "PUT" && count < 2).then(|| Answer::new(503)));
    let bytes = content(1000, 1);
    let told = std::cell::Cell::new(0);
    let mut open = || Ok(Box::new(&bytes[..]) as Box<dyn Read>);
    let progress = |more| told.set(told.get() + more);
    let client = client(plain(&peer));
    client
        .push_blob(&repository(&peer), Digest::of(&bytes), 1000, Known::Absent, &mut open, &progress)
        .unwrap();
    assert_eq!(told.get(), 1000);
}

#[test]
fn one_upload_per_digest_is_in_flight() {
    let registry = DockerRegistry::start();
    let host = registry.host().to_string();
    let (running, most) = (AtomicUsize::new(0), std::sync::Arc::new(AtomicUsize::new(0)));
    let seen = std::sync::Arc::clone(&most);
    let peer = Peer::start(move |asked| {
        if asked.method != "PUT" {
            return forward(asked, &host);
        }
        seen.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(50));
        let answer = forward(asked, &host);
        running.fetch_sub(1, Ordering::SeqCst);
        answer
    });
    let client = client(plain(&peer));
    let bytes = content(100_000, 1);
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let (client, bytes, peer) = (&client, &bytes, &peer);
        let threads: Vec<_> =
            (0..6).map(|_| scope.spawn(move || push(client, &repository(peer), bytes).unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Pushed::Uploaded).count(), 1);
    assert_eq!((peer.count("PUT", "/blobs/"), most.load(Ordering::SeqCst)), (1, 1));
}

#[test]
fn a_registry_that_rewrites_manifests_is_told_from_one_that_keeps_them() {
    let image = Image::new(1);
    let peer = Peer::start(|_| Answer::new(201).with("Docker-Content-Digest", Digest::of(b"x").to_string()));
    let target = Target::Tag("t".parse().unwrap());
    let outcome = client(plain(&peer)).push_manifest(&repository(&peer), &target, &image.manifest);
    assert!(matches!(outcome, Err(RegistryError::WrongContent { .. })), "{outcome:?}");
    assert_eq!(peer.asked()[0].header("content-length"), Some(image.manifest.size().to_string().as_str()));
    assert_eq!(peer.asked()[0].body, image.manifest.bytes());
}

fn tags_of(handler: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> (Vec<String>, usize) {
    let peer = Peer::start(handler);
    let client: Client = client(plain(&peer));
    let tags = client.tags(&repository(&peer)).unwrap();
    (tags.iter().map(ToString::to_string).collect(), peer.asked().len())
}

#[test]
fn lists_end_whatever_the_registry_says() {
    assert_eq!(tags_of(|_| Answer::new(200).body(r#"{"name":"a","tags":null}"#)), (vec![], 1));
    assert_eq!(tags_of(|_| Answer::new(404)), (vec![], 1));
    let mixed = r#"{"tags":["v1","sha256:00","-x","latest"]}"#;
    assert_eq!(
        tags_of(move |_| Answer::new(200).body(mixed)),
        (vec!["latest".to_owned(), "v1".to_owned()], 1)
    );
    // A link that leads to the same page for ever.
    let endless =
        |_: &Asked| Answer::new(200).with("Link", r#"</x?last=a>; rel="next""#).body(r#"{"tags":["a"]}"#);
    assert_eq!(tags_of(endless), (vec!["a".to_owned()], 2));
    // A full page without a link is followed by another question.
    let names: Vec<String> = (0..1500).map(|at| format!("v{at:04}")).collect();
    let expected = names.clone();
    let (found, asked) = tags_of(move |asked| {
        let from = if asked.path.contains("last=v0999") { 1000 } else { 0 };
        let page: Vec<_> = names.iter().skip(from).take(1000).collect();
        Answer::new(200).body(serde_json::json!({ "tags": page }).to_string())
    });
    assert_eq!((found, asked), (expected, 2));
}

#[test]
fn a_forged_error_cannot_draw_on_the_screen() {
    let peer = Peer::start(|_| Answer::new(403).body("\u{1b}[2J\u{202e}all is well\r\n"));
    let error = pull(&client(plain(&peer)), &repository(&peer), &descriptor(&content(10, 1))).unwrap_err();
    assert!(!error.to_string().contains('\u{1b}') && !error.to_string().contains('\u{202e}'), "{error}");
}
