//! Laws over generated graphs: nothing is lost, the result can be served, merging again changes nothing, order does not matter.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::catalog::{Channel, Entry, Package};

/// One entry of a generated channel, by version numbers.
#[derive(Debug, Clone)]
struct Node {
    version: u8,
    below: Option<u8>,
    skips: Vec<u8>,
    /// Lowest version of the skipRange, which ends below the entry itself.
    from: Option<u8>,
}

/// A package with all versions, linked once: thirty thousand cases add up.
static PARTS: LazyLock<Catalog> = LazyLock::new(|| {
    let versions: Vec<String> = (0..10).map(|version| format!("1.{version}.0")).collect();
    channel(&versions.iter().map(String::as_str).collect::<Vec<_>>())
});

fn fast(nodes: &[Node]) -> Channel {
    let label = |version: &u8| format!("p.v1.{version}.0");
    let entries = nodes.iter().map(|node| Entry {
        name: label(&node.version),
        replaces: node.below.as_ref().map(label),
        skips: node.skips.iter().map(label).collect(),
        skip_range: node.from.map(|from| format!(">=1.{from}.0 <1.{}.0", node.version)),
    });
    Channel { entries: entries.collect(), ..PARTS.packages["p"].channels["fast"].clone() }
}

fn sound(nodes: &[Node]) -> bool {
    UpgradeGraph::new(&fast(nodes)).problems().is_empty()
}

fn catalog(nodes: &[Node]) -> Catalog {
    let parts = &PARTS.packages["p"];
    let channel = fast(nodes);
    let bundle = |entry: &Entry| (entry.name.clone(), parts.bundles[&entry.name].clone());
    let package = Package {
        bundles: channel.entries.iter().map(bundle).collect(),
        channels: BTreeMap::from([("fast".to_owned(), channel)]),
        ..parts.clone()
    };
    Catalog { packages: BTreeMap::from([("p".to_owned(), package)]), others: Vec::new() }
}

/// Any graph over a few versions, most of them fit for nothing.
fn wild() -> impl Strategy<Value = Vec<Node>> {
    let node = (
        prop::option::weighted(0.8, 0_u8..10),
        prop::collection::vec(0_u8..10, 0..3),
        prop::option::weighted(0.3, 0_u8..10),
    );
    let nodes = prop::collection::btree_map(0_u8..10, node, 1..7).prop_map(|nodes| {
        nodes
            .into_iter()
            .map(|(version, (below, skips, from))| Node { version, below, skips, from })
            .collect()
    });
    nodes.prop_filter("cannot be served", |nodes: &Vec<Node>| sound(nodes))
}

/// A chain with some skips and ranges, as an upstream writes it.
fn upstream() -> impl Strategy<Value = Vec<Node>> {
    let node = (prop::bool::weighted(0.2), prop::option::weighted(0.3, 1_u8..4));
    prop::collection::vec(node, 1..10).prop_map(|nodes| {
        let mut chain: Vec<Node> = Vec::new();
        let mut last: Option<u8> = None;
        for (index, (respin, range)) in nodes.into_iter().enumerate() {
            let version = u8::try_from(index).unwrap();
            let mut node = Node {
                version,
                below: last,
                skips: Vec::new(),
                from: range.map(|back| version.saturating_sub(back)),
            };
            // A respin takes the place of the entry before it.
            if let (true, Some(before)) = (respin, chain.last()) {
                node.below = before.below;
                node.skips.push(before.version);
            }
            last = Some(version);
            chain.push(node);
        }
        chain
    })
}

/// A stretch of what upstream has, cut off at both ends, with or without the edge out of it.
fn stretch(chain: &[Node], from: usize, to: usize, truncated: bool) -> Vec<Node> {
    let (from, to) = (from.min(to) % chain.len(), from.max(to) % chain.len());
    let (from, to) = (from.min(to), from.max(to));
    let mut nodes = chain[from..=to].to_vec();
    if truncated {
        nodes[0].below = None;
    }
    nodes
}

fn graph(catalog: &Catalog) -> BTreeMap<String, Entry> {
    let entries = &catalog.packages["p"].channels["fast"].entries;
    entries.iter().map(|entry| (entry.name.clone(), entry.clone())).collect()
}

/// Whether the upper entry has an edge from the lower name by `replaces` or `skips`.
fn has_edge(entries: &BTreeMap<String, Entry>, upper: &str, lower: &str) -> bool {
    entries
        .get(upper)
        .is_some_and(|entry| entry.replaces.as_deref() == Some(lower) || entry.skips.contains(lower))
}

fn check(base: &Catalog, delta: &Catalog, evidence: &[Evidence]) -> Result<(), TestCaseError> {
    let outcome = merge(base, delta, evidence, &MergeOptions::default());
    let Some(merged) = &outcome.catalog else {
        let named = outcome.report.findings.iter().any(|finding| finding.severity == Severity::Error);
        prop_assert!(named, "refused without a reason");
        return Ok(());
    };
    prop_assert!(servable(merged.catalog()), "{:?}", written(merged.catalog(), "fast"));
    let entries = graph(merged.catalog());
    for side in [base, delta] {
        for (name, entry) in graph(side) {
            prop_assert!(entries.contains_key(&name), "{name} was lost");
            prop_assert!(merged.catalog().packages["p"].bundles.contains_key(&name));
            let steps = steps(&outcome);
            let monotone = !steps.contains(&StepKind::EntryReplaces)
                && outcome.report.packages["p"].mode == ChosenMode::Union;
            for lower in entry.skips.iter().chain(&entry.replaces).filter(|_| monotone) {
                prop_assert!(has_edge(&entries, &name, lower), "the edge {lower} to {name} was lost");
            }
        }
    }
    let again = merge(merged.catalog(), delta, evidence, &MergeOptions::default());
    let again = again.catalog.ok_or_else(|| TestCaseError::fail(format!("again: {:?}", again.report)))?;
    prop_assert_eq!(graph(again.catalog()), entries);
    Ok(())
}

/// Ten thousand of each, as promised; `PROPTEST_CASES` makes it fewer while working.
fn cases() -> ProptestConfig {
    let default = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { 10_000 };
    ProptestConfig { cases, failure_persistence: None, max_local_rejects: 10_000_000, ..default }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn any_two_graphs_merge_soundly_or_name_their_conflict(base in wild(), delta in wild()) {
        check(&catalog(&base), &catalog(&delta), &[])?;
    }

    #[test]
    fn stretches_of_one_upstream_merge_soundly(
        chain in upstream(), cuts in any::<[u8; 4]>(), truncated in any::<[bool; 2]>(), known in any::<bool>(),
    ) {
        let [base, delta] = [0, 1].map(|side| {
            stretch(&chain, cuts[2 * side].into(), cuts[2 * side + 1].into(), truncated[side])
        });
        prop_assume!(sound(&base) && sound(&delta));
        let evidence: Vec<Evidence> = chain
            .iter()
            .filter(|_| known)
            .filter_map(|node| Some(csv(&format!("1.{}.0", node.version), &format!("1.{}.0", node.below?))))
            .collect();
        check(&catalog(&base), &catalog(&delta), &evidence)?;
    }

    #[test]
    fn stretches_of_one_upstream_merge_in_any_order_and_grouping(
        chain in upstream(), cuts in any::<[u8; 6]>(),
    ) {
        let [a, b, c] = [0, 1, 2].map(|side| {
            stretch(&chain, cuts[2 * side].into(), cuts[2 * side + 1].into(), false)
        });
        prop_assume!(sound(&a) && sound(&b) && sound(&c));
        let [a, b, c] = [a, b, c].map(|nodes| catalog(&nodes));
        // A bridge is built with what is there, so what comes first decides; all else is the same in any order.
        let join = |x: &Catalog, y: &Catalog| {
            let outcome = merge(x, y, &[], &MergeOptions::default());
            let bridged = steps(&outcome)
                .iter()
                .any(|step| matches!(step, StepKind::BridgeReplaces | StepKind::BridgeSkips | StepKind::StrandedSkip));
            outcome.catalog.filter(|_| !bridged).map(MergedCatalog::into_catalog)
        };
        if let (Some(ab), Some(ba)) = (join(&a, &b), join(&b, &a)) {
            prop_assert_eq!(graph(&ab), graph(&ba));
            let right = join(&b, &c).and_then(|bc| join(&a, &bc));
            if let (Some(left), Some(right)) = (join(&ab, &c), right) {
                prop_assert_eq!(graph(&left), graph(&right));
            }
        }
    }
}
