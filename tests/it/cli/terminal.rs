//! Nothing that a catalog or an archive says can move the cursor, hide text or forge a line.

use ombundle::text::is_plain;

use super::world::{Ended, Folder, package, with_archive};

/// Names that do something in a terminal: what they show must be the escape and not the act.
const HOSTILE: [&str; 9] = [
    "a\u{1b}[2Jb",
    "a\u{1b}]0;title\u{7}b",
    "a\u{9b}31mb",
    "a\rb",
    "a\nerror: forged",
    "a\u{8}\u{8}b",
    "a\u{202e}b",
    "a\u{200b}b",
    "a\u{7f}b\u{85}c\u{2028}d\u{feff}e",
];

/// Only what a person can see, and line ends.
fn clean(ended: &Ended, what: &str) {
    for (stream, text) in [("stdout", &ended.stdout), ("stderr", &ended.stderr)] {
        let bad = text.chars().find(|c| *c != '\n' && !is_plain(*c));
        assert_eq!(bad, None, "{what}: {stream}: {text:?}");
        assert!(!text.lines().any(|line| line.starts_with("error: forged")), "{what}: {stream}: {text}");
    }
}

#[test]
fn names_in_a_catalog_stay_names() {
    let mut outputs = 0;
    let mut shown = 0;
    for name in HOSTILE {
        let folder = Folder::new();
        folder.write("plain.json", package("web-terminal", "fast"));
        for (file, text) in [
            ("package.json", package(name, "fast")),
            ("channel.json", package("web-terminal", name)),
            ("near.json", package(&format!("web-terminal{name}"), "fast")),
        ] {
            folder.write(file, text);
            let package = if file == "package.json" { name } else { "web-terminal" };
            for arguments in [
                &["catalog", "list", file][..],
                &["catalog", "list", file, "--package", package],
                &["catalog", "list", file, "--package", package, "--channel", name],
                &["catalog", "list", file, "--package", package, "--channel", "none"],
                &["catalog", "list", file, "--package", "web-terminalaaaa"],
                &["catalog", "path", file, "--package", package, "--from", "1.8.0"],
                &["catalog", "path", file, "--package", package, "--from", "1.9.0", "--to", "1.8.0"],
                &["catalog", "validate", file],
                &["catalog", "validate", file, "--log-format", "json"],
                &["catalog", "list", file, "--format", "json"],
                &["catalog", "path", file, "--package", package, "--from", "1.8.0", "--format", "json"],
                &["catalog", "validate", file, "--format", "json"],
                &["catalog", "diff", "plain.json", file],
                &["catalog", "diff", file, "plain.json"],
                &["catalog", "diff", "plain.json", file, "--format", "json"],
                &["catalog", "merge", "plain.json", file, "-o", "merged"],
                &["catalog", "merge", "plain.json", file, "-o", "merged", "--format", "json"],
            ] {
                let ended = folder.run_with(arguments);
                clean(&ended, &format!("{arguments:?}"));
                outputs += 1;
                shown += usize::from(ended.stdout.contains(r"\u") || ended.stderr.contains(r"\u"));
            }
        }
    }
    // The names were really there to be shown: silence would pass everything above.
    assert!(shown * 2 > outputs, "{shown} of {outputs}");
    println!("{outputs} outputs, {shown} of them with a hostile name, moved no cursor");
}

#[test]
fn what_is_no_archive_stays_quiet() {
    let folder = with_archive();
    for name in HOSTILE {
        folder.write("bad.ombundle", name);
        for format in ["text", "json"] {
            let arguments = ["verify", "bad.ombundle", "--trust-key", "signer.pub", "--format", format];
            let ended = folder.run_with(&arguments);
            clean(&ended, &format!("{name:?}"));
            assert_eq!(ended.code, 3);
        }
    }
    // Also where it has the form of an archive up to the version, which is repeated to the person.
    let mut archive = super::world::kept_archive();
    let version = b"ombundle/\x1b[2J";
    archive[512..512 + version.len()].copy_from_slice(version);
    folder.write("bad.ombundle", archive);
    let ended = folder.run("verify bad.ombundle --trust-key signer.pub");
    clean(&ended, "version");
    assert_eq!(ended.code, 3, "{}", ended.stderr);
}
