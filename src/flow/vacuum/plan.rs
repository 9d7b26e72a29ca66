//! The plan: production listed, everything that is needed laid over it.

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::Digest;
use crate::fault::AnyFault;
use crate::finding::Finding;
use crate::flow::import::state_repository;
use crate::flow::vacuum::Vacuum;
use crate::flow::vacuum::catalogs::{Catalogs, Needed};
use crate::reference::{RegistryHost, Repository};
use crate::retain::{
    Keep, Listing, Reason, Rule, Seen, Sorted, Task, VacuumPlan, Weight, held, lay_out, sort, state_digest,
    totals, weigh,
};
use crate::site::{CatalogMirror, Site};
use crate::vacuum::Lister;

/// Whether catalogs get smaller, and what that lets go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// They stay as they are.
    Nothing,
    /// What a cluster serves today stays as long as it does.
    Beside,
    /// What a cluster serves today stays where it is: another registry takes over.
    Away,
}

/// What is known of production.
pub(super) struct Known {
    pub(super) keep: Keep,
    pub(super) catalogs: Catalogs,
    /// Why nothing at all is let go.
    pub(super) obstacles: Vec<Finding>,
}

/// What was decided about a registry.
pub(super) struct Judged {
    pub(super) plan: VacuumPlan,
    pub(super) sorted: BTreeMap<Repository, Sorted>,
    /// Images of catalogs that get smaller, which are not there yet.
    pub(super) coming: BTreeMap<Digest, Seen>,
}

impl Vacuum<'_> {
    /// Says what production need not hold. Writes nothing.
    pub fn plan(&self) -> Result<VacuumPlan, AnyFault> {
        let mut plan = self.judge(&self.list()?, Cut::Beside)?.plan;
        plan.findings.extend(self.held_in_staging(&plan)?);
        plan.findings.extend(self.moved_before()?);
        Ok(plan.sealed())
    }

    /// Everything that speaks for what production holds, and against letting anything go.
    pub(super) fn know(&self, listing: &Listing, cut: Cut) -> Result<Known, AnyFault> {
        let mut keep = self.named();
        let mut obstacles = self.obstacles(listing, cut != Cut::Beside)?;
        let cut = if obstacles.is_empty() { cut } else { Cut::Nothing };
        let mut catalogs = self.catalogs(listing, &mut keep, cut)?;
        obstacles.append(&mut catalogs.obstacles);
        obstacles.extend(self.releases(listing, &mut keep)?);
        obstacles.extend(self.asked_for(listing, &mut keep)?);
        if !obstacles.is_empty() {
            // Half of what is known is no ground to cut a catalog either.
            catalogs.changes.clear();
            catalogs.coming.clear();
        }
        keep.all = obstacles.first().map(|finding| finding.code.clone());
        for (digest, reason) in catalogs.former.drain(..) {
            keep.former.entry(digest).or_insert(reason);
        }
        needs(&mut keep, std::mem::take(&mut catalogs.needed));
        Ok(Known { keep, catalogs, obstacles })
    }

    /// Divides what production holds.
    pub(super) fn judge(&self, listing: &Listing, cut: Cut) -> Result<Judged, AnyFault> {
        let Known { mut keep, catalogs, obstacles } = self.know(listing, cut)?;
        let Catalogs { changes, coming, for_now, findings, .. } = catalogs;
        let later = freed(listing, &keep, &coming);
        needs(&mut keep, for_now);
        let findings = obstacles.into_iter().chain(findings).collect();
        let mut judged = self.laid_out(listing, &keep, coming);
        let frees = judged.plan.totals.weight.frees;
        judged.plan = VacuumPlan { catalogs: changes, findings, ..judged.plan };
        judged.plan.totals.later = later.saturating_sub(frees);
        Ok(judged)
    }

    /// The plan for a registry of which it is known what is needed, without catalogs and findings.
    pub(super) fn laid_out(&self, listing: &Listing, keep: &Keep, coming: BTreeMap<Digest, Seen>) -> Judged {
        let sorted = sort(listing, keep);
        let weights = weigh(listing, &sorted, &coming);
        let repositories = lay_out(listing, &sorted, &weights);
        let others = listing.repositories.iter().filter(|(_, seen)| !seen.ours).map(|(name, _)| name.clone());
        let plan = VacuumPlan {
            format: VacuumPlan::FORMAT.to_owned(),
            task: Task::Prune,
            site: self.site.name().to_owned(),
            registry: listing.host.clone(),
            site_file: site_digest(self.site),
            state: state_digest(listing),
            dumps: self.dumps.to_vec(),
            keep_generations: self.site.spec.keep_generations,
            catalogs: Vec::new(),
            totals: totals(&repositories, held(listing, sorted.keys())),
            repositories,
            others: others.collect(),
            findings: Vec::new(),
            digest: None,
        };
        Judged { plan, sorted, coming }
    }

    /// Production as it is.
    pub(super) fn list(&self) -> Result<Listing, AnyFault> {
        self.list_at(&self.site.spec.production.registry, |_| false)
    }

    /// A registry as it is; `also` says which repositories are the site's besides those of its mirror.
    pub(super) fn list_at(
        &self,
        host: &RegistryHost,
        also: impl Fn(&Repository) -> bool + Sync,
    ) -> Result<Listing, AnyFault> {
        let state = state_repository(host)?.repository;
        let catalogs = self.site.spec.catalogs.iter().flat_map(CatalogMirror::both);
        let mut places: BTreeSet<Repository> = catalogs.map(|mirror| mirror.mirror.repository).collect();
        places.extend(self.mapping.releases()?.into_iter().map(|(_, place)| place));
        let below = |prefix: &Repository, name: &Repository| {
            name.as_str()
                .strip_prefix(prefix.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let ours = |name: &Repository| {
            let ruled = self.site.spec.repositories.iter().any(|rule| below(&rule.mirror, name));
            also(name) || *name != state && (ruled || places.contains(name))
        };
        let Self { client, jobs, events, limits, .. } = *self;
        Lister { host, client, jobs, events, limits }.list(ours)
    }

    fn named(&self) -> Keep {
        let named = self.named.digests.iter();
        let named = named.map(|(digest, object)| (*digest, Reason::new(Rule::InUse, object))).collect();
        Keep { named, ..Keep::default() }
    }
}

pub(super) fn needs(keep: &mut Keep, needed: Vec<Needed>) {
    for (digest, reason) in needed {
        keep.add(digest, reason);
    }
}

fn freed(listing: &Listing, keep: &Keep, coming: &BTreeMap<Digest, Seen>) -> u64 {
    let weights: BTreeMap<Repository, Weight> = weigh(listing, &sort(listing, keep), coming);
    weights.values().map(|weight| weight.frees).sum()
}

/// Digest of what a site file says, however it is written.
pub(super) fn site_digest(site: &Site) -> Digest {
    Digest::of(&serde_json::to_vec(site).unwrap_or_default())
}
