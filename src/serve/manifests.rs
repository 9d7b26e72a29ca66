//! Manifests: taken when all that they name is there, handed out byte for byte, and taken away.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::body::Incoming as Body;
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::{Method, StatusCode};
use serde::Deserialize;

use crate::digest::Digest;
use crate::limits::LIMITS;
use crate::oci::{Descriptor, ManifestView, OciError, RawManifest};
use crate::reference::Repository;
use crate::serve::receive;
use crate::serve::reply::{CONTENT_DIGEST, Code, Refusal, Reply, bytes, created, empty, set};
use crate::serve::route::Target;
use crate::serve::server::Shared;
use crate::serve::storage::Storage;

const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

/// `/v2/<name>/manifests/<tag or digest>`
pub(crate) async fn answer(
    shared: &Arc<Shared>,
    method: &Method,
    name: Repository,
    target: Target,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<Reply, Refusal> {
    match *method {
        Method::PUT => {
            let bytes = receive::into_memory(body, LIMITS.manifest_bytes, shared.idle).await?;
            let media_type = headers.get(header::CONTENT_TYPE).and_then(|text| text.to_str().ok());
            let manifest = RawManifest::new(bytes, media_type)?;
            let sparse = shared.sparse_indexes;
            shared.storage(move |storage| put(storage, &name, &target, &manifest, sparse)).await
        }
        Method::DELETE => shared.storage(move |storage| delete(storage, &name, &target)).await,
        _ => {
            let (digest, media_type, content) =
                shared.storage(move |storage| read(storage, &name, &target)).await?;
            let length = content.len();
            let content = if method == Method::HEAD { Vec::new() } else { content };
            let mut reply = bytes(StatusCode::OK, &media_type, content);
            set(&mut reply, header::CONTENT_LENGTH, length);
            set(&mut reply, header::ETAG, format_args!("\"{digest}\""));
            set(&mut reply, CONTENT_DIGEST, digest);
            Ok(reply)
        }
    }
}

fn unknown(target: &Target) -> Refusal {
    let message = match target {
        Target::Tag(tag) => format!("no tag `{tag}` here"),
        Target::Digest(digest) => format!("no manifest {digest} here"),
    };
    Refusal::new(404, Code::ManifestUnknown, message)
}

fn resolve(storage: &Storage, name: &Repository, target: &Target) -> Result<Digest, Refusal> {
    match target {
        Target::Digest(digest) => Ok(*digest),
        Target::Tag(tag) => storage.tag(name, tag)?.ok_or_else(|| unknown(target)),
    }
}

fn read(storage: &Storage, name: &Repository, target: &Target) -> Result<(Digest, String, Vec<u8>), Refusal> {
    let digest = resolve(storage, name, target)?;
    let media_type = storage.manifest_type(name, &digest)?.ok_or_else(|| unknown(target))?;
    let content = storage.read_content(&digest, LIMITS.manifest_bytes)?.ok_or_else(|| unknown(target))?;
    if Digest::of(&content) != digest {
        let message = format_args!("the stored bytes of manifest {digest} are damaged");
        return Err(Refusal::new(500, Code::Unknown, message));
    }
    Ok((digest, media_type, content))
}

impl From<OciError> for Refusal {
    fn from(error: OciError) -> Self {
        Self::new(400, Code::ManifestInvalid, error)
    }
}

fn put(
    storage: &Storage,
    name: &Repository,
    target: &Target,
    manifest: &RawManifest,
    sparse: bool,
) -> Result<Reply, Refusal> {
    let digest = manifest.digest();
    if let Target::Digest(expected) = target
        && *expected != digest
    {
        let message = format_args!("the manifest has digest {digest}, not {expected}");
        return Err(Refusal::new(400, Code::DigestInvalid, message));
    }
    let view = manifest.view(&LIMITS)?;
    let extra = Extra::parse(manifest)?;
    let _turn = storage.turn();
    match &view {
        ManifestView::Image(image) => {
            for blob in std::iter::once(&image.config).chain(&image.layers) {
                check_blob(storage, name, blob)?;
            }
        }
        ManifestView::Index(index) if !sparse => {
            for child in &index.manifests {
                if storage.manifest_type(name, &child.digest)?.is_none() {
                    let message =
                        format_args!("the index names manifest {}, which is not here", child.digest);
                    return Err(Refusal::new(400, Code::ManifestBlobUnknown, message));
                }
            }
        }
        ManifestView::Index(_) => {}
    }
    storage.put_manifest(name, &digest, manifest.media_type(), manifest.bytes())?;
    let mut reply = created(&format!("/v2/{name}/manifests/{digest}"), &digest);
    if let Some(subject) = extra.subject_digest(&digest)? {
        storage.put_referrer(name, &subject, &digest, extra.descriptor(manifest).to_string().as_bytes())?;
        set(&mut reply, SUBJECT, subject);
    }
    if let Target::Tag(tag) = target {
        storage.set_tag(name, tag, &digest)?;
    }
    Ok(reply)
}

fn check_blob(storage: &Storage, name: &Repository, blob: &Descriptor) -> Result<(), Refusal> {
    // Layers that may not be distributed stay with their vendor (`urls`).
    if blob.media_type.contains(".foreign.") || blob.media_type.contains(".nondistributable.") {
        return Ok(());
    }
    match storage.blob_size(name, &blob.digest)? {
        None => {
            let message = format_args!("the manifest names blob {}, which is not here", blob.digest);
            Err(Refusal::new(400, Code::ManifestBlobUnknown, message))
        }
        Some(size) if size != blob.size => {
            let message =
                format_args!("blob {} has {size} bytes, the manifest says {}", blob.digest, blob.size);
            Err(Refusal::new(400, Code::ManifestInvalid, message))
        }
        Some(_) => Ok(()),
    }
}

fn delete(storage: &Storage, name: &Repository, target: &Target) -> Result<Reply, Refusal> {
    let _turn = storage.turn();
    let was_there = match target {
        Target::Tag(tag) => storage.remove_tag(name, tag)?,
        Target::Digest(digest) => {
            let content = storage.read_content(digest, LIMITS.manifest_bytes)?;
            let manifest = content.and_then(|content| RawManifest::new(content, None).ok());
            if let Some(extra) = manifest.and_then(|manifest| Extra::parse(&manifest).ok())
                && let Some(subject) = extra.subject_digest(digest)?
            {
                storage.remove_referrer(name, &subject, digest)?;
            }
            storage.remove_manifest(name, digest)?
        }
    };
    if was_there { Ok(empty(StatusCode::ACCEPTED)) } else { Err(unknown(target)) }
}

/// What the referrers API needs of a manifest, image or index.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Extra {
    subject: Option<Subject>,
    artifact_type: Option<String>,
    config: Option<Config>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Subject {
    digest: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    media_type: Option<String>,
}

impl Extra {
    fn parse(manifest: &RawManifest) -> Result<Self, Refusal> {
        serde_json::from_slice(manifest.bytes())
            .map_err(|error| Refusal::new(400, Code::ManifestInvalid, error))
    }

    fn subject_digest(&self, manifest: &Digest) -> Result<Option<Digest>, Refusal> {
        let Some(subject) = &self.subject else { return Ok(None) };
        let foreign = |_| OciError::ForeignDigest { digest: *manifest, text: subject.digest.clone() };
        Ok(Some(subject.digest.parse().map_err(foreign)?))
    }

    /// The entry in the list of referrers (distribution-spec, "Listing Referrers").
    fn descriptor(&self, manifest: &RawManifest) -> serde_json::Value {
        let mut descriptor = serde_json::json!({
            "mediaType": manifest.media_type(),
            "digest": manifest.digest(),
            "size": manifest.size(),
        });
        let config = self.config.as_ref().and_then(|config| config.media_type.as_deref());
        if let Some(artifact_type) = self.artifact_type.as_deref().filter(|text| !text.is_empty()).or(config)
        {
            descriptor["artifactType"] = artifact_type.into();
        }
        if let Some(annotations) = &self.annotations {
            descriptor["annotations"] = serde_json::json!(annotations);
        }
        descriptor
    }
}
