//! JSON text laid out anew without reading it into numbers and maps: opm's order of fields, unknown ones after them.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// In which order an object's fields come, and how each is laid out. Of a list, each element follows the layout.
pub(super) struct Layout(&'static [(&'static str, &'static Layout)]);

impl Layout {
    /// Whatever the order is.
    pub(super) const AS_WRITTEN: Self = Self(&[]);
}

const PLAIN: &Layout = &Layout::AS_WRITTEN;

const PROPERTIES: &Layout = &Layout(&[("type", PLAIN), ("value", PLAIN)]);

/// An `olm.package`.
pub(super) const PACKAGE: Layout = Layout(&[
    ("schema", PLAIN),
    ("name", PLAIN),
    ("defaultChannel", PLAIN),
    ("icon", &Layout(&[("base64data", PLAIN), ("mediatype", PLAIN)])),
    ("description", PLAIN),
    ("properties", PROPERTIES),
]);

/// An `olm.channel`.
pub(super) const CHANNEL: Layout = Layout(&[
    ("schema", PLAIN),
    ("name", PLAIN),
    ("package", PLAIN),
    ("entries", &Layout(&[("name", PLAIN), ("replaces", PLAIN), ("skips", PLAIN), ("skipRange", PLAIN)])),
    ("properties", PROPERTIES),
]);

/// An `olm.bundle`.
pub(super) const BUNDLE: Layout = Layout(&[
    ("schema", PLAIN),
    ("name", PLAIN),
    ("package", PLAIN),
    ("image", PLAIN),
    ("properties", PROPERTIES),
    ("relatedImages", &Layout(&[("name", PLAIN), ("image", PLAIN)])),
]);

/// An `olm.deprecations`.
pub(super) const DEPRECATIONS: Layout = Layout(&[
    ("schema", PLAIN),
    ("package", PLAIN),
    (
        "entries",
        &Layout(&[("reference", &Layout(&[("schema", PLAIN), ("name", PLAIN)])), ("message", PLAIN)]),
    ),
]);

/// An object's members in the order of the text; of two with the same key the last one counts. Empty for all else.
pub(super) fn object(json: &str) -> Vec<(String, &RawValue)> {
    serde_json::from_str::<Members<'_>>(json).map(|members| members.0).unwrap_or_default()
}

struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members: Vec<(String, &'de RawValue)> = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, &'de RawValue>()? {
                    members.retain(|(known, _)| *known != key);
                    members.push((key, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

/// Writes JSON text with four blanks of indent a level.
pub(super) fn write(json: &str, layout: &Layout, depth: usize, out: &mut String) {
    if layout.0.is_empty() {
        return indent(json, depth, out);
    }
    match json.as_bytes().first() {
        Some(b'{') => {
            let mut members = object(json);
            let rank = |key: &str| layout.0.iter().position(|(known, _)| known.eq_ignore_ascii_case(key));
            members.sort_by_key(|(key, _)| rank(key).unwrap_or(layout.0.len()));
            enclose('{', '}', members.len(), depth, out, |index, out| {
                let Some((key, raw)) = members.get(index) else { return };
                let (key, inner) = match rank(key).and_then(|rank| layout.0.get(rank)) {
                    Some((known, inner)) => (*known, *inner),
                    None => (key.as_str(), PLAIN),
                };
                string(&serde_json::Value::from(key).to_string(), out);
                out.push_str(": ");
                write(raw.get(), inner, depth + 1, out);
            });
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(json).unwrap_or_default();
            enclose('[', ']', items.len(), depth, out, |index, out| {
                if let Some(item) = items.get(index) {
                    write(item.get(), layout, depth + 1, out);
                }
            });
        }
        _ => indent(json, depth, out),
    }
}

fn enclose(
    open: char,
    close: char,
    count: usize,
    depth: usize,
    out: &mut String,
    mut each: impl FnMut(usize, &mut String),
) {
    out.push(open);
    for index in 0..count {
        if index > 0 {
            out.push(',');
        }
        break_line(depth + 1, out);
        each(index, out);
    }
    if count > 0 {
        break_line(depth, out);
    }
    out.push(close);
}

fn break_line(depth: usize, out: &mut String) {
    out.push('\n');
    for _ in 0..depth {
        out.push_str("    ");
    }
}

/// Lays out valid JSON text token by token; numbers keep their digits.
fn indent(json: &str, mut depth: usize, out: &mut String) {
    let mut rest = json;
    // A container that was opened and has nothing in it yet.
    let mut fresh = false;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string_length(rest),
            '{' | '}' | '[' | ']' | ',' | ':' | ' ' | '\t' | '\n' | '\r' => 1,
            _ => rest.find([',', '}', ']', ' ', '\t', '\n', '\r']).unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        rest = after;
        match first {
            ' ' | '\t' | '\n' | '\r' => continue,
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                if !fresh {
                    break_line(depth, out);
                }
                fresh = false;
                out.push(first);
                continue;
            }
            _ => {}
        }
        if std::mem::take(&mut fresh) {
            break_line(depth, out);
        }
        match first {
            '{' | '[' => {
                depth += 1;
                fresh = true;
                out.push(first);
            }
            ',' => {
                out.push(',');
                break_line(depth, out);
            }
            ':' => out.push_str(": "),
            '"' => string(token, out),
            _ => out.push_str(token),
        }
    }
}

/// Bytes of the string token that the text begins with, quotes included.
fn string_length(text: &str) -> usize {
    let mut at = 1;
    while let Some(quote) = text.get(at..).and_then(|rest| rest.find('"')) {
        let end = at + quote;
        // A quote behind an odd number of backslashes is part of the text.
        let escapes =
            text.get(1..end).unwrap_or_default().bytes().rev().take_while(|byte| *byte == b'\\').count();
        at = end + 1;
        if escapes % 2 == 0 {
            return at;
        }
    }
    text.len()
}

/// The same text always has the same escapes. What is no text at all (half a surrogate pair) stays as it is.
fn string(token: &str, out: &mut String) {
    match token.contains('\\').then(|| serde_json::from_str::<String>(token)) {
        Some(Ok(text)) => out.push_str(&serde_json::Value::from(text).to_string()),
        _ => out.push_str(token),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pretty(json: &str) -> String {
        let mut out = String::new();
        write(json, PLAIN, 0, &mut out);
        out
    }

    #[test]
    fn tokens_keep_their_digits() {
        let json = r#" {"a" : [1.10,12345678901234567890123,-0,1e400],"b":{},"c":[ ],"d":"\u003c\/\"é\u00e9","e":"\ud800","f":[[],{"g":null}]} "#;
        let expected = r#"{
    "a": [
        1.10,
        12345678901234567890123,
        -0,
        1e400
    ],
    "b": {},
    "c": [],
    "d": "</\"éé",
    "e": "\ud800",
    "f": [
        [],
        {
            "g": null
        }
    ]
}"#;
        assert_eq!(pretty(json), expected);
        assert_eq!(pretty(expected), expected);
    }

    #[test]
    fn known_fields_come_in_the_order_of_opm() {
        let mut out = String::new();
        let json = r#"{"zz":1,"relatedImages":[{"image":"i","name":"n"}],"Name":"b","properties":[{"x":0,"value":{"z":1,"a":2},"type":"t"}],"schema":"s","name":"c"}"#;
        write(json, &BUNDLE, 0, &mut out);
        let keys: Vec<&str> =
            out.lines().filter_map(|line| line.trim().split_once(':')).map(|(key, _)| key).collect();
        assert_eq!(
            keys,
            [
                "\"schema\"",
                "\"name\"",
                "\"name\"",
                "\"properties\"",
                "\"type\"",
                "\"value\"",
                "\"z\"",
                "\"a\"",
                "\"x\"",
                "\"relatedImages\"",
                "\"name\"",
                "\"image\"",
                "\"zz\""
            ]
        );
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            ".{0,8}".prop_map(serde_json::Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
                prop::collection::btree_map(".{0,4}", inner, 0..4)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// serde_json's own printer is the oracle.
        #[test]
        fn any_value_is_laid_out_as_a_tree(value in any_json()) {
            let mut expected = Vec::new();
            let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
            let mut serializer = serde_json::Serializer::with_formatter(&mut expected, formatter);
            serde::Serialize::serialize(&value, &mut serializer).unwrap();
            prop_assert_eq!(pretty(&value.to_string()), String::from_utf8(expected).unwrap());
        }
    }
}
