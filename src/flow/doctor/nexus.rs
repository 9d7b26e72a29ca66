//! Nexus itself: what its REST API says about the repositories behind both registries, and what its edition allows.

use std::collections::{BTreeMap, BTreeSet};

use crate::fault::Fault;
use crate::finding::Finding;
use crate::flow::doctor::Doctor;
use crate::flow::doctor::cargo::Cargo;
use crate::flow::doctor::edition::{Edition, Load};
use crate::flow::doctor::report::{Part, Question};
use crate::flow::doctor::sheet::{Sheet, with_causes};
use crate::flow::doctor::write_test::fixed_tags;
use crate::reference::RegistryHost;
use crate::registry::{Nexus, NexusBlobStore, NexusRepository, RegistryError};
use crate::text::{counted, human_bytes};

/// The id of `Docker Bearer Token Realm`.
const BEARER_REALM: &str = "DockerToken";
/// An S3 blob store takes no larger blobs (nexus-blobstore-s3#63).
const S3_BYTES: u64 = 5 << 30;
/// Tasks that delete by clean-up policies, or give space back.
const DELETING: [&str; 3] = ["repository.cleanup", "repository.docker.gc", "blobstore.compact"];

/// Both registries of the site as Nexus knows them.
type Behind<'r> = BTreeMap<Part, &'r NexusRepository>;

impl Doctor<'_> {
    pub(super) fn nexus(&self, editions: &BTreeMap<Part, Edition>, cargo: Option<&Cargo>) -> Sheet {
        let spec = self.site.spec.nexus.as_ref();
        let mut sheet = Sheet::of(Part::Nexus, spec.map(|spec| spec.url.clone()));
        budget(editions, cargo, &mut sheet);
        let rest = [
            Question::BearerRealm,
            Question::Repositories,
            Question::Redeploy,
            Question::CleanUp,
            Question::BlobStore,
            Question::Tasks,
        ];
        let Some(spec) = spec else {
            sheet.unasked(&rest, "`nexus` in the site file does not say where its REST API is");
            return sheet;
        };
        let nexus = match Nexus::at(self.client, &spec.url) {
            Ok(nexus) => nexus,
            Err(error) => {
                sheet.failed(rest[0], "NEXUS", &error);
                sheet.unasked_for(&rest[1..], rest[0]);
                return sheet;
            }
        };
        realm(&nexus, &mut sheet);
        match nexus.repositories() {
            Err(error) => {
                unseen(&mut sheet, Question::Repositories, "nx-repository-admin-docker-*-read", &error);
                sheet.unasked_for(&rest[2..5], Question::Repositories);
            }
            Ok(all) => self.repositories(&nexus, &all, &spec.production, cargo, &mut sheet),
        }
        tasks(&nexus, &mut sheet);
        sheet
    }

    /// What the settings of both repositories mean for an import.
    fn repositories(
        &self,
        nexus: &Nexus<'_>,
        all: &[NexusRepository],
        production: &str,
        cargo: Option<&Cargo>,
        sheet: &mut Sheet,
    ) {
        let docker: Vec<&NexusRepository> = all.iter().filter(|one| one.format == "docker").collect();
        let named = docker.iter().find(|one| one.name == production);
        let by_port = |host: &RegistryHost| docker.iter().find(|one| listens(one, host));
        let staging = by_port(&self.site.spec.staging.registry).filter(|one| one.name != production);
        let behind: Behind<'_> = named
            .map(|one| (Part::Production, *one))
            .into_iter()
            .chain(staging.map(|one| (Part::Staging, *one)))
            .collect();
        let mut findings: Vec<Finding> = behind.values().flat_map(|one| kind(one)).collect();
        if named.is_none() {
            let message = format!("there is no docker repository `{production}` that this account may see");
            findings.push(
                Finding::error("NEXUS_REPOSITORY", sheet.subject(), message)
                    .hint("mend `nexus.production` in the site file"),
            );
        }
        if let Some(one) = named
            && let Some(other) =
                by_port(&self.site.spec.production.registry).filter(|other| other.name != one.name)
        {
            let message = format!(
                "the production port is that of `{}`, and the site file names `{production}`",
                other.name
            );
            findings.push(
                Finding::error("NEXUS_REPOSITORY", sheet.subject(), message)
                    .hint("mend `nexus.production` in the site file"),
            );
        }
        let told: Vec<String> =
            behind.iter().map(|(part, one)| format!("{} is {}", part.as_str(), one.name)).collect();
        sheet.found(Question::Repositories, told.join(", "), findings);
        let policies = behind.iter().filter_map(|(part, one)| redeploy(*part, one));
        let told: Vec<&str> =
            behind.values().filter_map(|one| one.storage.as_ref()?.write_policy.as_deref()).collect();
        sheet.found(Question::Redeploy, told.join(", "), policies);
        clean_up(&behind, sheet);
        blob_store(nexus, &behind, cargo, sheet);
    }
}

/// What the edition allows.
fn budget(editions: &BTreeMap<Part, Edition>, cargo: Option<&Cargo>, sheet: &mut Sheet) {
    let question = Question::Budget;
    // Both ports are of one instance.
    let Some(edition) = editions.values().next() else {
        sheet.unasked(&[question], "neither registry says which Nexus it is");
        return;
    };
    let load = cargo.map(|cargo| Load {
        requests: cargo.requests * editions.len() as u64,
        manifests: cargo.manifests * editions.len() as u64,
    });
    sheet.found(question, edition.to_string(), edition.judge(&sheet.subject(), load));
}

fn realm(nexus: &Nexus<'_>, sheet: &mut Sheet) {
    match nexus.active_realms() {
        Ok(active) => {
            let missing = (!active.iter().any(|realm| realm == BEARER_REALM)).then(|| {
                let message = "`Docker Bearer Token Realm` is not active: anonymous pulls and logins by token fail, with the \
                               right password, too";
                Finding::error("BEARER_REALM", sheet.subject(), message).hint("activate it under Security, Realms")
            });
            let told = if missing.is_some() { "not active" } else { "active" };
            sheet.found(Question::BearerRealm, told, missing);
        }
        Err(error) => unseen(sheet, Question::BearerRealm, "nx-settings-read", &error),
    }
}

/// This account may not look, which says nothing about an import.
fn unseen(sheet: &mut Sheet, question: Question, privilege: &str, error: &RegistryError) {
    let told = with_causes(error);
    let hint = match error {
        RegistryError::Denied { .. } => {
            format!("give this account the privilege `{privilege}`, or look there as an administrator")
        }
        other => other.hint().unwrap_or_default(),
    };
    let finding = Finding::warning("NEXUS_UNSEEN", sheet.subject(), &told).hint(hint);
    sheet.found(question, told, [finding]);
}

/// Whether a repository has a connector on the port of a registry.
fn listens(repository: &NexusRepository, host: &RegistryHost) -> bool {
    let port = host.as_str().rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    let ports = repository.docker.iter().flat_map(|docker| [docker.http_port, docker.https_port]);
    port.is_some_and(|port| ports.flatten().any(|own| own == port))
}

fn kind(repository: &NexusRepository) -> Vec<Finding> {
    let mut findings = Vec::new();
    let subject = format!("repository {}", repository.name);
    if repository.kind != "hosted" {
        let message = format!("it is a {} repository, which takes no pushes", repository.kind);
        findings.push(
            Finding::error("NOT_HOSTED", &subject, message)
                .hint("name the port of a hosted repository in the site file"),
        );
    }
    if !repository.online {
        findings
            .push(Finding::error("OFFLINE", &subject, "it is offline").hint("tick `Online` in its settings"));
    }
    if repository.storage.as_ref().is_some_and(|storage| storage.strict_content_type_validation) {
        let message = "`Strict Content Type Validation` is on: some media types of images are refused there";
        findings.push(
            Finding::info("STRICT_CONTENT_TYPE", &subject, message)
                .hint("untick it where an import is refused for a content type"),
        );
    }
    findings
}

fn redeploy(part: Part, repository: &NexusRepository) -> Option<Finding> {
    let subject = format!("repository {}", repository.name);
    match repository.storage.as_ref()?.write_policy.as_deref()? {
        "DENY" => Some(
            Finding::error("READ_ONLY", subject, "its deployment policy is `Read-only`")
                .hint("set `Allow redeploy` as its deployment policy"),
        ),
        "ALLOW_ONCE" => Some(fixed_tags(
            part,
            subject,
            "its deployment policy is `Disable redeploy`: no tag can be moved".to_owned(),
        )),
        _ => None,
    }
}

fn clean_up(behind: &Behind<'_>, sheet: &mut Sheet) {
    let with_policy = behind.values().filter_map(|one| {
        let names = &one.cleanup.as_ref()?.policy_names;
        (!names.is_empty()).then(|| (one, names.join("`, `")))
    });
    let findings: Vec<Finding> = with_policy
        .map(|(one, names)| {
            let message = format!(
                "the clean-up policy `{names}` deletes from it: pulls by digest do not count as downloads there, so images that clusters \
                 use go"
            );
            Finding::warning("CLEANUP_POLICY", format!("repository {}", one.name), message)
                .hint("take the policy off this repository; `ombundle vacuum` lets go what nothing needs")
        })
        .collect();
    let told = if findings.is_empty() {
        "no policy".to_owned()
    } else {
        format!("{} with a policy", findings.len())
    };
    sheet.found(Question::CleanUp, told, findings);
}

fn blob_store(nexus: &Nexus<'_>, behind: &Behind<'_>, cargo: Option<&Cargo>, sheet: &mut Sheet) {
    let stores = match nexus.blob_stores() {
        Ok(stores) => stores,
        Err(error) => return unseen(sheet, Question::BlobStore, "nx-blobstores-read", &error),
    };
    let (mut findings, mut told) = (Vec::new(), Vec::new());
    let used: BTreeSet<&str> =
        behind.values().filter_map(|one| Some(one.storage.as_ref()?.blob_store_name.as_str())).collect();
    for store in stores.iter().filter(|store| used.contains(store.name.as_str())) {
        let of = |one: &&&NexusRepository| {
            one.storage.as_ref().is_some_and(|storage| storage.blob_store_name == store.name)
        };
        let copies = behind.values().filter(of).count() as u64;
        // Each repository keeps its own.
        let needed = cargo.map_or(0, |cargo| cargo.bytes * copies);
        let free = room(store);
        told.push(format!(
            "{}: {}",
            store.name,
            free.map_or_else(|| "no limit told".to_owned(), |free| format!("{} free", human_bytes(free)))
        ));
        let subject = format!("blob store {}", store.name);
        if let Some(free) = free.filter(|free| *free < needed.max(1)) {
            let message = format!(
                "{} are free below its disk and quota, and the archive brings {}",
                human_bytes(free),
                human_bytes(needed)
            );
            findings.push(
                Finding::error("BLOB_STORE_FULL", &subject, message)
                    .hint("raise the quota or the disk, or free space with `ombundle vacuum`"),
            );
        }
        findings.extend(cargo.and_then(|cargo| on_s3(store, cargo.largest)));
    }
    sheet.found(Question::BlobStore, told.join(", "), findings);
}

/// That a blob may be too large for a store on S3, where it is.
fn on_s3(store: &NexusBlobStore, largest: u64) -> Option<Finding> {
    (store.kind == "S3" && largest > S3_BYTES).then(|| {
        let message = format!("it is on S3, where blobs over {} were refused", human_bytes(S3_BYTES));
        Finding::warning("S3_BLOB", format!("blob store {}", store.name), message)
            .hint("push a layer of that size by hand before the maintenance window")
    })
}

/// What a blob store still takes by its disk and its quota.
fn room(store: &NexusBlobStore) -> Option<u64> {
    let free = store.available_space_in_bytes;
    let by_quota = store.soft_quota.as_ref().and_then(|quota| match quota.kind.as_str() {
        "spaceUsedQuota" => Some(quota.limit.saturating_sub(store.total_size_in_bytes)),
        "spaceRemainingQuota" => free.map(|free| free.saturating_sub(quota.limit)),
        _ => None,
    });
    free.into_iter().chain(by_quota).min()
}

/// Which tasks delete by themselves, and when.
fn tasks(nexus: &Nexus<'_>, sheet: &mut Sheet) {
    match nexus.all_tasks() {
        Err(error) => unseen(sheet, Question::Tasks, "nx-tasks-read", &error),
        Ok(all) => {
            let scheduled: Vec<_> = all
                .iter()
                .filter(|task| DELETING.contains(&task.kind.as_str()))
                .filter_map(|task| Some((task, task.next_run.as_deref()?)))
                .collect();
            let findings: Vec<Finding> = scheduled
                .iter()
                .map(|(task, next)| {
                    let message = format!("it runs by itself, next {next}: an import that is under way then may lose what no tag leads \
                         to yet");
                    Finding::info("SCHEDULED_TASK", format!("task {}", task.name), message)
                })
                .collect();
            sheet.found(
                Question::Tasks,
                format!("{} scheduled that delete", counted(scheduled.len(), "task")),
                findings,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_that_take_nothing_are_told() {
        let found = |value: serde_json::Value| {
            let one: NexusRepository = serde_json::from_value(value).unwrap();
            kind(&one).into_iter().map(|finding| finding.code).collect::<Vec<_>>()
        };
        let strict = serde_json::json!({"blobStoreName": "default", "strictContentTypeValidation": true});
        for (value, expected) in [
            (serde_json::json!({"name": "a", "type": "hosted"}), vec![]),
            (serde_json::json!({"name": "a", "type": "proxy"}), vec!["NOT_HOSTED"]),
            (serde_json::json!({"name": "a", "type": "hosted", "online": false}), vec!["OFFLINE"]),
            (
                serde_json::json!({"name": "a", "type": "hosted", "storage": strict}),
                vec!["STRICT_CONTENT_TYPE"],
            ),
        ] {
            assert_eq!(found(value), expected);
        }
    }

    #[test]
    fn large_blobs_and_s3_do_not_go_together() {
        let store = |kind: &str| {
            serde_json::from_value(serde_json::json!({"name": "default", "type": kind})).unwrap()
        };
        assert_eq!(on_s3(&store("S3"), S3_BYTES + 1).unwrap().code, "S3_BLOB");
        assert_eq!(on_s3(&store("S3"), S3_BYTES), None);
        assert_eq!(on_s3(&store("File"), S3_BYTES + 1), None);
    }

    #[test]
    fn room_is_what_disk_and_quota_leave() {
        let store = |free: Option<u64>, quota: Option<(&str, u64)>| {
            let quota = quota.map(|(kind, limit)| serde_json::json!({"type": kind, "limit": limit}));
            let value = serde_json::json!({
                "name": "default", "type": "File", "totalSizeInBytes": 700, "availableSpaceInBytes": free, "softQuota": quota,
            });
            room(&serde_json::from_value(value).unwrap())
        };
        assert_eq!(store(Some(500), None), Some(500));
        assert_eq!(store(Some(500), Some(("spaceUsedQuota", 1_000))), Some(300));
        assert_eq!(store(Some(500), Some(("spaceUsedQuota", 600))), Some(0));
        assert_eq!(store(Some(500), Some(("spaceRemainingQuota", 400))), Some(100));
        assert_eq!(store(None, Some(("spaceUsedQuota", 1_000))), Some(300));
        assert_eq!(store(None, None), None);
    }
}
