//! One bundle: its version and images, and of everything else which part differs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::report::BundleDiff;
use super::{Pair, Texts, fields_apart, moved, paired};
use crate::catalog::model::{Bundle, RelatedImage};

/// How a bundle differs; nothing where it does not.
pub(super) fn diff(pair: Pair<&Bundle>) -> Option<BundleDiff> {
    if matches!(pair, Pair::Both(old, new) if old.blob.raw.get() == new.blob.raw.get()) {
        return None;
    }
    let (old, new) = (pair.before(), pair.after());
    let version = |bundle: Option<&Bundle>| bundle.map(|bundle| bundle.version.to_string());
    let image =
        |bundle: Option<&Bundle>| bundle.map(|bundle| bundle.image.clone()).filter(|image| !image.is_empty());
    let found = BundleDiff {
        change: pair.change(),
        version: moved(version(old), version(new)),
        image: moved(image(old), image(new)),
        related_images: related(old).to(&related(new)),
        properties: match pair {
            Pair::Both(old, new) => properties_apart(old, new),
            Pair::Old(_) | Pair::New(_) => Vec::new(),
        },
        fields: match pair {
            Pair::Both(old, new) => other_fields(old, new),
            Pair::Old(_) | Pair::New(_) => Vec::new(),
        },
    };
    let is_alike = matches!(pair, Pair::Both(..))
        && found.version.is_none()
        && found.image.is_none()
        && found.related_images.is_empty()
        && found.properties.is_empty()
        && found.fields.is_empty();
    (!is_alike).then_some(found)
}

fn related(bundle: Option<&Bundle>) -> Texts {
    let images = bundle.into_iter().flat_map(|bundle| &bundle.related_images);
    Texts(images.filter(|it| !it.image.is_empty()).map(|it| it.image.clone()).collect())
}

/// Fields that are not told in full; the related images are one where only what they are called differs.
fn other_fields(old: &Bundle, new: &Bundle) -> Vec<String> {
    let mut fields = fields_apart(&old.blob, &new.blob, &["image", "relatedImages", "properties"]);
    let called = |bundle: &Bundle| bundle.related_images.iter().cloned().collect::<BTreeSet<RelatedImage>>();
    if related(Some(old)).to(&related(Some(new))).is_empty() && called(old) != called(new) {
        fields.push("relatedImages".to_owned());
    }
    fields
}

/// The types of properties of which the bundles have not got the same values, in whatever order.
fn properties_apart(old: &Bundle, new: &Bundle) -> Vec<String> {
    let by_type = |bundle: &Bundle| {
        let mut types: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for property in &bundle.properties {
            let value: Value = property.read().unwrap_or_default();
            types.entry(property.kind.clone()).or_default().insert(value.to_string());
        }
        types
    };
    let (old, new) = (by_type(old), by_type(new));
    paired(&old, &new)
        .filter(|(_, pair)| !matches!(pair, Pair::Both(old, new) if old == new))
        .map(|(kind, _)| kind.clone())
        .collect()
}
