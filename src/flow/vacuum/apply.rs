//! A plan carried out: seen to fit still, catalogs first, then manifests by digest, then what is left is looked at.

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::Digest;
use crate::event::{Event, Phase};
use crate::fault::AnyFault;
use crate::finding::{Finding, has_errors};
use crate::flow::built::{BuiltImages, Pushing};
use crate::flow::catalog_image::CatalogImage;
use crate::flow::import::receipt::forget;
use crate::flow::vacuum::error::VacuumError;
use crate::flow::vacuum::record::Record;
use crate::flow::vacuum::stale::{Freshness, still_alone};
use crate::flow::vacuum::{Reclaimed, Vacuum};
use crate::promote::{CatalogTag, Commit, Lease};
use crate::reference::{Repository, RepositoryRef, Tag};
use crate::registry::Target;
use crate::retain::{CatalogChange, RepositoryPlan, Task, VacuumPlan, without};
use crate::store::journal::Journal;
use crate::workers;

/// What carrying out a plan came to.
#[derive(Debug, Default)]
pub struct Applied {
    /// Catalogs that are in force now, whether this run put them there or an earlier one.
    pub catalogs: Vec<CatalogChange>,
    /// Manifests that this run deleted.
    pub deleted: u64,
    /// Manifests that were gone already.
    pub gone_before: u64,
    /// Tags that the registry still lists though what they led to is gone.
    pub tags_left: Vec<(Repository, Tag)>,
    /// How the space came back; nothing where something is gone that was to stay, which can still be brought back until the registry's
    /// own clean-up runs.
    pub reclaimed: Option<Result<Reclaimed, AnyFault>>,
    /// What a person should know.
    pub findings: Vec<Finding>,
}

impl Vacuum<'_> {
    /// Carries out a plan. What an earlier run of it did is not done again; anything else that changed since it was made stops it
    /// before the first change.
    pub fn apply(&self, plan: &VacuumPlan, freshness: Freshness) -> Result<Applied, AnyFault> {
        self.alone(plan, freshness, |_, lease| {
            if plan.task == Task::Empty {
                self.held_by_production(plan)?;
            }
            self.may_delete(plan)?;
            self.can_reclaim()?;
            let mut log = Record::log(self.state)?;
            log.append(&Record::Begin { plan: plan.id(), at: freshness.now.to_string() })?;
            let mut applied = Applied::default();
            for change in &plan.catalogs {
                self.switch(plan, change, lease, &mut log)?;
                applied.catalogs.push(change.clone());
            }
            if plan.task == Task::Prune {
                forget(self.state, self.site, plan, self.events, self.limits)?;
            }
            self.delete(plan, lease, &mut log, &mut applied)?;
            self.look_after(plan, &mut applied)?;
            log.append(&Record::Done { plan: plan.id(), deleted: applied.deleted })?;
            // Whoever waits for us would upload into a registry that cleans up.
            if !has_errors(&applied.findings) {
                still_alone(lease)?;
                let reclaimed = self.reclaim(plan, &mut applied);
                if matches!(reclaimed, Ok(Reclaimed::Nexus(_) | Reclaimed::Harbor(_))) {
                    self.kept_is_there(plan, &mut applied)?;
                }
                applied.reclaimed = Some(reclaimed);
            }
            Ok(applied)
        })
    }

    fn may_delete(&self, plan: &VacuumPlan) -> Result<(), AnyFault> {
        let places: Vec<RepositoryRef> = emptied(plan).map(|(name, _)| place(plan, name)).collect();
        workers::for_each(&places, self.jobs, self.events, |repository| {
            let refused = |source| VacuumError::NoDeletion { repository: repository.clone(), source };
            Ok(self.client.may_delete(repository).map_err(refused)?)
        })
    }

    /// Puts a smaller catalog in force, by the same request as an import.
    fn switch(
        &self,
        plan: &VacuumPlan,
        change: &CatalogChange,
        lease: &Lease<'_>,
        log: &mut Journal<Record>,
    ) -> Result<(), AnyFault> {
        let Some(tag) = change.tag.tag.clone() else { return Ok(()) };
        let tag = CatalogTag { repository: change.tag.repository.clone(), tag };
        let found = tag.digest(self.client)?;
        if found == Some(change.after) {
            return Ok(());
        }
        let moved = |found| VacuumError::moved(change, found);
        if found != Some(change.before) {
            return Err(moved(found).into());
        }
        self.events.emit(&Event::Begin { phase: Phase::Merge, items: 1, bytes: 0 });
        let (base, built) = self.rebuilt(change)?;
        let Self { client, jobs, events, limits, .. } = *self;
        still_alone(lease)?;
        Pushing { repository: &tag.repository, client, jobs, events, limits }.generation(
            &built,
            &tag,
            change.generation,
        )?;
        still_alone(lease)?;
        match tag.commit(Some(&base.root), &built.root, change.generation, lease, client)? {
            Commit::Moved | Commit::AlreadyThere => {}
            Commit::Changed { found } => return Err(moved(found).into()),
            Commit::Late => return Err(VacuumError::Late.into()),
        }
        log.append(&Record::Switched {
            plan: plan.id(),
            tag: change.tag.clone(),
            old: change.before,
            new: change.after,
        })?;
        self.events.emit(&Event::End { phase: Phase::Merge });
        Ok(())
    }

    /// What a catalog is now, and what the plan makes of it: exactly that, or an error.
    pub(super) fn rebuilt(&self, change: &CatalogChange) -> Result<(CatalogImage, BuiltImages), AnyFault> {
        let base = self.image(&change.tag.repository, change.before)?;
        let catalog = without(&base.catalog(self.limits).catalog, &change.removed);
        let built = self.build_smaller(&base, &catalog, change.generation)?;
        if built.root.digest() == change.after {
            return Ok((base, built));
        }
        let (built, planned) = (built.root.digest(), change.after);
        Err(VacuumError::OtherCatalog { tag: change.tag.to_string(), built, planned }.into())
    }

    /// Deletes by digest, repository by repository, what lists others before what is listed.
    fn delete(
        &self,
        plan: &VacuumPlan,
        lease: &Lease<'_>,
        log: &mut Journal<Record>,
        applied: &mut Applied,
    ) -> Result<(), AnyFault> {
        self.events.emit(&Event::Begin { phase: Phase::Vacuum, items: plan.totals.gone, bytes: 0 });
        for (name, repository) in emptied(plan) {
            let place = place(plan, name);
            let mut deleted = 0;
            for item in &repository.gone {
                if self.events.interrupted() {
                    return Err(workers::Interrupted.into());
                }
                still_alone(lease)?;
                if self.client.delete_manifest(&place, item.digest)? {
                    deleted += 1;
                } else {
                    applied.gone_before += 1;
                }
                self.events.emit(&Event::Finished { digest: item.digest });
            }
            log.append(&Record::Deleted { plan: plan.id(), repository: name.clone(), manifests: deleted })?;
            applied.deleted += deleted;
        }
        self.events.emit(&Event::End { phase: Phase::Vacuum });
        Ok(())
    }

    /// What went must be gone with its tags, and what stays must be there.
    fn look_after(&self, plan: &VacuumPlan, applied: &mut Applied) -> Result<(), AnyFault> {
        for (name, repository) in emptied(plan) {
            let place = place(plan, name);
            let tags: BTreeSet<Tag> = self.client.tags(&place)?.into_iter().collect();
            // A catalog's own tag leads to the smaller one by now.
            let listed: Vec<&Tag> = repository
                .gone
                .iter()
                .flat_map(|item| &item.tags)
                .filter(|tag| tags.contains(*tag))
                .collect();
            let left = workers::map(&listed, self.jobs, self.events, |tag| {
                let nowhere = self.client.head_manifest(&place, &Target::Tag((*tag).clone()))?.is_none();
                Ok(nowhere.then(|| (name.clone(), (*tag).clone())))
            })?;
            applied.tags_left.extend(left.into_iter().flatten());
        }
        self.kept_is_there(plan, applied)
    }

    /// What stays must be there, after the deletions and after the registry's own clean-up.
    fn kept_is_there(&self, plan: &VacuumPlan, applied: &mut Applied) -> Result<(), AnyFault> {
        for (name, repository) in emptied(plan) {
            let place = place(plan, name);
            let kept: Vec<Digest> = repository.kept.iter().map(|item| item.digest).collect();
            let there = workers::map(&kept, self.jobs, self.events, |digest| {
                Ok(self.client.head_manifest(&place, &Target::Digest(*digest))?.is_some())
            })?;
            let lost = kept.iter().zip(there).filter(|(_, there)| !there);
            applied.findings.extend(lost.map(|(digest, _)| {
                let message = "it was to stay, and the registry has not got it any more";
                Finding::error("KEPT_IS_GONE", place.pin(*digest), message)
                    .hint("import the archive that brought it again before the registry's own clean-up runs")
            }));
        }
        Ok(())
    }
}

/// A repository of the registry that the plan is about.
pub(super) fn place(plan: &VacuumPlan, name: &Repository) -> RepositoryRef {
    RepositoryRef { host: plan.registry.clone(), repository: name.clone() }
}

/// The repositories from which something goes.
pub(super) fn emptied(plan: &VacuumPlan) -> impl Iterator<Item = (&Repository, &RepositoryPlan)> {
    let repositories: &BTreeMap<Repository, RepositoryPlan> = &plan.repositories;
    repositories.iter().filter(|(_, repository)| !repository.gone.is_empty())
}
