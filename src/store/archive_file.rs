//! An archive on a medium, read at any offset by any thread, never written to.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::archive::ReadAt;
use crate::store::files::{StoreError, failed};

/// One open file. It stays the same file even when its name is given to another one meanwhile.
#[derive(Debug)]
pub struct ArchiveFile {
    file: File,
    len: u64,
}

impl ArchiveFile {
    /// Opens a regular file for reading.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let file = File::open(path).map_err(failed("open", path))?;
        let metadata = file.metadata().map_err(failed("open", path))?;
        if !metadata.is_file() {
            let why = io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file");
            return Err(failed("open", path)(why));
        }
        Ok(Self { file, len: metadata.len() })
    }

    /// Asks the kernel to forget what it has read, so that the next read asks the medium. Where it cannot, it reads from memory.
    pub fn forget(&self) {
        let _ = rustix::fs::fadvise(&self.file, 0, None, rustix::fs::Advice::DontNeed);
    }
}

impl ReadAt for ArchiveFile {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }
}
