//! A manifest's first document as Kubernetes tools read it: JSON, or YAML 1.1 with its many ways to say yes.

use serde_json::Value;

use crate::catalog::parse::line_at;
use crate::limits::Limits;
use crate::yaml::{Doubled, SyntaxError, first_document};

/// Reads the first document of a file; nothing when there is none.
pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Option<Value>, SyntaxError> {
    let wrong = |line, what: String| SyntaxError { line, what };
    if bytes.len() as u64 > limits.yaml_bytes {
        return Err(wrong(1, format!("the file has more than {} bytes", limits.yaml_bytes)));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| wrong(line_at(bytes, error.valid_up_to()), "it is not UTF-8 text".to_owned()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with('{') {
        // JSON is YAML too, but a strict reader is faster and knows no aliases.
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
        return values.next().transpose().map_err(|error| wrong(error.line() as u64, error.to_string()));
    }
    first_document(text, Doubled::LastCounts, limits)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::limits::LIMITS;

    #[test]
    fn the_first_document_counts() {
        for (text, expected) in [
            ("# head\n---\na: 1\n---\nb: [\n", Some(json!({"a": 1}))),
            ("{\"a\": 1} trailing", Some(json!({"a": 1}))),
            (
                "\u{feff}a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}\n",
                Some(json!({"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}})),
            ),
            ("a: 1\na: 2\n", Some(json!({"a": 2}))),
            ("# nothing\n", None),
            ("", None),
        ] {
            assert_eq!(read(text.as_bytes(), &LIMITS).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_has_its_line() {
        for (text, line) in [
            (&b"a: 1\nb: [\n"[..], 3),
            (b"{\"a\": 1,\n \"b\" 2}", 2),
            (b"a: 1\nb: \xff\n", 2),
            (b"#\n#\n---\na: [}\n", 4),
        ] {
            assert_eq!(read(text, &LIMITS).unwrap_err().line, line, "{:?}", String::from_utf8_lossy(text));
        }
        let small = Limits { yaml_bytes: 3, ..LIMITS };
        assert!(read(b"a: 1", &small).unwrap_err().what.contains("3 bytes"));
    }
}
