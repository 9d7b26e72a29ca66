//! The receipt: what an import did, and what the site holds now.

use crate::flow::import::Import;
use crate::flow::import::catalog::Served;
use crate::flow::import::contents::Contents;
use crate::flow::import::deliver::place;
use crate::flow::record::{Log, Record};
use crate::mapping::Mapping;
use crate::promote::Promoted;
use crate::reference::RegistryHost;
use crate::site::cluster::ClusterDump;
use crate::site::{CatalogState, Receipt, ReceiptStep, SiteReport};
use crate::transfer::add_holdings;
use crate::verify::VerifiedArchive;

impl Import<'_> {
    pub(super) fn receipt(
        &self,
        archive: &VerifiedArchive,
        contents: &Contents<'_>,
        mapping: &Mapping,
        promoted: &Promoted,
        served: &[Served],
        log: &Log,
    ) -> Receipt {
        let inventory = archive.inventory();
        let (finished, steps) = match log.committed(&inventory.digest()) {
            Some(Record::Committed { at, steps, .. }) => (at.clone(), steps.clone()),
            _ => (self.policy.now.to_string(), Vec::new()),
        };
        let catalogs = contents
            .catalogs
            .iter()
            .zip(served)
            .map(|((planned, mirror), served)| CatalogState {
                source: planned.source.clone(),
                mirror: served.image.repository.tag(mirror.mirror.tag.clone()),
                digest: served.image.digest,
                repository: served.image.repository.clone(),
            })
            .collect();
        let mut repositories = promoted.present().clone();
        // What the archive left out was found there before the first write.
        for needed in &contents.plan.prerequisites {
            if let Ok(repository) = place(contents, mapping, needed) {
                repositories.entry(repository).or_default().insert(needed.digest);
            }
        }
        for served in served {
            add_holdings(&mut repositories, served.present.clone());
        }
        // Each image of the archive is there as it travelled: pushed, or found as a prerequisite. That may be more than the site's
        // platforms need, where an index travels whole.
        for placed in &contents.images {
            let objects =
                placed.image.manifests.iter().chain(&placed.image.blobs).map(|object| object.digest);
            repositories.entry(placed.delivery.repository.clone()).or_default().extend(objects);
        }
        let digests = repositories.values().flatten().copied().collect();
        Receipt {
            format: "ombundle.receipt/v1".to_owned(),
            tool: concat!("ombundle ", env!("CARGO_PKG_VERSION")).to_owned(),
            finished,
            archive: self.name.to_owned(),
            inventory: inventory.digest(),
            generation: inventory.sequence,
            signers: archive.signers().iter().map(ToString::to_string).collect(),
            steps,
            site: SiteReport {
                format: "ombundle.site-report/v1".to_owned(),
                site: self.site.name().to_owned(),
                generation: inventory.sequence,
                inventory: Some(inventory.digest()),
                catalogs,
                installed: self.cluster.into_iter().flat_map(ClusterDump::installed).collect(),
                digests,
                repositories,
            },
        }
    }
}

pub(super) fn switches(
    contents: &Contents<'_>,
    served: &[Served],
    production: &RegistryHost,
) -> Vec<ReceiptStep> {
    let tags = contents.catalogs.iter().map(|(_, mirror)| format!("{production}/{}", mirror.mirror));
    tags.zip(served)
        .map(|(subject, served)| ReceiptStep { subject, before: served.previous, after: served.image.digest })
        .collect()
}
