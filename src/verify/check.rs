//! One entry against what was signed: header, content, padding.

use std::io;

use crate::archive::{ArchiveError, Entry, Inventory, ReadAt, Span, TRAILER, difference, header};
use crate::digest::{Digest, Hasher};
use crate::event::{Event, Events};
use crate::verify::{Reason, Refusal};

/// The work of looking at one entry, or at the end mark.
#[derive(Clone, Copy)]
pub struct Check<'a> {
    source: &'a dyn ReadAt,
    archive: Digest,
    index: Option<usize>,
    part: Part<'a>,
}

#[derive(Clone, Copy)]
enum Part<'a> {
    Entry { entry: &'a Entry, span: Span },
    EndMark { at: u64 },
}

/// The proof that a [`Check`] passed. Only that makes one.
#[derive(Debug)]
pub struct Passed {
    archive: Digest,
    index: Option<usize>,
}

impl Passed {
    pub(super) fn archive(&self) -> Digest {
        self.archive
    }

    pub(super) fn index(&self) -> Option<usize> {
        self.index
    }
}

impl<'a> Check<'a> {
    /// The check of the entry with this number, or of the end mark.
    pub(super) fn new(
        source: &'a dyn ReadAt,
        inventory: &'a Inventory,
        index: Option<usize>,
    ) -> Option<Self> {
        let part = match index {
            Some(index) => {
                let (entry, span) = inventory.nth(index)?;
                Part::Entry { entry, span }
            }
            None => Part::EndMark { at: inventory.end_mark() },
        };
        Some(Self { source, archive: inventory.digest(), index, part })
    }

    /// How many bytes it will read.
    pub fn bytes(&self) -> u64 {
        match self.part {
            Part::Entry { span, .. } => span.end - span.header,
            Part::EndMark { .. } => TRAILER,
        }
    }

    /// The entry that it looks at; nothing for the end mark.
    pub fn entry(&self) -> Option<&'a Entry> {
        match self.part {
            Part::Entry { entry, .. } => Some(entry),
            Part::EndMark { .. } => None,
        }
    }

    /// Does it, through `buffer`: the larger that is, the fewer reads (1 MiB is good; less than 2 KiB is not used). Tells `events` how far
    /// it came, and stops when they say so.
    pub fn run(&self, buffer: &mut Vec<u8>, events: &dyn Events) -> Result<Passed, Refusal> {
        if buffer.len() < SMALLEST {
            buffer.resize(SMALLEST, 0);
        }
        match self.part {
            Part::EndMark { at } => self.end_mark(at, buffer)?,
            Part::Entry { entry, span } => self.content(entry, span, buffer, events)?,
        }
        Ok(Passed { archive: self.archive, index: self.index })
    }

    fn end_mark(&self, at: u64, buffer: &mut [u8]) -> Result<(), Refusal> {
        let block = &mut buffer[..ZEROS.len()];
        read(self.source, block, at).map_err(|error| unreadable("the end mark".to_owned(), at, error))?;
        match first_not_zero(block) {
            None => Ok(()),
            Some(position) => Err(Refusal::new("the end mark", at + position, ArchiveError::EndMark)),
        }
    }

    fn content(
        &self,
        entry: &Entry,
        span: Span,
        buffer: &mut [u8],
        events: &dyn Events,
    ) -> Result<(), Refusal> {
        let refuse = |offset, reason: Reason| Refusal::new(entry.path.to_string(), offset, reason);
        let mut hasher = Hasher::default();
        let mut at = span.header;
        let content_end = span.data + span.size;
        while at < span.end {
            if events.interrupted() {
                return Err(refuse(at, Reason::Interrupted));
            }
            let room = usize::try_from(span.end - at).map_or(buffer.len(), |left| left.min(buffer.len()));
            let chunk = &mut buffer[..room];
            read(self.source, chunk, at).map_err(|error| unreadable(entry.path.to_string(), at, error))?;
            let mut rest = &*chunk;
            if at == span.header {
                let (found, behind) = rest.split_at(512);
                let expected = header(&entry.path.to_string(), span.size);
                if let Some(field) = found.try_into().ok().and_then(|found| difference(&expected, found)) {
                    return Err(refuse(at, ArchiveError::Header { field }.into()));
                }
                at += 512;
                rest = behind;
            }
            let content =
                usize::try_from(content_end.saturating_sub(at)).unwrap_or(usize::MAX).min(rest.len());
            let (content, padding) = rest.split_at(content);
            hasher.update(content);
            if let Some(position) = first_not_zero(padding) {
                let offset = at + content.len() as u64 + position;
                return Err(refuse(offset, ArchiveError::Padding.into()));
            }
            at += rest.len() as u64;
            events.emit(&Event::Advanced { digest: entry.digest, bytes: room as u64 });
        }
        let found = hasher.finish();
        if found == entry.digest {
            Ok(())
        } else {
            Err(refuse(span.data, Reason::Content { expected: entry.digest, found }))
        }
    }
}

/// As many as the end mark has; padding is shorter.
const ZEROS: [u8; 1024] = [0; 1024];

/// A header, content, and padding of the smallest entries.
const SMALLEST: usize = 2048;

fn first_not_zero(bytes: &[u8]) -> Option<u64> {
    if ZEROS.get(..bytes.len()).is_some_and(|zeros| zeros == bytes) {
        return None;
    }
    bytes.iter().position(|&byte| byte != 0).map(|position| position as u64)
}

/// Reads, with the two ways of failing told apart later by [`unreadable`].
pub(super) fn read(source: &dyn ReadAt, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    source.read_exact_at(buffer, offset)
}

pub(super) fn unreadable(entry: String, offset: u64, error: io::Error) -> Refusal {
    Refusal::new(entry, offset, ArchiveError::Unreadable(error))
}
