//! The only bytes that are read before a signature is checked: magic, one size, up to sixteen names.

use crate::archive::header::size_of;
use crate::archive::layout::{INVENTORY, OMBUNDLE, signature_path};
use crate::archive::{ArchiveError, BLOCK, Defect, MAGIC, RawInventory, ReadAt, Span, difference, header};
use crate::limits::Limits;
use crate::trust::{KeyId, Signature};

/// What stands before the listed entries of an archive that nobody vouched for yet.
#[derive(Debug)]
pub struct Front {
    /// The inventory's bytes.
    pub inventory: RawInventory,
    /// The signatures, sorted by the keys that they claim to be from.
    pub signatures: Vec<Signature>,
}

impl Front {
    /// Reads it. Every header, every padding byte and the order of the signatures must be as prescribed.
    pub fn read(source: &dyn ReadAt, limits: &Limits) -> Result<Self, Defect> {
        let mut reader = Reader { source, at: 0 };
        reader.magic()?;
        let inventory = reader.inventory(limits)?;
        let mut signatures: Vec<Signature> = Vec::new();
        while let Some(signature) = reader.signature(signatures.last())? {
            signatures.push(signature);
            if signatures.len() as u64 > limits.signatures {
                let (found, limit) = (signatures.len() as u64, limits.signatures);
                return Err(reader.defect("sig", ArchiveError::Limit { what: "signatures", found, limit }));
            }
        }
        if signatures.is_empty() {
            return Err(reader.defect("sig", ArchiveError::Unsigned));
        }
        Ok(Self { inventory, signatures })
    }
}

/// More than any padding has.
const ZEROS: [u8; 512] = [0; 512];

struct Reader<'a> {
    source: &'a dyn ReadAt,
    at: u64,
}

impl Reader<'_> {
    fn defect(&self, entry: &str, error: ArchiveError) -> Defect {
        Defect { entry: entry.to_owned(), offset: self.at, error }
    }

    fn fill(&self, entry: &str, offset: u64, buffer: &mut [u8]) -> Result<(), Defect> {
        self.source.read_exact_at(buffer, offset).map_err(|error| {
            let length = self.source.len();
            let error = match error.kind() {
                std::io::ErrorKind::UnexpectedEof => ArchiveError::Ends { length },
                _ => ArchiveError::Unreadable(error),
            };
            Defect { entry: entry.to_owned(), offset: offset.min(length), error }
        })
    }

    fn block(&self, entry: &str) -> Result<[u8; 512], Defect> {
        let mut block = [0; 512];
        self.fill(entry, self.at, &mut block)?;
        Ok(block)
    }

    /// Reads the content of a member and the zeros after it, and goes on to the next.
    fn content(&mut self, entry: &str, size: u64) -> Result<Vec<u8>, Defect> {
        let span = Span::at(self.at, size).map_err(|error| self.defect(entry, error))?;
        let length = self.source.len();
        if span.end > length {
            let error = ArchiveError::Ends { length };
            return Err(Defect { entry: entry.to_owned(), offset: length, error });
        }
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let mut bytes = vec![0; size.saturating_add(usize::try_from(span.padding()).unwrap_or(0))];
        self.fill(entry, span.data, &mut bytes)?;
        let padding = bytes.split_off(size);
        if !ZEROS.starts_with(&padding) {
            let offset = span.data.saturating_add(span.size);
            return Err(Defect { entry: entry.to_owned(), offset, error: ArchiveError::Padding });
        }
        self.at = span.end;
        Ok(bytes)
    }

    fn magic(&mut self) -> Result<(), Defect> {
        let found = self.block(OMBUNDLE).map_err(|mut defect| {
            if matches!(defect.error, ArchiveError::Ends { .. }) {
                defect.error = ArchiveError::NotAnArchive;
            }
            defect
        })?;
        let version = |block: &[u8; 512]| size_of(block).filter(|size| (11..=32).contains(size));
        match (difference(&header(OMBUNDLE, MAGIC.len() as u64), &found), version(&found)) {
            (None, _) => {}
            // A later version may have a longer number: whatever it is, its header is a header of ours.
            (Some(_), Some(size)) if found == header(OMBUNDLE, size) => {}
            (Some(field), _) if found.starts_with(b"ombundle\0") => {
                return Err(self.defect(OMBUNDLE, ArchiveError::Header { field }));
            }
            (Some(_), _) => return Err(self.defect(OMBUNDLE, ArchiveError::NotAnArchive)),
        }
        let bytes = self.content(OMBUNDLE, size_of(&found).unwrap_or(0))?;
        if bytes == MAGIC {
            return Ok(());
        }
        self.at = BLOCK;
        let found = String::from_utf8_lossy(&bytes).trim_end().chars().flat_map(char::escape_debug).collect();
        Err(self.defect(OMBUNDLE, ArchiveError::Version { found }))
    }

    fn inventory(&mut self, limits: &Limits) -> Result<RawInventory, Defect> {
        let found = self.block(INVENTORY)?;
        let size = size_of(&found).unwrap_or(0);
        if let Some(field) = difference(&header(INVENTORY, size), &found) {
            return Err(self.defect(INVENTORY, ArchiveError::Header { field }));
        }
        if size > limits.inventory_bytes {
            let (what, limit) = ("bytes of inventory", limits.inventory_bytes);
            return Err(self.defect(INVENTORY, ArchiveError::Limit { what, found: size, limit }));
        }
        Ok(RawInventory::new(self.content(INVENTORY, size)?))
    }

    /// The next signature; nothing when what follows is not named like one.
    fn signature(&mut self, before: Option<&Signature>) -> Result<Option<Signature>, Defect> {
        let found = match self.block("sig") {
            // Where the signatures end, a cut is judged by the size that they sign.
            Err(Defect { error: ArchiveError::Ends { .. }, .. }) if before.is_some() => return Ok(None),
            found => found?,
        };
        if !found.starts_with(b"sig/") {
            return Ok(None);
        }
        let name = found.get(4..72).and_then(|name| std::str::from_utf8(name).ok());
        let key = name.and_then(|name| name.strip_suffix(".sig")).and_then(|hex| hex.parse::<KeyId>().ok());
        let Some(key) = key else {
            return Err(self.defect("sig", ArchiveError::SignatureName { field: "the name" }));
        };
        let path = signature_path(key);
        if let Some(field) = difference(&header(&path, Signature::SIZE as u64), &found) {
            return Err(self.defect("sig", ArchiveError::SignatureName { field }));
        }
        if before.is_some_and(|before| before.key() >= key) {
            return Err(self.defect(&path, ArchiveError::SignatureName { field: "the order" }));
        }
        let bytes = self.content(&path, Signature::SIZE as u64)?;
        let signature = Signature::from_slice(key, &bytes);
        signature.map(Some).map_err(|_| self.defect(&path, ArchiveError::SignatureName { field: "the size" }))
    }
}
