//! How far one gets: names, ports, TLS, clocks, and whether it is a registry at all.

use super::clinic::Clinic;
use crate::import::stand::{finish, listing};
use crate::support::peer::{Answer, Peer, forward};
use crate::support::registry::{DockerRegistry, Options, PASSWORD};
use crate::support::tls::Identity;

/// What is asked of every registry, in this order.
const REGISTRY: [&str; 12] = [
    "proxy",
    "name",
    "connection",
    "tls",
    "api",
    "clock",
    "authentication",
    "write",
    "token",
    "body-size",
    "redeploy",
    "sparse-index",
];

#[test]
fn a_site_in_good_order_is_asked_everything_and_holds_nothing_afterwards() {
    let (staging, production) = (DockerRegistry::start(), DockerRegistry::start());
    let clinic = Clinic::new(staging.host().as_str(), production.host().as_str());
    let seen = clinic.ask("");
    assert_eq!(seen.code, 0, "{seen:?}");
    assert_eq!(seen.value["findings"], serde_json::json!([]));
    let unasked = [
        "staging redeploy",
        "staging sparse-index",
        "production prerequisites",
        "production redeploy",
        "production sparse-index",
    ];
    assert_eq!(seen.bad(), unasked);
    let questions: Vec<&str> = seen.value["sections"][1]["answers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["question"].as_str().unwrap())
        .collect();
    assert_eq!(questions, REGISTRY);
    assert_eq!(seen.answer("staging", "write"), ("ok", "2 of 2 take uploads"));
    assert_eq!(seen.answer("production", "write"), ("ok", "3 of 3 take uploads"));
    assert_eq!(seen.answer("production", "separate"), ("ok", "staging does not know its uploads"));
    for registry in [&staging, &production] {
        let left: Vec<_> = listing(registry.storage()).into_keys().collect();
        // docker-registry 2.8 writes the sums of an upload once more after it let go of it.
        assert!(left.iter().all(|path| path.to_str().unwrap().contains("/hashstates/")), "{left:?}");
        // Opened, asked for at staging, and given up; nothing was sent.
        let log = registry.log();
        assert_eq!(log.matches("\"PUT /v2/").count(), 0);
        assert_eq!(log.matches("\"POST /v2/").count(), log.matches("\"DELETE /v2/").count());
    }
    // The state folder is not made for being asked about.
    assert!(!clinic.path("state").exists());
    let one = clinic.ask("--only staging");
    let parts: Vec<&str> = one.value["sections"]
        .as_array()
        .unwrap()
        .iter()
        .map(|section| section["part"].as_str().unwrap())
        .collect();
    assert_eq!((one.code, parts), (0, vec!["machine", "staging"]));
}

#[test]
fn credentials_are_told_by_their_source_and_never_shown() {
    let options = || Options { tls: true, htpasswd: true, ..Options::default() };
    let (staging, production) =
        (DockerRegistry::start_with(&options()), DockerRegistry::start_with(&options()));
    let (one, other) = (staging.host().to_string(), production.host().to_string());
    let clinic =
        || Clinic::new(&one, &other).trusting(&staging.ca_pem_path()).trusting(&production.ca_pem_path());
    let good = clinic().login(&[&one, &other]);
    let seen = good.ask("");
    assert_eq!(seen.code, 0, "{seen:?}");
    let (_, told) = seen.answer("staging", "authentication");
    assert!(told.starts_with("basic, as user `alice`, from ") && told.ends_with("auth.json"), "{told}");
    let (_, told) = seen.answer("staging", "tls");
    assert!(told.starts_with("a certificate by CN=test authority") && told.contains("good until"), "{told}");
    let text = finish(good.command(""));
    assert!(!format!("{}{}", text.stdout, text.stderr).contains(PASSWORD));
    // Wrong ones, and none.
    let seen = clinic().login_with(&[&one, &other], "geheim-7").ask("--only staging");
    assert_eq!(seen.code, 10);
    let (severity, message, hint) = seen.finding("CREDENTIALS_REFUSED");
    assert_eq!(severity, "error");
    assert!(
        message.contains("as user `alice`") && hint.contains("Docker Bearer Token Realm"),
        "{message} {hint}"
    );
    assert!(!format!("{seen:?}").contains("geheim-7"));
    assert_eq!(seen.answer("staging", "write"), ("unasked", "not asked because of `authentication`"));
    let seen = clinic().login(&["elsewhere.example"]).ask("--only production");
    assert!(seen.finding("NO_CREDENTIALS").2.contains("podman login"));
}

#[test]
fn a_certificate_by_somebody_else_is_shown_and_the_other_registry_is_asked_all_the_same() {
    let tls = || Options { tls: true, ..Options::default() };
    let (staging, production) = (DockerRegistry::start_with(&tls()), DockerRegistry::start_with(&tls()));
    let seen = Clinic::new(staging.host().as_str(), production.host().as_str())
        .trusting(&production.ca_pem_path())
        .ask("");
    assert_eq!(seen.code, 10);
    let (severity, message, hint) = seen.finding("TLS");
    assert_eq!(severity, "error");
    assert!(
        message.contains("it shows a certificate by CN=test authority") && hint.contains("--ca-file"),
        "{message} {hint}"
    );
    assert_eq!(seen.answer("staging", "api"), ("unasked", "not asked because of `tls`"));
    assert_eq!(seen.answer("staging", "write"), ("unasked", "not asked because of `api`"));
    assert_eq!(seen.verdict("production", "write"), "ok");
    assert_eq!(seen.codes(), ["TLS"]);
}

#[test]
fn a_certificate_that_ends_soon_or_has_ended_is_told() {
    let production = DockerRegistry::start();
    for (days, code, severity, says) in [
        (40, None, "ok", "good until"),
        (29, Some("CERTIFICATE_ENDS"), "warning", "its certificate ends in 28 days"),
        (-2, Some("TLS"), "error", "certificate expired"),
    ] {
        let peer = Peer::start_with_identity(Identity::ending_in(days), {
            let real = production.host().to_string();
            move |asked| forward(asked, &real)
        });
        let seen = Clinic::new(&peer.host(), production.host().as_str())
            .trusting(&peer.ca_pem_path())
            .ask("--only staging");
        let (verdict, told) = seen.answer("staging", "tls");
        assert_eq!(verdict, severity, "{told}");
        let message = code.map_or_else(|| told.to_owned(), |code| seen.finding(code).1.to_lowercase());
        // One day less when midnight passes meanwhile.
        assert!(message.contains(says) || message.contains("27 days"), "{message}");
        assert_eq!(seen.code, if severity == "error" { 10 } else { 0 });
    }
}

#[test]
fn ports_and_names_that_lead_nowhere_are_told_apart() {
    // Nobody listens on the first port.
    let seen = Clinic::new("127.0.0.1:1", "registry.invalid:5000").ask("--timeout 3");
    assert_eq!(seen.code, 10);
    assert_eq!(seen.verdict("staging", "name"), "ok");
    assert_eq!(seen.verdict("staging", "connection"), "error");
    assert!(seen.finding("NO_CONNECTION").2.contains("can this machine reach it"));
    assert_eq!(seen.verdict("production", "name"), "error");
    assert_eq!(seen.answer("production", "connection"), ("unasked", "not asked because of `name`"));
    assert_eq!(seen.codes(), ["NO_CONNECTION", "NAME_UNKNOWN"]);
}

#[test]
fn what_other_programs_would_send_to_a_proxy_is_told() {
    let staging = DockerRegistry::start();
    let clinic = Clinic::new(staging.host().as_str(), "registry.invalid:5000")
        .with_environment("https_proxy", "http://user:geheim-8@proxy.example:3128");
    let seen = clinic.ask("--timeout 3");
    // Loopback never goes there.
    assert_eq!(seen.verdict("staging", "proxy"), "ok");
    assert_eq!(seen.answer("production", "proxy"), ("warning", "HTTPS_PROXY would catch it"));
    assert_eq!(seen.finding("PROXY").2, "add registry.invalid to NO_PROXY");
    assert!(!format!("{seen:?}").contains("geheim-8"));
    let seen = clinic.with_environment("NO_PROXY", ".invalid").ask("--timeout 3");
    assert_eq!(seen.verdict("production", "proxy"), "ok");
}

#[test]
fn what_is_no_registry_is_told() {
    let production = DockerRegistry::start();
    let elsewhere = Peer::start(|_| Answer::new(404));
    let everything =
        Peer::start(|_| Answer::new(200).with("Content-Type", "text/html").body("<html></html>"));
    let seen = Clinic::new(&elsewhere.host(), production.host().as_str()).ask("--only staging");
    let (severity, message, hint) = seen.finding("NO_REGISTRY");
    assert_eq!((severity, message), ("error", "`/v2/` is answered with status 404"));
    assert!(hint.contains("the connector of the repository"), "{hint}");
    assert_eq!(seen.answer("staging", "clock"), ("unasked", "not asked because of `api`"));
    let seen = Clinic::new(&everything.host(), production.host().as_str()).ask("--only staging");
    assert_eq!((seen.code, seen.finding("UNNAMED").0), (10, "warning"));
    assert_eq!(seen.verdict("staging", "write"), "error");
}

#[test]
fn clocks_are_compared() {
    let real = DockerRegistry::start();
    for (ahead, verdict, told) in [
        (0, "ok", "as ours"),
        (130, "warning", "ahead of ours"),
        (-130, "warning", "behind ours"),
        (1000, "error", "ahead of ours"),
    ] {
        let nexus = crate::support::nexus::Nexus::start(crate::support::nexus::Quirks {
            ahead,
            ..Default::default()
        });
        let seen = Clinic::new(&nexus.staging(), real.host().as_str()).ask("--only staging");
        let answer = seen.answer("staging", "clock");
        assert!(answer.0 == verdict && answer.1.ends_with(told), "{ahead}: {answer:?}");
        assert_eq!(seen.findings("CLOCK_SKEW").len(), usize::from(ahead != 0));
        assert_eq!(seen.code, if verdict == "error" { 10 } else { 0 });
    }
}

#[test]
fn people_get_a_table_in_what_their_terminal_shows() {
    let staging = DockerRegistry::start();
    let clinic = Clinic::new(staging.host().as_str(), "127.0.0.1:1");
    let ended = finish(clinic.command(""));
    assert_eq!(ended.code, Some(10));
    assert!(ended.stdout.is_ascii(), "{}", ended.stdout);
    assert!(
        ended
            .stdout
            .contains(&format!("\nstaging {}\n  ok  proxy           none on the way\n", staging.host())),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("\n  x   connection      "), "{}", ended.stdout);
    assert!(
        ended.stdout.contains("\n  -   tls             not asked because of `connection`\n"),
        "{}",
        ended.stdout
    );
    assert!(
        ended.stderr.contains("error[NO_CONNECTION]: production 127.0.0.1:1: ")
            && ended.stderr.contains("  hint: "),
        "{}",
        ended.stderr
    );
    let ended = finish(clinic.with_environment("LANG", "ko_KR.UTF-8").command(""));
    assert!(
        ended.stdout.contains("  ✓ proxy")
            && ended.stdout.contains("  ✗ connection")
            && ended.stdout.contains("  – tls"),
        "{}",
        ended.stdout
    );
}

/// A registry that sends us for tokens to somebody else does not get them, and the remedy is said.
#[test]
fn a_token_server_of_somebody_else_is_told() {
    let thief = Peer::start(|_| Answer::new(200).body("{\"token\": \"t\"}"));
    let challenge = format!("Bearer realm=\"http://{}/token\",service=\"s\"", thief.other_name());
    let staging = Peer::start(move |_| Answer::new(401).with("WWW-Authenticate", challenge.clone()));
    let seen = Clinic::new(&staging.host(), "127.0.0.1:1").login(&[&staging.host()]).ask("--only staging");
    let (severity, message, hint) = seen.finding("FOREIGN_REALM");
    assert_eq!((seen.code, severity), (10, "error"));
    assert!(message.contains(&thief.other_name()) && hint.contains("--token-realm"), "{message} {hint}");
    assert_eq!(seen.answer("staging", "write"), ("unasked", "not asked because of `authentication`"));
    assert_eq!(thief.asked().len(), 0);
}
