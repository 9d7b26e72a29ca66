//! Files of repair data: found beside an archive, and read.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::archive::ReadAt;
use crate::digest::Digest;
use crate::limits::Limits;
use crate::repair::{Geometry, Header, PAGE, RepairName, Table, record_fits};
use crate::store::archive_file::ArchiveFile;
use crate::store::beside::beside;
use crate::store::files::StoreError;

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

/// How much of a file of repair data is not what was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Losses {
    /// Bytes that are missing at its end.
    pub bytes: u64,
    /// Headers, of two.
    pub headers: u64,
    /// Pages of its two tables.
    pub pages: u64,
    /// Spare blocks.
    pub spares: u64,
}

/// Files beside these archives, volumes and in these folders that have the name of one of repair data, and what could be read of
/// each; nothing of one whose headers are both unreadable. A path may name such a file itself.
pub fn candidates(
    paths: &[PathBuf],
    limits: &Limits,
) -> Result<Vec<(PathBuf, Option<RepairFile>)>, StoreError> {
    let is_one = |path: &&PathBuf| RepairName::of_path(path).is_some();
    let (named, others): (Vec<&PathBuf>, Vec<&PathBuf>) = paths.iter().partition(is_one);
    let others: Vec<PathBuf> = others.into_iter().cloned().collect();
    let mut found = beside(&others, |file| RepairName::of(file).map(|name| name.archive))?;
    found.extend(named.into_iter().cloned());
    found.sort();
    found.dedup();
    found
        .into_iter()
        .map(|path| {
            let file = RepairFile::open(&path, limits)?;
            Ok((path, file))
        })
        .collect()
}

/// Those that can be read, by what belongs together. Files of archives with another name than the one that a path gives are left out.
pub fn find(paths: &[PathBuf], limits: &Limits) -> Result<BTreeMap<OfArchive, Vec<RepairFile>>, StoreError> {
    let mut found: BTreeMap<OfArchive, Vec<RepairFile>> = BTreeMap::new();
    for file in candidates(paths, limits)?.into_iter().filter_map(|(_, file)| file) {
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

    /// Reads all of it from the medium, not from memory. Each good spare block is told to `good`.
    pub fn inspect(&self, limits: &Limits, mut good: impl FnMut(u32, u32)) -> Losses {
        self.file.forget();
        let header = &self.header;
        let is_header = |at| {
            let mut bytes = [0; Header::SIZE];
            let is_read = self.file.read_exact_at(&mut bytes, at).is_ok();
            is_read && Header::parse(&bytes, limits).is_ok_and(|found| found == *header)
        };
        let mut losses =
            Losses { bytes: header.length().saturating_sub(self.file.len()), ..Losses::default() };
        losses.headers = [0, header.last_header()].into_iter().map(|at| u64::from(!is_header(at))).sum();
        for start in header.tables() {
            let mut table = Table::empty(header.inventory, &header.geometry);
            losses.pages += (0..table.pages())
                .map(|number| u64::from(!self.page(&mut table, start, number)))
                .sum::<u64>();
        }
        for row in 0..header.geometry.rows() {
            for number in header.numbers() {
                if self.holds(row, number) {
                    good(row, number);
                } else {
                    losses.spares += 1;
                }
            }
        }
        losses
    }

    /// Takes a page of one of its tables over, if it is what was written.
    fn page(&self, table: &mut Table, start: u64, number: usize) -> bool {
        let mut page = [0; PAGE];
        let offset = (number as u64).saturating_mul(PAGE as u64);
        self.file.read_exact_at(&mut page, start.saturating_add(offset)).is_ok() && table.take(number, &page)
    }

    /// Whether a spare block is here and what was written.
    pub fn holds(&self, row: u32, number: u32) -> bool {
        let record = || {
            let at = self.header.record_at(row, number)?;
            let mut record = vec![0; usize::try_from(self.header.record_bytes()).ok()?];
            self.file.read_exact_at(&mut record, at).ok()?;
            record_fits(&self.header.inventory, row, number, &record)
        };
        record().is_some()
    }

    /// Fills `buffer` with bytes of a spare block that is here, from `within` it on.
    pub fn read_spare(&self, row: u32, number: u32, within: u64, buffer: &mut [u8]) -> io::Result<()> {
        let at = self.header.record_at(row, number).ok_or(io::ErrorKind::NotFound)?;
        self.file.read_exact_at(buffer, at.saturating_add(within))
    }
}

/// The checks of all blocks, each page from the first place where it is whole. Files of one archive have the same ones.
pub fn table(files: &[RepairFile]) -> Option<Table> {
    let header = files.first()?.header;
    let mut table = Table::empty(header.inventory, &header.geometry);
    for number in 0..table.pages() {
        let mut places = files.iter().flat_map(|file| file.header.tables().map(|start| (file, start)));
        let _ = places.any(|(file, start)| file.page(&mut table, start, number));
    }
    Some(table)
}
