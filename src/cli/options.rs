//! Options that several commands share.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::console::LogFormat;
use crate::reference::RegistryHost;
use crate::workers;

/// How the program talks.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputOptions {
    /// How messages on stderr look
    #[arg(long, value_enum, default_value = "text", global = true, env = "OMBUNDLE_LOG_FORMAT")]
    pub(super) log_format: LogFormat,

    /// No progress bars, even on a terminal
    #[arg(long, global = true, env = "OMBUNDLE_NO_PROGRESS")]
    pub(super) no_progress: bool,

    /// Do not ask: take what the command line decides as it stands. Without a terminal nothing is asked anyway
    #[arg(short, long, global = true)]
    pub(super) yes: bool,

    /// Say more: each object that moves
    #[arg(short, long, global = true)]
    pub(super) verbose: bool,
}

/// How a result on stdout looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ResultFormat {
    /// For people.
    Text,
    /// For scripts; follows a schema in `schema/`.
    Json,
}

/// How registries are reached.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Registries")]
pub(super) struct RegistryArgs {
    /// File with credentials: auth.json, docker config or pull secret
    #[arg(long, value_name = "FILE", env = "REGISTRY_AUTH_FILE")]
    pub(super) authfile: Option<PathBuf>,

    /// PEM file with certificate authorities to trust besides the system's
    #[arg(long, value_name = "FILE", env = "OMBUNDLE_CA_FILE")]
    pub(super) ca_file: Vec<PathBuf>,

    /// The containers registries.conf: where sources really come from. By default what stands in `~/.config/containers` and
    /// `/etc/containers`; commands behind the air gap heed none
    #[arg(long, value_name = "FILE", env = "CONTAINERS_REGISTRIES_CONF")]
    pub(super) registries_conf: Option<PathBuf>,

    /// Speak plain HTTP with this host. Whoever is on the way can read and change what passes; loopback needs no such flag
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(super) plain_http: Vec<String>,

    /// Token server that may see a registry's credentials though its name differs
    #[arg(long, value_name = "REGISTRY=TOKEN_HOST", value_parser = token_realm)]
    pub(super) token_realm: Vec<(RegistryHost, RegistryHost)>,

    /// How many transfers at once
    #[arg(short, long, value_name = "N", env = "OMBUNDLE_JOBS")]
    pub(super) jobs: Option<NonZeroUsize>,

    /// How often a request that failed is tried again
    #[arg(long, value_name = "N", default_value_t = 5, env = "OMBUNDLE_RETRIES")]
    pub(super) retries: u32,

    /// Seconds without a byte after which a connection is given up
    #[arg(long, value_name = "SECONDS", default_value_t = 60, env = "OMBUNDLE_TIMEOUT")]
    pub(super) timeout: u64,
}

/// Where downloads are kept for the next time.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Registries")]
pub(super) struct CacheArgs {
    /// Folder that keeps what is read of catalogs and bundles (layers, manifests), or `none`. By default `ombundle` below
    /// `$XDG_CACHE_HOME` or `~/.cache`. What was not used for 30 days goes, and the longest unused of more than 8 GiB
    #[arg(long, value_name = "DIR", env = "OMBUNDLE_CACHE_DIR")]
    pub(super) cache_dir: Option<PathBuf>,
}

/// How source registries are reached, and what is kept of them.
#[derive(Debug, Clone, Args)]
pub(super) struct UpstreamArgs {
    #[command(flatten)]
    pub(super) registries: RegistryArgs,

    #[command(flatten)]
    pub(super) cache: CacheArgs,
}

fn token_realm(text: &str) -> Result<(RegistryHost, RegistryHost), String> {
    let (registry, realm) = text.split_once('=').ok_or("it must be two hosts joined by `=`")?;
    let host =
        |text: &str| text.parse().map_err(|error: crate::reference::InvalidReference| error.to_string());
    Ok((host(registry)?, host(realm)?))
}

impl RegistryArgs {
    /// How many transfers run at once: as asked, else enough to hide latency without starving a small host.
    pub(super) fn jobs(&self) -> usize {
        let cores = workers::cores();
        self.jobs.map_or((cores * 2).clamp(4, 16), NonZeroUsize::get)
    }
}
