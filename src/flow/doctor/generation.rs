//! The generations of production: whether journal and registry tell the same story, and what was passed over.

use crate::digest::Digest;
use crate::fault::{AnyFault, Exit};
use crate::finding::Finding;
use crate::flow::doctor::Doctor;
use crate::flow::doctor::report::Question;
use crate::flow::doctor::sheet::Sheet;
use crate::flow::history::Historian;
use crate::flow::import::{generation, state_repository};
use crate::flow::record::{History, Log, Record};
use crate::store::journal::Journal;
use crate::trust::TrustSet;

/// A generation, and its inventory.
type Floor = Option<(u64, Digest)>;

impl Doctor<'_> {
    /// Compares the journal with what production keeps of it.
    pub(super) fn generation(&self, sheet: &mut Sheet) -> Result<(), AnyFault> {
        let question = Question::Generation;
        let Ok(trust) = self.trust else {
            sheet.unasked_for(&[question], Question::Trust);
            return Ok(());
        };
        let (here, there, passed_over) = match self.known(trust) {
            Ok(known) => known,
            Err(fault) if fault.exit() == Exit::Interrupted => return Err(fault),
            Err(fault) => {
                sheet.failed(question, "GENERATION", &*fault);
                return Ok(());
            }
        };
        let number = |floor: Floor| floor.map_or_else(|| "none".to_owned(), |(last, _)| last.to_string());
        let told = format!("production keeps {}, the journal {}", number(there), number(here));
        let subject = state_repository(&self.site.spec.production.registry)?.to_string();
        sheet.found(question, told, compared(here, there, subject).into_iter().chain(passed_over));
        Ok(())
    }

    /// What is in force by the journal and by production, and the archives that never came into force.
    fn known(&self, trust: &TrustSet) -> Result<(Floor, Floor, Vec<Finding>), AnyFault> {
        let Self { site, client, events, limits, .. } = *self;
        let records: Vec<Record> = Journal::read(&Log::path(self.state))?;
        let host = &site.spec.production.registry;
        let there = generation::latest(host, site.name(), trust, client, events, limits)?;
        // Not what was packed: what lies on this machine may still be on its way.
        let (packed, vacuums) = (&[], &[]);
        let historian =
            Historian { site, trust, packed, records: &records, vacuums, client: Some(client), limits };
        let there = there.map(|floor| (floor.sequence, floor.inventory));
        Ok((History(&records).in_force(), there, historian.passed_over()?))
    }
}

/// What speaks against both being of one production.
fn compared(here: Floor, there: Floor, subject: String) -> Option<Finding> {
    match (here, there) {
        (Some(here), Some(there)) if here.0 == there.0 && here.1 != there.1 => {
            let message = format!("generation {} is another archive there than here", here.0);
            let hint = "find out which of both production should have; an archive with a higher number ends the dispute";
            Some(Finding::error("GENERATION_DISPUTED", subject, message).hint(hint))
        }
        (Some((here, _)), there) if there.is_none_or(|(there, _)| there < here) => {
            let message =
                format!("the journal ends with generation {here}, and production does not know of it");
            let hint = "is this the production that the journal is of? If its storage was set back, run the last import again";
            Some(Finding::warning("GENERATION_LOST", subject, message).hint(hint))
        }
        (here, Some((there, _))) if here.is_none_or(|(here, _)| here < there) => {
            let message =
                format!("generation {there} was imported from another machine, and holds here, too");
            Some(Finding::info("GENERATION_ELSEWHERE", subject, message))
        }
        _ => None,
    }
}
