//! The inventory: the exact bytes that were signed, what they say, and where everything stands.

use std::borrow::Cow;
use std::io;
use std::ops::Deref;

use serde::Deserialize;

use crate::archive::layout::{INVENTORY, OMBUNDLE, front, row, signature_path};
use crate::archive::{ArchiveError, Entry, EntryPath, InventoryFields, MAGIC, Member, Span, TRAILER, rules};
use crate::digest::Digest;
use crate::limits::Limits;
use crate::trust::{Payload, Verified};

/// The bytes of an inventory, believed or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawInventory(Vec<u8>);

impl RawInventory {
    /// Takes the bytes as they are.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Their digest, which names the archive.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }
}

impl Payload for RawInventory {
    const TYPE: &'static str = "application/vnd.ombundle.inventory.v1+json";

    fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// An inventory that keeps every rule of the format. It comes from a signature that was checked, or from a
/// [`Draft`](crate::archive::Draft); there is no way to parse one that nobody vouched for.
#[derive(Debug, Clone)]
pub struct Inventory {
    fields: InventoryFields,
    raw: RawInventory,
    digest: Digest,
    front: Vec<Span>,
    spans: Vec<Span>,
}

impl Deref for Inventory {
    type Target = InventoryFields;

    fn deref(&self) -> &InventoryFields {
        &self.fields
    }
}

impl Inventory {
    /// Reads what enough trusted keys signed.
    pub fn parse(signed: &Verified<RawInventory>, limits: &Limits) -> Result<Self, ArchiveError> {
        Self::read(signed.payload().clone(), limits)
    }

    /// Takes fields that were just put together, with the bytes that they serialise to.
    pub(super) fn seal(
        fields: InventoryFields,
        bytes: Vec<u8>,
        limits: &Limits,
    ) -> Result<Self, ArchiveError> {
        Self::place(fields, RawInventory(bytes), limits)
    }

    fn read(raw: RawInventory, limits: &Limits) -> Result<Self, ArchiveError> {
        let fields: InventoryFields = match serde_json::from_slice(&raw.0) {
            Ok(fields) => fields,
            Err(why) => return Err(foreign(&raw.0).unwrap_or(ArchiveError::Malformed(why))),
        };
        let mut same = Same { expected: &raw.0, at: 0 };
        let written = serde_json::to_writer(&mut same, &fields);
        if written.is_err() || !same.expected.is_empty() {
            return Err(ArchiveError::NotCanonical { at: same.at });
        }
        Self::place(fields, raw, limits)
    }

    fn place(fields: InventoryFields, raw: RawInventory, limits: &Limits) -> Result<Self, ArchiveError> {
        if let Some(error) = too_new(fields.format, fields.min_reader, fields.critical.first()) {
            return Err(error);
        }
        rules::check(&fields, limits)?;
        let size = raw.0.len() as u64;
        if size > limits.inventory_bytes {
            let what = "bytes of inventory";
            return Err(ArchiveError::Limit { what, found: size, limit: limits.inventory_bytes });
        }
        let front = front(size, fields.signers.len())?;
        let start = front.last().map_or(0, |span| span.end);
        let spans = row(start, fields.entries.iter().map(|entry| entry.size))?;
        let inventory = Self { digest: raw.digest(), fields, raw, front, spans };
        if inventory.end_mark().checked_add(TRAILER) == Some(inventory.total_size) {
            Ok(inventory)
        } else {
            let subject = "totalSize".to_owned();
            Err(ArchiveError::Rule { subject, rule: "must be the size that follows from the entries" })
        }
    }

    /// The exact bytes.
    pub fn raw(&self) -> &RawInventory {
        &self.raw
    }

    /// The digest of the exact bytes: it names the archive.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Everything that was signed.
    pub fn fields(&self) -> &InventoryFields {
        &self.fields
    }

    /// Every member in the order of the archive: magic, inventory, signatures, entries.
    pub fn members(&self) -> impl Iterator<Item = Member<'_>> {
        let names = [Cow::Borrowed(OMBUNDLE), Cow::Borrowed(INVENTORY)]
            .into_iter()
            .chain(self.signers.iter().map(|key| Cow::Owned(signature_path(*key))));
        let front = names.zip(&self.front).map(|(path, span)| Member { path, span: *span, entry: None });
        let entries = self.entries.iter().zip(&self.spans).map(|(entry, span)| Member {
            path: Cow::Owned(entry.path.to_string()),
            span: *span,
            entry: Some(entry),
        });
        front.chain(entries)
    }

    /// The listed entry with this number, counted from 0.
    pub fn nth(&self, index: usize) -> Option<(&Entry, Span)> {
        Some((self.entries.get(index)?, *self.spans.get(index)?))
    }

    /// The listed entry with this path.
    pub fn entry(&self, path: &EntryPath) -> Option<(&Entry, Span)> {
        let index = self.entries.binary_search_by(|entry| entry.path.cmp(path)).ok()?;
        self.nth(index)
    }

    /// The blob or manifest with this digest.
    pub fn blob(&self, digest: &Digest) -> Option<(&Entry, Span)> {
        self.entry(&EntryPath::Blob(*digest))
    }

    /// Where the end mark begins.
    pub fn end_mark(&self) -> u64 {
        let last = self.spans.last().or(self.front.last());
        last.map_or(0, |span| span.end)
    }

    /// What stands at this offset, for messages.
    pub fn member_at(&self, offset: u64) -> Cow<'static, str> {
        let found = self.members().find(|member| (member.span.header..member.span.end).contains(&offset));
        found.map_or(Cow::Borrowed("the end mark"), |member| member.path)
    }
}

/// What one needs to know to tell a newer archive from a broken one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Peek {
    format: u64,
    min_reader: u64,
    critical: Vec<crate::archive::Name>,
}

fn foreign(bytes: &[u8]) -> Option<ArchiveError> {
    let peek: Peek = serde_json::from_slice(bytes).ok()?;
    too_new(peek.format, peek.min_reader, peek.critical.first())
}

fn too_new(format: u64, min_reader: u64, critical: Option<&crate::archive::Name>) -> Option<ArchiveError> {
    if format > 1 || min_reader > 1 {
        return Some(ArchiveError::NewerReader { needed: min_reader.max(format) });
    }
    critical.map(|name| ArchiveError::Critical { name: name.to_string() })
}

/// Compares what is written with what was read, without a second copy of it.
struct Same<'a> {
    expected: &'a [u8],
    at: u64,
}

impl io::Write for Same<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(rest) = self.expected.strip_prefix(bytes) {
            self.expected = rest;
            self.at = self.at.saturating_add(bytes.len() as u64);
            return Ok(bytes.len());
        }
        let equal = self.expected.iter().zip(bytes).take_while(|(a, b)| a == b).count();
        self.at = self.at.saturating_add(equal as u64);
        Err(io::ErrorKind::InvalidData.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a front member holds, where that does not depend on keys.
pub(super) fn front_content(inventory: &Inventory, index: usize) -> Option<&[u8]> {
    match index {
        0 => Some(MAGIC),
        1 => Some(inventory.raw.bytes()),
        _ => None,
    }
}
