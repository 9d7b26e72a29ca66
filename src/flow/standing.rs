//! A catalog or a release as production serves it now, and whether all that it offers is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::catalog::Catalog;
use crate::check::{Needs, Unresolved, needs, unresolved};
use crate::digest::Digest;
use crate::event::Events;
use crate::fault::AnyFault;
use crate::finding::Finding;
use crate::flow::by_cluster::Source;
use crate::flow::catalog_image::{CatalogImage, RegistryImages};
use crate::flow::import::receipt::last_report;
use crate::flow::release_image::{Depth, read_release};
use crate::limits::Limits;
use crate::mapping::Mapping;
use crate::oci::RawManifest;
use crate::promote::CatalogTag;
use crate::reference::{ImageRef, PinnedRef, Tag};
use crate::registry::{Client, Target};
use crate::release::{Architecture, PayloadAsk};
use crate::site::{CatalogMirror, Site};
use crate::transfer::{Holdings, Proof};
use crate::version::Version;

/// Who looks at production.
#[derive(Clone, Copy)]
pub struct Onlooker<'a> {
    /// The site.
    pub site: &'a Site,
    /// Where its repositories are.
    pub mapping: &'a Mapping,
    /// How production's word is tested.
    pub proof: &'a Proof,
    /// Asks production.
    pub client: &'a Client,
    /// Requests at once.
    pub jobs: usize,
    /// Told what happens.
    pub events: &'a dyn Events,
    /// Ceilings.
    pub limits: &'a Limits,
}

/// What was seen of one catalog.
#[derive(Debug)]
pub struct Standing {
    /// What its tag points to.
    pub digest: Digest,
    /// What it offers.
    pub catalog: Catalog,
    /// How many images it needs.
    pub images: usize,
    /// Those of them that it asks for by digest, itself included.
    pub pinned: BTreeSet<PinnedRef>,
    /// Those that are not there whole.
    pub missing: Vec<Unresolved>,
    /// What is there.
    pub present: Holdings,
    /// What is wrong with the catalog itself, and references that cannot be looked for.
    pub findings: Vec<Finding>,
}

/// One catalog as it is served.
#[derive(Debug)]
pub struct Offer {
    /// What its tag points to.
    pub digest: Digest,
    /// What it offers.
    pub catalog: Catalog,
    /// What that needs, itself included.
    pub needs: Needs,
    /// What is wrong with the catalog itself, and references that cannot be looked for.
    pub findings: Vec<Finding>,
}

/// A release that production offers.
#[derive(Debug)]
pub struct OfferedRelease {
    /// Its version.
    pub version: Version,
    /// The tag that offers it.
    pub tag: ImageRef,
    /// What the tag points to.
    pub digest: Digest,
    /// What was seen of it.
    pub standing: ReleaseStanding,
}

/// What was seen of one release.
#[derive(Debug)]
pub struct ReleaseStanding {
    /// How many images it consists of, itself among them.
    pub images: usize,
    /// It and its components by their original names, with what they are.
    pub sources: Vec<Source>,
    /// Those that are not there whole.
    pub missing: Vec<Unresolved>,
    /// What is wrong with the release itself.
    pub findings: Vec<Finding>,
}

impl Onlooker<'_> {
    /// Looks at every release that production offers. `left_out` is what [`Self::left_out`] found.
    pub fn look_at_releases(
        &self,
        left_out: &BTreeMap<Tag, BTreeSet<String>>,
    ) -> Result<Vec<OfferedRelease>, AnyFault> {
        let nothing = BTreeSet::new();
        let mut offered = Vec::new();
        for (version, tag) in self.releases()? {
            let Some(target) = Target::of(&tag) else { continue };
            let Some(root) = self.client.head_manifest(&tag.repository, &target)? else { continue };
            let left_out = tag.tag.as_ref().and_then(|tag| left_out.get(tag)).unwrap_or(&nothing);
            let standing = self.look_at_release(&tag.repository.pin(root.digest), &version, left_out)?;
            offered.push(OfferedRelease { version, tag, digest: root.digest, standing });
        }
        Ok(offered)
    }

    /// Reads a release image in production and looks for every component that it names, where nodes will look for it.
    pub fn look_at_release(
        &self,
        image: &PinnedRef,
        version: &Version,
        left_out: &BTreeSet<String>,
    ) -> Result<ReleaseStanding, AnyFault> {
        let Self { site, mapping, proof, client, jobs, events, limits } = *self;
        let platforms = &site.spec.platforms;
        let source = RegistryImages { repository: &image.repository, client };
        let ask = PayloadAsk {
            image: image.clone(),
            version: Some(version.clone()),
            without: left_out.clone(),
            kubevirt: false,
        };
        let read = read_release(&source, &ask, platforms, Depth::Components, events, limits)?;
        let release = format!("OpenShift {version}");
        let mut needs = Needs::default();
        let itself = (release.clone(), release.clone());
        needs.pinned.entry(image.clone()).or_default().insert(itself.clone());
        let mut sources: Vec<Source> = Vec::new();
        let places = mapping.releases()?.into_iter();
        let called = places.filter(|(_, place)| *place == image.repository.repository);
        sources.extend(called.map(|(source, _)| (source.pin(image.digest).into(), itself.clone())));
        for component in read.payload.components {
            let repository = site.in_production(mapping.mirror(&component.image.repository)?);
            let user = (release.clone(), format!("{} of {release}", component.name));
            needs.pinned.entry(repository.pin(component.image.digest)).or_default().insert(user.clone());
            sources.push((component.image.into(), user));
        }
        let (missing, _) = unresolved(&needs, platforms, proof, client, jobs, events, limits)?;
        Ok(ReleaseStanding { images: needs.pinned.len(), sources, missing, findings: read.findings })
    }

    /// The releases that production offers: the tags of the repository that an update service reads, `4.20.5-x86_64`.
    pub fn releases(&self) -> Result<Vec<(Version, ImageRef)>, AnyFault> {
        let repository = self.site.in_production(self.mapping.release_images()?);
        let tags = self.client.tags(&repository)?.into_iter();
        let mut releases: Vec<_> =
            tags.filter_map(|tag| Some((released(&tag)?, repository.tag(tag)))).collect();
        releases.sort();
        Ok(releases)
    }

    /// What was left out of releases because somebody said so, by their tags: the last import left it in its receipt.
    pub fn left_out(&self, state: &Path) -> Result<BTreeMap<Tag, BTreeSet<String>>, AnyFault> {
        let last = last_report(state, self.site, self.events, self.limits)?.unwrap_or_default();
        let releases = last.releases.into_iter();
        Ok(releases.filter_map(|one| Some((one.mirror.tag?, one.left_out.into_iter().collect()))).collect())
    }

    /// Reads a catalog; nothing where there is no such catalog.
    pub fn offer(&self, mirror: &CatalogMirror) -> Result<Option<Offer>, AnyFault> {
        let tag = CatalogTag::of(self.site, mirror);
        let root = tag.current(self.client)?;
        root.map(|root| self.offer_of(&tag, root)).transpose()
    }

    /// Reads a catalog by its image, whatever its tag points to.
    pub fn offer_of(&self, tag: &CatalogTag, root: RawManifest) -> Result<Offer, AnyFault> {
        let Self { site, mapping, client, events, limits, .. } = *self;
        let digest = root.digest();
        let source = RegistryImages { repository: &tag.repository, client };
        let loaded = CatalogImage::read(&source, root, &site.spec.platforms, events, limits)?.catalog(limits);
        let mut needs = needs(&loaded.catalog, mapping, &site.spec.production.registry);
        let mut findings = loaded.findings;
        findings.append(&mut needs.findings);
        needs.pinned.entry(tag.repository.pin(digest)).or_default();
        Ok(Offer { digest, catalog: loaded.catalog, needs, findings })
    }

    /// Reads a catalog and looks for every image that any of its entries needs; nothing where there is no such catalog. Errors mean
    /// that one could not look.
    pub fn look(&self, mirror: &CatalogMirror) -> Result<Option<Standing>, AnyFault> {
        let Self { site, proof, client, jobs, events, limits, .. } = *self;
        let Some(Offer { digest, catalog, needs, findings }) = self.offer(mirror)? else { return Ok(None) };
        let platforms = &site.spec.platforms;
        let (missing, present) = unresolved(&needs, platforms, proof, client, jobs, events, limits)?;
        let images = needs.pinned.len() + needs.tagged.len();
        let pinned = needs.pinned.into_keys().collect();
        Ok(Some(Standing { digest, catalog, images, pinned, missing, present, findings }))
    }
}

/// The release that a tag names, `4.20.5-x86_64`; nothing for what keeps manifests and signatures.
pub(in crate::flow) fn released(tag: &Tag) -> Option<Version> {
    let (version, architecture) = tag.as_str().rsplit_once('-')?;
    let known = Architecture::ALL.iter().any(|known| known.tag_suffix() == architecture);
    Version::parse(version).ok().filter(|_| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_releases_are_told_from_others() {
        for (tag, version) in [
            ("4.20.5-x86_64", Some("4.20.5")),
            ("4.20.5-multi", Some("4.20.5")),
            ("4.20.0-rc.1-aarch64", Some("4.20.0-rc.1")),
            ("4.20.5", None),
            ("4.20.5-amd64", None),
            ("4.20-x86_64", None),
            ("latest", None),
            ("sha256-23b86a4bbff87277960a6816fa8d1373c312964056d3d540b9b512ce25ee932a", None),
        ] {
            let found = released(&tag.parse().unwrap());
            assert_eq!(found.as_ref().map(Version::as_str), version, "{tag}");
        }
    }
}
