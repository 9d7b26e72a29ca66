//! The runbook in Korean.

use crate::emit::runbook::message::{Message, codes, weight};
use crate::emit::runbook::{backward, openshift, port};
use crate::plan::HopEdge;
use crate::text::{Code, Prose, Sentence, Word};

#[expect(clippy::too_many_lines, reason = "one sentence a line, nothing else")]
pub(super) fn say(message: &Message) -> String {
    use Message as M;
    match message {
        M::Title { site, generation } => format!("업그레이드 작업 절차서: 사이트 {}, 세대 {generation}", Code(site)),
        M::Intro => "이 파일이 있는 폴더에서 위에서 아래로 순서대로 진행하면서 체크박스에 표시합니다. 명령어마다 아래에 예상 출력이 있습니다. 출력이 다르면 거기서 멈추고, 그 아래의 조치를 마친 뒤에 다음으로 넘어갑니다. 이미지는 이미 운영 레지스트리에 반입되어 있으며, “오퍼레이터” 장 전에는 어떤 오퍼레이터도 업그레이드되지 않습니다. 같은 내용: [English](RUNBOOK.md), [中文](RUNBOOK.zh.md).".into(),
        M::Archive { file } => format!("아카이브: {}", Code(file)),
        M::Inventory { digest } => format!("인벤토리: {}", Code(digest)),
        M::Signers { keys } => format!("서명 키: {}", Code(keys)),
        M::Finished { time } => format!("반입 완료 시각: {}", Code(time)),
        M::Tool { name } => format!("작성 도구: {}", Code(name)),
        M::Production { registry } => format!("운영 레지스트리: {}", Code(registry)),
        M::OpenShift { version } => format!("OpenShift 버전(클러스터 덤프 기준): {}", Code(version)),
        M::ClusterNotAsked => "클러스터 덤프가 주어지지 않아 Subscription과 이미 사용 중인 이름을 알 수 없습니다. 아래 단계에서 직접 조회합니다.".into(),

        M::Changes => "변경 내용".into(),
        M::CatalogServed { name, image } => format!("카탈로그 {}: {} 제공", Code(name), Code(image)),
        M::PackageMoves { package, place, from, to, hops } => format!("{}{}: {} → {}, {hops}단계(hop)", Code(package), at(place.as_ref()), Code(from), Code(to)),
        M::PackageThere { package, place, csv } => format!("{}{}: 이미 {} 상태", Code(package), at(place.as_ref()), Code(csv)),
        M::PackageOffered { package, required_by } => format!("{}: 카탈로그에 제공됨, 설치된 것은 확인되지 않음 ({})", Code(package), why(required_by)),
        M::PackageElsewhere { package, place, csv } => format!("{}{}: 설치된 {} 버전이 계획된 업그레이드 패스에 없음", Code(package), at(place.as_ref()), Code(csv)),
        M::NodesNothing => "노드: 미러 설정이 그대로이므로 드레인도 재적용도 없습니다.".into(),
        M::NodesReload => "노드: 다이제스트 미러만 추가됩니다. 노드가 하나씩 레지스트리 설정을 다시 읽으며, 드레인과 재부팅은 없습니다.".into(),
        M::NodesDrain => "노드: **모든 노드가 하나씩 드레인됩니다.** “미러 설정” 장은 작업 승인된 점검 시간에 수행하고, 드레인을 막을 수 있는 PodDisruptionBudget이 있는지 미리 확인합니다. 이유:".into(),
        M::NodesUnknown => "노드: 클러스터 덤프가 없어 노드에 미치는 영향을 알 수 없습니다. 다이제스트 미러 추가는 드레인을 일으키지 않습니다. 태그 미러(ImageTagMirrorSet)의 추가·삭제와 기존 항목의 삭제는 모든 노드를 하나씩 드레인합니다. 먼저 `oc diff --server-side --field-manager=ombundle -f cluster/`로 확인합니다.".into(),
        M::DrainTagMirrors { source } => format!("{}의 태그 미러가 추가되거나 삭제됩니다", Code(source)),
        M::DrainRemoved { source } => format!("{}의 다이제스트 미러가 삭제됩니다", Code(source)),
        M::Findings => "확인할 사항".into(),
        M::FindingSays { finding } => {
            let hint = if finding.hint.is_empty() { String::new() } else { format!(" 조치: {}.", Sentence(&finding.hint)) };
            format!("**{}** {} {}: {}.{hint}", weight(finding.severity), Code(&finding.code), Prose(&finding.subject), Sentence(&finding.message))
        }

        M::Before => "시작하기 전에".into(),
        M::LoggedIn => "대상 클러스터에 클러스터 관리자로 로그인되어 있는지 확인합니다.".into(),
        M::LoggedInExpect => "대상 클러스터의 API 서버 주소, 그다음 줄에 `yes`.".into(),
        M::LoggedInElse => "`oc login`으로 로그인하거나 `KUBECONFIG`를 바꿉니다.".into(),
        M::Healthy => "모든 ClusterOperator가 Available이고, 진행 중이거나 Degraded인 것이 없는지 확인합니다.".into(),
        M::HealthyElse => "출력된 ClusterOperator를 먼저 정상화합니다: `oc describe clusteroperator NAME`. Degraded 상태에서 오퍼레이터를 업그레이드하면 장애 원인을 가려내기 어렵습니다.".into(),
        M::Pools => "모든 MachineConfigPool이 최신 상태이고 일시 중지(paused)되지 않았는지 확인합니다.".into(),
        M::PoolsExpect => "풀마다 한 줄씩, 각 줄이 `paused=false updated=True degraded=False`로 끝남.".into(),
        M::PoolsElse => "진행 중인 업데이트가 있으면 끝날 때까지 기다립니다(`oc get machineconfigpool -w`). paused 상태인 풀에는 미러 설정이 적용되지 않습니다. 의도한 것이 아니라면 해제합니다: `oc patch machineconfigpool NAME --type merge -p '{\"spec\":{\"paused\":false}}'`.".into(),
        M::PullSecret { registry } => format!("클러스터의 pull secret에 {} 인증 정보가 있는지 확인합니다.", Code(registry)),
        M::PullSecretElse { registry } => format!("{}이(가) 익명 pull을 허용하면 그대로 진행합니다. 아니면 기존 내용을 유지한 채 항목을 추가합니다. 기존 내용을 덮어쓰면 안 됩니다: `oc -n openshift-config set data secret/pull-secret --from-file=.dockerconfigjson=merged.json`. 이 변경은 노드를 드레인하지 않습니다.", Code(registry)),
        M::DefaultSources => "폐쇄망에서 접속할 수 없는 OperatorHub 기본 카탈로그가 비활성화되어 있는지 확인합니다.".into(),
        M::DefaultSourcesElse => "접속할 수 없는 카탈로그가 하나라도 있으면 모든 네임스페이스에서 OLM이 멈춥니다. 기본 이름으로 자체 카탈로그를 운영하는 경우가 아니라면 비활성화합니다: `oc patch operatorhub cluster --type merge -p '{\"spec\":{\"disableAllDefaultSources\":true}}'`.".into(),
        M::Save => "비교와 원복을 위해 현재 상태를 저장합니다.".into(),
        M::SaveElse => "이 폴더의 쓰기 권한과 `oc`의 클러스터 접속 상태를 확인합니다.".into(),

        M::Mirrors => "미러 설정".into(),
        M::Releases => "OpenShift 릴리스 서명과 업데이트 서비스".into(),
        M::Apply { file } => format!("{} 파일을 적용합니다.", Code(file)),
        M::ApplyElse => "`Apply failed with … conflicts`는 다른 주체가 이미 같은 필드를 설정했다는 뜻입니다. 메시지에서 누구인지 확인하고 협의합니다. 원인을 파악하기 전에는 `--force-conflicts`를 쓰지 않습니다. `Unauthorized` 또는 `Forbidden`이면 클러스터 관리자가 아닙니다.".into(),
        M::PoolsSettle => "모든 노드에 설정이 적용될 때까지 기다립니다.".into(),
        M::PoolsSettleExpect => "풀마다 한 줄씩, 각 줄이 `condition met`으로 끝남.".into(),
        M::PoolsSettleElse => "`oc get machineconfigpool`로 멈춘 풀을, `oc describe machineconfigpool NAME`으로 원인을 확인합니다. 적용 직후의 `DEGRADED True`는 대개 같은 source에 `mirrorSourcePolicy`가 다른 미러 설정이 두 개 있기 때문입니다. 드레인이 멈춰 있으면 대개 PodDisruptionBudget 때문입니다: `oc -n openshift-machine-config-operator logs deployment/machine-config-controller`. 대신 연결 오류(`connection refused`, `EOF`)가 나오면 노드와 함께 API 서버가 재시작되는 중이므로 명령어를 다시 실행합니다.".into(),
        M::NodeFile => "노드에 미러가 설정되었는지 확인합니다. (풀마다 노드 하나씩 반복합니다.)".into(),
        M::NodeFileElse => "풀에 아직 적용되지 않았거나 paused 상태입니다. 앞 단계로 돌아갑니다.".into(),

        M::Hold => "자동 업그레이드 보류".into(),
        M::HoldWhy => "아래 Subscription은 `installPlanApproval: Automatic`입니다. OLM이 새 카탈로그를 인식하는 즉시 승인 없이 업그레이드를 시작하므로, 작업하는 동안 `Manual`로 바꾸고, “오퍼레이터” 장에 다른 지시가 없으면 마지막에 되돌립니다.".into(),
        M::HoldFindWhy => "`installPlanApproval: Automatic`인 Subscription은 OLM이 새 카탈로그를 인식하는 즉시 승인 없이 업그레이드를 시작합니다. 클러스터 덤프가 없어 그런 Subscription이 있는지 알 수 없습니다.".into(),
        M::HoldFind { catalog } => format!("카탈로그 {}을(를) 쓰는 Subscription 가운데 자동으로 업그레이드되는 것이 없는지 확인합니다.", Code(catalog)),
        M::HoldFindElse => "작업하는 동안 각각을 `Manual`로 바꾸고 적어 둡니다: `oc -n NAMESPACE patch subscription.operators.coreos.com NAME --type merge -p '{\"spec\":{\"installPlanApproval\":\"Manual\"}}'`.".into(),
        M::Patch { namespace, name } => format!("Subscription {}을(를) `Manual`로 바꿉니다.", Code(&format!("{namespace}/{name}"))),
        M::PatchElse => "`patched (no change)`도 정상입니다(이미 같은 값). `NotFound`이면 덤프 이후에 Subscription이 삭제된 것입니다. 클러스터를 다시 덤프하고 파일을 다시 생성합니다.".into(),

        M::Catalogs => "카탈로그".into(),
        M::CatalogsWhy => "여기부터 클러스터가 새 카탈로그를 사용합니다. `openshift-marketplace`에 READY가 아닌 CatalogSource가 있으면 **모든 네임스페이스에서** OLM이 멈추므로 바로 확인합니다. 확인에 실패하고 원인을 모르면 먼저 “원복” 장을 수행하고 나서 원인을 찾습니다.".into(),
        M::CatalogPod { name } => format!("{} 파드가 이 카탈로그 이미지로 실행 중인지 확인합니다.", Code(name)),
        M::CatalogPodElse { name } => format!("1~2분 동안은 이전 파드가 함께 보일 수 있으므로 다시 조회합니다. `ImagePullBackOff`: 인증 정보, 레지스트리 CA 인증서, 미러 가운데 빠진 것이 있습니다. `CrashLoopBackOff`: `oc -n openshift-marketplace logs -l olm.catalogSource={name}`. 파드가 없으면: `oc -n openshift-marketplace describe catalogsource {name}`."),
        M::CatalogReady { name } => format!("OLM이 {}에 연결되었는지 확인합니다.", Code(name)),
        M::CatalogReadyElse { name } => format!("`oc -n openshift-marketplace describe pod -l olm.catalogSource={name}`과 파드 로그에서 원인을 확인합니다. 5분 안에 파악되지 않으면 원복합니다."),
        M::Heads { package } => format!("카탈로그가 {} 패키지를 제공하는지 확인합니다.", Code(package)),
        M::HeadsExpect { channel, csv } => format!("{}(으)로 시작하는 줄이 있고, 그 CSV가 {} 또는 그 이후 버전.", Code(channel), Code(csv)),
        M::HeadsElse { catalog } => format!("파드가 준비된 뒤 목록이 채워지기까지 몇 초 걸리므로 다시 조회합니다. 계속 나오지 않으면 파드가 다른 카탈로그를 제공하는 것입니다. 파드 이미지를 `cluster/`의 파일과 비교하고 `oc -n openshift-marketplace logs -l olm.catalogSource={catalog}`를 확인합니다."),
        M::ApplyClusterCatalogElse => "`no matches for kind \"ClusterCatalog\"`는 이 클러스터에 OLM v1이 없다는 뜻입니다(OpenShift 4.18부터 제공되며 제외할 수 있음). 이 파일과 다음 확인 단계를 건너뜁니다. 다른 단계에는 필요하지 않습니다. conflicts가 나오면 메시지에 나온 주체와 협의합니다.".into(),
        M::Serving { name } => format!("OLM v1이 {}을(를) 제공하는지 확인합니다.", Code(name)),
        M::ServingElse { name } => format!("`oc describe clustercatalog {name}`의 `Progressing` 조건에 원인이 있습니다. ClusterExtension에만 영향이 있고 Subscription과는 관계가 없습니다."),
        M::Cross { place, catalog } => format!("Subscription {}을(를) 패키지가 옮겨 간 카탈로그 {}(으)로 바꿉니다. 다른 카탈로그도 아직 그 패키지를 제공하는 지금 해야 합니다.", Code(place), Code(catalog)),
        M::CrossUnknown { package, catalog, beside } => format!("{}은(는) 이제부터 카탈로그 {}이(가) 제공합니다. 이것을 쓰는 Subscription이 {}을(를) 가리키면 다음 단계 전에 바꿉니다(명령은 아래에 있습니다). 그 카탈로그에서 패키지가 사라지면 Subscription을 바꿀 때까지 OLM은 그 네임스페이스에서 아무것도 해석하지 않습니다. 실행 중인 것은 계속 실행됩니다.", Code(package), Code(catalog), Code(beside)),

        M::Operators => "오퍼레이터".into(),
        M::OperatorsWhy => "아래 순서대로 오퍼레이터를 하나씩, 한 단계(hop)씩 업그레이드합니다. OLM은 단계마다 InstallPlan을 만들고 승인을 기다립니다.".into(),
        M::TogetherUnknown => "OLM은 네임스페이스 단위로 의존성을 해석합니다. 아래의 여러 오퍼레이터가 한 네임스페이스에 있으면, 먼저 각 Subscription을 모두 찾아서 바꾼 다음에 그 네임스페이스에서 승인을 시작합니다.".into(),
        M::Namespace { namespace } => format!("네임스페이스 {}", Code(namespace)),
        M::NamespaceWhy => "OLM은 네임스페이스 단위로 의존성을 해석하므로, 없어진 것을 가리키는 Subscription이 하나라도 있으면 전체가 멈춥니다. 따라서 여기서 무엇이든 승인하기 전에 모두 바꿉니다. 그 뒤에는 InstallPlan 하나에 여러 오퍼레이터의 단계가 함께 들어 있을 수 있습니다.".into(),
        M::NoOperators => "이 아카이브에는 오퍼레이터가 없으므로 이 장에서 할 일이 없습니다.".into(),
        M::Operator { package, place } => format!("{}{}", Code(package), at(place.as_ref())),
        M::Reason { required_by } => format!("포함된 이유: {}.", why(required_by)),
        M::HopsLeft { from, to } => format!("업그레이드 패스: {} → {}", Code(from), codes(to, " → ")),
        M::NothingRuns { package } => format!("설치된 것이 확인되지 않아 업그레이드할 대상이 없습니다. 다른 오퍼레이터가 필요로 하면 OLM이 자동으로 설치합니다. 직접 설치하려면 {}의 Subscription을 `installPlanApproval: Manual`로 생성합니다.", Code(package)),
        M::AlreadyThere { csv } => format!("이미 {} 버전입니다. Subscription의 카탈로그만 바꿉니다.", Code(csv)),
        M::NotOnPath { csv } => format!("설치된 {} 버전이 계획된 업그레이드 패스에 없습니다. **이 오퍼레이터의 InstallPlan은 승인하지 않고, 여기서는 Subscription도 변경하지 않습니다.** 이 클러스터의 사이트 리포트로 계획을 다시 세웁니다.", Code(csv)),
        M::StaysHeld { place } => format!("Subscription {}은(는) 앞에서 `Manual`로 바꾸었으며 **그대로 둡니다.** `Automatic`이면 OLM이 계획되지 않은 경로로 설치하거나 업그레이드합니다. 이 Subscription의 업그레이드를 따로 계획해서 마친 뒤에 `Automatic`으로 되돌립니다.", Code(place)),
        M::MinKube { csv, version } => format!("{}에는 Kubernetes {} 이상이 필요합니다(`oc version`의 “Kubernetes Version”). 더 낮은 버전에서는 CSV가 `Pending`에 머무르므로 OpenShift를 먼저 업그레이드합니다.", Code(csv), Code(version)),
        M::MaxOpenShift { csv, version, cluster } => format!("{}은(는) OpenShift {}까지 지원합니다{}. 설치되어 있는 동안 OpenShift를 그 이후 버전으로 업그레이드할 수 없습니다.", Code(csv), Code(version), cluster.as_ref().map(|cluster| format!("(현재 클러스터: {})", Code(cluster))).unwrap_or_default()),
        M::Find { package } => format!("{}의 Subscription을 찾습니다.", Code(package)),
        M::FindExpect => "한 줄: 네임스페이스, 이름, 패키지, 승인 방식, source, 채널. 원복을 위해 승인 방식, source, 채널을 적어 둡니다.".into(),
        M::FindElse => "출력이 없으면 설치되지 않은 것이므로 이 오퍼레이터를 건너뜁니다. 여러 줄이면 각각에 대해 아래 단계를 수행합니다.".into(),
        M::FindSet => "아래 명령어에서 쓸 수 있도록 네임스페이스와 이름을 변수에 넣습니다.".into(),
        M::Switch { catalog, channel: Some(channel) } => format!("Subscription을 카탈로그 {}, 채널 {}, 수동 승인으로 바꿉니다.", Code(catalog), Code(channel)),
        M::Switch { catalog, channel: None } => format!("Subscription을 채널은 그대로 두고 카탈로그 {}, 수동 승인으로 바꿉니다.", Code(catalog)),
        M::NextChannel { channel } => format!("채널을 {}(으)로 바꾸어 계속합니다.", Code(channel)),
        M::Resolved => "OLM이 의존성을 해석하는 데 문제가 없는지 확인합니다.".into(),
        M::ResolvedElse { catalog } => format!("메시지에 네임스페이스 전체를 막고 있는 Subscription, 카탈로그 또는 의존성이 나옵니다. 이 오퍼레이터가 아닐 수도 있습니다. 변경 전의 메시지일 수 있으므로 1분 뒤에 다시 조회합니다. OLM이 바로 다시 확인하게 하려면: `oc -n openshift-marketplace delete pod -l olm.catalogSource={catalog}`."),
        M::Plan { csv, from, number, of, edge } => format!("{number}/{of}단계: {} → {} ({}). OLM이 정확히 이 버전을 제안하는지 확인합니다.", Code(from), Code(csv), allowed_by(*edge)),
        M::PlanExpect { csv } => format!("`false`로 시작하고 {}이(가) 들어 있는 줄. 다른 이름이 함께 있으면 그것도 이 절차서에 있는 것이어야 합니다.", Code(csv)),
        M::PlanElse { csv, catalog } => format!("`true`로 시작하고 {0}이(가) 들어 있으면 앞서 승인한 InstallPlan에 함께 포함되어 설치된 것입니다. 승인은 건너뛰고 설치를 기다리는 단계로 넘어갑니다. `true`로 시작하고 이전 단계의 이름이 나오면 OLM이 아직 새 InstallPlan을 만들지 않은 것이므로 1분 뒤에 다시 조회합니다(`oc -n openshift-marketplace delete pod -l olm.catalogSource={catalog}`로 바로 다시 확인하게 할 수 있습니다). {0}이(가) 아닌 다른 CSV이면 승인하지 말고 Subscription의 채널과 source를 패치 파일과 비교합니다.", Code(csv)),
        M::Approve { csv } => format!("{}을(를) 승인합니다.", Code(csv)),
        M::Patched => "`patched`로 끝나는 줄. 이미 같은 값이면 `patched (no change)`.".into(),
        M::Succeeded { csv } => format!("{} 설치가 끝날 때까지 기다립니다.", Code(csv)),
        M::SucceededElse { namespace, csv } => format!("`NotFound`: 번들 압축을 푸는 중이므로 다시 실행합니다. `timed out`: {}에서 원인을 확인합니다. Subscription에 `BundleUnpackFailed`가 있으면 `openshift-marketplace`의 unpack Job이 번들 이미지를 가져오지 못한 것입니다. 원인을 해결하고 실패한 Job과 InstallPlan을 삭제하면 OLM이 다시 시도합니다. `minKubeVersion` 때문에 `Pending`이면 OpenShift를 먼저 업그레이드합니다.", Code(&format!("oc -n {namespace} describe clusterserviceversion {}", Word(csv)))),
        M::Installed { csv } => format!("Subscription에도 {}(으)로 표시되는지 확인합니다.", Code(csv)),
        M::InstalledElse => "Subscription은 CSV보다 조금 늦게 갱신되므로 1분 뒤에 다시 조회합니다.".into(),
        M::Release => "작업 전의 자동 승인(Automatic)으로 되돌립니다.".into(),
        M::ReleaseUnknown => "이 Subscription의 승인 방식을 `Automatic`으로 적어 두었다면 되돌립니다. (아니면 건너뜁니다.)".into(),
        M::ReleaseUnknownElse => "`NS`와 `SUB` 변수가 그대로 있는지 확인합니다.".into(),

        M::After => "업그레이드 후 확인".into(),
        M::NoUnhappySubscription => "모든 네임스페이스에서 오류 상태인 Subscription이 없는지 확인합니다.".into(),
        M::NoUnhappySubscriptionElse => "`oc -n NAMESPACE describe subscription.operators.coreos.com NAME`에서 메시지를 확인합니다. 이번 업그레이드와 관계없는 Subscription도 영향을 받을 수 있습니다.".into(),
        M::CsvsSucceeded => "모든 오퍼레이터가 Succeeded인지 확인합니다.".into(),
        M::CsvsSucceededElse => "`Replacing`과 `Installing`은 진행 중이므로 다시 조회합니다. `Failed` 또는 `Pending`: `oc -n NAMESPACE describe clusterserviceversion NAME`. 작업 전 상태는 `before-operators.yaml`에 있습니다.".into(),
        M::NoNewPullErrors => "이미지를 가져오지 못하거나 시작하지 못하는 파드가 새로 생기지 않았는지 확인합니다.".into(),
        M::NoNewPullErrorsElse => "`oc -n NAMESPACE describe pod NAME`에서 이미지를 확인합니다. 새 이미지이면 `ombundle check --site site.yaml`로 운영 레지스트리에 있는지 확인합니다.".into(),
        M::StagingUnused { registry } => format!("클러스터에 반입용 레지스트리 {}을(를) 가리키는 것이 없는지 확인합니다.", Code(registry)),
        M::StagingUnusedElse => "수동으로 반입용 레지스트리를 쓰도록 설정한 것입니다. 반입용 레지스트리를 비우기 전에 운영 레지스트리로 바꿉니다. `the server doesn't have a resource type \"clustercatalogs\"`도 정상입니다(이 클러스터에는 OLM v1이 없음).".into(),
        M::PoolsAfter => "모든 MachineConfigPool이 최신 상태인지 확인합니다.".into(),

        M::Back => "원복".into(),
        M::BackWhen => "카탈로그가 READY가 되지 않거나, 아직 어떤 단계도 승인하지 않은 상태에서 되돌릴 때 아래 순서대로 수행합니다. 이전 카탈로그의 이미지는 운영 레지스트리에 그대로 있습니다.".into(),
        M::BackSubscription { namespace, name } => format!("Subscription {}을(를) 작업 전 값으로 되돌립니다.", Code(&format!("{namespace}/{name}"))),
        M::BackSubscriptionUnknown => "이 절차서를 만들 때 알 수 없었던 Subscription은 적어 둔 source와 채널로 되돌립니다. `before-operators.yaml`에도 있습니다. 이전 카탈로그가 다시 제공될 때까지 승인 방식은 `Manual`로 둡니다.".into(),
        M::BackRelease { namespace, name } => format!("Subscription {}을(를) 자동 승인(Automatic)으로 되돌립니다.", Code(&format!("{namespace}/{name}"))),
        M::BackReleaseUnknown => "이제 승인 방식을 `Automatic`으로 적어 둔 Subscription을 `Automatic`으로 되돌립니다. `before-operators.yaml`에도 있습니다.".into(),
        M::BackCatalog { name, image } => format!("카탈로그 {}은(는) 작업 전에 {}을(를) 제공했습니다.", Code(name), Code(image)),
        M::BackCatalogElse { name } => format!("`oc -n openshift-marketplace describe pod -l olm.catalogSource={name}`과 파드 로그에서 원인을 확인합니다. READY가 될 때까지 OLM은 아무것도 하지 않습니다. 그 전에는 어떤 Subscription도 `Automatic`으로 되돌리지 않습니다."),
        M::BackRemove { name } => format!("{}은(는) 작업 전에 없었으므로 삭제합니다. 먼저 이것을 쓰는 Subscription이 없는지 확인합니다.", Code(name)),
        M::BackRemoveExpect => "`deleted`가 들어 있는 줄.".into(),
        M::BackRemoveElse => "`NotFound`도 정상입니다(이미 없음).".into(),
        M::BackNoDowngrade => "**OLM은 다운그레이드를 하지 않습니다.** 카탈로그를 되돌려도 이미 업그레이드된 오퍼레이터는 그대로입니다. 업그레이드된 오퍼레이터에 장애가 있으면 가능한 한 수정된 상위 버전으로 올립니다. 마지막 수단으로 Subscription과 CSV를 삭제하고(CRD는 절대 삭제하지 않음) `startingCSV`로 이전 버전을 다시 설치합니다. 이전 버전이 새 버전이 저장한 데이터를 읽을 수 있을 때만 가능합니다.".into(),
        M::BackMirrors => "미러 설정은 그대로 둡니다. 남아 있어도 문제가 없고, 삭제하면 모든 노드가 드레인됩니다.".into(),
        M::BackRegistry => "운영 레지스트리의 태그는 새 카탈로그를 가리킨 채로 두어도 됩니다. 클러스터는 다이제스트를 따르기 때문입니다. 이전 카탈로그는 `-prev-`와 이 세대 번호로 끝나는 태그로 보존되어 있습니다.".into(),

        M::Cluster(message) => openshift::korean(message),
        M::Port(message) => port::korean(message),
        M::Backward(message) => backward::korean(message),

        M::Records => "기록".into(),
        M::RecordReceipt => "`receipt.json`을 작업 기록과 함께 보관하고 사본을 외부로 반출합니다. 다음 `ombundle plan --report receipt.json`의 시작점이 됩니다.".into(),
        M::RecordCatalogs => "`catalogs/`를 Git에 커밋합니다. 직전 커밋과의 차이가 이번에 카탈로그에서 바뀐 내용입니다.".into(),
        M::RecordArchive => "업그레이드가 안정화될 때까지 이번 아카이브와 직전 아카이브를 보관합니다.".into(),
        M::RecordRunbook => "체크한 절차서와 `before-*` 파일을 보관합니다.".into(),

        M::Expected => "예상 출력:".into(),
        M::ExpectedNothing => "예상 출력: 없음.".into(),
        M::ExpectedAmong => "예상 출력(아래 줄이 각각 한 번 이상 나옴):".into(),
        M::Otherwise => "다를 경우:".into(),
    }
}

fn at(place: Option<&String>) -> String {
    place.map(|place| format!(" (Subscription {})", Code(place))).unwrap_or_default()
}

fn why(packages: &[String]) -> String {
    if packages.is_empty() {
        "직접 요청함".into()
    } else {
        format!("{}에 필요함", codes(packages, ", "))
    }
}

fn allowed_by(edge: HopEdge) -> &'static str {
    match edge {
        HopEdge::Replaces => "replaces 항목",
        HopEdge::Skips => "skips 항목",
        HopEdge::SkipRange => "skipRange에 이전 버전이 포함됨",
        HopEdge::Bridge => "카탈로그에서는 항목이 사라졌지만 CSV의 replaces에 기록되어 있음",
    }
}
