//! Payloads by example.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::finding::{Finding, Severity};
use crate::limits::LIMITS;
use crate::release::Minor;

fn hex(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

fn ask() -> PayloadAsk {
    PayloadAsk {
        image: format!("quay.io/openshift-release-dev/ocp-release@{}", hex('f')).parse().unwrap(),
        version: Some("4.20.5".parse().unwrap()),
        without: BTreeSet::new(),
        kubevirt: false,
    }
}

fn tag(name: &str, image: &str) -> serde_json::Value {
    json!({"name": name, "annotations": {"a": "b"}, "from": {"kind": "DockerImage", "name": image}, "importPolicy": {}})
}

fn art(digit: char) -> String {
    format!("quay.io/openshift-release-dev/ocp-v4.0-art-dev@{}", hex(digit))
}

fn references(tags: &[serde_json::Value]) -> String {
    json!({"kind": "ImageStream", "apiVersion": "image.openshift.io/v1", "metadata": {"name": "4.20.5"}, "spec": {"tags": tags}})
        .to_string()
}

fn files(references: &str) -> BTreeMap<String, Arc<[u8]>> {
    let metadata = r#"{"kind": "cincinnati-metadata-v0", "version": "4.20.5", "previous": ["4.20.4"], "metadata": {"url": "https://x.example"}}"#;
    [("image-references", references), ("release-metadata", metadata)]
        .map(|(name, text)| (name.to_owned(), text.as_bytes().into()))
        .into()
}

fn good() -> BTreeMap<String, Arc<[u8]>> {
    files(&references(&[tag("b", &art('1')), tag("a", &art('2')), tag("c", &art('3'))]))
}

fn codes(findings: &[Finding]) -> Vec<(&str, &str)> {
    findings.iter().map(|found| (found.code.as_str(), found.subject.as_str())).collect()
}

#[test]
fn a_release_is_its_components() {
    let (payload, findings) = ReleasePayload::read(&good(), &ask(), &LIMITS).unwrap();
    assert_eq!(findings, []);
    assert_eq!(payload.version.as_str(), "4.20.5");
    assert_eq!(payload.metadata.previous[0].as_str(), "4.20.4");
    let named: Vec<_> =
        payload.components.iter().map(|one| (one.name.as_str(), one.image.to_string())).collect();
    assert_eq!(named, [("a", art('2')), ("b", art('1')), ("c", art('3'))]);
    assert_eq!(payload.images().len(), 3);
    assert!(payload.gates.is_empty() && payload.disks.is_empty() && payload.verification.is_none());
    let any = PayloadAsk { version: None, ..ask() };
    ReleasePayload::read(&good(), &any, &LIMITS).unwrap();
}

#[test]
fn what_is_not_that_release_is_an_error_that_says_why() {
    let without = |file: &str| {
        let mut files = good();
        files.remove(file);
        files
    };
    let with = |file: &str, text: &str| {
        let mut files = good();
        files.insert(file.to_owned(), text.as_bytes().into());
        files
    };
    let name = format!("quay.io/openshift-release-dev/ocp-release@{}", hex('f'));
    let other = r#"{"kind": "cincinnati-metadata-v0", "version": "4.20.4"}"#;
    let unnamed = references(&[tag("a", &art('1'))]).replace(r#""name":"4.20.5""#, r#""x":1"#);
    let mut older = with("release-metadata", other);
    older.insert("image-references".to_owned(), unnamed.as_bytes().into());
    for (files, expected) in [
        (
            without("image-references"),
            format!("{name} is no release image: it has no `release-manifests/image-references`"),
        ),
        (
            without("release-metadata"),
            format!("{name} is no release image: it has no `release-manifests/release-metadata`"),
        ),
        (older, format!("{name} is release 4.20.4, not 4.20.5")),
        (
            with("release-metadata", other),
            format!("{name} is release 4.20.5 by its image-references and 4.20.4 by its metadata"),
        ),
        (
            with("release-metadata", "{}"),
            format!("`release-manifests/release-metadata` of {name} cannot be used"),
        ),
        (
            with("image-references", r#"{"kind": "List"}"#),
            format!(
                "`release-manifests/image-references` of {name} cannot be used: its kind is `List`, not `ImageStream`"
            ),
        ),
        (
            with("image-references", &references(&[])),
            format!("`release-manifests/image-references` of {name} cannot be used: it names no component"),
        ),
        (
            with("image-references", "<html>"),
            format!(
                "`release-manifests/image-references` of {name} cannot be used: expected value at line 1 column 1"
            ),
        ),
    ] {
        assert_eq!(ReleasePayload::read(&files, &ask(), &LIMITS).unwrap_err().to_string(), expected);
    }
    let few = crate::limits::Limits { release_components: 2, ..LIMITS };
    let error = ReleasePayload::read(&good(), &ask(), &few).unwrap_err().to_string();
    assert!(error.ends_with("it names more than 2 components"), "{error}");
}

#[test]
fn components_that_are_not_pinned_or_come_from_elsewhere_are_findings() {
    let list = references(&[
        tag("a", &art('1')),
        tag("b", &art('2')),
        tag("tagged", "quay.io/openshift-release-dev/ocp-v4.0-art-dev:latest"),
        tag("short", "ubi9"),
        tag("foreign", &format!("quay.io/somebody/else@{}", hex('3'))),
        tag("neighbour", &format!("quay.io/openshift-release-dev/ocp-v5.0-art-dev@{}", hex('4'))),
        tag("a", &art('5')),
        json!({"name": "nothing"}),
        json!({"name": "stream", "from": {"kind": "ImageStreamTag", "name": "x:y"}}),
    ]);
    let (payload, findings) = ReleasePayload::read(&files(&list), &ask(), &LIMITS).unwrap();
    assert_eq!(
        codes(&findings),
        [
            ("COMPONENT_BY_TAG", "component tagged"),
            ("COMPONENT_INVALID", "component short"),
            ("COMPONENT_TWICE", "component a"),
            ("COMPONENT_INVALID", "component nothing"),
            ("COMPONENT_INVALID", "component stream"),
            ("COMPONENT_FOREIGN_REPOSITORY", "quay.io/somebody/else"),
        ]
    );
    assert!(findings.iter().take(5).all(|found| found.severity == Severity::Error));
    assert_eq!(findings[5].severity, Severity::Warning);
    assert_eq!(
        findings[5].message,
        "1 component comes from there and not from quay.io/openshift-release-dev/ocp-v4.0-art-dev: foreign"
    );
    assert_eq!(payload.components.len(), 4);
}

#[test]
fn components_are_left_out_by_name_and_never_silently() {
    let ask = PayloadAsk { without: ["b".to_owned(), "cc".to_owned()].into(), ..ask() };
    let (payload, findings) = ReleasePayload::read(&good(), &ask, &LIMITS).unwrap();
    assert_eq!(payload.components.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["a", "c"]);
    assert_eq!(
        codes(&findings),
        [("COMPONENT_LEFT_OUT", "component b"), ("COMPONENT_UNKNOWN", "component cc")]
    );
    assert_eq!(findings[1].hint, "did you mean c?");
}

#[test]
fn gates_disks_and_keys_are_read_where_they_are() {
    let mut files = good();
    let gates = "kind: ConfigMap\nmetadata: {name: admin-gates, namespace: openshift-config-managed}\ndata:\n  ack-4.20-kube-1.34-api-removals-in-4.21: |\n    Kubernetes 1.34 removes APIs.\n  ack-4.20-open: ''\n  other: x\n---\nkind: Other\n";
    files.insert("0000_00_gates.yaml".to_owned(), gates.as_bytes().into());
    let other = "kind: Secret\nmetadata: {name: admin-gates}\ndata: {ack-4.20-not-this: x}\n";
    files.insert("0000_10_other.yaml".to_owned(), other.as_bytes().into());
    let disk = format!("quay.io/openshift-release-dev/ocp-v4.0-art-dev@{}", hex('9'));
    let stream = json!({"stream": "rhcos-9.6", "architectures": {
        "x86_64": {"artifacts": {}, "images": {"kubevirt": {"release": "9.6", "image": "x", "digest-ref": disk}}},
        "s390x": {"images": {"kubevirt": {"digest-ref": "quay.io/a:latest"}}},
        "aarch64": {"images": {"aws": {}}},
    }});
    let boot = json!({"kind": "ConfigMap", "metadata": {"name": "coreos-bootimages"}, "data": {"stream": stream.to_string()}});
    files.insert("0000_50_installer_coreos-bootimages.yaml".to_owned(), boot.to_string().into_bytes().into());
    let keys = "kind: ConfigMap\nmetadata:\n  annotations: {release.openshift.io/verification-config-map: ''}\ndata: {store-a: 'https://x.example'}\n";
    files.insert("0000_90_cluster-update-keys_configmap.yaml".to_owned(), keys.as_bytes().into());
    let (payload, findings) =
        ReleasePayload::read(&files, &PayloadAsk { kubevirt: true, ..ask() }, &LIMITS).unwrap();
    assert_eq!(
        payload.gates,
        [AdminGate {
            key: "ack-4.20-kube-1.34-api-removals-in-4.21".to_owned(),
            text: "Kubernetes 1.34 removes APIs.".to_owned()
        }]
    );
    assert_eq!(payload.gates[0].minor(), Some(Minor { major: 4, minor: 20 }));
    assert_eq!(payload.disks, [("x86_64".to_owned(), disk.parse().unwrap())].into());
    assert_eq!(
        codes(&findings),
        [("KUBEVIRT_DISK_INVALID", "KubeVirt disk for s390x"), ("RELEASE_KEYS_UNREADABLE", "release 4.20.5")]
    );
    let (_, findings) =
        ReleasePayload::read(&good(), &PayloadAsk { kubevirt: true, ..ask() }, &LIMITS).unwrap();
    assert_eq!(codes(&findings), [("KUBEVIRT_DISK_MISSING", "release 4.20.5")]);
}

#[test]
fn architectures_are_joined_and_differences_told() {
    let read = |tags: &[serde_json::Value]| {
        ReleasePayload::read(&files(&references(tags)), &ask(), &LIMITS).unwrap().0
    };
    let one = || read(&[tag("a", &art('1')), tag("b", &art('2'))]);
    let (same, findings) = one().join([one(), one()]);
    assert_eq!((same.components.len(), findings), (2, vec![]));
    let (both, findings) = one().join([read(&[tag("a", &art('1')), tag("b", &art('3'))])]);
    assert_eq!(both.components.len(), 3);
    assert_eq!(findings[0].message, "its architectures name different images for b; all of them are taken");
}
