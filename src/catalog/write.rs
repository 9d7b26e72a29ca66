//! The canonical text of a catalog: what opm writes, with the fields that opm does not know kept.
//!
//! One `<package>/catalog.json` a package, holding its package blob, channels by name, bundles by name, other schemas by
//! schema, deprecations; four blanks of indent, no HTML escapes, a line break at the end. The same catalog always gives the
//! same bytes.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use super::fields::{self, Layout};
use super::layout::{self, Members};
use super::model::{Blob, Catalog, Channel, Entry, Package};
use crate::yaml;

/// The catalog as files: path relative to its root, with `/`, and bytes. Blobs of no package are in `catalog.json`.
pub fn files(catalog: &Catalog) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for package in catalog.packages.values() {
        files.insert(format!("{}/catalog.json", folder(&package.name)), text(&package.blobs()));
    }
    if !catalog.others.is_empty() {
        files.insert("catalog.json".to_owned(), text(&by_schema(&catalog.others)));
    }
    files
}

/// The catalog as one stream of JSON values.
pub fn stream(catalog: &Catalog) -> Vec<u8> {
    text(&catalog.blobs())
}

/// The catalog as one stream of YAML documents.
pub fn yaml_stream(catalog: &Catalog) -> Vec<u8> {
    let mut out = Vec::new();
    for blob in catalog.blobs() {
        append_yaml(&blob.schema, blob.raw.get(), &mut out);
    }
    out
}

/// One blob's canonical text, with a line break at the end.
pub fn canonical(blob: &Blob) -> String {
    let mut out = Vec::with_capacity(blob.raw.get().len() * 5 / 4);
    append(&blob.schema, blob.raw.get(), Values::Read, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// Where the values of a blob's properties come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// A catalog: opm reads them through maps and writes their fields by name.
    Read,
    /// A bundle, rendered: opm writes their fields in the order in which it makes them.
    Made,
}

/// Appends the canonical text of one blob, given as valid JSON, with a line break at the end.
pub fn append(schema: &str, json: &str, values: Values, out: &mut Vec<u8>) {
    let members = match values {
        Values::Read => Members::ByName,
        Values::Made => Members::AsWritten,
    };
    layout::write(json, Layout::of_schema(schema), members, out);
    out.push(b'\n');
}

/// Appends the same as a YAML document, its fields by name.
pub fn append_yaml(schema: &str, json: &str, out: &mut Vec<u8>) {
    let mut text = Vec::new();
    append(schema, json, Values::Read, &mut text);
    // A JSON text is YAML too, should YAML ever refuse the value.
    let value = serde_json::from_slice::<serde_json::Value>(&text).ok();
    let yaml = value.map(|value| {
        let mut yaml = String::new();
        yaml::write(&value, &mut yaml);
        yaml.into_bytes()
    });
    out.extend_from_slice(b"---\n");
    out.extend(yaml.unwrap_or(text));
}

fn text(blobs: &[Blob]) -> Vec<u8> {
    let mut out = Vec::new();
    for blob in blobs {
        append(&blob.schema, blob.raw.get(), Values::Read, &mut out);
    }
    out
}

/// A package's name is text from outside; what could leave the folder is written as `%XX`.
fn folder(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for (at, byte) in name.bytes().enumerate() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || byte == b'.' && at > 0 {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.extend(
                [byte >> 4, byte & 15].map(|nibble| char::from(b"0123456789ABCDEF"[usize::from(nibble)])),
            );
        }
    }
    out
}

fn by_schema(others: &[Blob]) -> Vec<Blob> {
    let mut sorted = others.to_vec();
    sorted.sort_by(|a, b| a.schema.cmp(&b.schema));
    sorted
}

impl Catalog {
    /// All its blobs in canonical order, as the model has them: edges and default channels that were changed since
    /// loading are in them.
    pub fn blobs(&self) -> Vec<Blob> {
        self.packages.values().flat_map(Package::blobs).chain(by_schema(&self.others)).collect()
    }

    /// The same as JSON values.
    pub fn values(&self) -> Vec<serde_json::Value> {
        self.blobs().iter().map(Blob::value).collect()
    }
}

impl Package {
    /// All its blobs in canonical order, as the model has them.
    pub fn blobs(&self) -> Vec<Blob> {
        let mut blobs = vec![self.own_blob()];
        blobs.extend(self.channels.values().map(Channel::to_blob));
        blobs.extend(self.bundles.values().map(|bundle| bundle.blob.clone()));
        blobs.extend(by_schema(&self.others));
        blobs.extend(self.deprecations.clone());
        blobs
    }

    fn own_blob(&self) -> Blob {
        #[derive(serde::Deserialize)]
        struct Written {
            #[serde(rename = "defaultChannel", default)]
            default_channel: Option<String>,
        }
        let written = serde_json::from_str::<Written>(self.blob.raw.get());
        if written.is_ok_and(|it| it.default_channel.unwrap_or_default() == self.default_channel) {
            return self.blob.clone();
        }
        replaced(&self.blob, "defaultChannel", &self.default_channel)
    }
}

impl Channel {
    /// Its blob with the entries that the model has. Fields of an entry that we do not know come from the blob that was read.
    pub fn to_blob(&self) -> Blob {
        let written = fields::object(self.blob.raw.get());
        let old =
            written.iter().find(|(key, _)| key.eq_ignore_ascii_case("entries")).map(|(_, raw)| raw.get());
        let old: Vec<&RawValue> = old.and_then(|raw| serde_json::from_str(raw).ok()).unwrap_or_default();
        let mut unknown: BTreeMap<String, BTreeMap<String, &RawValue>> = BTreeMap::new();
        for entry in old {
            let (known, rest): (Vec<_>, Vec<_>) =
                fields::object(entry.get()).into_iter().partition(|(key, _)| {
                    ["name", "replaces", "skips", "skipRange"]
                        .iter()
                        .any(|known| key.eq_ignore_ascii_case(known))
                });
            let name = known.iter().find(|(key, _)| key.eq_ignore_ascii_case("name"));
            if let Some(name) = name.and_then(|(_, raw)| serde_json::from_str::<String>(raw.get()).ok()) {
                unknown.entry(name).or_default().extend(rest);
            }
        }
        let entries: Vec<WrittenEntry<'_>> = self
            .entries
            .iter()
            .map(|entry| WrittenEntry::new(entry, unknown.get(&entry.name).cloned().unwrap_or_default()))
            .collect();
        replaced(&self.blob, "entries", &entries)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenEntry<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skips: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    skip_range: Option<&'a str>,
    #[serde(flatten)]
    unknown: BTreeMap<String, &'a RawValue>,
}

impl<'a> WrittenEntry<'a> {
    fn new(entry: &'a Entry, unknown: BTreeMap<String, &'a RawValue>) -> Self {
        Self {
            name: &entry.name,
            replaces: entry.replaces.as_deref(),
            skips: entry.skips.iter().map(String::as_str).collect(),
            skip_range: entry.skip_range.as_deref(),
            unknown,
        }
    }
}

/// The blob with one field's value put in place of the old one, or added.
pub(super) fn replaced(blob: &Blob, field: &str, value: &impl Serialize) -> Blob {
    let Ok(value) = serde_json::value::to_raw_value(value) else { return blob.clone() };
    let mut members = fields::object(blob.raw.get());
    members.retain(|(key, _)| !key.eq_ignore_ascii_case(field));
    members.push((field.to_owned(), &value));
    let mut text = String::from("{");
    for (index, (key, raw)) in members.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text += &serde_json::Value::from(key.as_str()).to_string();
        text.push(':');
        text += raw.get();
    }
    text.push('}');
    match serde_json::from_str::<Box<RawValue>>(&text) {
        Ok(raw) => Blob { raw: raw.into(), ..blob.clone() },
        Err(_) => blob.clone(),
    }
}
