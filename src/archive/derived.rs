//! The three entries whose content follows from the rest of the inventory.

use std::fmt::Write as _;

use serde::Serialize;

use crate::archive::{Entry, EntryPath, Root};
use crate::digest::Digest;
use crate::oci::media;

/// The content of `SHA256SUMS`: one line for each entry after it, as `sha256sum -c` takes it.
pub(super) fn sums(entries: &[Entry]) -> String {
    let mut text = String::with_capacity(entries.len().saturating_mul(150));
    for entry in entries.iter().filter(|entry| entry.path != EntryPath::Sums) {
        text.push_str(&entry.digest.hex());
        let _ = writeln!(text, "  {}", entry.path);
    }
    text
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index<'a> {
    schema_version: u8,
    media_type: &'static str,
    manifests: Vec<Manifest<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    media_type: &'a str,
    digest: Digest,
    size: u64,
    annotations: Annotations,
}

#[derive(Serialize)]
struct Annotations {
    #[serde(rename = "org.opencontainers.image.ref.name")]
    name: String,
}

/// The content of `oci/index.json`: every root that `carried` says is in the archive, in their order, named as upstream
/// names it.
pub(super) fn index(roots: &[Root], carried: impl Fn(&Digest) -> bool) -> String {
    let manifests = roots
        .iter()
        .filter(|root| carried(&root.digest))
        .map(|root| Manifest {
            media_type: root.media_type.as_str(),
            digest: root.digest,
            size: root.size,
            annotations: Annotations {
                name: match &root.tag {
                    Some(tag) => format!("{}:{tag}", root.source),
                    None => format!("{}@{}", root.source, root.digest),
                },
            },
        })
        .collect();
    let index = Index { schema_version: 2, media_type: media::OCI_INDEX, manifests };
    // Maps with text keys and texts only: nothing in it can fail to serialise.
    serde_json::to_string(&index).unwrap_or_default()
}
