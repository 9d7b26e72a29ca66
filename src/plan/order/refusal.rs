//! Why there is no order, and what to look at where there is one.

use crate::finding::Finding;
use crate::plan::order::schedule::Stage;
use crate::plan::order::way::{Ceiling, OperatorWay, Stand};
use crate::release::Minor;
use crate::text::Safe;

/// OpenShift would refuse a minor release, whatever this plan does with the operator.
pub(super) fn blocked(way: &OperatorWay, stages: &[Stage], at: usize) -> Option<Finding> {
    let stage = stages.get(at)?;
    let next = stage.next?;
    let reach = way.reach(stage.minor);
    let later = way.hops.get(reach..).unwrap_or_default().iter();
    let waiting = later.clone().find(|stand| stand.ceiling.allows(next));
    let runs = limit(&way.runs);
    let (message, hint) = match (waiting, &way.offer) {
        (Some(stand), _) => (
            format!(
                "{runs}: OpenShift refuses {next}; `{}` allows it, and needs Kubernetes {} on the way, which OpenShift {} has not: each \
                 waits for the other",
                Safe(&stand.name),
                needed(&way.hops, reach),
                stage.minor
            ),
            "ask for a version of it in between, which runs on the one and allows the other".to_owned(),
        ),
        (None, Some(_)) if !way.hops.is_empty() => (
            format!(
                "{runs}, and no version of it in this plan allows {next}: OpenShift refuses that release"
            ),
            format!(
                "ask for a version that allows {next} (a later `maxVersion`, another channel, the catalog v{next}), or remove the operator from \
                 the cluster first"
            ),
        ),
        _ => (
            format!("{runs}, and this plan does not move it: OpenShift refuses {next}"),
            format!(
                "add its package to the ImageSetConfiguration, with a version that allows {next}, or remove the operator from the cluster first"
            ),
        ),
    };
    Some(Finding::error("OPENSHIFT_BLOCKED", way.subject(), message).hint(hint))
}

/// The Kubernetes that keeps an operator where it is.
fn needed(hops: &[Stand], reach: usize) -> String {
    let stand = hops.get(reach).and_then(|stand| stand.kubernetes.as_ref());
    stand.map_or_else(|| "that is newer".to_owned(), ToString::to_string)
}

fn limit(stand: &Stand) -> String {
    let name = Safe(&stand.name);
    match &stand.ceiling {
        Ceiling::At(last) => format!("`{name}` is good for OpenShift {last} at most"),
        Ceiling::Unreadable(text) => {
            format!("`{name}` says `{}` as its highest OpenShift, which OLM cannot read", Safe(text))
        }
        Ceiling::Open | Ceiling::Unknown => format!("`{name}` runs"),
    }
}

/// What is asked for needs a newer Kubernetes than the plan gets to.
pub(super) fn stays_pending(way: &OperatorWay, stages: &[Stage], places: &[usize]) -> Option<Finding> {
    let (last, at) = (stages.last()?, *places.last()?);
    let stand = way.hops.get(at)?;
    let message = format!(
        "`{}` needs Kubernetes {}, and the plan ends with OpenShift {}: it would stay Pending",
        Safe(&stand.name),
        needed(&way.hops, at),
        last.minor
    );
    let hint = match stand.kubernetes.as_ref().and_then(Minor::of_kubernetes) {
        Some(minor) => {
            format!("plan as far as OpenShift {minor}, or ask for an older version with `maxVersion`")
        }
        None => "ask for an older version with `maxVersion`".to_owned(),
    };
    Some(Finding::error("KUBERNETES_TOO_OLD", way.subject(), message).hint(hint))
}

/// What runs when a minor release is entered, and nobody knows what it forbids.
pub(super) fn unknown(way: &OperatorWay, stages: &[Stage], places: &[usize]) -> Option<Finding> {
    let entering = stages.iter().zip(places).filter_map(|(stage, at)| Some((stage.next?, way.stand(*at))));
    let (next, stand) = entering.into_iter().find(|(_, stand)| stand.ceiling == Ceiling::Unknown)?;
    let name = Safe(&stand.name);
    let message = format!(
        "nobody knows how far OpenShift may go while `{name}` runs: whether it enters {next} shows only then"
    );
    let hint = format!(
        "give `--cluster` with a dump of `oc get csv -A -o json`, or look for olm.maxOpenShiftVersion in `oc get csv {name} -A -o yaml`"
    );
    Some(Finding::warning("OPENSHIFT_LIMIT_UNKNOWN", way.subject(), message).hint(hint))
}

/// A version that must run before the cluster is what its catalog is made for.
pub(super) fn ahead(way: &OperatorWay, stages: &[Stage], places: &[usize]) -> Option<Finding> {
    let made_for = way.catalog_minor()?;
    let early = |(stage, at): &(&Stage, &usize)| stage.next.is_some() && **at > 0 && made_for > stage.minor;
    let (stage, at) = stages.iter().zip(places).find(early)?;
    let (name, minor) = (Safe(&way.stand(*at).name), stage.minor);
    let message = format!(
        "`{name}` must run while the cluster is still OpenShift {minor}, and its catalog is for {made_for}: its vendor may not support that"
    );
    let hint = format!(
        "take it from the catalog v{minor} where that has it: add that catalog to the ImageSetConfiguration and the site file"
    );
    Some(Finding::warning("AHEAD_OF_CATALOG", way.subject(), message).hint(hint))
}
