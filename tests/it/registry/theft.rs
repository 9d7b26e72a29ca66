//! Credentials go only to the origin that they were given for: a registry that tries to take them elsewhere.

use std::sync::{Arc, OnceLock};

use ombundle::digest::Digest;
use ombundle::reference::RepositoryRef;
use ombundle::registry::{Client, ClientOptions, RegistryError};

use super::world::{client, content, descriptor, pull, push, quick};
use crate::support::peer::{Answer, Asked, Peer};
use crate::support::registry::{PASSWORD, USER, auth_file};

/// `alice:wonderland`, as it goes over the wire.
const BASIC: &str = "Basic YWxpY2U6d29uZGVybGFuZA==";
const TOKEN: &str = "token-0815";

/// A registry, and a server that must learn nothing. They differ in port, and in name when the thief is called by its other.
struct Scene {
    home: Peer,
    thief: Peer,
    client: Client,
    _folder: tempfile::TempDir,
}

/// Where the handlers find each other's address, which exists only after they were made.
type Address = Arc<OnceLock<String>>;

impl Scene {
    /// `home` answers requests that carry credentials; `thief` answers everything.
    fn new(
        home: impl Fn(&Asked, &str) -> Answer + Send + Sync + 'static,
        thief: impl Fn(&Asked, &str) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::with(false, home, thief, |options, _, _| options)
    }

    fn with(
        tls: bool,
        home: impl Fn(&Asked, &str) -> Answer + Send + Sync + 'static,
        thief: impl Fn(&Asked, &str) -> Answer + Send + Sync + 'static,
        adjust: impl Fn(ClientOptions, &Peer, &Peer) -> ClientOptions,
    ) -> Self {
        let (home_address, thief_address) = (Address::default(), Address::default());
        let other = Arc::clone(&home_address);
        let thief = Peer::start(move |asked| thief(asked, other.get().map_or("", String::as_str)));
        thief_address.set(thief.host()).unwrap();
        let handler = move |asked: &Asked| home(asked, thief_address.get().unwrap());
        let home = if tls { Peer::start_tls(handler) } else { Peer::start(handler) };
        home_address.set(home.host()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let host = home.host();
        let authfile = Some(auth_file(folder.path(), &[(&host, USER, PASSWORD)]));
        let ca_files = if tls { vec![home.ca_pem_path()] } else { Vec::new() };
        let plain_http = if tls { Vec::new() } else { vec![host.parse().unwrap()] };
        let options = ClientOptions { authfile, ca_files, plain_http, retries: 0, ..quick() };
        let client = client(adjust(options, &home, &thief));
        Self { home, thief, client, _folder: folder }
    }

    fn repository(&self) -> RepositoryRef {
        format!("{}/a", self.home.host()).parse().unwrap()
    }

    /// Everything secret that reached the thief, in whatever place.
    fn stolen(&self) -> Vec<String> {
        let mut found = self.thief.credentials_seen();
        for asked in self.thief.asked() {
            let whole =
                format!("{} {:?} {}", asked.path, asked.headers, String::from_utf8_lossy(&asked.body));
            found.extend(
                [PASSWORD, TOKEN, &BASIC[6..]]
                    .iter()
                    .filter(|s| whole.contains(**s))
                    .map(|s| (*s).to_owned()),
            );
        }
        found
    }
}

fn wants_basic(asked: &Asked) -> Option<Answer> {
    (asked.header("authorization") != Some(BASIC))
        .then(|| Answer::new(401).with("WWW-Authenticate", r#"Basic realm="home""#))
}

fn other_name(address: &str) -> String {
    address.replace("127.0.0.1", "localhost")
}

#[test]
fn redirects_to_other_origins_carry_no_credentials() {
    let bytes = content(1000, 1);
    let blob = descriptor(&bytes);
    for status in [301, 302, 303, 307, 308] {
        for by_name in [true, false] {
            let served = bytes.clone();
            let scene = Scene::new(
                move |asked, thief| {
                    let thief = if by_name { other_name(thief) } else { thief.to_owned() };
                    wants_basic(asked).unwrap_or_else(|| {
                        Answer::new(status).with("Location", format!("http://{thief}/store/x?signature=1"))
                    })
                },
                move |_, _| Answer::new(200).body(served.clone()),
            );
            let found = pull(&scene.client, &scene.repository(), &blob).unwrap();
            assert_eq!(found, bytes);
            assert_eq!(scene.home.credentials_seen(), [BASIC], "the registry itself got them");
            assert_eq!(scene.thief.asked().len(), 1);
            assert_eq!(scene.stolen(), Vec::<String>::new(), "{status} {by_name}");
        }
    }
}

#[test]
fn redirects_within_the_origin_keep_credentials() {
    let bytes = content(1000, 1);
    let served = bytes.clone();
    let scene = Scene::new(
        move |asked, _| {
            wants_basic(asked).unwrap_or_else(|| {
                if asked.path.starts_with("/store") {
                    Answer::new(200).body(served.clone())
                } else {
                    Answer::new(307).with("Location", "/store/x")
                }
            })
        },
        |_, _| Answer::new(500),
    );
    assert_eq!(pull(&scene.client, &scene.repository(), &descriptor(&bytes)).unwrap(), bytes);
    assert_eq!(scene.home.credentials_seen(), [BASIC, BASIC]);
}

#[test]
fn a_stranger_cannot_send_us_back_with_credentials() {
    let scene = Scene::new(
        |asked, thief| {
            wants_basic(asked)
                .unwrap_or_else(|| Answer::new(307).with("Location", format!("http://{thief}/x")))
        },
        |_, home| Answer::new(307).with("Location", format!("http://{home}/v2/secret/blobs/x")),
    );
    let outcome = pull(&scene.client, &scene.repository(), &descriptor(&content(10, 1)));
    assert!(outcome.is_err());
    let back = scene.home.asked().into_iter().find(|asked| asked.path.contains("secret")).unwrap();
    assert_eq!(back.header("authorization"), None);
    assert_eq!(scene.stolen(), Vec::<String>::new());
}

#[test]
fn a_stranger_that_asks_for_credentials_gets_none() {
    for challenge in [r#"Basic realm="x""#.to_owned(), "Bearer".to_owned()] {
        let scene = Scene::new(
            |asked, thief| {
                wants_basic(asked)
                    .unwrap_or_else(|| Answer::new(307).with("Location", format!("http://{thief}/x")))
            },
            move |asked, _| {
                let own = asked.header("host").unwrap().to_owned();
                let challenge = match challenge.as_str() {
                    "Bearer" => format!(r#"Bearer realm="http://{own}/token",service="s""#),
                    other => other.to_owned(),
                };
                Answer::new(401).with("WWW-Authenticate", challenge)
            },
        );
        let outcome = pull(&scene.client, &scene.repository(), &descriptor(&content(10, 1)));
        assert!(matches!(outcome, Err(RegistryError::Unauthorized { .. })), "{outcome:?}");
        assert_eq!((scene.thief.asked().len(), scene.stolen().len()), (1, 0));
    }
}

#[test]
fn redirects_from_https_to_http_are_not_followed() {
    for location in ["http://THIEF/x", "http://HOME/x"] {
        let scene = Scene::with(
            true,
            move |asked, thief| {
                let home = asked.header("host").unwrap();
                let location = location.replace("THIEF", thief).replace("HOME", home);
                wants_basic(asked).unwrap_or_else(|| Answer::new(302).with("Location", location))
            },
            |_, _| Answer::new(200),
            |options, _, _| options,
        );
        let outcome = pull(&scene.client, &scene.repository(), &descriptor(&content(10, 1)));
        assert!(matches!(outcome, Err(RegistryError::Redirect { .. })), "{outcome:?}");
        assert_eq!(scene.thief.asked().len(), 0);
    }
}

#[test]
fn redirects_that_go_nowhere_or_on_for_ever_end() {
    for location in ["", "http://u:p@THIEF/x", "ftp://THIEF/x", "/again", "http://", "\u{1}"] {
        let scene = Scene::new(
            move |asked, thief| {
                wants_basic(asked)
                    .unwrap_or_else(|| Answer::new(302).with("Location", location.replace("THIEF", thief)))
            },
            |_, _| Answer::new(200),
        );
        let outcome = pull(&scene.client, &scene.repository(), &descriptor(&content(10, 1)));
        assert!(outcome.is_err(), "{location}: {outcome:?}");
        assert!(scene.home.asked().len() < 12);
        assert_eq!(scene.thief.asked().len(), 0, "{location}");
    }
}

/// A registry that names a realm, and what became of it.
fn with_realm(realm: &'static str, allow: bool) -> (Result<(), RegistryError>, Scene) {
    let scene = Scene::with(
        false,
        move |asked, thief| {
            let (name, port) = (other_name(thief), thief.rsplit(':').next().unwrap());
            let realm = realm
                .replace("NAME", &name)
                .replace("HOME", asked.header("host").unwrap())
                .replace("PORT", port);
            let challenge = format!(r#"Bearer realm="{realm}",service="s",scope="repository:a:pull""#);
            match asked.header("authorization") {
                Some(value) if value == format!("Bearer {TOKEN}") => Answer::new(200),
                _ => Answer::new(401).with("WWW-Authenticate", challenge),
            }
        },
        |_, _| Answer::new(200).body(format!(r#"{{"token":"{TOKEN}"}}"#)),
        |options, home, thief| ClientOptions {
            token_realms: if allow {
                vec![(home.host().parse().unwrap(), thief.other_name().parse().unwrap())]
            } else {
                Vec::new()
            },
            ..options
        },
    );
    let outcome = scene.client.ping(&scene.home.host().parse().unwrap()).map(drop);
    (outcome, scene)
}

#[test]
fn token_servers_of_other_hosts_get_no_credentials() {
    for realm in [
        "http://NAME/token",
        "https://NAME/token",
        "http://[::1]:PORT/token",
        "http://127.0.0.2:PORT/token",
        "http://127.1.1.1:PORT/token",
        "http://HOME@NAME/token",
        "http://alice:x@127.0.0.1:PORT/token",
        "http://127.0.0.1.NAME/token",
        "https://token.example/token",
        "//NAME/token",
        "ftp://NAME/token",
        "token",
        "",
    ] {
        let (outcome, scene) = with_realm(realm, false);
        match outcome {
            Err(RegistryError::ForeignRealm { .. }) => {}
            other => panic!("{realm}: {other:?}"),
        }
        assert_eq!(scene.thief.asked().len(), 0, "{realm}");
        assert_eq!(scene.home.credentials_seen(), Vec::<String>::new(), "nothing was sent unasked");
    }
}

#[test]
fn token_servers_of_the_same_host_or_allowed_ones_get_them() {
    // The same name on another port is how GitLab and Harbor are set up.
    let (outcome, scene) = with_realm("http://127.0.0.1:PORT/token", false);
    outcome.unwrap();
    assert_eq!(scene.thief.credentials_seen(), [BASIC]);
    assert_eq!(scene.home.credentials_seen(), [format!("Bearer {TOKEN}")]);
    let (outcome, scene) = with_realm("http://NAME/token", true);
    outcome.unwrap();
    assert_eq!(scene.thief.credentials_seen(), [BASIC]);
}

#[test]
fn token_servers_are_not_followed_elsewhere() {
    for status in [301, 302, 303, 307, 308] {
        let scene = Scene::new(
            move |asked, thief| {
                let own = asked.header("host").unwrap();
                if asked.path.starts_with("/token") {
                    return Answer::new(status).with("Location", format!("http://{thief}/token"));
                }
                Answer::new(401).with("WWW-Authenticate", format!(r#"bearer REALM="http://{own}/token""#))
            },
            |_, _| Answer::new(200).body(format!(r#"{{"token":"{TOKEN}"}}"#)),
        );
        let outcome = scene.client.ping(&scene.home.host().parse().unwrap());
        assert!(matches!(outcome, Err(RegistryError::Redirect { .. })), "{outcome:?}");
        assert_eq!(scene.thief.asked().len(), 0);
    }
}

#[test]
fn a_realm_in_clear_of_a_registry_with_tls_is_asked_over_tls() {
    let scene = Scene::with(
        true,
        |asked, _| {
            let own = asked.header("host").unwrap();
            let name = own.split(':').next().unwrap();
            if asked.path.starts_with("/token") {
                return Answer::new(200).body(format!(r#"{{"access_token":"{TOKEN}"}}"#));
            }
            match asked.header("authorization") {
                Some(_) => Answer::new(200),
                None => Answer::new(401).with(
                    "WWW-Authenticate",
                    format!(r#"Bearer realm="http://{name}:1/token?x=y",service="s""#),
                ),
            }
        },
        |_, _| Answer::new(200),
        |options, _, _| options,
    );
    scene.client.ping(&scene.home.host().parse().unwrap()).unwrap();
    // This server speaks TLS only, so what it saw came over TLS.
    assert_eq!(scene.home.count("GET", "/token?x=y&service=s"), 1);
}

/// A registry that takes uploads, with the location of the session as told.
fn with_location(
    tls: bool,
    location: &'static str,
    patch_location: Option<&'static str>,
) -> (Result<(), RegistryError>, Scene) {
    let scene = Scene::with(
        tls,
        move |asked, thief| {
            let home = asked.header("host").unwrap();
            let fill = |text: &str| {
                let port = thief.rsplit(':').next().unwrap();
                text.replace("HOME", home).replace("NAME", &other_name(thief)).replace("PORT", port)
            };
            wants_basic(asked).unwrap_or_else(|| match asked.method.as_str() {
                "HEAD" => Answer::new(404),
                "POST" => Answer::new(202).with("Location", fill(location)),
                "PATCH" => Answer::new(202).with("Location", fill(patch_location.unwrap_or(location))),
                "PUT" => Answer::new(201),
                _ => Answer::new(200),
            })
        },
        |_, _| Answer::new(201),
        |options, _, _| ClientOptions {
            profile: match patch_location {
                Some(_) => ombundle::site::ProfileName::Nexus,
                None => ombundle::site::ProfileName::Distribution,
            },
            ..options
        },
    );
    let outcome = push(&scene.client, &scene.repository(), &content(1000, 1)).map(drop);
    (outcome, scene)
}

#[test]
fn upload_locations_on_other_hosts_carry_no_credentials() {
    let (outcome, scene) = with_location(false, "http://NAME/upload/1?state=x", None);
    outcome.unwrap();
    assert_eq!(scene.thief.count("PUT", "/upload/1?state=x&digest=sha256%3A"), 1);
    assert_eq!(scene.stolen(), Vec::<String>::new());
    let (outcome, scene) = with_location(false, "/upload/1", Some("http://NAME/upload/2"));
    outcome.unwrap();
    assert_eq!((scene.home.count("PATCH", "/upload/1"), scene.thief.count("PUT", "/upload/2")), (1, 1));
    assert_eq!(scene.stolen(), Vec::<String>::new());
}

#[test]
fn upload_locations_on_the_same_host_stay_at_its_port_and_scheme() {
    for (tls, location) in [
        (false, "/upload/1"),
        (false, "http://HOME/upload/1"),
        (false, "http://127.0.0.1:PORT/upload/1"),
        (false, "https://127.0.0.1/upload/1"),
        (true, "http://HOME/upload/1"),
        (true, "http://127.0.0.1:PORT/upload/1"),
        (true, "//127.0.0.1/upload/1"),
    ] {
        let (outcome, scene) = with_location(tls, location, None);
        outcome.unwrap();
        assert_eq!(scene.home.count("PUT", "/upload/1?digest="), 1, "{location}");
        assert_eq!(scene.thief.asked().len(), 0, "{location}");
    }
}

#[test]
fn upload_locations_that_weaken_are_refused() {
    for (tls, location) in
        [(true, "http://NAME/upload/1"), (false, "http://x:y@NAME/u"), (false, "file:///etc/x")]
    {
        let (outcome, scene) = with_location(tls, location, None);
        assert!(matches!(outcome, Err(RegistryError::Redirect { .. })), "{location}: {outcome:?}");
        assert_eq!(scene.thief.asked().len(), 0, "{location}");
    }
}

#[test]
fn uploads_are_not_redirected() {
    for status in [301, 302, 307, 308] {
        let scene = Scene::new(
            move |asked, thief| {
                wants_basic(asked).unwrap_or_else(|| match asked.method.as_str() {
                    "HEAD" => Answer::new(404),
                    "GET" => Answer::new(200),
                    _ => Answer::new(status).with("Location", format!("http://{thief}/x")),
                })
            },
            |_, _| Answer::new(202).with("Location", "/x"),
        );
        let outcome = push(&scene.client, &scene.repository(), &content(10, 1));
        assert!(matches!(outcome, Err(RegistryError::Redirect { .. })), "{outcome:?}");
        assert_eq!(scene.thief.asked().len(), 0);
    }
}

#[test]
fn lists_do_not_lead_elsewhere() {
    let scene = Scene::new(
        |asked, thief| {
            wants_basic(asked).unwrap_or_else(|| {
                if asked.path.contains("last=") {
                    Answer::new(200).body(r#"{"tags":["b"]}"#)
                } else {
                    let link = format!(r#"<http://{thief}/v2/a/tags/list?last=a>; rel="next""#);
                    Answer::new(200).with("Link", link).body(r#"{"tags":["a"]}"#)
                }
            })
        },
        |_, _| Answer::new(200).body(r#"{"tags":["evil"]}"#),
    );
    let tags = scene.client.tags(&scene.repository()).unwrap();
    assert_eq!(tags, ["a".parse().unwrap(), "b".parse().unwrap()]);
    assert_eq!(scene.thief.asked().len(), 0);
}

#[test]
fn credentials_of_one_port_are_not_those_of_another() {
    let scene = Scene::new(
        |_, _| Answer::new(200),
        |_, _| Answer::new(401).with("WWW-Authenticate", r#"Basic realm="x""#),
    );
    let outcome = scene.client.ping(&scene.thief.host().parse().unwrap());
    match outcome {
        Err(error @ RegistryError::Unauthorized { .. }) => {
            assert!(error.to_string().contains("no credentials for"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(scene.stolen(), Vec::<String>::new());
}

#[test]
fn a_realm_learned_without_credentials_gets_none_later() {
    // The first repository has no credentials, so its foreign token server is harmless; the second has some.
    let token = Peer::start_tls(|_| Answer::new(200).body(format!(r#"{{"token":"{TOKEN}"}}"#)));
    let realm = format!("https://{}/token", token.other_name());
    let home = Peer::start(move |asked| match asked.header("authorization") {
        Some(_) => Answer::new(200).with("Content-Length", "0"),
        None => Answer::new(401).with("WWW-Authenticate", format!(r#"Bearer realm="{realm}",service="s""#)),
    });
    let folder = tempfile::tempdir().unwrap();
    let key = format!("{}/secret", home.host());
    let options = ClientOptions {
        authfile: Some(auth_file(folder.path(), &[(&key, USER, PASSWORD)])),
        ca_files: vec![token.ca_pem_path()],
        plain_http: vec![home.host().parse().unwrap()],
        ..quick()
    };
    let client = client(options);
    let ask = |name: &str| {
        let repository: RepositoryRef = format!("{}/{name}", home.host()).parse().unwrap();
        client.blob_size(&repository, Digest::of(b""))
    };
    assert_eq!(ask("open").unwrap(), Some(0));
    assert_eq!(home.credentials_seen(), [format!("Bearer {TOKEN}")]);
    let outcome = ask("secret");
    assert!(matches!(outcome, Err(RegistryError::ForeignRealm { .. })), "{outcome:?}");
    assert_eq!(token.asked().len(), 1);
    assert_eq!(token.credentials_seen(), Vec::<String>::new());
}
