//! What gives the space back after manifests were deleted: the registry's own clean-up, run where that is possible, else told.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::fault::AnyFault;
use crate::finding::Finding;
use crate::flow::vacuum::apply::place;
use crate::flow::vacuum::{Applied, Vacuum};
use crate::registry::{Harbor, Nexus, Profile, Target};
use crate::retain::{Task, VacuumPlan};
use crate::site::ProfileName;
use crate::vacuum::{CleanUp, clean_up, clean_up_tasks, harbor_collect, harbor_may_collect};

/// How the space comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reclaimed {
    /// Nexus ran its tasks.
    Nexus(CleanUp),
    /// Harbor collected garbage; the bytes that it freed, where it says so.
    Harbor(Option<u64>),
    /// Somebody has to do this, in words or as a command.
    Told(String),
}

impl Vacuum<'_> {
    /// Whether the clean-up could run; asked before anything is changed.
    pub(super) fn can_reclaim(&self) -> Result<(), AnyFault> {
        if let Some(nexus) = &self.site.spec.nexus {
            clean_up_tasks(&Nexus::at(self.client, &nexus.url)?)?;
        }
        Ok(())
    }

    /// Frees what was let go: on Nexus by its tasks, on Harbor by its garbage collection, elsewhere it is told how.
    pub(super) fn reclaim(&self, plan: &VacuumPlan, applied: &mut Applied) -> Result<Reclaimed, AnyFault> {
        if let Some(spec) = &self.site.spec.nexus {
            let name = match plan.task {
                Task::Empty => spec.staging.as_deref().unwrap_or(&spec.production),
                Task::Prune | Task::Move(_) => &spec.production,
            };
            let nexus = Nexus::at(self.client, &spec.url)?;
            let mut kept = Vec::new();
            for (repository, tag) in std::mem::take(&mut applied.tags_left) {
                let target = Target::Tag(tag.clone());
                if self.client.head_manifest(&place(plan, &repository), &target)?.is_some() {
                    // Somebody has put it again.
                    continue;
                }
                if !nexus.forget_tag(name, &repository, &tag)? {
                    kept.push((repository, tag));
                }
            }
            applied.tags_left = kept;
            let done = clean_up(&nexus, name, self.events)?;
            if done.freed() == 0 && applied.deleted > 0 {
                applied.findings.push(freed_nothing(name, &plan.task));
            }
            return Ok(Reclaimed::Nexus(done));
        }
        let profile = self.client.profile(&plan.registry)?;
        if profile.name == ProfileName::Harbor
            && let Some(done) = self.collect_garbage(plan, applied)?
        {
            return Ok(done);
        }
        Ok(Reclaimed::Told(told(&profile, plan)))
    }

    /// Has Harbor collect garbage; nothing where this account may not.
    fn collect_garbage(
        &self,
        plan: &VacuumPlan,
        applied: &mut Applied,
    ) -> Result<Option<Reclaimed>, AnyFault> {
        let harbor = Harbor::of(self.client, &plan.registry)?;
        if !harbor_may_collect(&harbor)? {
            let message = "this account may not run its garbage collection, so no space is freed yet";
            let hint = "only system administrators may: put such an account into the auth file and run the same command again";
            applied.findings.push(Finding::warning("GC_NOT_ALLOWED", &plan.registry, message).hint(hint));
            return Ok(None);
        }
        let freed = harbor_collect(&harbor, self.events)?;
        if freed == Some(0) && applied.deleted > 0 {
            let message = "its garbage collection freed nothing yet: it spares what was uploaded within the last two hours";
            let hint = "run it again later: Administration, Clean Up, Garbage Collection, GC Now";
            applied.findings.push(Finding::info("GC_SPARED", &plan.registry, message).hint(hint));
        }
        Ok(Some(Reclaimed::Harbor(freed)))
    }
}

/// Nexus ran its tasks, and nothing came of it.
fn freed_nothing(repository: &str, task: &Task) -> Finding {
    let message = "its tasks ran, and nothing was freed";
    let mut hint = format!(
        "in Nexus (System, Tasks) see that `Docker - Delete unused manifests and images` is made for the repository `{repository}`, and \
         that `Admin - Compact blob store` is for its blob store"
    );
    hint.push_str(match task {
        Task::Empty => "; what was uploaded within the hours that the task spares, and layers that production has too, stay",
        Task::Prune | Task::Move(_) => {
            "; what was uploaded within the hours that the task spares, and layers that the staging port still holds, stay: empty it first"
        }
    });
    Finding::warning("NOTHING_FREED", format!("Nexus repository {repository}"), message).hint(hint)
}

fn told(profile: &Profile, plan: &VacuumPlan) -> String {
    match profile.name {
        ProfileName::Distribution => {
            "stop the registry or make it read-only, then run `registry garbage-collect CONFIG.yml` (never \
                                      with `--delete-untagged`: it takes images of indexes away)"
                .to_owned()
        }
        ProfileName::Nexus => format!(
            "{}; with `spec.nexus` in the site file they are run from here. What the staging port still holds frees nothing: empty \
             it first",
            profile.reclaim
        ),
        ProfileName::Quay => quay(profile, plan),
        _ => profile.reclaim.to_owned(),
    }
}

/// How Quay is told to let go at once. Its API takes an access token, which no login to the registry is, and `0s` must be among its
/// `TAG_EXPIRATION_OPTIONS`. Sources: Quay's API (`changeOrganizationDetails`, `tag_expiration_s`) and its configuration fields for
/// tag expiration (`DEFAULT_TAG_EXPIRATION`: two weeks).
fn quay(profile: &Profile, plan: &VacuumPlan) -> String {
    let emptied = plan.repositories.iter().filter(|(_, repository)| !repository.gone.is_empty());
    let organizations: BTreeSet<&str> =
        emptied.filter_map(|(name, _)| name.as_str().split('/').next()).collect();
    let mut text = format!("{}; or set it to nothing, and afterwards back to what it was:", profile.reclaim);
    for organization in organizations {
        let _ = write!(
            text,
            "\n  curl -X PUT -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' -d '{{\"tag_expiration_s\": 0}}' \
             https://{}/api/v1/organization/{organization}",
            plan.registry
        );
    }
    text
}
