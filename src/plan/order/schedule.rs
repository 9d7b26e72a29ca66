//! Operators and releases put in order.

use crate::finding::Finding;
use crate::plan::order::document::{OrderedStep, Why};
use crate::plan::order::refusal::{ahead, blocked, stays_pending, unknown};
use crate::plan::order::way::OperatorWay;
use crate::release::{Minor, ReleaseHop};
use crate::version::Version;

/// An order, and what stands against it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ordered {
    /// The steps; none where no release is asked for. An operator that blocks is left out.
    pub steps: Vec<OrderedStep>,
    /// What blocks, and what a person should look at. With an error among them the plan would strand the cluster.
    pub findings: Vec<Finding>,
}

/// A time at which operators may move: before each update of the cluster, and after the last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stage {
    /// What the cluster runs.
    pub(super) minor: Minor,
    /// The minor release that it enters next; nothing where it stays within one, or stays.
    pub(super) next: Option<Minor>,
}

/// Orders the updates of the cluster and the ways of the operators that run.
///
/// An operator moves as early as it may and as far as it may, but for two things: it moves no farther than the Kubernetes of the
/// time allows, and one whose catalog is made for a later minor release waits for that where nothing forces it.
pub fn order(hops: &[ReleaseHop], ways: &[OperatorWay]) -> Ordered {
    let mut ordered = Ordered::default();
    let Some(stages) = stages(hops) else { return ordered };
    let mut places = Vec::new();
    for way in ways {
        match places_of(way, &stages) {
            Ok(found) => {
                ordered.findings.extend(unknown(way, &stages, &found));
                ordered.findings.extend(ahead(way, &stages, &found));
                ordered.findings.extend(stays_pending(way, &stages, &found));
                places.push((way, found));
            }
            Err(at) => ordered.findings.extend(blocked(way, &stages, at)),
        }
    }
    for index in 0..stages.len() {
        let moving = places.iter().filter_map(|(way, places)| moved(way, &stages, places, index));
        ordered.steps.extend(moving);
        if let Some(hop) = hops.get(index) {
            ordered.steps.push(OrderedStep::OpenShift { from: hop.from.clone(), to: hop.version.clone() });
        }
    }
    ordered
}

/// The times around these updates; nothing where there is none.
fn stages(hops: &[ReleaseHop]) -> Option<Vec<Stage>> {
    let minor = |text: &str| Version::parse(text).ok().map(|version| Minor::of(&version));
    let stage = |hop: &ReleaseHop| {
        let (from, to) = (minor(&hop.from)?, minor(&hop.version)?);
        Some(Stage { minor: from, next: (from != to).then_some(to) })
    };
    let mut stages: Vec<Stage> = hops.iter().map(stage).collect::<Option<_>>()?;
    stages.push(Stage { minor: minor(&hops.last()?.version)?, next: None });
    Some(stages)
}

/// Where an operator stands at the end of each stage; the stage that it blocks where there is no way.
///
/// Reach grows with Kubernetes, so whoever stays as far back as the ceilings allow blocks only where everybody does. Going back
/// from the end then finds the farthest place of each stage that the later ones can be reached from.
pub(super) fn places_of(way: &OperatorWay, stages: &[Stage]) -> Result<Vec<usize>, usize> {
    let allowed = |stage: &Stage, at: usize| stage.next.is_none_or(|next| way.stand(at).ceiling.allows(next));
    let mut least = Vec::new();
    let mut low = 0;
    for (index, stage) in stages.iter().enumerate() {
        low = (low..=way.reach(stage.minor)).find(|at| allowed(stage, *at)).ok_or(index)?;
        least.push(low);
    }
    let made_for = way.catalog_minor();
    let mut places = Vec::new();
    let mut high = usize::MAX;
    for (stage, low) in stages.iter().zip(least).rev() {
        let waits = stage.next.is_some() && made_for.is_some_and(|made_for| made_for > stage.minor);
        let farthest = way.reach(stage.minor).min(high);
        let place = if waits { None } else { (low..=farthest).rev().find(|at| allowed(stage, *at)) };
        high = place.unwrap_or(low);
        places.push(high);
    }
    places.reverse();
    Ok(places)
}

/// The step of an operator at a stage, if it moves there.
fn moved(way: &OperatorWay, stages: &[Stage], places: &[usize], index: usize) -> Option<OrderedStep> {
    let before = index.checked_sub(1).and_then(|before| places.get(before)).copied().unwrap_or(0);
    let at = *places.get(index)?;
    let offer = way.offer.as_ref().filter(|_| at > before)?;
    Some(OrderedStep::Operator {
        catalog: offer.catalog.clone(),
        package: offer.package.clone(),
        from: way.stand(before).name.clone(),
        to: way.stand(at).name.clone(),
        why: why(way, stages, index, (before, at)),
    })
}

fn why(way: &OperatorWay, stages: &[Stage], index: usize, (before, at): (usize, usize)) -> Why {
    let next = stages.get(index).and_then(|stage| stage.next);
    if let Some(next) = next.filter(|next| !way.stand(before).ceiling.allows(*next)) {
        return Why::Frees { openshift: next.to_string() };
    }
    let Some(last) = index.checked_sub(1).and_then(|last| stages.get(last)) else { return Why::First };
    let reach = way.reach(last.minor);
    if at > reach
        && let Some(needed) = &way.stand(reach + 1).kubernetes
    {
        return Why::NeedsKubernetes { kubernetes: needed.to_string() };
    }
    match (way.catalog_minor().filter(|made_for| *made_for > last.minor), last.next) {
        (Some(made_for), _) => Why::CatalogFor { openshift: made_for.to_string() },
        (None, Some(next)) => Why::WouldHaveBlocked { openshift: next.to_string() },
        (None, None) => Why::First,
    }
}
