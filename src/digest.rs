//! The digest of a blob, parsed once, and readers and writers that hash what passes through them.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// The SHA-256 of some bytes, written `sha256:` and 64 lower-case hexadecimal digits.
///
/// OCI allows other algorithms; registries in this field use SHA-256 only, so anything else is refused by name
/// (image-spec `descriptor.md`, "Digests").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// Why a text is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a digest: it must be `sha256:` and 64 lower-case hexadecimal digits")]
pub struct InvalidDigest {
    text: String,
}

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The 64 hexadecimal digits, without the algorithm.
    pub fn hex(&self) -> String {
        const DIGITS: [char; 16] =
            ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
        let mut text = String::with_capacity(64);
        for byte in &self.0 {
            text.push(DIGITS[usize::from(byte >> 4)]);
            text.push(DIGITS[usize::from(byte & 15)]);
        }
        text
    }

    /// The first twelve hexadecimal digits: enough to tell things apart on a screen, never to decide.
    pub fn short(&self) -> String {
        self.hex()[..12].to_owned()
    }

    /// The 32 bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Takes the 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Parses 64 lower-case hexadecimal digits.
    pub fn from_hex(hex: &str) -> Result<Self, InvalidDigest> {
        let invalid = || InvalidDigest { text: hex.chars().take(80).collect() };
        let digits = hex.as_bytes();
        if digits.len() != 64 {
            return Err(invalid());
        }
        let value = |digit: u8| match digit {
            b'0'..=b'9' => Ok(digit - b'0'),
            b'a'..=b'f' => Ok(digit - b'a' + 10),
            _ => Err(invalid()),
        };
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = value(pair[0])? << 4 | value(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let whole = || InvalidDigest { text: text.chars().take(80).collect() };
        let hex = text.strip_prefix("sha256:").ok_or_else(whole)?;
        Self::from_hex(hex).map_err(|_| whole())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        f.write_str(&self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Digest {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Digest".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"})
    }
}

/// Hashes bytes as they come.
#[derive(Clone, Default)]
pub struct Hasher {
    state: Sha256,
    length: u64,
}

impl Hasher {
    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.state.update(bytes);
        self.length += bytes.len() as u64;
    }

    /// How many bytes were taken in.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The digest of all that was taken in.
    pub fn finish(self) -> Digest {
        Digest(self.state.finalize().into())
    }
}

/// What a stream turned out to be, when it should have been something else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentMismatch {
    /// It had another digest.
    #[error("content has digest {found}, expected {expected}")]
    Digest {
        /// The digest that was asked for.
        expected: Digest,
        /// The digest of the bytes that came.
        found: Digest,
    },
    /// It ended early.
    #[error("content ended after {found} of {expected} bytes")]
    Short {
        /// Bytes that were announced.
        expected: u64,
        /// Bytes that came.
        found: u64,
    },
    /// It went on after its announced end.
    #[error("content is longer than the {expected} bytes that were announced")]
    Long {
        /// Bytes that were announced.
        expected: u64,
    },
}

/// Hands out exactly the bytes of one blob: never more than its size, and the last of them only when the digest is
/// right.
///
/// A mismatch surfaces as an [`io::Error`] of kind `InvalidData` whose source is a [`ContentMismatch`], at the read
/// that would have returned end of file.
pub struct VerifyingReader<R> {
    inner: R,
    hasher: Hasher,
    size: u64,
    digest: Digest,
    done: bool,
}

impl<R: Read> VerifyingReader<R> {
    /// Reads `inner`, which must hold exactly `size` bytes with this digest.
    pub fn new(inner: R, digest: Digest, size: u64) -> Self {
        Self { inner, hasher: Hasher::default(), size, digest, done: false }
    }

    /// Goes on where `hasher` stopped: the bytes that it took in are not read again.
    pub fn resume(inner: R, hasher: Hasher, digest: Digest, size: u64) -> Self {
        Self { inner, hasher, size, digest, done: false }
    }

    fn check_end(&mut self) -> io::Result<()> {
        let mut probe = [0; 1];
        loop {
            match self.inner.read(&mut probe) {
                Ok(0) => break,
                Ok(_) => return Err(mismatch(ContentMismatch::Long { expected: self.size })),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let found = std::mem::take(&mut self.hasher).finish();
        if found == self.digest {
            self.done = true;
            Ok(())
        } else {
            Err(mismatch(ContentMismatch::Digest { expected: self.digest, found }))
        }
    }
}

impl<R: Read> Read for VerifyingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.done || buffer.is_empty() {
            return Ok(0);
        }
        let left = self.size - self.hasher.length();
        if left == 0 {
            return self.check_end().map(|()| 0);
        }
        let room = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let count = self.inner.read(&mut buffer[..room])?;
        if count == 0 {
            let (expected, found) = (self.size, self.hasher.length());
            return Err(mismatch(ContentMismatch::Short { expected, found }));
        }
        self.hasher.update(&buffer[..count]);
        if self.hasher.length() == self.size {
            // Judge before the last bytes leave: a caller that counts bytes and never reads to the end is safe too.
            self.check_end()?;
        }
        Ok(count)
    }
}

fn mismatch(why: ContentMismatch) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn parses_exactly_one_spelling() {
        assert_eq!(EMPTY.parse::<Digest>().unwrap(), Digest::of(b""));
        assert_eq!(Digest::of(b"").to_string(), EMPTY);
        for wrong in [
            "",
            "sha256:",
            &EMPTY[..70],
            &format!("{EMPTY}0"),
            &EMPTY.to_uppercase(),
            &EMPTY.replace("sha256", "sha1"),
            &format!("sha256:{EMPTY}"),
            &EMPTY.replace("e3b0", "../."),
            &EMPTY.replace("e3b0", "%2e0"),
            &EMPTY.replace('e', "\u{ff45}"),
            &format!("{EMPTY}\n"),
            &EMPTY.replace("e3b0", "e3b\0"),
        ] {
            assert!(wrong.parse::<Digest>().is_err(), "{wrong:?} was taken");
        }
    }

    #[test]
    fn a_reader_judges_length_and_content() {
        let read = |bytes: &[u8], size, digest| {
            let mut out = Vec::new();
            VerifyingReader::new(bytes, digest, size).read_to_end(&mut out).map(|_| out)
        };
        let digest = Digest::of(b"hello");
        assert_eq!(read(b"hello", 5, digest).unwrap(), b"hello");
        assert_eq!(read(b"", 0, Digest::of(b"")).unwrap(), b"");
        for (bytes, size) in [(&b"hellO"[..], 5), (b"hell", 5), (b"hello!", 5), (b"hello", 6), (b"hello", 4)]
        {
            assert_eq!(
                read(bytes, size, digest).unwrap_err().kind(),
                io::ErrorKind::InvalidData,
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn the_last_byte_is_held_back_until_the_digest_is_right() {
        let mut reader = VerifyingReader::new(&b"hellO"[..], Digest::of(b"hello"), 5);
        let mut buffer = [0; 5];
        assert!(reader.read_exact(&mut buffer).is_err());
    }
}
