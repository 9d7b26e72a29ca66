//! The image that a site's first catalog is built on: documents of our own over layers of upstream.

use std::collections::BTreeMap;

use crate::catalog::image::build::{Family, Provenance, catalog_index, small_base};
use crate::digest::Digest;
use crate::fault::AnyFault;
use crate::flow::catalog_image::CatalogImage;
use crate::limits::Limits;
use crate::oci::{Descriptor, ManifestView, RawManifest};
use crate::plan::{ImageKind, PlannedImage};
use crate::reference::RepositoryRef;

/// A base: the planned image, and the texts that no source registry has.
#[derive(Debug)]
pub(super) struct Base {
    pub(super) image: PlannedImage,
    pub(super) inline: BTreeMap<Digest, String>,
}

/// Makes the base of a catalog from the images of it that were read. Layers that hold nothing but the catalog stay behind.
pub(super) fn base(
    source: &RepositoryRef,
    catalog: &CatalogImage,
    created: &str,
    limits: &Limits,
) -> Result<Base, AnyFault> {
    let provenance = Provenance {
        created: created.to_owned(),
        created_by: "ombundle plan: the catalog image without its catalog".to_owned(),
        labels: BTreeMap::new(),
    };
    let mut built: BTreeMap<Digest, RawManifest> = BTreeMap::new();
    let mut inline = BTreeMap::new();
    let mut blobs: Vec<Descriptor> = Vec::new();
    for variant in &catalog.images {
        let small = small_base(
            &variant.manifest,
            &variant.config,
            &variant.catalog_only(),
            Family::Kept,
            &provenance,
        )?;
        if let ManifestView::Image(view) = small.manifest.view(limits)? {
            for blob in std::iter::once(view.config).chain(view.layers) {
                if !blobs.iter().any(|known| known.digest == blob.digest) {
                    blobs.push(Descriptor { platform: None, ..blob });
                }
            }
        }
        inline.extend(text(&small.config));
        built.insert(variant.manifest.digest(), small.manifest);
    }
    let mut manifests: Vec<RawManifest> = built.values().cloned().collect();
    if catalog.is_index {
        let entries = built.iter().map(|(old, new)| (*old, new)).collect();
        manifests.push(catalog_index(&catalog.root, &entries)?);
    }
    inline.extend(manifests.iter().filter_map(|manifest| text(manifest.bytes())));
    let Some(root) = manifests.last().map(RawManifest::descriptor) else {
        return Err(crate::registry::RegistryError::NotFound { request: format!("GET {source}") }.into());
    };
    let image = PlannedImage {
        kind: ImageKind::CatalogBase,
        source: source.clone(),
        tag: None,
        mirror: None,
        root,
        reasons: vec!["the site has no catalog yet, and its first one is built on this".to_owned()],
        manifests: manifests.iter().map(RawManifest::descriptor).collect(),
        blobs,
    };
    Ok(Base { image, inline })
}

fn text(bytes: &[u8]) -> Option<(Digest, String)> {
    std::str::from_utf8(bytes).ok().map(|text| (Digest::of(bytes), text.to_owned()))
}
