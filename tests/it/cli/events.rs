//! `--log-format json`: one JSON object a line on stderr, whatever happens.

use serde_json::Value;

use super::world::{ANY_AGE, Ended, Folder, SITE, against, kept_archive, with_archive};

/// Every line of stderr, checked.
pub(super) fn lines(ended: &Ended) -> Vec<Value> {
    let lines: Vec<Value> = ended
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    for line in &lines {
        assert_eq!(against("events.v1.json", line), [""; 0], "{line}");
    }
    lines
}

fn names(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["event"].as_str().unwrap()).collect()
}

#[test]
fn success_is_told_as_events() {
    let folder = with_archive();
    let verify = ["verify", "good.ombundle", "--trust-key", "signer.pub", "--log-format", "json"];
    let ended = folder.run_with(&[&verify, &ANY_AGE[..]].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let lines = lines(&ended);
    let names = names(&lines);
    assert_eq!(names.first(), Some(&"begin"));
    assert!(names.contains(&"end"), "{names:?}");
    assert_eq!(lines[0]["phase"], "verify");
}

#[test]
fn failure_is_the_last_line_and_carries_the_exit_code() {
    let folder = with_archive();
    folder.write("bad.ombundle", &kept_archive()[..5000]);
    folder.write("site.yaml", SITE.replace("repositories", "repositorys"));
    for (line, code, before) in [
        ("verify bad.ombundle --trust-key signer.pub", 3, "finding"),
        ("verify good.ombundle --trust-key other.pub", 4, "finding"),
        ("check --site site.yaml", 2, "finding"),
        ("key show none.pub", 2, ""),
        ("catalog list 127.0.0.1:1/a/b:v1 --retries 1 --timeout 1", 7, "retrying"),
    ] {
        let ended = folder.run(&format!("--log-format json {line}"));
        let lines = lines(&ended);
        assert_eq!(ended.code, code, "{line}: {}", ended.stderr);
        let last = lines.last().unwrap();
        assert_eq!((&last["event"], &last["exit"]), (&Value::from("failed"), &Value::from(code)), "{line}");
        if !before.is_empty() {
            assert!(names(&lines).contains(&before), "{line}: {}", ended.stderr);
        }
    }
}

#[test]
fn wrong_arguments_are_one_line_too() {
    let folder = Folder::new();
    for arguments in [
        &["verify", "--log-format", "json"][..],
        &["--log-format=json", "veriyf"],
        &["--log-format=json", "check", "--site", "a", "--retries", "many"],
    ] {
        let ended = folder.run_with(arguments);
        assert_eq!(ended.code, 2);
        assert_eq!(names(&lines(&ended)), ["failed"], "{}", ended.stderr);
    }
    let ended = folder.run_in(&["verify"], &[("OMBUNDLE_LOG_FORMAT", "json")]);
    let lines = lines(&ended);
    let text = lines[0]["error"].as_str().unwrap();
    assert!(text.starts_with("the following required arguments were not provided:"), "{text}");
    // Help is an answer, not an event.
    let help = folder.run_with(&["--log-format=json", "--help"]);
    assert_eq!((help.code, help.stderr.as_str()), (0, ""));
}
