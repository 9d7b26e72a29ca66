//! OpenShift and an operator through two minor releases: who moves when, and what the runbook asks for around it.

use ombundle::emit::{DrainReason, Emitted, NodeEffect, Releases, preflight};
use ombundle::plan::order::{OrderedStep, Why};
use ombundle::reference::ImageRef;
use ombundle::release::{AdminGate, EusStep, HopRisk, ReleaseChange, ReleaseHop, ReleasePath};

use super::expected::compare;
use super::world::{CLUSTER, World, cluster};

fn hop(world: &World, from: &str, to: &str, eus: EusStep) -> ReleaseHop {
    ReleaseHop {
        version: to.to_owned(),
        payload: Some(world.releases[0].image.to_string()),
        from: from.to_owned(),
        change: ReleaseChange::Minor,
        eus: Some(eus),
        kubernetes: (eus == EusStep::Reached).then(|| "1.33".to_owned()),
        risks: vec![],
        reason: format!("recommended from {from} without a condition"),
        url: None,
    }
}

fn operator(from: &str, to: &str, why: Why) -> OrderedStep {
    let catalog: ImageRef = "registry.redhat.io/redhat/redhat-operator-index:v4.20".parse().unwrap();
    let name = |version: &str| format!("web-terminal.v{version}");
    OrderedStep::Operator { catalog, package: "web-terminal".to_owned(), from: name(from), to: name(to), why }
}

fn openshift(from: &str, to: &str) -> OrderedStep {
    OrderedStep::OpenShift { from: from.to_owned(), to: to.to_owned() }
}

/// 4.18 to 4.20, with web-terminal moving before, between and after.
fn eus() -> World {
    let mut world = World::release();
    let limited = CLUSTER.replace("4.20.3", "4.18.20").replace(
        "metadata: {name: web-terminal.v1.8.0, namespace: openshift-operators}",
        r#"metadata:
  name: web-terminal.v1.8.0
  namespace: openshift-operators
  annotations:
    operatorframework.io/properties: '{"properties":[{"type":"olm.package","value":{"packageName":"web-terminal","version":"1.8.0"}},{"type":"olm.maxOpenShiftVersion","value":"4.18"}]}'"#,
    );
    world.cluster = Some(cluster(&limited));
    let mut through = world.releases[0].clone();
    through.version = "4.19.9".parse().unwrap();
    through.gates = vec![AdminGate {
        key: "ack-4.19-api-removals-in-4.20".to_owned(),
        text: "Read KB 7000000 on removed APIs.".to_owned(),
    }];
    let image = world.releases[0].image.repository.clone();
    through.image = image.pin(ombundle::digest::Digest::of(b"another release image"));
    let mut hops = vec![
        hop(&world, "4.18.20", "4.19.9", EusStep::Through),
        hop(&world, "4.19.9", "4.20.5", EusStep::Reached),
    ];
    hops[0].payload = Some(through.image.to_string());
    hops[1].risks = vec![HopRisk {
        name: "SlowBoot".to_owned(),
        url: "https://issues.example/1".to_owned(),
        message: "Nodes with old disks boot slowly.".to_owned(),
        matching_rules: vec![],
        accepted: true,
    }];
    world.releases.insert(0, through);
    world.path = Some(ReleasePath {
        channel: Some("eus-4.20".to_owned()),
        architecture: "amd64".to_owned(),
        from: "4.18.20".to_owned(),
        to: "4.20.5".to_owned(),
        hops,
    });
    world.order = vec![
        operator("1.8.0", "1.9.0", Why::Frees { openshift: "4.19".to_owned() }),
        openshift("4.18.20", "4.19.9"),
        operator("1.9.0", "1.14.0", Why::Frees { openshift: "4.20".to_owned() }),
        openshift("4.19.9", "4.20.5"),
        operator("1.14.0", "1.15.0", Why::NeedsKubernetes { kubernetes: "1.33.0".to_owned() }),
    ];
    world
}

fn text(emitted: &Emitted, path: &str) -> String {
    String::from_utf8(emitted.files[path].clone()).unwrap()
}

/// The chapters, without their numbers.
fn chapters(runbook: &str) -> Vec<&str> {
    let headings = runbook.lines().filter_map(|line| line.strip_prefix("## "));
    headings.map(|heading| heading.split_once(". ").unwrap().1).collect()
}

/// One chapter.
fn chapter<'r>(runbook: &'r str, heading: &str) -> &'r str {
    let (_, rest) = runbook.split_once(&format!(". {heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
    rest.split("\n## ").next().unwrap()
}

#[test]
fn both_move_in_the_order_of_the_plan() {
    let world = eus();
    compare("openshift", &world);
    let runbook = text(&world.emit(), "RUNBOOK.md");
    assert_eq!(
        chapters(&runbook),
        [
            "What changes",
            "Before you begin",
            "Mirror configuration",
            "Signatures of OpenShift releases, and the update service",
            "Hold what would start by itself",
            "Catalogs",
            "Operators, before OpenShift 4.19.9",
            "OpenShift 4.18.20 → 4.19.9",
            "Operators, before OpenShift 4.20.5",
            "OpenShift 4.19.9 → 4.20.5",
            "Operators, after OpenShift 4.20.5",
            "After the upgrade",
            "The way back",
            "Records",
        ]
    );
    let before = chapter(&runbook, "Operators, before OpenShift 4.19.9");
    assert!(before.contains("Hop 1 of 3") && !before.contains("Hop 2 of 3"));
    // Automatic approval is given back when all is done, and not before.
    assert!(!before.contains("web-terminal.release.json"));
    let between = chapter(&runbook, "Operators, before OpenShift 4.20.5");
    assert!(between.contains("Hop 2 of 3") && !between.contains("switch"), "the channel stays");
    let after = chapter(&runbook, "Operators, after OpenShift 4.20.5");
    assert!(after.contains("Hop 3 of 3") && after.contains("web-terminal.release.json"));
}

#[test]
fn an_update_has_its_checks_before_and_after() {
    let runbook = text(&eus().emit(), "RUNBOOK.md");
    let first = chapter(&runbook, "OpenShift 4.18.20 → 4.19.9");
    let second = chapter(&runbook, "OpenShift 4.19.9 → 4.20.5");
    let begin = chapter(&runbook, "Before you begin");
    assert!(begin.contains("cluster-backup.sh") && begin.contains(".spec.overrides"));
    for (chapter, version, digest) in [
        (first, "4.19.9", ombundle::digest::Digest::of(b"another release image")),
        (second, "4.20.5", ombundle::digest::Digest::of(b"a release image")),
    ] {
        assert!(chapter.contains(&format!(
            "oc adm upgrade --allow-explicit-upgrade --to-image=quay.io/openshift-release-dev/ocp-release@{digest}\n"
        )));
        assert!(chapter.contains(&format!("'={version} --timeout=15m")), "{version}");
    }
    assert!(first.contains("4.18.20 Completed") && second.contains("4.19.9 Completed"));
    // Workers stand still over the release that is passed through, and go on at the end.
    assert!(first.contains(r#"{"spec":{"paused":true}}"#) && !first.contains(r#""paused":false"#));
    assert!(second.contains(r#"{"spec":{"paused":false}}"#) && !second.contains(r#""paused":true"#));
    assert!(!first.contains("oc wait machineconfigpool") && second.contains("oc wait machineconfigpool"));
    // The acknowledgement is asked for where that minor release is left.
    let ack = r#"oc -n openshift-config patch configmap admin-acks --type merge -p '{"data":{"ack-4.19-api-removals-in-4.20":"true"}}'"#;
    assert!(second.contains(ack) && !first.contains(ack));
    assert!(second.contains("SlowBoot") && !first.contains("SlowBoot"));
    assert!(first.contains("eus-4.20") && !second.contains("eus-4.20"));
    assert!(chapter(&runbook, "The way back").contains("does not go back"));
    // Of a command, `--force` is never a part.
    let mut commands = runbook.split("```").skip(1).step_by(2);
    assert!(commands.all(|command| !command.contains("--force")));
}

#[test]
fn a_wait_that_an_api_server_ends_is_begun_again() {
    let emitted = eus().emit();
    for (file, said) in [
        ("RUNBOOK.md", "An error of the connection instead (`connection refused`, `EOF`)"),
        ("RUNBOOK.ko.md", "대신 연결 오류(`connection refused`, `EOF`)"),
        ("RUNBOOK.zh.md", "如果是连接错误（`connection refused`、`EOF`）"),
    ] {
        let runbook = text(&emitted, file);
        let waits = runbook.matches("'=Completed --timeout").count()
            + runbook.matches("oc wait machineconfigpool").count();
        assert_eq!((runbook.matches(said).count(), waits > 2), (waits, true), "{file}");
    }
}

#[test]
fn what_an_operator_forbids_is_said_at_the_update_that_it_forbids() {
    let mut world = eus();
    world.order.remove(0);
    let runbook = text(&world.emit(), "RUNBOOK.md");
    let forbids = "`web-terminal.v1.8.0` allows OpenShift up to `4.18` only: **while it runs, OpenShift refuses `4.19`.**";
    assert!(chapter(&runbook, "OpenShift 4.18.20 → 4.19.9").contains(forbids));
    let runbook = text(&eus().emit(), "RUNBOOK.md");
    assert!(!runbook.contains("web-terminal.v1.8.0` allows"), "it has moved by then");
}

#[test]
fn sigstore_signatures_are_asked_for_since_4_21() {
    let said = |version: &str, sigstore: bool| {
        let mut world = World::release();
        world.releases[0].version = version.parse().unwrap();
        world.releases[0].sigstore = sigstore;
        let runbook = text(&world.emit(), "RUNBOOK.md");
        (runbook.contains("is in production, beside the image"), runbook.contains("was carried.**"))
    };
    assert_eq!(said("4.20.9", false), (false, false));
    assert_eq!(said("4.21.0", true), (true, false));
    assert_eq!(said("4.21.0", false), (false, true));
}

#[test]
fn before_4_13_the_older_mirror_set_is_named_and_foreseen() {
    let mut world = World::release();
    world.legacy_icsp = true;
    world.tag_images = ["registry.redhat.io/ubi8/ubi:8.4".parse().unwrap()].into();
    world.cluster = Some(cluster(&CLUSTER.replace("4.20.3", "4.10.9")));
    let emitted = world.emit();
    let codes: Vec<_> = emitted.findings.iter().map(|found| found.code.as_str()).collect();
    assert_eq!(codes, ["TAG_MIRRORS_MISSING"]);
    assert!(!emitted.files.keys().any(|path| path.contains("imagetagmirrorset")));
    assert_eq!(emitted.nodes, NodeEffect::Drain(vec![DrainReason::Older("4.10.9".to_owned())]));
    assert!(text(&emitted, "RUNBOOK.md").contains("oc get imagecontentsourcepolicies -o yaml"));
    // From 4.12 on it is an object like the newer one; once it is there nothing changes any more.
    let dump = CLUSTER.replace("4.20.3", "4.12.9");
    world.cluster = Some(cluster(&dump));
    assert_eq!(world.emit().nodes, NodeEffect::Reload);
    let there = format!(
        "{dump}---
apiVersion: operator.openshift.io/v1alpha1
kind: ImageContentSourcePolicy
metadata: {{name: icsp-scada-a-production, labels: {{app.kubernetes.io/managed-by: ombundle}}}}
spec:
  repositoryDigestMirrors:
    - {{source: registry.redhat.io, mirrors: ['nexus.example:5000/olm-redhat']}}
    - {{source: quay.io/openshift-release-dev, mirrors: ['nexus.example:5000/ocp4/openshift']}}
    - {{source: quay.io/openshift-release-dev/ocp-release, mirrors: ['nexus.example:5000/ocp4/openshift/release-images']}}
    - {{source: quay.io/openshift-release-dev/ocp-v4.0-art-dev, mirrors: ['nexus.example:5000/ocp4/openshift/release']}}
"
    );
    world.cluster = Some(cluster(&there));
    assert_eq!(world.emit().nodes, NodeEffect::Nothing);
}

#[test]
fn names_for_releases_that_somebody_else_has_are_told_before_anything_is_pushed() {
    let world = World::release();
    let taken = "
apiVersion: v1
kind: ConfigMap
metadata: {name: release-image-4.20.5, namespace: openshift-config-managed}
---
apiVersion: updateservice.operator.openshift.io/v1
kind: UpdateService
metadata: {name: service, namespace: openshift-update-service}
---
apiVersion: operator.openshift.io/v1alpha1
kind: ImageContentSourcePolicy
metadata: {name: icsp-scada-a-production}
";
    let subjects = |legacy_icsp| {
        let releases = Releases {
            releases: &world.releases,
            update_service: world.update_service.as_ref(),
            legacy_icsp,
            ..Releases::default()
        };
        let found = preflight(&world.site, std::iter::empty(), &releases, &cluster(taken));
        found.into_iter().map(|found| found.subject).collect::<Vec<_>>()
    };
    let both = [
        "ConfigMap release-image-4.20.5 in namespace openshift-config-managed",
        "UpdateService service in namespace openshift-update-service",
    ];
    assert_eq!(subjects(false), both);
    assert_eq!(subjects(true), ["ImageContentSourcePolicy icsp-scada-a-production", both[0], both[1]]);
}
