//! What production holds, looked for as a cluster's nodes look for it: through its mirror sets.

use crate::check::{Asked, Rewrites, Unresolved, asked, unresolved};
use crate::fault::AnyFault;
use crate::finding::Finding;
use crate::flow::standing::Onlooker;
use crate::reference::ImageRef;
use crate::site::cluster::ClusterDump;

/// An image by its original name, and who needs it: package and bundle.
pub type Source = (ImageRef, (String, String));

impl Onlooker<'_> {
    /// Follows the mirror sets for images that were found where the site file puts them. What nodes are led to elsewhere in production
    /// is looked for there; what they are not led to production for is told.
    pub fn look_by_mirror_sets(
        &self,
        cluster: &ClusterDump,
        images: impl Iterator<Item = Source>,
    ) -> Result<Vec<Finding>, AnyFault> {
        let Self { site, mapping, proof, client, jobs, events, limits } = *self;
        let rewrites = Rewrites::of(cluster);
        if rewrites.is_empty() {
            let message =
                "the dumps have no mirror set: images were looked for where the site file puts them";
            let hint = "dump them too: `oc get idms,itms,icsp -o json`";
            return Ok(vec![Finding::info("NO_MIRROR_SETS", site.name(), message).hint(hint)]);
        }
        let production = &site.spec.production.registry;
        let Asked { elsewhere, mut findings } = asked(images, &rewrites, mapping, production);
        if elsewhere.pinned.is_empty() && elsewhere.tagged.is_empty() {
            return Ok(findings);
        }
        let platforms = &site.spec.platforms;
        let (missing, _) = unresolved(&elsewhere, platforms, proof, client, jobs, events, limits)?;
        findings.extend(missing.iter().map(Unresolved::finding));
        Ok(findings)
    }
}
