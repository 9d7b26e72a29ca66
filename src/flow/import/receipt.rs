//! The receipt: what an import did, and what the site holds now.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::digest::Digest;
use crate::emit::Emitted;
use crate::event::{Event, Events};
use crate::fault::AnyFault;
use crate::finding::Finding;
use crate::flow::catalog_state::catalog_state;
use crate::flow::import::Import;
use crate::flow::import::catalog::Served;
use crate::flow::import::deliver::place;
use crate::flow::import::judge::Case;
use crate::flow::import::run::MARKER;
use crate::flow::record::{History, Record};
use crate::limits::Limits;
use crate::promote::CatalogTag;
use crate::reference::Tag;
use crate::retain::VacuumPlan;
use crate::site::{
    CatalogMirror, CatalogState, InstalledOperator, Receipt, ReceiptStep, ReleaseState, Site, SiteReport,
};
use crate::store::files::{self, Mode, StoreError};
use crate::transfer::{Holdings, add_holdings};
use crate::version::Version;

/// What is known of the site beside this archive's catalogs.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// What production was found to hold of the images that were promoted.
    pub(super) promoted: Holdings,
    /// Its other catalogs, and what it holds of what they offer.
    pub(super) others: (Vec<CatalogState>, Holdings),
    /// What runs.
    pub(super) installed: Vec<InstalledOperator>,
    /// The releases that production holds.
    pub(super) releases: Vec<ReleaseState>,
    /// The one that runs.
    pub(super) openshift: Option<Version>,
}

impl Import<'_> {
    /// The catalogs of the site that this archive does not change, as production serves them. What cannot be looked at is left
    /// out, and told: the next archive carries what it needs whole.
    pub(super) fn others(&self, case: &Case<'_>) -> ((Vec<CatalogState>, Holdings), Vec<Finding>) {
        let (mut states, mut holdings, mut findings) = (Vec::new(), Holdings::new(), Vec::new());
        let onlooker = self.onlooker(case);
        let ours = |mirror: &_| case.contents.catalogs.iter().any(|(_, changed)| *changed == mirror);
        let others = self.site.spec.catalogs.iter().filter(|mirror| !ours(*mirror));
        for mirror in others.flat_map(CatalogMirror::both) {
            let tag = CatalogTag::of(self.site, &mirror);
            match onlooker.look(&mirror) {
                Ok(None) => {}
                Ok(Some(standing)) => {
                    add_holdings(&mut holdings, standing.present);
                    states.push(catalog_state(&mirror, &tag, standing.digest, &standing.catalog));
                }
                Err(fault) => {
                    let message = format!("the receipt says nothing of this catalog: {fault}");
                    findings.push(Finding::warning("REPORT_PARTIAL", tag.reference(), message));
                }
            }
        }
        ((states, holdings), findings)
    }

    /// The release that runs: as the cluster says, else as it said when it was asked last.
    pub(super) fn runs(&self) -> Result<Option<Version>, AnyFault> {
        let told = self.cluster.and_then(|cluster| cluster.openshift.as_ref()?.parse().ok());
        match told {
            Some(told) => Ok(Some(told)),
            None => {
                Ok(last_report(self.state, self.site, self.events, self.limits)?
                    .and_then(|last| last.openshift))
            }
        }
    }

    /// The releases that production is known to hold: these, and those of the imports before.
    pub(super) fn known_releases(&self, now: Vec<ReleaseState>) -> Result<Vec<ReleaseState>, AnyFault> {
        let before = last_report(self.state, self.site, self.events, self.limits)?
            .map(|last| last.releases)
            .unwrap_or_default();
        let all = before.into_iter().chain(now);
        let by_tag: BTreeMap<_, _> = all.map(|state| (state.mirror.to_string(), state)).collect();
        let mut all: Vec<_> = by_tag.into_values().collect();
        all.sort_by(|a, b| a.version.cmp(&b.version).then_with(|| a.mirror.cmp(&b.mirror)));
        Ok(all)
    }

    /// What runs: as the cluster says, else as it said when it was asked last.
    pub(super) fn installed(&self) -> Result<(Vec<InstalledOperator>, Option<Finding>), AnyFault> {
        if let Some(cluster) = self.cluster.filter(|cluster| cluster.shows_installed()) {
            return Ok((cluster.installed().into_iter().collect(), None));
        }
        let last = last_report(self.state, self.site, self.events, self.limits)?
            .filter(|last| !last.installed.is_empty());
        let Some(last) = last else { return Ok((Vec::new(), None)) };
        let message = format!(
            "no dump of what is installed was given: the receipt says what ran when generation {} was imported",
            last.generation
        );
        let told = Finding::info("INSTALLED_KEPT", "receipt.json", message)
            .hint("give `--cluster` with `oc get csv,subs -A -o json` to bring it up to date");
        Ok((last.installed, Some(told)))
    }

    pub(super) fn receipt(
        &self,
        case: &Case<'_>,
        served: &[Served<'_>],
        known: Known,
        history: History<'_>,
    ) -> Receipt {
        let Case { archive, contents, mapping, .. } = case;
        let inventory = archive.inventory();
        let (finished, steps) = match history.committed(&inventory.digest()) {
            Some(Record::Committed { at, steps, .. }) => (at.clone(), steps.clone()),
            _ => (self.policy.now.to_string(), Vec::new()),
        };
        let (others, held) = known.others;
        let ours = served.iter().map(|served| {
            let mirror = &served.place.mirror;
            catalog_state(mirror, &CatalogTag::of(self.site, mirror), served.image.digest, &served.catalog)
        });
        let catalogs = ours.chain(others).collect();
        let mut repositories = known.promoted;
        add_holdings(&mut repositories, held);
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
            accept_time: history
                .reason(&inventory.digest())
                .map(str::to_owned)
                .or_else(|| self.policy.accept_time.as_ref().map(ToString::to_string)),
            steps,
            site: SiteReport {
                format: SiteReport::FORMAT.to_owned(),
                site: self.site.name().to_owned(),
                generation: inventory.sequence,
                inventory: Some(inventory.digest()),
                catalogs,
                installed: known.installed,
                openshift: known.openshift,
                releases: known.releases,
                digests,
                repositories,
                ..SiteReport::default()
            },
        }
    }
}

/// Where the last receipt is kept for the next import: the one that was written out is carried away.
fn last_receipt(state: &Path) -> PathBuf {
    state.join(MARKER)
}

/// Keeps the receipt that was written out.
pub(in crate::flow) fn keep_receipt(
    state: &Path,
    emitted: &Emitted,
    limits: &Limits,
) -> Result<(), AnyFault> {
    let Some(receipt) = emitted.files.get(MARKER) else { return Ok(()) };
    let path = last_receipt(state);
    if files::read(&path, limits.meta_bytes).is_ok_and(|kept| kept == *receipt) {
        return Ok(());
    }
    Ok(files::replace(&path, receipt, Mode::Private)?)
}

/// What the last import of this site left; nothing where there is none, or one of another site. One that cannot be read stops nobody:
/// it is a copy for convenience, and what it would tell is asked for anew, or carried once more. But it is said.
pub(in crate::flow) fn last_report(
    state: &Path,
    site: &Site,
    events: &dyn Events,
    limits: &Limits,
) -> Result<Option<SiteReport>, AnyFault> {
    Ok(last(state, site, events, limits)?.map(|receipt| receipt.site))
}

fn last(
    state: &Path,
    site: &Site,
    events: &dyn Events,
    limits: &Limits,
) -> Result<Option<Receipt>, AnyFault> {
    let path = last_receipt(state);
    let bytes = match files::read(&path, limits.meta_bytes) {
        Ok(bytes) => bytes,
        Err(StoreError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    match Receipt::parse(&bytes, limits) {
        Ok(receipt) => Ok(Some(receipt).filter(|receipt| receipt.site.site == site.name())),
        Err(error) => {
            let text = format!("`{}` is passed over: {error}", path.display());
            events.emit(&Event::Warning { text: &text });
            Ok(None)
        }
    }
}

/// Takes out of the last receipt what a vacuum is about to let go: it must not promise what is gone. Of a repository from which anything
/// goes, only the manifests that stay are known to be there afterwards.
pub(in crate::flow) fn forget(
    state: &Path,
    site: &Site,
    plan: &VacuumPlan,
    events: &dyn Events,
    limits: &Limits,
) -> Result<(), AnyFault> {
    let Some(mut receipt) = last(state, site, events, limits)? else { return Ok(()) };
    let report = &mut receipt.site;
    for (repository, planned) in plan.repositories.iter().filter(|(_, planned)| !planned.gone.is_empty()) {
        let stays: BTreeSet<Digest> = planned.kept.iter().map(|item| item.digest).collect();
        if let Some(held) = report.repositories.get_mut(repository) {
            held.retain(|digest| stays.contains(digest));
        }
        let tags: BTreeSet<&Tag> = planned.gone.iter().flat_map(|item| &item.tags).collect();
        let place = site.in_production(repository.clone());
        report.releases.retain(|release| {
            release.mirror.repository != place
                || release.mirror.tag.as_ref().is_none_or(|tag| !tags.contains(tag))
        });
    }
    report.digests = report.repositories.values().flatten().copied().collect();
    for change in &plan.catalogs {
        for known in report.catalogs.iter_mut().filter(|known| known.mirror == change.tag) {
            known.digest = change.after;
        }
    }
    let text = receipt.to_json()?;
    Ok(files::replace(&last_receipt(state), text.as_bytes(), Mode::Private)?)
}

/// What became of the catalogs' tags, in the order in which it did.
pub(super) fn switches(served: &[Served<'_>]) -> Vec<ReceiptStep> {
    let step = |served: &Served<'_>| ReceiptStep {
        subject: served.image.repository.tag(served.place.mirror.mirror.tag.clone()).to_string(),
        before: served.previous,
        after: served.image.digest,
    };
    served.iter().map(step).collect()
}
