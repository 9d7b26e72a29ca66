//! `pack`: a plan becomes one signed archive.
//!
//! All digests and sizes are known from the plan, so the table of contents is complete before the first download. Blobs go
//! straight to their final places; the signatures come last; only then does the file get its name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::archive::{
    self, ArchiveError, Blob, Blueprint, CatalogBase, Draft, Inventory, Moment, Name, Piece, Predecessor,
    Root, Text, UpstreamSignature,
};
use crate::digest::Digest;
use crate::event::{Event, Events, Phase};
use crate::fault::{AnyFault, Exit, Fault};
use crate::fetch::{Upstream, Wanted, fetch};
use crate::flow::documents::{self, DocumentError};
use crate::flow::papers::{self, Written};
use crate::flow::protect::{self, Planned};
use crate::flow::release_proof::{Unproven, prove};
use crate::limits::Limits;
use crate::oci::media;
use crate::papers::{Contents, Sealed};
use crate::plan::{ImageKind, Plan, PlannedImage, PlannedRelease};
use crate::reference::RepositoryRef;
use crate::release::ReleaseKeys;
use crate::repair::{RepairError, Share};
use crate::store::StoreError;
use crate::store::files::{self, Mode};
use crate::store::medium_copy::free_bytes;
use crate::store::part::PartFile;
use crate::trust::{KeyId, SecretKey};
use crate::volume::{Cut, Shape, VolumeError, VolumeLabel};
use crate::workers;

/// Seconds that the clock of a site may be behind the one here. Behind a gap nobody sets it, and an archive may be there within minutes.
/// The signer gives this time away by an earlier `notBefore`, so that readers need no allowance of their own and agree with each other.
/// `expires` is not moved: a year has room enough.
const CLOCKS_DIFFER: i64 = 600;

/// What `pack` made.
#[derive(Debug, Clone)]
pub struct Packed {
    /// The archive.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// Digest of its inventory.
    pub inventory: Digest,
    /// Its number in its channel.
    pub sequence: u64,
    /// Ids of the keys that signed it.
    pub signers: Vec<String>,
    /// What was written beside its volumes; empty where it is one file.
    pub volumes: Vec<VolumeLabel>,
    /// Files of repair data that were written beside it.
    pub repair: Vec<PathBuf>,
    /// Files for people that were written beside it.
    pub papers: Vec<PathBuf>,
}

/// Why a plan cannot be packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The plan has findings that must be mended first.
    #[error("the plan has {count} errors; the first: {first}")]
    Blocked {
        /// How many.
        count: usize,
        /// The first of them.
        first: String,
    },
    /// The plan contradicts itself.
    #[error("the plan cannot be packed: {why}")]
    Plan {
        /// What is wrong.
        why: String,
    },
    /// A value of the plan does not fit the format.
    #[error("the plan does not fit the archive format")]
    Format(#[from] ArchiveError),
    /// It cannot be cut like that.
    #[error("the archive cannot be cut into such volumes")]
    Volumes(#[from] VolumeError),
    /// There can be no such repair data.
    #[error("there can be no such repair data")]
    Repair(#[from] RepairError),
    /// A release in it cannot be believed.
    #[error(transparent)]
    Release(#[from] Unproven),
    /// It cannot be taken apart into documents.
    #[error("the plan cannot be put into an archive")]
    Documents(#[from] DocumentError),
}

impl Fault for PackError {
    fn exit(&self) -> Exit {
        match self {
            Self::Blocked { .. } => Exit::Incomplete,
            Self::Plan { .. } | Self::Format(_) | Self::Documents(_) => Exit::Usage,
            Self::Volumes(error) => error.exit(),
            Self::Repair(error) => error.exit(),
            Self::Release(error) => error.exit(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Volumes(error) => error.hint(),
            Self::Repair(error) => error.hint(),
            _ => Some("make the plan again with `ombundle plan`".to_owned()),
        }
    }
}

/// What `pack` works with.
pub struct Pack<'a> {
    /// Has what the plan names.
    pub upstream: Upstream<'a>,
    /// The keys that may sign the OpenShift releases of a plan.
    pub release_keys: Option<&'a ReleaseKeys>,
    /// The clock, for their signatures.
    pub now: Moment,
    /// The keys that sign.
    pub keys: &'a [SecretKey],
    /// Whether the archive is one file, or volumes.
    pub shape: &'a Shape,
    /// How much of the archive repair data beside it is made for; none where nobody wants any.
    pub repair: Option<Share>,
    /// How the papers beside the archive are written; none where nobody wants them.
    pub papers: Option<Contents>,
    /// Downloads at once.
    pub jobs: usize,
    /// Told what happens.
    pub events: &'a dyn Events,
    /// Ceilings.
    pub limits: &'a Limits,
}

impl Pack<'_> {
    /// Writes the archive of `plan` to `target`. After a break the same call goes on where it stopped.
    pub fn run(&self, plan: &Plan, target: &Path) -> Result<Packed, AnyFault> {
        self.begin(plan)?.fill(target)?.finish()
    }

    /// Says what the archive of `plan` will be, before anything is fetched or written. A plan is a file that anybody may have changed, so
    /// its releases are verified again.
    pub fn begin<'p>(&'p self, plan: &'p Plan) -> Result<Packing<'p>, PackError> {
        prove(plan, self.release_keys, self.now, self.limits)?;
        let signers = self.keys.iter().map(|key| key.public().id()).collect();
        let blueprint = draft(plan, signers)?.seal(self.limits)?;
        let cut = self.shape.cut(blueprint.inventory().total_size)?;
        Ok(Packing { pack: self, plan, blueprint, cut })
    }
}

/// An archive that is known byte by byte, but for the blobs that must be fetched.
pub struct Packing<'p> {
    pack: &'p Pack<'p>,
    plan: &'p Plan,
    blueprint: Blueprint,
    cut: Cut,
}

/// An archive that is complete and signed, and has no name yet.
#[must_use = "without its name it is no archive"]
pub struct Filled<'p> {
    part: PartFile,
    packed: Packed,
    repair: Vec<Planned>,
    packing: &'p Packing<'p>,
}

impl<'p> Packing<'p> {
    /// How many volumes it will have, where it has any.
    pub fn volumes(&self) -> Option<u64> {
        self.pack.shape.is_cut().then(|| self.cut.count())
    }

    /// Its table of contents.
    pub fn inventory(&self) -> &Inventory {
        self.blueprint.inventory()
    }

    /// How many bytes of repair data there will be beside it.
    pub fn repair_bytes(&self, target: &Path) -> Result<u64, PackError> {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        Ok(self.repair(&name)?.iter().map(|planned| planned.header.length()).sum())
    }

    /// Fetches what must be fetched, and signs. After a break the same call goes on where it stopped.
    pub fn fill(&'p self, target: &Path) -> Result<Filled<'p>, AnyFault> {
        let Pack { upstream, keys, shape, jobs, events, .. } = *self.pack;
        let (inventory, cut) = (self.inventory(), self.cut);
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let repair = self.repair(&name)?;
        let part = PartFile::open(target, cut, &shape.files(&name, &cut), &front(&self.blueprint)?)?;
        room_for(&repair, target)?;
        let wanted = self.write_known(&part)?;
        let bytes = wanted.iter().map(|wanted| wanted.descriptor.size).sum();
        events.emit(&Event::Begin { phase: Phase::Fetch, items: wanted.len() as u64, bytes });
        fetch(&wanted, &part, upstream, jobs, events)?;
        let signatures: Vec<_> = keys.iter().map(|key| key.sign(inventory.raw())).collect();
        for (offset, signature) in self.blueprint.place(&signatures).map_err(PackError::Format)? {
            part.write_at(&signature, offset)?;
        }
        let packed = Packed {
            path: target.to_owned(),
            size: inventory.total_size,
            inventory: inventory.digest(),
            sequence: inventory.sequence,
            signers: inventory.signers.iter().map(ToString::to_string).collect(),
            volumes: Vec::new(),
            repair: Vec::new(),
            papers: Vec::new(),
        };
        Ok(Filled { part, packed, repair, packing: self })
    }

    /// What repair data there will be beside the archive of that name.
    fn repair(&self, name: &str) -> Result<Vec<Planned>, PackError> {
        let Some(share) = self.pack.repair else { return Ok(Vec::new()) };
        let (digest, total) = (self.inventory().digest(), self.cut.total());
        Ok(protect::plan(name, digest, total, share, self.pack.shape, self.pack.limits)?)
    }

    /// Writes all that is known already, and says what must be fetched to where.
    fn write_known(&self, part: &PartFile) -> Result<Vec<Wanted>, AnyFault> {
        let mut contents = contents(self.plan);
        let mut wanted = Vec::new();
        self.blueprint.pieces(|piece| {
            match piece {
                Piece::Known { offset, bytes } => part.write_at(bytes, offset)?,
                // Signed last: until then no part of the file can be mistaken for an archive.
                Piece::Signature { .. } => {}
                Piece::Blob { span, entry } => match self.plan.inline.get(&entry.digest) {
                    Some(text) => part.write_at(text.as_bytes(), span.data)?,
                    None => {
                        let mut found = contents.remove(&entry.digest).ok_or_else(|| PackError::Plan {
                            why: format!("nothing says where {} comes from", entry.digest),
                        })?;
                        found.offset = span.data;
                        wanted.push(found);
                    }
                },
            }
            Ok::<_, AnyFault>(())
        })?;
        Ok(wanted)
    }
}

impl Filled<'_> {
    /// Makes it durable and gives it its name.
    pub fn finish(mut self) -> Result<Packed, AnyFault> {
        let Pack { shape, papers, events, limits, .. } = *self.packing.pack;
        if shape.is_cut() || papers.is_some() || !self.repair.is_empty() {
            let mut written = self.hash()?;
            if shape.is_cut() {
                self.label(&mut written)?;
            }
            written.extend(self.protect()?);
            if let Some(form) = papers {
                written.extend(papers::write(
                    &self.packed.path,
                    self.packing.plan,
                    Some(&self.sealed()),
                    form,
                    limits,
                )?);
                self.packed.papers.push(papers::write_sums(&self.packed.path, &written)?);
            }
        }
        self.part.finish()?;
        events.emit(&Event::End { phase: Phase::Fetch });
        Ok(self.packed)
    }

    /// Its files with their digests. Volumes are hashed on all cores; what is hashed is in memory, so that the disk has time to
    /// make it durable meanwhile.
    fn hash(&self) -> Result<Vec<Written>, AnyFault> {
        let Packing { pack, cut, .. } = self.packing;
        let names = pack.shape.files(&self.name(), cut);
        let jobs: Vec<Option<(u64, String)>> =
            std::iter::once(None).chain((0..).zip(names).map(Some)).collect();
        let done = workers::map(&jobs, workers::cores().max(2), pack.events, |job| match job {
            None => self.part.sync().map(|()| None).map_err(AnyFault::from),
            Some((index, name)) => {
                Ok(Some((self.packed.path.with_file_name(name), self.part.digest(*index)?)))
            }
        })?;
        Ok(done.into_iter().flatten().collect())
    }

    /// Makes the repair data: the blocks that were just hashed are in memory still, as far as they fit.
    fn protect(&mut self) -> Result<Vec<Written>, AnyFault> {
        let target = |planned: &Planned| (planned.header, self.packed.path.with_file_name(&planned.file));
        let files: Vec<_> = self.repair.iter().map(target).collect();
        let made = protect::protect(&self.part, &self.packed.path, &files, self.packing.pack.events)?;
        self.packed.repair = made.iter().map(|file| file.path.clone()).collect();
        Ok(made.into_iter().map(|file| (file.path, file.digest)).collect())
    }

    /// Writes beside each volume what it is.
    fn label(&mut self, written: &mut Vec<Written>) -> Result<(), AnyFault> {
        let Packing { pack, cut, .. } = self.packing;
        let name = self.name();
        for (index, (path, digest)) in (0..).zip(std::mem::take(written)) {
            let label = VolumeLabel::of(
                &pack.shape.volume_name(&name, index + 1),
                cut,
                self.packed.inventory,
                digest,
            );
            let text = label.to_json();
            let beside = files::beside(&path, "json");
            files::replace(&beside, text.as_bytes(), Mode::Public)?;
            written.extend([(path, digest), (beside, Digest::of(text.as_bytes()))]);
            self.packed.volumes.push(label);
        }
        Ok(())
    }

    fn name(&self) -> String {
        self.packed.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    fn sealed(&self) -> Sealed {
        let inventory = self.packing.inventory();
        Sealed {
            name: self.name(),
            inventory: inventory.digest(),
            size: inventory.total_size,
            signers: inventory.signers.clone(),
            volumes: self.packing.pack.shape.sized(&self.name(), &self.packing.cut),
        }
    }
}

/// Refuses repair data for which there is no room beside the archive, whose own room is reserved.
fn room_for(repair: &[Planned], target: &Path) -> Result<(), StoreError> {
    let needed = repair.iter().map(|planned| planned.header.length()).sum();
    match free_bytes(files::folder_of(target))? {
        Some(free) if free < needed => Err(StoreError::NoSpace { path: target.to_owned(), needed, free }),
        _ => Ok(()),
    }
}

/// Bytes of the archive of this plan, signed with one key. Each further key adds some 2 KiB.
pub fn size(plan: &Plan, limits: &Limits) -> Result<u64, PackError> {
    // All ids are of one length, and so are all signatures.
    let any = Digest::of(b"").hex().parse::<KeyId>();
    let any = any.map_err(|error| PackError::Plan { why: error.to_string() })?;
    Ok(draft(plan, vec![any])?.seal(limits)?.inventory().total_size)
}

/// The beginning of the archive that says which plan it belongs to: all before the first signature's content.
fn front(blueprint: &Blueprint) -> Result<Vec<u8>, AnyFault> {
    let mut front = Vec::new();
    let mut signed = false;
    blueprint.pieces(|piece| {
        match piece {
            Piece::Known { bytes, .. } if !signed => front.extend_from_slice(bytes),
            Piece::Known { .. } => {}
            Piece::Signature { .. } | Piece::Blob { .. } => signed = true,
        }
        Ok::<_, AnyFault>(())
    })?;
    Ok(front)
}

/// Everything that the plan carries, by digest, with all repositories that have it.
fn contents(plan: &Plan) -> BTreeMap<Digest, Wanted> {
    let mut all: BTreeMap<Digest, Wanted> = BTreeMap::new();
    for image in &plan.images {
        for descriptor in image.manifests.iter().chain(&image.blobs) {
            let wanted = all.entry(descriptor.digest).or_insert_with(|| Wanted {
                descriptor: descriptor.clone(),
                label: label(image),
                sources: Vec::new(),
                offset: 0,
            });
            if media::MANIFESTS.contains(&descriptor.media_type.as_str()) {
                wanted.descriptor.media_type.clone_from(&descriptor.media_type);
            }
            push_new(&mut wanted.sources, &image.source);
        }
    }
    all
}

fn push_new(sources: &mut Vec<RepositoryRef>, source: &RepositoryRef) {
    if !sources.contains(source) {
        sources.push(source.clone());
    }
}

/// What a person calls an image: its repository and what tells it from others there.
pub fn label(image: &PlannedImage) -> String {
    match &image.tag {
        Some(tag) => format!("{}:{tag}", image.source.repository),
        None => format!("{}@{}", image.source.repository, image.root.digest.short()),
    }
}

/// The plan in the archive's words.
fn draft(plan: &Plan, signers: Vec<KeyId>) -> Result<Draft, PackError> {
    let left_out: BTreeSet<Digest> = plan.prerequisites.iter().map(|needed| needed.digest).collect();
    let mut blobs = Vec::new();
    for image in &plan.images {
        for (descriptor, manifest) in
            image.manifests.iter().map(|d| (d, true)).chain(image.blobs.iter().map(|d| (d, false)))
        {
            if !left_out.contains(&descriptor.digest) {
                blobs.push(Blob {
                    digest: descriptor.digest,
                    size: descriptor.size,
                    media_type: descriptor.media_type.parse()?,
                    manifest,
                });
            }
        }
    }
    let created: Moment = plan.created.parse()?;
    Ok(Draft {
        tool: Text::tamed(&plan.tool),
        created,
        not_before: Moment::from_unix(created.unix().saturating_sub(CLOCKS_DIFFER)).unwrap_or(created),
        expires: plan.expires.parse()?,
        channel: plan.channel.parse()?,
        target: plan.target.as_deref().map(str::parse).transpose()?,
        sequence: plan.sequence,
        predecessor: plan
            .predecessor
            .zip(plan.sequence.checked_sub(1))
            .map(|(inventory, sequence)| Predecessor { inventory, sequence }),
        prerequisites: plan
            .prerequisites
            .iter()
            .map(|needed| archive::Prerequisite {
                digest: needed.digest,
                manifest: needed.manifest,
                size: needed.size,
                source: needed.source.clone(),
            })
            .collect(),
        catalogs: plan
            .catalogs
            .iter()
            .enumerate()
            .map(|(index, catalog)| {
                let delta = documents::delta_name(index).parse()?;
                Ok(CatalogBase { delta, digest: catalog.digest, source: catalog.source.clone() })
            })
            .collect::<Result<_, ArchiveError>>()?,
        roots: plan.images.iter().map(|image| root(image, &plan.releases)).collect::<Result<_, _>>()?,
        blobs,
        meta: documents::taken_apart(plan)?,
        signers,
    })
}

fn root(image: &PlannedImage, releases: &[PlannedRelease]) -> Result<Root, ArchiveError> {
    Ok(Root {
        digest: image.root.digest,
        kind: image.kind,
        media_type: image.root.media_type.parse()?,
        platforms: image.manifests.iter().filter_map(|manifest| manifest.platform.clone()).collect(),
        reasons: image.reasons.iter().map(|reason| Text::tamed(reason)).collect(),
        size: image.root.size,
        source: image.source.clone(),
        tag: image.tag.clone(),
        verified: verified(image, releases)?,
    })
}

/// The vendor's signatures that were good: those of releases.
fn verified(
    image: &PlannedImage,
    releases: &[PlannedRelease],
) -> Result<Vec<UpstreamSignature>, ArchiveError> {
    let of = releases.iter().filter(|release| {
        image.kind == ImageKind::Release && release.image == image.source.pin(image.root.digest)
    });
    let keys: BTreeSet<&str> =
        of.flat_map(|release| &release.signatures).map(|signature| signature.key.as_str()).collect();
    let method: Name = "openpgp".parse()?;
    Ok(keys
        .into_iter()
        .map(|key| UpstreamSignature { key: Text::tamed(key), method: method.clone() })
        .collect())
}
