//! What a runbook says of OpenShift itself, in Korean.

use crate::emit::runbook::openshift::message::Cluster;
use crate::text::{Code, Prose};

pub(in crate::emit::runbook) fn say(message: &Cluster) -> String {
    use Cluster as C;
    match message {
        C::Moves { from, to, hops } => format!("OpenShift: {} → {}, 업데이트 {hops}회", Code(from), Code(to)),
        C::Present { version } => format!("OpenShift {}: 운영 레지스트리에 있음", Code(version)),
        C::DrainOlder { version } => format!("OpenShift {}은(는) 4.12보다 오래된 버전입니다. 미러 추가 시 드레인 여부가 버전마다 다르므로 드레인된다고 보고 준비합니다.", Code(version)),

        C::Etcd => "etcd를 백업합니다. 업데이트 중 컨트롤 플레인을 잃으면 이것이 유일한 복구 수단입니다.".into(),
        C::EtcdExpect => "마지막 부분에 `snapshot db and kube resources are successfully saved to /home/core/assets/backup`. 두 파일을 노드에서 백업 보관 장소로 복사합니다.".into(),
        C::EtcdElse => "업데이트를 시작하지 않습니다. `oc get clusteroperator etcd`가 정상이어야 하며, 디스크가 가득 찬 경우는 출력에 나타납니다.".into(),
        C::Overrides => "Cluster Version Operator의 관리에서 수동으로 제외된 항목이 없는지 확인합니다.".into(),
        C::OverridesElse => "`unmanaged: true`인 override는 다른 마이너 릴리스로의 모든 업데이트를 막습니다. 누가 필요로 하는지 확인하고 ClusterVersion의 `spec.overrides`에서 제거합니다.".into(),

        C::UpdateServiceElse => "`no matches for kind \"UpdateService\"`는 OpenShift Update Service 오퍼레이터가 설치되지 않았다는 뜻입니다. 이 파일과 다음 두 단계를 건너뜁니다. 아래처럼 다이제스트로 하는 업데이트에는 필요하지 않습니다.".into(),
        C::PolicyEngine => "업데이트 서비스의 주소를 확인합니다.".into(),
        C::PolicyEngineExpect => "`https://`로 시작하는 한 줄.".into(),
        C::PolicyEngineElse => "빈 줄이면 파드가 아직 준비되지 않은 것이므로 다시 조회합니다. 계속되면 `oc -n openshift-update-service get pods`를 확인합니다. 이미지를 받지 못하는 파드에는 `image.config.openshift.io/cluster`가 가리키는 ConfigMap의 `updateservice-registry` 키에 레지스트리 CA가 있어야 합니다.".into(),
        C::Upstream => "클러스터가 이 업데이트 서비스를 사용하게 합니다.".into(),

        C::OperatorsBefore { version } => format!("오퍼레이터: OpenShift {version} 이전"),
        C::OperatorsAfter { version } => format!("오퍼레이터: OpenShift {version} 이후"),

        C::Update { from: Some(from), to } => format!("OpenShift {from} → {to}"),
        C::Update { from: None, to } => format!("OpenShift {to}"),
        C::Reason { from, conditional, kubernetes } => {
            let condition = if *conditional { "아래 위험에 해당하지 않는 클러스터에" } else { "조건 없이" };
            let kubernetes = kubernetes.as_ref().map(|version| format!(" Kubernetes {version}이(가) 포함됩니다.")).unwrap_or_default();
            format!("이유: {}에서 {condition} 권장되는 업데이트입니다.{kubernetes}", Code(from))
        }
        C::Risk { name, message, url } => format!("**수락된 위험: {}.** {} ({}) 시작하기 전에 이 클러스터가 해당되는지 확인합니다.", Code(name), Prose(message), Prose(url)),
        C::Restarts => "노드: **모든 노드가 풀마다 하나씩 드레인되고 재부팅됩니다.** 드레인을 막을 수 있는 PodDisruptionBudget이 있는지 확인합니다: `oc get poddisruptionbudgets -A`.".into(),
        C::RestartsControlPlane { reached } => format!("노드: 컨트롤 플레인 노드가 하나씩 드레인되고 재부팅됩니다. 일시 중지된 풀은 OpenShift {reached}에 도달할 때까지 그대로 동작하다가 한 번만 재부팅됩니다."),
        C::Runs { version } => format!("현재 버전이 OpenShift {}이고 진행 중인 업데이트가 없는지 확인합니다.", Code(version)),
        C::RunsElse { version } => format!("`Partial`이면 업데이트가 진행 중이므로 기다립니다(`oc adm upgrade`). {}이 아닌 다른 버전이면 이 장은 현재 클러스터에 맞지 않으므로, 설치된 버전에서 다시 계획합니다.", Code(version)),
        C::RunsUnknown { version } => format!("계획할 때 설치된 버전이 주어지지 않았습니다. 먼저 `oc adm upgrade`로 현재 버전에서 {}(으)로 갈 수 있는지 확인합니다.", Code(version)),
        C::Channel { channel } => format!("클러스터의 채널을 {}(으)로 설정합니다.", Code(channel)),
        C::Allows { csv, last } => format!("{}: OpenShift {}까지 허용", Code(csv), Code(last)),
        C::Forbids { csv, last, next } => format!("{}: OpenShift {}까지만 허용. **설치되어 있는 동안 OpenShift는 {} 업데이트를 거부합니다.** 먼저 업그레이드하거나 제거합니다.", Code(csv), Code(last), Code(next)),
        C::Gates => "현재 마이너 릴리스를 떠나기 전에 승인(ack)해야 할 항목을 클러스터에서 조회합니다.".into(),
        C::GatesExpect { minor } => format!("`{{}}` 또는 빈 출력, 또는 키와 설명. {}(으)로 시작하는 키만 해당됩니다. 각 키는 아래에 단계가 있거나, 설명을 읽은 뒤 같은 방법으로 승인해야 합니다.", Code(&format!("ack-{minor}-"))),
        C::GatesElse => "`NotFound`: 이 클러스터는 승인을 요구하지 않습니다.".into(),
        C::Gate { key, text } => format!("{} 승인. **내용이 이 클러스터에 대해 사실일 때만 수행합니다**: {}", Code(key), Prose(text)),
        C::Refuses => "다음 마이너 릴리스를 거부하는 ClusterOperator가 없는지 확인합니다.".into(),
        C::RefusesElse => "출력된 각 줄이 거부하는 주체입니다. `oc get clusteroperator NAME -o yaml`의 `Upgradeable` 조건에 이유가 있습니다. `operator-lifecycle-manager`이면 메시지에 olm.maxOpenShiftVersion이 낮은 CSV 이름이 있습니다.".into(),
        C::Pause { reached } => format!("컨트롤 플레인을 제외한 모든 풀을 일시 중지합니다. 그러면 해당 노드는 OpenShift {}에서 한 번만 재부팅됩니다. 일시 중지된 풀에는 미러 설정과 인증서가 적용되지 않으므로 그대로 두면 안 됩니다.", Code(reached)),
        C::PauseExpect => "풀마다 `patched`로 끝나는 한 줄.".into(),
        C::PauseElse => "일시 중지할 수 없는 풀은 그대로 진행합니다. 해당 노드는 한 번 더 재부팅됩니다.".into(),
        C::Sigstore { version } => format!("4.21부터 클러스터는 릴리스 이미지의 sigstore 서명도 요구합니다(ClusterImagePolicy `openshift`). {}의 서명은 운영 레지스트리의 이미지 옆에 있습니다.", Code(version)),
        C::SigstoreMissing { version } => format!("4.21부터 클러스터는 릴리스 이미지의 sigstore 서명도 요구하는데(ClusterImagePolicy `openshift`), **{}의 서명이 반입되지 않았습니다.** `oc get clusterimagepolicy openshift -o yaml`로 이 클러스터가 요구하는지 확인하고, 요구한다면 서명(릴리스 이미지 옆의 태그 `sha256-….sig`)에 접근할 수 있는 곳에서 다시 pack 합니다.", Code(version)),
        C::Start { version } => format!("{} 업데이트를 시작합니다. 클러스터가 이 다이제스트의 서명을 검증합니다. `--force`는 절대 쓰지 않습니다. 서명 검증과 다른 모든 검사를 꺼 버립니다.", Code(version)),
        C::StartExpect => "`Requested update to`로 시작하는 한 줄. 업데이트 서비스가 없으면, 이미지가 available updates에 없다는 경고는 정상입니다.".into(),
        C::StartElse => "`error: … Progressing` 또는 `Upgradeable`: 위의 점검이 아직 충족되지 않았습니다. 우회하지 않습니다.".into(),
        C::Accepted => "클러스터가 릴리스를 받아들였는지 확인합니다.".into(),
        C::AcceptedExpect => "몇 분 안에 `True`로 시작하는 한 줄.".into(),
        C::AcceptedElse => "`unable to verify … against keyrings`: 위의 서명이 적용되지 않았거나 다른 다이제스트의 서명입니다. `could not download` 또는 `ImagePullBackOff`: 노드가 운영 레지스트리에서 이미지를 찾지 못하는 것이므로 “미러 설정” 장과 `oc -n openshift-cluster-version get pods`를 확인합니다. 충족되지 않은 전제 조건은 메시지에 나오므로 해결하고, `--force`는 절대 쓰지 않습니다.".into(),
        C::Completed { version } => format!("{}이(가) 모두 적용될 때까지 기다립니다. 1~3시간 걸립니다.", Code(version)),
        C::CompletedElse => "`timed out`: `oc adm upgrade`로 무엇을 기다리는지, `oc get clusteroperators`로 무엇이 degraded인지 확인합니다. 원인이 해결되면 업데이트는 스스로 계속됩니다. 그 위에 다른 업데이트를 시작하지 않습니다. 대신 연결 오류(`connection refused`, `EOF`)가 나오면 업데이트 중에 API 서버가 재시작되는 것이고 업데이트는 계속됩니다. 두 명령어를 다시 실행합니다.".into(),
        C::Unpause => "일시 중지한 풀을 다시 진행시킵니다.".into(),
        C::UnpauseExpect => "풀마다 `patched` 또는 `patched (no change)`로 끝나는 한 줄.".into(),
        C::UnpauseElse => "`oc get machineconfigpool`에서 아직 paused인 풀을 찾아 직접 해제합니다.".into(),
        C::Settle => "모든 풀의 모든 노드가 재부팅될 때까지 기다립니다.".into(),

        C::NoWayBack => "**OpenShift는 이전 마이너 릴리스로 되돌아가지 않습니다.** 실패한 것은 원인을 고치면 계속 진행됩니다. 컨트롤 플레인을 잃으면 사전에 받은 etcd 백업으로 복구하며, 이 경우 클러스터 전체가 백업 시점으로 돌아가고 그 이후의 변경은 사라집니다. 그때 이미 새 릴리스가 실행 중인 노드는 다시 설치해야 합니다. 이전 릴리스 이미지는 운영 레지스트리에 남아 있습니다.".into(),
    }
}
