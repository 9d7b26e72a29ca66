//! The folder of real data, where it is there.

use std::path::{Path, PathBuf};

/// Its `data`, or nothing.
pub(crate) fn data() -> Option<PathBuf> {
    let root = std::env::var_os("OMBUNDLE_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let data = root.join("data");
    data.is_dir().then_some(data)
}
