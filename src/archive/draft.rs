//! From what a plan knows to a complete inventory, before the first blob byte is there.

use std::collections::BTreeMap;

use crate::archive::layout::{front, row};
use crate::archive::{
    ArchiveError, Blueprint, CatalogBase, Coding, Entry, EntryPath, Inventory, InventoryFields, Kind,
    MediaType, MetaName, Moment, Name, Predecessor, Prerequisite, Prerequisites, RawInventory, Role, Root,
    TRAILER, Text, derived,
};
use crate::digest::Digest;
use crate::limits::Limits;
use crate::trust::{KeyId, Payload as _};

/// What goes into an archive, in any order. Lists may hold the same thing twice.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The program that packs, and its version.
    pub tool: Text,
    /// When it is packed.
    pub created: Moment,
    /// Before when it must not be imported.
    pub not_before: Moment,
    /// When it must not be imported any more.
    pub expires: Moment,
    /// The stream of generations that it belongs to.
    pub channel: Name,
    /// The site that alone may take it; any site when absent.
    pub target: Option<Name>,
    /// Its number in the channel, counted from 1.
    pub sequence: u64,
    /// The archive before it in the channel, when known.
    pub predecessor: Option<Predecessor>,
    /// What production must hold already. The archive is a delta when there is any.
    pub prerequisites: Vec<Prerequisite>,
    /// What the changes in `meta/` were computed against.
    pub catalogs: Vec<CatalogBase>,
    /// The images that it delivers.
    pub roots: Vec<Root>,
    /// Every manifest, config and layer that it carries.
    pub blobs: Vec<Blob>,
    /// What stands below `meta/`.
    pub meta: Vec<Meta>,
    /// The keys that will sign it.
    pub signers: Vec<KeyId>,
}

/// A manifest, config or layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// What kind of content it is.
    pub media_type: MediaType,
    /// Whether it is a manifest or index (else a config or layer).
    pub manifest: bool,
}

/// A document of our own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// What follows `meta/`.
    pub name: MetaName,
    /// What it is for.
    pub role: Role,
    /// What kind of content it is.
    pub media_type: MediaType,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl Draft {
    /// Sorts everything, computes sizes and offsets, and serialises the inventory: from here on no byte of the archive is
    /// open but those of the blobs and signatures.
    pub fn seal(mut self, limits: &Limits) -> Result<Blueprint, ArchiveError> {
        let meta = self.take_meta()?;
        let blobs = self.take_blobs()?;
        sort(&mut self.roots);
        sort(&mut self.prerequisites);
        sort(&mut self.signers);
        self.roots.sort_by(|a, b| (&a.source, &a.tag, &a.digest).cmp(&(&b.source, &b.tag, &b.digest)));
        self.prerequisites.sort_by(|a, b| (&a.digest, &a.source).cmp(&(&b.digest, &b.source)));
        self.catalogs.sort_by(|a, b| a.source.cmp(&b.source));
        self.catalogs.dedup();

        let index = derived::index(&self.roots, |digest| blobs.contains_key(digest));
        let fixed = |path, role, media_type, content: &[u8]| {
            entry(path, role, media_type, Digest::of(content), content.len() as u64)
        };
        let mut entries: Vec<Entry> = meta
            .values()
            .map(|meta| {
                let path = EntryPath::Meta(meta.name.clone());
                fixed(path, meta.role.clone(), meta.media_type.clone(), &meta.bytes)
            })
            .collect();
        let layout = fixed(EntryPath::Layout, Role::OciLayout, MediaType::OCI_LAYOUT, crate::oci::LAYOUT);
        entries.push(layout);
        entries.push(fixed(EntryPath::Index, Role::OciIndex, MediaType::OCI_INDEX, index.as_bytes()));
        entries.extend(blobs.into_values().map(|blob| {
            let role = if blob.manifest { Role::Manifest } else { Role::Blob };
            entry(EntryPath::Blob(blob.digest), role, blob.media_type, blob.digest, blob.size)
        }));
        let sums = derived::sums(&entries);
        entries.insert(0, fixed(EntryPath::Sums, Role::Checksums, MediaType::TEXT, sums.as_bytes()));

        let (fields, bytes) = size_up(self.into_fields(entries)?)?;
        let inventory = Inventory::seal(fields, bytes, limits)?;
        let contents = meta.into_iter().map(|(name, meta)| (name, meta.bytes)).collect();
        Ok(Blueprint::new(inventory, contents))
    }

    fn take_meta(&mut self) -> Result<BTreeMap<MetaName, Meta>, ArchiveError> {
        let mut all = BTreeMap::new();
        for meta in std::mem::take(&mut self.meta) {
            let subject = format!("meta/{}", meta.name);
            if all.insert(meta.name.clone(), meta).is_some() {
                return Err(ArchiveError::Rule { subject, rule: "must be there once" });
            }
        }
        Ok(all)
    }

    fn take_blobs(&mut self) -> Result<BTreeMap<Digest, Blob>, ArchiveError> {
        let mut all: BTreeMap<Digest, Blob> = BTreeMap::new();
        for blob in std::mem::take(&mut self.blobs) {
            match all.get_mut(&blob.digest) {
                None => {
                    all.insert(blob.digest, blob);
                }
                Some(known) if known.size != blob.size => {
                    let subject = blob.digest.to_string();
                    return Err(ArchiveError::Rule { subject, rule: "must not have two sizes" });
                }
                // The same bytes may be a layer here and a manifest there (an artifact of an artifact): what is a manifest
                // anywhere is pushed as one.
                Some(known) if blob.manifest && !known.manifest => *known = blob,
                // Docker and OCI name one layer differently: the lower name is taken, whatever the order of the list.
                Some(known) if blob.manifest == known.manifest && blob.media_type < known.media_type => {
                    *known = blob;
                }
                Some(_) => {}
            }
        }
        Ok(all)
    }

    fn into_fields(self, entries: Vec<Entry>) -> Result<InventoryFields, ArchiveError> {
        Ok(InventoryFields {
            catalogs: self.catalogs,
            channel: self.channel,
            created: self.created,
            critical: Vec::new(),
            entry_count: entries.len() as u64,
            entries,
            expires: self.expires,
            format: 1,
            kind: if self.prerequisites.is_empty() { Kind::Full } else { Kind::Delta },
            media_type: RawInventory::TYPE.parse()?,
            min_reader: 1,
            not_before: self.not_before,
            predecessor: self.predecessor,
            prerequisites: Prerequisites { count: self.prerequisites.len() as u64, list: self.prerequisites },
            roots: self.roots,
            sequence: self.sequence,
            signers: self.signers,
            target: self.target,
            tool: self.tool,
            total_size: 0,
        })
    }
}

fn sort<T: Ord>(list: &mut Vec<T>) {
    list.sort();
    list.dedup();
}

fn entry(path: EntryPath, role: Role, media_type: MediaType, digest: Digest, size: u64) -> Entry {
    Entry { coding: Coding::Raw, digest, media_type, path, role, size }
}

/// Finds the total size, whose own digits are part of the inventory, which is part of it.
///
/// With d digits reserved the total is a non-decreasing function of d, so the least d that holds its digits is the only
/// candidate, and it fits exactly.
fn size_up(mut fields: InventoryFields) -> Result<(InventoryFields, Vec<u8>), ArchiveError> {
    let bytes = serde_json::to_vec(&fields).map_err(ArchiveError::Malformed)?;
    let entries = row(0, fields.entries.iter().map(|entry| entry.size))?;
    let entries = entries.last().map_or(0, |span| span.end);
    for extra in 0..=15_u64 {
        let inventory = (bytes.len() as u64).saturating_add(extra);
        let front = front(inventory, fields.signers.len())?;
        let front = front.last().map_or(0, |span| span.end);
        let total = front.saturating_add(entries).saturating_add(TRAILER);
        if u64::from(total.checked_ilog10().unwrap_or(0)) <= extra {
            fields.total_size = total;
            let bytes = serde_json::to_vec(&fields).map_err(ArchiveError::Malformed)?;
            return Ok((fields, bytes));
        }
    }
    Err(ArchiveError::Rule { subject: "totalSize".to_owned(), rule: "must have 16 digits at most" })
}
