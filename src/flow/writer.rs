//! One writer at a time: on this machine by a lock, in production by the lease that its claimant may take.

use std::path::Path;
use std::time::Duration;

use crate::event::Events;
use crate::fault::AnyFault;
use crate::promote::Claimant;
use crate::registry::Client;
use crate::store::files;
use crate::store::lock::{Lock, identity};

/// The only one on this machine that writes for a site, until it is dropped.
pub(in crate::flow) struct SoleWriter {
    lock: Lock,
    name: String,
}

impl SoleWriter {
    /// Locks the state folder of a site, which is made where there is none.
    pub(in crate::flow) fn of(state: &Path) -> Result<Self, AnyFault> {
        files::create_private_folder(state)?;
        Ok(Self { lock: Lock::take(&state.join("lock"))?, name: identity(&state.join("name"))? })
    }

    /// Who asks other machines to wait, and for how long lets himself be kept waiting by one that died.
    pub(in crate::flow) fn claimant<'a>(
        &'a self,
        client: &'a Client,
        events: &'a dyn Events,
        patience: Duration,
    ) -> Claimant<'a> {
        Claimant { name: &self.name, holder: self.lock.holder(), patience, client, events }
    }
}
