//! Whether two bundles of one name are one, and which of them stays.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::catalog::Bundle;
use crate::finding::Finding;
use crate::merge::{MergeOptions, OnBundleImage};

/// Which side's blob stays. It is taken whole: joining properties would give a bundle two versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Winner {
    Old,
    New,
}

/// Compares two bundles of one name after normalising (images by digest and source host, properties and images as sets).
pub(super) fn choose(old: &Bundle, new: &Bundle, options: &MergeOptions) -> (Winner, Vec<Finding>) {
    if old.blob.raw.get() == new.blob.raw.get() {
        return (Winner::Old, Vec::new());
    }
    let subject = format!("package {}, bundle {}", new.package, new.name);
    if old.version != new.version {
        let message = format!("production has version {}, the archive {}", old.version, new.version);
        let finding = Finding::error("BUNDLE_VERSION", subject, message)
            .hint("one name must stay one version; look at where the two bundles come from");
        return (Winner::Old, vec![finding]);
    }
    let (old_image, new_image) = (Image::of(&old.image, options), Image::of(&new.image, options));
    match (&old_image.digest, &new_image.digest) {
        (Some(a), Some(b)) if a == b => {}
        (None, None) if old_image.text == new_image.text => {}
        (Some(_), None) | (None, Some(_)) => {
            let message = format!(
                "one side names its image by tag, so they cannot be compared: production has `{}`, the archive `{}`",
                old.image, new.image
            );
            let finding = Finding::warning("TAG_REF", subject, message)
                .hint("the one with a digest is taken; images by tag need an ImageTagMirrorSet");
            let winner = if new_image.digest.is_some() { Winner::New } else { Winner::Old };
            return (winner, vec![finding]);
        }
        _ => {
            let message = format!("production has `{}`, the archive `{}`", old.image, new.image);
            return match options.on_bundle_image {
                OnBundleImage::Fail => {
                    let finding = Finding::error("BUNDLE_IMAGE", subject, message).hint(
                        "decide with `--on-bundle-image new` (what is installed is not touched) or `--on-bundle-image old`",
                    );
                    (Winner::Old, vec![finding])
                }
                OnBundleImage::New => (Winner::New, vec![Finding::warning("BUNDLE_IMAGE", subject, message)]),
                OnBundleImage::Old => (Winner::Old, vec![Finding::warning("BUNDLE_IMAGE", subject, message)]),
            };
        }
    }
    let (a, b) = (Form::of(old, options), Form::of(new, options));
    if a == b {
        let (winner, aliased) = match (a.aliased, b.aliased) {
            // A mirror's host in a catalog makes the same bundle look different next time: the source's stays.
            (false, true) => (Winner::Old, true),
            (true, false) => (Winner::New, true),
            (aliased, _) => (Winner::Old, aliased),
        };
        let finding = aliased.then(|| {
            Finding::info(
                "MIRROR_ALIAS",
                &subject,
                "one side names a mirror instead of the source; the digests agree",
            )
        });
        return (winner, finding.into_iter().collect());
    }
    let same = a.rest == b.rest && a.images == b.images && a.properties == b.properties;
    if same && a.has_metadata != b.has_metadata {
        let message = "one side embeds the manifests, the other their summary; the digests agree";
        let winner = if b.has_metadata { Winner::New } else { Winner::Old };
        return (winner, vec![Finding::info("PROPERTY_FORM", subject, message)]);
    }
    let message = "the sides describe the same image differently; the archive's description is taken";
    (Winner::New, vec![Finding::warning("BUNDLE_DIFFERS", subject, message)])
}

/// An image reference apart from which mirror it names.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Image {
    /// With the source's host.
    text: String,
    digest: Option<String>,
    aliased: bool,
}

impl Image {
    fn of(written: &str, options: &MergeOptions) -> Self {
        let source = options.source_of(written);
        let aliased = source.is_some();
        let text = source.unwrap_or_else(|| written.to_owned());
        let digest = text.split_once('@').map(|(_, digest)| digest.to_owned());
        Self { text, digest, aliased }
    }
}

/// A bundle's content in a form in which order and doubles do not matter.
struct Form {
    rest: Value,
    /// Image and name.
    images: BTreeSet<(String, String)>,
    /// Type and value, without the two forms in which manifests are embedded.
    properties: BTreeSet<(String, String)>,
    manifests: BTreeSet<(String, String)>,
    has_metadata: bool,
    aliased: bool,
}

impl PartialEq for Form {
    fn eq(&self, other: &Self) -> bool {
        self.rest == other.rest
            && self.images == other.images
            && self.properties == other.properties
            && self.manifests == other.manifests
    }
}

impl Form {
    fn of(bundle: &Bundle, options: &MergeOptions) -> Self {
        let mut aliased = false;
        let mut source = |image: &str| {
            let image = Image::of(image, options);
            aliased |= image.aliased;
            image.text
        };
        let own = source(&bundle.image);
        let mut images: BTreeSet<_> = bundle
            .related_images
            .iter()
            .map(|related| (source(&related.image), related.name.clone()))
            .collect();
        images.insert((own, "\0image".to_owned()));
        let (mut properties, mut manifests) = (BTreeSet::new(), BTreeSet::new());
        let mut has_metadata = false;
        for property in &bundle.properties {
            // The same value may be written with other blanks or another order of keys.
            let value = property
                .read::<Value>()
                .map_or_else(|_| property.json().to_owned(), |value| value.to_string());
            has_metadata |= property.kind == "olm.csv.metadata";
            let embedded = matches!(property.kind.as_str(), "olm.csv.metadata" | "olm.bundle.object");
            let set = if embedded { &mut manifests } else { &mut properties };
            set.insert((property.kind.clone(), value));
        }
        let mut rest = bundle.blob.value();
        if let Some(fields) = rest.as_object_mut() {
            fields.retain(|key, _| {
                !["image", "relatedImages", "properties"].iter().any(|known| key.eq_ignore_ascii_case(known))
            });
        }
        Self { rest, images, properties, manifests, has_metadata, aliased }
    }
}
