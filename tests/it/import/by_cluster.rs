//! `check` with a cluster: where its nodes look, whether what it has installed finds its way, and whether catalogs lead where they did.

use serde_json::Value;

use super::stand::{Stand, two_generations};
use super::stock::Skopeo;

const CHECK: &str = "check --site @site.yaml --format json";
const DUMPS: &str = "--cluster @second/csvs.json --cluster @second/subscriptions.json";

/// The mirror sets that the first import wrote.
fn mirror_sets(stand: &Stand) -> String {
    ["01-imagedigestmirrorset-idms", "02-imagetagmirrorset-itms"]
        .map(|name| format!("--cluster @first/out/cluster/{name}-{}-production.yaml", site_name(stand)))
        .join(" ")
}

fn site_name(stand: &Stand) -> String {
    let site = stand.text("site.yaml");
    let name = site.lines().find_map(|line| line.trim().strip_prefix("name: ")).unwrap();
    name.to_owned()
}

/// Codes and subjects of what was found, without what is good to know.
fn found(checked: &Value) -> Vec<(String, String)> {
    let findings = checked["findings"].as_array().unwrap().iter();
    let told = findings.filter(|finding| finding["severity"] != "info");
    let text = |finding: &Value, field: &str| finding[field].as_str().unwrap().to_owned();
    told.map(|finding| (text(finding, "code"), text(finding, "subject"))).collect()
}

#[test]
fn nodes_are_led_to_production_for_every_image_or_the_source_is_named() {
    let stand = two_generations();
    let sets = mirror_sets(&stand);
    let checked = stand.ok(&format!("{CHECK} {sets}")).json();
    assert_eq!(checked["findings"], serde_json::json!([]));
    // Without any mirror set the cluster's nodes are not judged, and that is said.
    let checked = stand.ok(&format!("{CHECK} {DUMPS}")).json();
    assert_eq!(checked["findings"][0]["code"], "NO_MIRROR_SETS");
    // Another place in production: one repository is there, the others are not.
    let digests =
        format!("first/out/cluster/01-imagedigestmirrorset-idms-{}-production.yaml", site_name(&stand));
    let production = stand.production.host();
    let good = stand.text(&digests);
    stand.edit(&digests, &format!("{production}/olm-redhat"), &format!("{production}/elsewhere"));
    let checked = stand.expect(&format!("{CHECK} {sets}"), 10).json();
    let missing = found(&checked);
    assert!(missing.len() > 10 && missing.iter().all(|(code, _)| code == "UNRESOLVED"), "{missing:?}");
    let prefix = format!("{production}/elsewhere/");
    assert!(missing.iter().all(|(_, place)| place.starts_with(&prefix)), "{missing:?}");
    for (_, place) in &missing {
        let held = place.replace("/elsewhere/", "/olm-redhat/");
        Skopeo::new(&stand).copy(&held, place.replace('@', ":kept@").split('@').next().unwrap());
    }
    stand.ok(&format!("{CHECK} {sets}"));
    // Another registry, and none at all.
    stand.write(&digests, &good.replace(&production.to_string(), "other.example:5000"));
    let checked = stand.expect(&format!("{CHECK} {sets}"), 10).json();
    let lost = found(&checked);
    assert!(lost.iter().all(|(code, _)| code == "MIRRORED_ELSEWHERE"), "{lost:?}");
    assert!(lost.iter().any(|(_, scope)| scope == "registry.redhat.io/web-terminal"), "{lost:?}");
    stand.write(&digests, &good.replace("registry.redhat.io", "registry.elsewhere.io"));
    let lost = found(&stand.expect(&format!("{CHECK} {sets}"), 10).json());
    assert!(lost.iter().all(|(code, _)| code == "NOT_MIRRORED"), "{lost:?}");
}

#[test]
fn what_is_installed_finds_its_way_or_is_named() {
    let stand = two_generations();
    let catalog = stand.catalog().to_string();
    let checked = stand.ok(&format!("{CHECK} {DUMPS} --expect @second/out/receipt.json")).json();
    assert_eq!(checked["catalogs"][&catalog]["subscriptions"], 2);
    assert_eq!(checked["catalogs"][&catalog]["stranded"], 0);
    // What the first import left behind leads less far.
    let checked = stand.expect(&format!("{CHECK} --expect @first/out/receipt.json"), 10).json();
    let heads = [
        ("HEAD_DIFFERS", "package devworkspace-operator, channel fast"),
        ("HEAD_DIFFERS", "package web-terminal, channel fast"),
    ];
    assert_eq!(found(&checked), heads.map(|(code, subject)| (code.to_owned(), subject.to_owned())));
    // Taken back by a generation, the catalog has nothing for what runs since; its own receipt expects just that.
    stand.edit("second/csvs.json", "web-terminal.v1.9.0", "web-terminal.v1.11.0");
    stand.edit("second/subscriptions.json", "web-terminal.v1.9.0", "web-terminal.v1.11.0");
    stand.edit("second/csvs.json", "\"version\": \"1.9.0\"", "\"version\": \"1.11.0\"");
    stand.ok(&format!("rollback --site @site.yaml {DUMPS} -o @back"));
    let checked = stand.ok(&format!("{CHECK} {DUMPS} --expect @back/receipt.json")).json();
    let newer = ("INSTALLED_NEWER".to_owned(), "Subscription openshift-operators/web-terminal".to_owned());
    assert_eq!(found(&checked), [newer]);
    let expected = stand.expect(&format!("{CHECK} {DUMPS} --expect @second/out/receipt.json"), 10);
    assert_eq!(found(&expected.json()).len(), 3);
    // A way that was cut: 0.1.0 is older than all that the catalog leads on from.
    for file in ["second/csvs.json", "second/subscriptions.json"] {
        stand.edit(file, "1.11.0", "0.1.0");
    }
    let ended = stand.expect(&format!("{CHECK} {DUMPS}"), 10);
    assert_eq!(found(&ended.json())[0].0, "NO_PATH");
    assert!(ended.stdout.contains("ombundle plan --installed web-terminal.v0.1.0"), "{}", ended.stdout);
    // Not of this site.
    stand.edit("back/receipt.json", "\"site\": \"small-world\"", "\"site\": \"elsewhere\"");
    let ended = stand.expect("check --site @site.yaml --expect @back/receipt.json", 2);
    assert!(ended.stderr.contains("is of site `elsewhere`"), "{}", ended.stderr);
}
