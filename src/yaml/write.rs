//! A JSON value as YAML in block style, so that Kubernetes tools read back what was written.
//!
//! The choice of quotes is that of goyaml.v2's encoder: bare where a text means itself, double quotes where it would be read as
//! something else, single ones where only the grammar forbids it bare. Long lines are not folded.

use serde_json::Value as Json;

use crate::text::is_plain;
use crate::yaml::kubernetes::scalar;
use crate::yaml::quote_to;

/// Bytes of a key that may stand before its colon: so many goyaml.v2 writes there, readers take 1,024 characters (YAML 1.2 §7.4.2).
const SIMPLE_KEY: usize = 128;

/// Appends one document without its marker, keys in the order of the value.
pub fn write(value: &Json, out: &mut String) {
    match value {
        Json::Object(members) if !members.is_empty() => block(value, 0, false, out),
        Json::Array(items) if !items.is_empty() => block(value, 0, false, out),
        _ => {
            inline(value, 2, out);
            out.push('\n');
        }
    }
}

/// A mapping or a list, each entry on a line of its own. `begun` says that its first line is indented already.
fn block(value: &Json, indent: usize, mut begun: bool, out: &mut String) {
    let mut line = |out: &mut String| {
        if !std::mem::take(&mut begun) {
            out.extend(std::iter::repeat_n(' ', indent));
        }
    };
    match value {
        Json::Object(members) => {
            for (key, value) in members {
                line(out);
                if key.len() > SIMPLE_KEY {
                    out.push_str("? ");
                    single_line(key, out);
                    out.push('\n');
                    out.extend(std::iter::repeat_n(' ', indent));
                    out.push_str(": ");
                    entry(value, indent, out);
                    continue;
                }
                single_line(key, out);
                out.push(':');
                match value {
                    Json::Object(inner) if !inner.is_empty() => {
                        out.push('\n');
                        block(value, indent + 2, false, out);
                    }
                    // A list stands in the column of its key.
                    Json::Array(inner) if !inner.is_empty() => {
                        out.push('\n');
                        block(value, indent, false, out);
                    }
                    _ => {
                        out.push(' ');
                        inline(value, indent + 2, out);
                        out.push('\n');
                    }
                }
            }
        }
        Json::Array(items) => {
            for item in items {
                line(out);
                out.push_str("- ");
                entry(item, indent, out);
            }
        }
        _ => {}
    }
}

/// What begins behind a mark of two columns.
fn entry(value: &Json, indent: usize, out: &mut String) {
    match value {
        Json::Object(inner) if !inner.is_empty() => block(value, indent + 2, true, out),
        Json::Array(inner) if !inner.is_empty() => block(value, indent + 2, true, out),
        _ => {
            inline(value, indent + 2, out);
            out.push('\n');
        }
    }
}

/// What fits behind a key or a dash; the lines of a text are indented so far.
fn inline(value: &Json, indent: usize, out: &mut String) {
    match value {
        Json::String(text) if is_literal(text) => literal(text, indent, out),
        Json::String(text) => single_line(text, out),
        Json::Array(_) => out.push_str("[]"),
        Json::Object(_) => out.push_str("{}"),
        other => out.push_str(&other.to_string()),
    }
}

/// A text on one line.
fn single_line(text: &str, out: &mut String) {
    if !means_itself(text) || !text.chars().all(is_plain) {
        quote_to(out, text);
    } else if fits_bare(text) {
        out.push_str(text);
    } else {
        out.push('\'');
        out.push_str(&text.replace('\'', "''"));
        out.push('\'');
    }
}

/// Whether no reader takes the text for a number, a date, a truth value or null.
fn means_itself(text: &str) -> bool {
    let resolved = matches!(scalar(text.to_owned(), 0), Ok(Json::String(_)));
    // Dates, and numbers to the base 60, which other readers know.
    let counts = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-'))
        && text.bytes().all(|byte| byte.is_ascii_digit() || b":.-+_ TtZz".contains(&byte));
    resolved && !counts && !matches!(text, "<<" | "=")
}

/// Whether the grammar takes the text without quotes, in a block.
fn fits_bare(text: &str) -> bool {
    let mut chars = text.chars();
    let begins = match (chars.next(), chars.next()) {
        (Some('-' | '?' | ':'), next) => next.is_some_and(|next| next != ' '),
        (Some(first), _) => !",[]{}#&*!|>'\"%@` ".contains(first),
        (None, _) => false,
    };
    begins
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.starts_with("---")
        && !text.starts_with("...")
}

/// Whether the text has lines that a block can hold as they are.
fn is_literal(text: &str) -> bool {
    text.contains('\n')
        && !text.starts_with([' ', '\n', '\t'])
        && !text.contains(" \n")
        && !text.contains("\t\n")
        && !text.ends_with([' ', '\t'])
        && text.chars().all(|c| is_plain(c) || matches!(c, '\n' | '\t'))
}

fn literal(text: &str, indent: usize, out: &mut String) {
    out.push_str(match text {
        _ if text.ends_with("\n\n") => "|+",
        _ if text.ends_with('\n') => "|",
        _ => "|-",
    });
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        out.push('\n');
        if !line.is_empty() {
            out.extend(std::iter::repeat_n(' ', indent));
            out.push_str(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::limits::LIMITS;
    use crate::yaml::{Doubled, documents};

    fn written(value: &Json) -> String {
        let mut out = String::new();
        write(value, &mut out);
        out
    }

    #[test]
    fn texts_have_the_quotes_that_they_need() {
        for (text, expected) in [
            ("web-terminal", "web-terminal"),
            ("a b", "a b"),
            ("-x", "-x"),
            ("yes", "\"yes\""),
            ("N", "\"N\""),
            ("", "\"\""),
            ("1e3", "\"1e3\""),
            ("0777", "\"0777\""),
            ("1_0", "\"1_0\""),
            ("2024-01-02", "\"2024-01-02\""),
            ("1:20", "\"1:20\""),
            (".inf", "\".inf\""),
            ("<<", "\"<<\""),
            ("a: b", "'a: b'"),
            ("it's #1: x", "'it''s #1: x'"),
            ("it's", "it's"),
            ("[a]", "'[a]'"),
            (" a", "' a'"),
            ("a\u{7}", "\"a\\u0007\""),
            ("a\nb", "|-\n  a\n  b"),
            ("a\n\n  b\n", "|\n  a\n\n    b\n"),
            ("a\n\n", "|+\n  a\n\n"),
            ("a \nb", "\"a \\nb\""),
            (" a\nb", "\" a\\nb\""),
        ] {
            assert_eq!(
                written(&json!(text)).trim_end_matches('\n'),
                expected.trim_end_matches('\n'),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_key_that_is_too_long_for_its_line_is_marked() {
        let (short, long) = ("k".repeat(128), "k".repeat(129));
        for (value, simple, marked) in [
            (json!(1), " 1\n", " 1\n"),
            (json!("a\nb"), " |-\n  a\n  b\n", " |-\n  a\n  b\n"),
            (json!({"a": 1, "b": []}), "\n  a: 1\n  b: []\n", " a: 1\n  b: []\n"),
            (json!([1, [2]]), "\n- 1\n- - 2\n", " - 1\n  - - 2\n"),
        ] {
            assert_eq!(written(&json!({ &short: value })), format!("{short}:{simple}"));
            assert_eq!(written(&json!({ &long: value })), format!("? {long}\n:{marked}"));
            for length in [128, 129, 1_024, 1_025, 5_000] {
                for key in ["k".repeat(length), format!("\u{7}: {}", "ü".repeat(length / 2))] {
                    let value = json!([{ &key: value, "after": { &key: [value, { &key: {} }] } }]);
                    let mut read = Vec::new();
                    documents(&written(&value), Doubled::Refused, &LIMITS, &mut |json, _| read.push(json));
                    assert_eq!(read, [value], "{length}");
                }
            }
        }
    }

    #[test]
    fn blocks_are_laid_out_as_kubernetes_tools_do() {
        let value = json!({"a": {"b": [], "c": {}}, "d": [{"e": 1, "f": [true]}, [null, [1.5]], "x\ny\n"], "no": "z"});
        assert_eq!(
            written(&value),
            "a:\n  b: []\n  c: {}\nd:\n- e: 1\n  f:\n  - true\n- - null\n  - - 1.5\n- |\n  x\n  y\n\"no\": z\n"
        );
    }

    fn any_json() -> impl Strategy<Value = Json> {
        let text = "[yYnN0-9xob_.eE+:~<=#'\"| \n-]{0,6}|yes|no|on|off|True|FALSE|null|<<|\\.inf|---|[ -~\n\t]{0,12}|.{0,8}|[a-z]{127,130}";
        let leaf = prop_oneof![
            text.prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            any::<f64>().prop_filter("no JSON", |it| it.is_finite()).prop_map(Json::from),
            any::<bool>().prop_map(Json::from),
            Just(Json::Null),
        ];
        leaf.prop_recursive(4, 24, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
                prop::collection::btree_map(text, inner, 0..4)
                    .prop_map(|members| members.into_iter().collect::<Json>()),
            ]
        })
    }

    fn same(a: &Json, b: &Json) -> bool {
        match (a, b) {
            (Json::Number(a), Json::Number(b)) => a.as_f64() == b.as_f64(),
            (Json::Array(a), Json::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
            }
            (Json::Object(a), Json::Object(b)) => {
                a.keys().eq(b.keys()) && a.values().zip(b.values()).all(|(a, b)| same(a, b))
            }
            _ => a == b,
        }
    }

    proptest! {
        #[test]
        fn two_readers_get_back_what_was_written(value in any_json()) {
            let value = json!({"document": value});
            let text = written(&value);
            let mut read = Vec::new();
            let broken = documents(&text, Doubled::Refused, &LIMITS, &mut |json, _| read.push(json));
            prop_assert_eq!(broken, [], "{}", text);
            prop_assert!(read.len() == 1 && same(&read[0], &value), "{}{:?}", text, read);
            let other: Json = serde_norway::from_str(&text).unwrap();
            prop_assert!(same(&other, &value), "{}{:?}", text, other);
        }
    }
}
