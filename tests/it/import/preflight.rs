//! Rights that are missing, and registries that will not do: told before the first byte moves.

use super::stand::{Ended, Stand, kept};
use crate::support::peer::{Answer, Asked, Peer, forward};
use crate::support::registry::{DockerRegistry, Options};

/// Runs an import that must end so; neither registry may hold anything new.
fn nothing_arrives(stand: &Stand, line: &str, code: i32, named: &[&str]) -> Ended {
    let held = || stand.holdings().each_ref().map(kept);
    let (holdings, served) = (held(), stand.served());
    let ended = stand.expect(line, code);
    for name in named {
        assert!(ended.stderr.contains(name), "`{name}` is not named: {}", ended.stderr);
    }
    assert!(held() == holdings, "something was written: {}", ended.stderr);
    assert_eq!(stand.served(), served);
    // Not even the journal knows of it.
    let journal = stand.path("state/journal.jsonl");
    assert_eq!(std::fs::read_to_string(journal).unwrap_or_default(), "");
    ended
}

#[test]
fn a_repository_that_takes_no_upload_is_named_with_its_remedy() {
    let stand = Stand::with_tokens();
    stand.first();
    let forbid = |prefix: &str| {
        stand.tokens.as_ref().unwrap().manner.lock().unwrap().pull_only = Some(prefix.to_owned());
    };
    let line = format!("{} --retries 0", Stand::import_line("first"));
    // What every import writes to, though no image goes there.
    forbid("ombundle/");
    nothing_arrives(
        &stand,
        &line,
        7,
        &["/ombundle/state` takes no upload", "hint: give this account the right to push"],
    );
    // One repository of many, and the catalog's.
    for repository in
        ["olm-redhat/web-terminal/web-terminal-exec-rhel9", "olm-redhat/redhat/redhat-operator-index"]
    {
        forbid(repository);
        let ended = nothing_arrives(&stand, &line, 7, &[repository, "`olm-redhat` must be there first"]);
        assert!(ended.stderr.contains("nothing was written"), "{}", ended.stderr);
    }
    forbid("nobody");
    stand.ok(&line);
}

#[test]
fn registries_that_only_read_are_told_from_each_other() {
    let stand = Stand::plain();
    stand.first();
    for (of, until) in [(&stand.staging, "stage"), (&stand.production, "promote")] {
        let options = Options { frozen: Some(of.storage().to_owned()), ..Options::default() };
        let frozen = DockerRegistry::start_with(&options);
        let site = stand.text("site.yaml").replace(of.host().as_str(), frozen.host().as_str());
        stand.write("frozen.yaml", &site);
        let line = Stand::import_line("first").replace("@site.yaml", "@frozen.yaml");
        nothing_arrives(
            &stand,
            &format!("{line} --until {until}"),
            7,
            &[frozen.host().as_str(), "takes no upload"],
        );
    }
}

#[test]
fn a_stage_asks_nothing_of_production() {
    let stand = Stand::plain();
    stand.first();
    let options = Options { frozen: Some(stand.production.storage().to_owned()), ..Options::default() };
    let frozen = DockerRegistry::start_with(&options);
    stand.edit("site.yaml", stand.production.host().as_str(), frozen.host().as_str());
    stand.ok(&format!("{} --until stage", Stand::import_line("first")));
}

#[test]
fn tags_that_cannot_be_moved_are_told_before_anything_is_written() {
    let stand = Stand::plain();
    stand.first();
    let real = stand.production.host().to_string();
    // As Nexus with `Disable redeploy`: what is there stays as it is.
    let nexus = Peer::start({
        let real = real.clone();
        move |asked| {
            let accept = ("Accept".to_owned(), "application/vnd.oci.image.manifest.v1+json".to_owned());
            let host = ("Host".to_owned(), real.clone());
            let (method, path) = ("HEAD".to_owned(), asked.path.clone());
            let there = Asked { method, path, headers: vec![host, accept], body: Vec::new() };
            if asked.is("PUT", "/manifests/") && forward(&there, &real).status == 200 {
                return Answer::new(400).body("Repository does not allow updating assets");
            }
            forward(asked, &real)
        }
    });
    stand.edit("site.yaml", &real, &nexus.host());
    let (staging, served) = (kept(&stand.holdings()[0]), stand.served());
    for _ in 0..2 {
        let ended = stand.expect(&format!("{} --retries 0", Stand::import_line("first")), 7);
        assert!(ended.stderr.contains("ombundle-lease-"), "{}", ended.stderr);
        assert!(ended.stderr.contains("Allow redeploy"), "{}", ended.stderr);
    }
    assert!(kept(&stand.holdings()[0]) == staging, "something was staged");
    assert_eq!(stand.served(), served);
    let images = nexus.asked().iter().filter(|asked| asked.is("PUT", "/olm-redhat/")).count();
    assert_eq!(images, 0, "something was promoted");
}
