//! Tests of reading dumps.

use std::fmt::Write;

use proptest::prelude::*;

use super::*;
use crate::finding::{Severity, has_errors};

const CSV_LIST: &str = r#"{"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": [
  {"apiVersion": "operators.coreos.com/v1alpha1", "kind": "ClusterServiceVersion",
   "metadata": {"name": "web-terminal.v1.8.0", "namespace": "openshift-operators",
     "labels": {"operators.coreos.com/web-terminal.openshift-operators": ""},
     "annotations": {"operatorframework.io/properties":
       "{\"properties\":[{\"type\":\"olm.package\",\"value\":{\"packageName\":\"web-terminal\",\"version\":\"1.8.0\"}},{\"type\":\"olm.maxOpenShiftVersion\",\"value\":\"4.20\"}]}"}},
   "spec": {"version": "1.8.0"}, "status": {"phase": "Succeeded"}},
  {"apiVersion": "operators.coreos.com/v1alpha1", "kind": "ClusterServiceVersion",
   "metadata": {"name": "web-terminal.v1.8.0", "namespace": "default", "labels": {"olm.copiedFrom": "openshift-operators"}},
   "spec": {"version": "1.8.0"}, "status": {"phase": "Succeeded"}},
  {"apiVersion": "operators.coreos.com/v1alpha1", "kind": "ClusterServiceVersion",
   "metadata": {"name": "web-terminal.v1.8.0", "namespace": "other"},
   "spec": {"version": "1.8.0"}, "status": {"phase": "Succeeded", "reason": "Copied"}},
  {"apiVersion": "operators.coreos.com/v1alpha1", "kind": "ClusterServiceVersion",
   "metadata": {"name": "old.v1", "namespace": "a", "labels": {"operators.coreos.com/old.a": ""}},
   "spec": {"version": "1.0.0"}, "status": {"phase": "Replacing"}},
  {"apiVersion": "operators.coreos.com/v1alpha1", "kind": "ClusterServiceVersion",
   "metadata": {"name": "old.v2", "namespace": "a", "labels": {"operators.coreos.com/old.a": ""}},
   "spec": {"version": "2.0.0"}, "status": {"phase": "Pending"}}
]}"#;

const SUBSCRIPTIONS: &str = r#"{"apiVersion": "v1", "kind": "List", "items": [
  {"apiVersion": "operators.coreos.com/v1alpha1", "kind": "Subscription",
   "metadata": {"name": "my-terminal", "namespace": "openshift-operators"},
   "spec": {"name": "web-terminal", "channel": "fast", "source": "redhat-operators",
     "sourceNamespace": "openshift-marketplace", "startingCSV": "web-terminal.v1.7.0", "installPlanApproval": "Manual"},
   "status": {"installedCSV": "web-terminal.v1.8.0", "currentCSV": "web-terminal.v1.9.0"}},
  {"apiVersion": "apps.open-cluster-management.io/v1", "kind": "Subscription",
   "metadata": {"name": "app", "namespace": "apps"}, "spec": {"channel": "ns/git"}}
]}"#;

const OTHERS: &str = "
apiVersion: config.openshift.io/v1
kind: ImageDigestMirrorSet
metadata: {name: idms-a, labels: {app.kubernetes.io/managed-by: ombundle}}
spec:
  imageDigestMirrors:
  - source: registry.redhat.io
    mirrors: [nexus.example:5000/olm-redhat]
    mirrorSourcePolicy: NeverContactSource
---
apiVersion: operators.coreos.com/v1alpha1
kind: CatalogSourceList
items:
- metadata: {name: cs-redhat, namespace: openshift-marketplace}
  spec: {sourceType: grpc, image: nexus.example:5000/olm-redhat/index:v1}
---
apiVersion: olm.operatorframework.io/v1
kind: ClusterCatalog
metadata: {name: cs-redhat}
spec: {source: {type: Image, image: {ref: nexus.example:5000/olm-redhat/index:v1}}}
---
apiVersion: config.openshift.io/v1
kind: ClusterVersionList
items:
- kind: ClusterVersion
  metadata: {name: version}
  status: {desired: {version: 4.20.3}}
";

fn read(text: &str) -> (ClusterDump, Vec<String>) {
    let (dump, findings) = ClusterDump::parse(text.as_bytes(), "dump.json");
    (dump, findings.into_iter().map(|finding| format!("{}: {}", finding.code, finding.message)).collect())
}

#[test]
fn dumps_add_up_to_what_is_installed() {
    let (mut dump, findings) = read(CSV_LIST);
    assert_eq!(
        findings,
        [
            "CSV_NOT_SUCCEEDED: its phase is Replacing, not Succeeded",
            "CSV_NOT_SUCCEEDED: its phase is Pending, not Succeeded"
        ]
    );
    let (subscriptions, findings) = read(SUBSCRIPTIONS);
    assert_eq!(
        findings,
        [
            "FOREIGN_SUBSCRIPTIONS: it holds subscriptions of the group apps.open-cluster-management.io, which are not OLM's"
        ]
    );
    dump.merge(subscriptions);
    let installed: Vec<_> = dump.installed().into_iter().collect();
    let operator = |name: &str, version: &str, package: &str, channel: Option<&str>, namespace: &str| {
        InstalledOperator {
            name: name.into(),
            version: Some(version.into()),
            package: Some(package.into()),
            channel: channel.map(str::to_owned),
            namespace: Some(namespace.into()),
        }
    };
    assert_eq!(
        installed,
        [
            operator("old.v2", "2.0.0", "old", None, "a"),
            operator("web-terminal.v1.8.0", "1.8.0", "web-terminal", Some("fast"), "openshift-operators"),
        ]
    );
    assert_eq!(
        dump.subscriptions_for("web-terminal").collect::<Vec<_>>(),
        [&ClusterSubscription {
            name: "my-terminal".into(),
            namespace: "openshift-operators".into(),
            package: "web-terminal".into(),
            channel: Some("fast".into()),
            source: "redhat-operators".into(),
            source_namespace: "openshift-marketplace".into(),
            starting_csv: Some("web-terminal.v1.7.0".into()),
            approval: Approval::Manual,
            installed_csv: Some("web-terminal.v1.8.0".into()),
            current_csv: Some("web-terminal.v1.9.0".into()),
        }]
    );
    let csv = dump.csvs.values().find(|csv| csv.name == "web-terminal.v1.8.0").unwrap();
    assert_eq!(csv.max_openshift_version.as_deref(), Some("4.20"));
}

#[test]
fn names_mirrors_and_the_version_are_read_from_yaml() {
    let (dump, findings) = read(OTHERS);
    assert_eq!(findings, Vec::<String>::new());
    assert!(dump.object("ImageDigestMirrorSet", None, "idms-a").unwrap().is_ours());
    let catalog = dump.object("CatalogSource", Some("openshift-marketplace"), "cs-redhat").unwrap();
    assert!(!catalog.is_ours());
    let image = Some("nexus.example:5000/olm-redhat/index:v1");
    assert_eq!(catalog.image.as_deref(), image);
    assert_eq!(dump.object("ClusterCatalog", None, "cs-redhat").unwrap().image.as_deref(), image);
    assert_eq!(
        dump.mirror_sets[&(MirrorKind::Digest, "idms-a".to_owned())].entries,
        [MirrorEntry {
            source: "registry.redhat.io".into(),
            mirrors: vec!["nexus.example:5000/olm-redhat".into()],
            never_contact_source: true,
        }]
    );
    assert_eq!(dump.openshift.as_deref(), Some("4.20.3"));
}

#[test]
fn objects_may_follow_each_other_in_one_file() {
    let (dump, findings) = read(&format!("\u{feff}{SUBSCRIPTIONS}\n{CSV_LIST}"));
    assert_eq!((dump.csvs.len(), dump.subscriptions.len(), findings.len()), (3, 1, 3));
}

#[test]
fn what_cannot_be_read_is_named_with_its_line() {
    for (text, line) in [
        ("{\"kind\": \"List\",\n \"items\": [{]}", Some(2)),
        ("No resources found\n{}", None),
        ("{\"kind\": \"List\"", Some(1)),
        ("a: b: c", Some(1)),
        ("\u{0}\u{1}", None),
    ] {
        let (dump, findings) = ClusterDump::parse(text.as_bytes(), "dump.json");
        assert_eq!(dump, ClusterDump::default(), "{text}");
        assert_eq!(findings.len(), 1, "{text}: {findings:?}");
        assert_eq!(
            (findings[0].code.as_str(), findings[0].severity),
            ("CLUSTER_DUMP_UNREADABLE", Severity::Error)
        );
        assert!(line.is_none() || findings[0].line == line, "{text}: {findings:?}");
    }
}

#[test]
fn aliases_do_not_multiply() {
    let mut bomb = String::from("a0: &a0 {name: x}\n");
    for level in 1..40 {
        let previous = level - 1;
        let four = format!("*a{previous}, ").repeat(4);
        writeln!(bomb, "a{level}: &a{level} [{four}]").unwrap();
    }
    bomb.push_str("kind: List\nitems: *a39\n");
    let (dump, findings) = ClusterDump::parse(bomb.as_bytes(), "bomb.yaml");
    assert!(has_errors(&findings), "{findings:?}");
    assert_eq!(dump, ClusterDump::default());
}

#[test]
fn names_that_no_cluster_would_take_are_left_out() {
    for name in ["", "-a", "a/../b", "A", "a b", "$(id)", "a\\nb", "--all"] {
        let text = format!(
            r#"{{"apiVersion": "operators.coreos.com/v1alpha1", "kind": "Subscription",
                "metadata": {{"name": "{name}", "namespace": "a"}}, "spec": {{"name": "p"}}}}"#
        );
        let (dump, findings) = ClusterDump::parse(text.as_bytes(), "dump.json");
        assert_eq!(dump, ClusterDump::default(), "{name}");
        assert_eq!(findings[0].code, "CLUSTER_OBJECT_INVALID");
    }
}

#[test]
fn empty_dumps_say_nothing() {
    for text in
        ["", "\n", "---\n", r#"{"kind": "List", "items": []}"#, r#"{"kind": "List", "items": null}"#, "null"]
    {
        assert_eq!(read(text), (ClusterDump::default(), Vec::new()), "{text:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_end_well(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        ClusterDump::parse(&bytes, "dump");
    }

    #[test]
    fn any_change_of_one_byte_ends_well(at in 0..CSV_LIST.len(), byte: u8) {
        let mut bytes = CSV_LIST.as_bytes().to_vec();
        bytes[at] = byte;
        ClusterDump::parse(&bytes, "dump");
    }
}
