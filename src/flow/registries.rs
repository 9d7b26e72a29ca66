//! Which registry holds what: both of a site, listed and walked, side by side.

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::Digest;
use crate::fault::{AnyFault, Exit};
use crate::finding::Finding;
use crate::flow::listed::Images;
use crate::flow::standing::{Onlooker, released};
use crate::promote::{CatalogTag, pointed_to};
use crate::reference::{ImageRef, PinnedRef, RegistryHost, Repository, RepositoryRef, Tag};
use crate::registry::Target;
use crate::site::{Amount, CatalogMirror, CatalogPlace, ImageUse, RegistryState, RegistryTable};
use crate::transfer::Closure;

/// Makes the table of a site's two registries.
pub struct Tabler<'a> {
    /// Who looks.
    pub onlooker: Onlooker<'a>,
    /// What production's catalogs offer, as references to production.
    pub offered: &'a BTreeSet<PinnedRef>,
}

/// What is in one registry: image by image, and each byte.
struct Contents {
    state: RegistryState,
    images: BTreeSet<(Repository, Digest)>,
    sizes: BTreeMap<Digest, u64>,
}

impl Tabler<'_> {
    /// Looks at both. That staging cannot be asked is a finding: nothing depends on it.
    pub fn table(&self) -> Result<(RegistryTable, Vec<Finding>), AnyFault> {
        let site = self.onlooker.site;
        let mut findings = Vec::new();
        let production = self.look(&site.spec.production.registry, &mut findings)?;
        let host = &site.spec.staging.registry;
        let staging = match self.look(host, &mut findings) {
            Ok(staging) => Some(staging),
            Err(fault) if fault.exit() == Exit::Interrupted => return Err(fault),
            Err(fault) => {
                let message = format!("the table says nothing of it: {fault}");
                findings.push(Finding::warning("NOT_ASKED", host, message));
                None
            }
        };
        let only = |one: &Contents, other: &Contents| {
            let sizes = one.sizes.iter().filter(|(digest, _)| !other.sizes.contains_key(digest));
            Amount {
                images: one.images.difference(&other.images).count() as u64,
                bytes: sizes.map(|(_, size)| size).sum(),
            }
        };
        let table = RegistryTable {
            format: RegistryTable::FORMAT.to_owned(),
            site: site.name().to_owned(),
            only_in_staging: staging.as_ref().map(|staging| only(staging, &production)),
            only_in_production: staging.as_ref().map(|staging| only(&production, staging)),
            production: production.state,
            staging: staging.map(|staging| staging.state),
        };
        Ok((table, findings))
    }

    fn look(&self, host: &RegistryHost, findings: &mut Vec<Finding>) -> Result<Contents, AnyFault> {
        self.onlooker.client.ping(host)?;
        let at = |pinned: &PinnedRef| pinned.repository.host == *host;
        let offered: Images = self.offered.iter().filter(|pinned| at(pinned)).cloned().collect();
        let known = offered.iter().map(|pinned| pinned.repository.repository.clone()).collect();
        let repositories = self.onlooker.repositories(host, known, findings)?;
        let mut roots = self.onlooker.tagged(&repositories)?;
        roots.extend(offered);
        let mut by_use: BTreeMap<ImageUse, Images> = BTreeMap::new();
        let places = self.places()?;
        let count = roots.len();
        for root in roots {
            by_use.entry(self.used_for(&root, &places)).or_default().insert(root);
        }
        let (mut images, mut sizes, mut amounts) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
        let walk = |(used, roots)| Ok((used, self.onlooker.below(&roots)?, roots));
        let walked = self
            .onlooker
            .listing(count, || by_use.into_iter().map(walk).collect::<Result<Vec<_>, AnyFault>>())?;
        for (used, Closure { present, sizes: found, .. }, roots) in walked {
            let there = roots.into_iter().map(|root| (root.repository.repository, root.digest));
            let there: BTreeSet<_> = there
                .filter(|(repository, digest)| {
                    present.get(repository).is_some_and(|held| held.contains(digest))
                })
                .collect();
            amounts.insert(used, Amount { images: there.len() as u64, bytes: found.values().sum() });
            images.extend(there);
            sizes.extend(found);
        }
        let state = RegistryState {
            registry: host.clone(),
            catalogs: self.catalogs(host)?,
            releases: self.releases(host)?,
            images: amounts,
            total: Amount { images: images.len() as u64, bytes: sizes.values().sum() },
        };
        Ok(Contents { state, images, sizes })
    }

    /// The repositories of catalogs, and of releases.
    fn places(&self) -> Result<[BTreeSet<Repository>; 2], AnyFault> {
        let Onlooker { site, mapping, .. } = self.onlooker;
        let catalogs = site.spec.catalogs.iter().map(|catalog| catalog.mirror.repository.clone());
        let releases = mapping.releases()?.into_iter().map(|(_, mirror)| mirror);
        Ok([catalogs.collect(), releases.collect()])
    }

    /// What an image is for. In staging lies what goes into production under the same name.
    fn used_for(&self, root: &PinnedRef, [catalogs, releases]: &[BTreeSet<Repository>; 2]) -> ImageUse {
        let repository = &root.repository.repository;
        let in_production = self.onlooker.site.in_production(repository.clone()).pin(root.digest);
        if catalogs.contains(repository) {
            ImageUse::Catalog
        } else if releases.contains(repository) {
            ImageUse::Release
        } else if self.offered.contains(&in_production) {
            ImageUse::Operator
        } else {
            ImageUse::Other
        }
    }

    fn catalogs(&self, host: &RegistryHost) -> Result<Vec<CatalogPlace>, AnyFault> {
        let Onlooker { site, client, .. } = self.onlooker;
        let mut found = Vec::new();
        for mirror in site.spec.catalogs.iter().flat_map(CatalogMirror::both) {
            let tag = CatalogTag::of(site, &mirror).tag;
            let repository =
                RepositoryRef { host: host.clone(), repository: mirror.mirror.repository.clone() };
            let Some(digest) = pointed_to(client, &repository, &Target::Tag(tag.clone()))? else { continue };
            let (before, after) = (format!("{tag}-g"), format!("-{}", digest.short()));
            let tags = client.tags(&repository)?;
            let made =
                |tag: &Tag| tag.as_str().strip_prefix(&before)?.strip_suffix(&after)?.parse::<u64>().ok();
            let generation = tags.iter().filter_map(made).max();
            found.push(CatalogPlace { mirror: repository.tag(tag), digest, generation });
        }
        Ok(found)
    }

    fn releases(&self, host: &RegistryHost) -> Result<Vec<ImageRef>, AnyFault> {
        let repository = self.onlooker.mapping.release_images()?;
        let repository = RepositoryRef { host: host.clone(), repository };
        let tags = self.onlooker.client.tags(&repository)?.into_iter();
        Ok(tags.filter(|tag| released(tag).is_some()).map(|tag| repository.tag(tag)).collect())
    }
}
