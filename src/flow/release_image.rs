//! A release image as a registry holds it: its manifests read while the layers pass by, for each of the platforms in it.

use crate::catalog::image::LayerFiles;
use crate::digest::Digest;
use crate::event::Events;
use crate::fault::AnyFault;
use crate::finding::Finding;
use crate::flow::catalog_image::{ImageSource, apply_layers};
use crate::limits::Limits;
use crate::oci::{Descriptor, ImageManifest, ManifestView, Platform, RawManifest};
use crate::registry::RegistryError;
use crate::release::{MANIFESTS, PayloadAsk, PayloadError, ReleasePayload};
use crate::workers;

/// A release image and what is in it.
#[derive(Debug, Clone)]
pub struct ReleaseImage {
    /// Manifest or index, as the registry gave it: what the release's signature is about.
    pub root: RawManifest,
    /// The images inside, one for each platform; of an image that is no index, itself.
    pub images: Vec<RawManifest>,
    /// What they say.
    pub payload: ReleasePayload,
    /// What is wrong with it. With an error among them it must not be carried.
    pub findings: Vec<Finding>,
}

/// Reads a release image. Of an index the images for `platforms` are read, all of them when none is named.
///
/// The bytes that come are those of `ask.image`, or there is an error; whether that digest is a vendor's release is for
/// [`verify_release`](crate::release::verify_release) to say.
pub fn read_release(
    source: &dyn ImageSource,
    ask: &PayloadAsk,
    platforms: &[Platform],
    events: &dyn Events,
    limits: &Limits,
) -> Result<ReleaseImage, AnyFault> {
    let manifest = |digest: Digest| {
        let gone = || RegistryError::NotFound { request: format!("GET {}@{digest}", source.name()) };
        Ok::<_, AnyFault>(source.manifest(digest)?.ok_or_else(gone)?)
    };
    let root = manifest(ask.image.digest)?;
    let mut images = Vec::new();
    match root.view(limits)? {
        ManifestView::Image(view) => images.push((root.clone(), view)),
        ManifestView::Index(index) => {
            for entry in chosen(&index.manifests, platforms, ask)? {
                let raw = manifest(entry.digest)?;
                if let ManifestView::Image(view) = raw.view(limits)? {
                    images.push((raw, view));
                }
            }
        }
    }
    let read = workers::map(&images, 2, events, |(_, view)| read_image(source, view, ask, limits))?;
    let (mut findings, mut payloads) = (Vec::new(), Vec::new());
    for (payload, found) in read {
        // What is wrong with one architecture is mostly wrong with all of them.
        findings.extend(found.into_iter().filter(|finding| !findings.contains(finding)).collect::<Vec<_>>());
        payloads.push(payload);
    }
    let mut payloads = payloads.into_iter();
    let first = payloads.next().ok_or_else(|| PayloadError::Missing {
        image: Box::new(ask.image.clone()),
        file: "image-references",
    })?;
    let (payload, differences) = first.join(payloads);
    findings.extend(differences);
    Ok(ReleaseImage { root, images: images.into_iter().map(|(raw, _)| raw).collect(), payload, findings })
}

/// The entries of an index for these platforms. Each of them must be there: a node without its image does not come back.
fn chosen<'i>(
    entries: &'i [Descriptor],
    platforms: &[Platform],
    ask: &PayloadAsk,
) -> Result<Vec<&'i Descriptor>, PayloadError> {
    // Attestations stand in an index as images for `unknown/unknown`.
    let real: Vec<_> = entries
        .iter()
        .filter(|entry| entry.platform.as_ref().is_none_or(|platform| platform.os() != "unknown"))
        .collect();
    if platforms.is_empty() {
        return Ok(real);
    }
    let fits = |wish: &Platform| {
        let mut fitting =
            real.iter().filter(|entry| entry.platform.as_ref().is_some_and(|offered| wish.accepts(offered)));
        fitting.next().copied().ok_or_else(|| PayloadError::Platform {
            image: Box::new(ask.image.clone()),
            asked: wish.clone(),
            offered: real.iter().filter_map(|entry| entry.platform.clone()).collect(),
        })
    };
    platforms.iter().map(fits).collect()
}

fn read_image(
    source: &dyn ImageSource,
    view: &ImageManifest,
    ask: &PayloadAsk,
    limits: &Limits,
) -> Result<(ReleasePayload, Vec<Finding>), AnyFault> {
    let mut files = LayerFiles::new([MANIFESTS]);
    apply_layers(&mut files, source, view, limits)?;
    Ok(ReleasePayload::read(&files.files(MANIFESTS)?, ask, limits)?)
}
