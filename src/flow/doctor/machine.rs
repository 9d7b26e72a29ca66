//! The machine that asks: the folder of the journal, and what the system allows.

use crate::finding::Finding;
use crate::flow::doctor::Doctor;
use crate::flow::doctor::report::{Part, Question};
use crate::flow::doctor::sheet::Sheet;
use crate::store::files::{self, StoreError};
use crate::store::lock::Lock;
use crate::store::medium_copy::free_bytes;
use crate::text::{counted, human_bytes};

/// Journal, records and the receipt of a large site are some megabytes.
const STATE_BYTES: u64 = 64 << 20;
/// Files that are open besides connections.
const FILES: u64 = 64;
/// Files that a transfer has open: both ends, and the volume it reads.
const FILES_EACH: u64 = 4;

impl Doctor<'_> {
    pub(super) fn machine(&self) -> Sheet {
        let mut sheet = Sheet::of(Part::Machine, None);
        let subject = format!("state folder {}", self.state.display());
        let folder = files::nearest_folder(self.state);
        let mut told = self.state.display().to_string();
        if folder != self.state {
            told.push_str(" is still to be made");
        }
        let writable = files::is_writable(folder);
        let findings = (!writable).then(|| {
            Finding::error("STATE_READ_ONLY", &subject, format!("`{}` cannot be written", folder.display()))
                .hint("give this user the right to write there, or name another folder with `state` in the site file")
        });
        sheet.found(Question::State, told, findings);
        self.lock(&mut sheet, &subject);
        self.space(&mut sheet, &subject);
        self.open_files(&mut sheet);
        match self.trust {
            Ok(trust) => sheet.ok(
                Question::Trust,
                format!("{} of the site's keys must have signed an archive", trust.threshold()),
            ),
            Err(why) => {
                let finding = Finding::error("TRUST", "spec.trust of the site file", why)
                    .hint("lay the public keys beside the site file; `ombundle key show FILE` reads one");
                sheet.found(Question::Trust, why, [finding]);
            }
        }
        sheet
    }

    fn lock(&self, sheet: &mut Sheet, subject: &str) {
        let path = self.state.join("lock");
        if !path.exists() {
            sheet.ok(Question::Lock, "nobody works there");
            return;
        }
        match Lock::take(&path) {
            Ok(_) => sheet.ok(Question::Lock, "nobody works there"),
            Err(error @ StoreError::Locked { .. }) => {
                let finding = Finding::warning("LOCKED", subject, &error)
                    .hint("wait until it is done: one import at a time");
                sheet.found(Question::Lock, error.to_string(), [finding]);
            }
            Err(error) => sheet.failed(Question::Lock, "STATE_UNREADABLE", &error),
        }
    }

    fn space(&self, sheet: &mut Sheet, subject: &str) {
        match free_bytes(files::nearest_folder(self.state)) {
            Ok(Some(free)) => {
                sheet.found(Question::Space, format!("{} free", human_bytes(free)), cramped(free, subject));
            }
            Ok(None) => sheet.unasked(&[Question::Space], "the system does not say what is free"),
            Err(error) => sheet.failed(Question::Space, "STATE_UNREADABLE", &error),
        }
    }

    fn open_files(&self, sheet: &mut Sheet) {
        let needed = FILES + FILES_EACH * self.jobs as u64;
        let Some(most) = files::most_open() else {
            sheet.ok(Question::OpenFiles, "no limit");
            return;
        };
        let findings = (most < needed).then(|| {
            let message = format!(
                "{most} files may be open, and {} at once need about {needed}",
                counted(self.jobs, "transfer")
            );
            Finding::warning("OPEN_FILES", sheet.subject(), message)
                .hint(format!("run `ulimit -n {needed}` first, or ask for fewer transfers with `-j`"))
        });
        sheet.found(Question::OpenFiles, format!("{most} may be open"), findings);
    }
}

/// That what is free is not enough for journal and records, where it is not.
fn cramped(free: u64, subject: &str) -> Option<Finding> {
    (free < STATE_BYTES).then(|| {
        let message = format!("{} are free for journal and records", human_bytes(free));
        Finding::error("STATE_SPACE", subject, message)
            .hint(format!("make room: {} at least", human_bytes(STATE_BYTES)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_needs_some_room() {
        assert_eq!(cramped(STATE_BYTES, "state"), None);
        assert_eq!(cramped(STATE_BYTES - 1, "state").unwrap().code, "STATE_SPACE");
    }
}
