//! JSON on one line with the escapes of Go's `encoding/json`.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::Formatter;

/// One value as Go's `json.Marshal` writes it: fields in the order of their type, `<`, `>` and `&` as escapes.
pub(super) fn go_json(value: &impl Serialize) -> Vec<u8> {
    let mut out = Vec::new();
    // Texts, lists and maps with texts for keys do not fail, and memory takes what it is given.
    let written = value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, Go));
    debug_assert!(written.is_ok(), "{written:?}");
    out
}

/// A value's text without the blanks between its parts; keys stay in their order, numbers keep their digits.
pub(super) fn compact(json: &str) -> String {
    let (mut out, mut quoted, mut escaped) = (String::with_capacity(json.len()), false, false);
    for c in json.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = quoted,
            '"' => quoted = !quoted,
            ' ' | '\t' | '\n' | '\r' if !quoted => continue,
            _ => {}
        }
        out.push(c);
    }
    out
}

struct Go;

impl Formatter for Go {
    fn write_string_fragment<W: Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            let (plain, special) = rest.split_at(at);
            writer.write_all(plain.as_bytes())?;
            let mut characters = special.chars();
            if let Some(special) = characters.next() {
                write!(writer, "\\u{:04x}", u32::from(special))?;
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}
