//! Request bodies: into a file while they are hashed, or into memory up to a ceiling.

use std::io;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Incoming as Body};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::serve::content::Incoming;
use crate::serve::reply::{Code, Refusal};

/// Pieces that wait for the disk. Each is as large as one read from the socket, so an upload keeps well under 1 MiB.
const WAITING: usize = 4;

/// Takes the bytes of a body.
pub(crate) trait Sink: Send + 'static {
    /// Takes the next bytes. After an error it is not called again.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
}

impl Sink for Incoming {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        Self::write(self, bytes)
    }
}

/// Writes a body to a file.
///
/// The disk is fed by a thread of its own, so hashing and writing go on while the next bytes arrive. When the client goes
/// away, the thread ends and drops the sink, which decides what becomes of the bytes so far.
pub(crate) async fn into_file<S: Sink>(body: &mut Body, mut sink: S, idle: Duration) -> Result<S, Refusal> {
    let (sender, mut receiver) = mpsc::channel::<Bytes>(WAITING);
    let writer = tokio::task::spawn_blocking(move || -> io::Result<S> {
        while let Some(piece) = receiver.blocking_recv() {
            sink.write(&piece)?;
        }
        Ok(sink)
    });
    let read = forward(body, &sender, idle).await;
    drop(sender);
    // The writer is waited for in any case: the next request may only come after it let go of the file.
    let sink = writer.await.map_err(io::Error::other)??;
    read?;
    Ok(sink)
}

async fn forward(body: &mut Body, sender: &mpsc::Sender<Bytes>, idle: Duration) -> Result<(), Refusal> {
    while let Some(piece) = next(body, idle).await? {
        if sender.send(piece).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Reads a body into memory, up to a ceiling.
pub(crate) async fn into_memory(body: &mut Body, limit: u64, idle: Duration) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    while let Some(piece) = next(body, idle).await? {
        if (bytes.len() + piece.len()) as u64 > limit {
            let message = format_args!("a manifest may have {limit} bytes at most");
            return Err(Refusal::new(413, Code::SizeInvalid, message));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// Reads away what a client is still sending after a refusal, up to a ceiling: a client that is cut off while it writes
/// does not see the answer.
pub(crate) async fn discard(body: &mut Body, idle: Duration) {
    const ENOUGH: u64 = 8 << 20;
    let mut read = 0;
    while read < ENOUGH {
        match next(body, idle.min(Duration::from_secs(5))).await {
            Ok(Some(piece)) => read += piece.len() as u64,
            Ok(None) | Err(_) => return,
        }
    }
}

async fn next(body: &mut Body, idle: Duration) -> Result<Option<Bytes>, Refusal> {
    let broken = |why: &dyn std::fmt::Display| {
        Refusal::new(400, Code::BlobUploadInvalid, format_args!("the request's body broke off: {why}"))
    };
    loop {
        match timeout(idle, body.frame()).await {
            Err(_) => {
                return Err(Refusal::new(408, Code::BlobUploadInvalid, "the request's body stands still"));
            }
            Ok(None) => return Ok(None),
            Ok(Some(Err(error))) => return Err(broken(&error)),
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}
