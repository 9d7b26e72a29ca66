//! What letting go frees: blobs that nothing else in the same storage refers to.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::reference::Repository;
use crate::retain::listing::{Listing, Seen};
use crate::retain::sort::Sorted;

/// Bytes of one repository.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Weight {
    /// What its manifests and their blobs have, each digest once.
    pub held: u64,
    /// What is really freed: no manifest that stays, in any repository of the registry, refers to it. What several repositories let
    /// go counts in the first of them.
    pub frees: u64,
    /// What is let go here and stays, because something else refers to it.
    pub shared: u64,
}

/// Each digest once, with its size: the manifest itself is kept as a blob too.
pub(super) fn parts<'s>(digest: &Digest, seen: &'s Seen) -> impl Iterator<Item = (Digest, u64)> + use<'s> {
    std::iter::once((*digest, seen.bytes)).chain(seen.blobs.iter().copied())
}

/// What these repositories hold together, each digest once.
pub fn held<'n>(listing: &Listing, names: impl Iterator<Item = &'n Repository>) -> u64 {
    let manifests = names.filter_map(|name| listing.repositories.get(name)).flat_map(|seen| &seen.manifests);
    let sizes: BTreeMap<Digest, u64> = manifests.flat_map(|(digest, seen)| parts(digest, seen)).collect();
    sizes.values().sum()
}

/// The bytes of each repository that is the site's. All repositories of the listing count as one storage; `coming` is what will be
/// there when something goes, a smaller catalog that shares layers with the larger one for instance.
pub fn weigh(
    listing: &Listing,
    sorted: &BTreeMap<Repository, Sorted>,
    coming: &BTreeMap<Digest, Seen>,
) -> BTreeMap<Repository, Weight> {
    let coming = coming.iter().flat_map(|(digest, seen)| parts(digest, seen));
    let mut staying: BTreeSet<Digest> = coming.map(|(digest, _)| digest).collect();
    for (name, repository) in &listing.repositories {
        let kept = sorted.get(name).map(|sorted| &sorted.kept);
        let stays = |digest: &Digest| kept.is_none_or(|kept| kept.contains_key(digest));
        let manifests = repository.manifests.iter().filter(|(digest, _)| stays(digest));
        staying.extend(manifests.flat_map(|(digest, seen)| parts(digest, seen)).map(|(digest, _)| digest));
    }
    let mut counted: BTreeSet<Digest> = BTreeSet::new();
    let mut weights = BTreeMap::new();
    for (name, sorted) in sorted {
        let Some(repository) = listing.repositories.get(name) else { continue };
        let held: BTreeMap<Digest, u64> =
            repository.manifests.iter().flat_map(|(digest, seen)| parts(digest, seen)).collect();
        let leaving = sorted.gone.iter().filter_map(|(digest, _)| repository.manifests.get_key_value(digest));
        let leaving: BTreeMap<Digest, u64> = leaving.flat_map(|(digest, seen)| parts(digest, seen)).collect();
        let mut weight = Weight { held: held.values().sum(), ..Weight::default() };
        for (digest, bytes) in leaving {
            if staying.contains(&digest) {
                weight.shared += bytes;
            } else if counted.insert(digest) {
                weight.frees += bytes;
            }
        }
        weights.insert(name.clone(), weight);
    }
    weights
}
