//! The second copy of the floor: production itself keeps the signed inventory of each generation that came into force.
//!
//! The repository `ombundle/state` has one tag for each generation of a site, `g0007.SITE`, that never moves; several sites may share a
//! registry. Tags of older versions, and of archives for any site, are `g0007`. Behind it is an artifact whose
//! layers are the inventory and its signatures, exactly as they stood in the archive. So it vouches for itself: whoever can write to
//! the registry can take it away, not forge it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;

use crate::archive::{ImageKind, Inventory, RawInventory};
use crate::digest::Digest;
use crate::event::{Event, Events};
use crate::fault::{AnyFault, Exit};
use crate::flow::catalog_image::{RegistryImages, pull};
use crate::limits::Limits;
use crate::oci::{Descriptor, ManifestView, RawManifest, media};
use crate::promote::{pointed_to, put_tag};
use crate::reference::{RegistryHost, RepositoryRef, Tag};
use crate::registry::{Client, Known, Target};
use crate::trust::{KeyId, Payload, Signature, TrustSet};
use crate::verify::{Floor, VerifiedArchive};

/// What kind of artifact it is.
const ARTIFACT: &str = "application/vnd.ombundle.generation.v1";
/// A signature; its key stands in the annotation [`KEY`].
const SIGNATURE: &str = "application/vnd.ombundle.signature.v1";
const KEY: &str = "dev.ombundle.key";
const EMPTY_CONFIG: &[u8] = b"{}";

/// The repository inside the production registry.
pub(in crate::flow) fn repository(host: &RegistryHost) -> Result<RepositoryRef, AnyFault> {
    Ok(RepositoryRef { host: host.clone(), repository: "ombundle/state".parse()? })
}

/// A site's name is a DNS label: it has no dot.
fn tag(generation: u64, site: &str) -> Result<Tag, AnyFault> {
    Ok(format!("g{generation:04}.{site}").parse()?)
}

/// The number that a tag of any site is for, and the site, which tags of an older version do not name.
pub(in crate::flow) fn numbered(tag: &Tag) -> Option<(u64, Option<&str>)> {
    let rest = tag.as_str().strip_prefix('g')?;
    let (digits, site) = rest.split_once('.').map_or((rest, None), |(digits, site)| (digits, Some(site)));
    let is_number = digits.len() >= 4 && digits.bytes().all(|c| c.is_ascii_digit());
    Some((digits.parse().ok().filter(|_| is_number)?, site))
}

fn generation_of(tag: &Tag, site: &str) -> Option<u64> {
    let (generation, of) = numbered(tag)?;
    of.is_none_or(|of| of == site).then_some(generation)
}

/// The highest generation of this site in production that enough trusted keys signed; nothing when there is none.
///
/// Sites may share a registry: what was made for another one counts nothing here. A newer one that is damaged or not signed is worth a warning, not a stop: anybody who can write there can make one.
pub(in crate::flow) fn latest(
    host: &RegistryHost,
    site: &str,
    trust: &TrustSet,
    client: &Client,
    events: &dyn Events,
    limits: &Limits,
) -> Result<Option<Floor>, AnyFault> {
    let repository = repository(host)?;
    let mut tags = tags(&repository, site, client)?;
    tags.sort_by_key(|(generation, _)| std::cmp::Reverse(*generation));
    for (generation, tag) in tags {
        match read(&repository, &tag, trust, client, limits) {
            Ok(Some(inventory)) if inventory.sequence == generation => {
                if inventory.target.as_ref().is_none_or(|target| target.as_str() == site) {
                    return Ok(Some(Floor { sequence: generation, inventory: inventory.digest() }));
                }
            }
            Ok(_) => events.emit(&Event::Warning {
                text: &format!(
                    "`{repository}:{tag}` does not hold generation {generation}; it is not believed"
                ),
            }),
            Err(fault) => events
                .emit(&Event::Warning { text: &format!("`{repository}:{tag}` is not believed: {fault}") }),
        }
    }
    Ok(None)
}

/// One tag of `ombundle/state`.
pub(in crate::flow) struct Kept {
    /// The generation that it names.
    pub(in crate::flow) generation: u64,
    /// The tag, `host/repository:tag`.
    pub(in crate::flow) reference: String,
    /// Whether it names the site: tags of before do not, and several sites may have them.
    pub(in crate::flow) names_site: bool,
    /// What it holds, or why that is not believed.
    pub(in crate::flow) found: Result<Inventory, String>,
}

/// Everything that production keeps of a site, the lowest number first.
pub(in crate::flow) fn all(
    host: &RegistryHost,
    site: &str,
    trust: &TrustSet,
    client: &Client,
    limits: &Limits,
) -> Result<Vec<Kept>, AnyFault> {
    let repository = repository(host)?;
    let mut tags = tags(&repository, site, client)?;
    tags.sort();
    let kept = |(generation, tag): (u64, Tag)| {
        let found = match read(&repository, &tag, trust, client, limits) {
            Ok(Some(inventory)) => Ok(inventory),
            Ok(None) => Err("it holds no inventory".to_owned()),
            Err(fault) if matches!(fault.exit(), Exit::Registry | Exit::Interrupted) => return Err(fault),
            Err(fault) => Err(fault.to_string()),
        };
        let names_site = tag.as_str().contains('.');
        Ok(Kept { generation, reference: repository.tag(tag).to_string(), names_site, found })
    };
    tags.into_iter().map(kept).collect()
}

/// The generations of a site that production has tags for.
pub(in crate::flow) fn known(
    host: &RegistryHost,
    site: &str,
    client: &Client,
) -> Result<BTreeSet<u64>, AnyFault> {
    Ok(tags(&repository(host)?, site, client)?.into_iter().map(|(generation, _)| generation).collect())
}

/// What a generation of any site brought by its digest alone, because it was asked for by itself.
///
/// No signature is asked: it is believed no further than that this is kept, and a key that is trusted no more signed it once.
pub(in crate::flow) fn brought_by_digest(
    repository: &RepositoryRef,
    tag: &Tag,
    client: &Client,
    limits: &Limits,
) -> Result<Option<Vec<Digest>>, AnyFault> {
    /// Of an inventory that much.
    #[derive(Deserialize)]
    struct Brought {
        roots: Vec<Root>,
    }
    #[derive(Deserialize)]
    struct Root {
        digest: Digest,
        kind: ImageKind,
        tag: Option<String>,
    }
    let Some(raw) = client.manifest(repository, &Target::Tag(tag.clone()))? else { return Ok(None) };
    let ManifestView::Image(image) = raw.view(limits)? else { return Ok(None) };
    let is_inventory = |layer: &&Descriptor| layer.media_type == RawInventory::TYPE;
    let Some(layer) = image.layers.iter().find(is_inventory) else { return Ok(None) };
    let source = RegistryImages { repository, client };
    let bytes = pull(&source, layer, limits.inventory_bytes)?;
    let Ok(Brought { roots }) = serde_json::from_slice(&bytes) else { return Ok(None) };
    let asked = roots.into_iter().filter(|root| root.kind == ImageKind::Additional && root.tag.is_none());
    Ok(Some(asked.map(|root| root.digest).collect()))
}

fn tags(repository: &RepositoryRef, site: &str, client: &Client) -> Result<Vec<(u64, Tag)>, AnyFault> {
    let all = client.tags(repository)?.into_iter();
    Ok(all.filter_map(|tag| Some((generation_of(&tag, site)?, tag))).collect())
}

fn read(
    repository: &RepositoryRef,
    tag: &Tag,
    trust: &TrustSet,
    client: &Client,
    limits: &Limits,
) -> Result<Option<Inventory>, AnyFault> {
    let Some(raw) = client.manifest(repository, &Target::Tag(tag.clone()))? else { return Ok(None) };
    let ManifestView::Image(image) = raw.view(limits)? else { return Ok(None) };
    let keys = keys(&raw);
    let source = RegistryImages { repository, client };
    let mut inventory = None;
    let mut signatures = Vec::new();
    for layer in &image.layers {
        match (layer.media_type.as_str(), keys.get(&layer.digest)) {
            (RawInventory::TYPE, _) if layer.size <= limits.inventory_bytes => {
                inventory = Some(RawInventory::new(pull(&source, layer, limits.inventory_bytes)?));
            }
            (SIGNATURE, Some(key)) if signatures.len() as u64 <= limits.signatures && layer.size <= 1024 => {
                signatures.push(Signature::from_slice(*key, &pull(&source, layer, limits.inventory_bytes)?)?);
            }
            _ => {}
        }
    }
    let Some(inventory) = inventory else { return Ok(None) };
    Ok(Some(Inventory::parse(&trust.verify(inventory, &signatures)?, limits)?))
}

/// Which key each signature layer is from, as far as the manifest says; it is believed no further than the signature goes.
fn keys(raw: &RawManifest) -> BTreeMap<Digest, KeyId> {
    let value: serde_json::Value = serde_json::from_slice(raw.bytes()).unwrap_or_default();
    let layers = value.get("layers").and_then(serde_json::Value::as_array);
    layers
        .into_iter()
        .flatten()
        .filter_map(|layer| {
            let digest = layer.get("digest")?.as_str()?.parse().ok()?;
            let key = layer.get("annotations")?.get(KEY)?.as_str()?.parse().ok()?;
            Some((digest, key))
        })
        .collect()
}

/// What production keeps of an archive.
struct Artifact {
    manifest: RawManifest,
    /// What is below it.
    blobs: Vec<Arc<[u8]>>,
}

fn artifact(archive: &VerifiedArchive) -> Result<Artifact, AnyFault> {
    let inventory: Arc<[u8]> = archive.inventory().raw().bytes().into();
    let mut layers = vec![json!({
        "mediaType": RawInventory::TYPE, "digest": Digest::of(&inventory), "size": inventory.len(),
    })];
    let mut blobs: Vec<Arc<[u8]>> = vec![EMPTY_CONFIG.into(), inventory];
    for signature in archive.signatures() {
        let bytes: Arc<[u8]> = signature.bytes().as_slice().into();
        layers.push(json!({
            "mediaType": SIGNATURE, "digest": Digest::of(&bytes), "size": bytes.len(),
            "annotations": {KEY: signature.key().to_string()},
        }));
        blobs.push(bytes);
    }
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media::OCI_MANIFEST,
        "artifactType": ARTIFACT,
        "config": {
            "mediaType": "application/vnd.oci.empty.v1+json",
            "digest": Digest::of(EMPTY_CONFIG), "size": EMPTY_CONFIG.len(),
        },
        "layers": layers,
    });
    let manifest = RawManifest::new(manifest.to_string().into_bytes(), Some(media::OCI_MANIFEST))?;
    Ok(Artifact { manifest, blobs })
}

/// Whether production keeps it already.
pub(super) fn is_kept(
    host: &RegistryHost,
    site: &str,
    archive: &VerifiedArchive,
    client: &Client,
) -> Result<bool, AnyFault> {
    let Artifact { manifest, .. } = artifact(archive)?;
    let target = Target::Tag(tag(archive.inventory().sequence, site)?);
    Ok(pointed_to(client, &repository(host)?, &target)? == Some(manifest.digest()))
}

/// Keeps the inventory and signatures of an archive that came into force. Doing it again changes nothing.
pub(super) fn keep(
    host: &RegistryHost,
    site: &str,
    archive: &VerifiedArchive,
    client: &Client,
) -> Result<(), AnyFault> {
    let repository = repository(host)?;
    let Artifact { manifest, blobs } = artifact(archive)?;
    for bytes in &blobs {
        push(&repository, bytes, client)?;
    }
    put_tag(client, &repository, tag(archive.inventory().sequence, site)?, &manifest)?;
    Ok(())
}

/// Pushes bytes of our own.
pub(super) fn push(repository: &RepositoryRef, bytes: &Arc<[u8]>, client: &Client) -> Result<(), AnyFault> {
    let (digest, size) = (Digest::of(bytes), bytes.len() as u64);
    let mut open = || Ok(Box::new(io::Cursor::new(Arc::clone(bytes))) as Box<dyn Read>);
    client.push_blob(repository, digest, size, Known::Nothing, &mut open, &|_| {})?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_of_one_site_or_of_an_older_version() {
        for (text, expected) in [
            ("g0007.edge", Some(7)),
            ("g12345.edge", Some(12345)),
            ("g0007", Some(7)),
            ("g0007.edge-2", None),
            ("g0007.", None),
            ("g007.edge", None),
            ("g7", None),
            ("ombundle-lease-1", None),
            ("g00x7.edge", None),
        ] {
            assert_eq!(generation_of(&text.parse().unwrap(), "edge"), expected, "{text}");
        }
        assert_eq!(tag(7, "edge").unwrap().as_str(), "g0007.edge");
    }
}
