//! What a cluster is told when another port becomes production, once everything is seen to be there.

use std::collections::BTreeMap;
use std::path::Path;

use crate::archive::Moment;
use crate::check::{Unresolved, references};
use crate::digest::Digest;
use crate::emit::{self, Emitted, EmittedCatalog, Releases, UpdateServiceSource};
use crate::fault::AnyFault;
use crate::finding::Finding;
use crate::flow::catalog_state::catalog_state;
use crate::flow::import::generation;
use crate::flow::import::receipt::{keep_receipt, last_report};
use crate::flow::import::resources::texts;
use crate::flow::import::run::MARKER;
use crate::flow::standing::{Onlooker, Standing};
use crate::flow::vacuum::Vacuum;
use crate::flow::vacuum::moving::Moved;
use crate::promote::CatalogTag;
use crate::reference::{ImageRef, RegistryHost, RepositoryRef};
use crate::retain::VacuumPlan;
use crate::site::cluster::{ClusterDump, MirrorKind};
use crate::site::{CatalogMirror, Receipt, ReceiptStep, Site, SiteReport};
use crate::store::files;
use crate::transfer::{Holdings, Proof, add_holdings};
use crate::trust::TrustSet;
use crate::verify::Floor;

/// What is needed besides to write resources.
pub struct MoveInputs<'a> {
    /// Whose signatures under generations count.
    pub trust: &'a TrustSet,
    /// What the cluster says of itself, if anybody asked it.
    pub cluster: Option<&'a ClusterDump>,
    /// Now.
    pub now: Moment,
}

/// A catalog as the new production serves it.
struct Served {
    mirror: CatalogMirror,
    tag: CatalogTag,
    standing: Standing,
    /// What the former production serves under the same tag.
    former: Option<Digest>,
}

impl Vacuum<'_> {
    /// Looks at the new production as `check` does, and makes the files that lead a cluster to it. There are none where something is
    /// missing there.
    pub fn led_over(
        &self,
        plan: &VacuumPlan,
        moved: &Moved,
        inputs: &MoveInputs<'_>,
    ) -> Result<(Option<Emitted>, Vec<Finding>), AnyFault> {
        let site = self.site.swapped();
        let Self { mapping, client, jobs, events, limits, .. } = *self;
        let proof = Proof::sizes();
        let onlooker = Onlooker { site: &site, mapping, proof: &proof, client, jobs, events, limits };
        // What is said of a catalog or release itself was as true at the former port, and keeps nobody there.
        let (mut lacks, mut findings) = (Vec::new(), Vec::new());
        let mut served = Vec::new();
        for mirror in site.spec.catalogs.iter().flat_map(CatalogMirror::both) {
            let Some(mut standing) = onlooker.look(&mirror)? else { continue };
            lacks.extend(standing.missing.iter().map(Unresolved::finding));
            findings.append(&mut standing.findings);
            let former = CatalogTag::of(self.site, &mirror).digest(client)?;
            let tag = CatalogTag::of(&site, &mirror);
            served.push(Served { mirror, tag, standing, former });
        }
        // What was left out is known of the site as it was.
        let left_out = Onlooker { site: self.site, ..onlooker }.left_out(self.state)?;
        let releases = onlooker.look_at_releases(&left_out)?;
        let has_releases = !releases.is_empty();
        for release in releases {
            lacks.extend(release.standing.missing.iter().map(Unresolved::finding));
            findings.extend(release.standing.findings);
        }
        if !lacks.is_empty() {
            return Ok((None, lacks.into_iter().chain(findings).collect()));
        }
        let receipt = self.receipt(&site, plan, moved, &served, inputs)?;
        let emitted = self.files(&site, &served, has_releases, &receipt, inputs)?;
        findings.extend(emitted.findings.iter().cloned());
        Ok((Some(emitted), findings))
    }

    /// Whether they can be written into a folder: it is empty, or an import's.
    pub fn check_out(folder: &Path) -> Result<(), AnyFault> {
        Ok(files::check_folder(folder, MARKER)?)
    }

    /// Writes them into a folder, with the site file as it is from now on where that is known, and keeps the receipt.
    pub fn write_out(
        &self,
        mut emitted: Emitted,
        site_file: Option<Vec<u8>>,
        folder: &Path,
    ) -> Result<(), AnyFault> {
        emitted.files.extend(site_file.map(|text| ("site.yaml".to_owned(), text)));
        files::replace_folder(folder, &emitted.files, MARKER)?;
        keep_receipt(self.state, &emitted, self.limits)
    }

    fn files(
        &self,
        site: &Site,
        served: &[Served],
        has_releases: bool,
        receipt: &Receipt,
        inputs: &MoveInputs<'_>,
    ) -> Result<Emitted, AnyFault> {
        let former = &self.site.spec.production.registry;
        let catalogs: Vec<EmittedCatalog> = served.iter().map(|it| emitted(it, former)).collect();
        let named: Vec<ImageRef> = served.iter().flat_map(|it| references(&it.standing.catalog)).collect();
        let mut mirrors: BTreeMap<RepositoryRef, RepositoryRef> = BTreeMap::new();
        if has_releases {
            let releases = self.mapping.releases()?.into_iter();
            mirrors.extend(releases.map(|(source, place)| (source, site.in_production(place))));
        }
        for image in &named {
            if let Ok(place) = self.mapping.mirror(&image.repository) {
                mirrors.insert(image.repository.clone(), site.in_production(place));
            }
        }
        let tag_images =
            named.into_iter().filter(|image| image.digest.is_none() && image.tag.is_some()).collect();
        let update_service = self.update_service(site)?;
        Ok(emit::emit(&emit::Input {
            site,
            catalogs: &catalogs,
            mirrors: &mirrors,
            tag_images: &tag_images,
            releases: Releases {
                update_service: update_service.as_ref(),
                legacy_icsp: inputs.cluster.is_some_and(is_older),
                ..Releases::default()
            },
            cluster: inputs.cluster,
            former: Some(former),
            back: None,
            receipt,
            findings: &[],
        }))
    }

    /// The update service follows where its data moved.
    fn update_service(&self, site: &Site) -> Result<Option<UpdateServiceSource>, AnyFault> {
        let place = self.graph_place()?;
        let repository = site.in_production(place.repository);
        let data = self.client.head_manifest(&repository, &place.tag.into())?;
        let releases = site.in_production(self.mapping.release_images()?);
        Ok(data.map(|data| UpdateServiceSource { releases, graph_data: repository.pin(data.digest) }))
    }

    fn receipt(
        &self,
        site: &Site,
        plan: &VacuumPlan,
        moved: &Moved,
        served: &[Served],
        inputs: &MoveInputs<'_>,
    ) -> Result<Receipt, AnyFault> {
        let (from, to) = (&self.site.spec.production.registry, &site.spec.production.registry);
        let Self { client, events, limits, .. } = *self;
        let floor = generation::latest(to, site.name(), inputs.trust, client, events, limits)?;
        let (generation, inventory) =
            floor.map_or((0, None), |Floor { sequence, inventory }| (sequence, Some(inventory)));
        let last = last_report(self.state, self.site, events, limits)?.unwrap_or_default();
        let mut repositories: Holdings = moved.held.clone();
        for it in served {
            add_holdings(&mut repositories, it.standing.present.clone());
        }
        let steps = plan.catalogs.iter().map(|change| ReceiptStep {
            subject: ImageRef { repository: at(&change.tag.repository, to), ..change.tag.clone() }
                .to_string(),
            before: Some(change.before),
            after: change.after,
        });
        let mut releases = last.releases;
        for release in releases.iter_mut().filter(|release| release.mirror.repository.host == *from) {
            release.mirror.repository = at(&release.mirror.repository, to);
        }
        let installed = inputs.cluster.map(|cluster| cluster.installed().into_iter().collect());
        Ok(Receipt {
            format: Receipt::FORMAT.to_owned(),
            tool: concat!("ombundle ", env!("CARGO_PKG_VERSION")).to_owned(),
            finished: inputs.now.to_string(),
            archive: format!("none: production moved from {from} to {to}"),
            // Where no generation is known nothing was imported, and no archive has this one.
            inventory: inventory.unwrap_or_else(|| Digest::of(b"")),
            generation,
            signers: Vec::new(),
            accept_time: None,
            steps: steps.collect(),
            site: SiteReport {
                format: SiteReport::FORMAT.to_owned(),
                site: site.name().to_owned(),
                generation,
                inventory,
                catalogs: served
                    .iter()
                    .map(|it| catalog_state(&it.mirror, &it.tag, it.standing.digest, &it.standing.catalog))
                    .collect(),
                installed: installed.unwrap_or(last.installed),
                openshift: last.openshift,
                releases,
                digests: repositories.values().flatten().copied().collect(),
                repositories,
                ..SiteReport::default()
            },
        })
    }
}

fn at(repository: &RepositoryRef, host: &RegistryHost) -> RepositoryRef {
    RepositoryRef { host: host.clone(), repository: repository.repository.clone() }
}

/// Whether a cluster has the older kind of mirror set alone.
fn is_older(cluster: &ClusterDump) -> bool {
    let has = |wanted| cluster.mirror_sets.keys().any(|(kind, _)| *kind == wanted);
    has(MirrorKind::ContentSourcePolicy) && !has(MirrorKind::Digest)
}

fn emitted(it: &Served, former: &RegistryHost) -> EmittedCatalog {
    let Standing { digest, catalog, .. } = &it.standing;
    EmittedCatalog {
        name: it.mirror.name.clone(),
        source: it.mirror.source.clone(),
        beside: None,
        spec: it.mirror.catalog_source.clone(),
        image: it.tag.repository.pin(*digest),
        previous: it.former.map(|before| at(&it.tag.repository, former).pin(before)),
        packages: Vec::new(),
        evidence: Vec::new(),
        texts: texts(catalog),
    }
}
