//! Content on its way in: a file that is hashed while it is written, and gone again unless it is taken.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::digest::{Digest, Hasher};

/// A file below `uploads/`. Dropping it removes it.
pub(crate) struct Incoming {
    path: PathBuf,
    file: File,
    hasher: Hasher,
    taken: bool,
}

impl Incoming {
    /// Makes the file. Fails if it is there already.
    pub(crate) fn create(path: PathBuf) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        Ok(Self { path, file, hasher: Hasher::default(), taken: false })
    }

    /// Bytes so far.
    pub(crate) fn length(&self) -> u64 {
        self.hasher.length()
    }

    /// Adds bytes. After an error the file is of no use any more.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        Ok(())
    }

    /// The digest of the bytes so far.
    pub(crate) fn digest(&self) -> Digest {
        self.hasher.clone().finish()
    }

    /// Gives the file its final name, in one step and after its bytes are on the medium.
    pub(crate) fn publish(mut self, target: &Path, durable: bool) -> io::Result<()> {
        if durable {
            self.file.sync_all()?;
        }
        fs::rename(&self.path, target)?;
        self.taken = true;
        if durable { sync_folder_of(target) } else { Ok(()) }
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.taken {
            // What cannot be removed now is removed at the next start.
            let _ignored = fs::remove_file(&self.path);
        }
    }
}

/// Makes a rename or a new file in the folder of `path` survive a power cut.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
