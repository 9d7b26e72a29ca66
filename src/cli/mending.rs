//! Mending an archive with the repair data beside it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::Context;
use crate::cli::failure::Failure;
use crate::cli::inputs::in_a_folder;
use crate::finding::{Finding, has_errors};
use crate::flow::mend::Mend;
use crate::limits::LIMITS;
use crate::repair::RepairName;
use crate::store::StoreError;
use crate::store::mended::MendedFile;
use crate::store::repair_file::{RepairFile, find};
use crate::store::salvage::Salvage;
use crate::text::SafePath;

/// What came of it.
pub(super) enum Mended {
    /// There was nothing to mend.
    Nothing(Vec<Finding>),
    /// More is lost than can be mended.
    Beyond(Vec<Finding>),
    /// The archive as it was, to be judged and then kept as `path`.
    File { file: Arc<MendedFile>, path: PathBuf, notes: Vec<Finding> },
}

/// Mends the archive that these paths mean, into a file or a folder.
pub(super) fn mend(paths: &[PathBuf], to: &Path, context: &Context) -> Result<Mended, Failure> {
    let repair = repair_data(paths)?;
    let Some(first) = repair.first() else { return Err(none(paths)) };
    let path = target(to, &first.path)?;
    let header = first.header;
    let salvage = Salvage::open(paths, &header.inventory, header.geometry.total())?;
    let mend = Mend { salvage: &salvage, repair: &repair, events: &*context.console };
    let Some(survey) = mend.survey()? else { return Err(none(paths)) };
    let notes = mend.judge(&survey)?;
    if has_errors(&notes) {
        return Ok(Mended::Beyond(notes));
    }
    if survey.damaged() == 0 {
        return Ok(Mended::Nothing(notes));
    }
    Ok(Mended::File { file: mend.run(survey, &path)?, path, notes })
}

/// Says that an archive that is damaged, or of which files are missing, may be mended.
pub(super) fn offer(paths: &[PathBuf]) -> Option<Finding> {
    let found = find(paths, &LIMITS).ok()?;
    let file = found.values().flatten().next()?;
    let finding =
        Finding::info("REPAIR_DATA", SafePath(&file.path), "there is repair data beside the archive");
    Some(finding.hint("`ombundle verify --repair-to DIR` mends what was lost, if it is not too much"))
}

/// The repair data of one archive.
fn repair_data(paths: &[PathBuf]) -> Result<Vec<RepairFile>, Failure> {
    let mut found = find(paths, &LIMITS)?;
    if found.len() > 1 {
        let files = found.values().flatten().map(|file| SafePath(&file.path).to_string());
        let text =
            format!("there is repair data of several archives: {}", files.collect::<Vec<_>>().join(", "));
        return Err(
            Failure::usage(text).hint("put the archive and its own repair data into a folder of their own")
        );
    }
    Ok(found.pop_first().map(|(_, files)| files).unwrap_or_default())
}

fn none(paths: &[PathBuf]) -> Failure {
    let shown: Vec<String> = paths.iter().map(|path| SafePath(path).to_string()).collect();
    Failure::usage(format!("there is no repair data that can be read beside {}", shown.join(", ")))
        .hint("copy its files `….repair` beside the archive; without any, copy the damaged volumes again")
}

/// The file that is written: as named, or in a folder under the archive's own name.
fn target(to: &Path, repair: &Path) -> Result<PathBuf, Failure> {
    let name = repair.file_name().and_then(|name| name.to_str()).and_then(RepairName::of);
    let path = match name {
        Some(name) if to.is_dir() => to.join(name.archive),
        _ => to.to_owned(),
    };
    in_a_folder(&path)?;
    if path.exists() {
        return Err(StoreError::Exists { path }.into());
    }
    Ok(path)
}
