//! Small catalogs set side by side.

use serde_json::{Value, json};

use super::{Change, Moved, diff};
use crate::catalog::Catalog;

fn bundle(package: &str, version: &str, digit: char) -> Value {
    let image = |part: &str, digit: char| {
        format!("r.example/{package}/{part}@sha256:{}", digit.to_string().repeat(64))
    };
    json!({
        "schema": "olm.bundle", "package": package, "name": format!("{package}.v{version}"), "image": image("bundle", digit),
        "properties": [
            {"type": "olm.gvk", "value": {"group": "g", "kind": "K", "version": "v1"}},
            {"type": "olm.package", "value": {"packageName": package, "version": version}},
        ],
        "relatedImages": [{"name": "a", "image": image("a", digit)}, {"name": "b", "image": image("b", '0')}],
    })
}

/// A package with one channel and two bundles, a deprecation and a blob of a vendor.
fn blobs(package: &str) -> Vec<Value> {
    vec![
        json!({"schema": "olm.package", "name": package, "defaultChannel": "fast", "description": "old"}),
        json!({"schema": "olm.channel", "package": package, "name": "fast", "entries": [
            {"name": format!("{package}.v2.0.0"), "replaces": format!("{package}.v1.0.0"), "skips": ["x", "y"], "skipRange": "<2.0.0"},
            {"name": format!("{package}.v1.0.0")},
        ]}),
        bundle(package, "1.0.0", '1'),
        bundle(package, "2.0.0", '2'),
        json!({"schema": "olm.deprecations", "package": package, "entries": [
            {"reference": {"schema": "olm.bundle", "name": format!("{package}.v1.0.0")}, "message": "old"},
        ]}),
        json!({"schema": "vendor.thing", "package": package, "name": "t", "n": 1}),
    ]
}

fn catalog(blobs: &[Value]) -> Catalog {
    let loaded = Catalog::from_values(blobs);
    assert_eq!(loaded.findings, []);
    loaded.catalog
}

fn came(to: &str) -> Moved<Option<String>> {
    Moved { from: None, to: Some(to.to_owned()) }
}

#[test]
fn a_catalog_is_like_itself_in_any_form() {
    let one = catalog(&blobs("p"));
    assert!(diff(&one, &one).is_empty());
    // Other order of blobs, keys, properties and images, and an indent.
    let mut turned = blobs("p");
    turned.reverse();
    for blob in &mut turned {
        for list in ["properties", "relatedImages"] {
            if let Some(list) = blob.get_mut(list).and_then(Value::as_array_mut) {
                list.reverse();
            }
        }
    }
    let text: String = turned.iter().map(|blob| serde_json::to_string_pretty(blob).unwrap()).collect();
    let other = crate::catalog::load([("c".to_owned(), text.into_bytes())], &crate::limits::LIMITS).catalog;
    assert!(diff(&one, &other).is_empty(), "{:?}", diff(&one, &other));
}

#[test]
fn packages_come_and_go() {
    let (one, two) = (catalog(&blobs("p")), catalog(&[blobs("p"), blobs("q")].concat()));
    let found = diff(&one, &two);
    assert_eq!(found.packages.keys().collect::<Vec<_>>(), ["q"]);
    let q = &found.packages["q"];
    assert_eq!(q.change, Change::Added);
    assert_eq!(q.default_channel, Some(came("fast")));
    assert_eq!(q.channels["fast"].head, Some(came("q.v2.0.0")));
    assert_eq!(q.bundles["q.v1.0.0"].version, Some(came("1.0.0")));
    assert_eq!((found.images.added.len(), found.images.removed.len()), (5, 0));
    let back = diff(&two, &one);
    assert_eq!(back.packages["q"].change, Change::Removed);
    assert_eq!((back.images.added.len(), back.images.removed.len()), (0, 5));
}

#[test]
fn each_part_of_a_package_is_told_apart() {
    let old = catalog(&blobs("p"));
    let changed = |at: usize, change: fn(&mut Value)| {
        let mut blobs = blobs("p");
        change(&mut blobs[at]);
        let mut found = diff(&old, &catalog(&blobs));
        let package = found.packages.remove("p").unwrap();
        assert!(found.packages.is_empty());
        serde_json::to_value(package).unwrap()
    };
    for (at, change, expected) in [
        (
            0,
            (|it| it["description"] = json!("new")) as fn(&mut Value),
            json!({"change": "changed", "fields": ["description"]}),
        ),
        (
            0,
            |it| it["defaultChannel"] = json!(""),
            json!({"change": "changed", "defaultChannel": {"from": "fast", "to": null}}),
        ),
        (
            1,
            |it| it["entries"][0]["skips"] = json!(["y", "z"]),
            json!({"change": "changed", "channels": {"fast": {"change": "changed", "entries": {
                "p.v2.0.0": {"change": "changed", "skips": {"added": ["z"], "removed": ["x"]}}}}}}),
        ),
        (
            1,
            |it| it["entries"][0]["skipRange"] = json!(">=1.0.0 <2.0.0"),
            json!({"change": "changed", "channels": {"fast": {"change": "changed", "entries": {
                "p.v2.0.0": {"change": "changed", "skipRange": {"from": "<2.0.0", "to": ">=1.0.0 <2.0.0"}}}}}}),
        ),
        (
            1,
            |it| {
                it["entries"][0]["replaces"] = json!("");
                it["entries"][1]["replaces"] = json!("p.v2.0.0");
            },
            json!({"change": "changed", "channels": {"fast": {"change": "changed",
                "head": {"from": "p.v2.0.0", "to": "p.v1.0.0"}, "entries": {
                "p.v1.0.0": {"change": "changed", "replaces": {"from": null, "to": "p.v2.0.0"}},
                "p.v2.0.0": {"change": "changed", "replaces": {"from": "p.v1.0.0", "to": null}}}}}}),
        ),
        (
            2,
            |it| it["image"] = json!("r.example/other:v1"),
            json!({"change": "changed", "bundles": {"p.v1.0.0": {"change": "changed", "image":
                {"from": format!("r.example/p/bundle@sha256:{}", "1".repeat(64)), "to": "r.example/other:v1"}}}}),
        ),
        (
            2,
            |it| it["relatedImages"][1]["name"] = json!("c"),
            json!({"change": "changed", "bundles": {"p.v1.0.0": {"change": "changed", "fields": ["relatedImages"]}}}),
        ),
        (
            2,
            |it| it["properties"][0]["value"]["kind"] = json!("L"),
            json!({"change": "changed", "bundles": {"p.v1.0.0": {"change": "changed", "properties": ["olm.gvk"]}}}),
        ),
        (
            2,
            |it| it["vendor"] = json!(true),
            json!({"change": "changed", "bundles": {"p.v1.0.0": {"change": "changed", "fields": ["vendor"]}}}),
        ),
        (
            4,
            |it| it["entries"][0]["message"] = json!("older"),
            json!({"change": "changed", "deprecations": {"changed": {"bundle `p.v1.0.0`": {"from": "old", "to": "older"}}}}),
        ),
        (
            4,
            |it| it["entries"] = json!([]),
            json!({"change": "changed", "deprecations": {"removed": {"bundle `p.v1.0.0`": "old"}}}),
        ),
    ] {
        assert_eq!(changed(at, change), expected);
    }
    let others = changed(5, |it| it["n"] = json!(2));
    assert_eq!(others["others"]["added"].as_array().unwrap().len(), 1);
    assert_eq!(others["others"]["removed"].as_array().unwrap().len(), 1);
}
