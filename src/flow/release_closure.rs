//! Whether an archive carries all that its releases consist of, by the word of the release images themselves.
//!
//! A plan lists what a release consists of. That list was read from the release image when the plan was made; here it is read once
//! more, from the image that travels and that its vendor signed.

use std::collections::BTreeSet;
use std::io::Read;

use crate::digest::Digest;
use crate::event::Events;
use crate::fault::AnyFault;
use crate::finding::Finding;
use crate::flow::catalog_image::ImageSource;
use crate::flow::release_image::{Depth, read_release};
use crate::limits::Limits;
use crate::oci::{Descriptor, ManifestView, Platform, RawManifest};
use crate::plan::{Plan, PlannedRelease};
use crate::reference::PinnedRef;
use crate::release::PayloadAsk;
use crate::text::{Safe, counted};
use crate::verify::{Opened, Refused};

/// The images of an archive, whatever repository they are of.
struct ArchiveImages<'a> {
    archive: &'a Opened,
    limits: &'a Limits,
}

impl ImageSource for ArchiveImages<'_> {
    fn manifest(&self, digest: Digest) -> Result<Option<RawManifest>, AnyFault> {
        let Some((entry, _)) = self.archive.inventory().blob(&digest) else { return Ok(None) };
        let bytes = self.archive.read_blob(&digest, self.limits.manifest_bytes).map_err(Refused::from)?;
        Ok(Some(RawManifest::new(bytes, Some(entry.media_type.as_str()))?))
    }

    fn blob(&self, blob: &Descriptor) -> Result<Box<dyn Read + '_>, AnyFault> {
        Ok(Box::new(self.archive.blob_reader(&blob.digest).map_err(Refused::from)?))
    }

    fn name(&self) -> String {
        "the archive".to_owned()
    }
}

/// What releases consist of and their plan does not name. Of a release image that production holds already nothing is said here.
pub fn lacking(
    archive: &Opened,
    plan: &Plan,
    events: &dyn Events,
    limits: &Limits,
) -> Result<Vec<Finding>, AnyFault> {
    let images = ArchiveImages { archive, limits };
    let mut findings = Vec::new();
    for release in &plan.releases {
        let Some(root) = images.manifest(release.image.digest)? else { continue };
        let Some(platforms) = platforms(archive, &root, limits)? else { continue };
        findings.extend(compare(&images, release, &platforms, events, limits)?);
    }
    Ok(findings)
}

/// The platforms of an index whose images travel, all of its layers with them: the others are in production, or were not asked for.
/// Nothing where there is none; none where it is no index.
fn platforms(
    archive: &Opened,
    root: &RawManifest,
    limits: &Limits,
) -> Result<Option<Vec<Platform>>, AnyFault> {
    let carried = |digest: &Digest| archive.inventory().blob(digest).is_some();
    let whole = |raw: &RawManifest| {
        let view = raw.view(limits)?;
        Ok::<_, AnyFault>(match view {
            ManifestView::Image(image) => image.layers.iter().all(|layer| carried(&layer.digest)),
            ManifestView::Index(_) => false,
        })
    };
    let ManifestView::Index(index) = root.view(limits)? else {
        return Ok(whole(root)?.then(Vec::new));
    };
    let images = ArchiveImages { archive, limits };
    let mut platforms = Vec::new();
    for entry in index.manifests {
        if let Some(raw) = images.manifest(entry.digest)?
            && whole(&raw)?
        {
            platforms.extend(entry.platform);
        }
    }
    Ok((!platforms.is_empty()).then_some(platforms))
}

fn compare(
    images: &ArchiveImages<'_>,
    release: &PlannedRelease,
    platforms: &[Platform],
    events: &dyn Events,
    limits: &Limits,
) -> Result<Option<Finding>, AnyFault> {
    let ask = PayloadAsk {
        image: release.image.clone(),
        version: Some(release.version.clone()),
        without: release.left_out.iter().cloned().collect(),
        kubevirt: !release.disks.is_empty(),
    };
    let depth = if ask.kubevirt { Depth::Whole } else { Depth::Components };
    let payload = read_release(images, &ask, platforms, depth, events, limits)?.payload;
    let named: BTreeSet<&PinnedRef> =
        release.components.iter().map(|component| &component.image).chain(release.disks.values()).collect();
    let missing: Vec<&PinnedRef> =
        payload.images().into_iter().filter(|image| !named.contains(image)).collect();
    let Some(first) = missing.first() else { return Ok(None) };
    let message = format!(
        "its plan does not name {} of it, {} among them: a cluster would wait for them in the middle of the update",
        counted(missing.len(), "image"),
        Safe(&first.to_string())
    );
    let hint = "do not import it; make a new plan and pack again";
    Ok(Some(Finding::error("RELEASE_NOT_WHOLE", format!("release {}", release.label()), message).hint(hint)))
}
