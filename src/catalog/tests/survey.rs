//! What opm lets pass and a site needs to know.

use serde_json::{Value, json};

use super::codes;
use crate::catalog::{Catalog, OpmVersion, judge, survey};
use crate::finding::{Finding, Severity};

fn bundle(name: &str, version: &str) -> Value {
    json!({
        "schema": "olm.bundle", "package": "p", "name": name, "image": format!("r.example/p@sha256:{}", "0".repeat(64)),
        "properties": [{"type": "olm.package", "value": {"packageName": "p", "version": version}}],
    })
}

/// A good package with two channels, changed.
fn surveyed(change: impl FnOnce(&mut Vec<Value>)) -> Vec<Finding> {
    let mut blobs = vec![
        json!({"schema": "olm.package", "name": "p", "defaultChannel": "stable"}),
        json!({"schema": "olm.channel", "package": "p", "name": "stable",
               "entries": [{"name": "p.v2", "replaces": "p.v1"}, {"name": "p.v1"}]}),
        json!({"schema": "olm.channel", "package": "p", "name": "other", "entries": [{"name": "p.v1"}]}),
        bundle("p.v1", "1.0.0"),
        bundle("p.v2", "2.0.0"),
    ];
    change(&mut blobs);
    let loaded = Catalog::from_values(&blobs);
    assert_eq!(loaded.findings, []);
    let findings = survey(&loaded.catalog);
    assert!(findings.iter().all(|finding| finding.severity < Severity::Error && !finding.hint.is_empty()));
    findings
}

fn one(change: impl FnOnce(&mut Vec<Value>)) -> (String, Severity, String) {
    let findings = surveyed(change);
    let [finding] = findings.as_slice() else { panic!("{findings:?}") };
    (finding.code.clone(), finding.severity, finding.message.clone())
}

fn warning(code: &str, message: &str) -> (String, Severity, String) {
    (code.to_owned(), Severity::Warning, message.to_owned())
}

#[test]
fn a_good_catalog_has_nothing() {
    assert_eq!(surveyed(|_| {}), []);
}

#[test]
fn heads_that_go_down() {
    assert_eq!(
        one(|blobs| {
            blobs[4] = bundle("p.v2", "0.9.0");
            blobs[2]["name"] = json!("candidate");
        }),
        warning("HEAD_REGRESSION", "the head `p.v2` (0.9.0) is lower than `p.v1` (1.0.0)")
    );
    // Upstream's way to build a version anew.
    assert_eq!(surveyed(|blobs| blobs[4] = bundle("p.v2", "1.0.0-0.1727935135.p")), []);
}

#[test]
fn entries_that_nothing_reaches_and_entries_that_nothing_leaves() {
    let skipped = one(|blobs| {
        blobs[1]["entries"] = json!([{"name": "p.v2", "skips": ["p.v1"]}, {"name": "p.v1"}]);
    });
    assert_eq!(
        skipped,
        (
            "UNREACHABLE_ENTRY".to_owned(),
            Severity::Info,
            "no upgrade reaches what others skip: `p.v1`".to_owned()
        )
    );
    // What skips it is withheld itself, and the head takes only that.
    let stuck = surveyed(|blobs| {
        blobs[1]["entries"] = json!([
            {"name": "p.v3", "replaces": "p.v2", "skips": ["p.v2"]}, {"name": "p.v2", "skips": ["p.v1"]}, {"name": "p.v1"},
        ]);
        blobs.push(bundle("p.v3", "3.0.0"));
    });
    assert_eq!(codes(&stuck), ["UNREACHABLE_ENTRY", "DEAD_END"]);
    assert_eq!(stuck[1].message, "no upgrade leads away from: `p.v1`");
    let ranged = surveyed(|blobs| {
        blobs[1]["entries"] = json!([
            {"name": "p.v3", "skips": ["p.v2"], "skipRange": "<3.0.0"}, {"name": "p.v2", "skips": ["p.v1"]}, {"name": "p.v1"},
        ]);
        blobs.push(bundle("p.v3", "3.0.0"));
    });
    assert_eq!(codes(&ranged), ["UNREACHABLE_ENTRY"]);
}

#[test]
fn odd_default_channels() {
    let deprecated = json!({"schema": "olm.deprecations", "package": "p", "entries": [
        {"reference": {"schema": "olm.channel", "name": "stable"}, "message": "gone"}]});
    assert_eq!(
        one(|blobs| blobs.push(deprecated)),
        warning("DEFAULT_CHANNEL_DEPRECATED", "the default channel `stable` is deprecated")
    );
    assert_eq!(
        one(|blobs| blobs[0]["defaultChannel"] = json!("other")),
        warning(
            "DEFAULT_CHANNEL_BEHIND",
            "the head of the default channel `other` (1.0.0) is lower than that of: `stable`"
        )
    );
    let preview = surveyed(|blobs| {
        blobs[0]["defaultChannel"] = json!("other");
        blobs[1]["name"] = json!("candidate");
    });
    assert_eq!(preview, []);
}

#[test]
fn images_by_tag_and_long_names() {
    assert_eq!(
        one(|blobs| {
            blobs[3]["image"] = json!("r.example/p:v1");
            blobs[4]["relatedImages"] =
                json!([{"image": ""}, {"image": "r.example/a:v1"}, {"image": "r.example/p:v1"}]);
        }),
        warning(
            "TAG_ONLY_IMAGE",
            "package p: 2 bundles name images by tag only, `r.example/a:v1`, `r.example/p:v1`"
        )
    );
    for (length, expected) in
        [(63, None), (64, Some("a label")), (253, Some("a label")), (254, Some("object"))]
    {
        let name = "p".repeat(length);
        let findings = surveyed(|blobs| {
            blobs[1]["entries"][0]["name"] = json!(name);
            blobs[4] = bundle(&name, "2.0.0");
        });
        match expected {
            None => assert_eq!(findings, []),
            Some(what) => {
                assert_eq!(codes(&findings), ["NAME_TOO_LONG"], "{length}");
                assert!(findings[0].message.contains(what), "{length}: {}", findings[0].message);
            }
        }
    }
}

#[test]
fn requirements_that_nothing_satisfies() {
    let require = |kind: &str, value: Value| {
        let property = json!({"type": kind, "value": value});
        surveyed(move |blobs| {
            for blob in &mut blobs[3..5] {
                blob["properties"].as_array_mut().unwrap().push(property.clone());
            }
        })
    };
    let package = |range: &str| json!({"packageName": "p", "versionRange": range});
    let api = json!({"group": "g", "kind": "K", "version": "v1"});
    assert_eq!(require("olm.package.required", package(">=1.0.0")), []);
    let missing = require("olm.package.required", package(">2.0.0"));
    assert_eq!(codes(&missing), ["DEPENDENCY_MISSING"]);
    assert_eq!(
        missing[0].message,
        "requires package p >2.0.0, which nothing in the catalog satisfies, as does another bundle of the package"
    );
    assert_eq!(codes(&require("olm.gvk.required", api.clone())), ["DEPENDENCY_MISSING"]);
    assert_eq!(codes(&require("olm.constraint", json!({"gvk": api}))), ["DEPENDENCY_MISSING"]);
    assert_eq!(codes(&require("olm.constraint", json!({"cel": {"rule": "true"}}))), ["CEL_UNCHECKED"]);
    assert_eq!(codes(&require("olm.constraint", json!([]))), ["CONSTRAINT"]);
}

#[test]
fn the_verdict_of_an_older_opm() {
    let stranded = [
        json!({"schema": "olm.package", "name": "P", "defaultChannel": "c"}),
        json!({"schema": "olm.channel", "package": "P", "name": "c", "entries": [
            {"name": "3", "replaces": "2", "skips": ["2"]}, {"name": "2", "replaces": "1"}, {"name": "1"}]}),
    ];
    let loaded = Catalog::from_values(&stranded);
    let severities = |opm: &str| {
        let opm: OpmVersion = opm.parse().unwrap();
        let findings = judge(Vec::new(), &loaded.catalog, opm).into_iter();
        let of_interest =
            findings.filter(|it| ["STRANDED", "INVALID_PACKAGE_NAME"].contains(&it.code.as_str()));
        of_interest.map(|it| (it.code, it.severity)).collect::<Vec<_>>()
    };
    let (error, warning) = (Severity::Error, Severity::Warning);
    let both = |name, stranded| {
        let mut both = vec![("INVALID_PACKAGE_NAME".to_owned(), name), ("STRANDED".to_owned(), stranded)];
        both.sort_by_key(|(code, severity)| (std::cmp::Reverse(*severity), code.clone()));
        both
    };
    assert_eq!(severities("4.16"), both(warning, warning));
    assert_eq!(severities("4.20"), both(error, warning));
    assert_eq!(severities("4.21"), both(error, error));
}

/// A package with one channel of so many entries.
fn entries(count: usize, entry: fn(usize) -> String) -> String {
    let mut text = String::from(
        "{\"schema\":\"olm.package\",\"name\":\"p\",\"defaultChannel\":\"c\"}{\"schema\":\"olm.channel\",\"package\":\"p\",\"name\":\"c\",\"entries\":[",
    );
    for number in 0..count {
        text.push_str(if number == 0 { "" } else { "," });
        text.push_str(&entry(number));
    }
    text + "]}"
}

/// A chain of a million is read and judged; what grew with the square of it would not end.
#[test]
fn a_million_entries() {
    let text = entries(1_000_000, |n| format!("{{\"name\":\"e{n}\",\"replaces\":\"e{}\"}}", n + 1));
    let loaded = super::load(&[("f", &text)]);
    assert_eq!(loaded.findings, []);
    assert_eq!(loaded.catalog.packages["p"].channels["c"].entries.len(), 1_000_000);
    let findings = judge(Vec::new(), &loaded.catalog, OpmVersion::STRICTEST);
    assert_eq!(codes(&findings), ["MISSING_BUNDLE"]);
    assert!(findings[0].message.len() < 2_000);
}

/// Whatever the graph, the time is that of sorting it, and a finding stays readable.
#[test]
fn a_hundred_thousand_entries() {
    let text = |entry| entries(100_000, entry);
    for (entry, expected) in [
        // One long chain, nothing but heads, one name for all, and a circle that hangs beside the head.
        (
            (|n| format!("{{\"name\":\"e{n}\",\"replaces\":\"e{}\"}}", n + 1)) as fn(usize) -> String,
            &["MISSING_BUNDLE"][..],
        ),
        (|n| format!("{{\"name\":\"e{n}\"}}"), &["MISSING_BUNDLE", "MULTIPLE_HEADS"]),
        (
            |_| "{\"name\":\"e\",\"skipRange\":\"x\"}".to_owned(),
            &["DUPLICATE_ENTRY", "MISSING_BUNDLE", "SKIP_RANGE", "MULTIPLE_HEADS"],
        ),
        (
            |n| {
                if n == 0 {
                    "{\"name\":\"e0\"}".to_owned()
                } else {
                    format!("{{\"name\":\"e{n}\",\"replaces\":\"e{}\"}}", n % 99_999 + 1)
                }
            },
            &["MISSING_BUNDLE", "STRANDED"],
        ),
    ] {
        let loaded = super::load(&[("f", &text(entry))]);
        assert_eq!(loaded.findings, []);
        let findings = judge(Vec::new(), &loaded.catalog, OpmVersion::STRICTEST);
        let (mut found, mut expected) = (codes(&findings), expected.to_vec());
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected);
        assert!(findings.iter().all(|finding| finding.message.len() < 2_000));
    }
}
