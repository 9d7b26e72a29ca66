//! The digest over a folder that opm compares: FNV-1a of 64 bits over the tar stream that Go writes of it.
//!
//! Entries come as Go's `fs.WalkDir` gives them: each folder before what is in it, names in byte order within a folder, `.` first.
//! Owners are 0 and times the epoch; `archive/tar` writes USTAR, and PAX where a name does not fit.

use std::collections::BTreeMap;

use super::Modes;

const BLOCK: usize = 512;
/// Longest name in the header's own field.
const NAME: usize = 100;
/// Longest path in the field before it.
const PREFIX: usize = 155;

/// Hashes tar streams, one after the other.
pub(super) struct Digester(u64);

impl Default for Digester {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digester {
    /// One folder with these files, by path.
    pub(super) fn tree(&mut self, files: &BTreeMap<String, Vec<u8>>, modes: Modes) {
        let mut entries: BTreeMap<Vec<&str>, (&str, Option<&[u8]>)> = BTreeMap::new();
        for (path, content) in files {
            let ends = path.match_indices('/').map(|(at, _)| at);
            for folder in ends.filter_map(|at| path.get(..at)) {
                entries.insert(folder.split('/').collect(), (folder, None));
            }
            entries.insert(path.split('/').collect(), (path, Some(content)));
        }
        self.header(".", b'5', modes.folder, 0);
        for (path, content) in entries.into_values() {
            match content {
                None => self.header(path, b'5', modes.folder, 0),
                Some(content) => {
                    self.header(path, b'0', modes.file, content.len());
                    self.padded(content);
                }
            }
        }
        self.bytes(&[0; 2 * BLOCK]);
    }

    /// As opm writes it.
    pub(super) fn hex(&self) -> String {
        format!("{:016x}", self.0)
    }

    fn header(&mut self, path: &str, kind: u8, mode: u32, size: usize) {
        let fields = Fields { kind, mode, size, ustar: true };
        match fit(path) {
            Fit::Ustar { prefix, name } => self.bytes(&fields.block(prefix.as_bytes(), name.as_bytes())),
            Fit::Pax => {
                let record = pax_record("path", path);
                let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
                let join = if folder.is_empty() { "" } else { "/" };
                let name = plain(&format!("{folder}{join}PaxHeaders.0/{file}"));
                let extended = Fields { kind: b'x', mode: 0, size: record.len(), ustar: false };
                self.bytes(&extended.block(b"", &name));
                self.padded(record.as_bytes());
                self.bytes(&fields.block(b"", &plain(path)));
            }
        }
    }

    fn padded(&mut self, content: &[u8]) {
        self.bytes(content);
        let padding = content.len().next_multiple_of(BLOCK) - content.len();
        self.bytes([0; BLOCK].get(..padding).unwrap_or_default());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

/// Where a header has room for a path.
enum Fit<'a> {
    Ustar {
        prefix: &'a str,
        name: &'a str,
    },
    /// Nowhere, or it is not ASCII: it stands in a header of its own.
    Pax,
}

fn fit(path: &str) -> Fit<'_> {
    if !path.is_ascii() {
        return Fit::Pax;
    }
    if path.len() <= NAME {
        return Fit::Ustar { prefix: "", name: path };
    }
    let start = path.get(..path.len().min(PREFIX + 1)).unwrap_or_default();
    match start.rfind('/').and_then(|at| Some((path.get(..at)?, path.get(at + 1..)?))) {
        Some((prefix, name)) if !prefix.is_empty() && (1..=NAME).contains(&name.len()) => {
            Fit::Ustar { prefix, name }
        }
        _ => Fit::Pax,
    }
}

/// What a header says besides names.
struct Fields {
    kind: u8,
    mode: u32,
    size: usize,
    /// Whether the numbers of a device are written out, as Go does for all but extended headers.
    ustar: bool,
}

impl Fields {
    fn block(&self, prefix: &[u8], name: &[u8]) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        let mut put = |at: usize, bytes: &[u8]| {
            if let Some(field) = block.get_mut(at..at + bytes.len()) {
                field.copy_from_slice(bytes);
            }
        };
        put(0, name);
        put(100, format!("{:07o}", self.mode).as_bytes());
        for owner in [108, 116] {
            put(owner, b"0000000");
        }
        put(124, format!("{:011o}", self.size).as_bytes());
        put(136, b"00000000000");
        put(148, b"        ");
        put(156, &[self.kind]);
        put(257, b"ustar\x0000");
        if self.ustar {
            for device in [329, 337] {
                put(device, b"0000000");
            }
        }
        put(345, prefix);
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        if let Some(field) = block.get_mut(148..156) {
            field.copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
        block
    }
}

/// `LENGTH KEY=VALUE`, where the length counts itself.
fn pax_record(key: &str, value: &str) -> String {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + rest.to_string().len();
    if rest + length.to_string().len() != length {
        length = rest + length.to_string().len();
    }
    format!("{length} {key}={value}\n")
}

/// What an old reader finds in the header's own field: what is not ASCII is left out, and the rest cut, but not behind a `/`.
fn plain(path: &str) -> Vec<u8> {
    let mut name: Vec<u8> = path.bytes().filter(u8::is_ascii).take(NAME).collect();
    if name.last() == Some(&b'/') {
        name.pop();
    }
    name
}
