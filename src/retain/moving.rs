//! What stays of one registry, copied to another: how much that is, and what stands in its way there.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::reference::{RegistryHost, Repository};
use crate::retain::listing::{Listing, Seen};
use crate::retain::names::{TagKind, tag_kind};
use crate::retain::plan::VacuumPlan;
use crate::retain::sort::Sorted;
use crate::retain::state::{is_ours, planned_tags};
use crate::retain::weigh::parts;

/// Where a registry's content moves, and what is copied for that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Moving {
    /// The registry that takes it.
    pub to: RegistryHost,
    /// Manifests that are copied there.
    pub manifests: u64,
    /// Bytes of these and of their blobs, each digest once, without what is there already.
    pub bytes: u64,
}

/// Counts what is copied. `coming` are catalogs that get smaller on the way; `there` is what the other registry holds.
pub fn copied(
    listing: &Listing,
    sorted: &BTreeMap<Repository, Sorted>,
    coming: &BTreeMap<Digest, Seen>,
    there: &Listing,
) -> Moving {
    let held: BTreeSet<Digest> = all(there).map(|(digest, _)| digest).collect();
    let (mut manifests, mut copies) = (0, BTreeMap::new());
    for (name, sorted) in sorted {
        let Some(seen) = listing.repositories.get(name) else { continue };
        let present = there.repositories.get(name).map(|seen| &seen.manifests);
        for (digest, it) in sorted.kept.keys().filter_map(|digest| seen.manifests.get_key_value(digest)) {
            manifests += u64::from(present.is_none_or(|present| !present.contains_key(digest)));
            copies.extend(parts(digest, it));
        }
    }
    copies.extend(coming.iter().flat_map(|(digest, it)| parts(digest, it)));
    manifests += coming.keys().filter(|digest| !held.contains(*digest)).count() as u64;
    copies.retain(|digest, _| !held.contains(digest));
    Moving { to: there.host.clone(), manifests, bytes: copies.values().sum() }
}

fn all(listing: &Listing) -> impl Iterator<Item = (Digest, u64)> {
    let manifests = listing.repositories.values().flat_map(|seen| &seen.manifests);
    manifests.flat_map(|(digest, seen)| parts(digest, seen))
}

/// What the other registry holds in the site's repositories and the plan does not bring: `repository@digest`, `repository:tag`. It
/// would be in production afterwards, and nobody has said why.
pub fn in_the_way(plan: &VacuumPlan, there: &Listing) -> Vec<String> {
    let mut found = Vec::new();
    for (name, seen) in there.repositories.iter().filter(|(_, seen)| seen.ours) {
        let kept = plan.repositories.get(name).into_iter().flat_map(|it| &it.kept).map(|item| item.digest);
        let changes = plan.catalogs.iter().filter(|change| change.tag.repository.repository == *name);
        let brought: BTreeSet<Digest> =
            kept.chain(changes.flat_map(|change| change.manifests.iter().copied())).collect();
        let strange = seen.manifests.keys().filter(|digest| !brought.contains(*digest));
        found.extend(strange.map(|digest| format!("{name}@{digest}")));
        let planned = planned_tags(plan, name);
        let tags = seen.tags.iter().filter(|(tag, digest)| {
            let same = planned.get(*tag).is_some_and(|(to, goes)| to == *digest && !goes);
            let holds = tag_kind(tag) == TagKind::Hold(**digest);
            brought.contains(*digest) && !same && !holds && !is_ours(plan, name, tag, Some(**digest))
        });
        found.extend(tags.map(|(tag, _)| format!("{name}:{tag}")));
    }
    found
}
