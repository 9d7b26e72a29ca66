//! A broken archive mended into a new file: what is damaged is found first, then what is whole is copied and the rest made anew.

use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::archive::ReadAt as _;
use crate::event::{Event, Events, Phase};
use crate::fault::AnyFault;
use crate::finding::Finding;
use crate::repair::{Check, Geometry, Place, RowMender, Table};
use crate::store::files::failed;
use crate::store::mended::MendedFile;
use crate::store::repair_file::{RepairFile, table};
use crate::store::salvage::Salvage;
use crate::text::{SafePath, counted};
use crate::workers;

/// How much is read at a time, in bytes.
const STRETCH: u64 = 1 << 20;

/// Rows in work at once: more would need more memory than any command may have.
const ROWS: usize = 2;

/// What is left of an archive, what mends it, and who is told.
pub struct Mend<'a> {
    /// The archive.
    pub salvage: &'a Salvage,
    /// Repair data of it: files that belong together, one at least.
    pub repair: &'a [RepairFile],
    /// Told what happens.
    pub events: &'a dyn Events,
}

/// What is wrong with an archive.
#[derive(Debug)]
pub struct Survey {
    geometry: Geometry,
    table: Table,
    /// Blocks that are missing or not what they were, in order.
    damaged: Vec<u64>,
}

/// One row with all its damaged blocks.
struct DamagedRow<'d> {
    number: u32,
    blocks: &'d [Place],
}

impl Mend<'_> {
    /// Looks at every block that is there. Nothing comes back without repair data.
    pub fn survey(&self) -> Result<Option<Survey>, AnyFault> {
        let Some((geometry, table)) =
            self.repair.first().map(|file| file.header.geometry).zip(table(self.repair))
        else {
            return Ok(None);
        };
        let mut survey = Survey { geometry, table, damaged: Vec::new() };
        self.events.emit(&Event::Begin { phase: Phase::Verify, items: 0, bytes: geometry.total() });
        survey.damaged = self.pass(&survey, None)?;
        self.events.emit(&Event::End { phase: Phase::Verify });
        Ok(Some(survey))
    }

    /// Reads every block that is not known to be damaged, and writes those that are whole. Returns all damaged ones.
    fn pass(&self, survey: &Survey, to: Option<&MendedFile>) -> Result<Vec<u64>, AnyFault> {
        let digest = self.repair.first().map(|file| file.header.inventory);
        let geometry = &survey.geometry;
        let step = (STRETCH / u64::from(geometry.block())).max(1);
        let starts: Vec<u64> =
            (0..geometry.blocks()).step_by(usize::try_from(step).unwrap_or(usize::MAX)).collect();
        let found = workers::map(&starts, workers::cores(), self.events, |&start| {
            let blocks = start..start.saturating_add(step).min(geometry.blocks());
            let bytes = geometry.bytes(blocks.start).start..geometry.bytes(blocks.end.saturating_sub(1)).end;
            let mut buffer = vec![0; usize::try_from(bytes.end - bytes.start).unwrap_or_default()];
            let damaged = self.stretch(survey, blocks, &mut buffer);
            if let Some(to) = to {
                to.write_at(&buffer, bytes.start)?;
            }
            if let Some(digest) = digest {
                self.events.emit(&Event::Advanced { digest, bytes: buffer.len() as u64 });
            }
            Ok(damaged)
        })?;
        Ok(found.concat())
    }

    /// Fills `buffer` with some blocks that follow each other, and says which of them are damaged.
    fn stretch(&self, survey: &Survey, blocks: Range<u64>, buffer: &mut [u8]) -> Vec<u64> {
        let size = usize::try_from(survey.geometry.block()).unwrap_or(usize::MAX);
        let is_damaged = |(index, part): (u64, &mut [u8])| {
            let known = survey.damaged.binary_search(&index).is_ok();
            // A block of which nobody knows what it was may be anything.
            let check = survey.table.check(index).filter(|_| !known);
            let is_whole = check.is_some_and(|check| {
                let right = |bytes: &[u8]| Check::of(bytes) == check;
                self.salvage.read(survey.geometry.bytes(index).start, part, right)
            });
            (!is_whole).then_some(index)
        };
        blocks.zip(buffer.chunks_mut(size)).filter_map(is_damaged).collect()
    }

    /// As many good spare blocks of a row as are wanted, or all that there are.
    fn spares(&self, row: u32, wanted: usize) -> Vec<(u32, Vec<u8>)> {
        let numbers = self.repair.first().map_or(0, |file| file.header.geometry.spare());
        let good = |number| self.repair.iter().find_map(|file| file.spare(row, number));
        (0..numbers).filter_map(|number| Some((number, good(number)?))).take(wanted).collect()
    }

    /// What there is to say about the damage: errors where it is more than can be mended.
    pub fn judge(&self, survey: &Survey) -> Vec<Finding> {
        let blocks = survey.geometry.blocks();
        let damaged = survey.damaged.len();
        let subject = self.repair.first().map(|file| SafePath(&file.path).to_string()).unwrap_or_default();
        if damaged == 0 {
            let message = format!("all {blocks} blocks are what they were: there is nothing to mend");
            return vec![Finding::info("NOT_DAMAGED", subject, message)];
        }
        if damaged as u64 == blocks {
            let message = "not one block of the archive fits this repair data";
            let hint = "it is of another archive, or nothing is left of this one: copy the archive again";
            return vec![Finding::error("REPAIR_FOREIGN", subject, message).hint(hint)];
        }
        let places = survey.places();
        let (mut mendable, mut beyond) = (0, Vec::new());
        for row in rows(&places) {
            if self.spares(row.number, row.blocks.len()).len() == row.blocks.len() {
                mendable += row.blocks.len();
            } else {
                beyond.push(row);
            }
        }
        let size = survey.geometry.block();
        let what = format!("{damaged} of {blocks} blocks of {size} bytes are damaged or missing");
        if beyond.is_empty() {
            return vec![Finding::warning(
                "BLOCKS_DAMAGED",
                subject,
                format!("{what}; all of them can be mended"),
            )];
        }
        let message = format!(
            "{what}, and {mendable} of them can be mended: {} lost more blocks than there are good spare ones",
            counted(beyond.len(), "row")
        );
        let finding = Finding::error("BEYOND_REPAIR", subject, message);
        vec![finding.hint(format!("copy again: {}", self.files_of(survey, &beyond).join(", ")))]
    }

    /// The files that the damaged blocks of these rows lie in.
    fn files_of(&self, survey: &Survey, rows: &[DamagedRow<'_>]) -> Vec<String> {
        let mut names = Vec::new();
        for place in rows.iter().flat_map(|row| row.blocks) {
            let bytes = survey.geometry.bytes(survey.geometry.index(*place));
            for file in self.salvage.holding(bytes.start, bytes.end - bytes.start) {
                names.push(match file {
                    Ok(path) => SafePath(path).to_string(),
                    Err(number) => format!("volume {number}, which is missing"),
                });
            }
        }
        names.sort();
        names.dedup();
        names
    }

    /// Writes the archive as it was. The file has no name yet: whoever judges it decides.
    pub fn run(&self, mut survey: Survey, target: &Path) -> Result<Arc<MendedFile>, AnyFault> {
        let geometry = survey.geometry;
        let file = Arc::new(MendedFile::create(target, geometry.total())?);
        let mended = || -> Result<(), AnyFault> {
            self.events.emit(&Event::Begin { phase: Phase::Mend, items: 0, bytes: geometry.total() });
            // A medium that fails may have lost more since it was looked at.
            survey.damaged = self.pass(&survey, Some(&file))?;
            let places = survey.places();
            let rows: Vec<DamagedRow<'_>> = rows(&places).collect();
            let idle: Mutex<Vec<RowMender>> = Mutex::default();
            workers::for_each(&rows, ROWS.min(workers::cores()), self.events, |row| {
                let waiting = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let mut mender = waiting.map_or_else(|| RowMender::new(geometry), Ok)?;
                self.row(row, &survey, &mut mender, &file, target)?;
                idle.lock().unwrap_or_else(PoisonError::into_inner).push(mender);
                Ok(())
            })?;
            self.events.emit(&Event::End { phase: Phase::Mend });
            Ok(())
        }();
        match mended {
            Ok(()) => Ok(file),
            Err(fault) => {
                file.discard();
                Err(fault)
            }
        }
    }

    /// Mends one row out of what was copied of it.
    fn row(
        &self,
        row: &DamagedRow<'_>,
        survey: &Survey,
        mender: &mut RowMender,
        file: &MendedFile,
        target: &Path,
    ) -> Result<(), AnyFault> {
        let geometry = &survey.geometry;
        for stripe in 0..geometry.stripes() {
            let place = Place { row: row.number, stripe };
            if row.blocks.binary_search(&place).is_err() {
                let copied = |range: Range<u64>, bytes: &mut [u8]| file.read_exact_at(bytes, range.start);
                mender.block(place, copied).map_err(failed("read", target))??;
            }
        }
        for (number, spare) in self.spares(row.number, row.blocks.len()) {
            mender.spare(number, &spare)?;
        }
        for (place, bytes) in mender.mended(row.number)? {
            file.write_at(&bytes, geometry.bytes(geometry.index(place)).start)?;
        }
        Ok(())
    }
}

impl Survey {
    /// How many blocks are damaged or missing.
    pub fn damaged(&self) -> usize {
        self.damaged.len()
    }

    /// Where they stand, row by row.
    fn places(&self) -> Vec<Place> {
        let mut places: Vec<Place> = self.damaged.iter().map(|&index| self.geometry.place(index)).collect();
        places.sort_unstable();
        places
    }
}

fn rows(places: &[Place]) -> impl Iterator<Item = DamagedRow<'_>> {
    places.chunk_by(|left, right| left.row == right.row).filter_map(|blocks| {
        let number = blocks.first()?.row;
        Some(DamagedRow { number, blocks })
    })
}
