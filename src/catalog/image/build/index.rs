//! The image index over catalog images of several platforms.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::catalog::image::ImageError;
use crate::catalog::image::build::image::bytes_of;
use crate::digest::Digest;
use crate::oci::{OciError, RawManifest, media};

/// The base's index with each image exchanged for the one that was built on it; platforms and annotations stay.
///
/// `built` goes from the digest of a base image to the manifest that takes its place. Entries that nothing was built for are
/// left out: platforms that the site has not got, and attestations about images that are no longer there.
pub fn catalog_index(
    base: &RawManifest,
    built: &BTreeMap<Digest, &RawManifest>,
) -> Result<RawManifest, ImageError> {
    let digest = base.digest();
    let mut index: Map<String, Value> = serde_json::from_slice(base.bytes())
        .map_err(|source| OciError::Malformed { digest, what: "image index", source })?;
    let entries = match index.remove("manifests") {
        Some(Value::Array(entries)) => entries,
        _ => Vec::new(),
    };
    let mut kept = Vec::new();
    for mut entry in entries {
        let old = entry.get("digest").and_then(Value::as_str).and_then(|digest| digest.parse().ok());
        let Some(new) = old.and_then(|old: Digest| built.get(&old)) else { continue };
        let Some(fields) = entry.as_object_mut() else { continue };
        // An embedded copy of the old manifest would contradict the new digest.
        fields.remove("data");
        fields.insert("digest".to_owned(), json!(new.digest()));
        fields.insert("size".to_owned(), json!(new.size()));
        fields.insert("mediaType".to_owned(), json!(new.media_type()));
        kept.push(entry);
    }
    if kept.is_empty() {
        let why = "its index has none of the images that were built".to_owned();
        return Err(ImageError::Base { base: digest, why });
    }
    index.insert("manifests".to_owned(), kept.into());
    // An index of OCI images is an OCI index, whatever the base was.
    let all_oci = built.values().all(|manifest| manifest.media_type() == media::OCI_MANIFEST);
    let media_type = if all_oci { media::OCI_INDEX } else { base.media_type() };
    index.insert("mediaType".to_owned(), json!(media_type));
    index.remove("subject");
    Ok(RawManifest::new(bytes_of(index), Some(media_type))?)
}
