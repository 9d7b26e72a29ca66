//! What the page is about: the plan, sorted the way people look at it.

use std::collections::{BTreeMap, BTreeSet};

use super::figures::{Figure, Figures};
use super::message::Message;
use crate::catalog::{self, Catalog};
use crate::digest::Digest;
use crate::finding::Finding;
use crate::limits::Limits;
use crate::papers::Sealed;
use crate::plan::{ImageKind, Item, Plan, PlannedCatalog, PlannedImage, PlannedPackage};

/// All that is told.
pub(super) struct Model<'a> {
    pub(super) plan: &'a Plan,
    pub(super) digest: Digest,
    pub(super) sealed: Option<&'a Sealed>,
    /// The heaviest first.
    pub(super) findings: Vec<&'a Finding>,
    pub(super) operators: Vec<Operator<'a>>,
    pub(super) groups: Vec<Group<'a>>,
    /// Images that production has.
    there: BTreeSet<Digest>,
}

/// A delivered package.
pub(super) struct Operator<'a> {
    pub(super) package: &'a PlannedPackage,
    pub(super) figure: Figure,
}

/// Images that are there for the same thing.
pub(super) struct Group<'a> {
    pub(super) of: Of,
    pub(super) images: Vec<Carried<'a>>,
}

/// What images are there for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Of {
    /// An OpenShift release, by its label.
    Release(usize, String),
    /// A package of a catalog.
    Package(usize, String),
    /// Catalogs that are built on.
    Catalogs,
    /// The update service.
    GraphData,
    /// What was asked for by itself.
    Additional,
    /// Anything else.
    Others,
}

/// One image and what it costs.
#[derive(Clone, Copy)]
pub(super) struct Carried<'a> {
    pub(super) image: &'a PlannedImage,
    pub(super) item: &'a Item,
    pub(super) status: Status,
}

/// Whether an image is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    New,
    /// New, and every byte of it comes with others.
    Shared,
    There,
}

impl<'a> Model<'a> {
    pub(super) fn of(
        plan: &'a Plan,
        digest: Digest,
        sealed: Option<&'a Sealed>,
        notes: &'a [Finding],
        limits: &Limits,
    ) -> Self {
        let mut findings: Vec<&Finding> = plan.findings.iter().chain(notes).collect();
        findings.sort_by(|one, other| other.severity.cmp(&one.severity).then_with(|| one.cmp(other)));
        let mut model = Self {
            plan,
            digest,
            sealed,
            findings,
            operators: Vec::new(),
            groups: Vec::new(),
            there: plan.prerequisites.iter().map(|needed| needed.digest).collect(),
        };
        let mut owners = releases(plan);
        let mut figures = Figures::default();
        let mut number = 0;
        for planned in &plan.catalogs {
            // One catalog at a time: its blobs are in memory twice meanwhile.
            let catalog = offered(planned, limits);
            for package in &planned.packages {
                let found = catalog.packages.get(&package.name);
                own(&mut owners, &Of::Package(number, package.name.clone()), found);
                let figure = found.map_or(Figure::Nothing, |found| figures.of(found, package));
                model.operators.push(Operator { package, figure });
                number += 1;
            }
        }
        model.groups = model.grouped(&owners);
        model
    }

    /// The images by what they are there for; those that are large first.
    fn grouped(&self, owners: &BTreeMap<String, Of>) -> Vec<Group<'a>> {
        let mut groups: BTreeMap<Of, Vec<Carried<'a>>> = BTreeMap::new();
        for (image, item) in self.plan.images.iter().zip(&self.plan.items) {
            let status = match (self.there.contains(&image.root.digest), item.bytes) {
                (true, _) => Status::There,
                (false, 0) => Status::Shared,
                (false, _) => Status::New,
            };
            groups.entry(owner(image, owners)).or_default().push(Carried { image, item, status });
        }
        groups.into_iter().map(|(of, images)| Group { of, images }).collect()
    }

    /// How many images production has already.
    pub(super) fn there(&self) -> usize {
        let all = self.groups.iter().flat_map(|group| &group.images);
        all.filter(|carried| carried.status == Status::There).count()
    }

    /// Bytes of the archive, or what they will be.
    pub(super) fn size(&self) -> u64 {
        self.sealed.map_or(self.plan.bytes.carry, |sealed| sealed.size)
    }
}

impl Group<'_> {
    pub(super) fn bytes(&self) -> u64 {
        self.images.iter().map(|carried| carried.item.bytes).sum()
    }
}

impl Of {
    /// What stands above the group, where it has no name of its own.
    pub(super) fn message(&self) -> Option<Message> {
        match self {
            Self::Package(..) => None,
            Self::Release(_, version) => Some(Message::Release { version: version.clone() }),
            Self::Catalogs => Some(Message::Catalogs),
            Self::GraphData => Some(Message::GraphData),
            Self::Additional => Some(Message::Additional),
            Self::Others => Some(Message::Others),
        }
    }
}

/// Bytes of an image by itself.
pub(super) fn whole(image: &PlannedImage) -> u64 {
    image.manifests.iter().chain(&image.blobs).map(|object| object.size).sum()
}

/// The catalog that a plan delivers, as its own blobs say it.
fn offered(planned: &PlannedCatalog, limits: &Limits) -> Catalog {
    let mut text = Vec::new();
    for blob in &planned.delta {
        // A value that came from JSON can be written as JSON.
        drop(serde_json::to_writer(&mut text, blob));
        text.push(b'\n');
    }
    catalog::load([("catalog.json".to_owned(), text)], limits).catalog
}

/// Which release each image of a release belongs to, by its reference.
fn releases(plan: &Plan) -> BTreeMap<String, Of> {
    let mut owners = BTreeMap::new();
    for (index, release) in plan.releases.iter().enumerate() {
        let of = Of::Release(index, release.label());
        let components = release.components.iter().map(|component| &component.image);
        for image in components.chain(release.disks.values()).chain([&release.image]) {
            owners.entry(key(&image.to_string())).or_insert_with(|| of.clone());
        }
    }
    owners
}

/// The first that names an image owns it.
fn own(owners: &mut BTreeMap<String, Of>, of: &Of, package: Option<&catalog::Package>) {
    for bundle in package.iter().flat_map(|package| package.bundles.values()) {
        let related = bundle.related_images.iter().map(|related| &related.image);
        for image in related.chain([&bundle.image]) {
            owners.entry(key(image)).or_insert_with(|| of.clone());
        }
    }
}

/// An image's digest, else the reference as it stands.
fn key(reference: &str) -> String {
    reference.rsplit_once('@').map_or(reference, |(_, digest)| digest).to_owned()
}

fn owner(image: &PlannedImage, owners: &BTreeMap<String, Of>) -> Of {
    let tag = image.tag.as_ref().map(ToString::to_string).unwrap_or_default();
    let digest = match (image.kind, tag.split('.').next()) {
        // `sha256-….sig` belongs to what it is attached to.
        (ImageKind::Attachment, Some(of)) => of.replacen('-', ":", 1),
        _ => image.root.digest.to_string(),
    };
    let by_name = || owners.get(&format!("{}:{tag}", image.source));
    match image.kind {
        ImageKind::CatalogBase => Of::Catalogs,
        ImageKind::GraphDataBase => Of::GraphData,
        _ => owners.get(&digest).or_else(by_name).cloned().unwrap_or(match image.kind {
            ImageKind::Additional => Of::Additional,
            _ => Of::Others,
        }),
    }
}
