//! The page in Chinese.

use crate::draw::{self, Key, Mark, Note, Stroke};
use crate::finding::Severity;
use crate::page::message::{Drawing, Message};
use crate::plan::HopEdge;
use crate::plan::order::Why;
use crate::release::{EusStep, ReleaseChange};
use crate::text::human_bytes;

#[expect(clippy::too_many_lines, reason = "one sentence a line, nothing else")]
pub(super) fn say(message: &Message) -> String {
    use Message as M;
    match message {
        M::Archive => "升级归档文件".into(),
        M::Plan => "升级计划".into(),
        M::Generation { number, channel, target: Some(target) } => format!("通道 {channel} 的第 {number} 代，仅用于站点 {target}"),
        M::Generation { number, channel, target: None } => format!("通道 {channel} 的第 {number} 代，可用于任何站点"),
        M::Carries { operators, releases, images, bytes } => {
            let releases = if *releases == 0 { String::new() } else { format!("{releases} 个 OpenShift 发行版、") };
            format!("其中包含 {releases}{operators} 个 Operator、{images} 个镜像：{}。", human_bytes(*bytes))
        }
        M::Language => "语言".into(),
        M::Chapters => "目录".into(),

        M::Carry => "需携带".into(),
        M::Volumes { count } => format!("{count} 个文件"),
        M::NewImages => "新镜像".into(),
        M::ThereAlready => "已有镜像".into(),
        M::Download => "需下载".into(),
        M::Growth => "镜像仓库增长".into(),
        M::GrowthEach => "每个仓库".into(),
        M::Made => "计划时间".into(),
        M::Expires => "导入截止时间".into(),
        M::Platforms => "平台".into(),
        M::AllPlatforms => "镜像所含的全部平台".into(),

        M::Aloud => "口头核对".into(),
        M::AloudWhy => "介质进入之前，双方互相朗读以下各组字符：两边看到的必须相同。".into(),
        M::ArchiveDigest => "归档文件".into(),
        M::PlanDigest => "计划".into(),
        M::Unsigned => "本页本身不能证明任何事情。应以 `ombundle verify` 接受该归档文件并显示相同摘要为准。".into(),

        M::Changes => "变更内容".into(),
        M::What => "对象".into(),
        M::From => "当前".into(),
        M::To => "目标".into(),
        M::Steps => "步骤".into(),
        M::Reason => "原因".into(),
        M::NotKnown => "未发现已安装的版本".into(),
        M::Offers { count } => format!("提供 {count} 个版本"),
        M::Stays => "保持不变".into(),
        M::Because { required_by } => {
            if required_by.is_empty() { "直接请求".into() } else { format!("{} 依赖它", required_by.join("、")) }
        }
        M::Hops { count } => format!("{count} 跳"),
        M::Updates { count } => format!("{count} 次更新"),
        M::UpdateChannel { name } => format!("更新通道 {name}"),
        M::Arrives => "随归档导入".into(),
        M::Order => "执行顺序".into(),
        M::OrderWhy => "OpenShift 与 Operator 之间可能互相阻塞。按以下顺序执行则不会卡住。".into(),
        M::OrderBecause(why) => match why {
            Why::Frees { openshift } => format!("旧版本运行期间，OpenShift 拒绝更新到 {openshift}"),
            Why::First => "只要可行，Operator 先升级".into(),
            Why::NeedsKubernetes { kubernetes } => format!("需要 Kubernetes {kubernetes}"),
            Why::CatalogFor { openshift } => format!("其目录适用于 OpenShift {openshift}"),
            Why::WouldHaveBlocked { openshift } => format!("如果先升级它，OpenShift 会拒绝更新到 {openshift}"),
        },

        M::Ways => "升级路径".into(),
        M::WaysWhy => "最新版本在上方。粗线是实际要走的路径，线上的编号对应下表中的步骤。".into(),
        M::OpenShiftWay => "OpenShift".into(),
        M::NoWay => "未发现已安装的版本，因此没有可绘制的起点。提供的版本如下。".into(),
        M::NotDrawn { entries } => format!("该图有 {entries} 个条目，不适合在此绘制：可用 `ombundle catalog graph` 按通道查看。"),
        M::Explained(key, of) => explained(*key, *of).into(),
        M::Noted(note) => noted(note),
        M::Number => "序号".into(),
        M::InChannel => "通道".into(),
        M::AllowedBy => "依据".into(),
        M::Allows(edge) => match edge {
            HopEdge::Replaces => "replaces 条目",
            HopEdge::Skips => "skips 条目",
            HopEdge::SkipRange => "前一版本在其 skipRange 内",
            HopEdge::Bridge => "目录中已丢失该条目，但其 CSV 写明 replaces 前一版本",
        }
        .into(),
        M::Change => "变化".into(),
        M::Kubernetes => "Kubernetes".into(),
        M::Risks => "已知风险".into(),
        M::Changed(change, eus) => {
            let change = match change {
                ReleaseChange::Patch => "同一小版本内",
                ReleaseChange::Minor => "到下一个小版本",
                ReleaseChange::Major => "到下一个大版本",
            };
            match eus {
                None => change.into(),
                Some(EusStep::Through) => format!("{change}；工作节点池可以保持暂停"),
                Some(EusStep::Reached) => format!("{change}；此时更新工作节点池"),
            }
        }
        M::NoRisk => "无".into(),
        M::Accepted => "已接受".into(),
        M::NotAccepted => "未接受".into(),
        M::Gates => "集群离开当前小版本之前，管理员必须确认（ack）：".into(),

        M::Images => "携带内容".into(),
        M::ImagesSaid { new, there, bytes } => format!("新镜像 {new} 个，已有镜像 {there} 个；归档文件大小为 {}。", human_bytes(*bytes)),
        M::Treemap => "每个矩形是一个镜像，面积为它给归档文件增加的字节数。同一组镜像使用同一种颜色。".into(),
        M::AddNothing { count } => format!("有 {count} 个镜像不增加任何字节，因此没有绘制：其内容全部随其他镜像携带，或者已经存在。"),
        M::Prerequisites { count, bytes } => format!("{count} 个对象（{}）已在生产仓库中，因此不携带；导入时会在写入任何内容之前逐一检查。", human_bytes(*bytes)),
        M::Release { version } => format!("OpenShift {version}"),
        M::Catalogs => "作为基础的目录镜像".into(),
        M::GraphData => "更新服务".into(),
        M::Additional => "附加镜像".into(),
        M::Others => "其他镜像".into(),
        M::Counted { count, bytes } => format!("{count} 个镜像，{}", human_bytes(*bytes)),
        M::Opened => "此处收起的列表，打印时也是收起的。完整表格见 CONTENTS.csv。".into(),
        M::Image => "镜像".into(),
        M::Size => "大小".into(),
        M::Adds => "增加".into(),
        M::Status => "状态".into(),
        M::IsNew => "新".into(),
        M::IsShared => "新，不增加字节".into(),
        M::IsThere => "已有".into(),

        M::Findings => "批准前须知".into(),
        M::NoFindings => "没有发现问题。".into(),
        M::Weight(Severity::Error) => "错误".into(),
        M::Weight(Severity::Warning) => "警告".into(),
        M::Weight(Severity::Info) => "提示".into(),
        M::Remedy => "处理方法".into(),

        M::Seal => "签名与文件".into(),
        M::NotSigned => "这是一份计划：还没有归档文件，也没有签名。`pack --plan` 会严格按此制作。".into(),
        M::SignedBy { count } => format!("清单以及由它确定的每一个字节，均由 {count} 个密钥签名。"),
        M::Key => "密钥".into(),
        M::ReleaseSignatures => "OpenShift 发行版由其供应商签名；制定计划时已验证签名有效，签名随归档携带。".into(),
        M::SignedAt => "签名时间".into(),
        M::OneFile => "归档文件是单个文件。".into(),
        M::InVolumes { count } => format!("归档文件分为 {count} 卷。每卷可单独校验；全部卷都必须齐全。"),
        M::File => "文件".into(),
        M::Bytes => "字节".into(),
        M::Sums { file } => format!("SHA-256 校验和见 {file}。"),

        M::Import => "现场将执行的操作".into(),
        M::ImportWhy => "第 3 步之前不向任何地方写入。集群只在第 4 步由人工操作时才会改变。".into(),
        M::CheckFiles => "确认文件与写出时一致。".into(),
        M::CheckFilesSays => "使用系统自带工具即可。".into(),
        M::Verify => "确认归档文件可信。".into(),
        M::VerifySays => "校验签名、有效期、站点、代次和每一个字节。不需要网络。".into(),
        M::Run => "导入。".into(),
        M::RunSays { images } => format!("再次校验后，将 {images} 个镜像推送到暂存仓库，再按摘要推送到生产仓库；与生产仓库正在提供的目录合并，不丢失任何内容；每个目录的标签只用一次请求移动。在该请求之前，生产仓库保持原样。中断后再次执行即可继续。"),
        M::RunCatalogs => "发生变化的目录：".into(),
        M::Follow => "按操作手册执行。".into(),
        M::FollowSays => "导入完成后会根据届时实际运行的版本生成 OUT/RUNBOOK.zh.md（另有英文和韩文版）：包含每条命令及其预期输出；回退方法在 OUT/back/ 中。".into(),
        M::NothingElse => "不会从镜像仓库删除任何内容，也不会覆盖集群中的任何对象。".into(),

        M::Approval => "批准".into(),
        M::ApprovedBy => "批准人".into(),
        M::CarriedBy => "携带人".into(),
        M::ReceivedBy => "接收人".into(),
        M::Name => "姓名".into(),
        M::Date => "日期".into(),
        M::Signature => "签字".into(),
        M::Beside => "与本页一起的文件：CONTENTS.csv（全部镜像的表格）、SBOM.json（CycloneDX 物料清单）、SUMMARY.txt（供签字的一页）。".into(),
        M::MadeBy { tool } => format!("生成工具：{tool}"),
    }
}

/// Words in a drawing. What the field calls by its English name keeps it.
fn noted(note: &Note) -> String {
    match note {
        Note::Mark(Mark::Installed) => "当前运行".into(),
        Note::Mark(Mark::Target) => "目标".into(),
        Note::Mark(Mark::Head) => "最新".into(),
        Note::Mark(Mark::Deprecated) => "已弃用".into(),
        Note::Mark(Mark::Withheld) => "不再提供".into(),
        Note::Mark(Mark::Absent) => "目录中没有".into(),
        Note::Default => "默认通道".into(),
        Note::ReplacesAbsent { name } => format!("replaces {name}（此处没有）"),
        Note::SkipsMany { count } => format!("skips：{count} 个版本"),
        Note::SkipsAbsent { count } => format!("skips 中有 {count} 个不在此处"),
        Note::Mark(Mark::OnPath) | Note::Skips { .. } | Note::SkipRange { .. } | Note::Said(_) => {
            draw::english(note)
        }
    }
}

fn explained(key: Key, of: Drawing) -> &'static str {
    match (key, of) {
        (Key::Path, _) => "实际要走的路径",
        (Key::Stroke(Stroke::Solid), Drawing::Channels) => "replaces",
        (Key::Stroke(Stroke::Dashed), Drawing::Channels) => "skips",
        (Key::Stroke(Stroke::Dotted), _) => "skipRange",
        (Key::Stroke(Stroke::Double), _) => "replaces（目录中没有，Operator 自身注明）",
        (Key::Stroke(Stroke::Link), _) => "Subscription 更换通道",
        (Key::Stroke(Stroke::Solid), Drawing::Releases) => "同一小版本内的更新",
        (Key::Stroke(Stroke::Dashed), Drawing::Releases) => "到下一个小版本的更新",
        (Key::Mark(Mark::Installed), _) => "当前运行",
        (Key::Mark(Mark::Target), _) => "要达到的版本",
        (Key::Mark(Mark::Withheld), _) => "不再提供",
        (Key::Mark(Mark::Absent), _) => "不在归档文件的目录中",
        (Key::Mark(Mark::Deprecated), _) => "已弃用",
        (Key::Mark(Mark::Head), _) => "通道中的最新版本",
        (Key::Mark(Mark::OnPath), _) => "在路径上",
    }
}
