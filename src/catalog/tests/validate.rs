//! One broken catalog for each rule.

use super::{codes, graph::package, load};
use crate::catalog::{validate, validate_package};

/// A good catalog of one package, with one text put in place of another.
fn broken(from: &str, to: &str) -> Vec<crate::finding::Finding> {
    let digest = "0".repeat(64);
    let good = format!(
        r#"{{"schema":"olm.package","name":"p","defaultChannel":"c"}}
{{"schema":"olm.channel","package":"p","name":"c","entries":[{{"name":"b","replaces":"a","skipRange":"<2.0.0"}},{{"name":"a"}}]}}
{{"schema":"olm.bundle","package":"p","name":"a","image":"r.example/p@sha256:{digest}","relatedImages":[{{"image":""}}],
 "properties":[{{"type":"olm.package","value":{{"packageName":"p","version":"1.0.0"}}}}]}}
{{"schema":"olm.bundle","package":"p","name":"b","image":"r.example/p@sha256:{digest}",
 "properties":[{{"type":"olm.package","value":{{"packageName":"p","version":"2.0.0"}}}}]}}
{{"schema":"olm.deprecations","package":"p","entries":[{{"reference":{{"schema":"olm.bundle","name":"a"}},"message":"old"}}]}}
"#
    );
    let text = good.replacen(from, to, 1);
    assert!(from.is_empty() || text != good, "{from}");
    let loaded = load(&[("p.json", &text)]);
    assert_eq!(loaded.findings, [], "{from} -> {to}");
    validate(&loaded.catalog)
}

#[test]
fn each_rule_has_its_code() {
    assert_eq!(broken("", ""), []);
    let p = |name: &str| format!(r#"{{"schema":"{name}""#);
    for (from, to, expected) in [
        (r#""defaultChannel":"c""#, r#""defaultChannel":"""#, &["DEFAULT_CHANNEL"][..]),
        (r#""defaultChannel":"c""#, r#""defaultChannel":"d""#, &["DEFAULT_CHANNEL"]),
        (r#"{"name":"a"}"#, r#"{"name":"a"},{"name":"a"}"#, &["DUPLICATE_ENTRY"]),
        (r#"{"name":"a"}"#, r#"{"name":"a","replaces":"x"},{"name":"x"}"#, &["MISSING_BUNDLE"]),
        (r#","replaces":"a""#, "", &["MULTIPLE_HEADS"]),
        (r#"{"name":"a"}"#, r#"{"name":"a","replaces":"b"}"#, &["NO_HEAD"]),
        (r#","replaces":"a""#, r#","skips":["x"]"#, &["MULTIPLE_HEADS"]),
        (r#""<2.0.0""#, r#"">=1.0.0, <2.0.0""#, &["SKIP_RANGE"]),
        (r#",{"name":"a"}"#, "", &["ORPHAN_BUNDLE"]),
        (r#""version":"2.0.0""#, r#""version":"1.0.0""#, &["VERSION_DUP"]),
        ("r.example/p@sha256", "r.example/p@md5", &["PULLSPEC"]),
        (r#"{"image":""}"#, r#"{"image":"https://x"}"#, &["PULLSPEC"]),
        (
            r#""reference":{"schema":"olm.bundle","name":"a"}"#,
            r#""reference":{"schema":"olm.bundle","name":"x"}"#,
            &["DEPRECATION"],
        ),
        (
            r#""reference":{"schema":"olm.bundle","name":"a"}"#,
            r#""reference":{"schema":"olm.channel","name":"a"}"#,
            &["DEPRECATION"],
        ),
        (
            r#""reference":{"schema":"olm.bundle","name":"a"}"#,
            r#""reference":{"schema":"olm.package","name":"a"}"#,
            &["DEPRECATION"],
        ),
        (r#""reference":{"schema":"olm.bundle","name":"a"}"#, r#""reference":{"schema":"olm.package"}"#, &[]),
        (
            r#""reference":{"schema":"olm.bundle","name":"a"}"#,
            r#""reference":{"name":"a"}"#,
            &["DEPRECATION"],
        ),
        (r#""message":"old""#, r#""message":"""#, &["DEPRECATION"]),
        (
            r#"{"reference""#,
            r#"{"reference":{"schema":"olm.bundle","name":"a"},"message":"x"},{"reference""#,
            &["DEPRECATION"],
        ),
        (
            r#""properties":["#,
            r#""properties":[{"type":"olm.csv.metadata","value":{}},{"type":"olm.csv.metadata","value":{}},"#,
            &["CSV_METADATA"],
        ),
        (r#""version":"2.0.0""#, r#""version":"2.0.0","release":"1""#, &["RELEASE"]),
        (r#""version":"2.0.0""#, r#""version":"2.0.0+b","release":"1""#, &["RELEASE"]),
        (r#""version":"2.0.0""#, r#""version":"2.0.0","release":"123456789012345678901""#, &["RELEASE"]),
        (
            &p("olm.deprecations"),
            &(r#"{"schema":"x","package":"nowhere"}"#.to_owned() + &p("olm.deprecations")),
            &["OTHER_WITHOUT_PACKAGE"],
        ),
    ] {
        let findings = broken(from, to);
        assert_eq!(codes(&findings), expected, "{from} -> {to}");
        assert!(findings.iter().all(|finding| finding.file.as_deref() == Some("p.json")));
    }
}

#[test]
fn a_package_needs_a_channel_and_a_good_name() {
    let loaded = load(&[("a", r#"{"schema":"olm.package","name":"Big_Name","defaultChannel":"c"}"#)]);
    assert_eq!(codes(&validate(&loaded.catalog)), ["INVALID_PACKAGE_NAME", "NO_CHANNEL", "DEFAULT_CHANNEL"]);
    let long = "a".repeat(64);
    for (name, good) in [("a", true), ("a-1", true), ("-a", false), ("a.b", false), (long.as_str(), false)] {
        let text = format!(r#"{{"schema":"olm.package","name":"{name}"}}"#);
        let findings = validate(&load(&[("a", &text)]).catalog);
        assert_eq!(!codes(&findings).contains(&"INVALID_PACKAGE_NAME"), good, "{name}");
    }
}

#[test]
fn both_walk_rules_count() {
    let found = |entries: &[&str]| {
        let package = package(&[("c", entries)]);
        validate_package(&package).into_iter().map(|finding| finding.code).collect::<Vec<_>>()
    };
    assert_eq!(found(&["3<2!2", "2<1", "1"]), ["STRANDED"]);
    assert_eq!(found(&["4<3", "3<2", "2<3"]), ["CYCLE"]);
    assert_eq!(found(&["3<2", "2<1!0", "1", "0"]), Vec::<String>::new());
}

#[test]
fn an_image_may_be_missing_only_with_embedded_objects() {
    let text = |properties: &str| {
        format!(
            r#"{{"schema":"olm.package","name":"p","defaultChannel":"c"}}
            {{"schema":"olm.channel","package":"p","name":"c","entries":[{{"name":"b"}}]}}
            {{"schema":"olm.bundle","package":"p","name":"b","properties":[{{"type":"olm.package","value":{{"packageName":"p","version":"1.0.0"}}}}{properties}]}}"#
        )
    };
    assert_eq!(codes(&validate(&load(&[("a", &text(""))]).catalog)), ["NO_IMAGE"]);
    let object = r#",{"type":"olm.bundle.object","value":{"data":"e30="}}"#;
    assert_eq!(validate(&load(&[("a", &text(object))]).catalog), []);
}
