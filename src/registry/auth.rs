//! Who we are to each registry: challenges answered, tokens fetched and kept, credentials bound to their origin.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use ureq::http::{HeaderValue, Method, Request};
use url::Url;
use zeroize::Zeroizing;

use crate::limits::LIMITS;
use crate::reference::{RegistryHost, Repository};
use crate::registry::authfile::{AuthFile, Credentials};
use crate::registry::challenge::{Challenge, challenges};
use crate::registry::origin::{Origin, is_loopback};
use crate::registry::reply::{Reply, connection_error};
use crate::registry::retry::Failed;
use crate::registry::secret::Secret;
use crate::registry::transport::Agents;
use crate::registry::{AuthKind, ClientOptions, RegistryError};

/// Token servers that are known to belong to a registry of another name.
const KNOWN_REALMS: [(&str, &str); 2] =
    [("registry-1.docker.io", "auth.docker.io"), ("registry.gitlab.com", "gitlab.com")];

/// How long a token is good when its server does not say (distribution's token specification).
const DEFAULT_LIFE: Duration = Duration::from_mins(1);

/// On whose behalf a request is made, and for what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Purpose {
    /// The registry, as it was named.
    pub(super) host: RegistryHost,
    /// The origin that answers for it; nothing secret goes anywhere else.
    pub(super) origin: Origin,
    /// What it is about.
    pub(super) repository: Option<Repository>,
    /// What is to be done there: the scope's actions.
    pub(super) actions: Actions,
    /// Another repository of the registry that must be readable, too: a mount takes a blob from there.
    pub(super) beside: Option<Repository>,
}

/// What a token must allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Actions {
    /// Nothing but being known.
    None,
    Pull,
    Push,
    Delete,
    /// Listing the repositories.
    Catalog,
    /// Whatever the account may do by the API of the registry's maker, which takes name and password though the registry beside it may
    /// want tokens, and answers strangers with less instead of asking who they are.
    Own,
}

impl Purpose {
    /// The scopes that we ask for; Nexus names none in its challenge (nexus-public#659).
    fn scopes(&self) -> Vec<String> {
        let actions = match self.actions {
            Actions::None | Actions::Own => return Vec::new(),
            Actions::Catalog => return vec!["registry:catalog:*".to_owned()],
            Actions::Pull => "pull",
            Actions::Push => "pull,push",
            Actions::Delete => "pull,push,delete",
        };
        let asked = self.repository.iter().map(|repository| format!("repository:{repository}:{actions}"));
        asked.chain(self.beside.iter().map(|repository| format!("repository:{repository}:pull"))).collect()
    }
}

/// What a registry wants, learned from its first challenge.
#[derive(Clone)]
enum Wanted {
    Basic,
    Bearer { realm: Url, service: Option<String> },
}

struct Token {
    secret: Secret,
    life: Duration,
    ends: Instant,
}

type Slot = Arc<Mutex<Option<Token>>>;

/// Answers challenges.
pub(super) struct Authenticator {
    file: AuthFile,
    allowed: Vec<(RegistryHost, RegistryHost)>,
    wanted: Mutex<BTreeMap<Origin, Wanted>>,
    tokens: Mutex<BTreeMap<Purpose, Slot>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Authenticator {
    pub(super) fn new(file: AuthFile, allowed: Vec<(RegistryHost, RegistryHost)>) -> Self {
        Self { file, allowed, wanted: Mutex::default(), tokens: Mutex::default() }
    }

    /// What is known of how a registry wants to know us, and the realm and service that it named.
    pub(super) fn kind(&self, origin: &Origin) -> (AuthKind, String, String) {
        match lock(&self.wanted).get(origin) {
            None => (AuthKind::Anonymous, String::new(), String::new()),
            Some(Wanted::Basic) => (AuthKind::Basic, String::new(), String::new()),
            Some(Wanted::Bearer { realm, service }) => {
                (AuthKind::Bearer, realm.to_string(), service.clone().unwrap_or_default())
            }
        }
    }

    /// The `Authorization` to send, if the registry is known to want one. Credentials are never sent unasked.
    pub(super) fn authorization(
        &self,
        purpose: &Purpose,
        agents: &Agents,
        options: &ClientOptions,
    ) -> Result<Option<HeaderValue>, Failed> {
        let wanted = match purpose.actions {
            Actions::Own => Some(Wanted::Basic),
            _ => lock(&self.wanted).get(&purpose.origin).cloned(),
        };
        match wanted {
            None => Ok(None),
            Some(Wanted::Basic) => match self.lookup(purpose)? {
                Some(Credentials::Password { user, password }) => Ok(Some(basic(&user, &password)?)),
                Some(Credentials::Bearer { token }) => Ok(Some(bearer(&token)?)),
                Some(Credentials::Identity { .. }) | None => Ok(None),
            },
            Some(Wanted::Bearer { realm, service }) => {
                let slot = Arc::clone(lock(&self.tokens).entry(purpose.clone()).or_default());
                // Threads that need the same token wait for the one that fetches it.
                let mut slot = lock(&slot);
                if let Some(token) = slot.as_ref().filter(|token| Instant::now() < token.ends) {
                    return Ok(Some(bearer(&token.secret)?));
                }
                let token = self.fetch(purpose, &realm, service.as_deref(), agents, options)?;
                let header = bearer(&token.secret)?;
                *slot = Some(token);
                Ok(Some(header))
            }
        }
    }

    /// Learns from a 401. Whether trying again may help; `sent` is what the refused request carried.
    pub(super) fn learn(
        &self,
        purpose: &Purpose,
        reply: &Reply,
        sent: Option<&HeaderValue>,
    ) -> Result<bool, RegistryError> {
        if purpose.actions == Actions::Own {
            return Ok(false);
        }
        let values = reply.headers.get_all("www-authenticate").iter().filter_map(|value| value.to_str().ok());
        let found = challenges(values);
        let by_scheme = |scheme: &str| found.iter().find(|challenge| challenge.scheme == scheme);
        let wanted = match (by_scheme("bearer"), by_scheme("basic")) {
            (Some(challenge), _) => self.bearer_wanted(purpose, challenge)?,
            (None, Some(_)) => Wanted::Basic,
            (None, None) => return Ok(false),
        };
        let again = match (&wanted, sent) {
            (Wanted::Basic, Some(sent)) if sent.as_bytes().starts_with(b"Basic ") => false,
            (Wanted::Basic, _) => self.lookup(purpose)?.is_some(),
            (Wanted::Bearer { .. }, _) => {
                let slot = Arc::clone(lock(&self.tokens).entry(purpose.clone()).or_default());
                let mut slot = lock(&slot);
                // Another thread may have renewed it since this request was made.
                let stale = slot
                    .as_ref()
                    .is_some_and(|token| bearer(&token.secret).is_ok_and(|header| sent == Some(&header)));
                if stale {
                    *slot = None;
                }
                true
            }
        };
        lock(&self.wanted).insert(purpose.origin.clone(), wanted);
        Ok(again)
    }

    fn bearer_wanted(&self, purpose: &Purpose, challenge: &Challenge) -> Result<Wanted, RegistryError> {
        let text = challenge.parameters.get("realm").map_or("", String::as_str);
        let foreign = || RegistryError::ForeignRealm {
            host: purpose.host.to_string(),
            realm: super::reply::clean(text),
        };
        let mut realm = Url::parse(text).map_err(|_| foreign())?;
        let server = Origin::of(&realm).ok_or_else(foreign)?;
        // Nexus behind a proxy that ends TLS names itself with http and its inner port (podman#14144).
        let misnamed = server.same_host(&purpose.origin) && purpose.origin.is_tls() && !server.is_tls();
        if misnamed && !purpose.origin.take(&mut realm) {
            return Err(foreign());
        }
        if !self.may_have_credentials(purpose, &realm) {
            // Without credentials nothing can be stolen, so an anonymous token may come from anywhere outside.
            let at_home = purpose.origin.is_loopback();
            let weaker = realm.scheme() == "http" && purpose.origin.is_tls();
            if self.lookup(purpose)?.is_some() || weaker || is_loopback(&realm) && !at_home {
                return Err(foreign());
            }
        }
        Ok(Wanted::Bearer { realm, service: challenge.parameters.get("service").cloned() })
    }

    /// Whether a token server may see a registry's credentials: it has the registry's host name (on whatever port), or the
    /// pair is known or was allowed; and it is not asked in clear where the registry is not.
    fn may_have_credentials(&self, purpose: &Purpose, realm: &Url) -> bool {
        let Some(server) = Origin::of(realm) else { return false };
        if server.same_host(&purpose.origin) {
            return server.is_tls() || !purpose.origin.is_tls();
        }
        self.is_allowed(purpose, &server) && (server.is_tls() || is_loopback(realm))
    }

    fn is_allowed(&self, purpose: &Purpose, server: &Origin) -> bool {
        let named = |allowed: &RegistryHost, origin: &Origin| {
            allowed.as_str() == origin.authority() || allowed.as_str() == origin.host()
        };
        KNOWN_REALMS.contains(&(purpose.origin.host(), server.host())) && server.authority() == server.host()
            || self.allowed.iter().any(|(registry, realm)| {
                (*registry == purpose.host || named(registry, &purpose.origin)) && named(realm, server)
            })
    }

    fn lookup(&self, purpose: &Purpose) -> Result<Option<Credentials>, RegistryError> {
        self.file.lookup(&purpose.host, purpose.repository.as_ref())
    }

    /// Which credentials a request would use, in words.
    pub(super) fn describe(&self, purpose: &Purpose) -> String {
        let place = match &purpose.repository {
            Some(repository) => format!("{}/{repository}", purpose.host),
            None => purpose.host.to_string(),
        };
        match self.lookup(purpose) {
            Ok(Some(Credentials::Password { user, .. })) => {
                format!("as user `{}`", super::reply::clean(&user))
            }
            Ok(Some(Credentials::Identity { .. })) => "with an identity token".to_owned(),
            Ok(Some(Credentials::Bearer { .. })) => "with a registry token".to_owned(),
            Ok(None) | Err(_) => format!("no credentials for {place}"),
        }
    }

    /// The same, and where they come from.
    pub(super) fn describe_source(&self, purpose: &Purpose) -> String {
        let told = self.describe(purpose);
        match self.lookup(purpose) {
            Ok(Some(_)) => match self.file.source(&purpose.host) {
                Some(source) => format!("{told}, from {source}"),
                None => told,
            },
            Ok(None) | Err(_) => told,
        }
    }

    /// How long the token is good that was fetched for a purpose, as its server says; nothing where there is none.
    pub(super) fn life(&self, purpose: &Purpose) -> Option<Duration> {
        let slot = lock(&self.tokens).get(purpose).cloned()?;
        lock(&slot).as_ref().map(|token| token.life)
    }

    /// Asks a token server (distribution's token specification; OAuth2 form for identity tokens). Redirects are not followed.
    fn fetch(
        &self,
        purpose: &Purpose,
        realm: &Url,
        service: Option<&str>,
        agents: &Agents,
        options: &ClientOptions,
    ) -> Result<Token, Failed> {
        let credentials = self.lookup(purpose)?;
        // The realm may have been learned for a repository that has no credentials.
        if credentials.is_some() && !self.may_have_credentials(purpose, realm) {
            let realm = super::reply::clean(realm.as_str());
            return Err(RegistryError::ForeignRealm { host: purpose.host.to_string(), realm }.into());
        }
        if let Some(Credentials::Bearer { token }) = credentials {
            let life = Duration::from_hours(1);
            return Ok(Token { secret: token, life, ends: Instant::now() + life });
        }
        let scopes = purpose.scopes();
        let asked = Instant::now();
        let agent = agents.of(realm, options)?;
        let (method, url, form, header) = match &credentials {
            Some(Credentials::Identity { token }) => {
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                form.append_pair("grant_type", "refresh_token").append_pair("client_id", "ombundle");
                form.append_pair("service", service.unwrap_or_default());
                if !scopes.is_empty() {
                    form.append_pair("scope", &scopes.join(" "));
                }
                form.append_pair("refresh_token", token.expose());
                (Method::POST, realm.clone(), Zeroizing::new(form.finish()), None)
            }
            other => {
                let mut url = realm.clone();
                {
                    let mut query = url.query_pairs_mut();
                    if let Some(service) = service {
                        query.append_pair("service", service);
                    }
                    for scope in &scopes {
                        query.append_pair("scope", scope);
                    }
                }
                let header = match other {
                    Some(Credentials::Password { user, password }) => Some(basic(user, password)?),
                    _ => None,
                };
                (Method::GET, url, Zeroizing::default(), header)
            }
        };
        let request_text = super::exchange::describe(&method, realm);
        let mut request =
            Request::builder().method(&method).uri(url.as_str()).header("accept", "application/json");
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        if method == Method::POST {
            request = request.header("content-type", "application/x-www-form-urlencoded");
            request = request.header("content-length", form.len());
        }
        let malformed = |why: &str| {
            Failed::from(RegistryError::Malformed { request: request_text.clone(), why: why.to_owned() })
        };
        let unusable = |_| malformed("the token server's address cannot be asked");
        let response = if method == Method::POST {
            agent.run(request.body(form.as_bytes()).map_err(unusable)?)
        } else {
            agent.run(request.body(()).map_err(unusable)?)
        };
        let response = response.map_err(|error| connection_error(error, &request_text))?;
        let (parts, body) = response.into_parts();
        let status = parts.status.as_u16();
        let reply = Reply { request: request_text.clone(), url, status, headers: parts.headers, body };
        if (300..400).contains(&status) {
            let to = super::reply::clean(reply.header("location").unwrap_or_default());
            let why = "token servers are taken at their word";
            return Err(RegistryError::Redirect { request: request_text, to, why }.into());
        }
        if status != 200 {
            return Err(reply.failure(&self.describe(purpose), options));
        }
        let bytes = Zeroizing::new(reply.bytes(LIMITS.reply_bytes, options)?);
        Token::parse(&bytes, asked).ok_or_else(|| malformed("the token server's answer holds no token"))
    }
}

impl Token {
    fn parse(bytes: &[u8], asked: Instant) -> Option<Self> {
        #[derive(Deserialize)]
        struct Wire {
            #[serde(default)]
            token: Secret,
            #[serde(default)]
            access_token: Secret,
            #[serde(default)]
            expires_in: Option<f64>,
        }
        let wire: Wire = serde_json::from_slice(bytes).ok()?;
        let secret = if wire.token.expose().is_empty() { wire.access_token } else { wire.token };
        if secret.expose().is_empty() {
            return None;
        }
        let life = match wire.expires_in {
            Some(seconds) if seconds >= 1.0 => Duration::from_secs_f64(seconds.min(86_400.0)),
            _ => DEFAULT_LIFE,
        };
        // Let go a little early: the request that carries it takes time too.
        let margin = (life / 5).min(Duration::from_secs(15));
        Some(Self { secret, life, ends: asked + life.saturating_sub(margin) })
    }
}

fn header(text: &Zeroizing<String>) -> Result<HeaderValue, RegistryError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| RegistryError::Malformed {
        request: "authentication".to_owned(),
        why: "the credentials hold characters that no header can carry".to_owned(),
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn basic(user: &str, password: &Secret) -> Result<HeaderValue, RegistryError> {
    let pair = Zeroizing::new(format!("{user}:{}", password.expose()));
    let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
    header(&Zeroizing::new(format!("Basic {}", *encoded)))
}

fn bearer(token: &Secret) -> Result<HeaderValue, RegistryError> {
    header(&Zeroizing::new(format!("Bearer {}", token.expose())))
}

#[cfg(test)]
mod tests;
