//! Tags that images were asked for by, pointed in production.

use crate::digest::Digest;
use crate::fault::AnyFault;
use crate::flow::import::Import;
use crate::flow::import::contents::{ArchiveSource, Contents};
use crate::flow::record::{Log, Record};
use crate::plan::ImageKind;
use crate::promote::pointed_to;
use crate::reference::RepositoryRef;
use crate::registry::Target;
use crate::site::ReceiptStep;
use crate::transfer::read_manifest;

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
        for placed in &contents.images {
            let Some(tag) = &placed.image.tag else { continue };
            let repository = RepositoryRef {
                host: self.site.spec.production.registry.clone(),
                repository: placed.delivery.repository.clone(),
            };
            let (root, asked) = (&placed.image.root, placed.image.kind != ImageKind::Attachment);
            let (name, target) = (repository.tag(tag.clone()), Target::Tag(tag.clone()));
            let old = pointed_to(self.client, &repository, &target)?;
            if old != Some(root.digest) && (which == Tags::All || old.is_none()) {
                if asked {
                    let (tag, new) = (name.clone(), root.digest);
                    log.note(&Record::Prepared { inventory, tag, old, new, findings: Vec::new() })?;
                }
                let manifest = match self.client.manifest(&repository, &root.digest.into())? {
                    Some(manifest) => manifest,
                    None => read_manifest(source, root, self.limits)?,
                };
                self.client.push_manifest(&repository, &target, &manifest)?;
            }
            if asked && let Some(before) = log.history().old_of(&inventory, &name, &root.digest) {
                steps.push(ReceiptStep { subject: name.to_string(), before, after: root.digest });
            }
        }
        Ok(steps)
    }
}

/// Which tags are pointed to what arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tags {
    /// Those that do not exist.
    New,
    /// All of them.
    All,
}
