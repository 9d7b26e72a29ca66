//! `release`: OpenShift releases; one file a view.

use clap::{Args, Subcommand};

use crate::cli::Context;
use crate::cli::failure::Failure;

mod path;

pub(super) use path::show_risk;

/// Look into OpenShift releases
///
/// Which release may be updated to which stands in an update graph: that of the public update service, or one that was stored.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
                  ombundle release path --channel stable-4.20 --from 4.19.3 --to 4.20.5\n  \
                  ombundle release path --channel stable-4.20 --from 4.19.3 --graph stable-4.20.json")]
pub(super) struct ReleaseCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    // What each says of itself stands above its own arguments.
    Path(path::PathCommand),
}

pub(super) fn run(command: ReleaseCommand, context: &Context) -> Result<(), Failure> {
    match command.action {
        Action::Path(command) => path::run(command, context),
    }
}
