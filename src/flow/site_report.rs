//! What a site holds, read from its registries and from dumps of its cluster: small enough to be looked through and carried out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::digest::Digest;
use crate::fault::{AnyFault, Exit};
use crate::finding::Finding;
use crate::flow::catalog_state::catalog_state;
use crate::flow::import::generation;
use crate::flow::import::receipt::last_report;
use crate::flow::listed::Images;
use crate::flow::record::History;
use crate::flow::standing::Onlooker;
use crate::promote::{CatalogTag, pointed_to};
use crate::reference::{RegistryHost, Repository};
use crate::registry::Target;
use crate::release::Architecture;
use crate::site::cluster::ClusterDump;
use crate::site::{CatalogMirror, CatalogState, ReleaseState, RepositoryState, SiteReport, StagingState};
use crate::transfer::Closure;
use crate::trust::TrustSet;
use crate::verify::Floor;

/// Who reports.
pub struct Reporter<'a> {
    /// Who looks at production.
    pub onlooker: Onlooker<'a>,
    /// Whose signatures under generations count.
    pub trust: &'a TrustSet,
    /// The folder of the journal.
    pub state: &'a Path,
    /// What was recorded there.
    pub history: History<'a>,
    /// What the cluster said of itself, if anybody asked it.
    pub cluster: Option<&'a ClusterDump>,
}

impl Reporter<'_> {
    /// Reads everything. Findings say what could not be looked at: what the report does not know is carried once more.
    pub fn report(&self) -> Result<(SiteReport, Vec<Finding>), AnyFault> {
        let Onlooker { site, client, .. } = self.onlooker;
        let (production, staging) = (&site.spec.production.registry, &site.spec.staging.registry);
        client.ping(production)?;
        let (mut findings, mut images) = (Vec::new(), Images::new());
        let catalogs = self.catalogs(&mut images, &mut findings)?;
        let last =
            last_report(self.state, site, self.onlooker.events, self.onlooker.limits)?.unwrap_or_default();
        let releases = self.releases(&last)?;
        let known = last
            .repositories
            .into_keys()
            .chain(images.iter().map(|image| image.repository.repository.clone()));
        let repositories = self.onlooker.repositories(production, known.collect(), &mut findings)?;
        images.extend(self.onlooker.tagged(&repositories)?);
        let held = self.held(&images)?;
        let floor = self.floor()?;
        let report = SiteReport {
            format: SiteReport::FORMAT.to_owned(),
            site: site.name().to_owned(),
            generation: floor.map_or(0, |floor| floor.sequence),
            inventory: floor.map(|floor| floor.inventory),
            catalogs,
            installed: match self.cluster.filter(|cluster| cluster.shows_installed()) {
                Some(cluster) => cluster.installed().into_iter().collect(),
                None => last.installed,
            },
            // A dump need not have the ClusterVersion.
            openshift: self
                .cluster
                .and_then(|cluster| cluster.openshift.as_ref()?.parse().ok())
                .or(last.openshift),
            releases,
            held,
            staging: self.staging(staging, &mut findings)?,
            cluster: self.cluster.map(ClusterDump::summary),
            ..SiteReport::default()
        };
        Ok((report, findings))
    }

    fn catalogs(
        &self,
        images: &mut Images,
        findings: &mut Vec<Finding>,
    ) -> Result<Vec<CatalogState>, AnyFault> {
        let site = self.onlooker.site;
        let mut states = Vec::new();
        for mirror in site.spec.catalogs.iter().flat_map(CatalogMirror::both) {
            let tag = CatalogTag::of(site, &mirror);
            let Some(offer) = self.onlooker.offer(&mirror)? else {
                if site.spec.catalogs.contains(&mirror) {
                    let message = "production has no such catalog";
                    let hint = "right before the first import; else correct `mirror` in the site file";
                    findings.push(Finding::info("NO_CATALOG", tag.reference(), message).hint(hint));
                }
                continue;
            };
            images.extend(offer.needs.pinned.into_keys());
            states.push(catalog_state(&mirror, &tag, offer.digest, &offer.catalog));
        }
        Ok(states)
    }

    /// The releases that production has tags for, the lowest version first.
    fn releases(&self, last: &SiteReport) -> Result<Vec<ReleaseState>, AnyFault> {
        let Onlooker { mapping, client, .. } = self.onlooker;
        let image_repository = mapping.release_images()?;
        let sources = mapping.releases()?;
        let source =
            sources.into_iter().find(|(_, mirror)| *mirror == image_repository).map(|(source, _)| source);
        let Some(source) = source else { return Ok(Vec::new()) };
        let mut states = Vec::new();
        for (version, mirror) in self.onlooker.releases()? {
            let Some(target) = Target::of(&mirror) else { continue };
            let Some(digest) = pointed_to(client, &mirror.repository, &target)? else { continue };
            let suffix =
                mirror.tag.as_ref().and_then(|tag| tag.as_str().rsplit_once('-')).map(|(_, last)| last);
            let architecture = Architecture::ALL.into_iter().find(|known| suffix == Some(known.tag_suffix()));
            let Some(architecture) = architecture else { continue };
            let before = last.releases.iter().find(|state| state.mirror == mirror);
            let left_out = before.map(|state| state.left_out.clone()).unwrap_or_default();
            states.push(ReleaseState { version, architecture, image: source.pin(digest), mirror, left_out });
        }
        Ok(states)
    }

    fn held(&self, images: &Images) -> Result<BTreeMap<Repository, RepositoryState>, AnyFault> {
        let Closure { present, sizes, .. } = self.onlooker.walk(images)?;
        let state = |(repository, digests): (Repository, BTreeSet<Digest>)| {
            let place = self.onlooker.site.in_production(repository.clone());
            let (roots, parts): (Vec<&Digest>, Vec<&Digest>) =
                digests.iter().partition(|digest| images.contains(&place.pin(**digest)));
            let state = RepositoryState {
                bytes: digests.iter().filter_map(|digest| sizes.get(digest)).sum(),
                images: roots.into_iter().collect(),
                parts: parts.into_iter().collect(),
            };
            (repository, state)
        };
        Ok(present.into_iter().map(state).collect())
    }

    /// What is left in staging; nothing where that cannot be asked: no archive depends on it.
    fn staging(
        &self,
        host: &RegistryHost,
        findings: &mut Vec<Finding>,
    ) -> Result<Option<StagingState>, AnyFault> {
        let look = || -> Result<StagingState, AnyFault> {
            self.onlooker.client.ping(host)?;
            let mut told = Vec::new();
            let repositories = self.onlooker.repositories(host, BTreeSet::new(), &mut told)?;
            let images = self.onlooker.tagged(&repositories)?;
            let Closure { present, sizes, .. } = self.onlooker.walk(&images)?;
            Ok(StagingState {
                repositories: present.len(),
                images: images.len(),
                bytes: sizes.values().sum(),
            })
        };
        match look() {
            Ok(state) => Ok(Some(state)),
            Err(fault) if fault.exit() == Exit::Interrupted => Err(fault),
            Err(fault) => {
                let message = format!("the report says nothing of it: {fault}");
                findings.push(Finding::warning("REPORT_PARTIAL", host, message));
                Ok(None)
            }
        }
    }

    /// The generation in force, by the journal and by what production keeps, whichever knows the higher one.
    fn floor(&self) -> Result<Option<Floor>, AnyFault> {
        let Onlooker { site, client, events, limits, .. } = self.onlooker;
        let host = &site.spec.production.registry;
        let kept = generation::latest(host, site.name(), self.trust, client, events, limits)?;
        let local = self.history.in_force().map(|(sequence, inventory)| Floor { sequence, inventory });
        Ok(local.into_iter().chain(kept).max_by_key(|floor| floor.sequence))
    }
}
