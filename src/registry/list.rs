//! Lists: tags, repositories, and what is attached to a manifest.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::http::{Method, header};
use url::Url;

use crate::digest::Digest;
use crate::limits::LIMITS;
use crate::oci::{ManifestView, RawManifest, media};
use crate::reference::{RegistryHost, Repository, RepositoryRef, Tag};
use crate::registry::auth::{Actions, Purpose};
use crate::registry::client::{Client, Place};
use crate::registry::exchange::{Ask, Payload};
use crate::registry::reply::Reply;
use crate::registry::retry::Failed;
use crate::registry::{Attachment, RegistryError};

/// Entries per page: the most that distribution takes.
const PAGE: usize = 1000;

/// Pages of one list.
const PAGES: usize = 10_000;

/// What cosign attaches by tag.
const ATTACHED: [&str; 3] = ["sig", "att", "sbom"];

#[derive(Deserialize)]
struct TagsPage {
    // Nexus 3.58 sends `null` for a repository without tags (skopeo#2409).
    #[serde(default)]
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct CatalogPage {
    #[serde(default)]
    repositories: Option<Vec<String>>,
}

impl Client {
    /// All tags of a repository, sorted; none where there is no such repository.
    pub fn tags(&self, repository: &RepositoryRef) -> Result<Vec<Tag>, RegistryError> {
        let any: Tag = Tag::of_digest(&Digest::of(b""));
        let found = self.pull(repository, &any.into(), |place| {
            let purpose = place.purpose(Actions::Pull);
            let names =
                self.pages(place, "tags/list", &purpose, |page: TagsPage| page.tags.unwrap_or_default())?;
            // Artifactory lists digests among the tags (skopeo#2346): what is no tag is left out.
            let tags: Vec<Tag> = names.iter().filter_map(|name| name.parse().ok()).collect();
            Ok(Some(tags).filter(|tags| !tags.is_empty()))
        })?;
        let mut tags = found.unwrap_or_default();
        tags.sort();
        Ok(tags)
    }

    /// The repositories of a registry that lets itself be listed, sorted.
    pub fn catalog(&self, host: &RegistryHost) -> Result<Vec<Repository>, RegistryError> {
        let place = self.registry(host)?;
        let purpose = place.purpose(Actions::Catalog);
        let names = self.retrying(&format!("GET {host}/v2/_catalog"), || {
            let page = |page: CatalogPage| page.repositories.unwrap_or_default();
            self.pages(&place, "_catalog", &purpose, page)
        })?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// All entries of a list in pages. A page that brings nothing new is the last, whatever the registry says.
    fn pages<P: DeserializeOwned>(
        &self,
        place: &Place,
        tail: &str,
        purpose: &Purpose,
        entries: impl Fn(P) -> Vec<String>,
    ) -> Result<BTreeSet<String>, Failed> {
        let mut all = BTreeSet::new();
        let first = place.url(&format!("{tail}?n={PAGE}"));
        let mut url = first.clone();
        for _ in 0..PAGES {
            let reply = self.exchange(&Ask::new(Method::GET, url, purpose), Payload::Nothing)?;
            match reply.status {
                200 => {}
                404 => {
                    reply.done();
                    return Ok(all);
                }
                _ => return Err(reply.failure(&self.auth.describe(purpose), &self.options)),
            }
            let link = reply.header("link").and_then(next_link).map(str::to_owned);
            let request = reply.request.clone();
            let page: P = json(reply, self)?;
            let page = entries(page);
            let before = all.len();
            let (count, last) = (page.len(), page.last().cloned());
            all.extend(page);
            if all.len() > LIMITS.tags {
                let why = format!("the list has more than {} entries", LIMITS.tags);
                return Err(RegistryError::Malformed { request, why }.into());
            }
            // Nexus may forget the Link header (nexus-public#209): a full page is followed by another question.
            let next = match (link, last) {
                _ if all.len() == before => None,
                (Some(link), last) => follow(&first, &link).or_else(|| Some(after(&first, &last?))),
                (None, Some(last)) if count == PAGE => Some(after(&first, &last)),
                _ => None,
            };
            match next {
                Some(next) => url = next,
                None => return Ok(all),
            }
        }
        Ok(all)
    }

    /// What is attached to a manifest: referrers (by API or tag schema) and cosign's `.sig`, `.att` and `.sbom` tags.
    pub fn attachments(
        &self,
        repository: &RepositoryRef,
        digest: Digest,
    ) -> Result<Vec<Attachment>, RegistryError> {
        let found = self.pull(repository, &digest.into(), |place| {
            let mut found = Vec::new();
            for referrer in self.referrers(place, digest)? {
                let manifest = self.manifest_at(place, &referrer.into())?;
                found.extend(
                    manifest
                        .filter(|manifest| refers_to(manifest, digest))
                        .map(|manifest| Attachment { tag: None, manifest }),
                );
            }
            for kind in ATTACHED {
                let Ok(tag) = Tag::of_attachment(&digest, kind) else { continue };
                let manifest = self.manifest_at(place, &tag.clone().into())?;
                found.extend(manifest.map(|manifest| Attachment { tag: Some(tag), manifest }));
            }
            Ok(Some(found).filter(|found| !found.is_empty()))
        })?;
        Ok(found.unwrap_or_default())
    }

    /// Digests of the manifests whose `subject` is this one (distribution-spec, "Listing Referrers", with its fallback).
    fn referrers(&self, place: &Place, digest: Digest) -> Result<Vec<Digest>, Failed> {
        let purpose = place.purpose(Actions::Pull);
        let url = place.url(&format!("referrers/{digest}"));
        let ask = Ask::new(Method::GET, url, &purpose).with(header::ACCEPT, media::OCI_INDEX);
        let reply = self.exchange(&ask, Payload::Nothing)?;
        let request = reply.request.clone();
        let is_index = reply.header("content-type").is_some_and(|kind| kind.starts_with(media::OCI_INDEX));
        let index = match reply.status {
            200 if is_index => {
                let bytes = reply.bytes(LIMITS.manifest_bytes, &self.options)?;
                Some(RawManifest::new(bytes, Some(media::OCI_INDEX)))
            }
            401 | 403 | 429 | 500..=599 => {
                return Err(reply.failure(&self.auth.describe(&purpose), &self.options));
            }
            _ => {
                reply.done();
                // The tag may also be the one that keeps the manifest itself alive.
                let tag = Tag::of_digest(&digest);
                let manifest = self.manifest_at(place, &tag.into())?;
                manifest.filter(|manifest| manifest.digest() != digest).map(Ok)
            }
        };
        let index = index
            .transpose()
            .map_err(|source| RegistryError::Manifest { request: request.clone(), source })?;
        let Some(index) = index else { return Ok(Vec::new()) };
        match index.view(&LIMITS).map_err(|source| RegistryError::Manifest { request, source })? {
            ManifestView::Index(index) => Ok(index.manifests.iter().map(|entry| entry.digest).collect()),
            ManifestView::Image(_) => Ok(Vec::new()),
        }
    }
}

fn refers_to(manifest: &RawManifest, digest: Digest) -> bool {
    match manifest.view(&LIMITS) {
        Ok(ManifestView::Image(image)) => image.subject.is_some_and(|subject| subject.digest == digest),
        // Index views do not show their subject; the registry's word counts for them.
        Ok(ManifestView::Index(_)) => true,
        Err(_) => false,
    }
}

fn json<P: DeserializeOwned>(reply: Reply, client: &Client) -> Result<P, Failed> {
    let request = reply.request.clone();
    let bytes = reply.bytes(LIMITS.manifest_bytes, &client.options)?;
    serde_json::from_slice(&bytes).map_err(|error| {
        let why = format!("the answer is not the list that was asked for (line {})", error.line());
        RegistryError::Malformed { request, why }.into()
    })
}

/// The target of `rel="next"` (RFC 8288).
fn next_link(value: &str) -> Option<&str> {
    value.split(',').find_map(|link| {
        let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let next = parameters.split(';').any(|parameter| {
            let parameter = parameter.trim().to_ascii_lowercase();
            parameter == "rel=next" || parameter == "rel=\"next\""
        });
        next.then_some(target)
    })
}

/// A link's query on the list's own address: the host that a link names has no say.
fn follow(first: &Url, link: &str) -> Option<Url> {
    let target = first.join(link).ok()?;
    let query = target.query()?;
    let mut url = first.clone();
    url.set_query(Some(query));
    Some(url)
}

fn after(first: &Url, last: &str) -> Url {
    let mut url = first.clone();
    url.query_pairs_mut().append_pair("last", last);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_only_to_the_same_list() {
        let first = Url::parse("https://r.example/v2/a/tags/list?n=2").unwrap();
        for (value, expected) in [
            (
                r#"</v2/a/tags/list?last=b&n=2>; rel="next""#,
                Some("https://r.example/v2/a/tags/list?last=b&n=2"),
            ),
            ("<https://evil.example/x?last=b>; rel=next", Some("https://r.example/v2/a/tags/list?last=b")),
            (
                r#"</prev>; rel="prev", </n?last=c>; REL="NEXT""#,
                Some("https://r.example/v2/a/tags/list?last=c"),
            ),
            (r#"</v2/a/tags/list?last=b>; rel="prev""#, None),
            ("garbage", None),
        ] {
            let found = next_link(value).and_then(|link| follow(&first, link)).map(|url| url.to_string());
            assert_eq!(found.as_deref(), expected, "{value}");
        }
    }
}
