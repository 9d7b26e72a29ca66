//! Tables over small bundles: what becomes of each part, and what is wrong with bad ones.

use serde_json::{Value, json};

use super::*;
use crate::finding::{Finding, Severity};
use crate::limits::{LIMITS, Limits};

const CSV: &str = "\
apiVersion: operators.coreos.com/v1alpha1
kind: ClusterServiceVersion
metadata: {name: p.v1.2.0, labels: {a: b}, annotations: {capabilities: Basic Install}}
spec:
  version: 1.2.0
  displayName: P & <Q>
  customresourcedefinitions:
    owned: [{name: things.p.example, kind: Thing, version: v1, specDescriptors: [{path: a, value: {b: <1}}]}]
    required: [{name: needs.q.example, kind: Need, version: v1}]
  apiservicedefinitions:
    owned: [{group: api.example, kind: Served, version: v1beta1, containerPort: 443}]
    required: [{group: api.example, kind: Wanted, version: v2}]
  installModes: [{type: AllNamespaces, supported: true}]
  provider: {name: Example}
  relatedImages: [{name: z, image: r.example/z}, {name: a, image: r.example/a}]
  install:
    strategy: deployment
    spec: {deployments: [{name: d, spec: {template: {spec: {
      containers: [{image: r.example/c}, {image: r.example/a}], initContainers: [{image: r.example/b}]}}}}]}
";
const CRD: &str = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
spec: {group: p.example, names: {kind: Thing, plural: things}, versions: [{name: v1}, {name: v2, served: false}]}
";
const OLD_CRD: &str = "\
apiVersion: apiextensions.k8s.io/v1beta1
kind: CustomResourceDefinition
spec: {group: p.example, names: {kind: Old, plural: olds}, version: v1alpha1}
";
const ANNOTATIONS: &str = "annotations: {operators.operatorframework.io.bundle.package.v1: p}\n";

fn files(manifests: &[(&str, &str)], metadata: &[(&str, &str)]) -> BundleFiles {
    let folder = |path: &str, files: &[(&str, &str)]| Folder {
        path: path.to_owned(),
        files: files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().into())).collect(),
    };
    BundleFiles { manifests: folder("manifests", manifests), metadata: folder("metadata", metadata) }
}

const GOOD: [(&str, &str); 3] = [("csv.yaml", CSV), ("crd.yaml", CRD), ("old.yaml", OLD_CRD)];

fn rendered(files: &BundleFiles, form: Form) -> Value {
    let (bundle, findings) = RegistryBundle::read(files, &LIMITS);
    assert_eq!(findings, []);
    serde_json::from_str(&bundle.unwrap().blob("r.example/bundle:1", form)).unwrap()
}

#[test]
fn every_part_of_a_bundle_has_its_place() {
    let dependencies = "dependencies:\n- {type: olm.package, value: {packageName: q, version: '>=1'}}\n\
                        - {type: olm.gvk, value: {group: g, kind: K, version: v1}}\n- {type: olm.constraint, value: {all: 1}}\n";
    let properties = "properties:\n- {type: olm.maxOpenShiftVersion, value: '4.19'}\n- {type: z, value: 1}\n- {type: z, value: 1}\n";
    let metadata = [("a.yaml", ANNOTATIONS), ("d.yaml", dependencies), ("p.yaml", properties)];
    let blob = rendered(&files(&GOOD, &metadata), Form::Metadata);
    let kinds: Vec<(&str, &Value)> = blob["properties"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["type"].as_str().unwrap(), &it["value"]))
        .collect();
    let gvk =
        |group: &str, kind: &str, version: &str| json!({"group": group, "kind": kind, "version": version});
    let expected = [
        ("olm.constraint", json!({"all": 1})),
        ("olm.gvk", gvk("api.example", "Served", "v1beta1")),
        ("olm.gvk", gvk("p.example", "Old", "v1alpha1")),
        ("olm.gvk", gvk("p.example", "Thing", "v1")),
        ("olm.gvk", gvk("p.example", "Thing", "v2")),
        ("olm.gvk.required", gvk("api.example", "Wanted", "v2")),
        ("olm.gvk.required", gvk("g", "K", "v1")),
        ("olm.gvk.required", gvk("q.example", "Need", "v1")),
        ("olm.maxOpenShiftVersion", json!("4.19")),
        ("olm.package", json!({"packageName": "p", "version": "1.2.0"})),
        ("olm.package.required", json!({"packageName": "q", "versionRange": ">=1"})),
        ("z", json!(1)),
    ];
    for ((kind, value), (expected_kind, expected)) in kinds.iter().zip(&expected) {
        assert_eq!((*kind, *value), (*expected_kind, expected));
    }
    assert_eq!(kinds.len(), expected.len() + 1);
    assert_eq!(kinds.last().unwrap().0, "olm.csv.metadata");
    assert_eq!(
        kinds.last().unwrap().1,
        &json!({
            "annotations": {"capabilities": "Basic Install"},
            "apiServiceDefinitions": {
                "owned": [{"name": "", "group": "api.example", "version": "v1beta1", "kind": "Served", "containerPort": 443}],
                "required": [{"name": "", "group": "api.example", "version": "v2", "kind": "Wanted"}],
            },
            "crdDescriptions": {
                "owned": [{"name": "things.p.example", "version": "v1", "kind": "Thing",
                           "specDescriptors": [{"path": "a", "value": {"b": "<1"}}]}],
                "required": [{"name": "needs.q.example", "version": "v1", "kind": "Need"}],
            },
            "displayName": "P & <Q>",
            "installModes": [{"type": "AllNamespaces", "supported": true}],
            "labels": {"a": "b"},
            "provider": {"name": "Example"},
        })
    );
    let images: Vec<(&str, &str)> = blob["relatedImages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["name"].as_str().unwrap(), it["image"].as_str().unwrap()))
        .collect();
    assert_eq!(
        images,
        [
            ("a", "r.example/a"),
            ("", "r.example/b"),
            ("", "r.example/bundle:1"),
            ("", "r.example/c"),
            ("z", "r.example/z")
        ]
    );
    assert_eq!((&blob["name"], &blob["package"]), (&json!("p.v1.2.0"), &json!("p")));
}

#[test]
fn manifests_are_kept_whole_and_migrate_later() {
    use base64::Engine as _;
    let bundle = files(&GOOD, &[("annotations.yaml", ANNOTATIONS)]);
    let blob = rendered(&bundle, Form::Objects);
    let objects: Vec<String> = blob["properties"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["type"] == "olm.bundle.object")
        .map(|it| {
            base64::engine::general_purpose::STANDARD.decode(it["value"]["data"].as_str().unwrap()).unwrap()
        })
        .map(|bytes| String::from_utf8(bytes).unwrap())
        .collect();
    assert_eq!(objects.len(), 3);
    assert!(objects.iter().any(|it| it.contains(r#""displayName":"P \u0026 \u003cQ\u003e""#)), "{objects:?}");

    let later = migrated(&blob.to_string()).unwrap().unwrap();
    let now = rendered(&bundle, Form::Metadata);
    assert_eq!(serde_json::from_str::<Value>(&later).unwrap(), now);
    assert_eq!(migrated(&later).unwrap(), None, "there is nothing left to do");
    let mut nowhere = blob;
    nowhere["image"] = json!("");
    assert_eq!(migrated(&nowhere.to_string()).unwrap(), None, "nobody could fetch the manifests");
    let (bundle, _) = RegistryBundle::read(&bundle, &LIMITS);
    assert!(bundle.unwrap().blob("", Form::Metadata).contains("olm.bundle.object"));
}

/// The CSV's own annotation goes before the annotations, and those before `properties.yaml`.
#[test]
fn the_last_identity_counts() {
    let properties = r#"properties: [{type: olm.package, value: {packageName: p, version: "0.1.0"}}]"#;
    let metadata = [("annotations.yaml", ANNOTATIONS), ("properties.yaml", properties)];
    let version = |csv: &str| {
        let blob = rendered(&files(&[("csv.yaml", csv), ("crd.yaml", CRD)], &metadata), Form::Metadata);
        let all = blob["properties"].as_array().unwrap();
        let identities: Vec<&Value> = all.iter().filter(|it| it["type"] == "olm.package").collect();
        assert_eq!(identities.len(), 1);
        identities[0]["value"]["version"].as_str().unwrap().to_owned()
    };
    assert_eq!(version(CSV), "1.2.0");
    let own =
        r#"{olm.properties: '[{"type": "olm.package", "value": {"packageName": "p", "version": "3.0.0"}}]'}"#;
    assert_eq!(version(&CSV.replace("{capabilities: Basic Install}", own)), "3.0.0");
}

fn findings(files: &BundleFiles) -> Vec<Finding> {
    let (bundle, findings) = RegistryBundle::read(files, &LIMITS);
    assert_eq!(bundle.is_none(), crate::finding::has_errors(&findings), "{findings:?}");
    for finding in &findings {
        assert!(finding.file.is_some() && !finding.hint.is_empty(), "{finding:?}");
    }
    findings
}

/// What a bundle of these files is told: one finding, with its code, weight, file and line.
fn told(
    manifests: &[(&str, &str)],
    metadata: &[(&str, &str)],
    expected: (&str, Severity, &str, Option<u64>),
) {
    let found = findings(&files(manifests, metadata));
    let told: Vec<_> = found
        .iter()
        .map(|it| (it.code.as_str(), it.severity, it.file.as_deref().unwrap(), it.line))
        .collect();
    assert_eq!(told, [expected], "{found:?}");
}

const ANNOTATED: [(&str, &str); 1] = [("annotations.yaml", ANNOTATIONS)];

#[test]
fn what_is_wrong_with_a_csv_is_said() {
    let field = |text: &str| CSV.replace("provider: {name: Example}", text);
    let annotated = |text: &str| CSV.replace("{capabilities: Basic Install}", text);
    for csv in [
        CSV.replace("name: p.v1.2.0", "name: ''"),
        CSV.replace("needs.q.example", "needs"),
        field("provider: 5"),
        field("description: [1]"),
        field("keywords: [1]"),
        CSV.replace("[{type: AllNamespaces, supported: true}]", "[{supported: 1}]"),
        annotated("{a: 5}"),
    ] {
        let manifests = [("a.yaml", csv.as_str()), ("crd.yaml", CRD)];
        told(&manifests, &ANNOTATED, ("CSV", Severity::Error, "manifests/a.yaml", None));
    }
    let bare = "kind: ClusterServiceVersion\nmetadata: {name: p.v1.2.0}\n";
    let found = findings(&files(&[("a.yaml", bare)], &ANNOTATED));
    assert!(found.iter().any(|it| it.message == "it has no `spec`"), "{found:?}");
    told(&[("a.yaml", CSV)], &ANNOTATED, ("CRD_MISSING", Severity::Error, "manifests/a.yaml", None));
    let no_json = annotated("{olm.properties: '[{'}");
    let manifests = [("a.yaml", no_json.as_str()), ("crd.yaml", CRD)];
    told(&manifests, &ANNOTATED, ("BAD_PROPERTY", Severity::Warning, "manifests/a.yaml", None));
    let other = r#"{olm.properties: '[{"type": "olm.package", "value": {"packageName": "other", "version": "1.0.0"}}]'}"#;
    let other = annotated(other);
    let manifests = [("a.yaml", other.as_str()), ("crd.yaml", CRD)];
    told(&manifests, &ANNOTATED, ("OTHER_PACKAGE", Severity::Error, "metadata/annotations.yaml", None));
}

#[test]
fn what_is_wrong_with_manifests_is_said() {
    let twice = CSV.replace("p.v1.2.0", "p.v1.3.0");
    told(&[("crd.yaml", CRD)], &ANNOTATED, ("NO_CSV", Severity::Error, "manifests", None));
    told(&[], &ANNOTATED, ("NO_CSV", Severity::Error, "manifests", None));
    for (name, text, code, line) in [
        ("b.yaml", twice.as_str(), "TWO_CSVS", None),
        ("x.yaml", "a: 1\nb: [\nc: 2\n", "MANIFEST", Some(3)),
        ("x.json", "{\"a\": 1,\n \"b\" 2}", "MANIFEST", Some(2)),
        ("README.md", "Read me", "MANIFEST", None),
    ] {
        let manifests = [("a.yaml", CSV), ("crd.yaml", CRD), (name, text)];
        told(&manifests, &ANNOTATED, (code, Severity::Warning, &format!("manifests/{name}"), line));
    }
}

#[test]
fn what_is_wrong_with_metadata_is_said() {
    let package = "operators.operatorframework.io.bundle.package.v1";
    let nameless =
        format!("annotations: {{{package}: '', operators.operatorframework.io.bundle.channels.v1: c}}");
    let media = "annotations: {operators.operatorframework.io.bundle.mediatype.v1: plain+v0, ";
    let plain = ANNOTATIONS.replace("annotations: {", media);
    let number =
        format!("annotations: {{{package}: p, operators.operatorframework.io.bundle.channels.v1: 5}}");
    let manifests = [("a.yaml", CSV), ("crd.yaml", CRD)];
    told(&manifests, &[], ("NO_ANNOTATIONS", Severity::Error, "metadata", None));
    for (text, code, file) in [
        ("annotations: {a: b}", "NO_ANNOTATIONS", "metadata"),
        (number.as_str(), "NO_ANNOTATIONS", "metadata"),
        (nameless.as_str(), "NO_ANNOTATIONS", "metadata/x.yaml"),
        (plain.as_str(), "MEDIA_TYPE", "metadata/x.yaml"),
    ] {
        told(&manifests, &[("x.yaml", text)], (code, Severity::Error, file, None));
    }
    let told_of = |text: &str, expected| told(&manifests, &[ANNOTATED[0], ("d.yaml", text)], expected);
    told_of("dependencies: [1]", ("METADATA", Severity::Error, "metadata/d.yaml", None));
    told_of("a: 1\nb: [}\n", ("METADATA", Severity::Warning, "metadata/d.yaml", Some(2)));
    let wrong = "dependencies: [{type: olm.gvk, value: 5}]";
    told_of(wrong, ("BAD_PROPERTY", Severity::Error, "manifests/a.yaml", None));
}

/// Aliases that grow without end, and files that are too large, are passed over; memory stays bounded.
#[test]
fn bombs_end_at_their_ceilings() {
    let mut bomb = "kind: ConfigMap\na0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..12 {
        let below = format!("*a{}", level - 1);
        bomb += &format!("a{level}: &a{level} [{}]\n", [below.as_str(); 10].join(","));
    }
    let manifests = [("a.yaml", CSV), ("bomb.yaml", bomb.as_str()), ("crd.yaml", CRD)];
    let found = findings(&files(&manifests, &[("annotations.yaml", ANNOTATIONS)]));
    assert_eq!(found.len(), 1);
    assert!(found[0].message.contains("aliases"), "{found:?}");
    let small = Limits { yaml_bytes: 50, ..LIMITS };
    let (bundle, found) = RegistryBundle::read(&files(&GOOD, &[("annotations.yaml", ANNOTATIONS)]), &small);
    assert!(bundle.is_none());
    assert!(
        found
            .iter()
            .all(|it| matches!(it.code.as_str(), "MANIFEST" | "METADATA" | "NO_CSV" | "NO_ANNOTATIONS")),
        "{found:?}"
    );
}

#[test]
fn only_visible_files_of_the_folder_itself_count() {
    let broken = "kind: [";
    let manifests = [GOOD[0], GOOD[1], GOOD[2], (".hidden.yaml", broken), ("tests/scorecard.yaml", broken)];
    assert_eq!(findings(&files(&manifests, &[("annotations.yaml", ANNOTATIONS), ("x/y.yaml", broken)])), []);
}
