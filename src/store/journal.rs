//! A journal: records that survive a power cut, chained so that an edit is seen.
//!
//! One JSON object a line: `{"after":"<hex>","record":{…}}`, where `after` is the digest of the line before (of nothing, for the
//! first). A torn last line is what a power cut leaves, and is dropped; anything else that does not fit is damage and is named.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::digest::Digest;
use crate::store::files::{StoreError, failed, read, sync_parent};

/// No journal of real imports comes near this.
const LIMIT: u64 = 256 << 20;

/// An open journal of records of one type.
#[derive(Debug)]
pub struct Journal<R> {
    path: PathBuf,
    file: File,
    last: Digest,
    records: Vec<R>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    after: Digest,
    #[serde(borrow)]
    record: &'a RawValue,
}

impl<R: Serialize + DeserializeOwned + Clone> Journal<R> {
    /// Opens the journal at `path`, or begins it, and reads its records. Only its owner may read it.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_file(path, opened(path, 0o600)?)
    }

    /// The same for a journal that everybody may read, and to which several processes add: the others wait until it is dropped.
    pub fn open_shared(path: &Path) -> Result<Self, StoreError> {
        let file = opened(path, 0o644)?;
        file.lock().map_err(failed("lock", path))?;
        Self::open_file(path, file)
    }

    fn open_file(path: &Path, mut file: File) -> Result<Self, StoreError> {
        let (chain, whole) = parse(path, &read(path, LIMIT)?)?;
        let last = chain.last().map_or_else(|| Digest::of(b""), |(_, digest)| *digest);
        let records = chain.into_iter().map(|(record, _)| record).collect();
        // What follows the last whole line is what a power cut left of a record that was never relied on.
        file.set_len(whole).map_err(failed("truncate", path))?;
        file.seek(SeekFrom::End(0)).map_err(failed("open", path))?;
        sync_parent(path)?;
        Ok(Self { path: path.to_owned(), file, last, records })
    }

    /// Reads the records without opening the journal for writing; nothing when it does not exist.
    pub fn read(path: &Path) -> Result<Vec<R>, StoreError> {
        if !path.exists() {
            return Ok(Vec::new());
        }
        parse(path, &read(path, LIMIT)?)
            .map(|(chain, _)| chain.into_iter().map(|(record, _)| record).collect())
    }

    /// The records, each with the digest of its line: who knows one sees that nothing was cut off or written anew up to there.
    pub fn read_chain(path: &Path) -> Result<Vec<(R, Digest)>, StoreError> {
        parse(path, &read(path, LIMIT)?).map(|(records, _)| records)
    }

    /// What was recorded, oldest first.
    pub fn records(&self) -> &[R] {
        &self.records
    }

    /// Adds a record; when this returns it survives a power cut.
    pub fn append(&mut self, record: &R) -> Result<(), StoreError> {
        let unserialisable = |error: serde_json::Error| failed("write", &self.path)(error.into());
        let raw = serde_json::value::to_raw_value(record).map_err(unserialisable)?;
        let mut line =
            serde_json::to_vec(&Line { after: self.last, record: &raw }).map_err(unserialisable)?;
        let digest = Digest::of(&line);
        line.push(b'\n');
        self.file
            .write_all(&line)
            .and_then(|()| self.file.sync_data())
            .map_err(failed("write", &self.path))?;
        self.last = digest;
        self.records.push(record.clone());
        Ok(())
    }
}

fn opened(path: &Path, mode: u32) -> Result<File, StoreError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(mode);
    options.open(path).map_err(failed("open", path))
}

/// Records with the digests of their lines, and the length of what is whole.
fn parse<R: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<(Vec<(R, Digest)>, u64), StoreError> {
    let mut records = Vec::new();
    let mut last = Digest::of(b"");
    let mut whole = 0;
    for (index, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let damaged = |why: String| StoreError::Journal { path: path.to_owned(), line: index + 1, why };
        let Some(text) = line.strip_suffix(b"\n") else { break };
        let parsed: Line<'_> = serde_json::from_slice(text).map_err(|error| damaged(error.to_string()))?;
        if parsed.after != last {
            return Err(damaged("it does not follow the line before it".to_owned()));
        }
        let record = serde_json::from_str(parsed.record.get()).map_err(|error| damaged(error.to_string()))?;
        last = Digest::of(text);
        records.push((record, last));
        whole += line.len() as u64;
    }
    Ok((records, whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(path: &Path) -> Vec<u8> {
        let mut journal = Journal::<String>::open(path).unwrap();
        for record in ["begin", "prepared\nforged", "committed"] {
            journal.append(&record.to_owned()).unwrap();
        }
        std::fs::read(path).unwrap()
    }

    #[test]
    fn a_cut_loses_the_last_record_and_nothing_else() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("journal");
        let bytes = written(&path);
        let ends: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at] == b'\n').collect();
        for cut in 0..=bytes.len() {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            let journal = Journal::<String>::open(&path).unwrap();
            let expected = ends.iter().filter(|&&end| end < cut).count();
            assert_eq!(journal.records().len(), expected, "cut at {cut}");
        }
    }

    #[test]
    fn an_edited_or_reordered_journal_is_refused() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("journal");
        let bytes = written(&path);
        let text = String::from_utf8(bytes.clone()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for wrong in [
            format!("{}\n{}\n{}\n", lines[1], lines[0], lines[2]),
            format!("{}\n{}\n", lines[0], lines[2]),
            format!("{}\n{}\n", lines[1], lines[2]),
            text.replace("begin", "begun"),
            format!("{}\n\n{}\n", lines[0], lines[1]),
        ] {
            std::fs::write(&path, wrong).unwrap();
            assert!(matches!(Journal::<String>::open(&path), Err(StoreError::Journal { .. })));
        }
    }

    #[test]
    fn it_goes_on_where_it_was() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("journal");
        written(&path);
        let mut journal = Journal::<String>::open(&path).unwrap();
        journal.append(&"again".to_owned()).unwrap();
        assert_eq!(Journal::<String>::read(&path).unwrap().len(), 4);
    }
}
