//! The two searches: the shortest way over unconditional edges, and the least risky one over all.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};

use super::refusal::NoReleasePath;
use super::route::ReleasePath;
use crate::limits::Limits;
use crate::release::channel::ReleaseChannel;
use crate::release::graph::{Edge, UpdateGraph};
use crate::release::minor::Minor;
use crate::version::Version;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct PathRequest<'a> {
    /// What runs.
    pub from: &'a Version,
    /// What shall run; the head of the channel, else of the graph, where nothing is said.
    pub to: Option<&'a Version>,
    /// The channel that the cluster is on.
    pub channel: Option<&'a ReleaseChannel>,
    /// Names of risks that were accepted.
    pub accepted: &'a BTreeSet<String>,
}

impl UpdateGraph {
    /// The way from one release to another.
    ///
    /// # Errors
    ///
    /// Where there is none, or only one with risks that are not accepted: [`NoReleasePath`] then has that way.
    pub fn path(
        &self,
        request: &PathRequest<'_>,
        limits: &Limits,
    ) -> Result<ReleasePath, Box<NoReleasePath>> {
        let unknown = |version| Box::new(NoReleasePath::unknown(self, version, request.channel));
        let target = match request.to {
            Some(target) => target,
            None => self.target(request)?,
        };
        // A channel of another minor release need not know what runs; that it is newer is plain without it.
        if target < request.from {
            let (from, to) = (request.from.clone(), target.clone());
            return Err(Box::new(NoReleasePath::Backwards { from, to }));
        }
        let from = self.index(request.from).ok_or_else(|| unknown(request.from))?;
        let to = self.index(target).ok_or_else(|| unknown(target))?;
        let way = safe(self, from, to).or_else(|| least_risky(self, from, to, request.accepted, limits));
        let Some(way) = way else {
            return Err(Box::new(NoReleasePath::no_way(self, from, to, (request.from, target))));
        };
        let path = ReleasePath::along(self, &way, request);
        let open = path.unaccepted();
        if open.is_empty() { Ok(path) } else { Err(Box::new(NoReleasePath::NotAccepted { path })) }
    }

    /// The head of the channel, or of the graph where no channel is named.
    fn target<'s>(&'s self, request: &PathRequest<'s>) -> Result<&'s Version, Box<NoReleasePath>> {
        let Some(channel) = request.channel else {
            // A graph without any release knows nothing of the start either.
            return Ok(self.releases().last().map_or(request.from, |release| &release.version));
        };
        let highest = self.head(channel).map(|release| &release.version);
        let led_to = |head: &&Version| channel.minor().is_none_or(|minor| minor == Minor::of(head));
        highest.filter(led_to).ok_or_else(|| {
            Box::new(NoReleasePath::NoHead { channel: channel.clone(), highest: highest.cloned() })
        })
    }
}

/// The fewest hops over unconditional edges, both ends included. Of ways that are equally short, the one that is higher from the
/// start on: neighbours are tried from the highest down, as oc-mirror does.
pub(super) fn safe(graph: &UpdateGraph, from: usize, to: usize) -> Option<Vec<usize>> {
    let mut before = BTreeMap::from([(from, from)]);
    let mut queue = VecDeque::from([from]);
    while let Some(at) = queue.pop_front() {
        if at == to {
            return Some(back(to, |at| before.get(&at).copied().filter(|previous| *previous != at)));
        }
        let unconditional = graph.edges_from(at).iter().filter(|edge| edge.risks.is_empty() && edge.to <= to);
        for edge in unconditional {
            before.entry(edge.to).or_insert_with(|| {
                queue.push_back(edge.to);
                at
            });
        }
    }
    None
}

/// Walks back from the end.
fn back<T: Copy>(end: T, previous: impl Fn(T) -> Option<T>) -> Vec<T> {
    let mut way: Vec<T> = std::iter::successors(Some(end), |at| previous(*at)).collect();
    way.reverse();
    way
}

/// Where a way has come, and what it took.
struct State {
    at: usize,
    /// Names of risks that are not accepted, by number, in order.
    open: Vec<usize>,
    hops: usize,
    conditional: usize,
    before: Option<usize>,
}

/// The way with the fewest different risks that are not accepted, then the fewest hops, then the fewest conditional ones.
///
/// Finding the fewest is hard in general (each way has its own set of risks), so a way is dropped only if another one came to
/// the same release with a part of its risks and no more hops. After `limits.graph_ways` ways, each release is entered once.
fn least_risky(
    graph: &UpdateGraph,
    from: usize,
    to: usize,
    accepted: &BTreeSet<String>,
    limits: &Limits,
) -> Option<Vec<usize>> {
    let leads = leading(graph, to);
    let names = Names::of(graph, accepted);
    let mut states = vec![State { at: from, open: Vec::new(), hops: 0, conditional: 0, before: None }];
    let mut queue = BinaryHeap::from([Reverse((0, 0, 0, 0))]);
    let mut came: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    while let Some(Reverse((.., number))) = queue.pop() {
        let state = states.get(number)?;
        if state.at == to {
            let way = back(number, |number| states.get(number)?.before);
            return Some(way.into_iter().filter_map(|number| Some(states.get(number)?.at)).collect());
        }
        let settled = states.len() > limits.graph_ways;
        let others = came.entry(state.at).or_default();
        let better = |other: &State| other.hops <= state.hops && is_part(&other.open, &state.open);
        if others.iter().filter_map(|other| states.get(*other)).any(|other| settled || better(other)) {
            continue;
        }
        others.push(number);
        let (at, hops, conditional, open) = (state.at, state.hops, state.conditional, state.open.clone());
        for edge in graph.edges_from(at).iter().filter(|edge| leads.contains(&edge.to)) {
            let next = State {
                at: edge.to,
                open: names.joined(&open, edge),
                hops: hops + 1,
                conditional: conditional + usize::from(!edge.risks.is_empty()),
                before: Some(number),
            };
            queue.push(Reverse((next.open.len(), next.hops, next.conditional, states.len())));
            states.push(next);
        }
    }
    None
}

/// The releases from which there is a way to the end. Edges lead upwards, so one pass downwards finds them all.
pub(super) fn leading(graph: &UpdateGraph, to: usize) -> BTreeSet<usize> {
    let mut leads = BTreeSet::from([to]);
    for at in (0..to).rev() {
        if graph.edges_from(at).iter().any(|edge| leads.contains(&edge.to)) {
            leads.insert(at);
        }
    }
    leads
}

/// Which risks are not accepted: by index of the risk, the number of its name.
struct Names(Vec<Option<usize>>);

impl Names {
    fn of(graph: &UpdateGraph, accepted: &BTreeSet<String>) -> Self {
        let mut numbers = BTreeMap::new();
        let mut number = |name| {
            let next = numbers.len();
            *numbers.entry(name).or_insert(next)
        };
        let open = graph.risks().iter().map(|risk| {
            let name = risk.name.as_str();
            (!accepted.contains(name)).then(|| number(name))
        });
        Self(open.collect())
    }

    fn joined(&self, open: &[usize], edge: &Edge) -> Vec<usize> {
        let more = edge.risks.iter().filter_map(|risk| self.0.get(*risk).copied().flatten());
        let mut all: Vec<usize> = open.iter().copied().chain(more).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// Whether all of `part` is in `whole`; both are in order.
fn is_part(part: &[usize], whole: &[usize]) -> bool {
    let mut rest = whole.iter();
    part.iter().all(|one| rest.any(|other| other == one))
}
