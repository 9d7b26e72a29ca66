//! How a registry is reached: certificates of the client, proxies, and for how long one waits.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ombundle::event::Silent;
use ombundle::reference::RepositoryRef;
use ombundle::registry::{Client, ClientOptions, Environment, RegistryError, Target};

use super::world::{Image, client, content, descriptor, pull, push, quick};
use crate::support::peer::{Answer, Peer, forward};
use crate::support::proxy::Proxy;
use crate::support::registry::{DockerRegistry, Options, PASSWORD, USER, auth_file};
use crate::support::tls::{Identity, certs_dir};

#[test]
fn a_registry_that_wants_a_certificate_gets_the_one_of_its_folder() {
    let options = Options { tls: true, client_certificates: true, ..Options::default() };
    let registry = DockerRegistry::start_with(&options);
    let host = registry.host();
    let reached = |folder: &Path| {
        let options = ClientOptions { certs_dirs: vec![folder.to_owned()], retries: 0, ..quick() };
        let client = Client::new(options, &Environment::default(), Arc::new(Silent)).unwrap();
        push(&client, &registry.repository("a"), &content(10, 1))
    };
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join(host.as_str());
    certs_dir(folder.path(), host.as_str(), &registry.ca_pem_path());
    let without = reached(folder.path());
    assert!(
        matches!(without, Err(RegistryError::Tls { .. } | RegistryError::Connection { .. })),
        "{without:?}"
    );
    registry.identity().sign_client(&own);
    reached(folder.path()).unwrap();
    // One by a stranger is shown and refused; one without its key is refused here.
    Identity::for_loopback().sign_client(&own);
    assert!(reached(folder.path()).is_err());
    registry.identity().sign_client(&own);
    let (key, kept) = (own.join("client.key"), std::fs::read(own.join("client.key")).unwrap());
    Identity::for_loopback().sign_client(&own);
    let foreign = std::fs::read(&key).unwrap();
    registry.identity().sign_client(&own);
    for bytes in [foreign, b"no key".to_vec(), Vec::new()] {
        std::fs::write(&key, bytes).unwrap();
        let refused = reached(folder.path());
        assert!(
            matches!(refused, Err(RegistryError::Config { what: "certificate file", .. })),
            "{refused:?}"
        );
    }
    std::fs::write(&key, kept).unwrap();
    // The certificate is for this host alone.
    let other = tempfile::tempdir().unwrap();
    certs_dir(other.path(), host.as_str(), &registry.ca_pem_path());
    std::fs::create_dir(other.path().join("other.example")).unwrap();
    registry.identity().sign_client(&other.path().join("other.example"));
    assert!(reached(other.path()).is_err());
}

/// A registry that is `registry.example` to whoever comes through the proxy, wants a password, and speaks TLS.
struct Outside {
    peer: Peer,
    proxy: Proxy,
    image: Image,
    folder: tempfile::TempDir,
    _registry: DockerRegistry,
}

const SECRET: &str = "hunter2";

impl Outside {
    fn new() -> Self {
        let registry = DockerRegistry::start_with(&Options { htpasswd: true, ..Options::default() });
        let folder = tempfile::tempdir().unwrap();
        let authfile = auth_file(
            folder.path(),
            &[(registry.host().as_str(), USER, PASSWORD), ("registry.example", USER, PASSWORD)],
        );
        let image = Image::new(1);
        let inside = client(ClientOptions { authfile: Some(authfile), ..quick() });
        image.push(&inside, &registry.repository("a"), "v1");
        let host = registry.host().to_string();
        let peer = Peer::start_with_identity(Identity::for_names(&["registry.example"]), move |asked| {
            forward(asked, &host)
        });
        let proxy = Proxy::start(&[("registry.example:443", peer.host())]);
        Self { peer, proxy, image, folder, _registry: registry }
    }

    /// A client that has heard of the proxy, and of what needs none.
    fn client(&self, use_proxy: bool, no_proxy: &str) -> Client {
        let options = ClientOptions {
            authfile: Some(self.folder.path().join("auth.json")),
            ca_files: vec![self.peer.ca_pem_path()],
            use_proxy,
            retries: 0,
            ..quick()
        };
        let proxy = Some(format!("http://clerk:{SECRET}@{}", self.proxy.host()));
        let environment = Environment {
            https_proxy: proxy.clone(),
            http_proxy: proxy,
            no_proxy: Some(no_proxy.to_owned()),
            ..Environment::default()
        };
        Client::new(options, &environment, Arc::new(Silent)).unwrap()
    }
}

fn repository() -> RepositoryRef {
    "registry.example/a".parse().unwrap()
}

fn tag() -> Target {
    Target::Tag("v1".parse().unwrap())
}

#[test]
fn a_proxy_passes_everything_on_and_reads_nothing() {
    let outside = Outside::new();
    let client = outside.client(true, "other.example");
    let found = client.manifest(&repository(), &tag()).unwrap().unwrap();
    assert_eq!(found.bytes(), outside.image.manifest.bytes());
    assert_eq!(pull(&client, &repository(), &descriptor(&outside.image.layer)).unwrap(), outside.image.layer);

    let heard = outside.proxy.overheard();
    let (registrys, proxys) =
        (STANDARD.encode(format!("{USER}:{PASSWORD}")), STANDARD.encode(format!("clerk:{SECRET}")));
    assert!(!heard.heads.is_empty());
    for head in &heard.heads {
        assert!(head.starts_with("CONNECT registry.example:443 HTTP/1.1\r\n"), "{head}");
        let lower = head.to_ascii_lowercase();
        assert!(lower.contains("proxy-authorization: basic") && head.contains(&proxys), "{head}");
        assert!(!lower.contains("\r\nauthorization:") && !head.contains(&registrys), "{head}");
    }
    // TLS from the first byte on.
    assert_eq!(heard.through.first(), Some(&0x16));
    assert!(!heard.through.windows(registrys.len()).any(|bytes| bytes == registrys.as_bytes()));
    // And the registry learns nothing of the proxy's password.
    assert!(outside.peer.credentials_seen().contains(&format!("Basic {registrys}")));
    assert!(outside.peer.asked().iter().all(|asked| asked.header("proxy-authorization").is_none()));
}

#[test]
fn what_needs_no_proxy_does_not_go_there() {
    let outside = Outside::new();
    for (use_proxy, no_proxy) in [(true, "registry.example"), (true, "x, .example"), (true, "*"), (false, "")]
    {
        // Without the proxy nobody knows this name.
        let found = outside.client(use_proxy, no_proxy).manifest(&repository(), &tag());
        assert!(
            matches!(found, Err(RegistryError::Connection { .. } | RegistryError::Timeout { .. })),
            "{found:?}"
        );
    }
    // This machine is reached without one, whatever is said.
    let near = DockerRegistry::start();
    let client = outside.client(true, "");
    push(&client, &near.repository("b"), &content(10, 1)).unwrap();
    assert_eq!(outside.proxy.overheard().heads, [""; 0]);
}

#[test]
fn a_proxy_that_refuses_is_named_without_its_password() {
    let outside = Outside::new();
    let client = outside.client(true, "");
    let elsewhere: RepositoryRef = "elsewhere.example/a".parse().unwrap();
    let error = client.manifest(&elsewhere, &tag()).unwrap_err();
    assert!(matches!(error, RegistryError::Connection { .. }), "{error:?}");
    let text = format!("{error} {error:?}");
    assert!(text.contains("502") && text.contains("proxy") && !text.contains(SECRET), "{text}");
}

#[test]
fn a_transfer_may_take_so_long_and_no_longer() {
    let bytes = content(100_000, 1);
    let body = bytes.clone();
    let peer = Peer::start(move |asked| {
        let slow = asked.path.contains("/blobs/").then(|| Duration::from_millis(1));
        Answer { drip: slow, ..Answer::new(200).body(body.clone()) }
    });
    let repository: RepositoryRef = format!("{}/a", peer.host()).parse().unwrap();
    let options = ClientOptions {
        plain_http: vec![repository.host.clone()],
        total_timeout: Some(Duration::from_secs(1)),
        ..quick()
    };
    let began = Instant::now();
    let error = pull(&client(options), &repository, &descriptor(&bytes)).unwrap_err();
    assert!(
        matches!(&error, RegistryError::Timeout { during, .. } if during == "the whole transfer"),
        "{error:?}"
    );
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(10), "{took:?}");
}
