//! Which OpenShift releases stay: what runs, what may be next, the way back, and what a cluster names.

use std::collections::BTreeSet;

use crate::digest::Digest;
use crate::fault::{AnyFault, Exit};
use crate::finding::{Finding, Severity};
use crate::flow::catalog_image::RegistryImages;
use crate::flow::release_image::{Depth, read_release};
use crate::flow::standing::released;
use crate::flow::vacuum::Vacuum;
use crate::reference::{Repository, Tag};
use crate::release::PayloadAsk;
use crate::retain::{Keep, Listing, Reason, Rule, SeenRepository};
use crate::version::Version;

/// A release in production.
struct Release<'l> {
    tag: &'l Tag,
    version: Version,
    digest: Digest,
}

impl Vacuum<'_> {
    /// Keeps the releases that stay with their components, and says of the tags of the others that nobody asks for them. What is
    /// returned speaks against letting anything go.
    pub(super) fn releases(&self, listing: &Listing, keep: &mut Keep) -> Result<Vec<Finding>, AnyFault> {
        let mut obstacles = Vec::new();
        let place = self.mapping.release_images()?;
        let Some(seen) = listing.repositories.get(&place) else { return Ok(obstacles) };
        let tags = seen.tags.iter();
        let mut releases: Vec<Release<'_>> = tags
            .filter_map(|(tag, digest)| Some(Release { tag, version: released(tag)?, digest: *digest }))
            .collect();
        releases.sort_by(|a, b| a.version.precedence(&b.version));
        let runs = self.runs();
        let is_over = |version: &Version| runs.as_ref().is_some_and(|runs| version.precedence(runs).is_lt());
        // Of what is over, so many are the way back as generations are.
        let mut over: Vec<&Version> =
            releases.iter().map(|release| &release.version).filter(|version| is_over(version)).collect();
        over.dedup();
        let kept = over.len().saturating_sub(self.site.spec.keep_generations as usize);
        let back: Vec<&Version> = over.split_off(kept);
        for release in &releases {
            let stays = !is_over(&release.version) || back.contains(&&release.version);
            if stays || self.is_named(seen, &release.digest) {
                obstacles.extend(self.whole(&place, release, keep)?);
            } else {
                self.over(listing, &place, release, keep)?;
            }
        }
        Ok(obstacles)
    }

    /// The lowest release that a cluster runs; nothing where that is not known, and then all stay.
    fn runs(&self) -> Option<Version> {
        let telling = self.clusters.iter().filter(|cluster| cluster.kinds.contains("ClusterVersion"));
        let versions = telling.map(|cluster| Version::parse(cluster.openshift.as_deref()?).ok());
        versions.collect::<Option<Vec<_>>>()?.into_iter().min_by(Version::precedence)
    }

    fn is_named(&self, seen: &SeenRepository, digest: &Digest) -> bool {
        let children = seen.manifests.get(digest).into_iter().flat_map(|seen| &seen.children);
        std::iter::once(digest).chain(children).any(|digest| self.named.digests.contains_key(digest))
    }

    /// A release that stays, stays whole. One of which not every component is known is an obstacle.
    fn whole(
        &self,
        place: &Repository,
        release: &Release<'_>,
        keep: &mut Keep,
    ) -> Result<Option<Finding>, AnyFault> {
        let label = format!("OpenShift {}", release.version);
        let repository = self.site.in_production(place.clone());
        let source = RegistryImages { repository: &repository, client: self.client };
        let ask = PayloadAsk {
            image: repository.pin(release.digest),
            version: Some(release.version.clone()),
            without: BTreeSet::new(),
            kubevirt: true,
        };
        keep.add(release.digest, Reason::new(Rule::Release, &label));
        let unknown = |why: String| {
            let message = format!("what it consists of cannot be read, so nothing is let go: {why}");
            Finding::error("RELEASE_UNREADABLE", repository.tag(release.tag.clone()), message)
                .hint("import it again, or delete its tag if no cluster needs it")
        };
        let (platforms, depth) = (&self.site.spec.platforms, Depth::Components);
        let read = match read_release(&source, &ask, platforms, depth, self.events, self.limits) {
            Ok(read) => read,
            Err(fault) if matches!(fault.exit(), Exit::Registry | Exit::Interrupted) => return Err(fault),
            Err(fault) => return Ok(Some(unknown(fault.to_string()))),
        };
        let named = read.payload.components.iter().map(|it| (it.name.as_str(), it.image.digest));
        let disks = read.payload.disks.values().map(|disk| ("a disk", disk.digest));
        for (name, digest) in named.chain(disks) {
            keep.add(digest, Reason::new(Rule::Release, format!("{name} of {label}")));
        }
        let first = read.findings.iter().find(|finding| finding.severity == Severity::Error);
        Ok(first.map(|first| unknown(format!("{}: {}", first.subject, first.message))))
    }

    /// The tags of a release that is over keep nothing.
    fn over(
        &self,
        listing: &Listing,
        place: &Repository,
        release: &Release<'_>,
        keep: &mut Keep,
    ) -> Result<(), AnyFault> {
        let reason = Reason::new(Rule::OldRelease, format!("OpenShift {}", release.version));
        keep.quiet_tags.insert((place.clone(), release.tag.clone()));
        keep.former.insert(release.digest, reason.clone());
        for (_, components) in self.mapping.releases()? {
            let Some(seen) = listing.repositories.get(&components) else { continue };
            let prefix = format!("{}-", release.tag);
            for (tag, digest) in seen.tags.iter().filter(|(tag, _)| tag.as_str().starts_with(&prefix)) {
                keep.quiet_tags.insert((components.clone(), tag.clone()));
                keep.former.entry(*digest).or_insert_with(|| reason.clone());
            }
        }
        Ok(())
    }
}
