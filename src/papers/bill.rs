//! `SBOM.json`: the archive as a bill of materials in CycloneDX 1.6, images as components.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;

use crate::digest::Digest;
use crate::papers::Sealed;
use crate::papers::contents::word;
use crate::plan::{ImageKind, Plan, PlannedImage};
use crate::reference::RepositoryRef;

/// One component.
#[derive(Serialize)]
struct Component {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "bom-ref")]
    reference: String,
    name: String,
    version: String,
    purl: String,
    hashes: [Hash; 1],
    properties: Vec<Property>,
    #[serde(rename = "externalReferences", skip_serializing_if = "Vec::is_empty")]
    external: Vec<serde_json::Value>,
}

#[derive(Serialize)]
struct Hash {
    alg: &'static str,
    content: String,
}

#[derive(Serialize)]
struct Property {
    name: &'static str,
    value: String,
}

/// The bill of what the plan carries. Signatures, attestations and bills of upstream that travel along are references of the image
/// that they are attached to.
pub fn bill(plan: &Plan, sealed: Option<&Sealed>) -> String {
    let mut attached: BTreeMap<(&RepositoryRef, String), Vec<&PlannedImage>> = BTreeMap::new();
    let (attachments, images): (Vec<_>, Vec<_>) =
        plan.images.iter().partition(|image| image.kind == ImageKind::Attachment);
    for attachment in attachments {
        let of = attachment.tag.as_ref().map(ToString::to_string).unwrap_or_default();
        let of = of.split('.').next().unwrap_or_default().to_owned();
        attached.entry((&attachment.source, of)).or_default().push(attachment);
    }
    let components: Vec<Component> = images
        .into_iter()
        .map(|image| {
            let tag = format!("sha256-{}", image.root.digest.hex());
            component(image, attached.get(&(&image.source, tag)).map_or(&[], Vec::as_slice))
        })
        .collect();
    let name = sealed.map_or("plan", |sealed| &sealed.name);
    let identity = sealed.map_or(plan.request, |sealed| sealed.inventory);
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": format!("urn:uuid:{}", uuid(&identity)),
        "version": 1,
        "metadata": {
            "timestamp": plan.created,
            "tools": {"components": [{"type": "application", "name": plan.tool}]},
            "component": {
                "type": "file", "bom-ref": "archive", "name": name, "version": format!("{}-{}", plan.channel, plan.sequence),
            },
        },
        "components": components,
        "dependencies": [{
            "ref": "archive",
            "dependsOn": components.iter().map(|component| &component.reference).collect::<Vec<_>>(),
        }],
    });
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

fn component(image: &PlannedImage, attached: &[&PlannedImage]) -> Component {
    let digest = &image.root.digest;
    let properties = std::iter::once(("ombundle:kind", word(image.kind)))
        .chain(image.reasons.iter().map(|reason| ("ombundle:reason", reason.clone())));
    let external = attached.iter().map(|attachment| {
        let tag = attachment.tag.as_ref().map(ToString::to_string).unwrap_or_default();
        let kind = match tag.rsplit('.').next() {
            Some("sbom") => "bom",
            Some("att") => "attestation",
            Some("sig") => "digital-signature",
            _ => "other",
        };
        json!({"type": kind, "url": format!("{}:{tag}", attachment.source)})
    });
    Component {
        kind: "container",
        reference: format!("{}@{digest}", image.source),
        name: image.source.to_string(),
        version: digest.to_string(),
        purl: purl(image),
        hashes: [Hash { alg: "SHA-256", content: digest.hex() }],
        properties: properties.map(|(name, value)| Property { name, value }).collect(),
        external: external.collect(),
    }
}

/// `pkg:oci/NAME@DIGEST?repository_url=…&tag=…` (purl specification, type oci).
fn purl(image: &PlannedImage) -> String {
    let repository = image.source.repository.as_str();
    let name = repository.rsplit('/').next().unwrap_or(repository);
    let url = escaped(&image.source.to_string());
    let tag = image.tag.as_ref().map(|tag| format!("&tag={}", escaped(tag.as_str()))).unwrap_or_default();
    format!("pkg:oci/{name}@{}?repository_url={url}{tag}", escaped(&image.root.digest.to_string()))
}

/// Percent-encoded, but for what the purl specification leaves as it is.
fn escaped(text: &str) -> String {
    let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'_' | b'~' | b'/');
    text.bytes().map(|c| if plain(c) { char::from(c).to_string() } else { format!("%{c:02X}") }).collect()
}

/// A UUID of version 8 (RFC 9562) from a digest: the same archive has the same one.
fn uuid(digest: &Digest) -> String {
    const VERSION: u128 = 0x8 << 76;
    const VARIANT: u128 = 0b10 << 62;
    let half = digest.bytes().iter().take(16).fold(0, |value: u128, byte| (value << 8) | u128::from(*byte));
    let hex = format!("{:032x}", (half & !(0xf << 76) & !(0b11 << 62)) | VERSION | VARIANT);
    let group = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", group(0..8), group(8..12), group(12..16), group(16..20), group(20..32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_archive_has_one_number() {
        let text = uuid(&Digest::of(b"a"));
        assert_eq!(text, uuid(&Digest::of(b"a")));
        assert_ne!(text, uuid(&Digest::of(b"b")));
        assert_eq!(text, "ca978112-ca1b-8dca-bac2-31b39a23dc4d");
    }

    #[test]
    fn a_package_url_is_escaped() {
        assert_eq!(escaped("sha256:ab"), "sha256%3Aab");
        assert_eq!(escaped("host:5000/a/b"), "host%3A5000/a/b");
    }
}
