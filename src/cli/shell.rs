//! `completions` and `man`: what a shell and a manual reader need.

use std::path::PathBuf;

use clap::{Args, CommandFactory};

use crate::cli::failure::Failure;
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
/// One page for the program and one for each command, into a folder.
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
    pages(&root, "ombundle", &command.output)
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
