//! What imports brought by its digest alone: no tag and no catalog speaks for it, but somebody asked for it.

use crate::fault::{AnyFault, Exit};
use crate::finding::Finding;
use crate::flow::import::generation::{brought_by_digest, numbered};
use crate::flow::import::state_repository;
use crate::flow::vacuum::Vacuum;
use crate::reference::Tag;
use crate::retain::{Keep, Listing, Reason, Rule};
use crate::workers;

impl Vacuum<'_> {
    /// Keeps what production's generations say was asked for by itself: images of an imageset, and those that an operator needs and
    /// its catalog does not list. A generation that cannot be read is an obstacle.
    pub(super) fn asked_for(&self, listing: &Listing, keep: &mut Keep) -> Result<Vec<Finding>, AnyFault> {
        let repository = state_repository(&listing.host)?;
        let seen = listing.repositories.get(&repository.repository);
        let tags: Vec<&Tag> = seen.into_iter().flat_map(|seen| seen.tags.keys()).collect();
        let generations: Vec<&Tag> = tags.into_iter().filter(|tag| numbered(tag).is_some()).collect();
        let brought = workers::map(&generations, self.jobs, self.events, |tag| {
            match brought_by_digest(&repository, tag, self.client, self.limits) {
                Err(fault) if matches!(fault.exit(), Exit::Registry | Exit::Interrupted) => Err(fault),
                found => Ok(found.ok().flatten()),
            }
        })?;
        let mut obstacles = Vec::new();
        for (tag, brought) in generations.into_iter().zip(brought) {
            match brought {
                Some(digests) => digests.into_iter().for_each(|it| keep.add(it, Reason::new(Rule::Asked, tag))),
                None => obstacles.push(
                    Finding::error(
                        "GENERATION_UNREADABLE",
                        repository.tag(tag.clone()),
                        "what was asked for with it is not known: nothing is let go",
                    )
                    .hint("import the archive of that generation again, or delete the tag if it is none of yours"),
                ),
            }
        }
        Ok(obstacles)
    }
}
