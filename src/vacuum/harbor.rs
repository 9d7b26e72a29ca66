//! Harbor's garbage collection: begun, waited for, and what it says that it freed.

use std::time::{Duration, Instant};

use crate::event::{Event, Events};
use crate::fault::AnyFault;
use crate::registry::{Harbor, HarborRun, RegistryError};
use crate::vacuum::CleanUpError;
use crate::workers::Interrupted;

/// Between two looks at a run.
const POLL: Duration = Duration::from_millis(500);
/// No clean-up of a mirror takes so long.
const PATIENCE: Duration = Duration::from_hours(12);
/// It runs once a minute at most; so long is asked again.
const BUSY: Duration = Duration::from_mins(2);

/// Whether this account may run it, found out without running it.
pub fn may_collect(harbor: &Harbor<'_>) -> Result<bool, RegistryError> {
    match harbor.last_run() {
        Ok(_) => Ok(true),
        Err(RegistryError::Unauthorized { .. } | RegistryError::Denied { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Runs it to its end; one that runs already is waited for first, since it may have looked before the deletions. The bytes that it
/// freed, where it says so.
pub fn collect(harbor: &Harbor<'_>, events: &dyn Events) -> Result<Option<u64>, AnyFault> {
    let before = harbor.last_run()?;
    if let Some(running) = before.as_ref().filter(|run| !run.is_over()) {
        finish(harbor, running.id, events)?;
    }
    let last = before.map_or(0, |run| run.id);
    events.emit(&Event::Note { text: "Harbor collects garbage" });
    begin(harbor, events)?;
    let begun = Instant::now();
    let run = loop {
        match harbor.last_run()?.filter(|run| run.id > last) {
            Some(run) => break run,
            None => pause(begun, BUSY, events)?,
        }
    };
    let run = finish(harbor, run.id, events)?;
    if run.job_status.eq_ignore_ascii_case("success") {
        Ok(run.freed())
    } else {
        Err(CleanUpError::Failed { name: NAME.to_owned(), result: run.job_status }.into())
    }
}

/// What people see it called.
const NAME: &str = "Garbage Collection";

/// Tells it to begin, again as long as it says that it is not time (409).
fn begin(harbor: &Harbor<'_>, events: &dyn Events) -> Result<(), AnyFault> {
    let begun = Instant::now();
    loop {
        match harbor.collect() {
            Err(RegistryError::Status { status: 409, .. }) => pause(begun, BUSY, events)?,
            done => return Ok(done?),
        }
    }
}

fn finish(harbor: &Harbor<'_>, id: u64, events: &dyn Events) -> Result<HarborRun, AnyFault> {
    let begun = Instant::now();
    loop {
        let run = harbor.run(id)?;
        if run.is_over() {
            return Ok(run);
        }
        pause(begun, PATIENCE, events)?;
    }
}

fn pause(begun: Instant, patience: Duration, events: &dyn Events) -> Result<(), AnyFault> {
    if events.interrupted() {
        return Err(Interrupted.into());
    }
    if begun.elapsed() > patience {
        return Err(CleanUpError::Endless { name: NAME.to_owned() }.into());
    }
    std::thread::sleep(POLL);
    Ok(())
}
