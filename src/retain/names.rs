//! What a tag says by its name: made by people, or by the program to keep a digest, a signature, a generation.

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::Digest;
use crate::reference::Tag;

/// What made a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagKind {
    /// `sha256-<hex>`: keeps that digest, or lists its referrers.
    Hold(Digest),
    /// `sha256-<hex>.sig` and the like: what it leads to is attached to that digest.
    Attachment(Digest),
    /// Anything else: somebody may ask for it.
    Person,
}

/// What made a tag, by its name.
pub fn tag_kind(tag: &Tag) -> TagKind {
    let Some(rest) = tag.as_str().strip_prefix("sha256-") else { return TagKind::Person };
    let (hex, kind) = rest.split_once('.').map_or((rest, None), |(hex, kind)| (hex, Some(kind)));
    match (Digest::from_hex(hex), kind) {
        (Ok(digest), None) => TagKind::Hold(digest),
        (Ok(digest), Some("sig" | "att" | "sbom")) => TagKind::Attachment(digest),
        _ => TagKind::Person,
    }
}

/// What a tag in the repository of a catalog stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatalogTagKind {
    /// What a generation built: `v4.20-g0007-1a2b3c4d5e6f`.
    Generation(u64),
    /// What a generation replaced: `v4.20-prev-7`, `v4.20-prev-7-1a2b3c4d5e6f`.
    Previous(u64),
    /// A catalog that clusters may be told to serve.
    Served,
}

/// What a tag in the repository of a catalog stands for, and the served tag that it belongs to.
pub fn catalog_tag(tag: &Tag) -> (CatalogTagKind, &str) {
    let text = tag.as_str();
    let is_short = |part: &str| part.len() == 12 && part.bytes().all(|c| c.is_ascii_hexdigit());
    let number = |digits: &str| {
        let plain = !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit());
        plain.then(|| digits.parse::<u64>().ok()).flatten()
    };
    let mut parts = text.rsplitn(4, '-');
    let (last, second) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let third = parts.next();
    let base = |suffix: usize| text.get(..text.len().saturating_sub(suffix)).unwrap_or(text);
    let kind = if is_short(last)
        && let Some(generation) = second.strip_prefix('g').filter(|digits| digits.len() >= 4).and_then(number)
        && third.is_some()
    {
        Some((CatalogTagKind::Generation(generation), last.len() + second.len() + 2))
    } else if second == "prev"
        && let Some(generation) = number(last)
        && third.is_some()
    {
        Some((CatalogTagKind::Previous(generation), last.len() + second.len() + 2))
    } else if is_short(last)
        && third == Some("prev")
        && let Some(generation) = number(second)
        && parts.next().is_some()
    {
        Some((CatalogTagKind::Previous(generation), last.len() + second.len() + "prev".len() + 3))
    } else {
        None
    };
    kind.map_or((CatalogTagKind::Served, text), |(kind, suffix)| (kind, base(suffix)))
}

/// The tags that lead back over the last `generations` of one catalog: what each of these replaced, and all that was built since.
pub fn ways_back<'t>(
    tags: &'t BTreeMap<Tag, Digest>,
    served: &Tag,
    generations: u32,
) -> BTreeMap<&'t Tag, Digest> {
    let ours = |tag: &'t Tag| {
        let (kind, of) = catalog_tag(tag);
        (of == served.as_str()).then_some(kind)
    };
    let replaced = tags.keys().filter_map(|tag| match ours(tag)? {
        CatalogTagKind::Previous(generation) => Some(generation),
        _ => None,
    });
    let replaced: BTreeSet<u64> = replaced.collect();
    let before = replaced.len().saturating_sub(generations as usize);
    let Some(oldest) = replaced.iter().nth(before).copied() else {
        return BTreeMap::new();
    };
    let kept = tags.iter().filter(|(tag, _)| match ours(tag) {
        Some(CatalogTagKind::Generation(generation) | CatalogTagKind::Previous(generation)) => {
            generation >= oldest
        }
        Some(CatalogTagKind::Served) | None => false,
    });
    kept.map(|(tag, digest)| (tag, *digest)).collect()
}
