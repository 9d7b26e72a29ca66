//! Connections: one HTTP agent per origin, and a transport that hears what a server says before it hangs up.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, DefaultConnector, NextTimeout, Transport,
};
use ureq::{Agent, Proxy};
use url::Url;

use crate::reference::RegistryHost;
use crate::registry::origin::{Origin, api_root, is_loopback};
use crate::registry::resolve::Addresses;
use crate::registry::trust_roots::{TrustRoots, Trusted};
use crate::registry::{ClientOptions, Environment, RegistryError};

/// Size of the buffers of a connection, each way: few system calls per blob, and two of them still fit a core's cache.
const BUFFER: usize = 256 << 10;

/// Connections that wait for the next request, per host. More threads than this would open anew each time.
const IDLE_PER_HOST: usize = 32;

/// The agents of a client. Trust differs by host, so each origin has its own, with its own pool.
pub(super) struct Agents {
    roots: TrustRoots,
    https_proxy: Option<Proxy>,
    http_proxy: Option<Proxy>,
    no_proxy: Vec<String>,
    made: Mutex<BTreeMap<Origin, Agent>>,
}

impl Agents {
    pub(super) fn new(options: &ClientOptions, environment: &Environment) -> Result<Self, RegistryError> {
        let proxy = |value: &Option<String>| match value
            .as_deref()
            .filter(|text| options.use_proxy && !text.is_empty())
        {
            Some(text) => proxy(text).map(Some),
            None => Ok(None),
        };
        let no_proxy = environment.no_proxy.as_deref().unwrap_or_default();
        Ok(Self {
            roots: TrustRoots::read(&options.ca_files, &options.certs_dirs)?,
            https_proxy: proxy(&environment.https_proxy)?,
            http_proxy: proxy(&environment.http_proxy)?,
            no_proxy: entries(no_proxy),
            made: Mutex::default(),
        })
    }

    /// The agent for an address.
    pub(super) fn of(&self, url: &Url, options: &ClientOptions) -> Result<Agent, RegistryError> {
        let origin = Origin::of(url).ok_or_else(|| RegistryError::Malformed {
            request: url.to_string(),
            why: "it is no plain http or https address".to_owned(),
        })?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(agent) = made.get(&origin) {
            return Ok(agent.clone());
        }
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            // Redirects are followed by hand, because credentials must not go along.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(self.proxy_for(url, &origin))
            .user_agent(options.user_agent.as_str())
            .accept_encoding("identity")
            .input_buffer_size(BUFFER)
            .output_buffer_size(BUFFER)
            .max_idle_connections(2 * IDLE_PER_HOST)
            .max_idle_connections_per_host(IDLE_PER_HOST)
            .max_idle_age(Duration::from_secs(20))
            .timeout_resolve(Some(options.connect_timeout))
            .timeout_connect(Some(options.connect_timeout))
            .timeout_recv_response(Some(options.response_timeout))
            .timeout_per_read(Some(options.idle_timeout))
            .timeout_per_write(Some(options.idle_timeout));
        if origin.is_tls() {
            config = config.tls_config(self.roots.for_authority(&origin.authority())?);
        }
        let connector = DefaultConnector::new().chain(HearOut);
        let agent = Agent::with_parts(config.build(), connector, Addresses::default());
        made.insert(origin, agent.clone());
        Ok(agent)
    }

    /// Whom a handshake with this address trusts.
    pub(super) fn trusted(&self, url: &Url) -> Result<Trusted, RegistryError> {
        self.roots.trusted(&Origin::of(url).map(|origin| origin.authority()).unwrap_or_default())
    }

    fn proxy_for(&self, url: &Url, origin: &Origin) -> Option<Proxy> {
        if is_exempt(url, origin, &self.no_proxy) {
            return None;
        }
        if origin.is_tls() { self.https_proxy.clone() } else { self.http_proxy.clone() }
    }
}

fn proxy(text: &str) -> Result<Proxy, RegistryError> {
    // The value may hold a password, so it is not quoted.
    let config = |why: &str| RegistryError::Config {
        what: "proxy setting",
        path: "HTTPS_PROXY or HTTP_PROXY".into(),
        why: why.to_owned(),
    };
    let proxy = Proxy::new(text).map_err(|_| config("it is not the address of a proxy"))?;
    match proxy.protocol() {
        ureq::ProxyProtocol::Http | ureq::ProxyProtocol::Https => Ok(proxy),
        _ => Err(config("only http and https proxies are supported")),
    }
}

fn entries(no_proxy: &str) -> Vec<String> {
    no_proxy.split(',').map(|entry| entry.trim().to_ascii_lowercase()).collect()
}

fn is_exempt(url: &Url, origin: &Origin, no_proxy: &[String]) -> bool {
    is_loopback(url) || no_proxy.iter().any(|entry| exempt(entry, origin))
}

/// The variable by which other programs would send what is meant for this registry to a proxy; nothing where none does. Its value
/// may hold a password and is not told.
pub fn caught_by_proxy(environment: &Environment, host: &RegistryHost, tls: bool) -> Option<&'static str> {
    let (variable, proxy) =
        if tls { ("HTTPS_PROXY", &environment.https_proxy) } else { ("HTTP_PROXY", &environment.http_proxy) };
    let url = api_root(host, tls)?;
    let no_proxy = entries(environment.no_proxy.as_deref().unwrap_or_default());
    let is_set = proxy.as_deref().is_some_and(|text| !text.is_empty());
    (is_set && !is_exempt(&url, &Origin::of(&url)?, &no_proxy)).then_some(variable)
}

/// Whether an entry of `NO_PROXY` names the origin: `*`, a host, a domain with everything below it, either with a port.
fn exempt(entry: &str, origin: &Origin) -> bool {
    let authority = origin.authority();
    let name = entry.trim_start_matches("*.").trim_start_matches('.');
    !entry.is_empty()
        && (entry == "*"
            || [origin.host(), &authority]
                .into_iter()
                .any(|own| own == name || own.strip_suffix(name).is_some_and(|below| below.ends_with('.'))))
}

/// Wraps connections so that an answer which comes before the request is over is read.
#[derive(Debug)]
struct HearOut;

impl<In: Transport> Connector<In> for HearOut {
    type Out = HearingOut<In>;

    fn connect(&self, _: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, ureq::Error> {
        Ok(chained.map(|inner| HearingOut { inner, state: State::Open }))
    }
}

/// A server that refuses a large upload (413, 401) answers and closes while we still write. The write then fails, and the
/// reason lies unread in the socket: read it, let the rest of the body go nowhere, and hand out the answer.
#[derive(Debug)]
struct HearingOut<In> {
    inner: In,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Open,
    /// It hung up, its answer waits in the buffer.
    Answered,
    /// It hung up, its answer was handed out.
    Over,
}

impl<In: Transport> Transport for HearingOut<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        if self.state != State::Open {
            return Ok(());
        }
        match self.inner.transmit_output(amount, timeout) {
            Err(ureq::Error::Io(error))
                if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) =>
            {
                match self.inner.await_input(timeout) {
                    Ok(true) => {
                        self.state = State::Answered;
                        Ok(())
                    }
                    _ => Err(ureq::Error::Io(error)),
                }
            }
            other => other,
        }
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        if self.state == State::Answered {
            self.state = State::Over;
            return Ok(true);
        }
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.state == State::Open && self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_names_hosts_and_domains() {
        let origin = |text: &str| Origin::of(&Url::parse(text).unwrap()).unwrap();
        for (entry, url, expected) in [
            ("*", "https://quay.io/", true),
            ("quay.io", "https://quay.io/", true),
            ("quay.io", "https://cdn.quay.io/", true),
            (".quay.io", "https://cdn.quay.io/", true),
            ("*.quay.io", "https://cdn.quay.io/", true),
            ("quay.io", "https://notquay.io/", false),
            ("quay.io:8443", "https://quay.io:8443/", true),
            ("quay.io:8443", "https://quay.io/", false),
            ("", "https://quay.io/", false),
        ] {
            assert_eq!(exempt(entry, &origin(url)), expected, "{entry} {url}");
        }
    }

    #[test]
    fn other_programs_are_caught_by_the_proxy_of_their_scheme() {
        let caught = |https: &str, http: &str, no: &str, host: &str, tls| {
            let text = |text: &str| Some(text.to_owned());
            let environment = Environment {
                https_proxy: text(https),
                http_proxy: text(http),
                no_proxy: text(no),
                ..Environment::default()
            };
            caught_by_proxy(&environment, &host.parse().unwrap(), tls)
        };
        let proxy = "http://u:geheim@p.example:3128";
        assert_eq!(caught(proxy, "", "", "n.example:5000", true), Some("HTTPS_PROXY"));
        assert_eq!(caught(proxy, "", "", "n.example:5000", false), None);
        assert_eq!(caught("", proxy, "", "n.example:5000", false), Some("HTTP_PROXY"));
        assert_eq!(caught(proxy, proxy, "localhost, .EXAMPLE", "n.example:5000", true), None);
        assert_eq!(caught(proxy, proxy, "", "127.0.0.1:5000", true), None);
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_refused_without_its_password() {
        for text in ["socks5://u:geheim@p.example", "::::geheim"] {
            let why = proxy(text).err().unwrap().to_string();
            assert!(!why.contains("geheim"), "{why}");
        }
        assert!(proxy("http://u:p@proxy.example:3128").is_ok());
    }
}
