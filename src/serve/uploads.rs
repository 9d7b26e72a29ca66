//! Uploads: begun, fed in chunks, finished by their digest; or done in one request.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::body::Incoming as Body;
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::{Method, StatusCode};

use crate::digest::Digest;
use crate::reference::Repository;
use crate::serve::content::Incoming;
use crate::serve::receive::{self, Sink};
use crate::serve::reply::{Code, Refusal, Reply, created, empty, set};
use crate::serve::route::digest as parse_digest;
use crate::serve::server::Shared;
use crate::serve::{blobs, range};

const UPLOAD_ID: HeaderName = HeaderName::from_static("docker-upload-uuid");

/// Uploads that may be open at once: each holds a file descriptor.
const OPEN: usize = 512;
/// After this time without a request an upload is given up.
const FORGOTTEN: Duration = Duration::from_hours(1);

/// The uploads that are open.
#[derive(Default)]
pub(crate) struct Uploads(Mutex<BTreeMap<String, Arc<Upload>>>);

struct Upload {
    repository: Repository,
    state: Mutex<State>,
}

enum State {
    /// Nobody writes; since when.
    Resting(Incoming, Instant),
    /// A request writes.
    Busy,
    /// A write failed, or it was finished.
    Ended,
}

/// The file of an upload while a request has it. Dropping it gives it back.
struct Held {
    content: Option<Incoming>,
    upload: Arc<Upload>,
}

impl Uploads {
    fn open(&self, repository: Repository, content: Incoming) -> Result<String, Refusal> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| Refusal::from(io::Error::other(error)))?;
        let id = random.iter().fold(String::new(), |mut id, byte| {
            let _infallible = write!(id, "{byte:02x}");
            id
        });
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, upload| !upload.is_forgotten());
        if open.len() >= OPEN {
            let message = format_args!("{OPEN} uploads are open already");
            return Err(Refusal::new(429, Code::TooManyRequests, message).header(header::RETRY_AFTER, 5));
        }
        let state = Mutex::new(State::Resting(content, Instant::now()));
        open.insert(id.clone(), Arc::new(Upload { repository, state }));
        Ok(id)
    }

    fn find(&self, repository: &Repository, id: &str) -> Result<Arc<Upload>, Refusal> {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = open.get(id).filter(|upload| upload.repository == *repository);
        found.cloned().ok_or_else(|| Refusal::new(404, Code::BlobUploadUnknown, "there is no such upload"))
    }

    fn close(&self, id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

impl Upload {
    fn is_forgotten(&self) -> bool {
        match &*self.state.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Resting(_, since) => since.elapsed() > FORGOTTEN,
            State::Busy => false,
            State::Ended => true,
        }
    }

    /// Takes the file for one request.
    fn hold(self: Arc<Self>) -> Result<Held, Refusal> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *state, State::Busy) {
            State::Resting(content, _) => {
                drop(state);
                Ok(Held { content: Some(content), upload: self })
            }
            State::Busy => {
                let message = "another request is writing to this upload";
                Err(Refusal::new(409, Code::BlobUploadInvalid, message).header(header::RETRY_AFTER, 1))
            }
            State::Ended => {
                *state = State::Ended;
                Err(Refusal::new(404, Code::BlobUploadUnknown, "this upload has failed: begin a new one"))
            }
        }
    }
}

impl Held {
    fn length(&self) -> u64 {
        self.content.as_ref().map_or(0, Incoming::length)
    }

    /// Takes the file for good.
    fn keep(mut self) -> Result<Incoming, Refusal> {
        self.content.take().ok_or_else(|| Refusal::from(io::Error::other("the upload has no file")))
    }
}

impl Sink for Held {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(content) = &mut self.content else { return Err(io::Error::other("the upload has no file")) };
        let written = content.write(bytes);
        if written.is_err() {
            self.content = None;
        }
        written
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.upload.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = self.content.take().map_or(State::Ended, |content| State::Resting(content, Instant::now()));
    }
}

/// What the query of an upload request says.
#[derive(Default)]
pub(crate) struct Query {
    digest: Option<String>,
    mount: Option<String>,
    from: Option<String>,
}

impl Query {
    pub(crate) fn parse(query: Option<&str>) -> Self {
        let mut found = Self::default();
        for (key, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            match &*key {
                "digest" => found.digest = Some(value.into_owned()),
                "mount" => found.mount = Some(value.into_owned()),
                "from" => found.from = Some(value.into_owned()),
                _ => {}
            }
        }
        found
    }
}

/// `POST /v2/<name>/blobs/uploads/`: mounts a blob, takes a whole one, or begins an upload.
pub(crate) async fn begin(
    shared: &Arc<Shared>,
    name: Repository,
    query: Query,
    body: &mut Body,
) -> Result<Reply, Refusal> {
    if let Some(mount) = &query.mount {
        let digest = parse_digest(mount)?;
        if let Some(from) = query.from.as_deref().and_then(|from| from.parse::<Repository>().ok()) {
            let target = name.clone();
            let mounted = shared
                .storage(move |storage| {
                    let there = storage.blob_size(&from, &digest)?.is_some();
                    if there {
                        storage.link_blob(&target, &digest)?;
                    }
                    Ok(there)
                })
                .await?;
            if mounted {
                return Ok(created(&blobs::location(&name, &digest), &digest));
            }
        }
    }
    let content = shared.storage(|storage| Ok(storage.incoming()?)).await?;
    if let Some(digest) = &query.digest {
        let digest = parse_digest(digest)?;
        let content = receive::into_file(body, content, shared.idle).await?;
        return finish(shared, name, digest, content).await;
    }
    let id = shared.uploads.open(name.clone(), content)?;
    Ok(progress(StatusCode::ACCEPTED, &name, &id, 0))
}

/// `/v2/<name>/blobs/uploads/<id>`: asks how far an upload is, feeds it, finishes it or gives it up.
pub(crate) async fn proceed(
    shared: &Arc<Shared>,
    method: &Method,
    (name, id): (Repository, String),
    query: Query,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<Reply, Refusal> {
    let held = shared.uploads.find(&name, &id)?.hold()?;
    match *method {
        Method::GET => Ok(progress(StatusCode::NO_CONTENT, &name, &id, held.length())),
        Method::DELETE => {
            drop(held.keep()?);
            shared.uploads.close(&id);
            Ok(empty(StatusCode::NO_CONTENT))
        }
        Method::PATCH => {
            let held = feed(shared, &name, &id, held, headers, body).await?;
            Ok(progress(StatusCode::ACCEPTED, &name, &id, held.length()))
        }
        _ => {
            let digest = query.digest.as_deref().map(parse_digest).transpose()?.ok_or_else(|| {
                Refusal::new(400, Code::DigestInvalid, "an upload is finished with `?digest=sha256:…`")
            })?;
            let held = feed(shared, &name, &id, held, headers, body).await?;
            let content = held.keep()?;
            shared.uploads.close(&id);
            finish(shared, name, digest, content).await
        }
    }
}

/// Takes a chunk. What came before a connection broke is kept: the client asks how far it got and goes on there.
async fn feed(
    shared: &Arc<Shared>,
    name: &Repository,
    id: &str,
    held: Held,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<Held, Refusal> {
    let Some(header) = headers.get(header::CONTENT_RANGE) else {
        return receive::into_file(body, held, shared.idle).await;
    };
    let before = held.length();
    let wrong = |message: String| {
        let refusal = Refusal::new(416, Code::BlobUploadInvalid, message);
        refusal.header(header::LOCATION, location(name, id)).header(header::RANGE, so_far(before))
    };
    let range = header.to_str().ok().and_then(range::chunk);
    let range = range.ok_or_else(|| wrong("`Content-Range` must be `first-last`".to_owned()))?;
    if range.start != before {
        return Err(wrong(format!("the next byte is {before}, the chunk begins at {}", range.start)));
    }
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|text| text.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length != range.end - range.start) {
        return Err(wrong("`Content-Range` and `Content-Length` differ".to_owned()));
    }
    let held = receive::into_file(body, held, shared.idle).await?;
    if held.length() != range.end {
        drop(held.keep());
        shared.uploads.close(id);
        let message = "the chunk is not as long as its `Content-Range`: begin a new upload";
        return Err(Refusal::new(400, Code::SizeInvalid, message));
    }
    Ok(held)
}

/// Checks what came and makes it a blob of the repository.
async fn finish(
    shared: &Arc<Shared>,
    name: Repository,
    digest: Digest,
    content: Incoming,
) -> Result<Reply, Refusal> {
    let found = content.digest();
    if found != digest {
        let message = format_args!("the content has digest {found}, not {digest}");
        return Err(Refusal::new(400, Code::DigestInvalid, message));
    }
    let target = blobs::location(&name, &digest);
    shared.storage(move |storage| Ok(storage.put_blob(&name, &digest, content)?)).await?;
    Ok(created(&target, &digest))
}

fn progress(status: StatusCode, name: &Repository, id: &str, length: u64) -> Reply {
    let mut reply = empty(status);
    set(&mut reply, header::LOCATION, location(name, id));
    set(&mut reply, header::RANGE, so_far(length));
    set(&mut reply, UPLOAD_ID, id);
    reply
}

fn location(name: &Repository, id: &str) -> String {
    format!("/v2/{name}/blobs/uploads/{id}")
}

/// The last byte is named, so nothing and one byte look the same; the API has it so.
fn so_far(length: u64) -> String {
    format!("0-{}", length.saturating_sub(1))
}
