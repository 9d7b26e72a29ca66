//! What a runbook says when another port becomes production: how the former one is left, and emptied.

use crate::emit::files::Work;
use crate::emit::names::Kind;
use crate::emit::runbook::message::Message;
use crate::emit::runbook::model::{apply, boxed, pools_settle, step};
use crate::emit::runbook::render::{Block, Expect, Section, Step};
use crate::reference::RegistryHost;
use crate::site::cluster::DUMP;
use crate::text::Code;

/// One heading, sentence or paragraph about the ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Port {
    Title {
        site: String,
    },
    Intro,
    Finished {
        time: String,
    },
    /// What changes.
    Changes {
        old: String,
        new: String,
    },
    /// What changed, where nodes have left the former port already.
    Left {
        old: String,
        new: String,
    },
    Leave,
    LeaveWhy {
        old: String,
        new: String,
    },
    LeaveDrains,
    Empty,
    EmptyWhy {
        old: String,
    },
    SiteFile {
        old: String,
        new: String,
    },
    SiteFileElse,
    Check,
    CheckExpect,
    CheckElse,
    Dump,
    DumpElse,
    Plan {
        old: String,
    },
    PlanExpect,
    PlanElse,
    Apply,
    ApplyExpect,
    ApplyElse,
    ServiceElse,
    After,
    BackWhen {
        old: String,
    },
    BackMirrors,
    /// The way back.
    Back {
        old: String,
    },
}

impl From<Port> for Message {
    fn from(message: Port) -> Self {
        Self::Port(Box::new(message))
    }
}

/// Which port becomes production, and which was it.
fn ports<'w>(work: &Work<'w>) -> Option<(&'w RegistryHost, &'w RegistryHost)> {
    Some((work.input.former?, &work.input.site.spec.production.registry))
}

pub(super) fn changes(work: &Work<'_>) -> Option<Block> {
    let (old, new) = ports(work)?;
    let (old, new) = (old.to_string(), new.to_string());
    let said = if work.left { Port::Left { old, new } } else { Port::Changes { old, new } };
    Some(Block::Item(said.into()))
}

/// The mirror sets let go of the former port. Nothing may hang on it any more, and every node is drained.
pub(super) fn leave(work: &Work<'_>) -> Option<Section> {
    let (old, new) = ports(work).filter(|_| !work.left)?;
    let mut blocks = vec![
        Block::Text(Port::LeaveWhy { old: old.to_string(), new: new.to_string() }.into()),
        Block::Warning(Port::LeaveDrains.into()),
    ];
    blocks.extend(work.leave.iter().map(|filed| apply(filed, Message::ApplyElse)));
    blocks.push(pools_settle());
    Some(Section { heading: Port::Leave.into(), blocks })
}

/// The former port is emptied, by a plan that is read first.
pub(super) fn empty(work: &Work<'_>) -> Option<Section> {
    let (old, new) = ports(work)?;
    let (old, new) = (old.to_string(), new.to_string());
    let site = "--site \"$SITE\"";
    let expecting = |text: Port, command: String, expect: Port, otherwise: Port| {
        step(text.into(), command, Expect::Like(expect.into()), otherwise.into())
    };
    let blocks = vec![
        Block::Text(Port::EmptyWhy { old: old.clone() }.into()),
        boxed(Step {
            text: Port::SiteFile { old: old.clone(), new }.into(),
            commands: vec!["cp site.yaml \"$SITE\"".to_owned()],
            expect: Expect::Nothing,
            otherwise: Some(Port::SiteFileElse.into()),
        }),
        expecting(Port::Check, format!("ombundle check {site}"), Port::CheckExpect, Port::CheckElse),
        step(Port::Dump.into(), DUMP, Expect::Nothing, Port::DumpElse.into()),
        expecting(
            Port::Plan { old },
            format!("ombundle vacuum {site} --cluster dump.json --empty staging -o empty.json"),
            Port::PlanExpect,
            Port::PlanElse,
        ),
        expecting(
            Port::Apply,
            format!("ombundle vacuum {site} --cluster dump.json --apply empty.json"),
            Port::ApplyExpect,
            Port::ApplyElse,
        ),
    ];
    Some(Section { heading: Port::Empty.into(), blocks })
}

/// How the former port becomes production again, where these steps lead catalogs there. Nodes look at both ports first, since what did
/// not move is at the former one alone; an update service would serve nothing once the new port is given up.
pub(super) fn back(work: &Work<'_>, catalogs: Vec<Block>) -> Vec<Block> {
    let Some((old, _)) = ports(work) else { return catalogs };
    let old = old.to_string();
    let of = |wanted: fn(Kind) -> bool| work.back.iter().filter(move |filed| wanted(filed.object.kind));
    let is_set = |kind| {
        matches!(kind, Kind::ImageDigestMirrorSet | Kind::ImageTagMirrorSet | Kind::ImageContentSourcePolicy)
    };
    let mut blocks =
        vec![Block::Text(Port::BackWhen { old: old.clone() }.into()), Block::Text(Port::BackMirrors.into())];
    blocks.extend(of(is_set).map(|filed| apply(filed, Message::ApplyElse)));
    blocks.push(pools_settle());
    blocks.extend(catalogs);
    let services = of(|kind| kind == Kind::UpdateService);
    blocks.extend(services.map(|filed| apply(filed, Port::ServiceElse.into())));
    blocks.push(Block::Text(Port::Back { old }.into()));
    blocks
}

/// The head: what this is, and what it begins with.
pub(super) fn head(work: &Work<'_>) -> Option<[Message; 2]> {
    work.input.former?;
    let site = work.input.site.metadata.name.clone();
    Some([Port::Title { site }.into(), Port::Intro.into()])
}

/// When everything was seen to be at the new port.
pub(super) fn finished(work: &Work<'_>) -> Option<Message> {
    work.input.former?;
    Some(Port::Finished { time: work.input.receipt.finished.clone() }.into())
}

/// What the chapter of the checks is called.
pub(super) fn after(work: &Work<'_>) -> Option<Message> {
    work.input.former.map(|_| Port::After.into())
}

pub(super) fn english(message: &Port) -> String {
    use Port as P;
    match message {
        P::Title { site } => format!("Runbook of a move to the other port: site {}", Code(site)),
        P::Intro => "Work from the folder that holds this file, from top to bottom, and tick each box. Under each command stands what it must print. Where it prints something else, stop there and do what stands below it before you go on. Everything that is used is at the new port already; no operator moves. The same in [한국어](RUNBOOK.ko.md) and [中文](RUNBOOK.zh.md).".into(),
        P::Finished { time } => format!("Copied and checked: {}", Code(time)),
        P::After => "After the move".into(),
        P::BackWhen { old } => format!("Take it when a catalog does not become READY, or pods come to fail at pulling. Until it is emptied {} holds everything as it was. Do the steps in this order.", Code(old)),
        P::BackMirrors => "First the nodes look at both ports again: what did not move is at the former one alone. Where they still do, these files change nothing.".into(),
        P::Changes { old, new } => format!("Production moves from {} to {}. Nodes look at the new one first and at the old one behind it, until chapter “Leave the former port”.", Code(old), Code(new)),
        P::Left { old, new } => format!("Production moved from {} to {}, and nodes look at the new one alone already.", Code(old), Code(new)),
        P::Leave => "Leave the former port".into(),
        P::LeaveWhy { old, new } => format!("Do this when the catalogs are READY and no pod fails to pull; it can wait for days. Afterwards nodes look at {} alone, and {} can be emptied.", Code(new), Code(old)),
        P::LeaveDrains => "Nodes: **every node is drained, one after the other**, since each source loses a mirror. Take a maintenance window, and look for PodDisruptionBudgets that would stop a drain.".into(),
        P::Empty => "Empty the former port".into(),
        P::EmptyWhy { old } => format!("{} takes the next archive from now on. What it holds is a copy, or needed by nobody.", Code(old)),
        P::SiteFile { old, new } => format!("Put the new site file in the place of the old one: production is {}, staging is {}. `SITE` is the path of the file that you use. (Where this folder has no `site.yaml`, exchange the two yourself.)", Code(new), Code(old)),
        P::SiteFileElse => "set it first: `SITE=/path/to/site.yaml`. The files that it names relative to itself stay where they are.".into(),
        P::Check => "The new production can serve all that its catalogs offer.".into(),
        P::CheckExpect => "a line for each catalog that ends in `0 missing`.".into(),
        P::CheckElse => "do not go on: the former port still holds everything. Apply the plan of the move once more.".into(),
        P::Dump => "Make a dump of the cluster as it is now.".into(),
        P::DumpElse => "log in as one who may read all namespaces. Where several clusters pull from this registry, make one of each.".into(),
        P::Plan { old } => format!("Have it planned what {} need not hold. Nothing is deleted yet. Read the plan.", Code(old)),
        P::PlanExpect => "what goes, with the reasons; at the end as many manifests to go as there are.".into(),
        P::PlanElse => "`POINTS_TO_STAGING` names objects that still use the former port: change these, and make a new dump.".into(),
        P::Apply => "Carry out that plan.".into(),
        P::ApplyExpect => "how many manifests were deleted, and how the space comes back, if that is not done from here.".into(),
        P::ApplyElse => "the message says what changed; nothing is lost by making a new plan.".into(),
        P::ServiceElse => "`no matches for kind \"UpdateService\"` means that the OpenShift Update Service operator is not installed: skip this file.".into(),
        P::Back { old } => format!("{} is production again. If the site file was exchanged, put the former one back.", Code(old)),
    }
}

pub(super) fn korean(message: &Port) -> String {
    use Port as P;
    match message {
        P::Title { site } => format!("포트 이전 작업 절차서: 사이트 {}", Code(site)),
        P::Intro => "이 파일이 있는 폴더에서 위에서 아래로 순서대로 진행하면서 체크박스에 표시합니다. 명령어마다 아래에 예상 출력이 있습니다. 출력이 다르면 거기서 멈추고, 그 아래의 조치를 마친 뒤에 다음으로 넘어갑니다. 사용 중인 것은 모두 이미 새 포트에 있으며, 어떤 오퍼레이터도 업그레이드되지 않습니다. 같은 내용: [English](RUNBOOK.md), [中文](RUNBOOK.zh.md).".into(),
        P::Finished { time } => format!("복사 및 확인 완료 시각: {}", Code(time)),
        P::After => "이전 후 확인".into(),
        P::BackWhen { old } => format!("카탈로그가 READY가 되지 않거나 이미지를 가져오지 못하는 파드가 생길 때 수행합니다. 비우기 전까지 {}에는 모든 것이 그대로 있습니다. 아래 순서대로 수행합니다.", Code(old)),
        P::BackMirrors => "먼저 노드가 다시 두 포트를 모두 찾게 합니다. 옮기지 않은 것은 이전 포트에만 있습니다. 이미 두 포트를 찾고 있으면 이 파일들은 아무것도 바꾸지 않습니다.".into(),
        P::Changes { old, new } => format!("운영 레지스트리가 {}에서 {}(으)로 옮겨집니다. “이전 포트에서 벗어나기” 장까지 노드는 새 레지스트리를 먼저, 그다음 이전 레지스트리를 찾습니다.", Code(old), Code(new)),
        P::Left { old, new } => format!("운영 레지스트리가 {}에서 {}(으)로 옮겨졌고, 노드는 이미 새 레지스트리만 찾습니다.", Code(old), Code(new)),
        P::Leave => "이전 포트에서 벗어나기".into(),
        P::LeaveWhy { old, new } => format!("카탈로그가 READY이고 이미지를 가져오지 못하는 파드가 없을 때 수행합니다. 며칠 뒤로 미루어도 됩니다. 이후 노드는 {}만 찾으며, {}을(를) 비울 수 있습니다.", Code(new), Code(old)),
        P::LeaveDrains => "노드: source마다 미러가 하나씩 없어지므로 **모든 노드가 하나씩 드레인됩니다.** 점검 시간에 수행하고, 드레인을 막을 수 있는 PodDisruptionBudget이 있는지 미리 확인합니다.".into(),
        P::Empty => "이전 포트 비우기".into(),
        P::EmptyWhy { old } => format!("다음 아카이브부터는 {}(으)로 반입합니다. 여기에 남은 것은 사본이거나 아무도 필요로 하지 않는 것입니다.", Code(old)),
        P::SiteFile { old, new } => format!("새 사이트 파일로 기존 파일을 바꿉니다: 운영은 {}, 스테이징은 {}. `SITE`는 사용 중인 파일의 경로입니다. (이 폴더에 `site.yaml`이 없으면 두 값을 직접 맞바꿉니다.)", Code(new), Code(old)),
        P::SiteFileElse => "먼저 `SITE=/path/to/site.yaml`로 지정합니다. 그 파일을 기준으로 한 상대 경로의 파일은 그대로 둡니다.".into(),
        P::Check => "새 운영 레지스트리가 카탈로그의 모든 이미지를 제공할 수 있는지 확인합니다.".into(),
        P::CheckExpect => "카탈로그마다 한 줄씩, 각 줄이 `0 missing`으로 끝남.".into(),
        P::CheckElse => "더 진행하지 않습니다. 이전 포트에 모든 것이 그대로 있습니다. 이사 계획을 다시 적용합니다.".into(),
        P::Dump => "현재 클러스터의 덤프를 만듭니다.".into(),
        P::DumpElse => "모든 네임스페이스를 읽을 수 있는 계정으로 로그인합니다. 여러 클러스터가 이 레지스트리를 사용하면 각각 만듭니다.".into(),
        P::Plan { old } => format!("{}에 더 이상 필요 없는 것을 계획으로 확인합니다. 아직 아무것도 삭제되지 않습니다. 계획을 읽어 봅니다.", Code(old)),
        P::PlanExpect => "삭제될 것과 그 이유. 마지막에 나오는 두 매니페스트 수가 같음.".into(),
        P::PlanElse => "`POINTS_TO_STAGING`은 아직 이전 포트를 사용하는 오브젝트입니다. 이를 고치고 덤프를 다시 만듭니다.".into(),
        P::Apply => "그 계획을 적용합니다.".into(),
        P::ApplyExpect => "삭제된 매니페스트 수와, 여기서 처리되지 않는 경우 공간을 회수하는 방법.".into(),
        P::ApplyElse => "메시지에 달라진 점이 나옵니다. 계획을 새로 만들어도 잃는 것은 없습니다.".into(),
        P::ServiceElse => "`no matches for kind \"UpdateService\"`는 OpenShift Update Service 오퍼레이터가 설치되지 않았다는 뜻입니다. 이 파일을 건너뜁니다.".into(),
        P::Back { old } => format!("{}이(가) 다시 운영 레지스트리입니다. 사이트 파일을 바꾸었다면 이전 파일로 되돌립니다.", Code(old)),
    }
}

pub(super) fn chinese(message: &Port) -> String {
    use Port as P;
    match message {
        P::Title { site } => format!("迁移端口操作手册：站点 {}", Code(site)),
        P::Intro => "请在本文件所在目录中，从上到下依次执行，并逐项勾选。每条命令下方写明了预期输出；如果输出不符，请停下来，按其下方的说明处理完毕后再继续。正在使用的内容已全部在新端口；不会升级任何 Operator。其他语言：[English](RUNBOOK.md)、[한국어](RUNBOOK.ko.md)。".into(),
        P::Finished { time } => format!("复制并检查完成时间：{}", Code(time)),
        P::After => "迁移之后".into(),
        P::BackWhen { old } => format!("当目录无法变为 READY，或出现拉取失败的 Pod 时执行。清空之前，{} 仍保留原有的全部内容。请按以下顺序执行。", Code(old)),
        P::BackMirrors => "首先让节点重新同时查找两个端口：没有迁移的内容只在原端口。如果节点仍在查找两个端口，这些文件不会改变任何东西。".into(),
        P::Changes { old, new } => format!("生产仓库从 {} 迁到 {}。在“离开原端口”一章之前，节点先查找新仓库，再查找原仓库。", Code(old), Code(new)),
        P::Left { old, new } => format!("生产仓库已从 {} 迁到 {}，节点已经只查找新仓库。", Code(old), Code(new)),
        P::Leave => "离开原端口".into(),
        P::LeaveWhy { old, new } => format!("在目录为 READY、没有 Pod 拉取失败之后执行，可以等几天。此后节点只查找 {}，{} 可以清空。", Code(new), Code(old)),
        P::LeaveDrains => "节点：每个 source 都会少一个镜像源，因此**所有节点将被逐个排空（drain）。** 请在维护窗口内执行，并事先检查是否有会阻止排空的 PodDisruptionBudget。".into(),
        P::Empty => "清空原端口".into(),
        P::EmptyWhy { old } => format!("从现在起，下一个归档进入 {}。其中剩下的要么是副本，要么没有人需要。", Code(old)),
        P::SiteFile { old, new } => format!("用新的站点文件替换旧文件：生产为 {}，暂存为 {}。`SITE` 是所用文件的路径。（如果本文件夹中没有 `site.yaml`，请自行对调这两项。）", Code(new), Code(old)),
        P::SiteFileElse => "先设置：`SITE=/path/to/site.yaml`。其中用相对路径指定的文件保持不动。".into(),
        P::Check => "新的生产仓库能够提供目录中的全部内容。".into(),
        P::CheckExpect => "每个目录一行，行尾为 `0 missing`。".into(),
        P::CheckElse => "不要继续：原端口仍保留全部内容。请再次执行迁移计划。".into(),
        P::Dump => "导出集群当前的状态。".into(),
        P::DumpElse => "用可以读取所有命名空间的账号登录。如果有多个集群使用该仓库，请分别导出。".into(),
        P::Plan { old } => format!("计划 {} 中哪些内容不再需要。此时不会删除任何内容。请阅读该计划。", Code(old)),
        P::PlanExpect => "将要删除的内容及其原因；末尾的两个清单数相同。".into(),
        P::PlanElse => "`POINTS_TO_STAGING` 列出仍在使用原端口的对象：修改它们，然后重新导出。".into(),
        P::Apply => "执行该计划。".into(),
        P::ApplyExpect => "删除了多少个清单，以及在无法由此处完成时如何回收空间。".into(),
        P::ApplyElse => "提示信息会说明发生了什么变化；重新制定计划不会丢失任何内容。".into(),
        P::ServiceElse => "`no matches for kind \"UpdateService\"` 表示没有安装 OpenShift Update Service Operator：跳过此文件。".into(),
        P::Back { old } => format!("{} 重新成为生产仓库。如果已替换站点文件，请换回原来的文件。", Code(old)),
    }
}
