//! Back to the former catalog, forward again, and what stands in the way.

use std::fs;
use std::process::Stdio;

use ombundle::demo::Generation;
use ombundle::digest::Digest;
use ombundle::registry::Target;

use super::catalogs;
use super::stand::{Ended, Stand, contents, kept, until};
use crate::support::registry::{DockerRegistry, Options};

const BACK: &str = "rollback --site @site.yaml -o @back";

/// A site that has both generations, and what production served before, after the first and after the second.
pub(super) fn upgraded() -> (Stand, [Digest; 3]) {
    let stand = Stand::plain();
    stand.first();
    let before = stand.served().unwrap();
    stand.ok(&Stand::import_line("first"));
    let first = stand.served().unwrap();
    stand.publish(Generation::Second);
    stand.pack("second", "--report @first/out/receipt.json");
    stand.ok(&Stand::import_line("second"));
    let second = stand.served().unwrap();
    assert!(before != first && first != second);
    (stand, [before, first, second])
}

/// A way back that must end so, with nothing written.
fn refused(stand: &Stand, line: &str, code: i32, named: &str) {
    let held = || stand.holdings().each_ref().map(kept);
    let (before, served) = (held(), stand.served());
    let ended = stand.expect(line, code);
    assert!(ended.stderr.contains(named), "{}", ended.stderr);
    assert_eq!(stand.served(), served);
    assert!(held() == before, "something was written");
}

pub(super) fn journal(stand: &Stand, step: &str) -> usize {
    stand.text("state/journal.jsonl").matches(&format!("\"step\":\"{step}\"")).count()
}

#[test]
fn the_former_catalog_comes_back_and_the_later_one_again() {
    let (stand, [before, first, second]) = upgraded();
    // The output cannot be written: the tag has moved already, and the next run goes on.
    stand.write("file", "");
    let broken = stand.run("rollback --site @site.yaml -o @file/back");
    assert_ne!(broken.code, Some(0));
    let ended = stand.ok(&format!("{BACK} --format json"));
    assert_eq!(stand.served(), Some(first));
    let done = ended.json();
    assert_eq!((done["from"].as_u64(), done["to"].as_u64()), (Some(2), Some(1)));
    assert_eq!(done["steps"][0]["before"], second.to_string());
    assert_eq!(done["steps"][0]["after"], first.to_string());
    let files = contents(&stand.path("back"));
    let has = |path: &str, text: &str| {
        let found = files.iter().filter(|(name, _)| name.starts_with(path));
        found.into_iter().any(|(_, bytes)| String::from_utf8_lossy(bytes).contains(text))
    };
    assert!(has("cluster/", &first.to_string()) && has("back/", &second.to_string()), "{:?}", files.keys());
    assert!(!files.keys().any(|name| name.contains("mirror")), "{:?}", files.keys());
    assert!(has("RUNBOOK.md", "from generation 2 to 1"), "{:?}", files.get("RUNBOOK.md"));
    assert!(has("RUNBOOK.md", &first.to_string()) && has("RUNBOOK.ko.md", &first.to_string()));
    assert_eq!((journal(&stand, "return"), journal(&stand, "returned")), (1, 1));
    stand.ok("check --site @site.yaml");
    // Once more is no further, and writes nothing.
    let held = || stand.holdings().each_ref().map(kept);
    let stood = held();
    let again = stand.ok(&format!("{BACK} --format json"));
    assert_eq!(again.json()["steps"], done["steps"]);
    assert!(held() == stood, "something was written");
    assert_eq!((journal(&stand, "return"), journal(&stand, "returned")), (1, 1));
    // What is older stays refused, and the last one goes forward again.
    stand.expect(&Stand::import_line("first"), 4);
    stand.ok(&Stand::import_line("second"));
    assert_eq!(stand.served(), Some(second));
    stand.ok("check --site @site.yaml");
    // Further back, without any record on this machine.
    fs::remove_dir_all(stand.path("state")).unwrap();
    stand.ok(&format!("{BACK} --to 0"));
    assert_eq!(stand.served(), Some(before));
    stand.ok(BACK);
    assert_eq!(stand.served(), Some(first));
}

#[test]
fn an_archive_that_builds_on_what_was_taken_back_names_the_way_forward() {
    let (stand, [before, first, second]) = upgraded();
    stand.ok(&format!("{BACK} --to 0"));
    assert_eq!(stand.served(), Some(before));
    assert!(stand.text("back/RUNBOOK.md").contains("`ombundle rollback --site site.yaml --to 1 -o between`"));
    refused(&stand, &Stand::import_line("second"), 5, "is what it was before generation 1");
    let ended = stand.expect(&Stand::import_line("second"), 5);
    assert!(ended.stderr.contains("`ombundle rollback --to 1`"), "{}", ended.stderr);
    // Decided otherwise it merges, and what it cannot bring back is named.
    let modes = "--merge-mode web-terminal=replace --merge-mode devworkspace-operator=replace";
    let ended = stand.ok(&format!("{} {modes} --dry-run", Stand::import_line("second")));
    assert!(
        ended.stderr.contains("WENT_BACK") && ended.stderr.contains("what generation 1 brought"),
        "{}",
        ended.stderr
    );
    // It starts from what is served, not from what was served before the first way back.
    let done = stand.ok(&format!("{BACK} --to 1 --format json")).json();
    assert_eq!(done["steps"][0]["before"], before.to_string());
    assert_eq!(done["steps"][0]["after"], first.to_string());
    stand.ok(&Stand::import_line("second"));
    assert_eq!(stand.served(), Some(second));
}

#[test]
fn what_was_never_imported_is_nothing_to_go_back_to() {
    let stand = Stand::plain();
    stand.first();
    refused(&stand, BACK, 2, "no generation was imported");
    stand.ok(&Stand::import_line("first"));
    refused(&stand, &format!("{BACK} --to 1"), 2, "does not lie before");
    refused(&stand, &format!("{BACK} --to 7"), 2, "does not lie before 1");
    stand.publish(Generation::Second);
    stand.pack("second", "--report @first/out/receipt.json --sequence 5");
    stand.ok(&Stand::import_line("second"));
    refused(&stand, &format!("{BACK} --to 3"), 2, "it had 1, 5");
    stand.ok(BACK);
}

#[test]
fn a_catalog_that_was_pruned_or_changed_by_hand_is_no_way_back() {
    let (stand, [_, first, second]) = upgraded();
    // Somebody else's catalog stands there: going back would lose it.
    let files = catalogs::files(&stand, &stand.catalog());
    let strange = catalogs::stranger("unasked-operator", "registry.redhat.io/unasked/bundle:v1");
    let all: Vec<_> = files.into_iter().chain([strange]).collect();
    catalogs::push_mixed(&stand, &stand.catalog(), &all.into_iter().collect());
    let foreign = stand.served().unwrap();
    refused(&stand, BACK, 9, &foreign.to_string());
    let tag = |digest: Digest| {
        let catalog = stand.catalog();
        let raw = stand.client().manifest(&catalog.repository, &digest.into()).unwrap().unwrap();
        let target = ombundle::registry::Target::of(&catalog).unwrap();
        stand.client().push_manifest(&catalog.repository, &target, &raw).unwrap();
    };
    tag(second);
    // An image of the former catalog is gone: named, and taken back all the same only where somebody says so.
    let plan = super::stock::plan(&stand, "first");
    let image = plan.images.iter().find(|image| image.kind == ombundle::plan::ImageKind::Bundle).unwrap();
    let place = super::stock::place(&stand.production.host(), image);
    assert!(stand.client().delete_manifest(&place, image.root.digest).unwrap());
    refused(&stand, BACK, 5, &image.root.digest.to_string());
    stand.ok(&format!("{BACK} --incomplete"));
    assert_eq!(stand.served(), Some(first));
    tag(second);
    // The tag that kept it is gone, and then it was moved.
    let catalog = stand.catalog();
    let name = format!("{}-prev-2", catalog.tag.as_ref().unwrap());
    let prev = catalog.repository.tag(name.parse().unwrap());
    let raw = stand.client().manifest(&catalog.repository, &second.into()).unwrap().unwrap();
    stand
        .client()
        .push_manifest(&prev.repository, &ombundle::registry::Target::of(&prev).unwrap(), &raw)
        .unwrap();
    refused(&stand, &format!("{BACK} --incomplete"), 4, &first.to_string());
    let tags = stand.production.storage().join(format!(
        "docker/registry/v2/repositories/{}/_manifests/tags/{name}",
        catalog.repository.repository
    ));
    fs::remove_dir_all(tags).unwrap();
    refused(&stand, BACK, 5, "prev-N");
}

/// A former catalog that is not kept any more is not another one.
#[test]
fn what_a_later_generation_left_is_not_passed_off_for_an_earlier_one() {
    let (stand, [before, first, _]) = upgraded();
    let catalog = stand.catalog();
    let manifests = stand
        .production
        .storage()
        .join(format!("docker/registry/v2/repositories/{}/_manifests", catalog.repository.repository));
    let tag = catalog.tag.unwrap();
    let built = manifests.join(format!("tags/{tag}-g0001-{}", first.short()));
    fs::remove_dir_all(manifests.join(format!("tags/{tag}-prev-1"))).unwrap();
    let line = format!("{BACK} --to 0");
    let said = [&format!("{tag}-prev-2`, came of generation 1"), "--to 1"];
    let refused = || said.iter().for_each(|said| refused(&stand, &line, 5, said));
    // By the journal alone, and by what production keeps alone.
    let aside = stand.path("aside");
    fs::rename(&built, &aside).unwrap();
    refused();
    fs::rename(&aside, &built).unwrap();
    fs::rename(stand.path("state"), &aside).unwrap();
    refused();
    assert_ne!(stand.served(), Some(before));
    stand.ok(BACK);
    assert_eq!(stand.served(), Some(first));
}

#[test]
fn what_goes_wrong_on_the_way_back_is_told() {
    let (stand, [before, first, second]) = upgraded();
    // What was written by hand is not written over, and that is said first.
    refused(&stand, "rollback --site @site.yaml -o @first", 2, "first");
    // A registry that takes no writes.
    let frozen = Some(stand.production.storage().to_owned());
    let closed = DockerRegistry::start_with(&Options { frozen, ..Options::default() });
    let (open, shut) = (stand.production.host().to_string(), closed.host().to_string());
    stand.edit("site.yaml", &open, &shut);
    refused(&stand, BACK, 7, "takes no upload");
    stand.edit("site.yaml", &shut, &open);
    // Somebody moves the tag at the last moment: the first record says that it is about to move.
    let catalog = stand.catalog();
    let target = Target::of(&catalog).unwrap();
    let manifest =
        |digest: Digest| stand.client().manifest(&catalog.repository, &digest.into()).unwrap().unwrap();
    let mut back = stand.traced("fdatasync:delay_exit=3000000:when=1", BACK);
    let back = back.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("the record", || journal(&stand, "return") == 1);
    stand.client().push_manifest(&catalog.repository, &target, &manifest(before)).unwrap();
    let ended: Ended = back.wait_with_output().unwrap().into();
    assert_eq!(ended.code, Some(9), "{}", ended.stderr);
    assert!(ended.stderr.contains("was changed by somebody else meanwhile"), "{}", ended.stderr);
    assert_eq!(stand.served(), Some(before));
    stand.client().push_manifest(&catalog.repository, &target, &manifest(second)).unwrap();
    // The tag is there, and what it led to is gone.
    let revision = format!(
        "docker/registry/v2/repositories/{}/_manifests/revisions/sha256/{}",
        catalog.repository.repository,
        first.hex()
    );
    fs::remove_dir_all(stand.production.storage().join(revision)).unwrap();
    let kept = format!("{catalog}-prev-2");
    refused(&stand, BACK, 5, &format!("the former catalog `{kept}`; the first: {kept}"));
}
