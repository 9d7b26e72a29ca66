//! What OLM would do by itself: who is held, for how long, and what is given back when.

use ombundle::emit::Emitted;
use serde_json::{Value, json};

use super::world::{CLUSTER, World, cluster};

/// The same package a second time: in `tools`, on the catalog that changes, and not on the planned path.
fn beside(approval: &str, runs: &str) -> String {
    let status = if runs.is_empty() { String::new() } else { format!("status: {{installedCSV: {runs}}}\n") };
    format!(
        "---
apiVersion: operators.coreos.com/v1alpha1
kind: Subscription
metadata: {{name: terminal, namespace: tools}}
spec:
  name: web-terminal
  channel: fast
  installPlanApproval: {approval}
  source: cs-redhat
  sourceNamespace: openshift-marketplace
{status}"
    )
}

fn emitted(dump: &str) -> Emitted {
    let mut world = World::later();
    world.cluster = Some(cluster(dump));
    world.emit()
}

fn text<'e>(emitted: &'e Emitted, path: &str) -> &'e str {
    let found = emitted.files.get(path).unwrap_or_else(|| panic!("{path}: {:?}", emitted.files.keys()));
    std::str::from_utf8(found).unwrap()
}

fn json_of(emitted: &Emitted, path: &str) -> Value {
    serde_json::from_str(text(emitted, path)).unwrap()
}

/// Where each of these stands in a text, which must be in this order.
fn in_order(text: &str, wanted: &[&str]) {
    let mut rest = text;
    for one in wanted {
        let Some((_, after)) = rest.split_once(one) else {
            panic!("{one} is not there, or too early: {text}")
        };
        rest = after;
    }
}

fn chapter<'r>(runbook: &'r str, heading: &str) -> &'r str {
    let (_, rest) = runbook.split_once(&format!(". {heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
    rest.split("\n## ").next().unwrap()
}

#[test]
fn what_is_not_on_the_path_is_held_too_and_stays_held() {
    for runs in ["web-terminal.v1.7.0", ""] {
        let emitted = emitted(&format!("{CLUSTER}{}", beside("Automatic", runs)));
        let hold = "patches/tools.terminal.hold.json";
        assert_eq!(json_of(&emitted, hold), json!({"spec": {"installPlanApproval": "Manual"}}), "{runs}");
        for (file, held, operators, way_back, stays) in [
            ("RUNBOOK.md", "Hold what would start by itself", "Operators", "The way back", "**stays so**"),
            ("RUNBOOK.ko.md", "자동 업그레이드 보류", "오퍼레이터", "원복", "**그대로 둡니다.**"),
            ("RUNBOOK.zh.md", "暂停自动升级", "Operator 升级", "回退", "**请保持不变**"),
        ] {
            let runbook = text(&emitted, file);
            assert!(chapter(runbook, held).contains(hold), "{file} {runs}");
            let operators = chapter(runbook, operators);
            assert!(operators.contains(stays) && !operators.contains("patches/tools."), "{file} {runs}");
            assert!(
                chapter(runbook, way_back).contains("patches/tools.terminal.release.json"),
                "{file} {runs}"
            );
        }
        assert!(!emitted.files.contains_key("patches/tools.terminal.switch.json"), "{runs}");
    }
}

#[test]
fn what_sees_nothing_new_or_waits_already_is_not_held() {
    let elsewhere = beside("Automatic", "web-terminal.v1.7.0").replace("cs-redhat", "other");
    for one in [beside("Manual", "web-terminal.v1.7.0"), elsewhere] {
        let emitted = emitted(&format!("{CLUSTER}{one}"));
        assert!(!emitted.files.keys().any(|path| path.starts_with("patches/tools.")), "{one}");
        assert!(!text(&emitted, "RUNBOOK.md").contains("**stays so**"), "{one}");
    }
}

#[test]
fn automatic_approval_is_given_back_when_the_former_catalog_is_there() {
    for source in ["redhat-operators", "cs-redhat"] {
        let emitted = emitted(&CLUSTER.replace("redhat-operators", source));
        let stem = "patches/openshift-operators.web-terminal";
        let back = json_of(&emitted, &format!("{stem}.back.json"));
        assert_eq!(back["spec"]["installPlanApproval"], "Manual", "{source}");
        assert_eq!((&back["spec"]["source"], &back["spec"]["channel"]), (&json!(source), &json!("fast")));
        let release = json_of(&emitted, &format!("{stem}.release.json"));
        assert_eq!(release, json!({"spec": {"installPlanApproval": "Automatic"}}));
        for (file, heading) in
            [("RUNBOOK.md", "The way back"), ("RUNBOOK.ko.md", "원복"), ("RUNBOOK.zh.md", "回退")]
        {
            let steps = chapter(text(&emitted, file), heading);
            in_order(
                steps,
                &[
                    &format!("{stem}.back.json"),
                    "-f back/01-catalogsource-cs-redhat.yaml",
                    "wait catalogsource/cs-redhat",
                    "-f back/02-clustercatalog-cs-redhat.yaml",
                    &format!("{stem}.release.json"),
                ],
            );
        }
    }
    // Nobody asked the cluster: the same is said of what was noted down.
    let first = World::first().emit();
    let steps = chapter(text(&first, "RUNBOOK.md"), "The way back");
    in_order(
        steps,
        &["Leave the approval at `Manual`", "delete catalogsource", "Only now give `Automatic` back"],
    );
}
