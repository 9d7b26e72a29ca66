//! A gate before a registry: everything passes, but for one request that waits until it is let through.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use ombundle::reference::RegistryHost;

use super::stand::until;

#[derive(Default)]
struct Bar {
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
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let bar = Arc::new(Bar::default());
        let (shared, registry, request) = (Arc::clone(&bar), registry.to_string(), request.to_owned());
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if shared.over.load(Ordering::SeqCst) {
                    return;
                }
                let server = TcpStream::connect(&registry).unwrap();
                let (back_from, back_to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                std::thread::spawn(move || pass(back_from, back_to, |_| {}));
                let (bar, request) = (Arc::clone(&shared), request.clone());
                std::thread::spawn(move || {
                    pass(client, server, |bytes| {
                        if bytes.starts_with(request.as_bytes()) {
                            bar.wait();
                        }
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

/// Passes bytes on until one side is closed; `look` sees them first.
fn pass(mut from: TcpStream, mut to: TcpStream, look: impl Fn(&[u8])) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        look(&buffer[..count]);
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}
