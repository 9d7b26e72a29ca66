//! Blobs: handed out, whole or in part, and taken away.

use std::sync::Arc;

use hyper::header::{self, HeaderMap};
use hyper::{Method, StatusCode};

use crate::digest::Digest;
use crate::reference::Repository;
use crate::serve::file_body::FileBody;
use crate::serve::range::{Wanted, wanted};
use crate::serve::reply::{CONTENT_DIGEST, Code, Refusal, Reply, ReplyBody, empty, set, with_body};
use crate::serve::server::Shared;

/// Where a blob is.
pub(crate) fn location(name: &Repository, digest: &Digest) -> String {
    format!("/v2/{name}/blobs/{digest}")
}

/// `/v2/<name>/blobs/<digest>`
pub(crate) async fn answer(
    shared: &Arc<Shared>,
    method: &Method,
    name: Repository,
    digest: Digest,
    headers: &HeaderMap,
) -> Result<Reply, Refusal> {
    let unknown = move || Refusal::new(404, Code::BlobUnknown, format_args!("no blob {digest} here"));
    if method == Method::DELETE {
        let was_there = shared.storage(move |storage| Ok(storage.unlink_blob(&name, &digest)?)).await?;
        return if was_there { Ok(empty(StatusCode::ACCEPTED)) } else { Err(unknown()) };
    }
    let found = shared.storage(move |storage| Ok(storage.open_blob(&name, &digest)?)).await?;
    let (file, size) = found.ok_or_else(unknown)?;
    let range = headers.get(header::RANGE).and_then(|text| text.to_str().ok());
    let (mut reply, length) = match wanted(range, size) {
        Wanted::Unsatisfiable => {
            let message = format_args!("the blob has {size} bytes");
            let refusal = Refusal::new(416, Code::SizeInvalid, message);
            return Err(refusal.header(header::CONTENT_RANGE, format_args!("bytes */{size}")));
        }
        Wanted::Whole => {
            (with_body(StatusCode::OK, ReplyBody::File(FileBody::whole(file, digest, size))), size)
        }
        Wanted::Part(part) => {
            let body = ReplyBody::File(FileBody::part(file, &part)?);
            let mut reply = with_body(StatusCode::PARTIAL_CONTENT, body);
            let text = format!("bytes {}-{}/{size}", part.start, part.end - 1);
            set(&mut reply, header::CONTENT_RANGE, text);
            (reply, part.end - part.start)
        }
    };
    if method == Method::HEAD {
        *reply.body_mut() = ReplyBody::Bytes(None);
    }
    set(&mut reply, header::CONTENT_LENGTH, length);
    set(&mut reply, header::CONTENT_TYPE, "application/octet-stream");
    set(&mut reply, header::ACCEPT_RANGES, "bytes");
    set(&mut reply, header::ETAG, format_args!("\"{digest}\""));
    set(&mut reply, CONTENT_DIGEST, digest);
    Ok(reply)
}
