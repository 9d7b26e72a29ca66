//! JSON as Go's `encoding/json` writes it: numbers in its form, and its escapes for HTML where it has them.

use serde_json::{Number, Value};

use crate::catalog::layout::go_char;

/// Whether `<`, `>` and `&` are written as escapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Html {
    Escaped,
    Plain,
}

/// One value on one line, keys by name.
pub(super) fn text(value: &Value, html: Html) -> String {
    let mut out = Vec::new();
    write(value, html, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// Appends one value on one line, keys by name.
pub(super) fn write(value: &Value, html: Html, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(it) => out.extend_from_slice(if *it { b"true" } else { b"false" }),
        Value::Number(it) => out.extend_from_slice(number(it).as_bytes()),
        Value::String(it) => string(it, html, out),
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(item, html, out);
            }
            out.push(b']');
        }
        Value::Object(members) => {
            out.push(b'{');
            for (index, (key, value)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                string(key, html, out);
                out.push(b':');
                write(value, html, out);
            }
            out.push(b'}');
        }
    }
}

/// Appends a string with its quotes.
pub(super) fn string(text: &str, html: Html, out: &mut Vec<u8>) {
    out.push(b'"');
    for c in text.chars() {
        match c {
            '<' | '>' | '&' if html == Html::Escaped => {
                out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
            }
            c => go_char(c, out),
        }
    }
    out.push(b'"');
}

/// Shortest digits; an exponent below 1e-6 and from 1e21 on (`encoding/json`, `floatEncoder`).
fn number(number: &Number) -> String {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else { return number.to_string() };
    let magnitude = float.abs();
    if float == 0.0 || (1e-6..1e21).contains(&magnitude) {
        return float.to_string();
    }
    let text = format!("{float:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with('-') => {
            format!("{digits}e+{exponent:0>2}")
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_have_the_form_of_go() {
        for (value, expected) in [
            (json!(1), "1"),
            (json!(1.0), "1"),
            (json!(-0.5), "-0.5"),
            (json!(1.1), "1.1"),
            (json!(1e20), "100000000000000000000"),
            (json!(1e21), "1e+21"),
            (json!(1.5e-7), "1.5e-7"),
            (json!(1e-6), "0.000001"),
            (json!(u64::MAX), "18446744073709551615"),
        ] {
            assert_eq!(text(&value, Html::Plain), expected);
        }
    }

    #[test]
    fn keys_come_by_name_and_html_is_escaped_where_go_does() {
        let value = json!({"b": [null, true], "a<": "<&>\u{2028}\n\"é"});
        assert_eq!(text(&value, Html::Plain), "{\"a<\":\"<&>\\u2028\\n\\\"é\",\"b\":[null,true]}");
        assert_eq!(
            text(&value, Html::Escaped),
            "{\"a\\u003c\":\"\\u003c\\u0026\\u003e\\u2028\\n\\\"é\",\"b\":[null,true]}"
        );
    }
}
