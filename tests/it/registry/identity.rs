//! Who we are: tokens in long runs, identity tokens, helpers, entries by path; and where pulls really go.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use ombundle::digest::Digest;
use ombundle::event::Silent;
use ombundle::registry::{Client, ClientOptions, Environment, Pushed, RegistryError, Target};

use super::world::{Image, client, content, descriptor, pull, push, quick, watched};
use crate::support::peer::{Answer, Peer, forward};
use crate::support::registry::{DockerRegistry, Options, PASSWORD, USER, auth_file};
use crate::support::token::{Manner, TokenServer};

fn with_tokens(manner: Manner) -> (TokenServer, DockerRegistry) {
    let server = TokenServer::start_with(manner);
    let registry = DockerRegistry::start_with(&Options::tokens_of(&server));
    (server, registry)
}

fn as_alice(registry: &DockerRegistry) -> (ClientOptions, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let authfile = Some(auth_file(folder.path(), &[(registry.host().as_str(), USER, PASSWORD)]));
    (ClientOptions { authfile, ..quick() }, folder)
}

#[test]
fn a_token_is_renewed_when_the_registry_does_not_take_it_any_more() {
    // The registry allows a minute more than a token says; the client is told that it lasts for long.
    let (server, registry) = with_tokens(Manner { lives: -58, ..Manner::default() });
    let (options, _folder) = as_alice(&registry);
    let client = client(options);
    let repository = registry.repository("a");
    let bytes = content(2_000_000, 1);
    push(&client, &repository, &bytes).unwrap();
    std::thread::sleep(Duration::from_secs(3));
    let before = server.peer.asked().len();
    assert_eq!(push(&client, &repository, &bytes).unwrap(), Pushed::AlreadyThere);
    assert_eq!(server.peer.asked().len(), before + 1);
}

#[test]
fn a_token_that_runs_out_during_an_upload_starts_it_over() {
    let registry = DockerRegistry::start();
    let host = registry.host().to_string();
    let refused = std::sync::atomic::AtomicBool::new(false);
    let peer = Peer::start(move |asked| {
        let own = asked.header("host").unwrap();
        if asked.path.starts_with("/token") {
            return Answer::new(200).body(r#"{"token":"t"}"#);
        }
        let first_put = asked.method == "PUT"
            && !refused.swap(asked.method == "PUT", std::sync::atomic::Ordering::SeqCst);
        if asked.header("authorization").is_none() || first_put {
            let challenge = format!(r#"Bearer realm="http://{own}/token",service="s""#);
            return Answer::new(401).with("WWW-Authenticate", challenge);
        }
        forward(asked, &host)
    });
    let options = ClientOptions { plain_http: vec![peer.host().parse().unwrap()], retries: 0, ..quick() };
    let repository = format!("{}/a", peer.host()).parse().unwrap();
    let bytes = content(1_000_000, 1);
    assert_eq!(push(&client(options), &repository, &bytes).unwrap(), Pushed::Uploaded);
    assert_eq!(peer.count("PUT", "/blobs/uploads/"), 2);
    assert_eq!(std::fs::read(registry.blob_path(&Digest::of(&bytes))).unwrap(), bytes);
}

#[test]
fn a_token_is_renewed_before_it_runs_out() {
    let (server, registry) = with_tokens(Manner { expires_in: Some(1), ..Manner::default() });
    let (options, _folder) = as_alice(&registry);
    let client = client(options);
    let repository = registry.repository("a");
    client.tags(&repository).unwrap();
    client.tags(&repository).unwrap();
    assert_eq!(server.peer.asked().len(), 1);
    std::thread::sleep(Duration::from_millis(1100));
    client.tags(&repository).unwrap();
    assert_eq!(server.peer.asked().len(), 2);
    assert_eq!(registry.log().matches("\" 401 ").count(), 1, "only the first request went without");
}

#[test]
fn threads_share_one_token() {
    let (server, registry) = with_tokens(Manner::default());
    let (options, _folder) = as_alice(&registry);
    let client = client(options);
    let repository = registry.repository("a");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| client.tags(&repository).unwrap());
        }
    });
    assert_eq!(server.peer.asked().len(), 1);
}

#[test]
fn without_credentials_what_is_open_can_be_pulled_and_nothing_pushed() {
    let (_server, registry) = with_tokens(Manner { anonymous_pull: true, ..Manner::default() });
    let repository = registry.repository("a");
    let client = client(quick());
    assert_eq!(client.tags(&repository).unwrap(), []);
    match push(&client, &repository, &content(10, 1)) {
        Err(error @ RegistryError::Unauthorized { .. }) => {
            assert!(error.to_string().contains("no credentials for 127.0.0.1"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_wrong_password_is_told_and_not_tried_again() {
    let (server, registry) = with_tokens(Manner::default());
    let folder = tempfile::tempdir().unwrap();
    let authfile = Some(auth_file(folder.path(), &[(registry.host().as_str(), USER, "wrong-one")]));
    let options = ClientOptions { authfile, ..quick() };
    match client(options.clone()).tags(&registry.repository("a")) {
        Err(error @ RegistryError::Unauthorized { .. }) => {
            let text = error.to_string();
            assert!(text.contains("as user `alice`") && text.contains("wrong password"), "{text}");
            assert!(!text.contains("wrong-one") && !format!("{error:?}").contains("wrong-one"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(server.peer.asked().len(), 1);
    let registry = DockerRegistry::start_with(&Options { htpasswd: true, ..Options::default() });
    let authfile = Some(auth_file(folder.path(), &[(registry.host().as_str(), USER, "wrong-one")]));
    let outcome = client(ClientOptions { authfile, ..options }).tags(&registry.repository("a"));
    assert!(matches!(outcome, Err(RegistryError::Unauthorized { .. })), "{outcome:?}");
}

#[test]
fn an_identity_token_buys_tokens_by_oauth2() {
    let (server, registry) = with_tokens(Manner::default());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("auth.json");
    let host = registry.host();
    std::fs::write(&path, format!(r#"{{"auths":{{"{host}":{{"identitytoken":"identity-1"}}}}}}"#)).unwrap();
    let client = client(ClientOptions { authfile: Some(path), ..quick() });
    push(&client, &registry.repository("a"), &content(10, 1)).unwrap();
    assert!(server.peer.asked().iter().all(|asked| asked.method == "POST"));
    let body = String::from_utf8(server.peer.asked()[0].body.clone()).unwrap();
    assert!(body.contains("grant_type=refresh_token") && body.contains("refresh_token=identity-1"), "{body}");
}

#[test]
fn credentials_are_found_by_repository() {
    let manner = Manner {
        users: vec![(USER.to_owned(), PASSWORD.to_owned()), ("bob".to_owned(), "builder".to_owned())],
        ..Manner::default()
    };
    let (server, registry) = with_tokens(manner);
    let folder = tempfile::tempdir().unwrap();
    let host = registry.host();
    let special = format!("{host}/team/app");
    let authfile =
        Some(auth_file(folder.path(), &[(host.as_str(), USER, PASSWORD), (&special, "bob", "builder")]));
    let client = client(ClientOptions { authfile, ..quick() });
    for name in ["team/other", "team/app", "team/app/inner"] {
        client.tags(&registry.repository(name)).unwrap();
    }
    let alice = "Basic YWxpY2U6d29uZGVybGFuZA==";
    let bob = "Basic Ym9iOmJ1aWxkZXI=";
    assert_eq!(server.peer.credentials_seen(), [alice, bob, bob]);
}

#[test]
fn a_credential_helper_is_asked_once() {
    let registry = DockerRegistry::start_with(&Options { htpasswd: true, ..Options::default() });
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("docker-credential-test");
    let log = folder.path().join("asked");
    let script = format!(
        "#!/bin/sh\nread host\necho \"$1 $host\" >> {}\necho '{{\"ServerURL\":\"x\",\"Username\":\"{USER}\",\"Secret\":\"{PASSWORD}\"}}'\n",
        log.display()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let host = registry.host();
    for json in [format!(r#"{{"credHelpers":{{"{host}":"test"}}}}"#), r#"{"credsStore":"test"}"#.to_owned()] {
        let _ = std::fs::remove_file(&log);
        let authfile = folder.path().join("auth.json");
        std::fs::write(&authfile, json).unwrap();
        let search_path = Some(format!("{}:/usr/bin:/bin", folder.path().display()).into());
        let environment = Environment { search_path, auth_file: Some(authfile), ..Environment::default() };
        let client = Client::new(quick(), &environment, Arc::new(Silent)).unwrap();
        push(&client, &registry.repository("a"), &content(10, 1)).unwrap();
        push(&client, &registry.repository("b"), &content(11, 1)).unwrap();
        assert_eq!(std::fs::read_to_string(&log).unwrap(), format!("get {host}\n"));
    }
    let authfile = folder.path().join("auth.json");
    std::fs::write(&authfile, format!(r#"{{"credHelpers":{{"{host}":"absent-one"}}}}"#)).unwrap();
    let outcome =
        client(ClientOptions { authfile: Some(authfile), ..quick() }).tags(&registry.repository("a"));
    assert!(matches!(outcome, Err(RegistryError::Helper { .. })), "{outcome:?}");
}

#[test]
fn pulls_go_where_registries_conf_says_and_pushes_do_not() {
    let source = DockerRegistry::start();
    let image = Image::new(1);
    image.push(&client(quick()), &source.repository("cache/team/app"), "v1");
    let folder = tempfile::tempdir().unwrap();
    let conf = folder.path().join("registries.conf");
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    std::fs::write(
        &conf,
        format!(
            "[[registry]]\nprefix = \"registry.redhat.io\"\nlocation = \"{host}/cache\"\n\
             [[registry.mirror]]\nlocation = \"{dead}/x\"\n[[registry.mirror]]\nlocation = \"{host}/empty\"\n",
            host = source.host()
        ),
    )
    .unwrap();
    let (client, diary) = watched(ClientOptions { registries_conf: Some(conf), retries: 0, ..quick() });
    let repository = "registry.redhat.io/team/app".parse().unwrap();
    let found = client.manifest(&repository, &Target::Tag("v1".parse().unwrap())).unwrap().unwrap();
    assert_eq!(found.bytes(), image.manifest.bytes());
    assert_eq!(pull(&client, &repository, &descriptor(&image.layer)).unwrap(), image.layer);
    assert_eq!(
        client.blob_size(&repository, Digest::of(&image.config)).unwrap(),
        Some(image.config.len() as u64)
    );
    assert_eq!(client.tags(&repository).unwrap(), ["v1".parse().unwrap()]);
    assert!(diary.0.lock().unwrap().iter().any(|event| event.contains("is passed over")));
    // Pushing through the same client goes to the host that is named, here to nobody.
    let unreachable = format!("{dead}/team/app").parse().unwrap();
    assert!(push(&client, &unreachable, &content(10, 1)).is_err());
}
