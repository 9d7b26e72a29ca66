//! A strict reader of a tree: it takes known fields of known types, and every deviation becomes a finding with its line.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use super::tree::{Entry, Node, Value};
use crate::finding::{Finding, nearest};

/// Collects what is wrong with one file. Codes begin with the form's prefix: `ISC_UNKNOWN_FIELD`.
#[derive(Debug)]
pub struct Form<'f> {
    file: &'f str,
    prefix: &'static str,
    findings: Vec<Finding>,
}

/// The fields of one mapping that are known.
#[derive(Debug)]
pub struct Fields<'n> {
    /// Where it is in the document, for instance `mirror.operators[0]`; empty for the document itself.
    pub path: String,
    /// The line where it begins.
    pub line: u64,
    values: BTreeMap<&'n str, &'n Entry>,
}

impl<'f> Form<'f> {
    /// Begins to read a file.
    pub fn new(file: &'f str, prefix: &'static str) -> Self {
        Self { file, prefix, findings: Vec::new() }
    }

    /// What was found, in the order of the lines.
    pub fn into_findings(self) -> Vec<Finding> {
        let mut findings = self.findings;
        findings.sort_by_key(|finding| finding.line);
        findings
    }

    /// Whether something must be mended.
    pub fn has_errors(&self) -> bool {
        crate::finding::has_errors(&self.findings)
    }

    /// Notes a finding at a line of this file.
    pub fn push(&mut self, line: u64, finding: Finding) {
        self.findings.push(finding.at(self.file, Some(line)));
    }

    /// Notes an error whose code is the prefix, `_` and `code`.
    pub fn error(&mut self, line: u64, code: &str, subject: &str, message: impl Display, hint: impl Display) {
        let code = format!("{}_{code}", self.prefix);
        self.push(line, Finding::error(&code, subject, message).hint(hint));
    }

    /// Reads a mapping with these fields and no others.
    pub fn fields<'n>(&mut self, node: &'n Node, path: &str, known: &[&str]) -> Option<Fields<'n>> {
        let Value::Map(entries) = &node.value else {
            let subject = if path.is_empty() { "document" } else { path };
            self.wrong_type(node, subject, "a mapping of fields");
            return None;
        };
        let mut fields = Fields { path: path.to_owned(), line: node.line, values: BTreeMap::new() };
        for entry in entries {
            let subject = fields.name(&entry.key);
            if !known.contains(&entry.key.as_str()) {
                let near = nearest(&entry.key, known.iter().copied());
                let hint = match near.first() {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => format!("known here are: {}", known.join(", ")),
                };
                self.error(
                    entry.line,
                    "UNKNOWN_FIELD",
                    &subject,
                    format!("there is no field `{}` here", entry.key),
                    hint,
                );
            } else if let Some(first) = fields.values.get(entry.key.as_str()) {
                let message = format!("the field stands twice, first in line {}", first.line);
                self.error(entry.line, "DUPLICATE_KEY", &subject, message, "keep one of the two");
            } else {
                fields.values.insert(&entry.key, entry);
            }
        }
        Some(fields)
    }

    /// Notes that a value is of another type than its field wants.
    pub fn wrong_type(&mut self, node: &Node, subject: &str, wanted: &str) {
        let found = match &node.value {
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a mapping".to_owned(),
            Value::Scalar { text, .. } if text.is_empty() => "empty".to_owned(),
            Value::Scalar { text, plain } => {
                let kind = if *plain { plain_type(text) } else { "a text" };
                format!("{kind} (`{}`)", text.chars().take(60).collect::<String>())
            }
        };
        let hint = match &node.value {
            Value::Scalar { text, plain: true } if wanted == "a text" && !is_null(text) => {
                format!("write it in quotes: \"{text}\"")
            }
            Value::Map(_) if wanted == "a list" => "put `- ` before its first field".to_owned(),
            _ => String::new(),
        };
        self.error(node.line, "WRONG_TYPE", subject, format!("it must be {wanted}, and is {found}"), hint);
    }
}

impl<'n> Fields<'n> {
    /// The full name of a field of this mapping.
    pub fn name(&self, field: &str) -> String {
        if self.path.is_empty() { field.to_owned() } else { format!("{}.{field}", self.path) }
    }

    /// Whether the field was written, be it empty.
    pub fn has(&self, field: &str) -> bool {
        self.values.contains_key(field)
    }

    /// The line of a field, or that of the mapping.
    pub fn line_of(&self, field: &str) -> u64 {
        self.values.get(field).map_or(self.line, |entry| entry.line)
    }

    /// The value of a field, unless it is missing or null.
    pub fn value(&self, field: &str) -> Option<&'n Node> {
        let node = &self.values.get(field)?.value;
        match &node.value {
            Value::Scalar { text, plain: true } if is_null(text) => None,
            _ => Some(node),
        }
    }

    /// Notes that a field is missing, unless it is there.
    pub fn require(&self, form: &mut Form<'_>, field: &str, hint: &str) {
        if self.value(field).is_none() {
            form.error(
                self.line_of(field),
                "MISSING_FIELD",
                &self.name(field),
                format!("`{field}` is missing"),
                hint,
            );
        }
    }

    /// A text that is not empty.
    pub fn text(&self, form: &mut Form<'_>, field: &str) -> Option<&'n str> {
        let node = self.value(field)?;
        as_text(form, node, &self.name(field))
    }

    /// A text of a checked type; its parser's complaint becomes the finding `<prefix>_<code>`.
    pub fn parsed<T: FromStr<Err: Display>>(
        &self,
        form: &mut Form<'_>,
        field: &str,
        code: &str,
    ) -> Option<T> {
        let text = self.text(form, field)?;
        text.parse()
            .map_err(|why: T::Err| form.error(self.line_of(field), code, &self.name(field), why, ""))
            .ok()
    }

    /// `true` or `false`, and the words that YAML 1.1 readers take for them.
    pub fn boolean(&self, form: &mut Form<'_>, field: &str) -> Option<bool> {
        let node = self.value(field)?;
        if let Value::Scalar { text, plain: true } = &node.value {
            match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" => return Some(true),
                "false" | "no" | "off" => return Some(false),
                _ => {}
            }
        }
        form.wrong_type(node, &self.name(field), "true or false");
        None
    }

    /// A whole number that is not negative.
    pub fn integer(&self, form: &mut Form<'_>, field: &str) -> Option<u64> {
        let node = self.value(field)?;
        if let Value::Scalar { text, plain: true } = &node.value
            && text.bytes().all(|c| c.is_ascii_digit())
            && let Ok(number) = text.parse()
        {
            return Some(number);
        }
        form.wrong_type(node, &self.name(field), "a whole number");
        None
    }

    /// The items of a list; none when the field is missing or null.
    pub fn list(&self, form: &mut Form<'_>, field: &str) -> &'n [Node] {
        let Some(node) = self.value(field) else { return &[] };
        match &node.value {
            Value::List(items) => items,
            Value::Scalar { .. } | Value::Map(_) => {
                form.wrong_type(node, &self.name(field), "a list");
                &[]
            }
        }
    }
}

/// A scalar that is a text and not empty.
pub(super) fn as_text<'n>(form: &mut Form<'_>, node: &'n Node, subject: &str) -> Option<&'n str> {
    match &node.value {
        Value::Scalar { text, plain } if !text.is_empty() && (!plain || plain_type(text) == "a text") => {
            Some(text)
        }
        _ => {
            form.wrong_type(node, subject, "a text");
            None
        }
    }
}

impl Form<'_> {
    /// A text that stands in a list.
    pub fn text<'n>(&mut self, node: &'n Node, subject: &str) -> Option<&'n str> {
        as_text(self, node, subject)
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// What a scalar without quotes is, by the core schema of YAML 1.2 (§10.3.2).
fn plain_type(text: &str) -> &'static str {
    let number = || {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        let starts = digits.strip_prefix('.').unwrap_or(digits).starts_with(|c: char| c.is_ascii_digit());
        let hexadecimal = digits.strip_prefix("0x").is_some_and(|hex| u64::from_str_radix(hex, 16).is_ok());
        let octal = digits.strip_prefix("0o").is_some_and(|octal| u64::from_str_radix(octal, 8).is_ok());
        (starts && digits.parse::<f64>().is_ok()) || hexadecimal || octal
    };
    match text {
        _ if is_null(text) => "null",
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => "a boolean",
        _ if number() => "a number",
        _ => "a text",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::LIMITS;
    use crate::yaml::parse;

    #[test]
    fn each_deviation_is_a_finding_with_its_line() {
        let text = "name: 1.8\nNmae: x\nname: y\nflag: maybe\ncount: -1\nlist: {a: b}\nempty:\n";
        let document = parse(text, &LIMITS).unwrap().remove(0);
        let mut form = Form::new("f.yaml", "T");
        let fields = form.fields(&document, "", &["name", "flag", "count", "list", "empty", "gone"]).unwrap();
        assert_eq!(fields.text(&mut form, "name"), None);
        assert_eq!(fields.boolean(&mut form, "flag"), None);
        assert_eq!(fields.integer(&mut form, "count"), None);
        assert!(fields.list(&mut form, "list").is_empty());
        assert!(fields.list(&mut form, "empty").is_empty());
        fields.require(&mut form, "gone", "say it");
        let found: Vec<_> = form
            .into_findings()
            .into_iter()
            .map(|finding| {
                format!(
                    "{} {} {}: {} ({})",
                    finding.line.unwrap(),
                    finding.code,
                    finding.subject,
                    finding.message,
                    finding.hint
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                "1 T_WRONG_TYPE name: it must be a text, and is a number (`1.8`) (write it in quotes: \"1.8\")",
                "1 T_MISSING_FIELD gone: `gone` is missing (say it)",
                "2 T_UNKNOWN_FIELD Nmae: there is no field `Nmae` here (did you mean `name`?)",
                "3 T_DUPLICATE_KEY name: the field stands twice, first in line 1 (keep one of the two)",
                "4 T_WRONG_TYPE flag: it must be true or false, and is a text (`maybe`) ()",
                "5 T_WRONG_TYPE count: it must be a whole number, and is a number (`-1`) ()",
                "6 T_WRONG_TYPE list: it must be a list, and is a mapping (put `- ` before its first field)",
            ]
        );
    }

    #[test]
    fn knows_a_number_from_a_version() {
        for (text, expected) in [
            ("1.8", "a number"),
            ("1.8.0", "a text"),
            ("4", "a number"),
            (".5", "a number"),
            ("1e3", "a number"),
            ("0x1f", "a number"),
            ("infinity", "a text"),
            ("nan", "a text"),
            ("v1.8", "a text"),
            ("true", "a boolean"),
            ("~", "null"),
            ("linux/amd64", "a text"),
        ] {
            assert_eq!(plain_type(text), expected, "{text}");
        }
    }
}
