//! The REST API of Nexus itself: its clean-up tasks, and how much its blob stores hold.
//!
//! Deletions are soft there: space comes back when tasks ran, in their order. Sources: Nexus's own API description (`tasks`,
//! `blobstores`, `search`, `components`), and nexus-public#403 for the order.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::http::Method;
use url::Url;

use crate::limits::LIMITS;
use crate::reference::{RegistryHost, Repository, Tag};
use crate::registry::RegistryError;
use crate::registry::auth::{Actions, Purpose};
use crate::registry::client::Client;
use crate::registry::exchange::{Ask, Payload};
use crate::registry::origin::Origin;
use crate::registry::reply::Reply;

/// Pages of a list that are read.
const PAGES: usize = 1000;

/// A Nexus, asked on behalf of the account that the auth file has for its host.
pub struct Nexus<'c> {
    client: &'c Client,
    base: Url,
    purpose: Purpose,
}

/// A task as Nexus shows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NexusTask {
    /// Its id.
    pub id: String,
    /// What people called it.
    pub name: String,
    /// Its type, for instance `repository.docker.gc`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `WAITING`, `RUNNING` and others.
    #[serde(default)]
    pub current_state: String,
    /// `OK`, or how it failed; nothing before its first run.
    #[serde(default)]
    pub last_run_result: Option<String>,
    /// When it ran last.
    #[serde(default)]
    pub last_run: Option<String>,
}

/// A blob store.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NexusBlobStore {
    /// Its name.
    pub name: String,
    /// What it holds, soft deletions included.
    #[serde(default)]
    pub total_size_in_bytes: u64,
}

#[derive(Deserialize)]
struct Component {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page<T> {
    #[serde(default = "Vec::new")]
    items: Vec<T>,
    #[serde(default)]
    continuation_token: Option<String>,
}

impl<'c> Nexus<'c> {
    /// The Nexus at an address. In clear only where that was allowed for its host, as registries are.
    pub fn at(client: &'c Client, url: &str) -> Result<Self, RegistryError> {
        let request = format!("GET {url}");
        let unusable = || RegistryError::Malformed {
            request: request.clone(),
            why: "it is no address of a web server".to_owned(),
        };
        let base = Url::parse(url).map_err(|_| unusable())?;
        let origin = Origin::of(&base).ok_or_else(unusable)?;
        let host: RegistryHost = origin.authority().parse().map_err(|_| unusable())?;
        let named =
            client.options.plain_http.iter().any(|named| *named == host || named.as_str() == host.name());
        if !origin.is_tls() && !named && !origin.is_loopback() {
            return Err(RegistryError::PlainHttp { request, host: origin.authority() });
        }
        // Where anonymous access is on, it answers with less instead of asking who we are.
        client.auth.expect_basic(&origin);
        let purpose = Purpose { host, origin, repository: None, actions: Actions::None, beside: None };
        Ok(Self { client, base, purpose })
    }

    /// The tasks of a type.
    pub fn tasks(&self, kind: &str) -> Result<Vec<NexusTask>, RegistryError> {
        self.list("tasks", &[("type", kind)])
    }

    /// A task as it is now.
    pub fn task(&self, id: &str) -> Result<NexusTask, RegistryError> {
        self.json(&self.url(&format!("tasks/{id}"), &[]))
    }

    /// Begins a task.
    pub fn run(&self, id: &str) -> Result<(), RegistryError> {
        self.ask(Method::POST, &self.url(&format!("tasks/{id}/run"), &[]), |reply| {
            reply.done();
            Ok(())
        })
    }

    /// The blob stores.
    pub fn blob_stores(&self) -> Result<Vec<NexusBlobStore>, RegistryError> {
        self.json(&self.url("blobstores", &[]))
    }

    /// Deletes what a tag left behind when its manifest went (nexus-public#925). Whether there was something.
    pub fn forget_tag(&self, at: &str, image: &Repository, tag: &Tag) -> Result<bool, RegistryError> {
        let image = image.to_string();
        let query = [
            ("repository", at),
            ("format", "docker"),
            ("docker.imageName", &image),
            ("docker.imageTag", tag.as_str()),
        ];
        let components: Vec<Component> = self.list("search", &query)?;
        for component in &components {
            self.ask(Method::DELETE, &self.url(&format!("components/{}", component.id), &[]), |reply| {
                reply.done();
                Ok(())
            })?;
        }
        Ok(!components.is_empty())
    }

    fn url(&self, tail: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        let path = format!("{}/service/rest/v1/{tail}", self.base.path().trim_end_matches('/'));
        url.set_path(&path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// All pages of a list.
    fn list<T: DeserializeOwned>(&self, tail: &str, query: &[(&str, &str)]) -> Result<Vec<T>, RegistryError> {
        let mut all = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..PAGES {
            let next = token.as_deref().map(|token| ("continuationToken", token));
            let query: Vec<_> = query.iter().copied().chain(next).collect();
            let page: Page<T> = self.json(&self.url(tail, &query))?;
            all.extend(page.items);
            token = page.continuation_token;
            if token.is_none() {
                break;
            }
        }
        Ok(all)
    }

    fn json<T: DeserializeOwned>(&self, url: &Url) -> Result<T, RegistryError> {
        self.ask(Method::GET, url, |reply| {
            let request = reply.request.clone();
            let bytes = reply.bytes(LIMITS.reply_bytes, &self.client.options)?;
            serde_json::from_slice(&bytes).map_err(|error| RegistryError::Malformed {
                request,
                why: format!("the answer is not what Nexus answers (line {})", error.line()),
            })
        })
    }

    fn ask<T>(
        &self,
        method: Method,
        url: &Url,
        read: impl Fn(Reply) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        let ask = Ask::new(method, url.clone(), &self.purpose);
        self.client.retrying(&ask.text(), || {
            let reply = self.client.exchange(&ask, Payload::Nothing)?;
            match reply.status {
                200..=204 => Ok(read(reply)?),
                _ => Err(reply.failure(&self.client.auth.describe(&self.purpose), &self.client.options)),
            }
        })
    }
}
