//! `import --dry-run`, and what is asked of a person before an import.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use ombundle::demo::World;
use ombundle::oci::Descriptor;
use serde_json::json;

use super::stand::{Ended, Stand, contents, kept};
use super::stock;

#[test]
fn a_dry_run_says_what_an_import_does_and_does_nothing() {
    let stand = Stand::secured();
    stand.first();
    let held = || stand.holdings().each_ref().map(kept);
    let before = held();
    let line = Stand::import_line("first");
    let told = stand.ok(&format!("{line} --dry-run --format json")).json();
    assert!(held() == before, "something was written");
    let puts = [&stand.staging, &stand.production]
        .map(|registry| registry.log().matches("\"PUT /v2/olm-redhat/").count());
    assert_eq!(puts[0], 0, "PUT to staging");
    for gone in ["state", "first/out"] {
        assert!(!stand.path(gone).exists(), "{gone}");
    }
    let text = stand.ok(&format!("{line} --dry-run"));
    let tag = stand.catalog().to_string();
    assert!(text.stdout.contains("nothing was written") && text.stdout.contains(&tag), "{}", text.stdout);

    // What it says is what happens.
    let old = stand.served().unwrap();
    assert_eq!(told["catalogs"], json!([{"tag": tag, "from": old}]));
    let tags: Vec<&str> =
        told["tags"].as_array().unwrap().iter().map(|tag| tag["tag"].as_str().unwrap()).collect();
    let asked = World::ADDITIONAL.split_once('/').unwrap().1;
    assert!(tags.contains(&format!("{}/olm-redhat/{asked}", stand.production.host()).as_str()), "{tags:?}");
    let blobs = |held: &super::stand::Listing| -> u64 {
        held.iter().filter(|(path, _)| path.ends_with("data")).map(|(_, (size, _))| *size).sum()
    };
    let bytes = told["staging"]["bytes"].as_u64().unwrap();
    stand.ok(&format!("{line} --until stage"));
    let plan = stock::plan(&stand, "first");
    let once = |objects: &mut dyn Iterator<Item = &Descriptor>| -> u64 {
        objects.map(|object| (object.digest, object.size)).collect::<BTreeMap<_, _>>().values().sum()
    };
    assert_eq!(bytes, once(&mut plan.images.iter().flat_map(|image| &image.blobs)));
    let manifests = once(&mut plan.images.iter().flat_map(|image| &image.manifests));
    assert_eq!(blobs(&held()[0]) - blobs(&before[0]), bytes + manifests, "what staging grew by");
    let half = stand.ok(&format!("{line} --dry-run --format json")).json();
    assert_eq!(half["staging"], json!({"manifests": 0, "blobs": 0, "bytes": 0}));
    assert_eq!(half["production"], told["production"]);
    stand.ok(&line);
    let written = contents(&stand.path("first/out")).into_keys();
    let for_the_cluster: Vec<String> = written
        .filter(|path| ["cluster/", "patches/", "back/"].iter().any(|folder| path.starts_with(folder)))
        .collect();
    assert_eq!(told["resources"], json!(for_the_cluster));
    let after = stand.ok(&format!("{line} --dry-run --format json")).json();
    assert_eq!((&after["catalogs"], &after["tags"]), (&json!([]), &json!([])));
    assert_eq!(after["production"]["bytes"], 0);
}

#[test]
fn a_dry_run_is_refused_where_the_import_would_be() {
    let stand = Stand::with_tokens();
    stand.first();
    stand.tokens.as_ref().unwrap().manner.lock().unwrap().pull_only = Some("ombundle/".to_owned());
    let ended = stand.expect(&format!("{} --dry-run --retries 0", Stand::import_line("first")), 7);
    assert!(ended.stderr.contains("ombundle/state"), "{}", ended.stderr);
}

/// Runs a line at a terminal of its own (util-linux `script`), where somebody types.
fn at_a_terminal(stand: &Stand, line: &str, typed: &str) -> Ended {
    let inner = stand.command(line);
    let words: Vec<String> = std::iter::once(inner.get_program())
        .chain(inner.get_args())
        .map(|word| format!("'{}'", word.to_str().unwrap()))
        .collect();
    let mut command = Command::new("script");
    command.args(["-qec", &words.join(" "), "/dev/null"]).env("HOME", stand.path("."));
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

#[test]
fn what_cannot_be_taken_back_is_asked_at_a_terminal_and_nowhere_else() {
    let stand = Stand::plain();
    stand.first();
    let before = stand.served();
    let risky = format!("{} --merge-mode web-terminal=replace", Stand::import_line("first"));
    let refused = at_a_terminal(&stand, &risky, "n\n");
    assert_eq!(refused.code, Some(130), "{refused:?}");
    assert!(
        refused.stdout.contains("Go on? [y/N]") && refused.stdout.contains("`web-terminal`"),
        "{refused:?}"
    );
    assert_eq!(stand.served(), before);
    assert!(!stand.path("state/journal.jsonl").exists());
    // Who says so beforehand is not asked; nor is anybody who decides nothing of the kind.
    let agreed = at_a_terminal(&stand, &format!("{risky} --yes"), "");
    assert_eq!(agreed.code, Some(0), "{agreed:?}");
    assert!(!agreed.stdout.contains("Go on?"), "{agreed:?}");
    let again = at_a_terminal(&stand, &Stand::import_line("first"), "");
    assert!(again.code == Some(0) && !again.stdout.contains("Go on?"), "{again:?}");
    let asked = at_a_terminal(&stand, &risky, "y\n");
    assert!(asked.code == Some(0) && asked.stdout.contains("Go on?"), "{asked:?}");
    // A script that cannot answer is not asked.
    stand.ok(&risky);
}
