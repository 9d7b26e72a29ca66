//! Whether a registry is still what a plan was made on.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::digest::Digest;
use crate::reference::{Repository, Tag};
use crate::retain::listing::Listing;
use crate::retain::names::{CatalogTagKind, TagKind, catalog_tag, tag_kind};
use crate::retain::plan::VacuumPlan;

/// Digest of every tag of the site's repositories and of what it leads to.
pub fn state_digest(listing: &Listing) -> Digest {
    let mut text = String::new();
    for (name, seen) in listing.repositories.iter().filter(|(_, seen)| seen.ours) {
        for (tag, digest) in &seen.tags {
            let _ = writeln!(text, "{name}:{tag} {digest}");
        }
    }
    Digest::of(text.as_bytes())
}

/// A tag that is not as the plan has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Changed {
    /// The repository and tag.
    pub tag: String,
    /// What the plan saw.
    pub planned: Option<Digest>,
    /// What is there now.
    pub found: Option<Digest>,
}

/// What changed since the plan was made, other than by carrying it out: what a run that was broken off has done is no change.
pub fn changes(plan: &VacuumPlan, now: &Listing) -> Vec<Changed> {
    let mut changed = Vec::new();
    let none = BTreeMap::new();
    let ours = now.repositories.iter().filter(|(_, seen)| seen.ours).map(|(name, _)| name);
    let names: BTreeSet<&Repository> = plan.repositories.keys().chain(ours).collect();
    for name in names {
        let planned = planned_tags(plan, name);
        let found = now.repositories.get(name).map_or(&none, |seen| &seen.tags);
        let tags: BTreeSet<&Tag> = planned.keys().copied().chain(found.keys()).collect();
        for tag in tags {
            let (before, after) = (planned.get(tag).map(|(digest, _)| *digest), found.get(tag).copied());
            let goes = planned.get(tag).is_some_and(|(_, goes)| *goes);
            let done = before.is_some() && after.is_none() && goes;
            if before != after && !done && !is_ours(plan, name, tag, after) {
                changed.push(Changed { tag: format!("{name}:{tag}"), planned: before, found: after });
            }
        }
    }
    changed
}

/// The tags of a repository as the plan saw them, and whether it lets go of what they lead to.
pub(super) fn planned_tags<'p>(plan: &'p VacuumPlan, name: &Repository) -> BTreeMap<&'p Tag, (Digest, bool)> {
    let Some(repository) = plan.repositories.get(name) else { return BTreeMap::new() };
    let gone = repository.gone.iter().map(|item| (item, true));
    let items = repository.kept.iter().map(|item| (item, false)).chain(gone);
    items.flat_map(|(item, goes)| item.tags.iter().map(move |tag| (tag, (item.digest, goes)))).collect()
}

/// Whether carrying out the plan may have put this tag there.
pub(super) fn is_ours(plan: &VacuumPlan, name: &Repository, tag: &Tag, found: Option<Digest>) -> bool {
    let Some(found) = found else { return false };
    let of_catalog = plan.catalogs.iter().filter(|change| change.tag.repository.repository == *name);
    of_catalog.into_iter().any(|change| {
        let (kind, served) = catalog_tag(tag);
        let same = change.tag.tag.as_ref().is_some_and(|tag| tag.as_str() == served);
        match kind {
            CatalogTagKind::Previous(_) => same && found == change.before,
            CatalogTagKind::Generation(_) => same && found == change.after,
            CatalogTagKind::Served => {
                let holds = tag_kind(tag) == TagKind::Hold(found) && change.manifests.contains(&found);
                holds || same && found == change.after
            }
        }
    })
}
