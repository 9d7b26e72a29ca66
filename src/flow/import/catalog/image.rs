//! The image of a merged catalog: built on production's own, read back, pushed beside it, pulled back.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::catalog::image::build::{self, BuiltImage, Provenance};
use crate::digest::Digest;
use crate::fault::AnyFault;
use crate::flow::catalog_image::{CatalogImage, PlatformImage, RegistryImages, pull};
use crate::flow::import::catalog::CatalogError;
use crate::flow::import::catalog::forward::{ArchiveFacts, Forward};
use crate::flow::import::catalog::minors::SOURCE_LABEL;
use crate::flow::import::generation::push;
use crate::oci::{ManifestView, RawManifest};
use crate::promote::{CatalogTag, put_tag};
use crate::reference::{RepositoryRef, Tag};

/// An image that was built for one platform, with the config and layer that are ours.
pub(super) type Built = BTreeMap<Digest, BuiltImage>;

impl Forward<'_> {
    /// One new layer on each image of the base; the same inputs give the same digests.
    pub(super) fn build(
        &self,
        base: &CatalogImage,
        files: &BTreeMap<String, Vec<u8>>,
    ) -> Result<(RawManifest, Built), AnyFault> {
        let ArchiveFacts { inventory, generation, created } = self.archive;
        let provenance = Provenance {
            created: created.to_owned(),
            created_by: format!("ombundle import of generation {generation}"),
            labels: BTreeMap::from([
                ("dev.ombundle.generation".to_owned(), generation.to_string()),
                ("dev.ombundle.inventory".to_owned(), inventory.to_string()),
                (SOURCE_LABEL.to_owned(), self.planned.source.to_string()),
                ("dev.ombundle.catalog.delta-base".to_owned(), self.planned.digest.to_string()),
            ]),
        };
        let mut built = Built::new();
        for image in &base.images {
            let layer = build::catalog_layer(files, image.cache_whiteout())?;
            let new = build::catalog_image(&image.manifest, &image.config, &layer, &provenance)?;
            self.read_back(image, &new, files)?;
            built.insert(image.manifest.digest(), new);
        }
        let root = if base.is_index {
            let manifests = built.iter().map(|(base, new)| (*base, &new.manifest)).collect();
            build::catalog_index(&base.root, &manifests)?
        } else {
            let only = built.values().next().map(|image| image.manifest.clone());
            only.ok_or_else(|| CatalogError::Built { why: "it has no image".to_owned() })?
        };
        Ok((root, built))
    }

    /// Applies the new layer on the base's and looks whether `/configs` is exactly what was merged.
    fn read_back(
        &self,
        base: &PlatformImage,
        built: &BuiltImage,
        files: &BTreeMap<String, Vec<u8>>,
    ) -> Result<(), AnyFault> {
        match base.with_layer(&built.layer, self.onlooker.limits, files)? {
            None => Ok(()),
            Some(why) => Err(CatalogError::Built { why }.into()),
        }
    }

    /// Layers and configs, then the manifests by digest, then the tag that keeps this generation.
    pub(super) fn push(&self, root: &RawManifest, built: &Built) -> Result<(), AnyFault> {
        let CatalogTag { repository, .. } = self.tag();
        for image in built.values() {
            push(&repository, &image.layer.bytes, self.onlooker.client)?;
            push(&repository, &Arc::from(image.config.as_slice()), self.onlooker.client)?;
            let tag = Tag::of_digest(&image.manifest.digest());
            put_tag(self.onlooker.client, &repository, tag, &image.manifest)?;
        }
        put_tag(self.onlooker.client, &repository, Tag::of_digest(&root.digest()), root)?;
        let generation = self.tag().of_generation(self.archive.generation, &root.digest())?;
        put_tag(self.onlooker.client, &repository, generation, root)?;
        self.pull_back(&repository, built)
    }

    /// What is about to be served is read from production and hashed: a registry keeps a damaged blob of a former push.
    fn pull_back(&self, repository: &RepositoryRef, built: &Built) -> Result<(), AnyFault> {
        let source = RegistryImages { repository, client: self.onlooker.client };
        for image in built.values() {
            let ManifestView::Image(view) = image.manifest.view(self.onlooker.limits)? else { continue };
            pull(&source, &view.config, self.onlooker.limits.config_bytes)?;
            for layer in view.layers.iter().filter(|layer| layer.digest == image.layer.digest) {
                pull(&source, layer, self.onlooker.limits.catalog_bytes)?;
            }
        }
        Ok(())
    }
}
