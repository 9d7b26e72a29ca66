//! Uploads that are opened to find something out, and given up again.

use std::io::{self, Read};
use std::time::Duration;

use ureq::http::{HeaderName, Method, header};
use url::Url;

use crate::reference::{RegistryHost, RepositoryRef};
use crate::registry::auth::{Actions, Purpose};
use crate::registry::client::{Client, Place};
use crate::registry::exchange::{Ask, Payload};
use crate::registry::push::session;
use crate::registry::retry::Failed;
use crate::registry::{Left, RegistryError};

/// An upload that is under way and will never become a blob.
pub struct Trial<'c> {
    client: &'c Client,
    purpose: Purpose,
    session: Url,
}

/// An upload that no registry has under way: of its kind, and nobody's.
const NOBODYS: &str = "00000000-0000-4000-8000-000000000000";

impl Client {
    /// Finds out whether this account may write to a repository: an upload is opened and given up, so nothing is left behind where
    /// the registry lets go of it.
    pub fn try_upload(&self, repository: &RepositoryRef) -> Result<Left, RegistryError> {
        Ok(self.trial(repository)?.give_up())
    }

    /// Opens an upload.
    pub fn trial(&self, repository: &RepositoryRef) -> Result<Trial<'_>, RegistryError> {
        let place = &self.place(repository)?;
        let purpose = place.purpose(Actions::Push);
        let session = self.retrying(&format!("POST {repository}"), || self.start_upload(place, &purpose))?;
        Ok(Trial { client: self, purpose, session })
    }

    pub(super) fn start_upload(&self, place: &Place, purpose: &Purpose) -> Result<Url, Failed> {
        let ask = Ask::new(Method::POST, place.url("blobs/uploads/"), purpose);
        let reply = self.exchange(&ask, Payload::Nothing)?;
        if reply.status == 202 {
            session(reply)
        } else {
            Err(reply.failure(&self.auth.describe(purpose), &self.options))
        }
    }

    /// Gives up an upload. Whether the registry let go of it.
    pub(super) fn cancel_upload(&self, purpose: &Purpose, session: &Url) -> Left {
        let ask = |method| {
            let reply = self.exchange(&Ask::new(method, session.clone(), purpose), Payload::Nothing).ok()?;
            let status = reply.status;
            reply.done();
            Some(status)
        };
        match ask(Method::DELETE) {
            Some(200..=204 | 404) => Left::Nothing,
            // Some let go of it and answer otherwise.
            _ if ask(Method::GET) == Some(404) => Left::Nothing,
            _ => Left::Upload,
        }
    }

    /// Whether a request whose body has so many bytes would be refused for that. Only its head is sent, to an upload that is not
    /// there: a proxy with a limit refuses by the head, and everybody else says that there is no such upload, or waits for the rest.
    pub fn takes(&self, repository: &RepositoryRef, bytes: u64) -> Result<(), RegistryError> {
        let place = self.place(repository)?;
        let purpose = place.purpose(Actions::Push);
        let ask = Ask::new(Method::PATCH, place.url(&format!("blobs/uploads/{NOBODYS}")), &purpose)
            .with(header::CONTENT_TYPE, "application/octet-stream")
            .with(HeaderName::from_static("expect"), "100-continue");
        self.retrying(&ask.text(), || {
            let mut wanted = Wanted(false);
            let answer_within = self.options.response_timeout;
            let reply =
                self.exchange(&ask, Payload::Stream { reader: &mut wanted, size: bytes, answer_within });
            match reply {
                // It asked for the bytes, so it takes them.
                Err(_) if wanted.0 => Ok(()),
                Err(failed) => Err(failed),
                Ok(reply) => {
                    let failed = reply.failure(&self.auth.describe(&purpose), &self.options);
                    match failed.error {
                        RegistryError::TooLarge { .. }
                        | RegistryError::NoSpace { .. }
                        | RegistryError::Status { status: 411, .. } => Err(failed.error.into()),
                        // Who does not know us has not come to the size.
                        RegistryError::Unauthorized { .. } => Err(failed),
                        _ => Ok(()),
                    }
                }
            }
        })
    }
}

impl Trial<'_> {
    /// How long the token is good that it was opened with; nothing where none was needed.
    pub fn token_life(&self) -> Option<Duration> {
        self.client.auth.life(&self.purpose)
    }

    /// Whether another registry knows this upload, too: then both are one.
    pub fn is_known_at(&self, host: &RegistryHost) -> Result<bool, RegistryError> {
        let place = self.client.registry(host)?;
        let mut url = place.url("");
        url.set_path(self.session.path());
        url.set_query(self.session.query());
        let purpose = Purpose {
            host: place.host.clone(),
            origin: place.origin.clone(),
            actions: Actions::Pull,
            ..self.purpose.clone()
        };
        self.client.retrying(&format!("GET {host}/v2/"), || {
            let reply =
                self.client.exchange(&Ask::new(Method::GET, url.clone(), &purpose), Payload::Nothing)?;
            let status = reply.status;
            reply.done();
            Ok(status == 204)
        })
    }

    /// Gives it up.
    pub fn give_up(self) -> Left {
        self.client.cancel_upload(&self.purpose, &self.session)
    }
}

/// A body of which nothing is ever sent, and that knows whether it was wanted.
struct Wanted(bool);

impl Read for Wanted {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0 = true;
        Err(io::ErrorKind::Other.into())
    }
}
