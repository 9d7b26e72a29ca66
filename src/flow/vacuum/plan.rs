//! The plan: production listed, everything that is needed laid over it.

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::Digest;
use crate::fault::AnyFault;
use crate::flow::import::state_repository;
use crate::flow::vacuum::Vacuum;
use crate::flow::vacuum::catalogs::{Catalogs, Needed};
use crate::reference::Repository;
use crate::retain::{
    Keep, Listing, Reason, Rule, Seen, VacuumPlan, Weight, lay_out, sort, state_digest, totals, weigh,
};
use crate::site::{CatalogMirror, Site};
use crate::vacuum::Lister;

impl Vacuum<'_> {
    /// Says what production need not hold. Writes nothing.
    pub fn plan(&self) -> Result<VacuumPlan, AnyFault> {
        let listing = self.list()?;
        let mut keep = self.named();
        let mut obstacles = self.obstacles(&listing)?;
        let Catalogs { changes, coming, needed, for_now, former, findings, obstacles: unread } =
            self.catalogs(&listing, &mut keep, obstacles.is_empty())?;
        obstacles.extend(unread);
        obstacles.extend(self.releases(&listing, &mut keep)?);
        // Half of what is known is no ground to cut a catalog either.
        let changes = if obstacles.is_empty() { changes } else { Vec::new() };
        keep.all = obstacles.first().map(|finding| finding.code.clone());
        for (digest, reason) in former {
            keep.former.entry(digest).or_insert(reason);
        }
        needs(&mut keep, needed);
        let later = freed(&listing, &keep, &coming);
        needs(&mut keep, for_now);
        let sorted = sort(&listing, &keep);
        let weights = weigh(&listing, &sorted, &coming);
        let repositories = lay_out(&listing, &sorted, &weights);
        let later = later.saturating_sub(weights.values().map(|weight| weight.frees).sum());
        let others = listing.repositories.iter().filter(|(_, seen)| !seen.ours).map(|(name, _)| name.clone());
        let plan = VacuumPlan {
            format: VacuumPlan::FORMAT.to_owned(),
            site: self.site.name().to_owned(),
            registry: listing.host.clone(),
            site_file: site_digest(self.site),
            state: state_digest(&listing),
            dumps: self.dumps.to_vec(),
            keep_generations: self.site.spec.keep_generations,
            catalogs: changes,
            totals: totals(&repositories, later),
            repositories,
            others: others.collect(),
            findings: obstacles.into_iter().chain(findings).collect(),
            digest: None,
        };
        Ok(plan.sealed())
    }

    /// Production as it is.
    pub(super) fn list(&self) -> Result<Listing, AnyFault> {
        let host = &self.site.spec.production.registry;
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
            *name != state && (ruled || places.contains(name))
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

fn needs(keep: &mut Keep, needed: Vec<Needed>) {
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
