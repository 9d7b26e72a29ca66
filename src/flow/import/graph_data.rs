//! The image with graph data: built from the archive before anything is written, so that its digest is known; pushed once its base is
//! in production.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use crate::catalog::image::build::catalog_index;
use crate::digest::{Digest, VerifyingReader};
use crate::fault::AnyFault;
use crate::flow::import::Import;
use crate::flow::import::contents::{ArchiveSource, Contents};
use crate::flow::import::generation::push;
use crate::flow::record::{Log, Record};
use crate::limits::Limits;
use crate::oci::{Descriptor, ManifestView, PackedLayer, RawManifest};
use crate::promote::{CatalogTag, pointed_to, put_tag};
use crate::reference::{ImageRef, PinnedRef, Tag};
use crate::registry::{Client, Target};
use crate::release::{GraphImage, GraphImageError, graph_layer};
use crate::site::ReceiptStep;
use crate::transfer::{BlobSource, TransferError, read_manifest};

/// The image, ready to be pushed.
#[derive(Debug)]
pub(super) struct GraphData {
    /// Where it goes; the tag follows the newest.
    place: CatalogTag,
    /// The tag that keeps this one.
    kept: Tag,
    layer: PackedLayer,
    images: Vec<GraphImage>,
    /// The image, or the index over the images.
    root: RawManifest,
}

impl Import<'_> {
    /// Builds the image, from what the archive has; nothing where it carries no graph data.
    pub(super) fn graph_data(
        &self,
        contents: &Contents<'_>,
        source: &ArchiveSource<'_>,
    ) -> Result<Option<GraphData>, AnyFault> {
        let (Some(data), Some((base, place))) = (&contents.plan.graph_data, &contents.graph) else {
            return Ok(None);
        };
        let (plan, limits) = (&contents.plan, self.limits);
        let layer = graph_layer(&data.tarball.0, limits)?;
        let labels = BTreeMap::from([
            ("dev.ombundle.generation".to_owned(), plan.sequence.to_string()),
            ("dev.ombundle.graph-data".to_owned(), data.digest.to_string()),
        ]);
        let root = read_manifest(source, &base.image.root, limits)?;
        let mut built: BTreeMap<Digest, GraphImage> = BTreeMap::new();
        for descriptor in &base.image.manifests {
            let manifest = read_manifest(source, descriptor, limits)?;
            let ManifestView::Image(view) = manifest.view(limits)? else { continue };
            let config = config(source, &view.config, limits)?;
            let image = GraphImage::on(&manifest, &config, &layer, &labels, &plan.created, limits)?;
            built.insert(manifest.digest(), image);
        }
        let root = match root.view(limits)? {
            ManifestView::Image(_) => {
                let only = built.get(&root.digest()).map(|image| image.manifest.clone());
                let why = "the archive does not carry it".to_owned();
                only.ok_or_else(|| GraphImageError::Base { base: root.digest(), why })?
            }
            ManifestView::Index(_) => {
                let images = built.iter().map(|(base, image)| (*base, &image.manifest)).collect();
                catalog_index(&root, &images)?
            }
        };
        let place = CatalogTag {
            repository: self.site.in_production(place.repository.clone()),
            tag: place.tag.clone(),
        };
        let kept = place.of_generation(plan.sequence, &root.digest())?;
        Ok(Some(GraphData { place, kept, layer, images: built.into_values().collect(), root }))
    }
}

/// The exact bytes of a config.
fn config(source: &ArchiveSource<'_>, config: &Descriptor, limits: &Limits) -> Result<Vec<u8>, AnyFault> {
    let unreadable = |why| TransferError::unreadable(source, config.digest, why);
    let mut bytes = Vec::new();
    let most = config.size.min(limits.config_bytes);
    let reader = source.open(&config.digest).map_err(unreadable)?;
    VerifyingReader::new(reader, config.digest, most).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

impl GraphData {
    /// The image in production.
    pub(super) fn reference(&self) -> PinnedRef {
        self.place.repository.pin(self.root.digest())
    }

    /// The tags that are still to be made or moved, with what they are now.
    pub(super) fn to_move(&self, client: &Client) -> Result<Vec<(ImageRef, Option<Digest>)>, AnyFault> {
        let mut moves = Vec::new();
        for tag in [&self.kept, &self.place.tag] {
            let old = pointed_to(client, &self.place.repository, &Target::Tag(tag.clone()))?;
            if old != Some(self.root.digest()) {
                moves.push((self.place.repository.tag(tag.clone()), old));
            }
        }
        Ok(moves)
    }

    /// Puts it into production, beside its base. Doing it again changes nothing.
    pub(super) fn push(
        &self,
        inventory: Digest,
        client: &Client,
        log: &mut Log,
    ) -> Result<Option<ReceiptStep>, AnyFault> {
        let CatalogTag { repository, tag } = &self.place;
        if !self.to_move(client)?.is_empty() {
            push(repository, &self.layer.bytes, client)?;
            for image in &self.images {
                push(repository, &Arc::from(image.config.as_slice()), client)?;
                put_tag(client, repository, Tag::of_digest(&image.manifest.digest()), &image.manifest)?;
            }
            put_tag(client, repository, Tag::of_digest(&self.root.digest()), &self.root)?;
            put_tag(client, repository, self.kept.clone(), &self.root)?;
            let old = pointed_to(client, repository, &Target::Tag(tag.clone()))?;
            let new = self.root.digest();
            if old != Some(new) {
                let tag = self.place.reference();
                log.note(&Record::Prepared { inventory, tag, old, new, findings: Vec::new() })?;
                put_tag(client, repository, self.place.tag.clone(), &self.root)?;
            }
        }
        let (name, after) = (self.place.reference(), self.root.digest());
        let before = log.history().old_of(&inventory, &name, &after);
        Ok(before.map(|before| ReceiptStep { subject: name.to_string(), before, after }))
    }
}
