//! Texts written so that every YAML reader takes them for the text that was meant.

use std::fmt::Write;

use crate::text::is_plain;

/// Words that a reader of YAML 1.1 or 1.2 takes for something else than a text.
const TAKEN: &[&str] = &["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

/// Whether a text means itself without quotes, wherever a scalar may stand: it begins with a letter, goes on with letters,
/// digits and marks that have no meaning inside a word, and is no word for a truth value or null.
pub fn is_plain_word(text: &str) -> bool {
    let inside = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-' | b'/' | b':' | b'@');
    text.bytes().next().is_some_and(|c| c.is_ascii_alphabetic())
        && text.bytes().all(inside)
        && !text.ends_with(':')
        && !TAKEN.contains(&text.to_ascii_lowercase().as_str())
}

/// The text bare where it means itself, else in double quotes.
pub fn word(text: &str) -> String {
    if is_plain_word(text) {
        return text.to_owned();
    }
    let mut out = String::new();
    quote_to(&mut out, text);
    out
}

/// Writes a text in double quotes as JSON does it, and whatever is invisible or could end a line as `\u` too: YAML 1.1 takes
/// U+0085 and U+2028 for line ends. Beyond the basic plane JSON would need a pair of surrogates, which YAML readers
/// refuse; there it is `\U`.
pub fn quote_to(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_plain(c) => out.push(c),
            // Writing to a String cannot fail.
            c if u32::from(c) <= 0xffff => _ = write!(out, "\\u{:04x}", u32::from(c)),
            c => _ = write!(out, "\\U{:08x}", u32::from(c)),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::limits::LIMITS;
    use crate::yaml::{Value, parse};

    #[test]
    fn bare_only_where_it_means_itself() {
        for (text, written) in [
            ("web-terminal", "web-terminal"),
            ("registry.redhat.io/redhat/index:v4.20", "registry.redhat.io/redhat/index:v4.20"),
            ("quay.io/a/b@sha256:00", "quay.io/a/b@sha256:00"),
            ("4.7", "\"4.7\""),
            ("1e3", "\"1e3\""),
            ("No", "\"No\""),
            ("null", "\"null\""),
            ("", "\"\""),
            ("a: b", "\"a: b\""),
            ("a:", "\"a:\""),
            ("a #b", "\"a #b\""),
            ("a\nb: c", "\"a\\nb: c\""),
            (".inf", "\".inf\""),
            ("-", "\"-\""),
        ] {
            assert_eq!(word(text), written);
        }
    }

    proptest! {
        #[test]
        fn two_readers_get_back_what_was_written(text in ".{0,20}|[a-zA-Z0-9.:@/_ #-]{0,12}") {
            let yaml = format!("- k: {}\n", word(&text));
            let documents = parse(&yaml, &LIMITS).unwrap();
            let Value::List(items) = &documents[0].value else { panic!("no list") };
            let Value::Map(entries) = &items[0].value else { panic!("no map") };
            let Value::Scalar { text: read, .. } = &entries[0].value.value else { panic!("no scalar") };
            prop_assert_eq!(read, &text);
            let other: Vec<std::collections::BTreeMap<String, serde_json::Value>> = serde_norway::from_str(&yaml).unwrap();
            prop_assert_eq!(&other[0]["k"], &serde_json::Value::String(text));
        }
    }
}
