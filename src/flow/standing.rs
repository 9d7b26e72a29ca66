//! A catalog as production serves it now, and whether all that it offers is there.

use crate::catalog::Catalog;
use crate::check::{Unresolved, needs, unresolved};
use crate::digest::Digest;
use crate::event::Events;
use crate::fault::AnyFault;
use crate::finding::Finding;
use crate::flow::catalog_image::{CatalogImage, RegistryImages};
use crate::limits::Limits;
use crate::mapping::Mapping;
use crate::promote::CatalogTag;
use crate::registry::Client;
use crate::site::{CatalogMirror, Site};
use crate::transfer::{Holdings, Proof};

/// Who looks at production.
#[derive(Clone, Copy)]
pub struct Onlooker<'a> {
    /// The site.
    pub site: &'a Site,
    /// Where its repositories are.
    pub mapping: &'a Mapping,
    /// How production's word is tested.
    pub proof: &'a Proof,
    /// Asks production.
    pub client: &'a Client,
    /// Requests at once.
    pub jobs: usize,
    /// Told what happens.
    pub events: &'a dyn Events,
    /// Ceilings.
    pub limits: &'a Limits,
}

/// What was seen of one catalog.
#[derive(Debug)]
pub struct Standing {
    /// What its tag points to.
    pub digest: Digest,
    /// What it offers.
    pub catalog: Catalog,
    /// How many images it needs.
    pub images: usize,
    /// Those that are not there whole.
    pub missing: Vec<Unresolved>,
    /// What is there.
    pub present: Holdings,
    /// What is wrong with the catalog itself, and references that cannot be looked for.
    pub findings: Vec<Finding>,
}

impl Onlooker<'_> {
    /// Reads a catalog and looks for every image that any of its entries needs; nothing where there is no such catalog. Errors mean
    /// that one could not look.
    pub fn look(&self, mirror: &CatalogMirror) -> Result<Option<Standing>, AnyFault> {
        let Self { site, mapping, proof, client, jobs, events, limits } = *self;
        let tag = CatalogTag::of(site, mirror);
        let Some(root) = tag.current(client)? else { return Ok(None) };
        let digest = root.digest();
        let platforms = &site.spec.platforms;
        let source = RegistryImages { repository: &tag.repository, client };
        let loaded = CatalogImage::read(&source, root, platforms, events, limits)?.catalog(limits);
        let mut needs = needs(&loaded.catalog, mapping, &site.spec.production.registry);
        let mut findings = loaded.findings;
        findings.append(&mut needs.findings);
        needs.pinned.entry(tag.repository.pin(digest)).or_default();
        let (missing, present) = unresolved(&needs, platforms, proof, client, jobs, events, limits)?;
        let images = needs.pinned.len() + needs.tagged.len();
        Ok(Some(Standing { digest, catalog: loaded.catalog, images, missing, present, findings }))
    }
}
