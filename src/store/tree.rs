//! The files of a folder, read whole: what a file-based catalog is made of.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::limits::Limits;
use crate::store::files::{StoreError, failed, read};

/// The regular files below `folder` with their content, by path relative to it with `/`, sorted.
///
/// Links to files are followed, and links to folders too, but not in circles. All of it together may have
/// `limits.catalog_bytes`.
pub fn read_tree(folder: &Path, limits: &Limits) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let mut files = Vec::new();
    let mut total = 0_u64;
    for (name, path) in list_tree(folder)? {
        let bytes = read(&path, limits.catalog_file_bytes)?;
        total = total.saturating_add(bytes.len() as u64);
        if total > limits.catalog_bytes {
            return Err(StoreError::TooLarge { path: folder.to_owned(), limit: limits.catalog_bytes });
        }
        files.push((name, bytes));
    }
    Ok(files)
}

/// The same files without their content: name and path of each.
pub fn list_tree(folder: &Path) -> Result<Vec<(String, PathBuf)>, StoreError> {
    let mut files = Vec::new();
    for entry in WalkDir::new(folder).follow_links(true).sort_by_file_name() {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(folder).to_owned();
            match error.loop_ancestor() {
                Some(above) => StoreError::Circle { path, above: above.to_owned() },
                None => failed("read", &path)(error.into()),
            }
        })?;
        if entry.file_type().is_file() {
            let name =
                entry.path().strip_prefix(folder).unwrap_or(entry.path()).to_string_lossy().into_owned();
            files.push((name, entry.into_path()));
        }
    }
    Ok(files)
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
        let files = read_tree(base.path(), &LIMITS).unwrap();
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a/catalog.json", "b/catalog.json"]);
    }

    #[test]
    fn a_circle_of_links_is_an_error_that_names_it() {
        let base = tempfile::tempdir().unwrap();
        symlink("..", base.path().join("up")).unwrap();
        let error = read_tree(base.path(), &LIMITS).unwrap_err();
        assert!(matches!(&error, StoreError::Circle { path, .. } if path.ends_with("up")), "{error:?}");
    }

    #[test]
    fn more_than_the_ceiling_is_refused() {
        let base = tempfile::tempdir().unwrap();
        fs::write(base.path().join("a"), [0; 60]).unwrap();
        fs::write(base.path().join("b"), [0; 60]).unwrap();
        let limits = Limits { catalog_bytes: 100, ..LIMITS };
        assert!(matches!(read_tree(base.path(), &limits), Err(StoreError::TooLarge { .. })));
    }
}
