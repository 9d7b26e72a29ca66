//! How far one gets towards a registry: its name, a connection, TLS. Each step by itself, so that what fails is told from what
//! was never tried.

use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::SystemTime;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme};
use ureq::http::Method;
use url::Url;

use crate::reference::RegistryHost;
use crate::registry::auth::Actions;
use crate::registry::certificate::Certificate;
use crate::registry::client::Client;
use crate::registry::exchange::{Ask, Payload};
use crate::registry::origin::api_root;
use crate::registry::reply::{clean, connection_error};
use crate::registry::{RegistryError, challenge};

/// How a registry speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Speech {
    /// In clear.
    Plain,
    /// TLS, with a certificate that is trusted.
    Tls(Option<Certificate>),
}

/// TLS did not come about.
#[derive(Debug)]
pub struct NoTls {
    /// Why not.
    pub error: RegistryError,
    /// The certificate that was shown, where one was.
    pub shown: Option<Box<Certificate>>,
}

/// What a registry answers a stranger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting {
    /// The status of `GET /v2/`.
    pub status: u16,
    /// Whether it calls itself a registry (`Docker-Distribution-API-Version`).
    pub names_itself: bool,
    /// Its `Server` header, cleaned.
    pub server: String,
    /// By how many seconds its clock is ahead of ours; nothing where it does not tell the time.
    pub ahead: Option<i64>,
    /// The ways to say who we are that it offers, as it writes them: `Basic`, `BASIC`, `Bearer`.
    pub schemes: Vec<String>,
}

impl Client {
    /// The addresses that a host's name leads to.
    pub fn addresses(&self, host: &RegistryHost) -> Result<Vec<SocketAddr>, RegistryError> {
        let request = format!("GET {host}/v2/");
        let malformed = || RegistryError::Malformed {
            request: request.clone(),
            why: "the host's name makes no address".to_owned(),
        };
        let url = api_root(host, true).ok_or_else(malformed)?;
        // The system's resolver has no limit of its own; one that is late is left behind.
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || drop(tell.send(url.socket_addrs(|| None))));
        match told.recv_timeout(self.options.connect_timeout) {
            Ok(Ok(found)) if !found.is_empty() => Ok(found),
            Ok(found) => {
                let why = found.err().map_or_else(|| "no such host".to_owned(), |error| error.to_string());
                Err(RegistryError::Connection { request, why: clean(&why) })
            }
            Err(_) => Err(RegistryError::Timeout { request, during: "resolve".to_owned() }),
        }
    }

    /// Connects to the first of these addresses that takes a connection, and tells which.
    pub fn connects(
        &self,
        host: &RegistryHost,
        addresses: &[SocketAddr],
    ) -> Result<SocketAddr, RegistryError> {
        self.open(host, addresses).map(|(_, at)| at)
    }

    fn open(
        &self,
        host: &RegistryHost,
        addresses: &[SocketAddr],
    ) -> Result<(TcpStream, SocketAddr), RegistryError> {
        let mut why = "no such host".to_owned();
        for at in addresses {
            match TcpStream::connect_timeout(at, self.options.connect_timeout) {
                Ok(stream) => return Ok((stream, *at)),
                Err(error) => why = format!("{at}: {error}"),
            }
        }
        Err(RegistryError::Connection { request: format!("GET {host}/v2/"), why })
    }

    /// How a registry speaks. Trust is that of every other request; what is not trusted is shown and refused.
    pub fn speech(&self, host: &RegistryHost, addresses: &[SocketAddr]) -> Result<Speech, NoTls> {
        let refused = |error| NoTls { error, shown: None };
        let place = self.registry(host).map_err(refused)?;
        if !place.origin.is_tls() {
            return Ok(Speech::Plain);
        }
        let seen: Seen = Seen::default();
        self.handshake(&place.url(""), host, addresses, &seen)
            .map_err(|error| NoTls { error, shown: seen.certificate().map(Box::new) })?;
        Ok(Speech::Tls(seen.certificate()))
    }

    fn handshake(
        &self,
        url: &Url,
        host: &RegistryHost,
        addresses: &[SocketAddr],
        seen: &Seen,
    ) -> Result<(), RegistryError> {
        let request = format!("GET {host}/v2/");
        let tls = |why: String| RegistryError::Tls { request: request.clone(), why };
        let trusted = self.agents.trusted(url)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let judge =
            WebPkiServerVerifier::builder_with_provider(Arc::new(trusted.roots), Arc::clone(&provider))
                .build()
                .map_err(|error| tls(error.to_string()))?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| tls(error.to_string()))?
            // It looks on: what it answers is what the judge says.
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Onlooker { judge, seen: seen.clone() }));
        let config = match trusted.client {
            Some((chain, key)) => config.with_client_auth_cert(chain, key),
            None => Ok(config.with_no_client_auth()),
        };
        let config = config.map_err(|error| tls(error.to_string()))?;
        let name = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(name).map_err(|error| tls(error.to_string()))?;
        let mut connection =
            ClientConnection::new(Arc::new(config), name).map_err(|error| tls(error.to_string()))?;
        let (mut stream, _) = self.open(host, addresses)?;
        let patience = Some(self.options.connect_timeout);
        let failed = |error| connection_error(ureq::Error::Io(error), &request);
        stream
            .set_read_timeout(patience)
            .and_then(|()| stream.set_write_timeout(patience))
            .map_err(failed)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut stream).map_err(failed)?;
        }
        Ok(())
    }

    /// Which credentials a registry would get, and from where, in words; never a secret.
    pub fn credentials(&self, host: &RegistryHost) -> Result<String, RegistryError> {
        Ok(self.auth.describe_source(&self.registry(host)?.purpose(Actions::None)))
    }

    /// Asks `GET /v2/` as a stranger: nothing secret is sent, and any status is an answer.
    pub fn greet(&self, host: &RegistryHost) -> Result<Greeting, RegistryError> {
        let place = self.registry(host)?;
        let ask = Ask::anonymous(Method::GET, place.url(""));
        self.retrying(&ask.text(), || {
            let before = SystemTime::now();
            let reply = self.exchange(&ask, Payload::Nothing)?;
            let date = reply.header("date").and_then(|date| httpdate::parse_http_date(date).ok());
            let schemes = reply.headers.get_all("www-authenticate").iter();
            let schemes = schemes.filter_map(|value| value.to_str().ok());
            let schemes = schemes.flat_map(|value| {
                // As it is written, where it is one that is understood.
                challenge::challenges([value])
                    .into_iter()
                    .take(1)
                    .filter_map(|_| value.split_whitespace().next().map(clean))
            });
            let greeting = Greeting {
                status: reply.status,
                names_itself: reply.header("docker-distribution-api-version").is_some(),
                server: clean(reply.header("server").unwrap_or_default()),
                ahead: date.map(|date| ahead(date, before, SystemTime::now())),
                schemes: schemes.collect(),
            };
            reply.done();
            Ok(greeting)
        })
    }
}

/// By how many seconds a clock that showed `date` at some time between two of ours is ahead. It shows whole seconds.
fn ahead(date: SystemTime, before: SystemTime, after: SystemTime) -> i64 {
    let seconds = |later: SystemTime, earlier: SystemTime| {
        later.duration_since(earlier).map_or(0, |by| i64::try_from(by.as_secs()).unwrap_or(i64::MAX))
    };
    match date {
        date if date > after => seconds(date, after),
        date if date < before => -seconds(before, date),
        _ => 0,
    }
}

/// What the server showed, shared with who asked.
#[derive(Debug, Clone, Default)]
struct Seen(Arc<Mutex<Option<Vec<u8>>>>);

impl Seen {
    fn certificate(&self) -> Option<Certificate> {
        let shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shown.as_deref().and_then(Certificate::read)
    }
}

/// Remembers the certificate that is shown, and leaves every judgement to the judge.
#[derive(Debug)]
struct Onlooker {
    judge: Arc<WebPkiServerVerifier>,
    seen: Seen,
}

impl ServerCertVerifier for Onlooker {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.seen.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(end_entity.to_vec());
        self.judge.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.judge.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.judge.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_clock_is_ahead_by_what_no_delay_explains() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        for (date, expected) in [(100, 0), (95, 0), (110, 0), (400, 290), (40, -55)] {
            assert_eq!(ahead(at(date), at(95), at(110)), expected, "{date}");
        }
    }
}
