//! Files of repair data: found beside an archive, read, and written.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::archive::{ReadAt, hash};
use crate::digest::{Digest, Hasher};
use crate::limits::Limits;
use crate::repair::{Geometry, Header, PAGE, RepairName, Table, record_fits};
use crate::store::archive_file::ArchiveFile;
use crate::store::beside::beside;
use crate::store::files::{self, StoreError, failed, rename};
use crate::store::medium_copy::Copied;

/// What belongs together: repair data of one archive, cut in one way.
pub type OfArchive = (Digest, Geometry);

/// One file of repair data.
#[derive(Debug)]
pub struct RepairFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it says of itself.
    pub header: Header,
    file: ArchiveFile,
}

/// Files of repair data beside these archives, volumes and in these folders, by what belongs together. A file whose headers are both
/// unreadable is left out; so are those of archives with another name than the one that a path gives.
pub fn find(paths: &[PathBuf], limits: &Limits) -> Result<BTreeMap<OfArchive, Vec<RepairFile>>, StoreError> {
    let mut found: BTreeMap<OfArchive, Vec<RepairFile>> = BTreeMap::new();
    for path in beside(paths, |file| RepairName::of(file).map(|name| name.archive))? {
        let Some(file) = RepairFile::open(&path, limits)? else { continue };
        found.entry((file.header.inventory, file.header.geometry)).or_default().push(file);
    }
    Ok(found)
}

impl RepairFile {
    /// Opens a file, and reads the first of its two headers that can be read. Nothing where there is none.
    fn open(path: &Path, limits: &Limits) -> Result<Option<Self>, StoreError> {
        let file = ArchiveFile::open(path)?;
        let places = [0, file.len().saturating_sub(Header::SIZE as u64)];
        let read = |at| {
            let mut bytes = [0; Header::SIZE];
            file.read_exact_at(&mut bytes, at).ok()?;
            Header::parse(&bytes, limits).ok()
        };
        let header = places.into_iter().find_map(read);
        Ok(header.map(|header| Self { path: path.to_owned(), header, file }))
    }

    /// A spare block, if it is here and what was written.
    pub fn spare(&self, row: u32, number: u32) -> Option<Vec<u8>> {
        let at = self.header.record_at(row, number)?;
        let mut record = vec![0; usize::try_from(self.header.record_bytes()).ok()?];
        self.file.read_exact_at(&mut record, at).ok()?;
        let length = record_fits(&self.header.inventory, row, number, &record)?.len();
        record.truncate(length);
        Some(record)
    }
}

/// The checks of all blocks, each page from the first place where it is whole. Files of one archive have the same ones.
pub fn table(files: &[RepairFile]) -> Option<Table> {
    let header = files.first()?.header;
    let mut table = Table::empty(header.inventory, &header.geometry);
    let mut page = [0; PAGE];
    for number in 0..table.pages() {
        let offset = (number as u64).saturating_mul(PAGE as u64);
        let places = files.iter().flat_map(|file| file.header.tables().map(|start| (file, start)));
        let _ = places.into_iter().any(|(file, start)| {
            file.file.read_exact_at(&mut page, start.saturating_add(offset)).is_ok()
                && table.take(number, &page)
        });
    }
    Some(table)
}

/// A file of repair data that is being written, row after row. Where its name is taken nothing is written: what is there is compared.
pub struct RepairWriter {
    header: Header,
    target: PathBuf,
    part: PathBuf,
    file: Option<File>,
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
        Ok(Self { header, target: target.to_owned(), part, file, records: Hasher::default() })
    }

    /// Takes the records of the next row, those of other files among them.
    pub fn row(&mut self, records: &[u8]) -> Result<(), StoreError> {
        let of_record = usize::try_from(self.header.record_bytes()).unwrap_or(usize::MAX);
        let first = usize::try_from(self.header.first).unwrap_or(usize::MAX).saturating_mul(of_record);
        let length = usize::try_from(self.header.count).unwrap_or(usize::MAX).saturating_mul(of_record);
        let ours = records.get(first..first.saturating_add(length)).unwrap_or_default();
        let at = self.header.records() + self.records.length();
        self.records.update(ours);
        match &self.file {
            Some(file) => file.write_all_at(ours, at).map_err(failed("write", &self.part)),
            None => Ok(()),
        }
    }

    /// Writes what stands around the records, reads all of it back from the medium, and gives the file its name.
    pub fn finish(mut self, table: &Table) -> Result<RepairWritten, StoreError> {
        let ends = Ends { header: self.header, table };
        let records = std::mem::take(&mut self.records).finish();
        let back = |path: &Path| read_back(path, &ends, records).map_err(failed("read", path));
        let path = self.target.clone();
        let (digest, how) = match &self.file {
            Some(file) => {
                let written =
                    ends.each(|bytes, at| file.write_all_at(bytes, at)).and_then(|()| file.sync_all());
                written.map_err(failed("write", &self.part))?;
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
        Ok(RepairWritten { path, size: self.header.length(), digest, how })
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

/// What stands around the records: both headers and both tables.
struct Ends<'t> {
    header: Header,
    table: &'t Table,
}

impl Ends<'_> {
    /// Each stretch of it with its place, in the order of the file.
    fn each(&self, mut take: impl FnMut(&[u8], u64) -> io::Result<()>) -> io::Result<()> {
        let [first, second] = self.header.tables();
        take(&self.header.to_bytes(), 0)?;
        for start in [first, second] {
            for (number, at) in (0..self.table.pages()).zip((start..).step_by(PAGE)) {
                take(&self.table.page(number), at)?;
            }
        }
        take(&self.header.to_bytes(), self.header.last_header())
    }
}

/// The digest of a file as the medium gives it back; nothing where anything of it is not what was written.
fn read_back(path: &Path, ends: &Ends<'_>, records: Digest) -> io::Result<Option<Digest>> {
    let file = ArchiveFile::open(path).map_err(io::Error::other)?;
    if file.len() != ends.header.length() {
        return Ok(None);
    }
    file.forget();
    let (start, end) = (ends.header.records(), ends.header.tables()[1]);
    let mut same = hash(&file, start, end - start)?.finish() == records;
    ends.each(|bytes, at| {
        let mut found = vec![0; bytes.len()];
        file.read_exact_at(&mut found, at)?;
        same &= found == bytes;
        Ok(())
    })?;
    if same { Ok(Some(hash(&file, 0, file.len())?.finish())) } else { Ok(None) }
}
