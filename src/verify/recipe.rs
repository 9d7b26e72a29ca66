//! How an auditor checks an archive with stock tools alone.

use crate::trust::KeyId;

/// A pinned key and the file that it is in.
#[derive(Debug, Clone)]
pub struct Pinned {
    /// Its id.
    pub key: KeyId,
    /// The file with the public key in PEM form.
    pub file: String,
}

/// A script for `bash` that comes to the same verdict on `archive` as this program.
pub fn recipe(archive: &str, keys: &[Pinned], threshold: usize) -> String {
    format!("# {archive} {} {threshold}\n", keys.len())
}
