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
    let mut parsed = ParsedFile::default();
    let refuse = |message: String, line| Finding::error("UNREADABLE", path, message).at(path, line);
    if bytes.len() as u64 > limits.catalog_file_bytes {
        parsed.findings.push(
            Finding::error("TOO_LARGE", path, format!("file has {} bytes", bytes.len()))
                .hint(format!("a catalog's file may have {} bytes", limits.catalog_file_bytes))
                .at(path, None),
        );
        return parsed;
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => {
            let line = line_at(bytes, error.valid_up_to());
            parsed.findings.push(refuse("file is not UTF-8 text".to_owned(), Some(line)));
            return parsed;
        }
    };
    let file: Arc<str> = path.into();
    let mut full = false;
    let mut take = |raw: &RawValue, line| {
        if parsed.parts.len() >= limits.catalog_blobs {
            if !full {
                let message = format!("file has more than {} blobs", limits.catalog_blobs);
                parsed.findings.push(Finding::error("TOO_LARGE", path, message).at(path, Some(line)));
            }
            full = true;
            return;
        }
        match read(raw, Origin { file: Arc::clone(&file), line }, &mut parsed.findings) {
            Ok(part) => parsed.parts.extend(part),
            Err(finding) => parsed.findings.push(finding),
        }
    };
    let broken = if text.trim_start().starts_with('{') {
        json_stream(text, &mut take)
    } else {
        yaml::documents(text, &mut take)
    };
    parsed.findings.extend(broken.into_iter().map(|(message, line)| refuse(message, Some(line))));
    parsed
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

fn line_at(bytes: &[u8], offset: usize) -> u64 {
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
    at(Finding::error("BAD_BLOB", &origin.file, format!("blob cannot be read: {message}")), origin)
}

/// The finding with where it stands.
pub(super) fn at(finding: Finding, origin: &Origin) -> Finding {
    if origin.file.is_empty() {
        return finding;
    }
    finding.at(&origin.file, Some(origin.line).filter(|line| *line > 0))
}

fn with_meta(Object(meta): Object<WireMeta>, raw: &RawValue, origin: Origin) -> Result<Blob, Finding> {
    let WireMeta { schema, mut package, name, .. } = meta;
    if schema.is_empty() {
        let finding = Finding::error("MISSING_SCHEMA", &origin.file, "blob has no schema").hint(
            "every object of a catalog needs a `schema`; list files that are none of it in `.indexignore`",
        );
        return Err(at(finding, &origin));
    }
    if schema == PACKAGE {
        package.clone_from(&name);
    }
    Ok(Blob { schema, package, name, raw: raw.to_owned().into(), origin })
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
            // Only the schemas that we know have fields of known types.
            let blob = Blob::from_raw(raw, origin)?;
            if matches!(blob.schema.as_str(), PACKAGE | CHANNEL | BUNDLE | DEPRECATIONS) {
                let message = format!("blob cannot be read: {error}");
                return Err(at(Finding::error("BAD_BLOB", &blob, message), &blob.origin));
            }
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
    let body = match blob.schema.as_str() {
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
            check_properties(&blob, &properties, findings);
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

/// Properties of the types that decide something must be readable.
fn check_properties(blob: &Blob, properties: &[Property], findings: &mut Vec<Finding>) {
    for (index, property) in properties.iter().enumerate() {
        let is_object = property.json().starts_with('{');
        let result = match property.kind.as_str() {
            "" => Err("has no type".to_owned()),
            "olm.package"
            | "olm.package.required"
            | "olm.gvk"
            | "olm.gvk.required"
            | "olm.csv.metadata"
            | "olm.bundle.object"
                if !is_object =>
            {
                Err("is not an object".to_owned())
            }
            "olm.package" => property.read::<Identity>().map(drop).map_err(|e| e.to_string()),
            "olm.package.required" => property.read::<PackageRequired>().map(drop).map_err(|e| e.to_string()),
            "olm.gvk" | "olm.gvk.required" => property.read::<Gvk>().map(drop).map_err(|e| e.to_string()),
            _ => Ok(()),
        };
        if let Err(message) = result {
            let message = format!("property {index} (`{}`) cannot be read: {message}", property.kind);
            findings.push(at(Finding::error("BAD_PROPERTY", blob, message), &blob.origin));
        }
    }
}
