//! The server: listening, connections, and which handler answers.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use base64::Engine as _;
use hyper::Request;
use hyper::body::Incoming as Body;
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, mpsc, watch};

use crate::digest::Digest;
use crate::serve::lists::{self, Page};
use crate::serve::reply::{Code, Refusal, Reply, json, set};
use crate::serve::route::Route;
use crate::serve::storage::Storage;
use crate::serve::uploads::{self, Query, Uploads};
use crate::serve::{ServeError, blobs, manifests, receive};

/// Connections at a time; more wait in the system's queue. Together with what a connection may buffer this is the ceiling
/// on memory.
const CONNECTIONS: usize = 128;
/// Bytes of request line and headers, and of one read of a body.
const CONNECTION_BUFFER: usize = 64 << 10;
/// How long requests that run may go on after [`Running::stop`].
const GRACE: Duration = Duration::from_secs(5);

/// How to run a registry.
#[derive(Clone)]
pub struct ServeOptions {
    /// The folder; made when it is not there.
    pub storage: PathBuf,
    /// Where to listen. Port 0 takes a free one, see [`Running::address`].
    pub listen: SocketAddr,
    /// Whom to let in; everybody when there is none.
    pub credentials: Option<BasicCredentials>,
    /// Whether to wait for the medium, so that what was acknowledged survives a power cut.
    pub durable: bool,
    /// Whether an image index may name manifests that are not here.
    pub sparse_indexes: bool,
    /// How long a client may stand still in the middle of a request.
    pub idle: Duration,
    /// Told of each request once it is answered; for logs and for tests that count.
    pub on_request: Option<Arc<OnRequest>>,
}

impl ServeOptions {
    /// A registry over this folder, with the defaults of the program.
    pub fn new(storage: impl Into<PathBuf>, listen: SocketAddr) -> Self {
        Self {
            storage: storage.into(),
            listen,
            credentials: None,
            durable: true,
            sparse_indexes: false,
            idle: Duration::from_mins(1),
            on_request: None,
        }
    }
}

/// One user and a password, for basic authentication. Only their digest is kept.
#[derive(Clone)]
pub struct BasicCredentials(Digest);

impl BasicCredentials {
    /// This user with this password.
    pub fn new(user: &str, password: &str) -> Self {
        Self(Digest::of(format!("{user}:{password}").as_bytes()))
    }

    /// Compares digests, so the time it takes tells nothing about the password.
    fn admit(&self, headers: &HeaderMap) -> bool {
        let sent = headers.get(header::AUTHORIZATION).and_then(|value| {
            let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
            let token = scheme.eq_ignore_ascii_case("basic").then_some(token)?;
            base64::engine::general_purpose::STANDARD.decode(token.trim()).ok()
        });
        sent.is_some_and(|sent| Digest::of(&sent) == self.0)
    }
}

/// A request that was answered.
#[derive(Debug, Clone, Copy)]
pub struct Access<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its path and query.
    pub path: &'a str,
    /// The status of the answer.
    pub status: u16,
}

/// Is told of each request that was answered, by the thread that answered it.
pub type OnRequest = dyn Fn(&Access<'_>) + Send + Sync;

/// What all requests share.
pub(crate) struct Shared {
    storage: Arc<Storage>,
    pub(crate) uploads: Uploads,
    pub(crate) idle: Duration,
    pub(crate) sparse_indexes: bool,
    credentials: Option<BasicCredentials>,
    on_request: Option<Arc<OnRequest>>,
}

impl Shared {
    /// Does work on files, off the reactor.
    pub(crate) async fn storage<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Storage) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let storage = Arc::clone(&self.storage);
        tokio::task::spawn_blocking(move || work(&storage)).await.map_err(io::Error::other)?
    }
}

/// Starts registries.
pub struct Server;

impl Server {
    /// Opens the folder and listens. Requests are answered by threads in the background until [`Running`] is stopped or
    /// dropped.
    pub fn start(options: ServeOptions) -> Result<Running, ServeError> {
        let storage = Arc::new(Storage::open(&options.storage, options.durable)?);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(2 * CONNECTIONS)
            .thread_name("registry")
            .enable_all()
            .build()
            .map_err(|source| ServeError::Threads { source })?;
        let listen = |source| ServeError::Listen { address: options.listen, source };
        let listener = runtime.block_on(TcpListener::bind(options.listen)).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let shared = Arc::new(Shared {
            storage,
            uploads: Uploads::default(),
            idle: options.idle,
            sparse_indexes: options.sparse_indexes,
            credentials: options.credentials,
            on_request: options.on_request,
        });
        let (stop, stopping) = watch::channel(false);
        let (alive, ended) = mpsc::channel(1);
        runtime.spawn(accept(listener, shared, stopping, alive));
        Ok(Running { address, runtime: Some(runtime), stop, ended })
    }
}

/// A registry that runs. Dropping it stops it.
pub struct Running {
    address: SocketAddr,
    runtime: Option<Runtime>,
    stop: watch::Sender<bool>,
    ended: mpsc::Receiver<()>,
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more requests, lets those that run come to their end for five seconds at most, and frees the port and the
    /// folder.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        self.stop.send_replace(true);
        runtime.block_on(async {
            // Each connection holds a sender: when the last is gone, so are they all.
            let _timed_out = tokio::time::timeout(GRACE, self.ended.recv()).await;
        });
        runtime.shutdown_timeout(Duration::from_secs(1));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

async fn accept(
    listener: TcpListener,
    shared: Arc<Shared>,
    stopping: watch::Receiver<bool>,
    alive: mpsc::Sender<()>,
) {
    let seats = Arc::new(Semaphore::new(CONNECTIONS));
    let mut told = stopping.clone();
    let accepting = async {
        loop {
            let Ok(seat) = Arc::clone(&seats).acquire_owned().await else { return };
            let Ok((stream, _)) = listener.accept().await else {
                // Out of file descriptors, or the client is gone again: wait for better times.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let (shared, stopping, alive) = (Arc::clone(&shared), stopping.clone(), alive.clone());
            tokio::spawn(async move {
                converse(stream, shared, stopping).await;
                drop((seat, alive));
            });
        }
    };
    either(accepting, told.wait_for(|stop| *stop)).await;
}

async fn converse(stream: TcpStream, shared: Arc<Shared>, mut stopping: watch::Receiver<bool>) {
    let _best_effort = stream.set_nodelay(true);
    let idle = shared.idle;
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, io::Error>(answer(&shared, request).await) }
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(idle).max_buf_size(CONNECTION_BUFFER);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    if either(connection.as_mut(), stopping.wait_for(|stop| *stop)).await {
        return;
    }
    connection.as_mut().graceful_shutdown();
    // How a connection ends is the client's business.
    let _ended = connection.await;
}

/// Waits for either. Says whether the first came to its end.
async fn either<A: Future, B: Future>(first: A, second: B) -> bool {
    let (mut first, mut second) = (pin!(first), pin!(second));
    std::future::poll_fn(|context| {
        if first.as_mut().poll(context).is_ready() {
            Poll::Ready(true)
        } else {
            second.as_mut().poll(context).map(|_| false)
        }
    })
    .await
}

async fn answer(shared: &Arc<Shared>, request: Request<Body>) -> Reply {
    let (head, mut body) = request.into_parts();
    let outcome = handle(shared, &head, &mut body).await;
    let mut reply = match outcome {
        Ok(reply) => reply,
        Err(refusal) => {
            // A client that waits for `100 Continue` has not begun to send.
            if !head.headers.contains_key(header::EXPECT) {
                receive::discard(&mut body, shared.idle).await;
            }
            refusal.into_reply()
        }
    };
    set(&mut reply, HeaderName::from_static("docker-distribution-api-version"), "registry/2.0");
    if let Some(tell) = &shared.on_request {
        let path = head.uri.path_and_query().map_or("", |path| path.as_str());
        tell(&Access { method: head.method.as_str(), path, status: reply.status().as_u16() });
    }
    reply
}

async fn handle(
    shared: &Arc<Shared>,
    head: &hyper::http::request::Parts,
    body: &mut Body,
) -> Result<Reply, Refusal> {
    if shared.credentials.as_ref().is_some_and(|known| !known.admit(&head.headers)) {
        let refusal = Refusal::new(401, Code::Unauthorized, "a user and a password are needed");
        return Err(refusal.header(header::WWW_AUTHENTICATE, "Basic realm=\"registry\""));
    }
    let (method, headers, query) = (&head.method, &head.headers, head.uri.query());
    let route = Route::parse(head.uri.path())?;
    if !route.methods().split(", ").any(|known| known == method.as_str()) {
        let message = format_args!("{method} is not possible here");
        return Err(Refusal::new(405, Code::Unsupported, message).header(header::ALLOW, route.methods()));
    }
    match route {
        Route::Root => Ok(json(&serde_json::json!({}))),
        Route::Catalog => lists::repositories(shared, Page::parse(query)?).await,
        Route::Tags(name) => lists::tags(shared, name, Page::parse(query)?).await,
        Route::Referrers(name, subject) => lists::referrers(shared, name, subject, Page::parse(query)?).await,
        Route::Blob(name, digest) => blobs::answer(shared, method, name, digest, headers).await,
        Route::Manifest(name, target) => manifests::answer(shared, method, name, target, headers, body).await,
        Route::Uploads(name) => uploads::begin(shared, name, Query::parse(query), body).await,
        Route::Upload(name, id) => {
            uploads::proceed(shared, method, (name, id), Query::parse(query), headers, body).await
        }
    }
}
