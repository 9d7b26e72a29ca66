//! `demo`: the whole cycle on this machine, with the same commands that a person would type.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Parser};

use crate::cli::failure::Failure;
use crate::cli::{Cli, Context, Traces, dispatch, print};
use crate::demo::{Audience, DemoOptions, ImageSize};
use crate::fault::Exit;
use crate::store::files;

/// Walk through the whole cycle on loopback
///
/// Builds a small world (a catalog with two operators in two generations, and their images), starts a source, a staging and a
/// production registry on free ports of this machine, and walks through plan, pack, verify, import and check, twice. Then one bit of
/// an archive is flipped, and refused. Takes about a minute; needs no account, no cluster, no network.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ombundle demo\n  ombundle demo --keep /tmp/ombundle-demo    # and look around afterwards"
)]
pub(super) struct DemoCommand {
    /// Work in this folder, which must be empty or absent, and leave everything there
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

pub(super) fn run(command: DemoCommand, context: &Context) -> Result<(), Failure> {
    let folder = match &command.keep {
        Some(folder) => {
            files::create_empty_folder(folder)?;
            std::path::absolute(folder).map_err(files::failed("find", folder))?
        }
        None => {
            let folder = std::env::temp_dir().join(format!("ombundle-demo-{}", std::process::id()));
            files::create_private_folder(&folder)?;
            folder
        }
    };
    let options = DemoOptions { folder: folder.clone(), size: ImageSize::DEMO };
    let context = Context { console: Arc::clone(&context.console), traces: Traces::None, yes: true };
    let result = crate::demo::run(&options, &mut Stage { context: &context });
    if command.keep.is_none() {
        files::remove_folder(&folder)?;
        print("\nThe folder is gone again; `ombundle demo --keep DIR` leaves it for you to look around.\n")?;
    }
    Ok(result?)
}

/// Shows the walk on stdout and runs its commands in this process.
struct Stage<'a> {
    context: &'a Context,
}

fn styled(style: &str, text: &str) -> String {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if plain || !std::io::stdout().is_terminal() {
        text.to_owned()
    } else {
        format!("\x1b[{style}m{text}\x1b[0m")
    }
}

impl Audience for Stage<'_> {
    fn heading(&mut self, text: &str) {
        let rule = "─".repeat(text.chars().count());
        drop(print(&format!("\n{}\n{rule}\n", styled("1", text))));
    }

    fn say(&mut self, text: &str) {
        drop(print(&format!("\n{}\n", wrapped(text, 92))));
    }

    fn run(&mut self, shown: &str, arguments: &[OsString]) -> Exit {
        drop(print(&format!("\n{}\n", styled("36", &format!("$ {shown}")))));
        let program = OsString::from("ombundle");
        let result = match Cli::try_parse_from(std::iter::once(&program).chain(arguments)) {
            Ok(cli) => dispatch(cli.command, self.context),
            Err(error) => Err(Failure::usage(error)),
        };
        match result {
            Ok(()) => Exit::Done,
            Err(failure) => {
                failure.report();
                failure.exit()
            }
        }
    }
}

/// Breaks a paragraph at blanks.
fn wrapped(text: &str, width: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let used = lines.last().map_or(0, |line| line.chars().count());
        if used > 0 && used + 1 + word.chars().count() > width {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}
