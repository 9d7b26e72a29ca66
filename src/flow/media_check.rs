//! `media check`: what has arrived, each file by itself: volumes by their labels, repair data by its own checks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::archive::Front;
use crate::digest::Digest;
use crate::event::Events;
use crate::fault::AnyFault;
use crate::finding::{Finding, Severity};
use crate::flow::mend::Mend;
use crate::limits::Limits;
use crate::repair::{Geometry, RepairName};
use crate::store::archive_file::ArchiveFile;
use crate::store::medium_copy;
use crate::store::repair_file::{self, Losses, RepairFile};
use crate::store::salvage::Salvage;
use crate::store::volumes::{in_one_file, labelled};
use crate::text::SafePath;
use crate::volume::{Candidate, VolumeLabel};

/// What is there.
#[derive(Debug, Default)]
pub struct Checked {
    /// Volumes that are as they were written.
    pub volumes: Vec<VolumeLabel>,
    /// What repair data can do.
    pub repair: Vec<Protection>,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// What the repair data of one archive can do, as far as it is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Protection {
    /// Digest of the archive's inventory.
    pub inventory: Digest,
    /// The files that it lies in.
    pub files: Vec<PathBuf>,
    /// Blocks of the archive.
    pub blocks: u64,
    /// Bytes of a block.
    pub block_bytes: u32,
    /// How many blocks may be lost, wherever they are.
    pub anywhere: u64,
    /// How many may be lost in one stretch.
    pub stretch: u64,
}

/// Looks at volumes, files of repair data, and folders that hold them. An archive in one file has no label: repair data beside it
/// says whether it is what it was.
pub fn check(paths: &[PathBuf], limits: &Limits, events: &dyn Events) -> Result<Checked, AnyFault> {
    let mut checked = Checked::default();
    let is_repair = |path: &&PathBuf| RepairName::of_path(path).is_some();
    let others: Vec<PathBuf> = paths.iter().filter(|path| !is_repair(path)).cloned().collect();
    let found = labelled(&others)?;
    for volume in &found {
        match volume_of(volume) {
            Ok(label) => checked.volumes.push(label),
            Err(finding) => checked.findings.push(finding),
        }
    }
    let whole = in_one_file(&others)?;
    let archives =
        whole.iter().map(|path| name_of(path)).chain(found.iter().map(|it| it.name.archive.clone()));
    let archives: BTreeSet<String> = archives.collect();
    let files = repair(paths, &archives, limits, &mut checked)?;
    foreign(&found, &files, &mut checked.findings);
    for path in &whole {
        checked.findings.extend(in_one(path, &files, limits, events)?);
    }
    if found.is_empty() && whole.is_empty() && files.is_empty() && checked.findings.is_empty() {
        let subject = paths.iter().map(|path| SafePath(path).to_string()).collect::<Vec<_>>().join(", ");
        let finding = Finding::error(
            "VOLUME_NONE",
            subject,
            "there is no archive, no volume of one and no repair data",
        );
        checked.findings.push(finding.hint("name the folder that the medium is mounted at"));
    }
    Ok(checked)
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The label of a volume that is what it says; else what is wrong with it.
fn volume_of(found: &Candidate) -> Result<VolumeLabel, Finding> {
    let subject = SafePath(&found.path).to_string();
    let Some(label) = &found.label else {
        let finding = Finding::error("VOLUME_UNLABELLED", subject, "it has no label that could be read");
        return Err(finding.hint("copy the `.json` file beside it, too"));
    };
    match medium_copy::read_back(&found.path, label.size) {
        Ok(digest) if digest == Some(label.digest) => Ok(label.clone()),
        Ok(None) => {
            let message =
                format!("it has {} of {} bytes of volume {}", found.size, label.size, label.place());
            Err(Finding::error("VOLUME_TORN", subject, message).hint("copy it again"))
        }
        Ok(Some(_)) => {
            let message = format!("volume {} is not what was written", label.place());
            Err(Finding::error("VOLUME_DAMAGED", subject, message).hint("copy it again"))
        }
        Err(error) => Err(Finding::error("VOLUME_UNREADABLE", subject, error)
            .hint("try another drive; else copy it again onto another medium")),
    }
}

type ByArchive = BTreeMap<repair_file::OfArchive, Vec<RepairFile>>;

/// Judges every file of repair data, and says what those of one archive can do together.
fn repair(
    paths: &[PathBuf],
    archives: &BTreeSet<String>,
    limits: &Limits,
    checked: &mut Checked,
) -> Result<ByArchive, AnyFault> {
    let mut files = ByArchive::new();
    for (path, file) in repair_file::candidates(paths, limits)? {
        let name = RepairName::of_path(&path).map(|name| name.archive).unwrap_or_default();
        match file {
            Some(file) => {
                files.entry((file.header.inventory, file.header.geometry)).or_default().push(file);
            }
            None => {
                let message = "nothing of this repair data can be used: both its headers are damaged";
                let finding = Finding::error("REPAIR_DAMAGED", SafePath(&path), message);
                checked.findings.push(finding.hint("copy it again"));
            }
        }
        if !archives.is_empty() && !archives.contains(&name) {
            let message = format!("it is repair data of `{name}`, which is not here");
            let hint = "put it beside its archive, or name the folder that holds that, too";
            checked.findings.push(Finding::warning("REPAIR_ALONE", SafePath(&path), message).hint(hint));
        }
    }
    for ((inventory, geometry), files) in &files {
        let protection = together(*inventory, *geometry, files, limits, &mut checked.findings);
        checked.repair.push(protection);
    }
    Ok(files)
}

/// What files of one archive can do together.
fn together(
    inventory: Digest,
    geometry: Geometry,
    files: &[RepairFile],
    limits: &Limits,
    findings: &mut Vec<Finding>,
) -> Protection {
    let per_row = u64::from(geometry.spare());
    let place =
        |row, number| usize::try_from(u64::from(row) * per_row + u64::from(number)).unwrap_or(usize::MAX);
    // Two files may be copies of each other.
    let mut good = vec![false; place(geometry.rows(), 0)];
    for file in files {
        let losses = file.inspect(limits, |row, number| {
            good.get_mut(place(row, number)).into_iter().for_each(|slot| *slot = true);
        });
        findings.extend(damaged(file, &losses));
    }
    findings.extend(missing(geometry, files));
    let rows = good.chunks(usize::try_from(per_row).unwrap_or(1).max(1));
    let fewest = rows.map(|row| row.iter().filter(|good| **good).count()).min().unwrap_or_default();
    let fewest = u32::try_from(fewest).unwrap_or(geometry.spare());
    let blocks = geometry.blocks();
    Protection {
        inventory,
        files: files.iter().map(|file| file.path.clone()).collect(),
        blocks,
        block_bytes: geometry.block(),
        anywhere: u64::from(geometry.anywhere(fewest)).min(blocks),
        stretch: (u64::from(fewest) * u64::from(geometry.rows())).min(blocks),
    }
}

fn damaged(file: &RepairFile, losses: &Losses) -> Option<Finding> {
    if *losses == Losses::default() {
        return None;
    }
    let Losses { bytes, headers, pages, spares } = losses;
    let of = u64::from(file.header.count) * u64::from(file.header.geometry.rows());
    let counts = [("header", headers), ("page of checks", pages)];
    let few = counts
        .into_iter()
        .filter(|(_, count)| **count > 0)
        .map(|(what, count)| format!(", {count} × {what}"));
    let torn =
        if *bytes == 0 { String::new() } else { format!(", and {bytes} bytes are missing at its end") };
    let message = format!("{spares} of its {of} spare blocks are damaged{}{torn}", few.collect::<String>());
    let hint = "copy it again; what is whole of it can be used as it is";
    Some(Finding::error("REPAIR_DAMAGED", SafePath(&file.path), message).hint(hint))
}

/// Names the files that are not here. Each but the last has as many spare blocks of a row as the others: where the second file begins
/// says how many.
fn missing(geometry: Geometry, files: &[RepairFile]) -> Option<Finding> {
    let here: BTreeSet<u32> = files.iter().flat_map(|file| file.header.numbers()).collect();
    let (name, header) =
        files.iter().find_map(|file| Some((RepairName::of_path(&file.path)?, file.header)))?;
    let before = u32::try_from(name.number.unwrap_or(1)).unwrap_or(u32::MAX).saturating_sub(1);
    let of_each = header.first.checked_div(before).unwrap_or(header.count);
    let absent: BTreeSet<u64> = (0..geometry.spare())
        .filter(|number| !here.contains(number))
        .map(|number| u64::from(number / of_each.max(1)) + 1)
        .collect();
    if absent.is_empty() {
        return None;
    }
    let names = absent.iter().map(|number| RepairName { number: Some(*number), ..name.clone() }.file());
    let message =
        format!("of its repair data these files are not here: {}", names.collect::<Vec<_>>().join(", "));
    Some(
        Finding::info("REPAIR_MISSING", name.archive, message)
            .hint("name the folders of the other media, too"),
    )
}

/// Repair data that has the name of an archive whose volumes are of another one.
fn foreign(volumes: &[Candidate], files: &ByArchive, findings: &mut Vec<Finding>) {
    for file in files.values().flatten() {
        let archive = RepairName::of_path(&file.path).map(|name| name.archive);
        let mut labels = volumes
            .iter()
            .filter(|volume| Some(&volume.name.archive) == archive.as_ref())
            .filter_map(|volume| volume.label.as_ref())
            .peekable();
        if labels.peek().is_some() && labels.all(|label| label.inventory != file.header.inventory) {
            let message = "it is repair data of another archive than the volumes of that name";
            let finding = Finding::error("REPAIR_FOREIGN", SafePath(&file.path), message);
            findings.push(finding.hint("copy the repair data that lay beside these volumes"));
        }
    }
}

/// Judges an archive in one file block by block, where there is repair data of it.
fn in_one(
    path: &Path,
    files: &ByArchive,
    limits: &Limits,
    events: &dyn Events,
) -> Result<Vec<Finding>, AnyFault> {
    let name = name_of(path);
    let is_its =
        |file: &RepairFile| RepairName::of_path(&file.path).is_some_and(|repair| repair.archive == name);
    let Some(((inventory, geometry), files)) = files.iter().find(|(_, files)| files.iter().any(is_its))
    else {
        return Ok(vec![unlabelled(path, limits)?]);
    };
    let salvage = Salvage::open(&[path.to_owned()], inventory, geometry.total())?;
    salvage.forget();
    let mend = Mend { salvage: &salvage, repair: files, events };
    let Some(survey) = mend.survey()? else { return Ok(Vec::new()) };
    let mut findings = mend.judge(&survey)?;
    for finding in findings.iter_mut().filter(|finding| finding.severity == Severity::Warning) {
        // It can be mended, but it is not what was written.
        finding.severity = Severity::Error;
        "`verify --repair-to DIR` mends it; or copy it again".clone_into(&mut finding.hint);
    }
    Ok(findings)
}

/// What there is to say of a file that nothing here can judge.
fn unlabelled(path: &Path, limits: &Limits) -> Result<Finding, AnyFault> {
    if Front::read(&ArchiveFile::open(path)?, limits).is_ok() {
        let message = "an archive in one file has no label, and there is no repair data that could tell";
        let hint =
            "`ombundle verify` judges it; without a key `sha256sum -c` compares it with what was written";
        return Ok(Finding::info("NO_LABEL", SafePath(path), message).hint(hint));
    }
    let message = "it is no volume and no repair data, and does not begin like an archive";
    Ok(Finding::error("NOT_AN_ARCHIVE", SafePath(path), message)
        .hint("name volumes, archives, repair data, or the folder that holds them; if it was an archive, copy it again"))
}
