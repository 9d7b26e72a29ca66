//! A gate before a registry: everything passes, but for one request that waits until it is let through, or is refused.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use ombundle::reference::RegistryHost;

use super::stand::until;

#[derive(Default)]
struct Bar {
    /// With which answer it turns away, instead of letting wait.
    refuses: Option<&'static str>,
    reached: AtomicBool,
    over: AtomicBool,
    open: Mutex<bool>,
    opened: Condvar,
}

/// The gate. It lets everything through when it is dropped.
pub(crate) struct Gate {
    host: String,
    bar: Arc<Bar>,
}

impl Gate {
    /// Holds what begins so (`PUT /v2/… `).
    pub(crate) fn before(registry: &RegistryHost, request: &str) -> Self {
        Self::with(registry, request, Bar::default())
    }

    /// Answers 403 to what begins so, until it is opened.
    pub(crate) fn refusing(registry: &RegistryHost, request: &str) -> Self {
        Self::with(registry, request, Bar { refuses: Some("403 Forbidden"), ..Bar::default() })
    }

    /// The same with 404.
    pub(crate) fn denying(registry: &RegistryHost, request: &str) -> Self {
        Self::with(registry, request, Bar { refuses: Some("404 Not Found"), ..Bar::default() })
    }

    fn with(registry: &RegistryHost, request: &str, bar: Bar) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let bar = Arc::new(bar);
        let (shared, registry, request) = (Arc::clone(&bar), registry.to_string(), request.to_owned());
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if shared.over.load(Ordering::SeqCst) {
                    return;
                }
                let server = TcpStream::connect(&registry).unwrap();
                let (back_from, back_to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                std::thread::spawn(move || pass(back_from, back_to, |_| true));
                let (bar, request) = (Arc::clone(&shared), request.clone());
                std::thread::spawn(move || {
                    let mut answer = client.try_clone().unwrap();
                    pass(client, server, |bytes| {
                        if !bytes.starts_with(request.as_bytes()) {
                            return true;
                        }
                        if let Some(status) = bar.turns_away() {
                            let no = format!(
                                "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                            );
                            return answer.write_all(no.as_bytes()).is_err();
                        }
                        if bar.refuses.is_none() {
                            bar.wait();
                        }
                        true
                    });
                });
            }
        });
        Self { host, bar }
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Waits until the request has come.
    pub(crate) fn reached(&self) {
        until("the request", || self.bar.reached.load(Ordering::SeqCst));
    }

    pub(crate) fn open(&self) {
        *self.bar.open.lock().unwrap() = true;
        self.bar.opened.notify_all();
    }
}

impl Bar {
    fn turns_away(&self) -> Option<&'static str> {
        self.refuses.filter(|_| !*self.open.lock().unwrap())
    }

    fn wait(&self) {
        self.reached.store(true, Ordering::SeqCst);
        let mut open = self.open.lock().unwrap();
        while !*open {
            open = self.opened.wait(open).unwrap();
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.open();
        self.bar.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(&self.host);
    }
}

/// Passes bytes on until one side is closed; `look` sees them first, and may have the rest dropped.
fn pass(mut from: TcpStream, mut to: TcpStream, mut look: impl FnMut(&[u8]) -> bool) {
    let mut buffer = vec![0; 64 << 10];
    let mut passes = true;
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        passes = passes && look(&buffer[..count]);
        if passes && to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}
