//! From a file that nobody vouches for to an archive of which every byte is.

use std::ops::Deref;
use std::sync::Arc;

use crate::archive::{ArchiveError, Entry, EntryPath, Front, Inventory, ReadAt, Region, Span};
use crate::digest::{Digest, VerifyingReader};
use crate::finding::Finding;
use crate::limits::Limits;
use crate::trust::{KeyId, Signature, TrustError, TrustSet};
use crate::verify::check::{read, unreadable};
use crate::verify::{Check, Passed, Policy, Reason, Refusal, Refused};

/// An archive whose inventory is believed: signed by enough trusted keys, for this site, not too old, of the right
/// size. Its entries were not looked at, but each can be read, and is hashed while it is.
pub struct Opened {
    source: Arc<dyn ReadAt>,
    inventory: Inventory,
    signers: Vec<KeyId>,
    signatures: Vec<Signature>,
    notes: Vec<Finding>,
    limits: Limits,
}

/// Believes an archive's inventory, or says everything that speaks against it.
///
/// The order is that of `design`: frame, signatures and threshold over the exact bytes; only then the inventory is parsed,
/// strictly; then target and channel, floor, time, and the size of the file.
pub fn open(
    source: Arc<dyn ReadAt>,
    trust: &TrustSet,
    policy: &Policy,
    limits: &Limits,
) -> Result<Opened, Refused> {
    let front = Front::read(&*source, limits).map_err(Refusal::from)?;
    let signatures = [front.signatures.as_slice(), &policy.cosignatures].concat();
    let believed = trust.verify(front.inventory, &signatures).map_err(distrusted)?;
    let inventory = Inventory::parse(&believed, limits)
        .map_err(|error| Refusal::new("inventory.json", INVENTORY_AT, error))?;
    let mut refused = Vec::new();
    let mut notes = Vec::new();
    if !front.signatures.iter().map(Signature::key).eq(inventory.signers.iter().copied()) {
        let offset = inventory.members().nth(2).map_or(0, |member| member.span.header);
        refused.push(Refusal::new("sig", offset, ArchiveError::Signers));
    }
    policy.judge(&inventory, &mut refused, &mut notes);
    let (expected, found) = (inventory.total_size, source.len());
    if expected != found {
        let offset = expected.min(found);
        let entry = if found < expected { inventory.member_at(offset) } else { "the end mark".into() };
        refused.push(Refusal::new(entry, offset, ArchiveError::TotalSize { expected, found }));
    }
    if let Some(refused) = Refused::by(refused) {
        return Err(refused);
    }
    let signers = believed.signers().to_vec();
    Ok(Opened { source, inventory, signers, signatures, notes, limits: limits.clone() })
}

/// Where every archive's inventory begins: after the first member and its own header.
const INVENTORY_AT: u64 = 3 * crate::archive::BLOCK;

fn distrusted(error: TrustError) -> Refusal {
    let entry = match &error {
        TrustError::BadSignature(key) | TrustError::DuplicateSignature(key) => format!("sig/{key}.sig"),
        _ => "sig".to_owned(),
    };
    Refusal::new(entry, INVENTORY_AT, error)
}

impl Opened {
    /// All that was signed, and where everything stands.
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// The trusted keys that signed it, in order.
    pub fn signers(&self) -> &[KeyId] {
        &self.signers
    }

    /// Every signature that it carries, and those beside it; which of them count is told by [`Opened::signers`].
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// What did not speak against it and should be known.
    pub fn notes(&self) -> &[Finding] {
        &self.notes
    }

    /// The work of looking at every byte that is left, as pieces that can be done in any order and by any thread.
    pub fn checks(&self) -> Vec<Check<'_>> {
        let entries = (0..self.inventory.entries.len()).map(Some);
        entries.chain([None]).filter_map(|index| Check::new(&*self.source, &self.inventory, index)).collect()
    }

    /// Takes the proofs of [`Opened::checks`]. Each is needed.
    pub fn conclude(self, passed: Vec<Passed>) -> Result<VerifiedArchive, Refused> {
        let mut done = vec![false; self.inventory.entries.len().saturating_add(1)];
        let archive = self.inventory.digest();
        for proof in passed.into_iter().filter(|proof| proof.archive() == archive) {
            if let Some(done) = done.get_mut(proof.index().unwrap_or(self.inventory.entries.len())) {
                *done = true;
            }
        }
        let missing = done.iter().enumerate().filter(|(_, done)| !**done);
        let refused = missing.map(|(index, _)| {
            let (entry, offset) = match self.inventory.nth(index) {
                Some((entry, span)) => (entry.path.to_string(), span.header),
                None => ("the end mark".to_owned(), self.inventory.end_mark()),
            };
            Refusal::new(entry, offset, Reason::Unchecked)
        });
        match Refused::by(refused.collect()) {
            Some(refused) => Err(refused),
            None => Ok(VerifiedArchive { opened: self }),
        }
    }

    /// Reads a document below `meta/`. It is what was signed, or the read fails.
    pub fn read_meta(&self, path: &EntryPath) -> Result<Vec<u8>, Refusal> {
        self.read_whole(path, self.limits.meta_bytes)
    }

    /// Reads a manifest or config of `limit` bytes at most. It is what was signed, or the read fails.
    pub fn read_blob(&self, digest: &Digest, limit: u64) -> Result<Vec<u8>, Refusal> {
        self.read_whole(&EntryPath::Blob(*digest), limit)
    }

    fn read_whole(&self, path: &EntryPath, limit: u64) -> Result<Vec<u8>, Refusal> {
        let (entry, span) = self.find(path)?;
        if span.size > limit {
            let error = ArchiveError::Limit { what: "bytes", found: span.size, limit };
            return Err(Refusal::new(path.to_string(), span.data, error));
        }
        let mut bytes = vec![0; usize::try_from(span.size).unwrap_or(usize::MAX)];
        read(&*self.source, &mut bytes, span.data).map_err(|e| unreadable(path.to_string(), span.data, e))?;
        let found = Digest::of(&bytes);
        if found == entry.digest {
            Ok(bytes)
        } else {
            let reason = Reason::Content { expected: entry.digest, found };
            Err(Refusal::new(path.to_string(), span.data, reason))
        }
    }

    fn find(&self, path: &EntryPath) -> Result<(&Entry, Span), Refusal> {
        self.inventory.entry(path).ok_or_else(|| Refusal::new(path.to_string(), 0, Reason::NoSuchEntry))
    }

    /// The bytes of a manifest, config or layer as they lie there, for those who hash them themselves.
    pub fn blob_region(&self, digest: &Digest) -> Result<Region, Refusal> {
        let (_, span) = self.find(&EntryPath::Blob(*digest))?;
        Ok(Region::new(Arc::clone(&self.source), span.data, span.size))
    }

    /// Reads a manifest, config or layer as a stream. It fails before it gives its last bytes if they are not what was
    /// signed.
    pub fn blob_reader(&self, digest: &Digest) -> Result<VerifyingReader<Region>, Refusal> {
        let (entry, _) = self.find(&EntryPath::Blob(*digest))?;
        Ok(VerifyingReader::new(self.blob_region(digest)?, entry.digest, entry.size))
    }
}

/// An archive of which every byte was found to be what was signed. Only [`Opened::conclude`] makes one.
pub struct VerifiedArchive {
    opened: Opened,
}

impl Deref for VerifiedArchive {
    type Target = Opened;

    fn deref(&self) -> &Opened {
        &self.opened
    }
}
