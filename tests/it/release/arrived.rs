//! Releases on the far side: staged, promoted, found whole, and a cluster led to them.

use std::collections::BTreeSet;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ombundle::digest::Digest;
use ombundle::limits::LIMITS;
use ombundle::oci::ManifestView;
use serde_json::Value;

use super::carried::tarball;
use super::site::{GRAPH, IMAGES, IMPORT, PARTS, Site};
use super::world::{COMPONENTS, RELEASES};
use crate::support::peer::Answer;

#[test]
fn releases_arrive_whole_and_the_cluster_is_led_to_them() {
    let site = Site::new();
    site.pack();
    let ended = site.ok(&format!("{IMPORT} --format json"));
    let imported: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&imported["reached"], &imported["findings"]), (&"imported".into(), &Value::Array(vec![])));

    // Where every mirror has them.
    assert_eq!(site.tag(IMAGES, "4.20.0-x86_64"), Some(site.digests[1]));
    assert_eq!(site.tag(IMAGES, "4.20.5-x86_64"), Some(site.digests[2]));
    assert_eq!(site.tag(PARTS, "4.20.5-x86_64-etcd"), site.tag(PARTS, "4.20.0-x86_64-etcd"));
    assert!(site.tag(PARTS, "4.20.5-x86_64-console").is_some());
    // An update service reads every tag beside those that keep manifests: nothing else may be there.
    let others: Vec<_> = site.tags(IMAGES).into_iter().filter(|tag| !tag.starts_with("sha256-")).collect();
    assert_eq!(others, ["4.20.0-x86_64", "4.20.5-x86_64"]);

    // The graph, under a tag that moves and one that stays; its command copies the data.
    let graph = site.tag(GRAPH, "latest").unwrap();
    let kept = format!("latest-g0001-{}", graph.short());
    assert_eq!(site.tag(GRAPH, &kept), Some(graph));
    let place = site.production.repository(GRAPH);
    let manifest = site.client.manifest(&place, &graph.into()).unwrap().unwrap();
    let ManifestView::Image(view) = manifest.view(&LIMITS).unwrap() else { panic!() };
    assert_eq!(view.layers.len(), 3);

    // What the cluster gets.
    let service = site.text("out/cluster/04-updateservice-service.yaml");
    assert!(service.contains(&format!("{}/{GRAPH}@{graph}", site.production.host())), "{service}");
    assert!(service.contains(&format!("releases: \"{}/{IMAGES}\"", site.production.host())), "{service}");
    let mirrors = site.text("out/cluster/01-imagedigestmirrorset-idms-here-production.yaml");
    for (source, mirror) in [(RELEASES, IMAGES), (COMPONENTS, PARTS)] {
        let entry = format!(
            "- source: \"quay.io/{source}\"\n      mirrors:\n        - \"{}/{mirror}\"\n",
            site.production.host()
        );
        assert!(mirrors.contains(&entry), "{mirrors}");
    }
    for (index, version) in [(2, "4.20.0"), (3, "4.20.5")] {
        let signed = site.text(&format!("out/cluster/0{index}-configmap-release-image-{version}.yaml"));
        assert!(signed.contains("release.openshift.io/verification-signatures"));
    }
    let runbook = site.text("out/RUNBOOK.md");
    for (at, version) in [(1, "4.20.0"), (2, "4.20.5")] {
        let line = format!(
            "oc adm upgrade --allow-explicit-upgrade --to-image=quay.io/{RELEASES}@{}\n",
            site.digests[at]
        );
        assert!(runbook.contains(&line), "{version}");
    }
    assert!(runbook.contains("ack-4.19-kube-1.33-api-removals"), "the gates of what runs");

    let receipt: Value = serde_json::from_str(&site.text("out/receipt.json")).unwrap();
    assert_eq!(crate::cli::world::against("receipt.v1.json", &receipt), [""; 0]);
    let releases = receipt["site"]["releases"].as_array().unwrap();
    let mirrors: Vec<_> = releases.iter().map(|release| release["mirror"].as_str().unwrap()).collect();
    let host = site.production.host();
    assert_eq!(mirrors, [format!("{host}/{IMAGES}:4.20.0-x86_64"), format!("{host}/{IMAGES}:4.20.5-x86_64")]);
    let steps: Vec<_> =
        receipt["steps"].as_array().unwrap().iter().map(|step| step["subject"].as_str().unwrap()).collect();
    assert_eq!(
        steps,
        [format!("{host}/{GRAPH}:latest"), mirrors[0].to_owned(), mirrors[1].to_owned()],
        "components have no step each"
    );

    let again: Value = serde_json::from_str(&site.ok(&format!("{IMPORT} --format json")).stdout).unwrap();
    assert_eq!(again["written"], 0);
    assert_eq!(serde_json::from_str::<Value>(&site.text("out/receipt.json")).unwrap(), receipt);

    // For a cluster before 4.13 the same mirrors, in the older form.
    site.ok("import up.ombundle --site site.yaml -o old --legacy-icsp");
    let mirrors = site.text("old/cluster/01-imagecontentsourcepolicy-icsp-here-production.yaml");
    for (source, mirror) in [(RELEASES, IMAGES), (COMPONENTS, PARTS)] {
        let entry =
            format!("- source: \"quay.io/{source}\"\n      mirrors:\n        - \"{host}/{mirror}\"\n");
        assert!(mirrors.contains("repositoryDigestMirrors:") && mirrors.contains(&entry), "{mirrors}");
    }
    assert!(
        !site
            .world
            .folder
            .path()
            .join("old/cluster/01-imagedigestmirrorset-idms-here-production.yaml")
            .exists()
    );
}

#[test]
fn check_covers_the_releases_that_production_offers() {
    let site = Site::new();
    site.pack();
    site.ok(IMPORT);
    let host = site.production.host();
    let checked: Value =
        serde_json::from_str(&site.ok("check --site site.yaml --format json").stdout).unwrap();
    let releases = &checked["releases"];
    for version in ["4.20.0", "4.20.5"] {
        let facts = &releases[format!("{host}/{IMAGES}:{version}-x86_64")];
        assert_eq!((&facts["images"], &facts["missing"]), (&3.into(), &0.into()), "{checked}");
    }
    // Of a release image the layer with the manifests is read, and not the one with the programs.
    let log = site.production.log();
    let layers = |digest: Digest| {
        let place = site.production.repository(IMAGES);
        let manifest = site.client.manifest(&place, &digest.into()).unwrap().unwrap();
        let ManifestView::Image(view) = manifest.view(&LIMITS).unwrap() else { panic!() };
        view.layers.into_iter().map(|layer| format!("\"GET /v2/{IMAGES}/blobs/{}", layer.digest))
    };
    let read: Vec<bool> =
        site.digests[1..].iter().flat_map(|digest| layers(*digest)).map(|line| log.contains(&line)).collect();
    assert_eq!(read, [false, true, false, true], "{log}");
    // Only the newer release names this component.
    let lost = site.tag(PARTS, "4.20.5-x86_64-console").unwrap();
    site.lose(PARTS, lost);
    let checked: Value =
        serde_json::from_str(&site.ends("check --site site.yaml --format json", 10).stdout).unwrap();
    let [found] = checked["findings"].as_array().unwrap().as_slice() else { panic!("{checked}") };
    assert_eq!(found["code"], "UNRESOLVED");
    assert_eq!(found["subject"], format!("{host}/{PARTS}@{lost}"));
    assert!(found["message"].as_str().unwrap().contains("console of OpenShift 4.20.5"), "{found}");
    // The same import mends it.
    site.ok(IMPORT);
    site.ok("check --site site.yaml");
}

#[test]
fn what_was_left_out_on_purpose_is_not_missing() {
    let site = Site::new();
    site.ok("plan -c imageset.yaml --site site.yaml --from-release 4.19.3 --without-component console -o plan.json");
    site.ok("pack --plan plan.json --site site.yaml --key signer.key -o up.ombundle");
    site.ok(IMPORT);
    assert_eq!(site.tag(PARTS, "4.20.5-x86_64-console"), None);
    let checked: Value =
        serde_json::from_str(&site.ok("check --site site.yaml --format json").stdout).unwrap();
    let codes: BTreeSet<_> =
        checked["findings"].as_array().unwrap().iter().map(|found| found["code"].as_str().unwrap()).collect();
    assert_eq!(codes, BTreeSet::from(["COMPONENT_LEFT_OUT"]));
}

#[test]
fn a_release_that_lacks_a_component_is_not_offered() {
    let site = Site::new();
    site.ok("plan -c imageset.yaml --site site.yaml --from-release 4.19.3 --without-component console -o plan.json");
    // As long as before, so that the plan's sizes still hold.
    let plan = site.text("plan.json");
    let forged = plan.replace("\"left_out\":[\"console\"]", "\"left_out\":[\"consolf\"]");
    let forged =
        forged.replace("\"left_out\": [\n        \"console\"", "\"left_out\": [\n        \"consolf\"");
    assert_ne!(forged, plan);
    site.world.folder.write("plan.json", forged);
    site.ok("pack --plan plan.json --site site.yaml --key signer.key -o up.ombundle");
    let ended = site.ends(IMPORT, 5);
    assert!(ended.stderr.contains("do not resolve in production"), "{}", ended.stderr);
    assert_eq!((site.tag(IMAGES, "4.20.0-x86_64"), site.tag(GRAPH, "latest")), (None, None));
    assert!(!site.world.folder.path().join("out").exists(), "nothing leads a cluster there");
}

#[test]
fn releases_of_a_vendor_that_the_site_does_not_know_do_not_come_in() {
    let site = Site::new();
    site.pack();
    let stranger = site.world.gpg.key("ed25519", "20260102T000000", "never");
    site.world.folder.write("stranger.asc", site.world.gpg.export(&stranger));
    site.write("linux/amd64", "stranger.asc");
    let before = (site.staging.changes(), site.production.changes());
    let ended = site.ends(IMPORT, 4);
    assert!(ended.stderr.contains("4.20.0"), "{}", ended.stderr);
    assert_eq!((site.staging.changes(), site.production.changes()), before, "nothing was written");
}

#[test]
fn releases_older_than_what_runs_and_for_other_machines_are_refused() {
    let site = Site::new();
    site.pack();
    let before = (site.staging.changes(), site.production.changes());
    let dump = |version: &str| {
        site.world.folder.write(
            "cluster.json",
            format!(r#"{{"kind": "ClusterVersion", "apiVersion": "config.openshift.io/v1", "metadata": {{"name": "version"}}, "status": {{"desired": {{"version": "{version}"}}}}}}"#),
        );
    };
    dump("4.20.6");
    let ended = site.ends(&format!("{IMPORT} --cluster cluster.json"), 9);
    assert!(ended.stderr.contains("the cluster runs 4.20.6: OpenShift does not go back"), "{}", ended.stderr);
    site.write("linux/s390x", "release.asc");
    let ended = site.ends(IMPORT, 2);
    assert!(ended.stderr.contains("is not for the machines of this site"), "{}", ended.stderr);
    assert_eq!((site.staging.changes(), site.production.changes()), before, "nothing was written");
    // What runs is remembered where no dump is given.
    site.write("linux/amd64", "release.asc");
    dump("4.20.5");
    site.ok(&format!("{IMPORT} --cluster cluster.json"));
    let receipt: Value = serde_json::from_str(&site.text("state/receipt.json")).unwrap();
    assert_eq!(receipt["site"]["openshift"], "4.20.5");
    site.ok(
        "pack --to-release 4.20.0 --from-release 4.19.3 --site site.yaml --key signer.key -o old.ombundle",
    );
    let ended = site.ends("import old.ombundle --site site.yaml -o old", 9);
    assert!(ended.stderr.contains("the cluster runs 4.20.5"), "{}", ended.stderr);
}

#[test]
fn an_import_of_releases_goes_on_where_it_was_killed() {
    let site = Site::new();
    site.pack();
    let mut killed = 0;
    // Each run gets one record of the journal farther than the one before.
    while !completes(&site, killed + 1) {
        killed += 1;
        assert!(killed < 12, "it does not come to its end");
        // Whatever is offered is whole, wherever it stopped.
        site.ok("check --site site.yaml");
    }
    // Begin, staged, promoted, the graph's tag, one for each release, committed.
    assert!(killed >= 4, "{killed} records");
    site.ok("check --site site.yaml");
    let (end, receipt) = (site.text("out/RUNBOOK.md"), site.text("out/receipt.json"));
    assert!(receipt.contains(&format!("{IMAGES}:4.20.5-x86_64")), "where its tags were before is known");
    let again: Value = serde_json::from_str(&site.ok(&format!("{IMPORT} --format json")).stdout).unwrap();
    assert_eq!(again["written"], 0);
    assert_eq!((site.text("out/RUNBOOK.md"), site.text("out/receipt.json")), (end, receipt));
}

/// Runs an import that is killed at a record of its journal. Whether it came to its end.
fn completes(site: &Site, record: usize) -> bool {
    let inject = format!("inject=fdatasync:signal=KILL:when={record}");
    let status = Command::new("strace")
        .args(["-f", "-qqq", "-o", "strace.log", "-e", "trace=fdatasync", "-e", &inject])
        .arg(env!("CARGO_BIN_EXE_ombundle"))
        .args(IMPORT.split_whitespace())
        .current_dir(site.world.folder.path())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", site.world.folder.path())
        .output()
        .unwrap()
        .status;
    assert!(status.code().is_none_or(|code| code == 0), "{status:?}");
    status.success()
}

#[test]
fn a_second_hop_that_shares_layers_writes_each_blob_once() {
    let site = Site::new();
    let hop = |from: &str, version: &str, name: &str, report: &str| {
        site.ok(&format!(
            "pack --to-release {version} --from-release {from} --site site.yaml {report} --key signer.key -o {name}.ombundle"
        ));
        site.ok(&format!("import {name}.ombundle --site site.yaml -o out"));
    };
    hop("4.19.3", "4.20.0", "first", "");
    let length = |name: &str| std::fs::metadata(site.world.folder.path().join(name)).unwrap().len();
    let etcd = site.tag(PARTS, "4.20.0-x86_64-etcd").unwrap();
    let uploads = |log: &str| log.matches("\"PUT /v2/").count();
    let before = uploads(&site.production.log());
    hop("4.20.0", "4.20.5", "second", "--report out/receipt.json");
    // etcd's 300 kB did not travel again, and its tag for the new release is there.
    assert!(length("second.ombundle") + 300_000 < length("first.ombundle"), "{}", length("second.ombundle"));
    assert_eq!(site.tag(PARTS, "4.20.5-x86_64-etcd"), Some(etcd));
    let log = site.production.log();
    let puts: Vec<&str> = log.match_indices("\"PUT /v2/").skip(before).map(|(at, _)| &log[at..]).collect();
    let blobs: Vec<&str> = puts
        .iter()
        .filter_map(|line| line.split(' ').nth(1).filter(|path| path.contains("/blobs/uploads/")))
        .filter_map(|path| path.split("digest=").nth(1))
        .collect();
    let once: BTreeSet<_> = blobs.iter().collect();
    assert_eq!(blobs.len(), once.len(), "a blob was uploaded twice: {blobs:?}");
    site.ok("check --site site.yaml");
}

#[test]
fn a_plan_that_would_strand_the_cluster_is_refused() {
    let site = Site::new();
    let dump = |last: &str| {
        let properties =
            format!(r#"{{\"properties\":[{{\"type\":\"olm.maxOpenShiftVersion\",\"value\":\"{last}\"}}]}}"#);
        let csv = format!(
            r#"{{"kind": "ClusterServiceVersion", "apiVersion": "operators.coreos.com/v1alpha1", "metadata": {{"name": "a.v1.0.0",
                "namespace": "a", "annotations": {{"operatorframework.io/properties": "{properties}"}}}},
                "spec": {{"version": "1.0.0"}}, "status": {{"phase": "Succeeded"}}}}"#
        );
        site.world.folder.write("cluster.json", csv);
    };
    let line = "plan -c imageset.yaml --site site.yaml --from-release 4.19.3 --cluster cluster.json -o plan.json --format json";
    dump("4.19");
    let refused: Value = serde_json::from_str(&site.ends(line, 6).stdout).unwrap();
    let [found] = refused["findings"].as_array().unwrap().as_slice() else { panic!("{refused}") };
    assert_eq!(
        (&found["code"], &found["subject"]),
        (&"OPENSHIFT_BLOCKED".into(), &"operator a.v1.0.0".into())
    );
    assert!(!site.world.folder.path().join("plan.json").exists(), "nothing to approve");
    dump("4.20");
    let plan: Value = serde_json::from_str(&site.ok(line).stdout).unwrap();
    let steps: Vec<_> =
        plan["order"].as_array().unwrap().iter().map(|step| step["to"].as_str().unwrap()).collect();
    assert_eq!(steps, ["4.20.0", "4.20.5"]);
}

/// Note 002 makes this object by hand, under the same name.
#[test]
fn what_somebody_made_by_hand_is_left_alone_and_told() {
    let site = Site::new();
    site.pack();
    site.world.folder.write(
        "cluster.json",
        r#"{"kind": "List", "apiVersion": "v1", "items": [{"kind": "ConfigMap", "apiVersion": "v1",
            "metadata": {"name": "release-image-4.20.0", "namespace": "openshift-config-managed",
                         "labels": {"release.openshift.io/verification-signatures": ""}}}]}"#,
    );
    let told = site.json(&format!("{IMPORT} --cluster cluster.json"), 10);
    let [found] = told["findings"].as_array().unwrap().as_slice() else { panic!("{told}") };
    assert_eq!(found["code"], "NAME_TAKEN");
    assert_eq!(found["subject"], "ConfigMap release-image-4.20.0 in namespace openshift-config-managed");
    let hint = "oc label configmap -n openshift-config-managed release-image-4.20.0 app.kubernetes.io/managed-by=ombundle";
    assert!(found["hint"].as_str().unwrap().contains(hint), "{found}");
    let written: Vec<_> = std::fs::read_dir(site.world.folder.path().join("out/cluster"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("configmap"))
        .collect();
    assert_eq!(written, ["02-configmap-release-image-4.20.5.yaml"]);
}

/// A file in graph data that would hide another one, or lie elsewhere, once it is in an image.
#[test]
fn graph_data_with_odd_names_makes_no_image() {
    let site = Site::new();
    site.ok("plan -c imageset.yaml --site site.yaml --from-release 4.19.3 -o plan.json");
    site.world.folder.write("data/channels/.wh.stable-4.20.yaml", "name: hidden\nversions: []\n");
    let odd = std::fs::read(tarball(&site.world)).unwrap();
    // Whoever changes a plan on its way to `pack` gets no farther than the site.
    let mut plan = site.world.json("plan.json");
    plan["graph_data"]["tarball"] = Value::from(STANDARD.encode(&odd));
    plan["graph_data"]["digest"] = Value::from(Digest::of(&odd).to_string());
    site.world.folder.write("plan.json", plan.to_string());
    site.ok("pack --plan plan.json --site site.yaml --key signer.key -o up.ombundle");
    let before = (site.staging.changes(), site.production.changes());
    let refused = site.ends(IMPORT, 3);
    assert!(
        refused.stderr.contains("a file in it is called \"channels/.wh.stable-4.20.yaml\""),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("hint: plan again with another tarball"), "{}", refused.stderr);
    assert_eq!((site.staging.changes(), site.production.changes()), before, "nothing was written");
    // And whoever plans with it is told at once.
    site.world.answer("/graph-data", Answer::new(200).with("Content-Type", "application/gzip").body(odd));
    let told = site.json("plan -c imageset.yaml --site site.yaml --from-release 4.19.3 --full", 3);
    let [found] = told["findings"].as_array().unwrap().as_slice() else { panic!("{told}") };
    assert_eq!(found["code"], "GRAPH_DATA");
    assert!(
        found["message"].as_str().unwrap().contains("is called \"channels/.wh.stable-4.20.yaml\""),
        "{found}"
    );
}

/// An update service takes every tag of that repository for a release.
#[test]
fn nothing_else_lands_among_the_releases() {
    let site = Site::new();
    site.pack();
    let (own, among) =
        ("graphData: {source: ", "graphData: {mirror: 'ocp4/openshift/release-images:graph', source: ");
    site.edit("site.yaml", own, among);
    let before = (site.staging.changes(), site.production.changes());
    let refused = site.ends(IMPORT, 2);
    let told = "the image with graph data would land among the OpenShift releases";
    assert!(refused.stderr.contains(told), "{}", refused.stderr);
    assert_eq!((site.staging.changes(), site.production.changes()), before, "nothing was written");
    let plan = site.json("plan -c imageset.yaml --site site.yaml --from-release 4.19.3 --full", 2);
    let [found] = plan["findings"].as_array().unwrap().as_slice() else { panic!("{plan}") };
    assert_eq!(
        (&found["code"], &found["subject"]),
        (&"AMONG_RELEASES".into(), &format!("{IMAGES}:graph").into())
    );
    site.edit("site.yaml", among, own);
    site.edit(
        "site.yaml",
        "  platforms:",
        &format!(
            "  catalogs: [{{source: 'quay.io/x/index:v1', mirror: '{IMAGES}:v1', name: cs}}]\n  platforms:"
        ),
    );
    let refused = site.ends(IMPORT, 2);
    assert!(refused.stderr.contains("the catalog quay.io/x/index:v1 would land among"), "{}", refused.stderr);
}
