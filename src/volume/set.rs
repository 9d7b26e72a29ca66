//! Which of the files that were found are the volumes of one archive, and what is missing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::digest::Digest;
use crate::finding::Finding;
use crate::text::{Safe, SafePath};
use crate::volume::{Cut, VolumeLabel, VolumeName};

/// A file that has the name of a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Where it is.
    pub path: PathBuf,
    /// Its name.
    pub name: VolumeName,
    /// Its bytes.
    pub size: u64,
    /// What its label says; nothing where there is none that can be read.
    pub label: Option<VolumeLabel>,
}

/// One archive among the files that were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sorted {
    /// How it was cut.
    pub cut: Cut,
    /// Digest of its inventory, by its labels; nothing where it has none.
    pub inventory: Option<Digest>,
    /// The files of each volume in order: one at least, several where there are copies.
    pub volumes: Vec<Vec<Candidate>>,
    /// What is worth knowing.
    pub findings: Vec<Finding>,
}

/// What tells archives apart: their inventory, and how they were cut.
type Key = (Digest, Cut);

/// Finds the one archive that the files hold whole. Otherwise says what is missing, with what to copy again.
pub fn sort(candidates: Vec<Candidate>) -> Result<Sorted, Vec<Finding>> {
    let mut labelled: BTreeMap<Key, Vec<Candidate>> = BTreeMap::new();
    let mut bare = Vec::new();
    for candidate in candidates {
        match candidate.label.as_ref().and_then(|label| Some((label.inventory, label.cut()?))) {
            Some(key) => labelled.entry(key).or_default().push(candidate),
            None => bare.push(candidate),
        }
    }
    if labelled.is_empty() {
        return unlabelled(bare);
    }
    let groups: Vec<Group> =
        labelled.into_iter().map(|(key, members)| Group::of(key, members, &bare)).collect();
    let mut whole: Vec<&Group> = groups.iter().filter(|group| group.is_whole()).collect();
    // One archive that was cut in two ways is one archive.
    whole.dedup_by_key(|group| group.inventory);
    match whole.as_slice() {
        [group] => Ok(group.sorted(&groups)),
        [] => Err(groups.iter().flat_map(Group::incomplete).collect()),
        several => Err(several.iter().map(|group| group.ambiguous()).collect()),
    }
}

/// The files of one archive.
struct Group {
    inventory: Digest,
    cut: Cut,
    /// Of each volume the files that have its size.
    volumes: Vec<Vec<Candidate>>,
    /// Files of another size than their label says.
    torn: Vec<Candidate>,
    /// Some file of it, for its name.
    name: VolumeName,
}

impl Group {
    fn of((inventory, cut): Key, members: Vec<Candidate>, bare: &[Candidate]) -> Self {
        let mut volumes = vec![Vec::new(); usize::try_from(cut.count()).unwrap_or_default()];
        let mut torn = Vec::new();
        let name = members.first().map(|first| first.name.clone());
        // A file whose label was lost on the way may still be what its name says.
        let named = name.as_ref().map(|name| name.archive.clone());
        let adopted =
            bare.iter().filter(|candidate| Some(&candidate.name.archive) == named.as_ref()).cloned();
        for candidate in members.into_iter().chain(adopted) {
            let number = candidate.label.as_ref().map_or(candidate.name.number, |label| label.number);
            let index = number.saturating_sub(1);
            let range = cut.range(index);
            match usize::try_from(index).ok().and_then(|index| volumes.get_mut(index)) {
                Some(copies) if candidate.size == range.end - range.start => copies.push(candidate),
                _ => torn.push(candidate),
            }
        }
        let name = name.unwrap_or(VolumeName { archive: String::new(), number: 1, extension: None });
        Self { inventory, cut, volumes, torn, name }
    }

    fn is_whole(&self) -> bool {
        self.volumes.iter().all(|copies| !copies.is_empty())
    }

    fn file(&self, index: usize) -> String {
        VolumeName { number: index as u64 + 1, ..self.name.clone() }.file()
    }

    fn sorted(&self, all: &[Self]) -> Sorted {
        let mut findings: Vec<Finding> = self.torn.iter().map(|torn| short(torn, false)).collect();
        for copies in self.volumes.iter().filter(|copies| copies.iter().all(|copy| copy.label.is_none())) {
            findings.extend(copies.iter().map(no_label));
        }
        for copies in self.volumes.iter().filter(|copies| copies.len() > 1) {
            let paths: Vec<String> = copies.iter().map(|copy| shown(&copy.path)).collect();
            findings.push(Finding::info(
                "VOLUME_DOUBLED",
                self.file_of(copies),
                format!("it is there {} times: {}", copies.len(), paths.join(", ")),
            ));
        }
        for other in all.iter().filter(|other| other.inventory != self.inventory) {
            findings.extend(other.volumes.iter().flatten().chain(&other.torn).map(|stranger| {
                Finding::warning(
                    "VOLUME_FOREIGN",
                    shown(&stranger.path),
                    "it is of another archive, and was not looked at",
                )
            }));
        }
        Sorted { cut: self.cut, inventory: Some(self.inventory), volumes: self.volumes.clone(), findings }
    }

    fn file_of(&self, copies: &[Candidate]) -> String {
        copies.first().map_or_else(|| self.name.archive.clone(), |copy| copy.name.file())
    }

    /// What is missing, torn ones among it.
    fn incomplete(&self) -> Vec<Finding> {
        let count = self.volumes.len();
        let missing: Vec<usize> = self
            .volumes
            .iter()
            .enumerate()
            .filter(|(_, copies)| copies.is_empty())
            .map(|(index, _)| index)
            .collect();
        let files: Vec<String> = missing.iter().map(|&index| self.file(index)).collect();
        let again = format!("copy again: {}", files.join(", "));
        let mut findings: Vec<Finding> =
            self.torn.iter().map(|torn| short(torn, true).hint(&again)).collect();
        let torn = |index: usize| self.torn.iter().any(|torn| torn.name.number == index as u64 + 1);
        findings.extend(missing.iter().filter(|&&index| !torn(index)).map(|&index| {
            let message = format!("volume {} of {count} is missing", index + 1);
            Finding::error("VOLUME_MISSING", Safe(&self.file(index)), message).hint(&again)
        }));
        findings
    }

    fn ambiguous(&self) -> Finding {
        let message =
            format!("this archive is whole, and so is another one; its inventory is {}", self.inventory);
        Finding::error("VOLUME_AMBIGUOUS", Safe(&self.name.archive), message)
            .hint("name the folder of the one that you mean")
    }
}

/// Volumes without any label: what their names say must fit their sizes.
fn unlabelled(mut bare: Vec<Candidate>) -> Result<Sorted, Vec<Finding>> {
    bare.sort_by(|left, right| (left.name.number, &left.path).cmp(&(right.name.number, &right.path)));
    let total = bare.iter().map(|candidate| candidate.size).fold(0, u64::saturating_add);
    let cut = bare.first().and_then(|first| Cut::of(total, first.size));
    let fits = |cut: &Cut| {
        cut.count() == bare.len() as u64
            && bare.iter().zip(0..).all(|(candidate, index)| {
                let range = cut.range(index);
                candidate.name.number == index + 1 && candidate.size == range.end - range.start
            })
    };
    match cut.filter(fits) {
        Some(cut) => {
            let findings = bare.iter().map(no_label).collect();
            Ok(Sorted {
                cut,
                inventory: None,
                volumes: bare.into_iter().map(|one| vec![one]).collect(),
                findings,
            })
        }
        None => Err(bare
            .iter()
            .map(|candidate| {
                let message = format!(
                    "it has no label, and its {} bytes do not follow the volume before it",
                    candidate.size
                );
                let finding = Finding::error("VOLUME_UNLABELLED", shown(&candidate.path), message);
                finding.hint(
                    "copy the `.json` files beside the volumes, too: they say how many volumes there are",
                )
            })
            .collect()),
    }
}

fn no_label(candidate: &Candidate) -> Finding {
    let message = "it has no label; it is taken for what its name says";
    Finding::warning("VOLUME_UNLABELLED", shown(&candidate.path), message)
}

fn short(torn: &Candidate, is_needed: bool) -> Finding {
    let subject = shown(&torn.path);
    let message = match &torn.label {
        Some(label) => format!("it has {} of {} bytes of volume {}", torn.size, label.size, label.place()),
        None => format!("it has {} bytes, which is no volume of this archive", torn.size),
    };
    if is_needed {
        Finding::error("VOLUME_TORN", subject, message)
    } else {
        Finding::warning("VOLUME_TORN", subject, message)
    }
}

fn shown(path: &Path) -> String {
    SafePath(path).to_string()
}

#[cfg(test)]
mod tests;
