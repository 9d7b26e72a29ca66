//! The image of a merged catalog: built on production's own, pushed beside it, pulled back.

use std::collections::BTreeMap;

use crate::catalog::image::build::Provenance;
use crate::fault::AnyFault;
use crate::flow::built::{BuiltImages, Foundation, Pushing, Recipe};
use crate::flow::catalog_image::CatalogImage;
use crate::flow::import::catalog::forward::{ArchiveFacts, Forward};
use crate::flow::import::catalog::minors::SOURCE_LABEL;
use crate::flow::standing::Onlooker;

impl Forward<'_> {
    /// One new layer on each image of the base; the same inputs give the same digests.
    pub(super) fn build(
        &self,
        base: &CatalogImage,
        files: &BTreeMap<String, Vec<u8>>,
    ) -> Result<BuiltImages, AnyFault> {
        let ArchiveFacts { inventory, generation, created } = self.archive;
        let provenance = Provenance {
            created: created.to_owned(),
            created_by: format!("ombundle import of generation {generation}"),
            labels: BTreeMap::from([
                ("dev.ombundle.generation".to_owned(), generation.to_string()),
                ("dev.ombundle.inventory".to_owned(), inventory.to_string()),
                (SOURCE_LABEL.to_owned(), self.planned.source.to_string()),
                ("dev.ombundle.catalog.delta-base".to_owned(), self.planned.digest.to_string()),
            ]),
        };
        Recipe { files, cache: None, provenance, foundation: Foundation::Whole }
            .build(base, self.onlooker.limits)
    }

    /// Pushes it beside what is served.
    pub(super) fn push(&self, built: &BuiltImages) -> Result<(), AnyFault> {
        let tag = self.tag();
        let Onlooker { client, jobs, events, limits, .. } = self.onlooker;
        let pushing = Pushing { repository: &tag.repository, client, jobs, events, limits };
        pushing.generation(built, &tag, self.archive.generation)
    }
}
