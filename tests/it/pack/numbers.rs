//! Numbers of archives: no two archives that are packed on one host have the same one.

use std::collections::BTreeSet;
use std::process::Command;

use ombundle::demo::Generation;
use serde_json::Value;

use super::stage::{Ran, Running, Stage, pack_line, run};

/// Two plans for the same site, made before either was packed.
fn two_plans() -> Stage {
    let stage = Stage::new(Generation::First);
    for (name, days) in [("plan.json", "30"), ("other.json", "31")] {
        let line = ["plan", "-c", "imageset.yaml", "--site", "site.yaml", "--valid-days", days, "-o", name];
        let installed = ["--installed", "web-terminal.v1.8.0"];
        stage.run(&[&line[..], &installed].concat()).ended(0);
        assert_eq!(stage.json(name)["sequence"], 1);
    }
    stage
}

fn other_line<'a>(output: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["pack", "--plan", "other.json", "--key", "signer.key", "-o", output][..], more].concat()
}

fn refused(ran: Ran) {
    let ran = ran.ended(2);
    assert!(ran.stderr.contains("generation 1 was packed already"), "{}", ran.stderr);
}

#[test]
fn a_number_is_taken_though_nobody_names_the_site() {
    let stage = two_plans();
    let packed = stage.pack("a.ombundle", &["--format", "json"]).ended(0);
    let packed: Value = serde_json::from_str(&packed.stdout).unwrap();
    for more in [&[][..], &["--site", "site.yaml"]] {
        refused(stage.run(&other_line("b.ombundle", more)));
    }
    // The same archive once more is the same archive; signed by others too it is another one.
    stage.pack("again.ombundle", &[]).ended(0);
    assert_eq!(stage.read("a.ombundle"), stage.read("again.ombundle"));
    stage.run(&["key", "generate", "--out", "second"]).ended(0);
    refused(stage.pack("c.ombundle", &["--key", "second.key"]));
    // A new plan takes the next number, and names the archive before it.
    let line = ["plan", "-c", "imageset.yaml", "--site", "site.yaml", "-o", "next.json"];
    stage.run(&[&line[..], &["--installed", "web-terminal.v1.8.0"]].concat()).ended(0);
    let next = stage.json("next.json");
    assert_eq!((&next["sequence"], &next["predecessor"]), (&2.into(), &packed["inventory"]));
}

/// The site's folder goes to another host, or the user's goes away: each record holds for itself.
#[test]
fn either_record_is_enough() {
    let stage = two_plans();
    stage.pack("a.ombundle", &["--site", "site.yaml"]).ended(0);
    let own = stage.state.path().join("ombundle");
    std::fs::rename(&own, stage.state.path().join("away")).unwrap();
    refused(stage.run(&other_line("b.ombundle", &["--site", "site.yaml"])));
    std::fs::rename(stage.state.path().join("away"), &own).unwrap();
    std::fs::remove_dir_all(stage.path("state")).unwrap();
    refused(stage.run(&other_line("b.ombundle", &["--site", "site.yaml"])));
}

/// Ended at the very moment at which the archive gets its name, a run has taken its number.
#[test]
fn a_run_that_is_killed_leaves_a_hole_and_no_double() {
    let stage = two_plans();
    let mut command = Command::new("strace");
    command.args(["-f", "-qqq", "-o", "strace.log", "-e", "trace=rename"]);
    command.args(["-e", "inject=rename:signal=SIGKILL:error=EIO:when=1", env!("CARGO_BIN_EXE_ombundle")]);
    command.args(pack_line("a.ombundle", &[])).current_dir(stage.folder.path());
    stage.plain(&mut command);
    assert_ne!(run(command).code, Some(0));
    assert!(!stage.path("a.ombundle").exists() && stage.path("a.ombundle.part").exists());
    refused(stage.run(&other_line("b.ombundle", &[])));
    // The same plan goes on.
    stage.pack("a.ombundle", &[]).ended(0);
    stage.verify("a.ombundle").ended(0);
}

#[test]
fn of_two_that_run_at_once_one_gets_the_number() {
    let stage = two_plans();
    let lines = [pack_line("a.ombundle", &[]), other_line("b.ombundle", &[])];
    let running = lines.map(|line| Running::start(stage.command(&line)));
    let codes: BTreeSet<Option<i32>> = running.into_iter().map(|running| running.end().code).collect();
    assert_eq!(codes, [Some(0), Some(2)].into());
    assert_ne!(stage.path("a.ombundle").exists(), stage.path("b.ombundle").exists());
}

#[test]
fn a_dry_run_says_what_would_be_and_leaves_nothing() {
    let stage = two_plans();
    let before = stage.names();
    let ran = stage.pack("a.ombundle", &["--dry-run", "--format", "json"]).ended(0);
    let shown: Value = serde_json::from_str(&ran.stdout).unwrap();
    let text = stage.pack("a.ombundle", &["--dry-run"]).ended(0).stdout;
    assert!(text.contains("web-terminal.v1.9.0") && text.contains("would pack a.ombundle"), "{text}");
    let request =
        ["pack", "-c", "imageset.yaml", "--installed", "web-terminal.v1.8.0", "--key", "signer.key"];
    stage.run(&[&request[..], &["-o", "a.ombundle", "--dry-run"]].concat()).ended(0);
    assert_eq!(stage.names(), before);
    assert_eq!(std::fs::read_dir(stage.state.path()).unwrap().count(), 0);
    stage.pack("a.ombundle", &[]).ended(0);
    assert_eq!(shown["size"], stage.read("a.ombundle").len());
    assert_eq!(shown["dryRun"], true);
}

/// A plan says whom it is for, and its number is that site's.
#[test]
fn a_plan_for_another_site_takes_no_number() {
    let stage = two_plans();
    let other = String::from_utf8(stage.read("site.yaml")).unwrap();
    let name = stage.json("plan.json")["target"].as_str().unwrap().to_owned();
    stage.write("other.yaml", other.replace(&format!("name: {name}\n"), "name: elsewhere\n"));
    let ran = stage.pack("a.ombundle", &["--site", "other.yaml"]).ended(2);
    let said = format!("the plan is for the site `{name}`, and `--site` is `elsewhere`");
    assert!(ran.stderr.contains(&said), "{}", ran.stderr);
    assert!(!stage.path("a.ombundle").exists());
}
