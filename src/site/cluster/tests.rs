//! Tests of reading dumps.

use std::fmt::Write;

use proptest::prelude::*;

use super::*;
use crate::finding::Severity;

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
    let mut bomb = String::from("a0: &a0 {kind: Widget, metadata: {name: x}}\n");
    for level in 1..40 {
        let previous = level - 1;
        let four = format!("*a{previous}, ").repeat(4);
        writeln!(bomb, "a{level}: &a{level} [{four}]").unwrap();
    }
    let (dump, findings) = read(&format!("{bomb}kind: List\nitems: *a39\n"));
    assert_eq!(dump, ClusterDump::default());
    assert_eq!(
        findings,
        ["CLUSTER_DUMP_UNREADABLE: it has more than 200000 values once aliases are expanded"]
    );
}

#[test]
fn lists_in_lists_do_not_nest() {
    for depth in [2, 60, 10_000] {
        let list = r#"{"kind": "List", "items": ["#;
        let text = format!("{}{}", list.repeat(depth), "]}".repeat(depth));
        assert_eq!(read(&text), (ClusterDump::default(), Vec::new()), "{depth}");
    }
}

#[test]
fn names_that_no_cluster_would_take_are_left_out() {
    for name in ["", "-a", "a/../b", "A", "a b", "$(id)", "a\\nb", "--all"] {
        let text = format!(
            r#"{{"apiVersion": "operators.coreos.com/v1alpha1", "kind": "Subscription",
                "metadata": {{"name": "{name}", "namespace": "a"}}, "spec": {{"name": "p"}}}}"#
        );
        let (mut dump, findings) = ClusterDump::parse(text.as_bytes(), "dump.json");
        dump.kinds.clear();
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

const HEX: [&str; 4] = ["11", "22", "33", "44"];

/// `registry.example/<name>@sha256:…`, the digest made of the `n`th pair of digits.
fn pinned(name: &str, n: usize) -> String {
    format!("registry.example/{name}@sha256:{}", HEX[n].repeat(32))
}

/// What uses each image, as text.
fn used(dump: &ClusterDump) -> Vec<(String, Vec<String>)> {
    let text = |(image, users): (&ImageRef, &BTreeSet<ObjectKey>)| {
        (image.to_string(), users.iter().map(ToString::to_string).collect())
    };
    dump.images.iter().map(text).collect()
}

#[test]
fn a_csv_that_is_copied_everywhere_counts_once() {
    let related = pinned("operator", 0);
    let csv = |namespace: &str, labels: &str| {
        format!(
            r#"{{"kind": "ClusterServiceVersion", "metadata": {{"name": "a.v1", "namespace": "{namespace}", "labels": {{{labels}}}}},
                "spec": {{"version": "1.0.0", "relatedImages": [{{"name": "a", "image": "{related}"}}]}}, "status": {{"phase": "Succeeded"}}}}"#
        )
    };
    let copies = (0..262).map(|n| csv(&format!("ns-{n}"), r#""olm.copiedFrom": "home""#));
    let items: Vec<_> = copies.chain([csv("home", "")]).collect();
    let text = format!(r#"{{"kind": "List", "items": [{}]}}"#, items.join(","));
    let (dump, findings) = read(&text);
    assert_eq!(findings, Vec::<String>::new());
    assert_eq!(dump.csvs.keys().collect::<Vec<_>>(), [&("home".to_owned(), "a.v1".to_owned())]);
    assert_eq!(dump.copied_csvs.len(), 262);
    assert_eq!(used(&dump), [(related, vec!["ClusterServiceVersion home/a.v1".to_owned()])]);
}

#[test]
fn images_are_found_wherever_an_object_names_them() {
    let [a, b, c, d] = [pinned("a", 0), pinned("b", 1), pinned("c", 2), pinned("d", 3)];
    let text = format!(
        r#"
kind: ClusterServiceVersion
metadata: {{name: op.v1, namespace: ns, annotations: {{containerImage: "{b}"}}}}
spec:
  relatedImages: [{{image: "{a}"}}, {{name: without}}]
  install:
    spec:
      deployments:
      - spec:
          template:
            spec:
              initContainers: [{{image: "{c}"}}]
              containers: [{{image: "registry.example/op:v1", env: [{{name: RELATED_IMAGE_D, value: "{d}"}}, {{name: LIST, value: "x={d},y={d}"}}, {{name: WORD, value: registry.example/word}}]}}]
---
kind: CronJob
metadata: {{name: nightly, namespace: ns}}
spec:
  jobTemplate: {{spec: {{template: {{spec: {{containers: [{{image: "{a}"}}], volumes: [{{image: {{reference: "{b}"}}}}]}}}}}}}}
---
kind: Deployment
metadata: {{name: idle, namespace: ns}}
spec: {{replicas: 0, template: {{spec: {{containers: [{{image: nginx}}, {{image: ""}}]}}}}}}
---
kind: ClusterCatalog
metadata: {{name: cs}}
spec: {{source: {{type: Image, image: {{ref: "registry.example/index:v1"}}}}}}
status: {{resolvedSource: {{type: Image, image: {{ref: "{c}"}}}}}}
---
kind: UpdateService
metadata: {{name: osus, namespace: up}}
spec: {{graphDataImage: "{d}"}}
"#
    );
    let (dump, findings) = read(&text);
    assert_eq!(findings, Vec::<String>::new());
    let (csv, cron, catalog, service) = (
        "ClusterServiceVersion ns/op.v1",
        "CronJob ns/nightly",
        "ClusterCatalog cs",
        "UpdateService up/osus",
    );
    let expected = [
        (a.as_str(), vec![csv, cron]),
        (b.as_str(), vec![csv, cron]),
        (c.as_str(), vec![catalog, csv]),
        (d.as_str(), vec![csv, service]),
        ("registry.example/index:v1", vec![catalog]),
        ("registry.example/op:v1", vec![csv]),
    ];
    let expected =
        expected.map(|(image, users)| (image.to_owned(), users.into_iter().map(str::to_owned).collect()));
    assert_eq!(used(&dump), expected);
    let unnamed: Vec<_> = dump.unnamed_images.keys().collect();
    assert_eq!(unnamed, ["nginx"]);
    assert_eq!(
        dump.unnamed_images["nginx"].iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["Deployment ns/idle"]
    );
    let kinds: Vec<_> = dump.kinds.iter().map(String::as_str).collect();
    assert_eq!(kinds, ["ClusterCatalog", "ClusterServiceVersion", "CronJob", "Deployment", "UpdateService"]);
}

#[test]
fn a_pod_uses_what_it_asks_for_and_what_it_was_started_from_until_it_is_over() {
    let [a, b, c, _] = [0, 1, 2, 3].map(|n| pinned("run", n));
    let pod = |name: &str, phase: &str| {
        format!(
            r#"{{"kind": "Pod", "metadata": {{"name": "{name}", "namespace": "ns"}},
                "spec": {{"containers": [{{"image": "registry.example/run:v1"}}], "ephemeralContainers": [{{"image": "{a}"}}]}},
                "status": {{"phase": "{phase}", "containerStatuses": [
                    {{"image": "registry.example/run:v1", "imageID": "{b}"}},
                    {{"imageID": "docker-pullable://{c}"}},
                    {{"imageID": "sha256:{}"}}, {{"imageID": ""}}]}}}}"#,
            HEX[3].repeat(32)
        )
    };
    let expected =
        [&a, &b, &c, "registry.example/run:v1"].map(|image| (image.to_owned(), vec!["Pod ns/p".to_owned()]));
    let (dump, _) = read(&pod("p", "Running"));
    assert_eq!(used(&dump), expected);
    assert!(dump.unnamed_images.is_empty());
    for phase in ["Succeeded", "Failed"] {
        assert_eq!(used(&read(&pod("p", phase)).0), [], "{phase}");
    }
}

#[test]
fn an_install_plan_uses_its_bundles_until_it_is_complete() {
    let plan = |phase: &str| {
        format!(
            "{{kind: InstallPlan, metadata: {{name: install-abcde, namespace: ns}}, spec: {{approval: Manual, approved: false, \
             clusterServiceVersionNames: [a.v2, b.v1]}}, status: {{phase: {phase}, bundleLookups: [{{path: registry.example/bundle:v2}}]}}}}"
        )
    };
    // In flow style a file of YAML begins like JSON.
    let (dump, _) = read(&format!("---\n{}", plan("RequiresApproval")));
    assert_eq!(
        dump.install_plans.values().collect::<Vec<_>>(),
        [&ClusterInstallPlan {
            name: "install-abcde".into(),
            namespace: "ns".into(),
            csvs: vec!["a.v2".into(), "b.v1".into()],
            approval: Approval::Manual,
            approved: false,
            phase: Some("RequiresApproval".into()),
        }]
    );
    assert_eq!(
        used(&dump),
        [("registry.example/bundle:v2".to_owned(), vec!["InstallPlan ns/install-abcde".to_owned()])]
    );
    assert_eq!(used(&read(&format!("---\n{}", plan("Complete"))).0), []);
}

#[test]
fn a_cluster_version_names_the_releases() {
    let [desired, asked, before, _] = [0, 1, 2, 3].map(|n| pinned("release", n));
    let text = format!(
        r#"{{"kind": "ClusterVersionList", "items": [{{"kind": "ClusterVersion", "metadata": {{"name": "version"}},
            "spec": {{"desiredUpdate": {{"version": "4.20.5", "image": "{asked}"}}}},
            "status": {{"desired": {{"version": "4.20.3", "image": "{desired}"}}, "history": [
                {{"state": "Partial", "version": "4.20.3", "image": "{desired}"}},
                {{"state": "Completed", "version": "4.19.9", "image": "{before}"}}, {{"state": "Completed"}}]}}}}]}}"#
    );
    let (dump, _) = read(&text);
    assert_eq!(dump.openshift.as_deref(), Some("4.20.3"));
    let user = vec!["ClusterVersion version".to_owned()];
    assert_eq!(used(&dump), [(desired.clone(), user.clone()), (asked, user)]);
    let release = |version: &str, image: &str, completed| ClusterRelease {
        version: version.into(),
        image: image.parse().unwrap(),
        completed,
    };
    assert_eq!(dump.releases, [release("4.20.3", &desired, false), release("4.19.9", &before, true)]);
}

#[test]
fn uses_add_up_over_dumps() {
    let pod = |name: &str| {
        format!(
            "kind: Pod\nmetadata: {{name: {name}, namespace: ns}}\nspec: {{containers: [{{image: registry.example/a:v1}}]}}\n"
        )
    };
    let (mut dump, _) = read(&pod("one"));
    dump.merge(read(&pod("two")).0);
    assert_eq!(
        used(&dump),
        [("registry.example/a:v1".to_owned(), vec!["Pod ns/one".to_owned(), "Pod ns/two".to_owned()])]
    );
}

#[test]
fn kinds_that_use_a_word_for_something_else_stop_nothing() {
    for field in [
        "spec",
        "status",
        "metadata",
        "items",
        "spec: containers",
        "spec: template",
        "spec: install",
        "spec: volumes",
        "spec: relatedImages",
        "status: history",
        "status: desired",
        "metadata: labels",
        "metadata: annotations",
    ] {
        for value in ["text", "[1, {a: b}, [c]]", "{a: {b: [c]}}", "7", "1.5", "-3", "true", "null"] {
            let object = match field.split_once(": ") {
                Some((outer, inner)) => format!("{outer}: {{{inner}: {value}}}"),
                None => format!("{field}: {value}"),
            };
            let text = format!(
                "kind: Widget\n{object}\n---\nkind: Pod\nmetadata: {{name: p, namespace: ns}}\nspec: {{containers: [{{image: registry.example/a:v1}}]}}\n"
            );
            let (dump, findings) = read(&text);
            assert_eq!(findings, Vec::<String>::new(), "{text}");
            assert_eq!(dump.images.len(), 1, "{text}");
        }
    }
}
