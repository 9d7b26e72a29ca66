//! Where a catalog of the site is served: at its own place, or at the second one beside it.

use crate::catalog::{Catalog, Loaded};
use crate::digest::Digest;
use crate::fault::AnyFault;
use crate::finding::{Severity, has_errors};
use crate::flow::catalog_image::{CatalogImage, RegistryImages};
use crate::flow::import::Import;
use crate::flow::import::catalog::CatalogError;
use crate::flow::import::contents::Contents;
use crate::flow::standing::Onlooker;
use crate::merge::{Mode, Share};
use crate::oci::RawManifest;
use crate::plan::PlannedCatalog;
use crate::promote::{CatalogTag, PromoteError};
use crate::site::CatalogMirror;

/// One of the two places where an upstream catalog may be served.
#[derive(Debug, Clone)]
pub struct Place {
    /// Tag and name.
    pub mirror: CatalogMirror,
    /// Which of the two it is.
    pub share: Share,
    /// The other one, where the site has it or is about to.
    pub beside: Option<CatalogMirror>,
}

/// What the catalog at the other place is.
#[derive(Debug, Default)]
pub(super) struct Neighbour {
    /// What its tag points to.
    pub(super) digest: Option<Digest>,
    /// What it offers.
    pub(super) catalog: Catalog,
}

impl Import<'_> {
    /// The places of each catalog of the archive, in order: the second one is there as soon as a package was split off, and stays.
    pub(in crate::flow::import) fn places(
        &self,
        contents: &Contents<'_>,
    ) -> Result<Vec<Vec<Place>>, AnyFault> {
        contents.catalogs.iter().map(|(planned, mirror)| self.places_of(planned, mirror)).collect()
    }

    fn places_of(&self, planned: &PlannedCatalog, mirror: &CatalogMirror) -> Result<Vec<Place>, AnyFault> {
        let mut arriving = planned.packages.iter();
        let asked = arriving.any(|package| self.merge.modes.get(&package.name) == Some(&Mode::Split));
        let tag = CatalogTag::of(self.site, mirror);
        let second = match mirror.second() {
            Some(second) if asked || CatalogTag::of(self.site, &second).digest(self.client)?.is_some() => {
                Some(second)
            }
            None if asked => return Err(PromoteError::TagLength { tag: tag.reference().to_string() }.into()),
            _ => None,
        };
        let first = Place { mirror: mirror.clone(), share: Share::First, beside: second.clone() };
        let second =
            second.map(|second| Place { mirror: second, share: Share::Second, beside: Some(mirror.clone()) });
        Ok(second.into_iter().chain([first]).collect())
    }
}

/// Reads the catalog that production serves at the other place; an empty one where there is none.
pub(super) fn neighbour(onlooker: &Onlooker<'_>, place: &Place) -> Result<Neighbour, AnyFault> {
    let Some(beside) = &place.beside else { return Ok(Neighbour::default()) };
    let tag = CatalogTag::of(onlooker.site, beside);
    let Some(root) = tag.current(onlooker.client)? else { return Ok(Neighbour::default()) };
    let digest = Some(root.digest());
    let loaded = read(onlooker, &tag, root)?.catalog(onlooker.limits);
    Ok(Neighbour { digest, catalog: sound(loaded, &tag)? })
}

/// A catalog image of production.
pub(super) fn read(
    onlooker: &Onlooker<'_>,
    tag: &CatalogTag,
    root: RawManifest,
) -> Result<CatalogImage, AnyFault> {
    let source = RegistryImages { repository: &tag.repository, client: onlooker.client };
    CatalogImage::read(&source, root, &onlooker.site.spec.platforms, onlooker.events, onlooker.limits)
}

/// The catalog, unless something is wrong with it.
pub(super) fn sound(loaded: Loaded, tag: &CatalogTag) -> Result<Catalog, CatalogError> {
    if !has_errors(&loaded.findings) {
        return Ok(loaded.catalog);
    }
    let mut errors = loaded.findings.iter().filter(|finding| finding.severity == Severity::Error);
    let count = errors.clone().count();
    let first =
        errors.next().map(|first| format!("{}: {}", first.subject, first.message)).unwrap_or_default();
    Err(CatalogError::Broken { tag: tag.reference().to_string(), count, first })
}
