//! Edges that no cluster takes are left out, and said.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::builder::Draft;
use super::findings::Findings;
use super::model::Release;
use crate::finding::Finding;
use crate::release::minor::Minor;

/// So many edges that lead down are looked at for the circle that they close; each costs a walk.
const CIRCLES: usize = 20;

type Edges = BTreeMap<(usize, usize), Draft>;

/// Leaves out edges that are forbidden, lead down or over a minor release; says which edges stood in both forms.
pub(super) fn edges(releases: &[Release], edges: &mut Edges, findings: &mut Findings) {
    edges.retain(|_, draft| !draft.forbidden);
    downward(releases, edges, findings);
    far(releases, edges, findings);
    let both = edges.iter().filter(|(_, draft)| draft.unconditional && !draft.risks.is_empty());
    told(both, releases, |count, example| {
        let message = format!(
            "edges are both unconditional and conditional: {count}, for instance {example}; they count as conditional, as in a cluster"
        );
        findings.push(Finding::info("GRAPH_CONDITIONAL_WINS", "graph", message));
    });
}

fn downward(releases: &[Release], edges: &mut Edges, findings: &mut Findings) {
    let version = |number: usize| releases.get(number).map(|release| &release.version);
    let down: Vec<(usize, usize)> = edges
        .keys()
        .copied()
        .filter(|(from, to)| match (version(*from), version(*to)) {
            (Some(from), Some(to)) => to.precedence(from).is_le(),
            _ => false,
        })
        .collect();
    for (at, (from, to)) in down.iter().enumerate() {
        let subject = named(releases, *from, *to);
        let circle = if at < CIRCLES { way(edges, *to, *from) } else { None };
        let (code, message) = match circle {
            Some(circle) => {
                let names: Vec<String> =
                    circle.into_iter().chain([*to]).filter_map(version).map(ToString::to_string).collect();
                ("GRAPH_CYCLE", format!("the edges run in a circle: {}", names.join(" → ")))
            }
            None => ("GRAPH_DOWN", "the edge does not lead to a higher release".to_owned()),
        };
        let hint = "it is left out: a cluster does not go back that way";
        findings.push(Finding::warning(code, subject, message).hint(hint));
    }
    for ends in down {
        edges.remove(&ends);
    }
}

/// The shortest way from one release to another along any edges, both ends included.
fn way(edges: &Edges, from: usize, to: usize) -> Option<Vec<usize>> {
    let mut before = BTreeMap::new();
    let mut seen = BTreeSet::from([from]);
    let mut queue = VecDeque::from([from]);
    while let Some(at) = queue.pop_front() {
        if at == to {
            let mut way = vec![to];
            while let Some(previous) = way.last().and_then(|at| before.get(at)) {
                way.push(*previous);
            }
            way.reverse();
            return Some(way);
        }
        for (_, next) in edges.range((at, 0)..=(at, usize::MAX)).map(|(ends, _)| *ends) {
            if seen.insert(next) {
                before.insert(next, at);
                queue.push_back(next);
            }
        }
    }
    None
}

fn far(releases: &[Release], edges: &mut Edges, findings: &mut Findings) {
    let too_far = |(from, to): &(usize, usize)| match (releases.get(*from), releases.get(*to)) {
        (Some(from), Some(to)) => !Minor::of(&from.version).reaches(Minor::of(&to.version)),
        _ => true,
    };
    told(edges.iter().filter(|(ends, _)| too_far(ends)), releases, |count, example| {
        let message = format!("edges lead over a minor release: {count}, for instance {example}");
        let hint = "they are left out: the cluster-version operator refuses them";
        findings.push(Finding::warning("GRAPH_FAR", "graph", message).hint(hint));
    });
    edges.retain(|ends, _| !too_far(ends));
}

/// Tells of some edges at once: how many, and the first of them.
fn told<'e>(
    some: impl Iterator<Item = (&'e (usize, usize), &'e Draft)>,
    releases: &[Release],
    tell: impl FnOnce(usize, String),
) {
    let mut some = some.map(|(ends, _)| *ends);
    if let Some((from, to)) = some.next() {
        tell(some.count() + 1, named(releases, from, to));
    }
}

fn named(releases: &[Release], from: usize, to: usize) -> String {
    let name = |number: usize| releases.get(number).map_or("?", |release| release.version.as_str());
    format!("{} → {}", name(from), name(to))
}
