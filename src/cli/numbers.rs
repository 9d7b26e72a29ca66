//! Numbers of archives: which were given away on this host, so that no two archives get the same one.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::archive::{Inventory, Name};
use crate::cli::Context;
use crate::cli::access::usual_folder;
use crate::cli::failure::Failure;
use crate::cli::inputs::SiteFile;
use crate::digest::Digest;
use crate::plan::{PackedArchive, Plan, believe};
use crate::store::files::{self, StoreError};
use crate::store::journal::Journal;
use crate::store::lock::Lock;

/// Another process writes one line; this is longer than that takes.
const PATIENCE: Duration = Duration::from_secs(10);

/// The records of one channel: the user's own, which also hold where no site file is named, and the site's, which goes where the
/// site's folder goes.
pub(super) struct Numbers {
    channel: Name,
    records: Vec<PathBuf>,
}

impl Numbers {
    /// Those of a channel, and of the site that it is for, as far as they are at hand.
    pub(super) fn of(channel: &str, site: Option<&SiteFile>, context: &Context) -> Result<Self, Failure> {
        let channel: Name = channel.parse()?;
        let own = usual_folder(context, "XDG_STATE_HOME", ".local/state");
        let own = own.map(|folder| folder.join(format!("packed/{}.jsonl", channel.as_str())));
        let records = own.into_iter().chain(site.map(|site| site.state().join("packed.jsonl"))).collect();
        Ok(Self { channel, records })
    }

    /// Whether nothing is written down anywhere.
    pub(super) fn is_forgetful(&self) -> bool {
        self.records.is_empty()
    }

    /// The archive with the highest number.
    pub(super) fn last(&self) -> Result<Option<PackedArchive>, Failure> {
        Ok(self.all()?.into_iter().max_by_key(|given| given.sequence))
    }

    /// Every archive that is written down, be it in two places.
    pub(super) fn all(&self) -> Result<Vec<PackedArchive>, Failure> {
        let mut all = Vec::new();
        for path in &self.records {
            let record = Journal::<PackedArchive>::read(path).map_err(broken)?;
            believe(&path.display().to_string(), self.channel.as_str(), &record)?;
            all.extend(record);
        }
        Ok(all)
    }

    /// Refuses a number that another archive has, or that lies before one: the site takes only one of them.
    pub(super) fn check(&self, inventory: &Inventory) -> Result<(), Failure> {
        let wanted = (inventory.sequence, inventory.digest());
        let taken = self
            .all()?
            .into_iter()
            .find(|given| given.sequence >= wanted.0 && (given.sequence, given.inventory) != wanted);
        let Some(given) = taken else { return Ok(()) };
        Err(Failure::usage(format!(
            "generation {} was packed already, and this plan would make another generation {}",
            given.sequence, inventory.sequence
        ))
        .hint("make a new plan: it takes the next number; or give one with `--sequence`"))
    }

    /// Writes down that the number is this archive's. To be done before the archive has its name: a number that no archive has is a
    /// hole, which does no harm; one that two have, does.
    pub(super) fn take(&self, inventory: &Inventory, plan: &Plan, archive: &Path) -> Result<(), Failure> {
        let mut locks = Vec::new();
        for path in &self.records {
            files::create_private_folder(path.parent().unwrap_or(Path::new(".")))?;
            locks.push(lock(&files::beside(path, "lock"))?);
        }
        self.check(inventory)?;
        let given = {
            let archive = std::path::absolute(archive).unwrap_or_else(|_| archive.to_owned());
            let digest = Digest::of(plan.to_json()?.as_bytes());
            PackedArchive::of(inventory, (plan, digest), archive.display().to_string())
        };
        for path in &self.records {
            let mut journal = Journal::<PackedArchive>::open(path)?;
            if !journal.records().iter().any(|known| known.inventory == given.inventory) {
                journal.append(&given)?;
            }
        }
        Ok(())
    }
}

/// A record that was edited: the archives in it are unknown now, and their numbers too.
fn broken(error: StoreError) -> Failure {
    let hint = match &error {
        StoreError::Journal { path, .. } => Some(format!(
            "keep `{}` as evidence and move it away; then plan with `--report`, or with `--full` and a `--sequence` above the last",
            path.display()
        )),
        _ => None,
    };
    let failure = Failure::from(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Takes a lock that is held for moments only.
fn lock(path: &Path) -> Result<Lock, StoreError> {
    let end = Instant::now() + PATIENCE;
    loop {
        match Lock::take(path) {
            Err(StoreError::Locked { .. }) if Instant::now() < end => {
                std::thread::sleep(Duration::from_millis(20));
            }
            taken => return taken,
        }
    }
}
