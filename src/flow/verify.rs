//! `verify` on all cores: the pure checks of an opened archive, shared out to threads.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};

use crate::archive::ReadAt;
use crate::event::{Event, Events, Phase};
use crate::limits::Limits;
use crate::trust::TrustSet;
use crate::verify::{self, Policy, Refusal, Refused, VerifiedArchive};
use crate::workers;

/// How much is read at a time.
const CHUNK: usize = 1 << 20;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; CHUNK]);
}

/// Looks at every byte of an archive. All that is wrong with it is said at once.
pub fn verify(
    source: Arc<dyn ReadAt>,
    trust: &TrustSet,
    policy: &Policy,
    events: &dyn Events,
    limits: &Limits,
) -> Result<VerifiedArchive, Refused> {
    let opened = verify::open(source, trust, policy, limits)?;
    let refusals: Mutex<Vec<Refusal>> = Mutex::default();
    let passed = {
        let mut checks = opened.checks();
        // The largest first: the cores get done at about the same time.
        checks.sort_by_key(|check| std::cmp::Reverse(check.bytes()));
        let bytes = checks.iter().map(verify::Check::bytes).sum();
        events.emit(&Event::Begin { phase: Phase::Verify, items: checks.len() as u64, bytes });
        let cores = workers::cores();
        let outcome = workers::map(&checks, cores, events, |check| {
            let result = BUFFER.with_borrow_mut(|buffer| check.run(buffer, events));
            if let Some(entry) = check.entry() {
                events.emit(&Event::Finished { digest: entry.digest });
            }
            match result {
                Ok(passed) => Ok(Some(passed)),
                Err(refusal) => {
                    refusals.lock().unwrap_or_else(PoisonError::into_inner).push(refusal);
                    Ok(None)
                }
            }
        });
        // A check never fails as such: what ends the work early is the person.
        outcome.map_err(|_| Refused::interrupted())?.into_iter().flatten().collect()
    };
    events.emit(&Event::End { phase: Phase::Verify });
    let mut refusals = refusals.into_inner().unwrap_or_else(PoisonError::into_inner);
    refusals.sort_by_key(|refusal| refusal.offset);
    match Refused::by(refusals) {
        Some(refused) => Err(refused),
        None => opened.conclude(passed),
    }
}
