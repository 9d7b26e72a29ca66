//! The folder of real data, where it is there.

use std::path::{Path, PathBuf};

use ombundle::catalog::{Loaded, load};
use ombundle::limits::LIMITS;

/// `data` of the folder of real data.
pub(super) fn data() -> Option<PathBuf> {
    let root = std::env::var_os("OMBUNDLE_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let data = root.join("data");
    data.is_dir().then_some(data)
}

/// A folder with a catalog.
pub(super) struct Folder {
    /// Relative to `data`.
    pub(super) path: String,
}

impl Folder {
    /// Its files.
    pub(super) fn files(&self) -> Vec<(String, Vec<u8>)> {
        let root = data().unwrap().join(&self.path);
        let mut files = Vec::new();
        for entry in walkdir::WalkDir::new(&root).sort_by_file_name() {
            let entry = entry.unwrap();
            if entry.file_type().is_file() {
                let relative = entry.path().strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
                files.push((relative, std::fs::read(entry.path()).unwrap()));
            }
        }
        files
    }

    /// Its catalog.
    pub(super) fn load(&self) -> Loaded {
        load(self.files(), &LIMITS)
    }
}

/// Every folder of one package below `fbc*`; none where the data is not there.
pub(super) fn package_folders() -> Vec<Folder> {
    let Some(data) = data() else { return Vec::new() };
    let mut folders = Vec::new();
    for (top, depth) in [("fbc", 3), ("fbc-derived", 1)] {
        for entry in
            walkdir::WalkDir::new(data.join(top)).min_depth(depth).max_depth(depth).sort_by_file_name()
        {
            let entry = entry.unwrap();
            if entry.file_type().is_dir() {
                let path = entry.path().strip_prefix(&data).unwrap().to_str().unwrap().to_owned();
                folders.push(Folder { path });
            }
        }
    }
    folders
}
