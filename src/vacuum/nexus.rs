//! Nexus's own clean-up: its tasks in their order, each waited for, and what that freed.

use std::time::{Duration, Instant};

use crate::event::{Event, Events};
use crate::fault::{AnyFault, Exit, Fault};
use crate::registry::{Nexus, NexusTask, RegistryError};
use crate::workers::Interrupted;

/// The tasks that must be there, in the order in which they run, each with what people see it called. What is deleted is let go by
/// the first and given back by the last.
const TASKS: [(&str, &str); 2] = [
    ("repository.docker.gc", "Docker - Delete unused manifests and images"),
    ("blobstore.compact", "Admin - Compact blob store"),
];
/// Tasks that run as well where somebody made them: before the others, and between them.
const MORE: [&str; 2] = ["repository.docker.upload-purge", "assetBlob.cleanup"];

/// Between two looks at a task that runs.
const POLL: Duration = Duration::from_millis(500);
/// No clean-up of a mirror takes so long.
const PATIENCE: Duration = Duration::from_hours(12);

/// The clean-up cannot run, or did not get to its end.
#[derive(Debug, thiserror::Error)]
pub enum CleanUpError {
    /// Somebody must make the tasks first.
    #[error("Nexus has no task of type `{kind}` (`{title}`)")]
    NoTask {
        /// The type.
        kind: &'static str,
        /// What people see.
        title: &'static str,
    },
    /// It ran and did not succeed.
    #[error("the task `{name}` ended with {result}")]
    Failed {
        /// What people called it.
        name: String,
        /// What Nexus says.
        result: String,
    },
    /// It runs and runs.
    #[error("the task `{name}` still runs")]
    Endless {
        /// What people called it.
        name: String,
    },
}

impl Fault for CleanUpError {
    fn exit(&self) -> Exit {
        match self {
            Self::NoTask { .. } => Exit::Prerequisite,
            Self::Failed { .. } | Self::Endless { .. } => Exit::Registry,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoTask { title, .. } => format!(
                "make it once in Nexus: Administration, System, Tasks, Create task, `{title}`, to be run by hand, for the repositories \
                 behind both ports (they change places when production moves) and their blob store"
            ),
            Self::Failed { .. } | Self::Endless { .. } => {
                "look at it in the registry's administration (Nexus: System, Tasks; Harbor: Clean Up); then run the same command \
                 again"
                    .to_owned()
            }
        })
    }
}

/// What a clean-up came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CleanUp {
    /// The tasks that ran, by the names that people gave them.
    pub ran: Vec<String>,
    /// The blob store that was measured; nothing where all of them were.
    pub store: Option<String>,
    /// Its bytes before.
    pub before: u64,
    /// Its bytes after.
    pub after: u64,
}

/// The tasks that a clean-up runs, in order; an error where one is missing that must be there.
pub fn tasks(nexus: &Nexus<'_>) -> Result<Vec<NexusTask>, AnyFault> {
    let [(collect, _), (compact, _)] = TASKS;
    let [purge, assets] = MORE;
    let mut all = Vec::new();
    for kind in [purge, collect, assets, compact] {
        let found = nexus.tasks(kind)?;
        match TASKS.iter().find(|(needed, _)| *needed == kind) {
            Some((kind, title)) if found.is_empty() => {
                return Err(CleanUpError::NoTask { kind, title }.into());
            }
            _ => all.extend(found),
        }
    }
    Ok(all)
}

impl CleanUp {
    /// The bytes that came back.
    pub fn freed(&self) -> u64 {
        self.before.saturating_sub(self.after)
    }
}

/// The blob store of a repository, where this account may see that.
fn store_of(nexus: &Nexus<'_>, repository: &str) -> Result<Option<String>, AnyFault> {
    let all = match nexus.repositories() {
        Err(
            RegistryError::Unauthorized { .. }
            | RegistryError::Denied { .. }
            | RegistryError::NotFound { .. },
        ) => {
            return Ok(None);
        }
        all => all?,
    };
    let storage = all.into_iter().find(|one| one.name == repository).and_then(|one| one.storage);
    Ok(storage.map(|storage| storage.blob_store_name).filter(|name| !name.is_empty()))
}

/// Runs the tasks one after the other, each to its end. What `repository` keeps its layers in is measured before and after.
pub fn clean_up(nexus: &Nexus<'_>, repository: &str, events: &dyn Events) -> Result<CleanUp, AnyFault> {
    let store = store_of(nexus, repository)?;
    let bytes = || -> Result<u64, AnyFault> {
        let stores = nexus.blob_stores()?;
        let measured = stores.iter().filter(|one| store.as_ref().is_none_or(|name| one.name == *name));
        Ok(measured.map(|store| store.total_size_in_bytes).sum())
    };
    let tasks = tasks(nexus)?;
    let mut done = CleanUp { before: bytes()?, ..CleanUp::default() };
    for task in tasks {
        events.emit(&Event::Note { text: &format!("Nexus runs `{}`", task.name) });
        finish(nexus, &task, events)?;
        done.ran.push(task.name);
    }
    done.after = bytes()?;
    Ok(CleanUp { store, ..done })
}

/// Runs a task and waits for its end; one that runs already is waited for first.
fn finish(nexus: &Nexus<'_>, task: &NexusTask, events: &dyn Events) -> Result<(), AnyFault> {
    let begun = Instant::now();
    let idle = |since: Option<&NexusTask>| -> Result<NexusTask, AnyFault> {
        loop {
            let now = nexus.task(&task.id)?;
            // It may still seem to wait when it was told to run.
            if now.current_state == "WAITING" && since.is_none_or(|since| since.last_run != now.last_run) {
                return Ok(now);
            }
            if events.interrupted() {
                return Err(Interrupted.into());
            }
            if begun.elapsed() > PATIENCE {
                return Err(CleanUpError::Endless { name: task.name.clone() }.into());
            }
            std::thread::sleep(POLL);
        }
    };
    let before = idle(None)?;
    nexus.run(&task.id)?;
    match idle(Some(&before))?.last_run_result {
        Some(result) if result == "OK" => Ok(()),
        result => {
            let result = result.unwrap_or_else(|| "nothing".to_owned());
            Err(CleanUpError::Failed { name: task.name.clone(), result }.into())
        }
    }
}
