//! Whether a plan still fits: the site file, the clusters and the registry are what it was made on.

use crate::archive::Moment;
use crate::digest::Digest;
use crate::fault::AnyFault;
use crate::flow::import::state_repository;
use crate::flow::vacuum::Vacuum;
use crate::flow::vacuum::demand::demand;
use crate::flow::vacuum::error::VacuumError;
use crate::flow::vacuum::plan::site_digest;
use crate::flow::vacuum::pointing::pointing_to;
use crate::flow::vacuum::record::LastMove;
use crate::flow::vacuum::told::lacking;
use crate::flow::writer::SoleWriter;
use crate::promote::Lease;
use crate::reference::RegistryHost;
use crate::retain::{
    CatalogChange, Changed, Demand, DumpFacts, Listing, Removals, Rule, Task, VacuumPlan, changes, prune,
};

/// By when dumps count.
#[derive(Debug, Clone, Copy)]
pub struct Freshness {
    /// The clock.
    pub now: Moment,
    /// How many hours old a dump may be.
    pub hours: u64,
}

const HOUR: i64 = 3600;

impl Vacuum<'_> {
    /// Does something with a plan that fits, while nobody else writes to production: what is seen now is what is changed.
    pub(super) fn alone<T>(
        &self,
        plan: &VacuumPlan,
        freshness: Freshness,
        work: impl FnOnce(&Listing, &Lease<'_>) -> Result<T, AnyFault>,
    ) -> Result<T, AnyFault> {
        self.fits(plan, freshness)?;
        let writer = SoleWriter::of(self.state)?;
        // What it proved to be there already, its catalogs are about to offer.
        if let Some(generation) = self.unfinished()? {
            return Err(VacuumError::Unfinished { generation }.into());
        }
        // Whoever writes to either registry holds production's lease.
        let state = state_repository(&self.site.spec.production.registry)?;
        writer.claimant(self.client, self.events, self.patience).hold(&state, |lease| {
            lease.take()?;
            let listing = if plan.task == Task::Empty { self.list_staging()? } else { self.list()? };
            self.unchanged(plan, &listing)?;
            for change in &plan.catalogs {
                self.still_unneeded(change, &listing)?;
            }
            work(&listing, lease)
        })
    }

    /// What can be said without asking the registry.
    fn fits(&self, plan: &VacuumPlan, freshness: Freshness) -> Result<(), AnyFault> {
        let here = self.registry_of(&plan.task);
        if plan.site != self.site.name() || plan.registry != *here {
            let planned = format!("{} at {}", plan.site, plan.registry);
            return Err(
                VacuumError::OtherSite { planned, here: format!("{} at {here}", self.site.name()) }.into()
            );
        }
        if plan.site_file != site_digest(self.site) {
            return Err(VacuumError::SiteFile.into());
        }
        if !plan.is_empty() && plan.dumps.is_empty() {
            return Err(VacuumError::NoDump.into());
        }
        // Newer dumps count instead of those that the plan was made with: they must say as much.
        if !self.dumps.is_empty()
            && let Some(why) = lacking(self.clusters, 1, plan.task != Task::Prune)
        {
            return Err(VacuumError::HalfDump { why }.into());
        }
        let dumps = self.dumps.iter().chain(plan.dumps.iter().filter(|dump| !self.is_replaced(dump, plan)));
        let limit = freshness.hours;
        for dump in dumps {
            let written = dump.written.parse::<Moment>().map_or(0, |written| written.unix());
            let hours = (freshness.now.unix() - written).max(0).unsigned_abs() / HOUR.unsigned_abs();
            if hours >= limit {
                return Err(VacuumError::OldDump { name: dump.name.clone(), hours, limit }.into());
            }
        }
        self.not_in_use(plan)?;
        match pointing_to(self.clusters, &plan.registry).first() {
            Some((object, what)) if plan.task == Task::Empty => {
                let (registry, first) = (plan.registry.to_string(), format!("{object}, {what}"));
                Err(VacuumError::PointsThere { registry, first }.into())
            }
            _ => Ok(()),
        }
    }

    /// Whether a newer dump of the same cluster is given.
    fn is_replaced(&self, dump: &DumpFacts, plan: &VacuumPlan) -> bool {
        let given = |id: &String| self.dumps.iter().any(|dump| dump.cluster.as_ref() == Some(id));
        let mut planned = plan.dumps.iter().filter_map(|dump| dump.cluster.as_ref());
        !self.dumps.is_empty() && dump.cluster.as_ref().map_or_else(|| planned.all(given), given)
    }

    /// What the plan was made on is there still. After a move that was carried out it may well not be.
    fn unchanged(&self, plan: &VacuumPlan, now: &Listing) -> Result<(), AnyFault> {
        let changed = changes(plan, now);
        let Some(Changed { tag, planned, found }) = changed.first() else { return Ok(()) };
        let text = |digest: &Option<Digest>| digest.map_or_else(|| "nothing".to_owned(), |it| it.to_string());
        let first = format!("{tag} led to {} and leads to {}", text(planned), text(found));
        let (registry, count) = (&plan.registry, changed.len());
        Err(match LastMove::of(self.state)? {
            Some(LastMove { plan: done, to, .. }) if done == plan.id() => {
                VacuumError::MovedBefore { from: registry.clone(), to, count, first }
            }
            _ => VacuumError::Changed { registry: registry.to_string(), count, first },
        }
        .into())
    }

    /// Which of the site's registries a plan of this kind is about.
    fn registry_of(&self, task: &Task) -> &RegistryHost {
        match task {
            Task::Prune | Task::Move(_) => &self.site.spec.production.registry,
            Task::Empty => &self.site.spec.staging.registry,
        }
    }

    /// Nothing that goes is named by the dumps that are given now.
    fn not_in_use(&self, plan: &VacuumPlan) -> Result<(), VacuumError> {
        // What production holds too may go from staging, whoever uses it.
        let copies = |rule: Rule| rule == Rule::Elsewhere;
        let going = plan.repositories.iter().flat_map(|(name, it)| {
            let items = it.gone.iter().filter(|item| !item.why.iter().any(|reason| copies(reason.rule)));
            items.map(move |item| (name, item.digest))
        });
        let in_use: Vec<_> =
            going.filter_map(|(name, it)| Some((name, it, self.named.digests.get(&it)?))).collect();
        match in_use.first() {
            None => Ok(()),
            Some((name, digest, object)) => {
                Err(VacuumError::InUse { count: in_use.len(), first: format!("{name}@{digest}, {object}") })
            }
        }
    }

    /// What is cut from a catalog is cut by newer dumps too: an operator may have been installed since.
    fn still_unneeded(&self, change: &CatalogChange, listing: &Listing) -> Result<(), AnyFault> {
        let seen = listing.repositories.get(&change.tag.repository.repository);
        let leads = seen.zip(change.tag.tag.as_ref()).and_then(|(seen, tag)| seen.tags.get(tag));
        if self.dumps.is_empty() || leads == Some(&change.after) {
            return Ok(());
        }
        let base = self.image(&change.tag.repository, change.before)?.catalog(self.limits).catalog;
        // Whether unused packages go was decided with the plan; whether they are unused still is the question.
        let wanted = Demand { drop_unused: true, ..demand(self.clusters, &base) };
        match first_needed(&change.removed, &prune(&base, &wanted).removed) {
            None => Ok(()),
            Some(what) => Err(VacuumError::Needed { what, tag: change.tag.to_string() }.into()),
        }
    }
}

/// The first of what was to go and would not go now.
fn first_needed(planned: &Removals, now: &Removals) -> Option<String> {
    planned.iter().find_map(|(package, planned)| match now.get(package) {
        Some(now) if now.whole => None,
        Some(now) if !planned.whole => planned.bundles.difference(&now.bundles).next().cloned(),
        _ => Some(planned.bundles.first().filter(|_| !planned.whole).unwrap_or(package).clone()),
    })
}

/// Nobody else can have been inside since the registry was listed.
pub(super) fn still_alone(lease: &Lease<'_>) -> Result<(), VacuumError> {
    if lease.unbroken() { Ok(()) } else { Err(VacuumError::Late) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retain::Removal;

    fn removal(text: &str) -> Removal {
        let bundles = text.split_whitespace().filter(|word| *word != "whole").map(str::to_owned).collect();
        Removal { whole: text.contains("whole"), bundles, ..Removal::default() }
    }

    #[test]
    fn what_would_stay_by_newer_dumps_is_needed() {
        for (planned, now, expected) in [
            ("v1 v2", Some("v1 v2"), None),
            ("v1 v2", Some("v1 v2 v3"), None),
            ("v1 v2", Some("whole"), None),
            ("v1 v2", Some("v1"), Some("v2")),
            ("v1 v2", None, Some("v1")),
            ("whole", Some("whole"), None),
            // Somebody installed it: its lower versions would go, and the package would stay.
            ("whole", Some("v1"), Some("p")),
            ("whole", None, Some("p")),
        ] {
            let planned: Removals = [("p".to_owned(), removal(planned))].into();
            let now: Removals = now.map(|now| ("p".to_owned(), removal(now))).into_iter().collect();
            assert_eq!(first_needed(&planned, &now).as_deref(), expected, "{planned:?} {now:?}");
        }
    }
}
