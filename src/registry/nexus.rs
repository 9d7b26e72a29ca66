//! The REST API of Nexus itself: its clean-up tasks, its repositories, and how much its blob stores hold.
//!
//! Deletions are soft there: space comes back when tasks ran, in their order. Sources: Nexus's own API description (`tasks`,
//! `blobstores`, `search`, `components`, `repositorySettings`, `security/realms`), and nexus-public#403 for the order.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::http::Method;
use url::Url;

use crate::reference::{Repository, Tag};
use crate::registry::RegistryError;
use crate::registry::client::Client;
use crate::registry::office::Office;

/// Pages of a list that are read.
const PAGES: usize = 1000;

/// A Nexus, asked on behalf of the account that the auth file has for its host.
pub struct Nexus<'c> {
    office: Office<'c>,
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
    /// When it runs next; nothing where nobody scheduled it.
    #[serde(default)]
    pub next_run: Option<String>,
}

/// A blob store.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NexusBlobStore {
    /// Its name.
    pub name: String,
    /// `File`, `S3` and others.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// What it holds, soft deletions included.
    #[serde(default)]
    pub total_size_in_bytes: u64,
    /// What its disk has left, where it says so.
    #[serde(default)]
    pub available_space_in_bytes: Option<u64>,
    /// When it warns; Nexus takes writes all the same.
    #[serde(default)]
    pub soft_quota: Option<NexusQuota>,
}

/// When a blob store counts as full.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NexusQuota {
    /// `spaceUsedQuota` or `spaceRemainingQuota`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Bytes that may be used, or that must be left.
    #[serde(default)]
    pub limit: u64,
}

/// How a repository is set up (`repositorySettings`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NexusRepository {
    /// Its name.
    pub name: String,
    /// `docker` for those that we are after.
    #[serde(default)]
    pub format: String,
    /// `hosted`, `proxy` or `group`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Whether it serves at all.
    #[serde(default = "yes")]
    pub online: bool,
    /// Where it keeps what, and what may be changed.
    #[serde(default)]
    pub storage: Option<NexusStorage>,
    /// What deletes from it.
    #[serde(default)]
    pub cleanup: Option<NexusCleanup>,
    /// Its connectors.
    #[serde(default)]
    pub docker: Option<NexusDocker>,
}

/// Where a repository keeps what, and what may be changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NexusStorage {
    /// The blob store.
    pub blob_store_name: String,
    /// `ALLOW`, `ALLOW_ONCE` or `DENY`.
    pub write_policy: Option<String>,
    /// Whether content that does not look like its type is refused.
    pub strict_content_type_validation: bool,
}

/// What deletes from a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NexusCleanup {
    /// The clean-up policies by name.
    pub policy_names: Vec<String>,
}

/// The connectors of a docker repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NexusDocker {
    /// The port without TLS.
    pub http_port: Option<u16>,
    /// The port with TLS.
    pub https_port: Option<u16>,
    /// Whether pulls need a login.
    pub force_basic_auth: bool,
}

fn yes() -> bool {
    true
}

/// An image by its tag, as a search finds it.
#[derive(Deserialize)]
struct Component {
    id: String,
    repository: String,
    name: String,
    #[serde(default)]
    version: String,
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
        Ok(Self { office: Office::at(client, url)? })
    }

    /// The tasks of a type.
    pub fn tasks(&self, kind: &str) -> Result<Vec<NexusTask>, RegistryError> {
        self.list("tasks", &[("type", kind)])
    }

    /// A task as it is now.
    pub fn task(&self, id: &str) -> Result<NexusTask, RegistryError> {
        self.office.json(&self.url(&format!("tasks/{id}"), &[]))
    }

    /// Begins a task.
    pub fn run(&self, id: &str) -> Result<(), RegistryError> {
        self.office.send(Method::POST, &self.url(&format!("tasks/{id}/run"), &[]), None)
    }

    /// All tasks that this account may see.
    pub fn all_tasks(&self) -> Result<Vec<NexusTask>, RegistryError> {
        self.list("tasks", &[])
    }

    /// How the repositories are set up, as far as this account may see them.
    pub fn repositories(&self) -> Result<Vec<NexusRepository>, RegistryError> {
        self.office.json(&self.url("repositorySettings", &[]))
    }

    /// The ids of the realms that are active: `DockerToken` is the one that docker's tokens need.
    pub fn active_realms(&self) -> Result<Vec<String>, RegistryError> {
        self.office.json(&self.url("security/realms/active", &[]))
    }

    /// The blob stores.
    pub fn blob_stores(&self) -> Result<Vec<NexusBlobStore>, RegistryError> {
        self.office.json(&self.url("blobstores", &[]))
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
        // A search may know less of words than we do, and its index be older than what is there.
        let is_it = |found: &Component| {
            found.repository == at && found.name == image && found.version == tag.as_str()
        };
        let components: Vec<Component> = self.list("search", &query)?;
        let found: Vec<Component> = components.into_iter().filter(is_it).collect();
        for component in &found {
            self.office.send(
                Method::DELETE,
                &self.url(&format!("components/{}", component.id), &[]),
                None,
            )?;
        }
        Ok(!found.is_empty())
    }

    fn url(&self, tail: &str, query: &[(&str, &str)]) -> Url {
        self.office.url(&format!("service/rest/v1/{tail}"), query)
    }

    /// All pages of a list. One that goes in circles, or does not end, is no list.
    fn list<T: DeserializeOwned>(&self, tail: &str, query: &[(&str, &str)]) -> Result<Vec<T>, RegistryError> {
        let mut all = Vec::new();
        let mut tokens: BTreeSet<String> = BTreeSet::new();
        let mut token: Option<String> = None;
        loop {
            let next = token.as_deref().map(|token| ("continuationToken", token));
            let asked: Vec<_> = query.iter().copied().chain(next).collect();
            let url = self.url(tail, &asked);
            let page: Page<T> = self.office.json(&url)?;
            all.extend(page.items);
            token = page.continuation_token;
            let Some(token) = &token else { return Ok(all) };
            if tokens.len() == PAGES || !tokens.insert(token.clone()) {
                let why = format!("the list does not end after {} pages", tokens.len() + 1);
                return Err(RegistryError::Malformed { request: format!("GET {url}"), why });
            }
        }
    }
}
