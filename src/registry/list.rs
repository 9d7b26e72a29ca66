//! Lists: tags and repositories, in pages.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::http::Method;
use url::Url;

use crate::digest::Digest;
use crate::limits::LIMITS;
use crate::reference::{RegistryHost, Repository, RepositoryRef, Tag};
use crate::registry::RegistryError;
use crate::registry::auth::{Actions, Purpose};
use crate::registry::client::{Client, Place};
use crate::registry::exchange::{Ask, Payload};
use crate::registry::reply::{Reply, Said};
use crate::registry::retry::Failed;

/// Entries per page: the most that distribution takes.
const PAGE: usize = 1000;

/// Pages of one list.
const PAGES: usize = 10_000;

/// A list as far as it was read.
pub(super) struct Listing {
    pub(super) entries: BTreeSet<String>,
    /// How it ended.
    pub(super) end: End,
}

/// How reading a list ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// There is no more of it.
    Whole,
    /// There is more than was to be read.
    TooLong,
    /// The registry has no such list (404), and does not say that the repository is what is missing.
    NoList,
}

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
            let listing = self.tag_names(place, PAGES)?;
            // Artifactory lists digests among the tags (skopeo#2346): what is no tag is left out.
            let tags: Vec<Tag> = listing.entries.iter().filter_map(|name| name.parse().ok()).collect();
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
        let request = format!("GET {host}/v2/_catalog");
        let names = self.retrying(&request, || {
            let page = |page: CatalogPage| page.repositories.unwrap_or_default();
            self.pages(&place, "_catalog", &purpose, PAGES, page)
        })?;
        match names.end {
            End::Whole => Ok(names.entries.iter().filter_map(|name| name.parse().ok()).collect()),
            End::NoList => Err(RegistryError::NotFound { request }),
            End::TooLong => Err(RegistryError::Malformed { request, why: "the list has no end".to_owned() }),
        }
    }

    /// The tags of a repository at one place, as they are written there.
    pub(super) fn tag_names(&self, place: &Place, pages: usize) -> Result<Listing, Failed> {
        let purpose = place.purpose(Actions::Pull);
        self.pages(place, "tags/list", &purpose, pages, |page: TagsPage| page.tags.unwrap_or_default())
    }

    /// All entries of a list in so many pages. A page that brings nothing new is the last, whatever the registry says.
    fn pages<P: DeserializeOwned>(
        &self,
        place: &Place,
        tail: &str,
        purpose: &Purpose,
        most: usize,
        entries: impl Fn(P) -> Vec<String>,
    ) -> Result<Listing, Failed> {
        let mut all = BTreeSet::new();
        let first = place.url(&format!("{tail}?n={PAGE}"));
        let mut url = first.clone();
        for _ in 0..most {
            let reply = self.exchange(&Ask::new(Method::GET, url, purpose), Payload::Nothing)?;
            match reply.status {
                200 => {}
                404 => {
                    let json = reply.header("content-type").is_some_and(|kind| kind.contains("json"));
                    let said = Said::read(&reply.bytes(LIMITS.reply_bytes, &self.options)?, json);
                    let end = if said.has_code("NAME_UNKNOWN") { End::Whole } else { End::NoList };
                    return Ok(Listing { entries: all, end });
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
                None => return Ok(Listing { entries: all, end: End::Whole }),
            }
        }
        Ok(Listing { entries: all, end: End::TooLong })
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

    proptest::proptest! {
        /// Whatever a registry says, the same list is read on.
        #[test]
        fn any_link_leads_to_the_same_list(value in "(<[a-z:/?&=%@.\\[\\] 0-9#]{0,40}>; rel=\"?next\"?,?|.{0,20}){0,3}") {
            let first = Url::parse("https://r.example/v2/a/tags/list?n=2").unwrap();
            if let Some(url) = next_link(&value).and_then(|link| follow(&first, link)) {
                proptest::prop_assert_eq!((url.origin(), url.path()), (first.origin(), first.path()));
                proptest::prop_assert!(url.username().is_empty() && url.password().is_none());
            }
        }
    }
}
