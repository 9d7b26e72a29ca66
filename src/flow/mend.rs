//! A broken archive mended into a new file: what is damaged is found first, then what is whole is copied and the rest made anew.

use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::archive::ReadAt as _;
use crate::event::{Event, Events, Phase};
use crate::fault::AnyFault;
use crate::finding::Finding;
use crate::repair::{Check, Geometry, Place, StripMender, Strips, Table};
use crate::store::files::failed;
use crate::store::mended::MendedFile;
use crate::store::repair_file::{RepairFile, table};
use crate::store::salvage::Salvage;
use crate::text::{SafePath, counted};
use crate::workers;

/// How much is read at a time, in bytes.
const STRETCH: u64 = 1 << 20;

/// Strips in work at once: more would need more memory than any command may have.
const STRIPS: usize = 2;

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

/// One row with all its damaged blocks, and the spare ones that mend them.
struct DamagedRow<'d> {
    number: u32,
    blocks: &'d [Place],
    spares: Vec<(u32, &'d RepairFile)>,
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

    /// The damaged rows, each with as many good spare blocks as it lost others, or all that there are.
    fn rows<'d>(&'d self, places: &'d [Place]) -> Result<Vec<DamagedRow<'d>>, AnyFault> {
        let damaged: Vec<&[Place]> = places.chunk_by(|left, right| left.row == right.row).collect();
        workers::map(&damaged, workers::cores(), self.events, |blocks| {
            let number = blocks.first().map_or(0, |place| place.row);
            Ok(DamagedRow { number, blocks, spares: self.spares(number, blocks.len()) })
        })
    }

    fn spares(&self, row: u32, wanted: usize) -> Vec<(u32, &RepairFile)> {
        let numbers = self.repair.first().map_or(0, |file| file.header.geometry.spare());
        let good = |number| self.repair.iter().find(|file| file.holds(row, number));
        (0..numbers).filter_map(|number| Some((number, good(number)?))).take(wanted).collect()
    }

    /// What there is to say about the damage: errors where it is more than can be mended.
    pub fn judge(&self, survey: &Survey) -> Result<Vec<Finding>, AnyFault> {
        let blocks = survey.geometry.blocks();
        let damaged = survey.damaged.len();
        let subject = self.repair.first().map(|file| SafePath(&file.path).to_string()).unwrap_or_default();
        if damaged == 0 {
            let message = format!("all {blocks} blocks are what they were: there is nothing to mend");
            return Ok(vec![Finding::info("NOT_DAMAGED", subject, message)]);
        }
        if damaged as u64 == blocks {
            let message = "not one block of the archive fits this repair data";
            let hint = "it is of another archive, or nothing is left of this one: copy the archive again";
            return Ok(vec![Finding::error("REPAIR_FOREIGN", subject, message).hint(hint)]);
        }
        let places = survey.places();
        let (mendable, beyond): (Vec<_>, Vec<_>) =
            self.rows(&places)?.into_iter().partition(|row| row.spares.len() == row.blocks.len());
        let mendable: usize = mendable.iter().map(|row| row.blocks.len()).sum();
        let size = survey.geometry.block();
        let what = format!("{damaged} of {blocks} blocks of {size} bytes are damaged or missing");
        if beyond.is_empty() {
            let message = format!("{what}; all of them can be mended");
            return Ok(vec![Finding::warning("BLOCKS_DAMAGED", subject, message)]);
        }
        let message = format!(
            "{what}, and {mendable} of them can be mended: {} lost more blocks than there are good spare ones",
            counted(beyond.len(), "row")
        );
        let finding = Finding::error("BEYOND_REPAIR", subject, message);
        Ok(vec![finding.hint(format!("copy again: {}", self.files_of(survey, &beyond).join(", ")))])
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
            for row in self.rows(&places)? {
                self.row(&row, &survey, &file, target)?;
            }
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
        file: &MendedFile,
        target: &Path,
    ) -> Result<(), AnyFault> {
        let strips = Strips::to_mend(survey.geometry);
        let numbers: Vec<u32> = (0..strips.count()).collect();
        let idle: Mutex<Vec<StripMender>> = Mutex::default();
        workers::for_each(&numbers, STRIPS.min(workers::cores()), self.events, |&strip| {
            let waiting = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut mender = waiting.map_or_else(|| StripMender::new(survey.geometry, strips), Ok)?;
            for stripe in 0..survey.geometry.stripes() {
                let place = Place { row: row.number, stripe };
                if row.blocks.binary_search(&place).is_err() {
                    let copied = |range: Range<u64>, bytes: &mut [u8]| file.read_exact_at(bytes, range.start);
                    mender.block(place, strip, copied).map_err(failed("read", target))??;
                }
            }
            let mut spare = vec![0; usize::try_from(strips.width()).unwrap_or_default()];
            for (number, from) in &row.spares {
                from.read_spare(row.number, *number, strips.part(strip).start, &mut spare)
                    .map_err(failed("read", &from.path))?;
                mender.spare(*number, &spare)?;
            }
            mender.mended(row.number, strip, |range, bytes| file.write_at(bytes, range.start))??;
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(mender);
            Ok(())
        })
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
