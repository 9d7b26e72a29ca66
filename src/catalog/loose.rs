//! A catalog's blobs where they stand in their files, for whoever writes them out again and needs no links between them.

use std::io::{self, Read};
use std::ops::Range;

use super::facts::Keep;
use super::model::{BUNDLE, CHANNEL, DEPRECATIONS, Origin, PACKAGE};
use super::parse::{Head, each_value, read_head};
use super::stream::Window;
use crate::finding::Finding;
use crate::limits::Limits;

/// One blob: what it is, and where its text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loose {
    /// Its schema.
    pub schema: String,
    /// The package that it belongs to; of an `olm.package` its own name.
    pub package: String,
    /// Its name.
    pub name: String,
    /// Its JSON text.
    pub text: LooseText,
    /// Where it was read.
    pub origin: Origin,
}

/// The JSON text of a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LooseText {
    /// These bytes of its file.
    Span(Range<usize>),
    /// Not in its file: that has YAML.
    Own(Box<str>),
    /// Made here, of a bundle or of a blob that was migrated: its values stand in the order of their making.
    Made(Box<str>),
}

/// What is in a file.
#[derive(Debug, Default)]
pub struct LooseFile {
    /// In the order of the file.
    pub blobs: Vec<Loose>,
    /// What is wrong with it. Blobs that cannot be read are not among them.
    pub findings: Vec<Finding>,
}

/// Finds the blobs of one file. Its path is for findings.
pub fn scan_file(path: &str, bytes: &[u8], limits: &Limits) -> LooseFile {
    let mut bytes = bytes;
    scan_reader(path, &mut bytes, limits).unwrap_or_default()
}

/// Finds the blobs of one file as it comes. JSON passes through a small window. An error means that the reader failed.
pub fn scan_reader(path: &str, reader: &mut dyn Read, limits: &Limits) -> io::Result<LooseFile> {
    let mut blobs = Vec::new();
    let window = Window::new(reader, limits.catalog_file_bytes);
    // With its fields read in the pass that finds the end of it; its text stays in the file.
    let findings = each_value(path, window, Keep::Facts, limits, &mut |value, place, findings| {
        let json = value.text();
        match read_head(value, &place.origin, findings) {
            Ok(Head { schema, package, name }) => {
                let text = match place.offset {
                    Some(start) => LooseText::Span(start..start + json.len()),
                    None => LooseText::Own(json.into()),
                };
                blobs.push(Loose { schema, package, name, text, origin: place.origin });
            }
            Err(finding) => findings.push(finding),
        }
    })?;
    Ok(LooseFile { blobs, findings })
}

impl Loose {
    /// What opm sorts by: packages by name; in each the package, channels and bundles by name, other schemas by schema,
    /// deprecations; at the end what belongs to no package. Equal ones stay as they are.
    pub fn order(&self) -> (bool, &str, u8, &str) {
        let (rank, name) = match self.schema.as_str() {
            PACKAGE => (0, ""),
            CHANNEL => (1, self.name.as_str()),
            BUNDLE => (2, self.name.as_str()),
            DEPRECATIONS => (4, ""),
            other => (3, other),
        };
        (self.package.is_empty(), &self.package, rank, name)
    }

    /// Bytes of its text.
    pub fn len(&self) -> usize {
        match &self.text {
            LooseText::Span(span) => span.len(),
            LooseText::Own(text) | LooseText::Made(text) => text.len(),
        }
    }

    /// Whether there is no text, which no blob can be.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::LIMITS;

    #[test]
    fn blobs_are_found_where_they_stand() {
        let text = "\u{feff} {\"schema\":\"olm.package\",\"name\":\"p\"}\n\n{\"Schema\":\"x\",\"package\":\"p\", \"image\": 5}";
        let file = scan_file("a/b", text.as_bytes(), &LIMITS);
        assert_eq!(file.findings, []);
        let found: Vec<(&str, &str, u64, &str)> = file
            .blobs
            .iter()
            .map(|blob| {
                let LooseText::Span(span) = &blob.text else { panic!("{blob:?}") };
                (blob.schema.as_str(), blob.package.as_str(), blob.origin.line, &text[span.clone()])
            })
            .collect();
        assert_eq!(
            found,
            [
                ("olm.package", "p", 1, r#"{"schema":"olm.package","name":"p"}"#),
                ("x", "p", 3, r#"{"Schema":"x","package":"p", "image": 5}"#),
            ]
        );
        let yaml = scan_file("a", b"schema: z\nname: m\n", &LIMITS);
        assert_eq!(yaml.blobs[0].text, LooseText::Own(r#"{"name":"m","schema":"z"}"#.into()));
    }

    #[test]
    fn blobs_that_do_not_fit_the_window_are_found_where_they_stand() {
        let large = "x".repeat(3 << 20);
        let text = format!(
            "\u{feff}\n{{\"schema\":\"a\"}}\n{{\"schema\":\"b\",\"text\":\"{large}\"}} {{\"schema\":\"c\"}}\n"
        );
        let file = scan_file("a", text.as_bytes(), &LIMITS);
        let found: Vec<(&str, u64, &str)> = file
            .blobs
            .iter()
            .map(|blob| {
                let LooseText::Span(span) = &blob.text else { panic!("{blob:?}") };
                (blob.schema.as_str(), blob.origin.line, &text[span.start..span.start + 12])
            })
            .collect();
        let begin = |name| format!("{{\"schema\":\"{name}");
        assert_eq!(
            found,
            [("a", 2, begin("a").as_str()), ("b", 3, begin("b").as_str()), ("c", 3, begin("c").as_str())]
        );
        let LooseText::Span(last) = &file.blobs[1].text else { panic!() };
        assert_eq!(text.as_bytes()[last.end - 1], b'}');
    }

    #[test]
    fn fields_of_the_wrong_type_are_findings() {
        for (text, code) in [
            (r#"{"schema":"olm.channel","package":"p","name":"c","entries":5}"#, "BAD_BLOB"),
            (
                r#"{"schema":"olm.bundle","package":"p","name":"b","properties":[{"type":"olm.gvk","value":1}]}"#,
                "BAD_PROPERTY",
            ),
            (r#"{"name":"c"}"#, "MISSING_SCHEMA"),
            (r#"{"schema":"x","Schema":"y"}"#, "BAD_BLOB"),
            (r#"{"schema":"x""#, "UNREADABLE"),
        ] {
            let file = scan_file("f", text.as_bytes(), &LIMITS);
            let codes: Vec<&str> = file.findings.iter().map(|finding| finding.code.as_str()).collect();
            assert_eq!(codes, [code], "{text}");
            assert_eq!(file.findings[0].file.as_deref(), Some("f"));
            assert_eq!(file.findings[0].line, Some(1));
        }
    }
}
