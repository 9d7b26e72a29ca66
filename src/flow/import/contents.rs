//! What a verified archive delivers, in the site's terms.

use std::collections::BTreeMap;
use std::io::{self, Read};

use crate::digest::Digest;
use crate::fault::{AnyFault, Exit, Fault};
use crate::finding::Finding;
use crate::flow::documents;
use crate::flow::import::deliver::place;
use crate::flow::pack::label;
use crate::limits::Limits;
use crate::mapping::{Mapping, among_releases};
use crate::oci::{Descriptor, media};
use crate::plan::{ImageKind, Plan, PlannedCatalog, PlannedImage, Prerequisite};
use crate::reference::{Repository, RepositoryRef};
use crate::registry::{Client, Target};
use crate::site::{CatalogMirror, MirrorTag, Site};
use crate::transfer::{BlobSource, Delivery};
use crate::verify::VerifiedArchive;

/// The archive cannot be delivered to this site.
#[derive(Debug, thiserror::Error)]
pub enum ContentsError {
    /// The site file does not say where a catalog goes.
    #[error("the archive changes the catalog `{catalog}`, and the site file has no entry for it")]
    UnknownCatalog {
        /// The catalog, as upstream calls it.
        catalog: String,
    },
    /// Something else would land where the releases are.
    #[error("{message}")]
    AmongReleases {
        /// What, and why not.
        message: String,
        /// What to do about it.
        hint: String,
    },
    /// Some images have no place.
    #[error("{count} repositories have no place of their own at this site; the first: {first}")]
    Mapping {
        /// How many.
        count: usize,
        /// The first finding.
        first: String,
    },
}

impl Fault for ContentsError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::UnknownCatalog { catalog } => {
                format!("add an entry with `source: {catalog}` to `spec.catalogs` of the site file")
            }
            Self::AmongReleases { hint, .. } => hint.clone(),
            Self::Mapping { .. } => {
                "give each a prefix of its own under `spec.repositories` of the site file".to_owned()
            }
        })
    }
}

/// What one archive delivers to one site.
#[derive(Debug)]
pub struct Contents<'s> {
    /// The plan that it was packed from.
    pub plan: Plan,
    /// Its catalogs with the places where the site serves them.
    pub catalogs: Vec<(PlannedCatalog, &'s CatalogMirror)>,
    /// The images that operators need, and where they go.
    pub images: Vec<Placed>,
    /// The bases of catalogs, and where they go.
    pub bases: Vec<Placed>,
    /// The base of the image with graph data, and the tag that the image gets.
    pub graph: Option<(Placed, MirrorTag)>,
}

/// An image and where it goes.
#[derive(Debug, Clone)]
pub struct Placed {
    /// The image.
    pub image: PlannedImage,
    /// Where it goes.
    pub delivery: Delivery,
}

impl<'s> Contents<'s> {
    /// Reads plan, deltas and evidence, and places every image.
    pub fn read(
        archive: &VerifiedArchive,
        site: &'s Site,
        mapping: &Mapping,
        limits: &Limits,
    ) -> Result<Self, AnyFault> {
        let plan = documents::put_together(archive, limits)?;
        let catalogs = plan
            .catalogs
            .iter()
            .map(|catalog| {
                let mirror = site
                    .catalog(&catalog.source)
                    .ok_or_else(|| ContentsError::UnknownCatalog { catalog: catalog.source.to_string() })?;
                Ok((catalog.clone(), mirror))
            })
            .collect::<Result<Vec<_>, ContentsError>>()?;
        let among = if plan.releases.is_empty() { Vec::new() } else { among_releases(site, mapping) };
        if let Some(first) = among.into_iter().next() {
            return Err(ContentsError::AmongReleases { message: first.message, hint: first.hint }.into());
        }
        let collisions = collisions(&plan, mapping);
        if let Some(first) = collisions.first() {
            let first = format!("{}: {}", first.subject, first.message);
            return Err(ContentsError::Mapping { count: collisions.len(), first }.into());
        }
        let (mut images, mut bases, mut graph) = (Vec::new(), Vec::new(), None);
        for image in &plan.images {
            match image.kind {
                ImageKind::CatalogBase => {
                    let of = catalogs.iter().filter(|(catalog, _)| catalog.base == Some(image.root.digest));
                    bases.extend(of.map(|(_, mirror)| placed(image, mirror.mirror.repository.clone())));
                }
                ImageKind::GraphDataBase => {
                    let named = site.spec.releases.graph_data.mirror.clone();
                    let place = named.map_or_else(|| mapping.graph_image(), Ok)?;
                    graph = Some((placed(image, place.repository.clone()), place));
                }
                _ => {
                    let asked = image.mirror.clone();
                    images.push(placed(image, asked.map_or_else(|| mapping.mirror(&image.source), Ok)?));
                }
            }
        }
        Ok(Self { plan, catalogs, images, bases, graph })
    }
}

/// Source repositories that this site's mapping would pour into one.
pub fn collisions(plan: &Plan, mapping: &Mapping) -> Vec<Finding> {
    let images = plan.images.iter().filter(|image| !image.kind.is_base());
    mapping.check(images.map(|image| (&image.source, image.mirror.as_ref())))
}

fn placed(image: &PlannedImage, repository: Repository) -> Placed {
    let delivery = Delivery {
        repository,
        label: label(image),
        manifests: image.manifests.clone(),
        blobs: image.blobs.clone(),
    };
    Placed { image: image.clone(), delivery }
}

/// Where the bytes of a delivery come from: the archive, and for what it leaves out, production itself.
pub struct ArchiveSource<'a> {
    archive: &'a VerifiedArchive,
    client: &'a Client,
    elsewhere: BTreeMap<Digest, (RepositoryRef, &'a Prerequisite)>,
}

impl<'a> ArchiveSource<'a> {
    /// The archive, and for each prerequisite the place in production where it was found.
    pub fn new(
        archive: &'a VerifiedArchive,
        contents: &'a Contents<'_>,
        mapping: &Mapping,
        site: &Site,
        client: &'a Client,
    ) -> Result<Self, AnyFault> {
        let elsewhere = contents
            .plan
            .prerequisites
            .iter()
            .map(|needed| {
                Ok((needed.digest, (site.in_production(place(contents, mapping, needed)?), needed)))
            })
            .collect::<Result<_, AnyFault>>()?;
        Ok(Self { archive, client, elsewhere })
    }
}

impl BlobSource for ArchiveSource<'_> {
    fn open(&self, digest: &Digest) -> io::Result<Box<dyn Read + Send + '_>> {
        let Some((repository, needed)) = self.elsewhere.get(digest) else {
            return Ok(Box::new(self.archive.blob_region(digest).map_err(io::Error::other)?));
        };
        if needed.manifest {
            let manifest = self
                .client
                .manifest(repository, &Target::Digest(*digest))
                .map_err(io::Error::other)?
                .ok_or(io::ErrorKind::NotFound)?;
            return Ok(Box::new(io::Cursor::new(manifest.shared_bytes())));
        }
        let descriptor = Descriptor {
            media_type: media::OCI_LAYER.to_owned(),
            digest: *digest,
            size: needed.size,
            platform: None,
        };
        Ok(Box::new(self.client.blob(repository, &descriptor, 0).map_err(io::Error::other)?))
    }
}
