//! The runbook in English.

use crate::emit::runbook::message::{Message, codes, weight};
use crate::emit::runbook::{backward, openshift, port};
use crate::plan::HopEdge;
use crate::text::{Code, Prose, Sentence, Word, counted};

#[expect(clippy::too_many_lines, reason = "one sentence a line, nothing else")]
pub(super) fn say(message: &Message) -> String {
    use Message as M;
    match message {
        M::Title { site, generation } => format!("Upgrade runbook: site {}, generation {generation}", Code(site)),
        M::Intro => "Work from the folder that holds this file, from top to bottom, and tick each box. Under each command stands what it must print. Where it prints something else, stop there and do what stands below it before you go on. The images are in the production registry already; no operator moves before chapter “Operators”. The same in [한국어](RUNBOOK.ko.md) and [中文](RUNBOOK.zh.md).".into(),
        M::Archive { file } => format!("Archive: {}", Code(file)),
        M::Inventory { digest } => format!("Inventory: {}", Code(digest)),
        M::Signers { keys } => format!("Signed by: {}", Code(keys)),
        M::Finished { time } => format!("Imported: {}", Code(time)),
        M::Tool { name } => format!("Written by: {}", Code(name)),
        M::Production { registry } => format!("Production registry: {}", Code(registry)),
        M::OpenShift { version } => format!("OpenShift, by the dump of the cluster: {}", Code(version)),
        M::ClusterNotAsked => "No dump of the cluster was given, so Subscriptions and taken names are not known; the steps below ask for them.".into(),

        M::Changes => "What changes".into(),
        M::CatalogServed { name, image } => format!("Catalog {} serves {}", Code(name), Code(image)),
        M::PackageMoves { package, place, from, to, hops } => format!("{}{}: {} → {}, {}", Code(package), at(place.as_ref()), Code(from), Code(to), counted(*hops, "hop")),
        M::PackageThere { package, place, csv } => format!("{}{}: is at {} already", Code(package), at(place.as_ref()), Code(csv)),
        M::PackageOffered { package, required_by } => format!("{}: offered, none of it is known to run ({})", Code(package), why(required_by)),
        M::PackageElsewhere { package, place, csv } => format!("{}{}: runs {}, which is not on the planned path", Code(package), at(place.as_ref()), Code(csv)),
        M::NodesNothing => "Nodes: the mirror configuration stays as it is; nothing is drained, nothing reloads.".into(),
        M::NodesReload => "Nodes: digest mirrors are added. Nodes reload their registry configuration one after the other; no node is drained, none reboots.".into(),
        M::NodesDrain => "Nodes: **every node is drained, one after the other.** Do chapter “Mirror configuration” in a maintenance window, and look for PodDisruptionBudgets that would stop a drain. The reasons:".into(),
        M::NodesUnknown => "Nodes: without a dump of the cluster it is not known what changes for them. Adding digest mirrors drains no node. Adding or removing tag mirrors (ImageTagMirrorSet), and removing anything, drains every node, one after the other: look first with `oc diff --server-side --field-manager=ombundle -f cluster/`.".into(),
        M::DrainTagMirrors { source } => format!("tag mirrors of {} are added or removed", Code(source)),
        M::DrainRemoved { source } => format!("a digest mirror of {} goes away", Code(source)),
        M::Findings => "Findings".into(),
        M::FindingSays { finding } => {
            let hint = if finding.hint.is_empty() { String::new() } else { format!(" Remedy: {}.", Sentence(&finding.hint)) };
            format!("**{}** {} {}: {}.{hint}", weight(finding.severity), Code(&finding.code), Prose(&finding.subject), Sentence(&finding.message))
        }

        M::Before => "Before you begin".into(),
        M::LoggedIn => "You are logged in to the right cluster, as a cluster administrator.".into(),
        M::LoggedInExpect => "the address of this cluster's API server, then `yes`.".into(),
        M::LoggedInElse => "log in with `oc login`, or choose another `KUBECONFIG`.".into(),
        M::Healthy => "Every ClusterOperator is available, at rest and healthy.".into(),
        M::HealthyElse => "mend what is listed first: `oc describe clusteroperator NAME`. An upgrade of operators on a degraded cluster hides causes.".into(),
        M::Pools => "Every machine config pool is up to date, and none is paused.".into(),
        M::PoolsExpect => "a line for each pool that ends in `paused=false updated=True degraded=False`.".into(),
        M::PoolsElse => "wait for a running update (`oc get machineconfigpool -w`). A paused pool does not get the mirror configuration: unpause it with `oc patch machineconfigpool NAME --type merge -p '{\"spec\":{\"paused\":false}}'` unless it is paused on purpose.".into(),
        M::PullSecret { registry } => format!("The cluster has credentials for {}.", Code(registry)),
        M::PullSecretElse { registry } => format!("if {} lets anybody pull, go on. Else add an entry to the pull secret; take the old content along, never replace it: `oc -n openshift-config set data secret/pull-secret --from-file=.dockerconfigjson=merged.json`. This drains no node.", Code(registry)),
        M::DefaultSources => "The default catalogs of OperatorHub, which are out of reach here, are switched off.".into(),
        M::DefaultSourcesElse => "a catalog that cannot be reached stops OLM in every namespace. Unless catalogs of your own bear the default names, switch them off: `oc patch operatorhub cluster --type merge -p '{\"spec\":{\"disableAllDefaultSources\":true}}'`.".into(),
        M::Save => "What is there now is kept for comparison and for the way back.".into(),
        M::SaveElse => "see to it that you may write to this folder, and that `oc` has not lost the cluster.".into(),

        M::Mirrors => "Mirror configuration".into(),
        M::Releases => "Signatures of OpenShift releases, and the update service".into(),
        M::Apply { file } => format!("Apply {}.", Code(file)),
        M::ApplyElse => "`Apply failed with … conflicts` means that somebody else has set these fields: read in the message who, and agree with them. Never add `--force-conflicts` before that is understood. `Unauthorized` or `Forbidden`: you are not a cluster administrator.".into(),
        M::PoolsSettle => "Wait until every node has the configuration.".into(),
        M::PoolsSettleExpect => "a line for each pool that ends in `condition met`.".into(),
        M::PoolsSettleElse => "`oc get machineconfigpool` shows which pool hangs, `oc describe machineconfigpool NAME` why. `DEGRADED True` right after applying mostly means two mirror sets with different `mirrorSourcePolicy` for one source. A drain that hangs mostly waits for a PodDisruptionBudget: `oc -n openshift-machine-config-operator logs deployment/machine-config-controller`. An error of the connection instead (`connection refused`, `EOF`): an API server restarts with its node; give the command again.".into(),
        M::NodeFile => "A node knows the mirrors. (Repeat with a node of each pool.)".into(),
        M::NodeFileElse => "the pool has not got there yet, or is paused: go back to the step before.".into(),

        M::Hold => "Hold what would start by itself".into(),
        M::HoldWhy => "These Subscriptions have `installPlanApproval: Automatic`. As soon as OLM sees the new catalog it would begin to upgrade them unasked. They are set to `Manual` for the time of this upgrade, and back at its end unless chapter “Operators” says otherwise.".into(),
        M::HoldFindWhy => "A Subscription with `installPlanApproval: Automatic` begins to upgrade as soon as OLM sees the new catalog, unasked. Without a dump of the cluster it is not known whether there is one.".into(),
        M::HoldFind { catalog } => format!("No Subscription on catalog {} is upgraded by itself.", Code(catalog)),
        M::HoldFindElse => "set each of them to `Manual` for the time of this upgrade, and note it down: `oc -n NAMESPACE patch subscription.operators.coreos.com NAME --type merge -p '{\"spec\":{\"installPlanApproval\":\"Manual\"}}'`.".into(),
        M::Patch { namespace, name } => format!("Set Subscription {} to `Manual`.", Code(&format!("{namespace}/{name}"))),
        M::PatchElse => "`patched (no change)` is right too: it was so already. `NotFound`: the Subscription has gone since the cluster was dumped; dump it again and emit again.".into(),

        M::Catalogs => "Catalogs".into(),
        M::CatalogsWhy => "From here on the cluster sees the new catalog. A CatalogSource in `openshift-marketplace` that is not READY stops OLM **in every namespace**, so do the checks at once; if they fail and you do not see why, take chapter “The way back” first and search then.".into(),
        M::CatalogPod { name } => format!("The pod of {} runs this catalog.", Code(name)),
        M::CatalogPodElse { name } => format!("for a minute or two the former pod may show as well: ask again. `ImagePullBackOff`: credentials, the registry's certificate authority or the mirror are missing. `CrashLoopBackOff`: `oc -n openshift-marketplace logs -l olm.catalogSource={name}`. No pod at all: `oc -n openshift-marketplace describe catalogsource {name}`."),
        M::CatalogReady { name } => format!("OLM can talk to {}.", Code(name)),
        M::CatalogReadyElse { name } => format!("`oc -n openshift-marketplace describe pod -l olm.catalogSource={name}` and its log say why. If it is not clear in five minutes, take the way back."),
        M::Heads { package } => format!("The catalog offers {}.", Code(package)),
        M::HeadsExpect { channel, csv } => format!("a line that begins with {}; its CSV is {} or a newer one.", Code(channel), Code(csv)),
        M::HeadsElse { catalog } => format!("the list is filled some seconds after the pod is ready: ask again. If the package stays away, the pod serves another catalog than this one: compare its image with `cluster/`, and look at `oc -n openshift-marketplace logs -l olm.catalogSource={catalog}`."),
        M::ApplyClusterCatalogElse => "`no matches for kind \"ClusterCatalog\"` means that this cluster has no OLM v1 (it came with OpenShift 4.18 and can be left out): skip this file and its check; nothing else needs them. Conflicts: agree with the one who is named in the message.".into(),
        M::Serving { name } => format!("OLM v1 serves {}.", Code(name)),
        M::ServingElse { name } => format!("`oc describe clustercatalog {name}`: condition `Progressing` has the reason. It matters only for ClusterExtensions; Subscriptions do not depend on it."),
        M::Cross { place, catalog } => format!("Subscription {} follows its package to catalog {}: now, while the other catalog still offers it too.", Code(place), Code(catalog)),
        M::CrossUnknown { package, catalog, beside } => format!("{} is offered by catalog {} from now on. Switch its Subscriptions before the next step if they name {} (the commands are below): as soon as that catalog has lost it, OLM resolves nothing in their namespaces until they are switched. What runs goes on running.", Code(package), Code(catalog), Code(beside)),

        M::Operators => "Operators".into(),
        M::OperatorsWhy => "One operator after the other, one hop after the other, in this order. OLM makes one InstallPlan for each hop and waits for approval.".into(),
        M::TogetherUnknown => "OLM resolves a namespace as a whole. Where several of these operators are in one namespace, first find and switch the Subscription of each of them, and only then approve anything there.".into(),
        M::Namespace { namespace } => format!("Namespace {}", Code(namespace)),
        M::NamespaceWhy => "OLM resolves a namespace as a whole: one Subscription that still names what is gone stops them all. So all of them are switched before anything is approved here. One InstallPlan may then hold hops of several of them.".into(),
        M::NoOperators => "This archive delivers no operator: there is nothing to do in this chapter.".into(),
        M::Operator { package, place } => format!("{}{}", Code(package), at(place.as_ref())),
        M::Reason { required_by } => format!("Why it is here: {}.", why(required_by)),
        M::HopsLeft { from, to } => format!("The way: {} → {}", Code(from), codes(to, " → ")),
        M::NothingRuns { package } => format!("None of it is known to run, so nothing is upgraded. Where another operator requires it, OLM installs it by itself. To install it on purpose, create a Subscription for {} with `installPlanApproval: Manual`.", Code(package)),
        M::AlreadyThere { csv } => format!("{} runs already. Only its Subscription is pointed to the catalog.", Code(csv)),
        M::NotOnPath { csv } => format!("{} runs, which is not on the planned path: **approve no InstallPlan of it, and do not touch its Subscription here.** Plan anew with a site report of this cluster.", Code(csv)),
        M::StaysHeld { place } => format!("Subscription {} was set to `Manual` above and **stays so**: with `Automatic` OLM would install or upgrade it on a way that nobody has planned. Give `Automatic` back with the upgrade that is planned for it.", Code(place)),
        M::MinKube { csv, version } => format!("{} needs Kubernetes {} or newer (`oc version` shows it as “Kubernetes Version”). On an older one its CSV stays `Pending`: upgrade OpenShift first.", Code(csv), Code(version)),
        M::MaxOpenShift { csv, version, cluster } => format!("{} is good for OpenShift {} at most{}. While it runs, OpenShift refuses to be upgraded beyond that.", Code(csv), Code(version), cluster.as_ref().map(|cluster| format!("; this cluster has {}", Code(cluster))).unwrap_or_default()),
        M::Find { package } => format!("Find the Subscription of {}.", Code(package)),
        M::FindExpect => "one line: namespace, name, package, approval, source, channel. Note down approval, source and channel for the way back.".into(),
        M::FindElse => "no line: it is not installed, skip this operator. Several lines: do the steps below for each of them.".into(),
        M::FindSet => "Put its namespace and name into two variables, for the commands below.".into(),
        M::Switch { catalog, channel: Some(channel) } => format!("Point the Subscription to catalog {}, channel {}, with manual approval.", Code(catalog), Code(channel)),
        M::Switch { catalog, channel: None } => format!("Point the Subscription to catalog {}, in its channel, with manual approval.", Code(catalog)),
        M::NextChannel { channel } => format!("Go on in channel {}.", Code(channel)),
        M::Resolved => "OLM finds a way.".into(),
        M::ResolvedElse { catalog } => format!("the message names the Subscription, catalog or dependency that stops the whole namespace; it need not be this one. It may be from before the switch: ask again after a minute. To make OLM look at once: `oc -n openshift-marketplace delete pod -l olm.catalogSource={catalog}`."),
        M::Plan { csv, from, number, of, edge } => format!("Hop {number} of {of}: {} → {} ({}). OLM proposes exactly this.", Code(from), Code(csv), allowed_by(*edge)),
        M::PlanExpect { csv } => format!("a line that begins with `false` and names {}. Other names in it must stand in this runbook too.", Code(csv)),
        M::PlanElse { csv, catalog } => format!("the line begins with `true` and names {0}: it came along in an InstallPlan that was approved before; leave out the approval and go on with the wait for it. The line begins with `true` and names an earlier hop: OLM has not made the new plan yet, ask again after a minute (`oc -n openshift-marketplace delete pod -l olm.catalogSource={catalog}` makes it look at once). Another CSV than {0}: do not approve; compare the Subscription's channel and source with the patch.", Code(csv)),
        M::Approve { csv } => format!("Approve {}.", Code(csv)),
        M::Patched => "a line that ends in `patched`, or in `patched (no change)` where it was so already.".into(),
        M::Succeeded { csv } => format!("Wait for {}.", Code(csv)),
        M::SucceededElse { namespace, csv } => format!("`NotFound`: its bundle is still being unpacked, ask again. `timed out`: {} has the reason. `BundleUnpackFailed` in the Subscription: the unpack job in `openshift-marketplace` could not pull the bundle; mend that, delete the failed job and the InstallPlan, and OLM tries again. `Pending` with `minKubeVersion`: OpenShift must be upgraded first.", Code(&format!("oc -n {namespace} describe clusterserviceversion {}", Word(csv)))),
        M::Installed { csv } => format!("The Subscription says {} too.", Code(csv)),
        M::InstalledElse => "wait a minute and ask again; the Subscription follows the CSV.".into(),
        M::Release => "Give back the automatic approval that it had before.".into(),
        M::ReleaseUnknown => "If you noted down `Automatic` for this Subscription, give it back. (Else leave this out.)".into(),
        M::ReleaseUnknownElse => "see that `NS` and `SUB` are still set.".into(),

        M::After => "After the upgrade".into(),
        M::NoUnhappySubscription => "No Subscription in any namespace complains.".into(),
        M::NoUnhappySubscriptionElse => "`oc -n NAMESPACE describe subscription.operators.coreos.com NAME` has the message. Also Subscriptions that have nothing to do with this upgrade can be stopped by it.".into(),
        M::CsvsSucceeded => "Every operator has succeeded.".into(),
        M::CsvsSucceededElse => "`Replacing` and `Installing` pass by themselves: ask again. `Failed` or `Pending`: `oc -n NAMESPACE describe clusterserviceversion NAME`. What was so before stands in `before-operators.yaml`.".into(),
        M::NoNewPullErrors => "No pod has come to fail at pulling or starting.".into(),
        M::NoNewPullErrorsElse => "`oc -n NAMESPACE describe pod NAME` names the image. If it is a new one: `ombundle check --site site.yaml` tells whether production has it.".into(),
        M::StagingUnused { registry } => format!("Nothing in the cluster points to the staging registry {}.", Code(registry)),
        M::StagingUnusedElse => "something was set up by hand to pull from staging: point it to production before staging is emptied. `the server doesn't have a resource type \"clustercatalogs\"` is right too: this cluster has no OLM v1.".into(),
        M::PoolsAfter => "Every machine config pool is up to date.".into(),

        M::Back => "The way back".into(),
        M::BackWhen => "Take it when a catalog does not become READY, or before any hop was approved. Do the steps in this order. The images of the former catalog are still in production.".into(),
        M::BackSubscription { namespace, name } => format!("Point Subscription {} back to where it was.", Code(&format!("{namespace}/{name}"))),
        M::BackSubscriptionUnknown => "Where the Subscriptions were not known when this was written, set source and channel back to what you noted down; `before-operators.yaml` has it too. Leave the approval at `Manual` until the former catalogs are there again.".into(),
        M::BackRelease { namespace, name } => format!("Give Subscription {} its automatic approval back.", Code(&format!("{namespace}/{name}"))),
        M::BackReleaseUnknown => "Only now give `Automatic` back to the Subscriptions for which you noted it down; `before-operators.yaml` has it too.".into(),
        M::BackCatalog { name, image } => format!("Catalog {} served {} before.", Code(name), Code(image)),
        M::BackCatalogElse { name } => format!("`oc -n openshift-marketplace describe pod -l olm.catalogSource={name}` and its log say why. OLM does nothing until it is READY. Give no Subscription `Automatic` back before that."),
        M::BackRemove { name } => format!("{} did not exist before: remove it. First see to it that no Subscription names it.", Code(name)),
        M::BackRemoveExpect => "a line with `deleted`.".into(),
        M::BackRemoveElse => "`NotFound` is right too: it was not there.".into(),
        M::BackNoDowngrade => "**OLM does not downgrade.** An operator that has been upgraded stays so when the catalog goes back. If an upgraded operator fails, go forward to a mended version where you can. As the last resort delete its Subscription and CSV (never its CRDs) and install the former version with `startingCSV`; that works only if the former version can read what the newer one has stored.".into(),
        M::BackMirrors => "Leave the mirror configuration as it is: it does no harm, and removing it would drain every node.".into(),
        M::BackRegistry => "The tag in the production registry may stay on the new catalog, as the cluster goes by digest. The former catalog is kept there under the tag that ends in `-prev-` and the number of this generation.".into(),

        M::Cluster(message) => openshift::english(message),
        M::Port(message) => port::english(message),
        M::Backward(message) => backward::english(message),

        M::Records => "Records".into(),
        M::RecordReceipt => "Keep `receipt.json` with the change record, and carry a copy out: the next `ombundle plan --report receipt.json` starts from it.".into(),
        M::RecordCatalogs => "Commit `catalogs/` to Git: its difference to the last commit is what this upgrade changed in the catalogs.".into(),
        M::RecordArchive => "Keep this archive and the one before it until the upgrade has proved itself.".into(),
        M::RecordRunbook => "Keep this runbook with its boxes ticked, and the `before-*` files.".into(),

        M::Expected => "Expected:".into(),
        M::ExpectedNothing => "Expected: no output.".into(),
        M::ExpectedAmong => "Expected, each of these lines at least once:".into(),
        M::Otherwise => "Otherwise:".into(),
    }
}

fn at(place: Option<&String>) -> String {
    place.map(|place| format!(" (Subscription {})", Code(place))).unwrap_or_default()
}

fn why(packages: &[String]) -> String {
    if packages.is_empty() { "asked for".into() } else { format!("required by {}", codes(packages, ", ")) }
}

fn allowed_by(edge: HopEdge) -> &'static str {
    match edge {
        HopEdge::Replaces => "it replaces the former",
        HopEdge::Skips => "it skips the former",
        HopEdge::SkipRange => "its skipRange holds the former",
        HopEdge::Bridge => "its CSV says that it replaces the former; the catalog lost this",
    }
}
