//! The files of a folder: what a file-based catalog is made of.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::limits::Limits;
use crate::store::files::{StoreError, failed, read};

/// A regular file below a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TreeFile {
    /// Relative to the folder, with `/`.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
}

impl TreeFile {
    /// A file by itself, as if its folder held nothing else.
    pub fn alone(path: &Path, limits: &Limits) -> Result<Self, StoreError> {
        let size = std::fs::metadata(path).map_err(failed("read", path))?.len();
        let limit = limits.catalog_file_bytes;
        if size > limit {
            return Err(StoreError::TooLarge { path: path.to_owned(), limit });
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, path: path.to_owned(), size })
    }
}

/// The regular files below `folder`, sorted.
///
/// Links to files are followed, and links to folders too, but not in circles. A file may have `limits.catalog_file_bytes`, all of
/// them together `limits.catalog_bytes`.
pub fn list_tree(folder: &Path, limits: &Limits) -> Result<Vec<TreeFile>, StoreError> {
    let mut files = Vec::new();
    let mut total = 0_u64;
    for entry in WalkDir::new(folder).follow_links(true).sort_by_file_name() {
        let refused = |error: walkdir::Error| {
            let path = error.path().unwrap_or(folder).to_owned();
            match error.loop_ancestor() {
                Some(above) => StoreError::Circle { path, above: above.to_owned() },
                None => failed("read", &path)(error.into()),
            }
        };
        let entry = entry.map_err(refused)?;
        if !entry.file_type().is_file() {
            continue;
        }
        let size = entry.metadata().map_err(refused)?.len();
        total = total.saturating_add(size);
        for (size, limit, path) in
            [(size, limits.catalog_file_bytes, entry.path()), (total, limits.catalog_bytes, folder)]
        {
            if size > limit {
                return Err(StoreError::TooLarge { path: path.to_owned(), limit });
            }
        }
        let name = entry.path().strip_prefix(folder).unwrap_or(entry.path()).to_string_lossy().into_owned();
        files.push(TreeFile { name, path: entry.into_path(), size });
    }
    Ok(files)
}

/// The same with their content, by name.
pub fn read_tree(folder: &Path, limits: &Limits) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let files = list_tree(folder, limits)?.into_iter();
    files.map(|file| Ok((file.name, read(&file.path, limits.catalog_file_bytes)?))).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::limits::LIMITS;

    #[test]
    fn files_come_sorted_and_links_are_followed() {
        let base = tempfile::tempdir().unwrap();
        fs::create_dir(base.path().join("b")).unwrap();
        fs::write(base.path().join("b/catalog.json"), "{}").unwrap();
        symlink("b", base.path().join("a")).unwrap();
        let files = list_tree(base.path(), &LIMITS).unwrap();
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["a/catalog.json", "b/catalog.json"]);
    }

    #[test]
    fn a_circle_of_links_is_an_error_that_names_it() {
        let base = tempfile::tempdir().unwrap();
        // One level down, so that the walk never leaves the test's own folder for the shared one
        // above it, where other tests come and go.
        fs::create_dir(base.path().join("inner")).unwrap();
        symlink("..", base.path().join("inner/up")).unwrap();
        let error = list_tree(base.path(), &LIMITS).unwrap_err();
        assert!(matches!(&error, StoreError::Circle { path, .. } if path.ends_with("up")), "{error:?}");
    }

    #[test]
    fn more_than_the_ceiling_is_refused() {
        let base = tempfile::tempdir().unwrap();
        fs::write(base.path().join("a"), [0; 60]).unwrap();
        fs::write(base.path().join("b"), [0; 60]).unwrap();
        let limits = Limits { catalog_bytes: 100, ..LIMITS };
        assert!(matches!(list_tree(base.path(), &limits), Err(StoreError::TooLarge { .. })));
    }
}
