//! What is different between two catalogs: packages, channels, entries, bundles, deprecations, and the images that come and go.
//!
//! Texts are compared as JSON values, so that order of keys, indent, and JSON or YAML make no difference.

mod bundle;
mod channel;
mod package;
mod report;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use report::{
    BundleDiff, CatalogDiff, Change, ChannelDiff, DeprecationsDiff, EntryDiff, Moved, PackageDiff, Sets,
};

use super::fields;
use super::model::{Blob, Catalog};

/// How `new` differs from `old`.
pub fn diff(old: &Catalog, new: &Catalog) -> CatalogDiff {
    let packages = paired(&old.packages, &new.packages)
        .filter_map(|(name, pair)| Some((name.clone(), package::diff(pair)?)))
        .collect();
    CatalogDiff {
        packages,
        images: images(old).to(&images(new)),
        others: others(&old.others).to(&others(&new.others)),
    }
}

/// One thing on both sides, or on one of them.
#[derive(Clone, Copy)]
enum Pair<T> {
    Both(T, T),
    Old(T),
    New(T),
}

impl<T: Copy> Pair<T> {
    fn before(self) -> Option<T> {
        match self {
            Self::Both(old, _) | Self::Old(old) => Some(old),
            Self::New(_) => None,
        }
    }

    fn after(self) -> Option<T> {
        match self {
            Self::Both(_, new) | Self::New(new) => Some(new),
            Self::Old(_) => None,
        }
    }

    fn change(self) -> Change {
        match self {
            Self::Both(..) => Change::Changed,
            Self::Old(_) => Change::Removed,
            Self::New(_) => Change::Added,
        }
    }
}

/// The values of two maps by key, in its order.
fn paired<'a, K: Ord, T>(
    old: &'a BTreeMap<K, T>,
    new: &'a BTreeMap<K, T>,
) -> impl Iterator<Item = (&'a K, Pair<&'a T>)> {
    let keys: BTreeSet<&K> = old.keys().chain(new.keys()).collect();
    keys.into_iter().filter_map(|key| {
        let pair = match (old.get(key), new.get(key)) {
            (Some(old), Some(new)) => Pair::Both(old, new),
            (Some(old), None) => Pair::Old(old),
            (None, Some(new)) => Pair::New(new),
            (None, None) => return None,
        };
        Some((key, pair))
    })
}

/// A set of texts on one side.
struct Texts(BTreeSet<String>);

impl Texts {
    fn to(&self, new: &Self) -> Sets {
        let less = |one: &Self, other: &Self| one.0.difference(&other.0).cloned().collect();
        Sets { added: less(new, self), removed: less(self, new) }
    }
}

/// Every image that a catalog names.
fn images(catalog: &Catalog) -> Texts {
    let bundles = catalog.packages.values().flat_map(|package| package.bundles.values());
    let images = bundles.flat_map(|bundle| {
        let related = bundle.related_images.iter().map(|it| &it.image);
        std::iter::once(&bundle.image).chain(related).filter(|image| !image.is_empty())
    });
    Texts(images.cloned().collect())
}

/// Blobs that we know nothing of, by what they are: equal ones have equal names and content.
fn others(blobs: &[Blob]) -> Texts {
    Texts(blobs.iter().map(|blob| format!("{blob}: {}", blob.value())).collect())
}

/// The fields, less the `known` ones, that two blobs have not got alike.
fn fields_apart(old: &Blob, new: &Blob, known: &[&str]) -> Vec<String> {
    if old.raw.get() == new.raw.get() {
        return Vec::new();
    }
    let (old, new) = (values(old), values(new));
    paired(&old, &new)
        .filter(|(key, _)| !known.iter().any(|known| key.eq_ignore_ascii_case(known)))
        .filter(|(_, pair)| !matches!(pair, Pair::Both(old, new) if old == new))
        .map(|(key, _)| key.clone())
        .collect()
}

fn values(blob: &Blob) -> BTreeMap<String, serde_json::Value> {
    let members = fields::object(blob.raw.get()).into_iter();
    members.map(|(key, raw)| (key, serde_json::from_str(raw.get()).unwrap_or_default())).collect()
}

/// From one value to another, where they differ.
fn moved<T: PartialEq>(from: T, to: T) -> Option<Moved<T>> {
    (from != to).then_some(Moved { from, to })
}
