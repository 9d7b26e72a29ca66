//! The chapters of the runbook that take the cluster itself further, with the operators that move before and after.

mod chinese;
mod english;
mod korean;
mod message;
mod update;

pub(super) use chinese::say as chinese;
pub(super) use english::say as english;
pub(super) use korean::say as korean;
pub(super) use message::Cluster;

use crate::emit::files::Work;
use crate::emit::names::Kind;
use crate::emit::releases::EmittedRelease;
use crate::emit::runbook::message::Message;
use crate::emit::runbook::model::{apply, boxed, step};
use crate::emit::runbook::operators;
use crate::emit::runbook::render::{Block, Expect, Section, Step};
use crate::release::{EusStep, ReleaseHop};

/// One update of the cluster.
#[derive(Debug, Clone, Copy)]
struct Update<'a> {
    /// What it leads to.
    release: &'a EmittedRelease,
    /// The hop of the plan; nothing where nobody said what runs.
    hop: Option<&'a ReleaseHop>,
    /// Whether the pools of workers stand still while it runs, and the release where they go on.
    paused_until: Option<&'a str>,
    /// Whether they are to be paused before it.
    pauses: bool,
}

/// The updates, in order.
fn updates<'a>(work: &Work<'a>) -> Vec<Update<'a>> {
    let releases = &work.input.releases;
    let bare = |release| Update { release, hop: None, paused_until: None, pauses: false };
    let Some(path) = releases.path else { return releases.of_cluster().map(bare).collect() };
    let mut paused_until = None;
    let mut updates = Vec::new();
    for (index, hop) in path.hops.iter().enumerate() {
        let Some(release) = releases.reached_by(hop) else { continue };
        let was = paused_until;
        match hop.eus {
            Some(EusStep::Through) => {
                let later = path.hops.iter().skip(index);
                let reached = later.clone().find(|later| later.eus == Some(EusStep::Reached));
                paused_until = reached.map(|reached| reached.version.as_str());
            }
            Some(EusStep::Reached) => paused_until = None,
            None => {}
        }
        let pauses = was.is_none() && paused_until.is_some();
        updates.push(Update { release, hop: Some(hop), paused_until, pauses });
    }
    updates
}

/// What the releases are in the list of what changes.
pub(super) fn changes(work: &Work<'_>) -> Vec<Block> {
    let releases = &work.input.releases;
    let hops = releases.path.map(|path| path.hops.as_slice()).unwrap_or_default();
    let moves = releases.path.filter(|_| !hops.is_empty()).map(|path| Cluster::Moves {
        from: path.from.clone(),
        to: path.to.clone(),
        hops: hops.len(),
    });
    let reached: Vec<_> =
        hops.iter().filter_map(|hop| releases.reached_by(hop)).map(|one| &one.image).collect();
    let beside = releases.releases.iter().filter(|release| !reached.contains(&&release.image));
    let present = beside.map(|release| Cluster::Present { version: releases.name_of(release) });
    moves.into_iter().chain(present).map(|said| Block::Item(said.into())).collect()
}

/// What comes before the first update, while everything still runs as it did.
pub(super) fn before(work: &Work<'_>) -> Vec<Block> {
    if updates(work).is_empty() {
        return Vec::new();
    }
    vec![
        boxed(Step {
            text: Cluster::Etcd.into(),
            commands: vec![
                "NODE=$(oc get nodes -l node-role.kubernetes.io/master -o jsonpath='{.items[0].metadata.name}')".to_owned(),
                "oc debug --as-root \"node/$NODE\" -- chroot /host /usr/local/bin/cluster-backup.sh /home/core/assets/backup"
                    .to_owned(),
            ],
            expect: Expect::Like(Cluster::EtcdExpect.into()),
            otherwise: Some(Cluster::EtcdElse.into()),
        }),
        step(
            Cluster::Overrides.into(),
            "oc get clusterversion version -o jsonpath='{.spec.overrides}' | grep -F '\"unmanaged\":true'",
            Expect::Nothing,
            Cluster::OverridesElse.into(),
        ),
    ]
}

/// What a cluster must have before it is asked to run another release.
pub(super) fn signatures(work: &Work<'_>) -> Option<Section> {
    let mut blocks = Vec::new();
    for filed in &work.cluster {
        match filed.object.kind {
            Kind::ConfigMap => blocks.push(apply(filed, Message::ApplyElse)),
            Kind::UpdateService => {
                blocks.push(apply(filed, Cluster::UpdateServiceElse.into()));
                blocks.extend(update_service(&filed.object.name));
            }
            _ => {}
        }
    }
    (!blocks.is_empty()).then_some(Section { heading: Message::Releases, blocks })
}

fn update_service(name: &str) -> [Block; 2] {
    let uri = format!(
        "oc -n openshift-update-service get updateservice {name} -o jsonpath='{{.status.policyEngineURI}}'"
    );
    [
        step(
            Cluster::PolicyEngine.into(),
            format!("{uri}; echo"),
            Expect::Like(Cluster::PolicyEngineExpect.into()),
            Cluster::PolicyEngineElse.into(),
        ),
        boxed(Step {
            text: Cluster::Upstream.into(),
            commands: vec![
                format!("URI=$({uri})"),
                r#"oc patch clusterversion version --type merge -p "{\"spec\":{\"upstream\":\"$URI/api/upgrades_info/v1/graph\"}}""#
                    .to_owned(),
            ],
            expect: Expect::Like(Message::Patched),
            otherwise: None,
        }),
    ]
}

/// Operators and updates in their order; the operators alone where there is no release.
pub(super) fn sections(work: &Work<'_>) -> Vec<Section> {
    let updates = updates(work);
    let Some(last) = updates.last() else { return vec![operators::section(work)] };
    let mut sections = Vec::new();
    for (stage, update) in updates.iter().enumerate() {
        let version = update.release.version.to_string();
        sections.extend(operators::at_stage(work, stage, Cluster::OperatorsBefore { version }.into()));
        sections.push(update::section(work, stage, update));
    }
    let version = last.release.version.to_string();
    sections.extend(operators::at_stage(work, updates.len(), Cluster::OperatorsAfter { version }.into()));
    sections
}

/// What is said of the way back, where the cluster itself moves.
pub(super) fn back(work: &Work<'_>) -> Option<Block> {
    (!updates(work).is_empty()).then_some(Block::Warning(Cluster::NoWayBack.into()))
}
