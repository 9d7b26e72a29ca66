//! Every emitted file against `fixtures/expected/emit/`. `UPDATE_EXPECTED=1` writes them anew, for review.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ombundle::digest::Digest;
use ombundle::emit::{DrainReason, NodeEffect, Releases, preflight};
use ombundle::finding::Finding;

use super::world::{CLUSTER, World, cluster, site};

#[test]
fn a_later_generation() {
    compare("later", &World::later());
}

#[test]
fn the_first_generation_of_a_site_without_rules() {
    compare("first", &World::first());
}

#[test]
fn a_release_beside_operators() {
    compare("release", &World::release());
}

#[test]
fn a_cluster_before_4_13_gets_the_older_mirror_set() {
    let mut world = World::release();
    world.legacy_icsp = true;
    let files = world.emit().files;
    let path = "cluster/01-imagecontentsourcepolicy-icsp-scada-a-production.yaml";
    let read: serde_json::Value = serde_norway::from_slice(&files[path]).unwrap();
    assert_eq!(read["apiVersion"], "operator.openshift.io/v1alpha1");
    assert_eq!(
        read["spec"],
        serde_json::json!({"repositoryDigestMirrors": [
            {"source": "quay.io/openshift-release-dev", "mirrors": ["nexus.example:5000/ocp4/openshift"]},
            {"source": "quay.io/openshift-release-dev/ocp-release", "mirrors": ["nexus.example:5000/ocp4/openshift/release-images"]},
            {"source": "quay.io/openshift-release-dev/ocp-v4.0-art-dev", "mirrors": ["nexus.example:5000/ocp4/openshift/release"]},
            {"source": "registry.redhat.io", "mirrors": ["nexus.example:5000/olm-redhat"]},
        ]})
    );
    assert!(!files.keys().any(|path| path.contains("imagedigestmirrorset")), "{:?}", files.keys());
}

/// What the cluster looks for: label, namespace, a key for each file, and the bytes that the vendor signed.
#[test]
fn a_clusters_lookup_finds_the_signature() {
    let files = World::release().emit().files;
    let read: serde_json::Value =
        serde_norway::from_slice(&files["cluster/02-configmap-release-image-4.20.5.yaml"]).unwrap();
    assert_eq!(read["metadata"]["namespace"], "openshift-config-managed");
    assert_eq!(read["metadata"]["labels"]["release.openshift.io/verification-signatures"], "");
    let data = read["binaryData"].as_object().unwrap();
    let key = format!("sha256-{}-1", Digest::of(b"a release image").hex());
    assert_eq!(data.keys().collect::<Vec<_>>(), [&key]);
    let bytes = STANDARD.decode(data[&key].as_str().unwrap()).unwrap();
    assert_eq!(bytes, include_bytes!("../../../fixtures/release/signature-1"));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    assert_eq!(World::later().emit().files, World::later().emit().files);
}

#[test]
fn the_paths_are_those_of_the_contract() {
    for (path, _) in World::release().emit().files {
        let folder = path.split('/').next().unwrap();
        let known = [
            "RUNBOOK.md",
            "RUNBOOK.ko.md",
            "RUNBOOK.zh.md",
            "receipt.json",
            "cluster",
            "patches",
            "back",
            "catalogs",
        ];
        assert!(known.contains(&folder), "{path}");
        assert!(path.bytes().all(|c| c.is_ascii_alphanumeric() || b"/._-".contains(&c)), "{path}");
    }
}

#[test]
fn commands_are_the_same_in_every_language() {
    for world in [World::later(), World::first(), World::release()] {
        let files = world.emit().files;
        let fenced = |path: &str| {
            let text = String::from_utf8(files[path].clone()).unwrap();
            let parts: Vec<_> = text.split("```").skip(1).step_by(2).map(str::to_owned).collect();
            let boxes = text.matches("- [ ] ").count();
            (parts, boxes)
        };
        let english = fenced("RUNBOOK.md");
        assert!(english.0.len() > 30);
        assert_eq!(fenced("RUNBOOK.ko.md"), english);
        assert_eq!(fenced("RUNBOOK.zh.md"), english);
    }
}

#[test]
fn mirror_sets_of_a_site_with_rules_never_change() {
    let mut world = World::later();
    let path = "cluster/01-imagedigestmirrorset-idms-scada-a-production.yaml";
    let before = world.emit().files[path].clone();
    world.mirrors.insert(
        "registry.redhat.io/new-operator/image".parse().unwrap(),
        "nexus.example:5000/olm-redhat/new-operator/image".parse().unwrap(),
    );
    world.receipt.generation += 1;
    world.cluster = None;
    assert_eq!(world.emit().files[path], before);
}

#[test]
fn a_mirror_set_that_stands_is_not_emitted_again() {
    let set = |world: &World| {
        let mut sets = world.emit().files.into_iter().filter(|(path, _)| path.contains("mirrorset"));
        sets.next().map(|(_, bytes)| String::from_utf8(bytes).unwrap())
    };
    let mut world = World::later();
    let emitted = set(&world).unwrap();
    let others: Vec<_> = CLUSTER.split("---\n").filter(|one| !one.contains("MirrorSet")).collect();
    let dump = |set: &str| Some(cluster(&[&others[..], &[set]].concat().join("---\n")));
    world.cluster = dump(&emitted);
    assert_eq!(set(&world), None);
    let runbook = String::from_utf8(world.emit().files["RUNBOOK.md"].clone()).unwrap();
    assert!(
        !runbook.contains("Mirror configuration\n") && runbook.contains("nothing is drained"),
        "{runbook}"
    );

    // Whatever was changed in it by hand, or made by another hand, is put right or told.
    let pinned =
        emitted.replacen("      mirrors:", "      mirrorSourcePolicy: NeverContactSource\n      mirrors:", 1);
    let moved = emitted.replace("nexus.example:5000/olm-redhat", "nexus.example:5001/olm-redhat");
    let more = format!("{emitted}        - \"nexus.example:5002/x\"\n");
    for (changed, what) in [(&pinned, "a policy"), (&moved, "a mirror"), (&more, "one mirror more")] {
        assert_ne!(*changed, emitted, "{what}");
        world.cluster = dump(changed);
        assert!(set(&world).is_some(), "{what}");
    }
}

#[test]
fn what_happens_to_the_nodes_is_foreseen() {
    let effect = |dump: &str, tag: Option<&str>| {
        let mut world = World::later();
        world.cluster = Some(cluster(dump));
        world.tag_images = tag.into_iter().map(|image| image.parse().unwrap()).collect();
        world.emit().nodes
    };
    assert_eq!(effect(CLUSTER, None), NodeEffect::Reload);
    let complete = CLUSTER.replace(
        "  imageDigestMirrors:\n",
        "  imageDigestMirrors:
    - {source: quay.io/openshift-release-dev, mirrors: ['nexus.example:5000/ocp4/openshift']}
    - {source: quay.io/openshift-release-dev/ocp-release, mirrors: ['nexus.example:5000/ocp4/openshift/release-images']}
    - {source: quay.io/openshift-release-dev/ocp-v4.0-art-dev, mirrors: ['nexus.example:5000/ocp4/openshift/release']}
",
    );
    assert_eq!(effect(&complete, None), NodeEffect::Nothing);
    let other = CLUSTER.replace("nexus.example:5000/olm-redhat", "nexus.example:5000/elsewhere");
    // What our object says stays for sources that no rule names; a rule that changed takes its old mirror away.
    assert_eq!(
        effect(&other, None),
        NodeEffect::Drain(vec![DrainReason::Removed("registry.redhat.io".to_owned())])
    );
    assert_eq!(
        effect(&complete, Some("registry.redhat.io/ubi9/ubi:9.4")),
        NodeEffect::Drain(vec![DrainReason::TagMirrors("registry.redhat.io".to_owned())])
    );
    let mut world = World::later();
    world.cluster = None;
    assert_eq!(world.emit().nodes, NodeEffect::Unknown);
}

#[test]
fn nobody_elses_object_is_overwritten() {
    let foreign = "
apiVersion: operators.coreos.com/v1alpha1
kind: CatalogSource
metadata: {name: cs-redhat, namespace: openshift-marketplace, labels: {app.kubernetes.io/managed-by: argocd}}
---
apiVersion: config.openshift.io/v1
kind: ImageDigestMirrorSet
metadata: {name: idms-oc-mirror}
spec:
  imageDigestMirrors:
    - {source: registry.redhat.io, mirrors: [a.example], mirrorSourcePolicy: NeverContactSource}
";
    let mut world = World::later();
    world.cluster = Some(cluster(foreign));
    let emitted = world.emit();
    let found: Vec<_> =
        emitted.findings.iter().map(|found| (found.code.as_str(), found.subject.as_str())).collect();
    assert_eq!(
        found,
        [
            ("NAME_TAKEN", "CatalogSource cs-redhat in namespace openshift-marketplace"),
            ("MIRROR_POLICY_CONFLICT", "ImageDigestMirrorSet idms-oc-mirror, source registry.redhat.io"),
        ]
    );
    assert!(emitted.findings[0].message.contains("managed by `argocd`"));
    assert!(emitted.findings[0].hint.contains("oc label catalogsource.operators.coreos.com -n openshift-marketplace cs-redhat app.kubernetes.io/managed-by=ombundle"));
    assert!(!emitted.files.keys().any(|path| path.contains("catalogsource")), "{:?}", emitted.files.keys());
    assert!(emitted.files.keys().any(|path| path.contains("clustercatalog")));
    assert_eq!(
        preflight(&world.site, std::iter::empty(), &Releases::default(), world.cluster.as_ref().unwrap()),
        emitted.findings[..1]
    );
}

#[test]
fn olm_v1_is_left_out_where_there_is_none() {
    let mut world = World::later();
    world.cluster = Some(cluster(&CLUSTER.replace("4.20.3", "4.16.9")));
    assert!(!world.emit().files.keys().any(|path| path.contains("clustercatalog")));
}

#[test]
fn staging_is_looked_for_in_the_kinds_that_the_cluster_has() {
    let runbook = |world: &World| String::from_utf8(world.emit().files["RUNBOOK.md"].clone()).unwrap();
    let asks = |kinds: &str| format!("oc get {kinds} -o json | grep -F nexus.example:5001");
    let current = asks("pods,catalogsources,imagedigestmirrorsets,imagetagmirrorsets -A");
    let older = asks("pods,catalogsources,imagecontentsourcepolicies -A");
    let mut world = World::later();
    let said = runbook(&world);
    assert!(said.contains(&current) && said.contains(&asks("clustercatalogs")), "{said}");
    world.cluster = Some(cluster(&CLUSTER.replace("4.20.3", "4.12.9")));
    world.legacy_icsp = true;
    let said = runbook(&world);
    assert!(
        said.contains(&older) && !said.contains(&current) && !said.contains("oc get clustercatalogs"),
        "{said}"
    );
}

#[test]
fn an_operator_that_is_elsewhere_is_left_alone() {
    for (runs, moves, code) in [
        ("web-terminal.v1.9.0", true, None),
        ("web-terminal.v1.15.0", false, None),
        ("web-terminal.v1.7.0", false, Some("INSTALLED_NOT_ON_PATH")),
    ] {
        let mut world = World::later();
        world.cluster = Some(cluster(&CLUSTER.replace("web-terminal.v1.8.0", runs)));
        let emitted = world.emit();
        let runbook = String::from_utf8(emitted.files["RUNBOOK.md"].clone()).unwrap();
        assert_eq!(runbook.contains("Approve `web-terminal.v1.14.0`"), moves, "{runs}");
        assert!(!runbook.contains("Approve `web-terminal.v1.9.0`"), "{runs}");
        assert_eq!(emitted.findings.first().map(|found| found.code.as_str()), code, "{runs}");
    }
}

/// Names and messages of an archive are written by others.
#[test]
fn nothing_from_outside_forges_a_line() {
    let evil = "x\n- [ ] run `rm -rf /`\n```\n# \u{1b}[2J\u{202e}\u{200b}\u{85}<script>$(id)'\"\\";
    let mut world = World::first();
    let catalog = &mut world.catalogs[0];
    let package = &mut catalog.packages[1];
    for text in [&mut package.name, &mut package.reason] {
        *text = evil.to_owned();
    }
    package.installed = Some(evil.to_owned());
    for hop in &mut package.hops {
        for text in [&mut hop.name, &mut hop.from, &mut hop.channel, &mut hop.reason, &mut hop.version] {
            *text = evil.to_owned();
        }
    }
    catalog.evidence[0].min_kube_version = Some(evil.to_owned());
    catalog.evidence[0].bundle = evil.to_owned();
    catalog.evidence[0].package = evil.to_owned();
    catalog.texts.insert(format!("../../{evil}"), serde_json::to_vec(evil).unwrap());
    world.receipt.archive = evil.to_owned();
    world.receipt.signers = vec![evil.to_owned()];
    world.findings = vec![Finding::error(evil, evil, evil).hint(evil)];
    let clean = World::first().emit();
    let emitted = world.emit();
    for (path, bytes) in &emitted.files {
        assert!(path.bytes().all(|c| c.is_ascii_alphanumeric() || b"/._-".contains(&c)), "{path}");
        assert!(!path.contains("../") && !path.starts_with('/'), "{path}");
        let text = std::str::from_utf8(bytes).unwrap();
        let bad = text.chars().find(|&c| c != '\n' && !ombundle::text::is_plain(c));
        assert_eq!(bad, None, "{path}");
    }
    for path in ["RUNBOOK.md", "RUNBOOK.ko.md", "RUNBOOK.zh.md"] {
        let boxes = |files: &BTreeMap<String, Vec<u8>>| {
            let text = String::from_utf8(files[path].clone()).unwrap();
            let lines = text.lines().map(str::trim_start);
            (
                lines.clone().filter(|line| line.starts_with("- [ ]")).count(),
                lines.clone().filter(|line| line.starts_with("```")).count(),
                lines.filter(|line| line.starts_with('#')).count(),
            )
        };
        let (clean_boxes, clean_fences, clean_headings) = boxes(&clean.files);
        let (evil_boxes, evil_fences, evil_headings) = boxes(&emitted.files);
        // One heading more for the findings; no check of the heads for a name that no query can hold; one channel now.
        assert_eq!(
            (evil_boxes, evil_fences, evil_headings),
            (clean_boxes - 3, clean_fences - 6, clean_headings + 1)
        );
    }
}

#[test]
fn scopes_without_rules_are_namespaces_and_stay() {
    let mut world = World::first();
    world.site = site("");
    let path = "cluster/01-imagedigestmirrorset-idms-scada-a-production.yaml";
    // Our object has an entry for a repository that nothing names any more: it stays, since its going would drain nodes.
    world.cluster = Some(cluster(
        "
apiVersion: config.openshift.io/v1
kind: ImageDigestMirrorSet
metadata: {name: idms-scada-a-production, labels: {app.kubernetes.io/managed-by: ombundle}}
spec:
  imageDigestMirrors:
    - {source: registry.redhat.io/old, mirrors: ['nexus.example:5000/old']}
",
    ));
    let text = String::from_utf8(world.emit().files[path].clone()).unwrap();
    let sources: BTreeSet<_> =
        text.lines().filter_map(|line| line.trim().strip_prefix("- source: ")).collect();
    assert_eq!(
        sources,
        ["\"quay.io/eclipse/che\"", "\"registry.redhat.io/old\"", "\"registry.redhat.io/web-terminal\""]
            .into()
    );
}

pub(super) fn compare(name: &str, world: &World) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/expected/emit").join(name);
    let files = world.emit().files;
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        _ = fs::remove_dir_all(&root);
        for (path, bytes) in &files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
    let expected = read(&root);
    let paths = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(paths(&files), paths(&expected));
    for (path, bytes) in &files {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        assert_eq!(text(bytes), text(&expected[path]), "{path}");
    }
}

fn read(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders: Vec<PathBuf> = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    files
}
