//! Pushing: blobs that are hashed as they leave, and manifests as they are.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Read};
use std::sync::atomic::Ordering;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use ureq::http::{Method, header};
use url::Url;

use crate::digest::{ContentMismatch, Digest, VerifyingReader};
use crate::event::Events;
use crate::oci::RawManifest;
use crate::reference::{RegistryHost, Repository, RepositoryRef, Tag};
use crate::registry::auth::{Actions, Purpose};
use crate::registry::client::{Client, Place};
use crate::registry::exchange::{Ask, Payload};
use crate::registry::origin::upload_location;
use crate::registry::profile::{Profile, Upload};
use crate::registry::reply::Reply;
use crate::registry::retry::{Again, Failed, Tries};
use crate::registry::{Known, Pushed, RegistryError, Target};

/// Slowest pace at which a registry may store what was uploaded before its answer counts as overdue.
const STORE_BYTES_PER_SECOND: u64 = 10 << 20;

/// Uploads in flight: one per digest and registry. Two at once make Nexus refuse the second (nexus-public#967), and
/// everywhere the second is waste.
#[derive(Default)]
pub(super) struct Uploads {
    running: Mutex<BTreeSet<(RegistryHost, Digest)>>,
    changed: Condvar,
}

struct Turn<'u> {
    uploads: &'u Uploads,
    key: (RegistryHost, Digest),
}

impl Uploads {
    /// Waits until nobody else uploads this. Whether there was somebody.
    fn turn(
        &self,
        host: &RegistryHost,
        digest: Digest,
        events: &(dyn Events + Send + Sync),
    ) -> Result<(Turn<'_>, bool), RegistryError> {
        let key = (host.clone(), digest);
        let mut waited = false;
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        while running.contains(&key) {
            if events.interrupted() {
                return Err(RegistryError::Interrupted);
            }
            waited = true;
            let outcome = self.changed.wait_timeout(running, Duration::from_millis(200));
            running = outcome.unwrap_or_else(PoisonError::into_inner).0;
        }
        running.insert(key.clone());
        Ok((Turn { uploads: self, key }, waited))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.uploads.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
        self.uploads.changed.notify_all();
    }
}

/// Hashes what leaves, tells progress, and remembers why it stopped: the HTTP client would only say that it did.
struct Leaving<'a, R> {
    inner: VerifyingReader<R>,
    events: &'a (dyn Events + Send + Sync),
    progress: &'a dyn Fn(u64),
    sent: u64,
    told: &'a mut u64,
    stopped: Option<io::Error>,
    interrupted: bool,
}

impl<R: Read> Read for Leaving<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.events.interrupted() {
            self.interrupted = true;
            return Err(ErrorKind::Other.into());
        }
        loop {
            match self.inner.read(buffer) {
                Ok(count) => {
                    self.sent += count as u64;
                    // A second try sends the same bytes again; they are told once.
                    if self.sent > *self.told {
                        (self.progress)(self.sent - *self.told);
                        *self.told = self.sent;
                    }
                    return Ok(count);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.stopped = Some(error);
                    return Err(ErrorKind::Other.into());
                }
            }
        }
    }
}

/// A blob on its way.
struct Parcel<'p> {
    place: &'p Place,
    purpose: &'p Purpose,
    digest: Digest,
    size: u64,
    upload: Upload,
}

/// Where the content of a blob is to go, or that it need not.
enum Opened {
    Session(Url),
    Mounted,
}

impl Client {
    /// Pushes a blob unless it is there. `open` gives its bytes from the start, and is called again for every new try;
    /// `progress` is told how many more bytes are over, never more than `size` in sum.
    ///
    /// The bytes are hashed as they leave, and the last of them are held back until the digest is right: wrong content
    /// never becomes a blob.
    pub fn push_blob<'s>(
        &self,
        repository: &RepositoryRef,
        digest: Digest,
        size: u64,
        known: Known<'_>,
        open: &mut dyn FnMut() -> io::Result<Box<dyn Read + 's>>,
        progress: &dyn Fn(u64),
    ) -> Result<Pushed, RegistryError> {
        let (_turn, waited) = self.uploads.turn(&repository.host, digest, &*self.events)?;
        let Profile { upload, mounts, .. } = self.profile(&repository.host)?;
        let place = &self.place(repository)?;
        let purpose = &place.purpose(Actions::Push);
        let parcel = Parcel { place, purpose, digest, size, upload };
        let request = format!("PUT {repository}@{digest}");
        let mut tries = Tries::new(&self.options, &*self.events);
        let mut ask_first = waited || known != Known::Absent;
        let mut beside = match known {
            Known::Beside(other) if mounts && *other != repository.repository => Some(other),
            _ => None,
        };
        let mut told = 0;
        loop {
            // A mount is a favour: what it fails by is not asked for again.
            let outcome = self.push_once(&parcel, ask_first, beside.take(), open, progress, &mut told);
            match outcome {
                // What an earlier try uploaded counts as uploaded, though its answer was lost.
                Ok(pushed) if pushed == Pushed::Uploaded || tries.failed() > 0 => {
                    self.written.fetch_add(1, Ordering::Relaxed);
                    return Ok(Pushed::Uploaded);
                }
                Ok(pushed) => return Ok(pushed),
                Err(failed) => tries.wait(&request, failed)?,
            }
            ask_first = true;
        }
    }

    fn push_once<'s>(
        &self,
        parcel: &Parcel<'_>,
        ask_first: bool,
        beside: Option<&Repository>,
        open: &mut dyn FnMut() -> io::Result<Box<dyn Read + 's>>,
        progress: &dyn Fn(u64),
        told: &mut u64,
    ) -> Result<Pushed, Failed> {
        let mut doubtful = false;
        if ask_first {
            match self.blob_size_at(parcel.place, parcel.digest, Actions::Push)? {
                Some(found) if found == parcel.size => return Ok(Pushed::AlreadyThere),
                // There, but cut: push it and look again.
                Some(_) => doubtful = true,
                None => {}
            }
        }
        let opened = match beside {
            Some(other) if !doubtful => self.mount(parcel, other)?,
            _ => None,
        };
        let session = match opened {
            Some(Opened::Mounted) => return Ok(Pushed::Mounted),
            Some(Opened::Session(session)) => session,
            None => self.start_upload(parcel.place, parcel.purpose)?,
        };
        let outcome = self.upload(parcel, &session, open, progress, told);
        if let Err(failed) = outcome {
            // The session is of no use any more; a registry that hears so can free its space.
            self.cancel_upload(parcel.purpose, &session);
            let refused = matches!(&failed.error, RegistryError::Status { status: 400, message, .. }
                if message.contains("cannot be updated"));
            // Nexus: somebody else finished the same blob in between (nexus-public#967).
            if refused && self.blob_size_at(parcel.place, parcel.digest, Actions::Push)? == Some(parcel.size)
            {
                return Ok(Pushed::AlreadyThere);
            }
            return Err(failed);
        }
        if doubtful {
            let found = self.blob_size_at(parcel.place, parcel.digest, Actions::Push)?.unwrap_or(0);
            if found != parcel.size {
                let (host, digest, expected) = (parcel.place.host.to_string(), parcel.digest, parcel.size);
                return Err(RegistryError::Damaged { host, digest, found, expected }.into());
            }
        }
        Ok(Pushed::Uploaded)
    }

    /// Asks the registry to take the blob from another of its repositories. One that will not opens an upload session instead (202);
    /// nothing, when it does neither: whoever may write here may still not read there.
    fn mount(&self, parcel: &Parcel<'_>, other: &Repository) -> Result<Option<Opened>, Failed> {
        let purpose = Purpose { beside: Some(other.clone()), ..parcel.purpose.clone() };
        let mut url = parcel.place.url("blobs/uploads/");
        url.query_pairs_mut()
            .append_pair("mount", &parcel.digest.to_string())
            .append_pair("from", other.as_str());
        let reply = match self.exchange(&Ask::new(Method::POST, url, &purpose), Payload::Nothing) {
            Ok(reply) => reply,
            Err(failed) if matches!(failed.error, RegistryError::Interrupted) => return Err(failed),
            // Whatever it was, an ordinary upload will run into it or do without.
            Err(_) => return Ok(None),
        };
        match reply.status {
            201 => {
                if let Some(found) = reply.content_digest().filter(|found| *found != parcel.digest) {
                    let (request, expected) = (reply.request.clone(), parcel.digest);
                    return Err(RegistryError::WrongContent { request, expected, found }.into());
                }
                reply.done();
                Ok(Some(Opened::Mounted))
            }
            202 => session(reply).map(|session| Some(Opened::Session(session))),
            _ => {
                reply.done();
                Ok(None)
            }
        }
    }

    fn upload<'s>(
        &self,
        parcel: &Parcel<'_>,
        session: &Url,
        open: &mut dyn FnMut() -> io::Result<Box<dyn Read + 's>>,
        progress: &dyn Fn(u64),
        told: &mut u64,
    ) -> Result<(), Failed> {
        match parcel.upload {
            Upload::Monolithic => {
                let url = finishing(session, parcel.digest);
                self.send_content(parcel, Method::PUT, url, open, progress, told).map(drop)
            }
            Upload::PatchThenPut => {
                let next = self.send_content(parcel, Method::PATCH, session.clone(), open, progress, told)?;
                let url = finishing(&next.unwrap_or_else(|| session.clone()), parcel.digest);
                let ask = Ask::new(Method::PUT, url, parcel.purpose);
                // Nothing is sent, but the registry hashes and moves everything before it answers.
                let answer_within = self.patience(parcel.size);
                let payload = Payload::Stream { reader: &mut io::empty(), size: 0, answer_within };
                let reply = self.exchange(&ask, payload)?;
                match reply.status {
                    200..=204 => {
                        reply.done();
                        Ok(())
                    }
                    _ => Err(self.upload_failure(reply, parcel)),
                }
            }
        }
    }

    /// Sends the whole content; gives the address where the session goes on, if the registry names one.
    fn send_content<'s>(
        &self,
        parcel: &Parcel<'_>,
        method: Method,
        url: Url,
        open: &mut dyn FnMut() -> io::Result<Box<dyn Read + 's>>,
        progress: &dyn Fn(u64),
        told: &mut u64,
    ) -> Result<Option<Url>, Failed> {
        let ask =
            Ask::new(method, url, parcel.purpose).with(header::CONTENT_TYPE, "application/octet-stream");
        let request = ask.text();
        let content = open().map_err(|error| stopped(error, &request))?;
        let mut leaving = Leaving {
            inner: VerifyingReader::new(content, parcel.digest, parcel.size),
            events: &*self.events,
            progress,
            sent: 0,
            told,
            stopped: None,
            interrupted: false,
        };
        if parcel.size == 0 {
            // Nothing would be read, so nothing would be judged.
            let read = leaving.read(&mut [0; 1]);
            if let (Err(_), Some(error)) = (read, leaving.stopped.take()) {
                return Err(stopped(error, &request).into());
            }
        }
        let answer_within = self.patience(parcel.size);
        let outcome =
            self.exchange(&ask, Payload::Stream { reader: &mut leaving, size: parcel.size, answer_within });
        if leaving.interrupted {
            return Err(RegistryError::Interrupted.into());
        }
        if let Some(error) = leaving.stopped {
            return Err(stopped(error, &request).into());
        }
        let reply = outcome?;
        if !(200..=204).contains(&reply.status) {
            return Err(self.upload_failure(reply, parcel));
        }
        if let Some(found) = reply.content_digest().filter(|found| *found != parcel.digest) {
            return Err(RegistryError::WrongContent { request, expected: parcel.digest, found }.into());
        }
        let next = reply.header("location").map(str::to_owned);
        let from = reply.url.clone();
        reply.done();
        // Only a PATCH is followed by something; where a finished blob lives is known.
        match next {
            Some(location) if ask.method == Method::PATCH => {
                Ok(Some(next_location(request, &from, &location)?))
            }
            _ => Ok(None),
        }
    }

    fn patience(&self, size: u64) -> Duration {
        self.options.response_timeout + Duration::from_secs(size / STORE_BYTES_PER_SECOND)
    }

    /// A session that the registry does not know any more is started over with the whole blob.
    fn upload_failure(&self, reply: Reply, parcel: &Parcel<'_>) -> Failed {
        let status = reply.status;
        let mut failed = reply.failure(&self.auth.describe(parcel.purpose), &self.options);
        let lost = matches!(status, 404 | 416)
            || matches!(&failed.error, RegistryError::Status { message, .. } if message.starts_with("BLOB_UPLOAD_"));
        if lost && failed.again == Again::Never {
            failed.again = Again::Later(None);
        }
        failed
    }

    /// Pushes a manifest's exact bytes under a tag or its digest. [`RegistryError::MissingParts`] says what to push again.
    pub fn push_manifest(
        &self,
        repository: &RepositoryRef,
        target: &Target,
        manifest: &RawManifest,
    ) -> Result<(), RegistryError> {
        let place = self.place(repository)?;
        let purpose = place.purpose(Actions::Push);
        let url = place.url(&format!("manifests/{target}"));
        let ask = Ask::new(Method::PUT, url, &purpose).with(header::CONTENT_TYPE, manifest.media_type());
        let request = ask.text();
        if let Target::Digest(expected) = target
            && *expected != manifest.digest()
        {
            let (expected, found) = (*expected, manifest.digest());
            return Err(RegistryError::WrongContent { request, expected, found });
        }
        self.retrying(&request, || {
            let reply = self.exchange(&ask, Payload::Bytes(manifest.bytes()))?;
            if !(200..=204).contains(&reply.status) {
                return Err(reply.failure(&self.auth.describe(&purpose), &self.options));
            }
            // A registry that rewrites manifests (into another media type, say) breaks every reference by digest.
            if let Some(found) = reply.content_digest().filter(|found| *found != manifest.digest()) {
                let (request, expected) = (request.clone(), manifest.digest());
                return Err(RegistryError::WrongContent { request, expected, found }.into());
            }
            reply.done();
            self.written.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
    }

    /// Deletes a manifest with all its tags. Whether it was there.
    pub fn delete_manifest(&self, repository: &RepositoryRef, digest: Digest) -> Result<bool, RegistryError> {
        self.delete(repository, &digest.into())
    }

    /// Whether manifests of this repository may be deleted, found out with one that cannot be there. The error says why not.
    pub fn may_delete(&self, repository: &RepositoryRef) -> Result<(), RegistryError> {
        let nobodys = Digest::of(b"ombundle asks whether manifests may be deleted here");
        self.delete(repository, &nobodys.into()).map(drop)
    }

    /// Deletes a tag. Whether it was there. Many registries can only delete manifests and answer 400 or 405.
    pub fn delete_tag(&self, repository: &RepositoryRef, tag: &Tag) -> Result<bool, RegistryError> {
        self.delete(repository, &tag.clone().into())
    }

    fn delete(&self, repository: &RepositoryRef, target: &Target) -> Result<bool, RegistryError> {
        let place = self.place(repository)?;
        let purpose = place.purpose(Actions::Delete);
        let ask = Ask::new(Method::DELETE, place.url(&format!("manifests/{target}")), &purpose);
        self.retrying(&ask.text(), || {
            let reply = self.exchange(&ask, Payload::Nothing)?;
            match reply.status {
                200..=204 => {
                    reply.done();
                    Ok(true)
                }
                404 => {
                    reply.done();
                    Ok(false)
                }
                _ => Err(reply.failure(&self.auth.describe(&purpose), &self.options)),
            }
        })
    }
}

/// Where an upload that was opened goes on.
pub(super) fn session(reply: Reply) -> Result<Url, Failed> {
    let Some(location) = reply.header("location").map(str::to_owned) else {
        return Err(reply.malformed("the upload was opened without a place to go").into());
    };
    let (request, from) = (reply.request.clone(), reply.url.clone());
    reply.done();
    next_location(request, &from, &location)
}

fn next_location(request: String, from: &Url, location: &str) -> Result<Url, Failed> {
    upload_location(from, location).map_err(|why| {
        let to = super::reply::clean(location.split('?').next().unwrap_or_default());
        RegistryError::Redirect { request, to, why }.into()
    })
}

fn finishing(session: &Url, digest: Digest) -> Url {
    let mut url = session.clone();
    url.query_pairs_mut().append_pair("digest", &digest.to_string());
    url
}

/// Why the content stopped coming.
fn stopped(error: io::Error, request: &str) -> RegistryError {
    let request = request.to_owned();
    match error.downcast::<ContentMismatch>() {
        Ok(source) => RegistryError::Content { request, source },
        Err(error) => RegistryError::from_io(error, &request),
    }
}
