//! `completions` and `man`: what a shell and a manual reader need.
//!
//! A command is a page of section 1, a help topic one of section 7.

use std::path::PathBuf;

use clap::{Args, CommandFactory};

use crate::cli::failure::Failure;
use crate::cli::topics::{TOPICS, Topic};
use crate::cli::{Cli, print};
use crate::store::files;

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ombundle completions bash > /etc/bash_completion.d/ombundle\n  \
                  ombundle completions fish > ~/.config/fish/completions/ombundle.fish")]
pub(super) struct CompletionsCommand {
    /// For which shell
    shell: clap_complete::Shell,
}

/// Write manual pages
///
/// One page for the program, one for each command (section 1) and one for each help topic (section 7), into a folder.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ombundle man -o /usr/local/share/man/man1")]
pub(super) struct ManCommand {
    /// The folder
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
}

pub(super) fn completions(command: CompletionsCommand) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(command.shell, &mut Cli::command(), "ombundle", &mut script);
    print(&String::from_utf8_lossy(&script))
}

pub(super) fn man(command: ManCommand) -> Result<(), Failure> {
    files::create_folder(&command.output)?;
    let mut root = Cli::command();
    root.build();
    pages(&root, "ombundle", &command.output)?;
    for topic in &TOPICS {
        let path = command.output.join(format!("ombundle-{}.7", topic.name));
        files::replace(&path, manual(topic).as_bytes(), files::Mode::Public)?;
    }
    Ok(())
}

/// A topic as a manual page: its lines stay as they are, since they were written for a terminal.
fn manual(topic: &Topic) -> String {
    let lines: Vec<String> = topic.body().lines().map(roff).collect();
    format!(
        ".TH OMBUNDLE-{} 7 \"\" \"ombundle {}\"\n.SH NAME\nombundle\\-{} \\- {}\n.SH DESCRIPTION\n.nf\n{}\n.fi\n",
        topic.name.to_uppercase(),
        env!("CARGO_PKG_VERSION"),
        roff(topic.name),
        roff(topic.title()),
        lines.join("\n")
    )
}

/// A line that troff prints as it is: no escapes, no requests.
fn roff(line: &str) -> String {
    let escaped = line.replace('\\', "\\e").replace('-', "\\-");
    if escaped.starts_with(['.', '\'']) { format!("\\&{escaped}") } else { escaped }
}

fn pages(command: &clap::Command, name: &str, folder: &std::path::Path) -> Result<(), Failure> {
    let mut page = Vec::new();
    let path = folder.join(format!("{name}.1"));
    clap_mangen::Man::new(command.clone().name(name.to_owned()))
        .render(&mut page)
        .map_err(files::failed("write", &path))?;
    files::replace(&path, &page, files::Mode::Public)?;
    for child in command.get_subcommands().filter(|child| !child.is_hide_set() && child.get_name() != "help")
    {
        pages(child, &format!("{name}-{}", child.get_name()), folder)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn troff_prints_lines_as_they_are() {
        for (line, expected) in [
            (".SH x", r"\&.SH x"),
            ("'x", r"\&'x"),
            (r"a\nb", r"a\enb"),
            ("  --media", r"  \-\-media"),
            ("", ""),
        ] {
            assert_eq!(roff(line), expected);
        }
    }
}
