//! Another port becomes production: nodes look at both for a while, and at the new one alone in the end.

use std::str::from_utf8;

use ombundle::emit::{DrainReason, Emitted, NodeEffect};

use super::world::{World, cluster};

const SET: &str = "01-imagedigestmirrorset-idms-scada-a-production.yaml";

/// Our mirror sets as the former port's last import left them, one of them with an entry that only they have.
fn dump(tags: &str) -> String {
    format!(
        "
apiVersion: v1
kind: List
items:
  - {{apiVersion: config.openshift.io/v1, kind: ClusterVersion, metadata: {{name: version}}, status: {{desired: {{version: 4.20.1}}}}}}
  - apiVersion: config.openshift.io/v1
    kind: ImageDigestMirrorSet
    metadata: {{name: idms-scada-a-production, labels: {{app.kubernetes.io/managed-by: ombundle}}}}
    spec:
      imageDigestMirrors:
        - {{source: registry.redhat.io, mirrors: ['nexus.example:5001/olm-redhat']}}
        - {{source: quay.io/openshift-release-dev, mirrors: ['nexus.example:5001/ocp4/openshift']}}
        - {{source: quay.io/openshift-release-dev/ocp-release, mirrors: ['nexus.example:5001/ocp4/openshift/release-images']}}
        - {{source: quay.io/openshift-release-dev/ocp-v4.0-art-dev, mirrors: ['nexus.example:5001/ocp4/openshift/release']}}
        - {{source: quay.io/by-hand, mirrors: ['nexus.example:5001/by-hand']}}
        - {{source: quay.io/elsewhere, mirrors: ['other.example:5001/elsewhere']}}
{tags}"
    )
}

fn moved(tags: &str) -> Emitted {
    let mut world = World::later();
    world.cluster = Some(cluster(&dump(tags)));
    world.former = Some("nexus.example:5001".parse().unwrap());
    world.emit()
}

fn text<'e>(emitted: &'e Emitted, path: &str) -> &'e str {
    from_utf8(emitted.files.get(path).unwrap_or_else(|| panic!("{path}: {:?}", emitted.files.keys())))
        .unwrap()
}

#[test]
fn the_new_port_comes_first_and_adding_it_drains_nothing() {
    let emitted = moved("");
    assert_eq!(emitted.nodes, NodeEffect::Reload, "{:?}", emitted.findings);
    let both = text(&emitted, &format!("cluster/{SET}"));
    for place in ["olm-redhat", "ocp4/openshift", "by-hand"] {
        let pair = format!("- \"nexus.example:5000/{place}\"\n        - \"nexus.example:5001/{place}\"\n");
        assert!(both.contains(&pair), "{place}: {both}");
    }
    let alone = text(&emitted, &format!("leave/{SET}"));
    assert!(alone.contains("nexus.example:5000/by-hand") && !alone.contains("nexus.example:5001"), "{alone}");
    // What was never at the former port stays where it is.
    for set in [both, alone] {
        assert_eq!(set.matches("other.example:5001/elsewhere").count(), 1, "{set}");
    }
}

#[test]
fn tags_drain_as_they_always_do() {
    let tags = "  - apiVersion: config.openshift.io/v1
    kind: ImageTagMirrorSet
    metadata: {name: itms-scada-a-production, labels: {app.kubernetes.io/managed-by: ombundle}}
    spec:
      imageTagMirrors:
        - {source: registry.redhat.io, mirrors: ['nexus.example:5001/olm-redhat']}
";
    let emitted = moved(tags);
    let source = "registry.redhat.io".to_owned();
    assert_eq!(emitted.nodes, NodeEffect::Drain(vec![DrainReason::TagMirrors(source)]));
    let leave = text(&emitted, "leave/02-imagetagmirrorset-itms-scada-a-production.yaml");
    assert!(leave.contains("nexus.example:5000/olm-redhat") && !leave.contains(":5001"), "{leave}");
}

#[test]
fn the_runbook_leaves_the_former_port_before_it_is_emptied() {
    let emitted = moved("");
    for (file, leave, back) in [
        ("RUNBOOK.md", "Leave the former port", "If the site file was exchanged"),
        ("RUNBOOK.ko.md", "이전 포트에서 벗어나기", "사이트 파일을 바꾸었다면"),
        ("RUNBOOK.zh.md", "离开原端口", "如果已替换站点文件"),
    ] {
        let text = text(&emitted, file);
        let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("{file} has no {what}"));
        let order = [
            at(&format!("cluster/{SET}")),
            at("cluster/02-catalogsource-cs-redhat.yaml"),
            at(&format!("leave/{SET}")),
            at("grep -F nexus.example:5001"),
            at("cp site.yaml \"$SITE\""),
            at("--empty staging -o empty.json"),
            at("--apply empty.json"),
            at(&format!("back/{SET}")),
            at("back/02-catalogsource-cs-redhat.yaml"),
            at(back),
        ];
        assert!(order.is_sorted(), "{file}: {order:?}");
        assert!(text.contains(&format!(". {leave}")), "{file}");
    }
    // It is no upgrade: nobody signed it, and no operator moves.
    let english = text(&emitted, "RUNBOOK.md");
    assert!(english.starts_with("# Runbook of a move to the other port: site `scada-a`\n"), "{english}");
    for foreign in [
        "Upgrade runbook",
        "Signed by",
        "Archive:",
        "## 5. Operators",
        "After the upgrade",
        "Keep this archive",
    ] {
        assert!(!english.contains(foreign), "{foreign}: {english}");
    }
    // On the way back nodes find what did not move, whether they have left the former port or not.
    let both = text(&emitted, &format!("back/{SET}"));
    assert_eq!(both, text(&emitted, &format!("cluster/{SET}")));
    // Without a move nothing of that is said.
    let usual = World::later().emit();
    assert!(!usual.files.keys().any(|path| path.starts_with("leave/")));
    assert!(!text(&usual, "RUNBOOK.md").contains("former port"));
}
