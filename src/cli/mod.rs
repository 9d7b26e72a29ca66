//! The door: command line, terminal, clock, environment. One file a command.

use std::ffi::OsString;
use std::io::{BufRead, IsTerminal, Read, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Parser, Subcommand};

use crate::cli::console::{Console, LogFormat, json_line};
use crate::cli::failure::{Failure, failed};
use crate::cli::options::OutputOptions;
use crate::fault::Exit;
use crate::text::plain_json;

mod access;
mod catalog;
mod check;
mod console;
mod custody;
mod demo;
mod doctor;
mod failure;
mod help;
mod imageset;
mod import;
mod inputs;
mod inspect;
mod key;
mod media;
mod mending;
mod merging;
mod numbers;
mod options;
mod pack;
mod papers;
mod plan;
mod release;
mod releases;
mod rollback;
mod serve;
mod shell;
mod sign;
mod site;
mod topics;
mod vacuum;
mod verify;
mod volumes;

/// Carries operator and OpenShift upgrades across an air gap in one signed archive
///
/// On the connected side `plan` finds the upgrade path and `pack` writes one signed `.ombundle`. Behind the air gap `verify`
/// judges it without a network and `import` pushes it to the staging registry, merges its catalog into production's, promotes
/// it, checks that everything resolves, and writes the cluster resources and a runbook.
#[derive(Debug, Parser)]
#[command(name = "ombundle", version, propagate_version = true, max_term_width = 110, after_help = AFTER_HELP)]
struct Cli {
    #[command(flatten)]
    output: OutputOptions,

    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Try it:  ombundle demo
         The whole cycle on this machine in a minute: no account, no cluster, no network.

Topics, for `ombundle help TOPIC`:
         exit-codes, format, merging, nexus, openshift, runbook, trust, volumes

Exit codes:
    0  done
    1  unexpected
    2  usage or configuration
    3  integrity: bytes are not what they should be
    4  signature or trust; too old, expired, or for another site
    5  prerequisites missing
    6  incomplete: upstream lacks something
    7  registry, authentication or network
    8  space or quota
    9  merge conflict
   10  differences or findings reported
  130  interrupted: the same command goes on where it stopped";

#[derive(Debug, Subcommand)]
enum Command {
    // What each says of itself stands above its own arguments; a comment here would take the place of all of it.
    Plan(plan::PlanCommand),
    Pack(pack::PackCommand),
    Inspect(inspect::InspectCommand),
    Media(media::MediaCommand),
    Custody(custody::CustodyCommand),
    Sign(sign::SignCommand),
    Verify(verify::VerifyCommand),
    Doctor(doctor::DoctorCommand),
    Import(import::ImportCommand),
    Check(check::CheckCommand),
    Rollback(rollback::RollbackCommand),
    Site(site::SiteCommand),
    Vacuum(vacuum::VacuumCommand),
    Catalog(catalog::CatalogCommand),
    Imageset(imageset::ImagesetCommand),
    Release(release::ReleaseCommand),
    Key(key::KeyCommand),
    Serve(serve::ServeCommand),
    Demo(demo::DemoCommand),
    Completions(shell::CompletionsCommand),
    Man(shell::ManCommand),
}

/// What every command gets from the door.
struct Context {
    console: Arc<Console>,
    traces: Traces,
    /// Whether the person said beforehand not to be asked.
    yes: bool,
}

/// What a command may leave behind in the user's own folders: the cache, and the numbers of the archives that were packed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Traces {
    /// What helps the next run.
    Some,
    /// Nothing: it is a demonstration.
    None,
}

impl Context {
    /// Tells what is risky, and asks the person at the terminal whether to go on. Scripts are not asked: what they decide stands in
    /// their command line.
    fn agree(&self, risks: &[String]) -> Result<(), Failure> {
        let (input, mut output) = (std::io::stdin(), std::io::stderr());
        if risks.is_empty() || self.yes || !input.is_terminal() || !output.is_terminal() {
            return Ok(());
        }
        let mut answer = String::new();
        let asked = risks.iter().try_for_each(|risk| writeln!(output, "{risk}"));
        let answered = asked
            .and_then(|()| write!(output, "Go on? [y/N] "))
            .and_then(|()| input.lock().take(ANSWER).read_line(&mut answer));
        match (answered, answer.trim()) {
            (Ok(_), "y" | "Y" | "yes") => Ok(()),
            _ => Err(Failure::findings(Exit::Interrupted, "nothing was written")),
        }
    }
}

/// Nobody types more to say yes.
const ANSWER: u64 = 100;

/// Runs the program with these arguments, the first of which is its name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => {
            return match help::topic(error, &arguments) {
                Ok(topic) => ended(print(topic.text)),
                Err(error) => misused(&error, &arguments),
            };
        }
    };
    let format = cli.output.log_format;
    failure::speak(format);
    let interrupted = Arc::new(AtomicBool::new(false));
    watch_for_interruption(&interrupted, format);
    let console = Arc::new(Console::new(format, cli.output.no_progress, cli.output.verbose, interrupted));
    let context = Context { console, traces: Traces::Some, yes: cli.output.yes };
    ended(dispatch(cli.command, &context))
}

/// Says why, where it failed.
fn ended(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::from(Exit::Done as u8),
        Err(failure) => {
            failure.report();
            ExitCode::from(failure.exit() as u8)
        }
    }
}

/// Runs one command.
fn dispatch(command: Command, context: &Context) -> Result<(), Failure> {
    match command {
        Command::Plan(command) => plan::run(command, context),
        Command::Pack(command) => pack::run(command, context),
        Command::Inspect(command) => inspect::run(command, context),
        Command::Custody(command) => custody::run(command, context),
        Command::Media(command) => media::run(command, context),
        Command::Sign(command) => sign::run(command, context),
        Command::Verify(command) => verify::run(command, context),
        Command::Doctor(command) => doctor::run(command, context),
        Command::Import(command) => import::run(command, context),
        Command::Check(command) => check::run(command, context),
        Command::Rollback(command) => rollback::run(command, context),
        Command::Site(command) => site::run(command, context),
        Command::Vacuum(command) => vacuum::run(command, context),
        Command::Catalog(command) => catalog::run(command, context),
        Command::Imageset(command) => imageset::run(command, context),
        Command::Release(command) => release::run(command, context),
        Command::Key(command) => key::run(command, context),
        Command::Serve(command) => serve::run(command, context),
        Command::Demo(command) => demo::run(command, context),
        Command::Completions(command) => shell::completions(command),
        Command::Man(command) => shell::man(command),
    }
}

/// Says what is wrong with the arguments, or the help and the version that they ask for.
fn misused(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    // Help and version go to stdout with 0, everything else to stderr with 2.
    let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
    if error.use_stderr() && asks_for_json(arguments) {
        let text = error.render().to_string();
        let text = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
        let text = text.strip_prefix("error: ").unwrap_or(&text);
        drop(writeln!(std::io::stderr(), "{}", json_line("failed", failed(exit, text, None))));
    } else {
        drop(error.print());
    }
    ExitCode::from(exit as u8)
}

/// Whether a command line that could not be understood asks for JSON on stderr.
fn asks_for_json(arguments: &[OsString]) -> bool {
    let spaced = arguments.windows(2).any(|pair| pair[0] == "--log-format" && pair[1] == "json");
    spaced
        || arguments.iter().any(|argument| argument == "--log-format=json")
        || std::env::var_os("OMBUNDLE_LOG_FORMAT").is_some_and(|format| format == "json")
}

/// The first Ctrl-C asks the work to stop at the next safe place; the second one ends the process.
fn watch_for_interruption(interrupted: &Arc<AtomicBool>, format: LogFormat) {
    let interrupted = Arc::clone(interrupted);
    let watching = ctrlc::set_handler(move || {
        if interrupted.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(Exit::Interrupted as u8));
        }
        let text = "stopping at the next safe place; press again to stop at once";
        let line = match format {
            LogFormat::Text => text.to_owned(),
            LogFormat::Json => json_line("note", serde_json::json!({ "text": text })),
        };
        drop(writeln!(std::io::stderr(), "{line}"));
    });
    // Without a handler Ctrl-C just ends the process, which every command survives.
    drop(watching);
}

/// Writes a result to stdout. A closed pipe is the reader's choice, not an error.
fn print(text: &str) -> Result<(), Failure> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::usage(format!("could not write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a result to stdout as JSON.
fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(value).map_err(|error| Failure::usage(error.to_string()))?;
    text.push('\n');
    print(&plain_json(&text))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
