//! Reading dumps of a cluster: JSON or YAML, single objects, lists and several of them in one file.

use std::fmt;

use serde::Deserialize;

use super::wire::{Document, Metadata, MirrorNode, Object, PodSpec, Properties, Spec, Status};
use super::{
    Approval, ClusterCsv, ClusterDump, ClusterInstallPlan, ClusterRelease, ClusterSubscription, MANAGED_BY,
    MirrorKind, MirrorSet, ObjectKey, TakenObject,
};
use crate::finding::Finding;
use crate::limits::LIMITS;
use crate::yaml::{self, Doubled};

/// Kinds whose names matter, because we write objects of them or something takes their names.
const WATCHED: &[&str] = &[
    "CatalogSource",
    "ClusterCatalog",
    "ConfigMap",
    "ImageContentSourcePolicy",
    "ImageDigestMirrorSet",
    "ImageTagMirrorSet",
    "UpdateService",
];

/// Kinds whose objects make pods, now or later.
const WORKLOADS: &[&str] = &[
    "CronJob",
    "DaemonSet",
    "Deployment",
    "DeploymentConfig",
    "Job",
    "ReplicaSet",
    "ReplicationController",
    "StatefulSet",
];

impl ClusterDump {
    /// Reads one file with the output of `oc get … -o json` (or YAML, or files of a must-gather).
    ///
    /// What cannot be read is a finding; what was read before it is kept. `name` is the file's, for findings.
    /// Memory is bounded by the size of `bytes`, and that by [`crate::limits::Limits::cluster_dump_bytes`].
    pub fn parse(bytes: &[u8], name: &str) -> (Self, Vec<Finding>) {
        let mut reading = Reading { dump: Self::default(), findings: Vec::new(), file: name };
        reading.file(bytes);
        (reading.dump, reading.findings)
    }
}

struct Reading<'a> {
    dump: ClusterDump,
    findings: Vec<Finding>,
    file: &'a str,
}

impl Reading<'_> {
    fn file(&mut self, bytes: &[u8]) {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let is_json = bytes.trim_ascii_start().starts_with(b"{");
        let limit = if is_json { LIMITS.cluster_dump_bytes } else { LIMITS.yaml_bytes };
        if bytes.len() as u64 > limit {
            let message = format!("it has {} bytes, {limit} are the most that is read", bytes.len());
            let hint = "dump fewer kinds into one file, as JSON: `oc get csv -A -o json > csv.json`";
            self.findings.push(
                Finding::error("CLUSTER_DUMP_TOO_LARGE", self.file, message).hint(hint).at(self.file, None),
            );
        } else if is_json {
            for node in serde_json::Deserializer::from_slice(bytes).into_iter::<Document>() {
                match node {
                    Ok(document) => self.document(document),
                    Err(error) => return self.unreadable(&error, Some(error.line() as u64)),
                }
            }
        } else {
            self.yaml(bytes);
        }
    }

    fn yaml(&mut self, bytes: &[u8]) {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => return self.unreadable(&error, None),
        };
        let mut read = Vec::new();
        let broken = yaml::documents(text, Doubled::LastCounts, &LIMITS, &mut |json, line| {
            read.push((Document::deserialize(json), line));
        });
        for (document, line) in read {
            match document {
                Ok(document) => self.document(document),
                Err(error) => self.unreadable(&error, Some(line)),
            }
        }
        for error in broken {
            self.unreadable(&error, Some(error.line));
        }
    }

    fn unreadable(&mut self, error: &dyn fmt::Display, line: Option<u64>) {
        let hint = "the file must hold the output of `oc get … -o json` and nothing else";
        let finding = Finding::error("CLUSTER_DUMP_UNREADABLE", self.file, error);
        self.findings.push(finding.hint(hint).at(self.file, line));
    }

    /// Takes in an object or a list; the items of a list may leave out the kind that its name says.
    fn document(&mut self, document: Document) {
        let Object { api_version, kind, metadata, spec, status, data, items } = document;
        match items {
            Some(items) => {
                let kind_of_list = kind.0.as_deref().and_then(|kind| kind.strip_suffix("List"));
                for item in items.0 {
                    self.object(item, kind_of_list.unwrap_or_default());
                }
            }
            None => self.object(Object { api_version, kind, metadata, spec, status, data, items: None }, ""),
        }
    }

    fn object(&mut self, object: Object, kind_of_list: &str) {
        let Object { api_version, kind, metadata, spec, status, data, items: _ } = object;
        let kind = kind.0.unwrap_or_else(|| kind_of_list.to_owned());
        let (metadata, spec, status) = (metadata.0, spec.0, status.0);
        let api = api_version.0.unwrap_or_default();
        let group = api.split('/').next().unwrap_or_default();
        match kind.as_str() {
            "ClusterVersion" => self.cluster_version(&metadata, spec, status),
            "ClusterServiceVersion" => self.csv(metadata, spec, &status),
            // Its digests count wherever they stand (`Named`); here it only matters that there are some.
            "ImageStream" => {}
            "InstallPlan" => self.install_plan(&metadata, spec, status),
            "Pod" => self.pod(&metadata, spec, &status),
            "Subscription" if group == "operators.coreos.com" || group.is_empty() => {
                self.subscription(&metadata, spec, status);
            }
            "Subscription" => return self.foreign_subscription(group),
            kind if WATCHED.contains(&kind) => {
                if kind == "ConfigMap" && metadata.annotations.0.verification.0.is_some() {
                    self.dump.verification = data.0.0;
                }
                self.watched(kind, metadata, spec, status);
            }
            kind if WORKLOADS.contains(&kind) => self.workload(kind, &metadata, &spec),
            _ => return,
        }
        self.dump.kinds.insert(kind);
    }

    fn cluster_version(&mut self, metadata: &Metadata, spec: Spec, status: Status) {
        let (asked, desired) = (spec.desired_update.0, status.desired.0);
        self.dump.ids.extend(spec.cluster_id.0);
        let version = desired.version.0.clone();
        self.dump.openshift = version.or(self.dump.openshift.take());
        let object = ObjectKey {
            kind: "ClusterVersion".to_owned(),
            namespace: None,
            name: metadata.name.0.clone().unwrap_or_default(),
        };
        for image in [&asked.image, &desired.image] {
            self.used(image.0.as_deref(), &object);
        }
        let history = status.history.0.into_iter().filter_map(|release| {
            Some(ClusterRelease {
                version: release.version.0.unwrap_or_default(),
                image: release.image.0?.parse().ok()?,
                completed: release.state.0.as_deref() == Some("Completed"),
            })
        });
        self.dump.releases = history.collect();
    }

    fn install_plan(&mut self, metadata: &Metadata, spec: Spec, status: Status) {
        let Some((namespace, name)) = self.namespaced("InstallPlan", metadata) else { return };
        let plan = ClusterInstallPlan {
            name: name.clone(),
            namespace: namespace.clone(),
            csvs: spec.cluster_service_version_names.0,
            approval: Approval::read(spec.approval.0.as_deref()),
            approved: spec.approved.0.as_deref() == Some("true"),
            phase: status.phase.0,
        };
        if !plan.is_complete() {
            let object = ObjectKey::namespaced("InstallPlan", &namespace, &name);
            for bundle in status.bundle_lookups.0 {
                self.used(bundle.path.0.as_deref(), &object);
            }
        }
        self.dump.install_plans.insert((namespace, name), plan);
    }

    /// A Pod that is over pulls nothing any more.
    fn pod(&mut self, metadata: &Metadata, spec: Spec, status: &Status) {
        if matches!(status.phase.0.as_deref(), Some("Succeeded" | "Failed")) {
            return;
        }
        let Some((namespace, name)) = self.namespaced("Pod", metadata) else { return };
        let object = ObjectKey::namespaced("Pod", &namespace, &name);
        self.used(spec.into_pod().images(), &object);
        // What else stands there is the id of a config, under which no registry has anything.
        let ids = status.image_ids().map(|id| id.strip_prefix("docker-pullable://").unwrap_or(id));
        self.used(ids.filter(|id| id.contains('@')), &object);
    }

    fn workload(&mut self, kind: &str, metadata: &Metadata, spec: &Spec) {
        let Some((namespace, name)) = self.namespaced(kind, metadata) else { return };
        let object = ObjectKey::namespaced(kind, &namespace, &name);
        self.used(spec.templates().flat_map(PodSpec::images), &object);
    }

    /// Notes images that an object uses.
    fn used<'t>(&mut self, images: impl IntoIterator<Item = &'t str>, object: &ObjectKey) {
        for image in images.into_iter().filter(|image| !image.is_empty()) {
            let users = match image.parse() {
                Ok(image) => self.dump.images.entry(image).or_default(),
                Err(_) => self.dump.unnamed_images.entry(image.to_owned()).or_default(),
            };
            users.insert(object.clone());
        }
    }

    fn csv(&mut self, mut metadata: Metadata, spec: Spec, status: &Status) {
        let annotations = std::mem::take(&mut metadata.annotations).0;
        let copied = metadata.label("olm.copiedFrom").is_some()
            || annotations.copied_from.0.is_some()
            || status.reason.0.as_deref() == Some("Copied");
        let Some((namespace, name)) = self.namespaced("ClusterServiceVersion", &metadata) else { return };
        if copied {
            self.dump.copied_csvs.insert((namespace, name));
            return;
        }
        let object = ObjectKey::namespaced("ClusterServiceVersion", &namespace, &name);
        let related = spec.related_images.0.iter().filter_map(|related| related.image.0.as_deref());
        self.used(related.chain(annotations.container_image.0.as_deref()), &object);
        self.used(spec.templates().flat_map(PodSpec::images), &object);
        let properties = annotations.properties.0.map(|text| Properties::read(&text)).unwrap_or_default();
        let csv = ClusterCsv {
            package: properties.package.or_else(|| metadata.package(&namespace)),
            max_openshift_version: properties.max_openshift_version,
            version: spec.version.0,
            phase: status.phase.0.clone(),
            name: name.clone(),
            namespace: namespace.clone(),
        };
        if let Some(phase) = csv.phase.as_deref()
            && phase != "Succeeded"
        {
            let subject = format!("operator {name} in namespace {namespace}");
            let message = format!("its phase is {phase}, not Succeeded");
            let hint = format!("look why before the upgrade: `oc -n {namespace} describe csv {name}`");
            self.findings
                .push(Finding::warning("CSV_NOT_SUCCEEDED", subject, message).hint(hint).at(self.file, None));
        }
        self.dump.csvs.insert((namespace, name), csv);
    }

    fn subscription(&mut self, metadata: &Metadata, spec: Spec, status: Status) {
        let Some((namespace, name)) = self.namespaced("Subscription", metadata) else { return };
        let Some(package) = spec.name.0 else {
            return self.invalid("Subscription", &name, "it names no package (`spec.name`)");
        };
        let subscription = ClusterSubscription {
            name: name.clone(),
            namespace: namespace.clone(),
            package,
            channel: spec.channel.0.filter(|channel| !channel.is_empty()),
            source: spec.source.text.unwrap_or_default(),
            source_namespace: spec.source_namespace.0.unwrap_or_default(),
            starting_csv: spec.starting_csv.0,
            approval: Approval::read(spec.install_plan_approval.0.as_deref()),
            installed_csv: status.installed_csv.0,
            current_csv: status.current_csv.0,
        };
        self.dump.subscriptions.insert((namespace, name), subscription);
    }

    /// On a hub of Advanced Cluster Management `oc get subs` shows another kind of subscription.
    fn foreign_subscription(&mut self, group: &str) {
        let message = format!("it holds subscriptions of the group {group}, which are not OLM's");
        let hint = "dump OLM's by their full name: `oc get subscriptions.operators.coreos.com -A -o json`";
        let finding =
            Finding::warning("FOREIGN_SUBSCRIPTIONS", self.file, message).hint(hint).at(self.file, None);
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    fn watched(&mut self, kind: &str, metadata: Metadata, spec: Spec, status: Status) {
        let managed_by = metadata.label(MANAGED_BY.0).map(str::to_owned);
        let Some(name) = metadata.name.0.filter(|name| is_subdomain(name)) else {
            return self.invalid(kind, "", "its name is missing or none that a cluster would take");
        };
        let mirror_kind = match kind {
            "ImageDigestMirrorSet" => Some(MirrorKind::Digest),
            "ImageTagMirrorSet" => Some(MirrorKind::Tag),
            "ImageContentSourcePolicy" => Some(MirrorKind::ContentSourcePolicy),
            _ => None,
        };
        if let Some(mirror_kind) = mirror_kind {
            let lists = [spec.image_digest_mirrors, spec.image_tag_mirrors, spec.repository_digest_mirrors];
            let entries = lists.into_iter().flat_map(|list| list.0).filter_map(MirrorNode::entry).collect();
            self.dump.mirror_sets.insert((mirror_kind, name.clone()), MirrorSet { entries });
        }
        let key = ObjectKey { kind: kind.to_owned(), namespace: metadata.namespace.0, name };
        let image = spec.image.0.or(spec.source.image.0.r#ref.0);
        let resolved = status.resolved_source.image.0.r#ref.0;
        self.used(
            [&image, &resolved, &spec.graph_data_image.0].into_iter().flatten().map(String::as_str),
            &key,
        );
        self.dump.objects.insert(key, TakenObject { managed_by, image });
    }

    fn namespaced(&mut self, kind: &str, metadata: &Metadata) -> Option<(String, String)> {
        let name = metadata.name.0.as_deref().unwrap_or_default();
        let namespace = metadata.namespace.0.as_deref().unwrap_or_default();
        if is_subdomain(name) && is_subdomain(namespace) {
            return Some((namespace.to_owned(), name.to_owned()));
        }
        self.invalid(kind, name, "its name or namespace is missing or none that a cluster would take");
        None
    }

    fn invalid(&mut self, kind: &str, name: &str, message: &str) {
        let subject = format!("{kind} {name}");
        let finding = Finding::warning("CLUSTER_OBJECT_INVALID", subject.trim_end(), message);
        self.findings.push(finding.hint("it is left out").at(self.file, None));
    }
}

/// RFC 1123 subdomain as the API server checks it (apimachinery `validation.IsDNS1123Subdomain`).
fn is_subdomain(name: &str) -> bool {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= 253
        && name.split('.').all(|label| {
            let bytes = label.as_bytes();
            bytes.first().is_some_and(|&c| plain(c))
                && bytes.last().is_some_and(|&c| plain(c))
                && bytes.iter().all(|&c| plain(c) || c == b'-')
        })
}
