//! What a runbook says of OpenShift itself, in Chinese.

use crate::emit::runbook::openshift::message::Cluster;
use crate::text::{Code, Prose};

pub(in crate::emit::runbook) fn say(message: &Cluster) -> String {
    use Cluster as C;
    match message {
        C::Moves { from, to, hops } => format!("OpenShift：{} → {}，共 {hops} 次更新", Code(from), Code(to)),
        C::Present { version } => format!("OpenShift {} 已在生产仓库中", Code(version)),
        C::DrainOlder { version } => format!("OpenShift {} 早于 4.12：新增镜像源时是否排空节点因版本而异，请按会排空来准备。", Code(version)),

        C::Etcd => "备份 etcd。如果更新过程中失去控制平面，这是唯一的恢复手段。".into(),
        C::EtcdExpect => "最后几行中有 `snapshot db and kube resources are successfully saved to /home/core/assets/backup`。请把这两个文件从节点复制到备份存放处。".into(),
        C::EtcdElse => "不要开始更新。`oc get clusteroperator etcd` 必须正常；磁盘已满会显示在输出中。".into(),
        C::Overrides => "确认没有手动让 Cluster Version Operator 停止管理的组件。".into(),
        C::OverridesElse => "带有 `unmanaged: true` 的 override 会阻止所有跨小版本的更新：弄清是谁需要它，并从 ClusterVersion 的 `spec.overrides` 中删除。".into(),

        C::UpdateServiceElse => "`no matches for kind \"UpdateService\"` 表示没有安装 OpenShift Update Service Operator：跳过此文件以及其后的两步。下面按摘要进行的更新不需要它。".into(),
        C::PolicyEngine => "更新服务已有访问地址。".into(),
        C::PolicyEngineExpect => "以 `https://` 开头的一行。".into(),
        C::PolicyEngineElse => "空行表示 Pod 尚未就绪，请再次查询。如果一直如此：`oc -n openshift-update-service get pods`。无法拉取镜像的 Pod 需要在 `image.config.openshift.io/cluster` 所指 ConfigMap 的 `updateservice-registry` 键中有镜像仓库的 CA。".into(),
        C::Upstream => "让集群使用此更新服务。".into(),

        C::OperatorsBefore { version } => format!("Operator 升级：OpenShift {version} 之前"),
        C::OperatorsAfter { version } => format!("Operator 升级：OpenShift {version} 之后"),

        C::Update { from: Some(from), to } => format!("OpenShift {from} → {to}"),
        C::Update { from: None, to } => format!("OpenShift {to}"),
        C::Reason { from, conditional, kubernetes } => {
            let condition = if *conditional { "、面向不受下列风险影响的集群" } else { "、无附加条件" };
            let kubernetes = kubernetes.as_ref().map(|version| format!("随之升级到 Kubernetes {version}。")).unwrap_or_default();
            format!("原因：这是从 {} 出发{condition}推荐的更新。{kubernetes}", Code(from))
        }
        C::Risk { name, message, url } => format!("**已接受的风险：{}。** {}（{}）开始之前，请确认此集群是否受影响。", Code(name), Prose(message), Prose(url)),
        C::Restarts => "节点：**所有节点将在各个池中逐个排空并重启。** 请检查是否有会阻止排空的 PodDisruptionBudget：`oc get poddisruptionbudgets -A`。".into(),
        C::RestartsControlPlane { reached } => format!("节点：控制平面的节点逐个排空并重启。已暂停的池保持不变，直到到达 OpenShift {reached}，届时只重启一次。"),
        C::Runs { version } => format!("当前运行 OpenShift {}，且没有正在进行的更新。", Code(version)),
        C::RunsElse { version } => format!("`Partial` 表示更新正在进行，请等待（`oc adm upgrade`）。如果不是 {}，则本章不适用于此集群的现状：请根据正在运行的版本重新制定计划。", Code(version)),
        C::RunsUnknown { version } => format!("制定计划时没有说明正在运行的版本。请先用 `oc adm upgrade` 确认能否从当前版本到达 {}。", Code(version)),
        C::Channel { channel } => format!("集群的更新通道为 {}。", Code(channel)),
        C::Allows { csv, last } => format!("{} 最高允许 OpenShift {}。", Code(csv), Code(last)),
        C::Forbids { csv, last, next } => format!("{} 最高只允许 OpenShift {}：**只要它在运行，OpenShift 就拒绝 {}。** 请先升级或移除它。", Code(csv), Code(last), Code(next)),
        C::Gates => "离开当前小版本之前必须确认（ack）的事项，以集群所示为准。".into(),
        C::GatesExpect { minor } => format!("`{{}}` 或空输出，或若干键及其说明。其中以 {} 开头的键与此有关：每个键都应在下面有单独的步骤，否则请在读过说明之后以同样方式确认。", Code(&format!("ack-{minor}-"))),
        C::GatesElse => "`NotFound`：此集群不要求确认。".into(),
        C::Gate { key, text } => format!("确认 {}，**仅当其内容对此集群属实时执行**：{}", Code(key), Prose(text)),
        C::Refuses => "没有 ClusterOperator 拒绝下一个小版本。".into(),
        C::RefusesElse => "每一行是一个拒绝者：`oc get clusteroperator NAME -o yaml` 的 `Upgradeable` 条件中有原因。如果是 `operator-lifecycle-manager`，消息中会列出 olm.maxOpenShiftVersion 过低的 CSV。".into(),
        C::Pause { reached } => format!("暂停除控制平面以外的所有池：这些节点只在 OpenShift {} 时重启一次，中间版本不重启。已暂停的池得不到镜像源配置和证书：不要让它一直暂停。", Code(reached)),
        C::PauseExpect => "每个池一行，行尾为 `patched`。".into(),
        C::PauseElse => "如果某个池无法暂停，可以继续：该池的节点会多重启一次。".into(),
        C::Sigstore { version } => format!("从 4.21 起，集群还要求发行版镜像有 sigstore 签名（ClusterImagePolicy `openshift`）。{} 的签名已在生产仓库中，位于镜像旁边。", Code(version)),
        C::SigstoreMissing { version } => format!("从 4.21 起，集群还要求发行版镜像有 sigstore 签名（ClusterImagePolicy `openshift`），而 **{} 的签名没有带入。** 请用 `oc get clusterimagepolicy openshift -o yaml` 确认此集群是否要求；如果要求，请在能访问该签名（发行版镜像旁的标签 `sha256-….sig`）的地方重新打包。", Code(version)),
        C::Start { version } => format!("开始更新到 {}。集群会验证这个摘要的签名。绝不要加 `--force`：它会关闭签名验证以及其他所有检查。", Code(version)),
        C::StartExpect => "以 `Requested update to` 开头的一行。没有更新服务时，提示镜像不在可用更新之列的警告是正常的。".into(),
        C::StartElse => "`error: … Progressing` 或 `Upgradeable`：上面的检查尚未满足。不要绕过。".into(),
        C::Accepted => "集群接受了该发行版。".into(),
        C::AcceptedExpect => "几分钟内出现以 `True` 开头的一行。".into(),
        C::AcceptedElse => "`unable to verify … against keyrings`：上面的签名没有应用，或者属于另一个摘要。`could not download` 或 `ImagePullBackOff`：节点在生产仓库中找不到镜像；请查看“镜像源配置”一章以及 `oc -n openshift-cluster-version get pods`。未满足的前提条件会在消息中列出；请解决它，绝不要使用 `--force`。".into(),
        C::Completed { version } => format!("等待 {} 全部就绪，需要一到三个小时。", Code(version)),
        C::CompletedElse => "`timed out`：`oc adm upgrade` 显示在等待什么，`oc get clusteroperators` 显示谁处于 degraded。问题解决之后更新会自动继续。不要在其上再开始另一次更新。如果是连接错误（`connection refused`、`EOF`），说明更新期间 API 服务器正在重启，更新仍在继续：请再次执行这两条命令。".into(),
        C::Unpause => "恢复已暂停的池。".into(),
        C::UnpauseExpect => "每个池一行，行尾为 `patched` 或 `patched (no change)`。".into(),
        C::UnpauseElse => "`oc get machineconfigpool` 显示哪个池仍处于暂停状态：请手动恢复。".into(),
        C::Settle => "等待所有池的所有节点重启完毕。".into(),

        C::NoWayBack => "**OpenShift 不能回退到以前的小版本。** 失败之处修复后会继续进行。失去的控制平面要用事先的 etcd 备份恢复，整个集群会回到备份时的状态，其后的一切变更都会丢失；那时已经运行新版本的节点必须重新安装。以前的发行版镜像仍保留在生产仓库中。".into(),
    }
}
