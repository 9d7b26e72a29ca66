//! Where everything stands: offsets follow from names and sizes alone.

use std::borrow::Cow;

use crate::archive::{ArchiveError, Entry};
use crate::trust::{KeyId, Signature};

/// Bytes of a tar block.
pub const BLOCK: u64 = 512;

/// What the first member holds.
pub const MAGIC: &[u8] = b"ombundle/1\n";

/// Bytes of the end mark: two blocks of zeros.
pub const TRAILER: u64 = 2 * BLOCK;

/// The largest number that every JSON reader keeps (2⁵³ − 1).
pub(super) const MAX_NUMBER: u64 = (1 << 53) - 1;

/// Where one member stands, in bytes from the start of the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its header.
    pub header: u64,
    /// Its content.
    pub data: u64,
    /// How much content there is.
    pub size: u64,
    /// The next member's header, or the end mark.
    pub end: u64,
}

impl Span {
    /// The member of this size whose header is at `header`.
    pub(super) fn at(header: u64, size: u64) -> Result<Self, ArchiveError> {
        let spans = || {
            let data = header.checked_add(BLOCK)?;
            let end = data.checked_add(size)?.checked_next_multiple_of(BLOCK)?;
            (end <= MAX_NUMBER).then_some(Self { header, data, size, end })
        };
        spans().ok_or(ArchiveError::Limit { what: "bytes", found: u64::MAX, limit: MAX_NUMBER })
    }

    /// How many zeros follow the content.
    pub fn padding(&self) -> u64 {
        self.end.saturating_sub(self.data).saturating_sub(self.size)
    }
}

/// One member with its place.
#[derive(Debug, Clone)]
pub struct Member<'a> {
    /// Its path.
    pub path: Cow<'static, str>,
    /// Where it stands.
    pub span: Span,
    /// What the inventory says about it; nothing for what stands before the listed entries.
    pub entry: Option<&'a Entry>,
}

/// The path of the inventory.
pub(super) const INVENTORY: &str = "inventory.json";

/// The path of the first member.
pub(super) const OMBUNDLE: &str = "ombundle";

/// The path of a signature.
pub(super) fn signature_path(key: KeyId) -> String {
    format!("sig/{key}.sig")
}

/// Where the members before the listed entries stand: magic, inventory, signatures.
pub(super) fn front(inventory: u64, signatures: usize) -> Result<Vec<Span>, ArchiveError> {
    let sizes = [MAGIC.len() as u64, inventory]
        .into_iter()
        .chain(std::iter::repeat_n(Signature::SIZE as u64, signatures));
    row(0, sizes)
}

/// Where members of these sizes stand, when the first one's header is at `start`.
pub(super) fn row(start: u64, sizes: impl Iterator<Item = u64>) -> Result<Vec<Span>, ArchiveError> {
    let mut at = start;
    sizes
        .map(|size| {
            let span = Span::at(at, size)?;
            at = span.end;
            Ok(span)
        })
        .collect()
}
