//! The API of a registry's maker, beside the registry itself: JSON over HTTP, asked by name and password.

use serde::de::DeserializeOwned;
use ureq::http::{Method, header};
use url::Url;

use crate::limits::LIMITS;
use crate::reference::RegistryHost;
use crate::registry::RegistryError;
use crate::registry::auth::{Actions, Purpose};
use crate::registry::client::Client;
use crate::registry::exchange::{Ask, Payload};
use crate::registry::origin::Origin;
use crate::registry::reply::Reply;

/// Where it is, asked on behalf of the account that the auth file has for its host.
pub(super) struct Office<'c> {
    client: &'c Client,
    base: Url,
    purpose: Purpose,
}

impl<'c> Office<'c> {
    /// The one at an address. In clear only where that was allowed for its host, as registries are.
    pub(super) fn at(client: &'c Client, url: &str) -> Result<Self, RegistryError> {
        let request = format!("GET {url}");
        let unusable = || RegistryError::Malformed {
            request: request.clone(),
            why: "it is no address of a web server".to_owned(),
        };
        let base = Url::parse(url).map_err(|_| unusable())?;
        let origin = Origin::of(&base).ok_or_else(unusable)?;
        let host: RegistryHost = origin.authority().parse().map_err(|_| unusable())?;
        if !origin.is_tls() && !client.is_plain(&host) && !origin.is_loopback() {
            return Err(RegistryError::PlainHttp { request, host: origin.authority() });
        }
        let purpose = Purpose { host, origin, repository: None, actions: Actions::Own, beside: None };
        Ok(Self { client, base, purpose })
    }

    /// The one at the address of a registry.
    pub(super) fn beside(client: &'c Client, host: &RegistryHost) -> Result<Self, RegistryError> {
        let place = client.registry(host)?;
        let mut base = place.url("");
        base.set_path("");
        Ok(Self { client, base, purpose: place.purpose(Actions::Own) })
    }

    /// An address below it.
    pub(super) fn url(&self, tail: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{tail}", self.base.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// What is there, read as JSON.
    pub(super) fn json<T: DeserializeOwned>(&self, url: &Url) -> Result<T, RegistryError> {
        self.ask(Method::GET, url, None, |reply| {
            let request = reply.request.clone();
            let bytes = reply.bytes(LIMITS.reply_bytes, &self.client.options)?;
            serde_json::from_slice(&bytes).map_err(|error| RegistryError::Malformed {
                request,
                why: format!("the answer is not what was expected (line {})", error.line()),
            })
        })
    }

    /// Tells it to do something, with JSON where it wants some. What it answers does not matter.
    pub(super) fn send(&self, method: Method, url: &Url, body: Option<&[u8]>) -> Result<(), RegistryError> {
        self.ask(method, url, body, |reply| {
            reply.done();
            Ok(())
        })
    }

    fn ask<T>(
        &self,
        method: Method,
        url: &Url,
        body: Option<&[u8]>,
        read: impl Fn(Reply) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        let mut ask = Ask::new(method, url.clone(), &self.purpose);
        if body.is_some() {
            ask = ask.with(header::CONTENT_TYPE, "application/json");
        }
        self.client.retrying(&ask.text(), || {
            let reply = self.client.exchange(&ask, body.map_or(Payload::Nothing, Payload::Bytes))?;
            match reply.status {
                200..=204 => Ok(read(reply)?),
                _ => Err(reply.failure(&self.client.auth.describe(&self.purpose), &self.client.options)),
            }
        })
    }
}
