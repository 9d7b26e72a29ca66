//! Documents that are no part of a registry: update graphs, release signatures. They are public, and asked for without
//! credentials.

use ureq::http::{Method, header};
use url::Url;

use crate::registry::exchange::{Ask, Payload, describe};
use crate::registry::origin::{Origin, is_loopback};
use crate::registry::{Client, RegistryError};

/// What stands for the credentials of a request that never has any.
pub(super) const NEVER_SENT: &str = "none are sent there";

impl Client {
    /// A document of at most `limit` bytes, or nothing where there is none (404). `accept` is the media type that is asked for.
    ///
    /// Proxies, authorities, patience and retries are those of this client; credentials never go along. Plain HTTP needs a
    /// loopback address or a host that the options name for it.
    ///
    /// # Errors
    ///
    /// Where nothing, too much, or a web page comes instead.
    pub fn document(&self, url: &Url, accept: &str, limit: u64) -> Result<Option<Vec<u8>>, RegistryError> {
        let request = describe(&Method::GET, url);
        let Some(origin) = Origin::of(url) else {
            let why = "it must be an http or https address without user and password".to_owned();
            return Err(RegistryError::Malformed { request, why });
        };
        let named = |host: &crate::reference::RegistryHost| {
            host.as_str() == origin.authority() || host.as_str() == origin.host()
        };
        if !origin.is_tls() && !is_loopback(url) && !self.options.plain_http.iter().any(named) {
            return Err(RegistryError::PlainHttp { request, host: origin.authority() });
        }
        self.retrying(&request, || {
            let ask = Ask::anonymous(Method::GET, url.clone()).with(header::ACCEPT, accept);
            let reply = self.exchange(&ask, Payload::Nothing)?;
            match reply.status {
                200 => {}
                404 => {
                    reply.done();
                    return Ok(None);
                }
                _ => return Err(reply.failure(NEVER_SENT, &self.options)),
            }
            let kind = reply.header("content-type").unwrap_or_default();
            if kind.trim_start().to_ascii_lowercase().starts_with("text/html") {
                return Err(reply.malformed("it sent a web page (text/html) and no document").into());
            }
            if reply.length().is_some_and(|length| length > limit) {
                return Err(RegistryError::AnswerTooLarge { request: request.clone(), limit }.into());
            }
            Ok(Some(reply.bytes(limit, &self.options)?))
        })
    }
}
