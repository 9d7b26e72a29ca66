//! A release image as a registry holds it: its manifests read while the layers pass by, for each of the platforms in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::catalog::image::LayerFiles;
use crate::digest::Digest;
use crate::event::Events;
use crate::fault::AnyFault;
use crate::finding::Finding;
use crate::flow::catalog_image::{ImageSource, add_layers};
use crate::limits::Limits;
use crate::oci::{Descriptor, ImageManifest, ManifestView, Platform, RawManifest};
use crate::reference::PinnedRef;
use crate::registry::RegistryError;
use crate::release::{MANIFESTS, NAMING, PayloadAsk, PayloadError, ReleasePayload};
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

/// How much of a release image is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// All of its layers.
    Whole,
    /// The upper layers, down to those that say which components it has and which release it is: no layer below can change
    /// that. A release's manifests are in its last layer (openshift/oc `pkg/cli/admin/release/new.go`), and the others have hundreds
    /// of megabytes.
    Components,
}

/// Reads a release image. Of an index the images for `platforms` are read, all of them when none is named.
///
/// The bytes that come are those of `ask.image`, or there is an error; whether that digest is a vendor's release is for
/// [`verify_release`](crate::release::verify_release) to say.
pub fn read_release(
    source: &dyn ImageSource,
    ask: &PayloadAsk,
    platforms: &[Platform],
    depth: Depth,
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
            for entry in chosen(&index.manifests, platforms, &ask.image)? {
                let raw = manifest(entry.digest)?;
                if let ManifestView::Image(view) = raw.view(limits)? {
                    images.push((raw, view));
                }
            }
        }
    }
    let read = workers::map(&images, 2, events, |(_, view)| read_image(source, view, ask, depth, limits))?;
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

/// Whether a release for several architectures has an image for each of these nodes.
pub fn serves(entries: &[Descriptor], image: &PinnedRef, nodes: &[Platform]) -> Result<(), PayloadError> {
    chosen(entries, nodes, image).map(|_| ())
}

/// The entries of an index for these platforms. Each of them must be there: a node without its image does not come back.
fn chosen<'i>(
    entries: &'i [Descriptor],
    platforms: &[Platform],
    image: &PinnedRef,
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
            image: Box::new(image.clone()),
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
    depth: Depth,
    limits: &Limits,
) -> Result<(ReleasePayload, Vec<Finding>), AnyFault> {
    let all = view.layers.len();
    // Twice as many each time, so that an image whose manifests lie deep is not read more than twice.
    let few = std::iter::successors(Some(1), |count| Some(count * 2)).take_while(|count| *count < all);
    for count in few.filter(|_| depth == Depth::Components) {
        // What a link there needs may lie deeper.
        let Ok(files) = manifests(source, view, all - count, limits) else { break };
        if NAMING.iter().all(|name| files.contains_key(*name)) {
            return Ok(ReleasePayload::read(&files, ask, limits)?);
        }
    }
    Ok(ReleasePayload::read(&manifests(source, view, 0, limits)?, ask, limits)?)
}

/// The manifests as the layers from one on leave them.
fn manifests(
    source: &dyn ImageSource,
    view: &ImageManifest,
    from: usize,
    limits: &Limits,
) -> Result<BTreeMap<String, Arc<[u8]>>, AnyFault> {
    let mut files = LayerFiles::new([MANIFESTS]);
    add_layers(&mut files, source, view.layers.get(from..).unwrap_or_default(), limits)?;
    Ok(files.files(MANIFESTS)?)
}
