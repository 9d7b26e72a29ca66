//! Walks the entries of a tar stream, refusing whatever stock readers read differently from each other.
//!
//! Own code instead of the tar crate's iterator, for three reasons: extension headers are capped before they are read (the crate
//! takes up to 4 GiB of them into memory), binary PAX values are parsed by their length (the crate splits them at newlines), and
//! what Go's reader takes in another way is an error here. The crate decodes the fields of a header.

use std::io::{self, Read};

use tar::{EntryType, Header};

const BLOCK: usize = 512;
/// Bytes of a GNU long name or link: `PATH_MAX` with room to spare.
const LONG_NAME: u64 = 16 << 10;
/// Bytes of a PAX header: Linux allows 64 KiB of extended attributes a file.
const PAX: u64 = 1 << 20;

/// One entry; its content is read from the [`TarStream`] before the next is asked for.
pub(super) struct TarEntry {
    /// As written.
    pub(super) path: Vec<u8>,
    /// Target of a link, as written.
    pub(super) link: Vec<u8>,
    pub(super) kind: EntryType,
    pub(super) size: u64,
    pub(super) mode: u32,
    pub(super) uid: u64,
    pub(super) gid: u64,
}

/// Why a stream cannot be walked on.
pub(super) enum TarFault {
    Io(io::Error),
    Entry { path: Vec<u8>, why: &'static str },
}

impl From<io::Error> for TarFault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What extension headers say about the entry after them.
#[derive(Default)]
struct Extension {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    sparse: bool,
    doubled: bool,
}

impl Extension {
    fn path(&mut self, path: Vec<u8>) {
        self.doubled |= self.path.replace(path).is_some();
    }

    fn link(&mut self, link: Vec<u8>) {
        self.doubled |= self.link.replace(link).is_some();
    }
}

/// The entries of a tar stream.
pub(super) struct TarStream<R> {
    reader: R,
    /// Bytes of the current entry's content that were not read yet.
    content: u64,
    padding: u64,
}

impl<R: Read> TarStream<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, content: 0, padding: 0 }
    }

    /// The content of an extension header, whose size is known to be small.
    fn extension(&mut self) -> io::Result<Vec<u8>> {
        let size = self.content;
        let mut content = Vec::new();
        self.content -= self.reader.by_ref().take(size).read_to_end(&mut content)? as u64;
        if self.content > 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(content) }
    }

    /// Reads on in the content of the current entry; nothing at its end.
    pub(super) fn read_content(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.content).map_or(buffer.len(), |left| left.min(buffer.len()));
        // A decoder that is asked for nothing may take it for a fault.
        let Some(buffer) = buffer.get_mut(..room).filter(|buffer| !buffer.is_empty()) else { return Ok(0) };
        let read = self.reader.read(buffer)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.content -= read as u64;
        Ok(read)
    }

    fn skip(&mut self) -> io::Result<()> {
        let wanted = self.content + self.padding;
        let skipped = io::copy(&mut self.reader.by_ref().take(wanted), &mut io::sink())?;
        (self.content, self.padding) = (0, 0);
        if skipped < wanted { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    /// Fills a block; false at the end of the stream.
    fn block(&mut self, block: &mut [u8; BLOCK]) -> io::Result<bool> {
        let mut filled = 0;
        while let Some(room) = block.get_mut(filled..).filter(|room| !room.is_empty()) {
            match self.reader.read(room) {
                Ok(0) if filled == 0 => return Ok(false),
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// The next entry; nothing at the end of the archive.
    pub(super) fn advance(&mut self) -> Result<Option<TarEntry>, TarFault> {
        let mut extension = Extension::default();
        let mut extended = false;
        loop {
            self.skip()?;
            let mut block = [0; BLOCK];
            if !self.block(&mut block)? || block.iter().all(|byte| *byte == 0) {
                // Go wants two zero blocks or the end of the stream; one alone is where readers part.
                if extended || (self.block(&mut block)? && block.iter().any(|byte| *byte != 0)) {
                    return Err(invalid("the archive's end is not one").into());
                }
                return Ok(None);
            }
            let header = Header::from_byte_slice(&block);
            check(header)?;
            let path = header.path_bytes().into_owned();
            let size = header.entry_size()?;
            self.content = size;
            self.padding = size.wrapping_neg() % BLOCK as u64;
            let kind = header.entry_type();
            let refuse = |why| Err(TarFault::Entry { path: path.clone(), why });
            match kind {
                EntryType::GNULongName | EntryType::GNULongLink if size > LONG_NAME => {
                    return refuse("its name is longer than 16 KiB");
                }
                EntryType::XHeader | EntryType::XGlobalHeader if size > PAX => {
                    return refuse("its PAX header is longer than 1 MiB");
                }
                EntryType::GNULongName => extension.path(until_nul(self.extension()?)),
                EntryType::GNULongLink => extension.link(until_nul(self.extension()?)),
                EntryType::XHeader => pax(&self.extension()?, &mut extension)?,
                EntryType::XGlobalHeader => continue,
                EntryType::GNUSparse => return refuse("it is sparse"),
                _ => {
                    if extension.doubled {
                        return refuse("its name is given twice");
                    }
                    if extension.sparse {
                        return refuse("it is sparse");
                    }
                    if extension.size.is_some_and(|other| other != size) {
                        return refuse("its size is given twice");
                    }
                    let plain = matches!(kind, EntryType::Regular | EntryType::Continuous);
                    let header_only = kind.is_dir()
                        || kind.is_symlink()
                        || kind.is_hard_link()
                        || kind.is_block_special()
                        || kind.is_character_special()
                        || kind.is_fifo();
                    if !plain && header_only && size > 0 {
                        return refuse("it has content where its kind has none");
                    }
                    let link =
                        extension.link.or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned));
                    let path = extension.path.unwrap_or(path);
                    // Before POSIX a directory was a file whose name ends in a slash.
                    let old_directory = block.get(156) == Some(&0) && path.ends_with(b"/");
                    let kind = if old_directory { EntryType::Directory } else { kind };
                    let (mode, uid, gid) = (header.mode()?, header.uid()?, header.gid()?);
                    let link = link.unwrap_or_default();
                    return Ok(Some(TarEntry { path, link, kind, size, mode, uid, gid }));
                }
            }
            extended = true;
        }
    }
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

fn check(header: &Header) -> io::Result<()> {
    let bytes = header.as_bytes();
    let sum = bytes
        .iter()
        .enumerate()
        .fold(0_u32, |sum, (at, byte)| sum + u32::from(if (148..156).contains(&at) { b' ' } else { *byte }));
    if header.cksum()? == sum { Ok(()) } else { Err(invalid("a tar header has a wrong checksum")) }
}

fn until_nul(mut text: Vec<u8>) -> Vec<u8> {
    if let Some(end) = text.iter().position(|byte| *byte == 0) {
        text.truncate(end);
    }
    text
}

/// Records `LENGTH KEY=VALUE\n`, where the length counts the whole record (POSIX pax, "Extended Header").
fn pax(mut records: &[u8], extension: &mut Extension) -> io::Result<()> {
    let broken = || invalid("a PAX header is malformed");
    while !records.is_empty() {
        let blank = records.iter().take(8).position(|byte| *byte == b' ').ok_or_else(broken)?;
        let (digits, _) = records.split_at(blank);
        let length: usize =
            std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).ok_or_else(broken)?;
        let record = records.get(blank + 1..length).ok_or_else(broken)?;
        let record = record.strip_suffix(b"\n").ok_or_else(broken)?;
        let equals = record.iter().position(|byte| *byte == b'=').ok_or_else(broken)?;
        let (key, value) = record.split_at(equals);
        let value = value.get(1..).unwrap_or_default();
        match key {
            b"path" => extension.path(value.to_vec()),
            b"linkpath" => extension.link(value.to_vec()),
            b"size" => {
                let size = std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok());
                extension.size = Some(size.ok_or_else(broken)?);
            }
            key if key.starts_with(b"GNU.sparse.") => extension.sparse = true,
            _ => {}
        }
        records = records.get(length..).unwrap_or_default();
    }
    Ok(())
}
