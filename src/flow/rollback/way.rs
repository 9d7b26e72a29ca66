//! What goes back to what, found out without writing: by what production keeps, compared with what this machine noted.

use std::collections::BTreeMap;

use crate::check::unresolved;
use crate::digest::Digest;
use crate::event::Event;
use crate::fault::AnyFault;
use crate::finding::Finding;
use crate::flow::import::generation;
use crate::flow::record::History;
use crate::flow::rollback::{Rollback, RollbackError};
use crate::flow::standing::{Offer, Onlooker};
use crate::oci::RawManifest;
use crate::promote::{CatalogTag, pointed_to};
use crate::reference::{ImageRef, Tag};
use crate::registry::Target;
use crate::retain::{CatalogTagKind, catalog_tag};
use crate::site::CatalogMirror;
use crate::transfer::{Holdings, add_holdings};
use crate::verify::Floor;

/// The whole way.
pub(super) struct Way {
    /// The generation in force.
    pub(super) from: u64,
    /// Its inventory.
    pub(super) inventory: Digest,
    /// The one to go back to.
    pub(super) to: u64,
    /// The last one between the two, if there is any.
    pub(super) between: Option<u64>,
    /// The catalogs that were another one then.
    pub(super) returns: Vec<Return>,
    /// What production was found to hold of what they offer.
    pub(super) present: Holdings,
    /// What a person should know.
    pub(super) findings: Vec<Finding>,
}

/// One catalog on its way back.
pub(super) struct Return {
    /// Where the site serves it.
    pub(super) mirror: CatalogMirror,
    /// Its tag.
    pub(super) tag: CatalogTag,
    /// What is served.
    pub(super) current: RawManifest,
    /// What is to be served.
    pub(super) former: RawManifest,
    /// What that offers.
    pub(super) offer: Offer,
}

impl Return {
    /// Whether the tag is still to be moved.
    pub(super) fn moves(&self) -> bool {
        self.current.digest() != self.former.digest()
    }
}

impl Way {
    /// Whether it leads the same way as one that was found later.
    pub(super) fn is_still(&self, later: &Self) -> Result<(), RollbackError> {
        if (self.from, self.to) != (later.from, later.to) {
            return Err(RollbackError::Newer { from: self.from, now: later.from });
        }
        let ways = |way: &Self| -> BTreeMap<ImageRef, [Digest; 2]> {
            let returns = way.returns.iter();
            returns.map(|it| (it.tag.reference(), [it.current.digest(), it.former.digest()])).collect()
        };
        let (planned, now) = (ways(self), ways(later));
        let tags = planned.keys().chain(now.keys());
        match tags.into_iter().find(|tag| planned.get(*tag) != now.get(*tag)) {
            Some(tag) => Err(RollbackError::Overtaken { tag: tag.to_string() }),
            None => Ok(()),
        }
    }
}

impl Rollback<'_> {
    /// Looks at everything that going back depends on.
    pub(super) fn way(&self, history: History<'_>) -> Result<Way, AnyFault> {
        let Onlooker { site, client, events, limits, .. } = self.onlooker;
        let host = &site.spec.production.registry;
        client.ping(host)?;
        let kept = generation::latest(host, site.name(), self.trust, client, events, limits)?;
        let noted = history.in_force().map(|(sequence, inventory)| Floor { sequence, inventory });
        let last = noted.into_iter().chain(kept).max_by_key(|floor| floor.sequence);
        let Some(Floor { sequence: from, inventory }) = last else {
            return Err(RollbackError::NothingImported.into());
        };
        let mut known = generation::known(host, site.name(), client)?;
        known.extend(history.generations());
        let to = match self.to {
            Some(wanted) if wanted >= from => {
                return Err(RollbackError::NotBefore { wanted, last: from }.into());
            }
            Some(wanted) if wanted > 0 && !known.contains(&wanted) => {
                let known: Vec<_> = known.iter().map(ToString::to_string).collect();
                return Err(RollbackError::NeverImported { wanted, known: known.join(", ") }.into());
            }
            Some(wanted) => wanted,
            None => known.range(..from).next_back().copied().unwrap_or(0),
        };
        let mut way = Way {
            from,
            inventory,
            to,
            between: known.range(..from).next_back().copied().filter(|last| *last > to),
            returns: Vec::new(),
            present: Holdings::new(),
            findings: Vec::new(),
        };
        for mirror in site.spec.catalogs.iter().flat_map(CatalogMirror::both) {
            self.look_back(&mut way, mirror, history)?;
        }
        if way.returns.is_empty() {
            return Err(RollbackError::Unchanged { wanted: to }.into());
        }
        Ok(way)
    }

    fn look_back(&self, way: &mut Way, mirror: CatalogMirror, history: History<'_>) -> Result<(), AnyFault> {
        let Onlooker { site, client, .. } = self.onlooker;
        let tag = CatalogTag::of(site, &mirror);
        let Some(current) = tag.current(client)? else { return Ok(()) };
        let kept = tag.kept(&client.tags(&tag.repository)?);
        // What the first generation after it replaced is what was served after it.
        let replaced = kept.iter().filter_map(|(by, name)| Some((by.filter(|by| *by > way.to)?, name)));
        let Some((by, name)) = replaced.min_by_key(|(by, _)| *by) else {
            return Ok(());
        };
        let former = client.manifest(&tag.repository, &Target::Tag(name.clone()))?;
        let reference = tag.repository.tag(name.clone()).to_string();
        let pruned = |first: String, count| RollbackError::Pruned { kept: reference.clone(), count, first };
        let Some(former) = former else { return Err(pruned(reference.clone(), 1).into()) };
        if let Some(noted) = history.before(by, &tag.reference())
            && noted != former.digest()
        {
            return Err(RollbackError::Disputed { kept: reference, found: former.digest(), noted }.into());
        }
        if current.digest() != former.digest() && !self.is_ours(&tag, &kept, &current.digest())? {
            let (tag, found) = (tag.reference().to_string(), current.digest().to_string());
            return Err(RollbackError::Foreign { tag, found }.into());
        }
        let made = history.moved_between(way.to, by, &tag.reference());
        if let Some(made) = made.or_else(|| made_by(&former.digest(), &kept)).filter(|made| *made > way.to) {
            let tag = tag.reference().to_string();
            return Err(RollbackError::NotKept { tag, wanted: way.to, kept: reference, made }.into());
        }
        let offer = self.onlooker.offer_of(&tag, former.clone())?;
        let Onlooker { proof, jobs, events, limits, .. } = self.onlooker;
        let (missing, present) =
            unresolved(&offer.needs, &site.spec.platforms, proof, client, jobs, events, limits)?;
        for one in &missing {
            let text = format!("{}: {}", one.image, one.why);
            events.emit(&Event::Warning { text: &text });
        }
        if let Some(first) = missing.first().filter(|_| !self.incomplete) {
            return Err(pruned(format!("{}: {}", first.image, first.why), missing.len()).into());
        }
        way.findings.extend(missing.iter().map(crate::check::Unresolved::finding));
        add_holdings(&mut way.present, present);
        way.returns.push(Return { mirror, tag, current, former, offer });
        Ok(())
    }

    /// Whether an import or a way back put this image there.
    fn is_ours(
        &self,
        tag: &CatalogTag,
        kept: &[(Option<u64>, Tag)],
        found: &Digest,
    ) -> Result<bool, AnyFault> {
        for (_, name) in kept {
            let target = Target::Tag(name.clone());
            if pointed_to(self.onlooker.client, &tag.repository, &target)?.as_ref() == Some(found) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The generation that built a catalog, by the tags that production keeps of it; the first one where several built the same.
fn made_by(catalog: &Digest, kept: &[(Option<u64>, Tag)]) -> Option<u64> {
    let made = kept.iter().filter_map(|(_, name)| match catalog_tag(name) {
        (CatalogTagKind::Generation(made), _) if name.as_str().ends_with(&catalog.short()) => Some(made),
        _ => None,
    });
    made.min()
}
