//! Catalogs where the site file names none: what says of itself that it is one counts as one, wherever it stands.

use std::collections::BTreeMap;

use crate::catalog::image::CONFIGS_LABEL;
use crate::digest::Digest;
use crate::fault::AnyFault;
use crate::flow::catalog_image::{RegistryImages, pull};
use crate::flow::vacuum::Vacuum;
use crate::flow::vacuum::catalogs::Standing;
use crate::oci::{ConfigView, Descriptor, media};
use crate::reference::Repository;
use crate::retain::{Keep, Listing, Rule, SeenRepository, TagKind, tag_kind};
use crate::workers;

impl Vacuum<'_> {
    /// Catalogs in repositories that the site file does not know as theirs: what has a name or is in use, and has the label of a
    /// catalog. One that the site file forgot must not lose what it offers.
    pub(super) fn strays<'l>(
        &self,
        listing: &'l Listing,
        keep: &Keep,
    ) -> Result<Vec<Standing<'l>>, AnyFault> {
        let releases: Vec<Repository> =
            self.mapping.releases()?.into_iter().map(|(_, place)| place).collect();
        let ours = listing
            .repositories
            .iter()
            .filter(|(name, seen)| seen.ours && !keep.catalogs.contains(*name) && !releases.contains(name));
        let mut asked: BTreeMap<(&Repository, Digest), String> = BTreeMap::new();
        for (name, seen) in ours {
            let tagged = seen.tags.iter().filter(|(tag, _)| tag_kind(tag) == TagKind::Person);
            asked.extend(tagged.map(|(tag, digest)| ((name, *digest), tag.to_string())));
            let named =
                seen.manifests.keys().filter_map(|digest| Some((*digest, self.named.digests.get(digest)?)));
            asked.extend(named.map(|(digest, object)| ((name, digest), object.clone())));
        }
        let asked: Vec<_> = asked.into_iter().collect();
        let strays = workers::map(&asked, self.jobs, self.events, |((repository, digest), by)| {
            let Some(seen) = listing.repositories.get(*repository) else { return Ok(None) };
            let standing = Standing { repository, digest: *digest, by: by.clone(), rule: Rule::Catalog };
            Ok(self.is_catalog(repository, seen, digest)?.then_some(standing))
        })?;
        Ok(strays.into_iter().flatten().collect())
    }

    /// Whether an image has the label by which catalogs are known.
    fn is_catalog(
        &self,
        name: &Repository,
        seen: &SeenRepository,
        digest: &Digest,
    ) -> Result<bool, AnyFault> {
        let image = seen.manifests.get(digest);
        let mut children = image.into_iter().flat_map(|image| &image.children);
        let first = children.find_map(|child| seen.manifests.get(child));
        let Some((digest, size)) = first.or(image).and_then(|image| image.blobs.first()).copied() else {
            return Ok(false);
        };
        if size > self.limits.config_bytes {
            return Ok(false);
        }
        let config = Descriptor { media_type: media::OCI_CONFIG.to_owned(), digest, size, platform: None };
        let repository = self.site.in_production(name.clone());
        let source = RegistryImages { repository: &repository, client: self.client };
        // What has another config is an artifact of another kind.
        let config = ConfigView::parse(&pull(&source, &config, self.limits.config_bytes)?);
        Ok(config.is_ok_and(|config| config.labels.contains_key(CONFIGS_LABEL)))
    }
}
