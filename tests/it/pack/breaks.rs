//! Packing broken off at any point, and gone on with by the same command.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use ombundle::demo::{Generation, World};

use super::stage::{Running, SIZE, Stage, client, pack_line};
use crate::support::peer::{Peer, forward};

/// What happens to the files of a broken run.
type Damage = fn(&Stage);

/// The real registry, slowed down.
fn slow(stage: &Stage, wait: Duration) -> Peer {
    let host = stage.registry.host().to_string();
    let peer = Peer::start(move |asked| {
        let answer = forward(asked, &host);
        if asked.path.contains("/blobs/") { answer.after(wait) } else { answer }
    });
    stage.source_is(&peer.host());
    peer
}

fn until(running: &mut Running, what: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_mins(1);
    while !what() {
        assert!(!running.is_over(), "it ended too early");
        assert!(Instant::now() < end, "it does not come so far");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Begins to pack and sends a signal after so many blobs were asked for.
fn broken(stage: &Stage, output: &str, after: usize, signal: &str) -> (Option<i32>, usize) {
    let peer = slow(stage, Duration::from_millis(60));
    let mut running = Running::start(stage.command(&pack_line(output, &["-j", "2"])));
    until(&mut running, || peer.count("GET", "/blobs/") >= after);
    running.signal(signal);
    let ran = running.end();
    assert!(!stage.path(output).exists());
    (ran.code, peer.count("GET", "/blobs/"))
}

/// Requests for blobs that it takes to finish.
fn finish(stage: &Stage, output: &str) -> usize {
    let peer = slow(stage, Duration::ZERO);
    stage.pack(output, &["--no-papers"]).ended(0);
    stage.verify(output).ended(0);
    peer.count("GET", "/blobs/")
}

#[test]
fn a_broken_run_is_gone_on_with_and_comes_to_the_same_bytes() {
    let stage = Stage::new(Generation::First);
    stage.plan();
    let all = finish(&stage, "whole.ombundle");
    let whole = stage.read("whole.ombundle");
    let before = stage.names();

    let (code, begun) = broken(&stage, "a.ombundle", 8, "INT");
    assert_eq!(code, Some(130));
    let rest = finish(&stage, "a.ombundle");
    // Ctrl-C ends between two chunks, and what is there is noted: at most the transfers under way are asked for again.
    assert!(begun >= 8 && rest <= all - (begun - 2), "{begun} then {rest} of {all}");
    assert_eq!(stage.read("a.ombundle"), whole);

    for after in [1, 5, 11] {
        let name = format!("{after}.ombundle");
        let (code, begun) = broken(&stage, &name, after, "KILL");
        assert_eq!(code, None);
        let rest = finish(&stage, &name);
        assert!(rest <= all - begun.saturating_sub(2), "{begun} then {rest} of {all}");
        assert_eq!(stage.read(&name), whole);
    }
    // Nothing is left beside the archives.
    let made = ["a.ombundle", "1.ombundle", "5.ombundle", "11.ombundle"].map(str::to_owned);
    assert_eq!(stage.names().difference(&before).cloned().collect::<Vec<_>>().len(), made.len());
}

#[test]
fn nothing_that_a_power_cut_leaves_is_believed() {
    let stage = Stage::new(Generation::First);
    stage.plan();
    let all = finish(&stage, "whole.ombundle");
    let whole = stage.read("whole.ombundle");
    let damages: [(&str, Damage); 5] = [
        ("progress cut in a line", |stage| {
            let text = stage.read("a.ombundle.part.progress");
            stage.write("a.ombundle.part.progress", &text[..text.len() * 2 / 3 - 7]);
        }),
        ("progress gone", |stage| std::fs::remove_file(stage.path("a.ombundle.part.progress")).unwrap()),
        ("progress that promises too much", |stage| {
            let text = String::from_utf8(stage.read("a.ombundle.part.progress")).unwrap();
            let more = text.replace('\n', "9\n");
            stage.write("a.ombundle.part.progress", more + "not a line\n\0\0\0\0");
        }),
        ("data that never reached the disk", |stage| {
            let part = OpenOptions::new().write(true).open(stage.path("a.ombundle.part")).unwrap();
            let length = part.metadata().unwrap().len();
            for at in (length / 3..length - 4096).step_by(4096) {
                part.write_all_at(&[0; 4096], at).unwrap();
            }
        }),
        ("a flipped bit in every block", |stage| {
            let mut bytes = stage.read("a.ombundle.part");
            bytes.iter_mut().step_by(512).for_each(|byte| *byte ^= 1);
            stage.write("a.ombundle.part", bytes);
        }),
    ];
    for (what, damage) in damages {
        broken(&stage, "a.ombundle", 9, "KILL");
        damage(&stage);
        let rest = finish(&stage, "a.ombundle");
        assert!(rest <= all + 2, "{what}: {rest} of {all}");
        assert!(stage.read("a.ombundle") == whole, "{what}");
        std::fs::remove_file(stage.path("a.ombundle")).unwrap();
    }
}

#[test]
fn the_plan_of_the_broken_run_is_gone_on_with() {
    let stage = Stage::new(Generation::First);
    let line = ["pack", "-c", "imageset.yaml", "--installed", "web-terminal.v1.8.0", "--key", "signer.key"];
    let line = [&line[..], &["--no-papers", "-o", "a.ombundle"]].concat();
    let before = stage.names();
    let peer = slow(&stage, Duration::from_millis(60));
    let mut running = Running::start(stage.command(&line));
    until(&mut running, || stage.path("a.ombundle.part.progress").exists());
    running.signal("KILL");
    running.end();
    drop(peer);
    let kept: Vec<String> =
        stage.names().into_iter().filter(|name| name.starts_with("a.ombundle.part.plan-")).collect();
    assert_eq!(kept.len(), 1);
    std::fs::copy(stage.path(&kept[0]), stage.path("plan.json")).unwrap();

    // Upstream moves on in the meantime: its tag has another catalog now.
    let next = World::generation(Generation::Second, SIZE).unwrap();
    next.push(&client(), &stage.registry.host()).unwrap();
    stage.source_is(&stage.registry.host().to_string());
    let ran = stage.run(&line).ended(0);
    assert!(ran.stderr.contains("going on with the plan"), "{}", ran.stderr);
    stage.pack("b.ombundle", &["--no-papers"]).ended(0);
    assert_eq!(stage.read("a.ombundle"), stage.read("b.ombundle"));
    let made: Vec<String> = stage.names().difference(&before).cloned().collect();
    assert_eq!(made, ["a.ombundle", "b.ombundle", "plan.json"]);

    // A plan that was cut off is made anew.
    std::fs::remove_file(stage.path("a.ombundle")).unwrap();
    stage.write(&kept[0], "{\"format\": \"ombundle.plan/v1\", ");
    stage.world.push(&client(), &stage.registry.host()).unwrap();
    stage.run(&line).ended(0);
    assert!(!stage.path(&kept[0]).exists());
}

#[test]
fn an_archive_that_is_there_is_refused_before_anything_is_asked() {
    let stage = Stage::new(Generation::First);
    stage.plan();
    stage.write("a.ombundle", "precious");
    let peer = slow(&stage, Duration::ZERO);
    let ran = stage.pack("a.ombundle", &[]).ended(2);
    assert!(ran.stderr.contains("a.ombundle") && ran.stderr.contains("hint: "), "{}", ran.stderr);
    let config = ["pack", "-c", "imageset.yaml", "--key", "signer.key", "-o", "a.ombundle"];
    stage.run(&config).ended(2);
    assert_eq!(peer.asked().len(), 0);
    assert_eq!(stage.read("a.ombundle"), b"precious");
}
