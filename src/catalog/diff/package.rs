//! One package: its own blob, its channels and bundles, what is deprecated, what else there is.

use std::collections::BTreeMap;

use super::report::{DeprecationsDiff, Moved, PackageDiff};
use super::{Pair, bundle, channel, fields_apart, moved, others, paired};
use crate::catalog::model::Package;

/// How a package differs; nothing where it does not.
pub(super) fn diff(pair: Pair<&Package>) -> Option<PackageDiff> {
    let (old, new) = (pair.before(), pair.after());
    let default_channel = |package: Option<&Package>| {
        package.map(|package| package.default_channel.clone()).filter(|name| !name.is_empty())
    };
    let (no_channels, no_bundles) = (BTreeMap::new(), BTreeMap::new());
    let channels = paired(
        old.map_or(&no_channels, |package| &package.channels),
        new.map_or(&no_channels, |package| &package.channels),
    );
    let bundles = paired(
        old.map_or(&no_bundles, |package| &package.bundles),
        new.map_or(&no_bundles, |package| &package.bundles),
    );
    let rest = |package: Option<&Package>| others(package.map_or(&[], |package| package.others.as_slice()));
    let found = PackageDiff {
        change: pair.change(),
        default_channel: moved(default_channel(old), default_channel(new)),
        fields: match pair {
            Pair::Both(old, new) => fields_apart(&old.blob, &new.blob, &["defaultChannel"]),
            Pair::Old(_) | Pair::New(_) => Vec::new(),
        },
        channels: channels.filter_map(|(name, pair)| Some((name.clone(), channel::diff(pair)?))).collect(),
        bundles: bundles.filter_map(|(name, pair)| Some((name.clone(), bundle::diff(pair)?))).collect(),
        deprecations: deprecations(old, new),
        others: rest(old).to(&rest(new)),
    };
    let is_alike = matches!(pair, Pair::Both(..))
        && found.default_channel.is_none()
        && found.fields.is_empty()
        && found.channels.is_empty()
        && found.bundles.is_empty()
        && found.deprecations.is_empty()
        && found.others.is_empty();
    (!is_alike).then_some(found)
}

fn deprecations(old: Option<&Package>, new: Option<&Package>) -> DeprecationsDiff {
    let told = |package: Option<&Package>| -> BTreeMap<String, String> {
        let all = package.map(Package::deprecated).unwrap_or_default();
        all.into_iter().map(|it| (it.what.to_string(), it.message)).collect()
    };
    let (old, new) = (told(old), told(new));
    let mut found = DeprecationsDiff::default();
    for (what, pair) in paired(&old, &new) {
        match pair {
            Pair::Old(message) => drop(found.removed.insert(what.clone(), message.clone())),
            Pair::New(message) => drop(found.added.insert(what.clone(), message.clone())),
            Pair::Both(from, to) if from != to => {
                found.changed.insert(what.clone(), Moved { from: from.clone(), to: to.clone() });
            }
            Pair::Both(..) => {}
        }
    }
    found
}
