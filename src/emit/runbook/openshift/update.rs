//! One update of the cluster: what must be true before, the command, and how one sees that it is done.

use std::collections::BTreeSet;

use crate::emit::files::Work;
use crate::emit::releases::upgrade_command;
use crate::emit::runbook::message::Message;
use crate::emit::runbook::model::{HEALTHY, boxed, exactly, step};
use crate::emit::runbook::openshift::{Cluster, Update};
use crate::emit::runbook::render::{Block, Expect, Section, Step};
use crate::plan::order::Ceiling;
use crate::release::{AdminGate, EusStep, Minor, ReleaseChange, ReleaseHop};
use crate::text::Word;
use crate::version::Version;

/// Since when a cluster asks for sigstore signatures of releases by default (openshift/api `ClusterImagePolicy`, OTA-1860).
const SIGSTORE: Minor = Minor { major: 4, minor: 21 };

const STATE: &str = r#"oc get clusterversion version -o jsonpath='{.status.history[0].version} {.status.history[0].state}{"\n"}'"#;

/// Patches every pool but that of the control plane.
fn pools_but_masters(paused: bool) -> String {
    format!(
        r#"oc get machineconfigpool -o name | grep -v '/master$' | xargs -I POOL oc patch POOL --type merge -p '{{"spec":{{"paused":{paused}}}}}'"#
    )
}

pub(super) fn section(work: &Work<'_>, stage: usize, update: &Update<'_>) -> Section {
    let version = update.release.version.to_string();
    let mut blocks = Vec::new();
    blocks.extend(update.hop.iter().flat_map(|hop| reasons(hop)));
    blocks.push(Block::Warning(match update.paused_until {
        Some(reached) => Cluster::RestartsControlPlane { reached: reached.to_owned() }.into(),
        None => Cluster::Restarts.into(),
    }));
    blocks.push(match update.hop {
        Some(hop) => step(
            Cluster::Runs { version: hop.from.clone() }.into(),
            STATE,
            exactly(format!("{} Completed", hop.from)),
            Cluster::RunsElse { version: hop.from.clone() }.into(),
        ),
        None => Block::Warning(Cluster::RunsUnknown { version: version.clone() }.into()),
    });
    let leaves = |hop: &&ReleaseHop| hop.change != ReleaseChange::Patch;
    if let Some(hop) = update.hop.filter(leaves) {
        blocks.extend(minor(work, stage, hop));
    }
    if update.pauses {
        let reached = update.paused_until.unwrap_or_default().to_owned();
        blocks.push(step(
            Cluster::Pause { reached }.into(),
            pools_but_masters(true),
            Expect::Like(Cluster::PauseExpect.into()),
            Cluster::PauseElse.into(),
        ));
    }
    if let Some(channel) =
        work.input.releases.path.and_then(|path| path.channel.as_ref()).filter(|_| stage == 0)
    {
        blocks.push(self::channel(channel));
    }
    if Minor::of(&update.release.version) >= SIGSTORE {
        blocks.push(if update.release.sigstore {
            Block::Text(Cluster::Sigstore { version: version.clone() }.into())
        } else {
            Block::Warning(Cluster::SigstoreMissing { version: version.clone() }.into())
        });
    }
    blocks.extend(run(update, &version));
    blocks.extend(settle(update));
    let from = update.hop.map(|hop| hop.from.clone());
    Section { heading: Cluster::Update { from, to: version }.into(), blocks }
}

fn reasons(hop: &ReleaseHop) -> Vec<Block> {
    let kubernetes = hop.kubernetes.clone().filter(|_| hop.change != ReleaseChange::Patch);
    let (from, conditional) = (hop.from.clone(), !hop.risks.is_empty());
    let mut blocks = vec![Block::Text(Cluster::Reason { from, conditional, kubernetes }.into())];
    blocks.extend(hop.risks.iter().map(|risk| {
        let (name, message, url) = (risk.name.clone(), risk.message.clone(), risk.url.clone());
        Block::Warning(Cluster::Risk { name, message, url }.into())
    }));
    blocks
}

fn channel(channel: &str) -> Block {
    let body = serde_json::json!({"spec": {"channel": channel}}).to_string();
    boxed(Step {
        text: Cluster::Channel { channel: channel.to_owned() }.into(),
        commands: vec![format!("oc patch clusterversion version --type merge -p {}", Word(&body))],
        expect: Expect::Like(Message::Patched),
        otherwise: None,
    })
}

/// What blocks an update to another minor release, and an update within one does not care for.
fn minor(work: &Work<'_>, stage: usize, hop: &ReleaseHop) -> Vec<Block> {
    let (from, next) = match (Version::parse(&hop.from), Version::parse(&hop.version)) {
        (Ok(from), Ok(to)) => (Minor::of(&from), Minor::of(&to)),
        // Both were versions when the plan was made.
        _ => return Vec::new(),
    };
    let mut blocks = ceilings(work, stage, next);
    blocks.push(step(
        Cluster::Gates.into(),
        r#"oc -n openshift-config-managed get configmap admin-gates -o jsonpath='{.data}{"\n"}'"#,
        Expect::Like(Cluster::GatesExpect { minor: from.to_string() }.into()),
        Cluster::GatesElse.into(),
    ));
    blocks.extend(gates(work, from));
    blocks.push(step(
        Cluster::Refuses.into(),
        r#"oc get clusteroperators -o jsonpath='{range .items[*]}{.metadata.name} {.status.conditions[?(@.type=="Upgradeable")].status}{"\n"}{end}' | grep ' False$'"#,
        Expect::Nothing,
        Cluster::RefusesElse.into(),
    ));
    blocks
}

/// The acknowledgements that are known to be asked for before this minor version is left (their keys begin with it). Nobody but a person gives them.
fn gates(work: &Work<'_>, from: Minor) -> Vec<Block> {
    let releases = &work.input.releases;
    let carried = releases.releases.iter().flat_map(|release| &release.gates);
    let prefix = format!("ack-{from}-");
    let here = |gate: &&AdminGate| gate.key.starts_with(&prefix);
    let gates: BTreeSet<_> = carried.chain(releases.installed_gates).filter(here).collect();
    gates
        .into_iter()
        .map(|gate| {
            let body = serde_json::json!({"data": {&gate.key: "true"}}).to_string();
            boxed(Step {
                text: Cluster::Gate { key: gate.key.clone(), text: gate.text.clone() }.into(),
                commands: vec![format!(
                    "oc -n openshift-config patch configmap admin-acks --type merge -p {}",
                    Word(&body)
                )],
                expect: Expect::Like(Message::Patched),
                otherwise: None,
            })
        })
        .collect()
}

/// How far OpenShift may go while the operators run that will run then.
fn ceilings(work: &Work<'_>, stage: usize, next: Minor) -> Vec<Block> {
    let mut last: BTreeSet<(String, String)> = BTreeSet::new();
    let mut moved = BTreeSet::new();
    for course in &work.courses {
        let Some(hop) = course.reached(stage) else { continue };
        if let Some(found) = course.subscription {
            moved.insert((found.namespace.as_str(), course.package.name.as_str()));
        }
        let evidence = course.evidence(&hop.name);
        let says = evidence.and_then(|evidence| evidence.max_openshift_version.clone());
        last.extend(says.map(|says| (hop.name.clone(), says)));
    }
    for csv in work.input.cluster.iter().flat_map(|cluster| cluster.csvs.values()) {
        let package = csv.package.as_deref().unwrap_or_default();
        if !moved.contains(&(csv.namespace.as_str(), package)) {
            last.extend(csv.max_openshift_version.clone().map(|says| (csv.name.clone(), says)));
        }
    }
    let say = |(csv, last): (String, String)| {
        if Ceiling::parse(Some(&last)).allows(next) {
            Block::Item(Cluster::Allows { csv, last }.into())
        } else {
            Block::Warning(Cluster::Forbids { csv, last, next: next.to_string() }.into())
        }
    };
    last.into_iter().map(say).collect()
}

/// The command, and what the cluster makes of it.
fn run(update: &Update<'_>, version: &str) -> [Block; 3] {
    let met = "clusterversion.config.openshift.io/version condition met";
    [
        step(
            Cluster::Start { version: version.to_owned() }.into(),
            upgrade_command(&update.release.image),
            Expect::Like(Cluster::StartExpect.into()),
            Cluster::StartElse.into(),
        ),
        step(
            Cluster::Accepted.into(),
            r#"oc get clusterversion version -o jsonpath='{.status.conditions[?(@.type=="ReleaseAccepted")].status} {.status.conditions[?(@.type=="ReleaseAccepted")].message}{"\n"}'"#,
            Expect::Like(Cluster::AcceptedExpect.into()),
            Cluster::AcceptedElse.into(),
        ),
        boxed(Step {
            text: Cluster::Completed { version: version.to_owned() }.into(),
            commands: vec![
                // Asked at once, the last entry is still that of the update before.
                format!(
                    "oc wait clusterversion/version --for=jsonpath='{{.status.history[0].version}}'={version} --timeout=15m"
                ),
                "oc wait clusterversion/version --for=jsonpath='{.status.history[0].state}'=Completed --timeout=3h"
                    .to_owned(),
            ],
            expect: Expect::Exactly(vec![met.to_owned(), met.to_owned()]),
            otherwise: Some(Cluster::CompletedElse.into()),
        }),
    ]
}

/// The cluster comes to rest; pools that were paused go on where the update is the last of theirs.
fn settle(update: &Update<'_>) -> Vec<Block> {
    let mut blocks = vec![step(Message::Healthy, HEALTHY, Expect::Nothing, Message::HealthyElse)];
    if update.paused_until.is_some() {
        return blocks;
    }
    if update.hop.is_some_and(|hop| hop.eus == Some(EusStep::Reached)) {
        blocks.push(step(
            Cluster::Unpause.into(),
            pools_but_masters(false),
            Expect::Like(Cluster::UnpauseExpect.into()),
            Cluster::UnpauseElse.into(),
        ));
    }
    blocks.push(boxed(Step {
        text: Cluster::Settle.into(),
        commands: vec!["oc wait machineconfigpool --all --for=condition=Updated --timeout=3h".to_owned()],
        expect: Expect::Like(Message::PoolsSettleExpect),
        otherwise: Some(Message::PoolsSettleElse),
    }));
    blocks
}
