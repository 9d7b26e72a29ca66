//! A registry that does not behave while an archive is packed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ombundle::demo::Generation;

use super::stage::{Ran, Stage};
use crate::support::peer::{Answer, Asked, Peer, forward};

/// A registry in front of the real one, which does as told where `says` says something. It gets the number of the request
/// among those of its kind: blobs, or all else.
fn in_front(stage: &Stage, says: impl Fn(&Asked, usize) -> Option<Answer> + Send + Sync + 'static) -> Peer {
    let host = stage.registry.host().to_string();
    let (blobs, others) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let peer = Peer::start(move |asked| {
        let counter = if asked.path.contains("/blobs/") { &blobs } else { &others };
        let number = counter.fetch_add(1, Ordering::SeqCst);
        says(asked, number).unwrap_or_else(|| forward(asked, &host))
    });
    stage.source_is(&peer.host());
    peer
}

fn blob(asked: &Asked) -> bool {
    asked.path.contains("/blobs/")
}

fn packed_and_sound(stage: &Stage, name: &str, more: &[&str]) -> Ran {
    let ran = stage.pack(name, more).ended(0);
    stage.verify(name).ended(0);
    ran
}

fn refused(stage: &Stage, name: &str, more: &[&str], code: i32) -> Ran {
    let ran = stage.pack(name, more).ended(code);
    assert!(!stage.path(name).exists());
    ran
}

#[test]
fn what_passes_is_waited_for() {
    let stage = Stage::new(Generation::First);
    stage.plan();
    let peer = in_front(&stage, |asked, number| (blob(asked) && number < 3).then(|| Answer::new(500)));
    let ran = packed_and_sound(&stage, "errors.ombundle", &["-v"]);
    assert!(ran.stderr.contains("500"), "{}", ran.stderr);
    drop(peer);

    let limit = || Answer::new(429).with("Retry-After", "2");
    let _peer = in_front(&stage, move |asked, number| (blob(asked) && number == 1).then(limit));
    let began = Instant::now();
    packed_and_sound(&stage, "limit.ombundle", &[]);
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(stage.read("errors.ombundle"), stage.read("limit.ombundle"));
}

#[test]
fn what_is_cut_goes_on_where_it_was_cut() {
    let stage = Stage::new(Generation::First);
    stage.plan();
    let host = stage.registry.host().to_string();
    let cut = move |asked: &Asked, _| {
        let whole = (blob(asked) && asked.header("range").is_none()).then(|| forward(asked, &host))?;
        let half = whole.body.len() / 2;
        (half > 100_000).then(|| whole.cut_at(half))
    };
    let peer = in_front(&stage, cut);
    packed_and_sound(&stage, "cut.ombundle", &[]);
    let ranges: Vec<String> =
        peer.asked().iter().filter_map(|asked| asked.header("range").map(str::to_owned)).collect();
    assert!(!ranges.is_empty());
    for range in ranges {
        let from: usize = range.strip_prefix("bytes=").unwrap().trim_end_matches('-').parse().unwrap();
        assert!(from > 10_000, "{range}");
    }
}

#[test]
fn a_token_that_expires_on_the_way_is_renewed() {
    let stage = Stage::new(Generation::First);
    stage.plan();
    let (host, issued) = (stage.registry.host().to_string(), Arc::new(AtomicUsize::new(0)));
    let since = AtomicUsize::new(0);
    let peer = Peer::start({
        let issued = Arc::clone(&issued);
        move |asked| {
            if asked.path.starts_with("/token") {
                let number = issued.fetch_add(1, Ordering::SeqCst) + 1;
                since.store(0, Ordering::SeqCst);
                return Answer::new(200).body(format!("{{\"token\":\"t{number}\",\"expires_in\":3600}}"));
            }
            let good = format!("Bearer t{}", issued.load(Ordering::SeqCst));
            let used = since.fetch_add(1, Ordering::SeqCst);
            if asked.header("authorization") != Some(good.as_str()) || used >= 6 {
                // Tokens are good for six requests.
                let realm = format!("http://{}/token", asked.header("host").unwrap());
                let challenge = format!("Bearer realm=\"{realm}\",service=\"test\"");
                return Answer::new(401).with("Www-Authenticate", challenge);
            }
            let mut plain = asked.clone();
            plain.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
            forward(&plain, &host)
        }
    });
    stage.source_is(&peer.host());
    packed_and_sound(&stage, "token.ombundle", &["-j", "1"]);
    assert!(issued.load(Ordering::SeqCst) >= 3, "{}", issued.load(Ordering::SeqCst));
}

#[test]
fn a_lie_is_asked_for_again_and_then_refused_by_name() {
    let stage = Stage::new(Generation::First);
    stage.plan();
    let lie = |host: &str, asked: &Asked| {
        let mut answer = forward(asked, host);
        if let Some(byte) = answer.body.last_mut() {
            *byte ^= 1;
        }
        answer
    };
    let host = stage.registry.host().to_string();
    let once = move |asked: &Asked, number| (blob(asked) && number == 2).then(|| lie(&host, asked));
    let peer = in_front(&stage, once);
    packed_and_sound(&stage, "once.ombundle", &[]);
    drop(peer);

    for (name, path) in [("blob", "/blobs/"), ("manifest", "/manifests/")] {
        let host = stage.registry.host().to_string();
        let always = move |asked: &Asked, _| {
            (asked.path.contains(path) && asked.path.contains("web-terminal-exec")).then(|| lie(&host, asked))
        };
        let _peer = in_front(&stage, always);
        let ran = refused(&stage, &format!("{name}.ombundle"), &["--retries", "1"], 3);
        assert!(ran.stderr.contains("web-terminal-exec-rhel9"), "{}", ran.stderr);
    }
    // What was said in vain costs nothing later.
    stage.source_is(&stage.registry.host().to_string());
    packed_and_sound(&stage, "blob.ombundle", &[]);
    assert_eq!(stage.read("once.ombundle"), stage.read("blob.ombundle"));
}

#[test]
fn a_registry_that_falls_silent_is_given_up() {
    let stage = Stage::new(Generation::First);
    stage.plan();
    let host = stage.registry.host().to_string();
    let silent = move |asked: &Asked, number| {
        let whole = (blob(asked) && number >= 2).then(|| forward(asked, &host))?;
        // Half of it, and then nothing on an open line.
        let (length, half) = (whole.body.len(), whole.body.len() / 2);
        Some(Answer { length: Some(length), headers: Vec::new(), body: whole.body[..half].to_vec(), ..whole })
    };
    let _peer = in_front(&stage, silent);
    let began = Instant::now();
    let ran = refused(&stage, "silent.ombundle", &["--timeout", "1", "--retries", "1"], 7);
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
    assert!(ran.stderr.contains("GET "), "{}", ran.stderr);
    stage.source_is(&stage.registry.host().to_string());
    packed_and_sound(&stage, "silent.ombundle", &[]);
}

#[test]
fn a_page_for_people_is_no_manifest() {
    let stage = Stage::new(Generation::First);
    stage.plan();
    let page = || {
        let html = "<!DOCTYPE html><html><body>Please log in to the proxy</body></html>";
        Answer::new(200).with("Content-Type", "text/html; charset=utf-8").body(html)
    };
    let _peer = in_front(&stage, move |asked, _| (!blob(asked)).then(page));
    let packed = stage.pack("page.ombundle", &["--retries", "0"]);
    assert!(matches!(packed.code, Some(3 | 7)), "{packed:?}");
    let planned = stage.run(&["plan", "-c", "imageset.yaml", "--retries", "0", "-o", "new.json"]);
    assert!(matches!(planned.code, Some(3 | 7)), "{planned:?}");
    for ran in [&packed, &planned] {
        assert!(ran.stderr.contains("text/html") || ran.stderr.contains("HTML"), "{}", ran.stderr);
    }
    assert!(!stage.path("page.ombundle").exists() && !stage.path("new.json").exists());
}
