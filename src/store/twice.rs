//! A file that is read twice, whole and later in parts, and must be the same both times.

use std::fs::{File, Metadata};
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::store::files::{StoreError, failed};

/// A file as it was when it was read for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TwiceRead {
    path: PathBuf,
    state: State,
}

/// What changes when somebody writes to a file or puts another in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    file: u64,
    length: u64,
    modified: (i64, i64),
}

impl State {
    fn of(metadata: &Metadata) -> Self {
        Self {
            file: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

impl TwiceRead {
    /// Opens a file of at most `limit` bytes.
    pub fn open(path: &Path, limit: u64) -> Result<(Self, File), StoreError> {
        let file = File::open(path).map_err(failed("open", path))?;
        let state = State::of(&file.metadata().map_err(failed("read", path))?);
        if state.length > limit {
            return Err(StoreError::TooLarge { path: path.to_owned(), limit });
        }
        Ok((Self { path: path.to_owned(), state }, file))
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.state.length
    }

    /// Opens it again.
    pub fn again(&self) -> Result<SecondReading<'_>, StoreError> {
        let file = File::open(&self.path).map_err(failed("open", &self.path))?;
        let same = |file: &File| file.metadata().map(|metadata| State::of(&metadata) == self.state);
        if !same(&file).map_err(failed("read", &self.path))? {
            return Err(StoreError::Changed { path: self.path.clone() });
        }
        Ok(SecondReading { path: &self.path, file })
    }
}

/// A file open for the second time.
#[derive(Debug)]
pub struct SecondReading<'a> {
    path: &'a Path,
    file: File,
}

impl SecondReading<'_> {
    /// These bytes of it.
    pub fn part(&self, span: &Range<usize>) -> Result<Vec<u8>, StoreError> {
        let mut bytes = vec![0; span.len()];
        self.file.read_exact_at(&mut bytes, span.start as u64).map_err(failed("read", self.path))?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn parts_are_read_of_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "0123456789").unwrap();
        let (file, mut first) = TwiceRead::open(&path, 10).unwrap();
        let mut text = String::new();
        first.read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), file.size()), ("0123456789", 10));
        assert_eq!(file.again().unwrap().part(&(3..6)).unwrap(), b"345");
        assert!(file.again().unwrap().part(&(8..11)).is_err());
        assert!(matches!(TwiceRead::open(&path, 9), Err(StoreError::TooLarge { limit: 9, .. })));
        std::fs::write(&path, "01234").unwrap();
        assert!(matches!(file.again(), Err(StoreError::Changed { .. })));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(file.again(), Err(StoreError::Io { .. })));
    }
}
