//! `media`: an archive onto media, cut as they need it, and each volume checked by itself.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::archive::{Front, ReadAt};
use crate::digest::Digest;
use crate::event::{Event, Events, Phase};
use crate::fault::{AnyFault, Exit, Fault};
use crate::flow::papers::{self, Written};
use crate::flow::protect::{self, Planned, protect};
use crate::limits::Limits;
use crate::repair::{Header, Share};
use crate::store::archive_file::ArchiveFile;
use crate::store::cosignatures;
use crate::store::files::{self, Mode};
use crate::store::medium_copy::{self, Copied, copy};
use crate::store::repair_file;
use crate::store::volumes::{Medium, labelled};
use crate::text::SafePath;
use crate::trust::Signature;
use crate::verify::Refused;
use crate::volume::{Cut, Shape, VolumeError, VolumeLabel};

/// Room beside a volume for its label, the papers and what a file system takes for them.
const BESIDE: u64 = 1 << 20;

/// Why an archive cannot be copied.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The folders have not got the room.
    #[error("volumes {} have no room: {}", list(.left), rooms(.free))]
    NoRoom {
        /// Numbers of the volumes that are left, counted from 1.
        left: Vec<u64>,
        /// The folders with what is free in each, in bytes.
        free: Vec<(PathBuf, u64)>,
    },
    /// There is no such volume.
    #[error("there is no volume {number}: there are {count}")]
    NoSuchVolume {
        /// What was asked for.
        number: u64,
        /// How many there are.
        count: u64,
    },
    /// It cannot be cut like that.
    #[error("the archive cannot be cut into such volumes")]
    Volumes(#[from] VolumeError),
    /// There is repair data, and it cannot be cut.
    #[error("`{}` has {size} bytes of repair data, and a volume has {most}", SafePath(.path))]
    RepairSize {
        /// The file of repair data.
        path: PathBuf,
        /// Its bytes.
        size: u64,
        /// What a volume has.
        most: u64,
    },
}

fn list(numbers: &[u64]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn rooms(free: &[(PathBuf, u64)]) -> String {
    let each = free.iter().map(|(path, bytes)| format!("`{}` has {bytes} bytes left", SafePath(path)));
    each.collect::<Vec<_>>().join(", ")
}

impl Fault for MediaError {
    fn exit(&self) -> Exit {
        match self {
            Self::NoRoom { .. } => Exit::Space,
            Self::NoSuchVolume { .. } | Self::RepairSize { .. } => Exit::Usage,
            Self::Volumes(error) => error.exit(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoRoom { .. } => Some(
                "name more folders, cut smaller with `--media` or `--volume-size`, or write some now with `--volume N` and the others onto the next medium".to_owned(),
            ),
            Self::NoSuchVolume { .. } => None,
            Self::RepairSize { .. } => Some("have it made anew with `--repair 5%`".to_owned()),
            Self::Volumes(error) => error.hint(),
        }
    }
}

/// What `media write` works with.
pub struct Write<'a> {
    /// The archive, wherever it lies now.
    pub archive: &'a Medium,
    /// How it is to lie on the media.
    pub shape: &'a Shape,
    /// Where the media are mounted.
    pub folders: &'a [PathBuf],
    /// Numbers of the volumes to write, counted from 1, repair data behind the archive; all of them when empty.
    pub only: &'a [u64],
    /// How much of the archive repair data is made for. Without it, what lies beside the archive is taken along.
    pub repair: Option<Share>,
    /// Told what happens.
    pub events: &'a dyn Events,
    /// Ceilings.
    pub limits: &'a Limits,
}

/// What a file on a medium is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// The archive, or a volume of it.
    Archive,
    /// Repair data of it.
    Repair,
}

/// A file that is to be written.
struct Item {
    file: String,
    size: u64,
    what: What,
}

enum What {
    /// The archive's volume with this index.
    Piece(u64),
    /// Repair data, to be made.
    Make(Header),
    /// Repair data that is there.
    Carry(PathBuf),
}

/// One file on a medium.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnMedium {
    /// Where it is.
    pub path: PathBuf,
    /// What it is of.
    pub kind: FileKind,
    /// Which of how many of its kind, counted from 1; nothing for an archive in one file.
    pub number: Option<u64>,
    /// How many of its kind there are.
    pub count: u64,
    /// Its bytes.
    pub size: u64,
    /// Their digest.
    pub digest: Digest,
    /// Whether it was there already.
    pub there: bool,
}

impl Write<'_> {
    /// Copies what has to be copied, reads all of it back, and leaves beside it what a person needs to check it.
    pub fn run(&self) -> Result<Vec<OnMedium>, AnyFault> {
        let cut = self.shape.cut(self.archive.len()).map_err(MediaError::from)?;
        let inventory = Front::read(self.archive, self.limits)
            .map_err(|defect| Refused::from(crate::verify::Refusal::from(defect)))?;
        let inventory = inventory.inventory.digest();
        let mut items = self.pieces(&cut);
        let pieces = items.len() as u64;
        items.extend(self.repair(inventory)?);
        let repair = items.len() as u64 - pieces;
        let places = self.places(items)?;
        let copied = |item: &Item| !matches!(item.what, What::Make(_));
        let (items_copied, bytes) = places
            .iter()
            .filter(|(_, item, _)| copied(item))
            .fold((0, 0), |(count, bytes), (_, item, _)| (count + 1, bytes + item.size));
        self.events.emit(&Event::Begin { phase: Phase::Copy, items: items_copied, bytes });
        let (mut done, mut to_make) = (Vec::new(), Vec::new());
        for (number, item, target) in places {
            match item.what {
                What::Piece(index) => {
                    let offset = cut.range(index).start;
                    let (digest, there) = self.put(self.archive, offset, item.size, &target)?;
                    if self.shape.is_cut() {
                        self.label(&cut, index, inventory, digest, &target)?;
                    }
                    let number = self.shape.is_cut().then_some(number);
                    let (kind, size) = (FileKind::Archive, item.size);
                    done.push(OnMedium { path: target, kind, number, count: pieces, size, digest, there });
                }
                What::Carry(from) => {
                    let (digest, there) = self.put(&ArchiveFile::open(&from)?, 0, item.size, &target)?;
                    done.push(self.repaired(target, number - pieces, repair, item.size, digest, there));
                }
                What::Make(header) => to_make.push((number - pieces, (header, target))),
            }
        }
        self.events.emit(&Event::End { phase: Phase::Copy });
        let (numbers, files): (Vec<u64>, Vec<_>) = to_make.into_iter().unzip();
        let written = protect(self.archive, Path::new(self.archive.name()), &files, self.events)?;
        for (number, file) in numbers.into_iter().zip(written) {
            let there = file.how == Copied::There;
            done.push(self.repaired(file.path, number, repair, file.size, file.digest, there));
        }
        for folder in self.folders {
            self.papers(folder, &done, inventory)?;
        }
        Ok(done)
    }

    fn repaired(
        &self,
        path: PathBuf,
        number: u64,
        count: u64,
        size: u64,
        digest: Digest,
        there: bool,
    ) -> OnMedium {
        let number = self.shape.is_cut().then_some(number);
        OnMedium { path, kind: FileKind::Repair, number, count, size, digest, there }
    }

    /// The archive's own files.
    fn pieces(&self, cut: &Cut) -> Vec<Item> {
        let files = self.shape.files(self.archive.name(), cut);
        let item = |(index, file)| Item { file, size: size(cut, index), what: What::Piece(index) };
        (0..).zip(files).map(item).collect()
    }

    /// Repair data that is to be made, or what lies beside the archive.
    fn repair(&self, inventory: Digest) -> Result<Vec<Item>, AnyFault> {
        if let Some(share) = self.repair {
            let name = self.archive.name();
            let planned = protect::plan(name, inventory, self.archive.len(), share, self.shape, self.limits)?;
            let item = |planned: Planned| {
                let Planned { file, header } = planned;
                Item { file, size: header.length(), what: What::Make(header) }
            };
            return Ok(planned.into_iter().map(item).collect());
        }
        let paths: Vec<PathBuf> = self.archive.files().map(Path::to_owned).collect();
        let found = repair_file::find(&paths, self.limits)?;
        let ours = found.into_iter().filter(|((of, _), _)| *of == inventory).flat_map(|(_, files)| files);
        let most = self.shape.most().unwrap_or(u64::MAX);
        let mut items = Vec::new();
        for found in ours {
            let (path, size) = (found.path, found.header.length());
            if size > most {
                return Err(MediaError::RepairSize { path, size, most }.into());
            }
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            items.push(Item { file, size, what: What::Carry(path) });
        }
        Ok(items)
    }

    fn label(
        &self,
        cut: &Cut,
        index: u64,
        inventory: Digest,
        digest: Digest,
        target: &Path,
    ) -> Result<(), AnyFault> {
        let name = self.shape.volume_name(self.archive.name(), index + 1);
        let label = VolumeLabel::of(&name, cut, inventory, digest);
        files::replace(&files::beside(target, "json"), label.to_json().as_bytes(), Mode::Public)?;
        Ok(())
    }

    /// Which file goes where, with its number: each into the first folder that has room for it.
    fn places(&self, items: Vec<Item>) -> Result<Vec<(u64, Item, PathBuf)>, AnyFault> {
        let count = items.len() as u64;
        if let Some(&number) = self.only.iter().find(|number| !(1..=count).contains(number)) {
            return Err(MediaError::NoSuchVolume { number, count }.into());
        }
        let mut free = Vec::new();
        for folder in self.folders {
            let bytes = medium_copy::free_bytes(folder)?.unwrap_or(u64::MAX);
            free.push((folder.clone(), bytes));
        }
        let (mut places, mut left) = (Vec::new(), Vec::new());
        let wanted = |number: &u64| self.only.is_empty() || self.only.contains(number);
        for (number, item) in (1..).zip(items).filter(|(number, _)| wanted(number)) {
            let needed = item.size.saturating_add(BESIDE);
            // What lies there already needs no more room.
            let there = free.iter().find(|(folder, _)| folder.join(&item.file).exists());
            let there = there.map(|(folder, _)| folder.join(&item.file));
            let target = there.or_else(|| {
                let (folder, bytes) = free.iter_mut().find(|(_, bytes)| *bytes >= needed)?;
                *bytes -= needed;
                Some(folder.join(&item.file))
            });
            match target {
                Some(target) => places.push((number, item, target)),
                None => left.push(number),
            }
        }
        if left.is_empty() { Ok(places) } else { Err(MediaError::NoRoom { left, free }.into()) }
    }

    /// Copies a stretch of a source. Returns its digest, and whether it was there already.
    fn put(
        &self,
        source: &dyn ReadAt,
        offset: u64,
        bytes: u64,
        target: &Path,
    ) -> Result<(Digest, bool), AnyFault> {
        let label = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // The digest is known when it is over; until then the name stands for it.
        let digest = Digest::of(label.as_bytes());
        self.events.emit(&Event::Started { digest, label: &label, bytes });
        let advanced = |bytes| {
            self.events.emit(&Event::Advanced { digest, bytes });
            !self.events.interrupted()
        };
        let copied = copy(source, offset, bytes, target, &advanced);
        if self.events.interrupted() {
            return Err(crate::workers::Interrupted.into());
        }
        let (found, how) = copied?;
        let there = how == Copied::There;
        self.events.emit(&if there { Event::Skipped { digest, bytes } } else { Event::Finished { digest } });
        Ok((found, there))
    }

    /// Takes the papers and the signatures of other people along, and writes the sums of what lies in this folder.
    fn papers(&self, folder: &Path, done: &[OnMedium], inventory: Digest) -> Result<(), AnyFault> {
        let here: Vec<&OnMedium> = done.iter().filter(|file| file.path.parent() == Some(folder)).collect();
        if here.is_empty() {
            return Ok(());
        }
        let mut written: Vec<Written> = Vec::new();
        for file in here {
            written.push((file.path.clone(), file.digest));
            if file.kind == FileKind::Archive && file.number.is_some() {
                written.push(digested(&files::beside(&file.path, "json"), self.limits)?);
            }
        }
        let target = folder.join(self.archive.name());
        let earlier = self.earlier(folder, inventory)?;
        let is_new = |(path, _): &Written| written.iter().all(|(new, _)| new != path);
        let earlier: Vec<Written> = earlier.into_iter().filter(is_new).collect();
        written.extend(earlier);
        let from =
            self.archive.files().next().and_then(Path::parent).map(|from| from.join(self.archive.name()));
        for name in papers::NAMES {
            let Some(paper) =
                from.as_ref().map(|from| files::beside(from, name)).filter(|paper| paper.is_file())
            else {
                continue;
            };
            let copy = files::beside(&target, name);
            let bytes = files::read(&paper, self.limits.meta_bytes)?;
            if copy != paper {
                files::replace(&copy, &bytes, Mode::Public)?;
            }
            written.push((copy, Digest::of(&bytes)));
        }
        let paths: Vec<PathBuf> = self.archive.files().map(Path::to_owned).collect();
        for signature in cosignatures::find(&paths)? {
            let copy = folder.join(signature.file_name().unwrap_or_default());
            let bytes = files::read(&signature, Signature::SIZE as u64)?;
            if copy != signature {
                files::replace(&copy, &bytes, Mode::Public)?;
            }
            written.push((copy, Digest::of(&bytes)));
        }
        papers::write_sums(&target, &written)?;
        Ok(())
    }
}

impl Write<'_> {
    /// What an earlier run wrote into this folder of the same archive: with `--volume` several of them fill one.
    fn earlier(&self, folder: &Path, inventory: Digest) -> Result<Vec<Written>, AnyFault> {
        let folders = [folder.to_owned()];
        let mut ours = BTreeSet::new();
        for volume in labelled(&folders)? {
            if volume.label.is_some_and(|label| label.inventory == inventory) {
                ours.insert(files::beside(&volume.path, "json"));
                ours.insert(volume.path);
            }
        }
        let repair = repair_file::find(&folders, self.limits)?;
        let repair = repair.into_iter().filter(|((of, _), _)| *of == inventory).flat_map(|(_, files)| files);
        ours.extend(repair.map(|file| file.path));
        let known = papers::read_sums(&folder.join(self.archive.name()), self.limits)?;
        Ok(known.into_iter().filter(|(path, _)| ours.contains(path)).collect())
    }
}

fn size(cut: &Cut, index: u64) -> u64 {
    let range = cut.range(index);
    range.end - range.start
}

fn digested(path: &Path, limits: &Limits) -> Result<Written, AnyFault> {
    let bytes = files::read(path, limits.meta_bytes)?;
    Ok((path.to_owned(), Digest::of(&bytes)))
}
