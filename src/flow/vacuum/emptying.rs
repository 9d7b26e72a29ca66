//! Staging emptied: what production holds too, or nobody needs, goes from the port where archives arrive.
//!
//! At the end of a cycle nothing in staging is needed, and on Nexus what it holds keeps production's layers from being freed. After
//! what is used moved to the other port, this empties the former production.

use std::collections::BTreeSet;

use crate::event::{Event, Phase};
use crate::fault::AnyFault;
use crate::finding::Finding;
use crate::flow::import::state_repository;
use crate::flow::vacuum::Vacuum;
use crate::flow::vacuum::apply::emptied;
use crate::flow::vacuum::error::VacuumError;
use crate::flow::vacuum::plan::{Cut, Known, needs};
use crate::flow::vacuum::pointing::pointing_to;
use crate::promote::is_lease;
use crate::reference::{PinnedRef, Repository, Tag};
use crate::retain::{Keep, Listing, Reason, Rule, Task, VacuumPlan};
use crate::text::counted;
use crate::transfer::{Proof, closure};

impl Vacuum<'_> {
    /// Says what staging need not hold: everything that production holds, and what nothing speaks for. Writes nothing.
    pub fn plan_emptying(&self) -> Result<VacuumPlan, AnyFault> {
        let (here, there) = (self.list()?, self.list_staging()?);
        let Known { mut keep, catalogs, mut obstacles } = self.know(&here, Cut::Nothing)?;
        needs(&mut keep, catalogs.for_now);
        obstacles.extend(self.strangers(&there)?);
        obstacles.extend(pointing_to(self.clusters, &there.host).into_iter().map(|(object, what)| {
            let message = format!("it names {what}, which would be emptied: nothing is let go");
            Finding::warning("POINTS_TO_STAGING", object, message)
                .hint("point it to production, make a new dump, then plan again")
        }));
        keep.all = obstacles.first().map(|finding| finding.code.clone());
        self.silence(&mut keep, &here, &there)?;
        let mut plan = self.laid_out(&there, &keep, std::collections::BTreeMap::new()).plan;
        plan.task = Task::Empty;
        let copies = self.kept_by_nexus(&plan);
        plan.findings = obstacles
            .into_iter()
            .chain(catalogs.findings)
            .chain(copies)
            .chain(self.moved_before()?)
            .collect();
        Ok(plan.sealed())
    }

    /// Staging as it is, with the generations that it keeps if it was production once.
    pub(super) fn list_staging(&self) -> Result<Listing, AnyFault> {
        let host = &self.site.spec.staging.registry;
        let state = state_repository(host)?.repository;
        self.list_at(host, |name| *name == state)
    }

    /// What production holds needs no copy here, and tags of catalogs, releases and leases ask for none.
    fn silence(&self, keep: &mut Keep, here: &Listing, there: &Listing) -> Result<(), AnyFault> {
        keep.former.clear();
        let by = Reason::new(Rule::Elsewhere, &here.host);
        for (name, seen) in &there.repositories {
            let held = here.repositories.get(name).map(|seen| &seen.manifests);
            let both = seen.manifests.keys().filter(|digest| held.is_some_and(|it| it.contains_key(*digest)));
            keep.elsewhere.extend(both.map(|digest| ((name.clone(), *digest), by.clone())));
        }
        let releases: BTreeSet<Repository> =
            self.mapping.releases()?.into_iter().map(|(_, place)| place).collect();
        let quiet = |name: &Repository, tag: &Tag| releases.contains(name) || is_lease(tag);
        let tags =
            there.repositories.iter().flat_map(|(name, seen)| seen.tags.keys().map(move |tag| (name, tag)));
        let quiet = tags.filter(|(name, tag)| quiet(name, tag));
        keep.quiet_tags.extend(quiet.map(|(name, tag)| (name.clone(), tag.clone())));
        Ok(())
    }

    /// Nexus keeps a layer as long as any of its docker repositories has it (support.sonatype.com 22490107929619).
    fn kept_by_nexus(&self, plan: &VacuumPlan) -> Option<Finding> {
        let copies = emptied(plan).flat_map(|(_, repository)| &repository.gone);
        let copies =
            copies.filter(|item| item.why.iter().any(|reason| reason.rule == Rule::Elsewhere)).count();
        (self.site.spec.nexus.is_some() && copies > 0).then(|| {
            let message = format!(
                "production has {} of those that go: Nexus keeps layers that another of its repositories has, so less room may come \
                 back than is said here",
                counted(copies, "manifest")
            );
            Finding::info("PRODUCTION_HOLDS_TOO", &plan.registry, message).hint(
                "to have all of it back, delete this repository in Nexus once it is emptied, and make it anew with the same connector",
            )
        })
    }

    /// What goes because production holds it is there whole: every manifest is read, every blob asked for.
    pub(super) fn held_by_production(&self, plan: &VacuumPlan) -> Result<(), AnyFault> {
        let mut images: Vec<PinnedRef> = Vec::new();
        for (name, repository) in emptied(plan) {
            let copies = repository.gone.iter();
            let copies = copies.filter(|item| item.why.iter().any(|reason| reason.rule == Rule::Elsewhere));
            let place = self.site.in_production(name.clone());
            images.extend(copies.map(|item| place.pin(item.digest)));
        }
        let Self { site, client, jobs, events, limits, .. } = *self;
        events.emit(&Event::Begin { phase: Phase::Check, items: images.len() as u64, bytes: 0 });
        let found = closure(&images, &site.spec.platforms, &Proof::sizes(), client, jobs, events, limits)?;
        events.emit(&Event::End { phase: Phase::Check });
        let Some(first) = found.absences.first() else { return Ok(()) };
        let first_text = format!("{}, {} of it: {}", first.image, first.digest, first.why);
        Err(VacuumError::NotHeld { count: found.absences.len(), first: first_text }.into())
    }
}
