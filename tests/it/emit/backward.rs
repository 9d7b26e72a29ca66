//! Catalogs that went back: a runbook of its own, with the Subscriptions that cannot follow as they are.

use std::str::from_utf8;

use ombundle::emit::{Emitted, Input, LeftChannel, WayBack, emit};
use serde_json::{Value, json};

use super::world::World;

/// As a rollback writes it: nothing is delivered, and `fast` is not known to the former catalog.
fn gone_back(leaves: bool) -> Emitted {
    gone_back_over(leaves, Some(6))
}

fn gone_back_over(leaves: bool, between: Option<u64>) -> Emitted {
    let mut world = World::later();
    world.site.spec.repositories.clear();
    world.mirrors.clear();
    world.catalogs[0].packages.clear();
    world.catalogs[0].evidence.clear();
    world.receipt.signers.clear();
    let cluster = world.cluster.as_mut().unwrap();
    cluster.mirror_sets.clear();
    cluster.openshift = None;
    let subscription = world.cluster.as_ref().unwrap().subscriptions.values().next().unwrap();
    let left = LeftChannel { subscription, channel: "stable".to_owned() };
    let channels = if leaves { vec![left] } else { Vec::new() };
    let back = Some(WayBack { from: 7, to: 5, between, channels: &channels });
    emit(&Input { back, ..world.input() })
}

fn text<'e>(emitted: &'e Emitted, path: &str) -> &'e str {
    from_utf8(emitted.files.get(path).unwrap_or_else(|| panic!("{path}: {:?}", emitted.files.keys())))
        .unwrap()
}

/// The headings of a runbook, in order.
fn headings(runbook: &str) -> Vec<&str> {
    runbook.lines().filter(|line| line.starts_with('#')).collect()
}

#[test]
fn the_runbook_is_one_of_a_way_back() {
    let emitted = gone_back(true);
    assert_eq!(
        headings(text(&emitted, "RUNBOOK.md")),
        [
            "# Way back: site `scada-a`, from generation 7 to 5",
            "## 1. What changes",
            "### Findings",
            "## 2. Before you begin",
            "## 3. Channels that are gone",
            "## 4. Catalogs",
            "## 5. After the upgrade",
            "## 6. Forward again",
            "## 7. Records",
        ]
    );
    for (path, title) in [
        ("RUNBOOK.ko.md", "# 원복 작업 절차서: 사이트 `scada-a`, 세대 7 → 5"),
        ("RUNBOOK.zh.md", "# 回退手册：站点 `scada-a`，从第 7 代到第 5 代"),
    ] {
        let found = headings(text(&emitted, path));
        assert_eq!((found[0], found.len()), (title, 9));
    }
    let runbook = text(&emitted, "RUNBOOK.md");
    for absent in ["Signed by", "Archive:", "OpenShift, by", "Hold what", "delivers no operator", "`?`"] {
        assert!(!runbook.contains(absent), "{absent}: {runbook}");
    }
    assert!(!runbook.contains("take the way back"), "{runbook}");
    let served = runbook.matches("served `nexus.example:5000").count();
    assert_eq!(served, 1, "a catalog has two objects, and its image is said once: {runbook}");
    let none = gone_back(false);
    assert_eq!(headings(text(&none, "RUNBOOK.md")).len(), 8);
    assert!(!none.files.keys().any(|path| path.starts_with("patches/")), "{:?}", none.files.keys());
}

#[test]
fn a_channel_is_left_before_the_catalog_changes_and_named_again_after_it_came_back() {
    let emitted = gone_back(true);
    let read = |path: &str| serde_json::from_str::<Value>(text(&emitted, path)).unwrap();
    let (back, forward) = (
        "patches/openshift-operators.web-terminal.back.json",
        "patches/openshift-operators.web-terminal.forward.json",
    );
    assert_eq!(read(back), json!({"spec": {"channel": "stable", "installPlanApproval": "Manual"}}));
    assert_eq!(read(forward), json!({"spec": {"channel": "fast", "installPlanApproval": "Automatic"}}));
    // Its own channel and approval wait for the later catalog.
    for (file, command, comments) in [("patches/there.txt", back, ""), ("patches/back.txt", forward, "# ")] {
        let commands: Vec<_> =
            text(&emitted, file).lines().filter(|line| line.contains("--patch-file")).collect();
        let patched = "oc -n openshift-operators patch subscription.operators.coreos.com web-terminal --type merge --patch-file";
        assert_eq!(commands, [format!("{comments}{patched} {command}")], "{file}");
    }
    let runbook = text(&emitted, "RUNBOOK.md");
    let at = |what: &str| runbook.find(what).unwrap_or_else(|| panic!("{what}: {runbook}"));
    let source = "cs-redhat.yaml";
    let order = [
        at("from channel `fast` to `stable`"),
        at(back),
        at(&format!("-f cluster/01-catalogsource-{source}")),
        at(&format!("-f back/01-catalogsource-{source}")),
        at(forward),
        at("import the archive of generation 7 once more"),
    ];
    assert!(order.is_sorted(), "{order:?}: {runbook}");
}

/// An import adds to what production serves: what the generations between brought must be there again before.
#[test]
fn over_several_generations_the_catalogs_are_led_to_the_last_one_between_first() {
    let (over, next) = (gone_back_over(false, Some(6)), gone_back_over(false, None));
    for (file, import) in [
        ("RUNBOOK.md", "import the archive of generation 7"),
        ("RUNBOOK.ko.md", "세대 7의 아카이브를 다시 반입"),
        ("RUNBOOK.zh.md", "再次导入第 7 代的归档"),
    ] {
        let lead = "`ombundle rollback --site site.yaml --to 6 -o between`";
        let (_, after) = text(&over, file).split_once(lead).unwrap_or_else(|| panic!("{file}"));
        assert!(after.contains(import), "{file}");
        let next = text(&next, file);
        assert!(next.contains(import) && !next.contains("--to "), "{file}");
    }
}
