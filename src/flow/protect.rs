//! Repair data made for an archive, in one pass over its blocks.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::archive::ReadAt;
use crate::digest::Digest;
use crate::event::{Event, Events, Phase};
use crate::fault::AnyFault;
use crate::limits::Limits;
use crate::repair::{Geometry, Header, RepairError, RepairName, Row, RowEncoder, Share, Table, split};
use crate::store::files::failed;
use crate::store::repair_file::{RepairWriter, RepairWritten};
use crate::volume::Shape;
use crate::workers;

/// Rows in work at once: more would need more memory than any command may have.
const ROWS: usize = 2;

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

/// Makes the files of one archive, which `shown` is the name of. Each block of it is read once.
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
    let mut table = Table::empty(*inventory, geometry);
    let idle: Mutex<Vec<RowEncoder>> = Mutex::default();
    let encode = |number: &u32| -> Result<Row, AnyFault> {
        let waiting = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut encoder = waiting.map_or_else(|| RowEncoder::new(*inventory, *geometry), Ok)?;
        let read = |range: std::ops::Range<u64>, bytes: &mut [u8]| source.read_exact_at(bytes, range.start);
        let row = encoder.row(*number, read).map_err(failed("read", shown))??;
        idle.lock().unwrap_or_else(PoisonError::into_inner).push(encoder);
        Ok(row)
    };
    let of_row = geometry.total() / u64::from(geometry.rows());
    let rows: Vec<u32> = (0..geometry.rows()).collect();
    workers::in_order(&rows, ROWS.min(workers::cores()), events, encode, |row| {
        for (stripe, check) in (0..).zip(&row.checks) {
            table.set(geometry.index(crate::repair::Place { row: row.number, stripe }), *check);
        }
        writers.iter_mut().try_for_each(|writer| writer.row(&row.records))?;
        events.emit(&Event::Advanced { digest: *inventory, bytes: of_row });
        Ok(ControlFlow::Continue(()))
    })?;
    let mut written = Vec::new();
    for writer in writers {
        let file = writer.finish(&table)?;
        events.emit(&Event::Finished { digest: file.digest });
        written.push(file);
    }
    events.emit(&Event::End { phase: Phase::Protect });
    Ok(written)
}
