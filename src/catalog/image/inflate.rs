//! Unpacks gzip, zstd or nothing, and counts: plain bytes and their ratio to the packed ones are capped while reading.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

use crate::limits::Limits;

/// Plain bytes that are let through before the ratio counts: small layers of zeros are no bomb.
const RATIO_FREE: u64 = 16 << 20;

/// Largest zstd window, as a power of two: 32 MiB, what the strongest level of the encoders in this field asks for.
const ZSTD_WINDOW: u32 = 25;

type Source<R> = BufReader<Counted<io::Chain<Cursor<Vec<u8>>, R>>>;

/// A reader of the plain bytes.
pub(super) struct Inflate<'w, R: Read> {
    codec: Codec<R>,
    /// Sees every plain byte.
    watch: &'w mut dyn FnMut(&[u8]),
    plain: u64,
    plain_limit: u64,
    ratio_limit: u64,
    /// The ceiling that was hit: what there was too much of, and how much there may be.
    hit: Option<(&'static str, u64)>,
}

enum Codec<R: Read> {
    Plain(Source<R>),
    Gzip(Box<MultiGzDecoder<Source<R>>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, Source<R>>>),
}

struct Counted<R> {
    inner: R,
    count: u64,
    /// Whether the source itself failed, and not what unpacks it.
    failed: bool,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = self.inner.read(buffer);
        match &result {
            Ok(count) => self.count += *count as u64,
            Err(error) => self.failed |= error.kind() != io::ErrorKind::Interrupted,
        }
        result
    }
}

/// Why nothing can be unpacked.
pub(super) enum Unpackable {
    /// The first bytes did not come.
    Io(io::Error),
    /// A compression that is not known here.
    Packing(&'static str),
}

impl<'w, R: Read> Inflate<'w, R> {
    /// Looks at the first bytes to see how they are packed; the engines of this field do the same and trust no media
    /// type (containers/image `pkg/compression`).
    pub(super) fn new(
        mut reader: R,
        limits: &Limits,
        watch: &'w mut dyn FnMut(&[u8]),
    ) -> Result<Self, Unpackable> {
        let mut head = Vec::with_capacity(6);
        reader.by_ref().take(6).read_to_end(&mut head).map_err(Unpackable::Io)?;
        let codec = match head.as_slice() {
            [0x1f, 0x8b, ..] => Packed::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Packed::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0] => return Err(Unpackable::Packing("xz")),
            [b'B', b'Z', b'h', ..] => return Err(Unpackable::Packing("bzip2")),
            _ => Packed::No,
        };
        let source = BufReader::with_capacity(
            64 << 10,
            Counted { inner: Cursor::new(head).chain(reader), count: 0, failed: false },
        );
        let codec = match codec {
            Packed::No => Codec::Plain(source),
            Packed::Gzip => Codec::Gzip(Box::new(MultiGzDecoder::new(source))),
            Packed::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(source).map_err(Unpackable::Io)?;
                decoder.window_log_max(ZSTD_WINDOW).map_err(Unpackable::Io)?;
                Codec::Zstd(Box::new(decoder))
            }
        };
        let (plain_limit, ratio_limit) = (limits.layer_plain_bytes, limits.layer_ratio);
        Ok(Self { codec, watch, plain: 0, plain_limit, ratio_limit, hit: None })
    }

    /// The ceiling that stopped the reading, if one did.
    pub(super) fn hit(&self) -> Option<(&'static str, u64)> {
        self.hit
    }

    /// Reads what is left, and checks that the packed stream ends there too.
    pub(super) fn drain(&mut self) -> io::Result<()> {
        let mut buffer = vec![0; 64 << 10];
        while self.read(&mut buffer)? > 0 {}
        // The decoder may stop before its source does; what checks the source's digest must see its end.
        if self.source().fill_buf()?.is_empty() {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, "the packed stream goes on after its end"))
    }

    /// Why unpacking stopped. If the source is not what it was said to be, that is the reason, and the rest of it is read to find
    /// out; at most `size` bytes in all. Gives whether the source is to blame.
    pub(super) fn blame(&mut self, error: io::Error, size: u64) -> (io::Error, bool) {
        if self.counted().failed {
            return (error, true);
        }
        let mut rest = vec![0; 64 << 10];
        while self.counted().count < size {
            match self.source().get_mut().read(&mut rest) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return (error, true),
            }
        }
        (error, false)
    }

    fn source(&mut self) -> &mut Source<R> {
        match &mut self.codec {
            Codec::Plain(source) => source,
            Codec::Gzip(decoder) => decoder.get_mut(),
            Codec::Zstd(decoder) => decoder.get_mut(),
        }
    }

    fn counted(&self) -> &Counted<io::Chain<Cursor<Vec<u8>>, R>> {
        match &self.codec {
            Codec::Plain(source) => source.get_ref(),
            Codec::Gzip(decoder) => decoder.get_ref().get_ref(),
            Codec::Zstd(decoder) => decoder.get_ref().get_ref(),
        }
    }

    /// How many plain bytes came.
    pub(super) fn plain_bytes(&self) -> u64 {
        self.plain
    }
}

enum Packed {
    No,
    Gzip,
    Zstd,
}

impl<R: Read> Read for Inflate<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.codec {
            Codec::Plain(source) => source.read(buffer)?,
            Codec::Gzip(decoder) => decoder.read(buffer)?,
            Codec::Zstd(decoder) => decoder.read(buffer)?,
        };
        (self.watch)(buffer.get(..count).unwrap_or_default());
        self.plain += count as u64;
        if self.plain > self.plain_limit {
            self.hit = Some(("plain bytes", self.plain_limit));
        } else if self.plain
            > RATIO_FREE.saturating_add(self.counted().count.saturating_mul(self.ratio_limit))
        {
            self.hit = Some(("plain bytes for each packed one", self.ratio_limit));
        }
        match self.hit {
            Some(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "too much in too little")),
            None => Ok(count),
        }
    }
}
