//! A plan carried out: blobs from the source registries, each once, straight to their places in the archive.

pub mod signatures;
mod upstream;

use std::io::{self, Read};

use crate::digest::{ContentMismatch, Digest, Hasher, VerifyingReader};
use crate::event::{Event, Events};
use crate::fault::{AnyFault, Exit, Fault};
use crate::oci::{Descriptor, media};
use crate::reference::RepositoryRef;
use crate::registry::{RegistryError, Target};
use crate::store::StoreError;
use crate::store::part::{PROGRESS_STEP, PartFile};
use crate::workers::{self, Interrupted};

pub use upstream::Upstream;

/// How much is read, hashed and written at a time. Larger chunks fall out of the processor's cache.
const CHUNK: usize = 256 << 10;

/// One blob or manifest to fetch.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// What it is.
    pub descriptor: Descriptor,
    /// What a person calls it.
    pub label: String,
    /// Repositories that should have it, by their original names; the first that does gives it.
    pub sources: Vec<RepositoryRef>,
    /// Where it goes in the archive, in bytes from its start.
    pub offset: u64,
}

/// Why a blob could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No source has it.
    #[error("{digest} ({label}) is gone upstream: {sources} answered that there is no such content")]
    Gone {
        /// What was wanted.
        digest: Digest,
        /// What it is part of.
        label: String,
        /// Where it was looked for.
        sources: String,
    },
    /// A source gave other bytes, twice.
    #[error("`{repository}` gives wrong content for {digest} ({label})")]
    Wrong {
        /// What was wanted.
        digest: Digest,
        /// What it is part of.
        label: String,
        /// Who gave it.
        repository: RepositoryRef,
        /// What came instead.
        #[source]
        source: io::Error,
    },
    /// The plan leaves it another place than it needs.
    #[error("{digest} ({label}) has {found} bytes, and the plan says {planned}")]
    Misplanned {
        /// What was wanted.
        digest: Digest,
        /// What it is part of.
        label: String,
        /// Its size in the plan.
        planned: u64,
        /// Its size.
        found: u64,
    },
}

impl Fault for FetchError {
    fn exit(&self) -> Exit {
        match self {
            Self::Gone { .. } => Exit::Incomplete,
            Self::Wrong { .. } | Self::Misplanned { .. } => Exit::Integrity,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Gone { .. } => "make a new plan: what upstream offers has changed since".to_owned(),
            Self::Wrong { .. } => {
                "a proxy or cache on the way may be damaged: try another mirror in registries.conf".to_owned()
            }
            Self::Misplanned { .. } => "the plan was changed after it was made: make a new one".to_owned(),
        })
    }
}

/// Fetches all that is wanted into the part file. What an earlier run left there is hashed and kept.
pub fn fetch(
    wanted: &[Wanted],
    part: &PartFile,
    upstream: Upstream<'_>,
    jobs: usize,
    events: &dyn Events,
) -> Result<(), AnyFault> {
    // The largest first, so that no long one is left for the end when the other workers have nothing to do.
    let mut order: Vec<&Wanted> = wanted.iter().collect();
    order.sort_by_key(|wanted| std::cmp::Reverse(wanted.descriptor.size));
    workers::for_each(&order, jobs, events, |wanted| {
        let digest = wanted.descriptor.digest;
        let bytes = wanted.descriptor.size;
        events.emit(&Event::Started { digest, label: &wanted.label, bytes });
        let fetch = Fetch { wanted, part, upstream, events };
        let there = if media::MANIFESTS.contains(&wanted.descriptor.media_type.as_str()) {
            fetch.manifest()?
        } else {
            fetch.blob()?
        };
        events.emit(&if there { Event::Skipped { digest, bytes } } else { Event::Finished { digest } });
        Ok(())
    })
}

struct Fetch<'a> {
    wanted: &'a Wanted,
    part: &'a PartFile,
    upstream: Upstream<'a>,
    events: &'a dyn Events,
}

impl Fetch<'_> {
    /// Whether it was there already.
    fn manifest(&self) -> Result<bool, AnyFault> {
        let Descriptor { digest, size, .. } = self.wanted.descriptor;
        let kept = self.part.kept(&digest, self.wanted.offset, size)?;
        if kept.length() == size && kept.finish() == digest {
            return Ok(true);
        }
        for source in &self.wanted.sources {
            if let Some(raw) = self.upstream.manifest(source, &Target::Digest(digest))? {
                // Blobs stop at the size that is planned; a longer manifest would reach into its neighbour's place.
                let found = raw.bytes().len() as u64;
                if found != size {
                    let label = self.wanted.label.clone();
                    return Err(FetchError::Misplanned { digest, label, planned: size, found }.into());
                }
                self.part.write_at(raw.bytes(), self.wanted.offset)?;
                self.part.note(&digest, size)?;
                self.events.emit(&Event::Advanced { digest, bytes: size });
                return Ok(false);
            }
        }
        Err(self.gone().into())
    }

    /// Whether it was there already.
    fn blob(&self) -> Result<bool, AnyFault> {
        let Descriptor { digest, size, .. } = self.wanted.descriptor;
        let mut kept = self.part.kept(&digest, self.wanted.offset, size)?;
        if kept.length() == size {
            if kept.clone().finish() == digest {
                return Ok(true);
            }
            kept = Hasher::default();
        }
        if self.cached()? {
            return Ok(false);
        }
        for source in &self.wanted.sources {
            match self.stream(source, std::mem::take(&mut kept)) {
                // A kept beginning that was damaged shows only at the end, and a cache may give one bad answer: once more, whole.
                Err(Stopped::Wrong(_)) => self.again(source)?,
                Err(Stopped::NotThere) => continue,
                Err(Stopped::Fault(fault)) => return Err(fault),
                Ok(()) => {}
            }
            return Ok(false);
        }
        Err(self.gone().into())
    }

    /// Whether planning downloaded it, so that it only had to be copied.
    fn cached(&self) -> Result<bool, AnyFault> {
        let Descriptor { digest, size, .. } = self.wanted.descriptor;
        let Some(file) = self.upstream.cache.and_then(|cache| cache.find(&digest, size)) else {
            return Ok(false);
        };
        match self.copy(file, Hasher::default(), "the cache") {
            Ok(()) => Ok(true),
            Err(Stopped::Fault(fault)) => Err(fault),
            // It changed since it was hashed: the source has it.
            Err(Stopped::NotThere | Stopped::Wrong(_)) => Ok(false),
        }
    }

    fn again(&self, source: &RepositoryRef) -> Result<(), AnyFault> {
        match self.stream(source, Hasher::default()) {
            Ok(()) => Ok(()),
            Err(Stopped::NotThere) => Err(self.gone().into()),
            Err(Stopped::Wrong(error)) => Err(self.wrong(source, error).into()),
            Err(Stopped::Fault(fault)) => Err(fault),
        }
    }

    fn stream(&self, source: &RepositoryRef, kept: Hasher) -> Result<(), Stopped> {
        let body = match self.upstream.client.blob(source, &self.wanted.descriptor, kept.length()) {
            Err(RegistryError::NotFound { .. }) => return Err(Stopped::NotThere),
            body => body.map_err(|error| Stopped::Fault(error.into()))?,
        };
        self.copy(body, kept, &format!("GET {source}@{}", self.wanted.descriptor.digest))
    }

    /// Copies what follows on `kept` to its place. `origin` says in an error where it came from.
    fn copy(&self, body: impl Read, kept: Hasher, origin: &str) -> Result<(), Stopped> {
        let Descriptor { digest, size, .. } = self.wanted.descriptor;
        let mut at = kept.length();
        self.events.emit(&Event::Advanced { digest, bytes: at });
        let mut reader = VerifyingReader::resume(body, kept, digest, size);
        let mut buffer = vec![0; usize::try_from(size).map_or(CHUNK, |size| size.clamp(1, CHUNK))];
        let mut noted = at;
        loop {
            let count = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error)
                    if error
                        .get_ref()
                        .is_some_and(<dyn std::error::Error + Send + Sync>::is::<ContentMismatch>) =>
                {
                    return Err(Stopped::Wrong(error));
                }
                Err(error) => {
                    return Err(Stopped::Fault(RegistryError::from_io(error, origin).into()));
                }
            };
            let fault = |error: StoreError| Stopped::Fault(error.into());
            self.part
                .write_at(buffer.get(..count).unwrap_or_default(), self.wanted.offset + at)
                .map_err(fault)?;
            at += count as u64;
            self.events.emit(&Event::Advanced { digest, bytes: count as u64 });
            if at - noted >= PROGRESS_STEP || at == size {
                self.part.note(&digest, at).map_err(fault)?;
                noted = at;
            }
            if self.events.interrupted() {
                self.part.note(&digest, at).map_err(fault)?;
                return Err(Stopped::Fault(Interrupted.into()));
            }
        }
        if size == 0 {
            self.part.note(&digest, 0).map_err(|error| Stopped::Fault(error.into()))?;
        }
        Ok(())
    }

    fn gone(&self) -> FetchError {
        let sources: Vec<String> = self.wanted.sources.iter().map(|source| format!("`{source}`")).collect();
        FetchError::Gone {
            digest: self.wanted.descriptor.digest,
            label: self.wanted.label.clone(),
            sources: sources.join(", "),
        }
    }

    fn wrong(&self, repository: &RepositoryRef, source: io::Error) -> FetchError {
        FetchError::Wrong {
            digest: self.wanted.descriptor.digest,
            label: self.wanted.label.clone(),
            repository: repository.clone(),
            source,
        }
    }
}

enum Stopped {
    NotThere,
    Wrong(io::Error),
    Fault(AnyFault),
}
