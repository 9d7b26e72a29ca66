//! What gives the space back after manifests were deleted: the registry's own clean-up, run where that is possible, else told.

use crate::fault::AnyFault;
use crate::flow::vacuum::{Applied, Vacuum};
use crate::registry::{Nexus, Profile};
use crate::retain::VacuumPlan;
use crate::site::ProfileName;
use crate::vacuum::{CleanUp, clean_up, clean_up_tasks};

/// How the space comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reclaimed {
    /// Nexus ran its tasks.
    Nexus(CleanUp),
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

    /// Frees what was let go: on Nexus by its tasks, elsewhere it is told how.
    pub fn reclaim(&self, plan: &VacuumPlan, applied: &mut Applied) -> Result<Reclaimed, AnyFault> {
        let Some(spec) = &self.site.spec.nexus else {
            let profile = self.client.profile(&plan.registry)?;
            return Ok(Reclaimed::Told(told(&profile)));
        };
        let nexus = Nexus::at(self.client, &spec.url)?;
        let mut kept = Vec::new();
        for (repository, tag) in std::mem::take(&mut applied.tags_left) {
            if !nexus.forget_tag(&spec.production, &repository, &tag)? {
                kept.push((repository, tag));
            }
        }
        applied.tags_left = kept;
        Ok(Reclaimed::Nexus(clean_up(&nexus, self.events)?))
    }
}

fn told(profile: &Profile) -> String {
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
        _ => profile.reclaim.to_owned(),
    }
}
