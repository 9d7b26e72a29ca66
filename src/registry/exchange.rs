//! One request and its answer: authorization, redirects, and the time that each part may take.

use std::io::Read;
use std::time::Duration;

use ureq::SendBody;
use ureq::http::{HeaderName, HeaderValue, Method, Request};
use url::Url;

use crate::registry::RegistryError;
use crate::registry::auth::Purpose;
use crate::registry::client::Client;
use crate::registry::origin::{Origin, redirect};
use crate::registry::reply::{Reply, clean, connection_error};
use crate::registry::retry::{Again, Failed};

/// Redirects in a row. Registries need one; ten is what browsers took for a loop.
const REDIRECTS: u32 = 5;

/// A request.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    /// On whose behalf; nothing where whoever answers must not learn who asks.
    pub(super) purpose: Option<&'a Purpose>,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
}

/// What goes with it.
pub(super) enum Payload<'a> {
    Nothing,
    Bytes(&'a [u8]),
    /// Can be sent once only; the answer may take as long as the registry needs to store it.
    Stream {
        reader: &'a mut dyn Read,
        size: u64,
        answer_within: Duration,
    },
}

impl<'a> Ask<'a> {
    pub(super) fn new(method: Method, url: Url, purpose: &'a Purpose) -> Self {
        Self { method, url, purpose: Some(purpose), headers: Vec::new() }
    }

    /// A request that never carries credentials.
    pub(super) fn anonymous(method: Method, url: Url) -> Self {
        Self { method, url, purpose: None, headers: Vec::new() }
    }

    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        // Values are ours or were parsed; one that does not fit a header is left out.
        self.headers.extend(HeaderValue::from_str(value).ok().map(|value| (name, value)));
        self
    }

    pub(super) fn text(&self) -> String {
        describe(&self.method, &self.url)
    }
}

/// Method and address without scheme and query: signatures of storage services and upload states hide in queries.
pub(super) fn describe(method: &Method, url: &Url) -> String {
    let origin = Origin::of(url).map_or_else(|| "?".to_owned(), |origin| origin.authority());
    format!("{method} {origin}{}", url.path())
}

impl Client {
    /// Sends a request, proves who we are when asked, and follows redirects of GET and HEAD. Any status that remains is the
    /// caller's to judge, 401 included only when nothing can be done about it.
    pub(super) fn exchange(&self, ask: &Ask<'_>, mut payload: Payload<'_>) -> Result<Reply, Failed> {
        let mut url = ask.url.clone();
        let mut redirects = 0;
        let mut strayed = false;
        let mut renewals = 0;
        loop {
            if self.events.interrupted() {
                return Err(RegistryError::Interrupted.into());
            }
            // Credentials belong to the origin that they were given for, wherever an answer sends us. Who was sent elsewhere
            // and back goes where a stranger chose, and goes without.
            strayed |= ask.purpose.is_some_and(|purpose| Origin::of(&url).as_ref() != Some(&purpose.origin));
            let at_home = ask.purpose.filter(|_| !strayed);
            let authorization = match at_home {
                Some(purpose) => self.auth.authorization(purpose, &self.agents, &self.options)?,
                None => None,
            };
            let reply = self.send(ask, &url, authorization.as_ref(), &mut payload)?;
            if reply.status == 401
                && let Some(purpose) = at_home
                && renewals < 2
            {
                renewals += 1;
                let again = self.auth.learn(purpose, &reply, authorization.as_ref())?;
                let first_answer = renewals == 1 || authorization.is_none();
                if again && first_answer {
                    if matches!(payload, Payload::Stream { .. }) {
                        let error = reply.failure(&self.auth.describe(purpose), &self.options).error;
                        return Err(Failed { error, again: Again::AtOnce });
                    }
                    reply.done();
                    continue;
                }
            }
            let moved = matches!(reply.status, 301 | 302 | 303 | 307 | 308);
            if !moved {
                return Ok(reply);
            }
            let Some(location) = reply.header("location").map(str::to_owned) else {
                return Err(reply.malformed("it redirects to nowhere").into());
            };
            let refuse = |why| {
                let to = clean(location.split('?').next().unwrap_or_default());
                Failed::from(RegistryError::Redirect { request: ask.text(), to, why })
            };
            if !matches!(ask.method, Method::GET | Method::HEAD) {
                return Err(refuse("only reading follows redirects"));
            }
            redirects += 1;
            if redirects > REDIRECTS {
                return Err(refuse("there are too many in a row"));
            }
            url = redirect(&url, &location).map_err(refuse)?;
            reply.done();
        }
    }

    fn send(
        &self,
        ask: &Ask<'_>,
        url: &Url,
        authorization: Option<&HeaderValue>,
        payload: &mut Payload<'_>,
    ) -> Result<Reply, Failed> {
        let text = ask.text();
        let agent = self.agents.of(url, &self.options)?;
        let mut request = Request::builder().method(&ask.method).uri(url.as_str());
        for (name, value) in &ask.headers {
            request = request.header(name, value);
        }
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        let unusable = |_| RegistryError::Malformed {
            request: text.clone(),
            why: "the address cannot be asked".to_owned(),
        };
        let sends = matches!(ask.method, Method::POST | Method::PUT | Method::PATCH);
        let result = match payload {
            Payload::Stream { reader, size, answer_within } => {
                let request = request.header("content-length", *size);
                let request = request.body(SendBody::from_reader(*reader)).map_err(unusable)?;
                let request = agent
                    .configure_request(request)
                    .timeout_per_read(Some(*answer_within))
                    .timeout_recv_response(Some(*answer_within))
                    .build();
                agent.run(request)
            }
            Payload::Bytes(content) => {
                let request = request.header("content-length", content.len());
                agent.run(request.body(*content).map_err(unusable)?)
            }
            Payload::Nothing if sends => {
                let request = request.header("content-length", 0);
                agent.run(request.body(&[][..]).map_err(unusable)?)
            }
            Payload::Nothing => agent.run(request.body(()).map_err(unusable)?),
        };
        let response = result.map_err(|error| connection_error(error, &text))?;
        let (parts, body) = response.into_parts();
        Ok(Reply {
            request: text,
            url: url.clone(),
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        })
    }
}
