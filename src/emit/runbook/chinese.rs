//! The runbook in Chinese.

use crate::emit::runbook::message::{Message, codes, weight};
use crate::emit::runbook::{backward, openshift, port};
use crate::plan::HopEdge;
use crate::text::{Code, Prose, Sentence, Word};

#[expect(clippy::too_many_lines, reason = "one sentence a line, nothing else")]
pub(super) fn say(message: &Message) -> String {
    use Message as M;
    match message {
        M::Title { site, generation } => format!("升级操作手册：站点 {}，第 {generation} 代", Code(site)),
        M::Intro => "请在本文件所在目录中，从上到下依次执行，并逐项勾选。每条命令下方写明了预期输出；如果输出不符，请停下来，按其下方的说明处理完毕后再继续。镜像已经全部进入生产仓库；在“Operator 升级”一章之前，不会升级任何 Operator。其他语言：[English](RUNBOOK.md)、[한국어](RUNBOOK.ko.md)。".into(),
        M::Archive { file } => format!("归档文件：{}", Code(file)),
        M::Inventory { digest } => format!("清单摘要：{}", Code(digest)),
        M::Signers { keys } => format!("签名密钥：{}", Code(keys)),
        M::Finished { time } => format!("导入完成时间：{}", Code(time)),
        M::Tool { name } => format!("生成工具：{}", Code(name)),
        M::Production { registry } => format!("生产镜像仓库：{}", Code(registry)),
        M::OpenShift { version } => format!("OpenShift 版本（根据集群导出数据）：{}", Code(version)),
        M::ClusterNotAsked => "没有提供集群导出数据，因此不知道有哪些 Subscription，也不知道哪些名称已被占用；下面的步骤会逐一查询。".into(),

        M::Changes => "变更内容".into(),
        M::CatalogServed { name, image } => format!("目录 {} 提供 {}", Code(name), Code(image)),
        M::PackageMoves { package, place, from, to, hops } => format!("{}{}：{} → {}，共 {hops} 跳", Code(package), at(place.as_ref()), Code(from), Code(to)),
        M::PackageThere { package, place, csv } => format!("{}{}：已经是 {}", Code(package), at(place.as_ref()), Code(csv)),
        M::PackageOffered { package, required_by } => format!("{}：目录中提供，未发现已安装的版本（{}）", Code(package), why(required_by)),
        M::PackageElsewhere { package, place, csv } => format!("{}{}：正在运行 {}，不在计划的升级路径上", Code(package), at(place.as_ref()), Code(csv)),
        M::NodesNothing => "节点：镜像源配置保持不变，不会排空（drain）节点，也不会重新加载。".into(),
        M::NodesReload => "节点：只新增按摘要（digest）的镜像源。各节点依次重新加载仓库配置，不会排空，也不会重启。".into(),
        M::NodesDrain => "节点：**所有节点将被逐个排空（drain）。** 请在维护窗口内执行“镜像源配置”一章，并事先检查是否有会阻止排空的 PodDisruptionBudget。原因：".into(),
        M::NodesUnknown => "节点：没有集群导出数据，无法判断对节点的影响。新增按摘要的镜像源不会排空节点；新增或删除按标签（tag）的镜像源（ImageTagMirrorSet），以及删除任何已有条目，都会逐个排空所有节点。请先用 `oc diff --server-side --field-manager=ombundle -f cluster/` 查看差异。".into(),
        M::DrainTagMirrors { source } => format!("{} 的标签镜像源被新增或删除", Code(source)),
        M::DrainRemoved { source } => format!("{} 的摘要镜像源被删除", Code(source)),
        M::Findings => "需要注意的问题".into(),
        M::FindingSays { finding } => {
            let hint = if finding.hint.is_empty() { String::new() } else { format!(" 处理方法：{}。", Sentence(&finding.hint)) };
            format!("**{}** {} {}：{}。{hint}", weight(finding.severity), Code(&finding.code), Prose(&finding.subject), Sentence(&finding.message))
        }

        M::Before => "开始之前".into(),
        M::LoggedIn => "确认已登录到正确的集群，并且具有集群管理员权限。".into(),
        M::LoggedInExpect => "本集群 API 服务器的地址，下一行是 `yes`。".into(),
        M::LoggedInElse => "用 `oc login` 登录，或更换 `KUBECONFIG`。".into(),
        M::Healthy => "所有 ClusterOperator 都处于 Available，且没有 Progressing 或 Degraded。".into(),
        M::HealthyElse => "先修复列出的项目：`oc describe clusteroperator NAME`。在降级（Degraded）的集群上升级 Operator 会掩盖真正的原因。".into(),
        M::Pools => "所有 MachineConfigPool 都已更新完毕，且没有被暂停（paused）。".into(),
        M::PoolsExpect => "每个池一行，行尾为 `paused=false updated=True degraded=False`。".into(),
        M::PoolsElse => "如果正在更新，请等待完成（`oc get machineconfigpool -w`）。被暂停的池不会得到镜像源配置；如非有意暂停，请恢复：`oc patch machineconfigpool NAME --type merge -p '{\"spec\":{\"paused\":false}}'`。".into(),
        M::PullSecret { registry } => format!("集群的 pull secret 中有 {} 的凭据。", Code(registry)),
        M::PullSecretElse { registry } => format!("如果 {} 允许匿名拉取，可以继续。否则在保留原有内容的前提下增加一项，切勿整体替换：`oc -n openshift-config set data secret/pull-secret --from-file=.dockerconfigjson=merged.json`。此操作不会排空节点。", Code(registry)),
        M::DefaultSources => "离线环境中无法访问的 OperatorHub 默认目录已经禁用。".into(),
        M::DefaultSourcesElse => "只要有一个目录无法访问，所有命名空间中的 OLM 都会停止解析。除非自建目录使用了默认名称，否则请禁用：`oc patch operatorhub cluster --type merge -p '{\"spec\":{\"disableAllDefaultSources\":true}}'`。".into(),
        M::Save => "保存当前状态，供对比和回退使用。".into(),
        M::SaveElse => "检查本目录是否可写，以及 `oc` 与集群的连接是否正常。".into(),

        M::Mirrors => "镜像源配置".into(),
        M::Releases => "OpenShift 发行版的签名与更新服务".into(),
        M::Apply { file } => format!("应用 {}。", Code(file)),
        M::ApplyElse => "`Apply failed with … conflicts` 表示这些字段已由其他管理者设置：从提示信息中找到它并协商解决。弄清原因之前不要使用 `--force-conflicts`。`Unauthorized` 或 `Forbidden` 表示当前用户不是集群管理员。".into(),
        M::PoolsSettle => "等待所有节点完成配置。".into(),
        M::PoolsSettleExpect => "每个池一行，行尾为 `condition met`。".into(),
        M::PoolsSettleElse => "用 `oc get machineconfigpool` 查看卡住的池，用 `oc describe machineconfigpool NAME` 查看原因。应用后立即出现 `DEGRADED True`，多半是两个镜像源配置对同一个 source 设置了不同的 `mirrorSourcePolicy`。排空卡住多半是在等待 PodDisruptionBudget：`oc -n openshift-machine-config-operator logs deployment/machine-config-controller`。如果是连接错误（`connection refused`、`EOF`），说明 API 服务器正随节点重启：请再次执行该命令。".into(),
        M::NodeFile => "节点上已有这些镜像源。（每个池选一个节点重复检查。）".into(),
        M::NodeFileElse => "该池尚未更新完毕，或已被暂停：回到上一步。".into(),

        M::Hold => "暂停自动升级".into(),
        M::HoldWhy => "下列 Subscription 的 `installPlanApproval` 为 `Automatic`。OLM 一看到新目录就会自行开始升级，因此在本次操作期间改为 `Manual`；除非“Operator 升级”一章另有说明，结束时再改回。".into(),
        M::HoldFindWhy => "`installPlanApproval: Automatic` 的 Subscription 会在 OLM 看到新目录时立即自行开始升级。没有集群导出数据，无法判断是否存在这样的 Subscription。".into(),
        M::HoldFind { catalog } => format!("使用目录 {} 的 Subscription 中没有会自动升级的。", Code(catalog)),
        M::HoldFindElse => "操作期间将它们逐个设为 `Manual` 并记录下来：`oc -n NAMESPACE patch subscription.operators.coreos.com NAME --type merge -p '{\"spec\":{\"installPlanApproval\":\"Manual\"}}'`。".into(),
        M::Patch { namespace, name } => format!("将 Subscription {} 设为 `Manual`。", Code(&format!("{namespace}/{name}"))),
        M::PatchElse => "`patched (no change)` 也正常：原本就是这个值。`NotFound`：导出数据之后该 Subscription 已被删除；请重新导出集群数据并重新生成文件。".into(),

        M::Catalogs => "目录（Catalog）".into(),
        M::CatalogsWhy => "从这里开始，集群会使用新目录。`openshift-marketplace` 中只要有一个 CatalogSource 不是 READY，**所有命名空间**的 OLM 都会停止解析，因此请立即执行检查；如果检查不通过又不清楚原因，请先执行“回退”一章，再查找原因。".into(),
        M::CatalogPod { name } => format!("{} 的 Pod 正在运行本目录的镜像。", Code(name)),
        M::CatalogPodElse { name } => format!("一两分钟内可能还会看到旧 Pod，请再次查询。`ImagePullBackOff`：缺少凭据、仓库的 CA 证书或镜像源。`CrashLoopBackOff`：`oc -n openshift-marketplace logs -l olm.catalogSource={name}`。没有 Pod：`oc -n openshift-marketplace describe catalogsource {name}`。"),
        M::CatalogReady { name } => format!("OLM 可以连接 {}。", Code(name)),
        M::CatalogReadyElse { name } => format!("用 `oc -n openshift-marketplace describe pod -l olm.catalogSource={name}` 和 Pod 日志查找原因。五分钟内仍不清楚时，请执行回退。"),
        M::Heads { package } => format!("目录中提供 {}。", Code(package)),
        M::HeadsExpect { channel, csv } => format!("有一行以 {} 开头，其 CSV 为 {} 或更新的版本。", Code(channel), Code(csv)),
        M::HeadsElse { catalog } => format!("Pod 就绪后还需要几秒才能列出，请再次查询。如果该软件包始终不出现，说明 Pod 提供的是另一个目录：将其镜像与 `cluster/` 中的文件对比，并查看 `oc -n openshift-marketplace logs -l olm.catalogSource={catalog}`。"),
        M::ApplyClusterCatalogElse => "`no matches for kind \"ClusterCatalog\"` 表示本集群没有 OLM v1（自 OpenShift 4.18 起提供，也可以不安装）：跳过此文件及其检查，其他步骤不依赖它。出现 conflicts 时，与提示信息中的管理者协商。".into(),
        M::Serving { name } => format!("OLM v1 正在提供 {}。", Code(name)),
        M::ServingElse { name } => format!("`oc describe clustercatalog {name}` 的 `Progressing` 条件中有原因。它只影响 ClusterExtension，与 Subscription 无关。"),
        M::Cross { place, catalog } => format!("将 Subscription {} 指向其软件包所迁往的目录 {}：趁另一个目录仍提供该软件包时立即执行。", Code(place), Code(catalog)),
        M::CrossUnknown { package, catalog, beside } => format!("{} 从现在起由目录 {} 提供。如果其 Subscription 指向 {}，请在下一步之前切换（命令见下文）：该目录一旦不再提供它，在切换之前 OLM 不会在这些命名空间中解析任何内容。正在运行的内容继续运行。", Code(package), Code(catalog), Code(beside)),

        M::Operators => "Operator 升级".into(),
        M::OperatorsWhy => "按以下顺序，逐个 Operator、逐跳升级。OLM 为每一跳创建一个 InstallPlan 并等待批准。".into(),
        M::TogetherUnknown => "OLM 以命名空间为整体进行解析。如果其中多个 Operator 位于同一命名空间，请先查找并切换它们各自的 Subscription，然后才在该命名空间中批准。".into(),
        M::Namespace { namespace } => format!("命名空间 {}", Code(namespace)),
        M::NamespaceWhy => "OLM 以命名空间为整体进行解析：只要有一个 Subscription 仍指向已不存在的内容，全部都会停止。因此在此批准任何内容之前，先把它们全部切换。之后一个 InstallPlan 中可能同时包含其中多个 Operator 的升级。".into(),
        M::NoOperators => "本归档不含 Operator，本章无需操作。".into(),
        M::Operator { package, place } => format!("{}{}", Code(package), at(place.as_ref())),
        M::Reason { required_by } => format!("包含原因：{}。", why(required_by)),
        M::HopsLeft { from, to } => format!("升级路径：{} → {}", Code(from), codes(to, " → ")),
        M::NothingRuns { package } => format!("未发现已安装的版本，因此没有可升级的内容。如果其他 Operator 依赖它，OLM 会自动安装。如需主动安装，请为 {} 创建 `installPlanApproval: Manual` 的 Subscription。", Code(package)),
        M::AlreadyThere { csv } => format!("已经在运行 {}，只需将 Subscription 指向该目录。", Code(csv)),
        M::NotOnPath { csv } => format!("正在运行 {}，不在计划的升级路径上：**不要批准它的任何 InstallPlan，也不要在此改动它的 Subscription。** 请用本集群的站点报告重新制定计划。", Code(csv)),
        M::StaysHeld { place } => format!("Subscription {} 已在前面设为 `Manual`，**请保持不变**：如果是 `Automatic`，OLM 会沿着未经计划的路径安装或升级它。待为它另行计划的升级完成时，再改回 `Automatic`。", Code(place)),
        M::MinKube { csv, version } => format!("{} 需要 Kubernetes {} 或更新版本（见 `oc version` 的 “Kubernetes Version”）。版本较低时其 CSV 会一直处于 `Pending`：请先升级 OpenShift。", Code(csv), Code(version)),
        M::MaxOpenShift { csv, version, cluster } => format!("{} 最高支持 OpenShift {}{}。只要它在运行，OpenShift 就拒绝升级到更高版本。", Code(csv), Code(version), cluster.as_ref().map(|cluster| format!("（本集群为 {}）", Code(cluster))).unwrap_or_default()),
        M::Find { package } => format!("查找 {} 的 Subscription。", Code(package)),
        M::FindExpect => "一行：命名空间、名称、软件包、批准方式、source、通道。请记下批准方式、source 和通道，供回退使用。".into(),
        M::FindElse => "没有输出：未安装，跳过此 Operator。多行：对每一行执行以下步骤。".into(),
        M::FindSet => "将命名空间和名称放入变量，供下面的命令使用。".into(),
        M::Switch { catalog, channel: Some(channel) } => format!("将 Subscription 指向目录 {}、通道 {}，并改为手动批准。", Code(catalog), Code(channel)),
        M::Switch { catalog, channel: None } => format!("将 Subscription 指向目录 {}，通道不变，并改为手动批准。", Code(catalog)),
        M::NextChannel { channel } => format!("切换到通道 {} 继续。", Code(channel)),
        M::Resolved => "OLM 能够完成依赖解析。".into(),
        M::ResolvedElse { catalog } => format!("提示信息中会指出阻塞整个命名空间的 Subscription、目录或依赖，不一定是当前这个。它也可能是切换之前留下的：一分钟后再查询。要让 OLM 立即重新解析：`oc -n openshift-marketplace delete pod -l olm.catalogSource={catalog}`。"),
        M::Plan { csv, from, number, of, edge } => format!("第 {number}/{of} 跳：{} → {}（{}）。确认 OLM 提议的正是这个版本。", Code(from), Code(csv), allowed_by(*edge)),
        M::PlanExpect { csv } => format!("一行，以 `false` 开头并包含 {}。其中如有其他名称，也必须是本手册中列出的。", Code(csv)),
        M::PlanElse { csv, catalog } => format!("如果该行以 `true` 开头且包含 {0}，说明它已随之前批准的 InstallPlan 一起安装：跳过批准，直接执行等待安装完成的步骤。如果该行以 `true` 开头且是前一跳的名称，说明 OLM 还没有创建新的 InstallPlan，一分钟后再查询（`oc -n openshift-marketplace delete pod -l olm.catalogSource={catalog}` 可让它立即重新解析）。如果是 {0} 以外的 CSV：不要批准，将 Subscription 的通道和 source 与补丁文件对比。", Code(csv)),
        M::Approve { csv } => format!("批准 {}。", Code(csv)),
        M::Patched => "一行，以 `patched` 结尾；如果原本就是这个值，则以 `patched (no change)` 结尾。".into(),
        M::Succeeded { csv } => format!("等待 {} 安装完成。", Code(csv)),
        M::SucceededElse { namespace, csv } => format!("`NotFound`：捆绑包（bundle）仍在解包，请再次执行。`timed out`：用 {} 查看原因。Subscription 中出现 `BundleUnpackFailed`：`openshift-marketplace` 中的解包 Job 无法拉取捆绑包镜像；解决后删除失败的 Job 和 InstallPlan，OLM 会重试。因 `minKubeVersion` 处于 `Pending`：必须先升级 OpenShift。", Code(&format!("oc -n {namespace} describe clusterserviceversion {}", Word(csv)))),
        M::Installed { csv } => format!("Subscription 也显示 {}。", Code(csv)),
        M::InstalledElse => "Subscription 的更新比 CSV 稍晚，一分钟后再查询。".into(),
        M::Release => "恢复原来的自动批准。".into(),
        M::ReleaseUnknown => "如果记录的该 Subscription 批准方式为 `Automatic`，请恢复。（否则跳过。）".into(),
        M::ReleaseUnknownElse => "检查变量 `NS` 和 `SUB` 是否仍然有效。".into(),

        M::After => "升级之后".into(),
        M::NoUnhappySubscription => "所有命名空间中都没有报错的 Subscription。".into(),
        M::NoUnhappySubscriptionElse => "用 `oc -n NAMESPACE describe subscription.operators.coreos.com NAME` 查看信息。与本次升级无关的 Subscription 也可能受到影响。".into(),
        M::CsvsSucceeded => "所有 Operator 都处于 Succeeded。".into(),
        M::CsvsSucceededElse => "`Replacing` 和 `Installing` 会自行结束，请再次查询。`Failed` 或 `Pending`：`oc -n NAMESPACE describe clusterserviceversion NAME`。操作之前的状态见 `before-operators.yaml`。".into(),
        M::NoNewPullErrors => "没有新出现拉取镜像失败或启动失败的 Pod。".into(),
        M::NoNewPullErrorsElse => "用 `oc -n NAMESPACE describe pod NAME` 查看镜像。如果是新镜像，用 `ombundle check --site site.yaml` 确认生产仓库中是否存在。".into(),
        M::StagingUnused { registry } => format!("集群中没有任何内容指向暂存仓库 {}。", Code(registry)),
        M::StagingUnusedElse => "有人手工配置了从暂存仓库拉取：清空暂存仓库之前，请改为指向生产仓库。`the server doesn't have a resource type \"clustercatalogs\"` 也正常：本集群没有 OLM v1。".into(),
        M::PoolsAfter => "所有 MachineConfigPool 都已更新完毕。".into(),

        M::Back => "回退".into(),
        M::BackWhen => "当目录无法变为 READY，或尚未批准任何一跳而需要撤回时，按以下顺序执行。旧目录的镜像仍在生产仓库中。".into(),
        M::BackSubscription { namespace, name } => format!("将 Subscription {} 恢复为原来的值。", Code(&format!("{namespace}/{name}"))),
        M::BackSubscriptionUnknown => "生成本手册时未知的 Subscription，请恢复为记下的 source 和通道；`before-operators.yaml` 中也有。在旧目录恢复之前，批准方式保持为 `Manual`。".into(),
        M::BackRelease { namespace, name } => format!("恢复 Subscription {} 原来的自动批准。", Code(&format!("{namespace}/{name}"))),
        M::BackReleaseUnknown => "到这时才将记录的批准方式为 `Automatic` 的 Subscription 改回 `Automatic`；`before-operators.yaml` 中也有。".into(),
        M::BackCatalog { name, image } => format!("目录 {} 原来提供 {}。", Code(name), Code(image)),
        M::BackCatalogElse { name } => format!("用 `oc -n openshift-marketplace describe pod -l olm.catalogSource={name}` 和 Pod 日志查找原因。变为 READY 之前 OLM 不会做任何事。在此之前不要将任何 Subscription 改回 `Automatic`。"),
        M::BackRemove { name } => format!("{} 原来不存在：将其删除。请先确认没有 Subscription 使用它。", Code(name)),
        M::BackRemoveExpect => "一行，包含 `deleted`。".into(),
        M::BackRemoveElse => "`NotFound` 也正常：它本来就不存在。".into(),
        M::BackNoDowngrade => "**OLM 不会降级。** 目录回退之后，已升级的 Operator 仍保持新版本。如果升级后的 Operator 出现故障，应尽可能升级到修复版本。最后的办法是删除其 Subscription 和 CSV（绝不要删除 CRD），再用 `startingCSV` 安装旧版本；只有旧版本能读取新版本保存的数据时才可行。".into(),
        M::BackMirrors => "镜像源配置保持不动：保留没有害处，删除则会排空所有节点。".into(),
        M::BackRegistry => "生产仓库中的标签可以继续指向新目录，因为集群按摘要拉取。旧目录仍保留在以 `-prev-` 加本代次编号结尾的标签下。".into(),

        M::Cluster(message) => openshift::chinese(message),
        M::Port(message) => port::chinese(message),
        M::Backward(message) => backward::chinese(message),

        M::Records => "记录".into(),
        M::RecordReceipt => "将 `receipt.json` 与变更记录一起保存，并将副本带出：下一次 `ombundle plan --report receipt.json` 由此开始。".into(),
        M::RecordCatalogs => "将 `catalogs/` 提交到 Git：与上一次提交的差异就是本次目录的变更。".into(),
        M::RecordArchive => "在升级稳定之前，保留本次和上一次的归档文件。".into(),
        M::RecordRunbook => "保留勾选完毕的本手册和 `before-*` 文件。".into(),

        M::Expected => "预期输出：".into(),
        M::ExpectedNothing => "预期输出：无。".into(),
        M::ExpectedAmong => "预期输出（以下各行至少各出现一次）：".into(),
        M::Otherwise => "如果不符：".into(),
    }
}

fn at(place: Option<&String>) -> String {
    place.map(|place| format!("（Subscription {}）", Code(place))).unwrap_or_default()
}

fn why(packages: &[String]) -> String {
    if packages.is_empty() { "直接请求".into() } else { format!("{} 依赖它", codes(packages, "、")) }
}

fn allowed_by(edge: HopEdge) -> &'static str {
    match edge {
        HopEdge::Replaces => "replaces 条目",
        HopEdge::Skips => "skips 条目",
        HopEdge::SkipRange => "前一版本在其 skipRange 内",
        HopEdge::Bridge => "目录中已丢失该条目，但其 CSV 写明 replaces 前一版本",
    }
}
