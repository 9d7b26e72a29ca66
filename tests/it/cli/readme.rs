//! What README.md, SECURITY.md and CHANGELOG.md say is so: commands are understood, examples are taken, what is named exists.

use std::collections::BTreeSet;
use std::fs;

use ombundle::limits::LIMITS;
use ombundle::site::Site;

use super::world::{Folder, project};

fn text(name: &str) -> String {
    fs::read_to_string(project(name)).unwrap()
}

/// What stands between fences that open with this line.
fn fenced<'t>(text: &'t str, fence: &str) -> Vec<&'t str> {
    let open = format!("```{fence}\n");
    text.split(&open).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn every_command_that_is_shown_is_understood() {
    let folder = Folder::new();
    let mut seen = 0;
    for name in ["README.md", "SECURITY.md"] {
        let text = text(name);
        let shown = text.lines().filter_map(|line| line.strip_prefix("$ ombundle "));
        let named = text.split('`').skip(1).step_by(2).filter_map(|code| code.strip_prefix("ombundle "));
        for line in shown.chain(named) {
            let line = line.split(['>', '|', '&']).next().unwrap();
            let words: Vec<&str> = line.split_whitespace().chain(["--help"]).collect();
            let ended = folder.run_with(&words);
            assert_eq!(ended.code, 0, "{name}: ombundle {line}: {}", ended.stderr);
            seen += 1;
        }
    }
    assert!(seen > 8, "{seen}");
}

#[test]
fn the_examples_are_taken_without_a_word() {
    let text = text("README.md");
    let yaml = fenced(&text, "yaml");
    let [imageset, site] = yaml[..] else { panic!("{} examples", yaml.len()) };
    let (site, findings) = Site::parse(site.as_bytes(), "site.yaml", &LIMITS);
    assert_eq!((site.is_some(), findings), (true, vec![]));
    let (request, findings) = ombundle::imageset::parse(imageset.as_bytes(), "imageset.yaml", &LIMITS);
    assert_eq!((request.is_some(), findings), (true, vec![]));
}

#[test]
fn exit_codes_are_those_of_the_help() {
    let help = Folder::new().run("--help").stdout;
    for row in text("README.md").lines().filter_map(|line| line.strip_prefix("| ")) {
        let Some((code, means)) = row.split_once(" | ") else { continue };
        if code.parse::<u8>().is_err() {
            continue;
        }
        let means = means.trim_end_matches(" |").split(": please").next().unwrap();
        assert!(help.lines().any(|line| line.trim() == format!("{code}  {means}")), "{code} {means}");
    }
}

#[test]
fn files_and_tests_that_are_named_exist() {
    let mut sources = String::new();
    for folder in ["src", "tests"] {
        for entry in walkdir::WalkDir::new(project(folder)).into_iter().map(Result::unwrap) {
            if entry.path().extension().is_some_and(|extension| extension == "rs") {
                sources.push_str(&fs::read_to_string(entry.path()).unwrap());
            }
        }
    }
    for name in ["README.md", "SECURITY.md", "CHANGELOG.md"] {
        let page = text(name);
        let codes: BTreeSet<&str> = page.split('`').skip(1).step_by(2).collect();
        for code in codes {
            let is_path =
                ["src/", "tests/", "schema/", "fixtures/"].iter().any(|folder| code.starts_with(folder));
            if is_path {
                assert!(project(code).exists(), "{name} names {code}");
            }
            // `room::tests::what_it_shows`, `room::what_it…`, `room::{one, other}`
            let Some((_, tests)) = code.split_once("::") else { continue };
            for test in tests.split([' ', ',', '{', '}']).filter(|test| test.contains('_')) {
                let function = test.rsplit("::").next().unwrap();
                let open = function.strip_suffix('…').or_else(|| function.strip_suffix('*'));
                let definition = match open {
                    Some(start) => format!("fn {start}"),
                    None => format!("fn {function}("),
                };
                assert!(
                    sources.contains(&definition),
                    "{name} names the test {code}: there is no {definition}"
                );
            }
        }
        for target in page.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let file = target.split('#').next().unwrap();
            if !file.is_empty() && !file.contains("://") {
                assert!(project(file).exists(), "{name} links to {target}");
            }
        }
    }
}
