//! YAML that means what we meant: every text stands in double quotes, written as JSON writes it.
//!
//! A plain scalar is a trap: `no`, `1e3`, `4.20`, `~` and `2026-01-01` are not texts to a YAML reader, and a line end in
//! a name would begin another object. JSON's quoted strings are YAML too, and mean the same to every reader.

use std::fmt::Display;

use crate::yaml::quote_to;

/// A value to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Yaml {
    /// A text.
    Text(String),
    /// `true` or `false`.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// A sequence.
    List(Vec<Yaml>),
    /// A mapping, in the order in which it is written.
    Map(Vec<(String, Yaml)>),
}

impl Yaml {
    /// A text.
    pub fn text(text: impl Display) -> Self {
        Self::Text(text.to_string())
    }

    /// A mapping.
    pub fn map<const N: usize>(fields: [(&str, Self); N]) -> Self {
        Self::Map(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    /// One document in block style, with comment lines on top, made ASCII.
    pub fn document(&self, comments: &[String]) -> Vec<u8> {
        let mut out = String::new();
        for comment in comments {
            out.push_str("# ");
            out.extend(comment.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' }));
            out.push('\n');
        }
        match self {
            Self::Map(fields) if !fields.is_empty() => fields_to(&mut out, fields, 0),
            Self::List(items) if !items.is_empty() => items_to(&mut out, items, 0),
            scalar => {
                inline_to(&mut out, scalar);
                out.push('\n');
            }
        }
        out.into_bytes()
    }
}

/// Writes fields, each on a line of its own at this depth; the first line's indent is there already.
fn fields_to(out: &mut String, fields: &[(String, Yaml)], depth: usize) {
    for (index, (key, value)) in fields.iter().enumerate() {
        if index > 0 {
            indent(out, depth);
        }
        if is_plain_key(key) {
            out.push_str(key);
        } else {
            quote_to(out, key);
        }
        out.push(':');
        match value {
            Yaml::Map(inner) if !inner.is_empty() => {
                out.push('\n');
                indent(out, depth + 1);
                fields_to(out, inner, depth + 1);
            }
            Yaml::List(items) if !items.is_empty() => {
                out.push('\n');
                indent(out, depth + 1);
                items_to(out, items, depth + 1);
            }
            scalar => {
                out.push(' ');
                inline_to(out, scalar);
                out.push('\n');
            }
        }
    }
}

fn items_to(out: &mut String, items: &[Yaml], depth: usize) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            indent(out, depth);
        }
        out.push_str("- ");
        match item {
            Yaml::Map(inner) if !inner.is_empty() => fields_to(out, inner, depth + 1),
            Yaml::List(inner) if !inner.is_empty() => items_to(out, inner, depth + 1),
            scalar => {
                inline_to(out, scalar);
                out.push('\n');
            }
        }
    }
}

fn inline_to(out: &mut String, value: &Yaml) {
    match value {
        Yaml::Text(text) => quote_to(out, text),
        Yaml::Flag(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Yaml::Number(number) => out.push_str(&number.to_string()),
        Yaml::List(_) => out.push_str("[]"),
        Yaml::Map(_) => out.push_str("{}"),
    }
}

fn indent(out: &mut String, depth: usize) {
    out.extend(std::iter::repeat_n("  ", depth));
}

/// Names of fields as Kubernetes spells them, less the words that YAML 1.1 takes for truth values.
fn is_plain_key(key: &str) -> bool {
    const TAKEN: &[&str] = &["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    key.bytes().next().is_some_and(|c| c.is_ascii_alphabetic())
        && key.bytes().all(|c| c.is_ascii_alphanumeric())
        && !TAKEN.contains(&key.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_as_people_write_it() {
        let value = Yaml::map([
            ("kind", Yaml::text("List")),
            ("no", Yaml::Flag(false)),
            ("count", Yaml::Number(2)),
            ("a.b/c", Yaml::map([("d", Yaml::List(vec![]))])),
            (
                "items",
                Yaml::List(vec![
                    Yaml::map([
                        ("a", Yaml::text("1")),
                        ("b", Yaml::List(vec![Yaml::text("x"), Yaml::text("y")])),
                    ]),
                    Yaml::List(vec![Yaml::text("z"), Yaml::Map(vec![])]),
                ]),
            ),
        ]);
        let text = String::from_utf8(value.document(&["what it is\nkind: Secret".to_owned()])).unwrap();
        assert_eq!(
            text,
            "# what it is?kind: Secret\nkind: \"List\"\n\"no\": false\ncount: 2\n\"a.b/c\":\n  d: []\nitems:\n  - a: \"1\"\n    \
             b:\n      - \"x\"\n      - \"y\"\n  - - \"z\"\n    - {}\n"
        );
    }
}
