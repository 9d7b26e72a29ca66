//! A site two generations on, and dumps of its cluster.

use std::collections::BTreeSet;

use ombundle::demo::Belongings;
use ombundle::digest::Digest;
use serde_json::{Value, json};

use crate::import::stand::Stand;
pub(super) use crate::import::stand::two_generations;

/// The id of the cluster.
pub(crate) const CLUSTER: &str = "3f9c0b1e-0000-4000-8000-000000000001";

/// One object of each kind that every cluster has, and that says nothing here.
pub(crate) fn plain_objects() -> Vec<Value> {
    let kinds = ["Deployment", "DaemonSet", "StatefulSet", "CronJob", "ImageStream", "ImageTagMirrorSet"];
    let object = |kind| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "plain", "namespace": "default"}, "spec": {}});
    kinds.into_iter().map(object).collect()
}

/// What the cluster says of its release.
pub(crate) fn cluster_version(version: &str) -> Value {
    json!({"apiVersion": "config.openshift.io/v1", "kind": "ClusterVersion", "metadata": {"name": "version"},
           "spec": {"clusterID": CLUSTER}, "status": {"desired": {"version": version}}})
}

/// Writes `dump.json`: all kinds that a vacuum wants to see. The CatalogSource serves `catalog`, the Pod runs `images`, and both
/// operators were upgraded to what the second generation brought.
pub(super) fn dump(stand: &Stand, catalog: &str, images: &[String]) {
    let object = |kind: &str, name: &str, spec: Value| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "default"}, "spec": spec});
    let containers: Vec<Value> = images.iter().map(|image| json!({"name": "c", "image": image})).collect();
    let mut items = vec![
        object("Pod", "runs", json!({"containers": containers})),
        object("CatalogSource", Belongings::CATALOG_SOURCE, json!({"image": catalog})),
        cluster_version("4.20.1"),
    ];
    items.extend(plain_objects());
    for file in ["csvs", "subscriptions"] {
        let upgraded =
            stand.text(&format!("second/{file}.json")).replace("1.9.0", "1.11.0").replace("0.21.0", "0.22.0");
        let list: Value = serde_json::from_str(&upgraded).unwrap();
        items.extend(list["items"].as_array().unwrap().iter().cloned());
    }
    stand.write("dump.json", &json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string());
}

/// The line that plans with `dump.json`.
pub(super) const PLAN: &str = "vacuum --site @site.yaml --cluster @dump.json -o @vacuum.json --format json";

/// Makes a plan.
pub(super) fn planned(stand: &Stand) -> Value {
    stand.ok(PLAN).json()
}

/// What goes, in all repositories.
pub(super) fn gone(plan: &Value) -> BTreeSet<(String, Digest)> {
    items(plan, "gone")
}

/// What stays.
pub(super) fn kept(plan: &Value) -> BTreeSet<(String, Digest)> {
    items(plan, "kept")
}

fn items(plan: &Value, which: &str) -> BTreeSet<(String, Digest)> {
    let repositories = plan["repositories"].as_object().unwrap();
    let digests = |repository: &Value| -> Vec<Digest> {
        let items = repository[which].as_array().unwrap();
        items.iter().map(|item| item["digest"].as_str().unwrap().parse().unwrap()).collect()
    };
    repositories
        .iter()
        .flat_map(|(name, repository)| {
            digests(repository).into_iter().map(move |digest| (name.clone(), digest))
        })
        .collect()
}

/// The codes of a plan's findings.
pub(super) fn codes(plan: &Value) -> Vec<String> {
    let findings = plan["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
    findings.iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
}
