//! What should be in production and was not seen there: what it needs would look as if nothing needed it.

use std::collections::BTreeSet;
use std::fmt;

use crate::fault::AnyFault;
use crate::finding::Finding;
use crate::flow::import::receipt::last_report;
use crate::flow::import::state_repository;
use crate::flow::record::{History, Log, Record};
use crate::flow::vacuum::Vacuum;
use crate::mapping::MappingError;
use crate::promote::{CatalogTag, pointed_to};
use crate::reference::{ImageRef, Repository, Tag};
use crate::registry::Target;
use crate::retain::{CatalogTagKind, Listing, catalog_tag};
use crate::site::{CatalogMirror, MirrorTag};
use crate::store::journal::Journal;

impl Vacuum<'_> {
    /// Obstacles: what the registry has and does not list, and catalogs that were served and are gone.
    pub(super) fn unseen(&self, listing: &Listing) -> Result<Vec<Finding>, AnyFault> {
        let mut found = Vec::new();
        for place in self.where_others_are_kept_for(listing)? {
            let repository = self.site.in_production(place);
            if !self.client.tags(&repository)?.is_empty() {
                found.push(partial(&repository));
            }
        }
        let known = self.known_catalogs()?;
        let mirrors: BTreeSet<MirrorTag> =
            self.site.spec.catalogs.iter().flat_map(CatalogMirror::both).map(|it| it.mirror).collect();
        for mirror in mirrors {
            found.extend(self.unseen_tag(listing, &mirror, &known)?);
        }
        let data = self.graph_place()?;
        if listing.repositories.contains_key(&data.repository) {
            found.extend(self.unseen_tag(listing, &data, &BTreeSet::new())?);
        }
        Ok(found)
    }

    /// Where the image with an update service's data is.
    pub(super) fn graph_place(&self) -> Result<MirrorTag, MappingError> {
        let named = self.site.spec.releases.graph_data.mirror.clone();
        named.map_or_else(|| self.mapping.graph_image(), Ok)
    }

    /// Repositories that are not listed, and say what is kept in others: those of catalogs, of the sites' generations, and that of
    /// releases where their components are seen.
    fn where_others_are_kept_for(&self, listing: &Listing) -> Result<BTreeSet<Repository>, AnyFault> {
        let mut places = BTreeSet::from([state_repository(&listing.host)?.repository]);
        let catalogs = self.site.spec.catalogs.iter().flat_map(CatalogMirror::both);
        places.extend(catalogs.map(|mirror| mirror.mirror.repository));
        let listed = |place: &Repository| listing.repositories.contains_key(place);
        if self.mapping.releases()?.iter().any(|(_, place)| listed(place)) {
            places.insert(self.mapping.release_images()?);
        }
        places.retain(|place| !listed(place));
        Ok(places)
    }

    /// The catalogs that imports of this site put in force, as its journal and its last receipt say.
    fn known_catalogs(&self) -> Result<BTreeSet<ImageRef>, AnyFault> {
        let records: Vec<Record> = Journal::read(&Log::path(self.state))?;
        let mut known: BTreeSet<ImageRef> = History(&records).switched().cloned().collect();
        let last = last_report(self.state, self.site, self.events, self.limits)?.unwrap_or_default();
        known.extend(last.catalogs.into_iter().map(|catalog| catalog.mirror));
        Ok(known)
    }

    /// Why a tag of the site is not in the listing, where that is no matter of course.
    fn unseen_tag(
        &self,
        listing: &Listing,
        mirror: &MirrorTag,
        known: &BTreeSet<ImageRef>,
    ) -> Result<Option<Finding>, AnyFault> {
        let seen = listing.repositories.get(&mirror.repository);
        if seen.is_some_and(|seen| seen.tags.contains_key(&mirror.tag)) {
            return Ok(None);
        }
        let tag = CatalogTag {
            repository: self.site.in_production(mirror.repository.clone()),
            tag: mirror.tag.clone(),
        };
        let dangles = seen.is_some_and(|seen| seen.dangling.contains(&tag.tag));
        if !dangles && pointed_to(self.client, &tag.repository, &Target::Tag(tag.tag.clone()))?.is_some() {
            return Ok(Some(partial(tag.reference())));
        }
        let built = |it: &Tag| {
            let (kind, of) = catalog_tag(it);
            kind != CatalogTagKind::Served && of == tag.tag.as_str()
        };
        let was_served = seen.is_some_and(|seen| seen.tags.keys().any(built));
        let is_known = dangles || was_served || known.contains(&tag.reference());
        Ok(is_known.then(|| {
            let message = "it was served and is gone, so what its clusters need is not known: nothing is let go";
            Finding::error("NO_CATALOG", tag.reference(), message).hint(
                "bring it back: import the last archive again, or give its tag to what the newest of its `-g…` tags keeps; if no cluster \
                 needs it any more, take it out of the site file",
            )
        }))
    }
}

fn partial(what: impl fmt::Display) -> Finding {
    let message = "the registry has it and does not list it, so other things may be missing there too: nothing is let go";
    Finding::error("LISTING_PARTIAL", what, message).hint(
        "let this account see the whole registry (`GET /v2/_catalog`), or ask it directly instead of through a proxy that shortens lists",
    )
}
