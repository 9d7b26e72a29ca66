//! Files that pass through a window: whatever its size, what is read is the same.

use super::{SMALL, codes};
use crate::catalog::parse::{ParsedFile, parse_window};
use crate::catalog::stream::Window;
use crate::catalog::{Keep, judge, link, parse_file};
use crate::catalog::{OpmVersion, parse_reader};
use crate::limits::{LIMITS, Limits};

fn through(bytes: &[u8], size: usize, keep: Keep) -> ParsedFile {
    let mut reader = bytes;
    parse_window("f", Window::sized(&mut reader, LIMITS.catalog_file_bytes, size), keep, &LIMITS).unwrap()
}

type Blobs = Vec<(String, u64)>;
type Findings = Vec<(String, String, Option<u64>)>;

/// What was read: each blob by name and line, and what is wrong.
fn told(file: &ParsedFile) -> (Blobs, Findings) {
    let blobs = file.parts.iter().map(|part| (part.blob.to_string(), part.blob.origin.line));
    let findings = file.findings.iter().map(|it| (it.code.clone(), it.message.clone(), it.line));
    (blobs.collect(), findings.collect())
}

#[test]
fn a_window_of_any_size_shows_the_same() {
    let strange = r#"{"schema":"vendor.thing","package":"p","text":"é한\"}{","list":[1,{"a":null}]}"#;
    for text in [
        format!("\u{feff}\n{SMALL}\n\n  {strange}{strange}\n"),
        // A value that is no blob, and one of another shape, do not hide what follows.
        format!("{strange}\n[1]\n{{\"schema\":\"olm.bundle\",\n\"relatedImages\":{{}}}}\n{strange}"),
        format!("{SMALL}{{\"schema\":\n\n\"x\",,"),
        format!("{SMALL}{{\"schema\": \"cut"),
        "---\nschema: olm.package\nname: é\n---\nschema: x\n".to_owned(),
        String::new(),
    ] {
        for keep in [Keep::Whole, Keep::Facts] {
            let whole = told(&through(text.as_bytes(), usize::MAX, keep));
            assert_eq!(told(&parse_file("f", text.as_bytes(), &LIMITS)), whole, "{text}");
            for size in 1..=text.len() + 1 {
                assert_eq!(told(&through(text.as_bytes(), size, keep)), whole, "{size}: {text}");
            }
        }
    }
}

#[test]
fn bytes_that_are_no_text_have_a_line() {
    let mut bytes = SMALL.as_bytes().to_vec();
    let lines = SMALL.lines().count() as u64;
    bytes.extend_from_slice(b"{\"a\":\n\"\xff\"}");
    for size in [1, 7, 64, bytes.len(), usize::MAX] {
        let (blobs, findings) = told(&through(&bytes, size, Keep::Facts));
        assert_eq!((blobs.len(), findings.len()), (3, 1), "{size}");
        assert_eq!((findings[0].0.as_str(), findings[0].2), ("UNREADABLE", Some(lines + 2)), "{size}");
    }
}

#[test]
fn an_error_in_a_blob_has_the_line_where_it_is() {
    let text = "{\"schema\": \"x\"}\n{\n  \"schema\": \"olm.bundle\",\n  \"name\": 5\n}\n{\"schema\":\"x\"";
    for keep in [Keep::Whole, Keep::Facts] {
        let (_, findings) = told(&through(text.as_bytes(), 16, keep));
        let lines: Vec<_> = findings.iter().map(|(code, _, line)| (code.as_str(), *line)).collect();
        assert_eq!(lines, [("BAD_BLOB", Some(4)), ("UNREADABLE", Some(6))]);
        assert!(findings.iter().all(|(_, message, _)| !message.contains("at line")), "{findings:?}");
    }
}

#[test]
fn a_reader_that_goes_on_for_ever_is_stopped() {
    let limits = Limits { catalog_file_bytes: 1 << 20, ..LIMITS };
    let parsed = parse_reader("f", &mut std::io::repeat(b' '), Keep::Facts, &limits).unwrap();
    assert_eq!(codes(&parsed.findings), ["TOO_LARGE"]);
    let mut endless = std::io::Read::chain(&b"{\"schema\":\""[..], std::io::repeat(b'x'));
    let parsed = parse_reader("f", &mut endless, Keep::Facts, &limits).unwrap();
    assert_eq!(codes(&parsed.findings), ["TOO_LARGE"]);
}

#[test]
fn the_verdict_does_not_depend_on_what_is_kept() {
    let bulk = r#"{"type":"olm.csv.metadata","value":{"annotations":{"a":"b"}}},{"type":"olm.csv.metadata","value":{}},
        {"type":"olm.bundle.object","value":{"data":"bm90IGEgQ1NW"}},{"type":"olm.bundle.object","value":{"data":"no"}},
        {"type":"olm.gvk.required","value":{"group":"g","kind":"K","version":"v1"}},"#;
    let rest = r#"{"schema":"olm.deprecations","package":"p","entries":[{"reference":{"schema":"olm.bundle","name":"x"},"message":"m"}]}
        {"schema":"vendor","package":"q"}{"schema":"vendor","package":"p","entries":7}"#;
    let text = SMALL.replace(r#""properties":["#, &format!(r#""properties":[{bulk}"#)) + rest;
    let verdict = |keep| {
        let loaded = link([through(text.as_bytes(), 64, keep)]);
        judge(loaded.findings, &loaded.catalog, OpmVersion::STRICTEST)
    };
    let whole = verdict(Keep::Whole);
    assert_eq!(
        codes(&whole),
        [
            "BAD_PROPERTY",
            "CSV_METADATA",
            "PULLSPEC",
            "DEPRECATION",
            "DEPENDENCY_MISSING",
            "OTHER_WITHOUT_PACKAGE"
        ]
    );
    assert_eq!(verdict(Keep::Facts), whole);
}
