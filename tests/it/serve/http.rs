//! A bare HTTP client: one request a connection, sent exactly as written.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use ombundle::digest::Digest;
use ombundle::serve::{Running, ServeOptions, Server};

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The code of its first error.
    pub(crate) fn code(&self) -> String {
        self.json()["errors"][0]["code"].as_str().unwrap().to_owned()
    }
}

/// A registry over a folder of its own.
pub(crate) struct Registry {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) running: Running,
}

impl Registry {
    pub(crate) fn start() -> Self {
        Self::start_with(|_| {})
    }

    pub(crate) fn start_with(change: impl FnOnce(&mut ServeOptions)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = options(&folder);
        change(&mut options);
        Self { running: Server::start(options).unwrap(), folder }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running.address()
    }

    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        ask(self.address(), method, path, headers, body)
    }

    pub(crate) fn fetch(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"")
    }

    /// Pushes a blob in one request.
    pub(crate) fn push(&self, name: &str, blob: &[u8]) -> Digest {
        let digest = Digest::of(blob);
        let path = format!("/v2/{name}/blobs/uploads/?digest={digest}");
        assert_eq!(self.ask("POST", &path, &[], blob).status, 201);
        digest
    }
}

pub(crate) fn options(folder: &tempfile::TempDir) -> ServeOptions {
    let mut options = ServeOptions::new(folder.path().join("storage"), "127.0.0.1:0".parse().unwrap());
    options.durable = false;
    options
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

pub(crate) fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut stream = connect(address);
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    if !headers.iter().any(|(name, _)| matches!(*name, "content-length" | "transfer-encoding")) {
        write!(head, "content-length: {}\r\n", body.len()).unwrap();
    }
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    head += "\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    // The server may answer and close before it read everything.
    let _ = stream.write_all(body);
    answer(&mut stream)
}

/// Reads an answer up to the end of the connection.
pub(crate) fn answer(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer with a head");
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines
        .map(|line| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_lowercase(), value.trim().to_owned())
        })
        .collect();
    Answer { status, headers, body: bytes[end + 4..].to_vec() }
}
