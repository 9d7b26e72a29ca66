//! Dumps of real clusters, and our objects next to real ones.

use std::collections::BTreeSet;
use std::path::Path;

use ombundle::emit::Emitted;
use ombundle::finding::Finding;
use ombundle::site::InstalledOperator;
use ombundle::site::cluster::{Approval, ClusterDump, MirrorKind};
use serde_norway::Value;

use super::world::World;
use crate::support::shared::data as shared_data;

/// Every file below a folder as one dump.
fn dump(folder: &Path) -> (ClusterDump, Vec<Finding>) {
    let (mut dump, mut findings) = (ClusterDump::default(), Vec::new());
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
        let entry = entry.unwrap();
        let extension = entry.path().extension().and_then(|extension| extension.to_str());
        if entry.file_type().is_file() && matches!(extension, Some("yaml" | "json")) {
            let (part, found) =
                ClusterDump::parse(&std::fs::read(entry.path()).unwrap(), entry.path().to_str().unwrap());
            dump.merge(part);
            findings.extend(found);
        }
    }
    (dump, findings)
}

#[test]
fn a_must_gather_tells_what_runs() {
    let Some(data) = shared_data() else { return };
    let (dump, findings) = dump(&data.join("cluster/must-gather-metal"));
    let said: Vec<_> = findings.iter().map(|found| format!("{}: {}", found.subject, found.message)).collect();
    assert_eq!(
        said,
        [
            "operator image-caching-operator.v0.0.1 in namespace cfe-test-namespace: its phase is Pending, not Succeeded",
            "operator projectrequestlimits.v0.0.1 in namespace cfe-test-namespace: its phase is Installing, not Succeeded",
        ]
    );
    let operator =
        |name: &str, version: &str, package: Option<&str>, channel: Option<&str>, namespace: &str| {
            InstalledOperator {
                name: name.into(),
                version: Some(version.into()),
                package: package.map(str::to_owned),
                channel: channel.map(str::to_owned),
                namespace: Some(namespace.into()),
            }
        };
    let (caching, limits) = ("image-caching-operator", "projectrequestlimits");
    let installed: Vec<_> = dump.installed().into_iter().collect();
    assert_eq!(installed.len(), 3, "copies were counted: {installed:?}");
    assert_eq!(
        installed[0],
        operator(
            "image-caching-operator.v0.0.1",
            "0.0.1",
            Some(caching),
            Some("alpha"),
            "cfe-test-namespace"
        )
    );
    assert_eq!(installed[1].name, "packageserver");
    assert_eq!(installed[1].package, None);
    assert_eq!(
        installed[2],
        operator("projectrequestlimits.v0.0.1", "0.0.1", Some(limits), Some("alpha"), "cfe-test-namespace")
    );

    let subscription = dump.subscriptions_for(limits).next().unwrap();
    assert_eq!(subscription.approval, Approval::Manual);
    assert_eq!(subscription.source, "projectrequestlimits-catalog");
    assert_eq!(subscription.starting_csv.as_deref(), Some("projectrequestlimits.v0.0.1"));
    let community =
        dump.object("CatalogSource", Some("openshift-marketplace"), "community-operators").unwrap();
    assert_eq!(community.image.as_deref(), Some("registry.redhat.io/redhat/community-operator-index:v4.9"));
    assert!(!community.is_ours());
    assert_eq!(dump.openshift.as_deref(), Some("4.9.0-0.nightly-2021-09-10-170926"));
}

#[test]
fn a_must_gather_tells_which_images_are_in_use() {
    let Some(data) = shared_data() else { return };
    let (dump, _) = dump(&data.join("cluster/must-gather-metal"));
    let copies = dump.copied_csvs.iter().filter(|(_, name)| name == "image-caching-operator.v0.0.1").count();
    assert_eq!((dump.copied_csvs.len(), copies), (130, 65));
    let users = |image: &str| -> Vec<String> {
        dump.images[&image.parse().unwrap()].iter().map(ToString::to_string).collect()
    };
    let certified = "registry.redhat.io/redhat/certified-operator-index";
    assert_eq!(
        users(&format!("{certified}:v4.9")),
        [
            "CatalogSource openshift-marketplace/certified-operators",
            "Pod openshift-marketplace/certified-operators-tqzlc"
        ]
    );
    let started = "sha256:7981f2db2e7056b677b724b0690fbbab219d9e06f3f50caf2281010b17590889";
    assert_eq!(
        users(&format!("{certified}@{started}")),
        ["Pod openshift-marketplace/certified-operators-tqzlc"]
    );
    let release = "registry.ci.openshift.org/ocp/release@sha256:8d01ffd2bd08e49e137a6872d2d18adcb334fe92a9102d25497b099e7baf16d0";
    assert_eq!(users(release), ["ClusterVersion version"]);
    assert_eq!(dump.releases.len(), 1);
    assert!(dump.releases[0].completed);
    let plans: Vec<_> =
        dump.install_plans.values().map(|plan| (plan.csvs.as_slice(), plan.is_complete())).collect();
    assert_eq!(
        plans,
        [
            (["projectrequestlimits.v0.0.1".to_owned()].as_slice(), true),
            (["image-caching-operator.v0.0.1".to_owned()].as_slice(), false),
        ]
    );
    assert_eq!(
        users("quay.io/josefkarasek/image-caching-operator-bundle:v0.0.1"),
        ["InstallPlan cfe-test-namespace/install-b8pzk"]
    );
}

#[test]
fn real_mirror_sets_are_read() {
    let Some(data) = shared_data() else { return };
    let (mut all, findings) = dump(&data.join("cluster/idms-gitops"));
    assert_eq!(findings, []);
    let (policy, findings) = dump(&data.join("cluster/icsp-serverless"));
    assert_eq!(findings, []);
    all.merge(policy);
    let digest = &all.mirror_sets[&(MirrorKind::Digest, "gitops-catalog-test-idmr".to_owned())];
    assert_eq!(digest.entries[0].source, "registry.redhat.io/openshift-gitops-1/gitops-rhel8");
    assert_eq!(digest.entries[0].mirrors.len(), 2);
    let name = "serverless-image-content-source-policy".to_owned();
    let policy = &all.mirror_sets[&(MirrorKind::ContentSourcePolicy, name)];
    assert!(policy.entries.len() > 50);
    assert!(policy.entries.iter().all(|entry| entry.mirrors.len() == 3));
}

/// The shape of an object: paths of its fields, with `[]` for the items of a list.
fn shape(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Mapping(fields) => {
            for (key, value) in fields {
                shape(value, &format!("{path}.{}", key.as_str().unwrap()), found);
            }
        }
        Value::Sequence(items) => items.iter().for_each(|item| shape(item, &format!("{path}[]"), found)),
        _ => _ = found.insert(path.to_owned()),
    }
}

fn emitted(emitted: &Emitted, kind: &str) -> (Value, BTreeSet<String>) {
    let (_, bytes) =
        emitted.files.iter().find(|(path, _)| path.starts_with("cluster/") && path.contains(kind)).unwrap();
    let value: Value = serde_norway::from_slice(bytes).unwrap();
    let mut found = BTreeSet::new();
    shape(&value, "", &mut found);
    (value, found)
}

fn real(path: &Path) -> (Value, BTreeSet<String>) {
    let value: Value = serde_norway::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut found = BTreeSet::new();
    shape(&value, "", &mut found);
    (value, found)
}

#[test]
fn our_objects_have_the_fields_of_real_ones() {
    let Some(data) = shared_data() else { return };
    let cluster = data.join("cluster");
    let ours = World::later().emit();
    let label = ".metadata.labels.app.kubernetes.io/managed-by";

    let (real_set, real_shape) = real(&cluster.join("idms-gitops/images-mirror-set.yaml"));
    let (set, mut shape) = emitted(&ours, "imagedigestmirrorset");
    assert!(shape.remove(label));
    assert_eq!(shape, real_shape);
    assert_eq!((&set["apiVersion"], &set["kind"]), (&real_set["apiVersion"], &real_set["kind"]));

    let source = "must-gather-metal/namespaces/openshift-marketplace/operators.coreos.com/catalogsources/community-operators.yaml";
    let (real_source, real_shape) = real(&cluster.join(source));
    let (source, shape) = emitted(&ours, "catalogsource");
    let extra: Vec<_> = shape.difference(&real_shape).map(String::as_str).collect();
    // The real one is of OpenShift 4.9; security contexts came with 4.12.
    assert_eq!(extra, [label, ".spec.grpcPodConfig.securityContextConfig"]);
    for field in ["apiVersion", "kind"] {
        assert_eq!(source[field], real_source[field]);
    }
    assert_eq!(source["metadata"]["namespace"], real_source["metadata"]["namespace"]);
    assert_eq!(source["spec"]["sourceType"], real_source["spec"]["sourceType"]);
}
