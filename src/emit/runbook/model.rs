//! What is in a runbook, and in which order: before, mirrors, catalogs, operators, after, the way back, records.

use std::collections::BTreeSet;

use crate::emit::course::{Course, Patch, Stand};
use crate::emit::files::Work;
use crate::emit::input::EmittedCatalog;
use crate::emit::mirrors::{DrainReason, NodeEffect};
use crate::emit::names::{Kind, MARKETPLACE, fit};
use crate::emit::patches::{patch_command, place};
use crate::emit::resources::{Filed, Object, has_cluster_catalogs};
use crate::emit::runbook::backward;
use crate::emit::runbook::message::Message;
use crate::emit::runbook::openshift::{self, Cluster};
use crate::emit::runbook::port;
use crate::emit::runbook::render::{Block, Expect, Runbook, Section, Step};
use crate::site::cluster::MANAGED_BY;
use crate::text::Word;

pub(super) const SUBSCRIPTION: &str = "subscription.operators.coreos.com";

/// Pods that cannot pull or start, by namespace and name.
const STUCK_PODS: &str = "oc get pods -A --no-headers | awk '/ImagePullBackOff|ErrImagePull|CrashLoopBackOff/ {print $1\"/\"$2}' | sort";

/// Parts of the cluster that are not available, still at work, or degraded.
pub(super) const HEALTHY: &str =
    "oc get clusteroperators --no-headers | awk '$3 != \"True\" || $4 != \"False\" || $5 != \"False\"'";

/// One line a pool: name, paused, updated, degraded.
const POOLS: &str = r#"oc get machineconfigpool -o jsonpath='{range .items[*]}{.metadata.name} paused={.spec.paused} updated={.status.conditions[?(@.type=="Updated")].status} degraded={.status.conditions[?(@.type=="Degraded")].status}{"\n"}{end}'"#;

pub(super) fn runbook(work: &Work<'_>) -> Runbook {
    let receipt = work.input.receipt;
    let mut facts = match backward::finished(work).or_else(|| port::finished(work)) {
        Some(finished) => vec![finished],
        None => vec![
            Message::Archive { file: receipt.archive.clone() },
            Message::Inventory { digest: receipt.inventory.to_string() },
            Message::Signers { keys: receipt.signers.join(", ") },
            Message::Finished { time: receipt.finished.clone() },
        ],
    };
    facts.push(Message::Tool { name: receipt.tool.clone() });
    facts.push(Message::Production { registry: work.input.site.spec.production.registry.to_string() });
    facts.extend(match work.input.cluster {
        None => Some(Message::ClusterNotAsked),
        Some(cluster) => cluster.openshift.clone().map(|version| Message::OpenShift { version }),
    });
    let mut sections = vec![changes(work), before(work)];
    sections.extend(mirrors(work));
    sections.extend(openshift::signatures(work));
    // Nothing new is offered on the way back.
    let back = work.input.back.as_ref();
    if !work.input.catalogs.is_empty() {
        sections.extend(back.map_or_else(|| hold(work), backward::channels));
        sections.push(catalogs(work));
    }
    if back.is_none() && work.input.former.is_none() {
        sections.extend(openshift::sections(work));
    }
    sections.extend(port::leave(work));
    sections.push(after(work));
    sections.extend(port::empty(work));
    sections.extend([way_back(work), records(work)]);
    let [title, intro] = backward::head(work).or_else(|| port::head(work)).unwrap_or_else(|| {
        let site = work.input.site.metadata.name.clone();
        [Message::Title { site, generation: receipt.generation }, Message::Intro]
    });
    Runbook { title, intro, facts, sections }
}

pub(super) fn boxed(step: Step) -> Block {
    Block::Step(Box::new(step))
}

/// A step whose output is the whole proof.
pub(super) fn step(text: Message, command: impl Into<String>, expect: Expect, otherwise: Message) -> Block {
    boxed(Step { text, commands: vec![command.into()], expect, otherwise: Some(otherwise) })
}

pub(super) fn exactly(line: impl Into<String>) -> Expect {
    Expect::Exactly(vec![line.into()])
}

/// A step that applies a patch to a Subscription.
pub(super) fn patch(text: Message, course: &Course<'_>, patch: &Patch) -> Block {
    let (namespace, name) = place(course);
    let printed = match course.subscription {
        Some(found) => exactly(format!("{SUBSCRIPTION}/{} patched", found.name)),
        None => Expect::Like(Message::Patched),
    };
    step(text, patch_command(&namespace, &name, patch), printed, Message::PatchElse)
}

fn changes(work: &Work<'_>) -> Section {
    let mut blocks = Vec::new();
    for catalog in work.input.catalogs.iter().filter(|catalog| !catalog.is_empty()) {
        blocks.push(Block::Item(Message::CatalogServed {
            name: fit(&catalog.name),
            image: catalog.image.to_string(),
        }));
    }
    for course in &work.courses {
        let package = course.package.name.clone();
        let place = place_of(course);
        blocks.push(Block::Item(match (&course.stand, course.target()) {
            (Stand::Before(from), Some(to)) => Message::PackageMoves {
                package,
                place,
                from: from.clone(),
                to: to.to_owned(),
                hops: course.hops(),
            },
            (Stand::Before(csv) | Stand::There(csv), _) => {
                Message::PackageThere { package, place, csv: csv.clone() }
            }
            (Stand::Elsewhere(csv), _) => Message::PackageElsewhere { package, place, csv: csv.clone() },
            (Stand::Absent, _) => {
                Message::PackageOffered { package, required_by: course.package.required_by.clone() }
            }
        }));
    }
    blocks.extend(openshift::changes(work));
    blocks.extend(port::changes(work));
    blocks.extend(backward::changes(work));
    blocks.push(Block::Item(nodes(&work.effect)));
    blocks.extend(drain_reasons(&work.effect));
    if !work.findings.is_empty() {
        blocks.push(Block::Heading(Message::Findings));
        let mut findings = work.findings.clone();
        findings.sort_by(|one, other| other.severity.cmp(&one.severity).then_with(|| one.cmp(other)));
        blocks.extend(findings.into_iter().map(|finding| Block::Item(Message::FindingSays { finding })));
    }
    Section { heading: Message::Changes, blocks }
}

/// `namespace/name` of the course's Subscription.
pub(super) fn place_of(course: &Course<'_>) -> Option<String> {
    course.subscription.map(|found| format!("{}/{}", found.namespace, found.name))
}

fn nodes(effect: &NodeEffect) -> Message {
    match effect {
        NodeEffect::Unknown => Message::NodesUnknown,
        NodeEffect::Nothing => Message::NodesNothing,
        NodeEffect::Reload => Message::NodesReload,
        NodeEffect::Drain(_) => Message::NodesDrain,
    }
}

fn drain_reasons(effect: &NodeEffect) -> Vec<Block> {
    let NodeEffect::Drain(reasons) = effect else { return Vec::new() };
    let say = |reason: &DrainReason| {
        Block::Item(match reason {
            DrainReason::TagMirrors(source) => Message::DrainTagMirrors { source: source.clone() },
            DrainReason::Removed(source) => Message::DrainRemoved { source: source.clone() },
            DrainReason::Older(version) => Cluster::DrainOlder { version: version.clone() }.into(),
        })
    };
    reasons.iter().map(say).collect()
}

fn before(work: &Work<'_>) -> Section {
    let registry = work.input.site.spec.production.registry.to_string();
    let quoted = format!("\"{registry}\"");
    let secret = format!(
        "oc -n openshift-config get secret pull-secret --template='{{{{index .data \".dockerconfigjson\" | base64decode}}}}' | grep -oF {} | head -n 1",
        Word(&quoted)
    );
    let sets = set_kinds(work);
    let save = vec![
        "oc get subscriptions.operators.coreos.com,clusterserviceversions,installplans -A -o yaml > before-operators.yaml"
            .to_owned(),
        "oc get catalogsources -A -o yaml > before-catalogs.yaml".to_owned(),
        format!("oc get {sets} -o yaml > before-mirrors.yaml"),
        format!("{STUCK_PODS} > before-pods.txt"),
    ];
    let mut blocks = vec![
        boxed(Step {
            text: Message::LoggedIn,
            commands: vec![
                "oc whoami --show-server".to_owned(),
                "oc auth can-i '*' '*' --all-namespaces".to_owned(),
            ],
            expect: Expect::Like(Message::LoggedInExpect),
            otherwise: Some(Message::LoggedInElse),
        }),
        step(Message::Healthy, HEALTHY, Expect::Nothing, Message::HealthyElse),
        step(Message::Pools, POOLS, Expect::Like(Message::PoolsExpect), Message::PoolsElse),
        step(
            Message::PullSecret { registry: registry.clone() },
            secret,
            exactly(quoted),
            Message::PullSecretElse { registry },
        ),
        step(
            Message::DefaultSources,
            r#"oc get operatorhub cluster -o jsonpath='{.spec.disableAllDefaultSources}{"\n"}'"#,
            exactly("true"),
            Message::DefaultSourcesElse,
        ),
        boxed(Step {
            text: Message::Save,
            commands: save,
            expect: Expect::Nothing,
            otherwise: Some(Message::SaveElse),
        }),
    ];
    blocks.extend(openshift::before(work));
    Section { heading: Message::Before, blocks }
}

/// The kinds of mirror sets. Before OpenShift 4.13 a cluster knows neither of the newer ones, and `oc get` of an unknown kind fails as a whole.
fn set_kinds(work: &Work<'_>) -> &'static str {
    if work.input.releases.legacy_icsp {
        "imagecontentsourcepolicies"
    } else {
        "imagedigestmirrorsets,imagetagmirrorsets"
    }
}

pub(super) fn apply(filed: &Filed, otherwise: Message) -> Block {
    let Object { kind, name, .. } = &filed.object;
    let command = format!("oc apply --server-side --field-manager={} -f {}", MANAGED_BY.1, Word(&filed.path));
    let printed = exactly(format!("{}/{name} serverside-applied", kind.full_resource()));
    step(Message::Apply { file: filed.path.clone() }, command, printed, otherwise)
}

fn is_mirror_set(filed: &Filed) -> bool {
    matches!(
        filed.object.kind,
        Kind::ImageDigestMirrorSet | Kind::ImageTagMirrorSet | Kind::ImageContentSourcePolicy
    )
}

fn mirrors(work: &Work<'_>) -> Option<Section> {
    let sets: Vec<_> = work.cluster.iter().filter(|filed| is_mirror_set(filed)).collect();
    if sets.is_empty() {
        return None;
    }
    let said = nodes(&work.effect);
    let mut blocks = match &work.effect {
        NodeEffect::Drain(_) => vec![Block::Warning(said)],
        NodeEffect::Unknown if sets.iter().any(|filed| filed.object.kind == Kind::ImageTagMirrorSet) => {
            vec![Block::Warning(said)]
        }
        _ => vec![Block::Text(said)],
    };
    blocks.extend(drain_reasons(&work.effect));
    blocks.extend(sets.into_iter().map(|filed| apply(filed, Message::ApplyElse)));
    blocks.push(pools_settle());
    let locations =
        work.digest_scopes.values().map(|mirror| format!("location = \"{mirror}\"")).collect::<Vec<_>>();
    if !locations.is_empty() {
        let registry = format!("location = \"{}/", work.input.site.spec.production.registry);
        let command = format!(
            "oc debug --quiet \"$(oc get nodes -o name | head -n 1)\" -- chroot /host grep -F {} /etc/containers/registries.conf",
            Word(&registry)
        );
        blocks.push(step(Message::NodeFile, command, Expect::Among(locations), Message::NodeFileElse));
    }
    Some(Section { heading: Message::Mirrors, blocks })
}

/// Every node has what was applied.
pub(super) fn pools_settle() -> Block {
    boxed(Step {
        text: Message::PoolsSettle,
        // The operator needs a moment to notice; asked at once, the pools are still "updated" to what was before.
        commands: vec![
            "sleep 60".to_owned(),
            "oc wait machineconfigpool --all --for=condition=Updated --timeout=60m".to_owned(),
        ],
        expect: Expect::Like(Message::PoolsSettleExpect),
        otherwise: Some(Message::PoolsSettleElse),
    })
}

/// Subscriptions that OLM would take further by itself as soon as it sees the catalogs.
fn hold(work: &Work<'_>) -> Option<Section> {
    if work.input.cluster.is_none() {
        return Some(hold_unknown(work));
    }
    let mut blocks = vec![Block::Text(Message::HoldWhy)];
    for course in &work.courses {
        if let (Some(found), Some(hold)) = (course.subscription, course.patches().hold) {
            let text = Message::Patch { namespace: found.namespace.clone(), name: found.name.clone() };
            blocks.push(patch(text, course, &hold));
        }
    }
    (blocks.len() > 1).then_some(Section { heading: Message::Hold, blocks })
}

/// The same where nobody asked the cluster: then the runbook does.
fn hold_unknown(work: &Work<'_>) -> Section {
    let mut blocks = vec![Block::Text(Message::HoldFindWhy)];
    for catalog in work.input.catalogs {
        let name = fit(&catalog.name);
        let command = format!(
            "oc get {SUBSCRIPTION} -A -o custom-columns=NS:.metadata.namespace,SUB:.metadata.name,SOURCE:.spec.source,APPROVAL:.spec.installPlanApproval --no-headers | awk '$3 == \"{name}\" && $4 != \"Manual\"'"
        );
        blocks.push(step(
            Message::HoldFind { catalog: name },
            command,
            Expect::Nothing,
            Message::HoldFindElse,
        ));
    }
    Section { heading: Message::Hold, blocks }
}

fn catalogs(work: &Work<'_>) -> Section {
    let mut blocks = vec![backward::catalogs(work).unwrap_or(Block::Text(Message::CatalogsWhy))];
    for filed in &work.cluster {
        let name = &filed.object.name;
        let catalog = work.input.catalogs.iter().find(|catalog| fit(&catalog.name) == *name);
        match filed.object.kind {
            Kind::ImageDigestMirrorSet
            | Kind::ImageTagMirrorSet
            | Kind::ImageContentSourcePolicy
            | Kind::ConfigMap
            | Kind::UpdateService => {}
            Kind::CatalogSource => {
                blocks.push(apply(filed, Message::ApplyElse));
                let image = catalog.map(|catalog| catalog.image.to_string()).unwrap_or_default();
                blocks.extend(catalog_source_checks(name, &image, backward::unready(work, name)));
                let courses = work.courses.iter().filter(|course| fit(&course.catalog.name) == *name);
                blocks.extend(courses.clone().filter_map(|course| heads(name, course)));
                crossings(&mut blocks, catalog, courses);
            }
            Kind::ClusterCatalog => {
                blocks.push(apply(filed, Message::ApplyClusterCatalogElse));
                blocks.push(step(
                    Message::Serving { name: name.clone() },
                    format!("oc wait clustercatalog/{name} --for=condition=Serving --timeout=5m"),
                    exactly(format!("{}/{name} condition met", Kind::ClusterCatalog.full_resource())),
                    Message::ServingElse { name: name.clone() },
                ));
            }
        }
    }
    Section { heading: Message::Catalogs, blocks }
}

/// Subscriptions that follow their package from the catalog beside this one: now both offer it, and after the next step one.
fn crossings<'c>(
    blocks: &mut Vec<Block>,
    catalog: Option<&EmittedCatalog>,
    courses: impl Iterator<Item = &'c Course<'c>>,
) {
    let Some((catalog, beside)) = catalog.and_then(|catalog| Some((catalog, catalog.beside.as_deref()?)))
    else {
        return;
    };
    for course in courses {
        match (course.patches().cross, place_of(course)) {
            (Some(cross), Some(place)) => {
                let text = Message::Cross { place, catalog: fit(&catalog.name) };
                blocks.push(patch(text, course, &cross));
            }
            (None, None) => {
                let package = course.package.name.clone();
                let (catalog, beside) = (fit(&catalog.name), fit(beside));
                blocks.push(Block::Text(Message::CrossUnknown { package, catalog, beside }));
            }
            _ => {}
        }
    }
}

fn catalog_source_checks(name: &str, image: &str, unready: Message) -> [Block; 2] {
    let pod = format!(
        r#"oc -n {MARKETPLACE} get pods -l olm.catalogSource={name} -o jsonpath='{{range .items[*]}}{{.spec.containers[0].image}} {{.status.phase}}{{"\n"}}{{end}}'"#
    );
    let ready = format!(
        "oc -n {MARKETPLACE} wait catalogsource/{name} --for=jsonpath='{{.status.connectionState.lastObservedState}}'=READY --timeout=5m"
    );
    [
        step(
            Message::CatalogPod { name: name.to_owned() },
            pod,
            exactly(format!("{image} Running")),
            Message::CatalogPodElse { name: name.to_owned() },
        ),
        step(
            Message::CatalogReady { name: name.to_owned() },
            ready,
            exactly(format!("{}/{name} condition met", Kind::CatalogSource.full_resource())),
            unready,
        ),
    ]
}

/// What the catalog offers of one package, by channel.
fn heads(catalog: &str, course: &Course<'_>) -> Option<Block> {
    let (package, target) = (&course.package.name, course.target()?);
    let channel = course.legs.last()?.channel;
    // The name stands inside a jsonpath expression, which knows no escapes that can be relied on.
    if !package.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-')) {
        return None;
    }
    let command = format!(
        r#"oc -n {MARKETPLACE} get packagemanifests -l catalog={catalog} -o jsonpath='{{range .items[?(@.metadata.name=="{package}")].status.channels[*]}}{{.name}} {{.currentCSV}}{{"\n"}}{{end}}'"#
    );
    Some(step(
        Message::Heads { package: package.clone() },
        command,
        Expect::Like(Message::HeadsExpect { channel: channel.to_owned(), csv: target.to_owned() }),
        Message::HeadsElse { catalog: catalog.to_owned() },
    ))
}

fn after(work: &Work<'_>) -> Section {
    let staging = work.input.site.spec.staging.registry.to_string();
    let unhappy = format!(
        r#"oc get {SUBSCRIPTION} -A -o jsonpath='{{range .items[*]}}{{.metadata.namespace}}/{{.metadata.name}} {{.status.conditions[?(@.status=="True")].type}}{{"\n"}}{{end}}' | grep -E 'ResolutionFailed|CatalogSourcesUnhealthy|BundleUnpackFailed|InstallPlanFailed'"#
    );
    let used = |what: &str| format!("oc get {what} -o json | grep -F {} | sort -u", Word(&staging));
    let mut commands = vec![used(&format!("pods,catalogsources,{} -A", set_kinds(work)))];
    // By itself, since not every cluster has this kind.
    if work.input.catalogs.iter().any(|catalog| has_cluster_catalogs(&work.input, catalog)) {
        commands.push(used("clustercatalogs"));
    }
    let blocks = vec![
        step(Message::NoUnhappySubscription, unhappy, Expect::Nothing, Message::NoUnhappySubscriptionElse),
        step(
            Message::CsvsSucceeded,
            r#"oc get clusterserviceversions -A -o jsonpath='{range .items[*]}{.metadata.namespace}/{.metadata.name} {.status.phase}{"\n"}{end}' | grep -v ' Succeeded$'"#,
            Expect::Nothing,
            Message::CsvsSucceededElse,
        ),
        step(
            Message::NoNewPullErrors,
            format!("{STUCK_PODS} | comm -13 before-pods.txt -"),
            Expect::Nothing,
            Message::NoNewPullErrorsElse,
        ),
        boxed(Step {
            text: Message::StagingUnused { registry: staging },
            commands,
            expect: Expect::Nothing,
            otherwise: Some(Message::StagingUnusedElse),
        }),
        step(Message::PoolsAfter, POOLS, Expect::Like(Message::PoolsExpect), Message::PoolsElse),
    ];
    Section { heading: port::after(work).unwrap_or(Message::After), blocks }
}

fn way_back(work: &Work<'_>) -> Section {
    let steps = steps_back(work);
    if let Some(way) = work.input.back {
        return backward::forward(&way, steps);
    }
    if work.input.former.is_some() {
        return Section { heading: Message::Back, blocks: port::back(work, steps) };
    }
    let mut blocks = vec![Block::Text(Message::BackWhen)];
    blocks.extend(steps);
    blocks.extend(openshift::back(work));
    blocks.push(Block::Text(Message::BackNoDowngrade));
    blocks.push(Block::Text(Message::BackMirrors));
    blocks.push(Block::Text(Message::BackRegistry));
    Section { heading: Message::Back, blocks }
}

/// To what the cluster had before.
fn steps_back(work: &Work<'_>) -> Vec<Block> {
    let mut blocks = Vec::new();
    // What Subscriptions go back to offers their package again before they do.
    let home: BTreeSet<&str> = work
        .courses
        .iter()
        .filter(|course| course.crosses())
        .filter_map(|course| Some(course.subscription?.source.as_str()))
        .collect();
    for filed in work.back.iter().filter(|filed| home.contains(filed.object.name.as_str())) {
        restore(&mut blocks, work, filed);
    }
    for course in &work.courses {
        if let (Some(found), Some(back)) = (course.subscription, course.patches().back) {
            let text =
                Message::BackSubscription { namespace: found.namespace.clone(), name: found.name.clone() };
            blocks.push(patch(text, course, &back));
        }
    }
    let unknown = work.courses.iter().any(|course| course.subscription.is_none() && course.moves());
    if unknown {
        blocks.push(Block::Text(Message::BackSubscriptionUnknown));
    }
    // Signatures and an update service do no harm where they are, and the next try needs them.
    let serves = |filed: &&Filed| matches!(filed.object.kind, Kind::CatalogSource | Kind::ClusterCatalog);
    let rest = |filed: &&Filed| serves(filed) && !home.contains(filed.object.name.as_str());
    for filed in work.cluster.iter().filter(rest) {
        let Object { kind, name, .. } = &filed.object;
        let same = |back: &&Filed| back.object.kind == *kind && back.object.name == *name;
        if let Some(back) = work.back.iter().find(same) {
            restore(&mut blocks, work, back);
        } else {
            let scope = kind.namespace().map(|namespace| format!("-n {namespace} ")).unwrap_or_default();
            blocks.push(step(
                Message::BackRemove { name: name.clone() },
                format!("oc {scope}delete {} {name}", kind.full_resource()),
                Expect::Like(Message::BackRemoveExpect),
                Message::BackRemoveElse,
            ));
        }
    }
    // Last of all: what goes on by itself would do so with a catalog that has not gone yet.
    for course in &work.courses {
        if let (Some(found), Some(release)) = (course.subscription, course.patches().release) {
            let text = Message::BackRelease { namespace: found.namespace.clone(), name: found.name.clone() };
            blocks.push(patch(text, course, &release));
        }
    }
    if unknown {
        blocks.push(Block::Text(Message::BackReleaseUnknown));
    }
    blocks
}

/// Gives a catalog the image that it had, and sees that OLM has it.
fn restore(blocks: &mut Vec<Block>, work: &Work<'_>, back: &Filed) {
    let name = &back.object.name;
    let catalog = work.input.catalogs.iter().find(|catalog| fit(&catalog.name) == *name);
    let image = catalog.and_then(|catalog| catalog.previous.as_ref());
    let image = image.map(ToString::to_string).unwrap_or_default();
    let text = Message::BackCatalog { name: name.clone(), image: image.clone() };
    if !blocks.iter().any(|block| matches!(block, Block::Text(said) if *said == text)) {
        blocks.push(Block::Text(text));
    }
    blocks.push(apply(back, Message::ApplyElse));
    if back.object.kind == Kind::CatalogSource {
        blocks.extend(catalog_source_checks(name, &image, Message::BackCatalogElse { name: name.clone() }));
    }
}

fn records(work: &Work<'_>) -> Section {
    let tick = |text| boxed(Step { text, commands: Vec::new(), expect: Expect::Silent, otherwise: None });
    let mut texts = vec![Message::RecordReceipt, Message::RecordCatalogs];
    if work.input.back.is_none() && work.input.former.is_none() {
        texts.push(Message::RecordArchive);
    }
    texts.push(Message::RecordRunbook);
    Section { heading: Message::Records, blocks: texts.into_iter().map(tick).collect() }
}
