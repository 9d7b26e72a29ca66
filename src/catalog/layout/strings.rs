//! Strings of JSON with the escapes of Go's `encoding/json`, those for HTML left out.

use memchr::{memchr2, memchr3, memmem};

/// Writes strings of one text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Strings<'t> {
    text: &'t str,
    /// Whether U+2028 or U+2029 is in it, which Go escapes.
    separators: bool,
}

impl<'t> Strings<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let bytes = text.as_bytes();
        let mut near = memmem::find_iter(bytes, b"\xE2\x80");
        Self { text, separators: near.any(|at| matches!(bytes.get(at + 2), Some(0xA8 | 0xA9))) }
    }

    /// Appends the string that begins with the quote at `at`; gives where it ends. The same text always gives the same bytes.
    pub(super) fn write(&self, mut at: usize, out: &mut Vec<u8>) -> usize {
        out.push(b'"');
        at += 1;
        loop {
            let rest = self.text.as_bytes().get(at..).unwrap_or_default();
            let Some(found) = self.special(rest) else {
                // No JSON.
                out.extend_from_slice(rest);
                return self.text.len();
            };
            let (plain, from) = rest.split_at(found);
            out.extend_from_slice(plain);
            at += found;
            at += match from {
                [b'\\', ..] => escape(from, out),
                [0xE2, 0x80, last @ (0xA8 | 0xA9), ..] => {
                    out.extend_from_slice(if *last == 0xA8 { b"\\u2028" } else { b"\\u2029" });
                    3
                }
                [0xE2, ..] => {
                    out.push(0xE2);
                    1
                }
                _ => {
                    out.push(b'"');
                    return at + 1;
                }
            };
        }
    }

    fn special(&self, rest: &[u8]) -> Option<usize> {
        if self.separators { memchr3(b'"', b'\\', 0xE2, rest) } else { memchr2(b'"', b'\\', rest) }
    }
}

/// Writes the escape that the bytes begin with; gives its length.
fn escape(from: &[u8], out: &mut Vec<u8>) -> usize {
    let Some(kind) = from.get(1) else { return 1 };
    if *kind != b'u' {
        // A slash needs none; the others have one form only.
        if *kind != b'/' {
            out.push(b'\\');
        }
        out.push(*kind);
        return 2;
    }
    let (c, length) = match unit(from) {
        Some(high @ 0xD800..=0xDBFF) => match from.get(6..).and_then(unit) {
            Some(low @ 0xDC00..=0xDFFF) => {
                (char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)), 12)
            }
            _ => (None, 6),
        },
        Some(unit) => (char::from_u32(unit), 6),
        None => (None, 2),
    };
    match c {
        Some(c) => go_char(c, out),
        // Half of a pair is no text: it stays as it is.
        None => out.extend_from_slice(from.get(..length).unwrap_or(from)),
    }
    length
}

/// The number of `\uXXXX` at the start of the bytes.
fn unit(from: &[u8]) -> Option<u32> {
    let digits = from.strip_prefix(b"\\u")?.get(..4)?;
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// One character as Go writes it in a string.
pub(in crate::catalog) fn go_char(c: char, out: &mut Vec<u8>) {
    match c {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        '\u{8}' => out.extend_from_slice(b"\\b"),
        '\u{c}' => out.extend_from_slice(b"\\f"),
        '\0'..='\u{1f}' | '\u{2028}' | '\u{2029}' => {
            out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
        }
        c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}
