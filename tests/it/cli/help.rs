//! The whole help is a file, so that a change to it is seen and meant.
//!
//! `UPDATE_EXPECTED=1` writes it anew.

use std::fs;

use super::world::{Folder, project};

/// Every command with its help, depth first, the program itself first.
fn tree(folder: &Folder) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut open = vec![Vec::<String>::new()];
    while let Some(command) = open.pop() {
        let mut arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        arguments.push("--help");
        let help = folder.run_with(&arguments);
        assert_eq!((help.code, help.stderr.as_str()), (0, ""), "{arguments:?}");
        let listed = help.stdout.lines().skip_while(|line| *line != "Commands:").skip(1);
        let children: Vec<Vec<String>> = listed
            .take_while(|line| !line.is_empty())
            .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
            .filter_map(|line| line.split_whitespace().next())
            .filter(|name| *name != "help")
            .map(|name| command.iter().cloned().chain([name.to_owned()]).collect())
            .collect();
        open.extend(children.into_iter().rev());
        all.push((format!("ombundle {}", command.join(" ")).trim_end().to_owned(), help.stdout));
    }
    all
}

#[test]
fn the_whole_help_is_what_is_kept() {
    let mut text = String::new();
    for (command, help) in tree(&Folder::new()) {
        text.push_str(&format!("$ {command} --help\n"));
        for line in help.lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text.push('\n');
    }
    let path = project("tests/it/cli/help.txt");
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "the help has changed: run with UPDATE_EXPECTED=1 and look at the difference");
}

#[test]
fn each_help_opens_with_a_sentence_and_ends_with_examples() {
    let commands = tree(&Folder::new());
    assert!(commands.len() > 12, "{}", commands.len());
    for (command, help) in commands {
        let first = help.lines().next().unwrap();
        assert!(first.len() > 10 && first.starts_with(char::is_uppercase), "{command}: {first}");
        assert!(!first.ends_with('.'), "{command}: {first}");
        // Whoever asks for the long help gets the paragraph, not the summary alone.
        let paragraph = help.lines().nth(2).unwrap();
        let short = ["completions", "list", "path", "validate", "generate", "show"];
        let is_short = short.iter().any(|name| command.ends_with(name));
        assert!(is_short || !paragraph.starts_with("Usage:"), "{command}: {paragraph}");
        let examples = if command == "ombundle" { "Try it:" } else { "Example" };
        let (_, tail) =
            help.split_once(&format!("\n{examples}")).unwrap_or_else(|| panic!("{command} has no examples"));
        assert!(tail.contains("ombundle"), "{command}: {tail}");
        // Nobody reads a second screen to learn what an option means.
        assert!(!tail.contains("\nOptions:"), "{command}: the examples stand last");
    }
}

#[test]
fn what_examples_show_is_understood() {
    for (_, help) in tree(&Folder::new()) {
        let Some((_, examples)) = help.split_once("\nExample") else { continue };
        for line in examples.replace("\\\n", " ").lines().filter(|line| line.starts_with("  ombundle ")) {
            let line = line.split(" # ").next().unwrap().split(['|', '>']).next().unwrap();
            let words: Vec<&str> = line.split_whitespace().skip(1).chain(["--help"]).collect();
            // With `--help` at the end everything before it is parsed and nothing is run.
            let ended = Folder::new().run_with(&words);
            assert_eq!(ended.code, 0, "{line}: {}", ended.stderr);
        }
    }
}

#[test]
fn every_exit_code_is_told() {
    let help = Folder::new().run("--help").stdout;
    let table = help.split_once("Exit codes:").unwrap().1;
    let told: Vec<u8> =
        table.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect();
    assert_eq!(told, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 130]);
}

#[test]
fn manual_pages_and_completions_know_every_command() {
    let folder = Folder::new();
    assert_eq!(folder.run("man -o man").code, 0);
    let script = folder.run("completions bash").stdout;
    for (command, _) in tree(&folder) {
        let page = folder.path().join("man").join(format!("{}.1", command.replace(' ', "-")));
        assert!(page.is_file(), "{}", page.display());
        let last = command.rsplit(' ').next().unwrap();
        assert!(script.contains(last), "{command}");
    }
    for shell in ["zsh", "fish", "powershell"] {
        assert!(folder.run(&format!("completions {shell}")).stdout.contains("catalog"), "{shell}");
    }
}
