//! Images pinned: each reference resolved to a digest, with every manifest and blob below it.

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::Digest;
use crate::event::{Event, Events};
use crate::fault::AnyFault;
use crate::fetch::Upstream;
use crate::finding::Finding;
use crate::limits::Limits;
use crate::oci::{Descriptor, ManifestView, Platform, RawManifest};
use crate::plan::{ImageKind, PlannedImage};
use crate::reference::{ImageRef, Repository, RepositoryRef, Tag};
use crate::registry::{Attachments, Target};
use crate::workers;

/// An image that must travel, and why.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    /// What it is for.
    pub(super) kind: ImageKind,
    /// Why it travels, each reason once.
    pub(super) reasons: BTreeSet<String>,
    /// Tags that it gets at the site, where something asks for them, each with what it is under that tag.
    pub(super) tags: BTreeMap<Tag, ImageKind>,
    /// The repository that it gets at the site, where the request asks for one.
    pub(super) mirror: Option<Repository>,
    /// Platforms to take of an index; all of them when empty.
    pub(super) platforms: Vec<Platform>,
    /// Whether the site can do without it: nothing lists it, it was only seen somewhere in a CSV.
    pub(super) optional: bool,
}

impl Wish {
    /// A wish for all of an image, without a reason yet.
    pub(super) fn of(kind: ImageKind) -> Self {
        Self {
            kind,
            reasons: BTreeSet::new(),
            tags: BTreeMap::new(),
            mirror: None,
            platforms: Vec::new(),
            optional: false,
        }
    }

    /// Under which tags an image travels, and as what. One that is asked for by a tag has that one.
    fn names(&self, image: &ImageRef) -> Vec<(Option<Tag>, ImageKind)> {
        let mut names: Vec<_> = self.tags.iter().map(|(tag, kind)| (Some(tag.clone()), *kind)).collect();
        // What is more than a release's component is also known by its digest alone, as the component is not asked for.
        if !self.tags.values().any(|kind| *kind == self.kind) {
            names.push((image.tag.clone().filter(|_| image.digest.is_none()), self.kind));
        }
        names
    }
}

/// Wishes by the image as written, so that each is asked for once.
#[derive(Debug, Default)]
pub(super) struct Wishes(BTreeMap<ImageRef, Wish>);

impl Wishes {
    /// Adds a wish. Of an image that is wished for twice, the nobler kind and all reasons and platforms are kept.
    pub(super) fn add(&mut self, image: ImageRef, wish: Wish) {
        match self.0.get_mut(&image) {
            None => {
                self.0.insert(image, wish);
            }
            Some(known) => {
                known.kind = known.kind.min(wish.kind);
                known.reasons.extend(wish.reasons);
                known.optional &= wish.optional;
                known.tags.extend(wish.tags);
                known.mirror = known.mirror.take().or(wish.mirror);
                if known.platforms.is_empty() || wish.platforms.is_empty() {
                    known.platforms.clear();
                } else {
                    known.platforms.extend(wish.platforms);
                    known.platforms.sort();
                    known.platforms.dedup();
                }
            }
        }
    }
}

/// What became of all wishes.
#[derive(Debug, Default)]
pub(super) struct Pinned {
    /// Sorted by kind, source, tag and digest.
    pub(super) images: Vec<PlannedImage>,
    /// What is missing upstream, cannot be read, or is worth knowing.
    pub(super) findings: Vec<Finding>,
    /// Indexes of which some platforms were asked for and all are carried.
    pub(super) whole: Vec<String>,
}

/// Resolves images.
pub(super) struct Pinner<'a> {
    pub(super) upstream: Upstream<'a>,
    pub(super) attached: Attachments<'a>,
    pub(super) jobs: usize,
    pub(super) events: &'a dyn Events,
    pub(super) limits: &'a Limits,
    /// Whether an index may be carried without some of its images. Where the site's registry refuses such an index, all of them
    /// are carried.
    pub(super) sparse: bool,
}

/// What one wish came to.
enum Outcome {
    Found { images: Vec<PlannedImage>, findings: Vec<Finding>, whole: bool },
    Missing(Finding),
}

impl Pinner<'_> {
    /// Resolves all wishes, a few at a time. What is not there is a finding; an error means that a registry could not be asked.
    pub(super) fn pin(&self, wishes: Wishes) -> Result<Pinned, AnyFault> {
        let wishes: Vec<(ImageRef, Wish)> = wishes.0.into_iter().collect();
        let outcomes =
            workers::map(&wishes, self.jobs, self.events, |(image, wish)| self.resolve(image, wish))?;
        let mut pinned = Pinned::default();
        for ((image, _), outcome) in wishes.iter().zip(outcomes) {
            match outcome {
                Outcome::Missing(finding) => pinned.findings.push(finding),
                Outcome::Found { images, findings, whole } => {
                    if whole {
                        pinned.whole.push(image.to_string());
                    }
                    pinned.findings.extend(findings);
                    pinned.images.extend(images);
                }
            }
        }
        pinned.images = united(pinned.images);
        Ok(pinned)
    }

    fn resolve(&self, image: &ImageRef, wish: &Wish) -> Result<Outcome, AnyFault> {
        let why: Vec<&str> = wish.reasons.iter().map(String::as_str).collect();
        let missing = |what: &str| {
            if wish.optional {
                let message = format!("{what}; it is left out");
                return Outcome::Missing(Finding::warning("HIDDEN_IMAGE_MISSING", image, message));
            }
            let message = format!("{what}; it is needed: {}", why.join("; "));
            let hint = "wait until upstream has it again, block it under `blockedImages` if it is not needed, or choose \
                        another version";
            Outcome::Missing(Finding::error("IMAGE_MISSING", image, message).hint(hint))
        };
        let Some(target) = Target::of(image) else {
            return Ok(missing("the reference has neither tag nor digest"));
        };
        let repository = &image.repository;
        let Some(root) = self.upstream.manifest_still_there(repository, &target)? else {
            return Ok(missing("upstream has no such image"));
        };
        let mut walk = Walk { platforms: &wish.platforms, ..Walk::of(self, repository) };
        if let Some(hole) = walk.take(&root, 0)? {
            return Ok(missing(&hole));
        }
        self.events.emit(&Event::Finished { digest: root.digest() });
        let Walk { manifests, blobs, whole, unasked, .. } = walk;
        let mut findings = Vec::new();
        if unasked {
            let asked: Vec<_> = wish.platforms.iter().map(ToString::to_string).collect();
            let message = format!("it has nothing for {}; all of it is carried", asked.join(", "));
            findings.push(Finding::warning("NO_PLATFORM", image, message));
        }
        let signed: Vec<Digest> = manifests.iter().rev().map(|manifest| manifest.digest).collect();
        let planned = PlannedImage {
            kind: wish.kind,
            source: repository.clone(),
            tag: None,
            mirror: wish.mirror.clone(),
            root: root.descriptor(),
            reasons: wish.reasons.iter().cloned().collect(),
            manifests,
            blobs,
        };
        let under = |(tag, kind)| PlannedImage { kind, tag, ..planned.clone() };
        let mut images: Vec<PlannedImage> = wish.names(image).into_iter().map(under).collect();
        for (index, digest) in signed.into_iter().enumerate() {
            let attached = self.attachments(repository, digest, wish)?;
            // The images of an index are looked at where the index itself has something attached.
            let none = attached.is_empty();
            images.extend(attached);
            if index == 0 && none {
                break;
            }
        }
        Ok(Outcome::Found { images, findings, whole })
    }

    fn attachments(
        &self,
        repository: &RepositoryRef,
        digest: Digest,
        wish: &Wish,
    ) -> Result<Vec<PlannedImage>, AnyFault> {
        let mut images = Vec::new();
        for attachment in self.attached.of(repository, digest)? {
            // Packing takes it from there.
            self.upstream.keep(&attachment.manifest);
            let mut walk = Walk::of(self, repository);
            if walk.take(&attachment.manifest, 0)?.is_some() {
                continue;
            }
            images.push(PlannedImage {
                kind: ImageKind::Attachment,
                source: repository.clone(),
                tag: attachment.tag,
                mirror: wish.mirror.clone(),
                root: attachment.manifest.descriptor(),
                reasons: vec![format!("attached to {digest}")],
                manifests: walk.manifests,
                blobs: walk.blobs,
            });
        }
        Ok(images)
    }
}

/// The manifests and blobs below one root.
struct Walk<'a> {
    pinner: &'a Pinner<'a>,
    repository: &'a RepositoryRef,
    platforms: &'a [Platform],
    manifests: Vec<Descriptor>,
    blobs: Vec<Descriptor>,
    /// Fewer platforms were asked for than are carried.
    whole: bool,
    /// An index has none of the platforms that were asked for.
    unasked: bool,
}

impl<'a> Walk<'a> {
    fn of(pinner: &'a Pinner<'a>, repository: &'a RepositoryRef) -> Self {
        Self {
            pinner,
            repository,
            platforms: &[],
            manifests: Vec::new(),
            blobs: Vec::new(),
            whole: false,
            unasked: false,
        }
    }

    /// Takes a manifest and all below it, children before parents. Returns what keeps it from being whole.
    fn take(&mut self, raw: &RawManifest, depth: usize) -> Result<Option<String>, AnyFault> {
        let limits = self.pinner.limits;
        match raw.view(limits) {
            Err(error) => return Ok(Some(format!("it cannot be read: {error}"))),
            Ok(ManifestView::Index(_)) if depth >= limits.index_depth => {
                return Ok(Some("its image indexes are nested too deeply".to_owned()));
            }
            Ok(ManifestView::Index(index)) => {
                for child in self.wanted(&index.manifests) {
                    if self.manifests.iter().any(|known| known.digest == child.digest) {
                        continue;
                    }
                    let target = Target::Digest(child.digest);
                    let Some(found) = self.pinner.upstream.manifest(self.repository, &target)? else {
                        let platform =
                            child.platform.as_ref().map_or_else(String::new, |p| format!(" for {p}"));
                        return Ok(Some(format!("upstream lacks {}, its image{platform}", child.digest)));
                    };
                    if let Some(hole) = self.take(&found, depth + 1)? {
                        return Ok(Some(hole));
                    }
                }
            }
            Ok(ManifestView::Image(image)) => {
                for blob in std::iter::once(image.config).chain(image.layers) {
                    if !self.blobs.iter().any(|known| known.digest == blob.digest) {
                        self.blobs.push(Descriptor { platform: None, ..blob });
                    }
                }
            }
        }
        self.manifests.push(raw.descriptor());
        Ok(None)
    }

    /// The children to carry: those of the platforms that are asked for, or all where the index must stay whole.
    fn wanted(&mut self, children: &[Descriptor]) -> Vec<Descriptor> {
        if self.platforms.is_empty() {
            return children.to_vec();
        }
        let asked = |child: &&Descriptor| {
            let offered = child.platform.as_ref();
            offered.is_some_and(|offered| self.platforms.iter().any(|platform| platform.accepts(offered)))
        };
        let matching: Vec<Descriptor> = children.iter().filter(asked).cloned().collect();
        if matching.is_empty() {
            self.unasked = true;
            return children.to_vec();
        }
        if matching.len() < children.len() && !self.pinner.sparse {
            self.whole = true;
            return children.to_vec();
        }
        matching
    }
}

/// One entry for each source, tag and digest, with all reasons.
fn united(images: Vec<PlannedImage>) -> Vec<PlannedImage> {
    let mut by_name: BTreeMap<(RepositoryRef, Option<Tag>, Digest), PlannedImage> = BTreeMap::new();
    for image in images {
        let key = (image.source.clone(), image.tag.clone(), image.root.digest);
        match by_name.get_mut(&key) {
            None => {
                by_name.insert(key, image);
            }
            Some(known) => {
                known.kind = known.kind.min(image.kind);
                let reasons: BTreeSet<String> = known.reasons.drain(..).chain(image.reasons).collect();
                known.reasons = reasons.into_iter().collect();
            }
        }
    }
    let mut images: Vec<PlannedImage> = by_name.into_values().collect();
    images.sort_by(|a, b| {
        (a.kind, &a.source, &a.tag, a.root.digest).cmp(&(b.kind, &b.source, &b.tag, b.root.digest))
    });
    images
}
