//! What an import would write, found out without writing: where nothing is missing nothing is tried, taken or claimed.

use std::collections::BTreeSet;

use crate::digest::Digest;
use crate::fault::AnyFault;
use crate::flow::import::catalog::{Forward, Outlook};
use crate::flow::import::contents::ArchiveSource;
use crate::flow::import::deliver::for_staging;
use crate::flow::import::judge::Case;
use crate::flow::import::tags::Pointed;
use crate::flow::import::{Import, Until, generation};
use crate::reference::{ImageRef, Repository, RepositoryRef};
use crate::transfer::{Look, Missing, Proof};

/// What is to be written.
#[derive(Debug, Clone)]
pub(super) struct Survey {
    /// What staging lacks.
    pub(super) staging: Missing,
    /// What production lacks.
    pub(super) production: Missing,
    /// Catalogs whose tag will move, with what they are now.
    pub(super) catalogs: Vec<(ImageRef, Option<Digest>)>,
    /// Tags that images were asked for by and that will be pointed to what arrived, with what they are now.
    pub(super) tags: Vec<(ImageRef, Option<Digest>)>,
    /// Whether production is still to be told of the generation.
    pub(super) record: bool,
}

impl Survey {
    /// Whether anything in production will change.
    pub(super) fn changes_production(&self) -> bool {
        self.record
            || self.production != Missing::default()
            || !self.catalogs.is_empty()
            || !self.tags.is_empty()
    }
}

impl Import<'_> {
    /// Asks both registries, as far as this run will go.
    pub(super) fn survey(
        &self,
        case: &Case<'_>,
        forwards: &[Forward<'_>],
        outlooks: &[Option<Outlook>],
        look: Look,
    ) -> Result<Survey, AnyFault> {
        let Case { archive, contents, mapping, .. } = case;
        let source = ArchiveSource::new(archive, contents, mapping, self.site, self.client)?;
        let (spec, proof) = (&self.site.spec, &Proof::sizes());
        let to_staging = for_staging(contents);
        let mut survey = Survey {
            staging: self.transfer(&spec.staging.registry, &source, proof).missing(&to_staging, look)?,
            production: Missing::default(),
            catalogs: Vec::new(),
            tags: Vec::new(),
            record: false,
        };
        if self.until == Until::Stage {
            return Ok(survey);
        }
        let to_production = self.for_production(contents)?;
        let production = &spec.production.registry;
        survey.production = self.transfer(production, &source, proof).missing(&to_production, look)?;
        let moving = forwards.iter().zip(outlooks).filter(|(_, outlook)| {
            // Production's own image stays where it is if nothing came of merging with it.
            outlook.as_ref().is_none_or(|outlook| !outlook.changes_nothing())
        });
        survey.catalogs = moving
            .map(|(forward, outlook)| (forward.tag().reference(), outlook.as_ref().and_then(Outlook::served)))
            .collect();
        for Pointed { name, image, old } in self.pointed(contents)? {
            if old != Some(image.root.digest) {
                survey.tags.push((name, old));
            }
        }
        if let Some(graph) = &case.releases.graph {
            survey.tags.extend(graph.to_move(self.client)?);
        }
        survey.record = !generation::is_kept(production, self.site.name(), archive, self.client)?;
        Ok(survey)
    }

    /// Every repository that will be written to.
    pub(super) fn written(&self, survey: &Survey) -> Result<BTreeSet<RepositoryRef>, AnyFault> {
        let Survey { staging, production, catalogs, tags, .. } = survey;
        let spec = &self.site.spec;
        let mut all = BTreeSet::new();
        for (host, missing) in [(&spec.staging.registry, staging), (&spec.production.registry, production)] {
            let at = |repository: &Repository| RepositoryRef {
                host: host.clone(),
                repository: repository.clone(),
            };
            all.extend(missing.repositories.iter().map(at));
        }
        all.extend(catalogs.iter().chain(tags).map(|(tag, _)| tag.repository.clone()));
        if survey.changes_production() {
            all.insert(generation::repository(&spec.production.registry)?);
        }
        Ok(all)
    }
}
