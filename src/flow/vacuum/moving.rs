//! What is used moves to the other port: planned, copied with every byte hashed on the way, put in force there. Nothing is deleted.
//!
//! The copies keep their names below the host, so no catalog names a mirror: the cluster's mirror sets say where to look. Production
//! stays as it is until the cluster has left it, and is then emptied as staging.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use crate::digest::{Digest, VerifyingReader};
use crate::event::{Event, Phase};
use crate::fault::AnyFault;
use crate::finding::Finding;
use crate::flow::built::Pushing;
use crate::flow::catalog_image::RegistryImages;
use crate::flow::import::{preflight, state_repository};
use crate::flow::vacuum::Vacuum;
use crate::flow::vacuum::error::{EMPTY_FIRST, VacuumError};
use crate::flow::vacuum::plan::{Cut, Judged};
use crate::flow::vacuum::record::Record;
use crate::flow::vacuum::stale::{Freshness, still_alone};
use crate::oci::Descriptor;
use crate::promote::{CatalogTag, Commit, Lease, is_lease, put_tag};
use crate::reference::{Repository, RepositoryRef, Tag};
use crate::registry::{Client, Known, RegistryError, Target};
use crate::retain::{
    CatalogChange, Listing, Moving, SeenRepository, TagKind, Task, VacuumPlan, copied, in_the_way, tag_kind,
};
use crate::transfer::{BlobSource, Delivery, Holdings, Proof, Tally, Transfer, deliver};
use crate::workers;

/// What moving came to.
#[derive(Debug)]
pub struct Moved {
    /// What was written, and what an earlier run had written.
    pub tally: Tally,
    /// Catalogs that are smaller over there.
    pub catalogs: Vec<CatalogChange>,
    /// What was seen to be there of what was copied.
    pub(super) held: Holdings,
}

/// The bytes as production has them, hashed while they are read. They are given as long as nobody else can be inside.
struct Former<'a> {
    client: &'a Client,
    lease: &'a Lease<'a>,
    /// Where each digest is.
    places: BTreeMap<Digest, (RepositoryRef, Descriptor)>,
    /// Which of them are manifests.
    manifests: BTreeSet<Digest>,
}

impl Former<'_> {
    fn read(
        &self,
        place: &RepositoryRef,
        it: &Descriptor,
    ) -> Result<Box<dyn Read + Send + '_>, RegistryError> {
        if !self.manifests.contains(&it.digest) {
            return Ok(Box::new(self.client.blob(place, it, 0)?));
        }
        let found = self.client.manifest(place, &Target::Digest(it.digest))?;
        let gone = || RegistryError::NotFound { request: format!("GET {}", place.pin(it.digest)) };
        Ok(Box::new(io::Cursor::new(found.ok_or_else(gone)?.shared_bytes())))
    }
}

impl BlobSource for Former<'_> {
    fn name(&self) -> String {
        let place = self.places.values().next();
        place.map_or_else(|| "production".to_owned(), |(place, _)| place.host.to_string())
    }

    fn open(&self, digest: &Digest) -> io::Result<Box<dyn Read + Send + '_>> {
        let (place, it) = self.places.get(digest).ok_or(io::ErrorKind::NotFound)?;
        let reader = self.read(place, it).map_err(io::Error::other)?;
        still_alone(self.lease).map_err(io::Error::other)?;
        Ok(Box::new(Checked {
            reader: VerifyingReader::new(reader, it.digest, it.size),
            place,
            digest: it.digest,
        }))
    }
}

/// Says of wrong bytes who sent them.
struct Checked<'a, R> {
    reader: VerifyingReader<R>,
    place: &'a RepositoryRef,
    digest: Digest,
}

impl<R: Read> Read for Checked<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let request = || format!("GET {}", self.place.pin(self.digest));
        self.reader.read(buffer).map_err(|error| io::Error::other(RegistryError::from_io(error, &request())))
    }
}

impl Vacuum<'_> {
    /// Says what of production moves to staging, which is to take over. Writes nothing.
    pub fn plan_moving(&self) -> Result<VacuumPlan, AnyFault> {
        let listing = self.list()?;
        let Judged { mut plan, sorted, coming } = self.judge(&listing, Cut::Away)?;
        let there = self.list_at(&self.site.spec.staging.registry, |_| false)?;
        let strange = in_the_way(&plan, &there);
        let before = self.moved_before()?;
        plan.findings.extend(strange.first().map(|first| {
            let message = format!(
                "it holds images or tags of the site that do not move and would be production with them, {} in all; the first: {first}",
                strange.len()
            );
            let hint = match before {
                Some(_) => format!("only where the former move was given up, {EMPTY_FIRST}"),
                None => EMPTY_FIRST.to_owned(),
            };
            Finding::error("STAGING_NOT_EMPTY", &there.host, message).hint(hint)
        }));
        plan.findings.extend(before);
        plan.task = Task::Move(copied(&listing, &sorted, &coming, &there));
        Ok(plan.sealed())
    }

    /// Carries out such a plan. What an earlier run of it did is not done again.
    pub fn apply_moving(
        &self,
        plan: &VacuumPlan,
        moving: &Moving,
        freshness: Freshness,
    ) -> Result<Moved, AnyFault> {
        let spec = &self.site.spec;
        if moving.to == spec.production.registry && plan.site == self.site.name() {
            return Err(VacuumError::MovedAlready { to: moving.to.clone() }.into());
        }
        if moving.to != spec.staging.registry {
            return Err(VacuumError::SiteFile.into());
        }
        self.alone(plan, freshness, |listing, lease| {
            let there = self.list_at(&moving.to, |_| false)?;
            let strange = in_the_way(plan, &there);
            if let Some(first) = strange.first().cloned() {
                let (registry, count) = (moving.to.to_string(), strange.len());
                return Err(VacuumError::InTheWay { registry, count, first }.into());
            }
            let deliveries = deliveries(plan, listing);
            self.may_write(moving, &deliveries)?;
            let mut log = Record::log(self.state)?;
            log.append(&Record::Begin { plan: plan.id(), at: freshness.now.to_string() })?;
            let mut tally = self.copy(moving, &deliveries, listing, lease)?;
            self.tag(plan, moving, lease)?;
            for change in &plan.catalogs {
                self.put_in_force(change, moving, lease)?;
            }
            // Last, as an import does it: these say that generations are in force here.
            tally = tally.plus(self.generations(moving, listing, lease)?);
            log.append(&Record::Moved { plan: plan.id(), to: moving.to.clone() })?;
            Ok(Moved { tally, catalogs: plan.catalogs.clone(), held: held(&deliveries) })
        })
    }

    fn may_write(&self, moving: &Moving, deliveries: &[Delivery]) -> Result<(), AnyFault> {
        let places = deliveries.iter().map(|delivery| delivery.repository.clone());
        let places: BTreeSet<RepositoryRef> = places.map(|name| place(moving, name)).collect();
        preflight::writes(&places, self.client, self.jobs, self.events)
    }

    /// Copies images, and proves that they arrived whole.
    fn copy(
        &self,
        moving: &Moving,
        deliveries: &[Delivery],
        listing: &Listing,
        lease: &Lease<'_>,
    ) -> Result<Tally, AnyFault> {
        let (mut places, mut manifests) = (BTreeMap::new(), BTreeSet::new());
        for delivery in deliveries {
            let home = RepositoryRef { host: listing.host.clone(), repository: delivery.repository.clone() };
            manifests.extend(delivery.manifests.iter().map(|manifest| manifest.digest));
            let parts = delivery.manifests.iter().chain(&delivery.blobs);
            places.extend(parts.map(|part| (part.digest, (home.clone(), part.clone()))));
        }
        let Self { client, jobs, events, limits, .. } = *self;
        let source = Former { client, lease, places, manifests };
        let proof = Proof::sizes();
        let transfer =
            Transfer { host: &moving.to, client, source: &source, proof: &proof, jobs, events, limits };
        let delivered = deliver(deliveries, &self.site.spec.platforms, Phase::Promote, &transfer);
        // Whatever else is said of it then, this is why.
        still_alone(lease)?;
        Ok(delivered?.tally())
    }

    /// Gives what moved its tags, but those of smaller catalogs that are in force already.
    fn tag(&self, plan: &VacuumPlan, moving: &Moving, lease: &Lease<'_>) -> Result<(), AnyFault> {
        let mut tags: Vec<(RepositoryRef, &Tag, Digest)> = Vec::new();
        for (name, repository) in &plan.repositories {
            let kept = repository.kept.iter().flat_map(|item| item.tags.iter().map(|tag| (tag, item.digest)));
            let others = kept.filter(|(tag, digest)| tag_kind(tag) != TagKind::Hold(*digest));
            tags.extend(others.map(|(tag, digest)| (place(moving, name.clone()), tag, digest)));
        }
        workers::for_each(&tags, self.jobs, self.events, |(repository, tag, digest)| {
            let served = plan.catalogs.iter().find(|change| {
                change.tag.repository.repository == repository.repository
                    && change.tag.tag.as_ref() == Some(*tag)
            });
            let target = Target::Tag((*tag).clone());
            if let Some(change) = served
                && let Some(found) = self.client.head_manifest(repository, &target)?
                && found.digest == change.after
            {
                return Ok(());
            }
            let gone = || RegistryError::NotFound { request: format!("GET {}", repository.pin(*digest)) };
            let manifest = self.client.manifest(repository, &Target::Digest(*digest))?.ok_or_else(gone)?;
            still_alone(lease)?;
            put_tag(self.client, repository, (*tag).clone(), &manifest)?;
            Ok(())
        })
    }

    /// Puts a smaller catalog in force over there, by the same request as an import.
    fn put_in_force(
        &self,
        change: &CatalogChange,
        moving: &Moving,
        lease: &Lease<'_>,
    ) -> Result<(), AnyFault> {
        let Some(tag) = change.tag.tag.clone() else { return Ok(()) };
        let repository = place(moving, change.tag.repository.repository.clone());
        let served = CatalogTag { repository, tag };
        let Self { client, jobs, events, limits, .. } = *self;
        let found = served.current(client)?;
        if found.as_ref().is_some_and(|found| found.digest() == change.after) {
            return Ok(());
        }
        events.emit(&Event::Begin { phase: Phase::Merge, items: 1, bytes: 0 });
        let (_, built) = self.rebuilt(change)?;
        still_alone(lease)?;
        let pushing = Pushing { repository: &served.repository, client, jobs, events, limits };
        let base = RegistryImages { repository: &change.tag.repository, client };
        pushing.push(&built.blobs(limits)?, &base, Known::Nothing)?;
        pushing.generation(&built, &served, change.generation)?;
        still_alone(lease)?;
        match served.commit(found.as_ref(), &built.root, change.generation, lease, client)? {
            Commit::Moved | Commit::AlreadyThere => {}
            Commit::Changed { found } => return Err(VacuumError::moved(change, found).into()),
            Commit::Late => return Err(VacuumError::Late.into()),
        }
        events.emit(&Event::End { phase: Phase::Merge });
        Ok(())
    }

    /// Copies what production keeps of each generation: whoever imports next finds there which was the last.
    fn generations(&self, moving: &Moving, listing: &Listing, lease: &Lease<'_>) -> Result<Tally, AnyFault> {
        let name = state_repository(&listing.host)?.repository;
        let Some(seen) = listing.repositories.get(&name) else { return Ok(Tally::default()) };
        let tags = || seen.tags.iter().filter(|(tag, _)| !is_lease(tag) && tag_kind(tag) == TagKind::Person);
        let kept: BTreeSet<Digest> = tags().map(|(_, digest)| *digest).collect();
        let tally = self.copy(moving, &of_repository(&name, seen, &kept), listing, lease)?;
        let repository = place(moving, name);
        for (tag, digest) in tags() {
            if let Some(manifest) = self.client.manifest(&repository, &Target::Digest(*digest))? {
                still_alone(lease)?;
                put_tag(self.client, &repository, tag.clone(), &manifest)?;
            }
        }
        Ok(tally)
    }
}

fn place(moving: &Moving, repository: Repository) -> RepositoryRef {
    RepositoryRef { host: moving.to.clone(), repository }
}

/// All that these bring, by repository.
fn held(deliveries: &[Delivery]) -> Holdings {
    let mut held = Holdings::new();
    for delivery in deliveries {
        let parts = delivery.manifests.iter().chain(&delivery.blobs).map(|part| part.digest);
        held.entry(delivery.repository.clone()).or_default().extend(parts);
    }
    held
}

/// What the plan keeps, image by image.
fn deliveries(plan: &VacuumPlan, listing: &Listing) -> Vec<Delivery> {
    let repositories = plan.repositories.iter().filter_map(|(name, repository)| {
        let kept = repository.kept.iter().map(|item| item.digest).collect();
        Some(of_repository(name, listing.repositories.get(name)?, &kept))
    });
    repositories.flatten().collect()
}

/// The images of a repository: whatever is in no index that stays is one.
fn of_repository(name: &Repository, seen: &SeenRepository, kept: &BTreeSet<Digest>) -> Vec<Delivery> {
    let listed: BTreeSet<Digest> = kept
        .iter()
        .filter_map(|digest| seen.manifests.get(digest))
        .flat_map(|seen| seen.children.clone())
        .collect();
    let roots = kept.iter().filter(|digest| !listed.contains(*digest));
    let delivery = |root: &Digest| {
        let mut delivery = Delivery {
            repository: name.clone(),
            label: format!("{name}@{}", root.short()),
            manifests: Vec::new(),
            blobs: Vec::new(),
        };
        gather(*root, seen, &mut delivery);
        delivery
    };
    roots.map(delivery).filter(|delivery| !delivery.manifests.is_empty()).collect()
}

/// Adds a manifest with all below it, children first.
fn gather(digest: Digest, seen: &SeenRepository, delivery: &mut Delivery) {
    let Some(it) = seen.manifests.get(&digest) else { return };
    if delivery.manifests.iter().any(|known| known.digest == digest) {
        return;
    }
    for child in &it.children {
        gather(*child, seen, delivery);
    }
    let part = |media_type: &str, digest, size| Descriptor {
        media_type: media_type.to_owned(),
        digest,
        size,
        platform: None,
    };
    for (blob, size) in &it.blobs {
        if !delivery.blobs.iter().any(|known| known.digest == *blob) {
            delivery.blobs.push(part(crate::oci::media::OCI_LAYER, *blob, *size));
        }
    }
    delivery.manifests.push(part(&it.media_type, digest, it.bytes));
}
