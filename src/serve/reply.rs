//! Answers: responses, and refusals in the JSON shape of the distribution API.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use crate::digest::Digest;
use crate::serve::file_body::FileBody;

/// A header of the distribution API.
pub(crate) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// The body of an answer.
pub(crate) enum ReplyBody {
    /// Bytes in memory; nothing when they were handed out.
    Bytes(Option<Bytes>),
    /// Content of a file.
    File(FileBody),
}

pub(crate) type Reply = Response<ReplyBody>;

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.get_mut() {
            Self::Bytes(bytes) => Poll::Ready(
                bytes.take().filter(|bytes| !bytes.is_empty()).map(|bytes| Ok(Frame::data(bytes))),
            ),
            Self::File(file) => file.poll_next(context).map(|next| next.map(|read| read.map(Frame::data))),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Bytes(bytes) => bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
            Self::File(file) => file.left(),
        })
    }
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Reply {
    with_body(status, ReplyBody::Bytes(None))
}

/// An answer with bytes of a media type.
pub(crate) fn bytes(status: StatusCode, media_type: &str, bytes: impl Into<Bytes>) -> Reply {
    let mut reply = with_body(status, ReplyBody::Bytes(Some(bytes.into())));
    set(&mut reply, header::CONTENT_TYPE, media_type);
    reply
}

/// An answer with a JSON document.
pub(crate) fn json(document: &serde_json::Value) -> Reply {
    bytes(StatusCode::OK, "application/json", document.to_string())
}

/// An answer with this body.
pub(crate) fn with_body(status: StatusCode, body: ReplyBody) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    reply
}

/// Sets a header. What cannot stand in a header is left out: everything that is set here was parsed before.
pub(crate) fn set(reply: &mut Reply, name: HeaderName, value: impl fmt::Display) {
    if let Ok(value) = HeaderValue::from_str(&value.to_string()) {
        reply.headers_mut().insert(name, value);
    }
}

/// The answer to something created: where it is and what it is.
pub(crate) fn created(location: &str, digest: &Digest) -> Reply {
    let mut reply = empty(StatusCode::CREATED);
    set(&mut reply, header::LOCATION, location);
    set(&mut reply, CONTENT_DIGEST, digest);
    reply
}

/// The error codes of the distribution API that we use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    BlobUnknown,
    BlobUploadInvalid,
    BlobUploadUnknown,
    DigestInvalid,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    NameInvalid,
    NameUnknown,
    PaginationNumberInvalid,
    SizeInvalid,
    TagInvalid,
    TooManyRequests,
    Unauthorized,
    Unknown,
    Unsupported,
}

impl Code {
    fn text(self) -> &'static str {
        match self {
            Self::BlobUnknown => "BLOB_UNKNOWN",
            Self::BlobUploadInvalid => "BLOB_UPLOAD_INVALID",
            Self::BlobUploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            Self::DigestInvalid => "DIGEST_INVALID",
            Self::ManifestBlobUnknown => "MANIFEST_BLOB_UNKNOWN",
            Self::ManifestInvalid => "MANIFEST_INVALID",
            Self::ManifestUnknown => "MANIFEST_UNKNOWN",
            Self::NameInvalid => "NAME_INVALID",
            Self::NameUnknown => "NAME_UNKNOWN",
            Self::PaginationNumberInvalid => "PAGINATION_NUMBER_INVALID",
            Self::SizeInvalid => "SIZE_INVALID",
            Self::TagInvalid => "TAG_INVALID",
            Self::TooManyRequests => "TOOMANYREQUESTS",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::Unknown => "UNKNOWN",
            Self::Unsupported => "UNSUPPORTED",
        }
    }
}

/// Why a request is not done.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: Code,
    message: String,
    headers: Vec<(HeaderName, String)>,
}

impl Refusal {
    pub(crate) fn new(status: u16, code: Code, message: impl fmt::Display) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, code, message: message.to_string(), headers: Vec::new() }
    }

    /// The same, with a header.
    pub(crate) fn header(mut self, name: HeaderName, value: impl fmt::Display) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// As an answer.
    pub(crate) fn into_reply(self) -> Reply {
        let document = serde_json::json!({"errors": [{"code": self.code.text(), "message": self.message}]});
        let mut reply = bytes(self.status, "application/json", document.to_string());
        for (name, value) in self.headers {
            set(&mut reply, name, value);
        }
        reply
    }
}

impl From<io::Error> for Refusal {
    /// The storage failed. The answer names the kind of failure, not paths of this machine.
    fn from(error: io::Error) -> Self {
        let status = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => 507,
            _ => 500,
        };
        Self::new(status, Code::Unknown, format_args!("the storage failed: {}", error.kind()))
    }
}
