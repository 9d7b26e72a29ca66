//! An archive where it lies: one file, or volumes in any number of folders. Read at any offset by any thread; nothing is joined, nothing
//! beside it is written or removed.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::archive::{ReadAt, hash};
use crate::digest::Digest;
use crate::finding::{Finding, has_errors};
use crate::store::archive_file::ArchiveFile;
use crate::store::files::{StoreError, failed, folder_of, read};
use crate::text::SafePath;
use crate::volume::{Candidate, Cut, Shape, Sorted, VolumeLabel, VolumeName, sort};

/// An archive on one or several media.
#[derive(Debug)]
pub struct Medium {
    name: String,
    cut: Cut,
    volumes: Vec<Volume>,
}

#[derive(Debug)]
struct Volume {
    path: PathBuf,
    label: Option<VolumeLabel>,
    file: ArchiveFile,
}

/// Finds the archive that people mean by these paths: its file, its name without a number, any of its volumes, folders that hold them.
///
/// Nothing comes back where the files are not one whole archive; the findings then say what to copy again.
pub fn find(paths: &[PathBuf]) -> Result<(Option<Medium>, Vec<Finding>), StoreError> {
    let Gathered { whole, candidates, empty, several } = gather(paths)?;
    if !several.is_empty() {
        return Ok((None, several));
    }
    // A folder without any is no matter where another one has them.
    if whole.is_empty() && candidates.is_empty() {
        return Ok((None, empty));
    }
    let mut single = whole.iter();
    match (single.next(), single.next()) {
        (Some(path), None) if candidates.is_empty() => Ok((Some(Medium::single(path)?), Vec::new())),
        (None, _) => match sort(candidates) {
            Ok(sorted) => assemble(sorted),
            Err(findings) => Ok((None, findings)),
        },
        _ => {
            let others = candidates.iter().map(|candidate| &candidate.path);
            Ok((None, ambiguous(whole.iter().chain(others))))
        }
    }
}

/// What was found where these paths lead.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// Archives in one file.
    pub(super) whole: BTreeSet<PathBuf>,
    /// Volumes, each once.
    pub(super) candidates: Vec<Candidate>,
    /// Folders that hold nothing of the kind.
    empty: Vec<Finding>,
    /// Archives of which one must be named.
    several: Vec<Finding>,
}

/// Follows each path to what people mean by it.
pub(super) fn gather(paths: &[PathBuf]) -> Result<Gathered, StoreError> {
    let mut gathered = Gathered::default();
    let mut seen = BTreeSet::new();
    for path in paths {
        match meant(path)? {
            Meant::File(path) => drop(gathered.whole.insert(path)),
            Meant::Volumes(found) => {
                let new = found.into_iter().filter(|candidate| seen.insert(candidate.path.clone()));
                gathered.candidates.extend(new);
            }
            Meant::Several(findings) => gathered.several.extend(findings),
            Meant::Nothing(finding) => gathered.empty.push(finding),
        }
    }
    Ok(gathered)
}

/// Every volume among these paths and in these folders, whatever archive it is of.
pub fn labelled(paths: &[PathBuf]) -> Result<Vec<Candidate>, StoreError> {
    let mut all = Vec::new();
    for path in paths {
        if path.is_dir() {
            all.extend(volumes(path, None)?);
            continue;
        }
        let name = path.file_name().and_then(|name| name.to_str()).and_then(VolumeName::of);
        let Some(name) = name else { continue };
        let size = fs::metadata(path).map_err(failed("open", path))?.len();
        let label = label(&path.with_file_name(name.label_file()));
        all.push(Candidate { path: path.clone(), name, size, label });
    }
    Ok(all)
}

/// Every archive in one file among these paths and in these folders.
pub fn in_one_file(paths: &[PathBuf]) -> Result<Vec<PathBuf>, StoreError> {
    let mut all = Vec::new();
    for path in paths {
        if fs::metadata(path).map_err(failed("open", path))?.is_dir() {
            all.extend(whole(path)?);
        } else if path.file_name().and_then(|name| name.to_str()).and_then(VolumeName::of).is_none() {
            all.push(path.clone());
        }
    }
    Ok(all)
}

/// Archives in one file in a folder, in the order of their names.
fn whole(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut whole = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed("read", folder))? {
        let path = entry.map_err(failed("read", folder))?.path();
        if path.extension().is_some_and(|extension| extension == "ombundle") && path.is_file() {
            whole.push(path);
        }
    }
    whole.sort();
    Ok(whole)
}

/// What one path means.
enum Meant {
    File(PathBuf),
    Volumes(Vec<Candidate>),
    Several(Vec<Finding>),
    Nothing(Finding),
}

fn meant(path: &Path) -> Result<Meant, StoreError> {
    let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let folder = folder_of(path);
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => in_folder(path),
        Ok(_) => match VolumeName::of(file.strip_suffix(".json").unwrap_or(file)) {
            Some(name) => Ok(Meant::Volumes(volumes(folder, Some(&name.archive))?)),
            None => Ok(Meant::File(path.to_owned())),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let found = if folder.is_dir() { volumes(folder, Some(file))? } else { Vec::new() };
            if found.is_empty() { Err(failed("open", path)(error)) } else { Ok(Meant::Volumes(found)) }
        }
        Err(error) => Err(failed("open", path)(error)),
    }
}

/// The archive in a folder that may hold other things.
fn in_folder(folder: &Path) -> Result<Meant, StoreError> {
    let found = volumes(folder, None)?;
    if !found.is_empty() {
        return Ok(Meant::Volumes(found));
    }
    let mut whole = whole(folder)?;
    match (whole.len(), whole.pop()) {
        (1, Some(path)) => Ok(Meant::File(path)),
        (_, Some(last)) => Ok(Meant::Several(ambiguous(whole.iter().chain([&last])))),
        (_, None) => {
            let subject = SafePath(folder).to_string();
            let finding =
                Finding::error("VOLUME_NONE", subject, "the folder holds no archive and no volume of one");
            Ok(Meant::Nothing(
                finding.hint("name the file, for instance `upgrade.ombundle` or `upgrade.ombundle.001`"),
            ))
        }
    }
}

fn ambiguous<'p>(paths: impl Iterator<Item = &'p PathBuf>) -> Vec<Finding> {
    let each = |path: &PathBuf| {
        let message = "there are several archives, and one is read at a time";
        let finding = Finding::error("VOLUME_AMBIGUOUS", SafePath(path), message);
        finding.hint("name the one that you mean")
    };
    paths.map(each).collect()
}

/// Files in a folder that have the name of a volume, of that archive or of any.
fn volumes(folder: &Path, archive: Option<&str>) -> Result<Vec<Candidate>, StoreError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed("read", folder))? {
        let path = entry.map_err(failed("read", folder))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()).and_then(VolumeName::of) else {
            continue;
        };
        if archive.is_some_and(|archive| archive != name.archive) {
            continue;
        }
        // Looked at before it is opened: opening a named pipe would wait for somebody to write to it.
        let Ok(metadata) = fs::metadata(&path) else { continue };
        if metadata.is_file() {
            let label = label(&folder.join(name.label_file()));
            found.push(Candidate { path, name, size: metadata.len(), label });
        }
    }
    // The order of a folder is the file system's own.
    found.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(found)
}

/// A label that cannot be read is as good as none.
fn label(path: &Path) -> Option<VolumeLabel> {
    let is_file = fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    let bytes = is_file.then(|| read(path, VolumeLabel::MAX).ok()).flatten()?;
    VolumeLabel::parse(&bytes).ok()
}

/// Opens one file for each volume: of copies, the first that is what its label says.
fn assemble(sorted: Sorted) -> Result<(Option<Medium>, Vec<Finding>), StoreError> {
    let mut findings = sorted.findings;
    let mut volumes = Vec::new();
    let mut name = String::new();
    for mut copies in sorted.volumes {
        if copies.len() > 1 {
            copies = good_copies(copies, &mut findings)?;
        }
        let Some(chosen) = copies.into_iter().next() else { continue };
        name.clone_from(&chosen.name.archive);
        volumes.push(Volume {
            file: ArchiveFile::open(&chosen.path)?,
            path: chosen.path,
            label: chosen.label,
        });
    }
    let medium = (!has_errors(&findings)).then_some(Medium { name, cut: sorted.cut, volumes });
    Ok((medium, findings))
}

fn good_copies(copies: Vec<Candidate>, findings: &mut Vec<Finding>) -> Result<Vec<Candidate>, StoreError> {
    // Copies that lost their label are judged by that of another.
    let expected = copies.iter().find_map(|copy| copy.label.as_ref()).map(|label| label.digest);
    let Some(expected) = expected else { return Ok(copies) };
    let mut good = Vec::new();
    let mut bad = Vec::new();
    for copy in copies {
        // One that cannot be read to its end is as bad as one that reads wrong.
        let is_good = digest(&ArchiveFile::open(&copy.path)?).is_ok_and(|found| found == expected);
        if is_good { good.push(copy) } else { bad.push(copy) }
    }
    for copy in bad {
        let subject = SafePath(&copy.path).to_string();
        let message = "this copy is damaged";
        findings.push(match good.first() {
            Some(good) => {
                let hint = format!("nothing needs to be done: `{}` is used", SafePath(&good.path));
                Finding::warning("VOLUME_DAMAGED", subject, message).hint(hint)
            }
            None => Finding::error("VOLUME_DAMAGED", subject, message).hint("copy it again"),
        });
    }
    Ok(good)
}

fn digest(file: &ArchiveFile) -> io::Result<Digest> {
    Ok(hash(file, 0, file.len())?.finish())
}

impl Medium {
    fn single(path: &Path) -> Result<Self, StoreError> {
        let file = ArchiveFile::open(path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let cut = Cut::whole(file.len());
        Ok(Self { name, cut, volumes: vec![Volume { path: path.to_owned(), label: None, file }] })
    }

    /// The archive's own file name, without the number of a volume.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is cut.
    pub fn cut(&self) -> &Cut {
        &self.cut
    }

    /// How it lies there.
    pub fn shape(&self) -> Shape {
        let file = self.files().next().and_then(Path::file_name).and_then(|name| name.to_str());
        match file.and_then(VolumeName::of) {
            Some(name) => Shape::cut_like(&self.cut, name.extension),
            None => Shape::whole(),
        }
    }

    /// The files that it is read from, in order.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.volumes.iter().map(|volume| volume.path.as_path())
    }

    /// The volume that damage at `offset` lies in: what is wrong shows at an entry's start, and may lie in a later volume.
    ///
    /// Hashes volumes until one is not what its label says. Nothing for an archive in one file, and where the labels lie.
    pub fn damage(&self, offset: u64) -> Option<Finding> {
        let first = usize::try_from(self.cut.holding(offset, 1).start).unwrap_or_default();
        let is_damaged = |volume: &&Volume| {
            let label = volume.label.as_ref();
            label.is_some_and(|label| digest(&volume.file).map_or(true, |found| found != label.digest))
        };
        let volume = self.volumes.iter().skip(first).find(is_damaged)?;
        let place = volume.label.as_ref().map(VolumeLabel::place).unwrap_or_default();
        let finding = Finding::error(
            "VOLUME_DAMAGED",
            SafePath(&volume.path),
            format!("volume {place} is not what was written"),
        );
        Some(finding.hint("copy this volume again; the others need not travel"))
    }
}

impl ReadAt for Medium {
    fn len(&self) -> u64 {
        self.cut.total()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let mut read = 0;
        for slice in self.cut.slices(offset, buffer.len()) {
            let volume = self.volumes.get(slice.index).ok_or(io::ErrorKind::UnexpectedEof)?;
            let part = buffer.get_mut(slice.part.clone()).ok_or(io::ErrorKind::UnexpectedEof)?;
            volume.file.read_exact_at(part, slice.at)?;
            read = slice.part.end;
        }
        if read == buffer.len() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}
