//! What opm finds in the cache, and the digest that it compares.

use serde_json::{Value, json};

use super::*;
use crate::limits::LIMITS;

const CSV: &str = "{\"kind\": \"ClusterServiceVersion\", \"metadata\": {\"name\": \"p.v1.0.0\"}}";

fn catalog() -> Catalog {
    let property = |kind: &str, value: Value| json!({"type": kind, "value": value});
    let identity = |version: &str| property("olm.package", json!({"packageName": "p", "version": version}));
    let data = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, CSV);
    let loaded = Catalog::from_values(&[
        json!({"schema": "olm.package", "name": "p", "defaultChannel": "fast", "description": "what it <is>",
               "icon": {"base64data": "PHN2Zy8+", "mediatype": "image/svg+xml"}}),
        json!({"schema": "olm.channel", "package": "p", "name": "fast", "entries": [
            {"name": "p.v1.0.0"},
            {"name": "p.v1.1.0", "replaces": "p.v1.0.0", "skips": ["p.v1.0.1"], "skipRange": ">=1.0.0 <1.1.0"},
        ]}),
        json!({"schema": "olm.channel", "package": "p", "name": "slow", "entries": [{"name": "p.v1.0.0"}]}),
        json!({"schema": "olm.bundle", "package": "p", "name": "p.v1.0.0", "image": "quay.io/p@sha256:0000000000000000000000000000000000000000000000000000000000000000",
               "properties": [identity("1.0.0"), property("olm.bundle.object", json!({"data": data}))]}),
        json!({"schema": "olm.bundle", "package": "p", "name": "p.v1.1.0", "image": "quay.io/p@sha256:1111111111111111111111111111111111111111111111111111111111111111",
        "relatedImages": [{"name": "a", "image": "quay.io/a:1"}],
        "properties": [
            identity("1.1.0"),
            property("olm.gvk", json!({"group": "g", "kind": "K", "version": "v1"})),
            property("olm.gvk.required", json!({"group": "h", "kind": "L", "version": "v2"})),
            property("olm.package.required", json!({"packageName": "q", "versionRange": ">=1.0.0 <2.0.0-0"})),
            property("olm.csv.metadata", json!({"displayName": "P", "crdDescriptions": {"owned": []}, "annotations": {"a": "b"}})),
        ]}),
        json!({"schema": "olm.deprecations", "package": "p", "entries": [
            {"reference": {"schema": "olm.package"}, "message": "gone soon"},
            {"reference": {"schema": "olm.channel", "name": "slow"}, "message": "use fast"},
            {"reference": {"schema": "olm.bundle", "name": "p.v1.0.0"}, "message": "too old"},
        ]}),
    ]);
    assert_eq!(loaded.findings, []);
    loaded.catalog
}

fn value(files: &BTreeMap<String, Vec<u8>>, name: &str) -> Value {
    serde_json::from_slice(&files[name]).unwrap()
}

#[test]
fn opm_finds_packages_channels_and_bundles() {
    let configs = BTreeMap::from([("p/catalog.json".to_owned(), b"{}".to_vec())]);
    let files = json(&catalog(), &configs, &LIMITS).unwrap();
    assert_eq!(
        files.keys().collect::<Vec<_>>(),
        [
            "cache/p_fast_p.v1.0.0.json",
            "cache/p_fast_p.v1.1.0.json",
            "cache/p_slow_p.v1.0.0.json",
            "cache/packages.json",
            "digest"
        ]
    );
    let edge = |channel: &str, name: &str, replaces: &str, skips: Value| json!({"package": "p", "channel": channel, "name": name, "replaces": replaces, "skips": skips});
    assert_eq!(
        value(&files, "cache/packages.json"),
        json!({"p": {
            "name": "p", "description": "what it <is>", "defaultChannel": "fast",
            "icon": {"base64data": "PHN2Zy8+", "mediatype": "image/svg+xml"},
            "deprecation": {"message": "gone soon"},
            "Channels": {
                "fast": {"Name": "fast", "Head": "p.v1.1.0", "Bundles": {
                    "p.v1.0.0": edge("fast", "p.v1.0.0", "", Value::Null),
                    "p.v1.1.0": edge("fast", "p.v1.1.0", "p.v1.0.0", json!(["p.v1.0.1"])),
                }},
                "slow": {"Name": "slow", "Head": "p.v1.0.0", "deprecation": {"message": "use fast"},
                         "Bundles": {"p.v1.0.0": edge("slow", "p.v1.0.0", "", Value::Null)}},
            },
        }})
    );
    assert_eq!(
        value(&files, "cache/p_slow_p.v1.0.0.json"),
        json!({
            "csvName": "p.v1.0.0", "packageName": "p", "channelName": "slow", "version": "1.0.0",
            "bundlePath": "quay.io/p@sha256:0000000000000000000000000000000000000000000000000000000000000000",
            "csvJson": CSV, "object": [CSV],
            "properties": [{"type": "olm.package", "value": r#"{"packageName":"p","version":"1.0.0"}"#}],
            "deprecation": {"message": "too old"},
        })
    );
    let new = value(&files, "cache/p_fast_p.v1.1.0.json");
    assert_eq!(new["replaces"], "p.v1.0.0");
    assert_eq!((&new["skips"], &new["skipRange"]), (&json!(["p.v1.0.1"]), &json!(">=1.0.0 <1.1.0")));
    assert_eq!(new["providedApis"], json!([{"group": "g", "version": "v1", "kind": "K"}]));
    assert_eq!(new["requiredApis"], json!([{"group": "h", "version": "v2", "kind": "L"}]));
    assert_eq!(
        new["dependencies"],
        json!([
            {"type": "olm.gvk", "value": r#"{"group":"h","kind":"L","version":"v2"}"#},
            {"type": "olm.package", "value": r#"{"packageName":"q","version":">=1.0.0 <2.0.0-0"}"#},
        ])
    );
    assert_eq!(new["properties"].as_array().unwrap().len(), 4, "what is large is not repeated");
    assert_eq!(new["object"], json!([new["csvJson"]]));
    let csv: Value = serde_json::from_str(new["csvJson"].as_str().unwrap()).unwrap();
    assert_eq!(
        csv,
        json!({
            "apiVersion": "operators.coreos.com/v1alpha1", "kind": "ClusterServiceVersion",
            "metadata": {"name": "p.v1.1.0", "creationTimestamp": null, "annotations": {"a": "b"}},
            "spec": {
                "displayName": "P", "description": "what it <is>", "version": "1.1.0",
                "customresourcedefinitions": {"owned": []},
                "icon": [{"base64data": "PHN2Zy8+", "mediatype": "image/svg+xml"}],
                "install": {"strategy": "deployment", "spec": {"deployments": null}},
                "relatedImages": [{"name": "a", "image": "quay.io/a:1"}], "cleanup": {"enabled": false},
            },
            "status": {"cleanup": {}},
        })
    );
    // As Go writes it: this is what the digest is over.
    let raw = String::from_utf8(files["cache/packages.json"].clone()).unwrap();
    assert!(raw.starts_with(r#"{"p":{"name":"p","description":"what it \u003cis\u003e","icon":"#), "{raw}");
}

/// Expected values: Go's own `archive/tar`, `io/fs` and `hash/fnv` over folders with these files and modes.
#[test]
fn the_digest_is_that_of_go() {
    let files = |names: &[&str]| -> BTreeMap<String, Vec<u8>> {
        names.iter().map(|name| ((*name).to_owned(), name.as_bytes().to_vec())).collect()
    };
    let long = "l".repeat(130);
    let deep = format!("{}/{}", "d".repeat(90), "f".repeat(80));
    let deeper = format!("{}/{}", "d".repeat(99), "f".repeat(120));
    let block = "b".repeat(99) + "/x";
    for (names, modes, expected) in [
        (vec![], MODES, "425145506de93e5a"),
        (vec!["a/catalog.json", "a.json", "a-b/c", ".indexignore"], MODES, "7f3b0d366556cee3"),
        (vec!["a/catalog.json"], Modes { folder: 0o750, file: 0o640 }, "9a88584e48b92f55"),
        (vec![long.as_str()], MODES, "ab39e875e298576e"),
        (vec![deep.as_str()], MODES, "716db6d44ab22ae1"),
        (vec![deeper.as_str()], MODES, "294197820f021400"),
        (vec!["ä/ö.json"], MODES, "4234e6b76dde69aa"),
        (vec![block.as_str()], MODES, "0a8b75918f1df1de"),
    ] {
        let mut digester = Digester::default();
        digester.tree(&files(&names), modes);
        assert_eq!(digester.hex(), expected, "{names:?}");
    }
}

#[test]
fn what_opm_could_not_hold_is_refused() {
    let rename = |from: &str, to: &str| {
        let values: Vec<Value> = catalog().values();
        let text = serde_json::to_string(&values).unwrap().replace(from, to);
        Catalog::from_values(&serde_json::from_str::<Vec<Value>>(&text).unwrap()).catalog
    };
    let refused = |catalog: &Catalog| json(catalog, &BTreeMap::new(), &LIMITS).unwrap_err();
    let name = |error: ServeCacheError| match error {
        ServeCacheError::Name { name, .. } => name,
        other => panic!("{other}"),
    };
    assert_eq!(name(refused(&rename("p.v1.0.0", "../p"))), "p_fast_../p.json");
    assert_eq!(name(refused(&rename("p.v1.0.0", &"x".repeat(250)))).len(), 262);
    // Channel `c_a` with bundle `x`, and channel `c` with bundle `a_x`, are the same file.
    let mut twins = rename("p.v1.0.0", "a_fast");
    let package = twins.packages.get_mut("p").unwrap();
    let mut slow = package.channels.remove("slow").unwrap();
    slow.name = "fast_a".to_owned();
    slow.entries[0].name = "fast".to_owned();
    package.channels.insert(slow.name.clone(), slow);
    let bundle = package.bundles["a_fast"].clone();
    package.bundles.insert("fast".to_owned(), bundle);
    assert_eq!(name(refused(&twins)), "p_fast_a_fast.json");

    let tight = Limits { catalog_bytes: 100, ..LIMITS };
    let error = json(&catalog(), &BTreeMap::new(), &tight).unwrap_err();
    assert_eq!(error, ServeCacheError::TooLarge { limit: 100 });

    let mut headless = catalog();
    headless.packages.get_mut("p").unwrap().channels.get_mut("slow").unwrap().entries.clear();
    let error = json(&headless, &BTreeMap::new(), &LIMITS).unwrap_err().to_string();
    assert_eq!(error, "opm's cache cannot hold channel `slow` of package `p`: it has no head, or several");
    let twice = rename(
        r#"{"type":"olm.csv.metadata""#,
        r#"{"type":"olm.csv.metadata","value":{}},{"type":"olm.csv.metadata""#,
    );
    let error = json(&twice, &BTreeMap::new(), &LIMITS).unwrap_err().to_string();
    assert!(error.ends_with("it has 2 properties of type `olm.csv.metadata`"), "{error}");
}
