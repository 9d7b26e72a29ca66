//! Credentials are used, and are nowhere to be seen.

use std::time::{Duration, Instant};

use base64::Engine as _;
use ombundle::demo::Generation;

use super::stage::{Running, Stage, pack_line};
use crate::support::peer::{Answer, Peer, forward};
use crate::support::registry::auth_file;

const SECRET: &str = "canary-7Qx2-never-to-be-seen";

/// Every form in which it could leak.
fn forms() -> Vec<String> {
    let base64 = base64::engine::general_purpose::STANDARD.encode(format!("carol:{SECRET}"));
    vec![SECRET.to_owned(), base64]
}

fn assert_clean(what: &str, bytes: &[u8]) {
    for form in forms() {
        let hit = bytes.windows(form.len()).any(|window| window == form.as_bytes());
        assert!(!hit, "{what} shows the secret");
    }
}

#[test]
fn a_secret_reaches_its_registry_and_nothing_else() {
    let stage = Stage::new(Generation::First);
    let host = stage.registry.host().to_string();
    let basic = format!("Basic {}", forms()[1]);
    let peer = Peer::start({
        let basic = basic.clone();
        move |asked| {
            if asked.header("authorization") != Some(basic.as_str()) {
                return Answer::new(401).with("Www-Authenticate", "Basic realm=\"upstream\"");
            }
            let mut plain = asked.clone();
            plain.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
            let answer = forward(&plain, &host);
            if asked.path.contains("/blobs/") { answer.after(Duration::from_millis(30)) } else { answer }
        }
    });
    stage.source_is(&peer.host());
    std::fs::create_dir(stage.path("secret")).unwrap();
    auth_file(
        &stage.path("secret"),
        &[("registry.redhat.io", "carol", SECRET), (&peer.host(), "carol", SECRET)],
    );
    let talk = ["--authfile", "secret/auth.json", "-v", "--log-format", "json"];

    let line = ["plan", "-c", "imageset.yaml", "-o", "plan.json", "--installed", "web-terminal.v1.8.0"];
    let planned = stage.run(&[&line[..], &talk].concat()).ended(0);
    assert!(peer.credentials_seen().contains(&basic));

    let mut running =
        Running::start(stage.command(&pack_line("a.ombundle", &[&talk[..], &["-j", "2"]].concat())));
    let end = Instant::now() + Duration::from_mins(1);
    while peer.count("GET", "/blobs/") < 6 + 2 && !running.is_over() && Instant::now() < end {
        for file in ["cmdline", "environ"] {
            let text = std::fs::read(format!("/proc/{}/{file}", running.child.id())).unwrap_or_default();
            assert_clean(file, &text);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    running.signal("INT");
    let broken = running.end();
    for name in stage.names().iter().filter(|name| *name != "secret") {
        assert_clean(name, &stage.read(name));
    }
    let packed = stage.pack("a.ombundle", &talk).ended(0);
    // Wrong ones are told without being shown.
    auth_file(&stage.path("secret"), &[(&peer.host(), "carol", &format!("{SECRET}-wrong"))]);
    let refused = stage.pack("b.ombundle", &talk).ended(7);
    for ran in [&planned, &broken, &packed, &refused] {
        assert_clean("stdout", ran.stdout.as_bytes());
        assert_clean("stderr", ran.stderr.as_bytes());
    }
    for name in stage.names().iter().filter(|name| *name != "secret") {
        assert_clean(name, &stage.read(name));
    }
}
