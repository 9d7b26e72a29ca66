//! The client: what can be asked of registries.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ureq::http::{Method, header};
use url::Url;

use crate::digest::Digest;
use crate::event::{Event, Events};
use crate::limits::LIMITS;
use crate::oci::{Descriptor, RawManifest, media};
use crate::reference::{RegistryHost, Repository, RepositoryRef};
use crate::registry::auth::{Actions, Authenticator, Purpose};
use crate::registry::authfile::AuthFile;
use crate::registry::conf::{Endpoint, RegistriesConf};
use crate::registry::exchange::{Ask, Payload};
use crate::registry::origin::{Origin, api_root};
use crate::registry::profile::{Profile, Signs, recognise};
use crate::registry::push::Uploads;
use crate::registry::reply::{Reply, clean, connection_error};
use crate::registry::retry::{Failed, Tries};
use crate::registry::transport::Agents;
use crate::registry::{BlobBody, ClientOptions, Environment, Ping, RegistryError, Target};
use crate::site::ProfileName;

/// Asks registries. Threads share one by reference; connections and tokens are kept between requests.
///
/// `manifest`, `head_manifest`, `blob`, `blob_size`, `tags` and `attachments` go where `registries.conf` sends pulls;
/// everything else goes to the host that is named. So a client that must know what one registry itself holds is made
/// without a `registries.conf`.
pub struct Client {
    pub(super) options: ClientOptions,
    pub(super) events: Arc<dyn Events + Send + Sync>,
    pub(super) agents: Agents,
    pub(super) auth: Authenticator,
    pub(super) uploads: Uploads,
    /// Blobs and manifests that were written through this client.
    pub(super) written: AtomicU64,
    conf: RegistriesConf,
    roots: Mutex<BTreeMap<RegistryHost, Url>>,
    kinds: Mutex<BTreeMap<RegistryHost, ProfileName>>,
}

/// A repository at the registry that answers for it, or a registry alone.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) host: RegistryHost,
    pub(super) origin: Origin,
    pub(super) repository: Option<Repository>,
    root: Url,
}

impl Place {
    /// The address of `tail` below the repository, or below the API's root.
    pub(super) fn url(&self, tail: &str) -> Url {
        let mut url = self.root.clone();
        let path = match &self.repository {
            Some(repository) => format!("/v2/{repository}/{tail}"),
            None => format!("/v2/{tail}"),
        };
        let (path, query) =
            path.split_once('?').map_or((path.as_str(), None), |(path, query)| (path, Some(query)));
        url.set_path(path);
        url.set_query(query);
        url
    }

    /// For what a request about it is made.
    pub(super) fn purpose(&self, actions: Actions) -> Purpose {
        let (host, origin, repository) = (self.host.clone(), self.origin.clone(), self.repository.clone());
        Purpose { host, origin, repository, actions, beside: None }
    }
}

impl Client {
    /// Reads the files that the options name. Opens no connection.
    pub fn new(
        options: ClientOptions,
        environment: &Environment,
        events: Arc<dyn Events + Send + Sync>,
    ) -> Result<Self, RegistryError> {
        let file = AuthFile::find(options.authfile.as_deref(), environment)?;
        let named = options.registries_conf.as_deref().or(environment.registries_conf.as_deref());
        let conf = RegistriesConf::find(named, &options.registries_dirs)?;
        Ok(Self {
            agents: Agents::new(&options, environment)?,
            auth: Authenticator::new(file, options.token_realms.clone()),
            uploads: Uploads::default(),
            written: AtomicU64::new(0),
            conf,
            roots: Mutex::default(),
            kinds: Mutex::default(),
            options,
            events,
        })
    }

    /// How many blobs and manifests were written through this client so far; what was there already does not count.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Asks a registry who it is (`GET /v2/`), with credentials where it wants some.
    pub fn ping(&self, host: &RegistryHost) -> Result<Ping, RegistryError> {
        let place = self.registry(host)?;
        let purpose = place.purpose(Actions::None);
        self.retrying(&format!("GET {host}/v2/"), || {
            let reply = self.exchange(&Ask::new(Method::GET, place.url(""), &purpose), Payload::Nothing)?;
            if reply.status != 200 {
                return Err(reply.failure(&self.auth.describe(&purpose), &self.options));
            }
            let (auth, realm, service) = self.auth.kind(&place.origin);
            let server = clean(reply.header("server").unwrap_or_default());
            let header_names = reply.headers.keys().map(ureq::http::HeaderName::as_str).collect();
            let profile =
                recognise(&Signs { server: &server, header_names, auth, realm: &realm, service: &service });
            reply.done();
            self.kinds.lock().unwrap_or_else(PoisonError::into_inner).insert(host.clone(), profile);
            Ok(Ping { tls: place.origin.is_tls(), auth, server, profile })
        })
    }

    /// What is known of the kind of registry at a host: the profile that the options name, else what it shows when asked.
    pub fn profile(&self, host: &RegistryHost) -> Result<Profile, RegistryError> {
        if self.options.profile != ProfileName::Auto {
            return Ok(Profile::of(self.options.profile));
        }
        let known = self.kinds.lock().unwrap_or_else(PoisonError::into_inner).get(host).copied();
        match known {
            Some(name) => Ok(Profile::of(name)),
            None => Ok(Profile::of(self.ping(host)?.profile)),
        }
    }

    /// What a tag or digest points to, or nothing. Costs no manifest download where the registry answers HEAD properly.
    pub fn head_manifest(
        &self,
        repository: &RepositoryRef,
        target: &Target,
    ) -> Result<Option<Descriptor>, RegistryError> {
        self.pull(repository, target, |place| {
            let purpose = place.purpose(Actions::Pull);
            let url = place.url(&format!("manifests/{target}"));
            let ask = accepting_manifests(Ask::new(Method::HEAD, url, &purpose));
            let reply = self.exchange(&ask, Payload::Nothing)?;
            match reply.status {
                200 => {
                    if let Some(descriptor) = described(&reply, target) {
                        return Ok(Some(descriptor));
                    }
                }
                404 => return Ok(None),
                401 | 403 | 429 => return Err(reply.failure(&self.auth.describe(&purpose), &self.options)),
                // Nexus 3.96.0 answers 500 to every HEAD (nexus-public#1059): ask in the other way.
                _ => {}
            }
            Ok(self.manifest_at(place, target)?.map(|manifest| manifest.descriptor()))
        })
    }

    /// A manifest's exact bytes, checked against the digest that was asked for or announced; nothing where there is none.
    pub fn manifest(
        &self,
        repository: &RepositoryRef,
        target: &Target,
    ) -> Result<Option<RawManifest>, RegistryError> {
        self.pull(repository, target, |place| self.manifest_at(place, target))
    }

    pub(super) fn manifest_at(&self, place: &Place, target: &Target) -> Result<Option<RawManifest>, Failed> {
        let purpose = place.purpose(Actions::Pull);
        let url = place.url(&format!("manifests/{target}"));
        let reply =
            self.exchange(&accepting_manifests(Ask::new(Method::GET, url, &purpose)), Payload::Nothing)?;
        match reply.status {
            200 => {}
            404 => {
                reply.done();
                return Ok(None);
            }
            _ => return Err(reply.failure(&self.auth.describe(&purpose), &self.options)),
        }
        let request = reply.request.clone();
        let expected = match target {
            Target::Digest(digest) => Some(*digest),
            Target::Tag(_) => reply.content_digest(),
        };
        let kind = reply.header("content-type").map(str::to_owned);
        if kind.as_deref().is_some_and(|kind| kind.trim_start().starts_with("text/html")) {
            return Err(reply.malformed("it sent a web page (text/html) and no manifest").into());
        }
        let bytes = reply.bytes(LIMITS.manifest_bytes, &self.options)?;
        let found = Digest::of(&bytes);
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            return Err(RegistryError::WrongContent { request, expected, found }.into());
        }
        let manifest = RawManifest::new(bytes, kind.as_deref())
            .map_err(|source| RegistryError::Manifest { request, source })?;
        Ok(Some(manifest))
    }

    /// The size of a blob, or nothing where there is none.
    pub fn blob_size(
        &self,
        repository: &RepositoryRef,
        digest: Digest,
    ) -> Result<Option<u64>, RegistryError> {
        self.pull(repository, &digest.into(), |place| self.blob_size_at(place, digest, Actions::Pull))
    }

    pub(super) fn blob_size_at(
        &self,
        place: &Place,
        digest: Digest,
        actions: Actions,
    ) -> Result<Option<u64>, Failed> {
        let purpose = place.purpose(actions);
        let ask = Ask::new(Method::HEAD, place.url(&format!("blobs/{digest}")), &purpose);
        let reply = self.exchange(&ask, Payload::Nothing)?;
        match reply.status {
            200 => match reply.length() {
                Some(size) => Ok(Some(size)),
                None => Err(reply.malformed("the answer does not say how large the blob is").into()),
            },
            404 => Ok(None),
            _ => Err(reply.failure(&self.auth.describe(&purpose), &self.options)),
        }
    }

    /// The bytes of a blob from offset `from` on, never more than its size. The reader goes on by itself when a connection
    /// breaks. **It does not hash**: wrap it in a [`crate::digest::VerifyingReader`]. Its errors are [`RegistryError`]s
    /// inside [`std::io::Error`]s; [`RegistryError::from_io`] takes them out.
    pub fn blob(
        &self,
        repository: &RepositoryRef,
        blob: &Descriptor,
        from: u64,
    ) -> Result<BlobBody<'_>, RegistryError> {
        let mut places = self.places(repository, &blob.digest.into())?;
        let Some(last) = places.pop() else {
            return Err(RegistryError::Blocked { repository: repository.to_string() });
        };
        for place in places {
            let host = place.host.clone();
            match BlobBody::open(self, place, blob, from) {
                Err(RegistryError::Interrupted) => return Err(RegistryError::Interrupted),
                Err(error) => self.pass_over(&host, &error),
                body => return body,
            }
        }
        BlobBody::open(self, last, blob, from)
    }

    /// Runs a request at each place that may answer for a repository until one has something.
    pub(super) fn pull<T>(
        &self,
        repository: &RepositoryRef,
        target: &Target,
        ask: impl Fn(&Place) -> Result<Option<T>, Failed>,
    ) -> Result<Option<T>, RegistryError> {
        let mut places = self.places(repository, target)?;
        let last = places.pop();
        for place in &places {
            match self.retrying(&format!("GET {}/{target}", place.host), || ask(place)) {
                Ok(None) => {}
                Err(RegistryError::Interrupted) => return Err(RegistryError::Interrupted),
                Err(error) => self.pass_over(&place.host, &error),
                found => return found,
            }
        }
        match last {
            Some(place) => self.retrying(&format!("GET {repository}/{target}"), || ask(&place)),
            None => Ok(None),
        }
    }

    fn pass_over(&self, host: &RegistryHost, error: &RegistryError) {
        self.events.emit(&Event::Warning { text: &format!("mirror {host} is passed over: {error}") });
    }

    /// Runs one request until it is answered for good.
    pub(super) fn retrying<T>(
        &self,
        request: &str,
        mut ask: impl FnMut() -> Result<T, Failed>,
    ) -> Result<T, RegistryError> {
        let mut tries = Tries::new(&self.options, &*self.events);
        loop {
            match ask() {
                Ok(found) => return Ok(found),
                Err(failed) => tries.wait(request, failed)?,
            }
        }
    }

    fn places(&self, repository: &RepositoryRef, target: &Target) -> Result<Vec<Place>, RegistryError> {
        let endpoints = self.conf.endpoints(repository, target)?;
        let mut places = Vec::with_capacity(endpoints.len());
        let last = endpoints.len().saturating_sub(1);
        for (at, Endpoint { repository, .. }) in endpoints.iter().enumerate() {
            match self.place(repository) {
                Ok(place) => places.push(place),
                Err(RegistryError::Interrupted) => return Err(RegistryError::Interrupted),
                Err(error) if at < last => self.pass_over(&repository.host, &error),
                Err(error) => return Err(error),
            }
        }
        Ok(places)
    }

    /// A repository at exactly the registry that it names.
    pub(super) fn place(&self, repository: &RepositoryRef) -> Result<Place, RegistryError> {
        let mut place = self.registry(&repository.host)?;
        let hub =
            place.origin.host() == "registry-1.docker.io" && !repository.repository.as_str().contains('/');
        place.repository = Some(match format!("library/{}", repository.repository).parse() {
            Ok(official) if hub => official,
            _ => repository.repository.clone(),
        });
        Ok(place)
    }

    pub(super) fn registry(&self, host: &RegistryHost) -> Result<Place, RegistryError> {
        let root = self.root(host)?;
        let unusable = || RegistryError::Malformed {
            request: format!("GET {host}/v2/"),
            why: "the host's name makes no address".to_owned(),
        };
        let origin = Origin::of(&root).ok_or_else(unusable)?;
        Ok(Place { host: host.clone(), origin, repository: None, root })
    }

    /// `https`, or `http` where the host was named for it. Where plain HTTP is merely allowed (loopback, `insecure` in
    /// registries.conf), one request finds out whether the server speaks TLS; a bad certificate is no reason to fall back.
    fn root(&self, host: &RegistryHost) -> Result<Url, RegistryError> {
        let known = self.roots.lock().unwrap_or_else(PoisonError::into_inner).get(host).cloned();
        if let Some(root) = known {
            return Ok(root);
        }
        let request = format!("GET {host}/v2/");
        let address = |tls| {
            api_root(host, tls).ok_or_else(|| RegistryError::Malformed {
                request: request.clone(),
                why: "the host's name makes no address".to_owned(),
            })
        };
        let root = if self.is_plain(host) {
            address(false)?
        } else if host.is_loopback() || self.conf.allows_plain_http(host) {
            let secure = address(true)?;
            let speaks_tls = self.retrying(&request, || Ok(self.speaks_tls(&secure, &request)?))?;
            if speaks_tls { secure } else { address(false)? }
        } else {
            address(true)?
        };
        self.roots.lock().unwrap_or_else(PoisonError::into_inner).insert(host.clone(), root.clone());
        Ok(root)
    }

    /// Whether plain HTTP with a host was asked for.
    pub fn is_plain(&self, host: &RegistryHost) -> bool {
        self.options.plain_http.iter().any(|named| named == host || named.as_str() == host.name())
    }

    fn speaks_tls(&self, root: &Url, request: &str) -> Result<bool, RegistryError> {
        use std::io::ErrorKind::{ConnectionAborted, ConnectionReset, UnexpectedEof};
        let agent = self.agents.of(root, &self.options)?;
        match agent.get(root.as_str()).call() {
            Ok(mut response) => {
                let _ = response.body_mut().with_config().limit(1 << 16).read_to_vec();
                Ok(true)
            }
            Err(ureq::Error::Io(error)) => {
                let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
                match (inner, error.kind()) {
                    // What came was no TLS record, or it hung up on what it did not understand.
                    (Some(rustls::Error::InvalidMessage(_)), _)
                    | (None, UnexpectedEof | ConnectionReset | ConnectionAborted) => Ok(false),
                    (Some(_), _) => Ok(true),
                    (None, _) => Err(connection_error(ureq::Error::Io(error), request)),
                }
            }
            Err(ureq::Error::Rustls(rustls::Error::InvalidMessage(_))) => Ok(false),
            Err(ureq::Error::Rustls(_) | ureq::Error::Tls(_)) => Ok(true),
            Err(other) => Err(connection_error(other, request)),
        }
    }
}

pub(super) fn accepting_manifests(mut ask: Ask<'_>) -> Ask<'_> {
    for kind in media::MANIFESTS {
        ask = ask.with(header::ACCEPT, kind);
    }
    ask
}

/// What the headers of a manifest say, if they say everything.
fn described(reply: &Reply, target: &Target) -> Option<Descriptor> {
    let kind = reply.header("content-type")?;
    let kind = kind.split(';').next().unwrap_or(kind).trim();
    let media_type = (*media::MANIFESTS.iter().find(|known| **known == kind)?).to_owned();
    let size = reply.length().filter(|size| *size > 0)?;
    let digest = match target {
        Target::Digest(digest) => *digest,
        Target::Tag(_) => reply.content_digest()?,
    };
    Some(Descriptor { media_type, digest, size, platform: None })
}
