//! Reading a blob, going on by itself when the connection breaks.

use std::io::{self, ErrorKind, Read};
use std::time::{Duration, Instant};

use ureq::http::{Method, header};

use crate::digest::Digest;
use crate::oci::Descriptor;
use crate::registry::RegistryError;
use crate::registry::auth::Actions;
use crate::registry::client::{Client, Place};
use crate::registry::exchange::{Ask, Payload};
use crate::registry::reply::connection_error;
use crate::registry::retry::{Failed, Tries};

/// A connection that brings fewer bytes than this in the time of `idle_timeout` has stalled (curl's low-speed limit).
const LOW_SPEED: u64 = 1 << 10;

/// After so many bytes the tries start to count anew: a long transfer over a bad line may break often.
const PROGRESS: u64 = 1 << 20;

/// The bytes of a blob as they come. Made by [`Client::blob`].
pub struct BlobBody<'c> {
    client: &'c Client,
    place: Place,
    digest: Digest,
    size: u64,
    at: u64,
    stream: Option<Box<dyn Read + Send + 'static>>,
    tries: Tries<'c>,
    renewed_at: u64,
    window: (Instant, u64),
    stalled: bool,
}

impl<'c> BlobBody<'c> {
    pub(super) fn open(
        client: &'c Client,
        place: Place,
        blob: &Descriptor,
        from: u64,
    ) -> Result<Self, RegistryError> {
        let tries = Tries::new(&client.options, &*client.events);
        let mut body = Self {
            client,
            place,
            digest: blob.digest,
            size: blob.size,
            at: from.min(blob.size),
            stream: None,
            tries,
            renewed_at: from,
            window: (Instant::now(), from),
            stalled: false,
        };
        if body.at < body.size {
            body.connect()?;
        }
        Ok(body)
    }

    fn request(&self) -> String {
        let repository = self.place.repository.as_ref().map_or("", |repository| repository.as_str());
        format!("GET {}/v2/{repository}/blobs/{}", self.place.host, self.digest)
    }

    /// Opens a stream at the current offset, trying again as often as is left.
    fn connect(&mut self) -> Result<(), RegistryError> {
        loop {
            match self.connect_once() {
                Ok(stream) => {
                    self.stream = Some(stream);
                    self.window = (Instant::now(), self.at);
                    return Ok(());
                }
                Err(failed) => self.tries.wait(&self.request(), failed)?,
            }
        }
    }

    fn connect_once(&self) -> Result<Box<dyn Read + Send + 'static>, Failed> {
        let purpose = self.place.purpose(Actions::Pull);
        let mut ask = Ask::new(Method::GET, self.place.url(&format!("blobs/{}", self.digest)), &purpose);
        if self.at > 0 {
            ask = ask.with(header::RANGE, &format!("bytes={}-", self.at));
        }
        let reply = self.client.exchange(&ask, Payload::Nothing)?;
        let (start, announced) = match reply.status {
            200 => (0, self.size),
            206 => {
                let range = reply.header("content-range").and_then(range_start);
                if range != Some(self.at) {
                    return Err(reply.malformed("it sent another range than it was asked for").into());
                }
                (self.at, self.size - self.at)
            }
            404 => return Err(RegistryError::NotFound { request: reply.request }.into()),
            _ => return Err(reply.failure(&self.client.auth.describe(&purpose), &self.client.options)),
        };
        if let Some(length) = reply.length().filter(|length| *length != announced) {
            let why = format!("it announces {length} bytes where {announced} were expected");
            return Err(reply.malformed(why).into());
        }
        let request = reply.request;
        let mut stream = reply.body.into_reader();
        // A server without ranges sends it all again.
        let skip = self.at - start;
        let skipped = io::copy(&mut Read::by_ref(&mut stream).take(skip), &mut io::sink())
            .map_err(|error| connection_error(ureq::Error::from(error), &request))?;
        if skipped < skip {
            let why = "the connection ended early".to_owned();
            return Err(RegistryError::Connection { request, why }.into());
        }
        Ok(Box::new(stream))
    }

    fn read_on(&mut self, buffer: &mut [u8]) -> Result<usize, RegistryError> {
        let left = self.size - self.at;
        let room = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let Some(buffer) = buffer.get_mut(..room) else { return Ok(0) };
        loop {
            if self.client.events.interrupted() {
                return Err(RegistryError::Interrupted);
            }
            if self.tries.over() {
                let during = "the whole transfer".to_owned();
                return Err(RegistryError::Timeout { request: self.request(), during });
            }
            if std::mem::take(&mut self.stalled) {
                self.stream = None;
                let during = format!("fewer than {LOW_SPEED} bytes came in the longest time that may pass");
                let request = self.request();
                let error = RegistryError::Timeout { request: request.clone(), during };
                self.tries.wait(&request, error.into())?;
            }
            let Some(stream) = self.stream.as_mut() else {
                self.connect()?;
                continue;
            };
            let error = match stream.read(buffer) {
                Ok(0) => {
                    let why = "the connection ended early".to_owned();
                    RegistryError::Connection { request: self.request(), why }
                }
                Ok(count) => match self.advance(count as u64) {
                    Ok(()) => return Ok(count),
                    Err(error) => error,
                },
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => connection_error(ureq::Error::from(error), &self.request()),
            };
            self.stream = None;
            let request = self.request();
            self.tries.wait(&request, error.into())?;
        }
    }

    fn advance(&mut self, count: u64) -> Result<(), RegistryError> {
        self.at += count;
        if self.at - self.renewed_at >= PROGRESS {
            self.renewed_at = self.at;
            self.tries.renew();
        }
        if self.at == self.size {
            return self.end();
        }
        // Looking at the clock for every read would cost more than the read of a small chunk.
        if self.at - self.window.1 >= PROGRESS {
            self.window = (Instant::now(), self.at);
        } else if self.window.0.elapsed() >= self.client.options.idle_timeout.max(Duration::from_millis(1)) {
            let slow = self.at - self.window.1 < LOW_SPEED;
            self.window = (Instant::now(), self.at);
            // Bytes that came are kept; the next read opens a new connection.
            self.stalled = slow;
        }
        Ok(())
    }

    /// Reads the end of the stream, so that the connection can be used again, and so that more than was announced shows.
    fn end(&mut self) -> Result<(), RegistryError> {
        let Some(mut stream) = self.stream.take() else { return Ok(()) };
        match stream.read(&mut [0; 1]) {
            Ok(0) | Err(_) => Ok(()),
            Ok(_) => {
                let why = format!("it sent more than the {} bytes of the blob", self.size);
                Err(RegistryError::Malformed { request: self.request(), why })
            }
        }
    }
}

fn range_start(value: &str) -> Option<u64> {
    value.trim().strip_prefix("bytes")?.trim_start().split('-').next()?.trim().parse().ok()
}

impl Read for BlobBody<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.size || buffer.is_empty() {
            return Ok(0);
        }
        self.read_on(buffer).map_err(io::Error::other)
    }
}
