//! The registry client as the command line and the environment ask for it.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::cli::failure::Failure;
use crate::cli::options::{CacheArgs, RegistryArgs, UpstreamArgs};
use crate::cli::{Context, Traces};
use crate::event::{Event, Events};
use crate::fetch::Upstream;
use crate::flow::standing::Onlooker;
use crate::limits::LIMITS;
use crate::mapping::Mapping;
use crate::reference::RegistryHost;
use crate::registry::{Client, ClientOptions, Environment, RegistryError};
use crate::site::{ProfileName, Site};
use crate::store::cache::Cache;
use crate::transfer::Proof;

/// On which side of the gap a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Proxies and registries.conf of the environment hold.
    Connected,
    /// There is no proxy, and sources are not asked: only what is named on the command line holds.
    AirGapped,
}

/// Where certificates of registries are looked for, as containers tools do (containers-certs.d(5)).
const CERTS_DIRS: [&str; 2] = ["/etc/containers/certs.d", "/etc/docker/certs.d"];

/// A client for this side.
pub(super) fn client(
    args: &RegistryArgs,
    side: Side,
    profile: ProfileName,
    context: &Context,
) -> Result<Client, Failure> {
    let plain_http = args
        .plain_http
        .iter()
        .map(|host| {
            context.console.emit(&Event::Warning {
                text: &format!(
                    "plain HTTP with {host}: whoever is on the way can read and change what passes"
                ),
            });
            host.parse::<RegistryHost>().map_err(Failure::usage)
        })
        .collect::<Result<_, _>>()?;
    let environment = environment(side);
    let (registries_conf, registries_dirs) = match side {
        Side::Connected => (args.registries_conf.clone(), registries_dirs(&environment)),
        Side::AirGapped => (None, Vec::new()),
    };
    let idle = Duration::from_secs(args.timeout.max(1));
    let options = ClientOptions {
        authfile: args.authfile.clone(),
        ca_files: args.ca_file.clone(),
        certs_dirs: CERTS_DIRS.iter().map(PathBuf::from).collect(),
        registries_conf,
        registries_dirs,
        plain_http,
        token_realms: args.token_realm.clone(),
        retries: args.retries,
        connect_timeout: idle.min(Duration::from_secs(30)),
        idle_timeout: idle,
        response_timeout: idle * 5,
        use_proxy: side == Side::Connected,
        profile,
        ..ClientOptions::default()
    };
    Ok(Client::new(options, &environment, Arc::clone(&context.console) as Arc<_>)?)
}

/// Seconds after which a registry that is asked in passing counts as out of reach.
const BRIEFLY: u64 = 5;

/// A client for a site's production if that answers now, for commands that do without it too; else why it does not.
pub(super) fn if_reached(
    site: &Site,
    args: &RegistryArgs,
    context: &Context,
) -> Result<Result<Client, String>, Failure> {
    let briefly = RegistryArgs { retries: 0, timeout: args.timeout.min(BRIEFLY), ..args.clone() };
    let profile = site.spec.profile;
    let asked = client(&briefly, Side::AirGapped, profile, context)?.ping(&site.spec.production.registry);
    match asked {
        Ok(_) => Ok(Ok(client(args, Side::AirGapped, profile, context)?)),
        Err(RegistryError::Interrupted) => Err(RegistryError::Interrupted.into()),
        Err(error) => Ok(Err(error.to_string())),
    }
}

/// Where containers tools look for a registries.conf: the user's folder, then the system's.
fn registries_dirs(environment: &Environment) -> Vec<PathBuf> {
    let user = environment.config_home.clone();
    let user = user.or_else(|| environment.home.as_ref().map(|home| home.join(".config")));
    let user = user.map(|folder| folder.join("containers"));
    user.into_iter().chain([PathBuf::from("/etc/containers")]).collect()
}

/// The cache of the connected side; nothing where there is none. One that was not asked for by name is done without when it cannot
/// be used.
pub(super) fn cache(args: &CacheArgs, context: &Context) -> Result<Option<Cache>, Failure> {
    match args.cache_dir.as_deref() {
        Some(folder) if folder == Path::new("none") => return Ok(None),
        Some(folder) => return Ok(Some(Cache::open(folder)?)),
        None => {}
    }
    let Some(folder) = usual_folder(context, "XDG_CACHE_HOME", ".cache") else { return Ok(None) };
    Ok(match Cache::open(&folder) {
        Ok(cache) => Some(cache),
        Err(error) => {
            context.console.say(&format!("downloads are not kept for the next time: {error}"));
            None
        }
    })
}

/// The source registries behind the cache.
pub(super) struct Reached {
    pub(super) client: Client,
    cache: Option<Cache>,
}

impl Reached {
    /// Makes ready what asks them.
    pub(super) fn new(args: &UpstreamArgs, context: &Context) -> Result<Self, Failure> {
        let client = client(&args.registries, Side::Connected, ProfileName::Auto, context)?;
        Ok(Self { client, cache: cache(&args.cache, context)? })
    }

    /// They themselves.
    pub(super) fn upstream(&self) -> Upstream<'_> {
        Upstream { client: &self.client, cache: self.cache.as_ref() }
    }
}

/// A site's production as commands look at it.
pub(super) struct Production<'a> {
    site: &'a Site,
    mapping: Mapping,
    proof: Proof,
    client: Client,
    jobs: usize,
    events: &'a dyn Events,
}

impl<'a> Production<'a> {
    /// `paranoid` reads back what is there and hashes it, where otherwise its size is asked for.
    pub(super) fn new(
        site: &'a Site,
        args: &RegistryArgs,
        paranoid: bool,
        context: &'a Context,
    ) -> Result<Self, Failure> {
        Ok(Self {
            site,
            client: client(args, Side::AirGapped, site.spec.profile, context)?,
            mapping: Mapping::new(&site.spec.repositories)?,
            proof: if paranoid { Proof::bytes() } else { Proof::sizes() },
            jobs: args.jobs(),
            events: &*context.console,
        })
    }

    pub(super) fn onlooker(&self) -> Onlooker<'_> {
        let Self { site, mapping, proof, client, jobs, events } = self;
        Onlooker { site, mapping, proof, client, jobs: *jobs, events: *events, limits: &LIMITS }
    }
}

/// Our folder where the user keeps things of this kind (XDG base directory specification: only absolute paths count); nothing where
/// no traces are to be left, or the environment names no place.
pub(super) fn usual_folder(context: &Context, variable: &str, in_home: &str) -> Option<PathBuf> {
    if context.traces == Traces::None {
        return None;
    }
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute(variable).or_else(|| absolute("HOME").map(|home| home.join(in_home)))?;
    Some(base.join("ombundle"))
}

/// What the environment says of registries.
pub(super) fn environment(side: Side) -> Environment {
    let text = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let either = |name: &str| text(name).or_else(|| text(&name.to_lowercase()));
    let path = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let connected = side == Side::Connected;
    Environment {
        home: path("HOME"),
        runtime_dir: path("XDG_RUNTIME_DIR"),
        config_home: path("XDG_CONFIG_HOME"),
        docker_config: path("DOCKER_CONFIG"),
        search_path: env::var_os("PATH"),
        auth_file: path("REGISTRY_AUTH_FILE"),
        registries_conf: path("CONTAINERS_REGISTRIES_CONF").filter(|_| connected),
        https_proxy: either("HTTPS_PROXY").filter(|_| connected),
        http_proxy: either("HTTP_PROXY").filter(|_| connected),
        no_proxy: either("NO_PROXY").filter(|_| connected),
    }
}
