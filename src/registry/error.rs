//! What can go wrong between us and a registry, what it means for the process, and what to do about it.

use std::io;
use std::path::PathBuf;

use crate::digest::{ContentMismatch, Digest};
use crate::fault::{Exit, Fault, exit_for_io};
use crate::oci::OciError;

/// Why a registry did not do what was asked. `request` is always method and address, without a query.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The person asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// A file that configures the client cannot be read or understood.
    #[error("cannot use {what} `{}`: {why}", path.display())]
    Config {
        /// What the file is for.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A credential helper did not do its job.
    #[error("credential helper `{name}` failed for {host}: {why}")]
    Helper {
        /// The program.
        name: String,
        /// The registry that it was asked about.
        host: String,
        /// What went wrong; never what it printed on stdout.
        why: String,
    },
    /// A registries.conf forbids this repository.
    #[error("{repository} is blocked by registries.conf")]
    Blocked {
        /// The repository.
        repository: String,
    },
    /// Plain HTTP that nobody asked for.
    #[error("{request}: plain HTTP with {host} was not asked for")]
    PlainHttp {
        /// What would have been asked.
        request: String,
        /// The host, with its port.
        host: String,
    },
    /// No connection, or it broke.
    #[error("{request}: {why}")]
    Connection {
        /// What was asked.
        request: String,
        /// What happened.
        why: String,
    },
    /// Nothing came for too long.
    #[error("{request}: nothing came for too long ({during})")]
    Timeout {
        /// What was asked.
        request: String,
        /// Which limit was hit.
        during: String,
    },
    /// The server's identity cannot be established, or it does not speak TLS.
    #[error("{request}: TLS failed: {why}")]
    Tls {
        /// What was asked.
        request: String,
        /// What happened.
        why: String,
    },
    /// The registry wants other credentials (401).
    #[error("{request}: authentication failed ({had}){}", colon(message))]
    Unauthorized {
        /// What was asked.
        request: String,
        /// Which credentials were used, without any secret.
        had: String,
        /// What the registry said.
        message: String,
    },
    /// The registry knows us and refuses (403).
    #[error("{request}: access denied{}", colon(message))]
    Denied {
        /// What was asked.
        request: String,
        /// What the registry said.
        message: String,
    },
    /// The registry asks to take credentials to another host.
    #[error("{host} wants its credentials to be sent to {realm}, which they were not given for")]
    ForeignRealm {
        /// The registry.
        host: String,
        /// The token server that it named.
        realm: String,
    },
    /// A redirect or upload location that is not followed.
    #[error("{request}: was sent on to {to}, which is not followed: {why}")]
    Redirect {
        /// What was asked.
        request: String,
        /// Where it was sent.
        to: String,
        /// Why we do not go there.
        why: &'static str,
    },
    /// It asks to slow down, and still does after waiting (429).
    #[error("{request}: too many requests{}", colon(message))]
    TooManyRequests {
        /// What was asked.
        request: String,
        /// What the registry said.
        message: String,
    },
    /// It has no room: a quota is used up, or its disk is full.
    #[error("{request}: the registry has no room (status {status}){}", colon(message))]
    NoSpace {
        /// What was asked.
        request: String,
        /// The HTTP status.
        status: u16,
        /// What the registry said.
        message: String,
    },
    /// The request body is larger than the registry or a proxy before it takes (413).
    #[error("{request}: the request is larger than the server takes{}", colon(message))]
    TooLarge {
        /// What was asked.
        request: String,
        /// What the server said.
        message: String,
    },
    /// Any other status that is not what was expected.
    #[error("{request}: status {status}{}", colon(message))]
    Status {
        /// What was asked.
        request: String,
        /// The HTTP status.
        status: u16,
        /// What the registry said: codes and messages.
        message: String,
    },
    /// A manifest was refused because parts of it are not there.
    #[error("{request}: the registry misses parts of the manifest{}", colon(message))]
    MissingParts {
        /// What was asked.
        request: String,
        /// Blobs and manifests that it misses, as far as it named them.
        missing: Vec<Digest>,
        /// What the registry said.
        message: String,
    },
    /// Something that must be there is not (404).
    #[error("{request}: not found")]
    NotFound {
        /// What was asked.
        request: String,
    },
    /// The answer makes no sense.
    #[error("{request}: {why}")]
    Malformed {
        /// What was asked.
        request: String,
        /// What is wrong with the answer.
        why: String,
    },
    /// The answer is larger than it may be.
    #[error("{request}: the answer is larger than {limit} bytes")]
    AnswerTooLarge {
        /// What was asked.
        request: String,
        /// How many there may be.
        limit: u64,
    },
    /// The registry holds a blob under a digest, but not whole.
    #[error("{host} holds {digest} with {found} bytes, it has {expected}")]
    Damaged {
        /// The registry.
        host: String,
        /// The blob.
        digest: Digest,
        /// Its size according to the registry.
        found: u64,
        /// Its true size.
        expected: u64,
    },
    /// The registry served something else than the digest that was asked for or announced.
    #[error("{request}: content has digest {found}, expected {expected}")]
    WrongContent {
        /// What was asked.
        request: String,
        /// The digest that was asked for or announced.
        expected: Digest,
        /// The digest of what came.
        found: Digest,
    },
    /// A manifest that is none.
    #[error("{request}: the manifest is unusable")]
    Manifest {
        /// What was asked.
        request: String,
        /// Why.
        #[source]
        source: OciError,
    },
    /// What was read, to upload it or to look into it, is not what its digest says. Nothing was completed on the registry.
    #[error("the content for {request} is not what it should be")]
    Content {
        /// What was asked.
        request: String,
        /// What is wrong.
        #[source]
        source: ContentMismatch,
    },
    /// What should be uploaded cannot be read.
    #[error("cannot read the content for {request}")]
    Source {
        /// What was asked.
        request: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

fn colon(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

impl Fault for RegistryError {
    fn exit(&self) -> Exit {
        match self {
            Self::Interrupted => Exit::Interrupted,
            Self::Config { .. } | Self::Helper { .. } | Self::Blocked { .. } | Self::PlainHttp { .. } => {
                Exit::Usage
            }
            Self::NoSpace { .. } => Exit::Space,
            Self::Damaged { .. }
            | Self::WrongContent { .. }
            | Self::Content { .. }
            | Self::Manifest { .. } => Exit::Integrity,
            Self::Source { source, .. } => exit_for_io(source, Exit::Integrity),
            _ => Exit::Registry,
        }
    }

    fn hint(&self) -> Option<String> {
        super::hint::hint(self)
    }
}

impl RegistryError {
    /// Takes the error out of an [`io::Error`] that a [`crate::registry::BlobBody`] or a
    /// [`crate::digest::VerifyingReader`] made; other errors become [`RegistryError::Source`].
    pub fn from_io(error: io::Error, request: &str) -> Self {
        let request = request.to_owned();
        match error.downcast::<Self>().map_err(io::Error::downcast::<ContentMismatch>) {
            Ok(inner) => inner,
            Err(Ok(source)) => Self::Content { request, source },
            Err(Err(source)) => Self::Source { request, source },
        }
    }
}
