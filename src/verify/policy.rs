//! What a site demands of an archive beyond good signatures.

use crate::archive::{Inventory, Moment, Name, Text};
use crate::digest::Digest;
use crate::finding::Finding;
use crate::trust::Signature;
use crate::verify::{Reason, Refusal};

/// What a site demands of an archive.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The clock of this machine.
    pub now: Moment,
    /// The latest time that was ever seen here, when known: the clock must not be behind it.
    pub seen: Option<Moment>,
    /// This site. Without it an archive for one site cannot be told from one for any, and a finding says so.
    pub site: Option<Name>,
    /// The stream of generations that this site takes; any when absent.
    pub channel: Option<Name>,
    /// What was imported last, when anything was.
    pub floor: Option<Floor>,
    /// How far past the floor an archive's number may be: a stolen key must not lock the site out with a huge one.
    pub jump: u64,
    /// Why an archive is taken although the clock speaks against it. The reason is recorded.
    pub accept_time: Option<Text>,
    /// Signatures that lie beside the archive, of keys that did not sign inside: they count like its own.
    pub cosignatures: Vec<Signature>,
}

/// The last imported archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Floor {
    /// Its generation.
    pub sequence: u64,
    /// Digest of its inventory.
    pub inventory: Digest,
}

impl Policy {
    /// Generations that may be left out.
    pub const JUMP: u64 = 1000;

    /// Demands nothing but that the archive is valid now.
    pub fn at(now: Moment) -> Self {
        Self {
            now,
            seen: None,
            site: None,
            channel: None,
            floor: None,
            jump: Self::JUMP,
            accept_time: None,
            cosignatures: Vec::new(),
        }
    }

    /// Judges an inventory: target, channel, floor, time.
    pub(super) fn judge(&self, inventory: &Inventory, refused: &mut Vec<Refusal>, notes: &mut Vec<Finding>) {
        let mut reasons = Vec::new();
        self.judge_target(inventory, &mut reasons, notes);
        self.judge_floor(inventory, &mut reasons, notes);
        self.judge_time(inventory, &mut reasons, notes);
        let offset = inventory.members().nth(1).map_or(0, |member| member.span.data);
        refused.extend(reasons.into_iter().map(|reason| Refusal::new("inventory.json", offset, reason)));
    }

    fn judge_target(&self, inventory: &Inventory, reasons: &mut Vec<Reason>, notes: &mut Vec<Finding>) {
        match (&inventory.target, &self.site) {
            (Some(target), Some(site)) if target != site => {
                reasons.push(Reason::Target { target: target.clone(), site: site.clone() });
            }
            (Some(target), None) => {
                let message = "it is for one site, and no site was given to compare with";
                notes.push(Finding::warning("SITE_NOT_COMPARED", format!("target {target}"), message));
            }
            _ => {}
        }
        if let Some(expected) = self.channel.as_ref().filter(|expected| **expected != inventory.channel) {
            reasons.push(Reason::Channel { found: inventory.channel.clone(), expected: expected.clone() });
        }
    }

    fn judge_floor(&self, inventory: &Inventory, reasons: &mut Vec<Reason>, notes: &mut Vec<Finding>) {
        let Some(Floor { sequence: floor, inventory: expected }) = self.floor else { return };
        let sequence = inventory.sequence;
        if sequence < floor {
            reasons.push(Reason::Rollback { sequence, floor });
        } else if sequence == floor {
            if inventory.digest() != expected {
                reasons.push(Reason::Fork { sequence, expected, found: inventory.digest() });
            }
        } else if sequence - floor > self.jump {
            reasons.push(Reason::Jump { sequence, floor, most: self.jump });
        } else {
            match inventory.predecessor {
                Some(before) if before.sequence == floor && before.inventory != expected => {
                    reasons.push(Reason::Predecessor { sequence: floor, expected, found: before.inventory });
                }
                _ if sequence > floor + 1 => {
                    let message = format!("generation {floor} was imported last, and this one is {sequence}");
                    notes.push(Finding::warning(
                        "GENERATIONS_SKIPPED",
                        format!("generation {sequence}"),
                        message,
                    ));
                }
                _ => {}
            }
        }
    }

    fn judge_time(&self, inventory: &Inventory, reasons: &mut Vec<Reason>, notes: &mut Vec<Finding>) {
        let now = self.now;
        let mut against = Vec::new();
        if let Some(seen) = self.seen.filter(|seen| *seen > now) {
            against.push(Reason::ClockBack { seen, now });
        }
        if inventory.expires <= now {
            against.push(Reason::Expired { expires: inventory.expires, now });
        }
        if inventory.not_before > now {
            against.push(Reason::NotYet { from: inventory.not_before, now });
        }
        match &self.accept_time {
            None => reasons.append(&mut against),
            Some(why) => notes.extend(against.into_iter().map(|reason| {
                Finding::warning(
                    "TIME_ACCEPTED",
                    "inventory.json",
                    format!("{reason}; accepted because: {why}"),
                )
            })),
        }
    }
}
