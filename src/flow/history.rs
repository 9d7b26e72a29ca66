//! A site's history: what this machine recorded, laid beside what production itself keeps.
//!
//! Nothing of it is a store of its own: the record of packed archives, the journals of imports and vacuums, and the signed inventories
//! below `ombundle/state` are. What only production knows is told from there, so that a lost folder of records loses no history.

use std::collections::{BTreeMap, BTreeSet};

use crate::archive::Inventory;
use crate::digest::Digest;
use crate::fault::AnyFault;
use crate::finding::Finding;
use crate::flow::import::generation::{self, Kept};
use crate::flow::record::{Origin, Record};
use crate::flow::vacuum::record::Record as Vacuumed;
use crate::limits::Limits;
use crate::plan::PackedArchive;
use crate::promote::{CatalogTag, pointed_to};
use crate::registry::{Client, Target};
use crate::site::{
    CatalogMirror, GenerationState, KnownBy, ReceiptStep, ReturnState, Site, SiteHistory, Stage, VacuumState,
};
use crate::trust::TrustSet;

/// Who tells a site's history.
pub struct Historian<'a> {
    /// The site.
    pub site: &'a Site,
    /// Whose signatures under generations count.
    pub trust: &'a TrustSet,
    /// What was packed for it on this machine.
    pub packed: &'a [PackedArchive],
    /// The journal of imports.
    pub records: &'a [Record],
    /// The journal of vacuums.
    pub vacuums: &'a [Vacuumed],
    /// Asks production; nothing where it is out of reach.
    pub client: Option<&'a Client>,
    /// Ceilings.
    pub limits: &'a Limits,
}

/// Archives by number and inventory: two with one number are two.
type Generations = BTreeMap<(u64, Digest), GenerationState>;

impl Historian<'_> {
    /// Tells all of it. What does not fit together is a finding.
    pub fn tell(&self) -> Result<SiteHistory, AnyFault> {
        let (mut all, mut findings) = self.known()?;
        if let Some(client) = self.client {
            self.rebuilt(client, &mut all, &mut findings)?;
        }
        findings.extend(disputed(&all));
        findings.extend(skipped(&all));
        findings.extend(unfinished(&all));
        Ok(SiteHistory {
            format: SiteHistory::FORMAT.to_owned(),
            site: self.site.name().to_owned(),
            asked: self.client.is_some(),
            generations: all.into_values().collect(),
            returns: self.returns(),
            vacuums: self.vacuums(),
            findings,
        })
    }

    /// Names the archives alone that never came into force though later ones did.
    pub fn passed_over(&self) -> Result<Vec<Finding>, AnyFault> {
        Ok(skipped(&self.known()?.0))
    }

    fn known(&self) -> Result<(Generations, Vec<Finding>), AnyFault> {
        let (mut all, mut findings) = (Generations::new(), Vec::new());
        self.packed(&mut all);
        self.imported(&mut all, &mut findings);
        if let Some(client) = self.client {
            self.kept(client, &mut all, &mut findings)?;
        }
        Ok((all, findings))
    }

    fn packed(&self, all: &mut Generations) {
        for packed in self.packed {
            let state = entry(all, packed.sequence, packed.inventory, Stage::Packed);
            state.seen(KnownBy::Record, Stage::Packed);
            state.created = Some(packed.created.clone());
            if let Some(contents) = &packed.contents {
                state.plan = Some(contents.plan);
                state.predecessor = contents.predecessor;
                state.signers.clone_from(&contents.signers);
            }
        }
    }

    /// What the journal says, in its order.
    fn imported(&self, all: &mut Generations, findings: &mut Vec<Finding>) {
        let mut numbers: BTreeMap<Digest, u64> = BTreeMap::new();
        let mut last = 0;
        for record in self.records {
            let (Some(inventory), Some(came)) = (record.inventory(), reached(record)) else { continue };
            if let Record::Begin { generation, .. } | Record::Committed { generation, .. } = record {
                numbers.insert(inventory, *generation);
            }
            let Some(generation) = numbers.get(&inventory).copied() else { continue };
            let state = entry(all, generation, inventory, came);
            state.seen(KnownBy::Journal, came);
            match record {
                Record::Begin { at, reason, origin, .. } => {
                    state.begun.get_or_insert_with(|| at.clone());
                    state.accept_time = reason.clone().or(state.accept_time.take());
                    if let Some(Origin { plan, signers, predecessor }) = origin {
                        state.plan = Some(*plan);
                        state.signers.clone_from(signers);
                        state.predecessor = *predecessor;
                    }
                }
                Record::Committed { at, steps, .. } => {
                    state.imported.push(at.clone());
                    let new = steps.iter().filter(|step| !state.steps.contains(step));
                    let new: Vec<ReceiptStep> = new.cloned().collect();
                    state.steps.extend(new);
                    if generation < last {
                        let message = format!("it came into force after generation {last}");
                        findings.push(replayed(generation, message));
                    }
                    last = last.max(generation);
                }
                _ => {}
            }
        }
    }

    /// What production keeps, each judged by its signatures.
    fn kept(
        &self,
        client: &Client,
        all: &mut Generations,
        findings: &mut Vec<Finding>,
    ) -> Result<(), AnyFault> {
        let (host, site) = (&self.site.spec.production.registry, self.site.name());
        let mut kept = BTreeSet::new();
        for Kept { generation, reference, names_site, found } in
            generation::all(host, site, self.trust, client, self.limits)?
        {
            match found {
                Err(why) => findings.push(
                    Finding::error("GENERATION_FOREIGN", &reference, format!("it is not believed: {why}"))
                        .hint("find out who else may write there; imports heed it no more than this does"),
                ),
                Ok(inventory) if inventory.sequence != generation => {
                    let message =
                        format!("`{reference}` holds generation {} under this number", inventory.sequence);
                    findings.push(replayed(generation, message));
                }
                Ok(inventory) if is_of_another(&inventory, site) => {
                    if names_site {
                        let message = "it was packed for another site";
                        findings.push(Finding::error("GENERATION_FOREIGN", &reference, message));
                    }
                }
                Ok(inventory) => {
                    kept.insert(inventory.digest());
                    signed(all, &inventory);
                }
            }
        }
        let lost = all.values().filter(|state| {
            let changed = state.steps.iter().any(|step| step.before != Some(step.after));
            state.stage == Stage::Imported && changed && !kept.contains(&state.inventory)
        });
        findings.extend(lost.map(|state| {
            let message = "it came into force, and production does not keep its inventory";
            Finding::warning("GENERATION_NOT_KEPT", subject(state.generation), message)
                .hint("import the same archive again if it is the last one: it writes nothing else")
        }));
        Ok(())
    }

    /// What a generation changed that no journal here knows, by the tags that production keeps of each catalog.
    fn rebuilt(
        &self,
        client: &Client,
        all: &mut Generations,
        findings: &mut Vec<Finding>,
    ) -> Result<(), AnyFault> {
        let unknown = |state: &GenerationState| !state.known_by.contains(&KnownBy::Journal);
        let strange = |state: &&mut GenerationState| state.stage == Stage::Imported && unknown(state);
        if !all.values_mut().any(|state| strange(&state)) {
            return Ok(());
        }
        let moves = self.moves(client)?;
        for state in all.values_mut().filter(strange) {
            let of = moves.iter().filter(|(generation, _)| *generation == state.generation);
            state.steps.extend(of.map(|(_, step)| step.clone()));
            let message = "this machine has no record of it: what is told of it is what production keeps";
            findings.push(Finding::info("GENERATION_REBUILT", subject(state.generation), message));
        }
        Ok(())
    }

    /// Each catalog's moves, by generation: what the next one replaced is what this one left.
    fn moves(&self, client: &Client) -> Result<Vec<(u64, ReceiptStep)>, AnyFault> {
        let mut moves = Vec::new();
        for mirror in self.site.spec.catalogs.iter().flat_map(CatalogMirror::both) {
            let tag = CatalogTag::of(self.site, &mirror);
            let mut replaced = BTreeMap::new();
            for (by, name) in tag.kept(&client.tags(&tag.repository)?) {
                let Some(by) = by else { continue };
                if let Some(digest) = pointed_to(client, &tag.repository, &Target::Tag(name))? {
                    replaced.insert(by, digest);
                }
            }
            let Some(current) = tag.digest(client)? else { continue };
            for (by, before) in &replaced {
                let next = replaced.range(by + 1..).next().map_or(current, |(_, digest)| *digest);
                let subject = tag.reference().to_string();
                moves.push((*by, ReceiptStep { subject, before: Some(*before), after: next }));
            }
        }
        Ok(moves)
    }

    fn returns(&self) -> Vec<ReturnState> {
        let mut returns: Vec<ReturnState> = Vec::new();
        for record in self.records {
            match record {
                Record::Return { from, to, tag, old, new } => {
                    let step = ReceiptStep { subject: tag.to_string(), before: Some(*old), after: *new };
                    match returns.last_mut() {
                        Some(last) if last.at.is_none() && (last.from, last.to) == (*from, *to) => {
                            if !last.steps.contains(&step) {
                                last.steps.push(step);
                            }
                        }
                        _ => returns.push(ReturnState { from: *from, to: *to, at: None, steps: vec![step] }),
                    }
                }
                Record::Returned { from, to, at, steps } => match returns.last_mut() {
                    Some(last) if last.at.is_none() && (last.from, last.to) == (*from, *to) => {
                        last.at = Some(at.clone());
                        last.steps.clone_from(steps);
                    }
                    _ => returns.push(ReturnState {
                        from: *from,
                        to: *to,
                        at: Some(at.clone()),
                        steps: steps.clone(),
                    }),
                },
                _ => {}
            }
        }
        returns
    }

    fn vacuums(&self) -> Vec<VacuumState> {
        let mut vacuums: Vec<VacuumState> = Vec::new();
        for record in self.vacuums {
            let (Vacuumed::Begin { plan, .. }
            | Vacuumed::Switched { plan, .. }
            | Vacuumed::Deleted { plan, .. }
            | Vacuumed::Moved { plan, .. }
            | Vacuumed::Done { plan, .. }) = record;
            let at = vacuums.iter().position(|known| known.plan == *plan);
            match (record, at.and_then(|at| vacuums.get_mut(at))) {
                (Vacuumed::Begin { at, .. }, None) => vacuums.push(VacuumState {
                    plan: *plan,
                    at: at.clone(),
                    done: false,
                    to: None,
                    deleted: 0,
                    steps: Vec::new(),
                }),
                (Vacuumed::Switched { tag, old, new, .. }, Some(vacuum)) => vacuum.steps.push(ReceiptStep {
                    subject: tag.to_string(),
                    before: Some(*old),
                    after: *new,
                }),
                (Vacuumed::Deleted { manifests, .. }, Some(vacuum)) => vacuum.deleted += manifests,
                (Vacuumed::Moved { to, .. }, Some(vacuum)) => {
                    vacuum.to = Some(to.clone());
                    vacuum.done = true;
                }
                (Vacuumed::Done { .. }, Some(vacuum)) => vacuum.done = true,
                _ => {}
            }
        }
        vacuums
    }
}

/// How far an archive has come when this is noted; nothing for a way back.
fn reached(record: &Record) -> Option<Stage> {
    match record {
        Record::Begin { .. } => Some(Stage::Begun),
        Record::Staged { .. } => Some(Stage::Staged),
        Record::Promoted { .. } | Record::Prepared { .. } => Some(Stage::Promoted),
        Record::Switched { .. } => Some(Stage::Switched),
        Record::Committed { .. } => Some(Stage::Imported),
        Record::Return { .. } | Record::Returned { .. } => None,
    }
}

fn entry(all: &mut Generations, generation: u64, inventory: Digest, stage: Stage) -> &mut GenerationState {
    all.entry((generation, inventory)).or_insert_with(|| GenerationState::new(generation, inventory, stage))
}

/// Adds what a signed inventory says.
fn signed(all: &mut Generations, inventory: &Inventory) {
    let state = entry(all, inventory.sequence, inventory.digest(), Stage::Imported);
    state.seen(KnownBy::Production, Stage::Imported);
    state.created = Some(inventory.created.to_string());
    state.signers = inventory.signers.iter().map(ToString::to_string).collect();
    state.predecessor = inventory.predecessor.as_ref().map(|before| before.inventory);
}

fn is_of_another(inventory: &Inventory, site: &str) -> bool {
    inventory.target.as_ref().is_some_and(|target| target.as_str() != site)
}

fn subject(generation: u64) -> String {
    format!("generation {generation}")
}

fn replayed(generation: u64, message: String) -> Finding {
    Finding::error("GENERATION_REPLAYED", subject(generation), message)
        .hint("an older archive was passed off for a newer one: find out who may write there")
}

/// Numbers under which two archives came into force.
fn disputed(all: &Generations) -> Vec<Finding> {
    let mut by_number: BTreeMap<u64, Vec<Digest>> = BTreeMap::new();
    for state in all.values().filter(|state| state.stage >= Stage::Switched) {
        by_number.entry(state.generation).or_default().push(state.inventory);
    }
    let disputed = by_number.into_iter().filter(|(_, inventories)| inventories.len() > 1);
    disputed
        .map(|(generation, inventories)| {
            let names: Vec<String> = inventories.iter().map(ToString::to_string).collect();
            let message = format!("{} archives came into force under it: {}", names.len(), names.join(", "));
            Finding::error("GENERATION_DISPUTED", subject(generation), message)
                .hint("find out which of them production should have; the next archive ends the dispute")
        })
        .collect()
}

/// Archives that others come after, or that were packed before others, and that never came into force.
fn skipped(all: &Generations) -> Vec<Finding> {
    let in_force = || all.values().filter(|state| state.stage >= Stage::Switched);
    let Some(last) = in_force().map(|state| state.generation).max() else { return Vec::new() };
    let here: BTreeSet<Digest> = in_force().map(|state| state.inventory).collect();
    let mut told: BTreeMap<Digest, Finding> = BTreeMap::new();
    let warned = |subject: String, message: String| {
        Finding::warning("GENERATIONS_SKIPPED", subject, message).hint(
            "what it offered is not offered unless a later one brought it too; it is refused as older now",
        )
    };
    for state in all.values().filter(|state| state.generation < last && !here.contains(&state.inventory)) {
        let message = format!("it never came into force, and generation {last} did ({})", state.inventory);
        told.insert(state.inventory, warned(subject(state.generation), message));
    }
    for state in in_force() {
        if let Some(before) = state.predecessor.filter(|before| !here.contains(before)) {
            let message = format!("it comes after the archive {before}, which never came into force here");
            told.entry(before).or_insert_with(|| warned(subject(state.generation), message));
        }
    }
    told.into_values().collect()
}

/// The newest archive, if its import was broken off.
fn unfinished(all: &Generations) -> Option<Finding> {
    let last =
        all.values().filter(|state| state.stage > Stage::Packed).max_by_key(|state| state.generation)?;
    let reached = match last.stage {
        Stage::Begun => "begun",
        Stage::Staged => "staged",
        Stage::Promoted => "promoted, and no catalog offers it",
        Stage::Switched => "in force in part",
        Stage::Packed | Stage::Imported => return None,
    };
    let message = format!("its import was broken off: it is {reached}");
    Some(
        Finding::warning("GENERATION_UNFINISHED", subject(last.generation), message)
            .hint("run the same `ombundle import` again: it goes on where it stopped"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use Stage::{Begun, Imported, Packed, Promoted, Staged, Switched};

    fn inventory(name: &str) -> Digest {
        Digest::of(name.as_bytes())
    }

    /// Archives by number, name, how far they came and the one that they come after.
    fn all(archives: &[(u64, &str, Stage, &str)]) -> Generations {
        let states = archives.iter().map(|(generation, name, stage, before)| {
            let mut state = GenerationState::new(*generation, inventory(name), *stage);
            state.predecessor = (!before.is_empty()).then(|| inventory(before));
            ((*generation, inventory(name)), state)
        });
        states.collect()
    }

    fn subjects(findings: impl IntoIterator<Item = Finding>) -> Vec<String> {
        let of = |finding: Finding| finding.subject.trim_start_matches("generation ").to_owned();
        findings.into_iter().map(of).collect()
    }

    #[test]
    fn what_never_came_into_force_while_later_ones_did_was_skipped() {
        for (archives, expected) in [
            (vec![(1, "a", Imported, ""), (2, "b", Packed, "a"), (3, "c", Imported, "b")], vec!["2"]),
            (vec![(1, "a", Imported, ""), (2, "b", Promoted, "a"), (3, "c", Switched, "b")], vec!["2"]),
            // On their way.
            (vec![(1, "a", Imported, ""), (2, "b", Packed, "a"), (3, "c", Staged, "b")], vec![]),
            // Only who comes after it knows of it.
            (vec![(1, "a", Imported, ""), (3, "c", Imported, "b"), (4, "d", Imported, "c")], vec!["3"]),
            (vec![(1, "a", Imported, ""), (2, "b", Switched, "a"), (3, "c", Imported, "b")], vec![]),
            // It came in under another number.
            (vec![(1, "a", Begun, ""), (2, "a", Imported, "")], vec![]),
        ] {
            assert_eq!(subjects(skipped(&all(&archives))), expected, "{archives:?}");
        }
    }

    #[test]
    fn two_archives_in_force_under_one_number_are_in_dispute() {
        let disputed = |one, other| {
            let found = disputed(&all(&[(1, "a", Imported, ""), (2, "b", one, ""), (2, "c", other, "")]));
            let named = |finding: &Finding| {
                ["a", "b", "c"].map(|name| finding.message.contains(&inventory(name).to_string()))
            };
            assert!(found.iter().all(|finding| named(finding) == [false, true, true]), "{found:?}");
            subjects(found)
        };
        assert_eq!(disputed(Imported, Switched), ["2"]);
        assert_eq!(disputed(Imported, Promoted), [""; 0]);
    }

    #[test]
    fn the_newest_import_is_told_where_it_was_broken_off() {
        for (stage, said) in [
            (Begun, Some("it is begun")),
            (Staged, Some("it is staged")),
            (Promoted, Some("it is promoted, and no catalog offers it")),
            (Switched, Some("it is in force in part")),
            (Imported, None),
        ] {
            let archives = [(1, "a", Staged, ""), (2, "b", stage, ""), (3, "c", Packed, "")];
            let found = unfinished(&all(&archives));
            let message = found.as_ref().map(|finding| finding.message.as_str());
            assert!(
                message.is_none() && said.is_none() || message.unwrap().ends_with(said.unwrap()),
                "{found:?}"
            );
            assert_eq!(subjects(found), vec!["2"; usize::from(said.is_some())]);
        }
    }
}
