//! `imageset`: lists of operators in, a file that `plan` and oc-mirror take out.

use std::fs;

use ombundle::imageset::parse;
use ombundle::limits::LIMITS;

use super::world::{Folder, catalog, package};

const REF: &str = "registry.redhat.io/redhat/redhat-operator-index:v4.20";

/// A folder with a catalog of `web-terminal` in `fast` and `odf` in `stable`, each 1.8.0 and 1.9.0.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("catalog/web-terminal/catalog.json", catalog());
    folder.write("catalog/odf/catalog.json", package("odf", "stable"));
    folder
}

/// Channels with their selections, by package, as the request reader understands the file.
fn understood(folder: &Folder, file: &str) -> Vec<String> {
    let bytes = fs::read(folder.path().join(file)).unwrap();
    let (request, findings) = parse(&bytes, file, &LIMITS);
    assert_eq!(findings, []);
    let operators = request.unwrap().operators;
    let packages = operators.iter().flat_map(|item| &item.packages);
    let channels =
        packages.flat_map(|package| package.channels.iter().map(move |channel| (package, channel)));
    channels
        .map(|(package, channel)| {
            let taken: Vec<_> = channel.selections.iter().map(ToString::to_string).collect();
            format!("{} {} {}", package.name, channel.name, taken.join(", "))
        })
        .collect()
}

#[test]
fn names_and_versions_become_a_file_that_says_why() {
    let folder = folder();
    let ended = folder.run_with(&[
        "imageset",
        "--catalog",
        &format!("{REF}=catalog"),
        "web-terminal|web-terminal.v1.8.0",
        "odf",
        "-o",
        "isc.yaml",
    ]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    assert!(ended.stdout.ends_with("next: ombundle plan -c isc.yaml -o plan.json\n"), "{}", ended.stdout);
    assert_eq!(understood(&folder, "isc.yaml"), ["web-terminal fast 1.8.0 and above", "odf stable the head"]);
    let text = fs::read_to_string(folder.path().join("isc.yaml")).unwrap();
    assert!(text.contains(&format!("  - catalog: {REF}\n")), "{text}");
    assert!(text.contains(
        "minVersion: '1.8.0'  # `web-terminal.v1.8.0` is asked for; 2 versions up to `web-terminal.v1.9.0`\n"
    ));
    // The same on standard output, and the same again.
    let printed = folder.run_with(&[
        "imageset",
        "--catalog",
        &format!("{REF}=catalog"),
        "web-terminal|web-terminal.v1.8.0",
        "odf",
    ]);
    assert_eq!(printed.stdout, text);
}

#[test]
fn lists_and_what_is_installed_take_the_place_of_names() {
    let folder = folder();
    folder.write("operators.txt", "# red hat\nweb-terminal|1.9.0  # the new one\n\nodf\n");
    let named = format!("{REF}=catalog");
    let ended =
        folder.run_with(&["imageset", "--catalog", &named, "--from-file", "operators.txt", "-o", "a.yaml"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(understood(&folder, "a.yaml"), ["web-terminal fast 1.9.0 and above", "odf stable the head"]);

    let arguments = [
        "imageset",
        "--catalog",
        &named,
        "--installed",
        "web-terminal.v1.8.0",
        "--to",
        "web-terminal.v1.9.0",
        "-o",
        "b.yaml",
    ];
    let ended = folder.run_with(&arguments);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(understood(&folder, "b.yaml"), ["web-terminal fast 1.9.0"]);
    let text = fs::read_to_string(folder.path().join("b.yaml")).unwrap();
    assert!(
        text.contains("    #   1. 1.9.0 in fast: `web-terminal.v1.9.0` replaces `web-terminal.v1.8.0`\n"),
        "{text}"
    );

    let dump = r#"{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"operators.coreos.com/v1alpha1","kind":"ClusterServiceVersion",
        "metadata":{"name":"odf.v1.8.0","namespace":"openshift-storage"},"spec":{"version":"1.8.0"},"status":{"phase":"Succeeded"}}]}"#;
    folder.write("dump.json", dump);
    let ended = folder.run_with(&["imageset", "--catalog", &named, "--cluster", "dump.json", "-o", "c.yaml"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(understood(&folder, "c.yaml"), ["odf stable 1.9.0 and above"]);
}

#[test]
fn what_is_not_there_is_said_and_only_with_strict_an_end() {
    let folder = folder();
    let named = format!("{REF}=catalog");
    let words = [
        "imageset",
        "--catalog",
        &named,
        "web-terminal|web-terminal.v1.7.0",
        "web-termnal",
        "-o",
        "isc.yaml",
    ];
    let ended = folder.run_with(&words);
    assert_eq!(ended.code, 0);
    assert!(ended.stderr.contains("warning[VERSION_NOT_FOUND]"), "{}", ended.stderr);
    assert!(ended.stderr.contains("hint: the lowest is `web-terminal.v1.8.0` (in fast)"), "{}", ended.stderr);
    assert!(ended.stderr.contains("hint: did you mean web-terminal?"), "{}", ended.stderr);
    assert_eq!(understood(&folder, "isc.yaml"), ["web-terminal fast the head"]);

    fs::remove_file(folder.path().join("isc.yaml")).unwrap();
    let ended = folder.run_with(&[&words[..], &["--strict"]].concat());
    assert_eq!(ended.code, 10);
    assert!(!folder.path().join("isc.yaml").exists());
    let ended = folder.run_with(&["imageset", "--catalog", &named, "gone", "-o", "isc.yaml"]);
    assert_eq!(ended.code, 10);
    assert!(!folder.path().join("isc.yaml").exists());
}

#[test]
fn a_folder_without_a_name_gets_one_to_change() {
    let folder = folder();
    let ended = folder.run("imageset --catalog catalog odf -o isc.yaml");
    assert_eq!(ended.code, 0);
    assert!(ended.stderr.contains("warning[CATALOG_UNNAMED]"), "{}", ended.stderr);
    let text = fs::read_to_string(folder.path().join("isc.yaml")).unwrap();
    assert!(text.contains("- catalog: registry.example/catalog-1:latest  # CHANGE THIS"), "{text}");
}

#[test]
fn a_package_whose_file_is_empty_or_broken_is_left_out() {
    let folder = folder();
    folder.write("catalog/gone/catalog.json", "");
    folder.write(
        "catalog/odf/catalog.json",
        "{\"schema\":\"olm.package\",\"name\":\"odf\",\"defaultChannel\":\"stable\"}",
    );
    let ended = folder.run_with(&[
        "imageset",
        "--catalog",
        &format!("{REF}=catalog"),
        "web-terminal",
        "gone",
        "odf",
        "-o",
        "isc.yaml",
    ]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("warning[PACKAGE_NOT_FOUND]: package gone"), "{}", ended.stderr);
    assert!(ended.stderr.contains("warning[PACKAGE_UNUSABLE]: package odf"), "{}", ended.stderr);
    assert_eq!(understood(&folder, "isc.yaml"), ["web-terminal fast the head"]);
}

#[test]
fn misuse_is_refused_with_a_hint() {
    let folder = folder();
    for (words, said) in [
        (&["odf|"][..], "has nothing between two `|`"),
        (&["odf|>=1 || >=3"], "has alternatives"),
        (&[], "no operator is asked for"),
        (&["odf", "--to", "1.9.0"], "it is not known what runs of `odf`"),
        (&["odf", "web-terminal", "--installed", "odf.v1.8.0", "--to", "1.9.0"], "belongs to no operator"),
        (&["odf", "--from-file", "list"], "no list of operators"),
    ] {
        folder.write("list", "a|\n");
        let ended = folder.run_with(&[&["imageset", "--catalog", "catalog"], words].concat());
        assert_eq!(ended.code, 2, "{words:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(said), "{words:?}: {}", ended.stderr);
    }
    let ended = folder.run("imageset --catalog catalog odf --installed odff.v1.0.0");
    assert_eq!(ended.code, 10, "{}", ended.stderr);
    assert!(ended.stderr.contains("INSTALLED_UNKNOWN"), "{}", ended.stderr);
}
