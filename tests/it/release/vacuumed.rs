//! Releases that are over go; what runs, what may be next, and what they share with those that go, stays.

use ombundle::digest::Digest;
use serde_json::{Value, json};

use super::site::{GRAPH, IMAGES, IMPORT, PARTS, Site};

/// Every kind that a vacuum wants to see, of a cluster that runs this release.
pub(super) fn dump(site: &Site, version: &str) {
    let mut items: Vec<Value> = ["ClusterServiceVersion", "Subscription", "Pod", "Deployment", "DaemonSet", "CatalogSource"]
        .iter()
        .map(|kind| json!({"apiVersion": "operators.coreos.com/v1", "kind": kind, "spec": {},
                           "metadata": {"name": "some", "namespace": "default"}, "status": {"phase": "Succeeded"}}))
        .collect();
    items.push(json!({"apiVersion": "config.openshift.io/v1", "kind": "ClusterVersion", "metadata": {"name": "version"},
                      "status": {"desired": {"version": version}}}));
    site.world
        .folder
        .write("dump.json", json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string());
}

fn plan(site: &Site) -> Value {
    site.json("vacuum --site site.yaml --cluster dump.json -o vacuum.json", 0)
}

fn gone(plan: &Value, repository: &str) -> Vec<Digest> {
    let items = plan["repositories"][repository]["gone"].as_array().unwrap();
    items.iter().map(|item| item["digest"].as_str().unwrap().parse().unwrap()).collect()
}

#[test]
fn releases_that_are_over_go_with_what_is_theirs_alone() {
    let site = Site::new();
    site.pack();
    site.ok(IMPORT);
    let old = site.tag(PARTS, "4.20.0-x86_64-console").unwrap();
    let shared = site.tag(PARTS, "4.20.5-x86_64-etcd").unwrap();
    let graph = site.tag(GRAPH, "latest").unwrap();
    // What runs is the lower one: the other is the next hop. Or the lower one is the way back.
    for runs in ["4.20.0", "4.20.5"] {
        dump(&site, runs);
        let plan = plan(&site);
        assert_eq!(
            (gone(&plan, IMAGES), gone(&plan, PARTS)),
            (vec![], vec![]),
            "{runs}: {}",
            plan["findings"]
        );
    }
    site.edit("site.yaml", "  platforms:", "  keepGenerations: 0\n  platforms:");
    dump(&site, "4.20.0");
    assert_eq!(gone(&plan(&site), IMAGES), []);
    dump(&site, "4.20.5");
    let planned = plan(&site);
    assert_eq!((gone(&planned, IMAGES), gone(&planned, PARTS)), (vec![site.digests[1]], vec![old]));
    assert!(!gone(&planned, GRAPH).contains(&graph));
    site.ok("vacuum --site site.yaml --apply vacuum.json");
    assert_eq!(site.tag(IMAGES, "4.20.0-x86_64"), None);
    assert_eq!(site.tag(PARTS, "4.20.5-x86_64-etcd"), Some(shared));
    let checked: Value = site.json("check --site site.yaml", 0);
    assert_eq!(checked["releases"].as_object().unwrap().len(), 1, "{checked}");
}
