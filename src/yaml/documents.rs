//! A text of several YAML documents, cut at their markers, each as the JSON value that Kubernetes tools make of it.

use serde_json::Value as Json;

use crate::limits::Limits;
use crate::yaml::kubernetes::to_json;
use crate::yaml::{Doubled, SyntaxError, parse};

/// Hands over each document that is not empty, with the line where it begins; gives what is wrong with the others. How long the text
/// may be is the caller's business.
pub fn documents(
    text: &str,
    doubled: Doubled,
    limits: &Limits,
    take: &mut dyn FnMut(Json, u64),
) -> Vec<SyntaxError> {
    let mut broken = Vec::new();
    for (chunk, line) in chunks(text) {
        let read = objects(chunk, line, doubled, limits, &mut |json| take(json, line));
        broken.extend(read.err());
    }
    broken
}

/// The first document that says something; nothing when none does.
pub fn first_document(text: &str, doubled: Doubled, limits: &Limits) -> Result<Option<Json>, SyntaxError> {
    let Some((chunk, line)) = chunks(text).into_iter().next() else { return Ok(None) };
    let mut first = None;
    objects(chunk, line, doubled, limits, &mut |json| {
        first.get_or_insert(json);
    })?;
    Ok(first)
}

/// A chunk has one document, or more behind `...`.
fn objects(
    text: &str,
    first_line: u64,
    doubled: Doubled,
    limits: &Limits,
    take: &mut dyn FnMut(Json),
) -> Result<(), SyntaxError> {
    let limits = Limits {
        json_depth: limits.manifest_depth,
        yaml_bytes: text.len() as u64,
        // Without aliases no text has more values than bytes.
        yaml_nodes: limits.yaml_nodes.max(text.len()),
        ..limits.clone()
    };
    let located = |error: SyntaxError| SyntaxError { line: error.line + first_line - 1, ..error };
    for node in parse(text, &limits).map_err(located)? {
        let json = to_json(node, doubled).map_err(located)?;
        if !json.is_null() {
            take(json);
        }
    }
    Ok(())
}

/// Cuts at the document markers, so that a finding has a line and one broken document does not hide the others.
fn chunks(text: &str) -> Vec<(&str, u64)> {
    let mut chunks = Vec::new();
    let (mut start, mut first_line) = (0, 1);
    let mut offset = 0;
    for (line, content) in (1..).zip(text.split_inclusive('\n')) {
        if is_marker(content) && offset > start {
            chunks.extend(text.get(start..offset).map(|chunk| (chunk, first_line)));
            (start, first_line) = (offset, line);
        }
        offset += content.len();
    }
    chunks.extend(text.get(start..).map(|chunk| (chunk, first_line)));
    chunks.retain(|(chunk, _)| !chunk.lines().all(says_nothing));
    chunks
}

fn is_marker(line: &str) -> bool {
    line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

/// Blank lines, comments, and directives, which stand alone before a marker.
fn says_nothing(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with(['#', '%'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::LIMITS;

    type Located = Vec<(String, u64)>;

    fn read(text: &str) -> (Located, Located) {
        let mut taken = Vec::new();
        let mut take = |json: Json, line| taken.push((json.to_string(), line));
        let broken = documents(text, Doubled::Refused, &LIMITS, &mut take);
        (taken, broken.into_iter().map(|error| (error.what, error.line)).collect())
    }

    #[test]
    fn documents_with_their_lines() {
        let (taken, broken) =
            read("# head\n---\na: 1\n---\n---\nb: {c: [x, 1.5, true, null]}\n...\n--- # end\n");
        assert_eq!(broken, []);
        assert_eq!(taken, [("{\"a\":1}".into(), 2), ("{\"b\":{\"c\":[\"x\",1.5,true,null]}}".into(), 5)]);
    }

    #[test]
    fn a_broken_document_does_not_hide_the_next() {
        let (taken, broken) = read("a: 1\n---\nb: [\n---\nc: 2\n");
        assert_eq!(taken, [("{\"a\":1}".into(), 1), ("{\"c\":2}".into(), 4)]);
        assert_eq!(broken.len(), 1);
        assert!((2..=4).contains(&broken[0].1), "{broken:?}");
    }

    #[test]
    fn odd_yaml() {
        for (yaml, json) in [
            ("1: a\ntrue: b\n", r#"{"1":"a","true":"b"}"#),
            ("x: &x {a: 1}\nz:\n  <<: *x\n  b: 2\n", r#"{"x":{"a":1},"z":{"a":1,"b":2}}"#),
            ("at: 2024-01-02T03:04:05Z\n", r#"{"at":"2024-01-02T03:04:05Z"}"#),
            ("%YAML 1.1\n---\na: 1\n", r#"{"a":1}"#),
            ("a: !custom 1\n", r#"{"a":"1"}"#),
            ("a: yes\n", r#"{"a":true}"#),
            ("a: |\n  ---x\n  --- \n", r#"{"a":"---x\n--- \n"}"#),
            ("a: 1\r\n---\r\n", r#"{"a":1}"#),
        ] {
            assert_eq!(read(yaml).0.first().map(|(text, _)| text.as_str()), Some(json), "{yaml}");
        }
        assert_eq!(read("").0, []);
        assert_eq!(read("? [a]\n: b\n").0, []);
    }

    #[test]
    fn depth_and_aliases_end_at_their_ceilings() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(read(&deep(100)).1, []);
        assert!(read(&deep(101)).1[0].0.contains("nested deeper than 100 levels"));
        let small = Limits { yaml_nodes: 100, ..LIMITS };
        let bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b]\n";
        let broken = documents(bomb, Doubled::Refused, &small, &mut |_, _| panic!("a bomb was taken"));
        assert!(broken[0].what.contains("once aliases are expanded"));
        // Many values that are written out are no bomb.
        let many = format!("[{}]", "x,".repeat(1000));
        assert_eq!(documents(&many, Doubled::Refused, &small, &mut |_, _| {}), []);
    }
}
