//! What lies beside an archive, by its name.

use std::fs;
use std::path::{Path, PathBuf};

use crate::store::files::{StoreError, failed, folder_of};
use crate::volume::VolumeName;

/// Regular files in the folders of these archives, volumes and folders of which `archive_of` says that they are of one, in the order of
/// their paths. Where a path names an archive, those of others are left out.
pub(super) fn beside(
    paths: &[PathBuf],
    archive_of: impl Fn(&str) -> Option<String>,
) -> Result<Vec<PathBuf>, StoreError> {
    let mut found = Vec::new();
    for path in paths {
        let (folder, archive) =
            if path.is_dir() { (path.as_path(), None) } else { (folder_of(path), named(path)) };
        for entry in fs::read_dir(folder).map_err(failed("read", folder))? {
            let path = entry.map_err(failed("read", folder))?.path();
            let of = path.file_name().and_then(|name| name.to_str()).and_then(&archive_of);
            let belongs = of.is_some_and(|of| archive.as_ref().is_none_or(|archive| *archive == of));
            // Looked at before it is opened: opening a named pipe would wait for somebody to write to it.
            if belongs && fs::metadata(&path).is_ok_and(|metadata| metadata.is_file()) {
                found.push(path);
            }
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// The name of the archive that a path is, or is a volume of.
fn named(path: &Path) -> Option<String> {
    let file = path.file_name()?.to_str()?;
    let volume = VolumeName::of(file.strip_suffix(".json").unwrap_or(file));
    Some(volume.map_or_else(|| file.to_owned(), |name| name.archive))
}
