//! A stand-in for Sonatype Nexus in front of Debian's `docker-registry`: two connectors, the REST API, and its quirks by switch.
//!
//! Written from documented behaviour: one port is one repository; deletions are soft, and space comes back by tasks in their
//! order (`repository.docker.gc`, then `blobstore.compact`); a layer that another docker repository of the instance refers to
//! stays (support.sonatype.com 22490107929619). Quirks: nexus-public#967, #1059, #209, #925, jib#3057, skopeo#2409.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};

use super::peer::{Answer, Asked, Peer, forward};
use super::registry::{DockerRegistry, PASSWORD, USER};

/// The repositories of the instance, in the order of its connectors.
pub(crate) const REPOSITORIES: [&str; 2] = ["docker-staging", "docker-production"];
/// The blob store of both.
pub(crate) const BLOB_STORE: &str = "default";

/// What this instance does otherwise than the distribution specification says.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a quirk of its own")]
pub(crate) struct Quirks {
    /// A second upload of a digest while the first one runs is refused (#967).
    pub(crate) one_upload_per_digest: bool,
    /// A tag that exists cannot be put again (deployment policy `Disable redeploy`).
    pub(crate) no_redeploy: bool,
    /// Every HEAD of a manifest is answered with 500 (3.96.0, #1059).
    pub(crate) head_500: bool,
    /// A repository without tags has `tags: null` (3.58).
    pub(crate) null_tags: bool,
    /// Lists come in pages without a Link header (#209).
    pub(crate) no_link: bool,
    /// Requests without credentials are challenged with `BASIC realm="…"`.
    pub(crate) upper_case_basic: bool,
    /// A manifest that is deleted leaves its tags behind (3.89, #925).
    pub(crate) delete_leaves_tags: bool,
    /// A search finds more than it was asked for.
    pub(crate) loose_search: bool,
    /// The tasks were never made.
    pub(crate) no_tasks: bool,
    /// A task that is run fails.
    pub(crate) tasks_fail: bool,
    /// `Docker Bearer Token Realm` is not active: nobody gets in.
    pub(crate) no_bearer_realm: bool,
    /// The deployment policy; nothing is `ALLOW`.
    pub(crate) write_policy: Option<&'static str>,
    /// A clean-up policy is attached to the production repository.
    pub(crate) cleanup_policy: bool,
    /// The staging port is that of a group.
    pub(crate) group: bool,
    /// Bytes that the blob store may hold by its quota.
    pub(crate) quota: Option<u64>,
    /// The tasks run by themselves.
    pub(crate) scheduled: bool,
    /// By how many seconds its clock is ahead.
    pub(crate) ahead: i64,
    /// Which edition it is; nothing is `COMMUNITY`.
    pub(crate) edition: Option<&'static str>,
    /// Each repository has a blob store of its own, of the same name.
    pub(crate) own_stores: bool,
    /// The only repository that the task for unused layers is made for.
    pub(crate) collects_only: Option<&'static str>,
    /// The account may not look at settings.
    pub(crate) discreet: bool,
}

/// One connector.
struct Port {
    peer: Peer,
    state: Arc<Behind>,
}

/// What is behind a connector.
struct Behind {
    registry: DockerRegistry,
    quirks: Quirks,
    uploading: Mutex<BTreeSet<String>>,
    /// Tags whose manifest is gone: `repository:tag`.
    ghosts: Mutex<BTreeSet<(String, String)>>,
}

/// The instance. It ends when it is dropped.
pub(crate) struct Nexus {
    ports: Vec<Port>,
    rest: Peer,
    ran_at: Arc<AtomicUsize>,
}

/// What its REST API knows.
struct Office {
    behind: Vec<Arc<Behind>>,
    /// The ports of the connectors.
    ports: Vec<u16>,
    quirks: Quirks,
    tasks: Mutex<BTreeMap<&'static str, Task>>,
    /// Bytes that were let go and not compacted, by repository.
    soft: Mutex<[u64; REPOSITORIES.len()]>,
    /// How long the production registry's log was when a task was run last.
    ran_at: Arc<AtomicUsize>,
}

struct Task {
    kind: &'static str,
    name: &'static str,
    /// So often it still says that it runs.
    polls: u32,
    runs: u32,
    result: Option<&'static str>,
}

impl Nexus {
    /// Two connectors, staging and production, each in front of an empty registry.
    pub(crate) fn start(quirks: Quirks) -> Self {
        let behind: Vec<_> = REPOSITORIES.iter().map(|_| Arc::new(Behind::start(quirks))).collect();
        let ports: Vec<Port> = behind
            .iter()
            .map(|state| {
                let answer = Arc::clone(state);
                Port { peer: Peer::start(move |asked| answer.answer(asked)), state: Arc::clone(state) }
            })
            .collect();
        let numbers = ports.iter().map(|port| port.peer.host().rsplit_once(':').unwrap().1.parse().unwrap());
        let numbers = numbers.collect();
        let office = Office {
            behind,
            ports: numbers,
            quirks,
            tasks: Mutex::new(tasks(quirks)),
            soft: Mutex::default(),
            ran_at: Arc::default(),
        };
        let ran_at = Arc::clone(&office.ran_at);
        Self { ports, rest: Peer::start(move |asked| office.answer(asked)), ran_at }
    }

    /// `127.0.0.1:port` of the staging connector.
    pub(crate) fn staging(&self) -> String {
        self.ports[0].peer.host()
    }

    /// `127.0.0.1:port` of the production connector.
    pub(crate) fn production(&self) -> String {
        self.ports[1].peer.host()
    }

    /// What stands behind the staging connector.
    pub(crate) fn staging_registry(&self) -> &DockerRegistry {
        &self.ports[0].state.registry
    }

    /// What stands behind the production connector.
    pub(crate) fn registry(&self) -> &DockerRegistry {
        &self.ports[1].state.registry
    }

    /// The address of the instance itself: `http://127.0.0.1:port`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.rest.host())
    }

    /// What the production registry noted since a task was run last.
    pub(crate) fn log_since_run(&self) -> String {
        self.registry().log().split_off(self.ran_at.load(Ordering::SeqCst))
    }

    /// What its REST API was asked.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.rest.asked()
    }
}

impl Behind {
    fn start(quirks: Quirks) -> Self {
        Self {
            registry: DockerRegistry::start(),
            quirks,
            uploading: Mutex::default(),
            ghosts: Mutex::default(),
        }
    }

    fn answer(&self, asked: &Asked) -> Answer {
        if self.quirks.no_bearer_realm || self.quirks.upper_case_basic && !is_known(asked) {
            return challenge("BASIC");
        }
        let path = asked.path.split('?').next().unwrap_or_default();
        if let Some((repository, reference)) = manifest_of(path) {
            return self.manifest(asked, repository, reference);
        }
        if let Some(repository) = path.strip_prefix("/v2/").and_then(|rest| rest.strip_suffix("/tags/list")) {
            return self.tags(asked, repository);
        }
        let digest = asked.path.split_once("digest=").map(|(_, digest)| digest.replace("%3A", ":"));
        match digest.filter(|_| self.quirks.one_upload_per_digest && asked.method == "PUT") {
            Some(digest) => self.upload(asked, &digest),
            None => self.pass(asked),
        }
    }

    fn manifest(&self, asked: &Asked, repository: &str, reference: &str) -> Answer {
        let is_tag = !reference.contains(':');
        let name = (repository.to_owned(), reference.to_owned());
        match asked.method.as_str() {
            "HEAD" if self.quirks.head_500 => refusal(500, "UNKNOWN", "internal error"),
            "PUT" if self.quirks.no_redeploy && is_tag && self.leads(repository, reference).is_some() => {
                refusal(400, "DENIED", "Repository does not allow updating assets: docker-production")
            }
            "PUT" => {
                self.ghosts.lock().unwrap().remove(&name);
                self.pass(asked)
            }
            "DELETE" if self.quirks.delete_leaves_tags => {
                let tags = self.tags_of(repository, reference);
                let answer = self.pass(asked);
                if answer.status < 300 {
                    let left = tags.into_iter().map(|tag| (repository.to_owned(), tag));
                    self.ghosts.lock().unwrap().extend(left);
                }
                answer
            }
            _ => self.pass(asked),
        }
    }

    /// What a tag leads to.
    fn leads(&self, repository: &str, tag: &str) -> Option<String> {
        let accept = [
            "application/vnd.oci.image.index.v1+json",
            "application/vnd.oci.image.manifest.v1+json",
            "application/vnd.docker.distribution.manifest.list.v2+json",
            "application/vnd.docker.distribution.manifest.v2+json",
        ];
        let answer = self.ask("HEAD", &format!("/v2/{repository}/manifests/{tag}"), &accept.join(", "));
        let digest =
            answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("docker-content-digest"));
        digest.filter(|_| answer.status == 200).map(|(_, value)| value.clone())
    }

    fn tags_of(&self, repository: &str, digest: &str) -> Vec<String> {
        let listed = self.ask("GET", &format!("/v2/{repository}/tags/list"), "*/*");
        let listed: Value = serde_json::from_slice(&listed.body).unwrap_or_default();
        let tags = listed["tags"].as_array().cloned().unwrap_or_default();
        let tags = tags.into_iter().filter_map(|tag| tag.as_str().map(str::to_owned));
        tags.filter(|tag| self.leads(repository, tag).as_deref() == Some(digest)).collect()
    }

    fn tags(&self, asked: &Asked, repository: &str) -> Answer {
        let mut answer = self.pass(asked);
        let mut value: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let mut tags: BTreeSet<String> = serde_json::from_value(value["tags"].clone()).unwrap_or_default();
        let ghosts = self.ghosts.lock().unwrap();
        tags.extend(ghosts.iter().filter(|(of, _)| of == repository).map(|(_, tag)| tag.clone()));
        if answer.status == 404 && !self.quirks.null_tags && tags.is_empty() {
            return answer;
        }
        value = json!({"name": repository, "tags": tags});
        if tags.is_empty() && self.quirks.null_tags {
            value["tags"] = Value::Null;
        }
        answer.status = 200;
        answer.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
        answer.body = value.to_string().into_bytes();
        answer
    }

    fn upload(&self, asked: &Asked, digest: &str) -> Answer {
        if !self.uploading.lock().unwrap().insert(digest.to_owned()) {
            let why = format!("/v2/-/blobs/{digest} cannot be updated");
            return refusal(400, "BLOB_UPLOAD_INVALID", &why);
        }
        // Long enough for a second one to be seen.
        std::thread::sleep(Duration::from_millis(20));
        let answer = self.pass(asked);
        self.uploading.lock().unwrap().remove(digest);
        answer
    }

    fn pass(&self, asked: &Asked) -> Answer {
        let mut answer = forward(asked, &self.registry.host().to_string());
        answer.headers.retain(|(name, _)| {
            let of_distribution = name.eq_ignore_ascii_case("docker-distribution-api-version");
            let link = self.quirks.no_link && name.eq_ignore_ascii_case("link");
            let date = self.quirks.ahead != 0 && name.eq_ignore_ascii_case("date");
            !of_distribution && !link && !date
        });
        if self.quirks.ahead != 0 {
            answer = answer.with("Date", date(self.quirks.ahead));
        }
        answer.with("Server", format!("Nexus/3.92.0-03 ({})", self.quirks.edition.unwrap_or("COMMUNITY")))
    }

    fn ask(&self, method: &str, path: &str, accept: &str) -> Answer {
        let host = self.registry.host().to_string();
        let headers = vec![("Host".to_owned(), host.clone()), ("Accept".to_owned(), accept.to_owned())];
        forward(&Asked { method: method.to_owned(), path: path.to_owned(), headers, body: Vec::new() }, &host)
    }

    /// The blobs of this repository on the disk, with their sizes.
    fn blobs(&self) -> BTreeMap<PathBuf, u64> {
        let root = self.registry.storage().join("docker/registry/v2/blobs");
        let mut found = BTreeMap::new();
        collect(&root, &root, &mut found);
        found
    }
}

fn collect(root: &Path, folder: &Path, found: &mut BTreeMap<PathBuf, u64>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(root, &path, found);
        } else {
            let size = entry.metadata().map_or(0, |metadata| metadata.len());
            found.insert(path.strip_prefix(root).unwrap().to_owned(), size);
        }
    }
}

impl Office {
    fn answer(&self, asked: &Asked) -> Answer {
        if !is_known(asked) {
            return challenge("Basic");
        }
        let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
        let Some(rest) = path.strip_prefix("/service/rest/v1/") else { return Answer::new(404) };
        match (asked.method.as_str(), rest.split('/').collect::<Vec<_>>().as_slice()) {
            ("GET", ["status"]) => Answer::new(200),
            ("GET", ["repositories"]) => {
                json_answer(&json!(REPOSITORIES.iter().zip(&self.behind).map(|(name, _)| json!({
                "name": name, "format": "docker", "type": "hosted", "url": format!("/repository/{name}"),
                "attributes": {},
            })).collect::<Vec<_>>()))
            }
            ("GET", ["repositorySettings" | "security", ..]) if self.quirks.discreet => Answer::new(403),
            ("GET", ["repositorySettings"]) => json_answer(&self.settings()),
            ("GET", ["security", "realms", "active"]) => {
                let token = (!self.quirks.no_bearer_realm).then_some("DockerToken");
                json_answer(&json!(["NexusAuthenticatingRealm"].into_iter().chain(token).collect::<Vec<_>>()))
            }
            ("GET", ["blobstores"]) => json_answer(&self.stores()),
            ("GET", ["tasks"]) => self.list(query),
            ("GET", ["tasks", id]) => self.task(id),
            ("POST", ["tasks", id, "run"]) => self.run(id),
            ("GET", ["search"]) => self.search(query),
            ("DELETE", ["components", id]) => self.forget(id),
            _ => Answer::new(404),
        }
    }

    /// The blob stores, with what was let go and is not compacted.
    fn stores(&self) -> Value {
        let soft = *self.soft.lock().unwrap();
        let store = |name: &str, blobs: BTreeMap<PathBuf, u64>, soft: u64| {
            json!({
                "name": name, "type": "File", "blobCount": blobs.len(),
                "totalSizeInBytes": blobs.values().sum::<u64>() + soft, "availableSpaceInBytes": 1_u64 << 40,
                "softQuota": self.quirks.quota.map(|limit| json!({"type": "spaceUsedQuota", "limit": limit})),
            })
        };
        if self.quirks.own_stores {
            let stores = REPOSITORIES.iter().zip(&self.behind).zip(soft);
            return stores.map(|((name, behind), soft)| store(name, behind.blobs(), soft)).collect();
        }
        json!([store(BLOB_STORE, self.blobs(), soft.iter().sum())])
    }

    /// What `repositorySettings` tells, with a repository of another format among them.
    fn settings(&self) -> Value {
        let docker = REPOSITORIES.iter().zip(&self.ports).map(|(name, port)| {
            let is_production = *name == REPOSITORIES[1];
            let policies: &[&str] =
                if is_production && self.quirks.cleanup_policy { &["weekly"] } else { &[] };
            json!({
                "name": name, "format": "docker", "url": format!("/repository/{name}"), "online": true,
                "type": if !is_production && self.quirks.group { "group" } else { "hosted" },
                "storage": {
                    "blobStoreName": if self.quirks.own_stores { *name } else { BLOB_STORE }, "strictContentTypeValidation": false,
                    "writePolicy": self.quirks.write_policy.unwrap_or("ALLOW"),
                },
                "cleanup": {"policyNames": policies},
                "docker": {"v1Enabled": false, "forceBasicAuth": true, "httpPort": port, "httpsPort": null},
            })
        });
        let raw =
            json!({"name": "files", "format": "raw", "type": "hosted", "online": true, "storage": null});
        docker.chain([raw]).collect()
    }

    fn list(&self, query: &str) -> Answer {
        let kind = parameter(query, "type");
        let tasks = self.tasks.lock().unwrap();
        let items: Vec<Value> = tasks
            .iter()
            .filter(|(_, task)| kind.as_deref().is_none_or(|kind| kind == task.kind))
            .map(|(id, task)| {
                let mut shown = shown(id, task);
                if self.quirks.scheduled {
                    shown["nextRun"] = json!("2030-01-01T01:00:00.000+00:00");
                }
                shown
            })
            .collect();
        json_answer(&json!({"items": items, "continuationToken": null}))
    }

    fn task(&self, id: &str) -> Answer {
        let mut tasks = self.tasks.lock().unwrap();
        let Some((id, task)) = tasks.iter_mut().find(|(known, _)| **known == id) else {
            return Answer::new(404);
        };
        let answer = json_answer(&shown(id, task));
        task.polls = task.polls.saturating_sub(1);
        answer
    }

    fn run(&self, id: &str) -> Answer {
        let mut tasks = self.tasks.lock().unwrap();
        let Some((_, task)) = tasks.iter_mut().find(|(known, _)| **known == id) else {
            return Answer::new(404);
        };
        if task.polls > 0 {
            return Answer::new(405);
        }
        task.polls = 2;
        task.runs += 1;
        let log = self.behind.last().map(|production| production.registry.log().len()).unwrap_or_default();
        self.ran_at.store(log, Ordering::SeqCst);
        task.result = Some(if self.quirks.tasks_fail { "FAILED" } else { "OK" });
        if !self.quirks.tasks_fail {
            match task.kind {
                "repository.docker.gc" => self.collect(),
                "blobstore.compact" => *self.soft.lock().unwrap() = Default::default(),
                _ => {}
            }
        }
        Answer::new(204)
    }

    /// Lets go of what no manifest refers to, in each repository that the task is for; of one blob store what the other has too stays.
    fn collect(&self) {
        for (at, behind) in self.behind.iter().enumerate() {
            // Of a registry that was never written to the command says that it has no folder.
            let written = behind.registry.storage().join("docker").exists();
            if !written || self.quirks.collects_only.is_some_and(|only| only != REPOSITORIES[at]) {
                continue;
            }
            let blobs = || if self.quirks.own_stores { behind.blobs() } else { self.blobs() };
            let before = blobs();
            let config = behind.registry.config();
            let done = Command::new("docker-registry").arg("garbage-collect").arg(config).output().unwrap();
            assert!(done.status.success(), "{done:?}");
            let after = blobs();
            let gone: u64 =
                before.iter().filter(|(path, _)| !after.contains_key(*path)).map(|(_, size)| size).sum();
            self.soft.lock().unwrap()[at] += gone;
        }
    }

    /// Each blob of the instance once.
    fn blobs(&self) -> BTreeMap<PathBuf, u64> {
        self.behind.iter().flat_map(|behind| behind.blobs()).collect()
    }

    fn search(&self, query: &str) -> Answer {
        let (name, tag) = (parameter(query, "docker.imageName"), parameter(query, "docker.imageTag"));
        let repository = parameter(query, "repository");
        let mut items = Vec::new();
        if self.quirks.loose_search {
            items.push(json!({"id": "live", "repository": repository, "format": "docker", "name": name, "version": "live"}));
            items.push(json!({"id": "other", "repository": repository, "format": "docker", "name": "other", "version": tag}));
        }
        for (at, behind) in REPOSITORIES.iter().zip(&self.behind) {
            if repository.as_deref().is_some_and(|wanted| wanted != *at) {
                continue;
            }
            for (image, ghost) in behind.ghosts.lock().unwrap().iter() {
                if name.as_deref() == Some(image) && tag.as_deref().is_none_or(|tag| tag == ghost) {
                    let id = base64::engine::general_purpose::URL_SAFE_NO_PAD
                        .encode(format!("{at} {image} {ghost}"));
                    items.push(json!({
                        "id": id, "repository": at, "format": "docker", "name": image, "version": ghost,
                    }));
                }
            }
        }
        json_answer(&json!({"items": items, "continuationToken": null}))
    }

    fn forget(&self, id: &str) -> Answer {
        let words = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(id).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).into_owned();
        let mut words = words.split(' ');
        let (Some(at), Some(image), Some(tag)) = (words.next(), words.next(), words.next()) else {
            return Answer::new(404);
        };
        let behind = REPOSITORIES.iter().zip(&self.behind).find(|(name, _)| **name == at);
        let name = (image.to_owned(), tag.to_owned());
        let known = behind.is_some_and(|(_, behind)| behind.ghosts.lock().unwrap().remove(&name));
        Answer::new(if known { 204 } else { 404 })
    }
}

fn tasks(quirks: Quirks) -> BTreeMap<&'static str, Task> {
    let task = |kind, name| Task { kind, name, polls: 0, runs: 0, result: None };
    if quirks.no_tasks {
        return BTreeMap::new();
    }
    BTreeMap::from([
        ("t1", task("repository.docker.upload-purge", "purge uploads")),
        ("t2", task("repository.docker.gc", "gc docker")),
        ("t3", task("assetBlob.cleanup", "cleanup assets")),
        ("t4", task("blobstore.compact", "compact default")),
    ])
}

fn shown(id: &str, task: &Task) -> Value {
    let state = if task.polls > 0 { "RUNNING" } else { "WAITING" };
    let result = task.result.filter(|_| task.polls == 0);
    let last = (task.runs > 0).then(|| format!("2026-01-01T00:00:{:02}.000+00:00", task.runs));
    json!({
        "id": id, "name": task.name, "type": task.kind, "message": null, "currentState": state,
        "lastRunResult": result, "nextRun": null, "lastRun": last,
    })
}

fn parameter(query: &str, name: &str) -> Option<String> {
    let found = query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))?;
    Some(found.replace("%2F", "/").replace("%3A", ":"))
}

/// Whether a request comes from the one user.
fn is_known(asked: &Asked) -> bool {
    let expected = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
    asked.header("authorization").is_some_and(|value| value == format!("Basic {expected}"))
}

fn challenge(scheme: &str) -> Answer {
    Answer::new(401)
        .with("WWW-Authenticate", format!("{scheme} realm=\"Sonatype Nexus Repository Manager\""))
        .with("Server", "Nexus/3.92.0-03 (COMMUNITY)")
}

/// The time by a clock that is so many seconds ahead.
fn date(ahead: i64) -> String {
    let by = Duration::from_secs(ahead.unsigned_abs());
    let now = std::time::SystemTime::now();
    httpdate::fmt_http_date(if ahead < 0 { now - by } else { now + by })
}

fn refusal(status: u16, code: &str, message: &str) -> Answer {
    let body = json!({"errors": [{"code": code, "message": message, "detail": null}]});
    Answer { status, ..json_answer(&body) }
}

fn json_answer(value: &Value) -> Answer {
    Answer::new(200).with("Content-Type", "application/json").body(value.to_string())
}

/// Repository and reference of a manifest's path.
fn manifest_of(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix("/v2/")?.split_once("/manifests/")
}
