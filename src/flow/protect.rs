//! Repair data made for an archive, row by row.

use std::io;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::archive::ReadAt;
use crate::digest::Digest;
use crate::event::{Event, Events, Phase};
use crate::fault::AnyFault;
use crate::limits::Limits;
use crate::repair::{
    Check, Geometry, Header, Place, RepairError, RepairName, Share, StripEncoder, Strips, Table, split,
};
use crate::store::files::failed;
use crate::store::repair_writer::{RepairWriter, RepairWritten};
use crate::volume::Shape;
use crate::workers;

/// Strips in work at once: more would need more memory than any command may have.
const STRIPS: usize = 2;

/// How much is read for its checks by one thread at a time, in bytes.
const STRETCH: u64 = 1 << 20;

/// A file of repair data to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Its name.
    pub file: String,
    /// What it will hold.
    pub header: Header,
}

/// The files that let so much of an archive of `total` bytes be `lost`, none larger than its volumes.
pub fn plan(
    archive: &str,
    inventory: Digest,
    total: u64,
    lost: Share,
    shape: &Shape,
    limits: &Limits,
) -> Result<Vec<Planned>, RepairError> {
    let headers = split(inventory, Geometry::choose(total, lost, limits)?, shape.most())?;
    let name = |number| RepairName {
        archive: archive.to_owned(),
        number: shape.is_cut().then_some(number),
        extension: shape.volume_name(archive, number).extension,
    };
    Ok((1..).zip(headers).map(|(number, header)| Planned { file: name(number).file(), header }).collect())
}

/// Makes the files of one archive, which `shown` is the name of.
///
/// Rows are made one after the other. The blocks of a row are read as a whole first, for their checks; its strips, read behind each
/// other, then come out of the page cache.
pub fn protect(
    source: &dyn ReadAt,
    shown: &Path,
    files: &[(Header, PathBuf)],
    events: &dyn Events,
) -> Result<Vec<RepairWritten>, AnyFault> {
    let Some((Header { inventory, geometry, .. }, _)) = files.first() else { return Ok(Vec::new()) };
    events.emit(&Event::Begin { phase: Phase::Protect, items: files.len() as u64, bytes: geometry.total() });
    let mut writers = Vec::new();
    for (header, target) in files {
        writers.push(RepairWriter::begin(target, *header)?);
    }
    let archive =
        Archive { source, shown, geometry: *geometry, strips: Strips::to_encode(*geometry), events };
    let mut table = Table::empty(*inventory, geometry);
    let of_row = geometry.total() / u64::from(geometry.rows());
    for row in 0..geometry.rows() {
        archive.check(row, &mut table)?;
        archive.encode(row, &mut writers)?;
        events.emit(&Event::Advanced { digest: *inventory, bytes: of_row });
    }
    let mut written = Vec::new();
    for writer in writers {
        let file = writer.finish(&table)?;
        events.emit(&Event::Finished { digest: file.digest });
        written.push(file);
    }
    events.emit(&Event::End { phase: Phase::Protect });
    Ok(written)
}

/// What repair data is made of.
struct Archive<'a> {
    source: &'a dyn ReadAt,
    shown: &'a Path,
    geometry: Geometry,
    strips: Strips,
    events: &'a dyn Events,
}

impl Archive<'_> {
    fn read(&self, range: Range<u64>, bytes: &mut [u8]) -> io::Result<()> {
        self.source.read_exact_at(bytes, range.start)
    }

    /// Notes what each block of a row is.
    fn check(&self, row: u32, table: &mut Table) -> Result<(), AnyFault> {
        let blocks: Vec<u64> = (0..self.geometry.stripes())
            .map(|stripe| self.geometry.index(Place { row, stripe }))
            .filter(|index| *index < self.geometry.blocks())
            .collect();
        let at_once = usize::try_from(STRETCH / u64::from(self.geometry.block())).unwrap_or(1).max(1);
        let jobs: Vec<&[u64]> = blocks.chunks(at_once).collect();
        let checks = workers::map(&jobs, workers::cores(), self.events, |blocks| {
            let mut block = vec![0; usize::try_from(self.geometry.block()).unwrap_or_default()];
            let mut checks = Vec::with_capacity(blocks.len());
            for &index in *blocks {
                let range = self.geometry.bytes(index);
                let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
                let bytes = block.get_mut(..length).unwrap_or_default();
                self.read(range, bytes).map_err(failed("read", self.shown))?;
                checks.push(Check::of(bytes));
            }
            Ok(checks)
        })?;
        blocks.iter().zip(checks.concat()).for_each(|(&index, check)| table.set(index, check));
        Ok(())
    }

    /// Writes the spare blocks of a row.
    fn encode(&self, row: u32, writers: &mut [RepairWriter]) -> Result<(), AnyFault> {
        let idle: Mutex<Vec<StripEncoder>> = Mutex::default();
        let encode = |strip: &u32| -> Result<(u32, Vec<u8>), AnyFault> {
            let waiting = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut encoder = waiting.map_or_else(|| StripEncoder::new(self.geometry, self.strips), Ok)?;
            let read = |range: Range<u64>, bytes: &mut [u8]| self.read(range, bytes);
            let spare = encoder.strip(row, *strip, read).map_err(failed("read", self.shown))??;
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(encoder);
            Ok((*strip, spare))
        };
        let strips: Vec<u32> = (0..self.strips.count()).collect();
        workers::in_order(&strips, STRIPS.min(workers::cores()), self.events, encode, |(strip, spare)| {
            let part = self.strips.part(strip);
            writers.iter_mut().try_for_each(|writer| writer.strip(row, &part, &spare))?;
            Ok(ControlFlow::Continue(()))
        })
    }
}
