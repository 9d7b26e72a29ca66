//! `site`: what a site holds; one file a view.

use clap::{Args, Subcommand};

use crate::cli::Context;
use crate::cli::failure::Failure;

mod history;
mod report;

/// Look at a site: what it holds, and what came to it
///
/// Nothing of it writes to a registry.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
                  ombundle site report --site site.yaml -o site.json\n  \
                  ombundle site report --site site.yaml --cluster csvs.json --redact -o site.json\n  \
                  ombundle site history --site site.yaml")]
pub(super) struct SiteCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    // What each says of itself stands above its own arguments.
    Report(report::ReportCommand),
    History(history::HistoryCommand),
}

pub(super) fn run(command: SiteCommand, context: &Context) -> Result<(), Failure> {
    match command.action {
        Action::Report(command) => report::run(command, context),
        Action::History(command) => history::run(command, context),
    }
}
