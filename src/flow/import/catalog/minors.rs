//! Which OpenShift minors two catalogs are indexes for: upstream's channels may have branched between them.

use crate::flow::catalog_image::CatalogImage;
use crate::merge::Minors;
use crate::reference::{ImageRef, Tag};

/// The label by which a merged catalog's image names the upstream catalog that it was merged with last.
pub(super) const SOURCE_LABEL: &str = "dev.ombundle.catalog.source";

/// Compares what production serves, under `tag`, with the upstream catalog that an archive was made from. What does not name a
/// minor differs from none.
pub(super) fn minors(base: &CatalogImage, tag: &Tag, source: &ImageRef) -> Minors {
    let last = base.label(SOURCE_LABEL).and_then(|text| text.parse::<ImageRef>().ok());
    let last = last.and_then(|last| last.tag);
    match (minor(last.as_ref().unwrap_or(tag)), source.tag.as_ref().and_then(minor)) {
        (Some(ours), Some(theirs)) if ours != theirs => Minors::Different,
        _ => Minors::Same,
    }
}

/// The minor that a tag names: `v4.20`, `v4.20-prev`.
fn minor(tag: &Tag) -> Option<(u32, u32)> {
    let (major, rest) = tag.as_str().strip_prefix('v')?.split_once('.')?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (minor, rest) = rest.split_at(end);
    let ends = rest.is_empty() || rest.starts_with(['-', '.', '_']);
    ends.then(|| Some((major.parse().ok()?, minor.parse().ok()?))).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_a_minor_or_none() {
        for (tag, expected) in [
            ("v4.20", Some((4, 20))),
            ("v4.20-site", Some((4, 20))),
            ("v4.20.3", Some((4, 20))),
            ("v4.20x", None),
            ("v4", None),
            ("v4.", None),
            ("4.20", None),
            ("latest", None),
            ("v4.99999999999", None),
        ] {
            assert_eq!(minor(&tag.parse().unwrap()), expected, "{tag}");
        }
    }
}
