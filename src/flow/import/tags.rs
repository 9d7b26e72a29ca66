//! Tags that images were asked for by, pointed in production.

use crate::digest::Digest;
use crate::fault::AnyFault;
use crate::flow::import::Import;
use crate::flow::import::contents::{ArchiveSource, Contents};
use crate::flow::record::{Log, Record};
use crate::plan::{ImageKind, PlannedImage};
use crate::promote::pointed_to;
use crate::reference::ImageRef;
use crate::registry::Target;
use crate::site::ReceiptStep;
use crate::transfer::read_manifest;
use crate::workers;

impl Import<'_> {
    /// Points tags that images were asked for by, in production. Where they pointed before is noted first, so that a run that
    /// goes on with the work of another one can still tell.
    pub(super) fn tags(
        &self,
        contents: &Contents<'_>,
        source: &ArchiveSource<'_>,
        inventory: Digest,
        which: Tags,
        log: &mut Log,
    ) -> Result<Vec<ReceiptStep>, AnyFault> {
        let mut steps = Vec::new();
        for Pointed { name, image, old } in self.pointed(contents)? {
            let Some(target) = Target::of(&name) else { continue };
            let (root, asked, repository) = (&image.root, is_asked_for(image.kind), &name.repository);
            if old != Some(root.digest) && (which == Tags::All || old.is_none()) {
                if asked {
                    let (tag, new) = (name.clone(), root.digest);
                    log.note(&Record::Prepared { inventory, tag, old, new, findings: Vec::new() })?;
                }
                let manifest = match self.client.manifest(repository, &root.digest.into())? {
                    Some(manifest) => manifest,
                    None => read_manifest(source, root, self.limits)?,
                };
                self.client.push_manifest(repository, &target, &manifest)?;
            }
            if asked && let Some(before) = log.history().old_of(&inventory, &name, &root.digest) {
                steps.push(ReceiptStep { subject: name.to_string(), before, after: root.digest });
            }
        }
        Ok(steps)
    }

    /// What the tags of images point to in production now, in the order of the images.
    pub(super) fn pointed<'c>(&self, contents: &'c Contents<'_>) -> Result<Vec<Pointed<'c>>, AnyFault> {
        let tagged: Vec<_> =
            contents.images.iter().filter_map(|placed| Some((placed, placed.image.tag.clone()?))).collect();
        workers::map(&tagged, self.jobs, self.events, |(placed, tag)| {
            let repository = self.site.in_production(placed.delivery.repository.clone());
            let old = pointed_to(self.client, &repository, &Target::Tag(tag.clone()))?;
            Ok(Pointed { name: repository.tag(tag.clone()), image: &placed.image, old })
        })
    }
}

/// The tag of an image in production.
pub(super) struct Pointed<'c> {
    /// The tag.
    pub(super) name: ImageRef,
    /// The image that it is to point to.
    pub(super) image: &'c PlannedImage,
    /// What it points to now.
    pub(super) old: Option<Digest>,
}

/// Whether people ask for an image by its tag, so that a receipt says where that moved. What belongs to a release or another image
/// has a tag for machines.
fn is_asked_for(kind: ImageKind) -> bool {
    !matches!(kind, ImageKind::Attachment | ImageKind::ReleaseComponent | ImageKind::ReleaseDisk)
}

/// Which tags are pointed to what arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tags {
    /// Those that do not exist.
    New,
    /// All of them.
    All,
}
