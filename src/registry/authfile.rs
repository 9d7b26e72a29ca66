//! Credentials as podman and docker keep them: `auth.json`, `config.json`, pull secrets and credential helpers.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::limits::LIMITS;
use crate::reference::{RegistryHost, Repository};
use crate::registry::secret::Secret;
use crate::registry::{Environment, RegistryError};

/// What somebody may prove who they are with.
#[derive(Clone)]
pub(super) enum Credentials {
    /// A user name and a password.
    Password { user: String, password: Secret },
    /// A refresh token for the registry's token server (OAuth2).
    Identity { token: Secret },
    /// A token to present as it is.
    Bearer { token: Secret },
}

/// Credentials by registry, or by registry and leading path.
#[derive(Default)]
pub(super) struct AuthFile {
    entries: BTreeMap<String, Credentials>,
    helpers: BTreeMap<String, String>,
    store: Option<String>,
    search_path: Option<OsString>,
    /// Where it was read.
    path: Option<PathBuf>,
    asked: Mutex<BTreeMap<String, Option<Credentials>>>,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
    #[serde(default, rename = "credHelpers")]
    helpers: BTreeMap<String, String>,
    #[serde(default, rename = "credsStore")]
    store: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    auth: Option<Secret>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    password: Option<Secret>,
    #[serde(default, rename = "identitytoken")]
    identity: Option<Secret>,
    #[serde(default, rename = "registrytoken")]
    bearer: Option<Secret>,
}

impl AuthFile {
    /// Reads the file that was named, or the first of the usual ones that is there
    /// (containers-auth.json(5): order of search).
    pub(super) fn find(named: Option<&Path>, environment: &Environment) -> Result<Self, RegistryError> {
        if let Some(path) = named.or(environment.auth_file.as_deref()) {
            let file = Self::read(path)?.ok_or_else(|| config(path, "it does not exist"))?;
            let (search_path, path) = (environment.search_path.clone(), Some(path.to_owned()));
            return Ok(Self { search_path, path, ..file });
        }
        for path in usual_places(environment) {
            if let Some(file) = Self::read(&path)? {
                let (search_path, path) = (environment.search_path.clone(), Some(path));
                return Ok(Self { search_path, path, ..file });
            }
        }
        Ok(Self::default())
    }

    fn read(path: &Path) -> Result<Option<Self>, RegistryError> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => Zeroizing::new(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(config(path, &error.to_string())),
        };
        if bytes.len() as u64 > LIMITS.yaml_bytes {
            return Err(config(path, "it is too large"));
        }
        Self::parse(&bytes).map(Some).map_err(|why| config(path, &why))
    }

    /// Parses the content of such a file. The text of an error quotes nothing of it.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let wire: Wire = serde_json::from_slice(bytes).map_err(|error| {
            format!("it is not JSON of the right shape (line {}, column {})", error.line(), error.column())
        })?;
        let mut entries = BTreeMap::new();
        for (key, entry) in wire.auths {
            let credentials = entry.credentials().map_err(|why| format!("entry `{key}` {why}"))?;
            entries.extend(credentials.map(|found| (normal_key(&key), found)));
        }
        let helpers = wire.helpers.into_iter().map(|(key, name)| (normal_key(&key), name)).collect();
        let store = wire.store.filter(|name| !name.is_empty());
        Ok(Self { entries, helpers, store, search_path: None, path: None, asked: Mutex::default() })
    }

    /// The credentials for a repository: the entry with the longest matching path wins, then the host's; a helper for the
    /// host wins over its entry.
    pub(super) fn lookup(
        &self,
        host: &RegistryHost,
        repository: Option<&Repository>,
    ) -> Result<Option<Credentials>, RegistryError> {
        let host_key = normal_key(host.as_str());
        let mut key = match repository {
            Some(repository) => format!("{host_key}/{repository}"),
            None => host_key.clone(),
        };
        while key.len() > host_key.len() {
            if let Some(found) = self.entries.get(&key) {
                return Ok(Some(found.clone()));
            }
            key.truncate(key.rfind('/').unwrap_or(0));
        }
        if let Some(name) = self.helpers.get(&host_key) {
            return self.ask(name, &host_key);
        }
        match (self.entries.get(&host_key), &self.store) {
            (Some(found), _) => Ok(Some(found.clone())),
            (None, Some(name)) => self.ask(name, &host_key),
            (None, None) => Ok(None),
        }
    }

    /// Where the credentials of a host come from: a helper, or the file.
    pub(super) fn source(&self, host: &RegistryHost) -> Option<String> {
        let key = normal_key(host.as_str());
        let helper = self.helpers.get(&key);
        let helper = helper.or(self.store.as_ref().filter(|_| !self.entries.contains_key(&key)));
        let file = || self.path.as_ref().map(|path| path.display().to_string());
        helper.map(|name| format!("docker-credential-{name}")).or_else(file)
    }

    fn ask(&self, name: &str, host: &str) -> Result<Option<Credentials>, RegistryError> {
        // One question per host and run: a helper may ask the person.
        let mut asked = self.asked.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(known) = asked.get(host) {
            return Ok(known.clone());
        }
        let fresh = ask_helper(name, host, self.search_path.as_deref())?;
        asked.insert(host.to_owned(), fresh.clone());
        Ok(fresh)
    }
}

impl Entry {
    fn credentials(self) -> Result<Option<Credentials>, &'static str> {
        let filled = |secret: Option<Secret>| secret.filter(|secret| !secret.expose().is_empty());
        if let Some(token) = filled(self.identity) {
            return Ok(Some(Credentials::Identity { token }));
        }
        if let Some(token) = filled(self.bearer) {
            return Ok(Some(Credentials::Bearer { token }));
        }
        if let Some(auth) = filled(self.auth) {
            let text = auth.expose().trim();
            let bytes = STANDARD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text));
            let bytes = Zeroizing::new(bytes.map_err(|_| "has an `auth` that is not base64")?);
            let text = std::str::from_utf8(&bytes).map_err(|_| "has an `auth` that is not text")?;
            let (user, password) = text.split_once(':').ok_or("has an `auth` without a colon")?;
            // docker pads passwords with NUL where it encodes them itself.
            let password = Secret::new(password.trim_end_matches('\0').to_owned());
            return Ok(Some(Credentials::Password { user: user.to_owned(), password }));
        }
        Ok(match (self.username.filter(|user| !user.is_empty()), filled(self.password)) {
            (Some(user), Some(password)) => Some(Credentials::Password { user, password }),
            _ => None,
        })
    }
}

/// `host` or `host/path` out of what tools write: old docker files have `https://host/v1/`.
fn normal_key(key: &str) -> String {
    let key = key.trim_end_matches('/');
    let bare = match key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")) {
        Some(rest) => rest.split('/').next().unwrap_or(rest),
        None => key,
    };
    match bare {
        "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
        other => other.to_owned(),
    }
}

fn usual_places(environment: &Environment) -> Vec<PathBuf> {
    let home = environment.home.as_deref();
    let config_home = environment.config_home.clone().or_else(|| home.map(|home| home.join(".config")));
    let docker = environment.docker_config.clone().or_else(|| home.map(|home| home.join(".docker")));
    let places = [
        environment.runtime_dir.as_ref().map(|folder| folder.join("containers/auth.json")),
        config_home.map(|folder| folder.join("containers/auth.json")),
        docker.map(|folder| folder.join("config.json")),
    ];
    places.into_iter().flatten().collect()
}

fn config(path: &Path, why: &str) -> RegistryError {
    RegistryError::Config { what: "credentials file", path: path.to_owned(), why: why.to_owned() }
}

/// Runs `docker-credential-NAME get` (docker-credential-helpers protocol: the host on stdin, JSON on stdout).
fn ask_helper(
    name: &str,
    host: &str,
    search_path: Option<&OsStr>,
) -> Result<Option<Credentials>, RegistryError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Said {
        username: String,
        secret: Secret,
    }
    let failed = |why: &str| RegistryError::Helper {
        name: format!("docker-credential-{name}"),
        host: host.to_owned(),
        why: why.to_owned(),
    };
    if !name.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.')) {
        return Err(failed("its name has characters that no program name should have"));
    }
    let server = if host == "docker.io" { "https://index.docker.io/v1/" } else { host };
    let mut command = Command::new(format!("docker-credential-{name}"));
    if let Some(path) = search_path {
        command.env("PATH", path);
    }
    let mut child = command
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed(&error.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that does not read its stdin is judged by what it prints.
        let _ = stdin.write_all(server.as_bytes());
    }
    let output = child.wait_with_output().map_err(|error| failed(&error.to_string()))?;
    let printed = Zeroizing::new(output.stdout);
    if !output.status.success() {
        let text = String::from_utf8_lossy(&printed).to_ascii_lowercase();
        // The protocol's own words for "I have none".
        if text.contains("credentials not found") {
            return Ok(None);
        }
        return Err(failed(&format!("it ended with {}", output.status)));
    }
    let said: Said =
        serde_json::from_slice(&printed).map_err(|_| failed("it did not print what it should"))?;
    Ok(Some(if said.username == "<token>" {
        Credentials::Identity { token: said.secret }
    } else {
        Credentials::Password { user: said.username, password: said.secret }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(file: &AuthFile, host: &str, repository: Option<&str>) -> Option<String> {
        let repository = repository.map(|text| text.parse().unwrap());
        match file.lookup(&host.parse().unwrap(), repository.as_ref()).unwrap()? {
            Credentials::Password { user, password } => Some(format!("{user}:{}", password.expose())),
            Credentials::Identity { token } => Some(format!("identity {}", token.expose())),
            Credentials::Bearer { token } => Some(format!("bearer {}", token.expose())),
        }
    }

    fn entry(text: &str) -> String {
        format!(r#"{{"auth":"{}"}}"#, STANDARD.encode(text))
    }

    #[test]
    fn the_longest_path_wins_and_only_whole_components_match() {
        let json = format!(
            r#"{{"auths":{{"quay.io":{},"quay.io/a":{},"quay.io/a/b":{},"r.example:5000":{}}}}}"#,
            entry("host:1"),
            entry("a:2"),
            entry("ab:x:y"),
            entry("port:3"),
        );
        let file = AuthFile::parse(json.as_bytes()).unwrap();
        for (host, repository, expected) in [
            ("quay.io", None, Some("host:1")),
            ("quay.io", Some("a"), Some("a:2")),
            ("quay.io", Some("a/b"), Some("ab:x:y")),
            ("quay.io", Some("a/b/c"), Some("ab:x:y")),
            ("quay.io", Some("a/bc"), Some("a:2")),
            ("quay.io", Some("ab"), Some("host:1")),
            ("r.example:5000", Some("a"), Some("port:3")),
            ("r.example", Some("a"), None),
            ("r.example:5001", None, None),
            ("evil-quay.io", None, None),
        ] {
            assert_eq!(user(&file, host, repository).as_deref(), expected, "{host} {repository:?}");
        }
    }

    #[test]
    fn reads_every_form_of_an_entry() {
        let json = r#"{"auths":{
            "https://index.docker.io/v1/":{"auth":"dTpw"},
            "a.example":{"username":"u","password":"p"},
            "b.example":{"auth":"dTpw","identitytoken":"t"},
            "c.example":{"registrytoken":"t"},
            "d.example":{},
            "e.example":{"auth":"dTpw","email":"x@example.com"}}}"#;
        let file = AuthFile::parse(json.as_bytes()).unwrap();
        for (host, expected) in [
            ("docker.io", Some("u:p")),
            ("a.example", Some("u:p")),
            ("b.example", Some("identity t")),
            ("c.example", Some("bearer t")),
            ("d.example", None),
            ("e.example", Some("u:p")),
        ] {
            assert_eq!(user(&file, host, None).as_deref(), expected, "{host}");
        }
    }

    proptest::proptest! {
        /// Whatever stands in a file: it is read or refused, and never quoted.
        #[test]
        fn any_file_is_read_or_refused(
            key in "(https?://)?[a-z./:]{0,12}",
            auth in "(geheim|[A-Za-z0-9+/=]{0,12}|.{0,6})",
            field in "(auth|username|password|identitytoken|registrytoken|credHelpers)",
            tail in "(\\}\\}\\}|\\},\\}|.{0,6})",
        ) {
            let [key, auth] = [key, auth].map(|text| serde_json::to_string(&text).unwrap());
            for text in [format!(r#"{{"auths":{{{key}:{{"{field}":{auth}{tail}"#), format!("{key}{auth}{tail}")] {
                match AuthFile::parse(text.as_bytes()) {
                    Ok(file) => {
                        let found = file.lookup(&"a.example:5000".parse().unwrap(), Some(&"b/c".parse().unwrap()));
                        proptest::prop_assert!(found.is_ok());
                    }
                    Err(why) => proptest::prop_assert!(!why.contains("geheim"), "{}", why),
                }
            }
        }
    }

    #[test]
    fn a_broken_file_is_told_without_quoting_it() {
        for text in [
            r#"{"auths":{"a":{"auth":"geheim geheim"}}}"#,
            r#"{"auths":{"a":{"auth":"Z2VoZWlt"}}}"#,
            r#"{"auths":{"a":{"auth":["geheim"]}}}"#,
            r#"{"auths":"geheim"}"#,
        ] {
            let why = AuthFile::parse(text.as_bytes()).err().unwrap();
            assert!(!why.contains("geheim") && !why.contains("Z2Vo"), "{why}");
        }
    }

    #[test]
    fn looks_in_the_usual_order() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let environment = Environment {
            home: Some(root.join("home")),
            runtime_dir: Some(root.join("run")),
            ..Environment::default()
        };
        let write = |path: &Path, name: &str| {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, format!(r#"{{"auths":{{"a.example":{}}}}}"#, entry(&format!("{name}:p"))))
                .unwrap();
        };
        let found = |named: Option<&Path>, environment: &Environment| {
            AuthFile::find(named, environment).map(|file| user(&file, "a.example", None))
        };
        assert_eq!(found(None, &environment).unwrap(), None);
        write(&root.join("home/.docker/config.json"), "docker");
        assert_eq!(found(None, &environment).unwrap().as_deref(), Some("docker:p"));
        write(&root.join("home/.config/containers/auth.json"), "home");
        assert_eq!(found(None, &environment).unwrap().as_deref(), Some("home:p"));
        write(&root.join("run/containers/auth.json"), "run");
        assert_eq!(found(None, &environment).unwrap().as_deref(), Some("run:p"));
        let named = root.join("env.json");
        let environment = Environment { auth_file: Some(named.clone()), ..environment };
        assert!(found(None, &environment).is_err(), "a file that was named must exist");
        write(&named, "env");
        assert_eq!(found(None, &environment).unwrap().as_deref(), Some("env:p"));
        write(&root.join("flag.json"), "flag");
        assert_eq!(found(Some(&root.join("flag.json")), &environment).unwrap().as_deref(), Some("flag:p"));
    }
}
