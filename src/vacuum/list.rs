//! Every repository of a registry, every tag, and every manifest that a tag leads to.

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::Digest;
use crate::event::{Event, Events, Phase};
use crate::fault::{AnyFault, Exit, Fault};
use crate::limits::Limits;
use crate::oci::{OciError, RawManifest};
use crate::reference::{RegistryHost, Repository, RepositoryRef, Tag};
use crate::registry::{Client, RegistryError, Target};
use crate::retain::{Listing, Seen, SeenRepository};
use crate::workers;

/// A registry cannot be listed, so nothing can be said of what it holds.
#[derive(Debug, thiserror::Error)]
#[error("{registry} does not say which repositories it has")]
pub struct Unlisted {
    registry: RegistryHost,
    #[source]
    source: RegistryError,
}

impl Fault for Unlisted {
    fn exit(&self) -> Exit {
        self.source.exit()
    }

    fn hint(&self) -> Option<String> {
        let hint = self.source.hint();
        hint.or_else(|| Some("let this account list the registry (`GET /v2/_catalog`)".to_owned()))
    }
}

/// Lists a registry.
pub struct Lister<'a> {
    /// The registry.
    pub host: &'a RegistryHost,
    /// Asks it.
    pub client: &'a Client,
    /// Requests at once.
    pub jobs: usize,
    /// Told what happens.
    pub events: &'a dyn Events,
    /// Ceilings.
    pub limits: &'a Limits,
}

/// What a tag leads to.
enum Led {
    To(RawManifest),
    /// Nothing, or something that is no image: it is left alone.
    Nowhere,
}

impl Lister<'_> {
    /// Lists everything: one request for each tag, and one for each manifest below an index that has no tag of its own. `ours`
    /// says which repositories are the site's; of these an answer that cannot be read is an error, since what it refers to
    /// would look unneeded.
    pub fn list(&self, ours: impl Fn(&Repository) -> bool + Sync) -> Result<Listing, AnyFault> {
        let unlisted = |source| Unlisted { registry: self.host.clone(), source };
        let names = self.client.catalog(self.host).map_err(unlisted)?;
        let tags = workers::map(&names, self.jobs, self.events, |name| {
            let tags = self.client.tags(&self.at(name)).map_err(AnyFault::from);
            if ours(name) { tags } else { Ok(self.closed(name, tags)?.unwrap_or_default()) }
        })?;
        let tagged: Vec<(&Repository, Tag)> = names
            .iter()
            .zip(tags)
            .flat_map(|(name, tags)| tags.into_iter().map(move |tag| (name, tag)))
            .collect();
        self.events.emit(&Event::Begin { phase: Phase::List, items: tagged.len() as u64, bytes: 0 });
        let led = workers::map(&tagged, self.jobs, self.events, |(name, tag)| {
            let led = self.follow(name, tag);
            if ours(name) { led } else { Ok(self.closed(name, led)?.unwrap_or(Led::Nowhere)) }
        })?;
        let empty = |name: &Repository| SeenRepository { ours: ours(name), ..SeenRepository::default() };
        let mut repositories: BTreeMap<Repository, SeenRepository> =
            names.iter().map(|name| (name.clone(), empty(name))).collect();
        for ((name, tag), led) in tagged.into_iter().zip(led) {
            let Some(repository) = repositories.get_mut(name) else { continue };
            match led {
                Led::To(raw) => {
                    let seen = Seen::of(&raw, self.limits).map_err(AnyFault::from);
                    let seen = if repository.ours { Some(seen?) } else { self.closed(name, seen)? };
                    repository.tags.insert(tag, raw.digest());
                    repository.manifests.extend(seen.map(|seen| (raw.digest(), seen)));
                }
                Led::Nowhere => {
                    repository.dangling.insert(tag);
                }
            }
        }
        self.below(&mut repositories)?;
        self.events.emit(&Event::End { phase: Phase::List });
        Ok(Listing { host: self.host.clone(), repositories })
    }

    fn at(&self, name: &Repository) -> RepositoryRef {
        RepositoryRef { host: self.host.clone(), repository: name.clone() }
    }

    fn follow(&self, name: &Repository, tag: &Tag) -> Result<Led, AnyFault> {
        let led = match self.client.manifest(&self.at(name), &Target::Tag(tag.clone())) {
            Ok(Some(raw)) => {
                self.events.emit(&Event::Finished { digest: raw.digest() });
                Led::To(raw)
            }
            // Of an image in the oldest form nothing is known, so nothing of it is touched.
            Ok(None) | Err(RegistryError::Manifest { source: OciError::MediaType { .. }, .. }) => {
                Led::Nowhere
            }
            Err(error) => return Err(error.into()),
        };
        Ok(led)
    }

    fn listed(&self, name: &Repository, digest: Digest) -> Result<Option<Seen>, AnyFault> {
        let raw = self.client.manifest(&self.at(name), &Target::Digest(digest))?;
        Ok(raw.map(|raw| Seen::of(&raw, self.limits)).transpose()?)
    }

    /// What is not the site's may be closed to us, or of a kind that we do not know. It is only looked at for what it shares.
    fn closed<T>(&self, name: &Repository, found: Result<T, AnyFault>) -> Result<Option<T>, AnyFault> {
        match found {
            Ok(found) => Ok(Some(found)),
            Err(fault) if fault.exit() == Exit::Interrupted => Err(fault),
            Err(fault) => {
                let text =
                    format!("`{name}` is not the site's and cannot be read, so less may be freed: {fault}");
                self.events.emit(&Event::Warning { text: &text });
                Ok(None)
            }
        }
    }

    /// Reads what indexes list and no tag leads to.
    fn below(&self, repositories: &mut BTreeMap<Repository, SeenRepository>) -> Result<(), AnyFault> {
        let mut asked: BTreeSet<(Repository, Digest)> = BTreeSet::new();
        loop {
            let mut open: BTreeSet<(Repository, Digest)> = BTreeSet::new();
            for (name, repository) in &*repositories {
                let children = repository.manifests.values().flat_map(|seen| &seen.children);
                let unread = children.filter(|child| !repository.manifests.contains_key(*child));
                open.extend(unread.map(|child| (name.clone(), *child)));
            }
            let open: Vec<_> = open.into_iter().filter(|it| asked.insert(it.clone())).collect();
            if open.is_empty() {
                return Ok(());
            }
            let ours = |name: &Repository| repositories.get(name).is_some_and(|repository| repository.ours);
            let found = workers::map(&open, self.jobs, self.events, |(name, digest)| {
                let seen = self.listed(name, *digest);
                if ours(name) { seen } else { Ok(self.closed(name, seen)?.flatten()) }
            })?;
            for ((name, digest), seen) in open.into_iter().zip(found) {
                if let (Some(repository), Some(seen)) = (repositories.get_mut(&name), seen) {
                    repository.manifests.insert(digest, seen);
                }
            }
        }
    }
}
