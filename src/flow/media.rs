//! `media`: an archive onto media, cut as they need it, and each volume checked by itself.

use std::path::{Path, PathBuf};

use crate::archive::{Front, ReadAt};
use crate::digest::Digest;
use crate::event::{Event, Events, Phase};
use crate::fault::{AnyFault, Exit, Fault};
use crate::finding::Finding;
use crate::flow::papers::{self, Written};
use crate::limits::Limits;
use crate::store::files::{self, Mode};
use crate::store::medium_copy::{self, Copied, copy};
use crate::store::volumes::Medium;
use crate::text::SafePath;
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
    #[error("there is no volume {number}: the archive has {count}")]
    NoSuchVolume {
        /// What was asked for.
        number: u64,
        /// How many there are.
        count: u64,
    },
    /// It cannot be cut like that.
    #[error("the archive cannot be cut into such volumes")]
    Volumes(#[from] VolumeError),
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
            Self::NoSuchVolume { .. } => Exit::Usage,
            Self::Volumes(error) => error.exit(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoRoom { .. } => Some(
                "name more folders, cut smaller with `--media` or `--volume-size`, or write some now with `--volume N` and the others onto the next medium".to_owned(),
            ),
            Self::NoSuchVolume { .. } => None,
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
    /// Numbers of the volumes to write, counted from 1; all of them when empty.
    pub only: &'a [u64],
    /// Told what happens.
    pub events: &'a dyn Events,
    /// Ceilings.
    pub limits: &'a Limits,
}

/// One file on a medium.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnMedium {
    /// Where it is.
    pub path: PathBuf,
    /// Which volume; nothing for an archive in one file.
    pub number: Option<u64>,
    /// How many volumes there are.
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
        let places = self.places(&cut)?;
        let bytes = places.iter().map(|(index, _)| size(&cut, *index)).sum();
        self.events.emit(&Event::Begin { phase: Phase::Copy, items: places.len() as u64, bytes });
        let mut done = Vec::new();
        for (index, target) in places {
            let written = self.put(&cut, index, target)?;
            if self.shape.is_cut() {
                let name = self.shape.volume_name(self.archive.name(), index + 1);
                let label = VolumeLabel::of(&name, &cut, inventory.inventory.digest(), written.digest);
                files::replace(
                    &files::beside(&written.path, "json"),
                    label.to_json().as_bytes(),
                    Mode::Public,
                )?;
            }
            done.push(written);
        }
        for folder in self.folders {
            self.papers(folder, &done)?;
        }
        self.events.emit(&Event::End { phase: Phase::Copy });
        Ok(done)
    }

    /// Which volume goes where: each into the first folder that has room for it.
    fn places(&self, cut: &Cut) -> Result<Vec<(u64, PathBuf)>, AnyFault> {
        let files = self.shape.files(self.archive.name(), cut);
        if let Some(&number) = self.only.iter().find(|number| !(1..=cut.count()).contains(number)) {
            return Err(MediaError::NoSuchVolume { number, count: cut.count() }.into());
        }
        let mut free = Vec::new();
        for folder in self.folders {
            let bytes = medium_copy::free_bytes(folder)?.unwrap_or(u64::MAX);
            free.push((folder.clone(), bytes));
        }
        let (mut places, mut left) = (Vec::new(), Vec::new());
        for (index, file) in
            (0..).zip(&files).filter(|(index, _)| self.only.is_empty() || self.only.contains(&(index + 1)))
        {
            let needed = size(cut, index).saturating_add(BESIDE);
            // What lies there already needs no more room.
            let there =
                free.iter().find(|(folder, _)| folder.join(file).exists()).map(|(folder, _)| folder.clone());
            match there {
                Some(folder) => places.push((index, folder.join(file))),
                None => match free.iter_mut().find(|(_, bytes)| *bytes >= needed) {
                    Some((folder, bytes)) => {
                        *bytes -= needed;
                        places.push((index, folder.join(file)));
                    }
                    None => left.push(index + 1),
                },
            }
        }
        if left.is_empty() { Ok(places) } else { Err(MediaError::NoRoom { left, free }.into()) }
    }

    fn put(&self, cut: &Cut, index: u64, target: PathBuf) -> Result<OnMedium, AnyFault> {
        let range = cut.range(index);
        let bytes = size(cut, index);
        let label = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // The digest is known when it is over; until then the name stands for it.
        let digest = Digest::of(label.as_bytes());
        self.events.emit(&Event::Started { digest, label: &label, bytes });
        let advanced = |bytes| {
            self.events.emit(&Event::Advanced { digest, bytes });
            !self.events.interrupted()
        };
        let copied = copy(self.archive, range.start, bytes, &target, &advanced);
        if self.events.interrupted() {
            return Err(crate::workers::Interrupted.into());
        }
        let (found, how) = copied?;
        let there = how == Copied::There;
        self.events.emit(&if there { Event::Skipped { digest, bytes } } else { Event::Finished { digest } });
        let number = self.shape.is_cut().then_some(index + 1);
        Ok(OnMedium { path: target, number, count: cut.count(), size: bytes, digest: found, there })
    }

    /// Takes the papers along, and writes the sums of what lies in this folder.
    fn papers(&self, folder: &Path, done: &[OnMedium]) -> Result<(), AnyFault> {
        let here: Vec<&OnMedium> = done.iter().filter(|file| file.path.parent() == Some(folder)).collect();
        if here.is_empty() {
            return Ok(());
        }
        let mut written: Vec<Written> = Vec::new();
        for file in here {
            written.push((file.path.clone(), file.digest));
            if file.number.is_some() {
                written.push(digested(&files::beside(&file.path, "json"), self.limits)?);
            }
        }
        let target = folder.join(self.archive.name());
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
        papers::write_sums(&target, &written)?;
        Ok(())
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

/// Judges volumes by their labels alone, each by itself: what of an archive has arrived so far.
pub fn check(paths: &[PathBuf]) -> Result<(Vec<VolumeLabel>, Vec<Finding>), AnyFault> {
    let mut good = Vec::new();
    let mut findings = Vec::new();
    for found in crate::store::volumes::labelled(paths)? {
        let subject = SafePath(&found.path).to_string();
        match &found.label {
            None => findings.push(
                Finding::error("VOLUME_UNLABELLED", subject, "it has no label that could be read")
                    .hint("copy the `.json` file beside it, too"),
            ),
            Some(label) => match medium_copy::read_back(&found.path, label.size) {
                Ok(digest) if digest == Some(label.digest) => good.push(label.clone()),
                Ok(None) => findings.push(
                    Finding::error(
                        "VOLUME_TORN",
                        subject,
                        format!("it has {} of {} bytes of volume {}", found.size, label.size, label.place()),
                    )
                    .hint("copy it again"),
                ),
                Ok(Some(_)) => findings.push(
                    Finding::error(
                        "VOLUME_DAMAGED",
                        subject,
                        format!("volume {} is not what was written", label.place()),
                    )
                    .hint("copy it again"),
                ),
                Err(error) => findings.push(
                    Finding::error("VOLUME_UNREADABLE", subject, error)
                        .hint("try another drive; else copy it again onto another medium"),
                ),
            },
        }
    }
    Ok((good, findings))
}
