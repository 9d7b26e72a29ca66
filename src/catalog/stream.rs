//! The JSON values of one file, one by one with their lines, read through a window that holds few of them at a time.

use std::io::{self, Read};

use memchr::memchr_iter;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Deserializer;
use serde_json::value::RawValue;

use super::facts::Keep;
use super::wire::{Object, WireBlob};

/// Bytes that are read at once. A blob that does not fit makes the window grow.
const WINDOW: usize = 1 << 20;

/// One value of a stream.
pub(super) enum Value<'t> {
    /// As it stands.
    Raw(&'t RawValue),
    /// Its fields, read in the same pass, and its text.
    Fields(Box<WireBlob<'t>>, &'t str),
}

impl<'t> Value<'t> {
    /// Its text.
    pub(super) fn text(&self) -> &'t str {
        match self {
            Self::Raw(raw) => raw.get(),
            Self::Fields(_, text) => text,
        }
    }
}

/// What stopped the reading of a file, and the line.
pub(super) type Broken = (String, u64);

/// Where a stream of values has come to.
pub(super) struct JsonStream {
    keep: Keep,
    line: u64,
}

impl JsonStream {
    pub(super) fn new(keep: Keep) -> Self {
        Self { keep, line: 1 }
    }

    /// The line that it has come to.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Hands over each value of `text` with the line where it begins, and gives the bytes that are done with. A value that
    /// `text` does not end belongs to what comes next, unless this is the `last` of it. After a syntax error nothing can be
    /// trusted.
    pub(super) fn values(
        &mut self,
        text: &str,
        last: bool,
        take: &mut dyn FnMut(Value<'_>, u64),
    ) -> Result<usize, Broken> {
        let mut rest = text;
        loop {
            let value = rest.trim_start_matches([' ', '\t', '\n', '\r']);
            self.line += newlines(rest.get(..rest.len() - value.len()).unwrap_or_default());
            rest = value;
            if rest.is_empty() {
                return Ok(text.len());
            }
            match next(self.keep, rest) {
                Ok((value, length)) => {
                    take(value, self.line);
                    let (passed, left) = rest.split_at_checked(length).unwrap_or((rest, ""));
                    self.line += newlines(passed);
                    rest = left;
                }
                Err(error) if error.is_eof() && !last => return Ok(text.len() - rest.len()),
                Err(error) => {
                    let (message, further) = told(&error);
                    return Err((message, self.line + further));
                }
            }
        }
    }
}

/// The value that `text` begins with, and its length.
fn next(keep: Keep, text: &str) -> Result<(Value<'_>, usize), serde_json::Error> {
    if keep == Keep::Facts {
        let mut json = Deserializer::from_str(text);
        match Object::<WireBlob<'_>>::deserialize(&mut json) {
            Ok(Object(wire)) => {
                let length = json.into_iter::<IgnoredAny>().byte_offset();
                return Ok((Value::Fields(Box::new(wire), text.get(..length).unwrap_or(text)), length));
            }
            Err(error) if error.is_eof() => return Err(error),
            // A blob of another shape is still a value, and others follow it.
            Err(_) => {}
        }
    }
    let raw = <&RawValue>::deserialize(&mut Deserializer::from_str(text))?;
    Ok((Value::Raw(raw), raw.get().len()))
}

/// What a JSON error says, and how many lines below the beginning of its text.
pub(super) fn told(error: &serde_json::Error) -> (String, u64) {
    let place = format!(" at line {} column {}", error.line(), error.column());
    let message = error.to_string();
    let message = message.strip_suffix(&place).unwrap_or(&message).to_owned();
    (message, (error.line() as u64).saturating_sub(1))
}

pub(super) fn newlines(text: &str) -> u64 {
    memchr_iter(b'\n', text.as_bytes()).count() as u64
}

/// A text as it comes from a reader: the part that is not done with yet.
pub(super) struct Window<'r> {
    reader: io::Take<&'r mut dyn Read>,
    bytes: Vec<u8>,
    size: usize,
}

/// What a window shows.
pub(super) struct View<'w> {
    /// As far as it is text.
    pub(super) text: &'w str,
    /// Whether nothing comes behind it.
    pub(super) last: bool,
    /// Whether what comes behind it is no text.
    pub(super) broken: bool,
}

impl<'r> Window<'r> {
    /// A window over at most `limit` bytes.
    pub(super) fn new(reader: &'r mut dyn Read, limit: u64) -> Self {
        Self::sized(reader, limit, WINDOW)
    }

    /// The same, which holds so many bytes at first.
    pub(super) fn sized(reader: &'r mut dyn Read, limit: u64, size: usize) -> Self {
        Self { reader: reader.take(limit), bytes: Vec::new(), size }
    }

    /// Fills it up and shows what is in it.
    pub(super) fn fill(&mut self) -> io::Result<View<'_>> {
        let room = self.size.saturating_sub(self.bytes.len()) as u64;
        self.bytes.reserve(usize::try_from(room).map_or(WINDOW, |room| room.min(WINDOW)));
        let came = self.reader.by_ref().take(room).read_to_end(&mut self.bytes)?;
        let last = (came as u64) < room;
        Ok(match std::str::from_utf8(&self.bytes) {
            Ok(text) => View { text, last, broken: false },
            Err(error) => {
                let text = self.bytes.get(..error.valid_up_to()).unwrap_or_default();
                let text = std::str::from_utf8(text).unwrap_or_default();
                // Only the end of the window may have cut a character in two.
                let broken = last || error.error_len().is_some();
                View { text, last, broken }
            }
        })
    }

    /// Lets go of the bytes at its beginning.
    pub(super) fn done(&mut self, bytes: usize) {
        self.bytes.drain(..bytes.min(self.bytes.len()));
    }

    /// Makes it larger, for a value that does not fit.
    pub(super) fn grow(&mut self) {
        self.size = self.size.saturating_mul(2);
    }

    /// Makes it so large that it shows all there is.
    pub(super) fn open(&mut self) {
        self.size = usize::MAX;
    }

    /// Whether there is more than the limit.
    pub(super) fn overflows(&mut self) -> io::Result<bool> {
        Ok(self.reader.limit() == 0 && self.reader.get_mut().read(&mut [0])? > 0)
    }
}
