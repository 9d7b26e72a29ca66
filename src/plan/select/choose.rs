//! Which entries of a channel an ImageSetConfiguration selects.
//!
//! As oc-mirror v2 does it (sherine-k/catalog-filter `pkg/filter/mirror-config/v1alpha1`), with its silent cases told: entries
//! keep their edges, everything between two selected nodes of the chain is kept too, and a range that matches nothing is an error.

use std::collections::BTreeSet;

use crate::catalog::{Channel, Package, UpgradeGraph, WalkRule};
use crate::finding::Finding;
use crate::imageset::Selection;
use crate::version::{MastermindsRange, Version};

/// What is selected of a channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Chosen {
    /// Names of the entries.
    pub(super) entries: BTreeSet<String>,
    /// The one nearest to the channel's head.
    pub(super) top: String,
    /// Entries that were not asked for and lie between those that were.
    pub(super) between: BTreeSet<String>,
    /// A version that was asked for by itself and that the channel withholds.
    pub(super) withheld: Option<String>,
}

/// Selects entries of a channel, or says what is wrong with the selection.
pub(super) fn choose(
    package: &Package,
    channel: &Channel,
    selections: &[Selection],
    full: bool,
) -> Result<Chosen, Finding> {
    let subject = format!("package {}, channel {}", package.name, channel.name);
    let graph = UpgradeGraph::new(channel);
    let Some(walk) = graph.walk(WalkRule::ThroughSkipped) else {
        let message = "the channel cannot be used: it has not got exactly one head";
        return Err(Finding::error("MULTIPLE_HEADS", subject, message)
            .hint("upstream's catalog is broken; take another channel or another version of the catalog"));
    };
    let chain: Vec<&str> =
        walk.names.iter().copied().filter(|name| package.bundles.contains_key(*name)).collect();
    let offered = || channel.entries.iter().filter(|entry| package.bundles.contains_key(&entry.name));
    if full {
        let entries = offered().map(|entry| entry.name.clone()).collect();
        return Ok(Chosen { entries, top: first(&chain), ..Chosen::default() });
    }
    let mut asked: BTreeSet<&str> = BTreeSet::new();
    for selection in selections {
        let found: BTreeSet<&str> = match selection {
            Selection::Head => chain.first().copied().into_iter().collect(),
            Selection::Range(range) => offered()
                .filter(|entry| in_range(package, &entry.name, range))
                .map(|entry| entry.name.as_str())
                .collect(),
            Selection::FromBundle(bundle) => {
                let below = chain.iter().take_while(|name| *name != bundle).copied();
                let known = chain.contains(&bundle.as_str());
                below.chain([bundle.as_str()]).filter(|_| known).collect()
            }
        };
        if found.is_empty() {
            return Err(nothing(package, channel, &subject, selection));
        }
        asked.extend(found);
    }
    // One version that the channel withholds, asked for by itself: it alone is a channel too.
    if let [Selection::Range(range)] = selections
        && let Some(version) = range.exact()
        && let [only] = asked.iter().copied().collect::<Vec<_>>().as_slice()
        && !chain.contains(only)
    {
        let entries = [(*only).to_owned()].into();
        return Ok(Chosen {
            entries,
            top: (*only).to_owned(),
            withheld: Some(version.to_string()),
            ..Chosen::default()
        });
    }
    Ok(stretch(&graph, channel, &chain, &asked))
}

/// All that was asked for, and what of the chain lies between, so that the channel stays one chain.
fn stretch(graph: &UpgradeGraph<'_>, channel: &Channel, chain: &[&str], asked: &BTreeSet<&str>) -> Chosen {
    // An entry off the chain is there because the lowest entry of the chain that skips it is.
    let holder = |name: &str| {
        let holds = |node: &&&str| graph.entry(node).is_some_and(|entry| entry.skips.contains(name));
        chain.iter().rev().find(holds).copied()
    };
    let needed: BTreeSet<&str> = asked
        .iter()
        .filter_map(|name| chain.contains(name).then_some(*name).or_else(|| holder(name)))
        .collect();
    let position = |name: &str| chain.iter().position(|node| *node == name);
    let positions: BTreeSet<usize> = needed.iter().filter_map(|name| position(name)).collect();
    let (Some(high), Some(low)) = (positions.first(), positions.last()) else {
        return Chosen::default();
    };
    let kept = chain.get(*high..=*low).unwrap_or_default();
    let between = kept.iter().filter(|name| !asked.contains(**name)).map(|name| (*name).to_owned()).collect();
    let known = channel.entries.iter().map(|entry| entry.name.as_str());
    let entries =
        known.filter(|name| kept.contains(name) || asked.contains(name)).map(str::to_owned).collect();
    Chosen { entries, top: first(kept), between, withheld: None }
}

fn first(chain: &[&str]) -> String {
    chain.first().map(|name| (*name).to_owned()).unwrap_or_default()
}

fn in_range(package: &Package, name: &str, range: &MastermindsRange) -> bool {
    package.bundles.get(name).is_some_and(|bundle| range.contains(&bundle.version))
}

fn nothing(package: &Package, channel: &Channel, subject: &str, selection: &Selection) -> Finding {
    let mut versions: Vec<&Version> =
        channel.entries.iter().filter_map(|entry| Some(&package.bundles.get(&entry.name)?.version)).collect();
    versions.sort();
    let bound = match selection {
        Selection::Range(range) => range.max().or(range.min()),
        Selection::Head | Selection::FromBundle(_) => None,
    };
    let below = bound.and_then(|bound| versions.iter().rev().find(|v| v.precedence(bound).is_lt()));
    let above = bound.and_then(|bound| versions.iter().find(|v| v.precedence(bound).is_gt()));
    let nearest: Vec<String> = below.into_iter().chain(above).map(ToString::to_string).collect();
    let exists = match versions.as_slice() {
        [] => "the channel has no bundles".to_owned(),
        [one] => format!("the channel has {one} only"),
        [lowest, .., highest] => format!("the channel has {lowest} to {highest}"),
    };
    let elsewhere: Vec<&str> = package
        .channels
        .values()
        .filter(|other| other.name != channel.name)
        .filter(|other| match selection {
            Selection::Range(range) => {
                other.entries.iter().any(|entry| in_range(package, &entry.name, range))
            }
            Selection::FromBundle(bundle) => other.entry(bundle).is_some(),
            Selection::Head => false,
        })
        .map(|other| other.name.as_str())
        .collect();
    let pre = bound.is_some_and(|bound| bound.pre().is_empty())
        && versions.iter().any(|version| !version.pre().is_empty());
    let hint = if !elsewhere.is_empty() {
        format!("it is in channel {}", elsewhere.join(", "))
    } else if pre {
        "a version such as `4.16.3-rhodf` is in a range only if the bounds have such a part too: write `4.16.0-rhodf`".to_owned()
    } else if nearest.is_empty() {
        String::new()
    } else {
        format!("the nearest versions are {}", nearest.join(" and "))
    };
    Finding::error("EMPTY_SELECTION", subject, format!("{selection} selects nothing: {exists}")).hint(hint)
}
