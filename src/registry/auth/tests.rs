//! Tokens and realms, judged without a network. What goes over the wire is watched in `tests/it/registry/theft.rs`.

use super::*;

fn purpose(host: &str, api: &str) -> Purpose {
    Purpose {
        host: host.parse().unwrap(),
        origin: Origin::of(&Url::parse(api).unwrap()).unwrap(),
        repository: Some("a/b".parse().unwrap()),
        actions: Actions::Push,
        beside: None,
    }
}

#[test]
fn a_tokens_life_is_what_its_server_says_or_a_minute() {
    let asked = Instant::now();
    let life =
        |json: &str| Token::parse(json.as_bytes(), asked).map(|token| (token.ends - asked).as_millis());
    for (json, expected) in [
        (r#"{"token":"t","expires_in":300}"#, Some(285_000)),
        (r#"{"token":"t","expires_in":10}"#, Some(8_000)),
        (r#"{"access_token":"t"}"#, Some(48_000)),
        (r#"{"token":"","access_token":"t","expires_in":0}"#, Some(48_000)),
        (r#"{"token":"t","expires_in":-5}"#, Some(48_000)),
        (r#"{"token":"t","expires_in":1e300}"#, Some(86_385_000)),
        (r#"{"token":""}"#, None),
        ("[]", None),
        ("", None),
    ] {
        assert_eq!(life(json), expected, "{json}");
    }
}

#[test]
fn scopes_are_made_by_ourselves() {
    let at = || purpose("r.example", "https://r.example/");
    let with = |actions| Purpose { actions, ..at() }.scopes();
    assert_eq!(with(Actions::None), [] as [&str; 0]);
    assert_eq!(with(Actions::Pull), ["repository:a/b:pull"]);
    assert_eq!(with(Actions::Push), ["repository:a/b:pull,push"]);
    assert_eq!(with(Actions::Catalog), ["registry:catalog:*"]);
    let mount = Purpose { beside: Some("c".parse().unwrap()), ..at() };
    assert_eq!(mount.scopes(), ["repository:a/b:pull,push", "repository:c:pull"]);
}

#[test]
fn credentials_go_to_realms_of_the_same_host_known_pairs_and_allowed_ones() {
    let pair = |registry: &str, realm: &str| (registry.parse().unwrap(), realm.parse().unwrap());
    let allowed = vec![pair("r.example:5000", "sso.example"), pair("s.example", "t.example:8443")];
    let authenticator = Authenticator::new(AuthFile::default(), allowed);
    for (host, api, realm, expected) in [
        ("quay.io", "https://quay.io/", "https://quay.io/v2/auth", true),
        ("g.example:5050", "https://g.example:5050/", "https://g.example/jwt/auth", true),
        ("g.example:5050", "https://g.example:5050/", "http://g.example/jwt/auth", false),
        ("g.example:5050", "http://g.example:5050/", "http://g.example/jwt/auth", true),
        ("docker.io", "https://registry-1.docker.io/", "https://auth.docker.io/token", true),
        ("docker.io", "https://registry-1.docker.io/", "https://auth.docker.io:444/token", false),
        ("docker.io", "https://registry-1.docker.io/", "http://auth.docker.io/token", false),
        ("evil.example", "https://evil.example/", "https://auth.docker.io/token", false),
        ("quay.io", "https://quay.io/", "https://notquay.io/", false),
        ("quay.io", "https://quay.io/", "https://quay.io.evil.example/", false),
        ("quay.io", "https://quay.io/", "https://sub.quay.io/", false),
        ("r.example:5000", "https://r.example:5000/", "https://sso.example/x", true),
        ("r.example:5000", "https://r.example:5000/", "http://sso.example/x", false),
        ("r.example:5001", "https://r.example:5001/", "https://sso.example/x", false),
        ("s.example", "https://s.example/", "https://t.example:8443/x", true),
        ("s.example", "https://s.example/", "https://t.example/x", false),
    ] {
        let found = authenticator.may_have_credentials(&purpose(host, api), &Url::parse(realm).unwrap());
        assert_eq!(found, expected, "{host} {realm}");
    }
}

#[test]
fn headers_with_secrets_do_not_show_them() {
    let header = basic("alice", &Secret::new("wonderland".to_owned())).unwrap();
    assert_eq!(header.as_bytes(), b"Basic YWxpY2U6d29uZGVybGFuZA==");
    assert_eq!(format!("{header:?}"), "Sensitive");
    assert!(bearer(&Secret::new("a\nb".to_owned())).is_err());
}

#[test]
fn anonymous_tokens_come_from_no_weaker_and_no_inner_place() {
    let authenticator = Authenticator::new(AuthFile::default(), Vec::new());
    for (api, realm, expected) in [
        ("https://r.example/", "https://sso.example/token", true),
        ("https://r.example/", "http://sso.example/token", false),
        ("http://r.example/", "http://sso.example/token", true),
        ("https://r.example/", "https://127.0.0.1/token", false),
        ("https://r.example/", "https://localhost:8443/token", false),
        ("https://127.0.0.1:5000/", "https://localhost:8443/token", true),
        ("https://r.example/", "https://x@sso.example/token", false),
    ] {
        let value = format!(r#"Bearer realm="{realm}""#);
        let challenge = challenges([value.as_str()]).remove(0);
        let found = authenticator.bearer_wanted(&purpose("r.example", api), &challenge);
        assert_eq!(found.is_ok(), expected, "{api} {realm}");
    }
}
