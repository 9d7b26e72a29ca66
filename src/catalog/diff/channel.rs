//! One channel: its head, and the edges of its entries.

use std::collections::{BTreeMap, BTreeSet};

use super::report::{ChannelDiff, EntryDiff};
use super::{Pair, Texts, fields_apart, moved, paired};
use crate::catalog::graph::UpgradeGraph;
use crate::catalog::model::{Channel, Entry};

/// How a channel differs; nothing where it does not.
pub(super) fn diff(pair: Pair<&Channel>) -> Option<ChannelDiff> {
    let head = |channel: Option<&Channel>| {
        channel.and_then(|channel| UpgradeGraph::new(channel).head().map(str::to_owned))
    };
    let entries = |channel: Option<&Channel>| -> BTreeMap<String, Entry> {
        let mut entries = BTreeMap::new();
        // Of two with one name the first counts, as in the graph.
        for entry in channel.into_iter().flat_map(|channel| &channel.entries) {
            entries.entry(entry.name.clone()).or_insert_with(|| entry.clone());
        }
        entries
    };
    let (old, new) = (pair.before(), pair.after());
    let (before, after) = (entries(old), entries(new));
    let found = ChannelDiff {
        change: pair.change(),
        head: moved(head(old), head(new)),
        fields: match pair {
            Pair::Both(old, new) => fields_apart(&old.blob, &new.blob, &["entries"]),
            Pair::Old(_) | Pair::New(_) => Vec::new(),
        },
        entries: paired(&before, &after)
            .filter_map(|(name, pair)| Some((name.clone(), entry(pair)?)))
            .collect(),
    };
    let is_alike = matches!(pair, Pair::Both(..))
        && found.head.is_none()
        && found.fields.is_empty()
        && found.entries.is_empty();
    (!is_alike).then_some(found)
}

fn entry(pair: Pair<&Entry>) -> Option<EntryDiff> {
    if matches!(pair, Pair::Both(old, new) if old == new) {
        return None;
    }
    let (old, new) = (pair.before(), pair.after());
    let skips = |entry: Option<&Entry>| Texts(entry.map_or_else(BTreeSet::new, |entry| entry.skips.clone()));
    Some(EntryDiff {
        change: pair.change(),
        replaces: moved(old.and_then(|it| it.replaces.clone()), new.and_then(|it| it.replaces.clone())),
        skips: skips(old).to(&skips(new)),
        skip_range: moved(old.and_then(|it| it.skip_range.clone()), new.and_then(|it| it.skip_range.clone())),
    })
}
