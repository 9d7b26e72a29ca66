//! Lists: repositories, tags, referrers, each in pages.

use std::sync::Arc;

use hyper::StatusCode;
use hyper::header;
use serde_json::value::RawValue;

use crate::digest::Digest;
use crate::limits::LIMITS;
use crate::oci::media;
use crate::reference::{Repository, Tag};
use crate::serve::reply::{Code, Refusal, Reply, bytes, json, set};
use crate::serve::server::Shared;
use crate::serve::storage::Link;

/// `n`, `last` and `artifactType` of a query.
#[derive(Default)]
pub(crate) struct Page {
    count: Option<usize>,
    last: Option<String>,
    artifact_type: Option<String>,
}

impl Page {
    pub(crate) fn parse(query: Option<&str>) -> Result<Self, Refusal> {
        let mut page = Self::default();
        for (key, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            match &*key {
                "n" => {
                    let wrong = |_| Refusal::new(400, Code::PaginationNumberInvalid, "`n` must be a number");
                    page.count = Some(value.parse().map_err(wrong)?);
                }
                "last" => page.last = Some(value.into_owned()),
                "artifactType" => page.artifact_type = Some(value.into_owned()),
                _ => {}
            }
        }
        Ok(page)
    }

    /// The names of this page, and what `last` is for the next if there is one.
    fn cut<'a>(&self, names: impl Iterator<Item = &'a str>) -> (Vec<&'a str>, Option<String>) {
        let count = self.count.unwrap_or(LIMITS.tags).min(LIMITS.tags);
        let mut rest = names.skip_while(|name| self.last.as_deref().is_some_and(|last| *name <= last));
        let page: Vec<&str> = rest.by_ref().take(count).collect();
        let next = rest.next().and(page.last()).map(|last| (*last).to_owned());
        (page, next)
    }
}

fn link(reply: &mut Reply, path: &str, pairs: &[(&str, &str)]) {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    set(reply, header::LINK, format_args!("<{path}?{query}>; rel=\"next\""));
}

fn paged(mut reply: Reply, path: &str, page: &Page, next: Option<String>) -> Reply {
    if let Some(last) = next {
        let count = page.count.unwrap_or(LIMITS.tags).to_string();
        link(&mut reply, path, &[("n", &count), ("last", &last)]);
    }
    reply
}

/// `/v2/_catalog`
pub(crate) async fn repositories(shared: &Arc<Shared>, page: Page) -> Result<Reply, Refusal> {
    let all = shared.storage(|storage| Ok(storage.repositories(Link::Manifest)?)).await?;
    let (names, next) = page.cut(all.iter().map(Repository::as_str));
    Ok(paged(json(&serde_json::json!({"repositories": names})), "/v2/_catalog", &page, next))
}

/// `/v2/<name>/tags/list`
pub(crate) async fn tags(shared: &Arc<Shared>, name: Repository, page: Page) -> Result<Reply, Refusal> {
    let asked = name.clone();
    let tags = shared
        .storage(move |storage| {
            if storage.knows(&asked)? {
                Ok(storage.tags(&asked)?)
            } else {
                Err(Refusal::new(404, Code::NameUnknown, format_args!("no repository `{asked}` here")))
            }
        })
        .await?;
    let (names, next) = page.cut(tags.iter().map(Tag::as_str));
    let reply = json(&serde_json::json!({"name": name, "tags": names}));
    Ok(paged(reply, &format!("/v2/{name}/tags/list"), &page, next))
}

/// `/v2/<name>/referrers/<digest>`: descriptors of the manifests that refer to it, in pages of a manifest's size at most.
pub(crate) async fn referrers(
    shared: &Arc<Shared>,
    name: Repository,
    subject: Digest,
    page: Page,
) -> Result<Reply, Refusal> {
    let path = format!("/v2/{name}/referrers/{subject}");
    let last = page.last.as_deref().and_then(|last| last.parse::<Digest>().ok());
    let wanted = page.artifact_type.clone();
    let (descriptors, next) = shared
        .storage(move |storage| {
            let (mut found, mut size, mut previous) = (Vec::new(), 0, None);
            for digest in storage.referrers(&name, &subject)? {
                if last.is_some_and(|last| digest <= last) {
                    continue;
                }
                let Some(bytes) = storage.referrer(&name, &subject, &digest)? else { continue };
                let Ok(descriptor) = serde_json::from_slice::<Box<RawValue>>(&bytes) else { continue };
                if wanted
                    .as_deref()
                    .is_some_and(|wanted| artifact_type(&descriptor).as_deref() != Some(wanted))
                {
                    continue;
                }
                size += bytes.len() as u64;
                if size > LIMITS.manifest_bytes && previous.is_some() {
                    return Ok((found, previous));
                }
                found.push(descriptor);
                previous = Some(digest);
            }
            Ok((found, None))
        })
        .await?;
    let index =
        serde_json::json!({"schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": descriptors});
    let mut reply = bytes(StatusCode::OK, media::OCI_INDEX, index.to_string());
    if page.artifact_type.is_some() {
        set(&mut reply, header::HeaderName::from_static("oci-filters-applied"), "artifactType");
    }
    if let Some(last) = next {
        let (last, wanted) = (last.to_string(), page.artifact_type.unwrap_or_default());
        let mut pairs = vec![("last", last.as_str())];
        if !wanted.is_empty() {
            pairs.push(("artifactType", &wanted));
        }
        link(&mut reply, &path, &pairs);
    }
    Ok(reply)
}

fn artifact_type(descriptor: &RawValue) -> Option<String> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Typed {
        artifact_type: Option<String>,
    }
    serde_json::from_str::<Typed>(descriptor.get()).ok()?.artifact_type
}
