//! One file of a catalog: a stream of JSON values or YAML documents, cut into blobs that are read one by one.

use std::fmt::Display;
use std::io::{self, Read};
use std::sync::Arc;

use serde_json::value::{RawValue, to_raw_value};

use super::facts::{Keep, Text};
use super::identity::{bad_properties, is_base64, version};
use super::model::{BUNDLE, Blob, CHANNEL, DEPRECATIONS, Entry, Origin, PACKAGE, Property, RelatedImage};
use super::stream::{Broken, JsonStream, Value, View, Window, newlines, told};
use super::wire::{Object, WireBlob, WireEntry, WireMeta};
use crate::finding::Finding;
use crate::limits::Limits;
use crate::version::Version;
use crate::yaml::{self, Doubled};

/// A file cut into blobs, ready to be linked with those of other files.
#[derive(Debug, Default)]
pub struct ParsedFile {
    pub(super) parts: Vec<Part>,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
}

/// A blob with what was read of it.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) blob: Blob,
    pub(super) body: Body,
}

/// What was read of a blob, by its schema.
#[derive(Debug)]
pub(super) enum Body {
    Package { default_channel: String },
    Channel { entries: Vec<Entry> },
    Bundle { image: String, version: Version, related_images: Vec<RelatedImage>, properties: Vec<Property> },
    Deprecations,
    Other,
}

/// Reads one file. Its path is relative to the catalog's root, with `/`.
///
/// A pure function of one file, so that whoever has threads may read many at once and give them to
/// [`super::link`].
pub fn parse_file(path: &str, bytes: &[u8], limits: &Limits) -> ParsedFile {
    let mut bytes = bytes;
    parse_reader(path, &mut bytes, Keep::Whole, limits).unwrap_or_default()
}

/// Reads one file as it comes, and keeps as much of each blob as is asked for.
///
/// JSON passes through a small window; YAML is taken in whole. An error means that the reader failed.
pub fn parse_reader(
    path: &str,
    reader: &mut dyn Read,
    keep: Keep,
    limits: &Limits,
) -> io::Result<ParsedFile> {
    parse_window(path, Window::new(reader, limits.catalog_file_bytes), keep, limits)
}

pub(super) fn parse_window(
    path: &str,
    window: Window<'_>,
    keep: Keep,
    limits: &Limits,
) -> io::Result<ParsedFile> {
    let mut parts = Vec::new();
    let findings = each_value(path, window, keep, limits, &mut |value, place, findings| {
        let part = match value {
            Value::Raw(raw) => read(raw, keep, place.origin, findings),
            Value::Fields(wire, json) => part(*wire, Text::Facts(json), place.origin, findings),
        };
        match part {
            Ok(part) => parts.extend(part),
            Err(finding) => findings.push(finding),
        }
    })?;
    Ok(ParsedFile { parts, findings })
}

/// What to do with a file that cannot be read.
const UNREADABLE_HINT: &str = "mend the file, or list it in `.indexignore` if it is not part of the catalog";

/// Where a value stands.
pub(super) struct Place {
    pub(super) origin: Origin,
    /// The first of its bytes in the file; nothing where the file has it in YAML.
    pub(super) offset: Option<usize>,
}

/// Takes a value; what is wrong with it goes to the findings.
type TakeValue<'t> = dyn FnMut(Value<'_>, Place, &mut Vec<Finding>) + 't;

/// Hands over a file's values as they come; gives what is wrong with them and with the file itself.
pub(super) fn each_value(
    path: &str,
    mut window: Window<'_>,
    keep: Keep,
    limits: &Limits,
    take: &mut TakeValue<'_>,
) -> io::Result<Vec<Finding>> {
    let file: Arc<str> = path.into();
    let wrong = |code, message: String, line| Finding::error(code, path, message).at(path, line);
    let (mut findings, mut taken) = (Vec::new(), 0_usize);
    let broken = stream(&mut window, keep, limits, &mut |value, line, offset| {
        if taken == limits.catalog_blobs {
            let message = format!("file has more than {} blobs", limits.catalog_blobs);
            findings.push(wrong("TOO_LARGE", message, Some(line)));
        }
        taken = taken.saturating_add(1);
        if taken <= limits.catalog_blobs {
            take(value, Place { origin: Origin { file: Arc::clone(&file), line }, offset }, &mut findings);
        }
    })?;
    if window.overflows()? {
        let hint = format!("a catalog's file may have {} bytes", limits.catalog_file_bytes);
        findings.push(wrong("TOO_LARGE", "file is too large".to_owned(), None).hint(hint));
    } else {
        let unreadable = |(message, line)| wrong("UNREADABLE", message, Some(line)).hint(UNREADABLE_HINT);
        findings.extend(broken.into_iter().map(unreadable));
    }
    Ok(findings)
}

/// Shows what the window shows until the end of the file; gives what stopped it.
fn stream(
    window: &mut Window<'_>,
    keep: Keep,
    limits: &Limits,
    take: &mut dyn FnMut(Value<'_>, u64, Option<usize>),
) -> io::Result<Vec<Broken>> {
    let mut json: Option<JsonStream> = None;
    let mut passed = 0;
    loop {
        let View { text, last, broken } = window.fill()?;
        let no_text = |line| ("file is not UTF-8 text".to_owned(), line);
        let Some(stream) = &mut json else {
            let start = text.strip_prefix('\u{feff}').unwrap_or(text);
            match start.trim_start().chars().next() {
                Some('{') => {
                    json = Some(JsonStream::new(keep));
                    passed = text.len() - start.len();
                    window.done(passed);
                }
                _ if last && broken => return Ok(vec![no_text(1 + newlines(text))]),
                _ if last => {
                    let broken = yaml::documents(start, Doubled::Refused, limits, &mut |json, line| {
                        // A JSON value is never refused as JSON.
                        let raw = to_raw_value(&json).unwrap_or_default();
                        take(Value::Raw(&raw), line, None);
                    });
                    return Ok(broken.into_iter().map(|error| (error.what, error.line)).collect());
                }
                _ => window.open(),
            }
            continue;
        };
        let begin = text.as_ptr().addr();
        let mut found = |value: Value<'_>, line| {
            let offset = value.text().as_ptr().addr() - begin + passed;
            take(value, line, Some(offset));
        };
        let done = match stream.values(text, last && !broken, &mut found) {
            Ok(done) => done,
            Err(broken) => return Ok(vec![broken]),
        };
        if broken {
            return Ok(vec![no_text(stream.line() + newlines(text.get(done..).unwrap_or_default()))]);
        }
        match done {
            _ if last => return Ok(Vec::new()),
            0 => window.grow(),
            _ => {
                window.done(done);
                passed += done;
            }
        }
    }
}

/// The line of a byte, counted from 1.
pub(super) fn line_at(bytes: &[u8], offset: usize) -> u64 {
    1 + bytes.iter().take(offset).map(|byte| u64::from(*byte == b'\n')).sum::<u64>()
}

impl Blob {
    /// Reads one blob from its JSON text.
    pub fn parse(json: &str, origin: Origin) -> Result<Self, Finding> {
        let raw: &RawValue =
            serde_json::from_str(json).map_err(|error| bad(&origin.file, &origin, &error))?;
        Self::from_raw(raw, origin)
    }

    /// Takes one blob from a JSON value.
    pub fn from_value(value: &serde_json::Value, origin: Origin) -> Result<Self, Finding> {
        Self::parse(&value.to_string(), origin)
    }

    fn from_raw(raw: &RawValue, origin: Origin) -> Result<Self, Finding> {
        Self::kept(Text::Whole(raw), origin)
    }

    fn kept(text: Text<'_>, origin: Origin) -> Result<Self, Finding> {
        let Object::<WireMeta>(meta) =
            serde_json::from_str(text.json()).map_err(|error| bad(&origin.file, &origin, &error))?;
        let raw = text.kept(&meta.schema);
        with_meta(meta, raw, origin)
    }
}

fn bad(subject: impl Display, origin: &Origin, error: &serde_json::Error) -> Finding {
    let (message, further) = told(error);
    let place = Origin { file: Arc::clone(&origin.file), line: origin.line + further };
    at(Finding::error("BAD_BLOB", subject, format!("blob cannot be read: {message}")), &place).hint(MEND)
}

/// What to do with a blob that cannot be read.
const MEND: &str = "mend the blob; what each schema has is written in OLM's \"File-Based Catalogs\"";

/// The finding with where it stands.
pub(super) fn at(finding: Finding, origin: &Origin) -> Finding {
    if origin.file.is_empty() {
        return finding;
    }
    finding.at(&origin.file, Some(origin.line).filter(|line| *line > 0))
}

fn with_meta(meta: WireMeta, raw: Arc<RawValue>, origin: Origin) -> Result<Blob, Finding> {
    let Head { schema, package, name } = head(meta, &origin)?;
    Ok(Blob { schema, package, name, raw, origin })
}

/// What a blob is and where it belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) schema: String,
    pub(super) package: String,
    pub(super) name: String,
}

fn head(meta: WireMeta, origin: &Origin) -> Result<Head, Finding> {
    let WireMeta { schema, mut package, name, .. } = meta;
    if schema.is_empty() {
        let finding = Finding::error("MISSING_SCHEMA", &origin.file, "blob has no schema").hint(
            "every object of a catalog needs a `schema`; list files that are none of it in `.indexignore`",
        );
        return Err(at(finding, origin));
    }
    if schema == PACKAGE {
        package.clone_from(&name);
    }
    Ok(Head { schema, package, name })
}

/// Reads what a blob is, and whether its fields have the types of its schema.
pub(super) fn read_head(
    value: Value<'_>,
    origin: &Origin,
    findings: &mut Vec<Finding>,
) -> Result<Head, Finding> {
    let wire = match value {
        Value::Fields(wire, _) => *wire,
        Value::Raw(raw) => match serde_json::from_str::<Object<WireBlob<'_>>>(raw.get()) {
            Ok(Object(wire)) => wire,
            Err(error) => {
                // Said with all that is known of the blob; of unknown schemas every type is right.
                let blob = Blob::kept(Text::Facts(raw.get()), origin.clone())?;
                mistyped(&blob, &error)?;
                return Ok(Head { schema: blob.schema, package: blob.package, name: blob.name });
            }
        },
    };
    let head = head(wire.meta, origin)?;
    if head.schema == BUNDLE {
        let subject = format!("package {}, bundle {}", head.package, head.name);
        findings.extend(
            bad_properties(&wire.properties)
                .map(|message| at(Finding::error("BAD_PROPERTY", &subject, message), origin).hint(MEND)),
        );
    }
    Ok(head)
}

/// Only the schemas that we know have fields of known types.
fn mistyped(blob: &Blob, error: &serde_json::Error) -> Result<(), Finding> {
    if matches!(blob.schema.as_str(), PACKAGE | CHANNEL | BUNDLE | DEPRECATIONS) {
        return Err(bad(blob, &blob.origin, error));
    }
    Ok(())
}

const TEMPLATES: [&str; 3] = ["olm.template.basic", "olm.template.substitutes", "olm.semver"];

/// A template is authoring input: opm would serve it as a blob of unknown schema.
fn refuse_template(blob: &Blob) -> Result<(), Finding> {
    if !TEMPLATES.contains(&blob.schema.as_str()) {
        return Ok(());
    }
    let finding = Finding::error("TEMPLATE_IN_CATALOG", blob, "a template is no catalog content")
        .hint("render it first (`opm alpha render-template`) and remove it, or list it in `.indexignore`");
    Err(at(finding, &blob.origin))
}

/// Reads a blob as far as its schema is known. `None` where what was wrong went to `findings`.
pub(super) fn read(
    raw: &RawValue,
    keep: Keep,
    origin: Origin,
    findings: &mut Vec<Finding>,
) -> Result<Option<Part>, Finding> {
    match serde_json::from_str::<Object<WireBlob<'_>>>(raw.get()) {
        Ok(Object(wire)) => part(wire, Text::new(raw, keep), origin, findings),
        Err(error) => {
            let blob = Blob::kept(Text::new(raw, keep), origin)?;
            refuse_template(&blob)?;
            mistyped(&blob, &error)?;
            Ok(Some(Part { blob, body: Body::Other }))
        }
    }
}

/// A blob's fields as a part.
fn part(
    wire: WireBlob<'_>,
    text: Text<'_>,
    origin: Origin,
    findings: &mut Vec<Finding>,
) -> Result<Option<Part>, Finding> {
    let WireBlob { meta, default_channel, icon, image, entries, properties, related_images } = wire;
    let broken: Vec<String> = match meta.schema.as_str() {
        BUNDLE => bad_properties(&properties).collect(),
        _ => Vec::new(),
    };
    let (raw, properties) = match meta.schema.as_str() {
        BUNDLE => text.bundle(properties),
        schema => (text.kept(schema), Vec::new()),
    };
    let blob = with_meta(meta, raw, origin)?;
    refuse_template(&blob)?;
    let body =
        match blob.schema.as_str() {
            PACKAGE => {
                if !is_base64(&icon.data) {
                    let finding = Finding::error("BAD_BLOB", &blob, "`icon.base64data` is not base64")
                        .hint("encode the image with `base64 -w0`, or leave the icon out");
                    findings.push(at(finding, &blob.origin));
                }
                Body::Package { default_channel }
            }
            CHANNEL => {
                Body::Channel { entries: entries.into_iter().map(|it| entry(it, &blob, findings)).collect() }
            }
            BUNDLE => {
                let before = findings.len();
                findings.extend(broken.iter().map(|message| {
                    at(Finding::error("BAD_PROPERTY", &blob, message), &blob.origin).hint(MEND)
                }));
                let version = version(&blob, &properties).map_err(|message| {
                    at(Finding::error("BUNDLE_VERSION", &blob, message), &blob.origin)
                        .hint("a bundle needs exactly one `olm.package` property with a version like 1.2.3")
                });
                match version {
                    Ok(version) => Body::Bundle {
                        image,
                        version,
                        related_images: related_images
                            .into_iter()
                            .map(|it| RelatedImage { name: it.name, image: it.image })
                            .collect(),
                        properties,
                    },
                    // The broken property was reported already.
                    Err(_) if findings.len() > before => return Ok(None),
                    Err(finding) => return Err(finding),
                }
            }
            DEPRECATIONS => Body::Deprecations,
            _ => Body::Other,
        };
    Ok(Some(Part { blob, body }))
}

fn entry(wire: WireEntry, channel: &Blob, findings: &mut Vec<Finding>) -> Entry {
    if wire.skips.iter().any(String::is_empty) {
        let message = format!("entry `{}` has an empty name in its skips", wire.name);
        let finding = Finding::error("EMPTY_SKIP", channel, message).hint("take the empty name out");
        findings.push(at(finding, &channel.origin));
    }
    Entry {
        name: wire.name,
        replaces: Some(wire.replaces).filter(|name| !name.is_empty()),
        skips: wire.skips.into_iter().filter(|name| !name.is_empty()).collect(),
        skip_range: Some(wire.skip_range).filter(|range| !range.is_empty()),
    }
}
