//! What is applied to the cluster, and read, once catalogs went back.

use std::collections::{BTreeMap, BTreeSet};

use crate::emit::{self, Emitted, EmittedCatalog, Releases, WayBack};
use crate::fault::AnyFault;
use crate::finding::Finding;
use crate::flow::catalog_state::catalog_state;
use crate::flow::import::receipt::last_report;
use crate::flow::import::resources::texts;
use crate::flow::record::History;
use crate::flow::rollback::Rollback;
use crate::flow::rollback::channels::channels;
use crate::flow::rollback::way::{Return, Way};
use crate::reference::PinnedRef;
use crate::site::cluster::ClusterDump;
use crate::site::{CatalogState, Receipt, ReceiptStep, Site, SiteReport};

impl Rollback<'_> {
    /// The files of the way back. Mirror sets are none of it: what nodes look for stays where it is, and no node drains.
    pub(super) fn emit(
        &self,
        way: &Way,
        steps: &[ReceiptStep],
        history: History<'_>,
    ) -> Result<(Emitted, Vec<Finding>), AnyFault> {
        let mut findings = way.findings.clone();
        let mut left = Vec::new();
        for one in &way.returns {
            if let Some(cluster) = self.cluster {
                let (channels, told) = channels(cluster, &one.mirror.name, &one.offer.catalog);
                left.extend(channels);
                findings.extend(told);
            }
        }
        findings.extend(stayed(way, history));
        let receipt = self.receipt(way, steps)?;
        let catalogs: Vec<EmittedCatalog> = way.returns.iter().map(|one| emitted(one, steps)).collect();
        let mut site: Site = self.onlooker.site.clone();
        site.spec.repositories.clear();
        let cluster =
            self.cluster.map(|cluster| ClusterDump { mirror_sets: BTreeMap::new(), ..cluster.clone() });
        let emitted = emit::emit(&emit::Input {
            site: &site,
            catalogs: &catalogs,
            mirrors: &BTreeMap::new(),
            tag_images: &BTreeSet::new(),
            releases: Releases::default(),
            cluster: cluster.as_ref(),
            former: None,
            back: Some(WayBack { from: way.from, to: way.to, between: way.between, channels: &left }),
            receipt: &receipt,
            findings: &findings,
        });
        findings.extend(emitted.findings.iter().cloned());
        Ok((emitted, findings))
    }

    fn receipt(&self, way: &Way, steps: &[ReceiptStep]) -> Result<Receipt, AnyFault> {
        let site = self.onlooker.site;
        let mut report =
            last_report(self.state, site, self.onlooker.events, self.onlooker.limits)?.unwrap_or_default();
        let states: Vec<CatalogState> = way
            .returns
            .iter()
            .map(|one| catalog_state(&one.mirror, &one.tag, one.former.digest(), &one.offer.catalog))
            .collect();
        report.catalogs.retain(|known| !states.iter().any(|state| state.mirror == known.mirror));
        report.catalogs.extend(states);
        for (repository, digests) in &way.present {
            report.digests.extend(digests);
            report.repositories.entry(repository.clone()).or_default().extend(digests);
        }
        if let Some(cluster) = self.cluster.filter(|cluster| cluster.shows_installed()) {
            report.installed = cluster.installed().into_iter().collect();
        }
        Ok(Receipt {
            format: Receipt::FORMAT.to_owned(),
            tool: concat!("ombundle ", env!("CARGO_PKG_VERSION")).to_owned(),
            finished: self.now.to_string(),
            archive: format!("none: back from generation {} to {}", way.from, way.to),
            inventory: way.inventory,
            generation: way.from,
            signers: Vec::new(),
            accept_time: None,
            steps: steps.to_vec(),
            site: SiteReport {
                format: SiteReport::FORMAT.to_owned(),
                site: site.name().to_owned(),
                generation: way.from,
                inventory: Some(way.inventory),
                ..report
            },
        })
    }
}

fn emitted(one: &Return, steps: &[ReceiptStep]) -> EmittedCatalog {
    let pin = |digest| -> PinnedRef { one.tag.repository.pin(digest) };
    let left = steps.iter().find(|step| step.subject == one.tag.reference().to_string());
    EmittedCatalog {
        name: one.mirror.name.clone(),
        source: one.mirror.source.clone(),
        beside: None,
        spec: one.mirror.catalog_source.clone(),
        image: pin(one.former.digest()),
        previous: left.and_then(|step| step.before).map(pin),
        packages: Vec::new(),
        evidence: Vec::new(),
        texts: texts(&one.offer.catalog),
    }
}

/// Tags that imports moved beside the catalogs': they stay, since something may run by them.
fn stayed(way: &Way, history: History<'_>) -> Vec<Finding> {
    let catalogs: BTreeSet<String> = way.returns.iter().map(|one| one.tag.reference().to_string()).collect();
    let moved = history.moved_after(way.to);
    let others = moved.into_iter().filter(|step| step.before.is_some() && !catalogs.contains(&step.subject));
    others
        .map(|step| {
            let before = step.before.map(|before| before.to_string()).unwrap_or_default();
            let message = format!("it was moved from {before}, and stays: only catalogs go back");
            Finding::info("TAG_STAYS", step.subject, message)
        })
        .collect()
}
