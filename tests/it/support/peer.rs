//! A small HTTP server that does what a test tells it, and writes down what it was asked.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::tls::Identity;

/// One request as it came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn is(&self, method: &str, path_part: &str) -> bool {
        self.method == method && self.path.contains(path_part)
    }
}

/// What to answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Send only so many bytes of the body, then hang up.
    pub(crate) cut_at: Option<usize>,
    /// Send the body byte by byte, with this wait between.
    pub(crate) drip: Option<Duration>,
    /// Wait before answering.
    pub(crate) delay: Duration,
    /// Say another length than the body has.
    pub(crate) length: Option<usize>,
    /// Hang up without an answer.
    pub(crate) hang_up: bool,
}

impl Answer {
    pub(crate) fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            cut_at: None,
            drip: None,
            delay: Duration::ZERO,
            length: None,
            hang_up: false,
        }
    }

    pub(crate) fn nothing() -> Self {
        Self { hang_up: true, ..Self::new(0) }
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn cut_at(mut self, at: usize) -> Self {
        self.cut_at = Some(at);
        self
    }

    pub(crate) fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

type Handler = dyn Fn(&Asked) -> Answer + Send + Sync;
type Early = dyn Fn(&Asked) -> Option<Answer> + Send + Sync;

/// The server. It ends when it is dropped.
pub(crate) struct Peer {
    address: String,
    tls: Option<Identity>,
    log: Arc<Mutex<Vec<Asked>>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Peer {
    pub(crate) fn start(handler: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        Self::launch(None, Arc::new(handler), Arc::new(|_| None))
    }

    pub(crate) fn start_tls(handler: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        Self::launch(Some(Identity::for_loopback()), Arc::new(handler), Arc::new(|_| None))
    }

    pub(crate) fn start_with_identity(
        identity: Identity,
        handler: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::launch(Some(identity), Arc::new(handler), Arc::new(|_| None))
    }

    /// `early` sees only the head; where it answers, the body is not read and the connection is closed.
    pub(crate) fn start_early(
        early: impl Fn(&Asked) -> Option<Answer> + Send + Sync + 'static,
        handler: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::launch(None, Arc::new(handler), Arc::new(early))
    }

    fn launch(tls: Option<Identity>, handler: Arc<Handler>, early: Arc<Early>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (log, over) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let config = tls.as_ref().map(Identity::server_config);
        let thread = std::thread::spawn({
            let (log, over) = (Arc::clone(&log), Arc::clone(&over));
            move || {
                for stream in listener.incoming() {
                    if over.load(Ordering::SeqCst) {
                        return;
                    }
                    let Ok(stream) = stream else { continue };
                    let (handler, early) = (Arc::clone(&handler), Arc::clone(&early));
                    let (log, config) = (Arc::clone(&log), config.clone());
                    // Connection threads end with their connection, at the latest when a read takes too long.
                    std::thread::spawn(move || serve(stream, config, &*handler, &*early, &log));
                }
            }
        });
        Self { address, tls, log, over, thread: Some(thread) }
    }

    /// `127.0.0.1:port`.
    pub(crate) fn host(&self) -> String {
        self.address.clone()
    }

    /// The same server under another name: `localhost:port`.
    pub(crate) fn other_name(&self) -> String {
        self.address.replace("127.0.0.1", "localhost")
    }

    pub(crate) fn ca_pem_path(&self) -> std::path::PathBuf {
        self.tls.as_ref().unwrap().ca_pem_path()
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, method: &str, path_part: &str) -> usize {
        self.asked().iter().filter(|asked| asked.is(method, path_part)).count()
    }

    /// Every `Authorization` that arrived.
    pub(crate) fn credentials_seen(&self) -> Vec<String> {
        self.asked().iter().filter_map(|asked| asked.header("authorization").map(str::to_owned)).collect()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(&self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

trait Duplex: Read + Write {}
impl<T: Read + Write> Duplex for T {}

fn serve(
    stream: TcpStream,
    config: Option<Arc<rustls::ServerConfig>>,
    handler: &Handler,
    early: &Early,
    log: &Mutex<Vec<Asked>>,
) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(20)));
    let _ = stream.set_nodelay(true);
    let duplex: Box<dyn Duplex> = match config {
        None => Box::new(stream),
        Some(config) => {
            let connection = rustls::ServerConnection::new(config).unwrap();
            Box::new(rustls::StreamOwned::new(connection, stream))
        }
    };
    let mut reader = BufReader::with_capacity(256 << 10, duplex);
    while let Some(mut asked) = read_head(&mut reader) {
        if let Some(answer) = early(&asked) {
            log.lock().unwrap().push(asked);
            let _ = write_answer(reader.get_mut(), &answer, "PUT");
            return;
        }
        let length: u64 = asked.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        if asked.header("expect").is_some() {
            let _ = reader.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n");
            let _ = reader.get_mut().flush();
        }
        // What is announced need not come.
        let mut body = Vec::new();
        let read = (&mut reader).take(length).read_to_end(&mut body);
        let whole = read.is_ok() && body.len() as u64 == length;
        asked.body = body;
        log.lock().unwrap().push(asked.clone());
        if !whole {
            return;
        }
        let answer = handler(&asked);
        std::thread::sleep(answer.delay);
        let last = asked.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        if !write_answer(reader.get_mut(), &answer, &asked.method) || last {
            return;
        }
    }
}

fn read_head(reader: &mut impl BufRead) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let mut words = line.split_whitespace();
    let mut asked =
        Asked { method: words.next()?.to_owned(), path: words.next()?.to_owned(), ..Asked::default() };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => asked.headers.push((name.to_owned(), value.trim().to_owned())),
            None => return Some(asked),
        }
    }
}

/// Whether the connection can go on.
fn write_answer(stream: &mut dyn Duplex, answer: &Answer, method: &str) -> bool {
    if answer.hang_up {
        return false;
    }
    let mut head = format!("HTTP/1.1 {} Said\r\n", answer.status);
    let has_length = answer.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    if !has_length && answer.status != 204 {
        let _ = write!(head, "Content-Length: {}\r\n", answer.length.unwrap_or(answer.body.len()));
    }
    for (name, value) in &answer.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head += "\r\n";
    let body = if method == "HEAD" { &[][..] } else { &answer.body[..] };
    let sent = &body[..answer.cut_at.unwrap_or(body.len()).min(body.len())];
    if let Some(wait) = answer.drip {
        let _ = stream.write_all(head.as_bytes());
        return sent.iter().all(|byte| {
            std::thread::sleep(wait);
            stream.write_all(&[*byte]).and_then(|()| stream.flush()).is_ok()
        });
    }
    stream.write_all(head.as_bytes()).is_ok()
        && stream.write_all(sent).is_ok()
        && stream.flush().is_ok()
        && answer.cut_at.is_none()
}

/// Passes a request on to a real server and brings its answer back.
pub(crate) fn forward(asked: &Asked, host: &str) -> Answer {
    let mut stream = TcpStream::connect(host).unwrap();
    let mut head = format!("{} {} HTTP/1.1\r\n", asked.method, asked.path);
    for (name, value) in &asked.headers {
        if !name.eq_ignore_ascii_case("connection") {
            let _ = write!(head, "{name}: {value}\r\n");
        }
    }
    head += "Connection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&asked.body).unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let status = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    let mut answer = Answer::new(status);
    let mut chunked = false;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "connection" => {}
            "transfer-encoding" => chunked = true,
            _ => answer.headers.push((name.to_owned(), value.trim().to_owned())),
        }
    }
    if asked.method != "HEAD" {
        if chunked {
            loop {
                let mut size = String::new();
                reader.read_line(&mut size).unwrap();
                let size = usize::from_str_radix(size.trim(), 16).unwrap();
                let mut chunk = vec![0; size + 2];
                reader.read_exact(&mut chunk).unwrap();
                if size == 0 {
                    break;
                }
                answer.body.extend_from_slice(&chunk[..size]);
            }
        } else {
            reader.read_to_end(&mut answer.body).unwrap();
        }
    }
    answer
}
