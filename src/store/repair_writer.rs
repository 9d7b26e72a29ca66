//! A file of repair data written strip by strip, and read back from the medium.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::archive::ReadAt;
use crate::digest::{Digest, Hasher};
use crate::repair::{Check, Header, PAGE, SpareHasher, Table, record_fits};
use crate::store::archive_file::ArchiveFile;
use crate::store::files::{self, StoreError, failed, rename};
use crate::store::medium_copy::Copied;

/// A file of repair data that is being written. Where its name is taken nothing is written: what is there is compared.
pub struct RepairWriter {
    header: Header,
    target: PathBuf,
    part: PathBuf,
    file: Option<File>,
    /// The spare blocks of the row that is being written.
    spares: Vec<SpareHasher>,
    /// The digests of all that are written, in the order of the file.
    records: Hasher,
}

/// A file of repair data that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepairWritten {
    /// Where it is.
    pub path: PathBuf,
    /// Its bytes.
    pub size: u64,
    /// Their digest.
    pub digest: Digest,
    /// How it came to be.
    pub how: Copied,
}

impl RepairWriter {
    /// Begins the file that will be `target`.
    pub fn begin(target: &Path, header: Header) -> Result<Self, StoreError> {
        let part = files::beside(target, "part");
        let create = || {
            let file = OpenOptions::new().write(true).create(true).truncate(true).open(&part)?;
            file.set_len(header.length())?;
            Ok(file)
        };
        let file = if target.exists() { None } else { Some(create().map_err(failed("create", &part))?) };
        let target = target.to_owned();
        Ok(Self { header, target, part, file, spares: Vec::new(), records: Hasher::default() })
    }

    /// Takes the same `part` of each spare block of a row, one behind the other, those of other files among them. Parts come in
    /// their order, and rows in theirs.
    pub fn strip(&mut self, row: u32, part: &Range<u64>, pieces: &[u8]) -> Result<(), StoreError> {
        if part.start == 0 {
            let hasher = |number| SpareHasher::new(&self.header.inventory, row, number);
            self.spares = self.header.numbers().map(hasher).collect();
        }
        let width = usize::try_from(part.end - part.start).unwrap_or(usize::MAX);
        let skipped = usize::try_from(self.header.first).unwrap_or(usize::MAX);
        let ours = pieces.chunks(width).skip(skipped);
        self.spares.iter_mut().zip(ours.clone()).for_each(|(spare, piece)| spare.update(piece));
        for (number, piece) in self.header.numbers().zip(ours) {
            self.put(row, number, part.start, piece)?;
        }
        if part.end == u64::from(self.header.geometry.block()) {
            let whole = std::mem::take(&mut self.spares);
            for (number, spare) in self.header.numbers().zip(whole) {
                let digest = spare.finish();
                self.records.update(digest.bytes());
                self.put(row, number, part.end, Check::first_of(&digest).bytes())?;
            }
        }
        Ok(())
    }

    fn put(&self, row: u32, number: u32, within: u64, bytes: &[u8]) -> Result<(), StoreError> {
        match (&self.file, self.header.record_at(row, number)) {
            (Some(file), Some(at)) => {
                file.write_all_at(bytes, at + within).map_err(failed("write", &self.part))
            }
            _ => Ok(()),
        }
    }

    /// Writes what stands around the records, reads all of it back from the medium, and gives the file its name.
    pub fn finish(mut self, table: &Table) -> Result<RepairWritten, StoreError> {
        let header = self.header;
        let records = std::mem::take(&mut self.records).finish();
        let back = |path: &Path| read_back(path, &header, table, records).map_err(failed("read", path));
        let path = self.target.clone();
        let (digest, how) = match &self.file {
            Some(file) => {
                let mut put = |bytes: &[u8], at| file.write_all_at(bytes, at);
                let written =
                    before(&header, table, &mut put).and_then(|()| behind(&header, table, &mut put));
                written.and_then(|()| file.sync_all()).map_err(failed("write", &self.part))?;
                let digest = back(&self.part)?.ok_or_else(|| StoreError::ReadBack { path: path.clone() })?;
                rename(&self.part, &path)?;
                self.file = None;
                (digest, Copied::Written)
            }
            None => {
                let digest = back(&path)?.ok_or_else(|| StoreError::Exists { path: path.clone() })?;
                (digest, Copied::There)
            }
        };
        Ok(RepairWritten { path, size: header.length(), digest, how })
    }
}

impl Drop for RepairWriter {
    fn drop(&mut self) {
        // Half of it is of no use to anybody, and the next run begins anew.
        if self.file.is_some() {
            drop(fs::remove_file(&self.part));
        }
    }
}

type Take<'t> = &'t mut dyn FnMut(&[u8], u64) -> io::Result<()>;

/// What stands before the records, each stretch with its place.
fn before(header: &Header, table: &Table, take: Take<'_>) -> io::Result<()> {
    take(&header.to_bytes(), 0)?;
    pages(header.tables()[0], table, take)
}

/// What stands behind them.
fn behind(header: &Header, table: &Table, take: Take<'_>) -> io::Result<()> {
    pages(header.tables()[1], table, take)?;
    take(&header.to_bytes(), header.last_header())
}

fn pages(start: u64, table: &Table, take: Take<'_>) -> io::Result<()> {
    (0..table.pages()).zip((start..).step_by(PAGE)).try_for_each(|(number, at)| take(&table.page(number), at))
}

/// The digest of a file as the medium gives it back; nothing where anything of it is not what was written.
fn read_back(path: &Path, header: &Header, table: &Table, records: Digest) -> io::Result<Option<Digest>> {
    let file = ArchiveFile::open(path).map_err(io::Error::other)?;
    if file.len() != header.length() {
        return Ok(None);
    }
    file.forget();
    let (mut whole, mut found_records, mut same) = (Hasher::default(), Hasher::default(), true);
    let mut compare = |whole: &mut Hasher, bytes: &[u8], at| {
        let mut found = vec![0; bytes.len()];
        file.read_exact_at(&mut found, at)?;
        whole.update(&found);
        same &= found == bytes;
        Ok(())
    };
    before(header, table, &mut |bytes, at| compare(&mut whole, bytes, at))?;
    let mut record = vec![0; usize::try_from(header.record_bytes()).unwrap_or_default()];
    for row in 0..header.geometry.rows() {
        for number in header.numbers() {
            file.read_exact_at(&mut record, header.record_at(row, number).unwrap_or(u64::MAX))?;
            whole.update(&record);
            let Some(digest) = record_fits(&header.inventory, row, number, &record) else { return Ok(None) };
            found_records.update(digest.bytes());
        }
    }
    behind(header, table, &mut |bytes, at| compare(&mut whole, bytes, at))?;
    Ok((same && found_records.finish() == records).then(|| whole.finish()))
}
