//! The folder of real data, where it is there.

use std::path::{Path, PathBuf};

/// Its `data`, or nothing.
pub(crate) fn data() -> Option<PathBuf> {
    let root = std::env::var_os("OMBUNDLE_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let data = root.join("data");
    data.is_dir().then_some(data)
}

/// The same for tests that must not be passed over where changes are judged.
pub(crate) fn data_wanted() -> Option<PathBuf> {
    let data = data();
    assert!(
        data.is_some() || std::env::var_os("CI").is_none(),
        "the folder of real data must be there: see OMBUNDLE_SHARED"
    );
    data
}
