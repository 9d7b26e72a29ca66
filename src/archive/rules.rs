//! The rules that an inventory keeps beyond its shape (`schema/archive-v1.md`, "Rules").

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use crate::archive::layout::MAX_NUMBER;
use crate::archive::{
    ArchiveError, EntryPath, InventoryFields, Kind, MediaType, RawInventory, Role, derived,
};
use crate::digest::Digest;
use crate::limits::Limits;
use crate::trust::Payload as _;

fn broken(subject: impl Display, rule: &'static str) -> ArchiveError {
    ArchiveError::Rule { subject: subject.to_string(), rule }
}

/// Checks everything but offsets and total size.
pub(super) fn check(fields: &InventoryFields, limits: &Limits) -> Result<(), ArchiveError> {
    head(fields)?;
    counts(fields, limits)?;
    entries(fields, limits)?;
    prerequisites(fields)?;
    roots(fields)?;
    catalogs(fields)?;
    contents(fields)
}

fn head(fields: &InventoryFields) -> Result<(), ArchiveError> {
    if fields.media_type.as_str() != RawInventory::TYPE {
        return Err(broken("mediaType", "must be that of an inventory"));
    }
    if (fields.format, fields.min_reader) != (1, 1) {
        return Err(broken("format", "must be 1, and minReader too"));
    }
    if !(1..=MAX_NUMBER).contains(&fields.sequence) {
        return Err(broken("sequence", "must be between 1 and 9007199254740991"));
    }
    if fields.predecessor.is_some_and(|before| before.sequence >= fields.sequence) {
        return Err(broken("predecessor", "must have a lower sequence"));
    }
    if fields.not_before >= fields.expires {
        return Err(broken("expires", "must be after notBefore"));
    }
    Ok(())
}

fn counts(fields: &InventoryFields, limits: &Limits) -> Result<(), ArchiveError> {
    let within = |what, found: usize, limit: u64| {
        let found = found as u64;
        if found > limit { Err(ArchiveError::Limit { what, found, limit }) } else { Ok(()) }
    };
    within("entries", fields.entries.len(), limits.archive_entries)?;
    within("prerequisites", fields.prerequisites.list.len(), limits.archive_entries)?;
    within("roots", fields.roots.len(), limits.archive_entries)?;
    within("signers", fields.signers.len(), limits.signatures)?;
    if fields.signers.is_empty() || !ascending(&fields.signers, |key| key) {
        return Err(broken("signers", "must be one key at least, sorted, each once"));
    }
    if fields.entry_count != fields.entries.len() as u64 {
        return Err(broken("entryCount", "must be the number of entries"));
    }
    if fields.prerequisites.count != fields.prerequisites.list.len() as u64 {
        return Err(broken("prerequisites.count", "must be the number of prerequisites"));
    }
    Ok(())
}

/// Whether the keys of a list rise strictly: sorted, and each once.
fn ascending<'a, T, K: Ord + 'a>(list: &'a [T], key: impl Fn(&'a T) -> K) -> bool {
    list.is_sorted_by(|a, b| key(a) < key(b))
}

fn entries(fields: &InventoryFields, limits: &Limits) -> Result<(), ArchiveError> {
    if !ascending(&fields.entries, |entry| &entry.path) {
        return Err(broken("entries", "must be in the order of the format, each path once"));
    }
    let names: BTreeSet<&str> = fields
        .entries
        .iter()
        .filter_map(|entry| match &entry.path {
            EntryPath::Meta(name) => Some(name.as_str()),
            _ => None,
        })
        .collect();
    for entry in &fields.entries {
        let path = &entry.path;
        if !entry.role.suits(path) {
            return Err(broken(path, "must have a role that suits its path"));
        }
        if entry.size > MAX_NUMBER {
            return Err(broken(path, "must not be larger than 9007199254740991 bytes"));
        }
        match path {
            EntryPath::Blob(digest) if *digest != entry.digest => {
                return Err(broken(path, "must have the digest that its path says"));
            }
            EntryPath::Meta(name) => {
                if entry.size > limits.meta_bytes {
                    let limit = limits.meta_bytes;
                    return Err(ArchiveError::Limit {
                        what: "bytes in one meta entry",
                        found: entry.size,
                        limit,
                    });
                }
                // `meta/a` and `meta/a/b` cannot both be unpacked.
                let mut parents =
                    name.as_str().match_indices('/').filter_map(|(end, _)| name.as_str().get(..end));
                if parents.any(|parent| names.contains(parent)) {
                    return Err(broken(path, "must not stand below another entry"));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The three entries whose content follows from the rest are there, and are what follows.
fn contents(fields: &InventoryFields) -> Result<(), ArchiveError> {
    let carried = |digest: &Digest| find(fields, &EntryPath::Blob(*digest)).is_some();
    let required = [
        (EntryPath::Sums, MediaType::TEXT, derived::sums(&fields.entries)),
        (EntryPath::Layout, MediaType::OCI_LAYOUT, String::from_utf8_lossy(crate::oci::LAYOUT).into_owned()),
        (EntryPath::Index, MediaType::OCI_INDEX, derived::index(&fields.roots, carried)),
    ];
    for (path, media_type, content) in required {
        let entry = find(fields, &path).ok_or_else(|| broken(&path, "must be there"))?;
        if entry.media_type != media_type {
            return Err(broken(path, "must have the media type of the format"));
        }
        if entry.size != content.len() as u64 || entry.digest != Digest::of(content.as_bytes()) {
            return Err(broken(path, "must be what follows from the rest of the inventory"));
        }
    }
    Ok(())
}

fn find<'a>(fields: &'a InventoryFields, path: &EntryPath) -> Option<&'a crate::archive::Entry> {
    let index = fields.entries.binary_search_by(|entry| entry.path.cmp(path)).ok()?;
    fields.entries.get(index)
}

fn prerequisites(fields: &InventoryFields) -> Result<(), ArchiveError> {
    let list = &fields.prerequisites.list;
    if !ascending(list, |needed| (&needed.digest, &needed.source)) {
        return Err(broken("prerequisites", "must be sorted by digest and source, each once"));
    }
    if list.iter().any(|needed| needed.size > MAX_NUMBER) {
        return Err(broken("prerequisites", "must not be larger than 9007199254740991 bytes"));
    }
    let agree = list
        .array_windows()
        .all(|[a, b]: &[_; 2]| a.digest != b.digest || (a.size, a.manifest) == (b.size, b.manifest));
    if !agree {
        return Err(broken("prerequisites", "must not give two sizes or kinds to one digest"));
    }
    if (fields.kind == Kind::Full) != list.is_empty() {
        return Err(broken(
            "kind",
            "must be `delta` when there are prerequisites, and `full` when there are none",
        ));
    }
    Ok(())
}

fn roots(fields: &InventoryFields) -> Result<(), ArchiveError> {
    if !ascending(&fields.roots, |root| (&root.source, &root.tag, &root.digest)) {
        return Err(broken("roots", "must be sorted by source, tag and digest, each once"));
    }
    let needed: BTreeMap<&Digest, u64> = fields
        .prerequisites
        .list
        .iter()
        .filter(|needed| needed.manifest)
        .map(|needed| (&needed.digest, needed.size))
        .collect();
    for root in &fields.roots {
        if root.reasons.is_empty() {
            return Err(broken(&root.source, "must have a reason to travel"));
        }
        if !ascending(&root.platforms, |platform| platform) || !ascending(&root.verified, |check| check) {
            return Err(broken(
                &root.source,
                "must list platforms and upstream signatures sorted, each once",
            ));
        }
        match find(fields, &EntryPath::Blob(root.digest)) {
            Some(entry) if entry.role != Role::Manifest => {
                return Err(broken(&root.source, "must be carried as a manifest"));
            }
            Some(entry) if (entry.size, &entry.media_type) != (root.size, &root.media_type) => {
                return Err(broken(&root.source, "must agree with its entry in size and media type"));
            }
            Some(_) => {}
            None if needed.get(&root.digest) == Some(&root.size) => {}
            None => {
                return Err(broken(&root.source, "must be carried, or be a prerequisite of the same size"));
            }
        }
    }
    Ok(())
}

fn catalogs(fields: &InventoryFields) -> Result<(), ArchiveError> {
    if !ascending(&fields.catalogs, |catalog| &catalog.source) {
        return Err(broken("catalogs", "must be sorted by source, each once"));
    }
    for catalog in &fields.catalogs {
        let delta = find(fields, &EntryPath::Meta(catalog.delta.clone()));
        if delta.is_none_or(|entry| entry.role != Role::CatalogDelta) {
            return Err(broken(&catalog.source, "must have its change among the entries"));
        }
    }
    Ok(())
}
