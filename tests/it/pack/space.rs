//! A disk that is full: before the first download, and in the middle of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use ombundle::demo::Generation;

use super::stage::{Stage, pack_line, run};
use crate::support::peer::{Peer, forward};

fn watched(stage: &Stage) -> Peer {
    let host = stage.registry.host().to_string();
    let peer = Peer::start(move |asked| forward(asked, &host));
    stage.source_is(&peer.host());
    peer
}

/// A small file system of its own, where this user may mount one.
struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    fn new(folder: &Path, bytes: u64) -> Option<Self> {
        std::fs::create_dir(folder).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"]).arg(folder);
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then(|| Self { folder: folder.to_owned() })
    }

    fn grow(&self, bytes: u64) {
        let mut mount = Command::new("mount");
        mount.args(["-o", &format!("remount,size={bytes}")]).arg(&self.folder);
        assert!(mount.status().unwrap().success());
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.folder).status();
    }
}

#[test]
fn a_disk_without_room_is_named_before_the_first_request() {
    let stage = Stage::new(Generation::First);
    let carry = stage.plan()["bytes"]["carry"].as_u64().unwrap();
    let peer = watched(&stage);
    let Some(disk) = SmallDisk::new(&stage.path("disk"), carry / 2) else {
        eprintln!("left out: this user may not mount a file system");
        return;
    };
    let ran = stage.pack("disk/a.ombundle", &[]).ended(8);
    assert!(ran.stderr.contains("hint: ") && ran.stderr.contains("disk/a.ombundle"), "{}", ran.stderr);
    assert_eq!(peer.asked().len(), 0);
    assert_eq!(disk.names(), [""; 0]);
    disk.grow(carry + (64 << 10));
    stage.pack("disk/a.ombundle", &["--no-papers"]).ended(0);
    stage.verify("disk/a.ombundle").ended(0);
    assert_eq!(disk.names(), ["a.ombundle"]);
}

/// A limit on the size of files stands in for a quota: it shows while reserving.
#[test]
fn a_file_that_may_not_grow_is_named_before_the_first_request() {
    let stage = Stage::new(Generation::First);
    stage.plan();
    let peer = watched(&stage);
    let mut command = Command::new("sh");
    // In blocks of 512 bytes; ignored signals stay ignored, so that the call itself fails.
    command.args(["-c", "trap '' XFSZ; ulimit -f 1000; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_ombundle")]);
    command.args(pack_line("a.ombundle", &[])).current_dir(stage.folder.path());
    stage.plain(&mut command);
    let ran = run(command).ended(8);
    assert!(ran.stderr.contains("hint: "), "{}", ran.stderr);
    assert_eq!(peer.asked().len(), 0);
    assert!(!stage.path("a.ombundle").exists() && !stage.path("a.ombundle.part").exists());
}

/// Where a file system cannot reserve, a full disk shows while writing. Both are played by the tracer.
#[test]
fn a_disk_that_gets_full_on_the_way_costs_no_download_twice() {
    if !Command::new("strace").args(["-qq", "-e", "trace=none", "true"]).status().is_ok_and(|it| it.success())
    {
        eprintln!("left out: it takes strace, and leave to use it");
        return;
    }
    let stage = Stage::new(Generation::First);
    let plan = stage.plan();
    let peer = watched(&stage);
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fallocate,pwrite64"]);
    command.args(["-e", "inject=fallocate:error=EOPNOTSUPP", "-e", "inject=pwrite64:error=ENOSPC:when=62+"]);
    command.arg(env!("CARGO_BIN_EXE_ombundle")).args(pack_line("a.ombundle", &["-j", "1"]));
    command.current_dir(stage.folder.path());
    stage.plain(&mut command);
    let ran = run(command).ended(8);
    assert!(ran.stderr.contains("hint: free some space"), "{}", ran.stderr);
    assert!(!stage.path("a.ombundle").exists());
    let first = peer.count("GET", "/v2/");
    assert!(first > 3, "{first}");

    stage.pack("a.ombundle", &["-j", "1"]).ended(0);
    stage.verify("a.ombundle").ended(0);
    let both = peer.asked().iter().filter(|asked| asked.method == "GET" && asked.path.len() > 4).count();
    let needed = usize::try_from(plan["requests"].as_u64().unwrap()).unwrap();
    // Only what was being written when it failed is asked for again.
    assert!(both <= needed + 1, "{both} requests where {needed} were planned");
}
