//! A layer as it is written: the same files give the same bytes, whoever writes them and when.

use std::io::{self, Write};
use std::sync::Arc;

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

use crate::digest::{Digest, Hasher};

/// Level of the gzip stream: part of the reproducibility, since another level gives another digest.
const LEVEL: u32 = 6;

/// Who may do what with a file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes {
    /// The permission bits, for instance `0o755`.
    pub mode: u32,
    /// The owner.
    pub uid: u64,
    /// The group.
    pub gid: u64,
}

/// A layer that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedLayer {
    /// The gzip stream.
    pub bytes: Arc<[u8]>,
    /// Its digest.
    pub digest: Digest,
    /// Digest of the tar stream in it, as image configs list it.
    pub diff_id: Digest,
}

/// A layer under way: a tar stream in a gzip stream, of the time 0.
///
/// Writing into memory does not fail; an error is a name that a tar header has no form for.
pub struct LayerTar(Builder<Hashing<GzEncoder<Vec<u8>>>>);

impl LayerTar {
    /// An empty layer.
    pub fn new() -> Self {
        let gzip = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::new(LEVEL));
        Self(Builder::new(Hashing { inner: gzip, hasher: Hasher::default() }))
    }

    /// Adds a directory. The path has no slash at either end.
    pub fn folder(&mut self, path: &str, attributes: Attributes) -> io::Result<()> {
        self.add(&format!("{path}/"), EntryType::Directory, attributes, &[])
    }

    /// Adds a file.
    pub fn file(&mut self, path: &str, attributes: Attributes, content: &[u8]) -> io::Result<()> {
        self.add(path, EntryType::Regular, attributes, content)
    }

    fn add(&mut self, path: &str, kind: EntryType, attributes: Attributes, content: &[u8]) -> io::Result<()> {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(attributes.mode);
        header.set_uid(attributes.uid);
        header.set_gid(attributes.gid);
        header.set_mtime(0);
        header.set_size(content.len() as u64);
        self.0.append_data(&mut header, path, content)
    }

    /// Ends the stream.
    pub fn finish(self) -> io::Result<PackedLayer> {
        let Hashing { inner, hasher } = self.0.into_inner()?;
        let bytes: Arc<[u8]> = inner.finish()?.into();
        Ok(PackedLayer { digest: Digest::of(&bytes), bytes, diff_id: hasher.finish() })
    }
}

impl Default for LayerTar {
    fn default() -> Self {
        Self::new()
    }
}

/// Hashes what passes.
struct Hashing<W> {
    inner: W,
    hasher: Hasher,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write_all(bytes)?;
        self.hasher.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
