//! Signatures of other people beside an archive.

use std::path::{Path, PathBuf};

use crate::store::StoreError;
use crate::store::beside::beside;
use crate::store::files::{self, Mode, read};
use crate::trust::{KeyId, Signature, cosignature_file, cosigned};

/// Files beside these archives, volumes and in these folders that have the name of one.
pub fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>, StoreError> {
    beside(paths, |file| cosigned(file).map(|(archive, _)| archive.to_owned()))
}

/// The key that a file's name speaks of, and its bytes; nothing where the name is no signature's or it has another size.
pub fn load(path: &Path) -> Result<Option<Signature>, StoreError> {
    let name = path.file_name().and_then(|name| name.to_str()).and_then(cosigned);
    let bytes = match read(path, Signature::SIZE as u64) {
        Err(StoreError::TooLarge { .. }) => return Ok(None),
        read => read?,
    };
    Ok(name.and_then(|(_, key)| Signature::from_slice(key, &bytes).ok()))
}

/// Writes a signature for the archive of that name into a folder. One key's signature of one archive is always the same.
pub fn put(folder: &Path, archive: &str, key: KeyId, signature: &Signature) -> Result<PathBuf, StoreError> {
    let path = folder.join(cosignature_file(archive, key));
    files::replace(&path, signature.bytes(), Mode::Public)?;
    Ok(path)
}
