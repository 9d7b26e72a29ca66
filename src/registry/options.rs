//! What a client is told: files, hosts, limits of patience, and what the environment says.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::reference::RegistryHost;
use crate::site::ProfileName;

/// The parts of the process's environment that this room heeds; `cli` reads them.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`; `~/.config` when it is not set.
    pub config_home: Option<PathBuf>,
    /// `DOCKER_CONFIG`, a folder; `~/.docker` when it is not set.
    pub docker_config: Option<PathBuf>,
    /// `PATH`, where credential helpers are found; without it, the process's own.
    pub search_path: Option<OsString>,
    /// `REGISTRY_AUTH_FILE`.
    pub auth_file: Option<PathBuf>,
    /// `CONTAINERS_REGISTRIES_CONF`.
    pub registries_conf: Option<PathBuf>,
    /// `HTTPS_PROXY`, for `https` requests.
    pub https_proxy: Option<String>,
    /// `HTTP_PROXY`, for `http` requests.
    pub http_proxy: Option<String>,
    /// `NO_PROXY`.
    pub no_proxy: Option<String>,
}

/// How a client behaves. The defaults suit a registry on the same continent.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Where credentials are; without it, the usual places are searched.
    pub authfile: Option<PathBuf>,
    /// PEM files of certificate authorities to trust besides the system's.
    pub ca_files: Vec<PathBuf>,
    /// Folders with one folder per `host:port` that holds `*.crt` (authorities), `*.cert` and `*.key` (client).
    pub certs_dirs: Vec<PathBuf>,
    /// A containers `registries.conf` (version 2) that says where pulls really go.
    pub registries_conf: Option<PathBuf>,
    /// Folders that may hold a `registries.conf` and a `registries.conf.d`, best first; heeded where none is named.
    pub registries_dirs: Vec<PathBuf>,
    /// Hosts that are spoken to in plain HTTP. Loopback hosts fall back to it by themselves.
    pub plain_http: Vec<RegistryHost>,
    /// Pairs of registry host and token server host that may get the registry's credentials though its name differs.
    pub token_realms: Vec<(RegistryHost, RegistryHost)>,
    /// How often a request is tried again.
    pub retries: u32,
    /// The first wait before trying again; it doubles, up to `retry_wait_cap`.
    pub retry_wait: Duration,
    /// The longest wait before trying again, also where a registry asks for a longer one.
    pub retry_wait_cap: Duration,
    /// For name resolution, TCP and TLS together.
    pub connect_timeout: Duration,
    /// Longest silence while bytes move, in either direction.
    pub idle_timeout: Duration,
    /// Longest wait for a registry's answer after it has the whole request. Registries hash and move what was uploaded
    /// before they answer.
    pub response_timeout: Duration,
    /// Ceiling on one transfer of a blob, retries included; none by default, as sizes differ by a factor of a million.
    pub total_timeout: Option<Duration>,
    /// Whether proxies of the environment are used. The air-gapped side has none and ignores them.
    pub use_proxy: bool,
    /// What kind of registry is pushed to.
    pub profile: ProfileName,
    /// The `User-Agent`.
    pub user_agent: String,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            authfile: None,
            ca_files: Vec::new(),
            certs_dirs: Vec::new(),
            registries_conf: None,
            registries_dirs: Vec::new(),
            plain_http: Vec::new(),
            token_realms: Vec::new(),
            retries: 4,
            retry_wait: Duration::from_millis(500),
            retry_wait_cap: Duration::from_mins(2),
            connect_timeout: Duration::from_secs(20),
            idle_timeout: Duration::from_mins(1),
            response_timeout: Duration::from_mins(5),
            total_timeout: None,
            use_proxy: false,
            profile: ProfileName::Auto,
            user_agent: concat!("ombundle/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}
