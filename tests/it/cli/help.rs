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

/// The topics that the program lists, with their texts.
fn topics(folder: &Folder) -> Vec<(String, String)> {
    let help = folder.run("--help").stdout;
    let listed = help.split_once("Topics, for `ombundle help TOPIC`:\n").unwrap().1.lines().next().unwrap();
    let told = |name: &str| {
        let ended = folder.run(&format!("help {name}"));
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{name}");
        (name.to_owned(), ended.stdout)
    };
    listed.trim().split(", ").map(told).collect()
}

#[test]
fn topics_show_commands_that_are_understood() {
    let folder = Folder::new();
    let mut shown = 0;
    for (name, text) in topics(&folder) {
        let text = text.replace("\\\n", " ");
        for line in text.lines().filter_map(|line| line.strip_prefix("  ombundle ")) {
            // A name in a table, with its meaning beside it.
            if line.starts_with(' ') {
                continue;
            }
            let words: Vec<&str> = line.split_whitespace().chain(["--help"]).collect();
            let ended = folder.run_with(&words);
            assert_eq!(ended.code, 0, "{name}: {line}: {}", ended.stderr);
            shown += 1;
        }
        // What stands between backticks as a command of ours is one.
        for line in text.split("`ombundle ").skip(1).filter_map(|rest| rest.split('`').next()) {
            let asked = if line.starts_with("help ") { None } else { Some("--help") };
            let words: Vec<&str> = line.split_whitespace().chain(asked).collect();
            assert_eq!(folder.run_with(&words).code, 0, "{name}: {line}");
        }
    }
    assert!(shown >= 20, "{shown}");
}

#[test]
fn the_runbook_s_chapters_are_those_that_are_written() {
    let written = fs::read_to_string(project("src/emit/runbook/english.rs")).unwrap();
    let (_, text) = topics(&Folder::new()).into_iter().find(|(name, _)| name == "runbook").unwrap();
    let chapters =
        text.split_once("something to do\n\n").unwrap().1.lines().take_while(|line| !line.is_empty());
    let chapters: Vec<&str> = chapters.map(str::trim).collect();
    assert_eq!(chapters.len(), 9, "{chapters:?}");
    for chapter in chapters {
        assert!(written.contains(&format!("=> \"{chapter}\".into()")), "{chapter}");
    }
}

#[test]
fn help_of_a_command_is_what_the_command_says_of_itself() {
    let folder = Folder::new();
    for (command, help) in tree(&folder) {
        let words: Vec<&str> = std::iter::once("help").chain(command.split(' ').skip(1)).collect();
        let told = folder.run_with(&words);
        assert_eq!((told.code, told.stderr.as_str()), (0, ""), "{words:?}");
        assert!(told.stdout == help, "{words:?}\n{}\n{help}", told.stdout);
    }
    let nested = folder.run("catalog help path");
    assert_eq!((nested.code, nested.stdout), (0, folder.run("catalog path --help").stdout));
}

#[test]
fn what_there_is_no_help_for_has_names_near_it() {
    let folder = Folder::new();
    for (line, said) in [
        ("help nexsu", "there is no command or topic `nexsu`; did you mean `nexus`?"),
        ("help catlog", "there is no command or topic `catlog`; did you mean `catalog`?"),
        (
            "--no-progress help exit-code",
            "there is no command or topic `exit-code`; did you mean `exit-codes`?",
        ),
        ("help zebras", "there is no command or topic `zebras`; the topics are exit-codes, format, merging,"),
        ("help trust more", "`trust` is a topic and stands alone"),
        ("help catalog pth", "unrecognized subcommand 'pth'"),
        ("catalog help trust", "unrecognized subcommand 'trust'"),
        ("trust", "unrecognized subcommand 'trust'"),
    ] {
        let ended = folder.run(line);
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{line}");
        assert!(ended.stderr.contains(said), "{line}: {}", ended.stderr);
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
    for (name, text) in topics(&folder) {
        let page = fs::read_to_string(folder.path().join(format!("man/ombundle-{name}.7"))).unwrap();
        let title = text.lines().next().unwrap().replace('-', "\\-");
        assert!(page.starts_with(".TH OMBUNDLE-") && page.contains(&title), "{page}");
    }
    for shell in ["zsh", "fish", "powershell"] {
        assert!(folder.run(&format!("completions {shell}")).stdout.contains("catalog"), "{shell}");
    }
}
