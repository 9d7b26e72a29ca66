//! A registry listed: the repositories that are the site's, what their tags point to, and all that lies below.

use std::collections::BTreeSet;

use crate::digest::Digest;
use crate::event::{Event, Phase};
use crate::fault::AnyFault;
use crate::finding::Finding;
use crate::flow::standing::Onlooker;
use crate::promote::pointed_to;
use crate::reference::{PinnedRef, RegistryHost, Repository, RepositoryRef, Tag};
use crate::registry::{RegistryError, Target};
use crate::transfer::{Closure, closure};
use crate::workers;

/// Images by repository: what to walk.
pub(in crate::flow) type Images = BTreeSet<PinnedRef>;

impl Onlooker<'_> {
    /// The repositories that may hold anything of this site: those of a registry that lets itself be listed, else those that are
    /// known from elsewhere.
    pub(in crate::flow) fn repositories(
        &self,
        host: &RegistryHost,
        known: BTreeSet<Repository>,
        findings: &mut Vec<Finding>,
    ) -> Result<Vec<RepositoryRef>, AnyFault> {
        let listed = match self.client.catalog(host) {
            Ok(listed) => listed,
            Err(RegistryError::Interrupted) => return Err(RegistryError::Interrupted.into()),
            Err(error) => {
                let message = format!("the registry does not list its repositories: {error}");
                let hint = "let this account list them; images that no catalog offers are carried again without that";
                findings.push(Finding::warning("REPORT_PARTIAL", host, message).hint(hint));
                Vec::new()
            }
        };
        let places = self.places()?;
        let ours = listed.into_iter().filter(|found| places.iter().any(|place| is_below(found, place)));
        let all: BTreeSet<Repository> = ours.chain(known).collect();
        Ok(all.into_iter().map(|repository| RepositoryRef { host: host.clone(), repository }).collect())
    }

    /// Where the site file puts things; what lies elsewhere in a registry is nobody's business.
    fn places(&self) -> Result<Vec<Repository>, AnyFault> {
        let Self { site, mapping, .. } = *self;
        let rules = site.spec.repositories.iter().map(|rule| rule.mirror.clone());
        let catalogs = site.spec.catalogs.iter().map(|catalog| catalog.mirror.repository.clone());
        let releases = mapping.releases()?.into_iter().map(|(_, mirror)| mirror);
        let graph = site.spec.releases.graph_data.mirror.as_ref().map(|place| place.repository.clone());
        Ok(rules.chain(catalogs).chain(releases).chain(graph).collect())
    }

    /// What the tags of these repositories point to.
    pub(in crate::flow) fn tagged(&self, repositories: &[RepositoryRef]) -> Result<Images, AnyFault> {
        let Self { client, jobs, events, .. } = *self;
        let tags = workers::map(repositories, jobs, events, |repository| {
            Ok(client.tags(repository)?.into_iter().map(|tag| (repository.clone(), tag)).collect::<Vec<_>>())
        })?;
        let tags: Vec<(RepositoryRef, Tag)> = tags.into_iter().flatten().collect();
        let found = workers::map(&tags, jobs, events, |(repository, tag)| {
            let digest = match kept_by(tag) {
                Some(digest) => Some(digest),
                None => pointed_to(client, repository, &Target::Tag(tag.clone()))?,
            };
            Ok(digest.map(|digest| repository.pin(digest)))
        })?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Walks images down to their last layers, and says so. Of an index all that is there counts, for whatever machines.
    pub(in crate::flow) fn walk(&self, images: &Images) -> Result<Closure, AnyFault> {
        self.listing(images.len(), || self.below(images))
    }

    /// The same, as a part of more.
    pub(in crate::flow) fn below(&self, images: &Images) -> Result<Closure, AnyFault> {
        let Self { proof, client, jobs, events, limits, .. } = *self;
        let images: Vec<PinnedRef> = images.iter().cloned().collect();
        closure(&images, &[], proof, client, jobs, events, limits)
    }

    /// Says that so many images are looked at.
    pub(in crate::flow) fn listing<T>(
        &self,
        images: usize,
        look: impl FnOnce() -> Result<T, AnyFault>,
    ) -> Result<T, AnyFault> {
        let phase = Phase::List;
        self.events.emit(&Event::Begin { phase, items: images as u64, bytes: 0 });
        let seen = look()?;
        self.events.emit(&Event::End { phase });
        Ok(seen)
    }
}

/// Whether a repository is this one or lies below it.
fn is_below(repository: &Repository, place: &Repository) -> bool {
    let rest = repository.as_str().strip_prefix(place.as_str());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The digest that a tag is named after, `sha256-<hex>`: what it keeps.
fn kept_by(tag: &Tag) -> Option<Digest> {
    Digest::from_hex(tag.as_str().strip_prefix("sha256-")?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_end_at_whole_names() {
        for (repository, place, expected) in [
            ("olm-redhat/a/b", "olm-redhat", true),
            ("olm-redhat", "olm-redhat", true),
            ("olm-redhat-2/a", "olm-redhat", false),
            ("other/olm-redhat", "olm-redhat", false),
        ] {
            assert_eq!(
                is_below(&repository.parse().unwrap(), &place.parse().unwrap()),
                expected,
                "{repository}"
            );
        }
    }

    #[test]
    fn tags_that_keep_a_digest_name_it() {
        let digest = Digest::of(b"x");
        assert_eq!(kept_by(&Tag::of_digest(&digest)), Some(digest));
        for tag in ["latest", "sha256-00", "v1.sha256"] {
            assert_eq!(kept_by(&tag.parse().unwrap()), None, "{tag}");
        }
        assert_eq!(kept_by(&Tag::of_attachment(&digest, "sig").unwrap()), None);
    }
}
