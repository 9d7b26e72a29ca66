//! `catalog graph`: every form, into a file and on stdout, and its exit codes.

use super::world::{Folder, catalog};

#[test]
fn a_graph_has_four_forms() {
    let folder = Folder::new();
    folder.write("catalog/catalog.json", catalog());
    for (format, start) in [
        ("text", "web-terminal\n"),
        ("mermaid", "%% web-terminal\n"),
        ("svg", "<svg "),
        ("dot", "digraph upgrades {\n"),
    ] {
        let line = format!("catalog graph catalog --package web-terminal --from 1.8.0 --format {format}");
        let shown = folder.run(&line);
        assert_eq!((shown.code, shown.stderr.as_str()), (0, ""));
        assert!(shown.stdout.starts_with(start), "{}", shown.stdout);
        assert!(shown.stdout.contains("1.8.0 → 1.9.0 in 1 hop") || format == "mermaid", "{}", shown.stdout);
        let written = folder.run(&format!("{line} -o graph.{format}"));
        assert_eq!((written.code, written.stdout.as_str()), (0, ""));
        let file = std::fs::read_to_string(folder.path().join(format!("graph.{format}"))).unwrap();
        assert_eq!(file, shown.stdout);
    }
}

#[test]
fn a_graph_without_a_way_is_drawn_and_said() {
    let folder = Folder::new();
    folder.write("catalog/catalog.json", catalog());
    let ended = folder.run("catalog graph catalog --package web-terminal --from 1.2.0");
    assert_eq!(ended.code, 10, "{}", ended.stderr);
    assert!(ended.stdout.contains("● 1.2.0  installed, not in the catalog"), "{}", ended.stdout);
    assert!(ended.stderr.contains("error[NO_PATH]"), "{}", ended.stderr);
}

#[test]
fn what_cannot_be_drawn_is_a_usage_error() {
    let folder = Folder::new();
    folder.write("catalog/catalog.json", catalog());
    for (arguments, text) in [
        ("--package web-terminl", "no package `web-terminl`"),
        ("--package web-terminal --channel slow", "has no channel `slow`"),
        ("--package web-terminal --to 3.0.0", "has no version 3.0.0"),
        ("--package web-terminal -o gone/graph.svg", "there is no folder `gone`"),
    ] {
        let ended = folder.run(&format!("catalog graph catalog {arguments}"));
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{}", ended.stderr);
        assert!(ended.stderr.contains(text), "{}", ended.stderr);
    }
    let entries: Vec<_> =
        (0..2_001).map(|at| serde_json::json!({"name": format!("web-terminal.v0.0.{at}")})).collect();
    let many = catalog().replace(
        r#""entries":["#,
        &format!(r#""entries":[{},"#, serde_json::to_string(&entries).unwrap().trim_matches(['[', ']'])),
    );
    folder.write("many/catalog.json", many);
    let ended = folder.run("catalog graph many --package web-terminal");
    assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("2003 entries are too many to draw"), "{}", ended.stderr);
}
