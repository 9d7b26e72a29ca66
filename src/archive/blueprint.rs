//! The writer: all of an archive but its blobs and signatures, each piece with its offset.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use crate::archive::inventory::front_content;
use crate::archive::{ArchiveError, Entry, EntryPath, Inventory, MetaName, Span, TRAILER, derived, header};
use crate::digest::{Digest, VerifyingReader};
use crate::trust::{KeyId, Signature};

/// An archive whose every offset is known, and of which only blobs and signatures are open.
#[derive(Debug, Clone)]
pub struct Blueprint {
    inventory: Inventory,
    meta: BTreeMap<MetaName, Vec<u8>>,
}

/// A stretch of an archive. In their order they are the whole archive.
#[derive(Debug, Clone, Copy)]
pub enum Piece<'a> {
    /// Bytes that are known already: headers, padding, our own documents, the end mark.
    Known {
        /// Where they stand.
        offset: u64,
        /// What they are.
        bytes: &'a [u8],
    },
    /// The 64 bytes of a signature.
    Signature {
        /// Where they stand.
        offset: u64,
        /// Whose signature.
        key: KeyId,
    },
    /// The content of a manifest, config or layer.
    Blob {
        /// Where it stands.
        span: Span,
        /// What it is.
        entry: &'a Entry,
    },
}

/// Known bytes are gathered up to this size before they are handed out.
const GATHER: usize = 64 << 10;

impl Blueprint {
    pub(super) fn new(inventory: Inventory, meta: BTreeMap<MetaName, Vec<u8>>) -> Self {
        Self { inventory, meta }
    }

    /// What is to be signed: `key.sign(blueprint.inventory().raw())`.
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// Hands out every piece, in order, without holding more than one.
    pub fn pieces<E>(&self, mut take: impl FnMut(Piece<'_>) -> Result<(), E>) -> Result<(), E> {
        let mut known = Vec::new();
        let mut start = 0;
        for (index, member) in self.inventory.members().enumerate() {
            let span = member.span;
            known.extend_from_slice(&header(&member.path, span.size));
            let hole = match self.content(index, member.entry) {
                Some(bytes) if known.len().saturating_add(bytes.len()) <= GATHER => {
                    known.extend_from_slice(&bytes);
                    None
                }
                Some(bytes) => Some(Ok(bytes)),
                None => Some(Err(())),
            };
            if let Some(hole) = hole {
                take(Piece::Known { offset: start, bytes: &known })?;
                known.clear();
                start = span.data.saturating_add(span.size);
                match (hole, member.entry) {
                    (Ok(bytes), _) => take(Piece::Known { offset: span.data, bytes: &bytes })?,
                    (Err(()), Some(entry)) => take(Piece::Blob { span, entry })?,
                    (Err(()), None) => {
                        let signer =
                            index.checked_sub(2).and_then(|signer| self.inventory.signers.get(signer));
                        if let Some(key) = signer {
                            take(Piece::Signature { offset: span.data, key: *key })?;
                        }
                    }
                }
            }
            known.extend(zeros(span.padding()));
        }
        known.extend(zeros(TRAILER));
        take(Piece::Known { offset: start, bytes: &known })
    }

    /// What a member holds, if that is known.
    fn content(&self, index: usize, entry: Option<&Entry>) -> Option<std::borrow::Cow<'_, [u8]>> {
        let Some(entry) = entry else { return front_content(&self.inventory, index).map(Into::into) };
        let carried = |digest: &Digest| self.inventory.blob(digest).is_some();
        match &entry.path {
            EntryPath::Sums => Some(derived::sums(&self.inventory.entries).into_bytes().into()),
            EntryPath::Layout => Some(crate::oci::LAYOUT.into()),
            EntryPath::Index => Some(derived::index(&self.inventory.roots, carried).into_bytes().into()),
            EntryPath::Meta(name) => self.meta.get(name).map(|bytes| bytes.as_slice().into()),
            EntryPath::Blob(_) => None,
        }
    }

    /// Where each signature goes, with its bytes. Fails unless exactly the listed signers signed.
    pub fn place(&self, signatures: &[Signature]) -> Result<Vec<(u64, [u8; Signature::SIZE])>, ArchiveError> {
        let by_key: BTreeMap<KeyId, &Signature> = signatures.iter().map(|s| (s.key(), s)).collect();
        if by_key.len() != signatures.len() || !by_key.keys().eq(&self.inventory.signers) {
            return Err(ArchiveError::SignerMismatch { expected: self.inventory.signers.clone() });
        }
        let spans = self.inventory.members().skip(2).map(|member| member.span.data);
        Ok(spans.zip(by_key.values()).map(|(offset, signature)| (offset, *signature.bytes())).collect())
    }

    /// Writes the whole archive from front to back. `open` gives a blob's content; it is hashed on its way.
    pub fn write<R: Read>(
        &self,
        signatures: &[Signature],
        mut open: impl FnMut(&Digest) -> std::io::Result<R>,
        out: &mut impl Write,
    ) -> Result<(), ArchiveError> {
        let placed: BTreeMap<u64, _> = self.place(signatures)?.into_iter().collect();
        self.pieces(|piece| match piece {
            Piece::Known { bytes, .. } => out.write_all(bytes).map_err(ArchiveError::Write),
            Piece::Signature { offset, .. } => {
                placed.get(&offset).map_or(Ok(()), |bytes| out.write_all(bytes)).map_err(ArchiveError::Write)
            }
            Piece::Blob { entry, .. } => {
                let unread = |source| ArchiveError::Blob { digest: entry.digest, source };
                let mut content =
                    VerifyingReader::new(open(&entry.digest).map_err(unread)?, entry.digest, entry.size);
                copy(&mut content, out, unread)
            }
        })
    }
}

/// Copies to the end, and tells a read that failed from a write that failed.
fn copy(
    from: &mut impl Read,
    to: &mut impl Write,
    unread: impl Fn(std::io::Error) -> ArchiveError,
) -> Result<(), ArchiveError> {
    let mut buffer = vec![0; GATHER];
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(unread(error)),
        };
        to.write_all(buffer.get(..count).unwrap_or_default()).map_err(ArchiveError::Write)?;
    }
}

fn zeros(count: u64) -> impl Iterator<Item = u8> {
    std::iter::repeat_n(0, usize::try_from(count).unwrap_or(0))
}
