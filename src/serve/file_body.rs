//! Content of a file as a response body: read in pieces off the reactor, and hashed on the way out.

use std::fs::File;
use std::future::Future as _;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::Bytes;
use tokio::task::JoinHandle;

use crate::digest::{Digest, VerifyingReader};

/// Bytes that one download keeps in memory.
const PIECE: usize = 128 << 10;

/// Content of a file, or a part of it.
pub(crate) struct FileBody {
    state: State,
    left: u64,
}

enum State {
    Resting(Source),
    Reading(JoinHandle<(Source, io::Result<Vec<u8>>)>),
    Ended,
}

enum Source {
    /// A whole blob: its last bytes leave only when its digest is right, so that a medium that rots is noticed as a
    /// broken download and never as a complete one.
    Whole(Box<VerifyingReader<File>>),
    Part(io::Take<File>),
}

impl FileBody {
    /// All of a blob.
    pub(crate) fn whole(file: File, digest: Digest, size: u64) -> Self {
        let source = Source::Whole(Box::new(VerifyingReader::new(file, digest, size)));
        Self { state: State::Resting(source), left: size }
    }

    /// These bytes of a file.
    pub(crate) fn part(mut file: File, range: &Range<u64>) -> io::Result<Self> {
        file.seek(SeekFrom::Start(range.start))?;
        let left = range.end - range.start;
        Ok(Self { state: State::Resting(Source::Part(file.take(left))), left })
    }

    /// Bytes that are still to come.
    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    /// The next piece.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            match std::mem::replace(&mut self.state, State::Ended) {
                State::Ended => return Poll::Ready(None),
                State::Resting(_) if self.left == 0 => return Poll::Ready(None),
                State::Resting(source) => {
                    self.state = State::Reading(tokio::task::spawn_blocking(|| source.piece()));
                }
                State::Reading(mut task) => {
                    let Poll::Ready(done) = Pin::new(&mut task).poll(context) else {
                        self.state = State::Reading(task);
                        return Poll::Pending;
                    };
                    let (source, piece) = done.map_err(io::Error::other)?;
                    let piece = piece?;
                    if piece.is_empty() {
                        return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
                    }
                    self.left = self.left.saturating_sub(piece.len() as u64);
                    self.state = State::Resting(source);
                    return Poll::Ready(Some(Ok(piece.into())));
                }
            }
        }
    }
}

impl Source {
    fn piece(mut self) -> (Self, io::Result<Vec<u8>>) {
        let mut piece = Vec::with_capacity(PIECE);
        let read = match &mut self {
            Self::Whole(reader) => reader.take(PIECE as u64).read_to_end(&mut piece),
            Self::Part(reader) => reader.take(PIECE as u64).read_to_end(&mut piece),
        };
        (self, read.map(|_| piece))
    }
}
