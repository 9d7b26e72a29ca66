//! A proxy that passes connections on (CONNECT), and writes down what it could read.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// Where names lead: `name:port` to `127.0.0.1:port`.
type Routes = BTreeMap<String, String>;

/// What went from clients to the proxy: the heads of their requests, and what they sent through.
#[derive(Debug, Default, Clone)]
pub(crate) struct Overheard {
    pub(crate) heads: Vec<String>,
    pub(crate) through: Vec<u8>,
}

/// The proxy. It ends when it is dropped.
pub(crate) struct Proxy {
    address: String,
    overheard: Arc<Mutex<Overheard>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Leads to these places, and answers 502 for all others.
    pub(crate) fn start(routes: &[(&str, String)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let routes: Routes = routes.iter().map(|(name, to)| ((*name).to_owned(), to.clone())).collect();
        let (overheard, over) = (Arc::new(Mutex::default()), Arc::new(AtomicBool::new(false)));
        let thread = std::thread::spawn({
            let (overheard, over) = (Arc::clone(&overheard), Arc::clone(&over));
            move || {
                for stream in listener.incoming() {
                    if over.load(Ordering::SeqCst) {
                        return;
                    }
                    let Ok(stream) = stream else { continue };
                    let (routes, overheard) = (routes.clone(), Arc::clone(&overheard));
                    std::thread::spawn(move || serve(stream, &routes, &overheard));
                }
            }
        });
        Self { address, overheard, over, thread: Some(thread) }
    }

    /// `127.0.0.1:port`.
    pub(crate) fn host(&self) -> &str {
        &self.address
    }

    pub(crate) fn overheard(&self) -> Overheard {
        self.overheard.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(&self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(stream: TcpStream, routes: &Routes, overheard: &Arc<Mutex<Overheard>>) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(20)));
    let mut client = stream.try_clone().unwrap();
    // One byte at a time: what follows the head belongs to the tunnel.
    let mut reader = BufReader::with_capacity(1, stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    overheard.lock().unwrap().heads.push(head.clone());
    let mut words = head.split_whitespace();
    let (method, name) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let Some(to) = routes.get(name).filter(|_| method == "CONNECT") else {
        let _ = client.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
        return;
    };
    let server = TcpStream::connect(to).unwrap();
    let _ = client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n");
    let back = std::thread::spawn({
        let (server, client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        move || pass(server, client, |_| {})
    });
    let overheard = Arc::clone(overheard);
    pass(reader.into_inner(), server, |bytes| overheard.lock().unwrap().through.extend_from_slice(bytes));
    let _ = back.join();
}

fn pass(mut from: TcpStream, mut to: TcpStream, mut hear: impl FnMut(&[u8])) {
    let mut buffer = [0; 16 << 10];
    while let Ok(count) = from.read(&mut buffer) {
        if count == 0 || to.write_all(&buffer[..count]).is_err() {
            break;
        }
        hear(&buffer[..count]);
    }
    let _ = to.shutdown(Shutdown::Both);
}
