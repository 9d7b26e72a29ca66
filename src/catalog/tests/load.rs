//! Reading and linking: encodings, ignored files, refused blobs, what survives.

use super::{SMALL, codes, load};
use crate::catalog::{Blob, Catalog, Origin, load as load_files};
use crate::limits::{LIMITS, Limits};

#[test]
fn a_small_catalog() {
    let loaded = load(&[("p/catalog.json", SMALL)]);
    assert_eq!(loaded.findings, []);
    let package = &loaded.catalog.packages["p"];
    assert_eq!(package.default_channel, "c");
    assert_eq!(package.channels["c"].entries[0].name, "p.v1.0.0");
    let bundle = &package.bundles["p.v1.0.0"];
    assert_eq!((bundle.version.as_str(), bundle.image.as_str()), ("1.0.0", "r.example/p@sha256:00"));
    assert_eq!((&*bundle.blob.origin.file, bundle.blob.origin.line), ("p/catalog.json", 3));
    assert_eq!(bundle.properties[0].json(), r#"{"packageName":"p","version":"1.0.0"}"#);
}

#[test]
fn yaml_and_json_give_the_same() {
    let yaml = "---\nschema: olm.package\nname: p\ndefaultChannel: c\n---\nschema: olm.channel\npackage: p\nname: c\n\
                entries:\n- name: p.v1.0.0\n  skips: [p.v0.9.0]\n  skipRange: '<1.0.0'\n---\n---\nschema: olm.bundle\npackage: p\n\
                name: p.v1.0.0\nimage: r.example/p@sha256:00\nproperties:\n- type: olm.package\n  value: {packageName: p, version: 1.0.0}\n";
    let loaded = load(&[("p.yml", yaml)]);
    assert_eq!(loaded.findings, []);
    let package = &loaded.catalog.packages["p"];
    let entry = &package.channels["c"].entries[0];
    assert_eq!(entry.skip_range.as_deref(), Some("<1.0.0"));
    assert!(entry.skips.contains("p.v0.9.0"));
    assert_eq!(package.channels["c"].blob.origin.line, 5);
    assert_eq!(package.bundles["p.v1.0.0"].version.as_str(), "1.0.0");
}

#[test]
fn nothing_unknown_is_lost() {
    let other = r#"{"schema":"vendor.thing","package":"p","name":"x","n":12345678901234567890123,"f":1.10,"u":"\u003c"}"#;
    let loose = r#"{"schema":"vendor.loose","z":[1,  2]}"#;
    let odd = r#"{"schema":"vendor.odd","package":"nowhere","entries":"not a list"}"#;
    let loaded = load(&[("a.json", SMALL), ("b.txt", &format!("{other}{loose}\n\n{odd}"))]);
    assert_eq!(loaded.findings, []);
    assert_eq!(loaded.catalog.packages["p"].others[0].raw.get(), other);
    assert_eq!(loaded.catalog.others[0].raw.get(), loose);
    assert_eq!(loaded.catalog.others[1].raw.get(), odd);
    assert_eq!(loaded.catalog.others[1].origin.line, 3);
}

#[test]
fn keys_fold_as_in_go() {
    let loaded = load(&[("a.json", r#"{"Schema":"olm.package","NAME":"p","defaultchannel":"c"}"#)]);
    assert_eq!(loaded.findings, []);
    assert_eq!(loaded.catalog.packages["p"].default_channel, "c");
    for twice in [
        r#"{"schema":"olm.package","name":"p","Name":"q"}"#,
        r#"{"schema":"olm.package","Straße":1,"STRASSE":2,"straße":3,"name":"p"}"#,
    ] {
        let loaded = load(&[("a.json", twice)]);
        assert_eq!(codes(&loaded.findings), ["BAD_BLOB"], "{twice}");
        assert!(loaded.findings[0].message.contains("differ in case only"));
    }
}

#[test]
fn what_is_refused() {
    for (text, code, line) in [
        ("{\"name\":\"p\"}", "MISSING_SCHEMA", 1),
        ("\n{\"schema\":5}", "BAD_BLOB", 2),
        ("{\"schema\":\"x\",\"package\":null}", "BAD_BLOB", 1),
        ("{\"schema\":\"x\"}\n[]", "BAD_BLOB", 2),
        ("{\"schema\":\"x\"}\n{", "UNREADABLE", 2),
        ("- a\n- b\n", "BAD_BLOB", 1),
        ("# Title\n\nSome words.\n", "BAD_BLOB", 1),
        ("a: [\n", "UNREADABLE", 2),
        ("{\"schema\":\"olm.template.basic\",\"entries\":[]}", "TEMPLATE_IN_CATALOG", 1),
        ("{\"schema\":\"olm.template.basic\",\"entries\":[5]}", "TEMPLATE_IN_CATALOG", 1),
        ("{\"schema\":\"olm.template.substitutes\",\"name\":\"t\",\"image\":[]}", "TEMPLATE_IN_CATALOG", 1),
        ("{\"schema\":\"olm.semver\",\"stable\":{}}", "TEMPLATE_IN_CATALOG", 1),
        ("{\"schema\":\"olm.bundle\",\"package\":\"p\",\"name\":\"b\",\"relatedImages\":{}}", "BAD_BLOB", 1),
        ("{\"schema\":\"olm.bundle\",\"package\":\"p\",\"name\":\"b\"}", "BUNDLE_VERSION", 1),
        ("{\"schema\":\"olm.channel\",\"package\":\"q\",\"name\":\"c\"}", "UNKNOWN_PACKAGE", 1),
        ("{\"schema\":\"olm.channel\",\"name\":\"c\"}", "UNKNOWN_PACKAGE", 1),
        ("{\"schema\":\"olm.channel\",\"package\":\"p\"}", "NAME_MISSING", 1),
        ("{\"schema\":\"olm.package\"}", "PACKAGE_NAME", 1),
        ("{\"schema\":\"olm.package\",\"name\":\"p\"}", "DUPLICATE_PACKAGE", 1),
        ("{\"schema\":\"olm.channel\",\"package\":\"p\",\"name\":\"c\"}", "DUPLICATE_CHANNEL", 1),
        (
            "{\"schema\":\"olm.channel\",\"package\":\"p\",\"name\":\"d\",\"entries\":[{\"name\":\"a\",\"skips\":[\"\"]}]}",
            "EMPTY_SKIP",
            1,
        ),
    ] {
        let loaded = load(&[("a.json", SMALL), ("b", text)]);
        assert_eq!(codes(&loaded.findings), [code], "{text}");
        assert_eq!(loaded.findings[0].file.as_deref(), Some("b"), "{text}");
        assert_eq!(loaded.findings[0].line, Some(line), "{text}");
    }
    for (icon, good) in [
        ("{}", true),
        (r#"{"base64data":"aGVsbG8=","mediatype":"image/png"}"#, true),
        (r#"{"base64data":"aGVs\nbG8=\n"}"#, true),
        (r#"{"base64data":"aGVsbG8"}"#, false),
        (r#"{"base64data":"a==="}"#, false),
        (r#"{"base64data":"<svg/>"}"#, false),
        (r#"{"base64data":5}"#, false),
        ("5", false),
    ] {
        let text = format!(r#"{{"schema":"olm.package","name":"q","icon":{icon}}}"#);
        let found = load(&[("a.json", &text)]).findings;
        assert_eq!(codes(&found), if good { &[][..] } else { &["BAD_BLOB"] }, "{icon}");
    }
    let loaded = load(&[("a.json", SMALL), ("b.json", SMALL)]);
    assert_eq!(codes(&loaded.findings), ["DUPLICATE_PACKAGE", "DUPLICATE_CHANNEL", "DUPLICATE_BUNDLE"]);
}

#[test]
fn bad_properties_are_named() {
    for (properties, code) in [
        (r#"[{"type":"olm.package","value":{"packageName":"p","version":"1.0"}}]"#, "BUNDLE_VERSION"),
        (r#"[{"type":"olm.package","value":{"packageName":"q","version":"1.0.0"}}]"#, "BUNDLE_VERSION"),
        (r#"[{"type":"olm.package","value":7}]"#, "BAD_PROPERTY"),
        (
            r#"[{"type":"olm.package","value":{"packageName":"p","version":"1.0.0"}},{"type":"olm.gvk.required","value":[]}]"#,
            "BAD_PROPERTY",
        ),
    ] {
        let text = format!(r#"{{"schema":"olm.bundle","package":"p","name":"b","properties":{properties}}}"#);
        let loaded = load(&[("a.json", SMALL), ("b.json", &text)]);
        assert_eq!(codes(&loaded.findings), [code], "{text}");
    }
}

#[test]
fn index_ignore_has_gitignore_syntax_below_its_folder() {
    let loaded = load(&[
        (".indexignore", "  # docs\n*.md\n/top.json\ncsv/\n"),
        ("README.md", "# no catalog"),
        ("top.json", "{"),
        ("csv/a.yaml", "a: ["),
        ("sub/top.json", SMALL),
        ("sub/.indexignore", "*.txt\n!keep.md\n"),
        ("sub/a.txt", "{"),
        ("sub/keep.md", "{}"),
        ("/sub/deep/b.txt", "{"),
    ]);
    assert_eq!(codes(&loaded.findings), ["MISSING_SCHEMA"]);
    assert_eq!(loaded.findings[0].file.as_deref(), Some("sub/keep.md"));
    assert_eq!(loaded.catalog.packages.len(), 1);
}

#[test]
fn a_byte_order_mark_and_empty_files_do_not_matter() {
    let loaded =
        load(&[("a.json", &format!("\u{feff}{SMALL}")), ("b.json", ""), ("c.yaml", "---\n"), ("d", "null")]);
    assert_eq!(loaded.findings, []);
    assert_eq!(loaded.catalog.packages.len(), 1);
    let loaded = load_files([("x.json".to_owned(), b"{\"a\":\n\"\xff\"}".to_vec())], &LIMITS);
    assert_eq!((codes(&loaded.findings), loaded.findings[0].line), (vec!["UNREADABLE"], Some(2)));
}

#[test]
fn ceilings_hold() {
    let one = ("a.json".to_owned(), SMALL.as_bytes().to_vec());
    let two = ("b.json".to_owned(), b"{\"schema\":\"x\"}".to_vec());
    for limits in [
        Limits { catalog_file_bytes: 100, ..LIMITS },
        Limits { catalog_bytes: SMALL.len() as u64, ..LIMITS },
        Limits { catalog_blobs: 3, ..LIMITS },
        Limits { catalog_blobs: 2, ..LIMITS },
    ] {
        let loaded = load_files([one.clone(), two.clone()], &limits);
        assert!(!loaded.findings.is_empty());
        assert!(codes(&loaded.findings).iter().all(|code| *code == "TOO_LARGE"));
    }
}

#[test]
fn what_is_past_the_ceiling_is_not_kept() {
    let blob = |name| format!("{{\"schema\":\"olm.package\",\"name\":\"{name}\"}}\n");
    let text = ["p0", "p1", "p2", "p3", "p4"].map(blob).concat();
    let limits = Limits { catalog_blobs: 2, ..LIMITS };
    let loaded = load_files([("a.json".to_owned(), text.into_bytes())], &limits);
    assert_eq!(loaded.catalog.packages.keys().collect::<Vec<_>>(), ["p0", "p1"]);
    assert_eq!((codes(&loaded.findings), loaded.findings[0].line), (vec!["TOO_LARGE"], Some(3)));
}

#[test]
fn blobs_link_without_files() {
    let blobs = SMALL
        .replace("\n {", "{")
        .split_inclusive("}\n")
        .map(|text| Blob::parse(text, Origin::default()).unwrap())
        .collect::<Vec<_>>();
    let loaded = Catalog::from_blobs(blobs.clone());
    assert_eq!(loaded.findings, []);
    assert_eq!(loaded.catalog.packages["p"].bundles.len(), 1);
    let values: Vec<_> = blobs.iter().map(Blob::value).collect();
    assert_eq!(Catalog::from_values(&values).catalog.packages["p"].channels.len(), 1);
    assert!(Blob::parse("{", Origin::default()).is_err());
}
