//! The canonical text: order, what survives, what was changed, names that are no file names.

use super::{SMALL, load};
use crate::catalog::{Catalog, write};

fn text(catalog: &Catalog, path: &str) -> String {
    String::from_utf8(write::files(catalog)[path].clone()).unwrap()
}

#[test]
fn a_small_catalog_reads_like_opm_wrote_it() {
    let catalog = load(&[("any", SMALL)]).catalog;
    assert_eq!(
        text(&catalog, "p/catalog.json"),
        r#"{
    "schema": "olm.package",
    "name": "p",
    "defaultChannel": "c"
}
{
    "schema": "olm.channel",
    "name": "c",
    "package": "p",
    "entries": [
        {
            "name": "p.v1.0.0"
        }
    ]
}
{
    "schema": "olm.bundle",
    "name": "p.v1.0.0",
    "package": "p",
    "image": "r.example/p@sha256:00",
    "properties": [
        {
            "type": "olm.package",
            "value": {
                "packageName": "p",
                "version": "1.0.0"
            }
        }
    ]
}
"#
    );
    assert_eq!(write::stream(&catalog), write::files(&catalog)["p/catalog.json"]);
}

#[test]
fn unknown_fields_survive_a_change_of_edges() {
    let channel = r#"{"schema":"olm.channel","package":"q","NAME":"c","vendor":{"n":1.10},
        "entries":[{"name":"a","x":[1],"skips":["z","b"]},{"Name":"b","skipRange":"","y":2}]}"#;
    let package = r#"{"name":"q","schema":"olm.package","defaultChannel":"c","vendor":"<&>"}"#;
    let mut catalog = load(&[("a", &format!("{package}{channel}"))]).catalog;
    let q = catalog.packages.get_mut("q").unwrap();
    q.default_channel = "d".to_owned();
    let c = q.channels.get_mut("c").unwrap();
    c.entries[1].replaces = Some("old".to_owned());
    c.entries.swap(0, 1);
    let text = text(&catalog, "q/catalog.json");
    let compact: String = text.split_whitespace().collect();
    assert_eq!(
        compact,
        concat!(
            r#"{"schema":"olm.package","name":"q","defaultChannel":"d","vendor":"<&>"}"#,
            r#"{"schema":"olm.channel","name":"c","package":"q","entries":[{"name":"b","replaces":"old","y":2},"#,
            r#"{"name":"a","skips":["b","z"],"x":[1]}],"vendor":{"n":1.10}}"#
        )
    );
    let again = load(&[("b", &text)]);
    assert_eq!(again.findings, []);
    assert_eq!(write::stream(&again.catalog), text.as_bytes());
    assert_eq!(
        again.catalog.packages["q"].channels["c"].entries,
        catalog.packages["q"].channels["c"].entries
    );
}

#[test]
fn order_is_package_channels_bundles_others_deprecations() {
    let blobs = [
        r#"{"schema":"z.other","package":"p","name":"2"}"#,
        r#"{"schema":"olm.deprecations","package":"p","entries":[]}"#,
        r#"{"schema":"olm.channel","package":"p","name":"b","entries":[]}"#,
        r#"{"schema":"a.other","package":"p"}"#,
        r#"{"schema":"loose.z"}"#,
        r#"{"schema":"loose.a"}"#,
    ]
    .concat();
    let catalog = load(&[("a", &blobs), ("b", SMALL)]).catalog;
    let schemas: Vec<String> =
        catalog.blobs().iter().map(|blob| format!("{} {}", blob.schema, blob.name)).collect();
    assert_eq!(
        schemas,
        [
            "olm.package p",
            "olm.channel b",
            "olm.channel c",
            "olm.bundle p.v1.0.0",
            "a.other ",
            "z.other 2",
            "olm.deprecations ",
            "loose.a ",
            "loose.z "
        ]
    );
    let files = write::files(&catalog);
    assert_eq!(files.keys().collect::<Vec<_>>(), ["catalog.json", "p/catalog.json"]);
}

#[test]
fn a_name_cannot_leave_the_folder() {
    let names = ["../../etc", ".", "..", "a/b", "ok-1.2_x", "", "ä"];
    let blobs: String = names
        .iter()
        .map(|name| {
            serde_json::json!({"schema": "olm.package", "name": name, "defaultChannel": "c"}).to_string()
        })
        .collect();
    let catalog = load(&[("a", &blobs)]).catalog;
    assert_eq!(
        write::files(&catalog).keys().collect::<Vec<_>>(),
        [
            "%2E%2E%2F..%2Fetc/catalog.json".replace("%2E%2E", "%2E."),
            "%2E./catalog.json".to_owned(),
            "%2E/catalog.json".to_owned(),
            "%C3%A4/catalog.json".to_owned(),
            "a%2Fb/catalog.json".to_owned(),
            "ok-1.2_x/catalog.json".to_owned(),
        ]
        .iter()
        .collect::<Vec<_>>()
    );
}

#[test]
fn yaml_says_the_same() {
    let catalog = load(&[("a", SMALL)]).catalog;
    let yaml = String::from_utf8(write::yaml_stream(&catalog)).unwrap();
    assert!(yaml.starts_with("---\n"));
    let again = load(&[("a.yaml", &yaml)]);
    assert_eq!(again.findings, []);
    assert_eq!(write::stream(&again.catalog), write::stream(&catalog));
}
