//! Catalogs judged, set side by side and merged, as people see it.

use std::fs;

use super::world::{Ended, Folder, catalog, two_newer};

fn ended(ended: Ended, code: i32) -> Ended {
    assert_eq!(ended.code, code, "{}{}", ended.stdout, ended.stderr);
    ended
}

#[test]
fn each_finding_has_its_place_and_its_remedy() {
    let folder = Folder::new();
    let yaml = "schema: olm.package\nname: q\ndefaultChannel: none\n---\nschema: olm.channel\npackage: q\nname: a\nentries: []\n";
    folder.write("c/a.json", catalog().replace(r#","replaces":"web-terminal.v1.8.0""#, ""));
    folder.write("c/sub/b.yaml", yaml);
    let shown = ended(folder.run("catalog validate c"), 10).stderr;
    for line in [
        "error[MULTIPLE_HEADS]: a.json:2: package web-terminal, channel fast: ",
        "error[DEFAULT_CHANNEL]: sub/b.yaml:1: package q: the default channel `none` does not exist",
        "error[EMPTY_CHANNEL]: sub/b.yaml:4: package q, channel a: ",
        "  hint: set `defaultChannel` to one of: a",
        "error: the catalog is not valid: 3 errors",
    ] {
        assert!(shown.contains(line), "`{line}` is not in: {shown}");
    }
    assert_eq!(shown.matches("error[").count(), shown.matches("hint: ").count(), "{shown}");
    folder.write("bare.json", r#"{"schema":"olm.package","name":"bare","defaultChannel":"x"}"#);
    let shown = ended(folder.run("catalog validate bare.json"), 10).stderr;
    assert!(shown.contains("  hint: set it to a channel that the package has, once it has one\n"), "{shown}");
}

#[test]
fn a_verdict_is_for_one_opm_or_for_all() {
    let folder = Folder::new();
    folder.write("c/a.json", catalog().replace(r#""version":"1.8.0""#, r#""version":"1.9.0""#));
    ended(folder.run("catalog validate c"), 10);
    ended(folder.run("catalog validate c --opm-version 4.18"), 10);
    let older = ended(folder.run("catalog validate c --opm-version 1.45"), 0);
    assert!(older.stderr.starts_with("warning[VERSION_DUP]: a.json:3: "), "{}", older.stderr);
    assert_eq!(older.stdout, "valid: 1 warning, 0 notes\n");
    let wrong = ended(folder.run("catalog validate c --opm-version new"), 2);
    assert!(wrong.stderr.contains("`new` is no version of opm"), "{}", wrong.stderr);
}

#[test]
fn what_cannot_be_looked_at_is_2() {
    let folder = Folder::new();
    folder.write("good.json", catalog());
    folder.write("broken.json", "{\"schema\":");
    for line in [
        "catalog validate nowhere/",
        "catalog diff good.json nowhere/",
        "catalog diff broken.json nowhere/",
        "catalog merge good.json nowhere/ -o out",
    ] {
        ended(folder.run(line), 2);
    }
    assert!(!folder.path().join("out").exists());
    // A catalog that is broken can be looked at: that is what validate is for.
    let broken = ended(folder.run("catalog validate broken.json"), 10);
    assert!(broken.stderr.contains("error[UNREADABLE]: broken.json:1: "), "{}", broken.stderr);
}

#[test]
fn of_two_catalogs_with_errors_both_are_told() {
    let folder = Folder::new();
    folder.write("good.json", catalog());
    folder.write("twice/a.json", catalog());
    folder.write("twice/b.json", catalog());
    folder.write("broken.json", "{\"schema\":");
    for (line, says) in [
        (
            "catalog diff twice broken.json",
            &["error[DUPLICATE_PACKAGE]", "error[UNREADABLE]: broken.json:1: "][..],
        ),
        ("catalog diff twice twice", &["error[DUPLICATE_PACKAGE]"]),
        ("catalog merge good.json twice -o out", &["error[DUPLICATE_PACKAGE]"]),
        ("catalog merge broken.json twice -o out", &["error[UNREADABLE]", "error[DUPLICATE_PACKAGE]"]),
        (
            "catalog merge good.json good.json --second apart --second-base twice -o out",
            &["error[DUPLICATE_PACKAGE]"],
        ),
    ] {
        let refused = ended(folder.run(line), 10);
        assert!(says.iter().all(|says| refused.stderr.contains(says)), "{line}: {}", refused.stderr);
        assert_eq!(refused.stdout, "", "{line}");
    }
    assert!(!folder.path().join("out").exists() && !folder.path().join("apart").exists());
}

#[test]
fn a_catalog_with_nothing_in_it_is_told() {
    let folder = Folder::new();
    fs::create_dir(folder.path().join("empty")).unwrap();
    folder.write("ignored/.indexignore", "*.json\n");
    folder.write("ignored/c.json", catalog());
    folder.write("blank.json", "\n");
    for input in ["empty", "ignored", "blank.json"] {
        let says = format!("warning[EMPTY_CATALOG]: {input}: there is nothing of a catalog in it");
        for command in ["validate", "list", "render"] {
            let told = ended(folder.run(&format!("catalog {command} {input}")), 0);
            assert_eq!(told.stderr.matches(&says).count(), 1, "{command}: {}", told.stderr);
        }
    }
    folder.write("c.json", catalog());
    let rendered = ended(folder.run("catalog render c.json empty"), 0);
    assert!(rendered.stderr.starts_with("warning[EMPTY_CATALOG]: empty: "), "{}", rendered.stderr);
    assert_eq!(rendered.stdout, ended(folder.run("catalog render c.json"), 0).stdout);
    assert_eq!(ended(folder.run("catalog list c.json"), 0).stderr, "");
}

#[test]
fn odd_catalogs_end_well() {
    let folder = Folder::new();
    for (text, code, says) in [
        (catalog().replacen("\"schema\"", "\"schema\":\"x\",\"schema\"", 1), 0, ""),
        (
            catalog().replacen("\"schema\"", "\"Schema\":\"olm.package\",\"schema\"", 1),
            10,
            "differ in case only",
        ),
        (catalog() + "\n# some notes\n", 10, "error[UNREADABLE]: c.json:5: "),
        ("[".repeat(100_000), 10, "error[UNREADABLE]: c.json:"),
        ("{\"a\":".repeat(100_000), 10, "error[UNREADABLE]: c.json:1: "),
        (String::new(), 0, ""),
    ] {
        folder.write("c.json", text);
        let ended = ended(folder.run("catalog validate c.json"), code);
        assert!(ended.stderr.contains(says), "{}", ended.stderr);
    }
}

#[test]
fn a_difference_is_told_line_by_line() {
    let folder = Folder::new();
    folder.write("old/a.json", catalog());
    folder.write("new/b.json", two_newer());
    assert_eq!(ended(folder.run("catalog diff old old"), 0).stdout, "");
    let found = ended(folder.run("catalog diff old new"), 10);
    assert_eq!(
        found.stdout,
        "\
+ package devworkspace-operator: default channel fast; 1 channel; 2 bundles
~ package web-terminal
  ~ channel fast: head web-terminal.v1.9.0 → web-terminal.v1.10.0
    + web-terminal.v1.10.0: replaces web-terminal.v1.9.0
    - web-terminal.v1.8.0
    ~ web-terminal.v1.9.0: replaces web-terminal.v1.8.0 → none
  + bundle web-terminal.v1.10.0: version 1.10.0
  - bundle web-terminal.v1.8.0: version 1.8.0
"
    );
    assert_eq!(found.stderr, "error: the catalogs differ\n");
    folder.write("image/a.json", catalog().replace(&"5".repeat(64), &"6".repeat(64)));
    let images = ended(folder.run("catalog diff old image"), 10).stdout;
    let image = |digit: &str| format!("registry.redhat.io/web-terminal/bundle@sha256:{}", digit.repeat(64));
    let end = format!("~ images: +1 -1\n  + {}\n  - {}\n", image("6"), image("5"));
    assert!(images.ends_with(&end), "{images}");
}

#[test]
fn a_merge_writes_what_import_would_serve() {
    let folder = Folder::new();
    folder.write("served.json", catalog());
    folder.write("new.json", two_newer());
    let merge = "catalog merge served.json new.json -o merged --installed web-terminal.v1.8.0";
    let merged = ended(folder.run(merge), 0);
    assert_eq!(
        merged.stdout,
        "\
devworkspace-operator: new
web-terminal: united
  fast: web-terminal.v1.9.0 goes on replacing web-terminal.v1.8.0
  fast: new: web-terminal.v1.10.0
  fast: the head is web-terminal.v1.10.0; it was web-terminal.v1.9.0
0 of 2 packages as before
written to merged
"
    );
    ended(folder.run("catalog validate merged"), 0);
    let path = folder.run("catalog path merged --package web-terminal --from 1.8.0 --format json").stdout;
    assert_eq!(path.matches("\"edge\"").count(), 2, "{path}");
    let list = |name: &str| {
        let entries = fs::read_dir(folder.path().join(name)).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let files = [".indexignore", "devworkspace-operator", "merge-report.json", "web-terminal"];
    assert_eq!(list("merged"), files);
    // The same again changes nothing; another one keeps what was there.
    assert!(ended(folder.run(merge), 0).stdout.ends_with("nothing has changed in merged\n"));
    ended(folder.run("catalog merge served.json served.json -o merged"), 0);
    assert_eq!(list("merged.previous"), files);
    assert_eq!(list("merged"), [".indexignore", "merge-report.json", "web-terminal"]);
}

#[test]
fn a_conflict_is_9_and_writes_nothing() {
    let folder = Folder::new();
    folder.write("served.json", catalog());
    folder.write("new.json", catalog().replace(&"5".repeat(64), &"6".repeat(64)));
    let refused = ended(folder.run("catalog merge served.json new.json -o merged"), 9);
    assert!(refused.stderr.contains("error[BUNDLE_IMAGE]"), "{}", refused.stderr);
    assert!(!folder.path().join("merged").exists());
    ended(folder.run("catalog merge served.json new.json -o merged --on-bundle-image new"), 0);
    let text = fs::read_to_string(folder.path().join("merged/web-terminal/catalog.json")).unwrap();
    assert!(text.contains(&"6".repeat(64)) && !text.contains(&"5".repeat(64)), "{text}");
    ended(folder.run("catalog merge served.json new.json -o kept --merge-mode web-terminal=keep-old"), 0);
    ended(folder.run("catalog diff served.json kept"), 0);
}

#[test]
fn a_bridge_that_a_person_vouches_for_joins_two_channels() {
    let folder = Folder::new();
    folder.write("served.json", catalog());
    let newer = catalog().replace("1.9.0", "1.11.0").replace("1.8.0", "1.10.0");
    folder.write("new.json", newer);
    let refused = ended(folder.run("catalog merge served.json new.json -o merged"), 9);
    assert!(refused.stderr.contains("error[MULTIPLE_HEADS]"), "{}", refused.stderr);
    let bridge = "--bridge web-terminal/fast:web-terminal.v1.9.0=web-terminal.v1.10.0";
    ended(folder.run(&format!("catalog merge served.json new.json -o merged {bridge}")), 0);
    let path = "catalog path merged --package web-terminal --from 1.8.0 --format json";
    assert_eq!(folder.run(path).stdout.matches("\"edge\"").count(), 3);
}

#[test]
fn a_package_that_cannot_be_joined_gets_a_catalog_of_its_own() {
    let folder = Folder::new();
    let other = catalog().replace("web-terminal", "other");
    folder.write("served.json", catalog() + &other);
    folder.write("new.json", catalog().replace("1.9.0", "1.11.0").replace("1.8.0", "1.10.0"));
    let refused = ended(folder.run("catalog merge served.json new.json -o merged"), 9);
    assert!(refused.stderr.contains("`--merge-mode web-terminal=split`"), "{}", refused.stderr);
    let split = "catalog merge served.json new.json -o merged --merge-mode web-terminal=split";
    let nowhere = ended(folder.run(split), 2);
    assert!(nowhere.stderr.contains("--second DIR"), "{}", nowhere.stderr);
    let told = ended(folder.run(&format!("{split} --second apart")), 0);
    assert!(told.stderr.contains("warning[SPLIT_OFF]"), "{}", told.stderr);
    let offers = |name: &str| {
        let listed = ended(folder.run(&format!("catalog list {name} --format json")), 0).stdout;
        ["web-terminal", "other"].map(|package| listed.contains(&format!("\"{package}\"")))
    };
    assert_eq!((offers("merged"), offers("apart")), ([false, true], [true, false]));
    let report: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join("merged/merge-report.json")).unwrap())
            .unwrap();
    assert_eq!(report["second"]["packages"]["web-terminal"]["mode"], "SPLIT");
    // From then on it is brought forward where it is, or taken back.
    folder.write("newer.json", catalog().replace("1.9.0", "1.12.0").replace("1.8.0", "1.11.0"));
    let next = "catalog merge merged newer.json -o next --second further --second-base apart";
    ended(folder.run(next), 0);
    assert_eq!((offers("next"), offers("further")), ([false, true], [true, false]));
    let path = "catalog path further --package web-terminal --from 1.10.0 --format json";
    assert_eq!(folder.run(path).stdout.matches("\"edge\"").count(), 2);
    ended(folder.run(&format!("{next} --merge-mode web-terminal=union")), 0);
    assert_eq!((offers("next"), offers("further")), ([true, true], [false, false]));
}

#[test]
fn a_folder_of_somebody_else_is_left_alone() {
    let folder = Folder::new();
    folder.write("served.json", catalog());
    folder.write("mine/thesis.txt", "five years");
    let refused = ended(folder.run("catalog merge served.json served.json -o mine"), 2);
    assert!(refused.stderr.contains("`mine` exists already"), "{}", refused.stderr);
    assert_eq!(fs::read(folder.path().join("mine/thesis.txt")).unwrap(), b"five years");
    assert_eq!(fs::read_dir(folder.path().join("mine")).unwrap().count(), 1);
}
