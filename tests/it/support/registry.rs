//! Debian's `docker-registry` as a process of the test: own folder, free port, ended by its id.

use std::fmt::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use ombundle::reference::{RegistryHost, RepositoryRef};

use super::tls::Identity;
use super::token::{ISSUER, SERVICE, TokenServer};

/// The one user of a registry with [`Options::htpasswd`].
pub(crate) const USER: &str = "alice";
/// Her password.
pub(crate) const PASSWORD: &str = "wonderland";
/// Both, as `htpasswd -B` writes them.
const HTPASSWD: &str = "alice:$2y$05$5IXO70JOp.QXGJnRV2tZfeQ6daaiGUZFz597uptgjNbizcO7CJfim\n";

/// What kind of registry to start.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the registry's own")]
pub(crate) struct Options {
    /// Speak TLS, with a certificate for `localhost` and 127.0.0.1 by an authority of its own.
    pub(crate) tls: bool,
    /// Want a certificate of the client, by the authority of its own. Only with TLS.
    pub(crate) client_certificates: bool,
    /// Want [`USER`] and [`PASSWORD`] by basic authentication.
    pub(crate) htpasswd: bool,
    /// Want tokens of this server: realm, and the certificate that signs.
    pub(crate) token: Option<(String, PathBuf)>,
    /// Refuse deletions, as it does by default elsewhere.
    pub(crate) no_delete: bool,
    /// Serve the content that is there, and take no writes (`maintenance.readonly`).
    pub(crate) frozen: Option<PathBuf>,
    /// Keep the content there; else in a folder that goes with the registry.
    pub(crate) storage: Option<PathBuf>,
}

impl Options {
    /// Wants tokens of a token server.
    pub(crate) fn tokens_of(server: &TokenServer) -> Self {
        Self { token: Some((server.realm(), server.bundle_path())), ..Self::default() }
    }
}

/// A running registry.
pub(crate) struct DockerRegistry {
    child: Child,
    host: String,
    folder: tempfile::TempDir,
    storage: PathBuf,
    identity: Option<Identity>,
}

impl DockerRegistry {
    /// Plain HTTP, no authentication, deletion allowed.
    pub(crate) fn start() -> Self {
        Self::start_with(&Options::default())
    }

    pub(crate) fn start_with(options: &Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let storage = options
            .frozen
            .clone()
            .or_else(|| options.storage.clone())
            .unwrap_or_else(|| folder.path().join("storage"));
        let identity = options.tls.then(Identity::for_loopback);
        // The port is free now; should somebody else take it before the registry does, the next one is tried.
        for _ in 0..10 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let host = format!("127.0.0.1:{port}");
            let config = config(&host, &storage, folder.path(), options, identity.as_ref());
            let path = folder.path().join("config.yml");
            std::fs::write(&path, config).unwrap();
            let log = std::fs::File::create(folder.path().join("log")).unwrap();
            let mut child = Command::new("docker-registry")
                .arg("serve")
                .arg(&path)
                .env_clear()
                .stdin(Stdio::null())
                .stdout(log.try_clone().unwrap())
                .stderr(log)
                .spawn()
                .expect("docker-registry is needed: apt-get install docker-registry");
            if is_up(&mut child, &host) {
                return Self { child, host, folder, storage, identity };
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        panic!(
            "no registry came up: {}",
            std::fs::read_to_string(folder.path().join("log")).unwrap_or_default()
        );
    }

    /// `127.0.0.1:port`.
    pub(crate) fn host(&self) -> RegistryHost {
        self.host.parse().unwrap()
    }

    /// A repository in it.
    pub(crate) fn repository(&self, name: &str) -> RepositoryRef {
        RepositoryRef { host: self.host(), repository: name.parse().unwrap() }
    }

    /// The authority that signed its certificate.
    pub(crate) fn ca_pem_path(&self) -> PathBuf {
        self.identity.as_ref().unwrap().ca_pem_path()
    }

    /// Who it is, where it speaks TLS.
    pub(crate) fn identity(&self) -> &Identity {
        self.identity.as_ref().unwrap()
    }

    /// The same, where it speaks TLS.
    pub(crate) fn authority(&self) -> Option<PathBuf> {
        self.identity.as_ref().map(Identity::ca_pem_path)
    }

    /// How many requests came that change something.
    pub(crate) fn changes(&self) -> usize {
        let log = self.log();
        ["POST", "PUT", "PATCH", "DELETE"]
            .iter()
            .map(|method| log.matches(&format!("\"{method} /v2/")).count())
            .sum()
    }

    /// Where it keeps its files.
    pub(crate) fn storage(&self) -> &Path {
        &self.storage
    }

    /// The file that holds a blob.
    pub(crate) fn blob_path(&self, digest: &ombundle::digest::Digest) -> PathBuf {
        let hex = digest.hex();
        self.storage.join(format!("docker/registry/v2/blobs/sha256/{}/{hex}/data", &hex[..2]))
    }

    /// Its configuration, for commands that look at its storage.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("config.yml")
    }

    /// What it said so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_up(child: &mut Child, host: &str) -> bool {
    let end = Instant::now() + Duration::from_secs(20);
    while Instant::now() < end {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        if TcpStream::connect(host).is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

fn config(
    host: &str,
    storage: &Path,
    folder: &Path,
    options: &Options,
    identity: Option<&Identity>,
) -> String {
    let mut text = format!(
        "version: 0.1\nlog: {{level: info}}\nstorage:\n  filesystem: {{rootdirectory: {}}}\n  delete: {{enabled: {}}}\n\
         {}http:\n  addr: {host}\n",
        storage.display(),
        !options.no_delete,
        if options.frozen.is_some() { "  maintenance: {readonly: {enabled: true}}\n" } else { "" },
    );
    if let Some(identity) = identity {
        let (certificate, key) = (identity.certificate_path(), identity.key_path());
        let (certificate, key) = (certificate.display(), key.display());
        let clients = if options.client_certificates {
            format!(", clientcas: [{}]", identity.ca_pem_path().display())
        } else {
            String::new()
        };
        let _ = writeln!(text, "  tls: {{certificate: {certificate}, key: {key}{clients}}}");
    }
    if options.htpasswd {
        let path = folder.join("htpasswd");
        std::fs::write(&path, HTPASSWD).unwrap();
        let _ = writeln!(text, "auth:\n  htpasswd: {{realm: test, path: {}}}", path.display());
    }
    if let Some((realm, bundle)) = &options.token {
        let _ = writeln!(
            text,
            "auth:\n  token: {{realm: \"{realm}\", service: {SERVICE}, issuer: {ISSUER}, rootcertbundle: {}}}",
            bundle.display()
        );
    }
    text
}

/// Writes an auth file with one entry per key.
pub(crate) fn auth_file(folder: &Path, entries: &[(&str, &str, &str)]) -> PathBuf {
    let auths: serde_json::Map<String, serde_json::Value> = entries
        .iter()
        .map(|(key, user, password)| {
            let auth = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
            ((*key).to_owned(), serde_json::json!({ "auth": auth }))
        })
        .collect();
    let path = folder.join("auth.json");
    std::fs::write(&path, serde_json::json!({ "auths": auths }).to_string()).unwrap();
    path
}
