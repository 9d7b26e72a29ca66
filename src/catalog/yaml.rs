//! YAML documents as JSON values, the way Kubernetes tools see them.

use serde::de::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_norway::Value as Yaml;

/// Hands over each document that is not empty, as JSON, with the line where it begins; gives what is wrong with the others.
pub(super) fn documents(text: &str, take: &mut impl FnMut(&RawValue, u64)) -> Vec<(String, u64)> {
    let mut broken = Vec::new();
    for (chunk, line) in chunks(text) {
        for document in serde_norway::Deserializer::from_str(chunk) {
            match document_to_json(document) {
                Ok(None) => {}
                Ok(Some(raw)) => take(&raw, line),
                Err((message, within)) => {
                    broken.push((message, line + within));
                    // The rest of a broken chunk says nothing new.
                    break;
                }
            }
        }
    }
    broken
}

fn document_to_json(
    document: serde_norway::Deserializer<'_>,
) -> Result<Option<Box<RawValue>>, (String, u64)> {
    let located = |error: serde_norway::Error| {
        let line = error.location().map_or(0, |location| location.line().saturating_sub(1) as u64);
        (error.to_string(), line)
    };
    let mut yaml = Yaml::deserialize(document).map_err(located)?;
    yaml.apply_merge().map_err(located)?;
    if yaml.is_null() {
        return Ok(None);
    }
    let value = json(yaml).map_err(|message| (message, 0))?;
    to_raw_value(&value).map(Some).map_err(|error| (error.to_string(), 0))
}

/// The first document that says something, with the line where it begins.
pub(super) fn first_document(text: &str) -> Option<(&str, u64)> {
    chunks(text).into_iter().next()
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

fn json(yaml: Yaml) -> Result<serde_json::Value, String> {
    Ok(match yaml {
        Yaml::Null => serde_json::Value::Null,
        Yaml::Bool(it) => it.into(),
        Yaml::String(it) => it.into(),
        Yaml::Number(number) => {
            serde_json::to_value(&number).map_err(|error| format!("number `{number}`: {error}"))?
        }
        Yaml::Sequence(items) => items.into_iter().map(json).collect::<Result<Vec<_>, _>>()?.into(),
        Yaml::Mapping(mapping) => {
            let mut object = serde_json::Map::new();
            for (key, value) in mapping {
                object.insert(key_text(&key)?, json(value)?);
            }
            object.into()
        }
        Yaml::Tagged(tagged) => json(tagged.value)?,
    })
}

/// Kubernetes makes texts of keys that are numbers or booleans.
fn key_text(key: &Yaml) -> Result<String, String> {
    match key {
        Yaml::String(text) => Ok(text.clone()),
        Yaml::Bool(it) => Ok(it.to_string()),
        Yaml::Number(it) => Ok(it.to_string()),
        _ => Err("a key is neither text nor number".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Located = Vec<(String, u64)>;

    fn read(text: &str) -> (Located, Located) {
        let mut taken = Vec::new();
        let broken = documents(text, &mut |raw, line| taken.push((raw.get().to_owned(), line)));
        (taken, broken)
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
            ("x: &x {a: 1}\ny:\n  <<: *x\n  b: 2\n", r#"{"x":{"a":1},"y":{"a":1,"b":2}}"#),
            ("at: 2024-01-02T03:04:05Z\n", r#"{"at":"2024-01-02T03:04:05Z"}"#),
            ("%YAML 1.1\n---\na: 1\n", r#"{"a":1}"#),
            ("a: !custom 1\n", r#"{"a":1}"#),
            ("a: |\n  ---x\n  --- \n", r#"{"a":"---x\n--- \n"}"#),
            ("a: 1\r\n---\r\n", r#"{"a":1}"#),
        ] {
            assert_eq!(read(yaml).0.first().map(|(text, _)| text.as_str()), Some(json), "{yaml}");
        }
        assert_eq!(read("").0, []);
        assert_eq!(read("? [a]\n: b\n").0, []);
    }
}
