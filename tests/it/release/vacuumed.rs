//! Releases that are over go; what runs, what may be next, and what they share with those that go, stays.

use ombundle::digest::Digest;
use serde_json::{Value, json};

use super::site::{GRAPH, IMAGES, IMPORT, PARTS, Site};
use super::world::component;
use crate::vacuum::site::{cluster_version, plain_objects};

/// Every kind that a vacuum wants to see, of a cluster that runs this release.
pub(super) fn dump(site: &Site, version: &str) {
    let mut items: Vec<Value> = ["ClusterServiceVersion", "Subscription", "Pod", "CatalogSource"]
        .iter()
        .map(|kind| json!({"apiVersion": "operators.coreos.com/v1", "kind": kind, "spec": {},
                           "metadata": {"name": "some", "namespace": "default"}, "status": {"phase": "Succeeded"}}))
        .collect();
    items.extend(plain_objects());
    items.push(cluster_version(version));
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
    // A component of what stays needs no tag of its own to stay.
    let console = site.tag(PARTS, "4.20.5-x86_64-console").unwrap();
    let tags =
        site.production.storage().join(format!("docker/registry/v2/repositories/{PARTS}/_manifests/tags"));
    let held = tags.join(format!("sha256-{}", console.hex()));
    if held.exists() {
        std::fs::remove_dir_all(&held).unwrap();
    }
    std::fs::rename(tags.join("4.20.5-x86_64-console"), held).unwrap();
    let planned = plan(&site);
    assert_eq!((gone(&planned, IMAGES), gone(&planned, PARTS)), (vec![site.digests[1]], vec![old]));
    // What is over and named by the cluster stays whole.
    let text = site.text("dump.json");
    let named = format!("\"spec\":{{\"note\":\"q.example/release@{}\"}}", site.digests[1]);
    site.world.folder.write("dump.json", text.replacen("\"spec\":{}", &named, 1));
    let whole = plan(&site);
    assert_eq!((gone(&whole, IMAGES), gone(&whole, PARTS)), (vec![], vec![]));
    site.world.folder.write("dump.json", text);
    // Of a release that cannot be read nobody knows what it needs: nothing goes.
    let place = site.production.repository(IMAGES);
    let strange = site.world.put(&component("no-release", 10), &place, Some("4.20.9-x86_64"));
    let unread = site.json("vacuum --site site.yaml --cluster dump.json", 10);
    assert_eq!(
        (&unread["findings"][0]["code"], &unread["totals"]["gone"]),
        (&json!("RELEASE_UNREADABLE"), &json!(0))
    );
    assert!(site.client.delete_manifest(&place, strange).unwrap());
    plan(&site);
    assert!(!gone(&planned, GRAPH).contains(&graph));
    site.ok("vacuum --site site.yaml --apply vacuum.json");
    assert_eq!(site.tag(IMAGES, "4.20.0-x86_64"), None);
    assert_eq!(site.tag(PARTS, "4.20.5-x86_64-etcd"), Some(shared));
    let checked: Value = site.json("check --site site.yaml", 0);
    assert_eq!(checked["releases"].as_object().unwrap().len(), 1, "{checked}");
}
