//! One file of a catalog: a stream of JSON values or YAML documents, cut into blobs that are read one by one.

use std::ops::Range;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::model::{BUNDLE, Blob, CHANNEL, DEPRECATIONS, Entry, Origin, PACKAGE, Property, RelatedImage};
use super::property::{Gvk, Identity, PackageRequired};
use super::wire::{Object, WireBlob, WireMeta};
use super::yaml;
use crate::finding::Finding;
use crate::limits::Limits;
use crate::version::Version;

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
    let (mut parts, mut findings) = (Vec::new(), Vec::new());
    let wrong = cut(path, bytes, limits, &mut |raw, origin| match read(raw, origin, &mut findings) {
        Ok(part) => parts.extend(part),
        Err(finding) => findings.push(finding),
    });
    findings.extend(wrong);
    ParsedFile { parts, findings }
}

/// Cuts a file into its blobs and hands each over; gives what is wrong with the file itself.
pub(super) fn cut(
    path: &str,
    bytes: &[u8],
    limits: &Limits,
    take: &mut impl FnMut(&RawValue, Origin),
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let refuse = |message: String, line| {
        Finding::error("UNREADABLE", path, message)
            .at(path, line)
            .hint("mend the file, or list it in `.indexignore` if it is not part of the catalog")
    };
    if bytes.len() as u64 > limits.catalog_file_bytes {
        findings.push(
            Finding::error("TOO_LARGE", path, format!("file has {} bytes", bytes.len()))
                .hint(format!("a catalog's file may have {} bytes", limits.catalog_file_bytes))
                .at(path, None),
        );
        return findings;
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => {
            let line = line_at(bytes, error.valid_up_to());
            findings.push(refuse("file is not UTF-8 text".to_owned(), Some(line)));
            return findings;
        }
    };
    let file: Arc<str> = path.into();
    let (mut taken, mut full) = (0_usize, None);
    let mut count = |raw: &RawValue, line| {
        if taken >= limits.catalog_blobs {
            full.get_or_insert(line);
            return;
        }
        taken += 1;
        take(raw, Origin { file: Arc::clone(&file), line });
    };
    let broken = if text.trim_start().starts_with('{') {
        json_stream(text, &mut count)
    } else {
        yaml::documents(text, &mut count)
    };
    if let Some(line) = full {
        let message = format!("file has more than {} blobs", limits.catalog_blobs);
        findings.push(Finding::error("TOO_LARGE", path, message).at(path, Some(line)));
    }
    findings.extend(broken.into_iter().map(|(message, line)| refuse(message, Some(line))));
    findings
}

/// Hands over each value with its line; gives what stopped it. After a syntax error nothing can be trusted.
fn json_stream(text: &str, take: &mut impl FnMut(&RawValue, u64)) -> Vec<(String, u64)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let (mut line, mut counted) = (1, 0);
    while let Some(value) = values.next() {
        match value {
            Ok(raw) => {
                let start = values.byte_offset().saturating_sub(raw.get().len());
                line += newlines(text.as_bytes(), counted..start);
                counted = start;
                take(raw, line);
            }
            Err(error) => return vec![(error.to_string(), error.line() as u64)],
        }
    }
    Vec::new()
}

fn newlines(bytes: &[u8], range: Range<usize>) -> u64 {
    bytes.get(range).unwrap_or_default().iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

/// The line of a byte, counted from 1.
pub(super) fn line_at(bytes: &[u8], offset: usize) -> u64 {
    1 + newlines(bytes, 0..offset)
}

impl Blob {
    /// Reads one blob from its JSON text.
    pub fn parse(json: &str, origin: Origin) -> Result<Self, Finding> {
        let raw: &RawValue = serde_json::from_str(json).map_err(|error| bad(&origin, &error.to_string()))?;
        Self::from_raw(raw, origin)
    }

    /// Takes one blob from a JSON value.
    pub fn from_value(value: &serde_json::Value, origin: Origin) -> Result<Self, Finding> {
        Self::parse(&value.to_string(), origin)
    }

    fn from_raw(raw: &RawValue, origin: Origin) -> Result<Self, Finding> {
        let meta = serde_json::from_str(raw.get()).map_err(|error| bad(&origin, &error.to_string()))?;
        with_meta(meta, raw, origin)
    }
}

fn bad(origin: &Origin, message: &str) -> Finding {
    at(Finding::error("BAD_BLOB", &origin.file, format!("blob cannot be read: {message}")), origin).hint(MEND)
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

fn with_meta(Object(meta): Object<WireMeta>, raw: &RawValue, origin: Origin) -> Result<Blob, Finding> {
    let Head { schema, package, name } = head(meta, &origin)?;
    Ok(Blob { schema, package, name, raw: raw.to_owned().into(), origin })
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
    raw: &RawValue,
    origin: &Origin,
    findings: &mut Vec<Finding>,
) -> Result<Head, Finding> {
    let Object(wire) = match serde_json::from_str::<Object<WireBlob<'_>>>(raw.get()) {
        Ok(wire) => wire,
        Err(error) => {
            // Said with all that is known of the blob; of unknown schemas every type is right.
            let blob = Blob::from_raw(raw, origin.clone())?;
            mistyped(&blob, &error)?;
            return Ok(Head { schema: blob.schema, package: blob.package, name: blob.name });
        }
    };
    let properties = wire.properties;
    let head = head(wire.meta, origin)?;
    if head.schema == BUNDLE {
        let properties =
            properties.iter().map(|it| (it.kind.as_str(), it.value.map_or("null", RawValue::get)));
        let subject = format!("package {}, bundle {}", head.package, head.name);
        findings.extend(
            bad_properties(properties)
                .map(|message| at(Finding::error("BAD_PROPERTY", &subject, message), origin).hint(MEND)),
        );
    }
    Ok(head)
}

/// Only the schemas that we know have fields of known types.
fn mistyped(blob: &Blob, error: &serde_json::Error) -> Result<(), Finding> {
    if !matches!(blob.schema.as_str(), PACKAGE | CHANNEL | BUNDLE | DEPRECATIONS) {
        return Ok(());
    }
    let message = format!("blob cannot be read: {error}");
    Err(at(Finding::error("BAD_BLOB", blob, message), &blob.origin).hint(MEND))
}

const TEMPLATES: [&str; 3] = ["olm.template.basic", "olm.template.substitutes", "olm.semver"];

/// Reads a blob as far as its schema is known. `None` where what was wrong went to `findings`.
pub(super) fn read(
    raw: &RawValue,
    origin: Origin,
    findings: &mut Vec<Finding>,
) -> Result<Option<Part>, Finding> {
    let wire = match serde_json::from_str::<Object<WireBlob<'_>>>(raw.get()) {
        Ok(Object(wire)) => wire,
        Err(error) => {
            let blob = Blob::from_raw(raw, origin)?;
            mistyped(&blob, &error)?;
            return Ok(Some(Part { blob, body: Body::Other }));
        }
    };
    let WireBlob { meta, default_channel, image, entries, properties, related_images } = wire;
    let blob = with_meta(Object(meta), raw, origin)?;
    if TEMPLATES.contains(&blob.schema.as_str()) {
        let finding = Finding::error("TEMPLATE_IN_CATALOG", &blob, "a template is no catalog content").hint(
            "render it first (`opm alpha render-template`) and remove it, or list it in `.indexignore`",
        );
        return Err(at(finding, &blob.origin));
    }
    let body =
        match blob.schema.as_str() {
            PACKAGE => Body::Package { default_channel },
            CHANNEL => Body::Channel {
                entries: entries
                    .into_iter()
                    .map(|entry| {
                        if entry.skips.iter().any(String::is_empty) {
                            let message = format!("entry `{}` has an empty name in its skips", entry.name);
                            findings.push(at(Finding::error("EMPTY_SKIP", &blob, message), &blob.origin));
                        }
                        Entry {
                            name: entry.name,
                            replaces: Some(entry.replaces).filter(|name| !name.is_empty()),
                            skips: entry.skips.into_iter().filter(|name| !name.is_empty()).collect(),
                            skip_range: Some(entry.skip_range).filter(|range| !range.is_empty()),
                        }
                    })
                    .collect(),
            },
            BUNDLE => {
                let start = raw.get().as_ptr().addr();
                let properties: Vec<Property> = properties
                    .into_iter()
                    .map(|property| {
                        let span = property.value.map_or(0..0, |value| {
                            let from = value.get().as_ptr().addr().saturating_sub(start);
                            from..from + value.get().len()
                        });
                        Property::within(property.kind, Arc::clone(&blob.raw), span)
                    })
                    .collect();
                let before = findings.len();
                let written = properties.iter().map(|property| (property.kind.as_str(), property.json()));
                findings.extend(bad_properties(written).map(|message| {
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

fn version(blob: &Blob, properties: &[Property]) -> Result<Version, String> {
    let mut identities = properties.iter().filter(|property| property.kind == "olm.package");
    let (Some(first), None) = (identities.next(), identities.next()) else {
        let count = properties.iter().filter(|property| property.kind == "olm.package").count();
        return Err(format!("has {count} properties of type `olm.package`"));
    };
    let identity: Identity = first.read().map_err(|error| error.to_string())?;
    if identity.package_name != blob.package {
        return Err(format!("its `olm.package` property names package `{}`", identity.package_name));
    }
    Version::parse(&identity.version).map_err(|error| error.to_string())
}

/// Properties of the types that decide something must be readable; gives what is wrong with those that are not.
fn bad_properties<'a>(properties: impl Iterator<Item = (&'a str, &'a str)>) -> impl Iterator<Item = String> {
    fn readable<'a, T: serde::Deserialize<'a>>(json: &'a str) -> Result<(), String> {
        serde_json::from_str::<T>(json).map(drop).map_err(|error| error.to_string())
    }
    properties.enumerate().filter_map(|(index, (kind, json))| {
        let result = match kind {
            "" => Err("has no type".to_owned()),
            "olm.package"
            | "olm.package.required"
            | "olm.gvk"
            | "olm.gvk.required"
            | "olm.csv.metadata"
            | "olm.bundle.object"
                if !json.starts_with('{') =>
            {
                Err("is not an object".to_owned())
            }
            "olm.package" => readable::<Identity>(json),
            "olm.package.required" => readable::<PackageRequired>(json),
            "olm.gvk" | "olm.gvk.required" => readable::<Gvk>(json),
            _ => Ok(()),
        };
        result.err().map(|message| format!("property {index} (`{kind}`) cannot be read: {message}"))
    })
}
