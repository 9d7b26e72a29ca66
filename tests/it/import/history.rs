//! A site's history where somebody meddled with it.

use std::fs;

use ombundle::flow::record::{Log, Record};
use ombundle::reference::RepositoryRef;
use ombundle::registry::Target;
use serde_json::Value;

use super::stand::{Stand, two_generations};

const HISTORY: &str = "site history --site @site.yaml --format json";

fn state(stand: &Stand) -> RepositoryRef {
    format!("{}/ombundle/state", stand.production.host()).parse().unwrap()
}

/// Codes with what they are about.
fn told(history: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let findings = history["findings"].as_array().unwrap();
    findings.iter().map(|finding| (text(&finding["code"]), text(&finding["subject"]))).collect()
}

#[test]
fn what_was_replayed_or_is_foreign_is_named() {
    let stand = two_generations();
    let sound = stand.ok(HISTORY).json();
    assert_eq!(told(&sound), []);
    let second = &sound["generations"][1];
    assert_eq!(second["known_by"], serde_json::json!(["record", "journal", "production"]));
    assert_eq!(second["predecessor"], sound["generations"][0]["inventory"]);
    assert_eq!(second["signers"].as_array().unwrap().len(), 1);

    // An older record under a newer number.
    let (client, repository) = (stand.client(), state(&stand));
    let tag = |name: &str| Target::Tag(name.parse().unwrap());
    let first = client.manifest(&repository, &tag("g0001.small-world")).unwrap().unwrap();
    client.push_manifest(&repository, &tag("g0009.small-world"), &first).unwrap();
    let replayed = ("GENERATION_REPLAYED".to_owned(), "generation 9".to_owned());
    assert_eq!(told(&stand.expect(HISTORY, 10).json()), [replayed]);
    // Another machine's key: nothing that was signed here counts.
    stand.ok("key generate --out @stranger");
    stand.edit("site.yaml", "signer.pub", "stranger.pub");
    let strange = told(&stand.expect(HISTORY, 10).json());
    let foreign: Vec<_> = strange.iter().filter(|(code, _)| code == "GENERATION_FOREIGN").collect();
    assert_eq!(foreign.len(), 3, "{strange:?}");
    stand.edit("site.yaml", "stranger.pub", "signer.pub");
    assert!(client.delete_manifest(&repository, first.digest()).unwrap());
    let lost = told(&stand.ok(HISTORY).json());
    assert_eq!(lost, [("GENERATION_NOT_KEPT".to_owned(), "generation 1".to_owned())]);

    // A journal that was edited is no journal; without a registry only what this machine noted is told.
    let offline = stand.ok(&format!("{HISTORY} --offline")).json();
    assert_eq!((offline["asked"].as_bool(), told(&offline)[0].0.as_str()), (Some(false), "NOT_ASKED"));
    assert_eq!(offline["generations"].as_array().unwrap().len(), 2);
    let journal = stand.text("state/journal.jsonl");
    stand.write("state/journal.jsonl", &journal.replace("\"generation\":1", "\"generation\":3"));
    let broken = stand.expect(HISTORY, 3);
    assert!(broken.stderr.contains("journal.jsonl") && broken.stderr.contains("line 2"), "{broken:?}");
}

#[test]
fn what_came_in_out_of_turn_or_was_made_for_another_site_is_named() {
    let stand = two_generations();
    // Somebody wrote the first one down once more, after the second.
    let journal = stand.path("state/journal.jsonl");
    let original = fs::read(&journal).unwrap();
    let mut log = Log::open(&stand.path("state")).unwrap();
    let first =
        log.records().iter().find(|record| matches!(record, Record::Committed { .. })).unwrap().clone();
    log.note(&first).unwrap();
    drop(log);
    let replayed = ("GENERATION_REPLAYED".to_owned(), "generation 1".to_owned());
    assert_eq!(told(&stand.expect(HISTORY, 10).json()), [replayed]);
    fs::write(&journal, original).unwrap();
    // The third is another site's, signed by the same key, and stands under this one's name.
    stand.edit("site.yaml", "name: small-world", "name: elsewhere");
    stand.edit("site.yaml", "state: ./state", "state: ./state-elsewhere");
    stand.write("third/imageset.yaml", &stand.text("second/imageset.yaml"));
    for file in ["csvs.json", "subscriptions.json"] {
        stand.write(&format!("third/{file}"), &stand.text(&format!("second/{file}")));
    }
    stand.pack("third", "--sequence 3");
    stand.ok(&Stand::import_line("third"));
    stand.edit("site.yaml", "state: ./state-elsewhere", "state: ./state");
    stand.edit("site.yaml", "name: elsewhere", "name: small-world");
    assert_eq!(told(&stand.ok(HISTORY).json()), []);
    let (client, repository) = (stand.client(), state(&stand));
    let tag = |name: &str| Target::Tag(name.parse().unwrap());
    let third = client.manifest(&repository, &tag("g0003.elsewhere")).unwrap().unwrap();
    client.push_manifest(&repository, &tag("g0003.small-world"), &third).unwrap();
    let foreign = ("GENERATION_FOREIGN".to_owned(), format!("{repository}:g0003.small-world"));
    assert_eq!(told(&stand.expect(HISTORY, 10).json()), [foreign]);
}
