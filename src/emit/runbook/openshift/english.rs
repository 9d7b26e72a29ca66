//! What a runbook says of OpenShift itself, in English.

use crate::emit::runbook::openshift::message::Cluster;
use crate::text::{Code, Prose};

pub(in crate::emit::runbook) fn say(message: &Cluster) -> String {
    use Cluster as C;
    match message {
        C::Moves { from, to, hops } => format!("OpenShift: {} → {}, {}", Code(from), Code(to), if *hops == 1 { "one update".to_owned() } else { format!("{hops} updates") }),
        C::Present { version } => format!("OpenShift {} is in production", Code(version)),
        C::DrainOlder { version } => format!("OpenShift {} is older than 4.12: whether it drains nodes when mirrors are added differs between its versions. Count on it.", Code(version)),

        C::Etcd => "Save etcd. It is the only way back if the control plane is lost in the update.".into(),
        C::EtcdExpect => "among the last lines `snapshot db and kube resources are successfully saved to /home/core/assets/backup`. Copy both files from the node to where backups are kept.".into(),
        C::EtcdElse => "do not begin. `oc get clusteroperator etcd` must be healthy; a disk that is full shows in the output.".into(),
        C::Overrides => "Nothing of the cluster version operator is switched off by hand.".into(),
        C::OverridesElse => "an override with `unmanaged: true` stops every update to another minor release: find out who needs it, and take it out of `spec.overrides` of the ClusterVersion.".into(),

        C::UpdateServiceElse => "`no matches for kind \"UpdateService\"` means that the OpenShift Update Service operator is not installed: skip this file and the two steps after it. Updates by digest, as below, do not need it.".into(),
        C::PolicyEngine => "The update service answers at an address.".into(),
        C::PolicyEngineExpect => "one line that begins with `https://`.".into(),
        C::PolicyEngineElse => "an empty line: its pods do not run yet, ask again. If it stays so: `oc -n openshift-update-service get pods`. A pod that cannot pull needs the registry's CA under the key `updateservice-registry` of the ConfigMap that `image.config.openshift.io/cluster` names.".into(),
        C::Upstream => "The cluster asks this update service.".into(),

        C::OperatorsBefore { version } => format!("Operators, before OpenShift {version}"),
        C::OperatorsAfter { version } => format!("Operators, after OpenShift {version}"),

        C::Update { from: Some(from), to } => format!("OpenShift {from} → {to}"),
        C::Update { from: None, to } => format!("OpenShift {to}"),
        C::Reason { from, conditional, kubernetes } => {
            let condition = if *conditional { "to clusters that the risks below do not concern" } else { "without a condition" };
            let kubernetes = kubernetes.as_ref().map(|version| format!(" It brings Kubernetes {version}.")).unwrap_or_default();
            format!("Why: it is recommended from {} {condition}.{kubernetes}", Code(from))
        }
        C::Risk { name, message, url } => format!("**A risk that was accepted: {}.** {} ({}) Find out whether this cluster is concerned before you begin.", Code(name), Prose(message), Prose(url)),
        C::Restarts => "Nodes: **every node is drained and restarted, one after the other in each pool.** Look for PodDisruptionBudgets that would stop a drain: `oc get poddisruptionbudgets -A`.".into(),
        C::RestartsControlPlane { reached } => format!("Nodes: the control plane is drained and restarted, node by node. The pools that are paused go on running as they are until OpenShift {reached} has been reached, and are restarted once."),
        C::Runs { version } => format!("OpenShift {} runs, and no update is under way.", Code(version)),
        C::RunsElse { version } => format!("`Partial`: an update is under way, wait for it (`oc adm upgrade`). Another version than {}: this chapter is not for this cluster as it is; plan anew from what runs.", Code(version)),
        C::RunsUnknown { version } => format!("It was not said what runs when this was planned. Look with `oc adm upgrade` whether {} may be reached from there, before anything else.", Code(version)),
        C::Channel { channel } => format!("The cluster is on channel {}.", Code(channel)),
        C::Allows { csv, last } => format!("{} allows OpenShift up to {}.", Code(csv), Code(last)),
        C::Forbids { csv, last, next } => format!("{} allows OpenShift up to {} only: **while it runs, OpenShift refuses {}.** Upgrade or remove it first.", Code(csv), Code(last), Code(next)),
        C::Gates => "What must be acknowledged before this minor release is left, as the cluster says.".into(),
        C::GatesExpect { minor } => format!("`{{}}` or nothing, or keys with a text each. Of the keys, those that begin with {} count here: each of them must have a step of its own below, or be acknowledged in the same way once its text has been read.", Code(&format!("ack-{minor}-"))),
        C::GatesElse => "`NotFound`: this cluster asks for no acknowledgement.".into(),
        C::Gate { key, text } => format!("Acknowledge {}, **when what it says is true for this cluster**: {}", Code(key), Prose(text)),
        C::Refuses => "No operator of the cluster refuses the next minor release.".into(),
        C::RefusesElse => "each line names who refuses: `oc get clusteroperator NAME -o yaml`, condition `Upgradeable`, has the reason. `operator-lifecycle-manager`: the message names the CSVs whose olm.maxOpenShiftVersion is too low.".into(),
        C::Pause { reached } => format!("Pause all pools but that of the control plane: their nodes then restart once, for OpenShift {}, and not for what is between. No mirror configuration and no certificate reaches a paused pool: do not leave it so.", Code(reached)),
        C::PauseExpect => "a line for each pool that ends in `patched`.".into(),
        C::PauseElse => "if a pool cannot be paused, go on without: its nodes then restart once more.".into(),
        C::Sigstore { version } => format!("From 4.21 on the cluster asks for a sigstore signature of the release image as well (ClusterImagePolicy `openshift`). That of {} is in production, beside the image.", Code(version)),
        C::SigstoreMissing { version } => format!("From 4.21 on the cluster asks for a sigstore signature of the release image as well (ClusterImagePolicy `openshift`), and **none of {} was carried.** Look with `oc get clusterimagepolicy openshift -o yaml` whether this cluster demands it; if so, pack again with access to the signature (tag `sha256-….sig` beside the release image).", Code(version)),
        C::Start { version } => format!("Begin the update to {}. The cluster verifies the signature of this very digest. Never add `--force`: it switches off that check and all others.", Code(version)),
        C::StartExpect => "a line that begins with `Requested update to`. A warning that the image is not one of the available updates is right where there is no update service.".into(),
        C::StartElse => "`error: … Progressing` or `Upgradeable`: the checks above are not met yet. Do not work around it.".into(),
        C::Accepted => "The cluster takes the release.".into(),
        C::AcceptedExpect => "a line that begins with `True`, within some minutes.".into(),
        C::AcceptedElse => "`unable to verify … against keyrings`: the signatures above were not applied, or are of another digest. `could not download` or `ImagePullBackOff`: nodes do not find the image in production; look at chapter “Mirror configuration” and at `oc -n openshift-cluster-version get pods`. A precondition that is not met is named; mend it, and never use `--force`.".into(),
        C::Completed { version } => format!("Wait until {} is there everywhere. It takes one to three hours.", Code(version)),
        C::CompletedElse => "`timed out`: `oc adm upgrade` says what it waits for, `oc get clusteroperators` who is degraded. An update goes on by itself once that is mended. Do not begin another one over it. An error of the connection instead (`connection refused`, `EOF`): API servers restart during the update, which goes on; give both commands again.".into(),
        C::Unpause => "Let the pools go on that were paused.".into(),
        C::UnpauseExpect => "a line for each pool that ends in `patched`, or in `patched (no change)`.".into(),
        C::UnpauseElse => "`oc get machineconfigpool` shows which pool is still paused: unpause it by hand.".into(),
        C::Settle => "Wait until every node of every pool has been restarted.".into(),

        C::NoWayBack => "**OpenShift does not go back to a former minor release.** What has failed is mended and goes on. A control plane that is lost is restored from the etcd backup taken before, which brings back the former state of the whole cluster and loses all that happened since; nodes that run a newer release by then must be installed anew. The release images that ran before stay in production.".into(),
    }
}
