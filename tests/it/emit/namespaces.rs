//! OLM resolves a namespace as a whole: its Subscriptions are switched together, and what is required comes first.

use ombundle::emit::Emitted;
use ombundle::plan::{Hop, HopEdge, PlannedPackage};

use super::world::{CLUSTER, World, cluster};

/// Beside web-terminal, which requires it: an operator with one hop, in the same namespace or in another one.
fn world(namespace: &str) -> World {
    let mut world = World::later();
    let hop = Hop {
        name: "zeta.v1.1.0".to_owned(),
        version: "1.1.0".to_owned(),
        from: "zeta.v1.0.0".to_owned(),
        channel: "stable".to_owned(),
        edge: HopEdge::Replaces,
        reason: "1.1.0 replaces 1.0.0".to_owned(),
    };
    world.catalogs[0].packages.push(PlannedPackage {
        name: "zeta".to_owned(),
        reason: "required by web-terminal.v1.15.0".to_owned(),
        required_by: vec!["web-terminal".to_owned()],
        default_channel: None,
        installed: Some("zeta.v1.0.0".to_owned()),
        hops: vec![hop],
        bundles: vec![],
    });
    let zeta = format!(
        "---
apiVersion: operators.coreos.com/v1alpha1
kind: Subscription
metadata: {{name: zeta, namespace: {namespace}}}
spec:
  name: zeta
  channel: stable
  installPlanApproval: Manual
  source: redhat-operators
  sourceNamespace: openshift-marketplace
status: {{installedCSV: zeta.v1.0.0}}
"
    );
    world.cluster = Some(cluster(&format!("{CLUSTER}{zeta}")));
    world
}

fn text<'e>(emitted: &'e Emitted, path: &str) -> &'e str {
    let found = emitted.files.get(path).unwrap_or_else(|| panic!("{path}: {:?}", emitted.files.keys()));
    std::str::from_utf8(found).unwrap()
}

/// Where something stands in the chapter that moves the operators.
fn at(runbook: &str, what: &str) -> usize {
    runbook.find(what).unwrap_or_else(|| panic!("no {what}: {runbook}"))
}

const ZETA: &str = "patches/openshift-operators.zeta";
const TERMINAL: &str = "patches/openshift-operators.web-terminal";

#[test]
fn all_subscriptions_of_a_namespace_are_switched_before_anything_is_approved_there() {
    let emitted = world("openshift-operators").emit();
    for (file, together) in [
        ("RUNBOOK.md", "### Namespace `openshift-operators`"),
        ("RUNBOOK.ko.md", "### 네임스페이스 `openshift-operators`"),
        ("RUNBOOK.zh.md", "### 命名空间 `openshift-operators`"),
    ] {
        let runbook = text(&emitted, file);
        let approve = at(runbook, r#"patch installplan "$PLAN""#);
        let together = at(runbook, together);
        for stem in [ZETA, TERMINAL] {
            let switch = at(runbook, &format!("{stem}.switch.json"));
            assert!(together < switch && switch < approve, "{file}: {stem}");
            assert_eq!(runbook.matches(&format!("{stem}.switch.json")).count(), 1, "{file}");
        }
        // Whether OLM finds a way is asked when both are switched.
        let asked: Vec<_> = runbook.match_indices("ResolutionFailed\")].message").map(|(at, _)| at).collect();
        let switched =
            at(runbook, &format!("{ZETA}.switch.json")).max(at(runbook, &format!("{TERMINAL}.switch.json")));
        assert!(asked.len() == 3 && switched < asked[0] && asked[1] < approve, "{file}: {asked:?}");
        // The next channel comes when the hops before it are done.
        assert!(at(runbook, &format!("{TERMINAL}.switch-2.json")) > approve, "{file}");
    }
    // Who is alone in a namespace needs no such words.
    let apart = world("elsewhere").emit();
    assert!(!text(&apart, "RUNBOOK.md").contains("### Namespace"));
}

#[test]
fn without_a_dump_it_is_said_that_a_namespace_is_switched_as_a_whole() {
    let mut world = world("openshift-operators");
    world.cluster = None;
    let emitted = world.emit();
    for (file, said) in [
        ("RUNBOOK.md", "Where several of these operators are in one namespace"),
        ("RUNBOOK.ko.md", "여러 오퍼레이터가 한 네임스페이스에 있으면"),
        ("RUNBOOK.zh.md", "如果其中多个 Operator 位于同一命名空间"),
    ] {
        assert!(text(&emitted, file).contains(said), "{file}");
    }
    assert!(!text(&World::first().emit(), "RUNBOOK.md").contains("in one namespace"), "there is but one");
}

/// Commands of a file of patches, and those that stand there as comments.
fn commands(text: &str) -> (Vec<String>, Vec<String>) {
    let name = |line: &str| {
        let (_, file) = line.rsplit_once("--patch-file patches/").unwrap();
        file.to_owned()
    };
    let (later, now): (Vec<_>, Vec<_>) =
        text.lines().filter(|line| line.contains("--patch-file")).partition(|line| line.starts_with('#'));
    (now.into_iter().map(name).collect(), later.into_iter().map(name).collect())
}

#[test]
fn patches_are_listed_by_phase_there_and_back() {
    let emitted = world("openshift-operators").emit();
    assert!(!emitted.files.contains_key("patches/commands.txt"));
    let there = text(&emitted, "patches/there.txt");
    let names = |names: &[&str]| -> Vec<_> {
        names.iter().map(|name| format!("openshift-operators.{name}.json")).collect()
    };
    // Pasted as a whole, neither lets OLM go on by itself, nor leads to a channel before its time.
    assert_eq!(
        commands(there),
        (
            names(&["web-terminal.hold", "zeta.switch", "web-terminal.switch"]),
            names(&["web-terminal.switch-2", "web-terminal.release"])
        )
    );
    let back = text(&emitted, "patches/back.txt");
    assert_eq!(
        commands(back),
        (names(&["zeta.back", "web-terminal.back"]), names(&["web-terminal.release"]))
    );
    for text in [there, back] {
        assert!(text.contains("\n# Namespace openshift-operators\n"), "{text}");
        assert!(
            text.lines().all(|line| line.is_empty() || line.starts_with("# ") || line.starts_with("oc -n "))
        );
    }
    // Variables mean another Subscription each time: nothing of that is pasted by accident.
    let mut unknown = world("openshift-operators");
    unknown.cluster = None;
    let emitted = unknown.emit();
    let there = text(&emitted, "patches/there.txt");
    assert_eq!(
        commands(there),
        (
            vec![],
            ["zeta.switch", "web-terminal.switch", "web-terminal.switch-2"]
                .map(|name| format!("{name}.json"))
                .to_vec()
        )
    );
    assert!(there.contains("# Package zeta: set NS and SUB"), "{there}");
    assert!(!emitted.files.contains_key("patches/back.txt"));
}

#[test]
fn what_is_required_comes_first() {
    let order = |world: &World| -> Vec<String> {
        let emitted = world.emit();
        let (_, rest) = text(&emitted, "RUNBOOK.md").split_once("Operators\n").unwrap();
        let headings = rest.split("\n## ").next().unwrap().lines().filter(|line| line.starts_with("### `"));
        headings.map(|line| line.split('`').nth(1).unwrap().to_owned()).collect()
    };
    let mut one = world("elsewhere");
    assert_eq!(order(&one), ["devworkspace-operator", "zeta", "web-terminal"]);
    // In a ring nothing is first: then by name.
    one.catalogs[0].packages[1].required_by = vec!["zeta".to_owned()];
    assert_eq!(order(&one), ["devworkspace-operator", "web-terminal", "zeta"]);
    // Across catalogs as well.
    let mut two = world("elsewhere");
    let mut second = two.catalogs[0].clone();
    second.name = "cs-second".to_owned();
    second.packages = vec![two.catalogs[0].packages.pop().unwrap()];
    two.catalogs.push(second);
    assert_eq!(order(&two), ["devworkspace-operator", "zeta", "web-terminal"]);
}

#[test]
fn what_came_along_in_an_earlier_plan_is_not_waited_for() {
    let emitted = world("openshift-operators").emit();
    for (file, said) in [
        ("RUNBOOK.md", "begins with `true` and names `zeta.v1.1.0`"),
        ("RUNBOOK.ko.md", "`true`로 시작하고 `zeta.v1.1.0`"),
        ("RUNBOOK.zh.md", "以 `true` 开头且包含 `zeta.v1.1.0`"),
    ] {
        assert!(text(&emitted, file).contains(said), "{file}");
    }
}
