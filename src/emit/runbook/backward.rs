//! What a runbook says when catalogs went back: which Subscriptions cannot follow as they are, and how to go forward again.

use serde_json::json;

use crate::emit::course::Patch;
use crate::emit::files::Work;
use crate::emit::input::{LeftChannel, WayBack};
use crate::emit::names::file_name;
use crate::emit::patches::command_for;
use crate::emit::runbook::message::Message;
use crate::emit::runbook::model::{SUBSCRIPTION, exactly, step};
use crate::emit::runbook::render::{Block, Section};
use crate::site::cluster::{Approval, ClusterSubscription};
use crate::text::Code;

/// One heading, sentence or paragraph about the way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Backward {
    Title { site: String, from: u64, to: u64 },
    Intro,
    Finished { time: String },
    Stays,
    Channels,
    ChannelsWhy,
    Leave { place: String, old: String, new: String },
    CatalogsWhy,
    ReadyElse { name: String },
    Forward,
    ForwardWhen,
    Return { place: String },
    ForGood { generation: u64, between: Option<u64> },
    Mirrors,
}

impl From<Backward> for Message {
    fn from(message: Backward) -> Self {
        Self::Backward(Box::new(message))
    }
}

/// The head: what this is, and what it begins with.
pub(super) fn head(work: &Work<'_>) -> Option<[Message; 2]> {
    let WayBack { from, to, .. } = work.input.back?;
    let site = work.input.site.metadata.name.clone();
    Some([Backward::Title { site, from, to }.into(), Backward::Intro.into()])
}

/// When catalogs went back.
pub(super) fn finished(work: &Work<'_>) -> Option<Message> {
    work.input.back?;
    Some(Backward::Finished { time: work.input.receipt.finished.clone() }.into())
}

/// What does not go back.
pub(super) fn changes(work: &Work<'_>) -> Option<Block> {
    work.input.back.map(|_| Block::Item(Backward::Stays.into()))
}

/// What the chapter of the catalogs begins with.
pub(super) fn catalogs(work: &Work<'_>) -> Option<Block> {
    work.input.back.map(|_| Block::Text(Backward::CatalogsWhy.into()))
}

/// What to do when OLM cannot talk to a catalog.
pub(super) fn unready(work: &Work<'_>, name: &str) -> Message {
    let name = name.to_owned();
    if work.input.back.is_some() {
        Backward::ReadyElse { name }.into()
    } else {
        Message::CatalogReadyElse { name }
    }
}

/// Subscriptions whose channel the former catalog has not got. They leave it first: one that cannot be resolved stops its namespace.
pub(super) fn channels(way: &WayBack<'_>) -> Option<Section> {
    let left = way.channels;
    if left.is_empty() {
        return None;
    }
    let mut blocks = vec![Block::Text(Backward::ChannelsWhy.into())];
    blocks.extend(left.iter().map(|one| {
        let old = one.subscription.channel.clone().unwrap_or_default();
        let text = Backward::Leave { place: place(one.subscription), old, new: one.channel.clone() };
        patched(text, one.subscription, &leave(one))
    }));
    Some(Section { heading: Backward::Channels.into(), blocks })
}

/// The chapter that leads forward again, by these steps.
pub(super) fn forward(way: &WayBack<'_>, steps: Vec<Block>) -> Section {
    let WayBack { from, between, channels, .. } = *way;
    let mut blocks = vec![Block::Text(Backward::ForwardWhen.into())];
    blocks.extend(steps);
    // The later catalog has the channels that the former one lacks.
    blocks.extend(channels.iter().map(|one| {
        patched(Backward::Return { place: place(one.subscription) }, one.subscription, &again(one))
    }));
    blocks.push(Block::Text(Backward::ForGood { generation: from, between }.into()));
    blocks.push(Block::Text(Backward::Mirrors.into()));
    Section { heading: Backward::Forward.into(), blocks }
}

/// The patches there and back of each Subscription.
pub(in crate::emit) fn patches<'a>(
    way: &WayBack<'a>,
) -> impl Iterator<Item = (&'a ClusterSubscription, [Patch; 2])> + use<'a> {
    way.channels.iter().map(|one| (one.subscription, [leave(one), again(one)]))
}

fn leave(one: &LeftChannel<'_>) -> Patch {
    // By hand until a person has seen where it stands.
    let spec = json!({"channel": one.channel, "installPlanApproval": "Manual"});
    Patch { path: path(one.subscription, "back"), body: json!({ "spec": spec }) }
}

fn again(one: &LeftChannel<'_>) -> Patch {
    let approval = if one.subscription.approval == Approval::Manual { "Manual" } else { "Automatic" };
    let spec = json!({"channel": one.subscription.channel, "installPlanApproval": approval});
    Patch { path: path(one.subscription, "forward"), body: json!({ "spec": spec }) }
}

fn path(subscription: &ClusterSubscription, word: &str) -> String {
    format!("patches/{}.{}.{word}.json", file_name(&subscription.namespace), file_name(&subscription.name))
}

fn place(subscription: &ClusterSubscription) -> String {
    format!("{}/{}", subscription.namespace, subscription.name)
}

fn patched(text: Backward, subscription: &ClusterSubscription, patch: &Patch) -> Block {
    let printed = exactly(format!("{SUBSCRIPTION}/{} patched", subscription.name));
    step(text.into(), command_for(subscription, patch), printed, Message::PatchElse)
}

pub(super) fn english(message: &Backward) -> String {
    use Backward as B;
    match message {
        B::Title { site, from, to } => format!("Way back: site {}, from generation {from} to {to}", Code(site)),
        B::Intro => "Production offers again what it offered then; the cluster does not see it before chapter “Catalogs”. Work from the folder that holds this file, from top to bottom, and tick each box. Under each command stands what it must print. Where it prints something else, stop there and do what stands below it before you go on. The same in [한국어](RUNBOOK.ko.md) and [中文](RUNBOOK.zh.md).".into(),
        B::Finished { time } => format!("Gone back: {}", Code(time)),
        B::Stays => "Operators: what runs stays, also where the former catalog does not offer it. **OLM does not downgrade.**".into(),
        B::Channels => "Channels that are gone".into(),
        B::ChannelsWhy => "The former catalog does not have the channels of these Subscriptions. One that cannot be resolved stops OLM in its whole namespace, so they leave their channels before the catalog changes. They are set to `Manual` until somebody has seen where they stand.".into(),
        B::Leave { place, old, new } => format!("Point Subscription {} from channel {} to {}.", Code(place), Code(old), Code(new)),
        B::CatalogsWhy => "From here on the cluster sees the former catalog. A CatalogSource in `openshift-marketplace` that is not READY stops OLM **in every namespace**, so do the checks at once; if they fail and you do not see why, take chapter “Forward again” first and search then.".into(),
        B::ReadyElse { name } => format!("`oc -n openshift-marketplace describe pod -l olm.catalogSource={name}` and its log say why. If it is not clear in five minutes, take chapter “Forward again”."),
        B::Forward => "Forward again".into(),
        B::ForwardWhen => "Take it when the former catalog does not become READY. Do the steps in this order. The images of the later catalog are still in production.".into(),
        B::Return { place } => format!("Point Subscription {} to its channel again.", Code(place)),
        B::ForGood { generation, between: None } => format!("To go forward for good, import the archive of generation {generation} once more: it finds its images in production, and writes the runbook anew."),
        B::ForGood { generation, between: Some(between) } => format!("To go forward for good, first lead the catalogs to what they were before generation {generation}: `ombundle rollback --site site.yaml --to {between} -o between`. Without it they would lack what came after the generation that they are at now, since an import adds to what production serves. **Do not apply what that command writes**; then import the archive of generation {generation} once more: it finds its images in production, and writes the runbook anew."),
        B::Mirrors => "Leave the mirror configuration as it is: it does no harm, and removing it would drain every node.".into(),
    }
}

pub(super) fn korean(message: &Backward) -> String {
    use Backward as B;
    match message {
        B::Title { site, from, to } => format!("원복 작업 절차서: 사이트 {}, 세대 {from} → {to}", Code(site)),
        B::Intro => "운영 레지스트리는 이미 그때의 카탈로그를 다시 제공하며, 클러스터는 “카탈로그” 장 전에는 이를 보지 못합니다. 이 파일이 있는 폴더에서 위에서 아래로 순서대로 진행하면서 체크박스에 표시합니다. 명령어마다 아래에 예상 출력이 있습니다. 출력이 다르면 거기서 멈추고, 그 아래의 조치를 마친 뒤에 다음으로 넘어갑니다. 같은 내용: [English](RUNBOOK.md), [中文](RUNBOOK.zh.md).".into(),
        B::Finished { time } => format!("원복 완료 시각: {}", Code(time)),
        B::Stays => "오퍼레이터: 실행 중인 것은 이전 카탈로그에 없더라도 그대로 있습니다. **OLM은 다운그레이드하지 않습니다.**".into(),
        B::Channels => "없어지는 채널".into(),
        B::ChannelsWhy => "이전 카탈로그에는 다음 Subscription의 채널이 없습니다. 해석할 수 없는 Subscription이 하나라도 있으면 그 네임스페이스 전체에서 OLM이 멈추므로, 카탈로그를 바꾸기 전에 채널을 옮깁니다. 상태를 확인할 때까지 `Manual`로 둡니다.".into(),
        B::Leave { place, old, new } => format!("Subscription {}의 채널을 {}에서 {}(으)로 바꿉니다.", Code(place), Code(old), Code(new)),
        B::CatalogsWhy => "여기서부터 클러스터가 이전 카탈로그를 보게 됩니다. `openshift-marketplace`의 CatalogSource가 READY가 아니면 **모든 네임스페이스에서** OLM이 멈추므로 바로 확인합니다. 확인에 실패하고 원인을 알 수 없으면 먼저 “다시 앞으로” 장을 수행한 다음 원인을 찾습니다.".into(),
        B::ReadyElse { name } => format!("`oc -n openshift-marketplace describe pod -l olm.catalogSource={name}`과 파드 로그에서 원인을 확인합니다. 5분 안에 파악되지 않으면 “다시 앞으로” 장을 수행합니다."),
        B::Forward => "다시 앞으로".into(),
        B::ForwardWhen => "이전 카탈로그가 READY가 되지 않을 때 수행합니다. 순서대로 진행합니다. 이후 카탈로그의 이미지는 운영 레지스트리에 그대로 있습니다.".into(),
        B::Return { place } => format!("Subscription {}을(를) 원래 채널로 되돌립니다.", Code(place)),
        B::ForGood { generation, between: Some(between) } => format!("완전히 앞으로 돌아가려면 먼저 카탈로그를 세대 {generation} 직전의 상태로 옮깁니다: `ombundle rollback --site site.yaml --to {between} -o between`. 반입은 운영 레지스트리가 제공하는 카탈로그에 더하는 것이므로, 이 단계를 건너뛰면 그 사이 세대의 내용이 빠집니다. **이 명령어가 만든 파일은 클러스터에 적용하지 않습니다.** 그다음 세대 {generation}의 아카이브를 다시 반입합니다. 이미지는 운영 레지스트리에 이미 있으며, 절차서가 새로 만들어집니다."),
        B::ForGood { generation, between: None } => format!("완전히 앞으로 돌아가려면 세대 {generation}의 아카이브를 다시 반입합니다. 이미지는 운영 레지스트리에 이미 있으며, 절차서가 새로 만들어집니다."),
        B::Mirrors => "미러 설정은 그대로 둡니다. 두어도 해가 없으며, 제거하면 모든 노드가 드레인됩니다.".into(),
    }
}

pub(super) fn chinese(message: &Backward) -> String {
    use Backward as B;
    match message {
        B::Title { site, from, to } => format!("回退手册：站点 {}，从第 {from} 代到第 {to} 代", Code(site)),
        B::Intro => "生产仓库已经重新提供当时的目录；在“目录（Catalog）”一章之前，集群看不到它。请在本文件所在目录中，从上到下依次执行，并逐项勾选。每条命令下方写明了预期输出；如果输出不符，请停下来，按其下方的说明处理完毕后再继续。其他语言：[English](RUNBOOK.md)、[한국어](RUNBOOK.ko.md)。".into(),
        B::Finished { time } => format!("回退时间：{}", Code(time)),
        B::Stays => "Operator：正在运行的保持不变，即使原目录中没有它。**OLM 不会降级。**".into(),
        B::Channels => "不再存在的通道".into(),
        B::ChannelsWhy => "原目录中没有这些 Subscription 的通道。只要有一个无法解析，OLM 就会在整个命名空间中停止，因此要在更换目录之前先更换通道。在确认其状态之前，它们保持为 `Manual`。".into(),
        B::Leave { place, old, new } => format!("将 Subscription {} 的通道从 {} 改为 {}。", Code(place), Code(old), Code(new)),
        B::CatalogsWhy => "从这里开始，集群会看到原目录。`openshift-marketplace` 中只要有一个 CatalogSource 不是 READY，OLM 就会在**所有命名空间**中停止，因此请立即检查；如果检查失败且原因不明，请先执行“重新前进”一章，再查找原因。".into(),
        B::ReadyElse { name } => format!("`oc -n openshift-marketplace describe pod -l olm.catalogSource={name}` 及其日志会说明原因。如果五分钟内仍不清楚，请执行“重新前进”一章。"),
        B::Forward => "重新前进".into(),
        B::ForwardWhen => "在原目录无法变为 READY 时执行。请按此顺序操作。后来目录的镜像仍在生产仓库中。".into(),
        B::Return { place } => format!("将 Subscription {} 改回其通道。", Code(place)),
        B::ForGood { generation, between: Some(between) } => format!("如果要彻底前进，请先把目录带到第 {generation} 代之前的状态：`ombundle rollback --site site.yaml --to {between} -o between`。导入是在生产仓库当前提供的目录上追加，跳过这一步就会缺少其间各代的内容。**不要将该命令写出的文件应用到集群**；然后再次导入第 {generation} 代的归档：镜像已在生产仓库中，手册会重新生成。"),
        B::ForGood { generation, between: None } => format!("如果要彻底前进，请再次导入第 {generation} 代的归档：镜像已在生产仓库中，手册会重新生成。"),
        B::Mirrors => "保持镜像配置不变：它没有害处，而删除它会使所有节点被排空。".into(),
    }
}
