//! A file without a name, for what is too large for memory and needed until the process ends.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::store::files::{StoreError, failed};

/// Grows at its end. What is in it is read by positions, also while it grows.
#[derive(Debug)]
pub struct Spill {
    place: Arc<Place>,
    length: u64,
}

#[derive(Debug)]
struct Place {
    file: File,
    folder: Box<Path>,
}

/// A part of a spill: it is there as long as someone has this.
#[derive(Debug, Clone)]
pub struct Spilled {
    place: Arc<Place>,
    start: u64,
    length: u64,
}

impl Spill {
    /// Makes one in this folder, for its owner alone. The name goes before anything is written; so does the file, when nobody has
    /// it open any more.
    pub fn new(folder: &Path) -> Result<Self, StoreError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!(".ombundle-{}-{number}.tmp", std::process::id()));
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(failed("create", &path))?;
        std::fs::remove_file(&path).map_err(failed("remove", &path))?;
        Ok(Self { place: Arc::new(Place { file, folder: folder.into() }), length: 0 })
    }

    /// Bytes in it.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Writes at its end.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.place.file.write_all_at(bytes, self.length)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// What was written from `start` on.
    pub fn since(&self, start: u64) -> Spilled {
        let start = start.min(self.length);
        Spilled { place: Arc::clone(&self.place), start, length: self.length - start }
    }
}

impl Spilled {
    /// Bytes in it.
    pub fn size(&self) -> u64 {
        self.length
    }

    /// Where it begins in its spill.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Reads it from its beginning.
    pub fn reader(&self) -> impl Read + '_ {
        Reader { part: self, at: 0 }
    }

    /// These bytes of it.
    pub fn part(&self, span: &Range<usize>) -> Result<Vec<u8>, StoreError> {
        let mut bytes = vec![0; span.len()];
        let read = self.place.file.read_exact_at(&mut bytes, self.start + span.start as u64);
        read.map_err(failed("read what was put aside in", &self.place.folder))?;
        Ok(bytes)
    }
}

struct Reader<'s> {
    part: &'s Spilled,
    at: u64,
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.part.length - self.at).unwrap_or(usize::MAX);
        let room = left.min(buffer.len());
        let buffer = buffer.get_mut(..room).unwrap_or_default();
        let read = self.part.place.file.read_at(buffer, self.part.start + self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_again_and_no_name_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let mut spill = Spill::new(folder.path()).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        spill.append(b"01234").unwrap();
        let start = spill.length();
        spill.append(b"56").unwrap();
        spill.append(b"789").unwrap();
        let part = spill.since(start);
        spill.append(b"more").unwrap();
        drop(spill);
        let mut text = String::new();
        part.reader().read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), part.start(), part.size()), ("56789", 5, 5));
        assert_eq!(part.part(&(1..3)).unwrap(), b"67");
        assert!(part.part(&(8..20)).is_err());
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = Spill::new(&folder.path().join("gone")).unwrap_err();
        assert!(error.to_string().contains("gone/.ombundle-"), "{error}");
    }
}
