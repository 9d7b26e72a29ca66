//! Releases move to the other port with all that belongs to them, and the former port lets go of them.

use std::collections::BTreeMap;

use ombundle::digest::Digest;
use ombundle::reference::RegistryHost;
use ombundle::registry::Target;
use serde_json::Value;

use super::site::{GRAPH, IMAGES, IMPORT, PARTS, Site};
use super::vacuumed::dump;
use super::world::{COMPONENTS, RELEASES};

const MIRRORS: &str = "01-imagedigestmirrorset-idms-here-production.yaml";

/// What a registry has of the releases: each tag with what it leads to.
fn held(site: &Site, host: &RegistryHost) -> BTreeMap<String, Digest> {
    let mut held = BTreeMap::new();
    for name in [IMAGES, PARTS, GRAPH] {
        let repository = format!("{host}/{name}").parse().unwrap();
        for tag in site.client.tags(&repository).unwrap() {
            let found = site.client.head_manifest(&repository, &Target::Tag(tag.clone())).unwrap();
            held.extend(found.map(|found| (format!("{name}:{tag}"), found.digest)));
        }
    }
    held
}

fn codes(result: &Value) -> Vec<&str> {
    let findings = result["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut codes: Vec<&str> = findings.iter().map(|found| found["code"].as_str().unwrap()).collect();
    codes.dedup();
    codes
}

#[test]
fn releases_move_with_their_components_and_the_update_service_follows() {
    let site = Site::new();
    // One component does not travel, which stops nothing and is told.
    site.edit(
        "imageset.yaml",
        "mirror:\n",
        "mirror:\n  blockedImages: [{name: 'openshift/release:.*-console$'}]\n",
    );
    site.pack();
    site.ok(IMPORT);
    let (old, new) = (site.production.host(), site.staging.host());
    let mut there = held(&site, &old);
    let tags: Vec<&String> = there.keys().filter(|name| !name.contains(":sha256-")).collect();
    assert!(tags.len() >= 5 && there.contains_key(&format!("{PARTS}:4.20.5-x86_64-etcd")), "{tags:?}");
    let graph = there[&format!("{GRAPH}:latest")];

    dump(&site, "4.20.0");
    let empty = "vacuum --site site.yaml --cluster dump.json --empty staging -o empty.json";
    let apply_empty = "vacuum --site site.yaml --cluster dump.json --apply empty.json";
    site.ok(empty);
    site.ok(apply_empty);
    assert_eq!(held(&site, &new).len(), 0);
    let plan = site.json("vacuum --site site.yaml --cluster dump.json --move-to staging -o move.json", 0);
    assert_eq!((codes(&plan), &plan["totals"]["gone"]), (vec![], &1.into()), "{plan}");
    // What the image with the graph data was made from is needed by nobody.
    let base = plan["repositories"][GRAPH]["gone"][0]["tags"][0].as_str().unwrap();
    assert!(there.remove(&format!("{GRAPH}:{base}")).is_some());
    let moved = site.json("vacuum --site site.yaml --cluster dump.json --apply move.json --emit moved", 0);
    // As `check` tells it of the former production.
    assert_eq!(codes(&moved), ["COMPONENT_LEFT_OUT"], "{moved}");
    assert_eq!(held(&site, &new), there);

    let (both, alone) =
        (site.text(&format!("moved/cluster/{MIRRORS}")), site.text(&format!("moved/leave/{MIRRORS}")));
    for (source, place) in [(RELEASES, IMAGES), (COMPONENTS, PARTS)] {
        let entry = |mirrors: &str| format!("- source: \"quay.io/{source}\"\n      mirrors:\n{mirrors}");
        let [first, second] = [&new, &old].map(|host| format!("        - \"{host}/{place}\"\n"));
        assert!(both.contains(&entry(&format!("{first}{second}"))), "{both}");
        assert!(alone.contains(&entry(&first)) && !alone.contains(old.as_str()), "{alone}");
    }
    let service = |path: &str, host: &RegistryHost| {
        let text = site.text(path);
        assert!(text.contains(&format!("releases: \"{host}/{IMAGES}\"")), "{text}");
        assert!(text.contains(&format!("graphDataImage: \"{host}/{GRAPH}@{graph}\"")), "{text}");
    };
    service("moved/cluster/02-updateservice-service.yaml", &new);
    service("moved/back/02-updateservice-service.yaml", &old);
    for file in ["RUNBOOK.md", "RUNBOOK.ko.md", "RUNBOOK.zh.md"] {
        let text = site.text(&format!("moved/{file}"));
        let order = [
            "cluster/02-updateservice",
            &format!("leave/{MIRRORS}"),
            "--empty staging",
            "back/02-updateservice",
        ]
        .map(|what| text.find(what).unwrap_or_else(|| panic!("{file} has no {what}")));
        assert!(order.is_sorted(), "{file}: {order:?}");
    }

    site.world.folder.write("site.yaml", site.text("moved/site.yaml"));
    let checked = site.json("check --site site.yaml", 0);
    assert_eq!(codes(&checked), ["COMPONENT_LEFT_OUT"]);
    assert_eq!(checked["releases"].as_object().unwrap().len(), 2, "{checked}");
    let plan = site.json(empty, 0);
    assert_eq!((codes(&plan), &plan["totals"]["kept"]), (vec![], &0.into()), "{plan}");
    site.ok(apply_empty);
    assert_eq!((held(&site, &old).len(), held(&site, &new)), (0, there));
    site.ok("check --site site.yaml");
}
