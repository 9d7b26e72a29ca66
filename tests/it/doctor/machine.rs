//! The machine that asks.

use std::process::Command;

use ombundle::store::lock::Lock;

use super::clinic::{Clinic, Seen};
use crate::import::stand::finish;

fn nowhere() -> Clinic {
    Clinic::new("127.0.0.1:1", "127.0.0.1:1")
}

#[test]
fn a_state_folder_that_cannot_be_is_told() {
    let clinic = nowhere().edit("state: ./state", "state: ./signer.pub/state");
    let seen = clinic.ask("--only staging");
    assert_eq!(seen.verdict("machine", "state"), "error");
    assert!(seen.finding("STATE_READ_ONLY").1.ends_with("signer.pub` cannot be written"));
    assert_eq!(nowhere().ask("--only staging").verdict("machine", "state"), "ok");
}

#[test]
fn who_is_at_work_is_named() {
    let clinic = nowhere();
    std::fs::create_dir(clinic.path("state")).unwrap();
    let lock = Lock::take(&clinic.path("state/lock")).unwrap();
    let seen = clinic.ask("--only staging");
    let (severity, message, _) = seen.finding("LOCKED");
    assert!(
        severity == "warning" && message.contains(&format!("process {}", std::process::id())),
        "{message}"
    );
    drop(lock);
    assert_eq!(clinic.ask("--only staging").verdict("machine", "lock"), "ok");
}

#[test]
fn files_that_may_be_open_are_counted() {
    let clinic = nowhere();
    let limited = |most: u32| {
        let inner = clinic.command("--only staging --format json -j 8");
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("ulimit -n {most}; exec \"$0\" \"$@\"")])
            .arg(inner.get_program())
            .args(inner.get_args());
        command.env_clear().current_dir(clinic.path("."));
        Seen::of(finish(command))
    };
    assert_eq!(limited(96).verdict("machine", "open-files"), "ok");
    let seen = limited(95);
    assert_eq!(seen.verdict("machine", "open-files"), "warning");
    assert!(seen.finding("OPEN_FILES").2.contains("ulimit -n 96"));
}

#[test]
fn keys_that_are_not_there_do_not_stop_the_other_questions() {
    let clinic = nowhere().edit("signer.pub", "gone.pub");
    let seen = clinic.ask("--only staging");
    assert_eq!(seen.verdict("machine", "trust"), "error");
    assert!(seen.finding("TRUST").1.contains("gone.pub"));
    assert_eq!(seen.verdict("staging", "connection"), "error");
}
