//! The page in Korean.

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
        M::Archive => "업그레이드 아카이브".into(),
        M::Plan => "업그레이드 계획".into(),
        M::Generation { number, channel, target: Some(target) } => format!("채널 {channel}의 세대 {number}, {target} 사이트 전용"),
        M::Generation { number, channel, target: None } => format!("채널 {channel}의 세대 {number}, 모든 사이트용"),
        M::Carries { operators, releases, images, bytes } => {
            let releases = if *releases == 0 { String::new() } else { format!("OpenShift 릴리스 {releases}개, ") };
            format!("{releases}오퍼레이터 {operators}개, 이미지 {images}개를 담고 있습니다: {}.", human_bytes(*bytes))
        }
        M::Language => "언어".into(),
        M::Chapters => "목차".into(),

        M::Carry => "반입 용량".into(),
        M::Volumes { count } => format!("파일 {count}개"),
        M::NewImages | M::IsNew => "새 이미지".into(),
        M::ThereAlready => "이미 있는 이미지".into(),
        M::Download => "다운로드".into(),
        M::Growth => "레지스트리 증가량".into(),
        M::GrowthEach => "레지스트리마다".into(),
        M::Made => "계획 시각".into(),
        M::Expires => "반입 기한".into(),
        M::Platforms => "플랫폼".into(),
        M::AllPlatforms => "이미지에 있는 모든 플랫폼".into(),

        M::Aloud => "소리 내어 대조할 값".into(),
        M::AloudWhy => "매체를 반입하기 전에 양쪽에서 아래 값을 서로 읽어 대조합니다. 양쪽 값이 같아야 합니다.".into(),
        M::ArchiveDigest => "아카이브".into(),
        M::PlanDigest => "계획".into(),
        M::Unsigned => "이 페이지 자체는 아무것도 증명하지 않습니다. `ombundle verify`가 아카이브를 받아들이고 같은 다이제스트를 표시하는지가 기준입니다.".into(),

        M::Changes => "변경 내용".into(),
        M::What => "대상".into(),
        M::From => "현재".into(),
        M::To => "목표".into(),
        M::Steps => "단계".into(),
        M::Reason => "이유".into(),
        M::NotKnown => "설치된 것이 확인되지 않음".into(),
        M::Offers { count } => format!("{count}개 버전 제공"),
        M::Stays => "그대로 유지".into(),
        M::Because { required_by } => {
            if required_by.is_empty() { "직접 요청함".into() } else { format!("{}에 필요함", required_by.join(", ")) }
        }
        M::Hops { count } => format!("{count}단계(hop)"),
        M::Updates { count } => format!("업데이트 {count}회"),
        M::UpdateChannel { name } => format!("업데이트 채널 {name}"),
        M::Arrives => "반입됨".into(),
        M::Order => "진행 순서".into(),
        M::OrderWhy => "OpenShift와 오퍼레이터는 서로를 막을 수 있습니다. 아래는 중간에 막히지 않는 순서입니다.".into(),
        M::OrderBecause(why) => match why {
            Why::Frees { openshift } => format!("이전 버전이 설치되어 있는 동안 OpenShift가 {openshift} 업데이트를 거부함"),
            Why::First => "가능하면 오퍼레이터를 먼저 업그레이드함".into(),
            Why::NeedsKubernetes { kubernetes } => format!("Kubernetes {kubernetes}이(가) 필요함"),
            Why::CatalogFor { openshift } => format!("OpenShift {openshift}용 카탈로그임"),
            Why::WouldHaveBlocked { openshift } => format!("먼저 설치하면 OpenShift가 {openshift} 업데이트를 거부했을 것임"),
        },

        M::Ways => "업그레이드 패스".into(),
        M::WaysWhy => "위쪽이 최신 버전입니다. 굵은 선이 실제로 거치는 패스이며, 선 위의 번호는 아래 표의 단계입니다.".into(),
        M::OpenShiftWay => "OpenShift".into(),
        M::NoWay => "설치된 것이 확인되지 않아 패스를 그릴 출발점이 없습니다. 제공되는 버전은 다음과 같습니다.".into(),
        M::NotDrawn { entries } => format!("그래프 항목이 {entries}개라서 여기에 그리지 않았습니다. `ombundle catalog graph`로 채널별로 볼 수 있습니다."),
        M::Explained(key, of) => explained(*key, *of).into(),
        M::Noted(note) => noted(note),
        M::Number => "번호".into(),
        M::InChannel => "채널".into(),
        M::AllowedBy => "허용 근거".into(),
        M::Allows(edge) => match edge {
            HopEdge::Replaces => "replaces 항목",
            HopEdge::Skips => "skips 항목",
            HopEdge::SkipRange => "skipRange에 이전 버전이 포함됨",
            HopEdge::Bridge => "카탈로그에서는 항목이 사라졌지만 CSV의 replaces에 기록되어 있음",
        }
        .into(),
        M::Change => "변경".into(),
        M::Kubernetes => "Kubernetes".into(),
        M::Risks => "알려진 위험".into(),
        M::Changed(change, eus) => {
            let change = match change {
                ReleaseChange::Patch => "같은 마이너 릴리스 안에서",
                ReleaseChange::Minor => "다음 마이너 릴리스로",
                ReleaseChange::Major => "다음 메이저 릴리스로",
            };
            match eus {
                None => change.into(),
                Some(EusStep::Through) => format!("{change}, 워커 풀은 일시 중지 상태로 두어도 됨"),
                Some(EusStep::Reached) => format!("{change}, 이제 워커 풀도 업데이트함"),
            }
        }
        M::NoRisk => "없음".into(),
        M::Accepted => "수락됨".into(),
        M::NotAccepted => "수락되지 않음".into(),
        M::Gates => "클러스터가 현재 마이너 릴리스를 떠나기 전에 관리자가 승인(ack)해야 합니다:".into(),

        M::Images => "반입 대상".into(),
        M::ImagesSaid { new, there, bytes } => format!("새 이미지 {new}개, 이미 있는 이미지 {there}개, 아카이브 크기 {}.", human_bytes(*bytes)),
        M::Treemap => "사각형 하나가 이미지 하나이며, 넓이는 아카이브에 더해지는 바이트입니다. 함께 쓰이는 이미지는 같은 색입니다.".into(),
        M::AddNothing { count } => format!("이미지 {count}개는 더해지는 바이트가 없어 그리지 않았습니다. 전부 다른 이미지와 함께 반입되거나 이미 있습니다."),
        M::Prerequisites { count, bytes } => format!("객체 {count}개({})는 운영 레지스트리에 이미 있으므로 담지 않았습니다. 반입할 때 무엇이든 쓰기 전에 하나하나 확인합니다.", human_bytes(*bytes)),
        M::Release { version } => format!("OpenShift {version}"),
        M::Catalogs => "바탕이 되는 카탈로그".into(),
        M::GraphData => "업데이트 서비스".into(),
        M::Additional => "추가 이미지".into(),
        M::Others => "기타 이미지".into(),
        M::Counted { count, bytes } => format!("이미지 {count}개, {}", human_bytes(*bytes)),
        M::Opened => "여기서 접혀 있는 목록은 인쇄물에서도 접혀 있습니다. 전체 표는 CONTENTS.csv에 있습니다.".into(),
        M::Image => "이미지".into(),
        M::Size => "크기".into(),
        M::Adds => "추가량".into(),
        M::Status => "상태".into(),
        M::IsShared => "새 이미지, 추가량 없음".into(),
        M::IsThere => "이미 있음".into(),

        M::Findings => "승인 전에 확인할 사항".into(),
        M::NoFindings => "발견된 사항이 없습니다.".into(),
        M::Weight(Severity::Error) => "오류".into(),
        M::Weight(Severity::Warning) => "경고".into(),
        M::Weight(Severity::Info) => "참고".into(),
        M::Remedy => "조치".into(),

        M::Seal => "서명과 파일".into(),
        M::NotSigned => "계획 단계이므로 아직 아카이브가 없고 서명도 없습니다. `pack --plan`이 정확히 이 계획대로 만듭니다.".into(),
        M::SignedBy { count } => format!("인벤토리와 이를 통해 모든 바이트가 키 {count}개로 서명되어 있습니다."),
        M::Key => "키".into(),
        M::ReleaseSignatures => "OpenShift 릴리스는 공급사가 서명했습니다. 계획할 때 서명을 검증했으며, 서명도 함께 반입됩니다.".into(),
        M::SignedAt => "서명 시각".into(),
        M::OneFile => "아카이브는 파일 하나입니다.".into(),
        M::InVolumes { count } => format!("아카이브는 볼륨 {count}개로 나뉘어 있습니다. 볼륨마다 따로 검사할 수 있으며, 모두 있어야 합니다."),
        M::File => "파일".into(),
        M::Bytes => "바이트".into(),
        M::Sums { file } => format!("SHA-256 값은 {file} 파일에 있습니다."),

        M::Import => "현장에서 진행되는 일".into(),
        M::ImportWhy => "3단계 전까지는 어디에도 쓰지 않습니다. 클러스터는 4단계에서 사람이 직접 적용할 때만 바뀝니다.".into(),
        M::CheckFiles => "기록된 그대로의 파일인지 확인합니다.".into(),
        M::CheckFilesSays => "기본 도구만으로 충분합니다.".into(),
        M::Verify => "믿을 수 있는 아카이브인지 확인합니다.".into(),
        M::VerifySays => "서명, 기한, 사이트, 세대, 모든 바이트를 검증합니다. 네트워크는 필요 없습니다.".into(),
        M::Run => "반입합니다.".into(),
        M::RunSays { images } => format!("다시 검증한 뒤 이미지 {images}개를 스테이징 레지스트리에, 이어서 운영 레지스트리에 다이제스트로 올립니다. 운영에서 제공 중인 카탈로그와 빠짐없이 병합하고, 카탈로그마다 요청 한 번으로 태그를 옮깁니다. 그 요청 전까지 운영 레지스트리는 그대로입니다. 중단되면 다시 실행하여 이어서 진행합니다."),
        M::RunCatalogs => "바뀌는 카탈로그:".into(),
        M::Follow => "절차서를 따릅니다.".into(),
        M::FollowSays => "반입이 끝나면 그때 실제로 설치된 버전에 맞는 OUT/RUNBOOK.ko.md(영어·중국어판 포함)가 만들어집니다. 모든 명령과 예상 출력이 있고, 원복 방법은 OUT/back/에 있습니다.".into(),
        M::NothingElse => "레지스트리에서 아무것도 삭제하지 않으며, 클러스터의 어떤 객체도 덮어쓰지 않습니다.".into(),

        M::Approval => "승인".into(),
        M::ApprovedBy => "승인자".into(),
        M::CarriedBy => "운반자".into(),
        M::ReceivedBy => "인수자".into(),
        M::Name => "이름".into(),
        M::Date => "날짜".into(),
        M::Signature => "서명".into(),
        M::Beside => "이 페이지와 함께 있는 파일: CONTENTS.csv(전체 이미지 표), SBOM.json(CycloneDX 자재 명세서), SUMMARY.txt(서명용 한 쪽).".into(),
        M::MadeBy { tool } => format!("작성 도구: {tool}"),
    }
}

/// Words in a drawing. What the field calls by its English name keeps it.
fn noted(note: &Note) -> String {
    match note {
        Note::Mark(Mark::Installed) => "현재 설치됨".into(),
        Note::Mark(Mark::Target) => "목표".into(),
        Note::Mark(Mark::Head) => "최신".into(),
        Note::Mark(Mark::Deprecated) => "지원 중단 예정".into(),
        Note::Mark(Mark::Withheld) => "제공되지 않음".into(),
        Note::Mark(Mark::Absent) => "카탈로그에 없음".into(),
        Note::Default => "기본 채널".into(),
        Note::ReplacesAbsent { name } => format!("replaces {name}(여기에 없음)"),
        Note::SkipsMany { count } => format!("skips: 버전 {count}개"),
        Note::SkipsAbsent { count } => format!("skips 중 {count}개는 여기에 없음"),
        Note::Mark(Mark::OnPath) | Note::Skips { .. } | Note::SkipRange { .. } | Note::Said(_) => {
            draw::english(note)
        }
    }
}

fn explained(key: Key, of: Drawing) -> &'static str {
    match (key, of) {
        (Key::Path, _) => "실제로 거치는 패스",
        (Key::Stroke(Stroke::Solid), Drawing::Channels) => "replaces",
        (Key::Stroke(Stroke::Dashed), Drawing::Channels) => "skips",
        (Key::Stroke(Stroke::Dotted), _) => "skipRange",
        (Key::Stroke(Stroke::Double), _) => "replaces(카탈로그에는 없고 오퍼레이터 자체에 있음)",
        (Key::Stroke(Stroke::Link), _) => "Subscription의 채널 변경",
        (Key::Stroke(Stroke::Solid), Drawing::Releases) => "같은 마이너 릴리스 안의 업데이트",
        (Key::Stroke(Stroke::Dashed), Drawing::Releases) => "다음 마이너 릴리스로의 업데이트",
        (Key::Mark(Mark::Installed), _) => "현재 설치됨",
        (Key::Mark(Mark::Target), _) => "목표",
        (Key::Mark(Mark::Withheld), _) => "제공되지 않음",
        (Key::Mark(Mark::Absent), _) => "아카이브의 카탈로그에 없음",
        (Key::Mark(Mark::Deprecated), _) => "지원 중단 예정",
        (Key::Mark(Mark::Head), _) => "채널의 최신 버전",
        (Key::Mark(Mark::OnPath), _) => "패스에 있음",
    }
}
